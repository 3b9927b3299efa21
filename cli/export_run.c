/* SPDX-License-Identifier: Apache-2.0 */
#include "export_run.h"
#include "interrupt.h"
#include "output.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum rnm_status export_check_context(const struct context *context, struct rnm_error *err)
{
	if (context->config != NULL || option_given(context->options, OPTION_ANY_DIGEST))
		return RNM_OK;
	rnm_error_set(
	    err, RNM_E_REFUSED, "export.no-config",
	    "no configuration was read (%s does not exist), so nothing says which digest the rule has",
	    context->config_path);
	rnm_error_set_hint(err, "name a configuration with -c FILE, or trust what the model's profile says "
	                        "with --any-digest");
	return RNM_E_REFUSED;
}

static enum rnm_status choose(struct context *context, const struct export_request *request,
                              const struct rnm_model_list *list, size_t *index, struct rnm_error *err)
{
	const struct options *options = context->options;
	const struct rnm_choice choice = {
		.newest = option_given(options, OPTION_NEWEST),
		.any_digest = option_given(options, OPTION_ANY_DIGEST),
		.has_version = option_given(options, OPTION_MODEL_VERSION),
		.version = options->values[OPTION_MODEL_VERSION].number,
	};
	struct rnm_rule *rule = request->rule;
	enum rnm_status status = rnm_store_choose(index, list, rule, &choice, err);
	const char *digest;

	if (status != RNM_OK)
		return status;
	digest = list->models[*index].profile.providers_digest;
	if (rule_is_bare(rule) && digest != NULL && strlen(digest) == RNM_DIGEST_LEN) {
		memcpy(rule->digest, digest, sizeof(rule->digest));
		rule->has_providers = true;
		rule->providers_used = true;
	}
	return RNM_OK;
}

static void warn_about(const struct export_outcome *outcome)
{
	const struct rnm_export_result *result = &outcome->result;

	if (result->locked)
		output_warning("%s is training from %s right now: a newer version may follow soon",
		               result->lock_host[0] != '\0' ? result->lock_host : "a worker", outcome->key);
	if (result->obsolete)
		output_warning("%s is marked obsolete: it has a successor and will be deleted soon",
		               outcome->key);
	if (result->bad_providers_meta)
		output_warning("providers_meta of %s is no JSON list and was left out", outcome->key);
}

static enum rnm_status write_model(struct context *context, const struct export_request *request,
                                   const struct rnm_model_list *list, size_t index,
                                   struct export_outcome *outcome, struct rnm_error *err)
{
	const struct options *options = context->options;
	bool dry_run = option_given(options, OPTION_DRY_RUN);
	struct progress progress;
	char tool[64];
	struct rnm_export_options how = {
		.path = outcome->file,
		.fd = STDOUT_FILENO,
		.compress = option_given(options, OPTION_COMPRESS),
		.dry_run = dry_run,
		.any_digest = option_given(options, OPTION_ANY_DIGEST),
		.created_at = request->created_at,
		.tool = tool,
		.spool_dir = context_spool_dir(),
		/* Hashing takes as long as everything else together. */
		.no_hash = !option_given(options, OPTION_HASH),
		.progress = progress_report,
		.progress_ctx = &progress,
		.cancel = &interrupt_signal,
	};
	enum rnm_status status;

	(void)snprintf(tool, sizeof(tool), "rnm %s", rnm_version());
	progress_start(&progress, dry_run ? "checking" : "exporting");
	status = rnm_store_export(context->redis, request->rule, list, index, &how, &outcome->result, err);
	progress_end(&progress);
	if (status == RNM_OK)
		warn_about(outcome);
	return status;
}

static enum rnm_status export_from_list(struct context *context, const struct export_request *request,
                                        const struct rnm_model_list *list, struct export_outcome *outcome,
                                        struct rnm_error *err)
{
	const struct rnm_profile *profile;
	char version[NUMBER_TEXT_MAX];
	size_t index = 0;
	enum rnm_status status = choose(context, request, list, &index, err);

	if (status != RNM_OK)
		return status;
	/* A better one may be among them. */
	context_warn_keys(list);
	profile = &list->models[index].profile;
	outcome->version = strdup(model_version_text(profile, version));
	outcome->version_number = model_version(profile);
	outcome->key = strdup(profile->redis_key != NULL ? profile->redis_key : "?");
	outcome->server = strdup(rnm_redis_address(context->redis));
	outcome->role = rnm_redis_role(context->redis);
	if (request->make_path != NULL) {
		outcome->file =
		    request->make_path(request->make_path_ctx, request->rule, request->settings, profile);
		if (outcome->file == NULL)
			return rnm_error_nomem(err);
	} else if (request->path != NULL) {
		outcome->file = strdup(request->path);
		if (outcome->file == NULL)
			return rnm_error_nomem(err);
	}
	if (outcome->version == NULL || outcome->key == NULL || outcome->server == NULL)
		return rnm_error_nomem(err);
	return write_model(context, request, list, index, outcome, err);
}

enum rnm_status export_run(struct context *context, const struct export_request *request,
                           struct export_outcome *outcome, struct rnm_error *err)
{
	struct rnm_model_list *list = NULL;
	enum rnm_status status;

