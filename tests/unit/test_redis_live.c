/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a real redis-server. */
#include "redis_live.h"

#include <pthread.h>
#include <sys/time.h>

static struct live open_server; /* no password */
static struct live locked;      /* default password "sesam", user rnm with the rights of an export */

static int start_servers(void **state)
{
	struct target where;
	struct rnm_redis *redis;

	(void)state;
	if (!live_start(&open_server) || !live_start(&locked)) {
		print_message("no redis-server: the live tests are skipped\n");
		return 0;
	}
	redis = must_connect(target(&where, 5, "%s", locked.socket));
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "ACL", "SETUSER", "rnm", "on", ">key", "~*", "+zrevrange",
	            "+hexists", "+hmget", "+select");
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "CONFIG", "SET", "requirepass", "sesam");
	rnm_redis_free(redis);
	return 0;
}

static int stop_servers(void **state)
{
	(void)state;
	live_stop(&open_server);
	live_stop(&locked);
	return 0;
}

static struct rnm_redis *connect_open(void)
{
	struct target where;

	return must_connect(target(&where, 5, "127.0.0.1:%u", open_server.port));
}

/* ---- who is spoken to ---- */

static void test_tcp_and_unix(void **state)
{
	struct target where;
	struct rnm_redis *redis;
	char address[64];

	(void)state;
	NEED(open_server);
	snprintf(address, sizeof(address), "127.0.0.1:%u", open_server.port);
	redis = must_connect(target(&where, 5, "%s", address));
	assert_string_equal(rnm_redis_address(redis), address);
	assert_int_equal(rnm_redis_note_count(redis), 0);
	assert_null(rnm_redis_note(redis, 0));
	assert_true(fcntl(redis->io.fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);

	redis = must_connect(target(&where, 5, "%s", open_server.socket));
	assert_string_equal(rnm_redis_address(redis), open_server.socket);
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "hello", "ECHO", "hello");
	rnm_redis_free(redis);

	redis = must_connect(target(&where, 5, "localhost:%u", open_server.port));
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);
}

static struct rnm_error refusal; /* the last one */

static void expect_refusal(struct rnm_redis_settings *settings, const char *id, const char *reference)
{
	struct rnm_redis *redis = NULL;

	assert_int_equal(rnm_redis_connect(&redis, settings, RNM_REDIS_READ, NULL, &refusal), RNM_E_REDIS);
	assert_null(redis);
	assert_string_equal(refusal.id, id);
	assert_string_equal(refusal.reference, reference);
	assert_non_null(strstr(refusal.message, reference));
	assert_true(strlen(refusal.hint) > 0);
}

static void test_passwords(void **state)
{
	static char sesam[] = "sesam", wrong[] = "wrong", user[] = "rnm", key[] = "key", nobody[] = "nobody";
	static const char wrongpass[] = "WRONGPASS invalid username-password pair or user is disabled.";
	struct target where;
	struct rnm_redis_settings *settings = target(&where, 5, "127.0.0.1:%u", locked.port);
	struct rnm_redis *redis;

	(void)state;
	NEED(locked);
	/* Without password the connection stands, and every command is refused. */
	redis = must_connect(settings);
	EXPECT_TEXT(redis, RNM_EVENT_ERROR, "NOAUTH Authentication required.", "ZREVRANGE", "z", "0", "-1");
	rnm_redis_free(redis);

	settings->password = sesam;
	redis = must_connect(settings);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SET", "k", "v");
	rnm_redis_free(redis);

	settings->password = wrong;
	expect_refusal(settings, "redis.auth", wrongpass);
	settings->password = key;
	settings->username = nobody;
	expect_refusal(settings, "redis.auth", wrongpass);

	/* Only the rights of an export: PING is none of them. */
	settings->username = user;
	redis = must_connect(settings);
	EXPECT_TEXT(redis, RNM_EVENT_ERROR, "NOPERM this user has no permissions to run the 'ping' command",
	            "PING");
	EXPECT_TEXT(redis, RNM_EVENT_ERROR,
	            "WRONGTYPE Operation against a key holding the wrong kind of value", "HEXISTS", "k",
	            "ann");
	rnm_redis_free(redis);

	settings = target(&where, 5, "%s", open_server.socket);
	settings->password = sesam;
	expect_refusal(
	    settings, "redis.auth",
	    "ERR AUTH <password> called without any password configured for the default user. Are you "
	    "sure your configuration is correct?");
}

