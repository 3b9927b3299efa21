/* SPDX-License-Identifier: Apache-2.0 */
/* The template step: lib/format/template*.c. */
#include "base/clock.h"
#include "format/template.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "template_cases.h"
#include "template_hostile.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct rnm_template_var env_vars[] = {
	{ .name = "FOO", .value = "bar" }, { .name = "EMPTY", .value = "" },
	{ .name = "NUM", .value = "42" },  { .name = "LIST", .value = "a,b,c" },
	{ .name = "T", .value = "true" },
};
static const struct rnm_template_var path_vars[] = { { .name = "DBDIR", .value = "/var/lib/rspamd" } };

static struct rnm_template_options default_options(void)
{
	return (struct rnm_template_options){
		.env = env_vars,
		.env_count = LENGTH(env_vars),
		.paths = path_vars,
		.path_count = LENGTH(path_vars),
		.max_lua_steps = 50000000,
		.max_lua_bytes = (size_t)64 << 20,
		.max_lua_seconds = 5,
		.max_output_bytes = (size_t)16 << 20,
	};
}

static struct rnm_template *new_engine(const struct rnm_template_options *options)
{
	struct rnm_template *engine = NULL;

	assert_int_equal(rnm_template_new(&engine, options, NULL), RNM_OK);
	assert_non_null(engine);
	return engine;
}

static enum rnm_status expand(struct rnm_template *engine, const char *text, struct rnm_buf *out,
                              struct rnm_error *err)
{
	rnm_buf_init(out, (size_t)64 << 20);
	return rnm_template_expand(engine, text, strlen(text), out, err);
}

/* One template in an engine of its own. */
static void check(const char *id, const char *text, size_t len, const char *output, size_t output_len,
                  const char *reference)
{
	struct rnm_template_options options = default_options();
	struct rnm_template *engine = new_engine(&options);
	struct rnm_error *err = calloc(1, sizeof(*err));
	struct rnm_buf out;
	enum rnm_status status;

	assert_non_null(err);
	rnm_buf_init(&out, (size_t)64 << 20);
	status = rnm_template_expand(engine, text, len, &out, err);
	if (output != NULL) {
		if (status != RNM_OK || out.len != output_len ||
		    memcmp(rnm_buf_cstr(&out), output, output_len) != 0)
			fail_msg("%s: %s\n expected: %s\n got: %s (%s)", id, text, output, rnm_buf_cstr(&out),
			         err->message);
	} else {
		if (status != RNM_E_MALFORMED || strcmp(err->reference, reference) != 0)
			fail_msg("%s: %s\n expected failure: %s\n got: %s (%s)", id, text, reference,
			         rnm_buf_cstr(&out), err->reference);
		assert_string_equal(err->id, "config.template");
		assert_true(err->message[0] != '\0');
		assert_string_equal(err->file, "");
		assert_true(err->has_column && err->line >= 1);
		assert_int_equal(out.len, 0);
	}
	rnm_buf_free(&out);
	rnm_template_free(engine);
	free(err);
}

static void check_cases(const struct template_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(cases[i].id, cases[i].text, strlen(cases[i].text), cases[i].output,
		      cases[i].output != NULL ? strlen(cases[i].output) : 0, cases[i].reference);
}

static void test_checklist(void **state)
{
	(void)state;
	check_cases(checklist, LENGTH(checklist));
}

static void test_filters(void **state)
{
	(void)state;
	check_cases(filters, LENGTH(filters));
}

static void test_tests(void **state)
{
	(void)state;
	check_cases(tests, LENGTH(tests));
}

/* ---- records of the reference ---------------------------------------------------------------------- */

/* \n \r \t \0 stand for one byte in the records. */
static size_t decode(char *text)
{
	static const char letters[] = "nrt0";
	size_t out = 0;

	for (size_t in = 0; text[in] != '\0'; in++) {
		const char *letter =
		    text[in] == '\\' && text[in + 1] != '\0' ? strchr(letters, text[in + 1]) : NULL;

		if (letter != NULL)
			in++;
		text[out++] = letter != NULL ? "\n\r\t\0"[letter - letters] : text[in];
	}
	text[out] = '\0';
	return out;
}

