/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration language: lib/format/ucl*.c. */
#include "format/ucl.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "ucl_cases.h"
#include "ucl_more.h"
#include "ucl_text.h"

/* ---- files for the parser: the real ones, without templates ---------------------------------------- */

struct test_io {
	char *texts[4096];
	size_t count;
};

static int lookup_errno; /* not 0: no file can be looked for */

static int io_resolve(void *ctx, const char *name, char **full)
{
	(void)ctx;
	*full = NULL;
	if (lookup_errno != 0)
		return lookup_errno;
	*full = realpath(name, NULL);
	return *full != NULL ? 0 : errno;
}

static int io_is_regular(void *ctx, const char *full, bool *regular)
{
	struct stat st;

	(void)ctx;
	if (stat(full, &st) != 0)
		return errno;
	*regular = S_ISREG(st.st_mode);
	return 0;
}

static int read_errno; /* not 0: no file can be read */

static enum rnm_status io_read(void *ctx, const char *full, bool expand, const char **text, size_t *len,
                               struct rnm_error *err)
{
	struct test_io *io = ctx;
	FILE *file;
	char *bytes;

	(void)expand;
	if (read_errno != 0)
		return rnm_error_sys(err, "test", read_errno, "open");
	file = fopen(full, "rb");
	if (file == NULL)
		return rnm_error_sys(err, "test", errno, "open");
	assert_true(io->count < sizeof(io->texts) / sizeof(io->texts[0]));
	bytes = malloc(65536);
	assert_non_null(bytes);
	*len = fread(bytes, 1, 65536, file);
	fclose(file);
	io->texts[io->count++] = bytes;
	*text = bytes;
	return RNM_OK;
}

static int io_glob(void *ctx, const char *pattern, char ***names, size_t *count)
{
	glob_t found;

	(void)ctx;
	*count = 0;
	*names = NULL;
	if (lookup_errno != 0)
		return lookup_errno;
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	*names = calloc(found.gl_pathc, sizeof(**names));
	for (; *count < found.gl_pathc; (*count)++)
		(*names)[*count] = strdup(found.gl_pathv[*count]);
	globfree(&found);
	return 0;
}

static void io_names_free(void *ctx, char **names, size_t count)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static const struct rnm_ucl_var debian_vars[] = {
	{ "CONFDIR", "/etc/rspamd" }, { "LOCAL_CONFDIR", "/etc/rspamd" },
	{ "RUNDIR", "/run/rspamd" },  { "DBDIR", "/var/lib/rspamd" },
	{ "PREFIX", "/usr" },         { "VERSION", "4.1.6" },
	{ "VERSION_MAJOR", "4" },     { "VERSION_MINOR", "1" },
	{ "HOSTNAME", "host" },
};

/* ---- one parse --------------------------------------------------------------------------------------- */

struct parse {
	struct test_io files;
	struct rnm_arena arena;
	struct rnm_value *root;
	struct rnm_error err;
	enum rnm_status status;
};

static struct parse *parse_n(const char *filename, const char *text, size_t len, size_t max_bytes,
                             unsigned max_depth)
{
	struct parse *parse = calloc(1, sizeof(*parse));
	const struct rnm_ucl_io io = { &parse->files, io_resolve, io_is_regular,
		                       io_read,       io_glob,    io_names_free };
	const struct rnm_ucl_options options = { &parse->arena, filename,
		                                 debian_vars,   sizeof(debian_vars) / sizeof(debian_vars[0]),
		                                 &io,           max_depth };

	rnm_arena_init(&parse->arena, max_bytes);
	parse->status = rnm_ucl_parse(&parse->root, &options, text, len, &parse->err);
	if (parse->status != RNM_OK)
		assert_int_equal(parse->status, parse->err.status);
	return parse;
}

static struct parse *parse_text(const char *text)
{
	return parse_n("/nowhere/main.conf", text, strlen(text), (size_t)1 << 30, 0);
}

static void parse_free(struct parse *parse)
{
	for (size_t i = 0; i < parse->files.count; i++)
		free(parse->files.texts[i]);
	rnm_arena_free(&parse->arena);
	free(parse);
}

/* The tree in the notation of the tables, or rspamd's words for the refusal. */
static char *outcome(const struct parse *parse)
{
	struct rnm_buf out;

	rnm_buf_init(&out, (size_t)1 << 24);
	if (parse->status != RNM_OK)
		rnm_buf_puts(&out, parse->err.reference);
	else
		put_chain(&out, parse->root);
	return rnm_buf_steal(&out);
}

