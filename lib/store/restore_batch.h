/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The training vectors of an object in batches, each small enough for Redis to take it in one go.
 *
 *	status = rnm_restore_batch_open(&batch, &object, manifest, training, err);
 *	while (status == RNM_OK && (status = rnm_restore_batch_next(&batch, err)) == RNM_OK && batch.count > 0)
 *		...
 *	rnm_restore_batch_close(&batch);
 */
#ifndef RNM_STORE_RESTORE_BATCH_H
#define RNM_STORE_RESTORE_BATCH_H

#include "store/restore_object.h"

/*
 * Members of one batch, and bytes after which it is full.  SADD of as much holds Redis for a third of a
 * millisecond; four times as much would save a tenth of the time of a restore.
 */
#define RNM_RESTORE_BATCH_MEMBERS 256u
#define RNM_RESTORE_BATCH_BYTES ((size_t)256 << 10)

/* Members on their way from an object; the sizes are kept because the buffer moves while it grows. */
struct rnm_restore_batch {
	struct rnm_restore_object *object;
	struct rnm_buf bytes;
	size_t sizes[RNM_RESTORE_BATCH_MEMBERS];
	size_t count;
};

/* Must be closed also when it fails. */
RNM_MUST_CHECK enum rnm_status rnm_restore_batch_open(struct rnm_restore_batch *batch,
                                                      struct rnm_restore_object *object,
                                                      const struct rnm_backup_manifest *manifest,
                                                      const struct rnm_backup_training *training,
                                                      struct rnm_error *err);
/* The next batch; empty at the end of the object. */
RNM_MUST_CHECK enum rnm_status rnm_restore_batch_next(struct rnm_restore_batch *batch, struct rnm_error *err);
void rnm_restore_batch_close(struct rnm_restore_batch *batch);

/* The words of the SADD that puts the batch into the set under key, pointing into batch; returns how many. */
size_t rnm_restore_batch_words(const struct rnm_restore_batch *batch, const char *key,
                               struct rnm_bytes words[RNM_RESTORE_BATCH_MEMBERS + 2]);

#endif
