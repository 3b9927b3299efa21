/* SPDX-License-Identifier: Apache-2.0 */
/* The questions: which are asked, in which order, and with which bytes. */
#include "share/probe.h"

#include "base/clock.h"
#include "share/http_date.h"
#include "share/wire.h"

#include <rnm/rnm1.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_SECONDS 30.0
/* HEAD and GET; then, in each round, HEAD with validators, perhaps GET, and in the first HEAD with another ETag. */
#define QUESTIONS_FIRST 2
#define QUESTIONS_ROUND 3
#define DIGEST_LEN 16
/* What no server has given to anything. */
#define OTHER_ETAG "\"rnm-probe\""

struct owned {
	struct rnm_probe_report report;
	struct rnm_arena arena;
};

struct run {
	const struct rnm_probe_options *options;
	struct rnm_probe_report *report;
	struct rnm_arena *arena;
	struct rnm_error *err;
	struct rnm_wire_url url;
	struct rnm_address_list addresses;
	struct rnm_wire_trust trust;
	size_t answers_max;
	uint64_t expected; /* questions, for the progress */
};

const char *rnm_ask_name(enum rnm_ask ask)
{
	static const char *const names[] = { "head", "get", "again", "other" };

	return names[ask];
}

const char *rnm_reach_name(enum rnm_reach reach)
{
	static const char *const names[] = { "answer", "connect", "tls",     "silence",
		                             "cut",    "headers", "protocol" };

	return names[reach];
}

const char *rnm_framing_name(enum rnm_framing framing)
{
	static const char *const names[] = { "none", "length", "chunked", "close" };

	return names[framing];
}

const char *rnm_body_state_name(enum rnm_body_state state)
{
	static const char *const names[] = { "none", "whole", "cut", "slow", "large", "broken" };

	return names[state];
}

const char *rnm_body_kind_name(enum rnm_body_kind kind)
{
	static const char *const names[] = { "no-model", "padded", "unfit", "model", "encrypted" };

	return names[kind];
}

/* ---- a request ---- */

static const char *authorization(struct run *run)
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
static const char *validators(struct run *run, enum rnm_ask ask, const struct rnm_probe_answer *known)
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

static const char *write_request(struct run *run, enum rnm_ask ask, const struct rnm_probe_answer *known)
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

static const char *keep(struct run *run, bool *failed, const char *text)
{
	const char *copy = text != NULL ? rnm_arena_strndup(run->arena, text, strlen(text)) : NULL;

	*failed = *failed || (text != NULL && copy == NULL);
	return copy;
}

static bool keep_headers(struct run *run, struct rnm_probe_answer *out, const struct rnm_wire_answer *answer)
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
			*headers[i].value = keep(run, &failed, value);
		if (differs && out->repeated == NULL)
			out->repeated = headers[i].name;
	}
	return !failed;
}

static enum rnm_status keep_body(struct run *run, struct rnm_probe_answer *out, const struct rnm_buf *body)
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
static bool keep_chain(struct run *run, size_t address, const struct rnm_probe_tls *tls)
{
	struct rnm_probe_tls *out = &run->report->tls[address];
	bool failed = false;

	if (!tls->seen || out->seen)
		return true;
	*out = *tls;
	out->version = keep(run, &failed, tls->version);
	out->names = keep(run, &failed, tls->names);
	out->issuer = keep(run, &failed, tls->issuer);
	out->reason = keep(run, &failed, tls->reason);
	return !failed;
}