/* Runs one row; the message names it. */
static void check_case(const struct ucl_case *row)
{
	char in_folder[PATH_MAX + 2];
	char *text;
	char *expected;
	char *got;
	char *main_name;
	struct parse *parse;

	snprintf(in_folder, sizeof(in_folder), "%s/", folder);
	for (const struct ucl_file *file = row->files; file->name != NULL; file++) {
		char *content = replace_all(file->text, "/T/", in_folder);

		assert_true(write_file(folder, file->name, content, strlen(content)));
		free(content);
	}
	text = replace_all(row->text, "/T/", in_folder);
	assert_true(write_file(folder, "main.conf", text, strlen(text)));
	main_name = replace_all("/T/main.conf", "/T/", in_folder);
	expected = replace_all(row->result != NULL ? row->result : row->error, "/T", folder);
	parse = parse_n(main_name, text, strlen(text), (size_t)1 << 30, 0);
	got = outcome(parse);
	if ((parse->status == RNM_OK) != (row->result != NULL) || strcmp(got, expected) != 0)
		fail_msg("%s: %s\n  expected %s\n  got      %s", row->id, row->text, expected, got);
	if (parse->status != RNM_OK && (parse->err.message[0] == '\0' || parse->err.id[0] == '\0'))
		fail_msg("%s: refused without a sentence or an id", row->id);
	parse_free(parse);
	free(got);
	free(expected);
	free(main_name);
	free(text);
}

static void check_table(const struct ucl_case *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		void *none = NULL;

		assert_int_equal(make_folder(&none), 0);
		check_case(&rows[i]);
		assert_int_equal(drop_folder(&none), 0);
	}
}

static void checklist(void **state)
{
	(void)state;
	assert_int_equal(sizeof(ucl_cases) / sizeof(ucl_cases[0]), 188);
	check_table(ucl_cases, sizeof(ucl_cases) / sizeof(ucl_cases[0]));
}

static void more_quirks(void **state)
{
	(void)state;
	check_table(ucl_more, sizeof(ucl_more) / sizeof(ucl_more[0]));
}

/* ---- restricted mode ------------------------------------------------------------------------------- */

