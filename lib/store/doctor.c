/* SPDX-License-Identifier: Apache-2.0 */
/* One examination from its begin to its end. */
#include "store/doctor.h"

#include "redis/client.h"
#include "rspamd/rule.h"
#include "store/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Every finding with its texts takes some hundred bytes. */
#define ARENA_MAX ((size_t)1 << 30)
/* Longest name or member that is held. */
#define TEXT_MAX ((size_t)16 << 20)

double rnm_tombstone_seconds(const struct rnm_rule *rule)
{
	return fmax(1200, 4 * rule->watch_interval);
}

/* ---- configuration -------------------------------------------------------------------------------- */

/* The traps of the configuration keep the ids that `rnm config --check` gives them. */
static enum rnm_status check_config(struct rnm_doctor *d, struct rnm_error *err)
{
	struct rnm_finding *findings = NULL;
	size_t count = 0;
	enum rnm_status status = rnm_config_check(&findings, &count, d->options->config, err);

	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_health_finding *finding =
		    rnm_doctor_find(d, RNM_DOCTOR_SCHEMA, findings[i].file, "%s", findings[i].text);

		finding->id = rnm_doctor_keep(d, findings[i].id);
		finding->line = findings[i].line;
		rnm_doctor_advise(d, finding, RNM_REMEDY_NONE, "change the configuration");
	}
	rnm_findings_free(findings, count);
	return status;
}

/* A rule that cannot be used has been named by the check. */
static enum rnm_status open_rules(struct rnm_doctor *d, struct rnm_error *err)
{
	char **names = NULL;
	size_t count = 0;
	enum rnm_status status =
	    rnm_rule_names(&names, &count, d->options->config, d->options->rule_options, err);

	if (status != RNM_OK)
		return status;
	d->rules = calloc(count + 1, sizeof(*d->rules));
	if (d->rules == NULL) {
		rnm_names_free(names, count);
		return rnm_error_nomem(err);
	}
	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_rule *rule = NULL;

		status = rnm_rule_open(&rule, d->options->config, names[i], d->options->rule_options, err);
		if (status == RNM_OK)
			d->rules[d->rule_count++] = rule;
		else if (status == RNM_E_MALFORMED)
			status = RNM_OK;
	}
	d->configured = d->rule_count;
	rnm_names_free(names, count);
	return status;
}

static enum rnm_status read_rules(struct rnm_doctor *d, struct rnm_error *err)
{
	struct rnm_config *config = d->options->config;
	enum rnm_status status;

	if (config == NULL) {
		d->global = strdup(RNM_DEFAULT_GLOBAL_PREFIX);
		return d->global != NULL ? RNM_OK : rnm_error_nomem(err);
	}
	status = rnm_rule_global_prefix(&d->global, config, d->options->rule_options, err);
	return status == RNM_OK ? open_rules(d, err) : status;
}

enum rnm_status rnm_doctor_config(struct rnm_doctor *d, struct rnm_error *err)
{
	enum rnm_status status = d->options->config != NULL ? check_config(d, err) : RNM_OK;

	return status == RNM_OK ? read_rules(d, err) : status;
}

/* ---- keys ------------------------------------------------------------------------------------------- */

/* G3_... is the name of a list, of this version of rspamd or of another; G_... that of anything else. */
static enum rnm_status take_name(void *ctx, struct rnm_error *err)
{
	struct rnm_doctor *d = ctx;
	const char *name = rnm_buf_cstr(&d->text);
	const char *tail = name + strlen(d->global);
	bool is_list = *tail >= '0' && *tail <= '9';

	/* A name with a NUL cannot be asked for; rspamd makes none. */
	if (d->names++ == RNM_HEALTH_KEYS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "store.too-many",
		                     "expected at most %zu keys that begin with %s, found more",
		                     RNM_HEALTH_KEYS_MAX, d->global);
	if (memchr(name, '\0', d->text.len) != NULL || (!is_list && *tail != '_'))
		return RNM_OK;
	return rnm_names_add(is_list ? &d->lists : &d->keys, name, d->text.len) ? RNM_OK
	                                                                        : rnm_error_nomem(err);
}

static void tick(void *ctx, uint64_t looked_at)
{
	struct rnm_doctor *d = ctx;

	if (d->options->progress != NULL)
		d->options->progress(d->options->progress_ctx,
		                     looked_at < d->key_total ? looked_at : d->key_total, d->key_total);
}

