/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2b-256 of bytes that arrive one after the other in memory, computed beside their arrival.
 */
#ifndef RNM_SHARE_HASH_THREAD_H
#define RNM_SHARE_HASH_THREAD_H

#include <rnm/sign.h>

struct rnm_hash_thread;

/* memory is where the bytes will stand; it must not move until the end. */
RNM_MUST_CHECK enum rnm_status rnm_hash_thread_new(struct rnm_hash_thread **out, const uint8_t *memory,
                                                   struct rnm_error *err);
/* So many bytes are there now, and stay as they are. */
void rnm_hash_thread_more(struct rnm_hash_thread *thread, uint64_t len);
/* Waits for the hash of all of them, and frees the thread.  hash may be NULL: then nobody wants to know. */
void rnm_hash_thread_end(struct rnm_hash_thread *thread, uint8_t hash[RNM_BLAKE2B_SIZE]);

#endif
