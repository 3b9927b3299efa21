/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One model from a backup into Redis.  What is there is read under WATCH as a backup would read it, so that the
 * two can be compared piece by piece; what is missing then goes out in one transaction.
 */
#include "base/number.h"
#include "base/value_build.h"
#include "store/backup_read.h"
#include "store/events.h"
#include "store/lock.h"
#include "store/restore_compare.h"
#include "store/restore_object.h"
#include "store/restore_training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names and short values of what Redis has now; its blobs are only hashed. */
#define NOW_MAX ((size_t)64 << 20)
#define SCORE_ROOM 40
/* The sorted set, the hash, two sets of vectors. */
#define KEYS (2 + RNM_BACKUP_CLASSES)
#define WHAT_ROOM 512

static const char rights[] =
    "a restore needs: +watch +unwatch +multi +exec +discard +zrevrange +hexists +hget +hlen "
    "+hkeys +hmget +pttl +scard +sismember +del +hset +pexpire +zadd +sadd";

struct restoring {
	struct rnm_redis *redis;
	const struct rnm_backup_manifest *manifest;
	const struct rnm_backup_set *set;
	const struct rnm_backup_model *model; /* NULL: the vectors that belong to no model */
	const struct rnm_backup_training *training;
	size_t training_count;
	const struct rnm_restore_options *options;
	struct rnm_restore_outcome *outcome;
	struct rnm_transaction change;
	char what[WHAT_ROOM];
	struct rnm_buf text;
	char *piece;
	uint64_t total;
	/* Of the attempt. */
	bool zset_there;
	bool *write_profile; /* for each of the model */
	enum rnm_restore_state training_state[RNM_BACKUP_CLASSES];
};

const char *rnm_restore_state_name(enum rnm_restore_state state)
{
	static const char *const names[] = {
		[RNM_RESTORE_NOTHING] = "nothing",
		[RNM_RESTORE_WRITTEN] = "written",
		[RNM_RESTORE_SAME] = "same",
		[RNM_RESTORE_KEPT] = "kept",
	};

	return names[state];
}

/* ---- looking, under WATCH ---- */

static enum rnm_restore_state judge_hash(const struct restoring *restoring,
                                         const struct rnm_backup_model *now)
{
	const struct rnm_backup_model *then = restoring->model;

	if (then->field_count == 0)
		return RNM_RESTORE_NOTHING;
	if (now->field_count == 0)
		return RNM_RESTORE_WRITTEN;
	if (rnm_restore_same_hash(now, then))
		return RNM_RESTORE_SAME;
	if (then->live && !now->live)
		return RNM_RESTORE_WRITTEN;
	return restoring->options->replace ? RNM_RESTORE_WRITTEN : RNM_RESTORE_KEPT;
}

static enum rnm_status locked(const struct restoring *restoring, const char *key, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "restore.locked",
	              "cannot %s: somebody trains from %s now, and may write the same key", restoring->what,
	              key);
	rnm_error_set_hint(err, "run it again when that training is done, or add --force");
	return RNM_E_REFUSED;
}

/* A model that is being trained from: its successor may get the very key that is to be restored. */
static enum rnm_status check_lock(struct restoring *restoring, const char *key, struct rnm_error *err)
{
	struct rnm_event event = { .kind = RNM_EVENT_NIL };
	enum rnm_status status = rnm_event_send(restoring->redis, "HGET", key, "lock", err);
	struct rnm_bytes lock;

	if (status == RNM_OK)
		status = rnm_redis_next(restoring->redis, &event, err);
	if (status != RNM_OK || event.kind == RNM_EVENT_NIL)
		return status;
	if (event.kind == RNM_EVENT_ERROR) {
		rnm_buf_clear(&restoring->text);
		rnm_buf_append(&restoring->text, event.data.data, event.data.len);
		return rnm_transaction_refused(&restoring->change, "HGET", rnm_buf_cstr(&restoring->text),
		                               err);
	}
	if (event.kind != RNM_EVENT_BULK_BEGIN)
		return rnm_event_unexpected("HGET", err);
	status = rnm_event_bulk(restoring->redis, &event, &restoring->text, "a lock", err);
	lock = (struct rnm_bytes){ rnm_buf_cstr(&restoring->text), restoring->text.len };
	if (status == RNM_OK && rnm_lock_is_fresh(lock, restoring->options->rule))
		return locked(restoring, key, err);
	return status;
}

