/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "output.h"
#include "progress.h"
#include "table.h"
#include "verbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One model of the backup, or the vectors of a set that belong to none. */
struct restored {
	const struct rnm_backup_set *set;
	const struct rnm_backup_model *model; /* NULL: those vectors */
	enum rnm_status status;
	char *problem; /* the error's sentence when status is not RNM_OK */
	struct rnm_restore_outcome outcome;
};

struct restore_run {
	struct context *context;
	struct rnm_backup_manifest *manifest;
	struct progress progress;
	bool dry_run;
	struct restored *items;
	size_t count;
	size_t written, same, kept, failed;
	int worst; /* exit code */
};

/* ---- the run ---- */

static bool wanted(const struct options *options, const struct rnm_backup_set *set)
{
	const char *rule = option_text(options, OPTION_RULE, NULL);
	const char *settings = option_text(options, OPTION_SETTINGS, NULL);
	bool named = rule == NULL || strcmp(rule, set->prefix) == 0 ||
	             (set->rule != NULL && strcmp(rule, set->rule) == 0);

	return named && (settings == NULL || strcmp(settings, set->settings) == 0);
}

static enum rnm_status choose(struct restore_run *run, struct rnm_error *err)
{
	const struct rnm_backup_manifest *manifest = run->manifest;
	size_t room = 0, count = 0;

	for (size_t i = 0; i < manifest->set_count; i++)
		room += manifest->sets[i].model_count + 1;
	run->items = calloc(room + 1, sizeof(*run->items));
	if (run->items == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < manifest->set_count; i++) {
		const struct rnm_backup_set *set = &manifest->sets[i];

		if (!wanted(run->context->options, set))
			continue;
		for (size_t k = 0; k < set->model_count; k++)
			run->items[count++] = (struct restored){ .set = set, .model = &set->models[k] };
		if (set->pending_count > 0)
			run->items[count++] = (struct restored){ .set = set };
	}
	run->count = count;
	if (count > 0)
		return RNM_OK;
	rnm_error_set(err, RNM_E_NOT_FOUND, "restore.none", "the backup holds no such models: %s",
	              manifest->path);
	rnm_error_set_hint(err, "leave -r and -s out to restore all that it holds");
	return RNM_E_NOT_FOUND;
}

/*
 * Keys are restored under the names that they had, whatever the configuration says now; it only tells how long a
 * lock of training counts.
 */
static enum rnm_status rule_of(struct restore_run *run, const struct rnm_backup_set *set,
                               struct rnm_rule **out, struct rnm_error *err)
{
	struct context *context = run->context;
	struct rnm_rule *configured = NULL;
	struct rnm_error ignored;
	enum rnm_status status = rnm_rule_bare(out, set->global, set->prefix, err);

	if (status != RNM_OK || context->config == NULL || set->rule == NULL)
		return status;
	if (rnm_rule_open(&configured, context->config, set->rule, &context->rule_options, &ignored) ==
	    RNM_OK)
		(*out)->watch_interval = configured->watch_interval;
	rnm_rule_free(configured);
	return RNM_OK;
}

static enum rnm_status restore_item(struct restore_run *run, struct restored *item, struct rnm_error *err)
{
	const struct options *options = run->context->options;
	struct rnm_restore_options how = {
		.replace = option_given(options, OPTION_REPLACE),
		.force = option_given(options, OPTION_FORCE),
		.dry_run = run->dry_run,
		.progress = progress_report,
		.progress_ctx = &run->progress,
	};
	struct rnm_rule *rule = NULL;
	enum rnm_status status = rule_of(run, item->set, &rule, err);

	how.rule = rule;
	progress_start(&run->progress, run->dry_run ? "checking" : "restoring");
	if (status == RNM_OK && item->model != NULL)
		status = rnm_restore_model(run->context->redis, run->manifest, item->set, item->model, &how,
		                           &item->outcome, err);
	else if (status == RNM_OK)
		status = rnm_restore_pending(run->context->redis, run->manifest, item->set, &how,
		                             &item->outcome, err);
	progress_end(&run->progress);
	rnm_rule_free(rule);
	item->status = status;
	/* What it would have come to says nothing now. */
	if (status != RNM_OK)
		item->outcome = (struct rnm_restore_outcome){ .bytes = 0 };
	return status;
}

static bool has_state(const struct restored *item, enum rnm_restore_state state)
{
	const struct rnm_restore_outcome *outcome = &item->outcome;

	return item->status == RNM_OK &&
	       (outcome->hash == state || outcome->profiles == state || outcome->training == state);
}

