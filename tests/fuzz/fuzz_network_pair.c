/* SPDX-License-Identifier: Apache-2.0 */
/* Two networks, compared and merged: two bytes of length, the first network, the second one. */
#include "fuzz.h"

#include <rnm/network.h>

static const struct rnm_network_limits limits = {
	.max_nodes = 2048,
	.max_children = 64,
	.max_floats = 1u << 20,
};

struct pair {
	char *data[2];
	struct rnm_network *net[2];
	bool fit[2];
};

static bool load(struct pair *pair, int which, const uint8_t *data, size_t size)
{
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	pair->data[which] = fuzz_copy(data, size);
	status = rnm_network_check(&pair->net[which], NULL, NULL, pair->data[which], size, &limits, &err);
	fuzz_check_error(status, &err);
	pair->fit[which] = status == RNM_OK;
	return status == RNM_OK || status == RNM_NO;
}

/* A merge is a network of the first one's graph; without a share of the second it is the first one. */
static void merge(const struct pair *pair, float alpha, enum rnm_compat compat)
{
	const struct rnm_network *const both[] = { pair->net[0], pair->net[1] };
	const double shares[] = { 1 - (double)alpha, (double)alpha };
	const size_t size = rnm_network_size(pair->net[0]);
	char *out = fuzz_copy(pair->data[0], size);
	struct rnm_network *merged = NULL;
	struct rnm_error err;
	enum rnm_status compatible, status;

	rnm_error_clear(&err);
	compatible = rnm_network_compatible(pair->net[0], pair->net[1], compat, &err);
	fuzz_check_error(compatible, &err);
	FUZZ_CHECK(rnm_network_merge(out, both[0], both[1], alpha, compat, NULL) == compatible);
	status = rnm_network_check(&merged, NULL, NULL, out, size, &limits, NULL);
	FUZZ_CHECK(status == RNM_OK || status == RNM_NO);
	FUZZ_CHECK(rnm_network_compatible(both[0], merged, RNM_COMPAT_STRICT, NULL) == RNM_OK);
	rnm_network_free(merged);
	FUZZ_CHECK(rnm_network_merge_many(out, both, shares, 2, compat, NULL) == compatible);
	if (compatible == RNM_OK && !(alpha > 0) && pair->fit[0])
		FUZZ_CHECK(rnm_network_check(&merged, NULL, NULL, out, size, &limits, NULL) == RNM_OK);
	else
		merged = NULL;
	rnm_network_free(merged);
	free(out);
}

static void compare(const struct pair *pair)
{
	struct rnm_network_comparison *there = NULL, *back = NULL;

	FUZZ_CHECK(rnm_network_compare(&there, pair->net[0], pair->net[1], NULL) == RNM_OK);
	FUZZ_CHECK(rnm_network_compare(&back, pair->net[1], pair->net[0], NULL) == RNM_OK);
	FUZZ_CHECK(there->same_graph == back->same_graph && there->identical == back->identical);
	FUZZ_CHECK(there->reference_compatible == back->reference_compatible);
	FUZZ_CHECK(there->same_graph == (there->difference == NULL));
	FUZZ_CHECK(there->total.count == back->total.count && there->total.changed == back->total.changed);
	FUZZ_CHECK(!there->identical || there->total.changed == 0);
	for (size_t i = 0; i < there->tensor_count; i++)
		FUZZ_CHECK(there->tensors[i].changed == back->tensors[i].changed &&
		           there->tensors[i].changed <= there->tensors[i].count);
	rnm_network_comparison_free(there);
	rnm_network_comparison_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const float alphas[] = { 0, 0.25f, 1 };
	struct pair pair = { { NULL, NULL }, { NULL, NULL }, { false, false } };
	size_t first = fuzz_byte(&data, &size);

	first += (size_t)fuzz_byte(&data, &size) << 8;
	if (first > size)
		first = size;
	if (load(&pair, 0, data, first) && load(&pair, 1, data + first, size - first)) {
		compare(&pair);
		for (size_t i = 0; i < sizeof(alphas) / sizeof(alphas[0]); i++) {
			merge(&pair, alphas[i], RNM_COMPAT_STRICT);
			merge(&pair, alphas[i], RNM_COMPAT_REFERENCE);
		}
	}
	for (int i = 0; i < 2; i++) {
		rnm_network_free(pair.net[i]);
		free(pair.data[i]);
	}
	return 0;
}
