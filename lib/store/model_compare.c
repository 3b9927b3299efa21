/* SPDX-License-Identifier: Apache-2.0 */
/* Two models, aspect by aspect. */
#include "store/model_compare.h"

#include "base/value_build.h"
#include "network/same.h"
#include "store/model_symbols.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What only the network itself tells. */
#define NETWORK_ASPECTS (RNM_ASPECT_GRAPH | RNM_ASPECT_WEIGHTS | RNM_ASPECT_UNUSED)
#define EVERY_ASPECT ((unsigned)RNM_ASPECT_END - 1)

/* Exactly equal, as any bit may change a score. */
static bool same_number(double a, double b)
{
	return isnan(a) == isnan(b) && !(a < b || a > b);
}

static void differ_if(struct rnm_model_comparison *c, bool differs, unsigned aspect)
{
	if (differs)
		c->differs |= aspect;
}

static enum rnm_status compare_networks(struct rnm_model_comparison *c, const struct rnm_network *a,
                                        const struct rnm_network *b, struct rnm_error *err)
{
	enum rnm_status status;

	if (a == NULL || b == NULL) {
		c->unknown |= NETWORK_ASPECTS | RNM_ASPECT_VECTOR;
		return RNM_OK;
	}
	status = rnm_network_compare(&c->network, a, b, err);
	if (status != RNM_OK)
		return status;
	differ_if(c, !c->network->same_graph, RNM_ASPECT_GRAPH);
	for (size_t i = 0; i < c->network->tensor_count; i++) {
		struct rnm_network_tensor tensor;

		if (c->network->tensors[i].changed == 0 || !rnm_network_tensor(a, (uint32_t)i, &tensor))
			continue;
		c->differs |=
		    rnm_network_node(a, tensor.node)->evaluated ? RNM_ASPECT_WEIGHTS : RNM_ASPECT_UNUSED;
	}
	if (!c->network->same_graph && (c->network->total.count == 0 || c->network->total.changed > 0))
		c->differs |= RNM_ASPECT_WEIGHTS;
	return RNM_OK;
}

static void compare_norm(struct rnm_model_comparison *c, const struct rnm_rnm1 *a, const struct rnm_rnm1 *b)
{
	if (a->norm_mode != b->norm_mode || a->norm_count != b->norm_count) {
		c->differs |= RNM_ASPECT_NORM;
		return;
	}
	for (size_t i = 0; i < a->norm_count; i++) {
		c->mean_max_abs = fmax(c->mean_max_abs, fabs(a->mean[i] - b->mean[i]));
		c->std_max_abs = fmax(c->std_max_abs, fabs(a->std[i] - b->std[i]));
		c->norm_changed += !same_number(a->mean[i], b->mean[i]);
		c->norm_changed += !same_number(a->std[i], b->std[i]);
	}
	differ_if(c, c->norm_changed > 0, RNM_ASPECT_NORM);
}

static void compare_pca(struct rnm_model_comparison *c, const struct rnm_model_file *a,
                        const struct rnm_model_file *b)
{
	struct rnm_bytes left = a->container->pca, right = b->container->pca;

	if (a->pca.rows > 0 && a->pca.rows == b->pca.rows && a->pca.cols == b->pca.cols) {
		c->pca = rnm_compare_floats(a->pca.data, b->pca.data, (uint64_t)a->pca.rows * a->pca.cols);
		differ_if(c, c->pca.changed > 0, RNM_ASPECT_PCA);
	} else {
		/* No matrix in either, or damaged ones. */
		differ_if(c, !rnm_bytes_equal(left, right), RNM_ASPECT_PCA);
	}
}

static enum rnm_status compare_symbols(struct rnm_model_comparison *c, const struct rnm_model_file *a,
                                       const struct rnm_model_file *b, struct rnm_error *err)
{
	const struct rnm_value *left = rnm_model_symbols(a), *right = rnm_model_symbols(b);
	enum rnm_status status;

	c->symbols.matter = rnm_model_symbols_matter(a) || rnm_model_symbols_matter(b);
	if (left == NULL && right == NULL)
		return RNM_OK;
	if (left == NULL || right == NULL) {
		c->unknown |= RNM_ASPECT_SYMBOLS;
		return RNM_OK;
	}
	status = rnm_symbols_compare(&c->symbols, left, right, err);
	differ_if(c, c->symbols.added_count + c->symbols.removed_count + c->symbols.moved_count > 0,
	          RNM_ASPECT_SYMBOLS);
	return status;
}

