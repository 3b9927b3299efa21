/* SPDX-License-Identifier: Apache-2.0 */
#include "share/hash_thread.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>

/* The state of the hash has to lie on such a boundary. */
#define ALIGNMENT ((size_t)64)

struct rnm_hash_thread {
	crypto_generichash_state state; /* of the thread alone, while it runs */
	const uint8_t *memory;
	uint64_t hashed; /* likewise */
	bool running;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	uint64_t len;
	bool ending, unwanted;
};

static void hash_up_to(struct rnm_hash_thread *thread, uint64_t len)
{
	(void)crypto_generichash_update(&thread->state, thread->memory + thread->hashed,
	                                len - thread->hashed);
	thread->hashed = len;
}

static void *work(void *ctx)
{
	struct rnm_hash_thread *thread = ctx;

	pthread_mutex_lock(&thread->lock);
	for (;;) {
		uint64_t len;

		while (thread->len == thread->hashed && !thread->ending)
			pthread_cond_wait(&thread->changed, &thread->lock);
		len = thread->len;
		if (thread->unwanted || len == thread->hashed)
			break;
		pthread_mutex_unlock(&thread->lock);
		hash_up_to(thread, len);
		pthread_mutex_lock(&thread->lock);
	}
	pthread_mutex_unlock(&thread->lock);
	return NULL;
}

/* Signals are the business of the caller's threads. */
static bool start(struct rnm_hash_thread *thread)
{
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	started = pthread_create(&thread->thread, NULL, work, thread) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

enum rnm_status rnm_hash_thread_new(struct rnm_hash_thread **out, const uint8_t *memory,
                                    struct rnm_error *err)
{
	const size_t size = (sizeof(struct rnm_hash_thread) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct rnm_hash_thread *thread = sodium_init() >= 0 ? aligned_alloc(ALIGNMENT, size) : NULL;

	if (thread == NULL)
		return rnm_error_nomem(err);
	*thread = (struct rnm_hash_thread){ .memory = memory };
	(void)crypto_generichash_init(&thread->state, NULL, 0, RNM_BLAKE2B_SIZE);
	pthread_mutex_init(&thread->lock, NULL);
	pthread_cond_init(&thread->changed, NULL);
	/* Without one the caller hashes at the end: slower, and just as right. */
	thread->running = start(thread);
	*out = thread;
	return RNM_OK;
}

void rnm_hash_thread_more(struct rnm_hash_thread *thread, uint64_t len)
{
	pthread_mutex_lock(&thread->lock);
	thread->len = len;
	pthread_cond_signal(&thread->changed);
	pthread_mutex_unlock(&thread->lock);
}

void rnm_hash_thread_end(struct rnm_hash_thread *thread, uint8_t hash[RNM_BLAKE2B_SIZE])
{
	if (thread == NULL)
		return;
	pthread_mutex_lock(&thread->lock);
	thread->ending = true;
	thread->unwanted = hash == NULL;
	pthread_cond_signal(&thread->changed);
	pthread_mutex_unlock(&thread->lock);
	if (thread->running)
		(void)pthread_join(thread->thread, NULL);
	if (hash != NULL) {
		hash_up_to(thread, thread->len);
		(void)crypto_generichash_final(&thread->state, hash, RNM_BLAKE2B_SIZE);
	}
	pthread_cond_destroy(&thread->changed);
	pthread_mutex_destroy(&thread->lock);
	free(thread);
}
