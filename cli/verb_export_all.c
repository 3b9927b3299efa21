/* SPDX-License-Identifier: Apache-2.0 */
/* rnm export --all: one file for each rule and settings id that has a model. */
#include "export_name.h"
#include "export_run.h"
#include "output.h"
#include "table.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum skip_reason { SKIP_EMPTY, SKIP_NO_PROVIDERS, SKIP_NO_RULE, SKIP_REASONS };

static const char *const skip_names[SKIP_REASONS] = {
	[SKIP_EMPTY] = "no-live-model",
	[SKIP_NO_PROVIDERS] = "no-providers",
	[SKIP_NO_RULE] = "no-rule",
};

/* A set that nothing is wrong with but that gives no file. */
struct skipped_set {
	const struct context_set *set;
	enum skip_reason reason;
};

/* The run as a whole: what is written where, and the report. */
struct export_all {
	struct context *context;
	struct catalogue catalogue;
	const char *folder; /* NULL with --dry-run and no -o */
	int64_t created_at;
	struct export_outcome *outcomes;
	size_t outcome_count;
	struct skipped_set *skipped;
	size_t skipped_count;
	size_t skipped_for[SKIP_REASONS];
	int worst; /* exit code */
};

static char *make_path(void *ctx, const struct rnm_rule *rule, const char *settings,
                       const struct rnm_profile *profile)
{
	const struct export_all *all = ctx;
	char version[NUMBER_TEXT_MAX];

	/* Without a configuration there is nothing that a prefix could be mistaken for. */
	return export_name(all->folder, rule_is_bare(rule) && all->context->config != NULL, rule->name,
	                   settings, model_version_text(profile, version));
}

static void skip(struct export_all *all, const struct context_set *set, enum skip_reason reason)
{
	all->skipped[all->skipped_count++] = (struct skipped_set){ set, reason };
	all->skipped_for[reason]++;
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

	if (status == RNM_E_NOT_FOUND && is_empty_set(err)) {
		skip(all, set, SKIP_EMPTY);
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
	if (asprintf(&subject, "rule %s, settings %s", *set->rule->name != '\0' ? set->rule->name : "''",
	             *set->settings != '\0' ? set->settings : "''") >= 0) {
		(void)output_error_about(subject, err);
		free(subject);
	}
	return context_reconnect(all->context, err);
}

/*
 * No failure: such models live in Redis only, and a nightly run must be able to succeed beside them.  Sets
 * of no rule are often many, left behind by old configurations: one sentence for all of them.
 */
static void note_skipped(const struct export_all *all)
{
	size_t no_rule = all->skipped_for[SKIP_NO_RULE];

	for (size_t i = 0; i < all->skipped_count; i++) {
		const struct context_set *set = all->skipped[i].set;

		if (all->skipped[i].reason == SKIP_NO_PROVIDERS)
			output_note("rule '%s', settings '%s': the rule has no providers, skipped (no rspamd "
			            "could load the file)",
			            set->rule->name, set->settings);
	}
	if (no_rule > 0)
		output_note("%zu %s in Redis %s to no rule of the configuration, skipped (--json names them, "
		            "--any-digest takes them too)",
		            no_rule, no_rule == 1 ? "list of models" : "lists of models",
		            no_rule == 1 ? "belongs" : "belong");
}

static enum rnm_status export_sets(struct export_all *all, struct rnm_error *err)
{
	const struct catalogue *catalogue = &all->catalogue;
	bool any_digest = option_given(all->context->options, OPTION_ANY_DIGEST);
	enum rnm_status status = RNM_OK;

	all->worst = catalogue->broken.worst;
	all->outcomes = calloc(catalogue->set_count + 1, sizeof(*all->outcomes));
	all->skipped = calloc(catalogue->set_count + 1, sizeof(*all->skipped));
	if (all->outcomes == NULL || all->skipped == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < catalogue->set_count; i++) {
		const struct context_set *set = &catalogue->sets[i];

		if (rule_is_bare(set->rule) && !any_digest)
			skip(all, set, SKIP_NO_RULE);
		else if (!rule_is_bare(set->rule) && !set->rule->has_providers)
			skip(all, set, SKIP_NO_PROVIDERS);
		else
			status = export_set(all, set, err);
	}
	note_skipped(all);
	return status;
}

static size_t not_exportable(const struct export_all *all)
{
	return all->skipped_for[SKIP_NO_PROVIDERS] + all->skipped_for[SKIP_NO_RULE];
}

static void text_report(const struct export_all *all, struct rnm_buf *out, bool dry_run)
{
	static const struct table_column columns[] = {
		{ .title = "RULE" },
		{ .title = "SETTINGS" },
		{ .title = "VERSION", .right = true },
		{ .title = "SIZE", .right = true },
		{ .title = "FILE", .cell_max = TABLE_CELL_LONG },
	};
	struct table table;
	size_t done = 0;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < all->outcome_count; i++) {
		const struct export_outcome *outcome = &all->outcomes[i];
		char memory[64];
		struct rnm_buf size;

		rnm_buf_init_in(&size, memory, sizeof(memory));
		if (outcome->status == RNM_OK)
			output_size(&size, outcome->result.file_size);
		/* Not even the names could be kept of a set for which there was no memory. */
		table_name(&table, COLOR_NONE, outcome->rule != NULL ? outcome->rule : "?");
		table_name(&table, COLOR_NONE, outcome->settings != NULL ? outcome->settings : "?");
		table_cell(&table, COLOR_NONE, outcome->version != NULL ? outcome->version : "-");
		table_cell(&table, COLOR_NONE, rnm_buf_cstr(&size));
		if (outcome->status == RNM_OK)
			table_cell(&table, COLOR_NONE, outcome->file != NULL ? outcome->file : "-");
		else
			table_cell(&table, COLOR_RED, outcome->problem != NULL ? outcome->problem : "failed");
		done += outcome->status == RNM_OK;
	}
	table_print(&table, out, "");
	rnm_buf_printf(out, "\n%zu %s, %zu failed, %zu without a live model, %zu not exportable\n", done,
	               dry_run ? "checked" : "exported", all->outcome_count - done,
	               all->skipped_for[SKIP_EMPTY], not_exportable(all));
}

