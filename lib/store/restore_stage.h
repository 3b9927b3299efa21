/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of training vectors that is too large to be written in one transaction, because Redis would serve nobody
 * meanwhile.  Its vectors are gathered beforehand, batch by batch, in a key of ours; the transaction then gives
 * that key the name of the set.  The key has a time to live from its first vector on, so that of a restore that
 * is killed nothing stays for ever.
 */
#ifndef RNM_STORE_RESTORE_STAGE_H
#define RNM_STORE_RESTORE_STAGE_H

#include "store/transaction.h"

#include <rnm/backup.h>

/* All zero: nothing gathered. */
struct rnm_restore_stage {
	char *key;       /* NULL: none */
	int64_t members; /* that it was given */
};

/*
 * Gathers the vectors.  Nothing may be watched.  change->progress is told of the bytes.  After a failure the stage
 * must still be dropped.
 */
RNM_MUST_CHECK enum rnm_status rnm_restore_stage_fill(struct rnm_restore_stage *stage,
                                                      const struct rnm_transaction *change,
                                                      const struct rnm_backup_manifest *manifest,
                                                      const struct rnm_backup_training *training,
                                                      struct rnm_error *err);

/* Whether Redis still has under the key, which must be watched, what was gathered: it may have evicted it. */
RNM_MUST_CHECK enum rnm_status rnm_restore_stage_check(const struct rnm_restore_stage *stage,
                                                       const struct rnm_transaction *change, bool *whole,
                                                       struct rnm_error *err);

/* Queues what puts the key in the place of the set. */
RNM_MUST_CHECK enum rnm_status rnm_restore_stage_place(const struct rnm_restore_stage *stage,
                                                       struct rnm_transaction *change,
                                                       const struct rnm_backup_training *training,
                                                       struct rnm_error *err);

/* Removes the key, as far as the connection still works, and frees. */
void rnm_restore_stage_drop(struct rnm_restore_stage *stage, const struct rnm_transaction *change);
/* Frees only: the key has become the set. */
void rnm_restore_stage_forget(struct rnm_restore_stage *stage);

#endif
