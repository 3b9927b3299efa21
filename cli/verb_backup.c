/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "output.h"
#include "progress.h"
#include "table.h"
#include "verbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* More generations than this nobody counts. */
#define KEEP_MAX 1000000.0

struct saved_set {
	const struct rnm_rule *rule; /* borrowed from the run */
	const char *settings;
	enum rnm_status status;
	char *problem; /* the error's sentence when status is not RNM_OK */
	struct rnm_backup_totals totals;
};

struct backup_run {
	struct context *context;
	struct catalogue catalogue;
	struct rnm_rule *rule; /* the one of -r, without --all */
	struct rnm_backup *backup;
	struct progress progress;
	bool dry_run;
	size_t keep; /* 0: all */
	struct saved_set *sets;
	size_t set_count;
	size_t without_model;
	struct rnm_backup_totals totals;
	struct rnm_backup_result result;
	int worst; /* exit code */
};

static void add_totals(struct rnm_backup_totals *sum, const struct rnm_backup_totals *totals)
{
	sum->models += totals->models;
	sum->profiles += totals->profiles;
	sum->vectors += totals->vectors;
	sum->objects += totals->objects;
	sum->bytes += totals->bytes;
	sum->new_objects += totals->new_objects;
	sum->new_bytes += totals->new_bytes;
}

/* ---- the run ---- */

static enum rnm_status keep_problem(struct backup_run *run, struct saved_set *saved, struct rnm_error *err)
{
	int code = rnm_status_exit_code(saved->status);
	char *subject = NULL;

	saved->problem = strdup(err->message);
	run->worst = code > run->worst ? code : run->worst;
	if (saved->status == RNM_E_INTERRUPTED || saved->status == RNM_E_NOMEM)
		return saved->status;
	/* Without --all the error is that of the run. */
	if (run->rule != NULL)
		return saved->status;
	/* One set's trouble does not keep the others from being saved. */
	if (asprintf(&subject, "rule %s, settings %s", *saved->rule->name != '\0' ? saved->rule->name : "''",
	             *saved->settings != '\0' ? saved->settings : "''") >= 0) {
		(void)output_error_about(subject, err);
		free(subject);
	}
	return context_reconnect(run->context, err);
}

static enum rnm_status save_set(struct backup_run *run, const struct rnm_rule *rule, const char *settings,
                                struct rnm_error *err)
{
	struct saved_set *saved = &run->sets[run->set_count];
	struct rnm_backup_totals *totals = &saved->totals;

	*saved = (struct saved_set){ .rule = rule, .settings = settings };
	progress_start(&run->progress, run->dry_run ? "reading" : "saving");
	saved->status = rnm_backup_add(run->backup, run->context->redis, rule,
	                               rule_is_bare(rule) ? NULL : rule->name, settings, totals, err);
	progress_end(&run->progress);
	if (saved->status == RNM_OK && totals->models + totals->vectors == 0) {
		run->without_model++;
		return RNM_OK;
	}
	run->set_count++;
	add_totals(&run->totals, totals);
	return saved->status == RNM_OK ? RNM_OK : keep_problem(run, saved, err);
}

static enum rnm_status save_catalogue(struct backup_run *run, struct rnm_error *err)
{
	enum rnm_status status = catalogue_open(&run->catalogue, run->context, err);

	if (status != RNM_OK)
		return status;
	run->worst = run->catalogue.broken.worst;
	if (run->catalogue.broken.count > 0)
		rnm_backup_mark_incomplete(run->backup);
	run->sets = calloc(run->catalogue.set_count + 1, sizeof(*run->sets));
	if (run->sets == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < run->catalogue.set_count; i++)
		status = save_set(run, run->catalogue.sets[i].rule, run->catalogue.sets[i].settings, err);
	return status;
}

static enum rnm_status save_one(struct backup_run *run, struct rnm_error *err)
{
	const struct options *options = run->context->options;

	run->sets = calloc(1, sizeof(*run->sets));
	if (run->sets == NULL)
		return rnm_error_nomem(err);
	return save_set(run, run->rule, option_text(options, OPTION_SETTINGS, "default"), err);
}

static enum rnm_status now(double *seconds, struct rnm_error *err)
{
	int64_t stamped = 0;
	struct timespec when;
	enum rnm_status status = context_created_at(&stamped, err);

