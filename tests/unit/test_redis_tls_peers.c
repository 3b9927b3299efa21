/* SPDX-License-Identifier: Apache-2.0 */
/* TLS against peers that break it, that do not speak it, or that go away; and with much data. */
#include "tls_live.h"

#include <pthread.h>

/* ---- several servers ---- */

static void stay_silent(int client)
{
	while (hear(client))
		;
}

/* One that does not pass is passed over; plain text is never the way out. */
static void test_next_server(void **state)
{
	struct rnm_redis *redis = NULL;
	struct target where;
	struct peer silent;
	struct rnm_error err;
	char expected[1024];

	(void)state;
	NEED(server);
	show("only-address.pem", "server.key");
	peer_start(&silent, stay_silent);
	redis = must_connect(TLS_TO(&where, 1.5, "localhost:%u,127.0.0.1:%u,127.0.0.1:%u", tls_port,
	                            silent.port, tls_port));
	assert_int_equal(rnm_redis_note_count(redis), 2);
	snprintf(expected, sizeof(expected),
	         "skipped the redis server localhost (127.0.0.1:%u): the server's certificate is for "
	         "127.0.0.1 and not for localhost, which rspamd does not check",
	         tls_port);
	assert_string_equal(rnm_redis_note(redis, 0), expected);
	snprintf(expected, sizeof(expected),
	         "skipped the redis server 127.0.0.1:%u: no answer to the TLS handshake within 1.5 s",
	         silent.port);
	assert_string_equal(rnm_redis_note(redis, 1), expected);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);

	assert_int_equal(rnm_redis_connect(&redis,
	                                   TLS_TO(&where, 1.5, "localhost:%u,127.0.0.1:%u", tls_port,
	                                          server.port),
	                                   RNM_REDIS_READ, NULL, &err),
	                 RNM_E_IO);
	snprintf(expected, sizeof(expected),
	         "cannot connect to any redis server: localhost (127.0.0.1:%u): the server's certificate is "
	         "for 127.0.0.1 and not for localhost, which rspamd does not check; 127.0.0.1:%u: no answer "
	         "to the TLS handshake within 1.5 s",
	         tls_port, server.port);
	assert_string_equal(err.message, expected);
	assert_string_equal(
	    err.hint, "name the server as its certificate does, or set sni (--sni NAME) to the name to expect");
	peer_stop(&silent);
	show("good.pem", "server.key");
}

/* ---- plain on one side only ---- */

static const char plain_hint[] =
    "does the server speak TLS on this port? A plain one is reached with redis:// or without ssl = true";
static const char tls_hint[] = "does the server want TLS? It is used with rediss:// or ssl = true";

static void answer_with_an_alert(int client)
{
	if (hear(client))
		say(client, "\x15\x03\x01\x02\x02\x46");
	hear(client);
}

static void test_plain_and_tls(void **state)
{
	struct rnm_redis *redis = NULL;
	struct target where;
	struct rnm_error err;
	struct peer peer;

	(void)state;
	NEED(server);
	err = must_fail(TLS_TO(&where, 0.4, "127.0.0.1:%u", server.port),
	                "no answer to the TLS handshake within 0.4 s");
	assert_string_equal(err.hint, plain_hint);
	assert_string_equal(err.reference, "Connection timed out");

	assert_int_equal(rnm_redis_connect(&redis, target(&where, 5, "127.0.0.1:%u", tls_port),
	                                   RNM_REDIS_READ, NULL, &err),
	                 RNM_E_IO);
	assert_string_equal(err.hint, tls_hint);
	peer_start(&peer, answer_with_an_alert);
	assert_int_equal(
	    rnm_redis_connect(&redis, target(&where, 5, "127.0.0.1:%u", peer.port), RNM_REDIS_READ, NULL, &err),
	    RNM_E_IO);
	assert_string_equal(err.hint, tls_hint);
	peer_stop(&peer);
}

static void test_old_protocols(void **state)
{
	struct target where;

	(void)state;
	NEED(server);
	CONFIGURE("tls-protocols", "TLSv1.1", "tls-ciphers", "ALL:@SECLEVEL=0");
	must_fail(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port),
	          "the server speaks no TLS that is new enough (1.2 at least)");
	show("good.pem", "server.key");
}

/* ---- peers that break the handshake ---- */

static void refuse_in_plain(int client)
{
	if (hear(client))
		say(client, "-ERR Protocol error: unbalanced quotes in request\r\n");
	hear(client);
}

static void close_at_once(int client)
{
	hear(client);
}

static void put(int client, const void *data, size_t len)
{
	(void)!send(client, data, len, MSG_NOSIGNAL);
}

