/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as they lie on the wire, URLs as rspamd takes them apart, dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "share/http_date.h"
#include "share/wire_answer.h"
#include "share/wire_url.h"

#define OK "HTTP/1.1 200 OK\r\n"

struct row {
	const char *wire;
	bool to_head;
	bool open; /* the connection does not end */
	enum rnm_wire_stage stage;
	enum rnm_wire_fault fault;
	unsigned status;
	enum rnm_framing framing;
	int64_t declared;
	const char *body;
	uint64_t extra;
};

static const struct row rows[] = {
	/* Framing. */
	{ OK "Content-Length: 5\r\n\r\nhello", false, false, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_LENGTH, 5,
	  "hello", 0 },
	{ OK "content-length: 5\r\n\r\nhello", false, true, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_LENGTH, 5,
	  "hello", 0 },
	{ "HTTP/1.0 200 \nContent-Length:5\n\nhello!!", false, false, RNM_WIRE_DONE, 0, 200,
	  RNM_FRAMING_LENGTH, 5, "hello", 2 },
	{ OK "\r\nhello", false, false, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_CLOSE, -1, "hello", 0 },
	{ OK "\r\nhello", false, true, RNM_WIRE_BODY, 0, 200, RNM_FRAMING_CLOSE, -1, "hello", 0 },
	{ OK "\r\n", false, false, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_CLOSE, -1, "", 0 },
	{ OK "Content-Length: 0\r\n\r\n", false, true, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_LENGTH, 0, "", 0 },
	{ OK "Content-Length: 9\r\n\r\nhello", false, false, RNM_WIRE_BROKEN, RNM_WIRE_CUT, 200,
	  RNM_FRAMING_LENGTH, 9, "hello", 0 },
	{ OK "Content-Length: many\r\n\r\nhello", false, false, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_CLOSE, -2,
	  "hello", 0 },
	{ OK "Content-Length: -5\r\n\r\nhello", false, false, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_CLOSE, -2,
	  "hello", 0 },
	{ OK "Content-Length:\r\n\r\nhello", false, false, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_CLOSE, -2,
	  "hello", 0 },
	{ OK "Content-Length: 99999999999999999999\r\n\r\n", false, false, RNM_WIRE_DONE, 0, 200,
	  RNM_FRAMING_CLOSE, -2, "", 0 },
	{ OK "Content-Length: 101\r\n\r\nhello", false, false, RNM_WIRE_BROKEN, RNM_WIRE_TOO_LARGE, 200,
	  RNM_FRAMING_LENGTH, 101, "", 0 },
	{ OK "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", false, false, RNM_WIRE_DONE, 0, 200,
	  RNM_FRAMING_LENGTH, 5, "hello", 0 },
	/* Without a body. */
	{ OK "Content-Length: 5\r\n\r\n", true, true, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_LENGTH, 5, "", 0 },
	{ OK "Content-Length: 5\r\n\r\nhello", true, true, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_LENGTH, 5, "",
	  5 },
	{ OK "Content-Length: 500\r\n\r\n", true, false, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_LENGTH, 500, "",
	  0 },
	{ "HTTP/1.1 304 Not Modified\r\n\r\n", true, true, RNM_WIRE_DONE, 0, 304, RNM_FRAMING_NONE, -1, "",
	  0 },
	{ "HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n", false, true, RNM_WIRE_DONE, 0, 304, RNM_FRAMING_LENGTH,
	  7, "", 0 },
	{ "HTTP/1.1 204 None\r\n\r\n", false, true, RNM_WIRE_DONE, 0, 204, RNM_FRAMING_NONE, -1, "", 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n" OK "Content-Length: 2\r\n\r\nok",
	  false, true, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_LENGTH, 2, "ok", 0 },
	/* Chunks. */
	{ OK "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", false, true,
	  RNM_WIRE_DONE, 0, 200, RNM_FRAMING_CHUNKED, -1, "hello", 0 },
	{ OK "Transfer-Encoding: gzip, Chunked\r\nContent-Length: 3\r\n\r\n5\nhello\n0\nTrailer: x\n\nmore",
	  false, false, RNM_WIRE_DONE, 0, 200, RNM_FRAMING_CHUNKED, 3, "hello", 4 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", false, false, RNM_WIRE_BROKEN, RNM_WIRE_CUT, 200,
	  RNM_FRAMING_CHUNKED, -1, "hel", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_CUT,
	  200, RNM_FRAMING_CHUNKED, -1, "hello", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL,
	  200, RNM_FRAMING_CHUNKED, -1, "", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", false, false, RNM_WIRE_BROKEN,
	  RNM_WIRE_PROTOCOL, 200, RNM_FRAMING_CHUNKED, -1, "he", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n5z\r\nhello\r\n", false, false, RNM_WIRE_BROKEN,
	  RNM_WIRE_PROTOCOL, 200, RNM_FRAMING_CHUNKED, -1, "", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", false, false, RNM_WIRE_BROKEN,
	  RNM_WIRE_PROTOCOL, 200, RNM_FRAMING_CHUNKED, -1, "", 0 },
	/* Heads that are none. */
	{ "", false, false, RNM_WIRE_BROKEN, RNM_WIRE_CUT, 0, RNM_FRAMING_NONE, -1, "", 0 },
	{ "HTTP/1.1 200 OK\r\nDate: x", false, false, RNM_WIRE_BROKEN, RNM_WIRE_CUT, 0, RNM_FRAMING_NONE, -1,
	  "", 0 },
	{ "220 mail\r\n\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL, 0, RNM_FRAMING_NONE, -1, "",
	  0 },
	{ "HTTP/2 200\r\n\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL, 0, RNM_FRAMING_NONE, -1, "",
	  0 },
	{ "HTTP/1.1 2000 OK\r\n\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL, 0, RNM_FRAMING_NONE,
	  -1, "", 0 },
	{ "\r\n\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL, 0, RNM_FRAMING_NONE, -1, "", 0 },
	{ OK " folded\r\n\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL, 200, RNM_FRAMING_NONE, -1,
	  "", 0 },
	{ OK "Date : x\r\n\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL, 200, RNM_FRAMING_NONE, -1,
	  "", 0 },
	{ OK "no colon\r\n\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL, 200, RNM_FRAMING_NONE, -1,
	  "", 0 },
	{ OK "ETag: a\rb\r\n\r\n", false, false, RNM_WIRE_BROKEN, RNM_WIRE_PROTOCOL, 200, RNM_FRAMING_NONE,
	  -1, "", 0 },
};

/* The same bytes in pieces of this size. */
static void check_row(const struct row *row, size_t piece)
{
	const size_t len = strlen(row->wire);
	struct rnm_wire_answer answer;

	rnm_wire_answer_init(&answer, row->to_head, 100);
	for (size_t at = 0; at < len; at += piece)
		(void)rnm_wire_answer_feed(&answer, row->wire + at, len - at < piece ? len - at : piece);
	if (!row->open)
		rnm_wire_answer_end(&answer);
	if (answer.stage != row->stage || answer.fault != row->fault || answer.status != row->status ||
	    answer.framing != row->framing || answer.declared != row->declared ||
	    answer.extra != row->extra || strcmp(rnm_buf_cstr(&answer.body), row->body) != 0)
		fail_msg("%s in pieces of %zu: stage %d, fault %d, status %u, framing %d, declared %lld, "
		         "body '%s', extra %llu",
		         row->wire, piece, (int)answer.stage, (int)answer.fault, answer.status,
		         (int)answer.framing, (long long)answer.declared, rnm_buf_cstr(&answer.body),
		         (unsigned long long)answer.extra);
	assert_true((answer.stage == RNM_WIRE_BROKEN) == (answer.reason != NULL));
	rnm_wire_answer_free(&answer);
}

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t piece = 1; piece <= 40; piece += 3)
			check_row(&rows[i], piece);
}

