/* SPDX-License-Identifier: Apache-2.0 */
/* How far two networks are apart, tensor by tensor. */
#include "network/same.h"

#include <math.h>
#include <stdlib.h>

/* Running sums over pairs of values. */
struct sums {
	uint64_t count, changed;
	double max_abs, abs, squares, aa, bb, ab, aabb;
};

static void add_pairs(struct sums *sums, const unsigned char *a, const unsigned char *b, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		double x = (double)rnm_load_f32(a + 4 * i), y = (double)rnm_load_f32(b + 4 * i);
		double delta = fabs(x - y);

		/* Bit for bit first: equal infinities are no change, and one NaN is like another. */
		if (memcmp(a + 4 * i, b + 4 * i, 4) == 0 || (isnan(x) && isnan(y)))
			delta = 0;
		sums->changed += delta > 0 || isnan(delta);
		if (isnan(delta) || delta > sums->max_abs)
			sums->max_abs = delta; /* once NaN, it stays so */
		sums->abs += delta;
		sums->squares += delta * delta;
		sums->aa += x * x;
		sums->bb += y * y;
		sums->ab += x * y;
		sums->aabb += x * y * x * y;
	}
	sums->count += count;
}

static void add_sums(struct sums *to, const struct sums *sums)
{
	to->count += sums->count;
	to->changed += sums->changed;
	if (isnan(sums->max_abs) || sums->max_abs > to->max_abs)
		to->max_abs = sums->max_abs;
	to->abs += sums->abs;
	to->squares += sums->squares;
	to->aa += sums->aa;
	to->bb += sums->bb;
	to->ab += sums->ab;
	to->aabb += sums->aabb;
}

static struct rnm_tensor_delta finish(const struct sums *sums, uint32_t tensor)
{
	double count = sums->count > 0 ? (double)sums->count : 1;
	struct rnm_tensor_delta delta = {
		.tensor = tensor,
		.count = sums->count,
		.changed = sums->changed,
		.max_abs = sums->max_abs,
		.mean_abs = sums->abs / count,
		.rms = sqrt(sums->squares / count),
	};
	double norms = sqrt(sums->aa) * sqrt(sums->bb);

	if (norms > 0 || isnan(norms))
		delta.cosine = sums->ab / norms;
	else
		delta.cosine = sums->aa > 0 || sums->bb > 0 ? 0 : 1;
	if (sums->aabb > 0 || isnan(sums->aabb))
		delta.cosine_z = sums->ab / sqrt(sums->aabb);
	return delta;
}

static void compare_tensors(struct rnm_network_comparison *result, const struct rnm_network *a,
                            const struct rnm_network *b)
{
	struct sums matrices = { 0 };

	for (uint32_t i = 0; i < a->tensor_count; i++) {
		const struct rnm_network_node *left = &a->nodes[a->tensors[i]],
					      *right = &b->nodes[b->tensors[i]];
		struct sums sums = { 0 };

		add_pairs(&sums, a->data + left->values, b->data + right->values, left->len);
		result->tensors[i] = finish(&sums, i);
		if (left->kind == RNM_NODE_VARIABLE && left->rank >= 2)
			add_sums(&matrices, &sums);
	}
	result->matrices = finish(&matrices, RNM_NO_NODE);
	result->tensor_count = a->tensor_count;
}

struct rnm_tensor_delta rnm_compare_floats(const void *a, const void *b, uint64_t count)
{
	struct sums sums = { 0 };

	add_pairs(&sums, a, b, count);
	return finish(&sums, RNM_NO_NODE);
}

enum rnm_status rnm_network_compare(struct rnm_network_comparison **out, const struct rnm_network *a,
                                    const struct rnm_network *b, struct rnm_error *err)
{
	struct rnm_network_comparison *result = calloc(1, sizeof(*result));
	char text[RNM_DIFFERENCE_MAX], ignored[RNM_DIFFERENCE_MAX];
	struct sums total = { 0 };

	if (result == NULL)
		return rnm_error_nomem(err);
	result->same_graph = rnm_same_graph(a, b, text);
	result->reference_compatible = rnm_same_interface(a, b, ignored);
	if (!result->same_graph)
		result->difference = strdup(text);
	else
		result->tensors = calloc((size_t)a->tensor_count + 1, sizeof(*result->tensors));
	if (result->difference == NULL && result->tensors == NULL) {
		free(result);
		return rnm_error_nomem(err);
	}
	if (result->same_graph)
		compare_tensors(result, a, b);
	if (a->variables == b->variables)
		add_pairs(&total, a->data + a->x_offset, b->data + b->x_offset, a->variables);
	result->total = finish(&total, RNM_NO_NODE);
	result->identical = result->same_graph &&
	                    memcmp(a->data + a->x_offset, b->data + b->x_offset, a->size - a->x_offset) == 0;
	*out = result;
	return RNM_OK;
}

void rnm_network_comparison_free(struct rnm_network_comparison *comparison)
{
	if (comparison == NULL)
		return;
	free(comparison->difference);
	free(comparison->tensors);
	free(comparison);
}
