/* SPDX-License-Identifier: Apache-2.0 */
#include "merge_report.h"
#include "model_findings.h"
#include "model_version.h"
#include "output.h"

#include <string.h>

static void put_text(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_ALL);
}

static void put_name(struct rnm_buf *out, const char *name)
{
	rnm_buf_printf(out, "  %s%-10s%s", output_color(COLOR_DIM), name, output_color(COLOR_NONE));
}

/* "0.6 * a.rnm + 0.4 * b.rnm" */
static void put_formula(struct rnm_buf *out, const struct merge_run *run)
{
	char number[NUMBER_TEXT_MAX];

	for (size_t i = 0; i < run->count; i++) {
		rnm_buf_printf(out, "%s%s * ", i > 0 ? " + " : "",
		               number_text(run->merge->shares[i], number));
		rnm_buf_puts(out, run->operands[i].name);
	}
}

static void text_formula(struct rnm_buf *out, const struct merge_run *run)
{
	const struct rnm_merge *merge = run->merge;
	char number[NUMBER_TEXT_MAX];
	struct rnm_buf formula;

	rnm_buf_init(&formula, OUTPUT_MAX);
	put_formula(&formula, run);
	put_name(out, "formula");
	put_text(out, rnm_buf_cstr(&formula));
	out->failed = out->failed || formula.failed;
	rnm_buf_putc(out, '\n');
	rnm_buf_free(&formula);
	put_name(out, "computed");
	if (!merge->single) {
		rnm_buf_puts(out, "in double precision\n");
		return;
	}
	rnm_buf_puts(out, "in single precision, as rspamd does: (1 - alpha) * ");
	put_text(out, run->operands[merge->base].name);
	rnm_buf_puts(out, " + alpha * ");
	put_text(out, run->operands[1 - merge->base].name);
	rnm_buf_printf(out, ", alpha = %s\n", number_text(merge->shares[1 - merge->base], number));
}

static void text_aspects(struct rnm_buf *out, const char *name, unsigned aspects, const char *end)
{
	const char *separator = "";

	if (aspects == 0)
		return;
	put_name(out, name);
	for (unsigned aspect = 1; aspect < RNM_ASPECT_END; aspect <<= 1) {
		if ((aspects & aspect) == 0)
			continue;
		rnm_buf_printf(out, "%s%s", separator, rnm_model_aspect_name(aspect));
		separator = ", ";
	}
	put_text(out, end);
}

static void text_label(struct rnm_buf *out, const struct merge_run *run)
{
	const struct rnm_merge *merge = run->merge;
	char number[NUMBER_TEXT_MAX];

	if (run->form == RNM_FORM_NETWORK) {
		put_name(out, "form");
		rnm_buf_puts(out, "a bare network, without a container\n");
		return;
	}
	put_name(out, "version");
	rnm_buf_printf(out, "%s\n", number_text(merge->parts.model_version, number));
	put_name(out, "digest");
	rnm_buf_printf(out, "%s\n",
	               merge->parts.providers_digest[0] != '\0' ? merge->parts.providers_digest : "none");
	text_aspects(out, "kept", merge->kept, ": those of ");
	if (merge->kept != 0) {
		put_text(out, run->operands[merge->base].name);
		rnm_buf_putc(out, '\n');
	}
	text_aspects(out, "left out", merge->dropped, "");
	if (merge->dropped != 0)
		rnm_buf_puts(out, ", for the models differ; --keep MODEL takes those of one\n");
}

void merge_text(struct rnm_buf *out, const struct merge_run *run)
{
	rnm_buf_printf(out, "%s %zu models", run->dry_run ? "Checked the merge of" : "Merged", run->count);
	if (!run->dry_run) {
		rnm_buf_puts(out, " into ");
		put_text(out, run->path != NULL ? run->path : "standard output");
	}
	rnm_buf_puts(out, run->dry_run ? ", which would be " : ", ");
	output_size(out, run->written.file_size);
	rnm_buf_printf(out, " (%llu bytes)%s\n", (unsigned long long)run->written.file_size,
	               run->dry_run ? "; nothing written" : "");
	text_formula(out, run);
	put_name(out, "network");
	if (rnm_network_describe(run->operands[run->merge->base].model.file->network, out, NULL) != RNM_OK)
		out->failed = true;
	rnm_buf_putc(out, '\n');
	text_label(out, run);
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void json_merge(struct rnm_json *json, const struct merge_run *run)
{
	const struct rnm_merge *merge = run->merge;
	const struct rnm_model_parts *parts = &merge->parts;
	bool container = run->form == RNM_FORM_RNM1;
	struct rnm_buf formula;

	rnm_buf_init(&formula, OUTPUT_MAX);
	put_formula(&formula, run);
	rnm_json_kv_string(json, "formula", rnm_buf_cstr(&formula));
	json->out->failed = json->out->failed || formula.failed;
	rnm_buf_free(&formula);
	rnm_json_kv_string(json, "precision", merge->single ? "single" : "double");
	rnm_json_kv_uint(json, "base", merge->base);
	rnm_json_key(json, "parts");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < run->count; i++) {
		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "model", run->operands[i].name);
		rnm_json_kv_double(json, "share", merge->shares[i]);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
	json_model_aspects(json, "kept", merge->kept);
	json_model_aspects(json, "dropped", merge->dropped);
	rnm_json_kv_string(json, "form", container ? "rnm1" : "network");
	if (container)
		number_json(json, "model_version", parts->model_version);
	else
		rnm_json_kv_null(json, "model_version");
	rnm_json_kv_string(json, "providers_digest",
	                   container && parts->providers_digest[0] != '\0' ? parts->providers_digest : NULL);
	rnm_json_kv_bool(json, "has_norm_stats", container && parts->norm_mode != RNM_NORM_NONE);
	rnm_json_kv_bool(json, "has_roc_thresholds", container && parts->has_roc);
	rnm_json_kv_uint(json, "file_size", run->written.file_size);
	rnm_json_kv_string(json, "blake2b", run->written.hash);
	rnm_json_kv_uint(json, "ann_size", run->written.ann_size);
	rnm_json_kv_uint(json, "ann_expanded", run->written.ann_expanded);
	rnm_json_kv_uint(json, "pca_size", run->written.pca_size);
	rnm_json_kv_uint(json, "pca_expanded", run->written.pca_expanded);
}

void merge_json(struct rnm_json *json, const struct merge_run *run, const struct rnm_error *err)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "status", rnm_status_name(err != NULL ? err->status : RNM_OK));
	rnm_json_kv_string(json, "problem", err != NULL ? err->message : NULL);
	rnm_json_kv_string(json, "file", err == NULL ? run->path : NULL);
	rnm_json_kv_bool(json, "dry_run", run->dry_run);
	if (err == NULL)
		json_merge(json, run);
	rnm_json_end_object(json);
}
