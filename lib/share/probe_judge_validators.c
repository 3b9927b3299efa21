/* SPDX-License-Identifier: Apache-2.0 */
/* ETag, Last-Modified and 304: does every rspamd learn of every model, and of each only once? */
#include "share/probe.h"

#include <stdio.h>
#include <string.h>

/* A content and the validators that came with it. */
struct version {
	const uint8_t *hash;
	const char *etag;
	bool has_time;
	int64_t last_modified;
	const char *last_modified_text;
};

static struct version version_of(const struct rnm_probe_report *report, const struct rnm_probe_answer *get)
{
	struct version version = { .hash = get->body->hash,
		                   .etag = get->etag,
		                   .last_modified_text = get->last_modified };

	version.has_time = rnm_probe_time(&version.last_modified, get->last_modified, report);
	return version;
}

static bool same_content(const struct version *a, const struct version *b)
{
	return memcmp(a->hash, b->hash, RNM_PROBE_HASH_SIZE) == 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *or_none(const char *text)
{
	return text != NULL ? text : "none";
}

/* ---- one answer with a body ---- */

static void judge_etag(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	const char *etag = get->etag;
	const bool weak = strncmp(etag, "W/", 2) == 0;
	const char *opaque = weak ? etag + 2 : etag;
	const size_t len = strlen(opaque);

	if (len < 2 || opaque[0] != '"' || strchr(opaque + 1, '"') != opaque + len - 1)
		rnm_probe_find(judge, RNM_FOUND_BAD_ETAG, get->address,
		               "expected a text in quotes in ETag, found '%.200s'", etag);
	else if (weak)
		rnm_probe_find(judge, RNM_FOUND_WEAK_ETAG, get->address, "ETag is %.200s", etag);
}

static void judge_last_modified(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	int64_t date, modified;

	if (!rnm_probe_time(&modified, get->last_modified, judge->report)) {
		rnm_probe_find(judge, RNM_FOUND_BAD_LAST_MODIFIED, get->address,
		               "expected a date in Last-Modified, found '%.200s'", get->last_modified);
		return;
	}
	if (!rnm_probe_time(&date, get->date, judge->report))
		date = (int64_t)get->at;
	if (modified > date)
		rnm_probe_find(judge, RNM_FOUND_FUTURE, get->address,
		               "Last-Modified is %s, %lld seconds ahead", get->last_modified,
		               (long long)(modified - date));
}

static void judge_get(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	if (get->etag == NULL && get->last_modified == NULL) {
		rnm_probe_find(judge, RNM_FOUND_NO_VALIDATORS, get->address,
		               "the answer has neither ETag nor Last-Modified");
		return;
	}
	if (get->etag != NULL)
		judge_etag(judge, get);
	else
		rnm_probe_find(judge, RNM_FOUND_NO_ETAG, get->address, "the answer has no ETag");
	if (get->last_modified != NULL)
		judge_last_modified(judge, get);
	else
		rnm_probe_find(judge, RNM_FOUND_NO_LAST_MODIFIED, get->address,
		               "the answer has no Last-Modified");
}

/* ---- two contents, one after the other ---- */

static void same_model(struct rnm_probe_judge *judge, size_t address, const struct version *before,
                       const struct version *after, bool one_place)
{
	if (!same_text(before->etag, after->etag))
		rnm_probe_find(judge, RNM_FOUND_UNSTABLE_ETAG, address,
		               "the same bytes come with ETag %.200s and %.200s", or_none(before->etag),
		               or_none(after->etag));
	if (!before->has_time || !after->has_time || before->last_modified == after->last_modified)
		return;
	if (one_place && after->last_modified < before->last_modified)
		rnm_probe_find(judge, RNM_FOUND_BACK, address,
		               "Last-Modified was %s, and is %s now, for the same bytes",
		               before->last_modified_text, after->last_modified_text);
	else
		rnm_probe_find(judge, RNM_FOUND_UNSTABLE_DATE, address,
		               "the same bytes come with Last-Modified %s and %s", before->last_modified_text,
		               after->last_modified_text);
}

static void other_model(struct rnm_probe_judge *judge, size_t address, const struct version *before,
                        const struct version *after, bool one_place)
{
	if (one_place)
		rnm_probe_find(judge, RNM_FOUND_CHANGED, address, "the model is another one than before");
	else
		rnm_probe_find(judge, RNM_FOUND_DIFFERENT, address,
		               "the model is another one than that of another address");
	if (before->etag != NULL && same_text(before->etag, after->etag))
		rnm_probe_find(judge, RNM_FOUND_REUSED_ETAG, address, "two models come with ETag %.200s",
		               after->etag);
	if (!before->has_time || !after->has_time)
		return;
	if (after->last_modified == before->last_modified)
		rnm_probe_find(judge, RNM_FOUND_STUCK, address, "two models come with Last-Modified %s",
		               after->last_modified_text);
	else if (one_place && after->last_modified < before->last_modified)
		rnm_probe_find(judge, RNM_FOUND_BACK, address,
		               "Last-Modified was %s, and is %s for a new model", before->last_modified_text,
		               after->last_modified_text);
}

/* one_place: both come from one address, or before is what an earlier run remembers. */
static void compare(struct rnm_probe_judge *judge, size_t address, const struct version *before,
                    const struct version *after, bool one_place)
{
	if (same_content(before, after))
		same_model(judge, address, before, after, one_place);
	else
		other_model(judge, address, before, after, one_place);
}

static void compare_with_memory(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	const struct rnm_probe_seen *seen = judge->report->before;
	const struct version now = version_of(judge->report, get);
	char date[64] = "none";
	struct version before;

	if (seen == NULL)
		return;
	before = (struct version){ .hash = seen->hash,
		                   .etag = seen->etag,
		                   .has_time = seen->last_modified != RNM_PROBE_NO_TIME,
		                   .last_modified = seen->last_modified,
		                   .last_modified_text = date };
	if (before.has_time)
		rnm_probe_time_text(date, seen->last_modified);
	compare(judge, get->address, &before, &now, true);
}

/* The last whole body before this answer, of the same address or, for its first one, of the first address. */
static const struct rnm_probe_answer *before(const struct rnm_probe_report *report,
                                             const struct rnm_probe_answer *get)
{
	const struct rnm_probe_answer *first = NULL, *last = NULL;

	for (const struct rnm_probe_answer *other = report->answers; other < get; other++) {
		if (other->body == NULL)
			continue;
		if (first == NULL)
			first = other;
		if (other->address == get->address)
			last = other;
	}
	return last != NULL ? last : first;
}

/* ---- answers to conditional questions ---- */

/* 200, and the GET that it led to brought what was there already: the server did not compare. */
static void judge_ignored(struct rnm_probe_judge *judge, const struct rnm_probe_answer *again,
                          const struct rnm_probe_answer *known)
{
	const struct rnm_probe_report *report = judge->report;
	const struct rnm_probe_answer *get = again + 1;

	if (get >= report->answers + report->answer_count || get->ask != RNM_ASK_GET || get->body == NULL ||
	    memcmp(get->body->hash, known->body->hash, RNM_PROBE_HASH_SIZE) != 0)
		return;
	if (known->etag == NULL && known->last_modified == NULL)
		return;
	/* An ETag that is never the same again cannot be recognised: that is said already. */
	if (same_text(known->etag, get->etag) && same_text(known->last_modified, get->last_modified))
		rnm_probe_find(judge, RNM_FOUND_NO_304, again->address,
		               "HEAD with the validators of the model is answered with 200, and GET brings "
		               "the same bytes");
}

static void judge_not_modified(struct rnm_probe_judge *judge, const struct rnm_probe_answer *again,
                               const struct rnm_probe_answer *known)
{
	if (again->last_modified == NULL && known->last_modified != NULL)
		rnm_probe_find(judge, RNM_FOUND_BARE_304, again->address,
		               "the answer 304 has no Last-Modified");
	else if (!same_text(again->last_modified, known->last_modified))
		rnm_probe_find(judge, RNM_FOUND_DATE_304, again->address,
		               "Last-Modified is %.60s in the answer 304, and %.60s with the model",
		               or_none(again->last_modified), or_none(known->last_modified));
	if (again->etag != NULL && !same_text(again->etag, known->etag))
		rnm_probe_find(judge, RNM_FOUND_ETAG_304, again->address,
		               "ETag is %.200s in the answer 304, and %.200s with the model", again->etag,
		               or_none(known->etag));
}

static void judge_conditional(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer)
{
	const struct rnm_probe_answer *known = before(judge->report, answer);

	if (known == NULL || known->address != answer->address)
		return;
	if (answer->ask == RNM_ASK_OTHER) {
		if (answer->status == 304 && known->etag != NULL)
			rnm_probe_find(
			    judge, RNM_FOUND_WRONG_304, answer->address,
			    "HEAD with another ETag and the same Last-Modified is answered with 304");
	} else if (answer->status == 304) {
		judge_not_modified(judge, answer, known);
	} else if (answer->status == 200) {
		judge_ignored(judge, answer, known);
	}
}

void rnm_probe_judge_validators(struct rnm_probe_judge *judge)
{
	const struct rnm_probe_report *report = judge->report;

	for (size_t i = 0; i < report->answer_count; i++) {
		const struct rnm_probe_answer *answer = &report->answers[i];
		const struct rnm_probe_answer *known;

		if (answer->reach != RNM_REACH_ANSWER)
			continue;
		if (answer->ask == RNM_ASK_AGAIN || answer->ask == RNM_ASK_OTHER)
			judge_conditional(judge, answer);
		if (answer->ask != RNM_ASK_GET || answer->status != 200)
			continue;
		judge_get(judge, answer);
		if (answer->body == NULL)
			continue;
		known = before(report, answer);
		if (known != NULL) {
			const struct version old = version_of(report, known),
					     new = version_of(report, answer);

			compare(judge, answer->address, &old, &new, known->address == answer->address);
		} else {
			compare_with_memory(judge, answer);
		}
	}
}
