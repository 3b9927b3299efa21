/* SPDX-License-Identifier: Apache-2.0 */
/* The same for programs; `rnm help json` lists the fields. */
#include "inspect.h"
#include "model_findings.h"
#include "model_version.h"
#include "output.h"

#include <math.h>

static void json_string_or_null(struct rnm_json *json, const char *key, const char *text)
{
	rnm_json_kv_string(json, key, text[0] != '\0' ? text : NULL);
}

static void json_dims(struct rnm_json *json, const uint32_t *dims, unsigned rank)
{
	rnm_json_key(json, "dims");
	rnm_json_begin_array(json);
	for (unsigned i = 0; i < rank; i++)
		rnm_json_uint(json, dims[i]);
	rnm_json_end_array(json);
}

/* NaN stands for a figure that there is none of. */
static void json_figure(struct rnm_json *json, const char *key, double figure)
{
	if (isfinite(figure))
		rnm_json_kv_double(json, key, figure);
	else
		rnm_json_kv_null(json, key);
}

static void json_tensor(struct rnm_json *json, const struct inspected_tensor *tensor)
{
	const struct rnm_tensor_stats *stats = &tensor->stats;

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "name", tensor->tensor.name);
	rnm_json_kv_uint(json, "node", tensor->tensor.node);
	rnm_json_kv_bool(json, "constant", tensor->tensor.constant);
	json_dims(json, tensor->tensor.dims, tensor->tensor.rank);
	rnm_json_kv_uint(json, "count", tensor->tensor.len);
	json_figure(json, "min", stats->min);
	json_figure(json, "max", stats->max);
	json_figure(json, "mean", stats->mean);
	json_figure(json, "std", stats->std);
	rnm_json_kv_uint(json, "zeros", stats->zeros);
	rnm_json_kv_uint(json, "non_finite", stats->non_finite);
	rnm_json_kv_uint(json, "units", stats->units);
	rnm_json_kv_uint(json, "dead_units", stats->dead);
	json_string_or_null(json, "hash", tensor->hash);
	rnm_json_end_object(json);
}

static void json_network(struct rnm_json *json, const struct inspection *inspection)
{
	const struct rnm_network *network = inspection->file->network;
	struct rnm_buf words;

	rnm_json_kv_uint(json, "ann_size", inspection->file->container->ann.len);
	rnm_json_kv_uint(json, "ann_expanded", inspection->file->ann_expanded);
	if (network == NULL) {
		rnm_json_kv_null(json, "architecture");
		rnm_json_kv_null(json, "architecture_kind");
		rnm_json_kv_null(json, "parameters");
		rnm_json_kv_null(json, "inputs");
		rnm_json_kv_null(json, "outputs");
	} else {
		rnm_buf_init(&words, OUTPUT_MAX);
		if (rnm_network_describe(network, &words, NULL) != RNM_OK)
			json->out->failed = true;
		rnm_json_kv_string(json, "architecture", rnm_buf_cstr(&words));
		rnm_buf_free(&words);
		rnm_json_kv_string(json, "architecture_kind",
		                   rnm_architecture_name(rnm_network_architecture(network)));
		rnm_json_kv_uint(json, "parameters", rnm_network_variable_count(network));
		rnm_json_kv_uint(json, "inputs", rnm_network_input_dim(network));
		rnm_json_kv_uint(json, "outputs", rnm_network_output_dim(network));
	}
	json_string_or_null(json, "weights_hash", inspection->hash);
	rnm_json_key(json, "tensors");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < inspection->tensor_count; i++)
		json_tensor(json, &inspection->tensors[i]);
	rnm_json_end_array(json);
}

static void json_thresholds(struct rnm_json *json, const struct rnm_rnm1 *container)
{
	struct effective_thresholds effective = effective_thresholds(container);

	rnm_json_key(json, "roc_thresholds");
	if (!container->has_roc) {
		rnm_json_null(json);
		rnm_json_kv_null(json, "effective_thresholds");
		return;
	}
	rnm_json_begin_array(json);
	rnm_json_double(json, container->roc_spam);
	rnm_json_double(json, container->roc_ham);
	rnm_json_end_array(json);
	rnm_json_key(json, "effective_thresholds");
	rnm_json_begin_object(json);
	rnm_json_kv_double(json, "spam_from", effective.spam);
	rnm_json_kv_double(json, "ham_to", effective.ham);
	rnm_json_end_object(json);
}

static void json_identity(struct rnm_json *json, const struct inspection *inspection)
{
	static const char *const kinds[] = {
		[RNM_MODEL_RNM1] = "rnm1", [RNM_MODEL_KANN] = "kann", [RNM_MODEL_REDIS] = "redis"
	};
	const struct rnm_rnm1 *container = inspection->file->container;
	const struct rnm_model *model = inspection->model->model;

	rnm_json_kv_string(json, "file", inspection->model->text);
	rnm_json_kv_string(json, "kind", kinds[inspection->file->kind]);
	rnm_json_kv_uint(json, "file_size", container->file_size);
	rnm_json_kv_bool(json, "compressed", container->compressed);
	if (container->has_model_version && isfinite(container->model_version))
		number_json(json, "model_version", container->model_version);
	else
		rnm_json_kv_null(json, "model_version");
	json_string_or_null(json, "providers_digest", container->providers_digest);
	rnm_json_key(json, "created_at");
	if (container->has_created_at)
		rnm_json_int(json, container->created_at);
	else
		rnm_json_null(json);
	rnm_json_key(json, "redis");
	if (model == NULL) {
		rnm_json_null(json);
		return;
	}
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "key", model->profile.redis_key);
	rnm_json_kv_double(json, "score", model->profile.score);
	rnm_json_kv_string(json, "verdict", model->verdict);
	if (model->ttl_ms >= 0)
		rnm_json_kv_int(json, "ttl_ms", model->ttl_ms);
	else
		rnm_json_kv_null(json, "ttl_ms");
	rnm_json_end_object(json);
}

void inspect_json(struct rnm_buf *out, const struct inspection *inspection)
{
	static const char *const modes[] = {
		[RNM_NORM_NONE] = "none", [RNM_NORM_UNIT] = "unit", [RNM_NORM_ZSCORE] = "zscore"
	};
	const struct rnm_rnm1 *container = inspection->file->container;
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	json_identity(&json, inspection);
	json_network(&json, inspection);
	rnm_json_kv_string(&json, "normalisation", modes[container->norm_mode]);
	rnm_json_kv_uint(&json, "norm_count", container->norm_count);
	rnm_json_kv_uint(&json, "pca_size", container->pca.len);
	rnm_json_kv_uint(&json, "pca_rows", inspection->file->pca.rows);
	rnm_json_kv_uint(&json, "pca_cols", inspection->file->pca.cols);
	json_thresholds(&json, container);
	rnm_json_key(&json, "rnm");
	rnm_json_value(&json, container->extra);
	json_model_findings(&json, inspection->verification);
	rnm_json_end_object(&json);
}
