/* SPDX-License-Identifier: Apache-2.0 */
#include "model_argument.h"
#include "model_version.h"
#include "output.h"
#include "verbs.h"

#include <math.h>
#include <rnm/json.h>
#include <string.h>
#include <time.h>

/* ---- text ---- */

static void put_name(struct rnm_buf *out, const char *name)
{
	rnm_buf_printf(out, "  %s%-14s%s", output_color(COLOR_DIM), name, output_color(COLOR_NONE));
}

static void put_text(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_ALL);
}

static void put_string(struct rnm_buf *out, const struct rnm_value *text)
{
	if (text->as.string.len > 0)
		output_escape(out, text->as.string.data, text->as.string.len, ESCAPE_ALL);
	else
		output_name(out, "");
}

/* A string of the map `rnm`, or NULL. */
static const struct rnm_value *extra_string(const struct rnm_rnm1 *container, const char *key)
{
	const struct rnm_value *value = rnm_value_get(container->extra, key);

	return rnm_value_string(value) != NULL ? value : NULL;
}

static void text_origin(struct rnm_buf *out, const struct rnm_rnm1 *container)
{
	static const char *const keys[] = { "rule", "settings", "profile_digest", "tool" };
	static const char *const names[] = { "rule", "settings", "profile", "written by" };
	const struct rnm_value *symbols = rnm_value_get(container->extra, "symbols");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct rnm_value *value = extra_string(container, keys[i]);

		if (value == NULL)
			continue;
		put_name(out, names[i]);
		put_string(out, value);
		rnm_buf_putc(out, '\n');
	}
	if (symbols != NULL) {
		put_name(out, "symbols");
		rnm_buf_printf(out, "%zu\n", rnm_value_count(symbols));
	}
}

static void text_blob(struct rnm_buf *out, const char *name, uint64_t size, uint64_t expanded)
{
	put_name(out, name);
	output_size(out, size);
	rnm_buf_puts(out, " compressed, ");
	if (expanded > 0)
		output_size(out, expanded);
	else
		rnm_buf_puts(out, "damaged");
	if (expanded > 0)
		rnm_buf_puts(out, " expanded");
	rnm_buf_putc(out, '\n');
}

static void text_network(struct rnm_buf *out, const struct rnm_model_file *file)
{
	text_blob(out, "network", file->container->ann.len, file->ann_expanded);
	if (file->network == NULL)
		return;
	put_name(out, "architecture");
	if (rnm_network_describe(file->network, out, NULL) != RNM_OK)
		out->failed = true;
	rnm_buf_putc(out, '\n');
	put_name(out, "parameters");
	rnm_buf_printf(out, "%llu\n", (unsigned long long)rnm_network_variable_count(file->network));
}

static void text_processing(struct rnm_buf *out, const struct rnm_model_file *file)
{
	const struct rnm_rnm1 *container = file->container;

	put_name(out, "normalisation");
	if (container->norm_mode == RNM_NORM_ZSCORE)
		rnm_buf_printf(out, "zscore over %zu inputs\n", container->norm_count);
	else
		rnm_buf_puts(out, container->norm_mode == RNM_NORM_UNIT ? "unit\n" : "none\n");
	if (container->pca.len > 0) {
		text_blob(out, "PCA matrix", container->pca.len, file->pca_expanded);
		if (file->pca.rows > 0) {
			put_name(out, "");
			rnm_buf_printf(out, "%u x %u: %u values become %u inputs\n", file->pca.rows,
			               file->pca.cols, file->pca.cols, file->pca.rows);
		}
	}
	put_name(out, "thresholds");
	if (container->has_roc)
		rnm_buf_printf(out, "spam above %.6g, ham below %.6g\n", container->roc_spam,
		               container->roc_ham);
	else
		rnm_buf_puts(out, "none\n");
}

static void text_finding(struct rnm_buf *out, enum color color, const char *severity, const char *text,
                         const char *id)
{
	rnm_buf_printf(out, "%s%s%s: ", output_color(color), severity, output_color(COLOR_NONE));
	put_text(out, text);
	rnm_buf_printf(out, " [%s]\n", id);
}

static void text_findings(struct rnm_buf *out, const struct rnm_model_file *file)
{
	const struct rnm_error *problems[] = { &file->ann_problem, &file->pca_problem, &file->fit_problem };

	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (problems[i]->status != RNM_OK)
			text_finding(out, COLOR_RED, "problem", problems[i]->message, problems[i]->id);
	}
	for (size_t i = 0; i < file->finding_count; i++) {
		if (file->findings[i].severity == RNM_SEVERITY_WARNING)
			text_finding(out, COLOR_YELLOW, "warning", file->findings[i].text,
			             file->findings[i].id);
	}
	for (size_t i = 0; i < file->container->finding_count; i++) {
		const struct rnm_finding *finding = &file->container->findings[i];

		text_finding(out, COLOR_YELLOW, "warning", finding->text, finding->id);
	}
}

