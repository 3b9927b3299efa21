/* SPDX-License-Identifier: Apache-2.0 */
/* Which models there are in a real Redis, which one is served, and which one an export takes. */
#include "store_live.h"

#include <math.h>

static void check_verdicts(const struct rnm_model_list *list, const char *want)
{
	char text[4096] = "";

	for (size_t i = 0; i < list->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? "|" : "",
		         list->models[i].verdict);
	if (want != NULL)
		assert_string_equal(text, want);
}

static void check_choice(const struct rnm_model_list *list, const struct rnm_rule *rule, bool newest, size_t want,
                         const char *id)
{
	struct rnm_choice choice = { .newest = newest };
	struct rnm_error err;
	size_t index = NONE;
	enum rnm_status status = rnm_store_choose(&index, list, rule, &choice, &err);

	assert_int_equal(index, want);
	if (want != NONE) {
		assert_int_equal(status, RNM_OK);
		return;
	}
	assert_string_equal(err.id, id);
	assert_int_equal(status, strcmp(id, "store.digest") == 0 ? RNM_E_REFUSED : RNM_E_NOT_FOUND);
}

static void test_golden_lists(void **state)
{
	struct rnm_redis *redis;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct case_entry *want = &cases[i];
		struct rnm_rule rule = embed_rule();

		for (int detail = RNM_LIST_ALIVE; detail <= RNM_LIST_FULL; detail++) {
			struct rnm_model_list *list = list_of(redis, &rule, want->settings, (enum rnm_list_detail)detail);
			bool sized = want->sized_verdict != NULL && detail == RNM_LIST_FULL;

			assert_int_equal(list->count, want->count);
			assert_string_equal(list->settings, want->settings);
			assert_int_equal(list->served, sized ? NONE : want->served);
			assert_int_equal(list->original, want->original);
			assert_non_null(list->served_why);
			check_verdicts(list, sized ? want->sized_verdict : want->verdicts);
			check_choice(list, &rule, true, want->newest, want->choose_id);
			check_choice(list, &rule, false, want->worker, want->choose_id);
			rnm_model_list_free(list);
		}
	}
	rnm_redis_free(redis);
}

static void test_list_fields(void **state)
{
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list;
	struct rnm_redis *redis;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	list = list_of(redis, &rule, "default", RNM_LIST_FULL);
	assert_string_equal(list->zset, "rn3_embed_3_default");
	assert_int_equal(list->zset_ttl_ms, RNM_TTL_NONE);
	assert_true(list->models[0].profile.score == 1795400200.5);
	assert_true(list->models[0].live && list->models[0].has_ann_size);
	assert_int_equal(list->models[0].ann_size, 8344);
	assert_int_equal(list->models[0].ttl_ms, RNM_TTL_NONE);
	assert_int_equal(list->models[0].digest_match, RNM_DIGEST_SAME);
	assert_true(list->models[2].in_window);
	assert_false(list->models[2].live);
	assert_false(list->models[2].has_ann_size);
	assert_int_equal(list->models[2].ttl_ms, RNM_TTL_NO_KEY);
	assert_string_equal(list->served_why, "highest version (3) among the 3 fitting of the 3 newest profiles");
	rnm_model_list_free(list);
	list = list_of(redis, &rule, "default", RNM_LIST_ALIVE);
	assert_true(list->zset_ttl_ms == RNM_TTL_UNKNOWN && list->models[0].ttl_ms == RNM_TTL_UNKNOWN);
	assert_true(list->models[0].live && !list->models[0].has_ann_size);
	rnm_model_list_free(list);
	list = list_of(redis, &rule, "keywrongtype", RNM_LIST_FULL);
	assert_true(list->models[0].wrong_type && !list->models[0].live && list->models[0].key_error == NULL);
	assert_true(list->models[1].live && list->models[1].ann_size == 8344);
	rnm_model_list_free(list);
	rnm_redis_free(redis);
}

static void test_zset_of_wrong_type(void **state)
{
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list = NULL;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	for (int detail = RNM_LIST_ALIVE; detail <= RNM_LIST_FULL; detail++) {
		assert_int_equal(rnm_store_list(&list, redis, &rule, "wrongtype", (enum rnm_list_detail)detail, &err),
		                 RNM_E_REDIS);
		assert_string_equal(err.id, "store.zset");
		assert_string_equal(err.reference, "failed to list models: WRONGTYPE Operation against a key holding "
		                                   "the wrong kind of value");
		/* The connection has taken the whole answer and goes on. */
		EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	}
	assert_null(list);
	rnm_redis_free(redis);
}