static void restricted_mode(void **state)
{
	static const struct {
		const char *text, *result;
	} rows[] = {
		{ "", "{}" },
		{ "{\"a\":1,\"a\":2,\"a\":3}", "{\"a\": [1, 2, 3]}" },
		{ "{\"a\":[1],\"a\":2}", "{\"a\": [1, 2]}" },
		{ "{\"a\":{\"b\":1},\"a\":{\"c\":1}}", "{\"a\": [{\"b\": 1}, {\"c\": 1}]}" },
		{ "{\"a\":.5}", "{\"a\": \".5\"}" },
		{ "{a=10s;b=5min;c=10ms;d=1k;e=1h;f=1kb}",
		  "{\"a\": \"10s\", \"b\": \"5min\", \"c\": t(0.01), \"d\": 1000, \"e\": \"1h\", \"f\": "
		  "1024}" },
		{ "{\"a\":\"$PREFIX $CURDIR\"}", "{\"a\": \"$PREFIX $CURDIR\"}" },
		{ "{\"a\":1,} trailing", "{\"a\": 1}" },
		{ "[1,2] x", "[1, 2]" },
		{ "{\"a\":-1.5e3,\"b\":null,\"c\":\"\\u00e9\"}",
		  "{\"a\": f(-1500), \"b\": null, \"c\": \"\xc3\xa9\"}" },
		{ "5", NULL },
		{ "\"x\"", NULL },
		{ "{.include \"x\"}", NULL },
		{ "{\"a\":1", NULL },
		{ "{\"a\":1]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rnm_value *root = NULL;
		struct rnm_arena arena;
		struct rnm_error err;
		struct rnm_buf out;
		enum rnm_status status;

		rnm_arena_init(&arena, (size_t)1 << 20);
		rnm_buf_init(&out, (size_t)1 << 20);
		status = rnm_ucl_parse_json(&root, &arena, rows[i].text, strlen(rows[i].text), &err);
		if (status == RNM_OK)
			put_chain(&out, root);
		if (rows[i].result == NULL)
			assert_int_equal(status, RNM_E_MALFORMED);
		else
			assert_string_equal(rnm_buf_cstr(&out), rows[i].result);
		rnm_buf_free(&out);
		rnm_arena_free(&arena);
	}
}

/* ---- what a value knows of its origin ------------------------------------------------------------------ */

static void origin(void **state)
{
	static const char main_text[] =
	    "a = 1;\n\n# c\nb {\n  c = [1,\n 2];\n}\n.include(priority=7) \"x.conf\"\n";
	static const char included[] = "\nd =\n 5min;\n";
	const struct rnm_value *value;
	struct parse *parse;
	char name[PATH_MAX];

	(void)state;
	assert_true(write_file(folder, "x.conf", included, strlen(included)));
	parse = parse_n("/f/main.conf", main_text, strlen(main_text), (size_t)1 << 20, 0);
	assert_int_equal(parse->status, RNM_OK);
	value = rnm_value_get(parse->root, "a");
	assert_int_equal(value->line, 1);
	assert_string_equal(value->file, "/f/main.conf");
	assert_int_equal(value->priority, 0);
	value = rnm_value_get(rnm_value_get(parse->root, "b"), "c");
	assert_int_equal(value->line, 5);
	assert_int_equal(rnm_value_at(value, 1)->line, 6);
	value = rnm_value_get(parse->root, "d");
	assert_int_equal(value->line, 2);
	assert_int_equal(value->priority, 7);
	assert_int_equal(value->flags, RNM_VALUE_TIME);
	snprintf(name, sizeof(name), "%s/x.conf", folder);
	assert_string_equal(value->file, name);
	parse_free(parse);
}

static void errors_say_where(void **state)
{
	struct parse *parse = parse_text("a = 1;\nb =  ;\n");

	(void)state;
	assert_int_equal(parse->status, RNM_E_MALFORMED);
	assert_string_equal(parse->err.id, "ucl.value-empty");
	assert_string_equal(parse->err.file, "/nowhere/main.conf");
	assert_int_equal(parse->err.line, 2);
	assert_true(parse->err.has_column);
	assert_int_equal(parse->err.column, 5);
	assert_string_equal(parse->err.message,
	                    "string value must not be empty: expected a value, found ';'");
	parse_free(parse);
}

/* ---- hostile texts --------------------------------------------------------------------------------------- */

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* unit repeated count times between head and tail. */
static char *repeat(const char *head, const char *unit, size_t count, const char *tail, size_t *len)
{
	size_t head_len = strlen(head);
	size_t unit_len = strlen(unit);
	size_t tail_len = strlen(tail);
	char *text = malloc(head_len + unit_len * count + tail_len + 1);
	char *to = text;

	assert_non_null(text);
	memcpy(to, head, head_len);
	to += head_len;
	for (size_t i = 0; i < count; i++, to += unit_len)
		memcpy(to, unit, unit_len);
	memcpy(to, tail, tail_len + 1);
	*len = head_len + unit_len * count + tail_len;
	return text;
}

/* Bounds are generous for sanitizers and busy machines: what they catch is quadratic work, which takes minutes. */
#define SECONDS_MAX 8.0

static void check_hostile(const char *head, const char *unit, size_t count, const char *tail,
                          enum rnm_status status, const char *id)
{
	double start = seconds_now();
	struct parse *parse;
	size_t len;
	char *text = repeat(head, unit, count, tail, &len);

	parse = parse_n("/nowhere/main.conf", text, len, (size_t)1 << 30, 0);
	if (parse->status != status || strcmp(status == RNM_OK ? "" : parse->err.id, id) != 0)
		fail_msg("%s%s...%s: status %d, id %s: %s", head, unit, tail, parse->status, parse->err.id,
		         parse->err.message);
	parse_free(parse);
	free(text);
	if (seconds_now() - start > SECONDS_MAX)
		fail_msg("%s%s...%s took %.1f s", head, unit, tail, seconds_now() - start);
}

static void hostile_nesting(void **state)
{
	(void)state;
	check_hostile("a = ", "[", 10000000, "", RNM_E_MALFORMED, "config.limit");
	check_hostile("", "a {", 3000000, "", RNM_E_MALFORMED, "config.limit");
	check_hostile("", "a ", 2000000, "{ }", RNM_E_MALFORMED, "config.limit");
	check_hostile("a = ", "[", 999, "", RNM_E_MALFORMED, "ucl.unmatched-brace");
	check_hostile("", "}", 1000000, "", RNM_E_MALFORMED, "ucl.extra-brace");
}

static void hostile_repetition(void **state)
{
	(void)state;
	check_hostile("", "a=1;", 1000000, "", RNM_OK, "");
	check_hostile("", "a b {}\n", 300000, "", RNM_OK, "");
	check_hostile("a = [", "1,", 1000000, "]", RNM_OK, "");
	check_hostile("", "# c\n", 2000000, "a = 1", RNM_OK, "");
	check_hostile("", "/**/", 2000000, "a = 1", RNM_OK, "");
	check_hostile("", "/*", 4000000, "", RNM_E_MALFORMED, "ucl.comment-end");
	check_hostile("a = \"", "${", 4000000, "\"", RNM_OK, "");
	check_hostile("a = <<", "A", 1000000, "\nA\nA\nA\n", RNM_E_MALFORMED, "ucl.heredoc-end");
	check_hostile("a = <<AAAAAAAA\n", "AAAAAAA\n", 1000000, "AAAAAAAA\n", RNM_OK, "");
	check_hostile("a = ", "\\", 4000000, "", RNM_OK, "");
	check_hostile("a = ", "1", 4000000, "", RNM_OK, "");
}

/* A line that never ends: the look-ahead must not walk it once for each member. */
static void hostile_line(void **state)
{
	(void)state;
	check_hostile("", "\"k\"\"v\" ", 1000000, "", RNM_E_MALFORMED, "ucl.delimiter");
	check_hostile("", "\"k\"{}", 1000000, "", RNM_OK, "");
	check_hostile("", "a[]", 1000000, "", RNM_E_MALFORMED, "ucl.key-char");
	check_hostile("", "a [] ", 1000000, "", RNM_OK, "");
	check_hostile("a ", "b ", 900, "{}", RNM_OK, "");
}

static void hostile_macros(void **state)
{
	(void)state;
	check_hostile("", ".include(try=true) \"/none\"\n", 100000, "a = 1", RNM_OK, "");
	check_hostile("b { a = 1 }\n", ".inherit \"b\"\n", 300000, "", RNM_OK, "");
	check_hostile("", ".include(", 1000000, "", RNM_E_MALFORMED, "ucl.macro-value");
	/* Each level holds two copies of the one before it. */
	check_hostile("a0 { k = 1 }\na1 { l { .inherit \"a0\"\n} r { .inherit \"a0\"\n} }\n",
	              "a0 { l { .inherit \"a1\"\n} }\n", 50000, "", RNM_OK, "");
}

static void inherit_is_bounded(void **state)
{
	double start = seconds_now();
	struct parse *parse;
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, (size_t)64 << 20);
	rnm_buf_puts(&text, "base {");
	for (unsigned i = 0; i < 20000; i++)
		rnm_buf_printf(&text, "k%u = 1;", i);
	rnm_buf_puts(&text, "}\nd {");
	for (unsigned i = 0; i < 20000; i++)
		rnm_buf_puts(&text, ".inherit \"base\"\n");
	rnm_buf_puts(&text, "}\n");
	parse = parse_n("/nowhere/main.conf", text.data, text.len, (size_t)1 << 30, 0);
	assert_int_equal(parse->status, RNM_E_MALFORMED);
	assert_string_equal(parse->err.id, "config.limit");
	parse_free(parse);
	rnm_buf_clear(&text);
	/* 2^40 copies of a scalar. */
	rnm_buf_puts(&text, "a0 { k = 1 }\n");
	for (unsigned i = 1; i < 40; i++)
		rnm_buf_printf(&text, "a%u { l { .inherit \"a%u\"\n} r { .inherit \"a%u\"\n} }\n", i, i - 1,
		               i - 1);
	parse = parse_n("/nowhere/main.conf", text.data, text.len, (size_t)1 << 30, 0);
	assert_int_equal(parse->status, RNM_E_MALFORMED);
	assert_string_equal(parse->err.id, "config.limit");
	parse_free(parse);
	rnm_buf_free(&text);
	assert_true(seconds_now() - start < SECONDS_MAX);
}

