/* SPDX-License-Identifier: Apache-2.0 */
/* Sentinels that answer well, badly and without end, in front of real servers. */
#include "format/lua_pattern.h"
#include "redis/sentinel.h"
#include "redis_live.h"

static struct live first, second; /* second is a replica of first */
static unsigned dead;             /* a port that refuses */
static int dead_fd;

#define NEED_SERVERS()                                                                                       \
	do {                                                                                                 \
		if (second.pid == 0)                                                                         \
			skip();                                                                              \
	} while (0)

static bool is_linked(const struct live *live)
{
	struct target where;
	struct rnm_redis *redis = must_connect(target(&where, 5, "%s", live->socket));
	struct rnm_reply *reply = ASK(redis, "ROLE");
	bool linked = reply->count > 3 && strcmp(reply->items[0].text.data, "slave") == 0 &&
	              strcmp(reply->items[3].text.data, "connected") == 0;

	rnm_reply_free(reply);
	rnm_redis_free(redis);
	return linked;
}

static int start_servers(void **state)
{
	struct target where;
	struct rnm_redis *redis;
	char port[8];

	(void)state;
	dead_fd = bind_loopback(-1, &dead);
	if (!live_start(&first) || !live_start(&second)) {
		print_message("no redis-server: the tests with servers are skipped\n");
		return 0;
	}
	redis = must_connect(target(&where, 5, "%s", first.socket));
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "CONFIG", "SET", "repl-diskless-sync-delay", "0");
	rnm_redis_free(redis);
	redis = must_connect(target(&where, 5, "%s", second.socket));
	snprintf(port, sizeof(port), "%u", first.port);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "REPLICAOF", "127.0.0.1", port);
	rnm_redis_free(redis);
	for (int i = 0; i < 300 && !is_linked(&second); i++)
		nap(0.1);
	assert_true(is_linked(&second));
	return 0;
}

static int stop_servers(void **state)
{
	(void)state;
	live_stop(&first);
	live_stop(&second);
	close(dead_fd);
	return 0;
}

/* ---- Sentinels ---- */

static char masters_answer[1 << 20], replicas_answer[1 << 16]; /* what the next peer says */

static void answer(int client)
{
	if (!hear(client))
		return;
	say(client, "+PONG\r\n");
	if (!hear(client))
		return;
	say(client, masters_answer);
	if (!hear(client))
		return;
	say(client, replicas_answer);
	hear(client);
}

/* Appends an instance as Sentinel writes one; ports and texts as given, so that they can be wrong. */
static void put_fields(char *out, size_t size, bool map, size_t count, const char *const *fields)
{
	size_t len = strlen(out);

	len += (size_t)snprintf(out + len, size - len, map ? "%%%zu\r\n" : "*%zu\r\n",
	                        map ? count / 2 : count);
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(out + len, size - len, "$%zu\r\n%s\r\n", strlen(fields[i]), fields[i]);
}

static void put_master(const char *name, const char *ip, const char *port, const char *flags)
{
	const char *const fields[] = { "name", name, "ip", ip, "port", port, "runid", "", "flags", flags };

	put_fields(masters_answer, sizeof(masters_answer), false, 10, fields);
}

static void put_replica(const char *ip, unsigned port, const char *flags, const char *link, const char *priority,
                        const char *offset)
{
	char number[16];
	const char *const fields[] = { "ip",       ip,   "port",           number,   "flags",             flags,
		                       "master-link-status", link, "slave-priority", priority, "slave-repl-offset", offset };

	snprintf(number, sizeof(number), "%u", port);
	put_fields(replicas_answer, sizeof(replicas_answer), true, 12, fields);
}

static void put_live_master(const char *name, unsigned port)
{
	char number[8];

	snprintf(number, sizeof(number), "%u", port);
	put_master(name, "127.0.0.1", number, "master");
}

/* A Sentinel with the given masters and replicas, each of which starts with its count. */
static void reset_answers(int masters, int replicas)
{
	snprintf(masters_answer, sizeof(masters_answer), "*%d\r\n", masters);
	snprintf(replicas_answer, sizeof(replicas_answer), "*%d\r\n", replicas);
}

