/* SPDX-License-Identifier: Apache-2.0 */
/* lib/network: evaluation, against what rspamd computed and against the rules written out by hand. */
#include "network_build.h"

#include "base/file.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const enum rnm_kernel kernels[] = { RNM_KERNEL_PLAIN, RNM_KERNEL_AVX2, RNM_KERNEL_AVX512 };
#define KERNELS (sizeof(kernels) / sizeof(kernels[0]))

static void test_path(char *path, size_t size, const char *name, const char *end)
{
	assert_non_null(getenv("RNM_TESTS"));
	snprintf(path, size, "%s/data/models/%s%s", getenv("RNM_TESTS"), name, end);
}

static void must(enum rnm_status status, const struct rnm_error *err)
{
	if (status != RNM_OK)
		fail_msg("%s: %s", err->id, err->message);
}

/* Evaluates batch vectors with one kernel; plan_batch as in struct rnm_plan_options. */
static void evaluate(const struct rnm_network *net, enum rnm_kernel kernel, uint32_t plan_batch, const float *inputs,
                     size_t batch, float *outputs)
{
	struct rnm_plan_options options = { .kernel = kernel, .batch = plan_batch };
	struct rnm_scratch *scratch = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_error err;

	must(rnm_plan_new(&plan, net, &options, &err), &err);
	assert_int_equal(rnm_plan_kernel(plan), kernel);
	must(rnm_scratch_new(&scratch, plan, &err), &err);
	must(rnm_network_eval(plan, scratch, inputs, batch, outputs, &err), &err);
	rnm_scratch_free(scratch);
	rnm_plan_free(plan);
}

/* What is being tested, for messages. */
static const char *current = "";

static void close_to(const float *got, const float *expected, size_t count, double tolerance)
{
	for (size_t i = 0; i < count; i++)
		if (!(fabs((double)got[i] - (double)expected[i]) <= tolerance) &&
		    !(isnan(got[i]) && isnan(expected[i])) &&
		    memcmp(&got[i], &expected[i], sizeof(float)) != 0)
			fail_msg("%s: value %zu: expected %.9g, found %.9g", current, i, (double)expected[i],
			         (double)got[i]);
}

/* ---- models that rspamd trained ----------------------------------------------------------------- */

static const char *const golden[] = {
	"conv1d_arch_96", "embedding_128_relu_nonorm_nodrop", "embedding_200_layers", "embedding_256_pca32",
	"embedding_300",  "embedding_600", "embedding_64", "ops_tanh_sigm", "symbol_10", "symbol_40_pca8",
	"symbol_87_mult1.5",
};
#define GOLDEN (sizeof(golden) / sizeof(golden[0]))

struct model {
	struct rnm_buf file, pca_file;
	struct rnm_network *net;
	struct rnm_tensor pca;
	float *inputs, *expected; /* after preprocessing; one output each */
	size_t rows, dim;
};

static void read_rows(struct model *m, const char *name)
{
	struct rnm_preprocess preprocess = { .pca = m->pca.data != NULL ? &m->pca : NULL };
	struct rnm_error err;
	char path[512];
	json_t *root, *rows;

	test_path(path, sizeof(path), name, ".json");
	root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	rows = json_object_get(root, "rows");
	m->rows = json_array_size(rows);
	assert_true(m->rows > 0);
	m->inputs = malloc(m->rows * m->dim * sizeof(float));
	m->expected = malloc(m->rows * sizeof(float));
	for (size_t r = 0; r < m->rows; r++) {
		json_t *input = json_object_get(json_array_get(rows, r), "input");
		json_t *output = json_object_get(json_array_get(rows, r), "output");
		size_t n = json_array_size(input);
		double *raw = malloc(n * sizeof(*raw));
		float *work = malloc(n * sizeof(*work));

		for (size_t i = 0; i < n; i++)
			raw[i] = json_number_value(json_array_get(input, i));
		must(rnm_preprocess_check(&preprocess, n, m->dim, &err), &err);
		must(rnm_preprocess_run(&preprocess, raw, n, work, m->inputs + r * m->dim, &err), &err);
		m->expected[r] = (float)json_number_value(json_array_get(output, 0));
		free(raw);
		free(work);
	}
	json_decref(root);
}