/* A record that announces 16 KiB of handshake, and a little of it. */
static const unsigned char begun[] = { 0x16, 3, 3, 0x40, 0, 2, 0, 0, 70, 3, 3, 1, 2, 3, 4 };

static void close_in_the_middle(int client)
{
	hear(client);
	put(client, begun, sizeof(begun));
}

static void reset(int client)
{
	const struct linger now_or_never = { 1, 0 };

	hear(client);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &now_or_never, sizeof(now_or_never));
}

static void drip_the_handshake(int client)
{
	hear(client);
	put(client, begun, sizeof(begun));
	for (int i = 0; i < 200; i++) {
		put(client, "x", 1);
		nap(0.05);
	}
}

/* Messages that a client has to overlook, as fast as they can be sent. */
static void greet_for_ever(int client)
{
	static const unsigned char hello_request[] = { 0x16, 3, 3, 0, 4, 0, 0, 0, 0 };
	static unsigned char many[9000];
	ssize_t sent;

	for (size_t i = 0; i + sizeof(hello_request) <= sizeof(many); i += sizeof(hello_request))
		memcpy(many + i, hello_request, sizeof(hello_request));
	hear(client);
	do
		sent = send(client, many, sizeof(many), MSG_NOSIGNAL);
	while (sent > 0);
}

static void send_alert(int client, unsigned char number)
{
	const unsigned char alert[] = { 0x15, 3, 3, 0, 2, 2, number };

	hear(client);
	put(client, alert, sizeof(alert));
	hear(client);
}

static void not_know_the_name(int client)
{
	send_alert(client, 112);
}

static void fail_inside(int client)
{
	send_alert(client, 80);
}

static void test_broken_handshakes(void **state)
{
	static const struct {
		void (*serve)(int client);
		const char *reason, *hint;
	} cases[] = {
		{ refuse_in_plain, "the server does not speak TLS", plain_hint },
		{ close_at_once, "the connection was closed at the TLS handshake", plain_hint },
		{ close_in_the_middle, "the connection was closed in the middle of the TLS handshake", "" },
		{ reset, "Connection reset by peer at the TLS handshake", plain_hint },
		{ greet_for_ever, "the server sends TLS messages without end and nothing in them", "" },
		{ not_know_the_name, "the server does not know the host name that it was asked for",
		  "set sni (--sni NAME) to the name to ask for" },
		{ fail_inside, "the server ended TLS with alert 80 (internal error)", "" },
	};
	struct target where;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_error err;
		struct peer peer;

		peer_start(&peer, cases[i].serve);
		err = must_fail(TLS_TO(&where, 10, "localhost:%u", peer.port), cases[i].reason);
		assert_string_equal(err.hint, cases[i].hint);
		peer_stop(&peer);
	}
}

static void test_handshake_is_bounded(void **state)
{
	static const struct {
		void (*serve)(int client);
		const char *reason;
	} cases[] = {
		{ stay_silent, "no answer to the TLS handshake within 0.4 s" },
		{ drip_the_handshake, "the TLS handshake did not end within 0.4 s" },
	};
	struct target where;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const double start_time = now();
		struct peer peer;

		peer_start(&peer, cases[i].serve);
		must_fail(TLS_TO(&where, 0.4, "127.0.0.1:%u", peer.port), cases[i].reason);
		assert_true(now() - start_time > 0.3 && now() - start_time < 2);
		peer_stop(&peer);
	}
}

static volatile sig_atomic_t cancel_flag;

static void *raise_flag(void *arg)
{
	(void)arg;
	nap(0.15);
	cancel_flag = 1;
	return NULL;
}

static void test_cancel_in_the_handshake(void **state)
{
	void (*const serve[])(int client) = { stay_silent, drip_the_handshake };
	struct rnm_redis *redis = NULL;
	struct target where;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const double start_time = now();
		pthread_t thread;
		struct peer peer;

		peer_start(&peer, serve[i]);
		assert_int_equal(pthread_create(&thread, NULL, raise_flag, NULL), 0);
		assert_int_equal(rnm_redis_connect(&redis, TLS_TO(&where, 30, "127.0.0.1:%u", peer.port),
		                                   RNM_REDIS_READ, &cancel_flag, NULL),
		                 RNM_E_INTERRUPTED);
		assert_true(now() - start_time < 1.5);
		pthread_join(thread, NULL);
		cancel_flag = 0;
		peer_stop(&peer);
	}
}

/* ---- much data ---- */