static void test_choose_version(void **state)
{
	static const struct {
		const char *settings;
		double version;
		size_t want;
		const char *reference;
	} wanted[] = {
		{ "default", 1, NONE, "model version 1 not found" },   { "default", 2, 1, NULL },
		{ "default", 3, 0, NULL },                             { "default", 99, NONE, "model version 99 not found" },
		{ "default", 0, NONE, "model version 0 not found" },   { "default", 1.5, NONE, "model version 1.5 not found" },
		{ "older_live", 8, NONE, "model version 8 not found" }, { "dup_version", 4, 0, NULL },
		{ "ver_float", 2.5, 0, NULL },                         { "ver_string", 7, 0, NULL },
		{ "ver_big", 4294967296, 0, NULL },                    { "ver_missing", 0, NONE, "model version 0 not found" },
		{ "nosuch", 1, NONE, "no models found in Redis" },
	};
	struct rnm_rule rule = embed_rule();
	struct rnm_redis *redis;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct rnm_model_list *list = list_of(redis, &rule, wanted[i].settings, RNM_LIST_ALIVE);

		for (int newest = 0; newest < 2; newest++) {
			struct rnm_choice choice = { .newest = newest != 0, .has_version = true,
				                     .version = wanted[i].version };
			struct rnm_error err;
			size_t index = NONE;
			enum rnm_status status = rnm_store_choose(&index, list, &rule, &choice, &err);

			assert_int_equal(index, wanted[i].want);
			assert_int_equal(status, wanted[i].want == NONE ? RNM_E_NOT_FOUND : RNM_OK);
			if (wanted[i].reference != NULL)
				assert_string_equal(err.reference, wanted[i].reference);
		}
		rnm_model_list_free(list);
	}
	rnm_redis_free(redis);
}

static void test_choose_digest(void **state)
{
	struct rnm_choice choice = { .newest = false };
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list;
	struct rnm_redis *redis;
	struct rnm_error err;
	size_t index = NONE;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	list = list_of(redis, &rule, "other_digest", RNM_LIST_ALIVE);
	assert_int_equal(rnm_store_choose(&index, list, &rule, &choice, &err), RNM_E_REFUSED);
	assert_string_equal(err.message, "model version 1 was trained under another configuration: its providers digest "
	                                 "is " OTHER ", the configuration's is " DIGEST);
	choice.any_digest = true;
	assert_int_equal(rnm_store_choose(&index, list, &rule, &choice, &err), RNM_OK);
	assert_int_equal(index, 0);
	rnm_model_list_free(list);
	list = list_of(redis, &rule, "no_digest", RNM_LIST_ALIVE);
	choice.any_digest = false;
	assert_int_equal(rnm_store_choose(&index, list, &rule, &choice, &err), RNM_E_REFUSED);
	assert_string_equal(err.message, "model version 1 names no providers digest, the configuration has " DIGEST);
	rnm_model_list_free(list);
	rnm_redis_free(redis);
}

/* ---- how workers choose ---- */

static const struct rnm_bytes no_network = { NULL, 0 };