/*
 * What rspamd's engine itself (3.4, whose core is that of 4.1) made of these templates: lines of template,
 * OK or ERR, and the output or message, with tabs between.
 */
static void check_records(const char *name)
{
	const char *root = getenv("RNM_TESTS");
	char path[4096];
	char *line = NULL;
	size_t room = 0;
	size_t count = 0;
	ssize_t len;
	FILE *file;

	if (root == NULL)
		skip();
	(void)snprintf(path, sizeof(path), "%s/data/template/%s", root, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	while ((len = getline(&line, &room, file)) > 0) {
		char *verdict = strchr(line, '\t');
		char *result = verdict != NULL ? strchr(verdict + 1, '\t') : NULL;
		size_t text_len;
		size_t result_len;
		bool ok;

		assert_non_null(result);
		line[len - 1] = '\0';
		*verdict++ = '\0';
		*result++ = '\0';
		ok = strcmp(verdict, "OK") == 0;
		text_len = decode(line);
		result_len = decode(result);
		check(name, line, text_len, ok ? result : NULL, ok ? result_len : 0, ok ? NULL : result);
		count++;
	}
	free(line);
	assert_int_equal(fclose(file), 0);
	assert_true(count > 1000);
}

static void test_reference(void **state)
{
	(void)state;
	check_records("reference.txt");
}

static void test_reference_random(void **state)
{
	(void)state;
	check_records("reference_random.txt");
}

/* ---- the engine ------------------------------------------------------------------------------------ */

static void expect_output(struct rnm_template *engine, const char *text, const char *expected)
{
	struct rnm_error *err = calloc(1, sizeof(*err));
	struct rnm_buf out;

	assert_non_null(err);
	if (expand(engine, text, &out, err) != RNM_OK)
		fail_msg("%s\n expected: %s\n got: %s", text, expected, err->message);
	assert_string_equal(rnm_buf_cstr(&out), expected);
	rnm_buf_free(&out);
	free(err);
}

static void expect_failure(struct rnm_template *engine, const char *text, const char *id, const char *message)
{
	struct rnm_error *err = calloc(1, sizeof(*err));
	struct rnm_buf out;

	assert_non_null(err);
	assert_int_equal(expand(engine, text, &out, err), RNM_E_MALFORMED);
	assert_string_equal(err->id, id);
	if (strstr(err->message, message) == NULL)
		fail_msg("%.200s\n expected a message with: %s\n got: %s", text, message, err->message);
	assert_null(strpbrk(err->message, "\n\r\t"));
	assert_int_equal(out.len, 0);
	rnm_buf_free(&out);
	free(err);
}

static void test_needed(void **state)
{
	static const char *const yes[] = { "a{=", "{%", "x{# ", "a\r\nb", "{{=", "\r\r\n" };
	static const char *const no[] = { "",     "{",    "{ =",      "{{",   "= }",
		                          "a\rb", "a\nb", "%} =} #}", "{\n=", "\n\r" };

	(void)state;
	for (size_t i = 0; i < LENGTH(yes); i++)
		assert_true(rnm_template_needed(yes[i], strlen(yes[i])));
	for (size_t i = 0; i < LENGTH(no); i++)
		assert_false(rnm_template_needed(no[i], strlen(no[i])));
	/* The byte behind the end does not count. */
	assert_false(rnm_template_needed("{=", 1));
	assert_false(rnm_template_needed("\r\n", 1));
	assert_false(rnm_template_needed(NULL, 0));
}

static void test_text_without_lua(void **state)
{
	struct rnm_template_options options = default_options();
	struct rnm_template *engine;

	(void)state;
	/* No Lua could start with these limits, so none was needed. */
	options.max_lua_steps = 0;
	options.max_lua_seconds = 0;
	options.max_lua_bytes = 4096;
	engine = new_engine(&options);
	expect_output(engine, "", "");
	expect_output(engine, "a = 1; # { b }", "a = 1; # { b }");
	expect_output(engine, "a\r\nb\r\r\n", "a\nb\r\n");
	expect_output(engine, "a {#- x -#} b{% raw %}{= x =}{% endraw -%}  c", "ab{= x =}c");
	expect_failure(engine, "{= 1 =}", "config.limit", "memory");
	expect_output(engine, "still {# #}fine", "still fine");
	rnm_template_free(engine);
}

static void test_appends(void **state)
{
	struct rnm_template_options options = default_options();
	struct rnm_template *engine = new_engine(&options);
	struct rnm_buf out;

	(void)state;
	rnm_buf_init(&out, 100);
	assert_true(rnm_buf_puts(&out, "before "));
	assert_int_equal(rnm_template_expand(engine, "{= 1 =}", 7, &out, NULL), RNM_OK);
	assert_string_equal(rnm_buf_cstr(&out), "before 1");
	assert_int_equal(rnm_template_expand(engine, "  {=- nope.x =}", 15, &out, NULL), RNM_E_MALFORMED);
	assert_string_equal(rnm_buf_cstr(&out), "before 1");
	rnm_buf_free(&out);
	rnm_template_free(engine);
}

static void test_what_lasts(void **state)
{
	struct rnm_template_options options = default_options();
	struct rnm_template *engine = new_engine(&options);

	(void)state;
	expect_output(engine,
	              "{% set x = 1 %}{% do y = 2 %}{% do env.A = \"1\" %}{= x =}{= y =}{= env.A =}{= A =}",
	              "121");
	expect_output(engine, "[{= x =}{= y =}{= env.A =}{= A =}{= env.FOO =}]", "[1bar]");
	expect_output(engine, "{% macro m() %}x{% endmacro %}{% do env.M = m %}{= env.M() =}", "x");
	expect_failure(engine, "{= env.M() =}", "config.template", "macro of the same file");
	/* An error in one file leaves the next one alone. */
	expect_failure(engine, "{% set x = 5 %}{= nope.x =}", "config.template",
	               "attempt to index global 'nope'");
	expect_output(engine, "[{= x =}{= env.A =}]", "[1]");
	rnm_template_free(engine);
}

static void test_names(void **state)
{
	struct rnm_template_var vars[] = {
		{ .name = "hostname", .value = "first" },
		{ .name = "hostname", .value = "second" },
		{ .name = "ver_num", .number = 1125899906842624.0, .is_number = true },
		{ .name = "env", .value = "shadow" },
		{ .name = "range", .value = "hidden" },
		{ .name = "NOTHING", .value = NULL },
	};
	struct rnm_template_options options = default_options();
	struct rnm_template *engine;

	(void)state;
	options.env = vars;
	options.env_count = LENGTH(vars);
	engine = new_engine(&options);
	/* The engine has its own copies. */
	vars[1].value = "third";
	expect_output(engine, "{= hostname =} {= env.hostname =} {= env.ver_num + 1 =}",
	              "second second 1.1258999068426e+15");
	expect_output(engine, "{= type(env) =} {= env.env =} {= range =} [{= NOTHING =}]",
	              "table shadow hidden []");
	expect_output(engine, "{= paths.DBDIR =}{= paths.NOPE =}", "/var/lib/rspamd");
	rnm_template_free(engine);
}

static void test_hints(void **state)
{
	static const struct {
		const char *text;
		const char *hint;
	} cases[] = {
		{ "{% if a != 1 %}{% endif %}", "~=" },
		{ "{% if a %}{% elif b %}{% endif %}", "elseif" },
		{ "{% if a %}{% else if b %}{% endif %}", "elseif" },
		{ "{= a // b =}", "math.floor" },
		{ "{= a && b =}", "`and`" },
		{ "{= !a =}", "not x" },
		{ "{= a is defined =}", "is_defined" },
		{ "{= \"a|b\" =}", "`|`" },
		{ "{= env.X|default(\"a\") == \"a\" =}", "filters bind last" },
		{ "{% include \"x\" %}", ".include" },
		{ "{% for x in \"a,b\" %}{% endfor %}", "split" },
		{ "{= \"{\" =}", "pairs" },
		{ "{% call m %}{% endcall %}", NULL },
	};
	struct rnm_template_options options = default_options();
	struct rnm_template *engine = new_engine(&options);
	struct rnm_error *err = calloc(1, sizeof(*err));
	struct rnm_buf out;

	(void)state;
	assert_non_null(err);
	for (size_t i = 0; i < LENGTH(cases); i++) {
		enum rnm_status status = expand(engine, cases[i].text, &out, err);

		rnm_buf_free(&out);
		if (cases[i].hint == NULL)
			continue;
		assert_int_equal(status, RNM_E_MALFORMED);
		if (strstr(err->hint, cases[i].hint) == NULL)
			fail_msg("%s\n expected a hint with: %s\n got: %s", cases[i].text, cases[i].hint,
			         err->hint);
	}
	free(err);
	rnm_template_free(engine);
}

static void test_places(void **state)
{
	struct rnm_template_options options = default_options();
	struct rnm_template *engine = new_engine(&options);
	struct rnm_error *err = calloc(1, sizeof(*err));
	struct rnm_buf out;

	(void)state;
	assert_non_null(err);
	assert_int_equal(expand(engine, "a\r\n\r\n  {= nope.x =}", &out, err), RNM_E_MALFORMED);
	assert_int_equal(err->line, 3);
	assert_int_equal(err->column, 6);
	assert_int_equal(expand(engine, "x\n{% do while true do end %}", &out, err), RNM_E_MALFORMED);
	assert_string_equal(err->id, "config.limit");
	assert_int_equal(err->line, 2);
	assert_int_equal(err->column, 7);
	assert_string_equal(err->reference, "");
	/* A filter's arguments fail without a place in rspamd's text. */
	rnm_template_free(engine);
	engine = new_engine(&options);
	assert_int_equal(expand(engine, "\n{= nil|default nope.x =}", &out, err), RNM_E_MALFORMED);
	assert_string_equal(err->reference,
	                    "[string \"return { nope.x}\"]:1: attempt to index global 'nope' (a nil value)");
	assert_int_equal(err->line, 2);
	rnm_template_free(engine);
	free(err);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"{% include \"x\" %}",         "{% import \"x\" as y %}",     "{% extends \"x\" %}",
		"{% block a %}{% endblock %}", "{= {1,2}|random =}",          "{= \"x\"|pbkdf =}",
		"{= math.random() =}",         "{% do math.randomseed(1) %}", "{= {\"a\",\"A\"}|unique =}",
		"{= {\"a\",\"B\"}|min =}",     "{= is_integer(\"5\") =}",     "{= is_boolean(\"yes\") =}",
		"{= is_float(\"5\") =}",       "{= \"x\"|urlize =}",
	};
	struct rnm_template_options options = default_options();
	struct rnm_template *engine = new_engine(&options);

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++)
		expect_failure(engine, texts[i], "config.template", "expected ");
	rnm_template_free(engine);
}

