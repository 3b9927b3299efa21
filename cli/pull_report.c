/* SPDX-License-Identifier: Apache-2.0 */
#include "model_findings.h"
#include "output.h"
#include "pull.h"
#include "signature.h"

/* ---- text ---- */

static void put_version(struct rnm_buf *out, const struct rnm_statement *statement)
{
	if (statement->has_model_version)
		rnm_buf_printf(out, "version %llu of ", (unsigned long long)statement->model_version);
	output_name(out, statement->name);
}

static void put_place(struct rnm_buf *out, const struct pull_run *run)
{
	const struct rnm_import *import = run->import;

	if (run->how.to != NULL) {
		rnm_buf_puts(out, " in ");
		output_name(out, run->how.to);
	}
	if (import == NULL)
		return;
	rnm_buf_printf(out, "%s Redis%s as version %.16g, key ", run->how.to != NULL ? " and in" : " in",
	               import->present ? " already" : "", import->version);
	output_name(out, import->key);
}

static void put_headline(struct rnm_buf *out, const struct pull_run *run)
{
	const struct rnm_pull *pull = run->pull;
	const bool dry_run = run->how.dry_run;

	if (!pull->changed && !pull->pending)
		rnm_buf_puts(out, "unchanged: ");
	else if (!pull->changed)
		rnm_buf_puts(out, dry_run ? "would hand on: " : "handed on: ");
	else if (pull->rolled_back)
		rnm_buf_puts(out, dry_run ? "would roll back: " : "rolled back: ");
	else
		rnm_buf_puts(out, dry_run ? "would install: " : "installed: ");
	put_version(out, &pull->statement);
	put_place(out, run);
	rnm_buf_putc(out, '\n');
}

static void put_details(struct rnm_buf *out, const struct pull_run *run)
{
	const struct rnm_pull *pull = run->pull;

	if (pull->changed) {
		rnm_buf_puts(out, "  size      ");
		output_size(out, pull->statement.size);
		if (pull->resumed > 0) {
			rnm_buf_puts(out, ", of which ");
			output_size(out, pull->resumed);
			rnm_buf_puts(out, " had come before");
		}
		rnm_buf_putc(out, '\n');
	}
	rnm_buf_puts(out, "  signed by ");
	output_name(out, pull->signer_name);
	rnm_buf_putc(out, '\n');
	statement_text(out, "  ", &pull->statement);
}

/* ---- JSON ---- */

static void json_pull(struct rnm_json *json, const struct pull_run *run)
{
	const struct rnm_pull *pull = run->pull;

	rnm_json_kv_bool(json, "changed", pull->changed);
	rnm_json_kv_bool(json, "rolled_back", pull->rolled_back);
	rnm_json_key(json, "previous_version");
	if (pull->has_previous)
		rnm_json_uint(json, pull->previous_version);
	else
		rnm_json_null(json);
	rnm_json_key(json, "statement");
	rnm_json_begin_object(json);
	statement_json(json, &pull->statement);
	rnm_json_end_object(json);
	rnm_json_kv_string(json, "signer", pull->signer);
	rnm_json_kv_string(json, "signer_name", pull->signer_name);
	rnm_json_kv_uint(json, "received", pull->received);
	rnm_json_kv_uint(json, "resumed", pull->resumed);
	rnm_json_kv_bool(json, "command_ran", run->command_ran);
	rnm_json_key(json, "imported");
	if (run->import != NULL) {
		rnm_json_begin_object(json);
		rnm_json_kv_bool(json, "written", run->import->done);
		rnm_json_kv_bool(json, "present", run->import->present);
		rnm_json_kv_uint(json, "version", (uint64_t)run->import->version);
		rnm_json_kv_string(json, "key", run->import->key);
		rnm_json_end_object(json);
	} else {
		rnm_json_null(json);
	}
	if (pull->verification != NULL)
		json_model_findings(json, pull->verification);
}

static void json_report(struct rnm_json *json, const struct pull_run *run, const struct rnm_error *err)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "status", rnm_status_name(err != NULL ? err->status : RNM_OK));
	rnm_json_kv_string(json, "problem", err != NULL ? err->message : NULL);
	rnm_json_kv_string(json, "id", err != NULL ? err->id : NULL);
	rnm_json_kv_string(json, "url", run->url);
	rnm_json_kv_string(json, "file", run->how.to);
	rnm_json_kv_string(json, "rule", run->rule != NULL ? run->rule->name : NULL);
	rnm_json_kv_bool(json, "dry_run", run->how.dry_run);
	if (run->pull != NULL)
		json_pull(json, run);
	rnm_json_end_object(json);
}

bool pull_report(const struct pull_run *run, const struct rnm_error *err)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(run->options, OPTION_JSON)) {
		struct rnm_json json;

		rnm_json_init(&json, &out, false);
		json_report(&json, run, err);
		return output_json(&out);
	}
	/* An error has been said. */
	if (err != NULL || output_quiet())
		return true;
	put_headline(&out, run);
	put_details(&out, run);
	return output_buffer(&out);
}