static void test_window_and_digest(void **state)
{
	struct rnm_bytes ann = network(100);
	struct rnm_rule rule = embed_rule();
	struct rnm_choice choice = { .newest = true };
	struct rnm_model_list *list;
	struct rnm_redis *redis;
	size_t index = NONE;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	add_profile(redis, "window", 600, "1", OTHER, "\"A\"", ann);
	add_profile(redis, "window", 500, "2", DIGEST, "\"A\"", ann);
	add_profile(redis, "window", 400, "3", DIGEST, "\"A\"", ann);
	add_profile(redis, "window", 300, "7", DIGEST, "\"A\"", no_network);
	add_profile(redis, "window", 200, "9", DIGEST, "\"A\"", ann);
	list = list_of(redis, &rule, "window", RNM_LIST_ALIVE);
	check_verdicts(list, "trained under another configuration (digest " OTHER ")|older version|served|"
	                     "no network under its key (expired?)|outside the 4 newest profiles that workers read");
	assert_int_equal(list->original, 0);
	assert_string_equal(list->served_why, "highest version (3) among the 3 fitting of the 4 newest profiles");
	/* By time, the newest of another configuration is passed over, not exported under a wrong name. */
	assert_int_equal(rnm_store_choose(&index, list, &rule, &choice, NULL), RNM_OK);
	assert_int_equal(index, 1);
	choice = (struct rnm_choice){ .any_digest = true };
	assert_int_equal(rnm_store_choose(&index, list, &rule, &choice, NULL), RNM_OK);
	assert_int_equal(index, 2);
	choice = (struct rnm_choice){ .newest = true, .any_digest = true };
	assert_int_equal(rnm_store_choose(&index, list, &rule, &choice, NULL), RNM_OK);
	assert_int_equal(index, 0);
	choice = (struct rnm_choice){ .has_version = true, .version = 9 };
	assert_int_equal(rnm_store_choose(&index, list, &rule, &choice, NULL), RNM_OK);
	assert_int_equal(index, 4);
	rnm_model_list_free(list);
	/* With a wider window the ninth is served; negative counts from the end, as ZREVRANGE does. */
	rule.max_profiles = 4;
	list = list_of(redis, &rule, "window", RNM_LIST_ALIVE);
	assert_int_equal(list->served, 4);
	rnm_model_list_free(list);
	rule.max_profiles = -1;
	list = list_of(redis, &rule, "window", RNM_LIST_ALIVE);
	assert_int_equal(list->served, 4);
	rnm_model_list_free(list);
	rule.max_profiles = 0;
	list = list_of(redis, &rule, "window", RNM_LIST_ALIVE);
	assert_int_equal(list->served, NONE);
	assert_string_equal(list->served_why, "none of the 1 newest profiles fits the configuration");
	rnm_model_list_free(list);
	rnm_redis_free(redis);
	free_bytes(ann);
}

static void test_schema_and_fallback(void **state)
{
	struct rnm_bytes ann = network(100);
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list;
	struct rnm_redis *redis;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	/* The schema is closed: a field too many hides the profile from workers. */
	zadd(redis, "schema", 9, "{\"digest\":\"d\",\"symbols\":[],\"version\":5,\"redis_key\":\"rn_s\",\"more\":1,"
	                         "\"providers_digest\":\"" DIGEST "\"}");
	hset(redis, "rn_s", "ann", ann.data, ann.len);
	zadd(redis, "schema", 8, "{\"digest\":\"d\",\"symbols\":[],\"version\":\"4\",\"redis_key\":\"rn_s\","
	                         "\"providers_digest\":\"" DIGEST "\"}");
	zadd(redis, "schema", 7, "{\"digest\":\"d\",\"symbols\":[],\"version\":true,\"redis_key\":\"rn_s\","
	                         "\"providers_digest\":\"" DIGEST "\"}");
	list = list_of(redis, &rule, "schema", RNM_LIST_ALIVE);
	assert_int_equal(list->served, 1);
	assert_string_equal(list->models[0].verdict, "malformed profile: the field `more` is unknown to workers");
	assert_int_equal(list->original, 0);
	rnm_model_list_free(list);
	/* Without a network under the first choice workers go on only with versions above -1. */
	add_profile(redis, "fallback", 9, "5", DIGEST, "", no_network);
	add_profile(redis, "fallback", 8, "-2", DIGEST, "", ann);
	list = list_of(redis, &rule, "fallback", RNM_LIST_ALIVE);
	assert_int_equal(list->served, NONE);
	assert_string_equal(list->models[1].verdict, "passed over: workers fall back to versions from 0 on only");
	rnm_model_list_free(list);
	rnm_redis_free(redis);
	free_bytes(ann);
}

