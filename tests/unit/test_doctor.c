/* SPDX-License-Identifier: Apache-2.0 */
/* What examination and repair know of keys, and what a repair does when things have changed since. */
#include "base/seen.h"
#include "rspamd/keys.h"
#include "rspamd/profile.h"
#include "store/doctor.h"
#include "store/doctor_repair.h"
#include "store_live.h"

#include <fcntl.h>
#include <rnm/doctor.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MODEL "rn_embed_ours_aabbccdd_1"

/* ---- names ---- */

static void key_kinds(void **state)
{
	static const struct {
		const char *name, *global;
		enum rnm_key_kind kind;
		const char *owner;
	} rows[] = {
		{ "rn_p_s_954230f4_1", "rn", RNM_KEY_MODEL, "rn_p_s_954230f4_1" },
		{ "rn_p_s_c8qsbjge_12345678901234567890", "rn", RNM_KEY_MODEL,
		  "rn_p_s_c8qsbjge_12345678901234567890" },
		{ "rn_p_with_parts_s_954230f4_1", "rn", RNM_KEY_MODEL, "rn_p_with_parts_s_954230f4_1" },
		{ "rn___954230f4_1", "rn", RNM_KEY_MODEL, "rn___954230f4_1" },
		{ "a_b_p_s_954230f4_1", "a_b", RNM_KEY_MODEL, "a_b_p_s_954230f4_1" },
		{ "rn_p_s_954230f4_1_base", "rn", RNM_KEY_BASE, "rn_p_s_954230f4_1" },
		{ "rn_p_s_954230f4_1_spam_set", "rn", RNM_KEY_TRAINING, "rn_p_s_954230f4_1" },
		{ "rn_p_s_954230f4_1_ham_set", "rn", RNM_KEY_TRAINING, "rn_p_s_954230f4_1" },
		{ "rn_p_s_pending_spam_set", "rn", RNM_KEY_PENDING, "rn_p_s" },
		{ "rn_p_s_pending_ham_set", "rn", RNM_KEY_PENDING, "rn_p_s" },
		{ "rn_restore_0123456789abcdef_{rn_p_s_pending_ham_set}", "rn", RNM_KEY_RESTORE,
		  "rn_p_s_pending_ham_set" },
		{ "rn_restore_0123456789abcdef_{xn_p_s_pending_ham_set}", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_restore_0123456789abcdeF_{rn_p_s_pending_ham_set}", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_restore_0123456789abcde_{rn_p_s_pending_ham_set}", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_restore_0123456789abcdef_{rn}", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_restore_0123456789abcdef_{}", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_restore_0123456789abcdef_", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_p_s_954230F4_1", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_p_s_954230f4_", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_p_s_954230f4_1x", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_p_s_954230f41", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_p_s_54230f4_1", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_p_s_954230f4_1_spam", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_954230f4_1", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_1", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_", "rn", RNM_KEY_OTHER, NULL },
		{ "rn", "rn", RNM_KEY_OTHER, NULL },
		{ "", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_spam_set", "rn", RNM_KEY_OTHER, NULL },
		{ "rn_pending_spam_set", "rn", RNM_KEY_OTHER, NULL },
		{ "rnx_p_s_954230f4_1", "rn", RNM_KEY_OTHER, NULL },
		{ "xn_p_s_954230f4_1", "rn", RNM_KEY_OTHER, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rnm_bytes owner = { NULL, 0 };

		if (rnm_key_kind_of(rnm_bytes_of(rows[i].name), rows[i].global, &owner) != rows[i].kind)
			fail_msg("%s", rows[i].name);
		if (rows[i].owner != NULL)
			assert_true(rnm_bytes_equal(owner, rnm_bytes_of(rows[i].owner)));
	}
}

/* A key made by the library is one that it knows again. */
static void made_keys_are_known(void **state)
{
	struct rnm_rule rule = embed_rule();
	char *key = rnm_rule_model_key(&rule, "ours", DIGEST, 7), *spam = rnm_training_key(key, "spam");
	char *pending = rnm_pending_key(&rule, "ours", "ham");
	char *gathered;
	struct rnm_bytes owner;

	(void)state;
	assert_int_equal(rnm_key_kind_of(rnm_bytes_of(key), "rn", &owner), RNM_KEY_MODEL);
	assert_int_equal(rnm_key_kind_of(rnm_bytes_of(spam), "rn", &owner), RNM_KEY_TRAINING);
	assert_true(rnm_bytes_equal(owner, rnm_bytes_of(key)));
	assert_int_equal(rnm_key_kind_of(rnm_bytes_of(pending), "rn", &owner), RNM_KEY_PENDING);
	assert_true(rnm_bytes_equal(owner, rnm_bytes_of("rn_embed_ours")));
	gathered = rnm_restore_key("rn", spam, 0x1f);
	assert_string_equal(gathered, "rn_restore_000000000000001f_{rn_embed_ours_37661627_7_spam_set}");
	assert_int_equal(rnm_key_kind_of(rnm_bytes_of(gathered), "rn", &owner), RNM_KEY_RESTORE);
	assert_true(rnm_bytes_equal(owner, rnm_bytes_of(spam)));
	free(gathered);
	free(key);
	free(spam);
	free(pending);
}

static void seen_strings(void **state)
{
	struct rnm_seen seen = { 0 };
	bool is_new;

	(void)state;
	assert_false(rnm_seen_has(&seen, "", 0));
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			assert_true(rnm_seen_add(&seen, &i, sizeof(i), &is_new));
			assert_int_equal(is_new, round == 0);
		}
	}
	assert_int_equal(seen.count, 5000);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(rnm_seen_has(&seen, &i, sizeof(i)), i < 5000);
	rnm_seen_free(&seen);
	assert_false(rnm_seen_has(&seen, "", 0));
}

