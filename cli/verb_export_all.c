/* SPDX-License-Identifier: Apache-2.0 */
/* rnm export --all: one file for each rule and settings id that has a model. */
#include "export_run.h"
#include "output.h"
#include "table.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The run as a whole: what is written where, and the report. */
struct export_all {
	struct context *context;
	const char *folder; /* NULL with --dry-run and no -o */
	int64_t created_at;
	char **used; /* paths written by this run */
	size_t used_count;
	struct export_outcome *outcomes;
	size_t outcome_count;
	size_t skipped;        /* sets without a live model */
	size_t not_exportable; /* sets of rules without providers, or of no rule */
	int worst;             /* exit code */
};

/*
 * Appends text as part of a file name: letters, digits, '.', '-', '_' and UTF-8 stay, everything else
 * (separators, control characters, a dot in front) becomes %XX.
 */
static void file_name_part(struct rnm_buf *name, const char *text, bool encode_underscore)
{
	for (const char *c = text; *c != '\0'; c++) {
		unsigned char byte = (unsigned char)*c;
		bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
		             (byte >= 'a' && byte <= 'z') || byte >= 0x80 || byte == '-' ||
		             (byte == '_' && !encode_underscore) ||
		             (byte == '.' && name->len > 0 && c != text);

		if (plain)
			rnm_buf_putc(name, *c);
		else
			rnm_buf_printf(name, "%%%02X", byte);
	}
}

static char *make_name(const char *folder, const struct rnm_rule *rule, const char *settings,
                       const struct rnm_profile *profile, bool encode_underscore)
{
	struct rnm_buf name;
	char *path = NULL;

	rnm_buf_init(&name, 65536);
	file_name_part(&name, rule->name, encode_underscore);
	rnm_buf_putc(&name, '_');
	file_name_part(&name, settings, encode_underscore);
	rnm_buf_putc(&name, '_');
	file_name_part(&name, profile->version_text != NULL ? profile->version_text : "", encode_underscore);
	rnm_buf_puts(&name, ".rnm");
	if (!name.failed && asprintf(&path, "%s/%s", folder, rnm_buf_cstr(&name)) < 0)
		path = NULL;
	rnm_buf_free(&name);
	return path;
}

static bool is_used(const struct export_all *all, const char *path)
{
	for (size_t i = 0; i < all->used_count; i++) {
		if (strcmp(all->used[i], path) == 0)
			return true;
	}
	return false;
}

/*
 * Rule "a_b" with settings "c" and rule "a" with settings "b_c" would share a name: the second one
 * gets its underscores encoded, which no other name can equal.
 */
static char *make_path(void *ctx, const struct rnm_rule *rule, const char *settings,
                       const struct rnm_profile *profile)
{
	struct export_all *all = ctx;
	char *path = make_name(all->folder, rule, settings, profile, false);

	if (path != NULL && is_used(all, path)) {
		free(path);
		path = make_name(all->folder, rule, settings, profile, true);
	}
	if (path == NULL)
		return NULL;
	all->used[all->used_count] = strdup(path);
	if (all->used[all->used_count] == NULL) {
		free(path);
		return NULL;
	}
	all->used_count++;
	return path;
}

/* Whether a failure is only that this set has nothing to export. */
static bool is_empty_set(const struct rnm_error *err)
{
	return strcmp(err->id, "store.empty") == 0 || strcmp(err->id, "store.none-live") == 0;
}

static enum rnm_status export_set(struct export_all *all, const struct context_set *set,
                                  struct rnm_error *err)
{
	struct export_request request = {
		.rule = set->rule,
		.settings = set->settings,
		.make_path = all->folder != NULL ? make_path : NULL,
		.make_path_ctx = all,
		.created_at = all->created_at,
	};
	struct export_outcome outcome;
	char *subject = NULL;
	enum rnm_status status = export_run(all->context, &request, &outcome, err);
	int code = rnm_status_exit_code(status);

	if (status != RNM_OK && is_empty_set(err)) {
		all->skipped++;
		export_outcome_free(&outcome);
		return RNM_OK;
	}
	all->worst = code > all->worst ? code : all->worst;
	all->outcomes[all->outcome_count++] = outcome;
	if (status == RNM_E_INTERRUPTED || status == RNM_E_NOMEM)
		return status;
	if (status == RNM_OK)
		return RNM_OK;
	/* One set's trouble does not keep the others from being saved. */
	if (asprintf(&subject, "rule %s, settings %s", set->rule->name, set->settings) >= 0) {
		(void)output_error_about(subject, err);
		free(subject);
	}
	return context_reconnect(all->context, err);
}

/* No failure: such models live in Redis only, and a nightly run must be able to succeed beside them. */
static void note_not_exportable(const struct context_set *set)
{
	if (rule_is_bare(set->rule))
		output_note("prefix '%s', settings '%s': belongs to no rule of the configuration, skipped "
		            "(--any-digest "
		            "takes it too)",
		            set->rule->prefix, set->settings);
	else
		output_note("rule '%s', settings '%s': the rule has no providers, skipped (no rspamd could "
		            "load the file)",
		            set->rule->name, set->settings);
}

static enum rnm_status export_sets(struct export_all *all, const struct catalogue *catalogue,
                                   struct rnm_error *err)
{
	bool any_digest = option_given(all->context->options, OPTION_ANY_DIGEST);
	enum rnm_status status = RNM_OK;