static void test_rules_without_providers(void **state)
{
	struct rnm_bytes ann = network(100);
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list;
	struct rnm_redis *redis;
	struct rnm_error err;
	size_t index = NONE;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	add_profile(redis, "pure", 9, "5", DIGEST, "\"A\"", ann);
	add_profile(redis, "pure", 8, "4", NULL, "\"A\"", ann);
	add_profile(redis, "pure", 7, "3", NULL, "\"B\"", ann);
	rule.has_providers = rule.providers_used = rule.disable_symbols_input = false;
	rule.digest[0] = '\0';
	list = list_of(redis, &rule, "pure", RNM_LIST_ALIVE);
	check_verdicts(list, "names a providers digest (" DIGEST "), the rule has no providers|served|older version");
	assert_string_equal(list->served_why, "highest version (4) among the 2 fitting of the 3 newest profiles; their "
	                                      "lists of symbols differ, and workers prefer the one nearest to their "
	                                      "own, which is not known here");
	assert_int_equal(list->models[0].digest_match, RNM_DIGEST_UNWANTED);
	assert_int_equal(rnm_store_choose(&index, list, &rule, NULL, NULL), RNM_OK);
	assert_int_equal(index, 1);
	rnm_model_list_free(list);
	/* An empty list of providers has a digest, yet workers treat the rule as one without. */
	rule.has_providers = true;
	strcpy(rule.digest, DIGEST);
	list = list_of(redis, &rule, "pure", RNM_LIST_ALIVE);
	assert_int_equal(list->models[0].digest_match, RNM_DIGEST_SAME);
	assert_string_equal(list->models[0].verdict,
	                    "names a providers digest, which rules with an empty list of providers reject");
	assert_int_equal(list->models[1].digest_match, RNM_DIGEST_MISSING);
	assert_int_equal(list->served, 1);
	rnm_model_list_free(list);
	/* All refused: the sentence names the digest that is not wanted. */
	add_profile(redis, "unwanted", 9, "5", DIGEST, "", ann);
	rule.has_providers = false;
	rule.digest[0] = '\0';
	list = list_of(redis, &rule, "unwanted", RNM_LIST_ALIVE);
	assert_int_equal(rnm_store_choose(&index, list, &rule, NULL, &err), RNM_E_REFUSED);
	assert_string_equal(err.message, "model version 5 was trained for the providers digest " DIGEST
	                                 ", but rule \"embed\" has no providers");
	rnm_model_list_free(list);
	rnm_redis_free(redis);
	free_bytes(ann);
}

/* A list of symbols that the configuration fixes: distances are known, and come before versions. */
static void test_fixed_symbols(void **state)
{
	static const char *const names[] = { "D", "A", "C", "B" };
	struct rnm_bytes ann = network(100);
	struct rnm_rule rule = embed_rule();
	struct rnm_value *raw, *profile, *symbols;
	struct rnm_model_list *list;
	struct rnm_redis *redis;
	struct rnm_arena arena;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	rnm_arena_init(&arena, (size_t)1 << 20);
	raw = rnm_value_new(&arena, RNM_OBJECT);
	profile = rnm_value_new(&arena, RNM_OBJECT);
	symbols = rnm_value_new(&arena, RNM_ARRAY);
	for (size_t i = 0; i < 4; i++)
		assert_true(rnm_value_push(&arena, symbols, rnm_value_new_string(&arena, names[i], 1)));
	assert_true(rnm_value_add_s(&arena, profile, "fixed", symbols) && rnm_value_add_s(&arena, raw, "profile", profile));
	rule.raw = raw;
	add_profile(redis, "fixed", 9, "9", NULL, "\"X\",\"Y\"", ann);
	add_profile(redis, "fixed", 8, "5", NULL, "\"A\",\"B\",\"C\"", ann);
	add_profile(redis, "fixed", 7, "3", NULL, "\"A\",\"B\",\"C\",\"D\"", ann);
	add_profile(redis, "fixed", 6, "2", NULL, "\"A\",\"B\",\"C\",\"D\"", ann);
	rule.has_providers = rule.providers_used = rule.disable_symbols_input = false;
	rule.digest[0] = '\0';
	list = list_of(redis, &rule, "fixed", RNM_LIST_ALIVE);
	check_verdicts(list, "its symbols are too far from the rule's own list|its symbols are farther from the rule's own "
	                     "list|served|older version");
	assert_string_equal(list->served_why,
	                    "nearest symbols, then highest version (3) among the 3 fitting of the 4 newest profiles");
	rnm_model_list_free(list);
	rnm_arena_free(&arena);
	rnm_redis_free(redis);
	free_bytes(ann);
}