static void open_model(struct model *m, const char *name)
{
	struct rnm_error err;
	char path[512];

	memset(m, 0, sizeof(*m));
	rnm_buf_init(&m->file, 1 << 24);
	rnm_buf_init(&m->pca_file, 1 << 24);
	test_path(path, sizeof(path), name, ".kann");
	must(rnm_file_read(path, &m->file, 1 << 24, &err), &err);
	must(rnm_network_load(&m->net, m->file.data, m->file.len, NULL, &err), &err);
	m->dim = rnm_network_input_dim(m->net);
	assert_int_equal(rnm_network_output_dim(m->net), 1);
	if (strstr(name, "pca") != NULL) {
		test_path(path, sizeof(path), name, ".pca");
		must(rnm_file_read(path, &m->pca_file, 1 << 24, &err), &err);
		must(rnm_tensor_read(&m->pca, m->pca_file.data, m->pca_file.len, &err), &err);
		assert_true(m->pca.worst_deviation < 1e-3);
		assert_int_equal(m->pca.zero_rows, 0);
	}
	read_rows(m, name);
}

static void close_model(struct model *m)
{
	free(m->inputs);
	free(m->expected);
	rnm_network_free(m->net);
	rnm_tensor_clear(&m->pca);
	rnm_buf_free(&m->file);
	rnm_buf_free(&m->pca_file);
}

/* A batch of any size from the rows at hand. */
static void check_batch(const struct model *m, enum rnm_kernel kernel, uint32_t plan_batch, size_t batch)
{
	float *inputs = malloc(batch * m->dim * sizeof(float));
	float *outputs = malloc(batch * sizeof(float)), *expected = malloc(batch * sizeof(float));

	for (size_t b = 0; b < batch; b++) {
		memcpy(inputs + b * m->dim, m->inputs + b % m->rows * m->dim, m->dim * sizeof(float));
		expected[b] = m->expected[b % m->rows];
		outputs[b] = NAN;
	}
	evaluate(m->net, kernel, plan_batch, inputs, batch, outputs);
	close_to(outputs, expected, batch, 1e-5);
	free(inputs);
	free(outputs);
	free(expected);
}

static void golden_models(enum rnm_kernel kernel)
{
	static const size_t batches[] = { 1, 2, 7, 8, 12, 64, 65 };

	if (!rnm_kernel_available(kernel))
		skip();
	for (size_t i = 0; i < GOLDEN; i++) {
		struct model m;

		current = golden[i];
		open_model(&m, golden[i]);
		for (size_t b = 0; b < sizeof(batches) / sizeof(batches[0]); b++)
			check_batch(&m, kernel, 0, batches[b]);
		check_batch(&m, kernel, 1, 3);
		check_batch(&m, kernel, 7, 15);
		close_model(&m);
	}
}

static void golden_plain(void **state)
{
	(void)state;
	golden_models(RNM_KERNEL_PLAIN);
}

static void golden_avx2(void **state)
{
	(void)state;
	golden_models(RNM_KERNEL_AVX2);
}

static void golden_avx512(void **state)
{
	(void)state;
	golden_models(RNM_KERNEL_AVX512);
}

/*
 * The answer to a vector does not depend on the others of its batch, nor on where it stands among them:
 * only the order of sums may.
 */
static void independent_of_batch(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDEN; i++) {
		struct model m;

		current = golden[i];
		open_model(&m, golden[i]);
		for (size_t k = 0; k < KERNELS; k++) {
			float alone[32], batch[32];

			if (!rnm_kernel_available(kernels[k]))
				continue;
			assert_in_range(m.rows, 2, 32);
			for (size_t r = 0; r < m.rows; r++)
				evaluate(m.net, kernels[k], 1, m.inputs + r * m.dim, 1, &alone[r]);
			for (uint32_t size = 2; size <= m.rows; size++) {
				evaluate(m.net, kernels[k], size, m.inputs, m.rows, batch);
				close_to(batch, alone, m.rows, 2e-6);
			}
		}
		close_model(&m);
	}
}

/* ---- models built by the published rules -------------------------------------------------------- */

static struct kann file; /* large: not for the stack */

