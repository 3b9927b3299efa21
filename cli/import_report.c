/* SPDX-License-Identifier: Apache-2.0 */
#include "import_report.h"
#include "model_findings.h"
#include "output.h"

#include <string.h>

/* Arguments of commands longer than this are named by their size. */
#define ARGUMENT_SHOWN ((size_t)400)

/* ---- warnings ---- */

static void warn_victims(const struct rnm_import *import)
{
	for (size_t i = 0; i < import->victim_count; i++) {
		const struct rnm_import_victim *victim = &import->victims[i];
		struct rnm_buf text;

		rnm_buf_init(&text, OUTPUT_MAX);
		rnm_buf_printf(&text, "max_profiles is %.14g: rspamd takes version ", import->max_profiles);
		output_name(&text, victim->version);
		rnm_buf_puts(&text, victim->key != NULL ? " away at its next check, with its key " : " away");
		if (victim->key != NULL)
			output_name(&text, victim->key);
		if (!victim->live)
			rnm_buf_puts(&text, " (which holds no network)");
		else if (victim->served)
			rnm_buf_puts(&text, " (which is served until then)");
		output_warning("%s", rnm_buf_cstr(&text));
		rnm_buf_free(&text);
	}
}

void import_warn(const struct import_run *run)
{
	const struct rnm_import *import = run->import;

	for (size_t i = 0; i < import->verification->finding_count; i++)
		output_warning("%s: %s", import->verification->findings[i].id,
		               import->verification->findings[i].text);
	if (import->present)
		return;
	if (import->locked_key != NULL)
		output_warning(
		    "somebody is training from %s right now: what they write may replace the import",
		    import->locked_key);
	warn_victims(import);
	if (import->done && !import->served)
		output_warning("workers will not serve it: %s", import->served_why);
}

/* ---- text ---- */

/* Short text; what is binary, or long, is told by its size. */
static bool is_text(struct rnm_bytes argument)
{
	size_t step;

	if (argument.len > ARGUMENT_SHOWN)
		return false;
	for (size_t at = 0; at < argument.len; at += step) {
		step = output_printable(argument.data + at, argument.len - at);
		if (step == 0)
			return false;
	}
	return true;
}

static void put_argument(struct rnm_buf *out, struct rnm_bytes argument)
{
	if (is_text(argument))
		output_escape(out, argument.data, argument.len, ESCAPE_ALL);
	else
		rnm_buf_printf(out, "<%zu bytes>", argument.len);
}

static void put_commands(struct rnm_buf *out, const struct rnm_import *import)
{
	rnm_buf_puts(out, "  MULTI\n");
	for (size_t i = 0; i < import->command_count; i++) {
		const struct rnm_import_command *command = &import->commands[i];

		rnm_buf_putc(out, ' ');
		for (size_t arg = 0; arg < command->argc; arg++) {
			rnm_buf_putc(out, ' ');
			put_argument(out, command->argv[arg]);
		}
		rnm_buf_putc(out, '\n');
	}
	rnm_buf_puts(out, "  EXEC\n");
}

void import_text(struct rnm_buf *out, const struct import_run *run)
{
	const struct rnm_import *import = run->import;

	rnm_buf_puts(out, import->present ? "Nothing to do: workers serve "
	                  : run->dry_run  ? "Checked "
	                                  : "Imported ");
	output_escape(out, run->model, strlen(run->model), ESCAPE_ALL);
	rnm_buf_printf(out, "%s version %.16g of rule ", import->present ? " already, as" : " as",
	               import->version);
	output_name(out, run->rule->name);
	rnm_buf_puts(out, ", settings ");
	output_name(out, run->settings);
	rnm_buf_puts(out, "\n  key       ");
	output_name(out, import->key);
	rnm_buf_puts(out, "\n  list      ");
	output_name(out, import->zset);
	rnm_buf_puts(out, "\n  server    ");
	output_name(out, run->server);
	rnm_buf_putc(out, '\n');
	if (import->present)
		return;
	rnm_buf_puts(out, "  size      ");
	output_size(out, import->bytes);
	rnm_buf_printf(out, " (%llu bytes)%s\n", (unsigned long long)import->bytes,
	               run->dry_run ? "; nothing written. It would send:" : "");
	if (run->dry_run)
		put_commands(out, import);
}

/* ---- JSON ---- */

static void json_argument(struct rnm_json *json, struct rnm_bytes argument)
{
	if (is_text(argument)) {
		rnm_json_string_n(json, argument);
		return;
	}
	rnm_json_begin_object(json);
	rnm_json_kv_uint(json, "bytes", argument.len);
	rnm_json_end_object(json);
}

static void json_commands(struct rnm_json *json, const struct rnm_import *import)
{
	rnm_json_key(json, "commands");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < import->command_count; i++) {
		rnm_json_begin_array(json);
		for (size_t arg = 0; arg < import->commands[i].argc; arg++)
			json_argument(json, import->commands[i].argv[arg]);
		rnm_json_end_array(json);
	}
	rnm_json_end_array(json);
}

static void json_import(struct rnm_json *json, const struct rnm_import *import)
{
	rnm_json_kv_bool(json, "written", import->done);
	rnm_json_kv_bool(json, "present", import->present);
	rnm_json_kv_uint(json, "version", (uint64_t)import->version);
	rnm_json_kv_double(json, "known_version", import->known_version);
	rnm_json_kv_string(json, "zset", import->zset);
	rnm_json_kv_string(json, "key", import->key);
	rnm_json_kv_string(json, "member", import->member);
	rnm_json_kv_uint(json, "bytes", import->bytes);
	rnm_json_kv_string(json, "locked", import->locked_key);
	rnm_json_key(json, "served");
	if (import->done)
		rnm_json_bool(json, import->served);
	else
		rnm_json_null(json);
	rnm_json_key(json, "evicts");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < import->victim_count; i++) {
		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "version", import->victims[i].version);
		rnm_json_kv_string(json, "key", import->victims[i].key);
		rnm_json_kv_bool(json, "live", import->victims[i].live);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
	json_commands(json, import);
	json_model_findings(json, import->verification);
}

void import_json(struct rnm_json *json, const struct import_run *run, const struct rnm_error *err)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "status", rnm_status_name(err != NULL ? err->status : RNM_OK));
	rnm_json_kv_string(json, "problem", err != NULL ? err->message : NULL);
	rnm_json_kv_string(json, "id", err != NULL ? err->id : NULL);
	rnm_json_kv_string(json, "model", run->model);
	rnm_json_kv_string(json, "rule", run->rule != NULL ? run->rule->name : NULL);
	rnm_json_kv_string(json, "settings", run->settings);
	rnm_json_kv_string(json, "server", run->server);
	rnm_json_kv_bool(json, "dry_run", run->dry_run);
	if (run->import != NULL)
		json_import(json, run->import);
	rnm_json_end_object(json);
}