/* What an ACL forbids is said of the one key, or leaves a column empty. */
static void test_limited_rights(void **state)
{
	struct rnm_rule rule = embed_rule();
	struct rnm_redis *redis, *limited;
	struct rnm_model_list *list;
	struct target where;
	struct rnm_redis_settings *settings;
	char user[] = "few", password[] = "key";

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "ACL", "SETUSER", user, "on", ">key", "~rn3_*",
	            "~rn_embed_default_aabbccdd_2", "~rn_embed_default_aabbccdd_1", "+zrevrange", "+hexists", "+select",
	            "+ping");
	settings = target(&where, 5, "%s", server.socket);
	settings->username = user;
	settings->password = password;
	limited = must_connect(settings);
	list = list_of(limited, &rule, "default", RNM_LIST_FULL);
	assert_int_equal(list->count, 3);
	assert_non_null(list->models[0].key_error);
	assert_non_null(strstr(list->models[0].key_error, "NOPERM"));
	assert_non_null(strstr(list->models[0].verdict, "its key cannot be read: NOPERM"));
	assert_false(list->models[0].live);
	assert_true(list->models[1].live);
	assert_false(list->models[1].has_ann_size);
	assert_true(list->models[1].ttl_ms == RNM_TTL_UNKNOWN && list->zset_ttl_ms == RNM_TTL_UNKNOWN);
	assert_int_equal(list->served, 1);
	rnm_model_list_free(list);
	rnm_redis_free(limited);
	rnm_redis_free(redis);
}

static void test_many_profiles(void **state)
{
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list;
	struct rnm_redis *redis;
	struct rnm_reply *reply;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	reply = ASK(redis, "EVAL",
	            "for i=1,3000 do redis.call('ZADD','rn3_embed_3_many',i,"
	            "'{\"digest\":\"d\",\"symbols\":[\"A\"],\"version\":'..i..',\"redis_key\":\"rn_many_'..i..'\"}') "
	            "if i%2==0 then redis.call('HSET','rn_many_'..i,'ann','x') end end return 1",
	            "0");
	assert_int_equal(reply->kind, RNM_EVENT_INTEGER);
	rnm_reply_free(reply);
	list = list_of(redis, &rule, "many", RNM_LIST_FULL);
	assert_int_equal(list->count, 3000);
	for (size_t i = 0; i < list->count; i++) {
		assert_true(list->models[i].profile.version == (double)(3000 - i));
		assert_int_equal(list->models[i].live, (3000 - i) % 2 == 0);
		assert_int_equal(list->models[i].in_window, i < 4);
	}
	rnm_model_list_free(list);
	rnm_redis_free(redis);
}

static void test_scan(void **state)
{
	static const char *const want[] = { "rn3_p p_3_default", "rn3_symbolic_3_default" };
	char *known[] = { space_prefix, symbolic_name, embed_name };
	struct rnm_store_set *sets = NULL;
	struct rnm_redis *redis;
	size_t count = 0, at = 0;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	assert_int_equal(rnm_store_scan(&sets, &count, redis, "rn", known, 3, NULL), RNM_OK);
	assert_true(count >= 29);
	for (size_t i = 0; i < count; i++) {
		/* The string among them is no set of models. */
		assert_string_not_equal(sets[i].zset, "rn3_embed_3_wrongtype");
		if (i > 0)
			assert_true(strcmp(sets[i - 1].zset, sets[i].zset) < 0);
		if (strcmp(sets[i].prefix, "embed") == 0)
			continue;
		assert_string_equal(sets[i].zset, want[at++]);
		assert_string_equal(sets[i].settings, "default");
	}
	assert_int_equal(at, 2);
	rnm_store_sets_free(sets, count);
	/* Characters that mean something in a pattern mean themselves in a prefix. */
	assert_int_equal(rnm_store_scan(&sets, &count, redis, "r?", NULL, 0, NULL), RNM_OK);
	assert_int_equal(count, 0);
	rnm_store_sets_free(sets, count);
	rnm_redis_free(redis);
}

/* ---- what cannot be served, or not be read ---- */