/* Far more in both directions than sockets hold, and records that end anywhere. */
static void test_pipeline_in_both_directions(void **state)
{
	enum { COMMANDS = 20000 };
	struct rnm_redis *redis;
	struct rnm_event event;
	struct rnm_error err;
	struct target where;
	char text[1000];

	(void)state;
	NEED(server);
	redis = must_connect(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port));
	for (int i = 0; i < COMMANDS; i++) {
		memset(text, 'a' + i % 26, sizeof(text));
		text[i % (int)sizeof(text)] = '\0';
		assert_int_equal(rnm_redis_sendv(redis, &err, "ECHO", text, NULL), RNM_OK);
	}
	for (int i = 0; i < COMMANDS; i++) {
		size_t got = 0;

		assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
		assert_int_equal(event.kind, RNM_EVENT_BULK_BEGIN);
		assert_int_equal(event.length, i % (int)sizeof(text));
		for (;;) {
			assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
			if (event.kind != RNM_EVENT_BULK_DATA)
				break;
			for (size_t j = 0; j < event.data.len; j++)
				assert_true(event.data.data[j] == 'a' + i % 26);
			got += event.data.len;
		}
		assert_int_equal(event.kind, RNM_EVENT_BULK_END);
		assert_int_equal(got, i % (int)sizeof(text));
	}
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);
}

static void test_large_bulk(void **state)
{
	const size_t size = (size_t)24 << 20;
	struct rnm_redis *redis;
	struct rnm_event event;
	struct target where;
	size_t got = 0;

	(void)state;
	NEED(server);
	redis = must_connect(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port));
	rnm_reply_free(ASK(redis, "SETRANGE", "large", "25165820", "last"));
	assert_int_equal(rnm_redis_sendv(redis, NULL, "GET", "large", NULL), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, NULL), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_BULK_BEGIN);
	assert_int_equal(event.length, size);
	for (;;) {
		assert_int_equal(rnm_redis_next(redis, &event, NULL), RNM_OK);
		if (event.kind == RNM_EVENT_BULK_END)
			break;
		assert_int_equal(event.kind, RNM_EVENT_BULK_DATA);
		for (size_t i = 0; i < event.data.len; i++)
			assert_true(event.data.data[i] ==
			            (got + i < size - 4 ? '\0' : "last"[got + i - (size - 4)]));
		got += event.data.len;
	}
	assert_int_equal(got, size);
	rnm_reply_free(ASK(redis, "DEL", "large"));
	rnm_redis_free(redis);
}

/* A command that waits is given up in time, and one that is called off at once. */
static void test_waiting(void **state)
{
	struct rnm_redis *redis = NULL;
	struct rnm_event event;
	struct rnm_error err;
	struct target where;
	pthread_t thread;
	double start_time;

	(void)state;
	NEED(server);
	redis = must_connect(TLS_TO(&where, 1, "127.0.0.1:%u", tls_port));
	assert_int_equal(rnm_redis_sendv(redis, &err, "BLPOP", "never", "0", NULL), RNM_OK);
	start_time = now();
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_IO);
	assert_string_equal(err.id, "redis.timeout");
	assert_true(now() - start_time > 0.9 && now() - start_time < 3);
	rnm_redis_free(redis);

	assert_int_equal(rnm_redis_connect(&redis, TLS_TO(&where, 30, "127.0.0.1:%u", tls_port),
	                                   RNM_REDIS_READ, &cancel_flag, NULL),
	                 RNM_OK);
	assert_int_equal(rnm_redis_sendv(redis, &err, "BLPOP", "never", "0", NULL), RNM_OK);
	assert_int_equal(pthread_create(&thread, NULL, raise_flag, NULL), 0);
	start_time = now();
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_INTERRUPTED);
	assert_true(now() - start_time < 1.5);
	pthread_join(thread, NULL);
	cancel_flag = 0;
	rnm_redis_free(redis);
}

/* The server goes away: an error, and no signal that would end the program. */
static void test_server_goes_away(void **state)
{
	struct rnm_redis *redis;
	struct rnm_redis *killer;
	struct rnm_event event;
	struct rnm_error err;
	struct target where;

	(void)state;
	NEED(server);
	redis = must_connect(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port));
	killer = must_connect(target(&where, 5, "%s", server.socket));
	rnm_reply_free(ASK(killer, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
	rnm_redis_free(killer);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rnm_redis_sendv(redis, NULL, "PING", NULL), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_IO);
	assert_string_equal(err.id, "redis.closed");
	rnm_redis_free(redis);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_server),
		cmocka_unit_test(test_plain_and_tls),
		cmocka_unit_test(test_old_protocols),
		cmocka_unit_test(test_broken_handshakes),
		cmocka_unit_test(test_handshake_is_bounded),
		cmocka_unit_test(test_cancel_in_the_handshake),
		cmocka_unit_test(test_pipeline_in_both_directions),
		cmocka_unit_test(test_large_bulk),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_server_goes_away),
	};

	return cmocka_run_group_tests_name("redis tls peers", tests, start, stop);
}