static void json_skipped(struct rnm_json *json, const struct export_all *all)
{
	rnm_json_key(json, "skipped");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < all->skipped_count; i++) {
		const struct context_set *set = all->skipped[i].set;

		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "rule", rule_is_bare(set->rule) ? NULL : set->rule->name);
		rnm_json_kv_string(json, "prefix", set->rule->prefix);
		rnm_json_kv_string(json, "settings", set->settings);
		rnm_json_kv_string(json, "why", skip_names[all->skipped[i].reason]);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
}

/* failure: why the run as a whole ended early, or NULL. */
static void json_report(const struct export_all *all, const struct rnm_error *failure, struct rnm_buf *out)
{
	bool dry_run = option_given(all->context->options, OPTION_DRY_RUN);
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "status", rnm_status_name(failure != NULL ? failure->status : RNM_OK));
	rnm_json_kv_string(&json, "problem", failure != NULL ? failure->message : NULL);
	rnm_json_key(&json, "exports");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < all->outcome_count; i++)
		export_outcome_json(&json, &all->outcomes[i], dry_run);
	rnm_json_end_array(&json);
	json_skipped(&json, all);
	rnm_json_kv_uint(&json, "without_live_model", all->skipped_for[SKIP_EMPTY]);
	rnm_json_kv_uint(&json, "not_exportable", not_exportable(all));
	broken_rules_json(&json, &all->catalogue.broken);
	rnm_json_end_object(&json);
}

static bool print_report(const struct export_all *all, const struct rnm_error *failure)
{
	const struct options *options = all->context->options;
	bool dry_run = option_given(options, OPTION_DRY_RUN);
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(options, OPTION_JSON)) {
		json_report(all, failure, &out);
		return output_json(&out);
	}
	/* What was done before a failure is told too. */
	if (!output_quiet() && (failure == NULL || all->outcome_count > 0))
		text_report(all, &out, dry_run);
	return output_buffer(&out);
}

static enum rnm_status check_folder(const char *folder, bool dry_run, struct rnm_error *err)
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
	/* Said once, before anything is read, and not for every model. */
	if (!dry_run && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
		return rnm_error_sys(err, "export.open", errno, "cannot write into the folder %s", folder);
	return RNM_OK;
}

static enum rnm_status run(struct export_all *all, struct rnm_error *err)
{
	enum rnm_status status = context_created_at(&all->created_at, err);

	if (status == RNM_OK)
		status = check_folder(all->folder, option_given(all->context->options, OPTION_DRY_RUN), err);
	if (status == RNM_OK)
		status = context_load_config(all->context, err);
	if (status == RNM_OK)
		status = export_check_context(all->context, err);
	if (status == RNM_OK)
		status = context_connect(all->context, err);
	if (status == RNM_OK)
		status = catalogue_open(&all->catalogue, all->context, err);
	return status == RNM_OK ? export_sets(all, err) : status;
}

static void export_all_free(struct export_all *all)
{
	for (size_t i = 0; i < all->outcome_count; i++)
		export_outcome_free(&all->outcomes[i]);
	free(all->outcomes);
	free(all->skipped);
	catalogue_free(&all->catalogue);
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
	if (!print_report(&all, status == RNM_OK ? NULL : &err))
		code = RNM_E_IO;
	export_all_free(&all);
	context_free(&context);
	return code;
}
