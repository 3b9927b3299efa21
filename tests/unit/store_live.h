/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of models in a real Redis: the server with the original's own data set, and ways to add to it. */
#ifndef RNM_TESTS_STORE_LIVE_H
#define RNM_TESTS_STORE_LIVE_H

#include "base/file.h"
#include "base/value_build.h"
#include "redis_live.h"
#include "test_folder.h"

#include <rnm/store.h>

#include <zstd.h>

#define DIGEST "376616275a1a984c"
#define OTHER "0123456789abcdef"
#define NONE SIZE_MAX

static struct live server; /* loaded from a copy of the original's dump */

static char embed_name[] = "embed";
static char symbolic_name[] __attribute__((unused)) = "symbolic", space_prefix[] __attribute__((unused)) = "p p";
static char global_name[] = "rn";
static const struct rnm_value no_options = { .type = RNM_OBJECT }; /* a rule that says nothing more */

static inline struct rnm_rule embed_rule(void)
{
	struct rnm_rule rule = { .name = embed_name, .prefix = embed_name, .global = global_name, .has_providers = true,
		                 .providers_used = true, .disable_symbols_input = true, .digest = DIGEST,
		                 .max_profiles = 3, .ann_expire = 172800, .watch_interval = 60, .raw = &no_options };

	return rule;
}

/* ---- the server ---- */

static inline void exec_server(void)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server.socket, "--dir", server.dir,
	       "--dbfilename", "dump.rdb", "--save", "", "--appendonly", "no", (char *)NULL);
	_exit(127);
}

static inline void copy_dump(void)
{
	char from[4096], to[128];
	struct rnm_buf bytes;
	FILE *out;

	snprintf(from, sizeof(from), "%s/data/cli/dump.rdb", getenv("RNM_TESTS"));
	snprintf(to, sizeof(to), "%s/dump.rdb", server.dir);
	rnm_buf_init(&bytes, (size_t)16 << 20);
	assert_int_equal(rnm_file_read(from, &bytes, bytes.max, NULL), RNM_OK);
	out = fopen(to, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes.data, 1, bytes.len, out), bytes.len);
	assert_int_equal(fclose(out), 0);
	rnm_buf_free(&bytes);
}

static inline int setup(void **state)
{
	struct target where;
	double deadline = now() + 20;

	assert_int_equal(make_folder(state), 0);
	strcpy(server.dir, "/tmp/rnm-store-XXXXXX");
	assert_non_null(mkdtemp(server.dir));
	snprintf(server.socket, sizeof(server.socket), "%s/redis.sock", server.dir);
	copy_dump();
	server.pid = fork();
	if (server.pid == 0)
		exec_server();
	while (now() < deadline) {
		struct rnm_redis *redis = NULL;
		int status;

		if (rnm_redis_connect(&redis, target(&where, 5, "%s", server.socket), RNM_REDIS_READ, NULL, NULL) ==
		    RNM_OK) {
			rnm_redis_free(redis);
			return 0;
		}
		if (waitpid(server.pid, &status, WNOHANG) == server.pid)
			break;
		nap(0.01);
	}
	print_message("no redis-server: the tests of the store are skipped\n");
	server.pid = 0;
	return 0;
}

static inline int teardown(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/dump.rdb", server.dir);
	unlink(path);
	live_stop(&server);
	return remove_empty_folder(state);
}

#define NEED_SERVER()                                                                                        \
	do {                                                                                                 \
		if (server.pid == 0)                                                                         \
			skip();                                                                              \
	} while (0)

static inline struct rnm_redis *connect_server(void)
{
	struct target where;

	return must_connect(target(&where, 5, "%s", server.socket));
}

/* One command with binary arguments, whose answer must be no error. */
static inline void tell(struct rnm_redis *redis, size_t argc, const struct rnm_bytes *argv)
{
	struct rnm_reply *reply = NULL;

	assert_int_equal(rnm_redis_send(redis, argc, argv, NULL), RNM_OK);
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, NULL), RNM_OK);
	if (reply->kind == RNM_EVENT_ERROR)
		fail_msg("%s", reply->text.data);
	rnm_reply_free(reply);
}

static inline void hset(struct rnm_redis *redis, const char *key, const char *field, const void *data, size_t len)
{
	struct rnm_bytes argv[] = { rnm_bytes_of("HSET"), rnm_bytes_of(key), rnm_bytes_of(field), { data, len } };

	tell(redis, 4, argv);
}

static inline void zadd(struct rnm_redis *redis, const char *settings, double score, const char *member)
{
	char zset[64], text[32];
	struct rnm_bytes argv[4];

	snprintf(zset, sizeof(zset), "rn3_embed_3_%s", settings);
	snprintf(text, sizeof(text), "%.17g", score);
	argv[0] = rnm_bytes_of("ZADD");
	argv[1] = rnm_bytes_of(zset);
	argv[2] = rnm_bytes_of(text);
	argv[3] = rnm_bytes_of(member);
	tell(redis, 4, argv);
}

/* A profile under "rn_<settings>_<version>", with a network when ann is not NULL. */
static inline void add_profile(struct rnm_redis *redis, const char *settings, double score, const char *version,
                        const char *digest, const char *symbols, struct rnm_bytes ann)
{
	char member[1024], key[64], named[64] = "";

	snprintf(key, sizeof(key), "rn_%s_%.0f_%s", settings, score, version);
	if (digest != NULL)
		snprintf(named, sizeof(named), ",\"providers_digest\":\"%s\"", digest);
	snprintf(member, sizeof(member), "{\"digest\":\"aabbccdd\",\"symbols\":[%s],\"version\":%s,\"redis_key\":\"%s\"%s}",
	         symbols, version, key, named);
	zadd(redis, settings, score, member);
	if (ann.data != NULL)
		hset(redis, key, "ann", ann.data, ann.len);
}

