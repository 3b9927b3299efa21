/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: loading, inspecting, evaluating with every kernel, merging and comparing. */
#include "fuzz.h"

#include <rnm/network.h>

/* A file of a few hundred bytes can ask for hours of work. */
static const struct rnm_network_limits limits = {
	.max_nodes = 2048,
	.max_children = 64,
	.max_floats = 1u << 20,
	.max_work = 1u << 18,
	.max_scratch_bytes = 8u << 20,
	.max_packed_bytes = 8u << 20,
	.max_findings = 4096,
};

/* The vectors are the target's own memory; no limit of the library bounds them. */
#define DIMENSION_MAX 65536u
#define VECTORS 9 /* more than a batch of 8: a full piece and a rest */
#define TEXT_MAX ((size_t)1 << 20)

static void inspect(const struct rnm_network *network)
{
	struct rnm_buf text;
	struct rnm_network_tensor tensor;
	float values[16];

	for (uint32_t i = 0; i < rnm_network_node_count(network); i++) {
		const struct rnm_network_node *node = rnm_network_node(network, i);

		FUZZ_CHECK(rnm_network_node_name(node) != NULL);
		for (uint32_t j = 0; j < node->child_count; j++)
			FUZZ_CHECK(node->children[j] < i);
	}
	for (uint32_t i = 0; rnm_network_tensor(network, i, &tensor); i++) {
		FUZZ_CHECK(rnm_network_values(&tensor, 0, 16, values) <= 16);
		FUZZ_CHECK(rnm_network_values(&tensor, tensor.len - 1, 16, values) == 1);
		FUZZ_CHECK(rnm_network_values(&tensor, tensor.len, 16, values) == 0);
	}
	rnm_buf_init(&text, TEXT_MAX);
	FUZZ_CHECK(rnm_network_describe(network, &text, NULL) == RNM_OK);
	FUZZ_CHECK(text.len > 0);
	rnm_buf_free(&text);
}

/* The same vectors give the same bits again, whatever the scratch holds from before. */
static void run_twice(const struct rnm_plan *plan, struct rnm_scratch *scratch, const float *inputs,
                      size_t in, size_t out)
{
	float *first = malloc(out * VECTORS * sizeof(float));
	float *second = malloc(out * VECTORS * sizeof(float));
	const size_t alone = rnm_plan_batch(plan) == 1 ? VECTORS - 1 : 0; /* with 1, vectors share nothing */

	FUZZ_CHECK(first != NULL && second != NULL);
	FUZZ_CHECK(rnm_network_eval(plan, scratch, inputs, VECTORS, first, NULL) == RNM_OK);
	FUZZ_CHECK(rnm_network_eval(plan, scratch, inputs + alone * in, VECTORS - alone, second + alone * out,
	                            NULL) == RNM_OK);
	FUZZ_CHECK(
	    memcmp(first + alone * out, second + alone * out, (VECTORS - alone) * out * sizeof(float)) == 0);
	free(first);
	free(second);
}

static void run(const struct rnm_plan *plan, const struct rnm_network *network)
{
	const size_t in = (size_t)rnm_network_input_dim(network),
		     out = (size_t)rnm_network_output_dim(network);
	struct rnm_scratch *scratch = NULL;
	float *inputs = malloc(in * VECTORS * sizeof(float));
	struct rnm_error err;
	enum rnm_status status;

	FUZZ_CHECK(inputs != NULL);
	for (size_t i = 0; i < in * VECTORS; i++)
		inputs[i] = (float)(i % 17) - 8.0f;
	rnm_error_clear(&err);
	status = rnm_scratch_new(&scratch, plan, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK)
		run_twice(plan, scratch, inputs, in, out);
	rnm_scratch_free(scratch);
	free(inputs);
}

static void evaluate(const struct rnm_network *network)
{
	if (rnm_network_input_dim(network) > DIMENSION_MAX || rnm_network_output_dim(network) > DIMENSION_MAX)
		return;
	for (int kernel = RNM_KERNEL_PLAIN; kernel <= RNM_KERNEL_AVX512; kernel++) {
		for (uint32_t batch = 1; batch <= 8; batch += 7) {
			const struct rnm_plan_options options = { (enum rnm_kernel)kernel, batch, &limits };
			struct rnm_plan *plan = NULL;
			struct rnm_error err;
			enum rnm_status status;

			if (!rnm_kernel_available((enum rnm_kernel)kernel))
				continue;
			rnm_error_clear(&err);
			status = rnm_plan_new(&plan, network, &options, &err);
			fuzz_check_error(status, &err);
			if (status != RNM_OK)
				continue;
			FUZZ_CHECK(rnm_plan_work(plan) <= limits.max_work);
			run(plan, network);
			rnm_plan_free(plan);
		}
	}
}

/* A network merged with itself is itself, and a network; but infinity without a share is 0 * inf, as in rspamd. */
static void merge(const struct rnm_network *network, bool fit, bool finite)
{
	const size_t size = rnm_network_size(network);
	struct rnm_network_comparison *comparison = NULL;
	struct rnm_network *merged = NULL;
	char *out = malloc(size);
	enum rnm_status status;

	FUZZ_CHECK(out != NULL);
	FUZZ_CHECK(rnm_network_compatible(network, network, RNM_COMPAT_STRICT, NULL) == RNM_OK);
	FUZZ_CHECK(rnm_network_merge(out, network, network, 0.25f, RNM_COMPAT_STRICT, NULL) == RNM_OK);
	status = rnm_network_check(&merged, NULL, NULL, out, size, &limits, NULL);
	FUZZ_CHECK(status == RNM_OK || status == RNM_NO);
	rnm_network_free(merged);
	merged = NULL;
	FUZZ_CHECK(rnm_network_merge(out, network, network, 0, RNM_COMPAT_STRICT, NULL) == RNM_OK);
	status = rnm_network_check(&merged, NULL, NULL, out, size, &limits, NULL);
	FUZZ_CHECK(status == RNM_OK || (status == RNM_NO && !fit));
	FUZZ_CHECK(rnm_network_compare(&comparison, network, merged, NULL) == RNM_OK);
	FUZZ_CHECK(comparison->same_graph && (!finite || comparison->total.changed == 0));
	rnm_network_comparison_free(comparison);
	rnm_network_free(merged);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	struct rnm_network *network = NULL;
	struct rnm_network_finding *findings = NULL;
	struct rnm_error err;
	enum rnm_status status;
	size_t count = 0;
	bool finite = true;

	rnm_error_clear(&err);
	status = rnm_network_check(&network, &findings, &count, copy, size, &limits, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == RNM_OK || count > 0 || status == RNM_E_NOMEM);
	for (size_t i = 0; i < count; i++) {
		FUZZ_CHECK(strncmp(findings[i].id, "kann.", 5) == 0 && findings[i].text[0] != '\0');
		finite = finite && strstr(findings[i].id, "non-finite") == NULL;
	}
	rnm_network_findings_free(findings, count);
	if (status == RNM_OK || status == RNM_NO) {
		inspect(network);
		evaluate(network);
		merge(network, status == RNM_OK, finite);
	}
	rnm_network_free(network);
	free(copy);
	return 0;
}