/* $CURDIR is as long as the path: a text of variables must stop at the tree's limit. */
static void expansion_is_bounded(void **state)
{
	char filename[4000];
	size_t len;
	char *text = repeat("a = \"", "$CURDIR", 100000, "\"", &len);
	struct parse *parse;

	(void)state;
	memset(filename, 'x', sizeof(filename));
	filename[0] = '/';
	memcpy(filename + sizeof(filename) - 8, "/m.conf", 8);
	parse = parse_n(filename, text, len, (size_t)64 << 20, 0);
	assert_int_equal(parse->status, RNM_E_MALFORMED);
	assert_string_equal(parse->err.id, "config.limit");
	parse_free(parse);
	free(text);
}

/* However little memory the tree may take, the parser ends with a status. */
static void memory_limit(void **state)
{
	static const char text[] = "a { b = [1, {c = \"$PREFIX/x\\ty\"}]; d \"e\" { f = <<E\nx\nE\n } }\n"
				   "g { .inherit \"a\"\n }\n.include(try=true,key=k) \"/none\"\n a { z = 1 }";
	bool succeeded = false;

	(void)state;
	for (size_t max = 0; max < 16384; max += 16) {
		struct parse *parse = parse_n("/nowhere/main.conf", text, strlen(text), max, 0);

		if (parse->status == RNM_OK)
			succeeded = true;
		else
			assert_string_equal(parse->err.id, "config.limit");
		parse_free(parse);
	}
	assert_true(succeeded);
}