static enum rnm_status check_locks(struct restoring *restoring, const struct rnm_model_list *list,
                                   struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && !restoring->options->force && i < list->count; i++) {
		const char *key = list->models[i].profile.redis_key;

		if (key != NULL && !list->models[i].wrong_type && list->models[i].key_error == NULL)
			status = check_lock(restoring, key, err);
	}
	/* One that no profile names. */
	return status == RNM_OK && restoring->model->key != NULL && !restoring->options->force
	           ? check_lock(restoring, restoring->model->key, err)
	           : status;
}

static const struct rnm_profile *find_profile(const struct rnm_model_list *list, struct rnm_bytes member)
{
	for (size_t i = 0; i < list->count; i++)
		if (rnm_bytes_equal(list->models[i].profile.member, member))
			return &list->models[i].profile;
	return NULL;
}

static bool same_score(double a, double b)
{
	return a <= b && a >= b;
}

/* Which profiles to write.  One whose key holds another model stays out: it would describe that one wrongly. */
static enum rnm_status judge_profiles(struct restoring *restoring, const struct rnm_model_list *list,
                                      struct rnm_error *err)
{
	struct rnm_restore_outcome *outcome = restoring->outcome;

	outcome->profiles = restoring->model->profile_count > 0 ? RNM_RESTORE_SAME : RNM_RESTORE_NOTHING;
	for (size_t i = 0; i < restoring->model->profile_count; i++) {
		const struct rnm_backup_profile *profile = &restoring->model->profiles[i];
		const struct rnm_profile *there;
		enum rnm_status status =
		    rnm_restore_value(&restoring->text, restoring->manifest, &profile->member, err);
		bool differs;

		if (status != RNM_OK)
			return status;
		there = find_profile(list, (struct rnm_bytes){ rnm_buf_cstr(&restoring->text),
		                                               restoring->text.len });
		differs = there == NULL ||
		          (restoring->options->replace && !same_score(there->score, profile->score));
		restoring->write_profile[i] = differs && outcome->hash != RNM_RESTORE_KEPT;
		if (restoring->write_profile[i])
			outcome->profiles = RNM_RESTORE_WRITTEN;
		else if (differs && outcome->profiles == RNM_RESTORE_SAME)
			outcome->profiles = RNM_RESTORE_KEPT;
	}
	return RNM_OK;
}

static enum rnm_status look_at_hash(struct restoring *restoring, struct rnm_error *err)
{
	const struct rnm_backup_options as_dry_run = { .dry_run = true };
	struct rnm_arena arena;
	struct rnm_backup_reading reading = {
		.arena = &arena,
		.folder = restoring->manifest->storage->folder,
		.options = &as_dry_run,
		.redis = restoring->redis,
		.rule = restoring->options->rule,
		.rights = rights,
	};
	struct rnm_backup_model now = { .key = restoring->model->key };
	enum rnm_status status = RNM_OK;

	rnm_arena_init(&arena, NOW_MAX);
	rnm_buf_init(&reading.text, RNM_BACKUP_MEMBER_MAX);
	if (restoring->model->field_count > 0)
		status = rnm_backup_read_hash(&reading, &now, err);
	if (status == RNM_OK)
		restoring->outcome->hash = judge_hash(restoring, &now);
	rnm_buf_free(&reading.text);
	rnm_arena_free(&arena);
	return status;
}

static enum rnm_status look_at_training(struct restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	restoring->outcome->training = RNM_RESTORE_NOTHING;
	for (size_t i = 0; status == RNM_OK && i < restoring->training_count; i++) {
		enum rnm_restore_state *state = &restoring->training_state[i];
		bool there, whole;

		status = rnm_restore_training_look(&restoring->change, restoring->manifest,
		                                   &restoring->training[i], &there, &whole, err);
		if (status != RNM_OK)
			return status;
		if (there && whole)
			*state = RNM_RESTORE_SAME;
		else
			*state =
			    !there || restoring->options->replace ? RNM_RESTORE_WRITTEN : RNM_RESTORE_KEPT;
		/* Of two sets the one that had to stay is told, then the one that was written. */
		if (restoring->outcome->training == RNM_RESTORE_NOTHING || *state == RNM_RESTORE_KEPT ||
		    restoring->outcome->training == RNM_RESTORE_SAME)
			restoring->outcome->training = *state;
	}
	return status;
}

