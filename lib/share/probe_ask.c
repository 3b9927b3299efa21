/* SPDX-License-Identifier: Apache-2.0 */
/* One question: its bytes, and what is kept of the answer. */
#include "share/probe_run.h"

#include "base/clock.h"
#include "share/http_date.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_SECONDS 30.0
/* What no server has given to anything. */
#define OTHER_ETAG "\"rnm-probe\""

double rnm_probe_timeout(const struct rnm_probe_run *run)
{
	return run->options->timeout > 0 ? run->options->timeout : TIMEOUT_SECONDS;
}

/* ---- a request ---- */

static const char *authorization(struct rnm_probe_run *run)
{
	const char *userinfo = run->url.userinfo;
	const size_t len = userinfo != NULL ? strlen(userinfo) : 0;
	char text[sodium_base64_ENCODED_LEN(RNM_PROBE_URL_MAX, sodium_base64_VARIANT_ORIGINAL)];

	if (userinfo == NULL)
		return "";
	sodium_bin2base64(text, sizeof(text), (const unsigned char *)userinfo, len,
	                  sodium_base64_VARIANT_ORIGINAL);
	return rnm_arena_printf(run->arena, "Authorization: Basic %s\r\n", text);
}

/* What rspamd remembers of the last GET, as it writes it; without Last-Modified it takes Date. */
static const char *validators(struct rnm_probe_run *run, enum rnm_ask ask,
                              const struct rnm_probe_answer *known)
{
	const char *modified = known->last_modified != NULL ? known->last_modified : known->date;
	const char *etag = ask == RNM_ASK_OTHER ? OTHER_ETAG : known->etag;
	char date[RNM_HTTP_DATE_SIZE];
	int64_t time;
	const bool has_time = rnm_probe_time(&time, modified, run->report);

	if (has_time)
		rnm_http_date_write(date, time);
	return rnm_arena_printf(run->arena, "%s%s%s%s%s%s", has_time ? "If-Modified-Since: " : "",
	                        has_time ? date : "", has_time ? "\r\n" : "",
	                        etag != NULL ? "If-None-Match: " : "", etag != NULL ? etag : "",
	                        etag != NULL ? "\r\n" : "");
}

static const char *write_request(struct rnm_probe_run *run, enum rnm_ask ask,
                                 const struct rnm_probe_answer *known)
{
	const char *agent =
	    run->options->user_agent != NULL ? run->options->user_agent : RNM_PROBE_USER_AGENT;
	const char *conditions = known != NULL ? validators(run, ask, known) : "";
	const char *secret = authorization(run);

	if (conditions == NULL || secret == NULL)
		return NULL;
	return rnm_arena_printf(
	    run->arena,
	    "%s %s HTTP/1.1\r\nConnection: close\r\nHost: %s\r\nContent-Length: 0\r\n%s%s%s%s%s\r\n",
	    ask == RNM_ASK_GET ? "GET" : "HEAD", run->url.target, run->url.host_header,
	    *agent != '\0' ? "User-Agent: " : "", agent, *agent != '\0' ? "\r\n" : "", conditions, secret);
}

/* ---- an answer ---- */

const char *rnm_probe_keep(struct rnm_probe_run *run, bool *failed, const char *text)
{
	const char *copy = text != NULL ? rnm_arena_strndup(run->arena, text, strlen(text)) : NULL;

	*failed = *failed || (text != NULL && copy == NULL);
	return copy;
}

static bool keep_headers(struct rnm_probe_run *run, struct rnm_probe_answer *out,
                         const struct rnm_wire_answer *answer)
{
	const struct {
		const char *name;
		const char **value;
	} headers[] = {
		{ "Date", &out->date },
		{ "Expires", &out->expires },
		{ "Last-Modified", &out->last_modified },
		{ "ETag", &out->etag },
		{ "Content-Encoding", &out->content_encoding },
		{ "Location", &out->location },
		{ "Age", &out->age },
		{ "Server", &out->server },
		{ "Content-Length", NULL },
	};
	bool failed = false;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		bool differs;
		const char *value = rnm_wire_answer_field(answer, headers[i].name, &differs);

		if (headers[i].value != NULL)
			*headers[i].value = rnm_probe_keep(run, &failed, value);
		if (differs && out->repeated == NULL)
			out->repeated = headers[i].name;
	}
	return !failed;
}