/* Depth is bounded: the readers of these trees bound it. */
static bool same_value(const struct rnm_value *a, const struct rnm_value *b)
{
	double x, y;

	if (rnm_value_number(a, &x) && rnm_value_number(b, &y))
		return same_number(x, y);
	if (a->type != b->type || rnm_value_count(a) != rnm_value_count(b))
		return false;
	if (a->type == RNM_STRING)
		return rnm_bytes_equal(a->as.string, b->as.string);
	if (a->type == RNM_BOOL)
		return a->as.boolean == b->as.boolean;
	for (size_t i = 0; i < rnm_value_count(a); i++) {
		const struct rnm_value *item = rnm_value_at(a, i);
		const struct rnm_value *other =
		    a->type == RNM_OBJECT ? rnm_value_get_n(b, item->key) : rnm_value_at(b, i);

		if (other == NULL || !same_value(item, other))
			return false;
	}
	return true;
}

/* Members of the map `rnm`, which the original's files do not have. */
static void compare_extra(struct rnm_model_comparison *c, const struct rnm_value *a,
                          const struct rnm_value *b)
{
	static const struct {
		const char *key;
		unsigned aspect;
	} members[] = {
		{ "providers_meta", RNM_ASPECT_PROVIDERS },
		{ "rule", RNM_ASPECT_RULE },
		{ "settings", RNM_ASPECT_SETTINGS },
		{ "profile_digest", RNM_ASPECT_PROFILE },
		{ "tool", RNM_ASPECT_TOOL },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct rnm_value *left = rnm_value_get(a, members[i].key);
		const struct rnm_value *right = rnm_value_get(b, members[i].key);

		if (left != NULL && right != NULL)
			differ_if(c, !same_value(left, right), members[i].aspect);
		else if (left != right)
			c->unknown |= members[i].aspect;
	}
}

static void compare_label(struct rnm_model_comparison *c, const struct rnm_model_file *a,
                          const struct rnm_model_file *b)
{
	const struct rnm_rnm1 *left = a->container, *right = b->container;

	differ_if(c, strcmp(left->providers_digest, right->providers_digest) != 0, RNM_ASPECT_DIGEST);
	differ_if(c, !same_number(left->model_version, right->model_version), RNM_ASPECT_VERSION);
	compare_extra(c, left->extra, right->extra);
	/* In Redis it is the time of the training, in a file that of the export. */
	if (left->has_created_at != right->has_created_at ||
	    (a->kind == RNM_MODEL_REDIS) != (b->kind == RNM_MODEL_REDIS))
		c->unknown |= RNM_ASPECT_CREATED;
	else
		differ_if(c, left->created_at != right->created_at, RNM_ASPECT_CREATED);
}

enum rnm_status rnm_model_compare_around(struct rnm_model_comparison *c, const struct rnm_model_file *a,
                                         const struct rnm_model_file *b, struct rnm_error *err)
{
	const struct rnm_rnm1 *left = a->container, *right = b->container;

	/* Of a bare network nothing else is known; of two there is nothing else. */
	if ((a->kind == RNM_MODEL_KANN) != (b->kind == RNM_MODEL_KANN)) {
		c->unknown |= EVERY_ASPECT & ~(unsigned)NETWORK_ASPECTS;
		return RNM_OK;
	}
	if (a->network != NULL && b->network != NULL)
		differ_if(c, rnm_model_file_raw_dim(a) != rnm_model_file_raw_dim(b), RNM_ASPECT_VECTOR);
	compare_norm(c, left, right);
	compare_pca(c, a, b);
	differ_if(c,
	          left->has_roc != right->has_roc || !same_number(left->roc_spam, right->roc_spam) ||
	              !same_number(left->roc_ham, right->roc_ham),
	          RNM_ASPECT_THRESHOLDS);
	compare_label(c, a, b);
	return compare_symbols(c, a, b, err);
}

enum rnm_status rnm_model_compare(struct rnm_model_comparison **out, const struct rnm_model_file *a,
                                  const struct rnm_model_file *b, struct rnm_error *err)
{
	struct rnm_model_comparison *comparison = calloc(1, sizeof(*comparison));
	enum rnm_status status;

	if (comparison == NULL)
		return rnm_error_nomem(err);
	status = compare_networks(comparison, a->network, b->network, err);
	if (status == RNM_OK)
		status = rnm_model_compare_around(comparison, a, b, err);
	if (status == RNM_OK)
		status = rnm_model_judge(comparison, a, b, err);
	if (status == RNM_OK)
		*out = comparison;
	else
		rnm_model_comparison_free(comparison);
	return status;
}

void rnm_model_comparison_free(struct rnm_model_comparison *comparison)
{
	if (comparison == NULL)
		return;
	rnm_network_comparison_free(comparison->network);
	rnm_symbols_comparison_clear(&comparison->symbols);
	free(comparison->sentence);
	free(comparison);
}