static void text_file(struct rnm_buf *out, const char *path, const struct rnm_model_file *file)
{
	const struct rnm_rnm1 *container = file->container;
	char version[NUMBER_TEXT_MAX];
	char when[64];

	rnm_buf_printf(out, "%s", output_color(COLOR_BOLD));
	put_text(out, path);
	rnm_buf_printf(out, "%s: RNM1 model, ", output_color(COLOR_NONE));
	output_size(out, container->file_size);
	rnm_buf_puts(out, container->compressed ? ", compressed as a whole\n" : "\n");
	put_name(out, "version");
	if (container->has_model_version)
		rnm_buf_printf(out, "%s\n", number_text(container->model_version, version));
	else
		rnm_buf_puts(out, "not given (rspamd takes 1)\n");
	put_name(out, "digest");
	put_text(out, container->providers_digest[0] != '\0' ? container->providers_digest
	                                                     : "none: no rspamd accepts such a file");
	rnm_buf_putc(out, '\n');
	put_name(out, "created");
	rnm_buf_printf(out, "%s\n",
	               container->has_created_at &&
	                       output_time(when, sizeof(when), (double)container->created_at)
	                   ? when
	                   : "unknown");
	text_origin(out, container);
	text_network(out, file);
	text_processing(out, file);
	text_findings(out, file);
}

/* ---- JSON ---- */

static void json_problem(struct rnm_json *json, const char *severity, const char *id, const char *text)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "severity", severity);
	rnm_json_kv_string(json, "id", id);
	rnm_json_kv_string(json, "text", text);
	rnm_json_end_object(json);
}

static void json_findings(struct rnm_json *json, const struct rnm_model_file *file)
{
	const struct rnm_error *problems[] = { &file->ann_problem, &file->pca_problem, &file->fit_problem };

	rnm_json_key(json, "findings");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (problems[i]->status != RNM_OK)
			json_problem(json, "error", problems[i]->id, problems[i]->message);
	}
	for (size_t i = 0; i < file->finding_count; i++) {
		if (file->findings[i].severity == RNM_SEVERITY_WARNING)
			json_problem(json, "warning", file->findings[i].id, file->findings[i].text);
	}
	for (size_t i = 0; i < file->container->finding_count; i++)
		json_problem(json, "warning", file->container->findings[i].id,
		             file->container->findings[i].text);
	rnm_json_end_array(json);
}

static void json_network(struct rnm_json *json, const struct rnm_model_file *file)
{
	struct rnm_buf words;

	rnm_json_kv_uint(json, "ann_size", file->container->ann.len);
	rnm_json_kv_uint(json, "ann_expanded", file->ann_expanded);
	if (file->network == NULL) {
		rnm_json_kv_null(json, "architecture");
		rnm_json_kv_null(json, "parameters");
		rnm_json_kv_null(json, "inputs");
		return;
	}
	rnm_buf_init(&words, OUTPUT_MAX);
	if (rnm_network_describe(file->network, &words, NULL) != RNM_OK)
		json->out->failed = true;
	rnm_json_kv_string(json, "architecture", rnm_buf_cstr(&words));
	rnm_buf_free(&words);
	rnm_json_kv_uint(json, "parameters", rnm_network_variable_count(file->network));
	rnm_json_kv_uint(json, "inputs", rnm_network_input_dim(file->network));
}

static void json_file(struct rnm_json *json, const char *path, const struct rnm_model_file *file)
{
	static const char *const modes[] = {
		[RNM_NORM_NONE] = "none", [RNM_NORM_UNIT] = "unit", [RNM_NORM_ZSCORE] = "zscore"
	};
	const struct rnm_rnm1 *container = file->container;

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "file", path);
	rnm_json_kv_uint(json, "file_size", container->file_size);
	rnm_json_kv_bool(json, "compressed", container->compressed);
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
	json_network(json, file);
	rnm_json_kv_string(json, "normalisation", modes[container->norm_mode]);
	rnm_json_kv_uint(json, "norm_count", container->norm_count);
	rnm_json_kv_uint(json, "pca_size", container->pca.len);
	rnm_json_kv_uint(json, "pca_rows", file->pca.rows);
	rnm_json_kv_uint(json, "pca_cols", file->pca.cols);
	rnm_json_key(json, "roc_thresholds");
	if (container->has_roc) {
		rnm_json_begin_array(json);
		rnm_json_double(json, container->roc_spam);
		rnm_json_double(json, container->roc_ham);
		rnm_json_end_array(json);
	} else {
		rnm_json_null(json);
	}
	rnm_json_key(json, "rnm");
	rnm_json_value(json, container->extra);
	json_findings(json, file);
	rnm_json_end_object(json);
}

static bool print_model(const struct options *options, const struct model_argument *model)
{
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (!option_given(options, OPTION_JSON)) {
		text_file(&out, model->text, model->file);
		return output_buffer(&out);
	}
	rnm_json_init(&json, &out, false);
	json_file(&json, model->text, model->file);
	return output_json(&out);
}

int verb_inspect(const struct options *options)
{
	struct context context;
	struct model_argument model = { 0 };
	struct rnm_error err;
	enum rnm_status status;
	int code;

	if (options->operand_count == 0)
		return output_usage_error("rnm inspect FILE, or - for standard input",
		                          "which model to look into is missing");
	status = context_open(&context, options, &err);
	if (status == RNM_OK)
		status = model_argument_open(&model, &context, options->operands[0], &err);
	if (status != RNM_OK)
		code = output_error(&err);
	else if (!print_model(options, &model))
		code = RNM_E_IO;
	else
		code = rnm_model_file_verdict(model.file, NULL) == RNM_OK ? RNM_OK : RNM_NO;
	model_argument_free(&model);
	context_free(&context);
	return code;
}
