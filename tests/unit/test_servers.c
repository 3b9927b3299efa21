/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/io.h"
#include "redis/resolve.h"
#include "redis/servers.h"

#include <rnm/buf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct rnm_servers_syntax listed, literal = { .literal = true };

#define TEXT_MAX ((size_t)1 << 20)

/* The list as text: "host:port/priority" or the path, each followed by a blank. */
static void render(struct rnm_buf *out, const struct rnm_server_list *list)
{
	rnm_buf_clear(out);
	for (size_t i = 0; i < list->count; i++) {
		const struct rnm_server *server = &list->items[i];

		if (server->is_unix)
			rnm_buf_printf(out, "%s ", server->host);
		else
			rnm_buf_printf(out, "%s|%u/%u ", server->host, (unsigned)server->port,
			               (unsigned)server->priority);
	}
}

static void test_every_form(void **state)
{
	static const struct {
		const char *text;
		const char *servers; /* in the order to try */
	} table[] = {
		{ "localhost", "localhost|6379/0 " },
		{ "127.0.0.1:6380", "127.0.0.1|6380/0 " },
		{ "h:1:2", "h|1/2 " },
		{ "h:65535:65535", "h|65535/65535 " },
		{ "[::1]", "::1|6379/0 " },
		{ "[fe80::1]:7000", "fe80::1|7000/0 " },
		{ "[fe80::1%lo]:7000:3", "fe80::1%lo|7000/3 " },
		{ "/run/redis.sock", "/run/redis.sock " },
		{ "/run/redis.sock:6379", "/run/redis.sock:6379 " },
		{ "./redis.sock", "./redis.sock " },
		{ "/a://b", "/a://b " },
		/* Separators, also repeated, and at both ends. */
		{ "a;b,c d\te\rf\ng", "a|6379/0 b|6379/0 c|6379/0 d|6379/0 e|6379/0 f|6379/0 g|6379/0 " },
		{ " ;, a:1 ,; /s\n", "a|1/0 /s " },
		/* Priority first, then position. */
		{ "127.0.0.1:1;127.0.0.1:2:10", "127.0.0.1|2/10 127.0.0.1|1/0 " },
		{ "a:1:5,b:1,c:1:5,d:1:7,e:1", "d|1/7 a|1/5 c|1/5 b|1/0 e|1/0 " },
		{ "round-robin:a:1,b:2:1", "b|2/1 a|1/0 " },
		/* The first of a master-slave list is the master unless another one outranks it. */
		{ "master-slave:a:1,b:2", "a|1/1 b|2/0 " },
		{ "master-slave:a:1,b:2:1", "a|1/1 b|2/1 " },
		{ "master-slave:a:1,b:2:2", "b|2/2 a|1/1 " },
		{ "master-slave:a:1:4,b:2:2", "a|1/4 b|2/2 " },
		{ "master-slave: a", "a|6379/1 " },
		/* Any order is as good as rspamd's dice. */
		{ "random:a:1,b:2:9", "a|1/0 b|2/9 " },
		{ "hash:a:1,b:2:9", "a|1/0 b|2/9 " },
		/* No prefix of that name exists: it is a host, and the rest is no port. */
		{ "sequential:1,b", "sequential|1/0 b|6379/0 " },
	};
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *element = strdup(table[i].text);
		struct rnm_server_list list;
		struct rnm_error err;

		assert_int_equal(rnm_servers_parse(&list, &element, 1, listed, &err), RNM_OK);
		render(&text, &list);
		assert_string_equal(rnm_buf_cstr(&text), table[i].servers);
		assert_int_equal(list.problem_count, 0);
		rnm_servers_clear(&list);
		free(element);
	}
	rnm_buf_free(&text);
}

