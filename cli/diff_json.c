/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_report.h"
#include "model_findings.h"
#include "model_version.h"
#include "output.h"

#include <math.h>

static void json_member(struct rnm_json *json, const struct rnm_rnm1 *container, const char *key)
{
	const struct rnm_value *value = rnm_value_get(container->extra, key);

	rnm_json_key(json, key);
	if (value != NULL)
		rnm_json_value(json, value);
	else
		rnm_json_null(json);
}

static void json_network(struct rnm_json *json, const struct rnm_model_file *file)
{
	struct rnm_buf words;

	if (file->network == NULL) {
		rnm_json_kv_null(json, "architecture");
		rnm_json_kv_null(json, "parameters");
		rnm_json_kv_null(json, "inputs");
		rnm_json_kv_null(json, "raw_inputs");
		return;
	}
	rnm_buf_init(&words, OUTPUT_MAX);
	if (rnm_network_describe(file->network, &words, NULL) != RNM_OK)
		json->out->failed = true;
	rnm_json_kv_string(json, "architecture", rnm_buf_cstr(&words));
	rnm_buf_free(&words);
	rnm_json_kv_uint(json, "parameters", rnm_network_variable_count(file->network));
	rnm_json_kv_uint(json, "inputs", rnm_network_input_dim(file->network));
	rnm_json_kv_uint(json, "raw_inputs", rnm_model_file_raw_dim(file));
}

static void json_head(struct rnm_json *json, const struct rnm_rnm1 *container)
{
	if (container->has_model_version && isfinite(container->model_version))
		number_json(json, "model_version", container->model_version);
	else
		rnm_json_kv_null(json, "model_version");
	rnm_json_kv_string(json, "providers_digest",
	                   container->providers_digest[0] != '\0' ? container->providers_digest : NULL);
	rnm_json_key(json, "created_at");
	if (container->has_created_at)
		rnm_json_int(json, container->created_at);
	else
		rnm_json_null(json);
	rnm_json_key(json, "roc_thresholds");
	if (container->has_roc) {
		rnm_json_begin_array(json);
		rnm_json_double(json, container->roc_spam);
		rnm_json_double(json, container->roc_ham);
		rnm_json_end_array(json);
	} else {
		rnm_json_null(json);
	}
}

static void json_model(struct rnm_json *json, const char *key, const struct model_argument *model)
{
	static const char *const kinds[] = {
		[RNM_MODEL_RNM1] = "rnm1", [RNM_MODEL_KANN] = "network", [RNM_MODEL_REDIS] = "redis"
	};
	static const char *const members[] = { "rule", "settings", "profile_digest", "tool",
		                               "providers_meta" };
	const struct rnm_model_file *file = model->file;
	struct rnm_error problem;

	rnm_json_key(json, key);
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "model", model->text);
	rnm_json_kv_string(json, "kind", kinds[file->kind]);
	rnm_json_kv_uint(json, "file_size", file->container->file_size);
	rnm_json_kv_bool(json, "compressed", file->container->compressed);
	json_head(json, file->container);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_member(json, file->container, members[i]);
	rnm_json_kv_uint(json, "pca_rows", file->pca.rows);
	rnm_json_kv_uint(json, "pca_cols", file->pca.cols);
	json_network(json, file);
	rnm_json_kv_string(json, "problem",
	                   rnm_model_file_verdict(file, &problem) != RNM_OK ? problem.message : NULL);
	rnm_json_end_object(json);
}

