/* SPDX-License-Identifier: Apache-2.0 */
#include "store/restore_training.h"

#include "base/value_build.h"
#include "store/backup_manifest.h"
#include "store/events.h"
#include "store/restore_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Members of one batch, and bytes after which it is full. */
#define BATCH_MEMBERS 256u
#define BATCH_BYTES ((size_t)1 << 20)
#define NUMBER_ROOM 24

/* Members on their way from an object; the sizes are kept because the buffer moves while it grows. */
struct batch {
	struct rnm_restore_object *object;
	struct rnm_buf bytes;
	size_t sizes[BATCH_MEMBERS];
	size_t count;
};

static enum rnm_status bad_object(const struct batch *batch, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "backup.object",
	                     "expected training vectors, each behind its length, found something else: %s",
	                     batch->object->path != NULL ? batch->object->path : "a value of the manifest");
}

/* Exactly len bytes, or none at the end of the object (*end). */
static enum rnm_status read_exactly(struct batch *batch, void *data, size_t len, bool *end,
                                    struct rnm_error *err)
{
	size_t have = 0;

	*end = false;
	while (have < len) {
		size_t got;
		enum rnm_status status =
		    rnm_restore_object_read(batch->object, (char *)data + have, len - have, &got, err);

		if (status != RNM_OK)
			return status;
		if (got == 0 && have == 0) {
			*end = true;
			return RNM_OK;
		}
		if (got == 0)
			return bad_object(batch, err);
		have += got;
	}
	return RNM_OK;
}

static enum rnm_status read_member(struct batch *batch, bool *end, struct rnm_error *err)
{
	unsigned char bytes[RNM_BACKUP_LENGTH_BYTES];
	enum rnm_status status = read_exactly(batch, bytes, sizeof(bytes), end, err);
	size_t length = 0;
	bool cut = false;

	if (status != RNM_OK || *end)
		return status;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		length |= (size_t)bytes[i] << 8 * i;
	if (length > RNM_BACKUP_MEMBER_MAX)
		return bad_object(batch, err);
	/* One more, so that an empty member has a place too. */
	if (!rnm_buf_reserve(&batch->bytes, length + 1))
		return rnm_error_nomem(err);
	status = read_exactly(batch, batch->bytes.data + batch->bytes.len, length, &cut, err);
	if (status == RNM_OK && cut)
		return bad_object(batch, err);
	batch->bytes.len += length;
	batch->sizes[batch->count++] = length;
	return status;
}

/* The next batch; empty at the end of the object. */
static enum rnm_status next_batch(struct batch *batch, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	bool end = false;

	rnm_buf_clear(&batch->bytes);
	batch->count = 0;
	while (status == RNM_OK && !end && batch->count < BATCH_MEMBERS && batch->bytes.len < BATCH_BYTES)
		status = read_member(batch, &end, err);
	return status;
}

static enum rnm_status batch_open(struct batch *batch, struct rnm_restore_object *object,
                                  const struct rnm_backup_manifest *manifest,
                                  const struct rnm_backup_training *training, struct rnm_error *err)
{
	batch->object = object;
	batch->count = 0;
	rnm_buf_init(&batch->bytes, BATCH_BYTES + RNM_BACKUP_MEMBER_MAX + 1);
	return rnm_restore_object_open(object, manifest, &training->value, err);
}

static void batch_close(struct batch *batch)
{
	rnm_restore_object_close(batch->object);
	rnm_buf_free(&batch->bytes);
}

/* ---- what Redis has ---- */

static enum rnm_status ask_cardinality(const struct rnm_transaction *change, const char *key, int64_t *count,
                                       struct rnm_error *err)
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
static enum rnm_status look_for_batch(const struct rnm_transaction *change, const struct batch *batch,
                                      const char *key, bool *whole, struct rnm_error *err)
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
                                          const struct rnm_backup_training *training, bool *there,
                                          bool *whole, struct rnm_error *err)
{
	struct rnm_restore_object object;
	struct batch batch;
	int64_t count = 0;
	enum rnm_status status = batch_open(&batch, &object, manifest, training, err);

	if (status == RNM_OK)
		status = ask_cardinality(change, training->key, &count, err);
	*there = count > 0;
	*whole = *there;
	while (status == RNM_OK) {
		status = next_batch(&batch, err);
		if (status != RNM_OK || batch.count == 0)
			break;
		if (*whole)
			status = look_for_batch(change, &batch, training->key, whole, err);
	}
	batch_close(&batch);
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

static enum rnm_status send_batch(struct rnm_transaction *change, const struct batch *batch, const char *key,
                                  struct rnm_error *err)
{
	struct rnm_bytes argv[BATCH_MEMBERS + 2] = { rnm_bytes_of("SADD"), rnm_bytes_of(key) };
	const char *member = rnm_buf_cstr(&batch->bytes);

	for (size_t i = 0; i < batch->count; i++) {
		argv[i + 2] = (struct rnm_bytes){ member, batch->sizes[i] };
		member += batch->sizes[i];
	}
	return rnm_transaction_add(change, batch->count + 2, argv, err);
}

enum rnm_status rnm_restore_training_send(struct rnm_transaction *change,
                                          const struct rnm_backup_manifest *manifest,
                                          const struct rnm_backup_training *training, struct rnm_error *err)
{
	const struct rnm_bytes drop[] = { rnm_bytes_of("DEL"), rnm_bytes_of(training->key) };
	struct rnm_restore_object object;
	struct batch batch;
	enum rnm_status status = batch_open(&batch, &object, manifest, training, err);

	if (status == RNM_OK)
		status = rnm_transaction_add(change, 2, drop, err);
	while (status == RNM_OK) {
		status = next_batch(&batch, err);
		if (status != RNM_OK || batch.count == 0)
			break;
		status = send_batch(change, &batch, training->key, err);
	}
	batch_close(&batch);
	return status == RNM_OK ? rnm_restore_expire(change, training->key, training->ttl_ms, err) : status;
}