	all->used = calloc(catalogue->set_count + 1, sizeof(*all->used));
	all->outcomes = calloc(catalogue->set_count + 1, sizeof(*all->outcomes));
	if (all->used == NULL || all->outcomes == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < catalogue->set_count; i++) {
		const struct context_set *set = &catalogue->sets[i];

		if (rule_is_bare(set->rule) ? !any_digest : !set->rule->has_providers) {
			note_not_exportable(set);
			all->not_exportable++;
		} else {
			status = export_set(all, set, err);
		}
	}
	return status;
}

static void text_report(const struct export_all *all, struct rnm_buf *out, bool dry_run)
{
	static const struct table_column columns[] = {
		{ "RULE", false }, { "SETTINGS", false }, { "VERSION", true },
		{ "SIZE", true },  { "FILE", false },
	};
	struct table table;
	size_t done = 0;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < all->outcome_count; i++) {
		const struct export_outcome *outcome = &all->outcomes[i];
		struct rnm_buf size;

		rnm_buf_init(&size, 64);
		if (outcome->status == RNM_OK)
			output_size(&size, outcome->result.file_size);
		table_cell(&table, COLOR_NONE, outcome->rule);
		table_cell(&table, COLOR_NONE, outcome->settings);
		table_cell(&table, COLOR_NONE, outcome->version != NULL ? outcome->version : "-");
		table_cell(&table, COLOR_NONE, rnm_buf_cstr(&size));
		if (outcome->status == RNM_OK)
			table_cell(&table, COLOR_NONE, outcome->file != NULL ? outcome->file : "-");
		else
			table_cell(&table, COLOR_RED, outcome->problem != NULL ? outcome->problem : "failed");
		rnm_buf_free(&size);
		done += outcome->status == RNM_OK;
	}
	table_print(&table, out, "");
	rnm_buf_printf(out, "\n%zu %s, %zu failed, %zu without a live model, %zu not exportable\n", done,
	               dry_run ? "checked" : "exported", all->outcome_count - done, all->skipped,
	               all->not_exportable);
}

static void json_report(const struct export_all *all, struct rnm_buf *out, bool dry_run)
{
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_json_key(&json, "exports");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < all->outcome_count; i++)
		export_outcome_json(&json, &all->outcomes[i], dry_run);
	rnm_json_end_array(&json);
	rnm_json_kv_uint(&json, "without_live_model", all->skipped);
	rnm_json_kv_uint(&json, "not_exportable", all->not_exportable);
	rnm_json_end_object(&json);
}

static bool print_report(const struct export_all *all)
{
	const struct options *options = all->context->options;
	bool dry_run = option_given(options, OPTION_DRY_RUN);
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(options, OPTION_JSON)) {
		json_report(all, &out, dry_run);
		return output_json(&out);
	}
	if (!output_quiet())
		text_report(all, &out, dry_run);
	return output_buffer(&out);
}

static enum rnm_status check_folder(const char *folder, struct rnm_error *err)
{
	struct stat st;

	if (folder == NULL)
		return RNM_OK;
	if (stat(folder, &st) != 0) {
		rnm_error_sys(err, "export.open", errno, "cannot write into the folder %s", folder);
		rnm_error_set_hint(err, "mkdir %s", folder);
		return RNM_E_IO;
	}
	if (!S_ISDIR(st.st_mode)) {
		rnm_error_set(err, RNM_E_IO, "export.open", "cannot write into %s: it is not a folder",
		              folder);
		rnm_error_set_hint(err, "--all writes several files: name a folder with -o");
		return RNM_E_IO;
	}
	return RNM_OK;
}

static enum rnm_status run(struct export_all *all, struct rnm_error *err)
{
	struct catalogue catalogue = { 0 };
	enum rnm_status status = context_created_at(&all->created_at, err);

	if (status == RNM_OK)
		status = check_folder(all->folder, err);
	if (status == RNM_OK)
		status = context_load_config(all->context, err);
	if (status == RNM_OK)
		status = export_check_context(all->context, err);
	if (status == RNM_OK)
		status = context_connect(all->context, err);
	if (status == RNM_OK)
		status = catalogue_open(&catalogue, all->context, err);
	if (status == RNM_OK)
		status = export_sets(all, &catalogue, err);
	catalogue_free(&catalogue);
	return status;
}

static void export_all_free(struct export_all *all)
{
	for (size_t i = 0; i < all->used_count; i++)
		free(all->used[i]);
	free(all->used);
	for (size_t i = 0; i < all->outcome_count; i++)
		export_outcome_free(&all->outcomes[i]);
	free(all->outcomes);
}

int verb_export_all(const struct options *options)
{
	struct context context;
	struct export_all all = { .context = &context, .folder = option_text(options, OPTION_OUTPUT, NULL) };
	struct rnm_error err;
	enum rnm_status status = context_open(&context, options, &err);
	int code;

	if (status == RNM_OK)
		status = run(&all, &err);
	code = status == RNM_OK ? all.worst : output_error(&err);
	/* What was done before a failure is reported too. */
	if ((status == RNM_OK || all.outcome_count > 0) && !print_report(&all))
		code = RNM_E_IO;
	export_all_free(&all);
	context_free(&context);
	return code;
}
