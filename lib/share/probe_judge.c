/* SPDX-License-Identifier: Apache-2.0 */
/* The list of findings, what is said of connections, and the order of the judgement. */
#include "share/probe.h"

#include "share/http_date.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_SECONDS 2.0
#define ENDING_DAYS 14
#define DAY 86400

static const struct {
	const char *id;
	enum rnm_health level;
} kinds[] = {
#define FINDING(symbol, id, level, meaning) [RNM_FOUND_##symbol] = { id, RNM_HEALTH_##level },
#include "share/probe.def"
#undef FINDING
};

void rnm_probe_find(struct rnm_probe_judge *judge, enum rnm_probe_code code, size_t address, const char *fmt,
                    ...)
{
	const uint32_t where = address < RNM_PROBE_ADDRESSES_MAX ? UINT32_C(1) << address : 0;
	struct rnm_probe_finding *finding = judge->of_code[code];
	char text[RNM_ERROR_TEXT_MAX];
	va_list args;

	if (finding != NULL) {
		finding->addresses |= where;
		return;
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	finding = &judge->report->findings[judge->report->finding_count++];
	judge->of_code[code] = finding;
	*finding = (struct rnm_probe_finding){ .id = kinds[code].id,
		                               .level = kinds[code].level,
		                               .addresses = where,
		                               .text = rnm_arena_strndup(judge->arena, text, strlen(text)),
		                               .advice = rnm_probe_advice(code) };
	if (finding->text == NULL) {
		finding->text = "";
		judge->no_memory = true;
	}
}

bool rnm_probe_time(int64_t *time, const char *text, const struct rnm_probe_report *report)
{
	return text != NULL && rnm_http_date_read(time, text, (int64_t)report->now);
}

void rnm_probe_time_text(char text[64], int64_t time)
{
	_Static_assert(RNM_HTTP_DATE_SIZE <= 64, "it fits");
	rnm_http_date_write(text, time);
}

const struct rnm_probe_answer *rnm_probe_first(const struct rnm_probe_report *report, enum rnm_ask ask,
                                               size_t address, unsigned status)
{
	for (size_t i = 0; i < report->answer_count; i++) {
		const struct rnm_probe_answer *answer = &report->answers[i];

		if (answer->ask == ask && answer->address == address && answer->reach == RNM_REACH_ANSWER &&
		    answer->status == status)
			return answer;
	}
	return NULL;
}

/* ---- connections and statuses ---- */

static const char *method(const struct rnm_probe_answer *answer)
{
	return answer->ask == RNM_ASK_GET ? "GET" : "HEAD";
}

static void judge_silence(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer)
{
	static const enum rnm_probe_code codes[] = {
		[RNM_REACH_ANSWER] = RNM_FOUND_NO_ANSWER,  [RNM_REACH_CONNECT] = RNM_FOUND_UNREACHABLE,
		[RNM_REACH_TLS] = RNM_FOUND_NO_TLS,        [RNM_REACH_SILENCE] = RNM_FOUND_NO_ANSWER,
		[RNM_REACH_CUT] = RNM_FOUND_CUT,           [RNM_REACH_HEADERS] = RNM_FOUND_HEADERS,
		[RNM_REACH_PROTOCOL] = RNM_FOUND_NOT_HTTP,
	};

	rnm_probe_find(judge, codes[answer->reach], answer->address, "%s: %s", method(answer),
	               answer->reason);
}

/* Whether HEAD without conditions works here: else what becomes of one with conditions is no news. */
static bool head_works(const struct rnm_probe_judge *judge, size_t address)
{
	return rnm_probe_first(judge->report, RNM_ASK_HEAD, address, 200) != NULL;
}

static void judge_status(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer)
{
	const bool conditional = answer->ask == RNM_ASK_AGAIN || answer->ask == RNM_ASK_OTHER;
	const size_t address = answer->address;

	if (answer->status == 200 || (conditional && (answer->status == 304 || !head_works(judge, address))))
		return;
	if (answer->status > 300 && answer->status < 400 && answer->status != 304)
		rnm_probe_find(judge, RNM_FOUND_REDIRECT, address, "%s is answered with %u, to %s",
		               method(answer), answer->status,
		               answer->location != NULL ? answer->location : "nowhere");
	else if (answer->ask == RNM_ASK_HEAD &&
	         rnm_probe_first(judge->report, RNM_ASK_GET, address, 200) != NULL)
		rnm_probe_find(judge, RNM_FOUND_HEAD_STATUS, address,
		               "HEAD is answered with %u, and GET with 200", answer->status);
	else
		rnm_probe_find(judge, RNM_FOUND_STATUS, address, "%s%s is answered with %u", method(answer),
		               conditional ? " with validators" : "", answer->status);
}

void rnm_probe_judge_reach(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer)
{
	if (answer->reach != RNM_REACH_ANSWER) {
		judge_silence(judge, answer);
		return;
	}
	judge_status(judge, answer);
	if (answer->first_seconds > SLOW_SECONDS)
		rnm_probe_find(judge, RNM_FOUND_SLOW, answer->address,
		               "the answer to %s begins after %.1f seconds", method(answer),
		               answer->first_seconds);
	if (answer->repeated != NULL)
		rnm_probe_find(judge, RNM_FOUND_REPEATED, answer->address,
		               "the answer to %s has several headers %s with different values",
		               method(answer), answer->repeated);
	if (answer->ask != RNM_ASK_GET && answer->extra > 0)
		rnm_probe_find(judge, RNM_FOUND_HEAD_BODY, answer->address,
		               "%llu bytes or more follow the headers of the answer to HEAD",
		               (unsigned long long)answer->extra);
}

/* ---- TLS ---- */

void rnm_probe_judge_tls(struct rnm_probe_judge *judge, size_t address)
{
	const struct rnm_probe_report *report = judge->report;
	const struct rnm_probe_tls *tls = &report->tls[address];
	const double left = (double)tls->not_after - report->now;

	if (!report->https || !tls->seen)
		return;
	if (tls->untrusted)
		rnm_probe_find(judge, RNM_FOUND_UNTRUSTED, address,
		               "%s; %u certificate%s sent, issuer of the first: %s", tls->reason, tls->sent,
		               tls->sent == 1 ? "" : "s", tls->issuer);
	if (tls->wrong_name)
		rnm_probe_find(judge, RNM_FOUND_WRONG_NAME, address, "the certificate is for %s", tls->names);
	if (tls->out_of_date)
		rnm_probe_find(judge, RNM_FOUND_OUT_OF_DATE, address, "%s",
		               left < 0 ? "a certificate of the chain has expired"
		                        : "a certificate of the chain is not valid yet");
	else if (left < (double)ENDING_DAYS * DAY)
		rnm_probe_find(judge, RNM_FOUND_ENDING, address,
		               "a certificate of the chain expires in %.1f days", left / DAY);
	if (tls->too_deep)
		rnm_probe_find(judge, RNM_FOUND_DEEP, address, "%s; %u certificates sent", tls->reason,
		               tls->sent);
}

/* ---- what follows from the answers ---- */

void rnm_probe_map_answer(struct rnm_map_answer *out, const struct rnm_probe_answer *answer,
                          const struct rnm_probe_report *report)
{
	*out = (struct rnm_map_answer){ .has_etag = answer->etag != NULL,
		                        .has_last_modified = answer->last_modified != NULL };
	out->good = answer->reach == RNM_REACH_ANSWER &&
	            (answer->status == 304 ||
	             (answer->status == 200 && answer->state == RNM_BODY_WHOLE && answer->received > 0));
	out->has_date = rnm_probe_time(&out->date, answer->date, report);
	if (answer->expires != NULL)
		out->expires = rnm_probe_time(&out->expires_at, answer->expires, report)
		                   ? RNM_MAP_EXPIRES_TIME
		                   : RNM_MAP_EXPIRES_UNREADABLE;
}

/* The answer that decides when an rspamd at this address asks again: the last one that it would act on. */
static const struct rnm_probe_answer *deciding(const struct rnm_probe_report *report, size_t address)
{
	const struct rnm_probe_answer *last = NULL;

	for (size_t i = 0; i < report->answer_count; i++) {
		const struct rnm_probe_answer *answer = &report->answers[i];
		/* A HEAD that goes well leads to GET, which then counts. */
		const bool leads_on =
		    answer->ask != RNM_ASK_GET && answer->reach == RNM_REACH_ANSWER && answer->status == 200;

		if (answer->address != address || answer->ask == RNM_ASK_OTHER || leads_on)
			continue;
		/* Whose HEAD has failed never gets to this GET, which was only asked to learn more. */
		if (answer->ask == RNM_ASK_GET && i > 0 && last == &report->answers[i - 1])
			continue;
		last = answer;
	}
	return last;
}

static bool was_reached(const struct rnm_probe_report *report, size_t address)
{
	for (size_t i = 0; i < report->answer_count; i++)
		if (report->answers[i].address == address && report->answers[i].reach == RNM_REACH_ANSWER)
			return true;
	return false;
}

static void compute_cost(struct rnm_probe_report *report, size_t address)
{
	const struct rnm_probe_answer *head = rnm_probe_first(report, RNM_ASK_HEAD, address, 200);
	const struct rnm_probe_answer *get = rnm_probe_first(report, RNM_ASK_GET, address, 200);
	const struct rnm_probe_answer *again = rnm_probe_first(report, RNM_ASK_AGAIN, address, 304);
	struct rnm_probe_cost *cost = &report->cost;

	cost->polls_a_day = 2.0 * DAY / (report->next.min + report->next.max);
	cost->fetch_bytes = (head != NULL ? head->wire_bytes : 0) + (get != NULL ? get->wire_bytes : 0);
	cost->poll_bytes = again != NULL ? again->wire_bytes : cost->fetch_bytes;
}

static void compute_next(struct rnm_probe_report *report)
{
	for (size_t i = 0; i < report->address_count; i++) {
		const struct rnm_probe_answer *answer = deciding(report, i);
		struct rnm_map_answer map;

		if (answer == NULL || !was_reached(report, i))
			continue;
		report->reached = true;
		if (report->has_next)
			continue;
		rnm_probe_map_answer(&map, answer, report);
		rnm_map_next_check(&report->next, &map, report->poll, answer->at);
		report->has_next = true;
		compute_cost(report, i);
	}
}

static void judge_url(struct rnm_probe_judge *judge)
{
	const struct rnm_probe_report *report = judge->report;

	if (!report->https && !report->loopback && report->address_count > 0)
		rnm_probe_find(judge, RNM_FOUND_PLAIN, RNM_PROBE_NOWHERE, "the URL begins with http://");
	if (report->no_address != NULL)
		rnm_probe_find(judge, RNM_FOUND_NO_ADDRESS, RNM_PROBE_NOWHERE, "%s", report->no_address);
	if (report->has_fragment)
		rnm_probe_find(judge, RNM_FOUND_FRAGMENT, RNM_PROBE_NOWHERE, "the URL has a part behind #");
}

enum rnm_status rnm_probe_judge(struct rnm_probe_report *report, struct rnm_arena *arena,
                                struct rnm_error *err)
{
	struct rnm_probe_judge judge = { .report = report, .arena = arena };

	report->findings = rnm_arena_alloc(arena, RNM_FOUND_COUNT * sizeof(*report->findings));
	if (report->findings == NULL)
		return rnm_error_nomem(err);
	judge_url(&judge);
	for (size_t i = 0; i < report->address_count; i++)
		rnm_probe_judge_tls(&judge, i);
	for (size_t i = 0; i < report->answer_count; i++) {
		const struct rnm_probe_answer *answer = &report->answers[i];

		rnm_probe_judge_reach(&judge, answer);
		if (answer->reach != RNM_REACH_ANSWER)
			continue;
		rnm_probe_judge_times(&judge, answer);
		rnm_probe_judge_body(&judge, answer);
	}
	rnm_probe_judge_validators(&judge);
	compute_next(report);
	for (size_t i = 0; i < report->finding_count; i++) {
		report->problems += report->findings[i].level == RNM_HEALTH_PROBLEM;
		report->warnings += report->findings[i].level == RNM_HEALTH_WARNING;
	}
	return judge.no_memory ? rnm_error_nomem(err) : RNM_OK;
}