enum rnm_status rnm_doctor_keys(struct rnm_doctor *d, struct rnm_error *err)
{
	const struct rnm_key_scan scan = { .redis = d->redis,
		                           .global = d->global,
		                           .rest = "*",
		                           .name = &d->text,
		                           .take = take_name,
		                           .tick = tick,
		                           .ctx = d };
	int64_t total = 0;
	bool refused = false;
	enum rnm_status status = rnm_redis_sendv(d->redis, err, "DBSIZE", NULL);

	/* Only for the progress: a server that does not tell is examined all the same. */
	if (status == RNM_OK)
		status = rnm_event_integer(d->redis, "DBSIZE", &total, &refused, &d->text, err);
	if (status != RNM_OK)
		return status;
	d->key_total = total > 0 ? (uint64_t)total : 0;
	d->report->keys = d->key_total;
	return rnm_scan_keys(&scan, err);
}

/* ---- the whole ------------------------------------------------------------------------------------ */

typedef enum rnm_status rnm_doctor_part(struct rnm_doctor *d, struct rnm_error *err);

static enum rnm_status examine(struct rnm_doctor *d, struct rnm_error *err)
{
	static rnm_doctor_part *const parts[] = { rnm_doctor_config, rnm_doctor_rights,   rnm_doctor_keys,
		                                  rnm_doctor_lists,  rnm_doctor_networks, rnm_doctor_orphans,
		                                  rnm_doctor_maps };
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
		d->rule = NULL;
		d->settings = NULL;
		d->zset = NULL;
		status = parts[i](d, err);
		if (status == RNM_OK && d->no_memory)
			status = rnm_error_nomem(err);
	}
	return status;
}

static void release(struct rnm_doctor *d)
{
	for (size_t i = 0; i < d->rule_count; i++)
		rnm_rule_free(d->rules[i]);
	free(d->rules);
	free(d->global);
	free(d->networks);
	rnm_doctor_names_free(&d->lists);
	rnm_doctor_names_free(&d->keys);
	rnm_seen_free(&d->named);
	rnm_seen_free(&d->prefixes);
	rnm_buf_free(&d->text);
}

enum rnm_status rnm_health_examine(struct rnm_health_report **out, struct rnm_redis *redis,
                                   const struct rnm_health_options *options, struct rnm_error *err)
{
	struct rnm_health_report *report = calloc(1, sizeof(*report));
	struct rnm_arena *arena = calloc(1, sizeof(*arena));
	struct rnm_doctor d = { .redis = redis, .options = options, .report = report, .arena = arena };
	enum rnm_status status;

	if (report == NULL || arena == NULL) {
		free(report);
		free(arena);
		return rnm_error_nomem(err);
	}
	rnm_arena_init(arena, ARENA_MAX);
	report->owned = arena;
	rnm_names_init(&d.lists);
	rnm_names_init(&d.keys);
	rnm_buf_init(&d.text, TEXT_MAX);
	redis->rights = RNM_DOCTOR_RIGHTS;
	status = examine(&d, err);
	redis->rights = NULL;
	if (status == RNM_OK) {
		report->global = rnm_doctor_keep(&d, d.global);
		status = d.no_memory ? rnm_error_nomem(err) : RNM_OK;
	}
	release(&d);
	if (status == RNM_OK)
		*out = report;
	else
		rnm_health_report_free(report);
	return status;
}

enum rnm_status rnm_doctor_judge_lists(struct rnm_health_report *report, struct rnm_redis *redis,
                                       const struct rnm_health_options *options, struct rnm_names *lists,
                                       bool *whole, struct rnm_error *err)
{
	const size_t left_out = report->left_out;
	struct rnm_doctor d = { .redis = redis,
		                .options = options,
		                .report = report,
		                .arena = report->owned,
		                .finding_cap = report->count,
		                .lists = *lists };
	enum rnm_status status;

	*lists = (struct rnm_names){ 0 };
	rnm_buf_init(&d.text, TEXT_MAX);
	status = read_rules(&d, err);
	if (status == RNM_OK)
		status = rnm_doctor_lists(&d, err);
	if (status == RNM_OK && d.no_memory)
		status = rnm_error_nomem(err);
	*whole = !d.blind && report->left_out == left_out;
	release(&d);
	return status;
}

void rnm_health_report_free(struct rnm_health_report *report)
{
	if (report == NULL)
		return;
	rnm_arena_free(report->owned);
	free(report->owned);
	free(report->findings);
	free(report);
}
