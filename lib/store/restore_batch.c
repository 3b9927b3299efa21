/* SPDX-License-Identifier: Apache-2.0 */
#include "store/restore_batch.h"

#include "base/value_build.h"
#include "store/backup_manifest.h"

static enum rnm_status bad_object(const struct rnm_restore_batch *batch, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "backup.object",
	                     "expected training vectors, each behind its length, found something else: %s",
	                     batch->object->path != NULL ? batch->object->path : "a value of the manifest");
}

/* Exactly len bytes, or none at the end of the object (*end). */
static enum rnm_status read_exactly(struct rnm_restore_batch *batch, void *data, size_t len, bool *end,
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

static enum rnm_status read_member(struct rnm_restore_batch *batch, bool *end, struct rnm_error *err)
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

enum rnm_status rnm_restore_batch_next(struct rnm_restore_batch *batch, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	bool end = false;

	rnm_buf_clear(&batch->bytes);
	batch->count = 0;
	while (status == RNM_OK && !end && batch->count < RNM_RESTORE_BATCH_MEMBERS &&
	       batch->bytes.len < RNM_RESTORE_BATCH_BYTES)
		status = read_member(batch, &end, err);
	return status;
}

enum rnm_status rnm_restore_batch_open(struct rnm_restore_batch *batch, struct rnm_restore_object *object,
                                       const struct rnm_backup_manifest *manifest,
                                       const struct rnm_backup_training *training, struct rnm_error *err)
{
	batch->object = object;
	batch->count = 0;
	rnm_buf_init(&batch->bytes, RNM_RESTORE_BATCH_BYTES + RNM_BACKUP_MEMBER_MAX + 1);
	return rnm_restore_object_open(object, manifest, &training->value, err);
}

void rnm_restore_batch_close(struct rnm_restore_batch *batch)
{
	rnm_restore_object_close(batch->object);
	rnm_buf_free(&batch->bytes);
}

size_t rnm_restore_batch_words(const struct rnm_restore_batch *batch, const char *key,
                               struct rnm_bytes words[RNM_RESTORE_BATCH_MEMBERS + 2])
{
	const char *member = rnm_buf_cstr(&batch->bytes);

	words[0] = rnm_bytes_of("SADD");
	words[1] = rnm_bytes_of(key);
	for (size_t i = 0; i < batch->count; i++) {
		words[i + 2] = (struct rnm_bytes){ member, batch->sizes[i] };
		member += batch->sizes[i];
	}
	return batch->count + 2;
}
