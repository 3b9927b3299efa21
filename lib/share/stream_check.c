/* SPDX-License-Identifier: Apache-2.0 */
#include "share/stream_check.h"

#include "base/file.h"
#include "base/thread.h"
#include "share/ed25519.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Read and hashed at once: while it is in the cache. */
#define PIECE RNM_MARKED_PIECE
/* So many of them the neighbour may be behind: neither waits for the other in every piece. */
#define SLOTS 4u
/* Below this threads cost more than they save. */
#define THREAD_MIN PIECE
/* The state of BLAKE2b has to lie on such a boundary. */
#define ALIGNMENT ((size_t)64)

struct slot {
	size_t len;
	unsigned char data[PIECE];
};

/*
 * Two threads: the reader reads a piece and feeds it to SHA-512, which takes longest; its neighbour takes the same bytes
 * beside it for BLAKE2b and the marks.  So all three are of the same bytes, whatever happens to the file.
 */
struct rnm_stream_check {
	/* Of the neighbour if there is one, else of the reader. */
	crypto_generichash_state blake2b;
	struct rnm_file_marks *marks;

	/* Of the reader while it runs. */
	crypto_hash_sha512_state sha512;
	struct slot *slots; /* a ring */
	uint64_t hashed;
	enum rnm_status status;
	struct rnm_error problem;

	struct rnm_stream_subject subject;
	struct rnm_public_key key;
	uint8_t signature[RNM_SIGNATURE_SIZE];

	bool has_reader, has_neighbour;
	pthread_t reader, neighbour;
	pthread_mutex_t lock;
	pthread_cond_t arrived, handed;
	/* Under the lock: */
	uint64_t len; /* bytes to hash */
	bool ending, unwanted;
	uint64_t handed_over, taken; /* slots, to and by the neighbour */
	bool closing;
};

/* ---- one piece ---- */

static void hash_beside(struct rnm_stream_check *check, const struct slot *slot)
{
	(void)crypto_generichash_update(&check->blake2b, slot->data, slot->len);
	rnm_file_marks_add(check->marks, slot->data, slot->len);
}

static void *be_neighbour(void *ctx)
{
	struct rnm_stream_check *check = ctx;

	pthread_mutex_lock(&check->lock);
	for (;;) {
		while (check->taken == check->handed_over && !check->closing)
			pthread_cond_wait(&check->handed, &check->lock);
		if (check->taken == check->handed_over)
			break;
		pthread_mutex_unlock(&check->lock);
		hash_beside(check, &check->slots[check->taken % SLOTS]);
		pthread_mutex_lock(&check->lock);
		check->taken++;
		pthread_cond_signal(&check->handed);
	}
	pthread_mutex_unlock(&check->lock);
	return NULL;
}

/* One that the neighbour does not need any more.  Only the reader hands slots over. */
static struct slot *free_slot(struct rnm_stream_check *check)
{
	pthread_mutex_lock(&check->lock);
	while (check->handed_over - check->taken == SLOTS)
		pthread_cond_wait(&check->handed, &check->lock);
	pthread_mutex_unlock(&check->lock);
	return &check->slots[check->handed_over % SLOTS];
}

static void hash_slot(struct rnm_stream_check *check, const struct slot *slot)
{
	if (check->has_neighbour) {
		pthread_mutex_lock(&check->lock);
		check->handed_over++;
		pthread_cond_signal(&check->handed);
		pthread_mutex_unlock(&check->lock);
	} else {
		hash_beside(check, slot);
	}
	(void)crypto_hash_sha512_update(&check->sha512, slot->data, slot->len);
}

/* ---- the reader ---- */

/* Whole pieces, but for the last of the file.  A failure stays, and nothing is read any more. */
static void hash_up_to(struct rnm_stream_check *check, uint64_t len)
{
	while (check->status == RNM_OK && check->hashed < len) {
		const uint64_t left = len - check->hashed;
		struct slot *slot = free_slot(check);

		slot->len = left < PIECE ? (size_t)left : PIECE;
		check->status = rnm_file_read_at(check->subject.fd, check->subject.path, slot->data,
		                                 slot->len, check->hashed, &check->problem);
		check->hashed += slot->len;
		if (check->status == RNM_OK)
			hash_slot(check, slot);
	}
}

static void *be_reader(void *ctx)
{
	struct rnm_stream_check *check = ctx;

	pthread_mutex_lock(&check->lock);
	while (!check->unwanted) {
		const uint64_t len =
		    check->ending ? check->len : check->len / PIECE * PIECE; /* a short piece costs as much */

		if (check->ending && (check->hashed >= len || check->status != RNM_OK))
			break;
		if (check->hashed >= len || check->status != RNM_OK) {
			pthread_cond_wait(&check->arrived, &check->lock);
			continue;
		}
		pthread_mutex_unlock(&check->lock);
		hash_up_to(check, check->hashed + PIECE < len ? check->hashed + PIECE : len);
		pthread_mutex_lock(&check->lock);
	}
	pthread_mutex_unlock(&check->lock);
	return NULL;
}

