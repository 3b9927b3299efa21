/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tee.h"

#include "base/hash.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 16u
#define SLOT_BYTES ((size_t)256 << 10)
/* Below this threads cost more than they save. */
#define THREAD_MIN ((uint64_t)1 << 20)

/* A piece of the file: what has been written already and is to be hashed and, in a blob, checked. */
struct slot {
	size_t len;
	struct rnm_frame_check *check; /* NULL outside of blobs */
	unsigned char data[SLOT_BYTES];
};

/* What is done to each slot, in order.  Hashing and checking cost about the same: each has its own worker. */
typedef enum rnm_status job_fn(struct rnm_tee *tee, const struct slot *slot, struct rnm_error *err);

struct worker {
	struct rnm_tee *tee;
	job_fn *job;
	bool running;
	pthread_t thread;
	/* Under the lock: */
	uint64_t done;            /* slots that this worker has finished */
	enum rnm_status status;   /* stays at the first failure */
	struct rnm_error failure; /* not touched again once status tells of it */
};

enum { CHECKER, HASHER, WORKERS };

struct rnm_tee {
	crypto_generichash_state hash; /* first: needs an alignment of 64 */
	bool hashing;
	rnm_tee_write *write;
	void *ctx;
	struct slot *slots; /* a ring; without threads only the first is used */
	struct rnm_frame_check *check;

	struct worker workers[WORKERS];
	bool threaded;
	pthread_mutex_t lock;
	pthread_cond_t more; /* a slot was handed over, or there will be none */
	pthread_cond_t less; /* a worker has finished a slot */
	/* Under the lock: */
	uint64_t handed; /* slots handed over to the workers; the next one to fill has this number */
	bool closing;
};

static enum rnm_status check_slot(struct rnm_tee *tee, const struct slot *slot, struct rnm_error *err)
{
	(void)tee;
	return slot->check != NULL ? rnm_frame_check_feed(slot->check, slot->data, slot->len, err) : RNM_OK;
}

static enum rnm_status hash_slot(struct rnm_tee *tee, const struct slot *slot, struct rnm_error *err)
{
	(void)err;
	crypto_generichash_update(&tee->hash, slot->data, slot->len);
	return RNM_OK;
}

enum rnm_status rnm_tee_new(struct rnm_tee **out, bool hashing, rnm_tee_write *write, void *ctx,
                            struct rnm_error *err)
{
	/* sodium_init picks the fast implementation; it may be called any number of times. */
	bool ready = sodium_init() >= 0;
	struct rnm_tee *tee = ready ? aligned_alloc(64, (sizeof(*tee) + 63) / 64 * 64) : NULL;

	if (tee == NULL)
		return rnm_error_nomem(err);
	memset(tee, 0, sizeof(*tee));
	tee->hashing = hashing;
	tee->write = write;
	tee->ctx = ctx;
	/* Untouched slots take no memory. */
	tee->slots = malloc(SLOTS * sizeof(*tee->slots));
	if (tee->slots == NULL) {
		free(tee);
		return rnm_error_nomem(err);
	}
	tee->slots[0].len = 0;
	tee->workers[CHECKER].job = check_slot;
	tee->workers[HASHER].job = hash_slot;
	pthread_mutex_init(&tee->lock, NULL);
	pthread_cond_init(&tee->more, NULL);
	pthread_cond_init(&tee->less, NULL);
	rnm_hash_begin(&tee->hash);
	*out = tee;
	return RNM_OK;
}

/* A thread.  After a failure it goes on taking slots, so that the caller never waits in vain. */
static void *work(void *ctx)
{
	struct worker *worker = ctx;
	struct rnm_tee *tee = worker->tee;
	enum rnm_status status = RNM_OK;

	pthread_mutex_lock(&tee->lock);
	for (;;) {
		while (worker->done == tee->handed && !tee->closing)
			pthread_cond_wait(&tee->more, &tee->lock);
		if (worker->done == tee->handed)
			break;
		pthread_mutex_unlock(&tee->lock);
		if (status == RNM_OK)
			status = worker->job(tee, &tee->slots[worker->done % SLOTS], &worker->failure);
		pthread_mutex_lock(&tee->lock);
		worker->status = status;
		worker->done++;
		pthread_cond_signal(&tee->less);
	}
	pthread_mutex_unlock(&tee->lock);
	return NULL;
}

/* Ends the threads, once they have done what was handed over. */
static void stop_threads(struct rnm_tee *tee)
{
	pthread_mutex_lock(&tee->lock);
	tee->closing = true;
	pthread_cond_broadcast(&tee->more);
	pthread_mutex_unlock(&tee->lock);
	for (size_t i = 0; i < WORKERS; i++) {
		if (tee->workers[i].running)
			pthread_join(tee->workers[i].thread, NULL);
		tee->workers[i].running = false;
	}
	tee->threaded = false;
}

/* Not having threads is no failure: the work is then done in turn. */
static void start_threads(struct rnm_tee *tee)
{
	tee->closing = false;
	tee->threaded = true;
	for (size_t i = 0; i < WORKERS && tee->threaded; i++) {
		struct worker *worker = &tee->workers[i];

		if (i == HASHER && !tee->hashing)
			continue;
		worker->tee = tee;
		worker->done = tee->handed;
		tee->threaded = worker->running = rnm_thread_start(&worker->thread, work, worker);
	}
	if (!tee->threaded)
		stop_threads(tee);
}