static void test_unusable_elements_alone(void **state)
{
	static const struct {
		const char *text;
		const char *problem;
	} table[] = {
		{ "::1", "\"::1\": an IPv6 address must stand in brackets: [::1] or [::1]:6379" },
		{ "fe80::1:6379", "an IPv6 address must stand in brackets: [fe80::1:6379]" },
		{ "[::1", "expected ']' after the IPv6 address" },
		{ "[::1]6379", "expected ':' and a port after ']'" },
		{ "[localhost]:1", "expected an IPv6 address between the brackets" },
		{ "[]:1", "expected an IPv6 address between the brackets" },
		{ "tcp://127.0.0.1:6379",
		  "expected host:port:priority or the path of a socket, found a URL" },
		{ "redis://h", "found a URL" },
		{ "unix:/run/redis.sock", "the path of a unix socket is written alone" },
		{ "service=redis+example.com", "servers from DNS service records are not supported" },
		{ ":6379", "expected a host before the ':'" },
		{ "h:0", "expected a port from 1 to 65535 after the host, found \"0\"" },
		{ "h:65536", "expected a port from 1 to 65535 after the host, found \"65536\"" },
		{ "h:99999999999999999999", "expected a port from 1 to 65535" },
		{ "h:", "expected a port from 1 to 65535 after the host, found \"\"" },
		{ "h:6379x", "found \"6379x\"" },
		{ "h:-1", "found \"-1\"" },
		{ "h:1:abc", "expected a priority from 0 to 65535 after the port, found \"abc\"" },
		{ "h:1:", "expected a priority from 0 to 65535 after the port, found \"\"" },
		{ "h:1:2:3", "expected a priority from 0 to 65535 after the port, found \"2:3\"" },
		{ "h:1:65536", "expected a priority from 0 to 65535" },
		{ "\x01:x", "\"?:x\": " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *element = strdup(table[i].text);
		struct rnm_server_list list;
		struct rnm_error err;

		assert_int_equal(rnm_servers_parse(&list, &element, 1, listed, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "redis.servers");
		assert_non_null(strstr(err.message, table[i].problem));
		assert_true(strlen(err.hint) > 0);
		free(element);
	}
}

static void test_unusable_elements_among_others(void **state)
{
	char one[] = "::1,a:1, tcp://x ,b:2:9,h:0";
	char two[] = "c:3:9 unix:/x";
	char *elements[] = { one, two };
	struct rnm_server_list list;
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, TEXT_MAX);
	assert_int_equal(rnm_servers_parse(&list, elements, 2, listed, NULL), RNM_OK);
	render(&text, &list);
	assert_string_equal(rnm_buf_cstr(&text), "b|2/9 c|3/9 a|1/0 ");
	assert_int_equal(list.problem_count, 4);
	assert_string_equal(list.problems[1],
	                    "\"tcp://x\": expected host:port:priority or the path of a socket, found a URL");
	rnm_servers_clear(&list);
	rnm_buf_free(&text);
}

static void test_prefix_of_any_element_counts(void **state)
{
	char one[] = "a:1", two[] = "random:b:2:9";
	char *elements[] = { one, two };
	struct rnm_server_list list;

	(void)state;
	assert_int_equal(rnm_servers_parse(&list, elements, 2, listed, NULL), RNM_OK);
	assert_int_equal(list.rotation, RNM_ROTATION_RANDOM);
	assert_string_equal(list.items[0].host, "a");
	rnm_servers_clear(&list);
}

static void test_literal_elements(void **state)
{
	char path[] = "/run/my redis,1;x.sock", host[] = "random:6380", empty[] = "", two[] = "a,b";
	char *good[] = { path, host };
	char *bad[] = { empty, two, path };
	struct rnm_server_list list;
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, TEXT_MAX);
	assert_int_equal(rnm_servers_parse(&list, good, 2, literal, NULL), RNM_OK);
	render(&text, &list);
	assert_string_equal(rnm_buf_cstr(&text), "/run/my redis,1;x.sock random|6380/0 ");
	rnm_servers_clear(&list);
	assert_int_equal(rnm_servers_parse(&list, bad, 3, literal, NULL), RNM_OK);
	assert_int_equal(list.problem_count, 1);
	assert_string_equal(list.problems[0], "\"\": it is empty");
	assert_string_equal(list.items[0].host, "a,b"); /* a name that no resolver knows */
	rnm_servers_clear(&list);
	rnm_buf_free(&text);
}

static void test_empty_lists(void **state)
{
	char texts[][20] = { "", " ;,\n", "random:", "master-slave: ," };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *element = texts[i];
		struct rnm_server_list list;
		struct rnm_error err;

		assert_int_equal(rnm_servers_parse(&list, &element, 1, listed, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "redis.servers");
		assert_int_equal(rnm_servers_parse(&list, NULL, 0, listed, &err), RNM_E_MALFORMED);
		assert_string_equal(err.reference,
		                    "cannot select redis server (all dead or pending DNS resolution)");
	}
}

static void test_limits(void **state)
{
	struct rnm_server_list list;
	struct rnm_error err;
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, 2 * TEXT_MAX);
	for (size_t i = 0; i < RNM_SERVERS_MAX; i++)
		rnm_buf_puts(&text, "a ");
	assert_int_equal(rnm_servers_parse(&list, &text.data, 1, listed, &err), RNM_OK);
	assert_int_equal(list.count, RNM_SERVERS_MAX);
	rnm_servers_clear(&list);
	rnm_buf_puts(&text, "a");
	assert_int_equal(rnm_servers_parse(&list, &text.data, 1, listed, &err), RNM_E_MALFORMED);

	rnm_buf_clear(&text);
	while (text.len <= RNM_SERVERS_TEXT_MAX)
		rnm_buf_puts(&text, "aaaaaaaaaaaaaaaa");
	assert_int_equal(rnm_servers_parse(&list, &text.data, 1, listed, &err), RNM_E_MALFORMED);
	assert_non_null(strstr(err.message, "longer than 1048576 bytes"));

	/* The longest path that a socket address holds, and one byte more; the same for a host. */
	rnm_buf_clear(&text);
	rnm_buf_putc(&text, '/');
	while (text.len < 107)
		rnm_buf_putc(&text, 'p');
	assert_int_equal(rnm_servers_parse(&list, &text.data, 1, listed, &err), RNM_OK);
	rnm_servers_clear(&list);
	rnm_buf_putc(&text, 'p');
	assert_int_equal(rnm_servers_parse(&list, &text.data, 1, listed, &err), RNM_E_MALFORMED);
	assert_non_null(strstr(err.message, "at most 107 bytes"));
	while (text.len < 256)
		rnm_buf_putc(&text, 'h');
	text.data[0] = 'h';
	assert_int_equal(rnm_servers_parse(&list, &text.data, 1, listed, &err), RNM_E_MALFORMED);
	assert_non_null(strstr(err.message, "a host name has at most 255 bytes"));
	rnm_buf_free(&text);
}

