/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of one model file on their way from Redis: written, hashed, and checked as zstd frames
 * where they are blobs.  Memory is a few fixed buffers whatever the model's size.  For a large blob
 * hashing and checking run in threads of their own, beside the one that reads the socket and writes.
 */
#ifndef RNM_STORE_TEE_H
#define RNM_STORE_TEE_H

#include <rnm/rnm1.h>

#include "base/hash.h"
#include "format/zstd.h"

struct rnm_tee;

/* Called from the caller's own thread only. */
typedef enum rnm_status rnm_tee_write(void *ctx, const void *data, size_t len, struct rnm_error *err);

RNM_MUST_CHECK enum rnm_status rnm_tee_new(struct rnm_tee **out, bool hashing, rnm_tee_write *write,
                                           void *ctx, struct rnm_error *err);
/* Stops the threads, if there are any. */
void rnm_tee_free(struct rnm_tee *tee);

RNM_MUST_CHECK enum rnm_status rnm_tee_put(struct rnm_tee *tee, const void *data, size_t len,
                                           struct rnm_error *err);
/* The same without a copy: where the next bytes may be written, and that len of them are there now (never 0 are free). */
void *rnm_tee_room(struct rnm_tee *tee, size_t *room);
RNM_MUST_CHECK enum rnm_status rnm_tee_filled(struct rnm_tee *tee, size_t len, struct rnm_error *err);
/* What is put between the two calls is a blob of the kind; size is its announced length. */
RNM_MUST_CHECK enum rnm_status rnm_tee_begin_blob(struct rnm_tee *tee, enum rnm_blob_kind kind,
                                                  const char *what, uint64_t size, struct rnm_error *err);
/*
 * After rnm_tee_begin_blob: what the blob expands to goes to emit, in a thread of its own when it is large.
 * Until rnm_tee_end_blob has returned nothing else may touch what emit works on.
 */
void rnm_tee_emit(struct rnm_tee *tee, rnm_frame_emit *emit, void *ctx);
RNM_MUST_CHECK enum rnm_status rnm_tee_end_blob(struct rnm_tee *tee, uint64_t *expanded,
                                                struct rnm_error *err);
/* Writes what is left; the hash of everything that was put (unchanged without hashing). */
RNM_MUST_CHECK enum rnm_status rnm_tee_finish(struct rnm_tee *tee, char hash[RNM_HASH_HEX],
                                              struct rnm_error *err);

#endif
