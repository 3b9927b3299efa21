/* SPDX-License-Identifier: Apache-2.0 */
/* What a restore writes, in one transaction. */
#include "base/number.h"
#include "base/value_build.h"
#include "store/restore.h"
#include "store/restore_object.h"

#define SCORE_ROOM 40

void rnm_restore_progress(void *ctx, uint64_t len)
{
	struct rnm_restoring *restoring = ctx;

	restoring->outcome->bytes += len;
	if (restoring->options->progress != NULL)
		restoring->options->progress(restoring->options->progress_ctx, restoring->outcome->bytes,
		                             restoring->total);
}

static enum rnm_status send_value(struct rnm_restoring *restoring, const struct rnm_backup_value *value,
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
		rnm_restore_progress(restoring, got);
	}
	rnm_restore_object_close(&object);
	return status;
}

static enum rnm_status send_text(struct rnm_restoring *restoring, struct rnm_bytes text,
                                 struct rnm_error *err)
{
	enum rnm_status status = rnm_redis_argument(restoring->redis, text.len, err);

	return status == RNM_OK ? rnm_redis_feed(restoring->redis, text.data, text.len, err) : status;
}

/* All fields by one command; what Redis has under the key goes first, also fields that the backup lacks. */
static enum rnm_status send_hash(struct rnm_restoring *restoring, struct rnm_error *err)
{
	const struct rnm_backup_model *model = restoring->model;
	const struct rnm_bytes drop[] = { rnm_bytes_of("UNLINK"), rnm_bytes_of(model->key) };
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

static enum rnm_status send_profile(struct rnm_restoring *restoring, const struct rnm_backup_profile *profile,
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

static enum rnm_status send_profiles(struct rnm_restoring *restoring, struct rnm_error *err)
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

static enum rnm_status send_training(struct rnm_restoring *restoring, size_t i, struct rnm_error *err)
{
	const struct rnm_backup_training *training = &restoring->training[i];

	return restoring->training_large[i]
	           ? rnm_restore_stage_place(&restoring->stages[i], &restoring->change, training, err)
	           : rnm_restore_training_send(&restoring->change, restoring->manifest, training, err);
}

enum rnm_status rnm_restore_send(struct rnm_restoring *restoring, struct rnm_error *err)
{
	enum rnm_status status = rnm_transaction_begin(&restoring->change, err);

	if (status == RNM_OK && restoring->outcome->hash == RNM_RESTORE_WRITTEN)
		status = send_hash(restoring, err);
	if (status == RNM_OK && restoring->outcome->profiles == RNM_RESTORE_WRITTEN)
		status = send_profiles(restoring, err);
	for (size_t i = 0; status == RNM_OK && i < restoring->training_count; i++)
		if (restoring->training_state[i] == RNM_RESTORE_WRITTEN)
			status = send_training(restoring, i, err);
	if (status == RNM_OK)
		status = rnm_transaction_commit(&restoring->change, err);
	for (size_t i = 0; status == RNM_OK && i < restoring->training_count; i++)
		if (restoring->training_state[i] == RNM_RESTORE_WRITTEN)
			rnm_restore_stage_forget(&restoring->stages[i]);
	return status;
}