/* ---- names ---- */

static enum rnm_status resolve(struct rnm_address_list *out, const char *host, bool is_unix,
                               const char **reason)
{
	const struct rnm_server server = { .is_unix = is_unix, .host = host, .port = is_unix ? 0 : 6379 };
	struct rnm_io_limit limit = { 10, NULL };

	return rnm_resolve(out, &server, &limit, reason);
}

static void test_literals(void **state)
{
	struct rnm_address_list list;
	const char *reason = NULL;

	(void)state;
	assert_int_equal(resolve(&list, "127.0.0.1", false, &reason), RNM_OK);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].text, "127.0.0.1:6379");
	assert_int_equal(resolve(&list, "0:0::1", false, &reason), RNM_OK);
	assert_string_equal(list.items[0].text, "[::1]:6379");
	assert_int_equal(resolve(&list, "/run/x.sock", true, &reason), RNM_OK);
	assert_string_equal(list.items[0].text, "/run/x.sock");
}

static void test_names(void **state)
{
	struct rnm_address_list list;
	const char *reason = NULL;

	(void)state;
	assert_int_equal(resolve(&list, "localhost", false, &reason), RNM_OK);
	assert_true(list.count >= 1);
	for (size_t i = 1; i < list.count; i++) /* IPv4 first */
		assert_true(list.items[i - 1].storage.ss_family == AF_INET ||
		            list.items[i].storage.ss_family == AF_INET6);
	/* A label of 64 bytes is refused before anybody is asked. */
	assert_int_equal(resolve(&list, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	                         false, &reason),
	                 RNM_NO);
	assert_true(strlen(reason) > 0);
}

static void test_names_obey_the_limit_and_the_flag(void **state)
{
	const struct rnm_server server = { .host = "localhost", .port = 6379 };
	volatile sig_atomic_t cancel = 1;
	struct rnm_io_limit raised = { 10, &cancel };
	struct rnm_io_limit over = { 0, NULL };
	struct rnm_address_list list;
	const char *reason = NULL;
	enum rnm_status status;

	(void)state;
	/* Whether the look-up was faster than the look at the flag is a matter of luck. */
	status = rnm_resolve(&list, &server, &raised, &reason);
	assert_true(status == RNM_E_INTERRUPTED || status == RNM_OK);
	status = rnm_resolve(&list, &server, &over, &reason);
	assert_true(status == RNM_NO || status == RNM_OK);
}

/* The lists of Sentinels are read in the same way, but for the port. */
static void test_default_port(void **state)
{
	const struct rnm_servers_syntax sentinels = { .default_port = 5000 };
	char text[] = "a b:5000 [::1] ./s.sock ::1";
	char *element = text;
	struct rnm_server_list list;
	struct rnm_buf rendered;

	(void)state;
	rnm_buf_init(&rendered, TEXT_MAX);
	assert_int_equal(rnm_servers_parse(&list, &element, 1, sentinels, NULL), RNM_OK);
	render(&rendered, &list);
	assert_string_equal(rnm_buf_cstr(&rendered), "a|5000/0 b|5000/0 ::1|5000/0 ./s.sock ");
	assert_false(list.items[0].has_port);
	assert_true(list.items[1].has_port);
	assert_false(list.items[2].has_port || list.items[3].has_port);
	assert_int_equal(list.problem_count, 1);
	assert_string_equal(list.problems[0],
	                    "\"::1\": an IPv6 address must stand in brackets: [::1] or [::1]:5000");
	rnm_servers_clear(&list);
	rnm_buf_free(&rendered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_port),
		cmocka_unit_test(test_every_form),
		cmocka_unit_test(test_unusable_elements_alone),
		cmocka_unit_test(test_unusable_elements_among_others),
		cmocka_unit_test(test_prefix_of_any_element_counts),
		cmocka_unit_test(test_literal_elements),
		cmocka_unit_test(test_empty_lists),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_obey_the_limit_and_the_flag),
	};

	return cmocka_run_group_tests_name("servers", tests, NULL, NULL);
}