static void test_empty_network(void **state)
{
	static const struct rnm_bytes empty = { "", 0 };
	struct rnm_bytes ann = network(100);
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list;
	struct rnm_redis *redis;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	add_profile(redis, "empty", 9, "3", DIGEST, "", ann);
	add_profile(redis, "empty", 8, "5", DIGEST, "", empty);
	add_profile(redis, "empty", 7, "6", DIGEST, "", no_network);
	add_profile(redis, "empty", 6, "1", DIGEST, "", empty);
	list = list_of(redis, &rule, "empty", RNM_LIST_FULL);
	assert_int_equal(list->served, NONE);
	check_verdicts(list, "passed over: workers stop at version 5, whose network is empty|"
	                     "empty network: workers fail to load it and do not fall back|"
	                     "no network under its key (expired?)|empty network");
	assert_string_equal(list->served_why, "version 5 comes first, but its network is empty: workers fail to load it "
	                                      "and do not fall back to another");
	rnm_model_list_free(list);
	/* Where the size has not been asked for, nothing is known of that. */
	list = list_of(redis, &rule, "empty", RNM_LIST_ALIVE);
	assert_int_equal(list->served, 1);
	rnm_model_list_free(list);
	/* One that does not come first does no harm. */
	add_profile(redis, "empty", 10, "9", DIGEST, "", ann);
	list = list_of(redis, &rule, "empty", RNM_LIST_FULL);
	check_verdicts(list, "served|older version|empty network|no network under its key (expired?)|empty network");
	rnm_model_list_free(list);
	rnm_redis_free(redis);
	free_bytes(ann);
}

static const char lenient[] = "digest = d; symbols = []; version = 4; redis_key = rn_gone; providers_digest = \"" DIGEST
			      "\"";
static const char missing_field[] = "{\"digest\":\"d\",\"symbols\":[],\"redis_key\":\"rn_gone\"}";

static void add_malformed(struct rnm_redis *redis)
{
	zadd(redis, "malformed", 9, lenient);
	zadd(redis, "malformed", 8, missing_field);
	zadd(redis, "malformed", 7, "[");
}

static bool begins(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* What is wrong with the profile is told, whatever its key is like. */
static void test_malformed_profiles(void **state)
{
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list;
	struct rnm_redis *redis;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	add_malformed(redis);
	list = list_of(redis, &rule, "malformed", RNM_LIST_FULL);
	assert_true(begins(list->models[0].verdict, "malformed profile: not JSON ("));
	assert_non_null(strstr(list->models[0].verdict, "), though rspamd reads it; no network under its key (expired?)"));
	assert_string_equal(list->models[1].verdict, "malformed profile: the field `version` is missing");
	assert_true(begins(list->models[2].verdict, "malformed profile: not JSON ("));
	rnm_model_list_free(list);
	rnm_redis_free(redis);
}

/* A name without a configuration: nobody can say what is served. */
static void test_bare_rule(void **state)
{
	struct rnm_bytes ann = network(100);
	struct rnm_rule rule = { .name = embed_name, .prefix = embed_name, .global = global_name, .max_profiles = 3 };
	struct rnm_model_list *list;
	struct rnm_redis *redis;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	add_profile(redis, "bare", 9, "3", DIGEST, "", ann);
	add_profile(redis, "bare", 8, "2", NULL, "", no_network);
	add_profile(redis, "bare", 7, "1", NULL, "", (struct rnm_bytes){ "", 0 });
	list = list_of(redis, &rule, "bare", RNM_LIST_FULL);
	check_verdicts(list, "live|no network under its key (expired?)|empty network");
	assert_int_equal(list->served, NONE);
	assert_int_equal(list->original, 0);
	assert_string_equal(list->served_why, "not known: no configuration says what the rule asks for");
	rnm_model_list_free(list);
	add_malformed(redis);
	list = list_of(redis, &rule, "malformed", RNM_LIST_FULL);
	assert_true(begins(list->models[0].verdict, "malformed profile: not JSON ("));
	assert_string_equal(list->models[1].verdict, "malformed profile: the field `version` is missing");
	assert_true(begins(list->models[2].verdict, "malformed profile: not JSON ("));
	rnm_model_list_free(list);
	list = list_of(redis, &rule, "keywrongtype", RNM_LIST_FULL);
	check_verdicts(list, "its key is not a hash|live");
	rnm_model_list_free(list);
	rnm_redis_free(redis);
	free_bytes(ann);
}

/* A version that is no number is none of the stored ones. */
static void test_choose_no_number(void **state)
{
	const struct rnm_choice choice = { .has_version = true, .version = NAN };
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list;
	struct rnm_redis *redis;
	size_t index = NONE;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	list = list_of(redis, &rule, "default", RNM_LIST_ALIVE);
	assert_int_equal(rnm_store_choose(&index, list, &rule, &choice, NULL), RNM_E_NOT_FOUND);
	assert_int_equal(index, NONE);
	rnm_model_list_free(list);
	rnm_redis_free(redis);
}

/* ---- what to do about a refusal ---- */

/* A connection as a user with the given rights. */
static struct rnm_redis *connect_as(struct rnm_redis *redis, const char *user, const char *keys, const char *command)
{
	struct target where;
	struct rnm_redis_settings *settings = target(&where, 5, "%s", server.socket);
	char name[16], password[] = "key";

	snprintf(name, sizeof(name), "%s", user);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "ACL", "SETUSER", user, "reset", "on", ">key", keys, command, "+ping");
	settings->username = name;
	settings->password = password;
	return must_connect(settings);
}