/* Settings with Sentinels, and a configured server when it is not 0. */
struct watched {
	struct target target;
	char sentinels[256];
	char *list[1];
};

static struct rnm_redis_settings *watched(struct watched *watched, double timeout, unsigned server, const char *fmt,
                                          ...) RNM_PRINTF(4, 5);
static struct rnm_redis_settings *watched(struct watched *watched, double timeout, unsigned server, const char *fmt,
                                          ...)
{
	struct rnm_redis_settings *settings = target(&watched->target, timeout, "127.0.0.1:%u", server);
	va_list args;

	va_start(args, fmt);
	vsnprintf(watched->sentinels, sizeof(watched->sentinels), fmt, args);
	va_end(args);
	watched->list[0] = watched->sentinels;
	settings->sentinels = watched->list;
	settings->sentinel_count = 1;
	if (server == 0)
		settings->read_count = settings->write_count = 0;
	return settings;
}

static void expect_address(const struct rnm_redis *redis, unsigned port)
{
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	assert_string_equal(rnm_redis_address(redis), address);
}

static bool has_note(const struct rnm_redis *redis, const char *text)
{
	for (size_t i = 0; i < rnm_redis_note_count(redis); i++)
		if (strstr(rnm_redis_note(redis, i), text) != NULL)
			return true;
	return false;
}

static void expect_note(const struct rnm_redis *redis, const char *text)
{
	if (has_note(redis, text))
		return;
	for (size_t i = 0; i < rnm_redis_note_count(redis); i++)
		print_message("note: %s\n", rnm_redis_note(redis, i));
	fail_msg("no note says: %s", text);
}

/* ---- what is in a map ---- */

static void expect_map(const struct rnm_sentinel_map *map, const char *expected)
{
	struct rnm_buf text;

	rnm_buf_init(&text, 4096);
	for (size_t i = 0; i < map->count; i++) {
		const struct rnm_sentinel_node *node = &map->items[i];

		rnm_buf_printf(&text, "%s%s %s:%u%s%s%s%s; ", node->group, node->is_replica ? "/" : "", node->host,
		               (unsigned)node->port, node->is_replica && !node->linked ? " unlinked" : "",
		               node->unsure ? " unsure" : "", node->problem != NULL ? " " : "",
		               node->problem != NULL ? node->problem : "");
	}
	assert_string_equal(rnm_buf_cstr(&text), expected);
	rnm_buf_free(&text);
}

static void test_map(void **state)
{
	struct peer peer;
	struct target where;
	struct rnm_redis *redis;
	struct rnm_sentinel_map map;
	struct rnm_buf names;

	(void)state;
	reset_answers(3, 5);
	put_master("b", "10.0.0.1", "1", "master");
	put_master("skipped", "10.0.0.9", "1", "master");
	put_master("ab", "::1", "65535", "s_down,o_down,master,disconnected");
	put_replica("10.0.0.2", 2, "slave", "ok", "0", "900");
	put_replica("10.0.0.3", 3, "slave", "ok", "100", "500");
	put_replica("10.0.0.4", 4, "slave,disconnected", "err", "100", "700");
	put_replica("replica.example", 5, "slave,s_down", "ok", "10", "1");
	put_replica("10.0.0.4", 1, "slave", "ok", "100", "700");
	strcat(replicas_answer, "-NOPERM nothing for you\r\n");
	peer_start(&peer, answer);
	redis = must_connect(target(&where, 5, "127.0.0.1:%u", peer.port));
	assert_int_equal(rnm_sentinel_ask(redis, "b$", true, &map), RNM_OK);
	assert_int_equal(map.masters, 2);
	expect_map(&map, "b 10.0.0.1:1; "
	                 "b/ replica.example:5 the Sentinel calls it slave,s_down; "
	                 "b/ 10.0.0.4:1; b/ 10.0.0.4:4 unlinked unsure; b/ 10.0.0.3:3; b/ 10.0.0.2:2; "
	                 "ab ::1:65535 unsure the Sentinel calls it s_down,o_down,master,disconnected; "
	                 "ab/ :0 unlinked SENTINEL REPLICAS was refused: NOPERM nothing for you; ");
	rnm_buf_init(&names, 100);
	rnm_sentinel_map_names(&map, &names);
	assert_string_equal(rnm_buf_cstr(&names), "b, ab");
	rnm_buf_free(&names);
	rnm_sentinel_map_clear(&map);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

static void test_patterns(void **state)
{
	static const char *const texts[] = { "mymaster", "m%", "other\nline", "", "mymaster2" };
	static const struct {
		const char *pattern;
		const char *matches; /* NULL: it is none */
	} cases[] = {
		{ "", "11111" },        { "master", "10001" },   { "^mymaster$", "10000" }, { "^m.*r%d?$", "10001" },
		{ "[^\n]r$", "10000" }, { "%%", "01000" },       { "^$", "00010" },         { "(m)y%1", "10001" },
		{ "[a", NULL },         { "%", NULL },           { "(", NULL },             { "%1", NULL },
	};
	bool matches[5];
	struct rnm_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum rnm_status status = rnm_lua_pattern_match(cases[i].pattern, texts, 5, matches, &err);
		char found[6] = "";

		if (cases[i].matches == NULL) {
			assert_int_equal(status, RNM_E_MALFORMED);
			assert_string_equal(err.id, "lua.pattern");
			assert_memory_equal(err.message, "expected a Lua pattern, found ", 30);
			continue;
		}
		assert_int_equal(status, RNM_OK);
		for (size_t t = 0; t < 5; t++)
			found[t] = matches[t] ? '1' : '0';
		assert_string_equal(found, cases[i].matches);
	}
	assert_int_equal(rnm_lua_pattern_match("x", NULL, 0, matches, &err), RNM_OK);
}