static enum rnm_status keep_answer(struct run *run, struct rnm_probe_answer *out,
                                   const struct rnm_wire_result *result)
{
	const struct rnm_wire_answer *answer = &result->answer;
	bool failed = false;

	out->reach = result->reach;
	out->reason = keep(run, &failed, result->reason);
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

static enum rnm_status ask(struct run *run, enum rnm_ask what, size_t address, unsigned round,
                           const struct rnm_probe_answer *known)
{
	struct rnm_probe_report *report = run->report;
	struct rnm_probe_answer *out = &report->answers[report->answer_count];
	const double timeout = run->options->timeout > 0 ? run->options->timeout : TIMEOUT_SECONDS;
	const struct rnm_wire_question question = { .address = &run->addresses.items[address],
		                                    .trust = report->https ? &run->trust : NULL,
		                                    .request = write_request(run, what, known),
		                                    .is_head = what != RNM_ASK_GET,
		                                    .max = report->max_size,
		                                    .seconds = timeout,
		                                    .cancel = run->options->cancel };
	struct rnm_wire_result *result = malloc(sizeof(*result));
	enum rnm_status status = RNM_E_NOMEM;

	if (question.request != NULL && result != NULL) {
		*out = (struct rnm_probe_answer){
			.ask = what, .address = address, .round = round, .request = question.request
		};
		report->now = rnm_clock_wall();
		status = rnm_wire_ask(result, &question);
		if (status == RNM_OK)
			status = keep_answer(run, out, result);
		else if (status == RNM_E_INTERRUPTED)
			rnm_error_set(run->err, status, NULL, "interrupted");
		rnm_wire_result_free(result);
	}
	free(result);
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(run->err);
	report->answer_count += status == RNM_OK;
	if (status == RNM_OK && run->options->progress != NULL)
		run->options->progress(run->options->progress_ctx, report->answer_count, run->expected);
	return status;
}

static bool got(const struct run *run, unsigned status)
{
	const struct rnm_probe_answer *last = &run->report->answers[run->report->answer_count - 1];

	return last->reach == RNM_REACH_ANSWER && last->status == status;
}

/* The last body from this address. */
static const struct rnm_probe_answer *known_of(const struct run *run, size_t address)
{
	const struct rnm_probe_report *report = run->report;

	for (size_t i = report->answer_count; i > 0; i--) {
		const struct rnm_probe_answer *answer = &report->answers[i - 1];

		if (answer->address == address && answer->ask == RNM_ASK_GET &&
		    answer->reach == RNM_REACH_ANSWER && answer->status == 200)
			return answer;
	}
	return NULL;
}

/* GET also where rspamd would have stopped at HEAD: what it would get is worth knowing. */
static enum rnm_status ask_first(struct run *run, size_t address)
{
	enum rnm_status status = ask(run, RNM_ASK_HEAD, address, 0, NULL);
	const bool connected = status == RNM_OK &&
	                       run->report->answers[run->report->answer_count - 1].reach != RNM_REACH_CONNECT;

	return connected ? ask(run, RNM_ASK_GET, address, 0, NULL) : status;
}

static enum rnm_status ask_later(struct run *run, size_t address, unsigned round)
{
	const struct rnm_probe_answer *known = known_of(run, address);
	enum rnm_status status;

	if (known == NULL)
		return RNM_OK;
	status = ask(run, RNM_ASK_AGAIN, address, round, known);
	if (status == RNM_OK && got(run, 200))
		status = ask(run, RNM_ASK_GET, address, round, NULL);
	if (status == RNM_OK && round == 1 && (known->last_modified != NULL || known->etag != NULL))
		status = ask(run, RNM_ASK_OTHER, address, round, known_of(run, address));
	return status;
}

/* ---- all questions ---- */

static enum rnm_status rest(struct run *run)
{
	struct rnm_io_limit limit = { run->options->pause, run->options->cancel };
	int ignored;
	enum rnm_status status = limit.seconds > 0 ? rnm_io_wait(-1, 0, &limit, &ignored) : RNM_NO;

	if (status == RNM_E_INTERRUPTED)
		return rnm_error_set(run->err, status, NULL, "interrupted");
	return RNM_OK;
}

static enum rnm_status ask_all(struct run *run)
{
	const size_t count = run->report->address_count;
	const unsigned rounds = run->options->rounds > 0 ? run->options->rounds : 1;
	enum rnm_status status = RNM_OK;

	run->answers_max = count * (QUESTIONS_FIRST + QUESTIONS_ROUND * (size_t)rounds);
	run->expected = count * (QUESTIONS_FIRST + rounds + 1);
	run->report->answers = rnm_arena_alloc(run->arena, run->answers_max * sizeof(*run->report->answers));
	if (run->report->answers == NULL)
		return rnm_error_nomem(run->err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = ask_first(run, i);
	for (unsigned round = 1; status == RNM_OK && round <= rounds; round++) {
		status = rest(run);
		for (size_t i = 0; status == RNM_OK && i < count; i++)
			status = ask_later(run, i, round);
	}
	run->report->now = rnm_clock_wall();
	return status;
}

/* ---- where to ask ---- */

static enum rnm_status resolve_into(struct run *run, const char *host, struct rnm_address_list *out,
                                    bool literal)
{
	const struct rnm_server server = { .host = host, .port = run->url.port };
	const double timeout = run->options->timeout > 0 ? run->options->timeout : TIMEOUT_SECONDS;
	struct rnm_io_limit limit = { timeout, run->options->cancel };
	const char *reason = "";
	enum rnm_status status = rnm_resolve(out, &server, &limit, &reason);

	switch (status) {
	case RNM_OK:
		return RNM_OK;
	case RNM_E_NOMEM:
		return rnm_error_nomem(run->err);
	case RNM_E_INTERRUPTED:
		return rnm_error_set(run->err, status, NULL, "interrupted");
	default:
		if (literal)
			return rnm_error_set(run->err, RNM_E_USAGE, "probe.address",
			                     "%.200s is no address: %s", host, reason);
		return rnm_error_set(run->err, RNM_E_IO, "probe.resolve", "%.200s has no address: %s", host,
		                     reason);
	}
}

static enum rnm_status add_named(struct run *run, const char *text, size_t len)
{
	const bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	const char *host = rnm_arena_strndup(run->arena, text + brackets, len - 2 * brackets);
	struct rnm_address_list *all = &run->addresses;
	struct rnm_address_list one = { .count = 0 };
	enum rnm_status status;

	if (host == NULL)
		return rnm_error_nomem(run->err);
	status = len == 0 ? rnm_error_set(run->err, RNM_E_USAGE, "probe.address",
	                                  "an address in the list is empty")
	                  : resolve_into(run, host, &one, true);
	for (size_t i = 0; status == RNM_OK && i < one.count; i++) {
		if (all->count == RNM_PROBE_ADDRESSES_MAX)
			return rnm_error_set(run->err, RNM_E_USAGE, "probe.address",
			                     "more than %zu addresses are named", RNM_PROBE_ADDRESSES_MAX);
		all->items[all->count++] = one.items[i];
	}
	return status;
}

static enum rnm_status find_addresses(struct run *run)
{
	const char *list = run->options->addresses;
	enum rnm_status status = RNM_OK;

	if (list == NULL)
		return resolve_into(run, run->url.host, &run->addresses, false);
	for (const char *at = list; status == RNM_OK; at++) {
		const size_t len = strcspn(at, ",");

		status = add_named(run, at, len);
		at += len;
		if (*at == '\0')
			break;
	}
	return status;
}

static bool is_loopback(const struct rnm_address *address)
{
	return strncmp(address->text, "127.", 4) == 0 || strncmp(address->text, "[::1]:", 6) == 0;
}

static enum rnm_status name_addresses(struct run *run)
{
	struct rnm_probe_report *report = run->report;
	bool failed = false;

	_Static_assert(RNM_ADDRESS_MAX <= RNM_PROBE_ADDRESSES_MAX, "all that a name has");
	report->address_count = run->addresses.count;
	report->loopback = true;
	for (size_t i = 0; i < report->address_count; i++) {
		report->addresses[i] = keep(run, &failed, run->addresses.items[i].text);
		report->loopback = report->loopback && is_loopback(&run->addresses.items[i]);
	}
	return failed ? rnm_error_nomem(run->err) : RNM_OK;
}

/* ---- the whole ---- */

static bool is_digest(const char *text)
{
	return strlen(text) == DIGEST_LEN && strspn(text, "0123456789abcdef") == DIGEST_LEN;
}

static bool ends_in_enc(const char *name)
{
	const size_t len = strlen(name);

	return len >= 4 && strcasecmp(name + len - 4, ".enc") == 0;
}

static enum rnm_status begin(struct run *run, const char *url)
{
	const struct rnm_probe_options *options = run->options;
	struct rnm_probe_report *report = run->report;
	enum rnm_status status = rnm_wire_url_read(&run->url, url, run->arena, run->err);

	if (status != RNM_OK)
		return status;
	if (options->rounds > RNM_PROBE_ROUNDS_MAX)
		return rnm_error_set(run->err, RNM_E_USAGE, "probe.rounds", "more than %d rounds",
		                     RNM_PROBE_ROUNDS_MAX);
	report->url = run->url.plain;
	report->https = run->url.https;
	report->has_fragment = run->url.has_fragment;
	report->encrypted_name = ends_in_enc(run->url.last);
	report->expected_digest = is_digest(run->url.last) ? run->url.last : NULL;
	report->poll = options->poll > 0 ? options->poll : RNM_MAP_POLL_SECONDS;
	report->max_size = options->max_size > 0 ? options->max_size : RNM_BLOB_MAX;
	report->now = rnm_clock_wall();
	if (options->memory != NULL)
		report->before = rnm_probe_memory_find(options->memory, report->url);
	status = find_addresses(run);
	if (status == RNM_OK)
		status = name_addresses(run);
	if (status == RNM_OK && report->https)
		status =
		    rnm_wire_trust_open(&run->trust, run->url.host, options->ca, options->ca_dir, run->err);
	return status;
}

enum rnm_status rnm_probe(struct rnm_probe_report **out, const char *url,
                          const struct rnm_probe_options *options, struct rnm_error *err)
{
	static const struct rnm_probe_options none;
	struct owned *owned = calloc(1, sizeof(*owned));
	struct run run = { .options = options != NULL ? options : &none, .err = err };
	enum rnm_status status;

	if (owned == NULL)
		return rnm_error_nomem(err);
	rnm_arena_init(&owned->arena, RNM_PROBE_ARENA_MAX);
	owned->report.owned = owned;
	run.report = &owned->report;
	run.arena = &owned->arena;
	status = begin(&run, url);
	if (status == RNM_OK)
		status = ask_all(&run);
	rnm_wire_trust_close(&run.trust);
	if (status == RNM_OK)
		status = rnm_probe_judge(&owned->report, &owned->arena, err);
	if (status == RNM_OK)
		*out = &owned->report;
	else
		rnm_probe_report_free(&owned->report);
	return status;
}

void rnm_probe_report_free(struct rnm_probe_report *report)
{
	struct owned *owned = report != NULL ? report->owned : NULL;

	if (owned == NULL)
		return;
	rnm_arena_free(&owned->arena);
	free(owned);
}
