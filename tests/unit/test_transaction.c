/* SPDX-License-Identifier: Apache-2.0 */
/* Long commands and transactions, with a real server and with peers that leave half-way. */
#include "redis_live.h"
#include "store/transaction.h"

#define LONG_SIZE ((size_t)8 << 20)
#define PIECE ((size_t)100000)

static struct live server;

static struct rnm_redis *connect_server(void)
{
	struct target where;

	return must_connect(target(&where, 10, "127.0.0.1:%u", server.port));
}

/* A byte of a long value that tells its place. */
static void fill_piece(char *piece, size_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		piece[i] = (char)((at + i) * 2654435761u >> 13);
}

static void give(struct rnm_redis *redis, const char *text)
{
	assert_int_equal(rnm_redis_argument(redis, strlen(text), NULL), RNM_OK);
	assert_int_equal(rnm_redis_feed(redis, text, strlen(text), NULL), RNM_OK);
}

/* Feeds a value of size bytes in pieces; the first failure. */
static enum rnm_status feed_long(struct rnm_redis *redis, size_t size, struct rnm_error *err)
{
	static char piece[PIECE];
	enum rnm_status status = rnm_redis_argument(redis, size, err);

	for (size_t at = 0; status == RNM_OK && at < size; at += PIECE) {
		const size_t len = size - at < PIECE ? size - at : PIECE;

		fill_piece(piece, at, len);
		status = rnm_redis_feed(redis, piece, len, err);
	}
	return status;
}

static enum rnm_status set_long(struct rnm_redis *redis, const char *key, size_t size, struct rnm_error *err)
{
	assert_int_equal(rnm_redis_begin(redis, 3, NULL), RNM_OK);
	give(redis, "SET");
	give(redis, key);
	return feed_long(redis, size, err);
}

static void expect_long(struct rnm_redis *redis, const char *key, size_t size)
{
	struct rnm_reply *reply = ASK(redis, "GET", key);
	char *want = malloc(size + 1);

	fill_piece(want, 0, size);
	assert_int_equal(reply->text.len, size);
	assert_memory_equal(reply->text.data, want, size);
	free(want);
	rnm_reply_free(reply);
}

static void expect_absent(struct rnm_redis *redis, const char *key)
{
	struct rnm_reply *reply = ASK(redis, "GET", key);

	assert_int_equal(reply->kind, RNM_EVENT_NIL);
	rnm_reply_free(reply);
}

/* ---- long commands ---- */

static void test_long_command(void **state)
{
	struct rnm_redis *redis;

	(void)state;
	NEED(server);
	redis = connect_server();
	/* What was queued before comes first, and its answers wait. */
	assert_int_equal(rnm_redis_sendv(redis, NULL, "PING", NULL), RNM_OK);
	assert_int_equal(set_long(redis, "long", LONG_SIZE, NULL), RNM_OK);
	assert_int_equal(set_long(redis, "short", 7, NULL), RNM_OK);
	assert_int_equal(set_long(redis, "edge", 4096, NULL), RNM_OK);
	assert_int_equal(set_long(redis, "empty", 0, NULL), RNM_OK);
	assert_true(redis->out.cap <= RNM_CLIENT_QUEUE_KEEP);
	for (int i = 0; i < 5; i++) {
		struct rnm_reply *reply = NULL;

		assert_int_equal(rnm_redis_reply(redis, &reply, 0, NULL), RNM_OK);
		assert_string_equal(reply->text.data, i == 0 ? "PONG" : "OK");
		rnm_reply_free(reply);
	}
	expect_long(redis, "long", LONG_SIZE);
	expect_long(redis, "short", 7);
	expect_long(redis, "edge", 4096);
	expect_long(redis, "empty", 0);
	rnm_redis_free(redis);
}

/* A call that does not follow what was announced changes nothing. */
static void test_misuse(void **state)
{
	struct rnm_redis *redis;
	struct rnm_reply *reply = NULL;
	struct rnm_event event;
	struct rnm_error err;

	(void)state;
	NEED(server);
	redis = connect_server();
	assert_int_equal(rnm_redis_begin(redis, 0, &err), RNM_E_USAGE);
	assert_string_equal(err.id, "redis.command");
	assert_int_equal(rnm_redis_argument(redis, 1, &err), RNM_E_USAGE);
	assert_int_equal(rnm_redis_feed(redis, "x", 1, &err), RNM_E_USAGE);
	assert_int_equal(rnm_redis_begin(redis, 2, &err), RNM_OK);
	assert_int_equal(rnm_redis_begin(redis, 2, &err), RNM_E_USAGE);
	assert_int_equal(rnm_redis_feed(redis, "x", 1, &err), RNM_E_USAGE);
	give(redis, "ECHO");
	assert_int_equal(rnm_redis_argument(redis, 3, &err), RNM_OK);
	assert_int_equal(rnm_redis_argument(redis, 3, &err), RNM_E_USAGE);
	assert_int_equal(rnm_redis_feed(redis, "abcd", 4, &err), RNM_E_USAGE);
	assert_int_equal(rnm_redis_feed(redis, "ab", 2, &err), RNM_OK);
	assert_int_equal(rnm_redis_sendv(redis, &err, "PING", NULL), RNM_E_USAGE);
	assert_string_equal(err.id, "redis.command");
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_USAGE);
	assert_string_equal(err.id, "redis.command");
	assert_int_equal(rnm_redis_feed(redis, "c", 1, &err), RNM_OK);
	assert_int_equal(rnm_redis_argument(redis, 3, &err), RNM_E_USAGE);
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, NULL), RNM_OK);
	assert_string_equal(reply->text.data, "abc");
	rnm_reply_free(reply);
	rnm_redis_free(redis);
}