static uint64_t width_of(struct rnm_bytes member)
{
	uint64_t width = 99;

	assert_int_equal(rnm_doctor_width(&width, member, NULL), RNM_OK);
	return width;
}

static void lengths_of_vectors(void **state)
{
	static const struct {
		const char *text;
		uint64_t width;
	} rows[] = { { "1", 1 },   { "1;2;3", 3 }, { "-1.5e-07;0;+2E3", 3 },
		     { "", 0 },    { "1;nan", 0 }, { "1,2", 0 },
		     { "inf", 0 }, { "1;\t2", 0 } };
	char frame[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = ZSTD_compress(frame, sizeof(frame), rows[i].text, strlen(rows[i].text), 1);

		assert_int_equal(width_of((struct rnm_bytes){ frame, len }), rows[i].width);
		assert_int_equal(width_of((struct rnm_bytes){ frame, len - 1 }), 0);
	}
	assert_int_equal(width_of(rnm_bytes_of("1;2;3")), 0);
}

static void times_in_words(void **state)
{
	char text[RNM_DURATION_MAX];

	(void)state;
	assert_string_equal(rnm_doctor_duration(text, 0), "0s");
	assert_string_equal(rnm_doctor_duration(text, -5), "0s");
	assert_string_equal(rnm_doctor_duration(text, 59.9), "59s");
	assert_string_equal(rnm_doctor_duration(text, 60), "1m 0s");
	assert_string_equal(rnm_doctor_duration(text, 7325), "2h 2m");
	assert_string_equal(rnm_doctor_duration(text, 172800), "2d 0h");
	assert_string_equal(rnm_doctor_duration(text, 1e300), "11574074074d 1h");
}

/* ---- repairs of what has changed since ---- */

static void command(struct rnm_redis *redis, const char *name, const char *a, const char *b, const char *c)
{
	struct rnm_bytes argv[4] = { rnm_bytes_of(name), rnm_bytes_of(a) };
	size_t argc = 2;

	if (b != NULL)
		argv[argc++] = rnm_bytes_of(b);
	if (c != NULL)
		argv[argc++] = rnm_bytes_of(c);
	tell(redis, argc, argv);
}

static int64_t number(struct rnm_redis *redis, const char *name, const char *key)
{
	struct rnm_reply *reply = NULL;
	int64_t value;

	assert_int_equal(rnm_redis_sendv(redis, NULL, name, key, NULL), RNM_OK);
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, NULL), RNM_OK);
	assert_int_equal(reply->kind, RNM_EVENT_INTEGER);
	value = reply->integer;
	rnm_reply_free(reply);
	return value;
}

static void add_member(struct rnm_redis *redis, const char *key, double age, bool canonical)
{
	char member[512];

	snprintf(member, sizeof(member),
	         "{\"digest\":\"aabbccdd\",%s\"symbols\":[],\"version\":1,\"redis_key\":\"%s\",\"providers_"
	         "digest\":\"%s\"}",
	         canonical ? "" : " ", key, DIGEST);
	zadd(redis, "ours", (double)time(NULL) - age, member);
}