static void count_item(struct restore_run *run, const struct restored *item)
{
	if (item->status != RNM_OK)
		run->failed++;
	else if (has_state(item, RNM_RESTORE_KEPT))
		run->kept++;
	else if (has_state(item, RNM_RESTORE_WRITTEN))
		run->written++;
	else
		run->same++;
}

static const char *key_of(const struct restored *item)
{
	if (item->model == NULL)
		return item->set->pending[0].key;
	return item->model->key != NULL ? item->model->key : "?";
}

static enum rnm_status restore_all(struct restore_run *run, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < run->count; i++) {
		struct restored *item = &run->items[i];
		int code;

		status = restore_item(run, item, err);
		count_item(run, item);
		if (status == RNM_OK)
			continue;
		item->problem = strdup(err->message);
		code = rnm_status_exit_code(status);
		run->worst = code > run->worst ? code : run->worst;
		/* Not tried any more. */
		if (status == RNM_E_INTERRUPTED || status == RNM_E_NOMEM || status == RNM_E_IO) {
			run->count = i + 1;
			return status;
		}
		/* One model's trouble does not keep the others from coming back. */
		(void)output_error_about(key_of(item), err);
		status = i + 1 < run->count ? context_reconnect(run->context, err) : RNM_OK;
	}
	return status;
}

static enum rnm_status run_restore(struct restore_run *run, struct rnm_error *err)
{
	const struct options *options = run->context->options;
	enum rnm_status status = rnm_backup_manifest_read(&run->manifest, options->operands[0], err);

	if (status == RNM_OK)
		status = choose(run, err);
	if (status == RNM_OK)
		status = context_load_config(run->context, err);
	if (status == RNM_OK)
		status = context_connect_to_write(run->context, err);
	if (status == RNM_OK && !run->manifest->complete)
		output_warning("%s is not complete: something could not be read when it was made",
		               run->manifest->path);
	return status == RNM_OK ? restore_all(run, err) : status;
}

/* What stayed as it was is an answer, and one that a script must notice. */
static int refuse_kept(const struct restore_run *run)
{
	struct rnm_error err;

	rnm_error_clear(&err);
	rnm_error_set(&err, RNM_E_REFUSED, "restore.differs",
	              "%zu of %zu models are in Redis in another form than in the backup, and stay so",
	              run->kept, run->count);
	rnm_error_set_hint(&err,
	                   "--replace puts back what the backup holds, also in the place of something newer");
	return output_error(&err);
}

/* ---- the report ---- */

static void put_state(struct table *table, enum rnm_restore_state state)
{
	static const enum color colors[] = {
		[RNM_RESTORE_NOTHING] = COLOR_DIM,
		[RNM_RESTORE_WRITTEN] = COLOR_GREEN,
		[RNM_RESTORE_SAME] = COLOR_NONE,
		[RNM_RESTORE_KEPT] = COLOR_YELLOW,
	};

	table_cell(table, colors[state], state == RNM_RESTORE_NOTHING ? "-" : rnm_restore_state_name(state));
}

static void put_item(struct table *table, const struct restored *item)
{
	const struct rnm_backup_set *set = item->set;

	table_name(table, COLOR_NONE, set->rule != NULL ? set->rule : set->prefix);
	table_name(table, COLOR_NONE, set->settings);
	table_cell(table, COLOR_NONE,
	           item->model != NULL && item->model->version != NULL ? item->model->version : "-");
	put_state(table, item->outcome.hash);
	put_state(table, item->outcome.profiles);
	put_state(table, item->outcome.training);
	if (item->status == RNM_OK)
		table_cell(table, COLOR_NONE, key_of(item));
	else
		table_cell(table, COLOR_RED, item->problem != NULL ? item->problem : "failed");
}

/* Keys that come and go in Redis beside those that are restored: whoever watches the server should know. */
static void say_gathered(struct rnm_buf *out, const struct restore_run *run)
{
	unsigned gathered = 0;

	for (size_t i = 0; i < run->count; i++)
		gathered += run->items[i].outcome.gathered;
	if (gathered > 0)
		rnm_buf_printf(out, "%u large training %s gathered under %s first and then renamed\n",
		               gathered,
		               run->dry_run ? (gathered == 1 ? "set would be" : "sets would be")
		                            : (gathered == 1 ? "set was" : "sets were"),
		               gathered == 1 ? "a temporary key" : "temporary keys");
}