static void depth_limit(void **state)
{
	struct parse *parse = parse_n("/f", "a { b { c = 1 } }", 17, (size_t)1 << 20, 3);

	(void)state;
	assert_int_equal(parse->status, RNM_OK);
	parse_free(parse);
	parse = parse_n("/f", "a { b { c = 1 } }", 17, (size_t)1 << 20, 2);
	assert_int_equal(parse->status, RNM_E_MALFORMED);
	assert_string_equal(parse->err.id, "config.limit");
	parse_free(parse);
}

/* With a larger limit on depth, rspamd's own on the names of one section remains. */
static void names_limit(void **state)
{
	struct parse *parse;
	size_t len;
	char *text = repeat("", "a ", 65537, "{ }", &len);

	(void)state;
	parse = parse_n("/f", text, len, (size_t)1 << 30, 100000);
	assert_int_equal(parse->status, RNM_E_MALFORMED);
	assert_string_equal(parse->err.id, "ucl.nesting");
	parse_free(parse);
	free(text);
}

static void zero_bytes(void **state)
{
	static const char text[] = "a = x\0b = 1;\"k\\u0000l\" = \"m\\u0000n\"\0";
	struct parse *parse = parse_n("/f", text, sizeof(text) - 1, (size_t)1 << 20, 0);
	const struct rnm_value *value;

	(void)state;
	assert_int_equal(parse->status, RNM_OK);
	assert_int_equal(rnm_value_count(parse->root), 3);
	assert_string_equal(rnm_value_string(rnm_value_get(parse->root, "a")), "x");
	value = rnm_value_at(parse->root, 2);
	assert_int_equal(value->key.len, 3);
	assert_int_equal(value->as.string.len, 3);
	assert_memory_equal(value->as.string.data, "m\0n", 4);
	parse_free(parse);
}

/* Fifteen levels below the main file are fine, a sixteenth is not. */
static void include_levels(void **state)
{
	struct parse *parse;
	char name[32];
	char text[64];

	(void)state;
	for (int i = 1; i <= 16; i++) {
		snprintf(name, sizeof(name), "%d.conf", i);
		snprintf(text, sizeof(text), "a%d = 1\n.include \"%d.conf\"\n", i, i + 1);
		if (i == 15)
			snprintf(text, sizeof(text), "a15 = 1\n");
		assert_true(write_file(folder, name, text, strlen(text)));
	}
	parse = parse_n("/f", ".include \"1.conf\"", 17, (size_t)1 << 20, 0);
	assert_int_equal(parse->status, RNM_OK);
	assert_int_equal(rnm_value_count(parse->root), 15);
	parse_free(parse);
	assert_true(write_file(folder, "15.conf", ".include \"16.conf\"\n", 19));
	parse = parse_n("/f", ".include \"1.conf\"", 17, (size_t)1 << 20, 0);
	assert_int_equal(parse->status, RNM_E_MALFORMED);
	assert_string_equal(parse->err.reference, "maximum include nesting limit is reached: 17");
	parse_free(parse);
}

