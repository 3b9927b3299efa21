/* SPDX-License-Identifier: Apache-2.0 */
#include "store/restore_stage.h"

#include "base/value_build.h"
#include "rspamd/keys.h"
#include "store/events.h"
#include "store/restore_batch.h"
#include "store/restore_training.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Time for the next batch, and at the end for the transaction. */
#define TTL_MS "3600000"
/* MULTI, SADD, PEXPIRE, EXEC. */
#define ANSWERS 4

/* Others may restore the same set just now: each gathers under a name of his own. */
static enum rnm_status name_stage(struct rnm_restore_stage *stage, const char *global, const char *key,
                                  struct rnm_error *err)
{
	uint64_t nonce;

	randombytes_buf(&nonce, sizeof(nonce));
	stage->key = rnm_restore_key(global, key, nonce);
	stage->members = 0;
	return stage->key != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* ---- one batch ---- */

/* One at a time would leave a moment in which the key never expires. */
static enum rnm_status send_batch(const struct rnm_restore_stage *stage, struct rnm_redis *redis,
                                  const struct rnm_restore_batch *batch, struct rnm_error *err)
{
	struct rnm_bytes words[RNM_RESTORE_BATCH_MEMBERS + 2];
	const size_t count = rnm_restore_batch_words(batch, stage->key, words);
	enum rnm_status status = rnm_redis_sendv(redis, err, "MULTI", NULL);

	if (status == RNM_OK)
		status = rnm_redis_send(redis, count, words, err);
	if (status == RNM_OK)
		status = rnm_redis_sendv(redis, err, "PEXPIRE", stage->key, TTL_MS, NULL);
	return status == RNM_OK ? rnm_redis_sendv(redis, err, "EXEC", NULL) : status;
}

static enum rnm_status take_answer(struct rnm_restore_stage *stage, const struct rnm_transaction *change,
                                   const char *command, const struct rnm_reply *answer, struct rnm_error *err)
{
	if (answer->kind == RNM_EVENT_ERROR)
		return rnm_transaction_refused(change, command, answer->text.data, err);
	if (strcmp(command, "EXEC") != 0)
		return answer->kind == RNM_EVENT_STATUS ? RNM_OK : rnm_event_unexpected(command, err);
	if (answer->kind != RNM_EVENT_ARRAY || answer->count != 2)
		return rnm_event_unexpected(command, err);
	if (answer->items[0].kind == RNM_EVENT_ERROR)
		return rnm_transaction_refused(change, "SADD", answer->items[0].text.data, err);
	if (answer->items[0].kind != RNM_EVENT_INTEGER || answer->items[0].integer < 0 ||
	    answer->items[0].integer > (int64_t)RNM_RESTORE_BATCH_MEMBERS)
		return rnm_event_unexpected("SADD", err);
	stage->members += answer->items[0].integer;
	return RNM_OK;
}

/* All answers are read, so that the connection can be used when the first of them is a refusal. */
static enum rnm_status read_answers(struct rnm_restore_stage *stage, const struct rnm_transaction *change,
                                    struct rnm_error *err)
{
	static const char *const commands[ANSWERS] = { "MULTI", "SADD", "PEXPIRE", "EXEC" };
	enum rnm_status worst = RNM_OK;
	struct rnm_error later;

	rnm_error_clear(&later);
	for (size_t i = 0; i < ANSWERS; i++) {
		struct rnm_error *told = worst == RNM_OK ? err : &later;
		struct rnm_reply *answer = NULL;
		enum rnm_status status = rnm_redis_reply(change->redis, &answer, 0, told);

		if (status != RNM_OK)
			return worst == RNM_OK ? status : worst;
		status = take_answer(stage, change, commands[i], answer, told);
		rnm_reply_free(answer);
		if (worst == RNM_OK)
			worst = status;
	}
	return worst;
}

/* ---- the whole set ---- */

enum rnm_status rnm_restore_stage_fill(struct rnm_restore_stage *stage, const struct rnm_transaction *change,
                                       const struct rnm_backup_manifest *manifest,
                                       const struct rnm_backup_training *training, struct rnm_error *err)
{
	struct rnm_restore_object object;
	struct rnm_restore_batch batch;
	enum rnm_status status = name_stage(stage, change->global, training->key, err);

	if (status != RNM_OK)
		return status;
	status = rnm_restore_batch_open(&batch, &object, manifest, training, err);
	while (status == RNM_OK) {
		status = rnm_restore_batch_next(&batch, err);
		if (status != RNM_OK || batch.count == 0)
			break;
		status = send_batch(stage, change->redis, &batch, err);
		if (status == RNM_OK)
			status = read_answers(stage, change, err);
		if (status == RNM_OK && change->progress != NULL)
			change->progress(change->progress_ctx, batch.bytes.len);
	}
	rnm_restore_batch_close(&batch);
	return status;
}

enum rnm_status rnm_restore_stage_check(const struct rnm_restore_stage *stage,
                                        const struct rnm_transaction *change, bool *whole,
                                        struct rnm_error *err)
{
	int64_t count = 0;
	enum rnm_status status = rnm_restore_training_count(change, stage->key, &count, err);

	*whole = count > 0 && count == stage->members;
	return status;
}

enum rnm_status rnm_restore_stage_place(const struct rnm_restore_stage *stage, struct rnm_transaction *change,
                                        const struct rnm_backup_training *training, struct rnm_error *err)
{
	/* RENAME would remove the old set too, but at once. */
	const struct rnm_bytes unlink[] = { rnm_bytes_of("UNLINK"), rnm_bytes_of(training->key) };
	const struct rnm_bytes rename[] = { rnm_bytes_of("RENAME"), rnm_bytes_of(stage->key),
		                            rnm_bytes_of(training->key) };
	const struct rnm_bytes persist[] = { rnm_bytes_of("PERSIST"), rnm_bytes_of(training->key) };
	enum rnm_status status = rnm_transaction_add(change, 2, unlink, err);

	if (status == RNM_OK)
		status = rnm_transaction_add(change, 3, rename, err);
	if (status != RNM_OK)
		return status;
	return training->ttl_ms < 0 ? rnm_transaction_add(change, 2, persist, err)
	                            : rnm_restore_expire(change, training->key, training->ttl_ms, err);
}

void rnm_restore_stage_forget(struct rnm_restore_stage *stage)
{
	free(stage->key);
	*stage = (struct rnm_restore_stage){ .key = NULL };
}

void rnm_restore_stage_drop(struct rnm_restore_stage *stage, const struct rnm_transaction *change)
{
	struct rnm_reply *answer = NULL;

	/* When that fails the key goes by itself. */
	if (stage->key != NULL && rnm_transaction_can_ask(change) &&
	    rnm_redis_sendv(change->redis, NULL, "UNLINK", stage->key, NULL) == RNM_OK &&
	    rnm_redis_reply(change->redis, &answer, 0, NULL) == RNM_OK)
		rnm_reply_free(answer);
	rnm_restore_stage_forget(stage);
}
