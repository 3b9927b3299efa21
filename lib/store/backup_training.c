/* SPDX-License-Identifier: Apache-2.0 */
/* A set of training vectors as an object: members as they are, each behind its length. */
#include "base/value_build.h"
#include "store/backup_read.h"
#include "store/events.h"

#include <string.h>

#define SCAN_COUNT "100"
/* A server that never hands out cursor 0 again must not keep us for ever. */
#define ROUNDS_MAX 1000000u

struct taking {
	struct rnm_backup_reading *reading;
	struct rnm_backup_object *object;
	uint64_t vectors;
};

void rnm_backup_length(unsigned char out[RNM_BACKUP_LENGTH_BYTES], uint32_t length)
{
	for (unsigned i = 0; i < RNM_BACKUP_LENGTH_BYTES; i++)
		out[i] = (unsigned char)(length >> 8 * i);
}

static enum rnm_status take_member(void *ctx, struct rnm_error *err)
{
	struct taking *taking = ctx;
	const struct rnm_buf *member = &taking->reading->text;
	unsigned char length[RNM_BACKUP_LENGTH_BYTES];
	enum rnm_status status;

	rnm_backup_length(length, (uint32_t)member->len);
	taking->vectors++;
	status = rnm_backup_object_put(taking->object, length, sizeof(length), err);
	return status == RNM_OK
	           ? rnm_backup_object_put(taking->object, rnm_buf_cstr(member), member->len, err)
	           : status;
}

/* SSCAN may hand out a member twice, when the set grows meanwhile: putting it back twice does no harm. */
static enum rnm_status scan_set(struct taking *taking, const char *key, struct rnm_error *err)
{
	struct rnm_backup_reading *reading = taking->reading;
	char cursor[RNM_CURSOR_MAX] = "0";
	enum rnm_status status;
	unsigned rounds = 0;

	do {
		if (rounds++ == ROUNDS_MAX)
			return rnm_error_set(
			    err, RNM_E_MALFORMED, "store.too-many",
			    "%s: expected SSCAN to end, found it still going after %u rounds", key,
			    ROUNDS_MAX);
		status =
		    rnm_redis_sendv(reading->redis, err, "SSCAN", key, cursor, "COUNT", SCAN_COUNT, NULL);
		if (status == RNM_OK)
			status = rnm_event_scan(reading->redis, "SSCAN", cursor, &reading->text,
			                        "a training vector", take_member, taking, err);
	} while (status == RNM_OK && strcmp(cursor, "0") != 0);
	return status == RNM_NO ? rnm_backup_refused(reading, "SSCAN", key, err) : status;
}

static enum rnm_status keep_set(struct rnm_backup_reading *reading, struct rnm_backup_training *training,
                                struct rnm_backup_object *object, uint64_t vectors, const char *key,
                                struct rnm_error *err)
{
	bool is_new;
	enum rnm_status status = rnm_backup_object_end(object, &training->value, &is_new, err);

	if (status != RNM_OK)
		return status;
	rnm_backup_count(reading, &training->value, is_new);
	reading->totals.vectors += vectors;
	training->vectors = vectors;
	training->key = rnm_arena_strndup(reading->arena, key, strlen(key));
	if (training->key == NULL)
		return rnm_error_nomem(err);
	return rnm_backup_read_ttl(reading, key, &training->ttl_ms, err);
}

enum rnm_status rnm_backup_read_training(struct rnm_backup_reading *reading,
                                         struct rnm_backup_training *training, const char *key,
                                         const char *expected, bool *found, struct rnm_error *err)
{
	struct rnm_backup_object object;
	struct taking taking = { reading, &object, 0 };
	enum rnm_status status =
	    rnm_backup_object_begin(&object, reading->folder, expected, reading->options->dry_run, err);

	*found = false;
	if (status == RNM_OK)
		status = scan_set(&taking, key, err);
	if (status == RNM_OK && taking.vectors > 0) {
		*found = true;
		status = keep_set(reading, training, &object, taking.vectors, key, err);
	}
	rnm_backup_object_abort(&object);
	return status;
}
