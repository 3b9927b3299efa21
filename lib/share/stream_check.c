/* SPDX-License-Identifier: Apache-2.0 */
#include "share/stream_check.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Bytes for which the thread is woken: less would cost more than it saves. */
#define WAKE_BYTES ((uint64_t)512 << 10)
/* Both hashes go over this much in turn, while it is in the cache. */
#define STEP_BYTES ((uint64_t)128 << 10)
/* The state of BLAKE2b has to lie on such a boundary. */
#define ALIGNMENT ((size_t)64)
/* R and S are 32 bytes each, and so is the key. */
#define HALF 32

struct rnm_stream_check {
	/* Of the thread alone, while it runs. */
	crypto_generichash_state blake2b;
	crypto_hash_sha512_state sha512;
	uint64_t hashed;

	const uint8_t *memory;
	struct rnm_public_key key;
	uint8_t signature[RNM_SIGNATURE_SIZE];
	uint64_t arrived; /* of the caller alone */
	bool running;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	uint64_t len; /* bytes to hash */
	bool ending, unwanted;
};

/* ---- Ed25519 ---- */

/* S must be below the order of the group: else there would be several signatures of one message. */
static bool is_canonical(const uint8_t scalar[HALF])
{
	uint8_t wide[2 * HALF] = { 0 };
	uint8_t reduced[HALF];

	memcpy(wide, scalar, HALF);
	crypto_core_ed25519_scalar_reduce(reduced, wide);
	return memcmp(reduced, scalar, HALF) == 0;
}

bool rnm_ed25519_check_digest(const struct rnm_public_key *key, const uint8_t signature[RNM_SIGNATURE_SIZE],
                              const uint8_t digest[64])
{
	const uint8_t *r = signature, *s = signature + HALF;
	uint8_t h[HALF], sb[HALF], ha[HALF], difference[HALF];

	if (!is_canonical(s))
		return false;
	crypto_core_ed25519_scalar_reduce(h, digest);
	/* R = S B - h A.  These functions refuse points that are none, or of small order. */
	return crypto_scalarmult_ed25519_base_noclamp(sb, s) == 0 &&
	       crypto_scalarmult_ed25519_noclamp(ha, h, key->bytes) == 0 &&
	       crypto_core_ed25519_sub(difference, sb, ha) == 0 && memcmp(difference, r, HALF) == 0;
}

/* ---- the thread ---- */

static void hash_up_to(struct rnm_stream_check *check, uint64_t len)
{
	while (check->hashed < len) {
		const uint64_t left = len - check->hashed;
		const uint64_t step = left < STEP_BYTES ? left : STEP_BYTES;
		const uint8_t *from = check->memory + check->hashed;

		(void)crypto_generichash_update(&check->blake2b, from, step);
		(void)crypto_hash_sha512_update(&check->sha512, from, step);
		check->hashed += step;
	}
}

static void *work(void *ctx)
{
	struct rnm_stream_check *check = ctx;

	pthread_mutex_lock(&check->lock);
	for (;;) {
		uint64_t len;

		while (check->len == check->hashed && !check->ending)
			pthread_cond_wait(&check->changed, &check->lock);
		len = check->len;
		if (check->unwanted || len == check->hashed)
			break;
		pthread_mutex_unlock(&check->lock);
		hash_up_to(check, len);
		pthread_mutex_lock(&check->lock);
	}
	pthread_mutex_unlock(&check->lock);
	return NULL;
}

/* Signals are the business of the caller's threads. */
static bool start(struct rnm_stream_check *check)
{
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	started = pthread_create(&check->thread, NULL, work, check) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

enum rnm_status rnm_stream_check_new(struct rnm_stream_check **out, const uint8_t *memory,
                                     const struct rnm_public_key *key,
                                     const uint8_t signature[RNM_SIGNATURE_SIZE], struct rnm_error *err)
{
	const size_t size = (sizeof(struct rnm_stream_check) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct rnm_stream_check *check = aligned_alloc(ALIGNMENT, size);

	if (check == NULL)
		return rnm_error_nomem(err);
	memset(check, 0, size);
	check->memory = memory;
	check->key = *key;
	memcpy(check->signature, signature, RNM_SIGNATURE_SIZE);
	(void)crypto_generichash_init(&check->blake2b, NULL, 0, RNM_BLAKE2B_SIZE);
	(void)crypto_hash_sha512_init(&check->sha512);
	(void)crypto_hash_sha512_update(&check->sha512, signature, HALF);
	(void)crypto_hash_sha512_update(&check->sha512, key->bytes, RNM_PUBLIC_KEY_SIZE);
	pthread_mutex_init(&check->lock, NULL);
	pthread_cond_init(&check->changed, NULL);
	/* Without one all is hashed at the end: slower, and just as right. */
	check->running = start(check);
	*out = check;
	return RNM_OK;
}

void rnm_stream_check_more(struct rnm_stream_check *check, uint64_t len)
{
	check->arrived = len;
	if (len - check->len < WAKE_BYTES) /* which only this thread writes */
		return;
	pthread_mutex_lock(&check->lock);
	check->len = len;
	pthread_cond_signal(&check->changed);
	pthread_mutex_unlock(&check->lock);
}

static void stop(struct rnm_stream_check *check, bool unwanted)
{
	pthread_mutex_lock(&check->lock);
	check->ending = true;
	check->unwanted = unwanted;
	pthread_cond_signal(&check->changed);
	pthread_mutex_unlock(&check->lock);
	if (check->running)
		(void)pthread_join(check->thread, NULL);
	check->running = false;
}

void rnm_stream_check_free(struct rnm_stream_check *check)
{
	if (check == NULL)
		return;
	if (check->running)
		stop(check, true);
	pthread_cond_destroy(&check->changed);
	pthread_mutex_destroy(&check->lock);
	free(check);
}

void rnm_stream_check_end(struct rnm_stream_check *check, uint8_t hash[RNM_BLAKE2B_SIZE], bool *is_signed)
{
	uint8_t digest[crypto_hash_sha512_BYTES];

	stop(check, false);
	hash_up_to(check, check->arrived);
	(void)crypto_generichash_final(&check->blake2b, hash, RNM_BLAKE2B_SIZE);
	(void)crypto_hash_sha512_final(&check->sha512, digest);
	*is_signed = rnm_ed25519_check_digest(&check->key, check->signature, digest);
	rnm_stream_check_free(check);
}
