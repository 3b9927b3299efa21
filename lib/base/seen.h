/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which byte strings have been seen before, in 8 to 16 bytes each: only their 64-bit hashes are kept.  Of
 * a million strings two are taken for one with a chance of 1 in 10^7.
 */
#ifndef RNM_BASE_SEEN_H
#define RNM_BASE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Empty when zeroed. */
struct rnm_seen {
	uint64_t *places; /* open addressing; 0 marks a free place */
	size_t size;      /* a power of two */
	size_t count;
};

/* Remembers a string; *is_new tells whether it had not been seen.  False: no memory. */
bool rnm_seen_add(struct rnm_seen *seen, const void *data, size_t len, bool *is_new);
bool rnm_seen_has(const struct rnm_seen *seen, const void *data, size_t len);
void rnm_seen_free(struct rnm_seen *seen);

#endif