/* Such a pattern would keep Lua's own matcher busy until the end of days. */
static void test_endless_pattern(void **state)
{
	char text[2000];
	const char *texts[] = { text };
	struct rnm_error err;
	bool match;
	double start = now();

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(rnm_lua_pattern_match("a*a*a*a*a*a*a*a*a*a*b", texts, 1, &match, &err), RNM_E_MALFORMED);
	assert_string_equal(err.message, "expected a Lua pattern, found one that takes too much work");
	assert_true(now() - start < 5);
}

/* ---- who is spoken to ---- */

static void test_master_first(void **state)
{
	struct peer peer;
	struct watched where;
	struct rnm_redis *redis = NULL;
	struct rnm_error err;

	(void)state;
	NEED_SERVERS();
	reset_answers(1, 1);
	put_live_master("m", first.port);
	put_replica("localhost", second.port, "slave", "ok", "100", "1");
	peer_start(&peer, answer);
	for (int writing = 0; writing < 2; writing++) {
		enum rnm_redis_role role = writing ? RNM_REDIS_WRITE : RNM_REDIS_READ;
		char sentinel[32];

		assert_int_equal(rnm_redis_connect(&redis, watched(&where, 5, 0, "127.0.0.1:%u", peer.port), role,
		                                   NULL, &err),
		                 RNM_OK);
		expect_address(redis, first.port);
		assert_string_equal(rnm_redis_role(redis), "master");
		snprintf(sentinel, sizeof(sentinel), "127.0.0.1:%u", peer.port);
		assert_string_equal(rnm_redis_sentinel(redis), sentinel);
		assert_int_equal(rnm_redis_note_count(redis), 0);
		EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SET", "k", "v");
		rnm_redis_free(redis);
	}
	peer_stop(&peer);
}

/* The master cannot be reached: its replica serves reads, and nothing serves writes. */
static void test_replica_instead(void **state)
{
	struct peer peer;
	struct watched where;
	struct rnm_redis *redis;
	struct rnm_error err;
	char text[128];

	(void)state;
	NEED_SERVERS();
	reset_answers(1, 2);
	put_live_master("m", dead);
	put_replica("127.0.0.1", dead, "slave", "ok", "1", "1");
	put_replica("127.0.0.1", second.port, "slave", "ok", "100", "1");
	peer_start(&peer, answer);
	redis = must_connect(watched(&where, 5, first.port, "127.0.0.1:%u", peer.port));
	expect_address(redis, second.port);
	assert_string_equal(rnm_redis_role(redis), "replica");
	snprintf(text, sizeof(text), "skipped the redis server 127.0.0.1:%u: Connection refused", dead);
	expect_note(redis, text);
	snprintf(text, sizeof(text), "reading from the replica 127.0.0.1:%u, which may lag behind its master",
	         second.port);
	expect_note(redis, text);
	assert_int_equal(rnm_redis_note_count(redis), 2);
	rnm_redis_free(redis);
	assert_int_equal(rnm_redis_connect(&redis, watched(&where, 5, 0, "127.0.0.1:%u", peer.port), RNM_REDIS_WRITE,
	                                   NULL, &err),
	                 RNM_E_IO);
	assert_string_equal(err.id, "redis.connect");
	snprintf(text, sizeof(text), "cannot connect to redis server 127.0.0.1:%u: Connection refused", dead);
	assert_string_equal(err.message, text);
	peer_stop(&peer);
}

