/* SPDX-License-Identifier: Apache-2.0 */
/* One look: which model is served, was it judged before, and if not, through the gates with it. */
#include "share/watch_internal.h"

#include <math.h>
#include <rnm/model_write.h>
#include <rnm/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for a file in memory, as of the publisher. */
#define FILE_MAX ((size_t)RNM_BLOB_MAX + RNM_BLOB_MAX / 64)

/* ---- names ---- */

const char *rnm_watch_gate_name(enum rnm_watch_gate gate)
{
	static const char *const names[] = {
		[RNM_WATCH_NO_GATE] = NULL,
		[RNM_WATCH_VERIFY] = "verify",
		[RNM_WATCH_SUCCESSION] = "succession",
		[RNM_WATCH_AUC] = "auc",
		[RNM_WATCH_DRIFT] = "drift",
		[RNM_WATCH_COMMAND] = "command",
	};

	return names[gate];
}

const char *rnm_watch_state_name(enum rnm_watch_state state)
{
	static const char *const names[] = {
		[RNM_WATCH_EMPTY] = "empty",         [RNM_WATCH_CURRENT] = "current",
		[RNM_WATCH_WAITING] = "waiting",     [RNM_WATCH_HELD] = "held",
		[RNM_WATCH_PUBLISHED] = "published",
	};

	return names[state];
}

char *rnm_watch_channel(const struct rnm_redis_settings *server, const struct rnm_rule *rule,
                        const char *settings)
{
	char *zset = rnm_rule_zset(rule, settings);
	char *channel = NULL;

	if (zset == NULL ||
	    asprintf(&channel, "__keyspace@%s__:%s", server->db != NULL ? server->db : "0", zset) < 0)
		channel = NULL;
	free(zset);
	return channel;
}

bool rnm_watch_event_matters(const char *event)
{
	/* Every worker renews the expiry of the list in each of its cycles (rspamd: lualib/plugins/neural.lua). */
	return strcmp(event, "expire") != 0 && strcmp(event, "persist") != 0;
}

/* ---- what is remembered ---- */

enum rnm_status rnm_watch_new(struct rnm_watch **out, const struct rnm_watch_options *options,
                              struct rnm_error *err)
{
	struct rnm_watch *watch;

	if (options->name != NULL && !rnm_alias_name_is_good(options->name))
		return rnm_error_set(err, RNM_E_USAGE, "publish.name",
		                     "expected a name of at most %d letters, digits, points, dashes and "
		                     "underscores, found '%s'",
		                     RNM_ALIAS_NAME_MAX, options->name);
	watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		return rnm_error_nomem(err);
	watch->options = *options;
	*out = watch;
	return RNM_OK;
}

static void forget(struct rnm_watch_record *record)
{
	free(record->key);
	record->key = NULL;
}

void rnm_watch_forget(struct rnm_watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		watch->records[i].has_report = false;
		forget(&watch->records[i]);
	}
}

void rnm_watch_free(struct rnm_watch *watch)
{
	if (watch == NULL)
		return;
	rnm_watch_forget(watch);
	for (size_t i = 0; i < watch->count; i++) {
		free(watch->records[i].rule);
		free(watch->records[i].settings);
	}
	free(watch->records);
	free(watch);
}

static struct rnm_watch_record *add_record(struct rnm_watch *watch, const struct rnm_watch_subject *subject)
{
	struct rnm_watch_record *record;

	if (watch->count == watch->cap) {
		size_t cap = watch->cap == 0 ? 8 : watch->cap * 2;
		struct rnm_watch_record *records = reallocarray(watch->records, cap, sizeof(*records));

		if (records == NULL)
			return NULL;
		watch->records = records;
		watch->cap = cap;
	}
	record = &watch->records[watch->count];
	*record = (struct rnm_watch_record){ .rule = strdup(subject->rule->name),
		                             .settings = strdup(subject->settings) };
	if (record->rule == NULL || record->settings == NULL) {
		free(record->rule);
		free(record->settings);
		return NULL;
	}
	watch->count++;
	return record;
}

static struct rnm_watch_record *find_record(struct rnm_watch *watch, const struct rnm_watch_subject *subject)
{
	for (size_t i = 0; i < watch->count; i++)
		if (strcmp(watch->records[i].rule, subject->rule->name) == 0 &&
		    strcmp(watch->records[i].settings, subject->settings) == 0)
			return &watch->records[i];
	return add_record(watch, subject);
}

static bool is_known(const struct rnm_watch_record *record, const struct rnm_model *model)
{
	return record->key != NULL && strcmp(record->key, model->profile.redis_key) == 0 &&
	       fabs(record->version - model->profile.version) <= 0 && record->size == model->ann_size;
}

/* Whether two reports differ in nothing that anybody would be told. */
static bool says_the_same(const struct rnm_watch_report *a, const struct rnm_watch_report *b)
{
	return a->state == b->state && fabs(a->version - b->version) <= 0 &&
	       strcmp(a->why.message, b->why.message) == 0;
}

