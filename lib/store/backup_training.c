/* SPDX-License-Identifier: Apache-2.0 */
/* A set of training vectors as an object: members as they are, each behind its length. */
#include "base/value_build.h"
#include "store/backup_read.h"
#include "store/events.h"

#include <string.h>

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
	const struct rnm_key_walk walk = {
		.redis = reading->redis,
		.command = "SSCAN",
		.key = key,
		.text = &reading->text,
		.what = "a training vector",
		.take = take_member,
		.ctx = taking,
		.endless = "store.too-many",
		.place = key,
	};
	enum rnm_status status = rnm_event_walk(&walk, err);

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
