/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: lib/rspamd/profile*.c. */
#include "rspamd/base32.h"
#include "rspamd/profile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rnm_profile parse_n(const char *member, size_t len)
{
	struct rnm_profile profile;

	assert_int_equal(rnm_profile_parse(&profile, (struct rnm_bytes){ member, len }, 12.5, NULL), RNM_OK);
	assert_int_equal(profile.member.len, len);
	assert_memory_equal(profile.member.data, member, len);
	assert_true(profile.score > 12.4 && profile.score < 12.6);
	return profile;
}

static struct rnm_profile parse(const char *member)
{
	return parse_n(member, strlen(member));
}

static void assert_text(const char *text, const char *expected)
{
	assert_string_equal(text != NULL ? text : "-", expected);
}

static void complete(void **state)
{
	struct rnm_profile p =
	    parse("{\"digest\":\"d\",\"symbols\":[\"B\",\"A\",\"\"],\"version\":7,\"distance\":0,"
	          "\"redis_key\":\"k\xc3\xa9\",\"providers_digest\":\"376616275a1a984c\"}");

	(void)state;
	assert_true(p.parsed && p.worker_ok);
	assert_false(p.malformed);
	assert_null(p.problem);
	assert_text(p.digest, "d");
	assert_int_equal(p.symbol_count, 3);
	assert_text(p.symbols[0], "B");
	assert_text(p.symbols[1], "A");
	assert_text(p.symbols[2], "");
	assert_int_equal(p.version_kind, RNM_VERSION_NUMBER);
	assert_true(p.version > 6.9 && p.version < 7.1);
	assert_text(p.version_text, "7");
	assert_text(p.redis_key, "k\xc3\xa9");
	assert_text(p.providers_digest, "376616275a1a984c");
	rnm_profile_clear(&p);
	assert_null(p.redis_key);
}

/* A complete profile but for its version. */
static void assert_version(const char *json, enum rnm_version_kind kind, double version, const char *text,
                           bool malformed)
{
	char member[512];
	struct rnm_profile p;

	snprintf(member, sizeof(member), "{\"digest\":\"d\",\"symbols\":[],%s\"redis_key\":\"k\"}", json);
	p = parse(member);
	assert_true(p.parsed);
	assert_int_equal(p.version_kind, kind);
	assert_true(fabs(p.version - version) < 1e-9 * fabs(version) + 1e-9);
	assert_text(p.version_text, text);
	assert_int_equal(p.malformed, malformed);
	assert_int_equal(p.worker_ok, kind == RNM_VERSION_NUMBER || kind == RNM_VERSION_STRING);
	assert_int_equal(p.problem == NULL, p.worker_ok);
	rnm_profile_clear(&p);
}

static void assert_integer(const char *version, bool has, int64_t integer)
{
	char member[512];
	struct rnm_profile p;

	snprintf(member, sizeof(member), "{\"digest\":\"d\",\"symbols\":[],\"version\":%s,\"redis_key\":\"k\"}", version);
	p = parse(member);
	assert_int_equal(p.has_version_integer, has);
	if (has)
		assert_true(p.version_integer == integer);
	rnm_profile_clear(&p);
}

/* What the number cannot hold is kept beside it, by each of the three parsers. */
static void exact_versions(void **state)
{
	(void)state;
	assert_integer("7", true, 7);
	assert_integer("0", true, 0);
	assert_integer("-3", true, -3);
	assert_integer("9007199254740993", true, 9007199254740993);
	assert_integer("9223372036854775807", true, INT64_MAX);
	assert_integer("9007199254740993 # read as rspamd does\n", true, 9007199254740993);
	assert_integer("4.5", false, 0);
	assert_integer("2.0", false, 0);
	assert_integer("1e300", false, 0);
	assert_integer("\"9007199254740993\"", false, 0);
	assert_integer("true", false, 0);
}