/* ---- hostile templates ----------------------------------------------------------------------------- */

static void test_hostile(void **state)
{
	struct rnm_template_options options = default_options();

	(void)state;
	for (size_t i = 0; i < LENGTH(hostile); i++) {
		struct rnm_template *engine;
		double start = rnm_clock_monotonic();

		/* What another limit ends must not meet this one first because the machine is busy. */
		options.max_lua_seconds = strcmp(hostile[i].message, "finish within") == 0 ? 0.5 : 60;
		engine = new_engine(&options);
		expect_failure(engine, hostile[i].text, hostile[i].id, hostile[i].message);
		/* Generous: sanitizers and busy machines. */
		if (rnm_clock_monotonic() - start > 8)
			fail_msg("%s: took %.1f s", hostile[i].text, rnm_clock_monotonic() - start);
		/* Whatever happened, text without tags still passes. */
		expect_output(engine, "a{# #}b", "ab");
		rnm_template_free(engine);
	}
}

static void test_harmless(void **state)
{
	struct rnm_template_options options = default_options();

	(void)state;
	for (size_t i = 0; i < LENGTH(harmless); i++) {
		struct rnm_template *engine = new_engine(&options);

		expect_output(engine, harmless[i].text, harmless[i].output);
		rnm_template_free(engine);
	}
}