	/* A time that was given is taken as it is; the present one has parts of a second. */
	*seconds = (double)stamped;
	if (getenv("SOURCE_DATE_EPOCH") == NULL && clock_gettime(CLOCK_REALTIME, &when) == 0)
		*seconds = (double)when.tv_sec + (double)when.tv_nsec / 1e9;
	return status;
}

static enum rnm_status open_backup(struct backup_run *run, struct rnm_error *err)
{
	const struct options *options = run->context->options;
	char tool[64];
	struct rnm_backup_options how = {
		.folder = option_text(options, OPTION_OUTPUT, NULL),
		.with_training = option_given(options, OPTION_WITH_TRAINING),
		.dry_run = run->dry_run,
		.tool = tool,
		.progress = progress_report,
		.progress_ctx = &run->progress,
	};
	enum rnm_status status = now(&how.now, err);

	(void)snprintf(tool, sizeof(tool), "rnm %s", rnm_version());
	return status == RNM_OK ? rnm_backup_open(&run->backup, &how, err) : status;
}

static enum rnm_status run_backup(struct backup_run *run, struct rnm_error *err)
{
	const struct options *options = run->context->options;
	enum rnm_status status = context_load_config(run->context, err);

	if (status == RNM_OK && !option_given(options, OPTION_ALL))
		status =
		    context_rule(run->context, option_text(options, OPTION_RULE, "default"), &run->rule, err);
	/* The folder before the server: a run that cannot write reads nothing. */
	if (status == RNM_OK)
		status = open_backup(run, err);
	if (status == RNM_OK)
		status = context_connect(run->context, err);
	if (status == RNM_OK)
		status = run->rule != NULL ? save_one(run, err) : save_catalogue(run, err);
	if (status == RNM_OK)
		status = rnm_backup_commit(run->backup, rnm_redis_address(run->context->redis), run->keep,
		                           &run->result, err);
	if (status == RNM_OK && run->result.kept_all)
		output_warning("the backup is not complete, so that no older one was removed");
	return status;
}

/* ---- the report ---- */

static void put_count(struct table *table, uint64_t count)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)count);
	table_cell(table, COLOR_NONE, text);
}

static void put_size(struct table *table, uint64_t size)
{
	char memory[64];
	struct rnm_buf text;

	rnm_buf_init_in(&text, memory, sizeof(memory));
	output_size(&text, size);
	table_cell(table, COLOR_NONE, rnm_buf_cstr(&text));
}

static void put_table(struct rnm_buf *out, const struct backup_run *run)
{
	static const struct table_column columns[] = {
		{ .title = "RULE" },
		{ .title = "SETTINGS" },
		{ .title = "MODELS", .right = true },
		{ .title = "VECTORS", .right = true },
		{ .title = "SIZE", .right = true },
		{ .title = "NEW", .right = true },
		{ .title = "", .cell_max = TABLE_CELL_LONG },
	};
	struct table table;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < run->set_count; i++) {
		const struct saved_set *saved = &run->sets[i];

		table_name(&table, COLOR_NONE, saved->rule->name);
		table_name(&table, COLOR_NONE, saved->settings);
		put_count(&table, saved->totals.models);
		put_count(&table, saved->totals.vectors);
		put_size(&table, saved->totals.bytes);
		put_size(&table, saved->totals.new_bytes);
		table_cell(&table, COLOR_RED, saved->problem != NULL ? saved->problem : "");
	}
	table_print(&table, out, "");
}

static void text_report(struct rnm_buf *out, const struct backup_run *run)
{
	const struct rnm_backup_result *result = &run->result;

	put_table(out, run);
	rnm_buf_printf(out, "\n%llu %s %s, ", (unsigned long long)run->totals.models,
	               run->totals.models == 1 ? "model" : "models", run->dry_run ? "checked" : "saved");
	output_size(out, run->totals.bytes);
	rnm_buf_puts(out, run->dry_run ? ", of which new " : ", of which written ");
	output_size(out, run->totals.new_bytes);
	if (result->manifest != NULL) {
		rnm_buf_puts(out, "\n");
		output_name(out, result->manifest);
	}
	rnm_buf_putc(out, '\n');
	if (result->dropped == 0)
		return;
	rnm_buf_printf(out, "%zu older %s removed", result->dropped,
	               result->dropped == 1 ? "backup" : "backups");
	if (result->dropped_objects > 0)
		rnm_buf_printf(out, ", with %llu %s that no other names",
		               (unsigned long long)result->dropped_objects,
		               result->dropped_objects == 1 ? "value" : "values");
	rnm_buf_putc(out, '\n');
}

