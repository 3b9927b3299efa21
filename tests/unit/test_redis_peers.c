/* SPDX-License-Identifier: Apache-2.0 */
/* The client against servers that are down, slow, strange or hostile. */
#include "redis/client.h"
#include "redis_live.h"

#include <sys/un.h>

/* ---- what the peers do with a client ---- */

/* Answers the greeting of a connection without password and database. */
static void welcome(int client)
{
	if (hear(client))
		say(client, "+PONG\r\n");
}

static void stay_silent(int client)
{
	while (hear(client))
		;
}

static void speak_http(int client)
{
	if (hear(client))
		say(client, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void turn_away(int client)
{
	say(client, "-ERR max number of clients reached\r\n");
}

static void be_loading(int client)
{
	while (hear(client))
		say(client, "-LOADING Redis is loading the dataset in memory\r\n");
}

static void hang_up(int client)
{
	(void)client;
}

static void drip(int client, const char *text)
{
	char byte[2] = "";

	for (; *text != '\0'; text++) {
		byte[0] = *text;
		say(client, byte);
		nap(0.05);
	}
}

static void drip_greeting(int client)
{
	if (hear(client))
		drip(client,
		     "-ERR this line is longer than anybody should have the patience to wait for\r\n");
}

static void drip_bulk(int client)
{
	welcome(client);
	if (!hear(client))
		return;
	say(client, "$100000\r\n");
	for (int i = 0; i < 400; i++) {
		say(client, "x");
		nap(0.05);
	}
}

static void drip_array(int client)
{
	welcome(client);
	if (!hear(client))
		return;
	say(client, "*100000\r\n");
	for (int i = 0; i < 100; i++) {
		say(client, ":1\r\n");
		nap(0.05);
	}
}

/* Twelve pieces with pauses: longer than the timeout in all, but at a pace that is worth waiting for. */
static void send_slowly(int client)
{
	static char piece[16385];

	welcome(client);
	if (!hear(client))
		return;
	memset(piece, 's', 16384);
	say(client, "$196608\r\n");
	for (int i = 0; i < 12; i++) {
		say(client, piece);
		nap(0.1);
	}
	say(client, "\r\n");
	hear(client);
}

static void stop_in_a_bulk(int client)
{
	welcome(client);
	if (hear(client))
		say(client, "$100\r\nhalf");
}

static void announce_a_huge_array(int client)
{
	welcome(client);
	if (hear(client))
		say(client, "*4294967295\r\n:1\r\n:2\r\n");
}

static void announce_a_huge_bulk(int client)
{
	welcome(client);
	if (hear(client))
		say(client, "$1099511627776\r\nx");
}

static void nest_too_deep(int client)
{
	welcome(client);
	if (!hear(client))
		return;
	for (int i = 0; i < 100000; i++)
		say(client, "*1\r\n");
}

static void break_the_protocol(int client)
{
	welcome(client);
	if (hear(client))
		say(client, "+fine\r\n:12x\r\n");
	hear(client);
}

static void close_after_greeting(int client)
{
	welcome(client);
}

/* Needs about two seconds for 40 MiB, and answers each of two commands after that. */
static void read_slowly(int client)
{
	static char bytes[1 << 20];
	size_t got = 0;
	ssize_t len;

	welcome(client);
	while (got < (size_t)40 << 20 && (len = recv(client, bytes, sizeof(bytes), MSG_WAITALL)) > 0) {
		got += (size_t)len;
		nap(0.05);
	}
	say(client, "+OK\r\n+OK\r\n");
	stay_silent(client);
}

/* The greeting of one who writes asks for the role, too. */
static void be_a_sentinel(int client)
{
	if (hear(client))
		say(client, "+PONG\r\n*2\r\n$8\r\nsentinel\r\n*0\r\n");
	hear(client);
}

static void know_no_role(int client)
{
	if (hear(client))
		say(client, "+PONG\r\n+whatever\r\n");
	hear(client);
}

static void answer_with_a_map(int client)
{
	welcome(client);
	if (hear(client))
		say(client, "%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:2\r\n%0\r\n+behind it\r\n");
	hear(client);
}

/* ---- while connecting ---- */

static enum rnm_status try_connect(struct target *where, struct rnm_error *err)
{
	struct rnm_redis *redis = NULL;
	enum rnm_status status = rnm_redis_connect(&redis, &where->settings, RNM_REDIS_READ, NULL, err);

	rnm_redis_free(redis);
	return status;
}

static void test_strangers(void **state)
{
	static const struct {
		void (*serve)(int client);
		double timeout;
		const char *reason;
		const char *reference;
		double least; /* seconds that the attempt takes */
	} table[] = {
		{ stay_silent, 0.4, "no answer within 0.4 s", "Connection timed out", 0.35 },
		{ speak_http, 5,
		  "expected a reply of the Redis protocol, found the byte \"H\" where its type should be",
		  "Protocol error, got \"H\" as reply type byte", 0 },
		{ turn_away, 5, "ERR max number of clients reached", "ERR max number of clients reached", 0 },
		{ be_loading, 5, "LOADING Redis is loading the dataset in memory",
		  "LOADING Redis is loading the dataset in memory", 0 },
		{ drip_greeting, 0.4, "the rest of a reply did not come within 0.4 s", "Connection timed out",
		  0.35 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct peer peer;
		struct target where;
		struct rnm_error err;
		char message[512];
		double start = now();

		peer_start(&peer, table[i].serve);
		target(&where, table[i].timeout, "127.0.0.1:%u", peer.port);
		assert_int_equal(try_connect(&where, &err), RNM_E_IO);
		assert_true(now() - start >= table[i].least && now() - start < table[i].timeout + 1.5);
		assert_string_equal(err.id, "redis.connect");
		snprintf(message, sizeof(message), "cannot connect to redis server 127.0.0.1:%u: %s",
		         peer.port, table[i].reason);
		assert_string_equal(err.message, message);
		assert_string_equal(err.reference, table[i].reference);
		peer_stop(&peer);
	}
}

static void test_closed_at_once(void **state)
{
	struct peer peer;
	struct target where;
	struct rnm_error err;

	(void)state;
	peer_start(&peer, hang_up);
	target(&where, 5, "127.0.0.1:%u", peer.port);
	assert_int_equal(try_connect(&where, &err), RNM_E_IO);
	/* Whether the end or the reset comes first is up to the kernel. */
	assert_true(strstr(err.message, "the connection was closed before a reply came") != NULL ||
	            strstr(err.message, "Connection reset by peer") != NULL);
	peer_stop(&peer);
}

static void test_strange_roles(void **state)
{
	static const struct {
		void (*serve)(int client);
		const char *reason;
	} table[] = {
		{ be_a_sentinel, "expected a master or a replica, found a sentinel" },
		{ know_no_role, "expected a master or a replica, found another answer to ROLE" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rnm_redis *redis = NULL;
		struct peer peer;
		struct target where;
		struct rnm_error err;
		char message[512];

		peer_start(&peer, table[i].serve);
		target(&where, 5, "127.0.0.1:%u", peer.port);
		where.settings.write_servers = where.settings.read_servers;
		where.settings.write_count = where.settings.read_count;
		assert_int_equal(rnm_redis_connect(&redis, &where.settings, RNM_REDIS_WRITE, NULL, &err),
		                 RNM_E_IO);
		snprintf(message, sizeof(message), "cannot connect to redis server 127.0.0.1:%u: %s",
		         peer.port, table[i].reason);
		assert_string_equal(err.message, message);
		peer_stop(&peer);
	}
}

/* More than anybody reads are not kept. */
static void test_notes_are_bounded(void **state)
{
	struct peer peer;
	struct target where;
	struct rnm_redis *redis;

	(void)state;
	peer_start(&peer, close_after_greeting);
	redis = must_connect(target(&where, 5, "127.0.0.1:%u", peer.port));
	for (size_t i = 0; i < RNM_CLIENT_NOTES_MAX + 6; i++)
		assert_true(rnm_client_note(redis, "note %zu", i));
	assert_int_equal(rnm_redis_note_count(redis), RNM_CLIENT_NOTES_MAX);
	assert_string_equal(rnm_redis_note(redis, RNM_CLIENT_NOTES_MAX - 1), "note 63");
	rnm_redis_free(redis);
	peer_stop(&peer);
}

static void test_path_too_long(void **state)
{
	char path[200];
	const struct rnm_server server = { .host = path, .is_unix = true };
	struct rnm_io_limit limit = { 1, NULL };
	struct rnm_address_list where;
	const char *reason = "";

	(void)state;
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(rnm_resolve(&where, &server, &limit, &reason), RNM_NO);
	assert_string_equal(reason, "the path is too long for a unix socket");
}

/* Servers whose queue of new connections is full: TCP then says nothing, a unix socket "try again". */
static void test_full_queues(void **state)
{
	char path[] = "/tmp/rnm-test-XXXXXX";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct rnm_io_limit limit = { 1, NULL };
	struct rnm_server server = { .host = "127.0.0.1" };
	struct rnm_address_list where;
	struct rnm_io held[3];
	const char *reason;
	unsigned port;
	int ignored, tcp = bind_loopback(0, &port), local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/full.sock", path);
	assert_int_equal(bind(local, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(local, 0), 0);
	for (int round = 0; round < 2; round++) {
		enum rnm_status status = RNM_OK;
		int count = 0;
		double start;

		server.is_unix = round == 1;
		server.host = round == 1 ? addr.sun_path : "127.0.0.1";
		server.port = (uint16_t)port;
		limit.seconds = 1;
		assert_int_equal(rnm_resolve(&where, &server, &limit, &reason), RNM_OK);
		/* One or two find room, whatever the kernel makes of a backlog of 0. */
		for (start = now(); status == RNM_OK && count < 3; start = now()) {
			limit.seconds = 0.3;
			status = rnm_io_socket_connect(&held[count], &where.items[0], &limit, &ignored);
			if (status == RNM_OK)
				count++;
			else
				assert_true(now() - start > 0.25 && now() - start < 1.5);
		}
		assert_int_equal(status, RNM_NO);
		while (count > 0) {
			struct rnm_io *io = &held[--count];

			io->close(io);
		}
	}
	close(tcp);
	close(local);
	unlink(addr.sun_path);
	rmdir(path);
}

/* One whose queue is full, by its timeout and by a raised flag; and a list with what is no server in it. */
static void test_no_connection(void **state)
{
	static volatile sig_atomic_t cancelled = 1;
	const volatile sig_atomic_t *flags[] = { NULL, &cancelled };
	unsigned port, dead;
	int full = bind_loopback(0, &port), refused = bind_loopback(-1, &dead), fillers[3];
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct rnm_redis *redis = NULL;
	struct target where;
	struct rnm_error err;

	(void)state;
	addr.sin_port = htons((uint16_t)port);
	for (size_t i = 0; i < 3; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(connect(fillers[i], (struct sockaddr *)&addr, sizeof(addr)) == 0 ||
		            errno == EINPROGRESS);
	}
	nap(0.1);
	for (size_t i = 0; i < 2; i++) {
		target(&where, 0.3, "127.0.0.1:%u", port);
		assert_int_equal(rnm_redis_connect(&redis, &where.settings, RNM_REDIS_READ, flags[i], &err),
		                 i == 0 ? RNM_E_IO : RNM_E_INTERRUPTED);
		assert_non_null(strstr(err.message, i == 0 ? "no connection within 0.3 s"
		                                           : "interrupted while connecting to"));
	}
	target(&where, 1, "localhost:%u", port);
	assert_int_equal(rnm_redis_connect(&redis, &where.settings, RNM_REDIS_READ, &cancelled, &err),
	                 RNM_E_INTERRUPTED);
	assert_string_equal(err.message, "interrupted while resolving localhost");
	for (size_t i = 0; i < 3; i++)
		close(fillers[i]);
	target(&where, 1, "127.0.0.1:99999 127.0.0.1:%u", dead);
	assert_int_equal(try_connect(&where, &err), RNM_E_IO);
	assert_non_null(strstr(err.message, "99999"));
	assert_non_null(strstr(err.message, "Connection refused"));
	close(refused);
	close(full);
}

/* Five useless servers, one that never accepts, and then a good one. */
static void test_one_good_server_is_enough(void **state)
{
	struct peer silent, http, loading, full, good;
	struct target where;
	struct rnm_redis *redis;
	unsigned refused, hole;
	int refused_fd = bind_loopback(-1, &refused);
	int hole_fd = bind_loopback(0, &hole);

	(void)state;
	peer_start(&silent, stay_silent);
	peer_start(&http, speak_http);
	peer_start(&loading, be_loading);
	peer_start(&full, turn_away);
	peer_start(&good, close_after_greeting);
	redis = must_connect(
	    target(&where, 0.3,
	           "127.0.0.1:%u 127.0.0.1:%u 127.0.0.1:%u 127.0.0.1:%u 127.0.0.1:%u 127.0.0.1:%u "
	           "127.0.0.1:%u",
	           refused, silent.port, http.port, loading.port, full.port, hole, good.port));
	assert_int_equal(rnm_redis_note_count(redis), 6);
	snprintf(where.servers, sizeof(where.servers), "127.0.0.1:%u", good.port);
	assert_string_equal(rnm_redis_address(redis), where.servers);
	rnm_redis_free(redis);
	peer_stop(&silent);
	peer_stop(&http);
	peer_stop(&loading);
	peer_stop(&full);
	peer_stop(&good);
	close(refused_fd);
	close(hole_fd);
}

static void test_many_dead_servers_fit_into_the_message(void **state)
{
	struct target where;
	struct rnm_error err;
	size_t len;

	(void)state;
	target(&where, 5, "%s", "");
	for (int i = 0; i < 60; i++) {
		len = strlen(where.servers);
		snprintf(where.servers + len, sizeof(where.servers) - len, "/no%d ", i);
	}
	assert_int_equal(try_connect(&where, &err), RNM_E_IO);
	assert_non_null(
	    strstr(err.message,
	           "cannot connect to any redis server: /no0: No such file or directory; /no1: "));
	assert_true(strlen(err.message) < 1700);
}

/* ---- while reading ---- */

/* Connects to a peer and sends it one command. */
static struct rnm_redis *begin(struct peer *peer, void (*serve)(int client), double timeout)
{
	struct target where;
	struct rnm_redis *redis;

	peer_start(peer, serve);
	redis = must_connect(target(&where, timeout, "127.0.0.1:%u", peer->port));
	assert_int_equal(rnm_redis_sendv(redis, NULL, "GET", "k", NULL), RNM_OK);
	return redis;
}

static void end(struct rnm_redis *redis, struct peer *peer)
{
	rnm_redis_free(redis);
	peer_stop(peer);
}

static void test_closed_in_the_middle(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, stop_in_a_bulk, 5);
	struct rnm_event event;
	struct rnm_error err;
	enum rnm_status status;
	size_t got = 0;

	(void)state;
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(event.length, 100);
	while ((status = rnm_redis_next(redis, &event, &err)) == RNM_OK) {
		assert_int_equal(event.kind, RNM_EVENT_BULK_DATA);
		got += event.data.len;
	}
	assert_int_equal(got, strlen("half"));
	assert_int_equal(status, RNM_E_IO);
	assert_string_equal(err.id, "redis.closed");
	assert_non_null(strstr(err.message, "closed in the middle of a reply"));
	end(redis, &peer);
}

static void test_closed_between_commands(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, close_after_greeting, 5);
	struct rnm_event event;
	struct rnm_error err;

	(void)state;
	nap(0.05); /* the peer is gone by now: sending must not raise SIGPIPE */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_IO);
		assert_string_equal(err.id, "redis.closed");
	}
	end(redis, &peer);
}

static void test_protocol_error(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, break_the_protocol, 5);
	struct rnm_event event;
	struct rnm_error err;
	char message[256];

	(void)state;
	assert_int_equal(rnm_redis_sendv(redis, NULL, "GET", "l", NULL), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "redis.protocol");
	snprintf(message, sizeof(message),
	         "redis server 127.0.0.1:%u: expected a 64-bit integer, found \"12x\"", peer.port);
	assert_string_equal(err.message, message);
	assert_true(err.has_offset);
	assert_int_equal(err.offset, strlen("+PONG\r\n+fine\r\n"));
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_MALFORMED);
	end(redis, &peer);
}

