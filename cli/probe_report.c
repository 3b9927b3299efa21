/* SPDX-License-Identifier: Apache-2.0 */
#include "probe_report.h"
#include "doctor_report.h"
#include "output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_ALL);
}

static const struct rnm_probe_body *last_body(const struct rnm_probe_report *report)
{
	for (size_t i = report->answer_count; i > 0; i--)
		if (report->answers[i - 1].body != NULL)
			return report->answers[i - 1].body;
	return NULL;
}

/* ---- text ---- */

static void put_answer(struct rnm_buf *out, const struct rnm_probe_answer *answer)
{
	static const char *const words[] = { "HEAD", "GET", "HEAD if changed", "HEAD of another" };

	rnm_buf_printf(out, "%s ", words[answer->ask]);
	if (answer->reach != RNM_REACH_ANSWER) {
		rnm_buf_printf(out, "(%s)", rnm_reach_name(answer->reach));
		return;
	}
	rnm_buf_printf(out, "%u", answer->status);
	if (answer->received > 0) {
		rnm_buf_putc(out, ' ');
		output_size(out, answer->received);
	}
}

static void put_answers(struct rnm_buf *out, const struct rnm_probe_report *report, size_t address)
{
	const char *before = "";

	rnm_buf_puts(out, "  ");
	put(out, report->addresses[address]);
	rnm_buf_puts(out, ": ");
	for (size_t i = 0; i < report->answer_count; i++) {
		if (report->answers[i].address != address)
			continue;
		rnm_buf_puts(out, before);
		put_answer(out, &report->answers[i]);
		before = ", ";
	}
	rnm_buf_putc(out, '\n');
}

static void put_places(struct rnm_buf *out, const struct rnm_probe_report *report, uint32_t set)
{
	const char *before = " at ";

	if (report->address_count < 2)
		return;
	for (size_t i = 0; i < report->address_count; i++) {
		if ((set & UINT32_C(1) << i) == 0)
			continue;
		rnm_buf_puts(out, before);
		put(out, report->addresses[i]);
		before = ", ";
	}
}

static void put_finding(struct rnm_buf *out, const struct rnm_probe_report *report,
                        const struct rnm_probe_finding *finding)
{
	rnm_buf_printf(out, "%s%s%s %s", output_color(health_color(finding->level)),
	               rnm_health_name(finding->level), output_color(COLOR_NONE), finding->id);
	put_places(out, report, finding->addresses);
	rnm_buf_puts(out, "\n    ");
	put(out, finding->text);
	rnm_buf_puts(out, "\n    ");
	put(out, finding->advice);
	rnm_buf_putc(out, '\n');
}

static void put_interval(struct rnm_buf *out, const struct rnm_map_check *next)
{
	output_duration(out, round(next->min));
	if (round(next->max) > round(next->min)) {
		rnm_buf_puts(out, " to ");
		output_duration(out, round(next->max));
	}
}

static void put_next(struct rnm_buf *out, const struct rnm_probe_report *report)
{
	static const char *const why[] = {
		[RNM_MAP_ERROR] = "an error",
		[RNM_MAP_NOTHING] = "no Expires, ETag or Last-Modified",
		[RNM_MAP_EXPIRES] = "Expires",
		[RNM_MAP_EXPIRES_SOON] = "its poll interval, Expires is sooner",
		[RNM_MAP_EXPIRES_FAR] = "ten poll intervals, Expires is too far",
		[RNM_MAP_VALIDATORS] = "four poll intervals, 10 minutes at least: no Expires that counts",
		[RNM_MAP_FLOOR] = "no validators and no Expires that counts",
		[RNM_MAP_OVERDUE] = "Date",
	};

	if (!report->has_next)
		return;
	rnm_buf_puts(out, "a rspamd that polls every ");
	output_duration(out, report->poll);
	rnm_buf_puts(out, " asks again after ");
	put_interval(out, &report->next);
	rnm_buf_printf(out, " (%s): ", why[report->next.reason]);
	if (report->cost.polls_a_day < 10)
		rnm_buf_printf(out, "%.1f", report->cost.polls_a_day);
	else
		rnm_buf_printf(out, "%.0f", report->cost.polls_a_day);
	rnm_buf_puts(out, " polls and ");
	output_size(out, (uint64_t)(report->cost.polls_a_day * (double)report->cost.poll_bytes));
	rnm_buf_puts(out, " a day; a new model costs ");
	output_size(out, report->cost.fetch_bytes);
	rnm_buf_putc(out, '\n');
}