static void test_user_without_password(void **state)
{
	static char user[] = "rnm", section[] = "redis", file[] = "redis.conf";
	struct target where;
	struct rnm_redis_settings *settings = target(&where, 5, "%s", locked.socket);
	struct rnm_redis *redis = NULL;
	struct rnm_error err;

	(void)state;
	settings->username = user;
	assert_int_equal(rnm_redis_connect(&redis, settings, RNM_REDIS_READ, NULL, &err), RNM_E_USAGE);
	assert_string_equal(err.message, "expected a password for the redis user rnm, found none");
	assert_string_equal(err.reference, "Redis requires a password when username is supplied");
	assert_non_null(strstr(err.hint, "redis://USER:PASSWORD@HOST"));
	settings->username_section = section;
	settings->username_file = file;
	settings->username_line = 7;
	assert_int_equal(rnm_redis_connect(&redis, settings, RNM_REDIS_READ, NULL, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "redis.auth");
	assert_string_equal(err.message,
	                    "expected a password beside the username of the section redis, found none");
	assert_string_equal(err.reference, "Redis requires a password when username is supplied");
	assert_string_equal(err.file, file);
	assert_int_equal(err.line, 7);
	assert_non_null(strstr(err.hint, "--password-file"));
}

static void test_databases(void **state)
{
	static char sesam[] = "sesam", three[] = "3", far[] = "77", word[] = "x";
	struct target where;
	struct rnm_redis_settings *settings = target(&where, 5, "127.0.0.1:%u", open_server.port);
	struct rnm_redis *redis;

	(void)state;
	NEED(open_server);
	settings->db = three;
	redis = must_connect(settings);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SET", "only-in-3", "yes");
	rnm_redis_free(redis);
	redis = connect_open();
	{
		struct rnm_reply *reply = ASK(redis, "GET", "only-in-3");

		assert_int_equal(reply->kind, RNM_EVENT_NIL);
		rnm_reply_free(reply);
	}
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SELECT", "3");
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "yes", "GET", "only-in-3");
	rnm_redis_free(redis);

	settings->db = far;
	expect_refusal(settings, "redis.select", "ERR DB index is out of range");
	settings->db = word;
	expect_refusal(settings, "redis.select", "ERR value is not an integer or out of range");

	/* A good password and a bad database: the database is what is told. */
	settings = target(&where, 5, "127.0.0.1:%u", locked.port);
	settings->db = far;
	settings->password = sesam;
	expect_refusal(settings, "redis.select", "ERR DB index is out of range");
	/* No password where one is needed: that is what is told, not the database. */
	settings->password = NULL;
	expect_refusal(settings, "redis.auth", "NOAUTH Authentication required.");
	assert_non_null(strstr(refusal.message,
	                       ": the server wants a password and none was given: NOAUTH Authentication required."));
	assert_string_equal(refusal.hint, "add the option password to the redis settings, or give it with "
	                                  "--password-file FILE or in RNM_REDIS_PASSWORD");
}

static void test_missing_socket(void **state)
{
	struct target where;
	struct rnm_redis *redis = NULL;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_redis_connect(&redis, target(&where, 5, "/nonexistent/none.sock"),
	                                   RNM_REDIS_READ, NULL, &err),
	                 RNM_E_IO);
	assert_string_equal(err.id, "redis.connect");
	assert_string_equal(
	    err.message, "cannot connect to redis server /nonexistent/none.sock: No such file or directory");
	assert_string_equal(err.reference, "No such file or directory");
	assert_int_equal(err.sys_errno, ENOENT);
}