/* What is only announced gets no memory. */
static void test_huge_announcements(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, announce_a_huge_array, 5);
	struct rnm_reply *reply = NULL;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, &err), RNM_E_IO);
	assert_string_equal(err.id, "redis.closed");
	assert_null(reply);
	end(redis, &peer);

	redis = begin(&peer, announce_a_huge_bulk, 5);
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "redis.too-large");
	end(redis, &peer);

	redis = begin(&peer, nest_too_deep, 5);
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "redis.protocol");
	end(redis, &peer);
}

/* A reply has the timeout, and more only while it keeps the pace. */
static void test_dripping_replies(void **state)
{
	static void (*const drippers[])(int client) = { drip_bulk, drip_array };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct peer peer;
		struct rnm_redis *redis = begin(&peer, drippers[i], 0.5);
		struct rnm_reply *reply = NULL;
		struct rnm_event event;
		struct rnm_error err;
		double start = now();

		if (i == 0) {
			assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
			assert_int_equal(rnm_redis_skip(redis, &event, &err), RNM_E_IO);
		} else {
			assert_int_equal(rnm_redis_reply(redis, &reply, 0, &err), RNM_E_IO);
		}
		assert_string_equal(err.id, "redis.timeout");
		assert_true(now() - start > 0.4 && now() - start < 2);
		end(redis, &peer);
	}
}