static void put_count(struct rnm_buf *out, size_t count, const char *what, const char *end)
{
	rnm_buf_printf(out, "%zu %s%s%s", count, what, count == 1 ? "" : "s", end);
}

void probe_text(struct rnm_buf *out, const struct rnm_probe_report *report)
{
	rnm_buf_puts(out, output_color(COLOR_BOLD));
	put(out, report->url);
	rnm_buf_printf(out, "%s\n", output_color(COLOR_NONE));
	for (size_t i = 0; i < report->address_count; i++)
		put_answers(out, report, i);
	for (int level = RNM_HEALTH_PROBLEM; level >= RNM_HEALTH_NOTE; level--)
		for (size_t i = 0; i < report->finding_count; i++)
			if ((int)report->findings[i].level == level)
				put_finding(out, report, &report->findings[i]);
	put_next(out, report);
	put_count(out, report->problems, "problem", ", ");
	put_count(out, report->warnings, "warning", ", ");
	put_count(out, report->finding_count - report->problems - report->warnings, "note", "\n");
}

/* ---- JSON ---- */

static void json_finding(struct rnm_json *json, const struct rnm_probe_report *report,
                         const struct rnm_probe_finding *finding)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "id", finding->id);
	rnm_json_kv_string(json, "level", rnm_health_name(finding->level));
	rnm_json_key(json, "addresses");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < report->address_count; i++)
		if ((finding->addresses & UINT32_C(1) << i) != 0)
			rnm_json_string(json, report->addresses[i]);
	rnm_json_end_array(json);
	rnm_json_kv_string(json, "text", finding->text);
	rnm_json_kv_string(json, "advice", finding->advice);
	rnm_json_end_object(json);
}

static void json_next(struct rnm_json *json, const struct rnm_probe_report *report)
{
	if (!report->has_next) {
		rnm_json_kv_null(json, "next");
		rnm_json_kv_null(json, "cost");
		return;
	}
	rnm_json_key(json, "next");
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "reason", rnm_map_reason_name(report->next.reason));
	rnm_json_kv_double(json, "min", report->next.min);
	rnm_json_kv_double(json, "max", report->next.max);
	rnm_json_end_object(json);
	rnm_json_key(json, "cost");
	rnm_json_begin_object(json);
	rnm_json_kv_double(json, "polls_a_day", report->cost.polls_a_day);
	rnm_json_kv_uint(json, "poll_bytes", report->cost.poll_bytes);
	rnm_json_kv_uint(json, "fetch_bytes", report->cost.fetch_bytes);
	rnm_json_end_object(json);
}

static void json_model(struct rnm_json *json, const struct rnm_probe_body *body)
{
	char hash[2 * RNM_PROBE_HASH_SIZE + 1];

	if (body == NULL) {
		rnm_json_kv_null(json, "model");
		return;
	}
	for (size_t i = 0; i < RNM_PROBE_HASH_SIZE; i++)
		snprintf(hash + 2 * i, 3, "%02x", body->hash[i]);
	rnm_json_key(json, "model");
	rnm_json_begin_object(json);
	rnm_json_kv_uint(json, "size", body->size);
	rnm_json_kv_string(json, "blake2b", hash);
	rnm_json_kv_string(json, "kind", rnm_body_kind_name(body->kind));
	rnm_json_kv_string(json, "providers_digest", body->providers_digest);
	rnm_json_key(json, "version");
	if (!body->has_version)
		rnm_json_null(json);
	else if (body->version == floor(body->version) && fabs(body->version) < 0x1p53)
		rnm_json_int(json, (int64_t)body->version);
	else
		rnm_json_double(json, body->version);
	rnm_json_end_object(json);
}