/* ---- beginning ---- */

static void begin_hashes(struct rnm_stream_check *check)
{
	(void)crypto_generichash_init(&check->blake2b, NULL, 0, RNM_BLAKE2B_SIZE);
	(void)crypto_hash_sha512_init(&check->sha512);
	(void)crypto_hash_sha512_update(&check->sha512, check->signature, RNM_ED25519_HALF);
	(void)crypto_hash_sha512_update(&check->sha512, check->key.bytes, RNM_PUBLIC_KEY_SIZE);
}

/* Without threads all is hashed at the end: slower, and just as right. */
static void start_threads(struct rnm_stream_check *check)
{
	if (check->subject.size < THREAD_MIN)
		return;
	check->has_neighbour = rnm_thread_start(&check->neighbour, be_neighbour, check);
	check->has_reader = rnm_thread_start(&check->reader, be_reader, check);
}

enum rnm_status rnm_stream_check_new(struct rnm_stream_check **out, const struct rnm_stream_subject *subject,
                                     struct rnm_error *err)
{
	const size_t size = (sizeof(struct rnm_stream_check) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct rnm_stream_check *check = aligned_alloc(ALIGNMENT, size);
	enum rnm_status status;

	if (check == NULL)
		return rnm_error_nomem(err);
	memset(check, 0, size);
	check->subject = *subject;
	check->key = *subject->key;
	memcpy(check->signature, subject->signature, RNM_SIGNATURE_SIZE);
	pthread_mutex_init(&check->lock, NULL);
	pthread_cond_init(&check->arrived, NULL);
	pthread_cond_init(&check->handed, NULL);
	/* Which picks the fastest hashes, too. */
	status = rnm_file_marks_new(&check->marks, subject->size, err);
	if (status == RNM_OK && (check->slots = malloc(SLOTS * sizeof(*check->slots))) == NULL)
		status = rnm_error_nomem(err);
	if (status != RNM_OK) {
		rnm_stream_check_free(check);
		return status;
	}
	begin_hashes(check);
	start_threads(check);
	*out = check;
	return RNM_OK;
}

void rnm_stream_check_more(struct rnm_stream_check *check, uint64_t len)
{
	pthread_mutex_lock(&check->lock);
	check->len = len;
	pthread_cond_signal(&check->arrived);
	pthread_mutex_unlock(&check->lock);
}

/* ---- the end ---- */

static void stop(struct rnm_stream_check *check, bool unwanted)
{
	pthread_mutex_lock(&check->lock);
	check->ending = true;
	check->unwanted = unwanted;
	pthread_cond_signal(&check->arrived);
	pthread_mutex_unlock(&check->lock);
	if (check->has_reader)
		(void)pthread_join(check->reader, NULL);
	check->has_reader = false;
	if (!unwanted)
		hash_up_to(check, check->len);
	pthread_mutex_lock(&check->lock);
	check->closing = true;
	pthread_cond_signal(&check->handed);
	pthread_mutex_unlock(&check->lock);
	if (check->has_neighbour)
		(void)pthread_join(check->neighbour, NULL);
	check->has_neighbour = false;
}

void rnm_stream_check_free(struct rnm_stream_check *check)
{
	if (check == NULL)
		return;
	stop(check, true);
	pthread_cond_destroy(&check->arrived);
	pthread_cond_destroy(&check->handed);
	pthread_mutex_destroy(&check->lock);
	rnm_file_marks_free(check->marks);
	free(check->slots);
	free(check);
}

enum rnm_status rnm_stream_check_end(struct rnm_stream_check *check, struct rnm_stream_answer *answer,
                                     struct rnm_error *err)
{
	uint8_t digest[crypto_hash_sha512_BYTES];
	enum rnm_status status;

	stop(check, false);
	status = check->status;
	if (status == RNM_OK) {
		(void)crypto_generichash_final(&check->blake2b, answer->blake2b, RNM_BLAKE2B_SIZE);
		(void)crypto_hash_sha512_final(&check->sha512, digest);
		answer->is_signed = rnm_ed25519_check_digest(&check->key, check->signature, digest);
		answer->marks = check->marks;
		check->marks = NULL;
	} else if (err != NULL) {
		*err = check->problem;
	}
	rnm_stream_check_free(check);
	return status;
}

enum rnm_status rnm_stream_check_file(const struct rnm_stream_subject *subject,
                                      struct rnm_stream_answer *answer, struct rnm_error *err)
{
	struct rnm_stream_check *check = NULL;
	enum rnm_status status = rnm_stream_check_new(&check, subject, err);

	if (check == NULL)
		return status;
	rnm_stream_check_more(check, subject->size);
	return rnm_stream_check_end(check, answer, err);
}
