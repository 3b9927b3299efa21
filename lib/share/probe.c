/* SPDX-License-Identifier: Apache-2.0 */
/* The questions: which are asked, and in which order. */
#include "share/probe_run.h"

#include "base/clock.h"

#include <rnm/rnm1.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* HEAD and GET; then, in each round, HEAD with validators, perhaps GET, and in the first HEAD with another ETag. */
#define QUESTIONS_FIRST 2
#define QUESTIONS_ROUND 3
#define DIGEST_LEN 16

/* Everything of a report. */
struct owned {
	struct rnm_probe_report report;
	struct rnm_arena arena;
};

static bool got(const struct rnm_probe_run *run, unsigned status)
{
	const struct rnm_probe_answer *last = &run->report->answers[run->report->answer_count - 1];

	return last->reach == RNM_REACH_ANSWER && last->status == status;
}

/* The last body from this address: of one that did not come whole rspamd keeps nothing. */
static const struct rnm_probe_answer *known_of(const struct rnm_probe_run *run, size_t address)
{
	const struct rnm_probe_report *report = run->report;

	for (size_t i = report->answer_count; i > 0; i--)
		if (report->answers[i - 1].address == address && report->answers[i - 1].body != NULL)
			return &report->answers[i - 1];
	return NULL;
}

/* GET also where rspamd would have stopped at HEAD: what it would get is worth knowing. */
static enum rnm_status ask_first(struct rnm_probe_run *run, size_t address)
{
	enum rnm_status status = rnm_probe_ask(run, RNM_ASK_HEAD, address, 0, NULL);
	const bool connected = status == RNM_OK &&
	                       run->report->answers[run->report->answer_count - 1].reach != RNM_REACH_CONNECT;

	return connected ? rnm_probe_ask(run, RNM_ASK_GET, address, 0, NULL) : status;
}

static enum rnm_status ask_later(struct rnm_probe_run *run, size_t address, unsigned round)
{
	const struct rnm_probe_answer *known = known_of(run, address);
	enum rnm_status status;

	if (known == NULL)
		return RNM_OK;
	status = rnm_probe_ask(run, RNM_ASK_AGAIN, address, round, known);
	if (status == RNM_OK && got(run, 200))
		status = rnm_probe_ask(run, RNM_ASK_GET, address, round, NULL);
	if (status == RNM_OK && round == 1 && (known->last_modified != NULL || known->etag != NULL))
		status = rnm_probe_ask(run, RNM_ASK_OTHER, address, round, known_of(run, address));
	return status;
}

/* ---- all questions ---- */

/* Without one there is nothing to ask about later. */
static bool has_body(const struct rnm_probe_run *run)
{
	for (size_t i = 0; i < run->report->address_count; i++)
		if (known_of(run, i) != NULL)
			return true;
	return false;
}

static enum rnm_status rest(struct rnm_probe_run *run)
{
	struct rnm_io_limit limit = { run->options->pause, run->options->cancel };
	int ignored;
	enum rnm_status status = limit.seconds > 0 ? rnm_io_wait(-1, 0, &limit, &ignored) : RNM_NO;

	if (status == RNM_E_INTERRUPTED)
		return rnm_error_set(run->err, status, NULL, "interrupted");
	return RNM_OK;
}

static enum rnm_status ask_all(struct rnm_probe_run *run)
{
	const size_t count = run->report->address_count;
	const unsigned rounds = run->options->rounds > 0 ? run->options->rounds : 1;
	const size_t max = 1 + count * (QUESTIONS_FIRST + QUESTIONS_ROUND * (size_t)rounds);
	enum rnm_status status = RNM_OK;

	run->expected = count * (QUESTIONS_FIRST + rounds + 1);
	run->report->answers = rnm_arena_alloc(run->arena, max * sizeof(*run->report->answers));
	if (run->report->answers == NULL)
		return rnm_error_nomem(run->err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = ask_first(run, i);
	for (unsigned round = 1; status == RNM_OK && round <= rounds && has_body(run); round++) {
		status = rest(run);
		for (size_t i = 0; status == RNM_OK && i < count; i++)
			status = ask_later(run, i, round);
	}
	run->report->now = rnm_clock_wall();
	return status;
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

static enum rnm_status begin(struct rnm_probe_run *run, const char *url)
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
	status = rnm_probe_find_addresses(run);
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
	struct rnm_probe_run run = { .options = options != NULL ? options : &none, .err = err };
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
