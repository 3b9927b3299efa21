/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One model from a backup into Redis.  What is there is read under WATCH as a backup would read it, so that the
 * two can be compared piece by piece; what is missing then goes out in one transaction.
 */
#include "store/restore.h"
#include "base/value_build.h"
#include "store/backup_read.h"
#include "store/events.h"
#include "store/lock.h"
#include "store/restore_compare.h"
#include "store/restore_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names and short values of what Redis has now; its blobs are only hashed. */
#define NOW_MAX ((size_t)64 << 20)
/* The sorted set, the hash, two sets of vectors and where they are gathered. */
#define KEYS (2 + 2 * RNM_BACKUP_CLASSES)

static const char rights[] =
    "a restore needs: +watch +unwatch +multi +exec +discard +zrevrange +hexists +hget +hlen "
    "+hkeys +hmget +pttl +scard +sismember +del +hset +pexpire +zadd +sadd";

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

static enum rnm_restore_state judge_hash(const struct rnm_restoring *restoring,
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

static enum rnm_status locked(const struct rnm_restoring *restoring, const char *key, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "restore.locked",
	              "cannot %s: somebody trains from %s now, and may write the same key", restoring->what,
	              key);
	rnm_error_set_hint(err, "run it again when that training is done, or add --force");
	return RNM_E_REFUSED;
}

/* A model that is being trained from: its successor may get the very key that is to be restored. */
static enum rnm_status check_lock(struct rnm_restoring *restoring, const char *key, struct rnm_error *err)
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