/* Place of the one finding of that id, examined in an otherwise empty database; nothing else is repaired. */
static size_t examine(struct rnm_health_report **report, struct rnm_redis *redis,
                      const struct rnm_health_options *options, const char *id)
{
	size_t found = SIZE_MAX;

	assert_int_equal(rnm_health_examine(report, redis, options, NULL), RNM_OK);
	for (size_t i = 0; i < (*report)->count; i++) {
		if (strcmp((*report)->findings[i].id, id) != 0) {
			(*report)->findings[i].remedy = RNM_REMEDY_NONE;
			continue;
		}
		assert_int_equal(found, SIZE_MAX);
		found = i;
	}
	if (found == SIZE_MAX)
		fail_msg("no %s", id);
	return found;
}

static struct rnm_health_options now_options(void)
{
	struct rnm_health_options options = { .now = (double)time(NULL), .expiring = 43200 };

	return options;
}

static struct rnm_redis *connect_empty(void)
{
	struct rnm_redis *redis = connect_server();
	struct rnm_reply *reply = NULL;

	assert_int_equal(rnm_redis_sendv(redis, NULL, "FLUSHALL", NULL), RNM_OK);
	assert_int_equal(rnm_redis_reply(redis, &reply, 0, NULL), RNM_OK);
	rnm_reply_free(reply);
	return redis;
}

/* What is made, what changes between the two steps, and what becomes of the finding. */
struct change {
	const char *id;
	void (*make)(struct rnm_redis *redis);
	void (*change)(struct rnm_redis *redis); /* NULL: nothing */
	enum rnm_health_state state;
	const char *outcome;
	int64_t models, lists; /* that are left under MODEL and in the list */
};

static void make_tombstone(struct rnm_redis *redis)
{
	add_member(redis, MODEL, 5000, true);
	hset(redis, MODEL, "obsolete", "1", 1);
}
static void make_foreign_tombstone(struct rnm_redis *redis)
{
	add_member(redis, MODEL, 5000, true);
	hset(redis, MODEL, "mine", "1", 1);
}
static void make_other_spelling(struct rnm_redis *redis)
{
	add_member(redis, MODEL, 10, false);
	hset(redis, MODEL, "ann", "x", 1);
}
static void make_locked(struct rnm_redis *redis)
{
	add_member(redis, MODEL, 10, true);
	hset(redis, MODEL, "ann", "x", 1);
	hset(redis, MODEL, "lock", "5", 1);
}
static void make_orphan(struct rnm_redis *redis)
{
	hset(redis, MODEL, "ann", "x", 1);
}
static void make_mixed(struct rnm_redis *redis)
{
	char frame[128], text[32];

	add_member(redis, MODEL, 10, true);
	hset(redis, MODEL, "ann", "x", 1);
	for (int i = 0; i < 10; i++) {
		struct rnm_bytes argv[] = { rnm_bytes_of("SADD"),
			                    rnm_bytes_of(MODEL "_spam_set"),
			                    { frame, 0 } };

		snprintf(text, sizeof(text), i == 0 ? "%d" : "%d;2", i);
		argv[2].len = ZSTD_compress(frame, sizeof(frame), text, strlen(text), 1);
		tell(redis, 3, argv);
	}
}
static void come_to_life(struct rnm_redis *redis)
{
	hset(redis, MODEL, "ann", "x", 1);
}
static void be_trained(struct rnm_redis *redis)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)time(NULL));
	hset(redis, MODEL, "lock", text, strlen(text));
}
static void get_vectors(struct rnm_redis *redis)
{
	command(redis, "SADD", MODEL "_ham_set", "x", NULL);
}
static void be_forgotten(struct rnm_redis *redis)
{
	command(redis, "DEL", "rn3_embed_3_ours", NULL, NULL);
}
static void be_unlocked(struct rnm_redis *redis)
{
	command(redis, "HDEL", MODEL, "lock", NULL);
}
static void be_named(struct rnm_redis *redis)
{
	add_member(redis, MODEL, 10, true);
}
static void expire(struct rnm_redis *redis)
{
	command(redis, "EXPIRE", MODEL, "1000", NULL);
}
static void be_deleted(struct rnm_redis *redis)
{
	command(redis, "DEL", MODEL, NULL, NULL);
}
static void become_foreign(struct rnm_redis *redis)
{
	hset(redis, MODEL, "mine", "1", 1);
}
static void become_another_type(struct rnm_redis *redis)
{
	be_deleted(redis);
	command(redis, "SET", MODEL, "x", NULL);
}
static void lose_vectors(struct rnm_redis *redis)
{
	command(redis, "DEL", MODEL "_spam_set", NULL, NULL);
}