	/* A bare rule keeps nothing of the model that it was used for before. */
	if (rule_is_bare(request->rule)) {
		request->rule->digest[0] = '\0';
		request->rule->has_providers = false;
		request->rule->providers_used = false;
	}
	*outcome = (struct export_outcome){ .rule = strdup(request->rule->name),
		                            .settings = strdup(request->settings) };
	if (outcome->rule == NULL || outcome->settings == NULL)
		status = rnm_error_nomem(err);
	else
		status = rnm_store_list(&list, context->redis, request->rule, request->settings,
		                        RNM_LIST_ALIVE, err);
	if (status == RNM_OK && list != NULL)
		status = export_from_list(context, request, list, outcome, err);
	rnm_model_list_free(list);
	outcome->status = status;
	if (status != RNM_OK)
		outcome->problem = strdup(err->message);
	return status;
}

void export_outcome_fail(struct export_outcome *outcome, const char *rule, const char *settings,
                         const struct rnm_error *err)
{
	export_outcome_free(outcome);
	outcome->status = err->status;
	outcome->rule = strdup(rule);
	outcome->settings = strdup(settings);
	outcome->problem = strdup(err->message);
}

void export_outcome_free(struct export_outcome *outcome)
{
	free(outcome->rule);
	free(outcome->settings);
	free(outcome->version);
	free(outcome->key);
	free(outcome->server);
	free(outcome->file);
	free(outcome->problem);
	*outcome = (struct export_outcome){ 0 };
}

static void json_result(struct rnm_json *json, const struct rnm_export_result *result)
{
	rnm_json_kv_uint(json, "file_size", result->file_size);
	rnm_json_kv_string(json, "providers_digest", result->digest);
	rnm_json_kv_string(json, "blake2b", result->hash[0] != '\0' ? result->hash : NULL);
	rnm_json_kv_uint(json, "ann_size", result->ann_size);
	rnm_json_kv_uint(json, "ann_expanded", result->ann_expanded);
	rnm_json_kv_bool(json, "has_pca", result->has_pca);
	rnm_json_kv_uint(json, "pca_size", result->pca_size);
	rnm_json_kv_uint(json, "pca_expanded", result->pca_expanded);
	rnm_json_kv_bool(json, "has_norm_stats", result->has_norm);
	rnm_json_kv_bool(json, "has_roc_thresholds", result->has_roc);
	rnm_json_kv_bool(json, "locked", result->locked);
	rnm_json_kv_bool(json, "obsolete", result->obsolete);
}

void export_outcome_json(struct rnm_json *json, const struct export_outcome *outcome, bool dry_run)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "rule", outcome->rule);
	rnm_json_kv_string(json, "settings", outcome->settings);
	rnm_json_kv_string(json, "status", rnm_status_name(outcome->status));
	rnm_json_kv_string(json, "problem", outcome->problem);
	model_version_json(json, "version", &outcome->version_number);
	rnm_json_kv_string(json, "key", outcome->key);
	rnm_json_kv_string(json, "server", outcome->server);
	rnm_json_kv_string(json, "role", outcome->role);
	rnm_json_kv_string(json, "file", outcome->status == RNM_OK ? outcome->file : NULL);
	rnm_json_kv_bool(json, "dry_run", dry_run);
	if (outcome->status == RNM_OK)
		json_result(json, &outcome->result);
	rnm_json_end_object(json);
}

static void put_text(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_ALL);
}

static void put_blob(struct rnm_buf *out, const char *name, uint64_t size, uint64_t expanded)
{
	rnm_buf_printf(out, "  %-10s", name);
	output_size(out, size);
	rnm_buf_puts(out, " compressed, ");
	output_size(out, expanded);
	rnm_buf_puts(out, " expanded\n");
}

static void put_file(struct rnm_buf *out, const struct export_outcome *outcome, bool dry_run)
{
	uint64_t size = outcome->result.file_size;

	rnm_buf_printf(out, "  %-10s", "file");
	if (dry_run) {
		rnm_buf_puts(out, "would be ");
	} else {
		put_text(out, outcome->file != NULL ? outcome->file : "standard output");
		rnm_buf_puts(out, ", ");
	}
	output_size(out, size);
	rnm_buf_printf(out, " (%llu bytes)%s\n", (unsigned long long)size,
	               dry_run ? "; nothing written" : "");
}

void export_outcome_text(struct rnm_buf *out, const struct export_outcome *outcome, bool dry_run)
{
	const struct rnm_export_result *result = &outcome->result;

	rnm_buf_printf(out, "%s version ", dry_run ? "Checked" : "Exported");
	output_name(out, outcome->version);
	rnm_buf_puts(out, " of rule ");
	output_name(out, outcome->rule);
	rnm_buf_puts(out, ", settings ");
	output_name(out, outcome->settings);
	rnm_buf_puts(out, ", from ");
	output_name(out, outcome->key);
	rnm_buf_putc(out, '\n');
	put_file(out, outcome, dry_run);
	rnm_buf_printf(out, "  %-10s%s\n", "digest", result->digest);
	put_blob(out, "network", result->ann_size, result->ann_expanded);
	if (result->has_pca)
		put_blob(out, "pca", result->pca_size, result->pca_expanded);
	if (result->has_norm || result->has_roc)
		rnm_buf_printf(out, "  %-10s%s%s%s\n", "also has", result->has_norm ? "norm_stats" : "",
		               result->has_norm && result->has_roc ? " " : "",
		               result->has_roc ? "roc_thresholds" : "");
	if (result->hash[0] != '\0')
		rnm_buf_printf(out, "  %-10s%s\n", "BLAKE2b", result->hash);
}
