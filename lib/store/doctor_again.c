/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What repairs have made of a list: the model behind a tombstone is seen again and may expire soon, or a rule
 * has a model to serve again, although nobody has repaired just that.
 */
#include "store/doctor.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX ((size_t)64 << 20)

/* The list that a repair has changed, or NULL. */
static const char *changed_list(const struct rnm_health_finding *finding)
{
	return finding->state == RNM_HEALTH_REPAIRED ? finding->zset : NULL;
}

static bool name_lists(struct rnm_names *lists, struct rnm_seen *changed,
                       const struct rnm_health_report *report, size_t first)
{
	for (size_t i = first; i < report->count; i++) {
		const char *zset = changed_list(&report->findings[i]);
		bool is_new = false;

		if (zset == NULL)
			continue;
		if (!rnm_seen_add(changed, zset, strlen(zset), &is_new) ||
		    (is_new && !rnm_names_add(lists, zset, strlen(zset))))
			return false;
	}
	return true;
}

/* What tells a finding about a list from every other one. */
static bool put_identity(struct rnm_buf *out, const struct rnm_health_finding *finding)
{
	const char *key = finding->key != NULL ? finding->key : "";

	rnm_buf_clear(out);
	rnm_buf_append(out, finding->id, strlen(finding->id) + 1);
	rnm_buf_append(out, finding->zset, strlen(finding->zset) + 1);
	rnm_buf_append(out, key, strlen(key) + 1);
	rnm_buf_append(out, finding->member.data, finding->member.len);
	return !out->failed;
}

/* Remembers the findings [first, end) that are about lists. */
static bool remember(struct rnm_seen *seen, const struct rnm_health_report *report, size_t first, size_t end,
                     struct rnm_buf *text)
{
	bool is_new;

	for (size_t i = first; i < end; i++)
		if (report->findings[i].zset != NULL && (!put_identity(text, &report->findings[i]) ||
		                                         !rnm_seen_add(seen, text->data, text->len, &is_new)))
			return false;
	return true;
}

/* Findings [0, old_count) are from before.  What is said already is not said again. */
static bool settle(struct rnm_health_report *report, size_t old_count, const struct rnm_seen *changed)
{
	struct rnm_seen before = { 0 }, now = { 0 };
	struct rnm_buf text;
	size_t kept = old_count;
	bool ok;

	rnm_buf_init(&text, NAME_BYTES_MAX);
	ok = remember(&before, report, 0, old_count, &text) &&
	     remember(&now, report, old_count, report->count, &text);
	for (size_t i = 0; ok && i < old_count; i++) {
		struct rnm_health_finding *finding = &report->findings[i];

		if (finding->state != RNM_HEALTH_OPEN || finding->zset == NULL ||
		    !rnm_seen_has(changed, finding->zset, strlen(finding->zset)))
			continue;
		ok = put_identity(&text, finding);
		if (ok && !rnm_seen_has(&now, text.data, text.len)) {
			finding->state = RNM_HEALTH_GONE;
			finding->outcome = "the other repairs have settled it";
		}
	}
	for (size_t i = old_count; ok && i < report->count; i++) {
		ok = put_identity(&text, &report->findings[i]);
		if (ok && !rnm_seen_has(&before, text.data, text.len))
			report->findings[kept++] = report->findings[i];
	}
	report->count = kept;
	rnm_seen_free(&before);
	rnm_seen_free(&now);
	rnm_buf_free(&text);
	return ok;
}

enum rnm_status rnm_doctor_again(struct rnm_health_report *report, size_t first, struct rnm_redis *redis,
                                 const struct rnm_health_options *options, struct rnm_error *err)
{
	const struct rnm_health_report before = *report;
	struct rnm_seen changed = { 0 };
	struct rnm_names lists;
	bool whole = false;
	enum rnm_status status = RNM_OK;

	rnm_names_init(&lists);
	if (!name_lists(&lists, &changed, report, first))
		status = rnm_error_nomem(err);
	else if (lists.count > 0)
		status = rnm_doctor_judge_lists(report, redis, options, &lists, &whole, err);
	if (status == RNM_OK && whole && !settle(report, before.count, &changed))
		status = rnm_error_nomem(err);
	/* Half of the truth would only mislead: the next run tells all of it. */
	if (status != RNM_OK || !whole)
		report->count = before.count;
	report->left_out = before.left_out;
	report->lists = before.lists;
	report->models = before.models;
	rnm_doctor_names_free(&lists);
	rnm_seen_free(&changed);
	return status;
}
