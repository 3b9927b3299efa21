/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a restore: restore.c looks and decides, restore_send.c writes. */
#ifndef RNM_STORE_RESTORE_H
#define RNM_STORE_RESTORE_H

#include "store/restore_stage.h"
#include "store/restore_training.h"
#include "store/transaction.h"

#include <rnm/backup.h>
#include <rnm/buf.h>

#define RNM_RESTORE_WHAT_ROOM 512

struct rnm_restoring {
	struct rnm_redis *redis;
	const struct rnm_backup_manifest *manifest;
	const struct rnm_backup_set *set;
	const struct rnm_backup_model *model; /* NULL: the vectors that belong to no model */
	const struct rnm_backup_training *training;
	size_t training_count;
	const struct rnm_restore_options *options;
	struct rnm_restore_outcome *outcome;
	struct rnm_transaction change;
	char what[RNM_RESTORE_WHAT_ROOM];
	struct rnm_buf text;
	char *piece;
	uint64_t total;
	struct rnm_restore_stage
	    stages[RNM_BACKUP_CLASSES]; /* kept until the end, for the next attempt too */
	/* Of the attempt. */
	bool zset_there;
	bool *write_profile; /* for each of the model */
	enum rnm_restore_state training_state[RNM_BACKUP_CLASSES];
	bool training_large[RNM_BACKUP_CLASSES]; /* it has to go by a stage */
	bool stage_whole[RNM_BACKUP_CLASSES];
};

/* Bytes more have been sent; ctx is the struct rnm_restoring. */
void rnm_restore_progress(void *ctx, uint64_t len);

/* All that has been decided, in one transaction; returns as rnm_transaction_commit. */
RNM_MUST_CHECK enum rnm_status rnm_restore_send(struct rnm_restoring *restoring, struct rnm_error *err);

#endif
