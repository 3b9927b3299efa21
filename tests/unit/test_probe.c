/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of rnm_probe, which is a function of what was recorded: what no test server can bring about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "share/probe.h"

#define NOW 1795448317.0 /* Mon, 23 Nov 2026 15:38:37 GMT */
#define DATE "Mon, 23 Nov 2026 15:38:37 GMT"
#define MODIFIED "Sun, 22 Nov 2026 15:38:37 GMT"
#define IN_20_MINUTES "Mon, 23 Nov 2026 15:58:37 GMT"

/* A report of a model that is served as it ought to be, over https, by so many addresses. */
struct scene {
	struct rnm_probe_report report;
	struct rnm_probe_answer answers[8];
	struct rnm_probe_body bodies[2];
	struct rnm_arena arena;
	uint32_t places; /* of the first finding */
};

static struct rnm_probe_answer *add(struct scene *scene, enum rnm_ask ask, size_t address)
{
	struct rnm_probe_answer *answer = &scene->answers[scene->report.answer_count++];
	const bool again = ask == RNM_ASK_AGAIN;

	*answer = (struct rnm_probe_answer){ .ask = ask,
		                             .address = address,
		                             .request = "",
		                             .reach = RNM_REACH_ANSWER,
		                             .reason = "",
		                             .status = again ? 304 : 200,
		                             .date = DATE,
		                             .expires = IN_20_MINUTES,
		                             .last_modified = MODIFIED,
		                             .etag = "\"v1\"",
		                             .framing = again ? RNM_FRAMING_NONE : RNM_FRAMING_LENGTH,
		                             .declared = again ? RNM_PROBE_NO_LENGTH : 1000,
		                             .at = NOW,
		                             .first_seconds = 0.01,
		                             .wire_bytes = ask == RNM_ASK_GET ? 1200 : 200 };
	if (ask != RNM_ASK_GET)
		return answer;
	answer->state = RNM_BODY_WHOLE;
	answer->received = 1000;
	answer->body = &scene->bodies[address];
	return answer;
}

static void begin(struct scene *scene, size_t addresses)
{
	memset(scene, 0, sizeof(*scene));
	rnm_arena_init(&scene->arena, 1 << 20);
	scene->report.url = "https://models.example/m";
	scene->report.https = true;
	scene->report.poll = RNM_MAP_POLL_SECONDS;
	scene->report.max_size = 1 << 20;
	scene->report.now = NOW;
	scene->report.answers = scene->answers;
	scene->report.address_count = addresses;
	for (size_t i = 0; i < addresses; i++) {
		scene->bodies[i] = (struct rnm_probe_body){ .size = 1000,
			                                    .kind = RNM_BODY_MODEL,
			                                    .text = "",
			                                    .providers_digest = "376616275a1a984c" };
		scene->report.addresses[i] = i == 0 ? "192.0.2.7:443" : "192.0.2.8:443";
		scene->report.tls[i] = (struct rnm_probe_tls){ .seen = true,
			                                       .version = "TLSv1.3",
			                                       .names = "models.example",
			                                       .issuer = "/CN=CA",
			                                       .not_after = (int64_t)NOW + 40 * 86400,
			                                       .sent = 2,
			                                       .reason = "" };
		add(scene, RNM_ASK_HEAD, i);
		add(scene, RNM_ASK_GET, i);
	}
	for (size_t i = 0; i < addresses; i++)
		add(scene, RNM_ASK_AGAIN, i);
}

/* Judges, and compares the ids in order, one blank between them and without "probe.". */
static void expect(struct scene *scene, const char *ids)
{
	char found[1024] = "";

	assert_int_equal(rnm_probe_judge(&scene->report, &scene->arena, NULL), RNM_OK);
	for (size_t i = 0; i < scene->report.finding_count; i++) {
		const struct rnm_probe_finding *finding = &scene->report.findings[i];

		assert_int_equal(strncmp(finding->id, "probe.", 6), 0);
		assert_true(finding->text[0] != '\0' && finding->advice[0] != '\0');
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i > 0 ? " " : "",
		         finding->id + 6);
	}
	assert_string_equal(found, ids);
	scene->places = scene->report.finding_count > 0 ? scene->report.findings[0].addresses : 0;
	rnm_arena_free(&scene->arena);
}

static void test_good(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 2);
	expect(&scene, "");
	assert_true(scene.report.reached && scene.report.has_next);
	assert_int_equal(scene.report.next.reason, RNM_MAP_EXPIRES);
	assert_true(scene.report.next.min == 1200 && scene.report.next.max == 1200);
	assert_true(scene.report.cost.polls_a_day == 72);
	assert_int_equal(scene.report.cost.poll_bytes, 200);
	assert_int_equal(scene.report.cost.fetch_bytes, 1400);
}

static void test_plain(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 1);
	scene.report.https = false;
	expect(&scene, "plain-http");
	begin(&scene, 1);
	scene.report.https = false;
	scene.report.loopback = true;
	expect(&scene, "");
}