static void text_report(struct rnm_buf *out, const struct restore_run *run)
{
	static const struct table_column columns[] = {
		{ .title = "RULE" },
		{ .title = "SETTINGS" },
		{ .title = "VERSION", .right = true },
		{ .title = "HASH" },
		{ .title = "PROFILE" },
		{ .title = "TRAINING" },
		{ .title = "KEY", .cell_max = TABLE_CELL_LONG },
	};
	struct table table;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < run->count; i++)
		put_item(&table, &run->items[i]);
	table_print(&table, out, "");
	rnm_buf_printf(out, "\n%zu %s, %zu there already, %zu kept in another form, %zu failed\n",
	               run->written, run->dry_run ? "would be restored" : "restored", run->same, run->kept,
	               run->failed);
	say_gathered(out, run);
}

/* Versions are numbers in every document; null for what is none. */
static void json_version(struct rnm_json *json, const struct rnm_backup_model *model)
{
	double version;

	rnm_json_key(json, "version");
	if (model == NULL || model->version == NULL || !number_parse(model->version, &version))
		rnm_json_null(json);
	else if (version <= floor(version) && fabs(version) < 9007199254740992.0)
		rnm_json_int(json, (int64_t)version);
	else
		rnm_json_double(json, version);
}

static void json_item(struct rnm_json *json, const struct restored *item)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "rule", item->set->rule);
	rnm_json_kv_string(json, "prefix", item->set->prefix);
	rnm_json_kv_string(json, "settings", item->set->settings);
	json_version(json, item->model);
	rnm_json_kv_string(json, "key", item->model != NULL ? item->model->key : key_of(item));
	rnm_json_kv_string(json, "status", rnm_status_name(item->status));
	rnm_json_kv_string(json, "problem", item->problem);
	rnm_json_kv_string(json, "hash", rnm_restore_state_name(item->outcome.hash));
	rnm_json_kv_string(json, "profiles", rnm_restore_state_name(item->outcome.profiles));
	rnm_json_kv_string(json, "training", rnm_restore_state_name(item->outcome.training));
	rnm_json_kv_uint(json, "gathered", item->outcome.gathered);
	rnm_json_end_object(json);
}

static void json_report(struct rnm_buf *out, const struct restore_run *run, const struct rnm_error *failure)
{
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "status", rnm_status_name(failure != NULL ? failure->status : RNM_OK));
	rnm_json_kv_string(&json, "problem", failure != NULL ? failure->message : NULL);
	rnm_json_kv_string(&json, "manifest", run->manifest != NULL ? run->manifest->path : NULL);
	rnm_json_kv_string(&json, "created_at", run->manifest != NULL ? run->manifest->created_at : NULL);
	rnm_json_kv_bool(&json, "dry_run", run->dry_run);
	rnm_json_key(&json, "models");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < run->count; i++)
		json_item(&json, &run->items[i]);
	rnm_json_end_array(&json);
	rnm_json_kv_uint(&json, "written", run->written);
	rnm_json_kv_uint(&json, "same", run->same);
	rnm_json_kv_uint(&json, "kept", run->kept);
	rnm_json_kv_uint(&json, "failed", run->failed);
	rnm_json_end_object(&json);
}

static bool print_report(const struct restore_run *run, const struct rnm_error *failure)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(run->context->options, OPTION_JSON)) {
		json_report(&out, run, failure);
		return output_json(&out);
	}
	/* What was done before a failure is told too. */
	if (!output_quiet() && (failure == NULL || run->written > 0))
		text_report(&out, run);
	return output_buffer(&out);
}

int verb_restore(const struct options *options)
{
	struct restore_run run = { .dry_run = option_given(options, OPTION_DRY_RUN) };
	struct context context;
	struct rnm_error err;
	enum rnm_status status;
	int code;

	if (options->operand_count == 0)
		return output_usage_error("type rnm restore DIR",
		                          "which backup? A folder or a manifest is needed");
	status = context_open(&context, options, &err);
	run.context = &context;
	if (status == RNM_OK)
		status = run_restore(&run, &err);
	code = status == RNM_OK ? run.worst : output_error(&err);
	if (status == RNM_OK && code == RNM_OK && run.kept > 0)
		code = refuse_kept(&run);
	if (!print_report(&run, status == RNM_OK ? NULL : &err))
		code = RNM_E_IO;
	for (size_t i = 0; i < run.count; i++)
		free(run.items[i].problem);
	free(run.items);
	rnm_backup_manifest_free(run.manifest);
	context_free(&context);
	return code;
}