/* After a fail-over that the Sentinel has missed: its master is a replica, its replica the master. */
static void test_sentinel_behind(void **state)
{
	struct peer peer;
	struct watched where;
	struct rnm_redis *redis;
	struct rnm_error err;
	char text[160];

	(void)state;
	NEED_SERVERS();
	reset_answers(1, 1);
	put_live_master("m", second.port);
	put_replica("127.0.0.1", first.port, "slave", "err", "100", "1");
	peer_start(&peer, answer);
	redis = must_connect(watched(&where, 5, 0, "127.0.0.1:%u", peer.port));
	expect_address(redis, first.port);
	assert_string_equal(rnm_redis_role(redis), "master");
	snprintf(text, sizeof(text),
	         "skipped the redis server 127.0.0.1:%u: expected a master, found a replica of 127.0.0.1:%u",
	         second.port, first.port);
	assert_int_equal(rnm_redis_note_count(redis), 1);
	assert_string_equal(rnm_redis_note(redis, 0), text);
	rnm_redis_free(redis);
	/* A writer is only told of masters, and goes on to the configured servers. */
	assert_int_equal(rnm_redis_connect(&redis, watched(&where, 5, first.port, "127.0.0.1:%u", peer.port),
	                                   RNM_REDIS_WRITE, NULL, &err),
	                 RNM_OK);
	expect_address(redis, first.port);
	assert_null(rnm_redis_sentinel(redis));
	expect_note(redis, "no sentinel leads to a server of use: taking the configured ones");
	rnm_redis_free(redis);
	peer_stop(&peer);
}

/* Without Sentinel, too: nobody writes to a replica. */
static void test_no_writing_to_a_replica(void **state)
{
	struct target where;
	struct rnm_redis *redis = NULL;
	struct rnm_error err;
	char text[160];

	(void)state;
	NEED_SERVERS();
	assert_int_equal(rnm_redis_connect(&redis,
	                                   target(&where, 5, "127.0.0.1:%u,127.0.0.1:%u", second.port, first.port),
	                                   RNM_REDIS_WRITE, NULL, &err),
	                 RNM_OK);
	expect_address(redis, first.port);
	assert_string_equal(rnm_redis_role(redis), "master");
	rnm_redis_free(redis);
	assert_int_equal(rnm_redis_connect(&redis, target(&where, 5, "127.0.0.1:%u", second.port), RNM_REDIS_WRITE,
	                                   NULL, &err),
	                 RNM_E_IO);
	snprintf(text, sizeof(text),
	         "cannot connect to redis server 127.0.0.1:%u: expected a master, found a replica of 127.0.0.1:%u",
	         second.port, first.port);
	assert_string_equal(err.message, text);
	assert_string_equal(err.hint, "name the master in write_servers");
	/* Who only reads does not ask. */
	redis = must_connect(target(&where, 5, "127.0.0.1:%u", second.port));
	assert_null(rnm_redis_role(redis));
	rnm_redis_free(redis);
}