/* Loads the file at hand and compares its outputs with every kernel, alone and in a batch of 9. */
static void check_file(const struct kann *k, const float *input, const float *expected, double tolerance)
{
	struct rnm_network *net = NULL;
	struct rnm_error err;
	uint64_t in, out;

	must(rnm_network_load(&net, k->bytes, k->len, NULL, &err), &err);
	in = rnm_network_input_dim(net);
	out = rnm_network_output_dim(net);
	for (size_t i = 0; i < KERNELS; i++) {
		float *inputs, *outputs;

		if (!rnm_kernel_available(kernels[i]))
			continue;
		inputs = malloc(9 * in * sizeof(float));
		outputs = malloc(9 * out * sizeof(float));
		for (size_t v = 0; v < 9; v++)
			memcpy(inputs + v * in, input, in * sizeof(float));
		evaluate(net, kernels[i], 1, inputs, 1, outputs);
		close_to(outputs, expected, out, tolerance);
		evaluate(net, kernels[i], 0, inputs, 9, outputs);
		for (size_t v = 0; v < 9; v++)
			close_to(outputs + v * out, expected, out, tolerance);
		free(inputs);
		free(outputs);
	}
	rnm_network_free(net);
}

static float input_v[1024];

static const float *filled_input(size_t n)
{
	for (size_t j = 0; j < n; j++)
		input_v[j] = fill_input(j);
	return input_v;
}

static const struct kann_embedding embeddings[] = {
	{ .n = 64, .widths = { 32 }, .layers = 1 },
	{ .n = 64, .widths = { 32 }, .layers = 1, .relu = true, .no_norm = true, .no_dropout = true },
	{ .n = 300, .widths = { 150, 75 }, .layers = 2 },
	{ .n = 300, .widths = { 150, 75 }, .layers = 2, .relu = true },
	{ .n = 600, .widths = { 300, 150, 75 }, .layers = 3 },
};

static void is_file(const char *sha256)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1];

	crypto_hash_sha256(hash, file.bytes, file.len);
	assert_string_equal(sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)), sha256);
}

static void published_architectures(void **state)
{
	static const float two[][3] = { { 1, 0.5f, 0.220898002f }, { 0, 0, 0.206104904f }, { -1, 2, -0.228399277f },
		                        { 3, 4, -0.28801465f } };
	static const size_t sizes[] = { 9290, 8793, 228956, 228956, 952926 };
	static const float outputs[] = { -0.459503561f, 0.452261001f, -0.929577053f, -0.960589707f, -0.947578669f };

	(void)state;
	kann_symbol(&file, 2, 4, fill_weight);
	is_file("5674c78294968eb37a1da4530b4ffad11e64843bd6b64510253d1df156678fac");
	check_file(&file, filled_input(2), &(float){ 0.206104904f }, 1e-6);
	for (size_t i = 0; i < 4; i++)
		check_file(&file, two[i], &two[i][2], 1e-6);
	kann_symbol(&file, 10, 16, fill_weight);
	is_file("73bc49210e1d2746b21b33f4eaa04e9f661c148861a8a14011494149e0ed4e39");
	check_file(&file, filled_input(10), &(float){ 0.717126966f }, 1e-6);
	for (size_t i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++) {
		kann_embedding(&file, &embeddings[i]);
		assert_int_equal(file.len, sizes[i]);
		check_file(&file, filled_input((size_t)embeddings[i].n), &outputs[i], 5e-6);
	}
	kann_embedding(&file, &embeddings[1]);
	is_file("43e9ac0aa5bdee7f498cd46cdf26055621088f6891885e35b6bee204968a1f0a");
}

/* A dropout switch that was left on is evaluated as off: otherwise answers would be random. */
static void forced_inference(void **state)
{
	struct kann_embedding on = embeddings[2];

	(void)state;
	on.dropout_switch = 1;
	kann_embedding(&file, &on);
	check_file(&file, filled_input(300), &(float){ -0.929577053f }, 5e-6);
}

static int32_t conv(struct kann *k, uint16_t op, int32_t a, int32_t w, struct kann_op params)
{
	params.op = op;
	params.flag = 1;
	params.count = w < 0 ? 1 : 2;
	params.children[0] = a;
	params.children[1] = w;
	return kann_operator(k, params);
}