static void test_certificates(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 1);
	scene.report.tls[0].not_after = (int64_t)NOW + 14 * 86400;
	expect(&scene, "");
	begin(&scene, 1);
	scene.report.tls[0].not_after = (int64_t)NOW + 14 * 86400 - 1;
	expect(&scene, "certificate-ends");
	begin(&scene, 1);
	scene.report.tls[0] = (struct rnm_probe_tls){ .seen = true,
		                                      .names = "",
		                                      .issuer = "",
		                                      .reason = "why",
		                                      .not_after = 0,
		                                      .untrusted = true,
		                                      .wrong_name = true,
		                                      .out_of_date = true,
		                                      .too_deep = true };
	expect(&scene, "untrusted wrong-name certificate-date deep-chain");
	/* Nothing was seen of them. */
	begin(&scene, 1);
	scene.report.tls[0].seen = false;
	scene.report.tls[0].untrusted = true;
	expect(&scene, "");
}

/* What is said of several addresses is said once. */
static void test_places(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 2);
	scene.answers[1].framing = scene.answers[3].framing = RNM_FRAMING_CHUNKED;
	expect(&scene, "chunked");
	assert_int_equal(scene.places, 3);
	begin(&scene, 2);
	scene.answers[3].framing = RNM_FRAMING_CHUNKED;
	expect(&scene, "chunked");
	assert_int_equal(scene.places, 2);
	assert_int_equal(scene.report.problems, 1);
}

/* Whom nobody answers, and who is refused, waits as after an error. */
static void test_next(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 1);
	for (size_t i = 0; i < 3; i++)
		scene.answers[i] = (struct rnm_probe_answer){ .ask = scene.answers[i].ask,
			                                      .request = "",
			                                      .reach = RNM_REACH_CONNECT,
			                                      .reason = "refused" };
	expect(&scene, "unreachable");
	assert_false(scene.report.reached || scene.report.has_next);

	/* The second address says when; the first one is silent. */
	begin(&scene, 2);
	for (size_t i = 0; i < 8; i++)
		if (scene.answers[i].address == 0)
			scene.answers[i] = (struct rnm_probe_answer){ .ask = scene.answers[i].ask,
				                                      .request = "",
				                                      .reach = RNM_REACH_SILENCE,
				                                      .reason = "no answer" };
	expect(&scene, "no-answer");
	assert_true(scene.report.reached && scene.report.next.reason == RNM_MAP_EXPIRES);

	/* HEAD is refused: that a GET would have worked does not help. */
	begin(&scene, 1);
	scene.answers[0].status = scene.answers[2].status = 405;
	expect(&scene, "head-status");
	assert_int_equal(scene.report.next.reason, RNM_MAP_ERROR);
	assert_true(scene.report.next.min == 6000 && scene.report.next.max == 12000);

	/* A body that is cut is an error, one that is no model is not. */
	begin(&scene, 1);
	scene.report.answer_count = 2;
	scene.answers[1].state = RNM_BODY_CUT;
	scene.answers[1].body = NULL;
	expect(&scene, "short-body");
	assert_int_equal(scene.report.next.reason, RNM_MAP_ERROR);
	begin(&scene, 1);
	scene.bodies[0].kind = RNM_BODY_NO_MODEL;
	scene.bodies[0].text = "no model";
	expect(&scene, "not-a-model");
	assert_int_equal(scene.report.next.reason, RNM_MAP_EXPIRES);
}

static void test_memory(void **state)
{
	struct rnm_probe_seen seen = { .at = (int64_t)NOW - 86400,
		                       .last_modified = (int64_t)NOW - 86400,
		                       .etag = "\"v1\"" };
	struct scene scene;

	(void)state;
	begin(&scene, 1);
	scene.report.before = &seen;
	expect(&scene, "");
	seen.last_modified++;
	begin(&scene, 1);
	scene.report.before = &seen;
	expect(&scene, "last-modified-back");
	seen.hash[0] = 1;
	begin(&scene, 1);
	scene.report.before = &seen;
	expect(&scene, "changed reused-etag last-modified-back");
	seen.etag = NULL;
	seen.last_modified--;
	begin(&scene, 1);
	scene.report.before = &seen;
	expect(&scene, "changed last-modified-stuck");
	seen.last_modified = RNM_PROBE_NO_TIME;
	begin(&scene, 1);
	scene.report.before = &seen;
	expect(&scene, "changed");
}

/* Every code has a piece of advice. */
static void test_advice(void **state)
{
	(void)state;
	for (int i = 0; i < RNM_FOUND_COUNT; i++)
		assert_non_null(rnm_probe_advice((enum rnm_probe_code)i));
}

/* The three forms of dates, and what looks like one. */
static void test_dates(void **state)
{
	static const struct rnm_probe_report report = { .now = NOW };
	static const char *const good[] = { "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
		                            "Sun Nov  6 08:49:37 1994" };
	static const char *const bad[] = { "",
		                           "0",
		                           "-1",
		                           "784111777",
		                           "1994-11-06T08:49:37Z",
		                           "Sun, 06 Nov 1994 08:49:37",
		                           "Sun, 31 Feb 1994 08:49:37 GMT",
		                           "Sun, 06 Nov 1994 24:49:37 GMT",
		                           "Sun, 06 Nov 1994 08:49:37 GMT " };
	int64_t time;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(rnm_probe_time(&time, good[i], &report));
		assert_true(time == 784111777);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rnm_probe_time(&time, bad[i], &report))
			fail_msg("'%s' is taken for a date", bad[i]);
	assert_false(rnm_probe_time(&time, NULL, &report));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),         cmocka_unit_test(test_plain),
		cmocka_unit_test(test_certificates), cmocka_unit_test(test_places),
		cmocka_unit_test(test_next),         cmocka_unit_test(test_memory),
		cmocka_unit_test(test_advice),       cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