static void test_next_server(void **state)
{
	struct target where;
	struct rnm_redis *redis = NULL;
	struct rnm_error err;
	unsigned closed_port;
	char expected[256];
	int fd = bind_loopback(-1, &closed_port); /* bound and not listening: refused */

	(void)state;
	NEED(open_server);
	rnm_error_clear(&err);
	assert_int_equal(rnm_redis_connect(&redis,
	                                   target(&where, 5, "127.0.0.1:%u,::1,/nonexistent;127.0.0.1:%u",
	                                          closed_port, open_server.port),
	                                   RNM_REDIS_READ, NULL, &err),
	                 RNM_OK);
	assert_int_equal(err.status, RNM_OK); /* what was skipped has left no trace */
	assert_string_equal(err.message, "");
	assert_int_equal(rnm_redis_note_count(redis), 3);
	assert_string_equal(rnm_redis_note(redis, 0),
	                    "skipped the redis server \"::1\": an IPv6 address must stand "
	                    "in brackets: [::1] or [::1]:6379");
	snprintf(expected, sizeof(expected), "skipped the redis server 127.0.0.1:%u: Connection refused",
	         closed_port);
	assert_string_equal(rnm_redis_note(redis, 1), expected);
	assert_string_equal(rnm_redis_note(redis, 2),
	                    "skipped the redis server /nonexistent: No such file or directory");
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);

	/* All of them down: every one is named, and the reference speaks of the first. */
	assert_int_equal(rnm_redis_connect(&redis,
	                                   target(&where, 5, "/nonexistent:,127.0.0.1:%u", closed_port),
	                                   RNM_REDIS_WRITE, NULL, &err),
	                 RNM_E_IO);
	snprintf(expected, sizeof(expected),
	         "cannot connect to any redis server: /nonexistent:: No such file or directory; "
	         "127.0.0.1:%u: Connection refused",
	         closed_port);
	assert_string_equal(err.message, expected);
	assert_string_equal(err.reference, "No such file or directory");
	close(fd);
}

static void test_read_only(void **state)
{
	struct target where;
	struct rnm_redis_settings *settings = target(&where, 5, "127.0.0.1:%u", open_server.port);
	struct rnm_redis *redis = NULL;
	struct rnm_error err;

	(void)state;
	NEED(open_server);
	settings->write_count = 0;
	assert_int_equal(rnm_redis_connect(&redis, settings, RNM_REDIS_WRITE, NULL, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "redis.read-only");
}

/* ---- replies ---- */

static void test_error_reply_leaves_the_connection_alone(void **state)
{
	struct rnm_redis *redis;

	(void)state;
	NEED(open_server);
	redis = connect_open();
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SET", "a-string", "v");
	for (int i = 0; i < 3; i++)
		EXPECT_TEXT(redis, RNM_EVENT_ERROR,
		            "WRONGTYPE Operation against a key holding the wrong kind of value", "HEXISTS",
		            "a-string", "ann");
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "v", "GET", "a-string");
	rnm_redis_free(redis);
}

