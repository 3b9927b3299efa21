/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of training vectors back into Redis, batch by batch.
 */
#ifndef RNM_STORE_RESTORE_TRAINING_H
#define RNM_STORE_RESTORE_TRAINING_H

#include "store/transaction.h"

#include <rnm/backup.h>

/* What Redis has under the key of a set. */
struct rnm_restore_sight {
	bool there;
	bool whole; /* all vectors of the backup are in it, and perhaps more */
	bool large; /* those of the backup are more than Redis should take in one go */
};

/* Reads the whole object, and so checks it. */
RNM_MUST_CHECK enum rnm_status rnm_restore_training_look(const struct rnm_transaction *change,
                                                         const struct rnm_backup_manifest *manifest,
                                                         const struct rnm_backup_training *training,
                                                         struct rnm_restore_sight *sight,
                                                         struct rnm_error *err);

/* How many vectors Redis has under key. */
RNM_MUST_CHECK enum rnm_status rnm_restore_training_count(const struct rnm_transaction *change,
                                                          const char *key, int64_t *count,
                                                          struct rnm_error *err);

/* Queues what puts a set that is not large in the place of the one that is there. */
RNM_MUST_CHECK enum rnm_status rnm_restore_training_send(struct rnm_transaction *change,
                                                         const struct rnm_backup_manifest *manifest,
                                                         const struct rnm_backup_training *training,
                                                         struct rnm_error *err);

/* Queues the time to live that a key of the backup gets; nothing for one that never expires. */
RNM_MUST_CHECK enum rnm_status rnm_restore_expire(struct rnm_transaction *change, const char *key,
                                                  int64_t ttl_ms, struct rnm_error *err);

#endif