static void published_convolutions(void **state)
{
	int32_t at, w;

	(void)state;
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 3, DIMS(1, 3, 12));
	w = kann_leaf(&file, 0, 1, 3, DIMS(4, 3, 3));
	at = conv(&file, 18, at, w, (struct kann_op){ .params = { 3, 1, 0, 0 }, .param_count = 4 });
	at = kann_unary(&file, 8, at);
	at = conv(&file, 19, at, -1, (struct kann_op){ .params = { 10, 1, 0, 0 }, .param_count = 4 });
	kann_tail(&file, at, 4);
	kann_fill(&file);
	assert_int_equal(file.variables, 41);
	check_file(&file, filled_input(36), &(float){ -0.176887974f }, 1e-6);

	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 4, DIMS(1, 2, 6, 7));
	w = kann_leaf(&file, 0, 1, 4, DIMS(3, 2, 3, 3));
	at = conv(&file, 16, at, w, (struct kann_op){ .params = { 3, 1, 1, 1, 3, 1, 1, 1 }, .param_count = 8 });
	at = conv(&file, 17, at, -1, (struct kann_op){ .params = { 2, 2, 0, 0, 2, 2, 0, 1 }, .param_count = 8 });
	kann_tail(&file, at, 36);
	kann_fill(&file);
	assert_int_equal(file.variables, 91);
	check_file(&file, filled_input(84), &(float){ 0.456293106f }, 1e-6);
}

static void published_softmax(void **state)
{
	static const float expected[] = { 0.514248669f, 0.0427667461f, 0.442984641f };
	int32_t at, w, truth;

	(void)state;
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 3, DIMS(1, 12, 9));
	w = kann_leaf(&file, 0, 1, 3, DIMS(4, 12, 3));
	at = conv(&file, 18, at, w, (struct kann_op){ .params = { 3, 2, 1, 1 }, .param_count = 4 });
	at = conv(&file, 28, at, -1, (struct kann_op){ .params = { 2, 1, 0, 1 }, .param_count = 4 });
	at = kann_dense(&file, at, 20, 3);
	at = kann_operator(&file, (struct kann_op){ .op = 14, .roles = 2, .flag = 1, .count = 1, .children = { at } });
	truth = kann_leaf(&file, 4, 0, 2, DIMS(1, 3));
	kann_operator(&file, (struct kann_op){ .op = 13, .roles = 8, .flag = 1, .count = 2, .children = { at, truth } });
	kann_fill(&file);
	assert_int_equal(file.variables, 207);
	check_file(&file, filled_input(108), expected, 1e-6);
}

static void published_attention(void **state)
{
	int32_t in, at, query, rest;

	(void)state;
	kann_begin(&file);
	in = kann_leaf(&file, 1, 0, 2, DIMS(1, 19));
	at = kann_operator(&file, (struct kann_op){ .op = 20, .count = 1, .children = { in }, .params = { 1, 0, 15 },
	                                            .param_count = 3 });
	query = kann_leaf(&file, 0, 1, 2, DIMS(2, 3));
	at = kann_operator(&file, (struct kann_op){ .op = 38, .flag = 1, .count = 2, .children = { at, query },
	                                            .params = { 5 }, .param_count = 1 });
	rest = kann_operator(&file, (struct kann_op){ .op = 20, .count = 1, .children = { in }, .params = { 1, 15, 19 },
	                                              .param_count = 3 });
	at = kann_operator(&file, (struct kann_op){ .op = 31, .flag = 1, .count = 2, .children = { at, rest },
	                                            .params = { 1 }, .param_count = 1 });
	at = kann_unary(&file, 37, kann_dense(&file, at, 10, 6));
	kann_tail(&file, at, 6);
	kann_fill(&file);
	assert_int_equal(file.variables, 79);
	check_file(&file, filled_input(19), &(float){ 0.277318299f }, 1e-6);
}

/* ---- one operator at a time --------------------------------------------------------------------- */

struct operand {
	unsigned rank;
	int32_t dims[4];
	float values[24];
};

struct operator_case {
	const char *name;
	struct kann_op op;
	struct operand input;     /* the feed */
	struct operand others[3]; /* constants; rank 9: none, rank 8: the feed again */
	uint64_t count;
	float expected[24];
};

#define NONE { .rank = 9 }
#define FEED { .rank = 8 }
#define IN(...) { .rank = 2, .dims = { 1, 4 }, .values = { __VA_ARGS__ } }
#define UNARY { NONE, NONE, NONE }
#define INFTY HUGE_VALF