static void test_whole_replies(void **state)
{
	const struct rnm_bytes binary[] = { { "SET", 3 }, { "bin", 3 }, { "a\0\r\nb", 5 } };
	struct rnm_redis *redis;
	struct rnm_reply *reply;
	struct rnm_error err;

	(void)state;
	NEED(open_server);
	redis = connect_open();
	rnm_reply_free(NULL);
	assert_int_equal(rnm_redis_send(redis, 3, binary, &err), RNM_OK);
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, &err), RNM_OK);
	rnm_reply_free(reply);
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "", "ECHO", "");
	rnm_reply_free(ASK(redis, "DEL", "h"));
	rnm_reply_free(ASK(redis, "HSET", "h", "f", "1"));
	reply = ASK(redis, "EVAL",
	            "return {1, {redis.call('GET','bin'), false, {}}, {err='MY oops'}, {ok='fine'}}", "0");
	assert_int_equal(reply->kind, RNM_EVENT_ARRAY);
	assert_int_equal(reply->count, 4);
	assert_int_equal(reply->items[0].integer, 1);
	assert_int_equal(reply->items[1].count, 3);
	assert_int_equal(reply->items[1].items[0].text.len, 5);
	assert_memory_equal(reply->items[1].items[0].text.data, "a\0\r\nb", 6);
	assert_int_equal(reply->items[1].items[1].kind, RNM_EVENT_NIL);
	assert_int_equal(reply->items[1].items[2].kind, RNM_EVENT_ARRAY);
	assert_int_equal(reply->items[1].items[2].count, 0);
	assert_int_equal(reply->items[2].kind, RNM_EVENT_ERROR);
	assert_string_equal(reply->items[2].text.data, "MY oops");
	assert_string_equal(reply->items[3].text.data, "fine");
	rnm_reply_free(reply);

	/* More than the caller allows, in one string and in many. */
	assert_int_equal(rnm_redis_sendv(redis, &err, "EVAL", "return string.rep('x', 1000)", "0", NULL),
	                 RNM_OK);
	assert_int_equal(rnm_redis_reply(redis, &reply, 1000, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "redis.too-large");
	assert_int_equal(rnm_redis_sendv(redis, &err, "PING", NULL),
	                 RNM_E_MALFORMED); /* the rest is unread */
	rnm_redis_free(redis);
	redis = connect_open();
	assert_int_equal(rnm_redis_sendv(redis, &err, "EVAL",
	                                 "local t = {} for i = 1, 1000 do t[i] = i end return t", "0", NULL),
	                 RNM_OK);
	assert_int_equal(rnm_redis_reply(redis, &reply, 20000, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "redis.too-large");
	rnm_redis_free(redis);
}

static void test_calls_in_the_wrong_order(void **state)
{
	struct rnm_redis *redis;
	struct rnm_event event;
	struct rnm_error err;

	(void)state;
	NEED(open_server);
	redis = connect_open();
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_USAGE);
	assert_string_equal(err.id, "redis.no-reply");
	assert_int_equal(rnm_redis_send(redis, 0, NULL, &err), RNM_E_USAGE);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);
	rnm_redis_free(NULL);
}

static void test_skip(void **state)
{
	static const char nested[] = "return {1, {2, {}, {3, 'four'}}, 'five', false}";
	struct rnm_redis *redis;
	struct rnm_event event;
	struct rnm_error err;

	(void)state;
	NEED(open_server);
	redis = connect_open();
	assert_int_equal(rnm_redis_sendv(redis, &err, "EVAL", nested, "0", NULL), RNM_OK);
	assert_int_equal(rnm_redis_sendv(redis, &err, "EVAL", nested, "0", NULL), RNM_OK);
	assert_int_equal(rnm_redis_sendv(redis, &err, "ECHO", "done", NULL), RNM_OK);
	/* A whole reply. */
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(rnm_redis_skip(redis, &event, &err), RNM_OK);
	/* One element of a reply, and then a string of which one piece has been seen. */
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_ARRAY);
	assert_int_equal(event.length, 4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
		assert_int_equal(rnm_redis_skip(redis, &event, &err), RNM_OK);
	}
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_BULK_BEGIN);
	assert_int_equal(event.length, 4);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_BULK_DATA);
	assert_memory_equal(event.data.data, "five", 4);
	assert_int_equal(rnm_redis_skip(redis, &event, &err), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_NIL);
	{
		struct rnm_reply *reply = NULL;

		assert_int_equal(rnm_redis_reply(redis, &reply, 0, &err), RNM_OK);
		assert_string_equal(reply->text.data, "done");
		rnm_reply_free(reply);
	}
	rnm_redis_free(redis);
}

