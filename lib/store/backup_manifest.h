/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests in memory and as JSON.
 */
#ifndef RNM_STORE_BACKUP_MANIFEST_H
#define RNM_STORE_BACKUP_MANIFEST_H

#include "base/arena.h"

#include <rnm/backup.h>

#define RNM_BACKUP_FORMAT "rnm-backup"
#define RNM_BACKUP_VERSION 2
#define RNM_BACKUP_UNSEALED_VERSION 1 /* like it, but without backup_seal.h */

/* Everything that a manifest points to lies in the arena. */
struct rnm_backup_storage {
	struct rnm_arena arena;
	char *folder; /* where the objects are */
	int lock;     /* a descriptor, or -1 */
};

/* An empty manifest; NULL: no memory. */
struct rnm_backup_manifest *rnm_backup_manifest_new(void);

/* The manifest as JSON, into an empty buffer; out->failed tells of a failure. */
void rnm_backup_manifest_write(struct rnm_buf *out, const struct rnm_backup_manifest *manifest);

/* Reads the manifest of that path; the folder of its objects is that of the manifest, and is not locked. */
RNM_MUST_CHECK enum rnm_status rnm_backup_manifest_load(struct rnm_backup_manifest **out, const char *path,
                                                        struct rnm_error *err);

/* The same of a text; path only names it. */
RNM_MUST_CHECK enum rnm_status rnm_backup_manifest_parse(struct rnm_backup_manifest **out,
                                                         struct rnm_bytes text, const char *path,
                                                         struct rnm_error *err);

/* Path of the newest manifest of a folder, malloc'd.  RNM_E_NOT_FOUND "backup.none". */
RNM_MUST_CHECK enum rnm_status rnm_backup_newest(char **out, const char *folder, struct rnm_error *err);

/* The set of that name, or NULL, also when manifest is NULL. */
const struct rnm_backup_set *rnm_backup_set_of(const struct rnm_backup_manifest *manifest, const char *zset);

/* Bytes of the length that stands before each member in an object of training vectors: little-endian. */
#define RNM_BACKUP_LENGTH_BYTES 4u
void rnm_backup_length(unsigned char out[RNM_BACKUP_LENGTH_BYTES], uint32_t length);

/* Whether JSON can hold the bytes as a string. */
bool rnm_backup_is_text(struct rnm_bytes bytes);

#endif
