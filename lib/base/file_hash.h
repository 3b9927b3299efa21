/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_BASE_FILE_HASH_H
#define RNM_BASE_FILE_HASH_H

#include <rnm/error.h>
#include <stddef.h>
#include <stdint.h>

#define RNM_FILE_HASH_SIZE 32 /* bytes of a BLAKE2b-256 */

/* Of the first size bytes, which are read in pieces.  path stands in errors; fails as rnm_file_read_at. */
RNM_MUST_CHECK enum rnm_status rnm_file_hash(int fd, const char *path, uint64_t size,
                                             uint8_t hash[RNM_FILE_HASH_SIZE], struct rnm_error *err);

#endif