static void json_tls(struct rnm_json *json, const struct rnm_probe_report *report)
{
	rnm_json_key(json, "tls");
	rnm_json_begin_array(json);
	for (size_t i = 0; report->https && i < report->address_count; i++) {
		const struct rnm_probe_tls *tls = &report->tls[i];

		if (!tls->seen)
			continue;
		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "address", report->addresses[i]);
		rnm_json_kv_string(json, "version", tls->version);
		rnm_json_kv_string(json, "names", tls->names);
		rnm_json_kv_string(json, "issuer", tls->issuer);
		rnm_json_kv_int(json, "not_after", tls->not_after);
		rnm_json_kv_uint(json, "sent", tls->sent);
		rnm_json_kv_bool(json, "trusted",
		                 !tls->untrusted && !tls->wrong_name && !tls->out_of_date && !tls->too_deep);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
}

static void json_headers(struct rnm_json *json, const struct rnm_probe_answer *answer)
{
	rnm_json_kv_uint(json, "status", answer->status);
	rnm_json_kv_string(json, "date", answer->date);
	rnm_json_kv_string(json, "expires", answer->expires);
	rnm_json_kv_string(json, "last_modified", answer->last_modified);
	rnm_json_kv_string(json, "etag", answer->etag);
	rnm_json_kv_string(json, "content_encoding", answer->content_encoding);
	rnm_json_kv_string(json, "location", answer->location);
	rnm_json_kv_string(json, "age", answer->age);
	rnm_json_kv_string(json, "server", answer->server);
	rnm_json_kv_string(json, "framing", rnm_framing_name(answer->framing));
	if (answer->declared >= 0)
		rnm_json_kv_int(json, "declared", answer->declared);
	else
		rnm_json_kv_null(json, "declared");
	rnm_json_kv_string(json, "state", rnm_body_state_name(answer->state));
	rnm_json_kv_uint(json, "received", answer->received);
	rnm_json_kv_uint(json, "extra", answer->extra);
}

static void json_answer(struct rnm_json *json, const struct rnm_probe_report *report,
                        const struct rnm_probe_answer *answer)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "ask", rnm_ask_name(answer->ask));
	rnm_json_kv_string(json, "address", report->addresses[answer->address]);
	rnm_json_kv_uint(json, "round", answer->round);
	rnm_json_kv_string(json, "request", answer->request);
	rnm_json_kv_string(json, "reach", rnm_reach_name(answer->reach));
	rnm_json_kv_string(json, "reason", answer->reason[0] != '\0' ? answer->reason : NULL);
	if (answer->reach == RNM_REACH_ANSWER)
		json_headers(json, answer);
	rnm_json_kv_uint(json, "wire_bytes", answer->wire_bytes);
	rnm_json_kv_double(json, "at", answer->at);
	rnm_json_kv_double(json, "connect_seconds", answer->connect_seconds);
	rnm_json_kv_double(json, "first_seconds", answer->first_seconds);
	rnm_json_kv_double(json, "all_seconds", answer->all_seconds);
	rnm_json_end_object(json);
}

void probe_json(struct rnm_json *json, const struct rnm_probe_report *report)
{
	rnm_json_kv_string(json, "url", report->url);
	rnm_json_kv_bool(json, "reached", report->reached);
	rnm_json_key(json, "addresses");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < report->address_count; i++)
		rnm_json_string(json, report->addresses[i]);
	rnm_json_end_array(json);
	rnm_json_kv_double(json, "poll", report->poll);
	rnm_json_kv_uint(json, "problems", report->problems);
	rnm_json_kv_uint(json, "warnings", report->warnings);
	rnm_json_key(json, "findings");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < report->finding_count; i++)
		json_finding(json, report, &report->findings[i]);
	rnm_json_end_array(json);
	json_next(json, report);
	json_model(json, last_body(report));
	json_tls(json, report);
	rnm_json_key(json, "answers");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < report->answer_count; i++)
		json_answer(json, report, &report->answers[i]);
	rnm_json_end_array(json);
}