/* Three Sentinels that name the same dead server: it is tried once, and the last one's other master counts. */
static void test_dead_servers_are_tried_once(void **state)
{
	struct peer peers[3];
	struct watched where;
	struct rnm_redis *redis;

	(void)state;
	NEED_SERVERS();
	for (int i = 0; i < 3; i++) {
		reset_answers(i == 2 ? 2 : 1, 0);
		put_live_master("gone", dead);
		if (i == 2)
			put_live_master("here", first.port);
		strcat(replicas_answer, "*0\r\n");
		peer_start(&peers[i], answer);
	}
	redis = must_connect(watched(&where, 5, dead, "127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u", peers[0].port,
	                             peers[1].port, peers[2].port));
	expect_address(redis, first.port);
	assert_int_equal(rnm_redis_note_count(redis), 2);
	assert_non_null(strstr(rnm_redis_note(redis, 0), ": Connection refused"));
	assert_non_null(strstr(rnm_redis_note(redis, 1),
	                       " watches 2 masters (gone, here): rspamd uses all of them, rnm the first that "
	                       "answers; name one with sentinel_masters_pattern"));
	rnm_redis_free(redis);
	for (int i = 0; i < 3; i++)
		peer_stop(&peers[i]);
}

/* ---- answers that are none ---- */

static void expect_refused(const char *reason, double least, double most)
{
	struct watched where;
	struct rnm_redis *redis;
	struct peer peer;
	double start;

	peer_start(&peer, answer);
	start = now();
	redis = must_connect(watched(&where, 1, first.port, "127.0.0.1:%u", peer.port));
	if (now() - start < least || now() - start > most)
		fail_msg("%s: took %g s", reason, now() - start);
	expect_address(redis, first.port);
	assert_null(rnm_redis_sentinel(redis));
	expect_note(redis, reason);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

static void test_wrong_answers(void **state)
{
	static const struct {
		const char *masters;
		const char *reason;
	} cases[] = {
		{ "+OK\r\n", "expected a list of masters, found a status" },
		{ ":1\r\n", "expected a list of masters, found a number" },
		{ "$3\r\nabc\r\n", "expected a list of masters, found a string" },
		{ "$-1\r\n", "expected a list of masters, found nothing" },
		{ "*-1\r\n", "expected a list of masters, found nothing" },
		{ "%1\r\n+a\r\n+b\r\n", "expected a list of masters, found a map" },
		{ "*0\r\n", "it watches no master" },
		{ "*2\r\n*2\r\n$4\r\nname\r\n$0\r\n\r\n*0\r\n", "expected a name for every master, found none" },
		{ "*1\r\n:1\r\n", "expected the fields of a master, found a number" },
		{ "*1\r\n-ERR no\r\n", "expected the fields of a master, found an error" },
		{ "*1\r\n*0\r\n", "expected a name for every master, found none" },
		{ "*1\r\n*1\r\n$4\r\nname\r\n", "expected a name for every master, found none" },
		{ "*1\r\n*2\r\n$4\r\nname\r\n:5\r\n", "expected a name for every master, found none" },
		{ "*1\r\n*2\r\n$4\r\nname\r\n*1\r\n$1\r\na\r\n", "expected a name for every master, found none" },
		{ "*1\r\n*2\r\n:4\r\n$1\r\na\r\n", "expected a name for every master, found none" },
		{ "*1\r\n*2\r\n$4\r\nname\r\n$0\r\n\r\n", "expected a name for every master, found none" },
		{ "*1\r\n*2\r\n$4\r\nname\r\n$1\r\nm\r\n", "(the master of m): expected an address, found \"\"" },
		{ "-ERR unknown command 'SENTINEL'\r\n", "expected a Sentinel, found another server: ERR unknown command" },
		{ "-NOPERM no\r\n", "SENTINEL MASTERS was refused: NOPERM no" },
		{ "HTTP/1.1 400 Bad Request\r\n", "expected a reply of the Redis protocol, found the byte \"H\"" },
		{ "$9223372036854775807\r\n", "expected the length of a bulk reply, found \"9223372036854775807\"" },
		{ "$1099511627776\r\nx", "expected a reply of at most 4194304 bytes, found a larger one" },
		{ "*4294967296\r\n", "expected the number of elements of an array, found \"4294967296\"" },
	};

	(void)state;
	NEED_SERVERS();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(masters_answer, sizeof(masters_answer), "%s", cases[i].masters);
		snprintf(replicas_answer, sizeof(replicas_answer), "*0\r\n");
		expect_refused(cases[i].reason, 0, 0.9);
	}
}

