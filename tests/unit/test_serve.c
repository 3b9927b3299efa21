/* SPDX-License-Identifier: Apache-2.0 */
/* What a server answers, and what it makes of a tree: everything but the sockets, which tests/cli/serve.bats has. */
#include "share/http_date.h"
#include "share/serve_answer.h"
#include "share/serve_exchange.h"
#include "share/serve_file.h"
#include "share/serve_links.h"
#include "share/serve_tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Mon, 23 Nov 2026 14:00:00 GMT */
#define NOW INT64_C(1795442400)
#define SIZE 1000u

static char folder[] = "/tmp/rnm-serve-XXXXXX";

/* ---- dates --------------------------------------------------------------------------------------- */

static void dates_are_written(void **state)
{
	char text[RNM_HTTP_DATE_SIZE];

	(void)state;
	rnm_http_date_write(text, NOW);
	assert_string_equal(text, "Mon, 23 Nov 2026 14:00:00 GMT");
	rnm_http_date_write(text, 784111777);
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	rnm_http_date_write(text, 0);
	assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	rnm_http_date_write(text, INT64_MAX);
	assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
	rnm_http_date_write(text, INT64_MIN);
	assert_string_equal(text, "Wed, 01 Jan 1000 00:00:00 GMT");
	rnm_time_write(text, 1795442400.125);
	assert_string_equal(text, "2026-11-23T14:00:00.125Z");
}

static void dates_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} cases[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 784111777 },
		{ "Sun Nov 16 08:49:37 1994", 784975777 },
		{ "Monday, 23-Nov-26 14:00:00 GMT", NOW },
		/* 50 years ahead at the most. */
		{ "Monday, 23-Nov-76 14:00:00 GMT", 3373365600 },
		{ "Monday, 23-Nov-77 14:00:00 GMT", 249141600 },
		{ "Thu, 29 Feb 2024 00:00:00 GMT", 1709164800 },
		{ "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
	};
	static const char *const wrong[] = {
		"",
		"0",
		"-1",
		"Sun",
		"Sun,",
		"Sunday",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sun, 31 Feb 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 32 Jan 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Mon, 01 Jun 438498967 10:00:00 GMT",
		"Sunday Nov  6 08:49:37 1994",
		"Sun Nov  6 08:49:37 1994 ",
		"Sun Nov   08:49:37 1994",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t time = -7;

		if (!rnm_http_date_read(&time, cases[i].text, NOW) || time != cases[i].time)
			fail_msg("'%s' is %lld", cases[i].text, (long long)time);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int64_t time;

		if (rnm_http_date_read(&time, wrong[i], NOW))
			fail_msg("'%s' was taken for a date", wrong[i]);
	}
}

/* ---- answers ------------------------------------------------------------------------------------- */

static struct rnm_served_table *table;
static char etag[RNM_ETAG_SIZE];

static void path_in(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/%s", folder, name);
}