/* What a server says after HELLO 3, pushes and attributes included. */
static void test_resp3(void **state)
{
	struct rnm_redis *redis, *other;
	struct rnm_reply *reply;

	(void)state;
	NEED(open_server);
	redis = connect_open();
	reply = ASK(redis, "HELLO", "3");
	assert_int_equal(reply->kind, RNM_EVENT_MAP);
	assert_true(reply->count >= 10);
	assert_string_equal(reply->items[0].text.data, "server");
	assert_string_equal(reply->items[1].text.data, "redis");
	rnm_reply_free(reply);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "1234567999999999999999999999999999999", "DEBUG", "PROTOCOL",
	            "bignum");
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "This is a verbatim\nstring", "DEBUG", "PROTOCOL",
	            "verbatim");
	reply = ASK(redis, "DEBUG", "PROTOCOL", "double");
	assert_int_equal(reply->kind, RNM_EVENT_DOUBLE);
	assert_true(reply->real > 3.1409 && reply->real < 3.1411);
	rnm_reply_free(reply);
	reply = ASK(redis, "DEBUG", "PROTOCOL", "true");
	assert_int_equal(reply->kind, RNM_EVENT_BOOL);
	assert_int_equal(reply->integer, 1);
	rnm_reply_free(reply);
	reply = ASK(redis, "DEBUG", "PROTOCOL", "null");
	assert_int_equal(reply->kind, RNM_EVENT_NIL);
	rnm_reply_free(reply);
	reply = ASK(redis, "DEBUG", "PROTOCOL", "set");
	assert_int_equal(reply->kind, RNM_EVENT_ARRAY);
	assert_int_equal(reply->count, 3);
	rnm_reply_free(reply);
	reply = ASK(redis, "DEBUG", "PROTOCOL", "map");
	assert_int_equal(reply->kind, RNM_EVENT_MAP);
	assert_int_equal(reply->count, 6);
	assert_int_equal(reply->items[1].kind, RNM_EVENT_BOOL);
	rnm_reply_free(reply);
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "Some real reply following the attribute", "DEBUG",
	            "PROTOCOL", "attrib");

	/* A push that comes on its own does not disturb the replies. */
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SET", "watched", "1");
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "CLIENT", "TRACKING", "ON");
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "1", "GET", "watched");
	other = connect_open();
	EXPECT_TEXT(other, RNM_EVENT_STATUS, "OK", "SET", "watched", "2");
	rnm_redis_free(other);
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "2", "GET", "watched");
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);
}

/* ---- much ---- */

static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t total, pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &total, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_long_pipeline(void **state)
{
	enum { COMMANDS = 50000 };
	struct rnm_redis *redis;
	struct rnm_event event;
	struct rnm_error err;
	char text[32];

	(void)state;
	NEED(open_server);
	redis = connect_open();
	for (int i = 0; i < COMMANDS; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(rnm_redis_sendv(redis, &err, "ECHO", text, NULL), RNM_OK);
	}
	for (int i = 0; i < COMMANDS; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
		assert_int_equal(event.kind, RNM_EVENT_BULK_BEGIN);
		assert_int_equal(event.length, strlen(text));
		do {
			assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
		} while (event.kind == RNM_EVENT_BULK_DATA);
		assert_int_equal(event.kind, RNM_EVENT_BULK_END);
	}
	assert_true(redis->out.cap <= RNM_CLIENT_QUEUE_KEEP); /* the queue's memory has been given back */
	rnm_redis_free(redis);
}