static void test_wrong_addresses(void **state)
{
	static char long_name[301];
	static const struct {
		const char *ip, *port, *flags, *reason;
	} cases[] = {
		{ "", "6379", "master", "(the master of m): expected an address, found \"\"" },
		{ "/run/redis.sock", "6379", "master", "expected an address, found \"/run/redis.sock\"" },
		{ "./sock", "6379", "master", "expected an address, found \"./sock\"" },
		{ "a b", "6379", "master", "expected an address, found \"a b\"" },
		{ "a,b", "6379", "master", "expected an address, found \"a,b\"" },
		{ long_name, "6379", "master", "expected an address, found \"aaaaaaaa" },
		{ "127.0.0.1", "0", "master", "expected a port from 1 to 65535, found \"0\"" },
		{ "127.0.0.1", "99999", "master", "expected a port from 1 to 65535, found \"99999\"" },
		{ "127.0.0.1", "-1", "master", "expected a port from 1 to 65535, found \"-1\"" },
		{ "127.0.0.1", "6379x", "master", "expected a port from 1 to 65535, found \"6379x\"" },
		{ "127.0.0.1", "99999999999999999999999", "master", "expected a port from 1 to 65535" },
		{ "127.0.0.1", "", "master", "expected a port from 1 to 65535, found \"\"" },
		{ "127.0.0.1", "6379", "s_down,master", "127.0.0.1:6379 (the master of m): the Sentinel calls it s_down" },
		{ "::1", "6379", "o_down,master", "[::1]:6379 (the master of m): the Sentinel calls it o_down,master" },
		{ "no-such-host.invalid", "6379", "master", "skipped the redis server no-such-host.invalid: " },
	};

	(void)state;
	NEED_SERVERS();
	memset(long_name, 'a', sizeof(long_name) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reset_answers(1, 0);
		put_master("m", cases[i].ip, cases[i].port, cases[i].flags);
		expect_refused(cases[i].reason, 0, 2.5);
	}
}

static void test_wrong_replicas(void **state)
{
	static const struct {
		const char *replicas;
		const char *reason;
	} cases[] = {
		{ "+OK\r\n", "expected a list of replicas, found a status" },
		{ "*1\r\n$1\r\na\r\n", "expected the fields of a replica, found a string" },
		{ "*1\r\n*0\r\n", "(a replica of m): expected an address, found \"\"" },
		{ "-ERR No such master with that name\r\n",
		  "(a replica of m): SENTINEL REPLICAS was refused: ERR No such master with that name" },
	};

	(void)state;
	NEED_SERVERS();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reset_answers(1, 0);
		put_live_master("m", dead);
		snprintf(replicas_answer, sizeof(replicas_answer), "%s", cases[i].replicas);
		expect_refused(cases[i].reason, 0, 0.9);
	}
}

static void test_too_many(void **state)
{
	(void)state;
	NEED_SERVERS();
	reset_answers(257, 0);
	for (int i = 0; i < 257; i++)
		put_master("m", "127.0.0.1", "6379", "master");
	expect_refused("expected at most 256 masters and replicas, found more: name the masters with "
	               "sentinel_masters_pattern",
	               0, 0.9);
}

static void test_no_master_matches(void **state)
{
	static char pattern[] = "^x";
	struct watched where;
	struct rnm_redis_settings settings;
	struct rnm_redis *redis;
	struct peer peer;

	(void)state;
	NEED_SERVERS();
	reset_answers(2, 0);
	put_master("m", "127.0.0.1", "6379", "master");
	put_master("n", "127.0.0.1", "6380", "master");
	peer_start(&peer, answer);
	settings = *watched(&where, 1, first.port, "127.0.0.1:%u", peer.port);
	settings.sentinel_masters_pattern = pattern;
	redis = must_connect(&settings);
	expect_note(redis, "none of its 2 masters (the first is m) matches sentinel_masters_pattern = \"^x\"");
	rnm_redis_free(redis);
	peer_stop(&peer);
}

/* ---- answers without end ---- */

static const char *flood_piece;

static void greet_and(int client)
{
	if (hear(client))
		say(client, "+PONG\r\n");
	hear(client);
}

static void flood(int client)
{
	static char many[65536];
	size_t len = strlen(flood_piece), filled = 0;

	greet_and(client);
	say(client, masters_answer);
	while (filled + len < sizeof(many)) {
		memcpy(many + filled, flood_piece, len);
		filled += len;
	}
	while (send(client, many, filled, MSG_NOSIGNAL) > 0)
		;
}