static bool anything_to_write(const struct restoring *restoring)
{
	bool any = restoring->outcome->hash == RNM_RESTORE_WRITTEN ||
	           restoring->outcome->profiles == RNM_RESTORE_WRITTEN;

	for (size_t i = 0; i < restoring->training_count; i++)
		any = any || restoring->training_state[i] == RNM_RESTORE_WRITTEN;
	return any;
}

static enum rnm_status look_at_model(struct restoring *restoring, struct rnm_error *err)
{
	struct rnm_model_list *list = NULL;
	enum rnm_status status = rnm_store_list(&list, restoring->redis, restoring->options->rule,
	                                        restoring->set->settings, RNM_LIST_ALIVE, err);

	if (status == RNM_OK)
		status = look_at_hash(restoring, err);
	if (status == RNM_OK)
		status = judge_profiles(restoring, list, err);
	if (status == RNM_OK && (restoring->outcome->hash == RNM_RESTORE_WRITTEN ||
	                         restoring->outcome->profiles == RNM_RESTORE_WRITTEN))
		status = check_locks(restoring, list, err);
	restoring->zset_there = list != NULL && list->count > 0;
	rnm_model_list_free(list);
	return status;
}

static enum rnm_status watch(struct restoring *restoring, struct rnm_error *err)
{
	const char *keys[KEYS];
	size_t count = 0;

	if (restoring->model != NULL)
		keys[count++] = restoring->set->zset;
	if (restoring->model != NULL && restoring->model->key != NULL)
		keys[count++] = restoring->model->key;
	for (size_t i = 0; i < restoring->training_count; i++)
		keys[count++] = restoring->training[i].key;
	return rnm_transaction_watch(&restoring->change, count, keys, err);
}

/* ---- sending ---- */

static void report_progress(struct restoring *restoring, size_t len)
{
	restoring->outcome->bytes += len;
	if (restoring->options->progress != NULL)
		restoring->options->progress(restoring->options->progress_ctx, restoring->outcome->bytes,
		                             restoring->total);
}

static enum rnm_status send_value(struct restoring *restoring, const struct rnm_backup_value *value,
                                  struct rnm_error *err)
{
	struct rnm_restore_object object;
	enum rnm_status status = rnm_restore_object_open(&object, restoring->manifest, value, err);
	size_t got = 1;

	if (status == RNM_OK)
		status = rnm_redis_argument(restoring->redis, value->size, err);
	while (status == RNM_OK && got > 0) {
		status = rnm_restore_object_read(&object, restoring->piece, RNM_RESTORE_PIECE, &got, err);
		if (status == RNM_OK && got > 0)
			status = rnm_redis_feed(restoring->redis, restoring->piece, got, err);
		report_progress(restoring, got);
	}
	rnm_restore_object_close(&object);
	return status;
}

static enum rnm_status send_text(struct restoring *restoring, struct rnm_bytes text, struct rnm_error *err)
{
	enum rnm_status status = rnm_redis_argument(restoring->redis, text.len, err);

	return status == RNM_OK ? rnm_redis_feed(restoring->redis, text.data, text.len, err) : status;
}

/* All fields by one command; what Redis has under the key goes first, also fields that the backup lacks. */
static enum rnm_status send_hash(struct restoring *restoring, struct rnm_error *err)
{
	const struct rnm_backup_model *model = restoring->model;
	const struct rnm_bytes drop[] = { rnm_bytes_of("DEL"), rnm_bytes_of(model->key) };
	enum rnm_status status = rnm_transaction_add(&restoring->change, 2, drop, err);