static enum rnm_status keep_body(struct rnm_probe_run *run, struct rnm_probe_answer *out,
                                 const struct rnm_buf *body)
{
	struct rnm_probe_body *facts;

	if (out->status != 200 || out->state != RNM_BODY_WHOLE || body->len == 0)
		return RNM_OK;
	facts = rnm_arena_alloc(run->arena, sizeof(*facts));
	if (facts == NULL)
		return rnm_error_nomem(run->err);
	out->body = facts;
	return rnm_probe_body_read(facts, body->data, body->len, run->report->encrypted_name, run->arena,
	                           run->err);
}

/* The last one stands: certificates may be replaced while we ask. */
static bool keep_chain(struct rnm_probe_run *run, size_t address, const struct rnm_probe_tls *tls)
{
	struct rnm_probe_tls *out = &run->report->tls[address];
	bool failed = false;

	if (!tls->seen || out->seen)
		return true;
	*out = *tls;
	out->version = rnm_probe_keep(run, &failed, tls->version);
	out->names = rnm_probe_keep(run, &failed, tls->names);
	out->issuer = rnm_probe_keep(run, &failed, tls->issuer);
	out->reason = rnm_probe_keep(run, &failed, tls->reason);
	return !failed;
}

static enum rnm_status keep_answer(struct rnm_probe_run *run, struct rnm_probe_answer *out,
                                   const struct rnm_wire_result *result)
{
	const struct rnm_wire_answer *answer = &result->answer;
	bool failed = false;

	out->reach = result->reach;
	out->reason = rnm_probe_keep(run, &failed, result->reason);
	out->connect_seconds = result->connect_seconds;
	out->first_seconds = result->first_seconds;
	out->all_seconds = result->all_seconds;
	out->at = result->at;
	out->wire_bytes = result->wire_bytes;
	out->declared = RNM_PROBE_NO_LENGTH;
	if (failed || !keep_chain(run, out->address, &result->chain.facts))
		return rnm_error_nomem(run->err);
	if (result->reach != RNM_REACH_ANSWER)
		return RNM_OK;
	out->status = answer->status;
	out->framing = answer->framing;
	out->declared = answer->declared;
	out->state = result->state;
	out->received = answer->body.len;
	out->extra = answer->extra;
	out->head_bytes = answer->head_bytes;
	if (!keep_headers(run, out, answer))
		return rnm_error_nomem(run->err);
	return keep_body(run, out, &answer->body);
}

/* ---- one question ---- */

enum rnm_status rnm_probe_ask(struct rnm_probe_run *run, enum rnm_ask what, size_t address, unsigned round,
                              const struct rnm_probe_answer *known)
{
	struct rnm_probe_report *report = run->report;
	struct rnm_probe_answer *out = &report->answers[report->answer_count];
	const struct rnm_wire_question question = { .address = &run->addresses.items[address],
		                                    .trust = report->https ? &run->trust : NULL,
		                                    .request = write_request(run, what, known),
		                                    .is_head = what != RNM_ASK_GET,
		                                    .max = report->max_size,
		                                    .seconds = rnm_probe_timeout(run),
		                                    .cancel = run->options->cancel };
	struct rnm_wire_result *result = malloc(sizeof(*result));
	enum rnm_status status;

	if (question.request == NULL || result == NULL) {
		free(result);
		return rnm_error_nomem(run->err);
	}
	*out = (struct rnm_probe_answer){
		.ask = what, .address = address, .round = round, .request = question.request
	};
	report->now = rnm_clock_wall();
	status = rnm_wire_ask(result, &question, run->err);
	if (status == RNM_OK)
		status = keep_answer(run, out, result);
	rnm_wire_result_free(result);
	free(result);
	report->answer_count += status == RNM_OK;
	if (status == RNM_OK && run->options->progress != NULL)
		run->options->progress(run->options->progress_ctx, report->answer_count, run->expected);
	return status;
}
