/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the values of a backup: every byte of an object is hashed on its way, and the end of the object is its
 * end only if the hash is that of its name.
 */
#ifndef RNM_STORE_RESTORE_OBJECT_H
#define RNM_STORE_RESTORE_OBJECT_H

#include "base/hash.h"

#include <rnm/backup.h>
#include <rnm/buf.h>

/* Lives on the stack: the hash wants its alignment. */
struct rnm_restore_object {
	crypto_generichash_state state;
	const struct rnm_backup_value *value;
	char *path;
	int fd; /* -1: the value stands in the manifest */
	uint64_t pos;
};

/* RNM_E_MALFORMED "backup.object": not there, or of another size. */
RNM_MUST_CHECK enum rnm_status rnm_restore_object_open(struct rnm_restore_object *object,
                                                       const struct rnm_backup_manifest *manifest,
                                                       const struct rnm_backup_value *value,
                                                       struct rnm_error *err);
/*
 * Up to size bytes; *got is 0 at the end.  RNM_E_MALFORMED "backup.object" with the last bytes when the hash is
 * another one: whoever has not met the end must not use what he got.
 */
RNM_MUST_CHECK enum rnm_status rnm_restore_object_read(struct rnm_restore_object *object, void *data,
                                                       size_t size, size_t *got, struct rnm_error *err);
void rnm_restore_object_close(struct rnm_restore_object *object);

/* The whole value, of at most RNM_BACKUP_MEMBER_MAX bytes, into out (cleared before). */
RNM_MUST_CHECK enum rnm_status rnm_restore_value(struct rnm_buf *out,
                                                 const struct rnm_backup_manifest *manifest,
                                                 const struct rnm_backup_value *value, struct rnm_error *err);

#define RNM_RESTORE_PIECE ((size_t)256 << 10)

#endif