static const struct operator_case operators[] = {
	{ "add tiles", { .op = 1 }, IN(1, 2, 3, 4), { { 1, { 2 }, { 10, 20 } }, NONE, NONE }, 4, { 11, 22, 13, 24 } },
	{ "add to itself", { .op = 1 }, IN(1, 2, 3, 4), { FEED, NONE, NONE }, 4, { 2, 4, 6, 8 } },
	{ "mul", { .op = 2 }, IN(1, 2, 3, 4), { { 1, { 4 }, { 1, -1, 0.5f, 2 } }, NONE, NONE }, 4, { 1, -2, 1.5f, 8 } },
	{ "mul by a scalar", { .op = 2 }, IN(1, 2, 3, 4), { { 0, { 0 }, { 3 } }, NONE, NONE }, 4, { 3, 6, 9, 12 } },
	{ "sub", { .op = 23 }, IN(1, 2, 3, 4), { { 1, { 2 }, { 1, 5 } }, NONE, NONE }, 4, { 0, -3, 2, -1 } },
	{ "cmul", { .op = 3 }, IN(1, 2, 3, 4), { { 2, { 2, 4 }, { 1, 0, 0, 1, 2, -1, 1, 0 } }, NONE, NONE }, 2, { 5, 3 } },
	{ "cmul by itself", { .op = 3 }, IN(1, 2, 3, 4), { FEED, NONE, NONE }, 1, { 30 } },
	{ "cmul flattens", { .op = 3 }, { 3, { 1, 2, 2 }, { 1, 2, 3, 4 } },
	  { { 2, { 1, 4 }, { 1, 10, 100, 1000 } }, NONE, NONE }, 1, { 4321 } },
	{ "matmul", { .op = 9 }, IN(1, 2, 3, 4), { { 2, { 4, 2 }, { 1, 0, 0, 1, 1, 0, 0, 1 } }, NONE, NONE }, 2, { 4, 6 } },
	{ "ce_bin_neg", { .op = 4 }, IN(0.5f, -0.5f, 0, 0.2f), { { 1, { 4 }, { 1, -1, 0, 1 } }, NONE, NONE }, 1,
	  /* (ln(2/1.5) + ln(2/1.5) + 0 + ln(2/1.2)) / 4 */ { 0.271547419f } },
	{ "ce_bin", { .op = 22 }, IN(0.5f, 0.25f, 0.9f, 0), { { 1, { 4 }, { 1, 0, 1, 0.5f } }, NONE, NONE }, 1,
	  /* (ln 2 + ln(1/0.75) + ln(1/0.9) + 0.5 ln(0.5/1e-9) + 0.5 ln 0.5) / 4 */ { 2.68866888f } },
	{ "ce_multi", { .op = 13 }, { 3, { 1, 2, 2 }, { 0.5f, 0.25f, 0.5f, 0.25f } },
	  { { 2, { 2, 2 }, { 1, 0, 0, 1 } }, NONE, NONE }, 1, /* two rows: (ln 2 + ln 4) / 2 */ { 1.03972077f } },
	{ "ce_multi weighted", { .op = 13 }, { 2, { 1, 2 }, { 0.5f, 0.25f } },
	  { { 2, { 1, 2 }, { 0.5f, 0.5f } }, { 1, { 2 }, { 2, 4 } }, NONE }, 1,
	  /* 2 * 0.5 * ln 1 + 4 * 0.5 * ln 2 */ { 1.38629436f } },
	{ "mse", { .op = 29 }, IN(1, 2, 3, 4), { { 1, { 4 }, { 1, 1, 1, 1 } }, NONE, NONE }, 1, { 3.5f } },
	{ "square", { .op = 5 }, IN(1, -2, 3, 0), UNARY, 4, { 1, 4, 9, 0 } },
	{ "sigm", { .op = 6 }, IN(0, 1, -1, 200), UNARY, 4, { 0.5f, 0.731058579f, 0.268941421f, 1 } },
	{ "tanh", { .op = 7 }, IN(0, 0.5f, -21, 90), UNARY, 4, { 0, 0.462117157f, -1, 1 } },
	{ "tanh of NaN", { .op = 7 }, IN(NAN, -1, -INFTY, INFTY), UNARY, 4, { NAN, -0.761594156f, -1, 1 } },
	{ "relu", { .op = 8 }, IN(1, -2, NAN, INFTY), UNARY, 4, { 1, 0, 0, INFTY } },
	{ "gelu", { .op = 37 }, IN(1, -1, 0, 3), UNARY, 4, { 0.841344746f, -0.158655254f, 0, 2.99595031f } },
	{ "gelu far out", { .op = 37 }, IN(-10, 10, NAN, -4), UNARY, 4, { 0, 10, NAN, -0.000126684967f } },
	{ "1minus", { .op = 11 }, IN(1, -2, 3, 0.25f), UNARY, 4, { 0, 3, -2, 0.75f } },
	{ "exp", { .op = 33 }, IN(0, 1, -1, -INFTY), UNARY, 4, { 1, 2.71828183f, 0.367879441f, 0 } },
	{ "log", { .op = 27 }, IN(1, 2, 0, -1), UNARY, 4, { 0, 0.693147181f, -INFTY, NAN } },
	{ "sin", { .op = 34 }, IN(0, 1, 2, -1), UNARY, 4, { 0, 0.841470985f, 0.909297427f, -0.841470985f } },
	{ "stdnorm", { .op = 32 }, IN(1, 2, 3, 4), UNARY, 4, { -1.34164079f, -0.447213595f, 0.447213595f, 1.34164079f } },
	{ "stdnorm of a constant", { .op = 32 }, IN(5, 5, 5, 5), UNARY, 4, { 0, 0, 0, 0 } },
	{ "softmax", { .op = 14 }, IN(1, 2, 3, 4), UNARY, 4, { 0.0320586033f, 0.0871443187f, 0.236882818f, 0.643914260f } },
	{ "avg", { .op = 10, .flag = 4 }, IN(1, 2, 3, 4), { { 1, { 4 }, { 3, 2, 1, 0 } }, FEED, NONE }, 4,
	  { 1.66666667f, 2, 2.33333333f, 2.66666667f } },
	{ "max", { .op = 21, .flag = 4 }, IN(1, 2, 3, 4), { { 1, { 4 }, { 3, 2, 1, 9 } }, NONE, NONE }, 4, { 3, 2, 3, 9 } },
	{ "select", { .op = 12, .params = { 1 }, .param_count = 1 }, IN(1, 2, 3, 4),
	  { { 2, { 1, 4 }, { 5, 6, 7, 8 } }, NONE, NONE }, 4, { 5, 6, 7, 8 } },
	{ "select from the end", { .op = 12, .flag = 4, .params = { -2 }, .param_count = 1 }, IN(1, 2, 3, 4),
	  { { 2, { 1, 4 }, { 5, 6, 7, 8 } }, NONE, NONE }, 4, { 1, 2, 3, 4 } },
	{ "slice", { .op = 20, .params = { 1, 1, 3 }, .param_count = 3 }, IN(1, 2, 3, 4), UNARY, 2, { 2, 3 } },
	{ "slice of an inner axis", { .op = 20, .params = { 2, 0, 1 }, .param_count = 3 },
	  { 3, { 1, 2, 2 }, { 1, 2, 3, 4 } }, UNARY, 2, { 1, 3 } },
	{ "concat", { .op = 31, .params = { 1 }, .param_count = 1 }, IN(1, 2, 3, 4),
	  { { 2, { 1, 2 }, { 8, 9 } }, FEED, NONE }, 10, { 1, 2, 3, 4, 8, 9, 1, 2, 3, 4 } },
	{ "concat of an inner axis", { .op = 31, .params = { 2 }, .param_count = 1 }, { 3, { 1, 2, 2 }, { 1, 2, 3, 4 } },
	  { { 3, { 1, 2, 1 }, { 8, 9 } }, NONE, NONE }, 6, { 1, 2, 8, 3, 4, 9 } },
	{ "stack", { .op = 35, .flag = 4 }, IN(1, 2, 3, 4), { { 1, { 4 }, { 5, 6, 7, 8 } }, NONE, NONE }, 8,
	  { 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "reverse", { .op = 36, .params = { 1 }, .param_count = 1 }, IN(1, 2, 3, 4), UNARY, 4, { 4, 3, 2, 1 } },
	{ "reverse from the end", { .op = 36, .params = { -2 }, .param_count = 1 }, { 3, { 1, 2, 2 }, { 1, 2, 3, 4 } },
	  UNARY, 4, { 3, 4, 1, 2 } },
	{ "reverse without axis", { .op = 36 }, IN(1, 2, 3, 4), UNARY, 4, { 1, 2, 3, 4 } },
	{ "reduce_sum", { .op = 25, .params = { 1 }, .param_count = 1 }, IN(1, 2, 3, 4), UNARY, 1, { 10 } },
	{ "reduce_sum inner", { .op = 25, .params = { 1 }, .param_count = 1 }, { 3, { 1, 2, 2 }, { 1, 2, 3, 4 } }, UNARY, 2,
	  { 4, 6 } },
	{ "reduce_mean", { .op = 26, .params = { 2 }, .param_count = 1 }, { 3, { 1, 2, 2 }, { 1, 2, 3, 4 } }, UNARY, 2,
	  { 1.5f, 3.5f } },
	{ "reshape", { .op = 30, .params = { 2, -1 }, .param_count = 2 }, IN(1, 2, 3, 4), UNARY, 4, { 1, 2, 3, 4 } },
	{ "conv1d flips", { .op = 18, .params = { 2, 1, 0, 0 }, .param_count = 4 }, { 3, { 1, 1, 4 }, { 1, 2, 3, 4 } },
	  { { 3, { 1, 1, 2 }, { 1, 10 } }, NONE, NONE }, 3, { 12, 23, 34 } },
	{ "conv1d pads and strides", { .op = 18, .params = { 3, 2, 1, 1 }, .param_count = 4 },
	  { 3, { 1, 1, 5 }, { 1, 2, 3, 4, 5 } }, { { 3, { 1, 1, 3 }, { 1, 10, 100 } }, NONE, NONE }, 3, { 12, 234, 450 } },
	{ "conv1d channels", { .op = 18, .params = { 1, 1, 0, 0 }, .param_count = 4 }, { 3, { 1, 2, 2 }, { 1, 2, 3, 4 } },
	  { { 3, { 2, 2, 1 }, { 1, 10, 0, 1 } }, NONE, NONE }, 4, { 31, 42, 3, 4 } },
	/* Kernel row 0 lies above the data for the first output row and so is left out everywhere. */
	{ "conv2d row quirk", { .op = 16, .params = { 2, 1, 1, 0, 1, 1, 0, 0 }, .param_count = 8 },
	  { 4, { 1, 1, 3, 1 }, { 1, 2, 3 } }, { { 4, { 1, 1, 2, 1 }, { 1, 10 } }, NONE, NONE }, 3, { 1, 2, 3 } },
	{ "conv2d columns", { .op = 16, .params = { 1, 1, 0, 0, 3, 1, 1, 1 }, .param_count = 8 },
	  { 4, { 1, 1, 2, 3 }, { 1, 2, 3, 4, 5, 6 } }, { { 4, { 1, 1, 1, 3 }, { 1, 10, 100 } }, NONE, NONE }, 6,
	  { 12, 123, 230, 45, 456, 560 } },
	{ "max1d", { .op = 19, .params = { 2, 2, 0, 0 }, .param_count = 4 }, { 3, { 1, 1, 4 }, { 1, 5, 2, 4 } }, UNARY, 2,
	  { 5, 4 } },
	/* Tap 0 begins in the padding and is moved to column 0, where tap 1 is too. */
	{ "max1d padding quirk", { .op = 19, .params = { 2, 1, 1, 0 }, .param_count = 4 },
	  { 3, { 1, 1, 3 }, { 3, 2, 1 } }, UNARY, 3, { 3, 2, 1 } },
	{ "max1d out of reach", { .op = 19, .params = { 1, 2, 0, 4 }, .param_count = 4 }, { 3, { 1, 1, 2 }, { 3, 2 } },
	  UNARY, 3, { 3, -3.40282347e38f, -3.40282347e38f } },
	{ "avg1d", { .op = 28, .params = { 2, 1, 0, 1 }, .param_count = 4 }, { 3, { 1, 1, 3 }, { 1, 3, 8 } }, UNARY, 3,
	  { 2, 5.5f, 8 } },
	{ "avg1d out of reach", { .op = 28, .params = { 1, 2, 0, 2 }, .param_count = 4 }, { 3, { 1, 1, 2 }, { 3, 2 } },
	  UNARY, 2, { 3, NAN } },
	{ "max2d", { .op = 17, .params = { 2, 1, 1, 0, 2, 1, 0, 0 }, .param_count = 8 },
	  { 4, { 1, 1, 2, 3 }, { 1, 2, 3, 6, 5, 4 } }, UNARY, 4, { 2, 3, 6, 5 } },
	{ "attn_pool", { .op = 38, .params = { 2 }, .param_count = 1 }, IN(1, 0, 0, 1),
	  { { 2, { 2, 2 }, { 0, 0, 2, 0 } }, NONE, NONE }, 4,
	  /* head 0: equal scores; head 1: e^(2/sqrt 2) against e^0 */ { 0.5f, 0.5f, 0.804429682f, 0.195570318f } },
	{ "attn_pool skips padding", { .op = 38, .params = { 2 }, .param_count = 1 }, IN(0, 0, 3, 4),
	  { { 2, { 1, 2 }, { -1, -1 } }, NONE, NONE }, 2, { 3, 4 } },
	{ "attn_pool of padding", { .op = 38, .params = { 2 }, .param_count = 1 }, IN(0, 0, 0, 0),
	  { { 2, { 1, 2 }, { 1, 1 } }, NONE, NONE }, 2, { NAN, NAN } },
};

static bool all_finite(const struct operand *operand)
{
	for (size_t i = 0; i < sizeof(operand->values) / sizeof(operand->values[0]); i++)
		if (!isfinite(operand->values[i]))
			return false;
	return true;
}

/* How operands reach the operator: each takes another way through the evaluator. */
enum form {
	FORM_FIXED,   /* as constants beside the input */
	FORM_DYNAMIC, /* as values that depend on the input: constant + (input - input) */
	FORM_FOLDED   /* the input a constant too: everything is computed in advance */
};

/* A scalar that is 0 whatever the finite input. */
static int32_t zero_of_input(struct kann *k, const struct operand *input)
{
	int32_t at = kann_operator(k, (struct kann_op){ .op = 23, .count = 2, .children = { 0, 0 } });

	for (unsigned i = 0; i < input->rank; i++)
		at = kann_operator(k, (struct kann_op){ .op = 25, .count = 1, .children = { at }, .param_count = 1 });
	return at;
}

static void build_operator(struct kann *k, const struct operator_case *c, enum form form)
{
	struct kann_op op = c->op;
	int32_t zero = 0;

	kann_begin(k);
	if (form == FORM_FOLDED) {
		kann_leaf(k, 1, 0, 2, DIMS(1, 1));
		kann_constant(k, c->input.rank, c->input.dims, c->input.values);
	} else {
		kann_leaf(k, 1, 0, c->input.rank, c->input.dims);
	}
	op.children[op.count++] = form == FORM_FOLDED;
	if (form == FORM_DYNAMIC)
		zero = zero_of_input(k, &c->input);
	for (size_t i = 0; i < 3 && c->others[i].rank != 9; i++) {
		const struct operand *operand = &c->others[i];
		int32_t at = form == FORM_FOLDED;

		if (operand->rank != 8)
			at = kann_constant(k, operand->rank, operand->dims, operand->values);
		if (operand->rank != 8 && form == FORM_DYNAMIC)
			at = kann_operator(k, (struct kann_op){ .op = 1, .count = 2, .children = { at, zero } });
		op.children[op.count++] = at;
	}
	op.roles = 2;
	kann_operator(k, op);
	kann_end(k, k->values);
}

static void each_operator(void **state)
{
	bool seen[39] = { false };

	(void)state;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		const struct operator_case *c = &operators[i];

		seen[c->op.op] = true;
		current = c->name;
		for (enum form form = FORM_FIXED; form <= FORM_FOLDED; form++) {
			double tolerance = 1e-6 * (double)fmaxf(1, fabsf(c->expected[0]));

			/* inf - inf is not 0, and a constant that is not finite is refused. */
			if (form != FORM_FIXED && !all_finite(&c->input))
				continue;
			build_operator(&file, c, form);
			check_file(&file, c->input.values, c->expected, tolerance);
		}
	}
	/* The two random operators have no result to compare. */
	for (unsigned op = 1; op <= 38; op++)
		assert_true(seen[op] || op == 15 || op == 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_plain),
		cmocka_unit_test(golden_avx2),
		cmocka_unit_test(golden_avx512),
		cmocka_unit_test(independent_of_batch),
		cmocka_unit_test(published_architectures),
		cmocka_unit_test(forced_inference),
		cmocka_unit_test(published_convolutions),
		cmocka_unit_test(published_softmax),
		cmocka_unit_test(published_attention),
		cmocka_unit_test(each_operator),
	};

	return cmocka_run_group_tests_name("eval", tests, NULL, NULL);
}