static void expect_list_hint(struct rnm_redis *redis, const char *settings, const char *id, const char *hint)
{
	struct rnm_rule rule = embed_rule();
	struct rnm_model_list *list = NULL;
	struct rnm_error err;

	assert_int_equal(rnm_store_list(&list, redis, &rule, settings, RNM_LIST_ALIVE, &err), RNM_E_REDIS);
	assert_string_equal(err.id, id);
	assert_non_null(strstr(err.hint, hint));
}

static void test_refusal_hints(void **state)
{
	const struct rnm_choice third = { .has_version = true, .version = 3 };
	const struct rnm_choice ninth = { .has_version = true, .version = 9 };
	struct rnm_redis *redis, *limited;
	struct rnm_store_set *sets = NULL;
	struct rnm_model_list *list;
	struct rnm_rule rule = embed_rule();
	struct rnm_error err;
	size_t count;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	expect_list_hint(redis, "wrongtype", "store.zset", "this key is no list of models");
	limited = connect_as(redis, "keyless", "~other*", "+zrevrange");
	expect_list_hint(limited, "default", "answer.noperm", "a key pattern such as ~rn* (ACL SETUSER keyless ~rn*)");
	rnm_redis_free(limited);
	limited = connect_as(redis, "commandless", "~rn*", "+hmget");
	expect_list_hint(limited, "default", "answer.noperm", "may not run ZREVRANGE: type ACL SETUSER commandless +zrevrange");
	assert_int_equal(rnm_store_scan(&sets, &count, limited, "rn", NULL, 0, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "answer.noperm");
	assert_true(begins(err.message, "cannot look for models: NOPERM "));
	assert_non_null(strstr(err.hint, "name -r and -s instead of --all"));
	rnm_redis_free(limited);
	/* Profiles whose keys may not be looked at: that is no absence. */
	limited = connect_as(redis, "listonly", "~rn3_*", "+@all");
	list = list_of(limited, &rule, "default", RNM_LIST_ALIVE);
	assert_int_equal(rnm_store_choose(&count, list, &rule, NULL, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "store.none-live");
	assert_string_equal(err.reference, "no suitable model found");
	assert_non_null(strstr(err.hint, "a key pattern such as ~rn*"));
	/* Neither is it when one version is wanted, as long as it is one of those. */
	assert_int_equal(rnm_store_choose(&count, list, &rule, &third, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "store.none-live");
	assert_int_equal(rnm_store_choose(&count, list, &rule, &ninth, &err), RNM_E_NOT_FOUND);
	assert_string_equal(err.id, "store.no-version");
	rnm_model_list_free(list);
	rnm_redis_free(limited);
	rnm_redis_free(redis);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_lists),
		cmocka_unit_test(test_list_fields),
		cmocka_unit_test(test_zset_of_wrong_type),
		cmocka_unit_test(test_choose_version),
		cmocka_unit_test(test_choose_digest),
		cmocka_unit_test(test_window_and_digest),
		cmocka_unit_test(test_schema_and_fallback),
		cmocka_unit_test(test_rules_without_providers),
		cmocka_unit_test(test_fixed_symbols),
		cmocka_unit_test(test_limited_rights),
		cmocka_unit_test(test_many_profiles),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_empty_network),
		cmocka_unit_test(test_malformed_profiles),
		cmocka_unit_test(test_bare_rule),
		cmocka_unit_test(test_choose_no_number),
		cmocka_unit_test(test_refusal_hints),
	};

	return cmocka_run_group_tests_name("lists", tests, setup, teardown);
}