/* Far more in both directions than sockets hold: whoever only writes, or only reads, waits for ever. */
static void test_pipeline_larger_than_the_sockets(void **state)
{
	enum { COMMANDS = 400, SIZE = 100000 };
	struct rnm_bytes argv[2] = { { "ECHO", 4 }, { NULL, SIZE } };
	char *text = malloc(SIZE);
	struct rnm_redis *redis;
	struct rnm_event event;

	(void)state;
	NEED(open_server);
	redis = connect_open();
	memset(text, 'e', SIZE);
	argv[1].data = text;
	for (int i = 0; i < COMMANDS; i++)
		assert_int_equal(rnm_redis_send(redis, 2, argv, NULL), RNM_OK);
	for (int i = 0; i < COMMANDS; i++) {
		assert_int_equal(rnm_redis_next(redis, &event, NULL), RNM_OK);
		assert_int_equal(event.length, SIZE);
		assert_int_equal(rnm_redis_skip(redis, &event, NULL), RNM_OK);
	}
	rnm_redis_free(redis);
	free(text);
}

static void test_large_bulk_is_streamed(void **state)
{
	const size_t size = (size_t)64 << 20;
	struct rnm_redis *redis;
	struct rnm_event event;
	size_t got = 0, marks = 0, before, peak = 0;

	(void)state;
	NEED(open_server);
	redis = connect_open();
	rnm_reply_free(ASK(redis, "SETRANGE", "large", "0", "first"));
	rnm_reply_free(ASK(redis, "SETRANGE", "large", "33554432", "middle"));
	rnm_reply_free(ASK(redis, "SETRANGE", "large", "67108860", "last"));
	before = resident();
	assert_int_equal(rnm_redis_sendv(redis, NULL, "GET", "large", NULL), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, NULL), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_BULK_BEGIN);
	assert_int_equal(event.length, size);
	for (;;) {
		assert_int_equal(rnm_redis_next(redis, &event, NULL), RNM_OK);
		if (event.kind == RNM_EVENT_BULK_END)
			break;
		assert_int_equal(event.kind, RNM_EVENT_BULK_DATA);
		assert_true(event.data.len > 0 && event.data.len <= RNM_CLIENT_WINDOW);
		for (size_t i = 0; i < event.data.len; i++)
			if (event.data.data[i] != 0)
				marks = marks * 31 + (got + i) % 1000 + (size_t)event.data.data[i];
		got += event.data.len;
		if (resident() > peak)
			peak = resident();
	}
	assert_int_equal(got, size);
	{
		const char *const texts[] = { "first", "middle", "last" };
		const size_t places[] = { 0, 33554432, 67108860 };
		size_t expected = 0;

		for (size_t t = 0; t < 3; t++)
			for (size_t i = 0; i < strlen(texts[t]); i++)
				expected = expected * 31 + (places[t] + i) % 1000 + (size_t)texts[t][i];
		assert_int_equal(marks, expected);
	}
	assert_true(peak < before + ((size_t)4 << 20));
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_reply_free(ASK(redis, "DEL", "large"));
	rnm_redis_free(redis);
}