static enum rnm_status remember(struct rnm_watch_record *record, const struct rnm_model *model,
                                struct rnm_watch_report *report, struct rnm_error *err)
{
	report->is_news = report->state == RNM_WATCH_PUBLISHED || !record->has_report ||
	                  !says_the_same(&record->report, report);
	record->report = *report;
	record->has_report = true;
	forget(record);
	if (model == NULL || report->state == RNM_WATCH_WAITING)
		return RNM_OK;
	record->version = model->profile.version;
	record->size = model->ann_size;
	record->key = strdup(model->profile.redis_key);
	return record->key != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* ---- the gates, one after the other ---- */

/* The model as workers would load it, and for this rule. */
static enum rnm_status verify(struct rnm_watching *watching, struct rnm_error *err)
{
	const struct rnm_watch_subject *subject = watching->subject;
	const struct rnm_verify_options how = {
		.rule = subject->rule,
		.config = subject->config,
		.list = watching->list,
		.index = watching->index,
	};
	struct rnm_verification *verification = NULL;
	enum rnm_status status = rnm_model_verify(&verification, watching->file, &how, err);

	rnm_verification_free(verification);
	return status;
}

static enum rnm_status ask_caller(struct rnm_watching *watching, struct rnm_error *err)
{
	const struct rnm_watch_options *options = watching->options;
	struct rnm_watch_candidate candidate = {
		.rule = watching->subject->rule,
		.settings = watching->subject->settings,
		.file = watching->file,
		.redis_key = watching->list->models[watching->index].profile.redis_key,
		.report = watching->report,
	};
	struct rnm_model_parts parts;
	struct rnm_buf bytes;
	enum rnm_status status;

	if (options->judge == NULL)
		return RNM_OK;
	rnm_model_parts_of(&parts, watching->file);
	rnm_buf_init(&bytes, FILE_MAX);
	status = rnm_model_encode(&bytes, &parts, RNM_FORM_RNM1, false, err);
	if (status == RNM_OK) {
		candidate.bytes = (struct rnm_bytes){ bytes.data, bytes.len };
		status = options->judge(options->judge_ctx, &candidate, err);
	}
	rnm_buf_free(&bytes);
	return status;
}

static enum rnm_status open_model(struct rnm_watching *watching, struct rnm_error *err)
{
	const struct rnm_watch_subject *subject = watching->subject;
	const struct rnm_model *model = &watching->list->models[watching->index];
	enum rnm_status status =
	    rnm_store_open(&watching->file, subject->redis, subject->rule, watching->list, watching->index,
	                   model->profile.redis_key, watching->options->publish.cancel, err);

	/* Bytes that are no model are what verify would say of it; a server that speaks nonsense is none of its faults. */
	if (status == RNM_E_MALFORMED && strncmp(err->id, "redis.", strlen("redis.")) == 0)
		return status;
	return status == RNM_E_MALFORMED || status == RNM_E_REFUSED ? RNM_NO : status;
}

static enum rnm_status check_measures(struct rnm_watching *watching, struct rnm_error *err)
{
	const struct rnm_watch_options *options = watching->options;
	struct rnm_watch_report *report = watching->report;
	enum rnm_status status;

	report->gate = isnan(options->min_auc) ? RNM_WATCH_DRIFT : RNM_WATCH_AUC;
	status = rnm_watch_measure(watching, err);
	if (status != RNM_OK)
		return status;
	if (report->has_auc && !(report->auc >= options->min_auc))
		return rnm_error_set(
		    err, RNM_NO, "watch.auc",
		    "the area under its ROC curve is %.4f, expected at least %g (on %llu spam and "
		    "%llu ham)",
		    report->auc, options->min_auc, (unsigned long long)report->spam,
		    (unsigned long long)report->ham);
	report->gate = RNM_WATCH_DRIFT;
	if (report->has_drift && !(report->drift <= options->max_drift))
		return rnm_error_set(
		    err, RNM_NO, "watch.drift",
		    "its scores differ from those of the published version %llu by %.4f on the "
		    "average, expected at most %g",
		    (unsigned long long)report->published_version, report->drift, options->max_drift);
	return RNM_OK;
}

static enum rnm_status through_gates(struct rnm_watching *watching, bool *current, struct rnm_error *err)
{
	struct rnm_watch_report *report = watching->report;
	enum rnm_status status;

	report->gate = RNM_WATCH_VERIFY;
	status = open_model(watching, err);
	if (status == RNM_OK)
		status = verify(watching, err);
	if (status != RNM_OK)
		return status;
	report->gate = RNM_WATCH_SUCCESSION;
	status = rnm_watch_succeeds(watching, current, err);
	if (status != RNM_OK || *current)
		return status;
	status = check_measures(watching, err);
	if (status != RNM_OK)
		return status;
	report->gate = RNM_WATCH_COMMAND;
	return ask_caller(watching, err);
}

static enum rnm_status judge(struct rnm_watching *watching, struct rnm_error *err)
{
	struct rnm_watch_report *report = watching->report;
	bool current = false;
	enum rnm_status status = through_gates(watching, &current, &report->why);