static void versions(void **state)
{
	(void)state;
	assert_version("\"version\":4.5,", RNM_VERSION_NUMBER, 4.5, "4.5", false);
	assert_version("\"version\":2.0,", RNM_VERSION_NUMBER, 2, "2", false);
	assert_version("\"version\":-3,", RNM_VERSION_NUMBER, -3, "-3", false);
	assert_version("\"version\":0,", RNM_VERSION_NUMBER, 0, "0", false);
	assert_version("\"version\":4294967296,", RNM_VERSION_NUMBER, 4294967296.0, "4294967296", false);
	assert_version("\"version\":9007199254740993,", RNM_VERSION_NUMBER, 9007199254740992.0,
	               "9.007199254741e+15", false);
	assert_version("", RNM_VERSION_ABSENT, 0, "0", false);
	assert_version("\"version\":\"6\",", RNM_VERSION_STRING, 6, "6", false);
	assert_version("\"version\":\" 6.50 \",", RNM_VERSION_STRING, 6.5, " 6.50 ", false);
	assert_version("\"version\":\"0x10\",", RNM_VERSION_STRING, 16, "0x10", false);
	assert_version("\"version\":\"6s\",", RNM_VERSION_BAD, 0, "6s", true);
	assert_version("\"version\":\"six\",", RNM_VERSION_BAD, 0, "six", true);
	assert_version("\"version\":\"\",", RNM_VERSION_BAD, 0, "", true);
	assert_version("\"version\":\"inf\",", RNM_VERSION_BAD, 0, "inf", true);
	assert_version("\"version\":true,", RNM_VERSION_BAD, 0, "true", true);
	assert_version("\"version\":false,", RNM_VERSION_BAD, 0, "0", true);
	assert_version("\"version\":null,", RNM_VERSION_BAD, 0, "null", true);
	assert_version("\"version\":[1],", RNM_VERSION_BAD, 0, "table", true);
}

/* A complete profile but for one or more fields: what is reported, and whether rspamd could have read it. */
static void assert_problem(const char *member, bool malformed, const char *key, const char *problem)
{
	struct rnm_profile p = parse(member);

	assert_true(p.parsed);
	assert_false(p.worker_ok);
	assert_int_equal(p.malformed, malformed);
	assert_text(p.redis_key, key);
	assert_text(p.problem, problem);
	rnm_profile_clear(&p);
}

static void schema(void **state)
{
	(void)state;
	assert_problem("{\"symbols\":[],\"version\":1,\"redis_key\":\"k\"}", false, "k",
	               "the field `digest` is missing");
	assert_problem("{\"digest\":\"d\",\"version\":1,\"redis_key\":\"k\"}", false, "k",
	               "the field `symbols` is missing");
	assert_problem("{\"digest\":\"d\",\"symbols\":[],\"redis_key\":\"k\"}", false, "k",
	               "the field `version` is missing");
	assert_problem("{\"digest\":\"d\",\"symbols\":[],\"version\":9}", false, "-",
	               "the field `redis_key` is missing");
	assert_problem("{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":\"k\",\"x\":1}", false,
	               "k", "the field `x` is unknown to workers");
	assert_problem("{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":null}", true, "-",
	               "expected `redis_key` to be a string, found null");
	assert_problem("{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":{}}", true, "-",
	               "expected `redis_key` to be a string, found an object");
	assert_problem("{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":7}", true, "7",
	               "expected `redis_key` to be a string, found a number");
	assert_problem("{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":1.5}", true, "1.5",
	               "expected `redis_key` to be a string, found a number");
	assert_problem("{\"digest\":5,\"symbols\":[],\"version\":1,\"redis_key\":\"k\"}", true, "k",
	               "expected `digest` to be a string, found a number");
	assert_problem("{\"digest\":\"d\",\"symbols\":{},\"version\":1,\"redis_key\":\"k\"}", true, "k",
	               "expected `symbols` to be a list of strings, found an object");
	assert_problem("{\"digest\":\"d\",\"symbols\":[\"A\",1],\"version\":1,\"redis_key\":\"k\"}", true,
	               "k", "expected `symbols` to be a list of strings, found a number");
	assert_problem(
	    "{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":\"k\",\"distance\":\"0\"}", true,
	    "k", "expected `distance` to be a number, found a string");
	assert_problem(
	    "{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":\"k\",\"providers_digest\":null}",
	    true, "k", "expected `providers_digest` to be a string, found null");
}

