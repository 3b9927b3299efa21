/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rnm probe says of any headers: the first line of the input is a URL, the second one byte for each answer (what
 * was asked, at which address, what became of it), the others are headers, an empty line ends those of an answer.
 */
#include "fuzz.h"

#include "share/probe.h"

#define ANSWERS_MAX 12
#define NOW 1795448317.0

static char *take_line(char **at)
{
	char *line = *at;
	char *end = line != NULL ? strchr(line, '\n') : NULL;

	if (line == NULL)
		return NULL;
	*at = end != NULL ? end + 1 : NULL;
	if (end != NULL)
		*end = '\0';
	return line;
}

static void take_headers(struct rnm_probe_answer *answer, char **at)
{
	char *line;

	while ((line = take_line(at)) != NULL && *line != '\0') {
		const char **values[] = { &answer->date, &answer->expires,  &answer->last_modified,
			                  &answer->etag, &answer->location, &answer->content_encoding,
			                  &answer->age };
		const size_t which = (size_t)(line[0] & 7);

		if (which < sizeof(values) / sizeof(values[0]))
			*values[which] = line + 1;
		else
			answer->declared = line[1] - 40;
	}
}

static void take_answer(struct rnm_probe_answer *answer, struct rnm_probe_body *body, uint8_t kind, char **at)
{
	static const unsigned statuses[] = { 200, 304, 302, 404 };

	*answer = (struct rnm_probe_answer){ .ask = (enum rnm_ask)(kind & 3),
		                             .address = kind >> 2 & 1,
		                             .request = "",
		                             .reach = (kind & 0x80) != 0 ? RNM_REACH_ANSWER : RNM_REACH_CUT,
		                             .reason = "",
		                             .status = statuses[kind >> 3 & 3],
		                             .framing = RNM_FRAMING_LENGTH,
		                             .state = (enum rnm_body_state)(kind % 6),
		                             .received = kind,
		                             .at = NOW };
	take_headers(answer, at);
	*body = (struct rnm_probe_body){ .size = 1, .kind = (enum rnm_body_kind)(kind % 5), .text = "text" };
	body->hash[0] = (uint8_t)(kind >> 5 & 1);
	if (body->kind >= RNM_BODY_UNFIT)
		body->providers_digest = "376616275a1a984c";
	if (answer->reach == RNM_REACH_ANSWER && answer->status == 200 && answer->ask == RNM_ASK_GET)
		answer->body = body;
}

static void check(const struct rnm_probe_report *report)
{
	size_t counted = 0;

	FUZZ_CHECK(report->finding_count <= RNM_FOUND_COUNT);
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct rnm_probe_finding *finding = &report->findings[i];

		FUZZ_CHECK(fuzz_is_sentence(finding->text, RNM_ERROR_TEXT_MAX) && finding->advice[0] != '\0');
		FUZZ_CHECK(finding->addresses < 4);
		counted += finding->level != RNM_HEALTH_NOTE;
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(strcmp(report->findings[j].id, finding->id) != 0);
	}
	FUZZ_CHECK(counted == report->problems + report->warnings);
	if (report->has_next)
		FUZZ_CHECK(report->next.min >= 2 && report->next.min <= report->next.max &&
		           report->next.max < 1e13 && report->cost.polls_a_day > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rnm_probe_answer answers[ANSWERS_MAX];
	struct rnm_probe_body bodies[ANSWERS_MAX];
	struct rnm_probe_report report = { .address_count = 2, .poll = 300, .now = NOW, .answers = answers };
	char *text = fuzz_text(data, size), *at = text;
	struct rnm_wire_url url;
	struct rnm_arena arena;
	const char *line = take_line(&at);

	rnm_arena_init(&arena, 1 << 22);
	report.url = line;
	if (rnm_wire_url_read(&url, line, &arena, NULL) == RNM_OK) {
		FUZZ_CHECK(url.target[0] == '/' && url.host[0] != '\0' && url.port > 0);
		FUZZ_CHECK(strpbrk(url.target, " \r\n") == NULL && strpbrk(url.host_header, " \r\n") == NULL);
		report.https = url.https;
		report.expected_digest = url.last;
	}
	line = take_line(&at);
	for (size_t i = 0; line != NULL && line[i] != '\0' && i < ANSWERS_MAX; i++)
		take_answer(&answers[report.answer_count++], &bodies[i], (uint8_t)line[i], &at);
	if (rnm_probe_judge(&report, &arena, NULL) == RNM_OK)
		check(&report);
	rnm_arena_free(&arena);
	free(text);
	return 0;
}