static void test_fields(void **state)
{
	static const char wire[] =
	    OK "ETag: \t \"a b\" \t\r\nDATE: one\r\nDate: two\r\nServer:\r\nServer:\r\n\r\n";
	struct rnm_wire_answer answer;
	bool differs;

	(void)state;
	rnm_wire_answer_init(&answer, true, 0);
	assert_false(rnm_wire_answer_feed(&answer, wire, strlen(wire)));
	assert_string_equal(rnm_wire_answer_field(&answer, "etag", &differs), "\"a b\"");
	assert_false(differs);
	assert_string_equal(rnm_wire_answer_field(&answer, "Date", &differs), "one");
	assert_true(differs);
	assert_string_equal(rnm_wire_answer_field(&answer, "Server", &differs), "");
	assert_false(differs);
	assert_null(rnm_wire_answer_field(&answer, "Expires", &differs));
	assert_int_equal(answer.head_bytes, strlen(wire));
	rnm_wire_answer_free(&answer);
}

/* Of a head that consists of this line, as often as it fits into size bytes. */
static enum rnm_wire_fault fault_of(const char *line, size_t size)
{
	struct rnm_wire_answer answer;
	enum rnm_wire_fault fault;

	rnm_wire_answer_init(&answer, true, 0);
	(void)rnm_wire_answer_feed(&answer, OK, strlen(OK));
	while (answer.stage == RNM_WIRE_HEAD && answer.head_bytes + strlen(line) + 2 <= size)
		(void)rnm_wire_answer_feed(&answer, line, strlen(line));
	(void)rnm_wire_answer_feed(&answer, "\r\n", 2);
	fault = answer.fault;
	rnm_wire_answer_free(&answer);
	return fault;
}