	if (status == RNM_NO ||
	    (status == RNM_E_NOT_FOUND && strcmp(report->why.id, "watch.few-vectors") == 0)) {
		report->state = status == RNM_NO ? RNM_WATCH_HELD : RNM_WATCH_WAITING;
		return RNM_OK;
	}
	report->gate = RNM_WATCH_NO_GATE;
	if (status != RNM_OK) {
		if (err != NULL)
			*err = report->why;
		return status;
	}
	rnm_error_clear(&report->why);
	report->state = current ? RNM_WATCH_CURRENT : RNM_WATCH_PUBLISHED;
	return current ? RNM_OK : rnm_watch_publish(watching, err);
}

/* ---- one look ---- */

/* A name for the models of one subject, and of no other. */
static enum rnm_status set_name(const struct rnm_watch *watch, const struct rnm_watch_subject *subject,
                                struct rnm_watch_record *record, struct rnm_error *err)
{
	const char *name = watch->options.name != NULL ? watch->options.name : subject->rule->digest;

	if (*name == '\0')
		return rnm_error_set(
		    err, RNM_E_REFUSED, "watch.no-digest",
		    "the rule %s has no providers, so that rspamd loads its models from no file",
		    subject->rule->name);
	(void)snprintf(record->name, sizeof(record->name), "%s", name);
	for (const struct rnm_watch_record *other = watch->records; other != record; other++)
		if (strcmp(other->name, record->name) == 0)
			return rnm_error_set(
			    err, RNM_E_REFUSED, "watch.same-name",
			    "the models of the rules %s and %s would both be published as %s: watch "
			    "one of them",
			    other->rule, record->rule, record->name);
	return RNM_OK;
}

static enum rnm_status judge_new(struct rnm_watch *watch, const struct rnm_watch_subject *subject,
                                 const struct rnm_model_list *list, size_t index,
                                 struct rnm_watch_report *report, struct rnm_error *err)
{
	struct rnm_watching watching = {
		.options = &watch->options,
		.subject = subject,
		.list = list,
		.index = index,
		.report = report,
	};
	enum rnm_status status;

	rnm_buf_init(&watching.published_bytes, FILE_MAX);
	status = judge(&watching, err);
	rnm_model_file_free(watching.published);
	rnm_model_file_free(watching.file);
	rnm_buf_free(&watching.published_bytes);
	return status;
}

/* Redis has nothing that workers would serve, or only what was trained under another configuration. */
static bool nothing_there(struct rnm_watch_report *report, enum rnm_status status)
{
	if (status == RNM_E_REFUSED && strcmp(report->why.id, "store.digest") == 0) {
		report->state = RNM_WATCH_HELD;
		report->gate = RNM_WATCH_VERIFY;
		/* Its hint is for those who export by hand. */
		rnm_error_set_hint(&report->why,
		                   "rspamd trains a new model for the configuration that it has now");
		return true;
	}
	report->state = RNM_WATCH_EMPTY;
	return status == RNM_E_NOT_FOUND;
}

static enum rnm_status look(struct rnm_watch *watch, const struct rnm_watch_subject *subject,
                            const struct rnm_model_list *list, struct rnm_watch_report *report,
                            struct rnm_error *err)
{
	struct rnm_watch_record *record = find_record(watch, subject);
	const struct rnm_model *model;
	enum rnm_status status;
	size_t index;

	if (record == NULL)
		return rnm_error_nomem(err);
	status = set_name(watch, subject, record, err);
	if (status != RNM_OK)
		return status;
	memcpy(report->name, record->name, sizeof(report->name));
	status = rnm_store_choose(&index, list, subject->rule, NULL, &report->why);
	if (status != RNM_OK) {
		if (nothing_there(report, status))
			return remember(record, NULL, report, err);
		if (err != NULL)
			*err = report->why;
		return status;
	}
	model = &list->models[index];
	report->version = model->profile.version;
	if (is_known(record, model)) {
		*report = record->report;
		report->is_news = false;
		if (report->state == RNM_WATCH_PUBLISHED)
			report->state = RNM_WATCH_CURRENT;
		return RNM_OK;
	}
	status = judge_new(watch, subject, list, index, report, err);
	return status == RNM_OK ? remember(record, model, report, err) : status;
}

enum rnm_status rnm_watch_look(struct rnm_watch *watch, const struct rnm_watch_subject *subject,
                               struct rnm_watch_report *report, struct rnm_error *err)
{
	struct rnm_model_list *list = NULL;
	enum rnm_status status;

	*report = (struct rnm_watch_report){ .state = RNM_WATCH_EMPTY };
	rnm_error_clear(&report->why);
	status = rnm_store_list(&list, subject->redis, subject->rule, subject->settings, RNM_LIST_FULL, err);
	if (status == RNM_OK)
		status = look(watch, subject, list, report, err);
	rnm_model_list_free(list);
	return status;
}