/* What only rspamd's own parser reads. */
static void lenient(void **state)
{
	static const char *const nothing[] = { "not json at all", "", "[1,2,3]" };
	struct rnm_profile p;

	(void)state;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		p = parse(nothing[i]);
		assert_true(p.parsed && p.malformed);
		assert_false(p.worker_ok);
		assert_text(p.version_text, "0");
		assert_int_equal(p.version_kind, RNM_VERSION_ABSENT);
		assert_text(p.redis_key, "-");
		assert_non_null(p.problem);
		rnm_profile_clear(&p);
	}
	p = parse("version = 3k; redis_key = k4 # c");
	assert_true(p.parsed && p.malformed);
	assert_text(p.version_text, "3000");
	assert_text(p.redis_key, "k4");
	rnm_profile_clear(&p);
	/* A trailing comma and text behind the object: workers load it all the same. */
	p = parse("{\"digest\":\"d\",\"symbols\":[\"A\"],\"version\":2,\"redis_key\":\"k\",} rest");
	assert_true(p.parsed && p.malformed && p.worker_ok);
	assert_text(p.redis_key, "k");
	assert_int_equal(p.symbol_count, 1);
	assert_memory_equal(p.problem, "not JSON (", 10);
	assert_non_null(strstr(p.problem, "), though rspamd reads it"));
	rnm_profile_clear(&p);
	/* A name given twice is a list for rspamd. */
	p = parse("{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"version\":2,\"redis_key\":\"k\"}");
	assert_true(p.parsed && p.malformed);
	assert_int_equal(p.version_kind, RNM_VERSION_BAD);
	assert_text(p.version_text, "table");
	rnm_profile_clear(&p);
}

static void unreadable(void **state)
{
	static const char *const members[] = { "{\"version\":3,\"redis_key\":\"k3",
		                               "{\"version\": 3, \"redis_key\": ", "5", "\"x\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct rnm_profile p = parse(members[i]);

		assert_false(p.parsed);
		assert_true(p.malformed);
		assert_false(p.worker_ok);
		assert_null(p.redis_key);
		assert_non_null(strstr(p.problem, "and rspamd's parser cannot read it"));
		rnm_profile_clear(&p);
	}
}

static void odd_bytes(void **state)
{
	static const char nul[] =
	    "{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":\"a\\u0000b\"}";
	static const char raw_nul[] = "{\"version\":1,\"redis_key\":\"a\0b\"}";
	struct rnm_profile p = parse(nul);

	(void)state;
	assert_true(p.parsed && p.malformed);
	assert_null(p.redis_key);
	rnm_profile_clear(&p);
	p = parse_n(raw_nul, sizeof(raw_nul) - 1);
	assert_true(p.malformed);
	rnm_profile_clear(&p);
	/* Not UTF-8: no JSON, but a name like any other for rspamd. */
	p = parse("{\"digest\":\"d\",\"symbols\":[\"\xff\"],\"version\":1,\"redis_key\":\"\xff\"}");
	assert_true(p.parsed && p.malformed && p.worker_ok);
	assert_text(p.redis_key, "\xff");
	rnm_profile_clear(&p);
	/* rspamd encodes each half of a surrogate pair by itself, and that is the key it asks for. */
	p = parse("{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":\"\\ud83d\\ude00\"}");
	assert_true(p.parsed && p.worker_ok);
	assert_false(p.malformed);
	assert_text(p.redis_key, "\xed\xa0\xbd\xed\xb8\x80");
	rnm_profile_clear(&p);
}