static void test_limits(void **state)
{
	char line[1001];

	(void)state;
	memset(line, 'a', sizeof(line) - 1);
	memcpy(line, "A:", 2);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	assert_int_equal(fault_of(line, RNM_WIRE_HEADERS_MAX + 200), RNM_WIRE_HEADERS);
	assert_int_equal(fault_of(line, RNM_WIRE_HEADERS_MAX - 2000), RNM_WIRE_SOUND);
	assert_int_equal(fault_of("A:\n", 3 * (RNM_WIRE_FIELDS_MAX - 10)), RNM_WIRE_SOUND);
	assert_int_equal(fault_of("A:\n", 3 * (RNM_WIRE_FIELDS_MAX + 10)), RNM_WIRE_PROTOCOL);
}

/* ---- URLs ---- */

static const struct {
	const char *url, *host, *host_header, *target, *last, *userinfo, *plain;
	unsigned port;
	bool https, fragment;
} urls[] = {
	{ "http://a", "a", "a", "/", "", NULL, "http://a", 80, false, false },
	{ "HTTPS://A.example/m", "A.example", "A.example", "/m", "m", NULL, "https://A.example/m", 443, true,
	  false },
	{ "https://a:8443/x/y?q=/z", "a", "a", "/x/y?q=/z", "y", NULL, "https://a:8443/x/y?q=/z", 8443, true,
	  false },
	{ "http://[::1]:80/m#f", "::1", "[::1]", "/m#f", "m", NULL, "http://[::1]:80/m#f", 80, false, true },
	{ "http://[::1]/", "::1", "[::1]", "/", "", NULL, "http://[::1]/", 80, false, false },
	{ "http://u:p@a/m", "a", "a", "/m", "m", "u:p", "http://a/m", 80, false, false },
	{ "http://u:p@q@a:81/m/", "a", "a", "/m/", "", "u:p@q", "http://a:81/m/", 81, false, false },
	{ "http://@a/m", "a", "a", "/m", "m", "", "http://a/m", 80, false, false },
	{ "http://a?q", "a", "a", "/?q", "", NULL, "http://a?q", 80, false, false },
	{ "http://a/b@c", "a", "a", "/b@c", "b@c", NULL, "http://a/b@c", 80, false, false },
};

static const char *const bad_urls[] = {
	"",           "a",           "ftp://a/",     "http:/a",      "http://",
	"http:///m",  "http://a b/", "http://a/\n",  "http://a:0/",  "http://a:65536/",
	"http://a:x", "http://a:",   "http://[::1/", "http://[]/",   "http://[::1]x/",
	"http://@/m", "http://u@",   "file:///a",    "http://a/\x7f"
};

static void same(const char *found, const char *expected)
{
	if (expected == NULL)
		assert_null(found);
	else
		assert_string_equal(found, expected);
}

static void test_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct rnm_wire_url url;
		struct rnm_arena arena;

		rnm_arena_init(&arena, 1 << 20);
		assert_int_equal(rnm_wire_url_read(&url, urls[i].url, &arena, NULL), RNM_OK);
		same(url.host, urls[i].host);
		same(url.host_header, urls[i].host_header);
		same(url.target, urls[i].target);
		same(url.last, urls[i].last);
		same(url.userinfo, urls[i].userinfo);
		same(url.plain, urls[i].plain);
		assert_int_equal(url.port, urls[i].port);
		assert_int_equal(url.https, urls[i].https);
		assert_int_equal(url.has_fragment, urls[i].fragment);
		rnm_arena_free(&arena);
	}
}

static void test_bad_urls(void **state)
{
	char secret[] = "http://user:secret@:x/";
	struct rnm_wire_url url;
	struct rnm_arena arena;
	struct rnm_error err;

	(void)state;
	rnm_arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof(bad_urls) / sizeof(bad_urls[0]); i++) {
		rnm_error_clear(&err);
		if (rnm_wire_url_read(&url, bad_urls[i], &arena, &err) != RNM_E_USAGE)
			fail_msg("'%s' is taken for a URL", bad_urls[i]);
		assert_string_equal(err.id, "probe.url");
	}
	/* A password is never repeated. */
	assert_int_equal(rnm_wire_url_read(&url, secret, &arena, &err), RNM_E_USAGE);
	assert_null(strstr(err.message, "secret"));
	rnm_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),  cmocka_unit_test(test_fields),
		cmocka_unit_test(test_limits),   cmocka_unit_test(test_urls),
		cmocka_unit_test(test_bad_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