static void test_slow_but_steady_reply(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, send_slowly, 0.5);
	struct rnm_reply *reply = NULL;
	struct rnm_error err;
	double start = now();

	(void)state;
	if (rnm_redis_reply(redis, &reply, 0, &err) != RNM_OK)
		fail_msg("%s", err.message);
	assert_true(now() - start > 1);
	assert_int_equal(reply->text.len, 196608);
	rnm_reply_free(reply);
	end(redis, &peer);
}

/* What a caller has no use for is passed over whole, whatever is in it. */
static void test_skipping_a_map(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, answer_with_a_map, 5);
	struct rnm_event event;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_redis_sendv(redis, &err, "PING", NULL), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_MAP);
	assert_int_equal(rnm_redis_skip(redis, &event, &err), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_STATUS);
	assert_memory_equal(event.data.data, "behind it", 9);
	end(redis, &peer);
}

/* What has died says the same of everything that is asked of it. */
static void test_after_death(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, close_after_greeting, 5);
	struct rnm_event event;
	struct rnm_error err, again;
	char big[8192] = "";

	(void)state;
	assert_int_equal(rnm_redis_feed(redis, big, 0, &err), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_IO);
	assert_int_equal(rnm_redis_feed(redis, big, sizeof(big), &again), RNM_E_IO);
	assert_string_equal(again.message, err.message);
	assert_int_equal(rnm_redis_argument(redis, 1, &again), RNM_E_IO);
	assert_string_equal(again.message, err.message);
	assert_int_equal(rnm_redis_begin(redis, 1, &again), RNM_E_IO);
	assert_string_equal(again.message, err.message);
	end(redis, &peer);
}