static void hostile(void **state)
{
	const size_t depth = 100000;
	char *member = malloc(RNM_PROFILE_MAX + 2);
	struct rnm_profile p;

	(void)state;
	assert_non_null(member);
	memset(member, '[', depth);
	p = parse_n(member, depth);
	assert_false(p.parsed || p.worker_ok);
	rnm_profile_clear(&p);
	memset(member, ' ', RNM_PROFILE_MAX + 1);
	p = parse_n(member, RNM_PROFILE_MAX + 1);
	assert_false(p.parsed || p.worker_ok);
	assert_text(p.problem, "it is larger than 16 MiB");
	rnm_profile_clear(&p);
	free(member);
}

static void thousands_of_symbols(void **state)
{
	struct rnm_buf member;
	struct rnm_profile p;
	char name[32];

	(void)state;
	rnm_buf_init(&member, (size_t)1 << 20);
	rnm_buf_puts(&member, "{\"digest\":\"d\",\"symbols\":[");
	for (unsigned i = 0; i < 5000; i++)
		rnm_buf_printf(&member, "%s\"SYMBOL_%04u\"", i > 0 ? "," : "", i);
	rnm_buf_puts(&member, "],\"version\":1,\"redis_key\":\"k\"}");
	assert_false(member.failed);
	p = parse_n(member.data, member.len);
	assert_true(p.worker_ok);
	assert_int_equal(p.symbol_count, 5000);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "SYMBOL_%04u", i);
		assert_string_equal(p.symbols[i], name);
	}
	rnm_profile_clear(&p);
	rnm_buf_free(&member);
}

static void written(void **state)
{
	static const char *const symbols[] = { "A", "B" };
	struct rnm_profile_fields fields = { .digest = "d",
		                             .symbols = symbols,
		                             .symbol_count = 2,
		                             .version = 1,
		                             .redis_key = "k",
		                             .providers_digest = "x" };
	struct rnm_buf out;

	(void)state;
	rnm_buf_init(&out, 4096);
	rnm_profile_write(&out, &fields);
	assert_string_equal(rnm_buf_cstr(&out),
	                    "{\"digest\":\"d\",\"symbols\":[\"A\",\"B\"],\"version\":1,\"redis_key\":\"k\","
	                    "\"providers_digest\":\"x\"}");
	rnm_buf_clear(&out);
	fields = (struct rnm_profile_fields){ .digest = "\"\\\b\f\n\r\t\x01/\x7f\xc3\xa9",
		                              .version = 2.5,
		                              .has_distance = true,
		                              .redis_key = "" };
	rnm_profile_write(&out, &fields);
	assert_string_equal(rnm_buf_cstr(&out),
	                    "{\"digest\":\"\\\"\\\\\\b\\f\\n\\r\\t\\uFFFD/\x7f\xc3\xa9\",\"symbols\":[],"
	                    "\"version\":2.500000,\"distance\":0,\"redis_key\":\"\"}");
	rnm_buf_free(&out);
}

/* What a worker has written reads back as it was and is written the same again. */
static void canonical(void **state)
{
	static const char member[] =
	    "{\"digest\":\"aa5f939b29f3d241\",\"symbols\":[],\"version\":4294967297,\"distance\":0,"
	    "\"redis_key\":\"rn_default_default_aa5f939b_1\","
	    "\"providers_digest\":\"aa5f939b29f3d241\"}";
	struct rnm_profile p = parse(member);
	const struct rnm_profile_fields fields = { .digest = p.digest,
		                                   .version = p.version,
		                                   .has_distance = true,
		                                   .redis_key = p.redis_key,
		                                   .providers_digest = p.providers_digest };
	struct rnm_buf out;

	(void)state;
	rnm_buf_init(&out, 4096);
	rnm_profile_write(&out, &fields);
	assert_string_equal(rnm_buf_cstr(&out), member);
	rnm_buf_free(&out);
	rnm_profile_clear(&p);
}