/* Text that repeats a piece: head, count times piece, tail. */
static char *repeat(const char *head, const char *piece, size_t count, const char *tail)
{
	struct rnm_buf text;

	rnm_buf_init(&text, (size_t)64 << 20);
	(void)rnm_buf_puts(&text, head);
	for (size_t i = 0; i < count; i++)
		(void)rnm_buf_puts(&text, piece);
	(void)rnm_buf_puts(&text, tail);
	assert_false(text.failed);
	return rnm_buf_steal(&text);
}

static void test_large(void **state)
{
	static const struct {
		const char *head, *piece;
		size_t count;
		const char *tail, *id, *message;
	} cases[] = {
		{ "", "{% if 1 %}", 65, "", "config.limit", "64 template tags" },
		{ "", "{==}", 1000000, "", "config.limit", "more tags" },
		{ "{= ", "{", 200000, "", "config.template", "\"=}\" expected" },
		{ "{= ", "(", 300, "1 =}", "config.template", "too many syntax levels" },
		{ "{= 1", "|upper(", 100000, " =}", "config.limit", "unbalanced parentheses" },
		{ "{= nil|default(1", ",1", 100, ") =}", "config.template", "too many filter parameters" },
		{ "{% for a", ",b", 100, " in {1} %}{% endfor %}", "config.limit", "64 variables" },
		{ "{% macro m(a", ",b", 100, ") %}{% endmacro %}", "config.limit", "64 arguments" },
		{ "{% raw %}", "{% x", 50000, "", "config.template", "endraw" },
	};
	struct rnm_template_options options = default_options();

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct rnm_template *engine = new_engine(&options);
		char *text = repeat(cases[i].head, cases[i].piece, cases[i].count, cases[i].tail);

		assert_non_null(text);
		expect_failure(engine, text, cases[i].id, cases[i].message);
		free(text);
		rnm_template_free(engine);
	}
}