/* The server's reason is told, not that the line broke. */
static void test_too_long_for_the_server(void **state)
{
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	NEED(server);
	redis = connect_server();
	rnm_reply_free(ASK(redis, "CONFIG", "SET", "proto-max-bulk-len", "1mb"));
	assert_int_equal(rnm_redis_sendv(redis, NULL, "PING", NULL), RNM_OK);
	assert_int_equal(set_long(redis, "much", (size_t)64 << 20, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "redis.command-refused");
	assert_non_null(strstr(err.message,
	                       "the server did not take the whole command: ERR Protocol error: invalid bulk length"));
	assert_int_equal(rnm_redis_sendv(redis, &err, "PING", NULL), RNM_E_REDIS);
	rnm_redis_free(redis);
	redis = connect_server();
	rnm_reply_free(ASK(redis, "CONFIG", "SET", "proto-max-bulk-len", "512mb"));
	rnm_redis_free(redis);
}

static void take_some(int client)
{
	for (int i = 0; i < 4 && hear(client); i++)
		if (i == 0)
			say(client, "+PONG\r\n");
}

static void take_no_more(int client)
{
	take_some(client);
	nap(20);
}

static void chatter(int client)
{
	char answers[4096];

	memset(answers, '+', sizeof(answers) - 1);
	for (size_t i = 0; i + 3 < sizeof(answers); i += 4)
		memcpy(answers + i, "+a\r\n", 4);
	answers[sizeof(answers) - 4] = '\0';
	if (hear(client))
		say(client, "+PONG\r\n");
	for (int i = 0; i < 200; i++)
		say(client, answers);
	while (hear(client))
		;
}

static void test_peer_leaves(void **state)
{
	struct peer peer;
	struct target where;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	peer_start(&peer, take_some);
	redis = must_connect(target(&where, 5, "127.0.0.1:%u", peer.port));
	assert_int_equal(set_long(redis, "k", (size_t)64 << 20, &err), RNM_E_IO);
	assert_string_equal(err.id, "redis.closed");
	assert_int_equal(rnm_redis_begin(redis, 1, &err), RNM_E_IO);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

static void test_peer_stalls(void **state)
{
	struct peer peer;
	struct target where;
	struct rnm_redis *redis;
	struct rnm_error err;
	double start;

	(void)state;
	peer_start(&peer, take_no_more);
	redis = must_connect(target(&where, 0.3, "127.0.0.1:%u", peer.port));
	start = now();
	assert_int_equal(set_long(redis, "k", (size_t)64 << 20, &err), RNM_E_IO);
	assert_string_equal(err.id, "redis.timeout");
	assert_non_null(strstr(err.message, "the rest of a command was not taken within 0.3 s"));
	assert_true(now() - start < 10);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

/* More answers than were asked for fill the window and stop nothing. */
static void test_peer_talks_while_it_takes(void **state)
{
	struct peer peer;
	struct target where;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	peer_start(&peer, chatter);
	redis = must_connect(target(&where, 0.5, "127.0.0.1:%u", peer.port));
	if (set_long(redis, "k", (size_t)16 << 20, &err) != RNM_OK)
		assert_string_equal(err.id, "redis.timeout");
	assert_true(redis->in_len <= RNM_CLIENT_WINDOW);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

/* ---- transactions ---- */

static const struct rnm_bytes set_a[] = { { "SET", 3 }, { "a", 1 }, { "1", 1 } };
static const struct rnm_bytes push_s[] = { { "LPUSH", 5 }, { "s", 1 }, { "1", 1 } };
static const char *const watched[] = { "a", "s" };

static void start(struct rnm_transaction *change, struct rnm_redis *redis)
{
	rnm_transaction_init(change, redis, "rn", "write", "an import needs: +set");
	assert_int_equal(rnm_transaction_watch(change, 2, watched, NULL), RNM_OK);
}

static void forget(struct rnm_redis *redis)
{
	rnm_reply_free(ASK(redis, "DEL", "a", "s"));
}

static void test_commit(void **state)
{
	struct rnm_transaction change;
	struct rnm_redis *redis;

	(void)state;
	NEED(server);
	redis = connect_server();
	forget(redis);
	start(&change, redis);
	assert_int_equal(rnm_transaction_begin(&change, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, set_a, NULL), RNM_OK);
	assert_int_equal(set_long(redis, "long", LONG_SIZE, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_expect_queued(&change, "SET", NULL), RNM_OK);
	assert_int_equal(rnm_transaction_commit(&change, NULL), RNM_OK);
	rnm_transaction_end(&change);
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "1", "GET", "a");
	expect_long(redis, "long", LONG_SIZE);
	rnm_redis_free(redis);
}

static void test_somebody_was_faster(void **state)
{
	struct rnm_transaction change;
	struct rnm_redis *redis, *other;

	(void)state;
	NEED(server);
	redis = connect_server();
	other = connect_server();
	forget(redis);
	start(&change, redis);
	assert_int_equal(rnm_transaction_begin(&change, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, set_a, NULL), RNM_OK);
	EXPECT_TEXT(other, RNM_EVENT_STATUS, "OK", "SET", "s", "theirs");
	assert_int_equal(rnm_transaction_commit(&change, NULL), RNM_NO);
	rnm_transaction_end(&change);
	rnm_reply_free(ASK(redis, "DEL", "s"));
	expect_absent(redis, "a");
	rnm_redis_free(redis);
	rnm_redis_free(other);
}

/* What is given up leaves neither a queue nor a watch behind. */
static void test_given_up(void **state)
{
	struct rnm_transaction change;
	struct rnm_redis *redis;

	(void)state;
	NEED(server);
	redis = connect_server();
	forget(redis);
	start(&change, redis);
	rnm_transaction_end(&change);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SET", "s", "1");
	start(&change, redis);
	assert_int_equal(rnm_transaction_begin(&change, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, set_a, NULL), RNM_OK);
	rnm_transaction_end(&change);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING"); /* and not QUEUED */
	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "1", "GET", "s");
	rnm_redis_free(redis);
}

static void test_part_fails(void **state)
{
	struct rnm_transaction change;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	NEED(server);
	redis = connect_server();
	forget(redis);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SET", "s", "text");
	start(&change, redis);
	assert_int_equal(rnm_transaction_begin(&change, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, set_a, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, push_s, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_commit(&change, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "store.partly");
	assert_string_equal(err.message,
	                    "could only partly write: command 2 of 2, LPUSH, failed: WRONGTYPE Operation against a key "
	                    "holding the wrong kind of value");
	rnm_transaction_end(&change);
	rnm_redis_free(redis);
}

static void test_right_is_missing(void **state)
{
	struct rnm_transaction change;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	NEED(server);
	redis = connect_server();
	forget(redis);
	rnm_reply_free(ASK(redis, "ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-lpush"));
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "AUTH", "limited", "pw");
	snprintf(redis->user, sizeof(redis->user), "limited");
	start(&change, redis);
	assert_int_equal(rnm_transaction_begin(&change, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, set_a, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, push_s, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "answer.noperm");
	assert_non_null(strstr(err.message, "cannot write: Redis refused LPUSH: NOPERM"));
	assert_string_equal(err.hint, "the Redis user may not run LPUSH: type ACL SETUSER limited +lpush (all that an "
	                              "import needs: +set)");
	rnm_transaction_end(&change);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	expect_absent(redis, "a");
	rnm_redis_free(redis);
}

static void test_no_memory_left(void **state)
{
	struct rnm_transaction change;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	NEED(server);
	redis = connect_server();
	forget(redis);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "CONFIG", "SET", "maxmemory", "1");
	start(&change, redis);
	assert_int_equal(rnm_transaction_begin(&change, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, set_a, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "answer.oom");
	rnm_transaction_end(&change);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "CONFIG", "SET", "maxmemory", "0");
	expect_absent(redis, "a");
	rnm_redis_free(redis);
}

/* Leaves when EXEC has come. */
static void leave_at_exec(int client)
{
	static const char *const answers[] = { "+PONG\r\n", "+OK\r\n", "+OK\r\n", "+QUEUED\r\n" };

	for (size_t i = 0; i < 4 && hear(client); i++)
		say(client, answers[i]);
	hear(client);
}

static void test_nobody_knows(void **state)
{
	struct rnm_transaction change;
	struct peer peer;
	struct target where;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	peer_start(&peer, leave_at_exec);
	redis = must_connect(target(&where, 5, "127.0.0.1:%u", peer.port));
	start(&change, redis);
	assert_int_equal(rnm_transaction_begin(&change, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_add(&change, 3, set_a, NULL), RNM_OK);
	assert_int_equal(rnm_transaction_commit(&change, &err), RNM_E_IO);
	assert_string_equal(err.id, "store.unknown");
	rnm_transaction_end(&change);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

static int setup(void **state)
{
	(void)state;
	live_start(&server);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (server.pid != 0)
		live_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_command),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_too_long_for_the_server),
		cmocka_unit_test(test_peer_leaves),
		cmocka_unit_test(test_peer_stalls),
		cmocka_unit_test(test_peer_talks_while_it_takes),
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_somebody_was_faster),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_part_fails),
		cmocka_unit_test(test_right_is_missing),
		cmocka_unit_test(test_no_memory_left),
		cmocka_unit_test(test_nobody_knows),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