/* A queue that is full is not a lack of memory, and what has been queued before is still good. */
static void test_full_queue(void **state)
{
	struct rnm_bytes argv[2] = { { "ECHO", 4 }, { NULL, 700 } };
	char text[700];
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	NEED(open_server);
	redis = connect_open();
	redis->out.max = 1000;
	memset(text, 'e', sizeof(text));
	argv[1].data = text;
	assert_int_equal(rnm_redis_send(redis, 2, argv, &err), RNM_OK);
	assert_int_equal(rnm_redis_send(redis, 2, argv, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "redis.queue-full");
	assert_string_equal(err.message, "expected commands of at most 1000 bytes waiting to be sent, found more");
	{
		struct rnm_reply *reply = NULL;

		assert_int_equal(rnm_redis_reply(redis, &reply, 0, &err), RNM_OK);
		assert_int_equal(reply->text.len, 700);
		rnm_reply_free(reply);
	}
	assert_int_equal(rnm_redis_send(redis, 2, argv, &err), RNM_OK);
	rnm_redis_free(redis);
}

/* ---- waiting ---- */

static volatile sig_atomic_t cancel_flag;

static void *raise_flag(void *arg)
{
	(void)arg;
	nap(0.15);
	__atomic_store_n(&cancel_flag, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
	cancel_flag = 1;
}

static void wait_and_be_cancelled(void)
{
	struct target where;
	struct rnm_redis *redis = NULL;
	struct rnm_event event;
	struct rnm_error err;
	double start = now();

	assert_int_equal(rnm_redis_connect(&redis, target(&where, 30, "%s", open_server.socket),
	                                   RNM_REDIS_READ, &cancel_flag, &err),
	                 RNM_OK);
	assert_int_equal(rnm_redis_sendv(redis, &err, "BLPOP", "never", "0", NULL), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_INTERRUPTED);
	assert_int_equal(err.status, RNM_E_INTERRUPTED);
	assert_non_null(strstr(err.message, "interrupted while waiting for redis server /tmp/rnm-test-"));
	assert_true(now() - start < 1.5);
	assert_int_equal(rnm_redis_next(redis, &event, NULL), RNM_E_INTERRUPTED);
	rnm_redis_free(redis);
	/* Raised before the start, no connection is made at all. */
	assert_int_equal(rnm_redis_connect(&redis, target(&where, 30, "%s", open_server.socket),
	                                   RNM_REDIS_READ, &cancel_flag, &err),
	                 RNM_E_INTERRUPTED);
	cancel_flag = 0;
}

static void test_cancel_from_a_thread(void **state)
{
	pthread_t thread;

	(void)state;
	NEED(open_server);
	assert_int_equal(pthread_create(&thread, NULL, raise_flag, NULL), 0);
	wait_and_be_cancelled();
	pthread_join(thread, NULL);
}

static void test_cancel_from_a_signal(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval timer = { { 0, 0 }, { 0, 150000 } };

	(void)state;
	NEED(open_server);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	wait_and_be_cancelled();
	signal(SIGALRM, SIG_DFL);
}

static void test_timeout_of_a_command(void **state)
{
	struct target where;
	struct rnm_redis *redis;
	struct rnm_event event;
	struct rnm_error err;
	double start;

	(void)state;
	NEED(open_server);
	redis = must_connect(target(&where, 0.3, "127.0.0.1:%u", open_server.port));
	nap(0.5); /* what the caller does between commands is no part of them */
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	assert_int_equal(rnm_redis_sendv(redis, &err, "BLPOP", "never", "0", NULL), RNM_OK);
	start = now();
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_IO);
	assert_true(now() - start > 0.25 && now() - start < 1.5);
	assert_string_equal(err.id, "redis.timeout");
	assert_string_equal(err.reference, "Connection timed out");
	/* Dead: the same answer at once, to every call. */
	rnm_error_clear(&err);
	assert_int_equal(rnm_redis_sendv(redis, &err, "PING", NULL), RNM_E_IO);
	assert_string_equal(err.id, "redis.timeout");
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_IO);
	rnm_redis_free(redis);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_and_unix),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_user_without_password),
		cmocka_unit_test(test_databases),
		cmocka_unit_test(test_missing_socket),
		cmocka_unit_test(test_next_server),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_error_reply_leaves_the_connection_alone),
		cmocka_unit_test(test_whole_replies),
		cmocka_unit_test(test_calls_in_the_wrong_order),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_resp3),
		cmocka_unit_test(test_long_pipeline),
		cmocka_unit_test(test_pipeline_larger_than_the_sockets),
		cmocka_unit_test(test_large_bulk_is_streamed),
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_cancel_from_a_thread),
		cmocka_unit_test(test_cancel_from_a_signal),
		cmocka_unit_test(test_timeout_of_a_command),
	};

	return cmocka_run_group_tests_name("redis live", tests, start_servers, stop_servers);
}
