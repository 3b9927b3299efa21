/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of a backup: its lock, its objects, its generations.  Layout: docs/backup.md.
 */
#ifndef RNM_STORE_BACKUP_FOLDER_H
#define RNM_STORE_BACKUP_FOLDER_H

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"

#include <rnm/backup.h>

/* ---- the folder ---- */

/*
 * Makes the folder and the one of the objects where they are not there.  RNM_E_IO "backup.folder".
 */
RNM_MUST_CHECK enum rnm_status rnm_backup_folder_make(const char *path, struct rnm_error *err);
/*
 * Locks the folder for the one writer or for readers; *lock is a descriptor to close, or -1 where the filesystem
 * knows no locks.  RNM_E_REFUSED "backup.busy", RNM_E_IO "backup.folder".
 */
RNM_MUST_CHECK enum rnm_status rnm_backup_folder_lock(int *lock, const char *path, bool exclusive,
                                                      struct rnm_error *err);

/* ---- objects ---- */

/*
 * One object on its way into the folder.  As long as its bytes are those of the object that it is expected to be
 * nothing is written; that object is read instead, and replaced should it be damaged.  Lives on the stack: the hash
 * wants its alignment.
 */
struct rnm_backup_object {
	crypto_generichash_state state;
	const char *folder;
	const char *expected; /* hash, or NULL */
	bool dry_run;         /* nothing is written */
	int known;            /* the expected object, as long as the bytes agree; else -1 */
	struct rnm_replace file;
	bool is_open;
	uint64_t size;
};

/* expected is the hash of the object that this one was in the last backup, or NULL; it must outlive the object. */
RNM_MUST_CHECK enum rnm_status rnm_backup_object_begin(struct rnm_backup_object *object, const char *folder,
                                                       const char *expected, bool dry_run,
                                                       struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_backup_object_put(struct rnm_backup_object *object, const void *data,
                                                     size_t len, struct rnm_error *err);
/*
 * Its name is known now: brings it to its place unless it lies there already (*is_new is false).  The value
 * becomes the object.
 */
RNM_MUST_CHECK enum rnm_status rnm_backup_object_end(struct rnm_backup_object *object,
                                                     struct rnm_backup_value *value, bool *is_new,
                                                     struct rnm_error *err);
/* Releases what has not been ended; harmless afterwards, and for one that could not be begun. */
void rnm_backup_object_abort(struct rnm_backup_object *object);

/* malloc'd; NULL: no memory. */
char *rnm_backup_object_path(const char *folder, const char *hash);

/* ---- generations ---- */

/* Names of the manifests, oldest first, for rnm_names_free. */
RNM_MUST_CHECK enum rnm_status rnm_backup_generations(char ***names, size_t *count, const char *folder,
                                                      struct rnm_error *err);
/* Path of a manifest of this time that does not exist yet, and the time as text.  malloc'd. */
RNM_MUST_CHECK enum rnm_status rnm_backup_new_generation(char **path, const char *folder, double now,
                                                         struct rnm_error *err);
/*
 * Leaves the newest keep generations and the objects that they name.  When one of them cannot be read no object is
 * removed.
 */
RNM_MUST_CHECK enum rnm_status rnm_backup_drop_old(const char *folder, size_t keep,
                                                   struct rnm_backup_result *result, struct rnm_error *err);

/* RNM_E_USAGE "backup.time": a time that the names of manifests have no form for. */
enum rnm_status rnm_backup_bad_time(double unix_time, struct rnm_error *err);

#endif
