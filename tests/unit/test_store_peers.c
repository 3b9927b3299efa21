/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that die after every byte, say too much, or the wrong thing, while models are listed and exported. */
#include "store_live.h"

#include <rnm/training.h>

#include <dirent.h>

#define TEXT_MAX ((size_t)8 << 20)

static const char member[] = "{\"digest\":\"d\",\"symbols\":[\"A\"],\"version\":1,\"redis_key\":\"k\","
                             "\"providers_digest\":\"" DIGEST "\"}";

/* ---- a conversation ---- */

enum step { STEP_GREETING, STEP_ZSET, STEP_ALIVE, STEP_HMGET, STEPS };

/* What the server says at each step, once it has been asked. */
static struct rnm_buf said[STEPS];
static size_t cut;           /* it dies after so many bytes of it all */
static const char *and_then; /* what it says for ever instead of dying, or NULL */
static double pause_between; /* seconds between two of these */

/* The places of all replies, and of their elements. */
enum place {
	ZSET, MEMBER, SCORE, ZSET_TTL,
	ALIVE, SIZE, TTL,
	HMGET, ROC, NORM, META, LOCK, HOST, OBSOLETE, PCA, ANN,
	SCAN, CURSOR, KEYS, NAME, TYPE,
	NOWHERE
};

/* In this place the server says something else. */
static enum place wrong_place = NOWHERE;
static const char *wrong_text;

static void put(enum step step, const char *text)
{
	assert_true(rnm_buf_puts(&said[step], text));
}

/* Whether what belongs here is to follow. */
static bool put_at(enum step step, enum place place, const char *text)
{
	const bool wrong = place == wrong_place;

	put(step, wrong ? wrong_text : text);
	return !wrong;
}

static void put_bulk(enum step step, enum place place, struct rnm_bytes bytes)
{
	if (!put_at(step, place, ""))
		return;
	assert_true(rnm_buf_printf(&said[step], "$%zu\r\n", bytes.len));
	assert_true(rnm_buf_append(&said[step], bytes.data, bytes.len));
	put(step, "\r\n");
}

static void forget(void)
{
	for (int i = 0; i < STEPS; i++) {
		rnm_buf_free(&said[i]);
		rnm_buf_init(&said[i], TEXT_MAX);
	}
	cut = SIZE_MAX;
	and_then = NULL;
	pause_between = 0;
}

static void script_list(bool full)
{
	forget();
	put(STEP_GREETING, "+PONG\r\n");
	if (put_at(STEP_ZSET, ZSET, "*2\r\n")) {
		put_bulk(STEP_ZSET, MEMBER, rnm_bytes_of(member));
		put_at(STEP_ZSET, SCORE, "$1\r\n9\r\n");
	}
	if (full)
		put_at(STEP_ZSET, ZSET_TTL, ":-1\r\n");
	put_at(STEP_ALIVE, ALIVE, ":1\r\n");
	if (full) {
		put_at(STEP_ALIVE, SIZE, ":77\r\n");
		put_at(STEP_ALIVE, TTL, ":-1\r\n");
	}
}

/* The whole conversation about one sound model. */
static void script(struct rnm_bytes ann)
{
	script_list(false);
	if (!put_at(STEP_HMGET, HMGET, "*8\r\n"))
		return;
	put_bulk(STEP_HMGET, ROC, rnm_bytes_of("[0.5,-0.5]"));
	put_at(STEP_HMGET, NORM, "$-1\r\n");
	put_bulk(STEP_HMGET, META, rnm_bytes_of("[]"));
	put_bulk(STEP_HMGET, LOCK, rnm_bytes_of("1.5"));
	put_bulk(STEP_HMGET, HOST, rnm_bytes_of("host"));
	put_at(STEP_HMGET, OBSOLETE, "$-1\r\n");
	put_at(STEP_HMGET, PCA, "$-1\r\n");
	put_bulk(STEP_HMGET, ANN, ann);
}