static void test_reply_inside_a_bulk(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, stop_in_a_bulk, 5);
	struct rnm_reply *reply = NULL;
	struct rnm_event event;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_BULK_BEGIN);
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, &err), RNM_E_USAGE);
	assert_string_equal(err.id, "redis.no-reply");
	end(redis, &peer);
}

#define EIGHT(x) x, x, x, x, x, x, x, x

static void test_too_many_arguments(void **state)
{
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, close_after_greeting, 5);
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_redis_sendv(redis, &err, EIGHT(EIGHT("x")), NULL), RNM_OK);
	assert_int_equal(rnm_redis_sendv(redis, &err, EIGHT(EIGHT("x")), "x", NULL), RNM_E_USAGE);
	assert_string_equal(err.message, "expected at most 64 arguments, found more; use rnm_redis_send");
	end(redis, &peer);
}

/* Sending may take longer than the timeout as long as the peer takes what it gets. */
static void test_large_command_to_a_slow_peer(void **state)
{
	const size_t size = (size_t)40 << 20;
	struct rnm_bytes argv[2] = { { "ECHO", 4 }, { NULL, size } };
	char *text = calloc(1, size);
	struct peer peer;
	struct rnm_redis *redis = begin(&peer, read_slowly, 1);
	struct rnm_event event;
	struct rnm_error err;
	double start = now();

	(void)state;
	argv[1].data = text;
	assert_int_equal(rnm_redis_send(redis, 2, argv, &err), RNM_OK);
	free(text);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
		assert_int_equal(event.kind, RNM_EVENT_STATUS);
	}
	assert_true(now() - start > 1);
	end(redis, &peer);
}