	if (status == RNM_OK)
		status = rnm_redis_begin(restoring->redis, 2 + 2 * model->field_count, err);
	if (status == RNM_OK)
		status = send_text(restoring, rnm_bytes_of("HSET"), err);
	if (status == RNM_OK)
		status = send_text(restoring, rnm_bytes_of(model->key), err);
	for (size_t i = 0; status == RNM_OK && i < model->field_count; i++) {
		status = send_text(restoring, model->fields[i].name, err);
		if (status == RNM_OK)
			status = send_value(restoring, &model->fields[i].value, err);
	}
	if (status == RNM_OK)
		status = rnm_transaction_expect_queued(&restoring->change, "HSET", err);
	return status == RNM_OK ? rnm_restore_expire(&restoring->change, model->key, model->ttl_ms, err)
	                        : status;
}

static enum rnm_status send_profile(struct restoring *restoring, const struct rnm_backup_profile *profile,
                                    struct rnm_error *err)
{
	char score[SCORE_ROOM];
	struct rnm_bytes argv[] = {
		rnm_bytes_of("ZADD"), rnm_bytes_of(restoring->set->zset), { NULL, 0 }, { NULL, 0 }
	};
	enum rnm_status status =
	    rnm_restore_value(&restoring->text, restoring->manifest, &profile->member, err);

	if (status != RNM_OK)
		return status;
	/* As many digits as a double has: the score that comes back is the same. */
	rnm_format_double(score, sizeof(score), 17, profile->score);
	argv[2] = rnm_bytes_of(score);
	argv[3] = (struct rnm_bytes){ rnm_buf_cstr(&restoring->text), restoring->text.len };
	return rnm_transaction_add(&restoring->change, 4, argv, err);
}

static enum rnm_status send_profiles(struct restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < restoring->model->profile_count; i++)
		if (restoring->write_profile[i])
			status = send_profile(restoring, &restoring->model->profiles[i], err);
	if (status == RNM_OK && !restoring->zset_there)
		status = rnm_restore_expire(&restoring->change, restoring->set->zset,
		                            restoring->set->zset_ttl_ms, err);
	return status;
}

static enum rnm_status send_all(struct restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = rnm_transaction_begin(&restoring->change, err);

	restoring->outcome->bytes = 0;
	if (status == RNM_OK && restoring->outcome->hash == RNM_RESTORE_WRITTEN)
		status = send_hash(restoring, err);
	if (status == RNM_OK && restoring->outcome->profiles == RNM_RESTORE_WRITTEN)
		status = send_profiles(restoring, err);
	for (size_t i = 0; status == RNM_OK && i < restoring->training_count; i++)
		if (restoring->training_state[i] == RNM_RESTORE_WRITTEN)
			status = rnm_restore_training_send(&restoring->change, restoring->manifest,
			                                   &restoring->training[i], err);
	return status == RNM_OK ? rnm_transaction_commit(&restoring->change, err) : status;
}

/* For a dry run: what would be sent is read, and so compared with its hash. */
static enum rnm_status check_objects(struct restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; restoring->model != NULL && status == RNM_OK && i < restoring->model->field_count;
	     i++) {
		struct rnm_restore_object object;
		size_t got = 1;

		status = rnm_restore_object_open(&object, restoring->manifest,
		                                 &restoring->model->fields[i].value, err);
		while (status == RNM_OK && got > 0)
			status =
			    rnm_restore_object_read(&object, restoring->piece, RNM_RESTORE_PIECE, &got, err);
		rnm_restore_object_close(&object);
	}
	return status;
}

/* ---- the whole ---- */

/* RNM_NO: somebody else was faster. */
static enum rnm_status attempt(struct restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = watch(restoring, err);

	if (status == RNM_OK && restoring->model != NULL)
		status = look_at_model(restoring, err);
	/* Beside another model its vectors would be of no use. */
	if (restoring->outcome->hash == RNM_RESTORE_KEPT)
		restoring->training_count = 0;
	if (status == RNM_OK)
		status = look_at_training(restoring, err);
	if (status != RNM_OK)
		return status;
	if (restoring->options->dry_run)
		return check_objects(restoring, err);
	return anything_to_write(restoring) ? send_all(restoring, err) : RNM_OK;
}