static void changes(void **state)
{
	static const struct change rows[] = {
		{ "doctor.tombstone", make_tombstone, NULL, RNM_HEALTH_REPAIRED,
		  "removed the profile and what was left under its key", 0, 0 },
		{ "doctor.tombstone", make_foreign_tombstone, NULL, RNM_HEALTH_REPAIRED,
		  "removed the profile", 1, 0 },
		{ "doctor.tombstone", make_tombstone, come_to_life, RNM_HEALTH_GONE,
		  "something has come under its key since", 1, 1 },
		{ "doctor.tombstone", make_tombstone, be_trained, RNM_HEALTH_GONE,
		  "something has come under its key since", 1, 1 },
		{ "doctor.tombstone", make_tombstone, get_vectors, RNM_HEALTH_GONE,
		  "something has come under its key since", 1, 1 },
		{ "doctor.tombstone", make_tombstone, be_forgotten, RNM_HEALTH_GONE,
		  "the profile is no longer there", 1, 0 },
		{ "doctor.tombstone", make_tombstone, become_foreign, RNM_HEALTH_REPAIRED,
		  "removed the profile", 1, 0 },
		{ "doctor.tombstone", make_tombstone, be_named, RNM_HEALTH_GONE, "it has been renewed since",
		  1, 1 },
		{ "doctor.tombstone", make_tombstone, become_another_type, RNM_HEALTH_FAILED, NULL, 1, 1 },
		{ "doctor.not-canonical", make_other_spelling, NULL, RNM_HEALTH_REPAIRED,
		  "wrote the profile as rspamd does", 1, 1 },
		{ "doctor.not-canonical", make_other_spelling, be_forgotten, RNM_HEALTH_GONE,
		  "the profile is no longer there", 1, 0 },
		/* As when a worker has loaded the model meanwhile. */
		{ "doctor.not-canonical", make_other_spelling, be_named, RNM_HEALTH_REPAIRED,
		  "kept one of 2 profiles, written as rspamd does", 1, 1 },
		{ "doctor.dead-lock", make_locked, NULL, RNM_HEALTH_REPAIRED, "removed the lock", 1, 1 },
		{ "doctor.dead-lock", make_locked, be_trained, RNM_HEALTH_GONE,
		  "it is locked by a training again", 1, 1 },
		{ "doctor.dead-lock", make_locked, be_unlocked, RNM_HEALTH_GONE, "it is no longer locked", 1,
		  1 },
		{ "doctor.orphan-model", make_orphan, NULL, RNM_HEALTH_REPAIRED, "deleted the key", 0, 0 },
		{ "doctor.orphan-model", make_orphan, be_named, RNM_HEALTH_GONE, "a profile names it now", 1,
		  1 },
		{ "doctor.orphan-model", make_orphan, expire, RNM_HEALTH_GONE, "it expires by itself now", 1,
		  0 },
		{ "doctor.orphan-model", make_orphan, be_deleted, RNM_HEALTH_GONE,
		  "the key is no longer there", 0, 0 },
		{ "doctor.orphan-model", make_orphan, become_foreign, RNM_HEALTH_GONE,
		  "left alone: it has fields that rspamd does not write", 1, 0 },
		{ "doctor.orphan-model", make_orphan, become_another_type, RNM_HEALTH_FAILED, NULL, 1, 0 },
		{ "doctor.mixed-widths", make_mixed, NULL, RNM_HEALTH_REPAIRED, "removed 1 vectors", 1, 1 },
		{ "doctor.mixed-widths", make_mixed, lose_vectors, RNM_HEALTH_GONE,
		  "all vectors have one length now", 1, 1 },
	};
	const struct rnm_health_options options = now_options();

	(void)state;
	NEED_SERVER();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rnm_redis *redis = connect_empty();
		struct rnm_health_report *report = NULL;
		const struct rnm_health_finding *finding;
		size_t place;

		rows[i].make(redis);
		place = examine(&report, redis, &options, rows[i].id);
		if (rows[i].change != NULL)
			rows[i].change(redis);
		assert_int_equal(rnm_health_repair(report, redis, &options, NULL), RNM_OK);
		finding = &report->findings[place];
		if (finding->state != rows[i].state || finding->outcome == NULL)
			fail_msg("%zu: %s: %s", i, rnm_health_state_name(finding->state),
			         finding->outcome != NULL ? finding->outcome : "nothing said");
		if (rows[i].outcome != NULL)
			assert_string_equal(finding->outcome, rows[i].outcome);
		assert_int_equal(number(redis, "EXISTS", MODEL), rows[i].models);
		assert_int_equal(number(redis, "ZCARD", "rn3_embed_3_ours"), rows[i].lists);
		/* A connection that has given up a transaction is as good as before. */
		assert_int_equal(number(redis, "EXISTS", "nothing"), 0);
		rnm_health_report_free(report);
		rnm_redis_free(redis);
	}
}