static enum rnm_status check_locks(struct rnm_restoring *restoring, const struct rnm_model_list *list,
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
static enum rnm_status judge_profiles(struct rnm_restoring *restoring, const struct rnm_model_list *list,
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

static enum rnm_status look_at_hash(struct rnm_restoring *restoring, struct rnm_error *err)
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

static void judge_training(struct rnm_restoring *restoring, size_t i, const struct rnm_restore_sight *sight)
{
	struct rnm_restore_outcome *outcome = restoring->outcome;
	enum rnm_restore_state state = RNM_RESTORE_KEPT;

	if (sight->there && sight->whole)
		state = RNM_RESTORE_SAME;
	else if (!sight->there || restoring->options->replace)
		state = RNM_RESTORE_WRITTEN;
	restoring->training_state[i] = state;
	restoring->training_large[i] = sight->large;
	outcome->gathered += state == RNM_RESTORE_WRITTEN && sight->large;
	/* Of two sets the one that had to stay is told, then the one that was written. */
	if (outcome->training == RNM_RESTORE_NOTHING || state == RNM_RESTORE_KEPT ||
	    outcome->training == RNM_RESTORE_SAME)
		outcome->training = state;
}

static enum rnm_status look_at_training(struct rnm_restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	restoring->outcome->training = RNM_RESTORE_NOTHING;
	restoring->outcome->gathered = 0;
	for (size_t i = 0; status == RNM_OK && i < restoring->training_count; i++) {
		const struct rnm_restore_stage *stage = &restoring->stages[i];
		struct rnm_restore_sight sight;

		status = rnm_restore_training_look(&restoring->change, restoring->manifest,
		                                   &restoring->training[i], &sight, err);
		if (status != RNM_OK)
			return status;
		judge_training(restoring, i, &sight);
		restoring->stage_whole[i] = false;
		if (stage->key != NULL)
			status = rnm_restore_stage_check(stage, &restoring->change,
			                                 &restoring->stage_whole[i], err);
	}
	return status;
}

static bool anything_to_write(const struct rnm_restoring *restoring)
{
	bool any = restoring->outcome->hash == RNM_RESTORE_WRITTEN ||
	           restoring->outcome->profiles == RNM_RESTORE_WRITTEN;

	for (size_t i = 0; i < restoring->training_count; i++)
		any = any || restoring->training_state[i] == RNM_RESTORE_WRITTEN;
	return any;
}

static enum rnm_status look_at_model(struct rnm_restoring *restoring, struct rnm_error *err)
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

static enum rnm_status watch(struct rnm_restoring *restoring, struct rnm_error *err)
{
	const char *keys[KEYS];
	size_t count = 0;

	if (restoring->model != NULL)
		keys[count++] = restoring->set->zset;
	if (restoring->model != NULL && restoring->model->key != NULL)
		keys[count++] = restoring->model->key;
	for (size_t i = 0; i < restoring->training_count; i++)
		keys[count++] = restoring->training[i].key;
	for (size_t i = 0; i < restoring->training_count; i++)
		if (restoring->stages[i].key != NULL)
			keys[count++] = restoring->stages[i].key;
	return rnm_transaction_watch(&restoring->change, count, keys, err);
}

/* What would be sent is read, and so compared with its hash. */
static enum rnm_status check_objects(struct rnm_restoring *restoring, struct rnm_error *err)
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

static enum rnm_status look(struct rnm_restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = watch(restoring, err);

	if (status == RNM_OK && restoring->model != NULL)
		status = look_at_model(restoring, err);
	/* Beside another model its vectors would be of no use. */
	if (restoring->outcome->hash == RNM_RESTORE_KEPT)
		restoring->training_count = 0;
	return status == RNM_OK ? look_at_training(restoring, err) : status;
}

static bool lacks_stage(const struct rnm_restoring *restoring, size_t i)
{
	return restoring->training_state[i] == RNM_RESTORE_WRITTEN && restoring->training_large[i] &&
	       !restoring->stage_whole[i];
}

static bool lacks_any_stage(const struct rnm_restoring *restoring)
{
	bool any = false;

	for (size_t i = 0; i < restoring->training_count; i++)
		any = any || lacks_stage(restoring, i);
	return any;
}

static void begin_change(struct rnm_restoring *restoring)
{
	rnm_transaction_init(&restoring->change, restoring->redis, restoring->options->rule->global,
	                     restoring->what, rights);
	restoring->change.progress = rnm_restore_progress;
	restoring->change.progress_ctx = restoring;
}

/* Nothing is watched meanwhile: what has been seen so far must be looked at again. */
static enum rnm_status fill_stages(struct rnm_restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	rnm_transaction_end(&restoring->change);
	begin_change(restoring);
	for (size_t i = 0; status == RNM_OK && i < restoring->training_count; i++) {
		if (!lacks_stage(restoring, i))
			continue;
		rnm_restore_stage_drop(&restoring->stages[i], &restoring->change);
		status = rnm_restore_stage_fill(&restoring->stages[i], &restoring->change,
		                                restoring->manifest, &restoring->training[i], err);
	}
	return status;
}

/* RNM_NO: somebody else was faster. */
static enum rnm_status attempt(struct rnm_restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = look(restoring, err);

	if (status == RNM_OK && restoring->options->dry_run)
		return check_objects(restoring, err);
	if (status == RNM_OK && lacks_any_stage(restoring)) {
		/* A damaged backup is to leave nothing behind, not even for an hour. */
		status = check_objects(restoring, err);
		if (status == RNM_OK)
			status = fill_stages(restoring, err);
		if (status == RNM_OK)
			status = look(restoring, err);
		if (status == RNM_OK && lacks_any_stage(restoring))
			status = RNM_NO;
	}
	return status == RNM_OK && anything_to_write(restoring) ? rnm_restore_send(restoring, err) : status;
}

static enum rnm_status raced(const struct rnm_restoring *restoring, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "restore.raced",
	              "cannot %s: others changed its keys each of %u times that it was tried",
	              restoring->what, RNM_TRANSACTION_TRIES);
	rnm_error_set_hint(err, "run it again");
	return RNM_E_REFUSED;
}

static enum rnm_status run(struct rnm_restoring *restoring, struct rnm_error *err)
{
	const size_t training_count = restoring->training_count;
	enum rnm_status status = RNM_NO;

	for (unsigned i = 0; status == RNM_NO && i < RNM_TRANSACTION_TRIES; i++) {
		begin_change(restoring);
		restoring->training_count = training_count;
		*restoring->outcome = (struct rnm_restore_outcome){ .bytes = 0 };
		status = attempt(restoring, err);
		rnm_transaction_end(&restoring->change);
	}
	for (size_t i = 0; i < RNM_BACKUP_CLASSES; i++)
		rnm_restore_stage_drop(&restoring->stages[i], &restoring->change);
	return status == RNM_NO ? raced(restoring, err) : status;
}

/* What is watched and written must be the list that was looked at. */
static enum rnm_status check_name(const struct rnm_restoring *restoring, struct rnm_error *err)
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

static enum rnm_status restore(struct rnm_restoring *restoring, size_t profiles, struct rnm_error *err)
{
	enum rnm_status status = check_name(restoring, err);

	if (status != RNM_OK)
		return status;
	for (size_t i = 0; i < restoring->training_count; i++)
		restoring->total += restoring->training[i].value.size;
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
	struct rnm_restoring restoring = {
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
	struct rnm_restoring restoring = {
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