/* A frame around a body of `size` bytes that starts as a network does. */
static inline struct rnm_bytes network(size_t size)
{
	unsigned char *body = malloc(size);
	size_t bound = ZSTD_compressBound(size);
	char *frame = malloc(bound);
	uint64_t x = 88172645463325252u;
	size_t len;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		body[i] = (unsigned char)x;
	}
	memcpy(body, "KAN\1", 4);
	len = ZSTD_compress(frame, bound, body, size, 1);
	assert_false(ZSTD_isError(len));
	free(body);
	return (struct rnm_bytes){ frame, len };
}

static inline void free_bytes(struct rnm_bytes bytes)
{
	free((void *)(uintptr_t)bytes.data);
}

/* ---- the original's data set, settings by settings ---- */

struct case_entry {
	const char *settings;
	size_t count;
	size_t served, original;
	size_t newest, worker;     /* what rnm_store_choose picks, or NONE */
	const char *choose_id;     /* why it picks nothing */
	const char *golden;        /* the original's file that the export in its manner equals, or NULL */
	const char *golden_id;     /* why there is none */
	const char *strict_id;     /* why the export by the publisher's rules fails, or NULL */
	const char *verdicts;      /* of all models, joined with | */
	const char *sized_verdict; /* of the only model, once its size is known: nobody serves it; or NULL */
};

#define OK_CASE(name, verdicts) { name, 1, 0, 0, 0, 0, NULL, "export_" name, NULL, NULL, verdicts, NULL }

static const struct case_entry cases[] __attribute__((unused)) = {
	{ "default", 3, 0, 0, 0, 0, NULL, "export_default", NULL, NULL,
	  "served|older version|no network under its key (expired?)", NULL },
	{ "older_live", 2, 1, 1, 1, 1, NULL, "export_older_live", NULL, NULL, "no network under its key (expired?)|served",
	  NULL },
	{ "all_stale", 2, NONE, NONE, NONE, NONE, "store.none-live", NULL, NULL, NULL,
	  "no network under its key (expired?)|no network under its key (expired?)", NULL },
	{ "tie", 2, 0, 0, 0, 0, NULL, "export_tie", NULL, NULL, "served|older version", NULL },
	{ "version_vs_time", 2, 1, 0, 0, 1, NULL, "export_version_vs_time", NULL, NULL, "older version|served", NULL },
	{ "badjson", 5, 3, 3, 3, 3, NULL, "export_badjson", NULL, NULL, NULL, NULL },
	{ "nokey", 2, 1, 1, 1, 1, NULL, "export_nokey", NULL, NULL,
	  "malformed profile: the field `redis_key` is missing|served", NULL },
	/* The original: both stale. */
	{ "keywrongtype", 2, 1, 1, 1, 1, NULL, NULL, NULL, NULL, "its key is not a hash|served", NULL },
	{ "empty_fields", 1, 0, 0, 0, 0, NULL, "export_empty_fields", NULL, NULL, "served", NULL },
	{ "empty_ann", 1, 0, 0, 0, 0, NULL, NULL, "export.blob", "export.blob", "served",
	  "empty network: workers fail to load it and do not fall back" },
	OK_CASE("unit", "served"),
	OK_CASE("pca", "served"),
	OK_CASE("no_roc", "served"),
	{ "bad_norm", 1, 0, 0, 0, 0, NULL, NULL, "export.roc", "export.roc", "served", NULL },
	{ "ver_string", 1, 0, 0, 0, 0, NULL, "export_ver_string", NULL, NULL, "served", NULL },
	{ "ver_float", 1, 0, 0, 0, 0, NULL, "export_ver_float", NULL, "export.version", "served", NULL },
	{ "ver_missing", 1, NONE, 0, 0, 0, NULL, "export_ver_missing", NULL, "export.version",
	  "malformed profile: the field `version` is missing", NULL },
	OK_CASE("ver_big", "served"),
	{ "ver_zero", 1, 0, 0, 0, 0, NULL, "export_ver_zero", NULL, "export.version", "served", NULL },
	{ "ver_neg", 1, 0, 0, 0, 0, NULL, "export_ver_neg", NULL, "export.version", "served", NULL },
	{ "dup_version", 2, 0, 0, 0, 0, NULL, "export_dup_version", NULL, NULL, "served|same version, stored earlier", NULL },
	{ "other_digest", 1, NONE, 0, NONE, NONE, "store.digest", NULL, NULL, NULL,
	  "trained under another configuration (digest " OTHER ")", NULL },
	{ "no_digest", 1, NONE, 0, NONE, NONE, "store.digest", NULL, NULL, NULL,
	  "names no providers digest, the rule has one", NULL },
	{ "garbage_ann", 1, 0, 0, 0, 0, NULL, NULL, "frame.not-zstd", "frame.not-zstd", "served", NULL },
	OK_CASE("score_zero", "served"),
	OK_CASE("score_far", "served"),
	OK_CASE("key_utf8", "served"),
	{ "nosuch", 0, NONE, NONE, NONE, NONE, "store.empty", NULL, NULL, NULL, "", NULL },
};

static inline struct rnm_model_list *list_of(struct rnm_redis *redis, const struct rnm_rule *rule, const char *settings,
                                      enum rnm_list_detail detail)
{
	struct rnm_model_list *list = NULL;
	struct rnm_error err;

	if (rnm_store_list(&list, redis, rule, settings, detail, &err) != RNM_OK)
		fail_msg("%s: %s", settings, err.message);
	return list;
}

#endif