static void json_places(struct rnm_json *json, const char *key, const struct rnm_symbol_place *places,
                        size_t count)
{
	rnm_json_key(json, key);
	rnm_json_begin_array(json);
	for (size_t i = 0; i < count; i++) {
		rnm_json_begin_object(json);
		rnm_json_key(json, "name");
		rnm_json_string_n(json, places[i].name);
		if (places[i].a != SIZE_MAX)
			rnm_json_kv_uint(json, "a", places[i].a);
		if (places[i].b != SIZE_MAX)
			rnm_json_kv_uint(json, "b", places[i].b);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
}

static void json_symbols(struct rnm_json *json, const struct rnm_symbols_comparison *symbols)
{
	rnm_json_key(json, "symbols");
	rnm_json_begin_object(json);
	rnm_json_kv_bool(json, "matter", symbols->matter);
	rnm_json_kv_uint(json, "a", symbols->a_count);
	rnm_json_kv_uint(json, "b", symbols->b_count);
	json_places(json, "added", symbols->added, symbols->added_count);
	json_places(json, "removed", symbols->removed, symbols->removed_count);
	json_places(json, "moved", symbols->moved, symbols->moved_count);
	rnm_json_end_object(json);
}

static void json_numbers(struct rnm_json *json, const struct rnm_tensor_delta *delta)
{
	rnm_json_kv_uint(json, "count", delta->count);
	rnm_json_kv_uint(json, "changed", delta->changed);
	rnm_json_kv_double(json, "mean_abs", delta->mean_abs);
	rnm_json_kv_double(json, "max_abs", delta->max_abs);
	rnm_json_kv_double(json, "rms", delta->rms);
	rnm_json_kv_double(json, "cosine", delta->cosine);
	rnm_json_kv_double(json, "cosine_z", delta->cosine_z);
}

/* null when there was nothing to compare. */
static void json_delta(struct rnm_json *json, const char *key, const struct rnm_tensor_delta *delta)
{
	rnm_json_key(json, key);
	if (delta == NULL || delta->count == 0) {
		rnm_json_null(json);
		return;
	}
	rnm_json_begin_object(json);
	json_numbers(json, delta);
	rnm_json_end_object(json);
}

static void json_tensors(struct rnm_json *json, const struct rnm_network *network,
                         const struct rnm_network_comparison *comparison)
{
	rnm_json_key(json, "tensors");
	rnm_json_begin_array(json);
	for (size_t i = 0; comparison != NULL && i < comparison->tensor_count; i++) {
		struct rnm_network_tensor tensor;

		if (!rnm_network_tensor(network, comparison->tensors[i].tensor, &tensor))
			continue;
		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "name", tensor.name);
		rnm_json_kv_bool(json, "constant", tensor.constant);
		rnm_json_key(json, "shape");
		rnm_json_begin_array(json);
		for (unsigned d = 0; d < tensor.rank; d++)
			rnm_json_uint(json, tensor.dims[d]);
		rnm_json_end_array(json);
		json_numbers(json, &comparison->tensors[i]);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
}

void diff_json(struct rnm_json *json, const struct model_argument models[2],
               const struct rnm_model_comparison *comparison)
{
	const struct rnm_network_comparison *network = comparison->network;

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "verdict", rnm_model_relation_name(comparison->relation));
	rnm_json_kv_string(json, "sentence", comparison->sentence);
	rnm_json_kv_string(json, "start", rnm_model_start_name(comparison->start));
	json_model_aspects(json, "differs", comparison->differs);
	json_model_aspects(json, "unknown", comparison->unknown);
	json_model(json, "a", &models[0]);
	json_model(json, "b", &models[1]);
	rnm_json_kv_string(json, "graph_difference", network != NULL ? network->difference : NULL);
	json_symbols(json, &comparison->symbols);
	rnm_json_key(json, "norm_stats");
	rnm_json_begin_object(json);
	rnm_json_kv_uint(json, "changed", comparison->norm_changed);
	rnm_json_kv_double(json, "mean_max_abs", comparison->mean_max_abs);
	rnm_json_kv_double(json, "std_max_abs", comparison->std_max_abs);
	rnm_json_end_object(json);
	json_delta(json, "pca", &comparison->pca);
	json_delta(json, "weights", network != NULL ? &network->total : NULL);
	json_delta(json, "matrices", network != NULL ? &network->matrices : NULL);
	json_tensors(json, models[0].file->network, network);
	rnm_json_end_object(json);
}
