/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2b of bytes in memory, in a thread of its own, beside the SHA-512 that Ed25519 is made of: the slower of the two
 * sets the time.  libsodium has no way to feed plain Ed25519 in pieces (crypto_sign_update is Ed25519ph, another
 * signature), so each hash walks through memory by itself.
 */
#ifndef RNM_SHARE_HASH_BESIDE_H
#define RNM_SHARE_HASH_BESIDE_H

#include <pthread.h>
#include <rnm/sign.h>

struct rnm_hash_beside {
	struct rnm_bytes bytes;
	uint8_t hash[RNM_BLAKE2B_SIZE];
	pthread_t thread;
	bool threaded;
};

/* Begins, unless the bytes are few or there is no thread to be had; then finish does the work. */
void rnm_hash_start(struct rnm_hash_beside *beside, struct rnm_bytes bytes);
/* beside->hash is there afterwards.  To be called once for each start. */
void rnm_hash_finish(struct rnm_hash_beside *beside);

#endif