/* Slots that all workers have finished. */
static uint64_t finished(const struct rnm_tee *tee)
{
	uint64_t least = tee->handed;

	for (size_t i = 0; i < WORKERS; i++)
		if (tee->workers[i].running && tee->workers[i].done < least)
			least = tee->workers[i].done;
	return least;
}

/* Waits until at most `most` slots are still being worked on, and reports what was found so far. */
static enum rnm_status wait_pending(struct rnm_tee *tee, uint64_t most, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (!tee->threaded)
		return RNM_OK;
	pthread_mutex_lock(&tee->lock);
	while (tee->handed - finished(tee) > most)
		pthread_cond_wait(&tee->less, &tee->lock);
	for (size_t i = 0; i < WORKERS && status == RNM_OK; i++) {
		status = tee->workers[i].status;
		if (status != RNM_OK && err != NULL)
			*err = tee->workers[i].failure;
	}
	pthread_mutex_unlock(&tee->lock);
	return status;
}

static struct slot *slot_to_fill(struct rnm_tee *tee)
{
	return &tee->slots[tee->handed % SLOTS];
}

static enum rnm_status hand_over(struct rnm_tee *tee, struct rnm_error *err)
{
	enum rnm_status status;

	pthread_mutex_lock(&tee->lock);
	tee->handed++;
	pthread_cond_broadcast(&tee->more);
	pthread_mutex_unlock(&tee->lock);
	status = wait_pending(tee, SLOTS - 1, err);
	slot_to_fill(tee)->len = 0;
	return status;
}

static enum rnm_status work_in_turn(struct rnm_tee *tee, struct slot *slot, struct rnm_error *err)
{
	enum rnm_status status = check_slot(tee, slot, err);

	if (status == RNM_OK && tee->hashing)
		status = hash_slot(tee, slot, err);
	slot->len = 0;
	return status;
}

/* Sends the slot being filled on its way. */
static enum rnm_status flush(struct rnm_tee *tee, struct rnm_error *err)
{
	struct slot *slot = slot_to_fill(tee);
	enum rnm_status status;

	if (slot->len == 0)
		return RNM_OK;
	status = tee->write(tee->ctx, slot->data, slot->len, err);
	if (status != RNM_OK)
		return status;
	slot->check = tee->check;
	return tee->threaded ? hand_over(tee, err) : work_in_turn(tee, slot, err);
}

void *rnm_tee_room(struct rnm_tee *tee, size_t *room)
{
	struct slot *slot = slot_to_fill(tee);

	*room = SLOT_BYTES - slot->len;
	return slot->data + slot->len;
}

enum rnm_status rnm_tee_filled(struct rnm_tee *tee, size_t len, struct rnm_error *err)
{
	struct slot *slot = slot_to_fill(tee);

	slot->len += len;
	return slot->len == SLOT_BYTES ? flush(tee, err) : RNM_OK;
}

enum rnm_status rnm_tee_put(struct rnm_tee *tee, const void *data, size_t len, struct rnm_error *err)
{
	const unsigned char *bytes = data;

	while (len > 0) {
		enum rnm_status status;
		size_t take;
		void *to = rnm_tee_room(tee, &take);

		if (take > len)
			take = len;
		memcpy(to, bytes, take);
		bytes += take;
		len -= take;
		status = rnm_tee_filled(tee, take, err);
		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}

enum rnm_status rnm_tee_begin_blob(struct rnm_tee *tee, enum rnm_blob_kind kind, const char *what,
                                   uint64_t size, struct rnm_error *err)
{
	enum rnm_status status = flush(tee, err);

	if (status == RNM_OK)
		status = rnm_frame_check_new(&tee->check, kind, what, err);
	if (status == RNM_OK && !tee->threaded && size >= THREAD_MIN)
		start_threads(tee);
	return status;
}

void rnm_tee_emit(struct rnm_tee *tee, rnm_frame_emit *emit, void *ctx)
{
	rnm_frame_check_emit(tee->check, emit, ctx);
}

enum rnm_status rnm_tee_end_blob(struct rnm_tee *tee, uint64_t *expanded, struct rnm_error *err)
{
	enum rnm_status status = flush(tee, err);

	if (status == RNM_OK)
		status = wait_pending(tee, 0, err);
	if (status != RNM_OK)
		return status;
	status = rnm_frame_check_end(tee->check, expanded, err);
	rnm_frame_check_free(tee->check);
	tee->check = NULL;
	return status;
}

enum rnm_status rnm_tee_finish(struct rnm_tee *tee, char hash[RNM_HASH_HEX], struct rnm_error *err)
{
	enum rnm_status status = flush(tee, err);

	if (status == RNM_OK)
		status = wait_pending(tee, 0, err);
	if (status != RNM_OK || !tee->hashing)
		return status;
	rnm_hash_end(hash, &tee->hash);
	return RNM_OK;
}

void rnm_tee_free(struct rnm_tee *tee)
{
	if (tee == NULL)
		return;
	if (tee->threaded)
		stop_threads(tee);
	rnm_frame_check_free(tee->check);
	pthread_cond_destroy(&tee->less);
	pthread_cond_destroy(&tee->more);
	pthread_mutex_destroy(&tee->lock);
	free(tee->slots);
	free(tee);
}