/* An examination of a large server takes its time, and a training that has begun since is none of the past. */
static void repairs_go_by_their_own_time(void **state)
{
	struct rnm_health_options options = now_options();
	struct rnm_redis *redis;
	struct rnm_health_report *report = NULL;
	size_t place;

	(void)state;
	NEED_SERVER();
	redis = connect_empty();
	make_locked(redis);
	be_trained(redis);
	options.now -= 5000;
	place = examine(&report, redis, &options, "doctor.dead-lock");
	assert_int_equal(rnm_health_repair(report, redis, &options, NULL), RNM_OK);
	assert_int_equal(report->findings[place].state, RNM_HEALTH_GONE);
	assert_string_equal(report->findings[place].outcome, "it is locked by a training again");
	rnm_health_report_free(report);
	rnm_redis_free(redis);
}

/* rspamd replaces a cached file by another one, or writes a newer state into it. */
static void a_file_that_was_fetched_again_stays(void **state)
{
	char path[] = "/tmp/rnm-doctor-XXXXXX", other[sizeof(path) + 4];
	struct rnm_arena arena;
	struct rnm_health_finding finding = { .key = path };
	struct rnm_repairing r = { .finding = &finding, .arena = &arena };
	struct timespec later[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1 } };
	int fd = mkstemp(path);

	(void)state;
	rnm_arena_init(&arena, 1 << 20);
	assert_int_not_equal(fd, -1);
	rnm_doctor_file_identity(path, &finding.seconds, &finding.width);
	later[1].tv_sec += (time_t)finding.seconds;
	assert_int_equal(futimens(fd, later), 0);
	assert_int_equal(rnm_repair_delete_file(&r, NULL), RNM_OK);
	assert_true(r.gone);
	assert_string_equal(finding.outcome, "the file has been written anew since");
	rnm_doctor_file_identity(path, &finding.seconds, &finding.width);
	snprintf(other, sizeof(other), "%s.new", path);
	close(open(other, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(rename(other, path), 0);
	r.gone = false;
	assert_int_equal(rnm_repair_delete_file(&r, NULL), RNM_OK);
	assert_true(r.gone);
	rnm_doctor_file_identity(path, &finding.seconds, &finding.width);
	r.gone = false;
	assert_int_equal(rnm_repair_delete_file(&r, NULL), RNM_OK);
	assert_false(r.gone);
	assert_string_equal(finding.outcome, "deleted the file");
	assert_int_equal(rnm_repair_delete_file(&r, NULL), RNM_OK);
	assert_string_equal(finding.outcome, "the file is no longer there");
	close(fd);
	rnm_arena_free(&arena);
}

static void no_repair_on_a_dead_connection(void **state)
{
	const struct rnm_health_options options = now_options();
	struct rnm_redis *redis, *killer;
	struct rnm_health_report *report = NULL;
	struct rnm_error err;
	size_t place;

	(void)state;
	NEED_SERVER();
	redis = connect_empty();
	make_tombstone(redis);
	place = examine(&report, redis, &options, "doctor.tombstone");
	killer = connect_server();
	command(killer, "CLIENT", "KILL", "TYPE", "normal");
	assert_int_equal(rnm_health_repair(report, redis, &options, &err), RNM_E_IO);
	assert_int_equal(report->findings[place].state, RNM_HEALTH_FAILED);
	rnm_health_report_free(report);
	rnm_redis_free(redis);
	rnm_redis_free(killer);
	redis = connect_server();
	assert_int_equal(number(redis, "ZCARD", "rn3_embed_3_ours"), 1);
	rnm_redis_free(redis);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_kinds),
		cmocka_unit_test(made_keys_are_known),
		cmocka_unit_test(seen_strings),
		cmocka_unit_test(lengths_of_vectors),
		cmocka_unit_test(times_in_words),
		cmocka_unit_test(changes),
		cmocka_unit_test(repairs_go_by_their_own_time),
		cmocka_unit_test(a_file_that_was_fetched_again_stays),
		cmocka_unit_test(no_repair_on_a_dead_connection),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
