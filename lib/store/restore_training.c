/* SPDX-License-Identifier: Apache-2.0 */
#include "store/restore_training.h"

#include "base/value_build.h"
#include "store/events.h"
#include "store/restore_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_ROOM 24

/* ---- what Redis has ---- */

enum rnm_status rnm_restore_training_count(const struct rnm_transaction *change, const char *key,
                                           int64_t *count, struct rnm_error *err)
{
	struct rnm_buf text;
	bool refused = false;
	enum rnm_status status = rnm_event_send(change->redis, "SCARD", key, NULL, err);

	rnm_buf_init(&text, RNM_REPLY_MAX);
	*count = 0;
	if (status == RNM_OK)
		status = rnm_event_integer(change->redis, "SCARD", count, &refused, &text, err);
	if (status == RNM_OK && refused)
		status = rnm_transaction_refused(change, "SCARD", rnm_buf_cstr(&text), err);
	rnm_buf_free(&text);
	return status;
}

/* Asks for each member of the batch by itself: SMISMEMBER is younger than the servers that rspamd works with. */
static enum rnm_status look_for_batch(const struct rnm_transaction *change,
                                      const struct rnm_restore_batch *batch, const char *key, bool *whole,
                                      struct rnm_error *err)
{
	const char *member = rnm_buf_cstr(&batch->bytes);
	enum rnm_status status = RNM_OK;
	struct rnm_buf text;

	for (size_t i = 0; status == RNM_OK && i < batch->count; i++) {
		const struct rnm_bytes argv[] = { rnm_bytes_of("SISMEMBER"),
			                          rnm_bytes_of(key),
			                          { member, batch->sizes[i] } };

		status = rnm_redis_send(change->redis, 3, argv, err);
		member += batch->sizes[i];
	}
	rnm_buf_init(&text, RNM_REPLY_MAX);
	for (size_t i = 0; status == RNM_OK && i < batch->count; i++) {
		int64_t found = 0;
		bool refused = false;

		status = rnm_event_integer(change->redis, "SISMEMBER", &found, &refused, &text, err);
		if (status == RNM_OK && refused)
			status = rnm_transaction_refused(change, "SISMEMBER", rnm_buf_cstr(&text), err);
		*whole = *whole && found == 1;
	}
	rnm_buf_free(&text);
	return status;
}

enum rnm_status rnm_restore_training_look(const struct rnm_transaction *change,
                                          const struct rnm_backup_manifest *manifest,
                                          const struct rnm_backup_training *training,
                                          struct rnm_restore_sight *sight, struct rnm_error *err)
{
	struct rnm_restore_object object;
	struct rnm_restore_batch batch;
	int64_t count = 0;
	size_t batches = 0;
	enum rnm_status status = rnm_restore_batch_open(&batch, &object, manifest, training, err);

	if (status == RNM_OK)
		status = rnm_restore_training_count(change, training->key, &count, err);
	sight->there = count > 0;
	sight->whole = sight->there;
	while (status == RNM_OK) {
		status = rnm_restore_batch_next(&batch, err);
		if (status != RNM_OK || batch.count == 0)
			break;
		batches++;
		if (sight->whole)
			status = look_for_batch(change, &batch, training->key, &sight->whole, err);
	}
	/* What the manifest says of their number is not relied upon. */
	sight->large = batches > 1;
	rnm_restore_batch_close(&batch);
	return status;
}

/* ---- sending ---- */

enum rnm_status rnm_restore_expire(struct rnm_transaction *change, const char *key, int64_t ttl_ms,
                                   struct rnm_error *err)
{
	char text[NUMBER_ROOM];
	struct rnm_bytes argv[] = { rnm_bytes_of("PEXPIRE"), rnm_bytes_of(key), { text, 0 } };

	if (ttl_ms < 0)
		return RNM_OK;
	(void)snprintf(text, sizeof(text), "%lld",
	               (long long)(ttl_ms > RNM_RESTORE_TTL_MIN ? ttl_ms : RNM_RESTORE_TTL_MIN));
	argv[2].len = strlen(text);
	return rnm_transaction_add(change, 3, argv, err);
}

enum rnm_status rnm_restore_training_send(struct rnm_transaction *change,
                                          const struct rnm_backup_manifest *manifest,
                                          const struct rnm_backup_training *training, struct rnm_error *err)
{
	const struct rnm_bytes drop[] = { rnm_bytes_of("UNLINK"), rnm_bytes_of(training->key) };
	struct rnm_bytes words[RNM_RESTORE_BATCH_MEMBERS + 2];
	struct rnm_restore_object object;
	struct rnm_restore_batch batch;
	enum rnm_status status = rnm_restore_batch_open(&batch, &object, manifest, training, err);

	if (status == RNM_OK)
		status = rnm_transaction_add(change, 2, drop, err);
	while (status == RNM_OK) {
		status = rnm_restore_batch_next(&batch, err);
		if (status != RNM_OK || batch.count == 0)
			break;
		status = rnm_transaction_add(change, rnm_restore_batch_words(&batch, training->key, words),
		                             words, err);
	}
	rnm_restore_batch_close(&batch);
	return status == RNM_OK ? rnm_restore_expire(change, training->key, training->ttl_ms, err) : status;
}