/* One round that finds one set. */
static void script_scan(void)
{
	forget();
	put(STEP_GREETING, "+PONG\r\n");
	if (put_at(STEP_ZSET, SCAN, "*2\r\n")) {
		put_at(STEP_ZSET, CURSOR, "$1\r\n0\r\n");
		if (put_at(STEP_ZSET, KEYS, "*1\r\n"))
			put_bulk(STEP_ZSET, NAME, rnm_bytes_of("rn3_embed_3_default"));
	}
	put_at(STEP_ALIVE, TYPE, "+zset\r\n");
}

static size_t said_before(enum step step)
{
	size_t bytes = 0;

	for (int i = 0; i < (int)step; i++)
		bytes += said[i].len;
	return bytes;
}

static bool send_all(int client, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(client, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

static void go_on_for_ever(int client)
{
	static char many[65536];
	size_t len = strlen(and_then), filled = 0;

	/* A flood comes in large pieces, a drip byte by byte. */
	do {
		memcpy(many + filled, and_then, len);
		filled += len;
	} while (pause_between <= 0 && filled + len < sizeof(many));
	while (send_all(client, many, filled))
		if (pause_between > 0)
			nap(pause_between);
}

static void converse(int client)
{
	size_t left = cut;

	for (int i = 0; i < STEPS; i++) {
		const size_t len = said[i].len < left ? said[i].len : left;

		if (!hear(client) || !send_all(client, rnm_buf_cstr(&said[i]), len))
			return;
		left -= len;
		if (left == 0)
			break;
	}
	if (left == 0 && and_then != NULL)
		go_on_for_ever(client);
	/* What is on its way must arrive: closing with unread commands would take it back. */
	shutdown(client, SHUT_WR);
	while (hear(client))
		;
}

/* Dies one byte later for each client. */
static void converse_and_count(int client)
{
	converse(client);
	cut++;
}

/* ---- the other side ---- */

static void write_old(void)
{
	FILE *file = fopen(in_folder("m"), "w");

	assert_non_null(file);
	assert_true(fputs("old", file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static bool is_old(void)
{
	struct rnm_buf bytes;
	bool old;

	rnm_buf_init(&bytes, TEXT_MAX);
	assert_int_equal(rnm_file_read(in_folder("m"), &bytes, bytes.max, NULL), RNM_OK);
	old = strcmp(rnm_buf_cstr(&bytes), "old") == 0;
	rnm_buf_free(&bytes);
	return old;
}

/* Connects, lists, chooses and exports over the file m. */
static enum rnm_status export_from(const struct peer *peer, double timeout, bool compress, struct rnm_error *err)
{
	const struct rnm_export_options options = { .path = in_folder("m"), .created_at = 5, .compress = compress };
	const struct rnm_choice choice = { .newest = true };
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list = NULL;
	struct rnm_export_result result;
	struct rnm_redis *redis = NULL;
	struct target where;
	size_t index = 0;
	enum rnm_status status = rnm_redis_connect(&redis, target(&where, timeout, "127.0.0.1:%u", peer->port),
	                                           RNM_REDIS_READ, NULL, err);

	if (status == RNM_OK)
		status = rnm_store_list(&list, redis, &rule, "default", RNM_LIST_ALIVE, err);
	if (status == RNM_OK)
		status = rnm_store_choose(&index, list, &rule, &choice, err);
	if (status == RNM_OK)
		status = rnm_store_export(redis, &rule, list, index, &options, &result, err);
	rnm_model_list_free(list);
	rnm_redis_free(redis);
	return status;
}

/* Nothing has been written, and nothing lies beside the file. */
static void expect_untouched(void)
{
	assert_int_equal(folder_entries(), 1);
	assert_true(is_old());
}

/* ---- death ---- */

/* A server that has not said a byte may be one that wants TLS. */
static const char *hint_of_death(size_t bytes)
{
	if (bytes >= said_before(STEP_ZSET))
		return "run the command again: the server was stopped or restarted";
	return bytes > 0 ? "" : "does the server want TLS? It is used with rediss:// or ssl = true";
}

static void expect_death(const struct peer *peer, size_t bytes, bool compress)
{
	struct rnm_error err;
	enum rnm_status status = export_from(peer, 20, compress, &err);

	if (status != RNM_E_IO)
		fail_msg("%zu bytes: status %d: %s", bytes, (int)status, err.message);
	assert_string_equal(err.id, bytes < said_before(STEP_ZSET) ? "redis.connect" : "redis.closed");
	assert_non_null(strstr(err.message, "the connection was closed"));
	assert_string_equal(err.hint, hint_of_death(bytes));
	expect_untouched();
}

static void test_death_after_every_byte(void **state)
{
	struct rnm_bytes ann = network(64);
	struct peer peer;
	struct rnm_error err;
	size_t total;

	(void)state;
	script(ann);
	total = said_before(STEPS);
	write_old();
	cut = 0;
	peer_start(&peer, converse_and_count);
	for (size_t bytes = 0; bytes < total; bytes++)
		expect_death(&peer, bytes, bytes % 8 == 7);
	if (export_from(&peer, 20, false, &err) != RNM_OK)
		fail_msg("%s", err.message);
	assert_false(is_old());
	peer_stop(&peer);
	free_bytes(ann);
	assert_int_equal(unlink(in_folder("m")), 0);
}

/* A model that passes through the read buffer many times, and through the checking thread. */
static void test_death_in_a_large_model(void **state)
{
	static const size_t from_start[] = { 0, 1, 4, 65535, 65536, 262143, 262144, 262145, 1 << 20, 2500000 };
	struct rnm_bytes ann = network((size_t)3 << 20);
	size_t blob, total;

	(void)state;
	script(ann);
	total = said_before(STEPS);
	blob = total - 2 - ann.len;
	write_old();
	for (size_t i = 0; i < sizeof(from_start) / sizeof(from_start[0]) + 3; i++) {
		const size_t starts = sizeof(from_start) / sizeof(from_start[0]);
		struct peer peer;

		/* The last three: before the last byte of the network, before and within the line end. */
		cut = i < starts ? blob + from_start[i] : total - 3 + (i - starts);
		peer_start(&peer, converse);
		expect_death(&peer, cut, i % 2 == 1);
		peer_stop(&peer);
	}
	free_bytes(ann);
	assert_int_equal(unlink(in_folder("m")), 0);
}

/* ---- no end ---- */

/* What follows the sound beginning of a conversation, for ever. */
static const struct {
	enum step step;
	const char *begin; /* of this step's reply */
	const char *piece;
	const char *id;
} endless[] = {
	{ STEP_GREETING, "*4294967295\r\n", ":1\r\n", "redis.connect" },
	{ STEP_GREETING, "+", "x", "redis.connect" },
	{ STEP_GREETING, "", ">1\r\n+p\r\n", "redis.connect" },
	{ STEP_ZSET, "+", "x", "redis.protocol" },
	{ STEP_ZSET, "-", "x", "redis.protocol" },
	{ STEP_ZSET, "", "*1\r\n", "redis.protocol" },
	{ STEP_ZSET, "", ">1\r\n+p\r\n", "redis.protocol" },
	{ STEP_ZSET, "", "|1\r\n+a\r\n+b\r\n", "redis.protocol" },
	{ STEP_ZSET, "*4294967294\r\n", "$2\r\n{}\r\n$1\r\n1\r\n", "store.too-many" },
	{ STEP_ZSET, "*2\r\n$1099511627776\r\n", "x", "store.too-large" },
	{ STEP_ZSET, "*2\r\n$9223372036854775807\r\n", "x", "redis.protocol" },
	{ STEP_ZSET, "*2\r\n$2\r\n{}\r\n$1099511627776\r\n", "1", "store.too-large" },
	{ STEP_ALIVE, "*4294967295\r\n", ":1\r\n", "redis.protocol" },
	{ STEP_ALIVE, "$1099511627776\r\n", "x", "redis.protocol" },
	{ STEP_ALIVE, ":", "1", "redis.protocol" },
	{ STEP_HMGET, "*4294967295\r\n", "$1\r\na\r\n", "redis.protocol" },
	{ STEP_HMGET, "*8\r\n$1099511627776\r\n", "x", "store.too-large" },
	{ STEP_HMGET, "*8\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$1099511627776\r\n", "x", "export.too-large" },
	{ STEP_HMGET, "*8\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$1099511627776\r\n", "x",
	  "export.too-large" },
	{ STEP_HMGET, "*8\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$9223372036854775807\r\n", "x",
	  "redis.protocol" },
};

static void test_endless(void **state)
{
	struct rnm_bytes ann = network(64);

	(void)state;
	write_old();
	for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
		struct rnm_error err;
		struct peer peer;
		double start;

		script(ann);
		rnm_buf_clear(&said[endless[i].step]);
		put(endless[i].step, endless[i].begin);
		cut = said_before(endless[i].step + 1);
		and_then = endless[i].piece;
		if (endless[i].begin[0] == '\0') {
			put(endless[i].step, endless[i].piece);
			cut += strlen(endless[i].piece);
		}
		peer_start(&peer, converse);
		start = now();
		assert_int_not_equal(export_from(&peer, 1, false, &err), RNM_OK);
		if (strcmp(err.id, endless[i].id) != 0)
			fail_msg("%zu: %s: %s", i, err.id, err.message);
		assert_true(now() - start < 6);
		peer_stop(&peer);
		expect_untouched();
	}
	free_bytes(ann);
	assert_int_equal(unlink(in_folder("m")), 0);
}

/* However little comes, and however steadily: the reply has its time and no more. */
static void test_dripping(void **state)
{
	static const struct {
		enum step step;
		const char *begin, *piece;
		const char *id;
	} drips[] = {
		{ STEP_GREETING, "-", "x", "redis.connect" },
		{ STEP_ZSET, "*100000\r\n", "$2\r\n{}\r\n$1\r\n1\r\n", "redis.timeout" },
		{ STEP_ALIVE, "-", "x", "redis.timeout" },
		{ STEP_HMGET, "*8\r\n$100000\r\n", "x", "redis.timeout" },
		{ STEP_HMGET, "*8\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$100000\r\n\x28\xb5\x2f\xfd", "x",
		  "redis.timeout" },
	};
	struct rnm_bytes ann = network(64);

	(void)state;
	write_old();
	for (size_t i = 0; i < sizeof(drips) / sizeof(drips[0]); i++) {
		struct rnm_error err;
		struct peer peer;
		double start;

		script(ann);
		rnm_buf_clear(&said[drips[i].step]);
		put(drips[i].step, drips[i].begin);
		cut = said_before(drips[i].step + 1);
		and_then = drips[i].piece;
		pause_between = 0.1;
		peer_start(&peer, converse);
		start = now();
		assert_int_equal(export_from(&peer, 0.6, false, &err), RNM_E_IO);
		assert_string_equal(err.id, drips[i].id);
		assert_non_null(strstr(err.message, "the rest of a reply did not come within 0.6 s"));
		assert_true(now() - start > 0.5 && now() - start < 2.6);
		peer_stop(&peer);
		expect_untouched();
	}
	free_bytes(ann);
	assert_int_equal(unlink(in_folder("m")), 0);
}

/* ---- the wrong thing ---- */

static const char *const wrong_texts[] = {
	"+OK\r\n",  ":1\r\n", "$-1\r\n", "*0\r\n",     "*1\r\n:1\r\n", "%1\r\n+a\r\n+b\r\n",
	",1.5\r\n", "#t\r\n", "_\r\n",   "-ERR no\r\n", "$1\r\nx\r\n",
};
#define WRONG_TEXTS (sizeof(wrong_texts) / sizeof(wrong_texts[0]))

/* What each of these comes to: done, malformed, not found, Redis refused. */
static char letter_of(enum rnm_status status)
{
	switch (status) {
	case RNM_OK:
		return 'd';
	case RNM_E_MALFORMED:
		return 'm';
	case RNM_E_NOT_FOUND:
		return 'n';
	case RNM_E_REDIS:
		return 'r';
	default:
		return '?';
	}
}

static enum rnm_status list_from(const struct peer *peer, struct rnm_error *err)
{
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list = NULL;
	struct target where;
	struct rnm_redis *redis = must_connect(target(&where, 20, "127.0.0.1:%u", peer->port));
	enum rnm_status status = rnm_store_list(&list, redis, &rule, "default", RNM_LIST_FULL, err);

	rnm_model_list_free(list);
	rnm_redis_free(redis);
	return status;
}

static enum rnm_status scan_from(const struct peer *peer, struct rnm_error *err)
{
	struct rnm_store_set *sets = NULL;
	struct target where;
	struct rnm_redis *redis = must_connect(target(&where, 20, "127.0.0.1:%u", peer->port));
	size_t count = 0;
	enum rnm_status status = rnm_store_scan(&sets, &count, redis, "rn", NULL, 0, err);

	rnm_store_sets_free(sets, count);
	rnm_redis_free(redis);
	return status;
}

static enum rnm_status try_wrong(enum place place, struct rnm_bytes ann, struct rnm_error *err)
{
	const bool full = place == ZSET_TTL || place == SIZE || place == TTL;
	enum rnm_status status;
	struct peer peer;

	if (place >= SCAN)
		script_scan();
	else if (full)
		script_list(true);
	else
		script(ann);
	peer_start(&peer, converse);
	if (place >= SCAN)
		status = scan_from(&peer, err);
	else if (full)
		status = list_from(&peer, err);
	else
		status = export_from(&peer, 20, false, err);
	peer_stop(&peer);
	return status;
}

static void test_wrong_types(void **state)
{
	static const struct {
		enum place place;
		const char *expected; /* in the order of wrong_texts */
	} places[] = {
		{ ZSET, "mmnnmmmmnrm" },     { MEMBER, "mmmmmmmmmmn" },   { SCORE, "mmmmmmdmmmd" },
		{ ZSET_TTL, "mddmmmmdddm" }, { ALIVE, "mdnmmmmdnrm" },    { SIZE, "mddmmmmdddm" },
		{ TTL, "mddmmmmdddm" },      { HMGET, "mmmmmmmmmrm" },    { ROC, "mmdmmmmmdmm" },
		{ NORM, "mmdmmmmmdmm" },     { META, "mmdmmmmmdmd" },     { LOCK, "mmdmmmmmdmd" },
		{ HOST, "mmdmmmmmdmd" },     { OBSOLETE, "mmdmmmmmdmd" }, { PCA, "mmdmmmmmdmm" },
		{ ANN, "mmnmmmmmnmm" },      { SCAN, "mmmmmmmmmrm" },     { CURSOR, "mmmmmmmmmmm" },
		{ KEYS, "mmmdmmmmmmm" },     { NAME, "mmmmmmmmmmd" },     { TYPE, "dmmmmmmmmdm" },
	};
	struct rnm_bytes ann = network(64);

	(void)state;
	write_old();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char found[WRONG_TEXTS + 1] = "";

		wrong_place = places[i].place;
		for (size_t t = 0; t < WRONG_TEXTS; t++) {
			struct rnm_error err;
			enum rnm_status status;

			wrong_text = wrong_texts[t];
			status = try_wrong(places[i].place, ann, &err);
			found[t] = letter_of(status);
			assert_int_equal(folder_entries(), 1);
			if (!is_old()) {
				assert_int_equal(status, RNM_OK);
				write_old();
			}
		}
		if (strcmp(found, places[i].expected) != 0)
			fail_msg("place %d: expected %s, found %s", (int)places[i].place, places[i].expected, found);
	}
	wrong_place = NOWHERE;
	free_bytes(ann);
	assert_int_equal(unlink(in_folder("m")), 0);
}

/* Replies that nobody asked for are taken for those that were: then they are the wrong ones. */
static void test_more_than_asked(void **state)
{
	static const struct {
		enum step step;
		const char *extra;
	} extras[] = {
		{ STEP_GREETING, "+PONG\r\n" },
		{ STEP_GREETING, ":1\r\n" },
		{ STEP_ZSET, "*0\r\n" },
		{ STEP_ALIVE, "+OK\r\n" },
	};
	struct rnm_bytes ann = network(64);
	struct rnm_error err;
	struct peer peer;

	(void)state;
	write_old();
	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		script(ann);
		put(extras[i].step, extras[i].extra);
		peer_start(&peer, converse);
		assert_int_equal(export_from(&peer, 20, false, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "redis.protocol");
		peer_stop(&peer);
		expect_untouched();
	}
	/* Behind the last reply it harms nobody. */
	script(ann);
	put(STEP_HMGET, "+OK\r\n:1\r\ngarbage");
	peer_start(&peer, converse);
	if (export_from(&peer, 20, false, &err) != RNM_OK)
		fail_msg("%s", err.message);
	peer_stop(&peer);
	assert_false(is_old());
	free_bytes(ann);
	assert_int_equal(unlink(in_folder("m")), 0);
}

/* All the answers of an export are there before the first question: they are what was wanted. */
static void answer_before_asked(int client)
{
	for (int i = 0; i < STEPS; i++)
		if (!send_all(client, rnm_buf_cstr(&said[i]), said[i].len))
			return;
	while (hear(client))
		;
}

static void test_answers_before_questions(void **state)
{
	struct rnm_bytes ann = network(64);
	struct rnm_error err;
	struct peer peer;

	(void)state;
	script(ann);
	write_old();
	peer_start(&peer, answer_before_asked);
	if (export_from(&peer, 20, false, &err) != RNM_OK)
		fail_msg("%s", err.message);
	assert_false(is_old());
	peer_stop(&peer);
	free_bytes(ann);
	assert_int_equal(unlink(in_folder("m")), 0);
}

/* SCAN that names keys for ever, in one round and in many. */
static void test_endless_scan(void **state)
{
	struct rnm_error err;
	struct peer peer;

	(void)state;
	wrong_place = KEYS;
	wrong_text = "*4294967295\r\n";
	script_scan();
	cut = said_before(STEP_ALIVE);
	and_then = "$1\r\nx\r\n";
	peer_start(&peer, converse);
	assert_int_equal(scan_from(&peer, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "store.too-many");
	assert_string_equal(err.message, "expected SCAN to name at most 1000000 keys, found more");
	peer_stop(&peer);
	wrong_place = NOWHERE;
}

static enum rnm_status count_vectors(void *ctx, enum rnm_class class_, const double *values, size_t count,
                                     struct rnm_error *err)
{
	(void)class_, (void)values, (void)count, (void)err;
	++*(size_t *)ctx;
	return RNM_OK;
}

/* SSCAN that names the same vector for ever. */
static void test_endless_training(void **state)
{
	struct rnm_rule rule = embed_rule();
	struct rnm_training_sets *sets = NULL;
	struct rnm_redis *redis;
	struct rnm_error err;
	struct target where;
	struct peer peer;
	size_t vectors = 0;

	(void)state;
	forget();
	put(STEP_GREETING, "+PONG\r\n");
	put(STEP_ZSET, "*2\r\n$1\r\n0\r\n*4294967295\r\n");
	cut = said_before(STEP_ALIVE);
	and_then = "$1\r\nx\r\n";
	peer_start(&peer, converse);
	redis = must_connect(target(&where, 20, "127.0.0.1:%u", peer.port));
	assert_int_equal(
	    rnm_training_read(&sets, redis, &rule, "default", "key", 4, count_vectors, &vectors, &err),
	    RNM_E_MALFORMED);
	assert_string_equal(err.id, "training.too-many");
	assert_string_equal(err.message, "expected at most 4194304 vectors of one class, found more");
	assert_null(sets);
	assert_int_equal(vectors, 0);
	rnm_redis_free(redis);
	peer_stop(&peer);
}

static int clean_up(void **state)
{
	forget();
	return remove_empty_folder(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_death_after_every_byte),
		cmocka_unit_test(test_death_in_a_large_model),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_dripping),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_more_than_asked),
		cmocka_unit_test(test_answers_before_questions),
		cmocka_unit_test(test_endless_scan),
		cmocka_unit_test(test_endless_training),
	};

	return cmocka_run_group_tests_name("store peers", tests, make_folder, clean_up);
}