static void drip(int client)
{
	greet_and(client);
	say(client, masters_answer);
	for (;;) {
		if (send(client, flood_piece, strlen(flood_piece), MSG_NOSIGNAL) <= 0)
			return;
		nap(0.05);
	}
}

static void expect_end(void (*serve)(int client), const char *begin, const char *piece, double timeout,
                       const char *reason)
{
	struct watched where;
	struct rnm_redis *redis;
	struct peer peer;
	double start;

	snprintf(masters_answer, sizeof(masters_answer), "%s", begin);
	flood_piece = piece;
	peer_start(&peer, serve);
	start = now();
	redis = must_connect(watched(&where, timeout, first.port, "127.0.0.1:%u", peer.port));
	assert_true(now() - start < timeout + 3);
	expect_note(redis, reason);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

static void test_endless_answers(void **state)
{
	(void)state;
	NEED_SERVERS();
	expect_end(flood, "*4294967295\r\n", ":1\r\n", 20, "expected a reply of at most 4194304 bytes, found a larger one");
	expect_end(flood, "", "*1\r\n", 20, "expected arrays nested at most 32 levels, found one more");
	expect_end(flood, "+", "x", 20, "expected a line of at most 65536 bytes");
	expect_end(flood, "", ">1\r\n+push\r\n", 20, "bytes of messages that nobody asked for");
	expect_end(flood, "*1\r\n*4294967295\r\n", "$1\r\na\r\n", 20,
	           "expected a reply of at most 4194304 bytes, found a larger one");
	/* However much it says in that time: to find the servers takes no more than the timeout. */
	expect_end(drip, "*100000\r\n", ":1\r\n", 0.5, "the rest of a reply did not come within 0.5 s");
	expect_end(drip, "", ">1\r\n+push\r\n", 0.5, "no answer within 0.5 s");
	expect_end(drip, "$1000\r\n", "a", 0.5, "the rest of a reply did not come within 0.5 s");
}

static void hang_up_after_greeting(int client)
{
	greet_and(client);
}

static void stay_silent(int client)
{
	while (hear(client))
		;
}

static void greet_and_stay_silent(int client)
{
	greet_and(client);
	stay_silent(client);
}

static void test_silent_sentinels(void **state)
{
	(void)state;
	NEED_SERVERS();
	expect_end(hang_up_after_greeting, "", "", 5, "the connection was closed before a reply came");
	expect_end(stay_silent, "", "", 0.4, "no answer within 0.4 s");
	expect_end(greet_and_stay_silent, "", "", 0.4, "no answer within 0.4 s");
}

static volatile sig_atomic_t cancel_flag;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	cancel_flag = 1;
}

static void test_interrupted(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct watched where;
	struct rnm_redis *redis = NULL;
	struct rnm_error err;
	struct peer peer;
	char text[96];
	double start = now();

	(void)state;
	peer_start(&peer, greet_and_stay_silent);
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	assert_int_equal(rnm_redis_connect(&redis, watched(&where, 30, dead, "127.0.0.1:%u", peer.port), RNM_REDIS_READ,
	                                   &cancel_flag, &err),
	                 RNM_E_INTERRUPTED);
	assert_true(now() - start < 5);
	snprintf(text, sizeof(text), "interrupted while connecting to redis server 127.0.0.1:%u", peer.port);
	assert_string_equal(err.message, text);
	signal(SIGALRM, SIG_DFL);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_endless_pattern),
		cmocka_unit_test(test_master_first),
		cmocka_unit_test(test_replica_instead),
		cmocka_unit_test(test_sentinel_behind),
		cmocka_unit_test(test_no_writing_to_a_replica),
		cmocka_unit_test(test_dead_servers_are_tried_once),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_wrong_addresses),
		cmocka_unit_test(test_wrong_replicas),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_no_master_matches),
		cmocka_unit_test(test_endless_answers),
		cmocka_unit_test(test_silent_sentinels),
		cmocka_unit_test(test_interrupted),
	};

	return cmocka_run_group_tests_name("sentinel", tests, start_servers, stop_servers);
}