/* ---- listening ---- */

#define SUBSCRIBED "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
#define MESSAGE(length, event) "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$" length "\r\n" event "\r\n"

static void tell_much(int client)
{
	welcome(client);
	if (!hear(client))
		return;
	/* With the confirmation comes a message already; then what is none, and one of an event without end. */
	say(client,
	    SUBSCRIBED MESSAGE("4", "zadd") "*2\r\n+odd\r\n:1\r\n:5\r\n*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n");
	say(client, MESSAGE("70", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqr"));
	say(client, MESSAGE("3", "del"));
	nap(0.2);
	drip(client, "*3\r\n$7\r\nmess");
	stay_silent(client);
}

static void refuse_listeners(int client)
{
	welcome(client);
	if (hear(client))
		say(client, "-NOPERM this user has no permissions to access one of the channels used as "
		            "arguments\r\n");
	stay_silent(client);
}

static void announce_a_huge_message(int client)
{
	welcome(client);
	if (hear(client))
		say(client, SUBSCRIBED "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1000000000\r\n");
	stay_silent(client);
}

static const char *const channel[] = { "c" };

static void expect_event(struct rnm_redis *redis, const char *expected)
{
	char event[RNM_KEYSPACE_EVENT_SIZE] = "?";
	struct rnm_error err;
	enum rnm_status status = RNM_NO;

	for (int i = 0; i < 100 && status == RNM_NO; i++) {
		status = rnm_redis_listen(redis, event, &err);
		if (status == RNM_NO)
			nap(0.02);
	}
	assert_int_equal(status, RNM_OK);
	assert_string_equal(event, expected);
}

static void test_listening(void **state)
{
	char event[RNM_KEYSPACE_EVENT_SIZE];
	struct peer peer;
	struct target there;
	struct rnm_redis *redis;
	struct rnm_error err;
	enum rnm_status status;

	(void)state;
	peer_start(&peer, tell_much);
	redis = must_connect(target(&there, 0.5, "127.0.0.1:%u", peer.port));
	assert_int_equal(rnm_redis_subscribe(redis, channel, 1, &err), RNM_OK);
	assert_true(rnm_redis_descriptor(redis) >= 0);
	expect_event(redis, "zadd");
	for (int i = 0; i < 3; i++)
		expect_event(redis, "");
	expect_event(redis, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk");
	expect_event(redis, "del");
	/* Nothing there is no failure; half of a message that goes no further is. */
	do {
		status = rnm_redis_listen(redis, event, &err);
		nap(0.01);
	} while (status == RNM_NO);
	assert_int_equal(status, RNM_E_IO);
	assert_string_equal(err.id, "redis.timeout");
	assert_int_equal(rnm_redis_listen(redis, event, &err), RNM_E_IO);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

static void test_listening_refused(void **state)
{
	static const struct {
		void (*serve)(int client);
		enum rnm_status status;
		const char *id;
	} peers[] = {
		{ refuse_listeners, RNM_E_REDIS, "redis.subscribe" },
		{ announce_a_huge_message, RNM_E_MALFORMED, "redis.too-large" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		char event[RNM_KEYSPACE_EVENT_SIZE];
		struct peer peer;
		struct target there;
		struct rnm_redis *redis;
		struct rnm_error err;
		enum rnm_status status;

		peer_start(&peer, peers[i].serve);
		redis = must_connect(target(&there, 5, "127.0.0.1:%u", peer.port));
		status = rnm_redis_subscribe(redis, channel, 1, &err);
		for (int n = 0; n < 100 && (status == RNM_OK || status == RNM_NO); n++) {
			status = rnm_redis_listen(redis, event, &err);
			nap(status == RNM_NO ? 0.02 : 0);
		}
		assert_int_equal(status, peers[i].status);
		assert_string_equal(err.id, peers[i].id);
		rnm_redis_free(redis);
		peer_stop(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_closed_at_once),
		cmocka_unit_test(test_strange_roles),
		cmocka_unit_test(test_notes_are_bounded),
		cmocka_unit_test(test_path_too_long),
		cmocka_unit_test(test_no_connection),
		cmocka_unit_test(test_full_queues),
		cmocka_unit_test(test_one_good_server_is_enough),
		cmocka_unit_test(test_many_dead_servers_fit_into_the_message),
		cmocka_unit_test(test_closed_in_the_middle),
		cmocka_unit_test(test_closed_between_commands),
		cmocka_unit_test(test_protocol_error),
		cmocka_unit_test(test_huge_announcements),
		cmocka_unit_test(test_dripping_replies),
		cmocka_unit_test(test_slow_but_steady_reply),
		cmocka_unit_test(test_skipping_a_map),
		cmocka_unit_test(test_after_death),
		cmocka_unit_test(test_reply_inside_a_bulk),
		cmocka_unit_test(test_too_many_arguments),
		cmocka_unit_test(test_large_command_to_a_slow_peer),
		cmocka_unit_test(test_listening),
		cmocka_unit_test(test_listening_refused),
	};

	return cmocka_run_group_tests_name("redis peers", tests, NULL, NULL);
}