static void write_file(const char *name, size_t size, char fill)
{
	char path[256], data[4096];
	FILE *file;

	assert_true(size <= sizeof(data));
	memset(data, fill, size);
	path_in(path, sizeof(path), name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void set_time(const char *name, int64_t seconds)
{
	const struct timespec times[2] = { { seconds, 0 }, { seconds, 0 } };
	char path[256];

	path_in(path, sizeof(path), name);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static char warnings[4096];

static void on_warn(void *ctx, const struct rnm_error *problem)
{
	const size_t len = strlen(warnings);

	(void)ctx;
	snprintf(warnings + len, sizeof(warnings) - len, "%s ", problem->id);
}

static struct rnm_served_table *read_tree(struct rnm_served_table *old, bool forget, int64_t now)
{
	const struct rnm_tree tree = {
		.folder = folder, .old = old, .forget = forget, .warn = on_warn, .now = now
	};
	struct rnm_served_table *read = NULL;
	struct rnm_error err;

	warnings[0] = '\0';
	if (rnm_tree_read(&read, &tree, &err) != RNM_OK)
		fail_msg("%s", err.message);
	return read;
}

static int make_tree(void **state)
{
	char path[256];

	(void)state;
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	path_in(path, sizeof(path), "models");
	if (mkdir(path, 0755) != 0)
		return 1;
	/* An encrypted one: what is in it is nobody's business. */
	write_file("models/a.enc", SIZE, 'a');
	set_time("models/a.enc", NOW - 1000);
	table = read_tree(NULL, false, NOW);
	strcpy(etag, table->items[0]->etag);
	return 0;
}

static int remove_tree(void **state)
{
	char command[128];

	(void)state;
	rnm_served_table_unref(table);
	table = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct rnm_answer ask(struct rnm_request request)
{
	struct rnm_answer answer;

	if (request.method == NULL)
		request.method = "GET";
	if (request.target == NULL)
		request.target = "/models/a.enc";
	rnm_answer(&answer, table, &request, NOW);
	return answer;
}

static void names_are_looked_up_as_they_are(void **state)
{
	static const struct {
		const char *target;
		unsigned status;
	} cases[] = {
		{ "/models/a.enc", 200 },
		{ "/models/a.enc#frag", 200 },
		{ "http://h/models/a.enc", 200 },
		{ "HTTPS://h:8/models/a.enc#x", 200 },
		{ "/healthz", 200 },
		{ "http://h/healthz", 200 },
		{ "/models/a", 404 },
		{ "/models/a.enc/", 404 },
		{ "//models/a.enc", 404 },
		{ "/models//a.enc", 404 },
		{ "/models/./a.enc", 404 },
		{ "/models/../models/a.enc", 404 },
		{ "/models/%61.enc", 404 },
		{ "/models/a.enc%00", 404 },
		{ "models/a.enc", 404 },
		{ "/healthzz", 404 },
		{ "http://h", 404 },
		{ "http:///", 404 },
		{ "*", 404 },
		{ "", 404 },
		{ "#/models/a.enc", 404 },
		{ "/etc/passwd", 404 },
		{ "/../../../etc/passwd", 404 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rnm_answer answer = ask((struct rnm_request){ .target = cases[i].target });

		if (answer.status != cases[i].status)
			fail_msg("'%s' is answered with %u", cases[i].target, answer.status);
		assert_int_equal(answer.file != NULL, cases[i].status == 200 && answer.body == RNM_BODY_FILE);
	}
}

static void conditions(void **state)
{
	char tags[400], weak[100];
	const char *modified = table->items[0]->modified_text;

	(void)state;
	assert_string_equal(modified, "Mon, 23 Nov 2026 13:43:20 GMT");
#define STATUS(...) (ask((struct rnm_request){ __VA_ARGS__ }).status)
	snprintf(weak, sizeof(weak), "W/%s", etag);
	assert_int_equal(STATUS(.if_none_match = etag), 304);
	assert_int_equal(STATUS(.if_none_match = etag, .method = "HEAD"), 304);
	assert_int_equal(STATUS(.if_none_match = weak), 304);
	assert_int_equal(STATUS(.if_none_match = "*"), 304);
	assert_int_equal(STATUS(.if_none_match = "\"v1\""), 200);
	assert_int_equal(STATUS(.if_none_match = ""), 200);
	assert_int_equal(STATUS(.if_none_match = "\""), 200);
	assert_int_equal(STATUS(.if_none_match = etag + 1), 200);
	snprintf(tags, sizeof(tags), "\"v1\" , W/\"v2\",, %s", etag);
	assert_int_equal(STATUS(.if_none_match = tags), 304);
	snprintf(tags, sizeof(tags), "\"v1\"%s", etag);
	assert_int_equal(STATUS(.if_none_match = tags), 200);

	assert_int_equal(STATUS(.if_modified_since = modified), 304);
	assert_int_equal(STATUS(.if_modified_since = "Mon, 23 Nov 2026 13:43:19 GMT"), 200);
	assert_int_equal(STATUS(.if_modified_since = "Mon, 23 Nov 2026 14:00:00 GMT"), 304);
	/* Ahead of us: whoever says so has misread something. */
	assert_int_equal(STATUS(.if_modified_since = "Mon, 23 Nov 2026 14:00:01 GMT"), 200);
	assert_int_equal(STATUS(.if_modified_since = "Mon, 01 Jun 438498967 10:00:00 GMT"), 200);
	/* rspamd sends both; the tag decides. */
	assert_int_equal(STATUS(.if_none_match = etag, .if_modified_since = "Mon, 23 Nov 2026 13:00:00 GMT"),
	                 304);
	assert_int_equal(STATUS(.if_none_match = "\"v1\"", .if_modified_since = modified), 200);
	/* An answer to a condition, whatever part was wanted. */
	assert_int_equal(STATUS(.if_none_match = etag, .range = "bytes=0-1"), 304);
}

static void ranges(void **state)
{
	static const struct {
		const char *range;
		unsigned status;
		uint64_t offset, length;
	} cases[] = {
		{ "bytes=0-0", 206, 0, 1 },
		{ "bytes=0-", 206, 0, SIZE },
		{ "bytes=10-19", 206, 10, 10 },
		{ "Bytes= 10-19 ", 206, 10, 10 },
		{ "bytes=999-", 206, 999, 1 },
		{ "bytes=999-99999999999999999999", 206, 999, 1 },
		{ "bytes=-1", 206, 999, 1 },
		{ "bytes=-5000", 206, 0, SIZE },
		{ "bytes=0-999", 206, 0, SIZE },
		{ "bytes=0-1000", 206, 0, SIZE },
		{ "bytes=1000-", 416, 0, SIZE },
		{ "bytes=1000-2000", 416, 0, SIZE },
		{ "bytes=-0", 416, 0, SIZE },
		{ "bytes=99999999999999999999-", 416, 0, SIZE },
		{ "bytes=5-4", 200, 0, SIZE },
		{ "bytes=0-1,5-6", 200, 0, SIZE },
		{ "bytes=", 200, 0, SIZE },
		{ "bytes=-", 200, 0, SIZE },
		{ "bytes=a-", 200, 0, SIZE },
		{ "bytes=1-a", 200, 0, SIZE },
		{ "lines=0-1", 200, 0, SIZE },
		{ "0-1", 200, 0, SIZE },
		{ "bytes=--1", 200, 0, SIZE },
		{ "bytes=1", 200, 0, SIZE },
		{ "bytes=99999999999999999999-5", 200, 0, SIZE },
	};
	char weak[100];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rnm_answer answer = ask((struct rnm_request){ .range = cases[i].range });

		if (answer.status != cases[i].status || answer.offset != cases[i].offset ||
		    answer.length != cases[i].length)
			fail_msg("'%s': %u, %llu bytes from %llu", cases[i].range, answer.status,
			         (unsigned long long)answer.length, (unsigned long long)answer.offset);
	}
	assert_int_equal(STATUS(.range = "bytes=0-1", .method = "HEAD"), 200);
	assert_int_equal(STATUS(.range = "bytes=0-1", .if_range = etag), 206);
	assert_int_equal(STATUS(.range = "bytes=0-1", .if_range = "\"v1\""), 200);
	assert_int_equal(STATUS(.range = "bytes=0-1", .if_range = "Mon, 23 Nov 2026 13:43:20 GMT"), 206);
	assert_int_equal(STATUS(.range = "bytes=0-1", .if_range = "Mon, 23 Nov 2026 13:43:21 GMT"), 200);
	/* A weak tag does not say that the bytes are the same. */
	snprintf(weak, sizeof(weak), "W/%s", etag);
	assert_int_equal(STATUS(.range = "bytes=0-1", .if_range = weak), 200);
}

static void bodies_and_methods(void **state)
{
	(void)state;
	assert_int_equal(STATUS(.content_length = "0"), 200);
	assert_int_equal(STATUS(.content_length = "000"), 200);
	assert_int_equal(STATUS(.content_length = "1"), 400);
	assert_int_equal(STATUS(.content_length = ""), 400);
	assert_int_equal(STATUS(.content_length = "-0"), 400);
	assert_int_equal(STATUS(.content_length = "0", .transfer_encoding = "chunked"), 400);
	assert_int_equal(STATUS(.method = "POST"), 405);
	assert_int_equal(STATUS(.method = "get"), 405);
	assert_int_equal(STATUS(.method = "OPTIONS", .target = "*"), 405);
	assert_true(ask((struct rnm_request){ .method = "POST" }).close);
	assert_true(ask((struct rnm_request){ .content_length = "1" }).close);
	assert_false(ask((struct rnm_request){ .target = "/no" }).close);
}

static void a_file_that_is_written_to_is_not_sent(void **state)
{
	(void)state;
	write_file("models/a.enc", SIZE - 1, 'b');
	assert_int_equal(STATUS(.method = "GET"), 503);
	assert_int_equal(STATUS(.method = "HEAD", .if_none_match = etag), 503);
}

/* ---- trees --------------------------------------------------------------------------------------- */

static struct rnm_served *find(const struct rnm_served_table *in, const char *name)
{
	return rnm_served_find(in, name, strlen(name));
}

static void last_modified_only_grows(void **state)
{
	struct rnm_served_table *next, *last;

	(void)state;
	/* The same content again, and dated back: nothing has happened. */
	set_time("models/a.enc", NOW - 5000);
	next = read_tree(table, false, NOW);
	assert_int_equal(find(next, "/models/a.enc")->modified, NOW - 1000);
	assert_string_equal(find(next, "/models/a.enc")->etag, etag);
	/* Other content of an older date. */
	write_file("models/a.enc", SIZE, 'b');
	set_time("models/a.enc", NOW - 9000);
	last = read_tree(next, false, NOW);
	assert_int_equal(find(last, "/models/a.enc")->modified, NOW - 999);
	assert_string_not_equal(find(last, "/models/a.enc")->etag, etag);
	rnm_served_table_unref(next);
	/* And back to the first. */
	write_file("models/a.enc", SIZE, 'a');
	set_time("models/a.enc", NOW - 9000);
	next = read_tree(last, false, NOW);
	assert_int_equal(find(next, "/models/a.enc")->modified, NOW - 998);
	assert_string_equal(find(next, "/models/a.enc")->etag, etag);
	rnm_served_table_unref(last);
	/* No time is ahead of the answer's Date. */
	write_file("models/a.enc", SIZE, 'c');
	set_time("models/a.enc", NOW + 9000);
	last = read_tree(next, false, NOW);
	assert_int_equal(find(last, "/models/a.enc")->modified, NOW);
	rnm_served_table_unref(next);
	rnm_served_table_unref(last);
}

static void what_is_unchanged_is_taken_over(void **state)
{
	struct rnm_served_table *next = read_tree(table, false, NOW + 1);

	(void)state;
	assert_ptr_equal(next->items[0], table->items[0]);
	assert_int_equal(next->made, NOW + 1);
	rnm_served_table_unref(next);
}

static void a_name_that_is_gone_is_kept(void **state)
{
	struct rnm_served_table *next, *last;
	char path[256], old[256], data[SIZE];

	(void)state;
	write_file("models/a.enc.sig", 64, 's');
	next = read_tree(table, false, NOW);
	assert_int_equal(next->count, 2);
	path_in(path, sizeof(path), "models/a.enc");
	path_in(old, sizeof(old), "gone");
	assert_int_equal(rename(path, old), 0);
	/* The signature of something new, which has not come yet. */
	write_file("models/a.enc.sig", 64, 't');
	last = read_tree(next, false, NOW + 5);
	assert_int_equal(last->count, 2);
	assert_true(find(last, "/models/a.enc")->kept);
	assert_string_equal(find(last, "/models/a.enc")->etag, etag);
	assert_string_equal(find(last, "/models/a.enc.sig")->etag, find(next, "/models/a.enc.sig")->etag);
	assert_int_equal(pread(find(last, "/models/a.enc")->fd, data, SIZE, 0), SIZE);
	rnm_served_table_unref(next);
	/* It is kept for as long as it takes. */
	next = read_tree(last, false, NOW + 6);
	assert_ptr_equal(find(next, "/models/a.enc"), find(last, "/models/a.enc"));
	rnm_served_table_unref(last);
	/* It comes back. */
	assert_int_equal(rename(old, path), 0);
	last = read_tree(next, false, NOW + 7);
	assert_false(find(last, "/models/a.enc")->kept);
	assert_int_equal(find(last, "/models/a.enc")->modified, NOW - 1000);
	rnm_served_table_unref(next);
	/* The operator means it. */
	assert_int_equal(unlink(path), 0);
	next = read_tree(last, true, NOW + 8);
	assert_null(find(next, "/models/a.enc"));
	rnm_served_table_unref(next);
	rnm_served_table_unref(last);
}

static void what_is_no_model_is_left_out(void **state)
{
	struct rnm_served_table *next;

	(void)state;
	write_file("models/empty", 0, 0);
	write_file("models/junk", 100, 'j');
	write_file("models/.hidden", 100, 'h');
	write_file("models/odd name", 100, 'o');
	write_file("secret", 100, 's');
	write_file("index.json", 2, '1');
	next = read_tree(table, false, NOW);
	assert_int_equal(next->count, 2);
	assert_non_null(find(next, "/index.json"));
	assert_string_equal(find(next, "/index.json")->type, "application/json");
	assert_non_null(strstr(warnings, "serve.empty "));
	assert_non_null(strstr(warnings, "serve.name "));
	assert_non_null(strstr(warnings, "rnm1."));
	rnm_served_table_unref(next);
}

static void objects_are_what_they_are_called(void **state)
{
	char path[256], name[128];
	struct rnm_served_table *next;

	(void)state;
	path_in(path, sizeof(path), "objects");
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(name, sizeof(name), "objects/%.64s.rnm", etag + 1);
	write_file(name, SIZE, 'a');
	next = read_tree(table, false, NOW);
	assert_int_equal(next->count, 2);
	rnm_served_table_unref(next);
	write_file(name, SIZE, 'b');
	next = read_tree(table, false, NOW);
	assert_int_equal(next->count, 1);
	assert_string_equal(warnings, "serve.damaged ");
	rnm_served_table_unref(next);
}

static void links_stay_in_the_tree(void **state)
{
	char path[256], target[256];
	struct rnm_served_table *next;

	(void)state;
	path_in(path, sizeof(path), "models/in.enc");
	assert_int_equal(symlink("a.enc", path), 0);
	path_in(path, sizeof(path), "models/out.enc");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	path_in(path, sizeof(path), "models/up.enc");
	assert_int_equal(symlink("../../../etc/passwd", path), 0);
	path_in(path, sizeof(path), "models/pipe.enc");
	assert_int_equal(mkfifo(path, 0600), 0);
	path_in(target, sizeof(target), "models/folder.enc");
	assert_int_equal(mkdir(target, 0755), 0);
	next = read_tree(table, false, NOW);
	assert_int_equal(next->count, 2);
	assert_string_equal(find(next, "/models/in.enc")->etag, etag);
	assert_non_null(strstr(warnings, "file.open "));
	assert_non_null(strstr(warnings, "serve.not-a-file "));
	rnm_served_table_unref(next);
}

static void no_tree(void **state)
{
	const struct rnm_tree nowhere = { .folder = "/nonexistent" }, file = { .folder = "/etc/passwd" };
	struct rnm_served_table *read = NULL;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_tree_read(&read, &nowhere, &err), RNM_E_NOT_FOUND);
	assert_string_equal(err.id, "serve.no-tree");
	assert_int_equal(rnm_tree_read(&read, &file, &err), RNM_E_NOT_FOUND);
	assert_null(read);
}

static void stems_and_aliases(void **state)
{
	(void)state;
	assert_true(rnm_served_is_alias("/models/aa"));
	assert_true(rnm_served_is_alias("/models/a.b"));
	assert_false(rnm_served_is_alias("/models/aa.sig"));
	assert_false(rnm_served_is_alias("/models/aa.rnmsig"));
	assert_false(rnm_served_is_alias("/objects/aa"));
	assert_false(rnm_served_is_alias("/index.json"));
	assert_int_equal(rnm_served_stem("/models/aa.rnmsig"), strlen("/models/aa"));
	assert_int_equal(rnm_served_stem(".sig"), 4);
}

/* ---- clients ------------------------------------------------------------------------------------- */

static void who_asks(void **state)
{
	static const struct {
		const char *peer, *forwarded, *client;
		bool local;
	} cases[] = {
		{ "192.0.2.7", NULL, "192.0.2.7", false },
		{ "192.0.2.7", "10.0.0.1", "192.0.2.7", false },
		{ "127.0.0.1", NULL, "127.0.0.1", true },
		{ "127.0.0.1", "10.0.0.1", "10.0.0.1", true },
		{ "unix", "1.2.3.4, 2001:db8::1", "2001:db8::1", true },
		{ "127.0.0.1", "10.0.0.1, nobody", "127.0.0.1", true },
		{ "127.0.0.1", "", "127.0.0.1", true },
		{ "127.0.0.1", ",", "127.0.0.1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_link link = { .local = cases[i].local };
		struct rnm_exchange exchange = { .link = &link };

		snprintf(link.address, sizeof(link.address), "%s", cases[i].peer);
		rnm_exchange_client(&exchange, cases[i].forwarded);
		assert_string_equal(exchange.client, cases[i].client);
	}
}

static void addresses_of_peers(void **state)
{
	static const struct {
		const char *in, *out;
		bool local;
	} cases[] = {
		{ "2001:db8::1", "2001:db8::1", false },
		{ "::1", "::1", true },
		{ "::ffff:192.0.2.1", "192.0.2.1", false },
		{ "::ffff:127.0.0.9", "127.0.0.9", true },
	};
	const struct sockaddr_un path = { .sun_family = AF_UNIX };
	struct rnm_links links = { 0 };
	struct rnm_link_counts counts;
	struct rnm_link *link;

	(void)state;
	rnm_links_init(&links, 10);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_in6 address = { .sin6_family = AF_INET6 };

		assert_int_equal(inet_pton(AF_INET6, cases[i].in, &address.sin6_addr), 1);
		link = rnm_links_add(&links, -1, (const struct sockaddr *)&address);
		assert_string_equal(link->address, cases[i].out);
		assert_int_equal(link->local, cases[i].local);
		rnm_links_remove(&links, link);
	}
	link = rnm_links_add(&links, -1, (const struct sockaddr *)&path);
	assert_string_equal(link->address, "unix");
	rnm_links_begin(&links, link, 5);
	rnm_links_count(&links, &counts);
	assert_int_equal(counts.open, 1);
	assert_int_equal(counts.opened, 5);
	assert_int_equal(counts.silent, 4);
	rnm_links_remove(&links, link);
	rnm_links_count(&links, &counts);
	assert_int_equal(counts.silent, 4);
	pthread_mutex_destroy(&links.lock);
}

static void addresses_to_listen_at(void **state)
{
	static const char *const wrong[] = { "",
		                             ":",
		                             "host",
		                             "1.2.3.4:",
		                             "1.2.3.4:x",
		                             "::1:80",
		                             "[::1]",
		                             "[::1:80",
		                             "1.2.3.4:999999999",
		                             "unix:",
		                             "127.0.0.1:70000" };
	struct rnm_error err;
	char name[200], unix_name[100], again[100];
	int fd, other;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const enum rnm_status status = rnm_listen(&fd, wrong[i], &err);

		if (status != RNM_E_USAGE || strcmp(err.id, "serve.address") != 0)
			fail_msg("'%s' is an address: %s", wrong[i], rnm_status_name(status));
	}
	assert_int_equal(rnm_listen(&fd, "0", &err), RNM_OK);
	rnm_listen_name(name, sizeof(name), fd);
	assert_memory_equal(name, "127.0.0.1:", 10);
	assert_int_equal(rnm_listen(&other, name, &err), RNM_E_IO);
	assert_string_equal(err.id, "serve.listen");
	close(fd);
	assert_int_equal(rnm_listen(&fd, ":0", &err), RNM_OK);
	close(fd);
	/* One that was left behind by a server that died is replaced; one that is in use is not. */
	snprintf(unix_name, sizeof(unix_name), "unix:%s/s", folder);
	assert_int_equal(rnm_listen(&fd, unix_name, &err), RNM_OK);
	rnm_listen_name(again, sizeof(again), fd);
	assert_string_equal(again, unix_name);
	assert_int_equal(rnm_listen(&other, unix_name, &err), RNM_E_IO);
	close(fd);
	assert_int_equal(rnm_listen(&fd, unix_name, &err), RNM_OK);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_written),
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test_setup_teardown(names_are_looked_up_as_they_are, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(conditions, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(ranges, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(bodies_and_methods, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(a_file_that_is_written_to_is_not_sent, make_tree,
		                                remove_tree),
		cmocka_unit_test_setup_teardown(last_modified_only_grows, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(what_is_unchanged_is_taken_over, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(a_name_that_is_gone_is_kept, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(what_is_no_model_is_left_out, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(objects_are_what_they_are_called, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(links_stay_in_the_tree, make_tree, remove_tree),
		cmocka_unit_test(no_tree),
		cmocka_unit_test(stems_and_aliases),
		cmocka_unit_test(who_asks),
		cmocka_unit_test(addresses_of_peers),
		cmocka_unit_test_setup_teardown(addresses_to_listen_at, make_tree, remove_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