static void json_totals(struct rnm_json *json, const struct rnm_backup_totals *totals)
{
	rnm_json_kv_uint(json, "models", totals->models);
	rnm_json_kv_uint(json, "profiles", totals->profiles);
	rnm_json_kv_uint(json, "vectors", totals->vectors);
	rnm_json_kv_uint(json, "objects", totals->objects);
	rnm_json_kv_uint(json, "bytes", totals->bytes);
	rnm_json_kv_uint(json, "new_objects", totals->new_objects);
	rnm_json_kv_uint(json, "new_bytes", totals->new_bytes);
}

static void json_report(struct rnm_buf *out, const struct backup_run *run, const struct rnm_error *failure)
{
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "status", rnm_status_name(failure != NULL ? failure->status : RNM_OK));
	rnm_json_kv_string(&json, "problem", failure != NULL ? failure->message : NULL);
	rnm_json_kv_string(&json, "manifest", run->result.manifest);
	rnm_json_kv_bool(&json, "dry_run", run->dry_run);
	rnm_json_key(&json, "sets");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < run->set_count; i++) {
		const struct saved_set *saved = &run->sets[i];

		rnm_json_begin_object(&json);
		rnm_json_kv_string(&json, "rule", rule_is_bare(saved->rule) ? NULL : saved->rule->name);
		rnm_json_kv_string(&json, "prefix", saved->rule->prefix);
		rnm_json_kv_string(&json, "settings", saved->settings);
		rnm_json_kv_string(&json, "status", rnm_status_name(saved->status));
		rnm_json_kv_string(&json, "problem", saved->problem);
		json_totals(&json, &saved->totals);
		rnm_json_end_object(&json);
	}
	rnm_json_end_array(&json);
	json_totals(&json, &run->totals);
	rnm_json_kv_uint(&json, "without_live_model", run->without_model);
	rnm_json_kv_uint(&json, "generations", run->result.generations);
	rnm_json_kv_uint(&json, "removed_generations", run->result.dropped);
	rnm_json_kv_uint(&json, "removed_objects", run->result.dropped_objects);
	broken_rules_json(&json, &run->catalogue.broken);
	rnm_json_end_object(&json);
}

static bool print_report(const struct backup_run *run, const struct rnm_error *failure)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(run->context->options, OPTION_JSON)) {
		json_report(&out, run, failure);
		return output_json(&out);
	}
	if (!output_quiet() && failure == NULL)
		text_report(&out, run);
	return output_buffer(&out);
}

/* What only this verb can know about its options; 0 when all is well. */
static int check_options(struct backup_run *run, const struct options *options)
{
	double keep = options->values[OPTION_KEEP].number;

	if (!option_given(options, OPTION_OUTPUT))
		return output_usage_error("type rnm backup --all -o DIR", "a backup needs a folder: -o DIR");
	if (!option_given(options, OPTION_KEEP))
		return RNM_OK;
	if (!(keep >= 1 && keep <= KEEP_MAX && keep <= floor(keep)))
		return output_usage_error("--keep 7 leaves the newest seven backups",
		                          "--keep %s: expected a whole number of 1 or more",
		                          option_text(options, OPTION_KEEP, ""));
	run->keep = (size_t)keep;
	return RNM_OK;
}

int verb_backup(const struct options *options)
{
	struct backup_run run = { .dry_run = option_given(options, OPTION_DRY_RUN) };
	struct context context;
	struct rnm_error err;
	enum rnm_status status;
	int code = check_options(&run, options);

	if (code != RNM_OK)
		return code;
	status = context_open(&context, options, &err);
	run.context = &context;
	if (status == RNM_OK)
		status = run_backup(&run, &err);
	code = status == RNM_OK ? run.worst : output_error(&err);
	if (!print_report(&run, status == RNM_OK ? NULL : &err))
		code = RNM_E_IO;
	for (size_t i = 0; i < run.set_count; i++)
		free(run.sets[i].problem);
	free(run.sets);
	rnm_backup_free(run.backup);
	rnm_rule_free(run.rule);
	catalogue_free(&run.catalogue);
	context_free(&context);
	return code;
}