static void digests(void **state)
{
	static const char *const sorted[] = { "A", "B" };
	static const char *const joined[] = { "AB" };
	static const char *const unsorted[] = { "B", "A" };
	static const char *const four[] = { "SYM_A", "SYM_B", "SYM_C", "SYM_D" };
	static const char ab[] = "bsdqnp6bb1q7u3tewjuhphgjdgnuwbfqns3h75xbtsdwij857nyznqiw1fn6neu5zbj7xekpahw"
	                         "gc3yoiwzj3em5dr5qedawf1rosqb";
	static const char empty[] = "au4ro5mebesgyd5a7xbmnjj41mr91dbeb8sqwojtgwaxt59dwkgrpxbnt3m7qcpkuenjgnp1"
	                            "qnczrek8e5sebr7siki9gajd69gfq8d";
	char digest[RNM_PROFILE_DIGEST_LEN + 1];

	(void)state;
	assert_int_equal(rnm_profile_digest(digest, sorted, 2, NULL), RNM_OK);
	assert_string_equal(digest, ab);
	assert_int_equal(rnm_profile_digest(digest, joined, 1, NULL), RNM_OK);
	assert_string_equal(digest, ab);
	assert_int_equal(rnm_profile_digest(digest, unsorted, 2, NULL), RNM_OK);
	assert_string_equal(digest, ab);
	assert_int_equal(rnm_profile_digest(digest, NULL, 0, NULL), RNM_OK);
	assert_string_equal(digest, empty);
	assert_int_equal(rnm_profile_digest(digest, four, 4, NULL), RNM_OK);
	assert_memory_equal(digest, "c8qsbjge", 8);
}

static void base32(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} cases[] = {
		{ "", 0, "" },
		{ "hello", 5, "em3ags7p" },
		{ "\0\1\2\3\4", 5, "yeyroboy" },
		{ "\xff", 1, "98" },
	};
	unsigned char ones[32];
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rnm_base32_encode(text, (const unsigned char *)cases[i].bytes, cases[i].len);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(strlen(text), RNM_BASE32_LEN(cases[i].len));
	}
	memset(ones, 0xff, sizeof(ones));
	rnm_base32_encode(text, ones, sizeof(ones));
	assert_string_equal(text, "999999999999999999999999999999999999999999999999999b");
}

/* Lists as the letters of a text, in byte order. */
static uint64_t distance(const char *a, const char *b)
{
	static const char letters[26][2] = {
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
		"n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"
	};
	const char *names[2][26];
	size_t counts[2] = { strlen(a), strlen(b) };

	for (size_t i = 0; i < counts[0]; i++)
		names[0][i] = letters[a[i] - 'a'];
	for (size_t i = 0; i < counts[1]; i++)
		names[1][i] = letters[b[i] - 'a'];
	return rnm_profile_distance(names[0], counts[0], names[1], counts[1]);
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("abcd", "abcd"), 0);
	assert_int_equal(distance("", "abc"), 3);
	assert_int_equal(distance("abc", ""), 3);
	assert_int_equal(distance("abcd", "abc"), 1);
	assert_int_equal(distance("abc", "abcd"), 1);
	assert_int_equal(distance("bcd", "abcd"), 1);
	assert_int_equal(distance("axy", "x"), 2);
	assert_int_equal(distance("x", "axy"), 2);
	/* The walk stops after as many steps as the longer list has names. */
	assert_int_equal(distance("abc", "xyz"), 3);
	assert_int_equal(distance("a", "z"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complete),   cmocka_unit_test(versions), cmocka_unit_test(exact_versions),
		cmocka_unit_test(schema),     cmocka_unit_test(lenient),
		cmocka_unit_test(unreadable), cmocka_unit_test(odd_bytes),
		cmocka_unit_test(hostile),    cmocka_unit_test(thousands_of_symbols),
		cmocka_unit_test(written),    cmocka_unit_test(canonical),
		cmocka_unit_test(digests),    cmocka_unit_test(base32),
		cmocka_unit_test(distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
