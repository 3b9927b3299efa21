/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_BASE_FILE_HASH_H
#define RNM_BASE_FILE_HASH_H

#include "base/hash.h"

#include <rnm/error.h>
#include <stdint.h>

/* BLAKE2b-256 of the first size bytes, which are read in pieces.  path stands in errors; fails as rnm_file_read_at. */
RNM_MUST_CHECK enum rnm_status rnm_file_hash(int fd, const char *path, uint64_t size,
                                             uint8_t hash[RNM_HASH_SIZE], struct rnm_error *err);

#endif
