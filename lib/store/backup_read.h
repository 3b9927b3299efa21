/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Redis into a folder: one set of models.
 */
#ifndef RNM_STORE_BACKUP_READ_H
#define RNM_STORE_BACKUP_READ_H

#include "store/backup_folder.h"
#include "store/backup_manifest.h"

#include <rnm/buf.h>

struct rnm_backup_reading {
	struct rnm_arena *arena; /* of the manifest */
	const char *folder;
	const struct rnm_backup_options *options;
	struct rnm_redis *redis;
	const struct rnm_rule *rule;
	const struct rnm_backup_manifest *last; /* the newest backup of the folder, or NULL */
	const struct rnm_backup_set *before;    /* the set in it; NULL: it was not there */
	const char *rights;                     /* all that the work needs, for hints */
	struct rnm_buf text;                    /* one small value, name or answer */
	struct rnm_backup_totals totals;        /* of this set */
	uint64_t done, expected;                /* bytes of networks, for progress */
};

/* Fills in set; see rnm_backup_add. */
RNM_MUST_CHECK enum rnm_status rnm_backup_read_set(struct rnm_backup_reading *reading,
                                                   struct rnm_backup_set *set, const char *name,
                                                   const char *settings, struct rnm_error *err);

/* Reads the hash under model->key: its fields, whether it is live, its time to live. */
RNM_MUST_CHECK enum rnm_status rnm_backup_read_hash(struct rnm_backup_reading *reading,
                                                    struct rnm_backup_model *model, struct rnm_error *err);

/* Reads the set of vectors under key, expected to be that object (or NULL).  *found is false, and nothing kept, when it is empty or not there. */
RNM_MUST_CHECK enum rnm_status rnm_backup_read_training(struct rnm_backup_reading *reading,
                                                        struct rnm_backup_training *training, const char *key,
                                                        const char *expected, bool *found,
                                                        struct rnm_error *err);

/* Counts a value that has been kept. */
void rnm_backup_count(struct rnm_backup_reading *reading, const struct rnm_backup_value *value, bool is_new);
/* The error reply in reading->text to a command about key. */
enum rnm_status rnm_backup_refused(const struct rnm_backup_reading *reading, const char *command,
                                   const char *key, struct rnm_error *err);
/* The time to live of key. */
RNM_MUST_CHECK enum rnm_status rnm_backup_read_ttl(struct rnm_backup_reading *reading, const char *key,
                                                   int64_t *ttl_ms, struct rnm_error *err);

#endif