static void test_limits(void **state)
{
	struct rnm_template_options options = default_options();
	struct rnm_template *engine;

	(void)state;
	options.max_lua_steps = 5000;
	engine = new_engine(&options);
	expect_output(engine, "{= 1 =}", "1");
	expect_failure(engine, "{% do for i = 1, 1e6 do end %}", "config.limit", "instructions");
	/* The budget is that of the engine, not of a file. */
	expect_failure(engine, "{= 1 =}", "config.limit", "instructions");
	rnm_template_free(engine);

	options = default_options();
	options.max_lua_seconds = 0.05;
	engine = new_engine(&options);
	expect_failure(engine, "{% do while true do end %}", "config.limit", "time");
	expect_failure(engine, "{= 1 =}", "config.limit", "time");
	rnm_template_free(engine);

	options = default_options();
	options.max_output_bytes = 10;
	engine = new_engine(&options);
	expect_output(engine, "{= \"0123456789\" =}", "0123456789");
	expect_failure(engine, "{= \"0123456789a\" =}", "config.limit", "output");
	expect_failure(engine, "0123456789{# #}a", "config.limit", "output");
	expect_failure(engine, "0123456789a", "config.limit", "at most 10 bytes");
	rnm_template_free(engine);

	options = default_options();
	options.max_lua_bytes = 300000;
	engine = new_engine(&options);
	for (int i = 0; i < 3; i++) {
		expect_failure(engine, "{% do t = {} while true do t = {t} end %}", "config.limit", "memory");
		/* What the failed run held has been freed. */
		expect_output(engine, "{= (\"x\"):rep(1000)|length =}", "1000");
	}
	rnm_template_free(engine);
}

/* Every allocation limit up to the one that suffices ends in a clean error. */
static void test_memory_steps(void **state)
{
	struct rnm_template_options options = default_options();
	bool worked = false;

	(void)state;
	for (options.max_lua_bytes = 500; !worked; options.max_lua_bytes += 997) {
		struct rnm_template *engine = new_engine(&options);
		struct rnm_buf out;

		assert_true(options.max_lua_bytes < 1000000);
		worked =
		    expand(engine,
		           "{% macro m(a) %}{= a|upper =}{% endmacro %}{% for i in {1,2}|reverse %}{= m(i) =}"
		           "{% set x = env.LIST|replace(\"a\", function(c) return c .. c end) %}{% endfor %}"
		           "{= {a={1,{}}}|tojson =}",
		           &out, NULL) == RNM_OK;
		if (worked)
			assert_string_equal(rnm_buf_cstr(&out), "21{\"a\":[1,[]]}");
		rnm_buf_free(&out);
		rnm_template_free(engine);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_checklist),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_tests),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_reference_random),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_text_without_lua),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_what_lasts),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_memory_steps),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
