/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash at the end of a manifest.  Objects are checked against their names, but scores, names of keys, times to live
 * and short values stand in the manifest alone: without it one flipped bit would be restored.
 */
#ifndef RNM_STORE_BACKUP_SEAL_H
#define RNM_STORE_BACKUP_SEAL_H

#include <rnm/buf.h>

/* The last member of the manifest's object, whose hash is that of every byte before the comma in front of it. */
#define RNM_BACKUP_SEAL "blake2b"

/* Ends the text of a manifest, whose object is still open. */
void rnm_backup_seal(struct rnm_buf *text);
bool rnm_backup_is_sealed(struct rnm_bytes text);

#endif