static enum rnm_status raced(const struct restoring *restoring, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "restore.raced",
	              "cannot %s: others changed its keys each of %u times that it was tried",
	              restoring->what, RNM_TRANSACTION_TRIES);
	rnm_error_set_hint(err, "run it again");
	return RNM_E_REFUSED;
}

static enum rnm_status run(struct restoring *restoring, struct rnm_error *err)
{
	const size_t training_count = restoring->training_count;
	enum rnm_status status = RNM_NO;

	for (unsigned i = 0; status == RNM_NO && i < RNM_TRANSACTION_TRIES; i++) {
		rnm_transaction_init(&restoring->change, restoring->redis, restoring->options->rule->global,
		                     restoring->what, rights);
		restoring->training_count = training_count;
		*restoring->outcome = (struct rnm_restore_outcome){ .bytes = 0 };
		status = attempt(restoring, err);
		rnm_transaction_end(&restoring->change);
	}
	return status == RNM_NO ? raced(restoring, err) : status;
}

/* What is watched and written must be the list that was looked at. */
static enum rnm_status check_name(const struct restoring *restoring, struct rnm_error *err)
{
	char *zset = rnm_rule_zset(restoring->options->rule, restoring->set->settings);
	enum rnm_status status = RNM_OK;

	if (zset == NULL)
		return rnm_error_nomem(err);
	if (strcmp(zset, restoring->set->zset) != 0)
		status = rnm_error_set(
		    err, RNM_E_MALFORMED, "backup.manifest",
		    "%s: expected the sorted set %s beside its prefix and settings id, found %s",
		    restoring->manifest->path != NULL ? restoring->manifest->path : "the manifest", zset,
		    restoring->set->zset);
	free(zset);
	return status;
}

static enum rnm_status restore(struct restoring *restoring, size_t profiles, struct rnm_error *err)
{
	enum rnm_status status = check_name(restoring, err);

	if (status != RNM_OK)
		return status;
	rnm_buf_init(&restoring->text, RNM_BACKUP_MEMBER_MAX + 1);
	restoring->piece = malloc(RNM_RESTORE_PIECE);
	restoring->write_profile = calloc(profiles + 1, sizeof(*restoring->write_profile));
	status = restoring->piece != NULL && restoring->write_profile != NULL ? run(restoring, err)
	                                                                      : rnm_error_nomem(err);
	free(restoring->piece);
	free(restoring->write_profile);
	rnm_buf_free(&restoring->text);
	return status;
}

enum rnm_status rnm_restore_model(struct rnm_redis *redis, const struct rnm_backup_manifest *manifest,
                                  const struct rnm_backup_set *set, const struct rnm_backup_model *model,
                                  const struct rnm_restore_options *options,
                                  struct rnm_restore_outcome *outcome, struct rnm_error *err)
{
	struct restoring restoring = {
		.redis = redis,
		.manifest = manifest,
		.set = set,
		.model = model,
		.training = model->training,
		.training_count = model->training_count,
		.options = options,
		.outcome = outcome,
	};

	(void)snprintf(restoring.what, sizeof(restoring.what), "restore %.400s",
	               model->key != NULL ? model->key : set->zset);
	for (size_t i = 0; i < model->field_count; i++)
		restoring.total += model->fields[i].value.size;
	return restore(&restoring, model->profile_count, err);
}

enum rnm_status rnm_restore_pending(struct rnm_redis *redis, const struct rnm_backup_manifest *manifest,
                                    const struct rnm_backup_set *set,
                                    const struct rnm_restore_options *options,
                                    struct rnm_restore_outcome *outcome, struct rnm_error *err)
{
	struct restoring restoring = {
		.redis = redis,
		.manifest = manifest,
		.set = set,
		.training = set->pending,
		.training_count = set->pending_count,
		.options = options,
		.outcome = outcome,
	};

	*outcome = (struct rnm_restore_outcome){ .bytes = 0 };
	if (set->pending_count == 0)
		return RNM_OK;
	(void)snprintf(restoring.what, sizeof(restoring.what), "restore %.400s", set->pending[0].key);
	return restore(&restoring, 0, err);
}
