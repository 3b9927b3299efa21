/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd frames, whole and streamed.  The checker of blobs, rnm_frame_check, is public (rnm/rnm1.h).
 */
#ifndef RNM_FORMAT_ZSTD_H
#define RNM_FORMAT_ZSTD_H

#include <rnm/buf.h>
#include <rnm/rnm1.h>

/* The first bytes of every zstd frame, 0xFD2FB528 in little endian (RFC 8878, 3.1.1). */
#define RNM_ZSTD_MAGIC "\x28\xb5\x2f\xfd"
#define RNM_ZSTD_MAGIC_LEN 4u

bool rnm_zstd_is_frame(const void *data, size_t len);

/*
 * Appends the content of the one frame that data must be; out->max limits it.  RNM_E_MALFORMED with the
 * ids "zstd.too-large", "zstd.corrupt", "zstd.truncated" and "zstd.trailing"; the messages begin with what.
 */
RNM_MUST_CHECK enum rnm_status rnm_zstd_expand(struct rnm_buf *out, const void *data, size_t len,
                                               const char *what, struct rnm_error *err);

/*
 * The same for a blob, which must be what rnm_frame_check accepts; ids and messages are those.  out must be
 * empty; its maximum limits the content.  A sound blob is decoded once; only one that is not, or whose
 * size is hard to believe, is checked as a stream before memory is spent on it.
 */
RNM_MUST_CHECK enum rnm_status rnm_frame_expand(struct rnm_buf *out, const void *data, size_t len,
                                                enum rnm_blob_kind kind, const char *what,
                                                struct rnm_error *err);

/*
 * The first bytes that a frame expands to: how many of want were found (fewer in a short or damaged one).
 * Never fails: what is wrong with the frame is told by whoever expands it.
 */
size_t rnm_zstd_peek(const void *data, size_t len, void *out, size_t want);

/*
 * Has a check hand on what the frame expands to, piece by piece, once the checks of that piece have passed;
 * declared is the size of the whole, which never gets exceeded.  A failure of emit is one of the check.
 */
typedef enum rnm_status rnm_frame_emit(void *ctx, uint64_t declared, const void *data, size_t len,
                                       struct rnm_error *err);
void rnm_frame_check_emit(struct rnm_frame_check *check, rnm_frame_emit *emit, void *ctx);

/* Compresses a stream of known length into one frame that declares its size and carries a checksum. */
struct rnm_zstd_encoder;
/* Takes the compressed bytes as they come. */
typedef enum rnm_status rnm_zstd_emit(void *ctx, const void *data, size_t len, struct rnm_error *err);

RNM_MUST_CHECK enum rnm_status rnm_zstd_encoder_new(struct rnm_zstd_encoder **out, uint64_t total,
                                                    rnm_zstd_emit *emit, void *ctx, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_zstd_encoder_feed(struct rnm_zstd_encoder *encoder, const void *data,
                                                     size_t len, struct rnm_error *err);
/* Ends the frame; fails when less or more than total bytes were fed. */
RNM_MUST_CHECK enum rnm_status rnm_zstd_encoder_end(struct rnm_zstd_encoder *encoder, struct rnm_error *err);
void rnm_zstd_encoder_free(struct rnm_zstd_encoder *encoder);

/* Appends data as one such frame; RNM_E_NOMEM also when out->max does not hold it. */
RNM_MUST_CHECK enum rnm_status rnm_zstd_compress(struct rnm_buf *out, const void *data, size_t len,
                                                 struct rnm_error *err);

#endif