/* What is there and cannot be read is no mistake in the configuration: `try` does not forgive it either. */
static void unreadable_files(void **state)
{
	static const struct {
		const char *text;
		int sys_errno;
		enum rnm_status status;
		const char *reference;
	} cases[] = {
		{ ".include \"/dev/../etc/hostname\"", EACCES, RNM_E_IO,
		  "cannot open file /etc/hostname: Permission denied" },
		{ ".include(try=true) \"/etc/hostname\"", EACCES, RNM_E_IO,
		  "cannot open file /etc/hostname: Permission denied" },
		{ ".include \"/etc/hostname\"", EIO, RNM_E_IO, "cannot open file /etc/hostname: Input/output error" },
		{ ".include \"/etc/hostname\"", ENOENT, RNM_E_MALFORMED,
		  "cannot open file /etc/hostname: No such file or directory" },
		{ ".load(key=k) \"/etc/hostname\"", EACCES, RNM_E_IO,
		  "cannot open file /etc/hostname: Permission denied" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct parse *parse;

		read_errno = cases[i].sys_errno;
		parse = parse_text(cases[i].text);
		read_errno = 0;
		assert_int_equal(parse->status, cases[i].status);
		assert_int_equal(parse->err.sys_errno, cases[i].sys_errno);
		assert_string_equal(parse->err.reference, cases[i].reference);
		assert_string_equal(parse->err.id, "config.include");
		assert_int_equal(parse->err.line, 1);
		parse_free(parse);
	}
}

/* `try` is about files that are not there, not about a system that cannot tell. */
static void lookups_that_fail(void **state)
{
	static const struct {
		const char *text;
		int sys_errno;
		enum rnm_status status;
	} cases[] = {
		{ ".include(try=true) \"/etc/x.conf\"", ENOENT, RNM_OK },
		{ ".include(try=true) \"/etc/x.conf\"", EACCES, RNM_OK },
		{ ".include(try=true) \"/etc/x.conf\"", ENOTDIR, RNM_OK },
		{ ".include(try=true) \"/etc/x.conf\"", EIO, RNM_E_IO },
		{ ".include(try=true) \"/etc/x.conf\"", EMFILE, RNM_E_IO },
		{ ".include(try=true) \"/etc/x.conf\"", ENOMEM, RNM_E_NOMEM },
		{ ".include \"/etc/x.conf\"", EIO, RNM_E_IO },
		{ ".try_include \"/etc/x.conf\"", EIO, RNM_E_IO },
		{ ".include(try=true,glob=true) \"/etc/*.conf\"", EMFILE, RNM_E_IO },
		{ ".include(try=true,glob=true) \"/etc/*.conf\"", ENOMEM, RNM_E_NOMEM },
		{ ".include(glob=true) \"/etc/*.conf\"", EIO, RNM_E_IO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct parse *parse;

		lookup_errno = cases[i].sys_errno;
		parse = parse_text(cases[i].text);
		lookup_errno = 0;
		assert_int_equal(parse->status, cases[i].status);
		if (parse->status == RNM_E_IO) {
			assert_int_equal(parse->err.sys_errno, cases[i].sys_errno);
			assert_string_equal(parse->err.id, "config.include");
			assert_non_null(strstr(parse->err.message, strerror(cases[i].sys_errno)));
		}
		parse_free(parse);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checklist),
		cmocka_unit_test(more_quirks),
		cmocka_unit_test(restricted_mode),
		cmocka_unit_test_setup_teardown(origin, make_folder, drop_folder),
		cmocka_unit_test(errors_say_where),
		cmocka_unit_test(hostile_nesting),
		cmocka_unit_test(hostile_repetition),
		cmocka_unit_test(hostile_line),
		cmocka_unit_test(hostile_macros),
		cmocka_unit_test(inherit_is_bounded),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(memory_limit),
		cmocka_unit_test(depth_limit),
		cmocka_unit_test(names_limit),
		cmocka_unit_test(zero_bytes),
		cmocka_unit_test(unreadable_files),
		cmocka_unit_test(lookups_that_fail),
		cmocka_unit_test_setup_teardown(include_levels, make_folder, drop_folder),
	};

	return cmocka_run_group_tests_name("ucl", tests, NULL, NULL);
}
