/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of a blob while it streams by.  The expanded bytes are thrown away: what stays in memory
 * is libzstd's window.  A frame that rspamd writes (level 1) has a window of at most 512 KiB, one of
 * any level up to 19 at most 8 MiB.  Frames made with larger windows (--ultra, --long) are checked as
 * well and then cost as much memory as their window, at most RNM_BLOB_MAX.
 */
#include "format/zstd.h"

#include <rnm/rnm1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Longest frame header up to and with the content size: magic 4, descriptor 1, window 1, dictionary 4, size 8. */
#define FRAME_HEAD_MAX 18u
/* log2(RNM_BLOB_MAX): no honest frame that we accept needs a larger window. */
#define WINDOW_LOG_MAX 28
#define SCRATCH ((size_t)128 << 10)
#define TENSOR_HEAD 16u
#define KANN_MAGIC "KAN\1"
#define KANN_MAGIC_LEN 4u

struct rnm_frame_check {
	ZSTD_DCtx *dctx;
	enum rnm_blob_kind kind;
	char what[32];
	unsigned char head[FRAME_HEAD_MAX]; /* of the frame: gathered before anything is decoded */
	size_t head_len;
	bool started;
	bool ended;        /* the frame is complete */
	uint64_t consumed; /* compressed bytes that the decoder has taken */
	uint64_t declared;
	uint64_t expanded;
	unsigned char start[TENSOR_HEAD]; /* first expanded bytes */
	size_t start_len;
	rnm_frame_emit *emit; /* NULL: nobody wants the expanded bytes */
	void *emit_ctx;
	struct rnm_error failure; /* the first one; every later call returns it again */
	unsigned char scratch[SCRATCH];
};

enum rnm_status rnm_frame_check_new(struct rnm_frame_check **out, enum rnm_blob_kind kind, const char *what,
                                    struct rnm_error *err)
{
	/* Not calloc: the scratch needs no zeroes, and untouched pages stay unallocated. */
	struct rnm_frame_check *check = malloc(sizeof(*check));

	if (check == NULL)
		return rnm_error_nomem(err);
	memset(check, 0, offsetof(struct rnm_frame_check, failure));
	rnm_error_clear(&check->failure);
	check->kind = kind;
	snprintf(check->what, sizeof(check->what), "%s", what);
	check->dctx = ZSTD_createDCtx();
	if (check->dctx == NULL ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(check->dctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
		rnm_frame_check_free(check);
		return rnm_error_nomem(err);
	}
	*out = check;
	return RNM_OK;
}

void rnm_frame_check_emit(struct rnm_frame_check *check, rnm_frame_emit *emit, void *ctx)
{
	check->emit = emit;
	check->emit_ctx = ctx;
}

void rnm_frame_check_free(struct rnm_frame_check *check)
{
	if (check == NULL)
		return;
	ZSTD_freeDCtx(check->dctx);
	free(check);
}

/* Hands out the remembered failure. */
static enum rnm_status failed(const struct rnm_frame_check *check, struct rnm_error *err)
{
	if (err != NULL)
		*err = check->failure;
	return check->failure.status;
}

/* Remembers a failure at an offset of the compressed blob. */
static enum rnm_status fail_at(struct rnm_frame_check *check, uint64_t offset, struct rnm_error *err)
{
	rnm_error_at_offset(&check->failure, NULL, offset);
	return failed(check, err);
}

static enum rnm_status fail_truncated(struct rnm_frame_check *check, uint64_t length, struct rnm_error *err)
{
	rnm_error_set(&check->failure, RNM_E_MALFORMED, "frame.truncated",
	              "%s: expected a whole zstd frame, found its end cut off after %llu bytes", check->what,
	              (unsigned long long)length);
	return fail_at(check, length, err);
}

static enum rnm_status fail_not_zstd(struct rnm_frame_check *check, struct rnm_error *err)
{
	const unsigned char *head = check->head;
	char found[16] = "nothing";

	if (check->head_len >= RNM_ZSTD_MAGIC_LEN)
		snprintf(found, sizeof(found), "%02x %02x %02x %02x", head[0], head[1], head[2], head[3]);
	else if (check->head_len > 0)
		snprintf(found, sizeof(found), "%zu bytes", check->head_len);
	rnm_error_set(&check->failure, RNM_E_MALFORMED, "frame.not-zstd",
	              "%s: expected a zstd frame (28 b5 2f fd), found %s", check->what, found);
	if (check->head_len >= KANN_MAGIC_LEN && memcmp(head, KANN_MAGIC, KANN_MAGIC_LEN) == 0)
		rnm_error_set_hint(&check->failure,
		                   "this is a bare KANN network; rspamd wants it compressed with zstd");
	else if (check->head_len >= RNM_ZSTD_MAGIC_LEN && (head[0] & 0xf0) == 0x50 &&
	         memcmp(head + 1, "\x2a\x4d\x18", 3) == 0)
		rnm_error_set_hint(&check->failure,
		                   "this is a skippable zstd frame; rspamd writes a single ordinary one");
	return fail_at(check, 0, err);
}

/* What the header says, before the decoder reserves anything on its word. */
static enum rnm_status check_head(struct rnm_frame_check *check, struct rnm_error *err)
{
	unsigned long long declared;

	if (!rnm_zstd_is_frame(check->head, check->head_len))
		return fail_not_zstd(check, err);
	declared = ZSTD_getFrameContentSize(check->head, check->head_len);
	if (declared == ZSTD_CONTENTSIZE_ERROR) {
		if (check->head_len < FRAME_HEAD_MAX)
			return fail_truncated(check, check->head_len, err);
		rnm_error_set(&check->failure, RNM_E_MALFORMED, "frame.corrupt",
		              "%s: expected a zstd frame header, found reserved bits set in it", check->what);
		return fail_at(check, RNM_ZSTD_MAGIC_LEN, err);
	}
	if (declared == ZSTD_CONTENTSIZE_UNKNOWN) {
		rnm_error_set(&check->failure, RNM_E_MALFORMED, "frame.size-unknown",
		              "%s: expected a zstd frame that declares its content size, found none",
		              check->what);
		rnm_error_set_hint(&check->failure,
		                   "rspamd may cut such a frame short; compress it again from a file");
		return fail_at(check, RNM_ZSTD_MAGIC_LEN, err);
	}
	if (declared > RNM_BLOB_MAX) {
		rnm_error_set(
		    &check->failure, RNM_E_MALFORMED, "frame.too-large",
		    "%s: expected at most %llu expanded bytes, found a zstd frame that declares %llu",
		    check->what, (unsigned long long)RNM_BLOB_MAX, declared);
		return fail_at(check, RNM_ZSTD_MAGIC_LEN, err);
	}
	check->declared = declared;
	check->started = true;
	return RNM_OK;
}

static int32_t load_le32(const unsigned char *bytes)
{
	return (int32_t)((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	                 (uint32_t)bytes[3] << 24);
}

/* rspamd: the tensor layout of src/lua/lua_tensor.c, native (little) endian. */
static bool is_tensor(const unsigned char *start, uint64_t size)
{
	int64_t ndims = load_le32(start), count = load_le32(start + 4);
	int64_t rows = load_le32(start + 8), cols = load_le32(start + 12);

	return ndims == 2 && rows > 0 && cols > 0 && rows * cols == count &&
	       size == TENSOR_HEAD + (uint64_t)count * 4;
}

static enum rnm_status check_tensor(struct rnm_frame_check *check, struct rnm_error *err)
{
	int64_t ndims = load_le32(check->start), count = load_le32(check->start + 4);
	int64_t rows = load_le32(check->start + 8), cols = load_le32(check->start + 12);

	if (ndims != 2 || rows <= 0 || cols <= 0 || rows * cols != count)
		rnm_error_set(
		    &check->failure, RNM_E_MALFORMED, "frame.tensor",
		    "%s: expected a matrix (2 dimensions, count = rows x columns), found %lld dimensions, "
		    "count %lld, %lld x %lld",
		    check->what, (long long)ndims, (long long)count, (long long)rows, (long long)cols);
	else if (!is_tensor(check->start, check->declared))
		rnm_error_set(&check->failure, RNM_E_MALFORMED, "frame.tensor",
		              "%s: expected %llu bytes for a matrix of %lld x %lld, found %llu", check->what,
		              (unsigned long long)(TENSOR_HEAD + (uint64_t)count * 4), (long long)rows,
		              (long long)cols, (unsigned long long)check->declared);
	else
		return RNM_OK;
	return failed(check, err);
}

static enum rnm_status check_kann(struct rnm_frame_check *check, struct rnm_error *err)
{
	const unsigned char *s = check->start;

	if (memcmp(s, KANN_MAGIC, KANN_MAGIC_LEN) == 0)
		return RNM_OK;
	rnm_error_set(
	    &check->failure, RNM_E_MALFORMED, "frame.kann",
	    "%s: expected a KANN network (4b 41 4e 01) inside the zstd frame, found %02x %02x %02x %02x",
	    check->what, s[0], s[1], s[2], s[3]);
	if (rnm_zstd_is_frame(s, KANN_MAGIC_LEN))
		rnm_error_set_hint(&check->failure, "the network has been compressed twice");
	return failed(check, err);
}

static size_t start_needed(enum rnm_blob_kind kind)
{
	return kind == RNM_BLOB_KANN ? KANN_MAGIC_LEN : kind == RNM_BLOB_TENSOR ? TENSOR_HEAD : 0;
}

static enum rnm_status fail_size(struct rnm_frame_check *check, struct rnm_error *err)
{
	rnm_error_set(&check->failure, RNM_E_MALFORMED, "frame.size",
	              "%s: expected the %llu bytes that the zstd frame declares, found %s%llu", check->what,
	              (unsigned long long)check->declared,
	              check->expanded > check->declared ? "at least " : "",
	              (unsigned long long)check->expanded);
	return failed(check, err);
}

/* Looks at the first expanded bytes, as soon as there are enough of them. */
static enum rnm_status check_start(struct rnm_frame_check *check, size_t len, struct rnm_error *err)
{
	size_t needed = start_needed(check->kind);
	size_t take = needed - check->start_len;

	if (take > len)
		take = len;
	if (take == 0)
		return RNM_OK;
	memcpy(check->start + check->start_len, check->scratch, take);
	check->start_len += take;
	if (check->start_len < needed)
		return RNM_OK;
	return check->kind == RNM_BLOB_KANN ? check_kann(check, err) : check_tensor(check, err);
}

static enum rnm_status take_expanded(struct rnm_frame_check *check, size_t len, struct rnm_error *err)
{
	enum rnm_status status;

	check->expanded += len;
	/* At once, not at the end: a few megabytes can claim one and expand to hundreds of gigabytes. */
	if (check->expanded > check->declared)
		return fail_size(check, err);
	status = check_start(check, len, err);
	if (status != RNM_OK || check->emit == NULL || len == 0)
		return status;
	if (check->emit(check->emit_ctx, check->declared, check->scratch, len, &check->failure) != RNM_OK)
		return failed(check, err);
	return RNM_OK;
}

static enum rnm_status fail_trailing(struct rnm_frame_check *check, struct rnm_error *err)
{
	rnm_error_set(&check->failure, RNM_E_MALFORMED, "frame.trailing",
	              "%s: expected nothing behind the zstd frame of %llu bytes, found more", check->what,
	              (unsigned long long)check->consumed);
	return fail_at(check, check->consumed, err);
}

static enum rnm_status fail_decoder(struct rnm_frame_check *check, size_t code, struct rnm_error *err)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) {
		rnm_error_nomem(&check->failure);
		return failed(check, err);
	}
	rnm_error_set(&check->failure, RNM_E_MALFORMED, "frame.corrupt",
	              "%s: expected an intact zstd frame, found damage: %s", check->what,
	              ZSTD_getErrorName(code));
	return fail_at(check, check->consumed, err);
}

static enum rnm_status decode(struct rnm_frame_check *check, const void *data, size_t len,
                              struct rnm_error *err)
{
	ZSTD_inBuffer in = { data, len, 0 };
	size_t flushed;

	/* Also once more after the last input: the decoder may hold output that did not fit. */
	do {
		ZSTD_outBuffer out = { check->scratch, sizeof(check->scratch), 0 };
		uint64_t base = check->consumed - in.pos;
		enum rnm_status status;
		size_t left;

		if (check->ended)
			return in.pos < len ? fail_trailing(check, err) : RNM_OK;
		left = ZSTD_decompressStream(check->dctx, &out, &in);
		check->consumed = base + in.pos;
		if (ZSTD_isError(left))
			return fail_decoder(check, left, err);
		check->ended = left == 0;
		status = take_expanded(check, out.pos, err);
		if (status != RNM_OK)
			return status;
		flushed = out.pos;
	} while (in.pos < len || flushed == sizeof(check->scratch));
	return RNM_OK;
}

/* Gathers the header; once it is whole (or the blob ended), checks it and decodes it. */
static enum rnm_status start(struct rnm_frame_check *check, struct rnm_error *err)
{
	enum rnm_status status = check_head(check, err);

	return status != RNM_OK ? status : decode(check, check->head, check->head_len, err);
}

enum rnm_status rnm_frame_check_feed(struct rnm_frame_check *check, const void *data, size_t len,
                                     struct rnm_error *err)
{
	const unsigned char *bytes = data;

	if (check->failure.status != RNM_OK)
		return failed(check, err);
	if (!check->started) {
		size_t take = FRAME_HEAD_MAX - check->head_len;
		enum rnm_status status;

		if (take > len)
			take = len;
		if (take > 0)
			memcpy(check->head + check->head_len, bytes, take);
		check->head_len += take;
		if (check->head_len < FRAME_HEAD_MAX)
			return RNM_OK;
		status = start(check, err);
		if (status != RNM_OK)
			return status;
		bytes += take;
		len -= take;
	}
	return len > 0 ? decode(check, bytes, len, err) : RNM_OK;
}

enum rnm_status rnm_frame_check_end(struct rnm_frame_check *check, uint64_t *expanded, struct rnm_error *err)
{
	enum rnm_status status = check->failure.status;

	if (status == RNM_OK && !check->started)
		status = start(check, err);
	if (status != RNM_OK)
		return failed(check, err);
	if (!check->ended)
		return fail_truncated(check, check->consumed, err);
	if (check->expanded != check->declared)
		return fail_size(check, err);
	if (check->start_len < start_needed(check->kind)) {
		rnm_error_set(&check->failure, RNM_E_MALFORMED,
		              check->kind == RNM_BLOB_KANN ? "frame.kann" : "frame.tensor",
		              "%s: expected %s inside the zstd frame, found only %llu bytes", check->what,
		              check->kind == RNM_BLOB_KANN ? "a KANN network" : "a matrix",
		              (unsigned long long)check->expanded);
		return failed(check, err);
	}
	if (expanded != NULL)
		*expanded = check->expanded;
	return RNM_OK;
}

/* ---- blobs in memory ---------------------------------------------------------------------------- */

/*
 * More than this a network of floats is never compressed.  A frame that claims more has to prove it piece
 * by piece before memory is spent on it.
 */
#define PLAUSIBLE_RATIO 64u

static bool begins_as(enum rnm_blob_kind kind, const unsigned char *start, uint64_t size)
{
	if (size < start_needed(kind))
		return false;
	if (kind == RNM_BLOB_TENSOR)
		return is_tensor(start, size);
	return kind != RNM_BLOB_KANN || memcmp(start, KANN_MAGIC, KANN_MAGIC_LEN) == 0;
}

/* One pass for blobs that are as they should be; what is wrong with others is not said. */
static bool expand_sound(struct rnm_buf *out, const void *data, size_t len, enum rnm_blob_kind kind)
{
	unsigned long long declared = ZSTD_getFrameContentSize(data, len);
	ZSTD_DCtx *dctx;
	size_t got;

	if (!rnm_zstd_is_frame(data, len) || declared == ZSTD_CONTENTSIZE_UNKNOWN ||
	    declared == ZSTD_CONTENTSIZE_ERROR || declared > RNM_BLOB_MAX || declared > out->max - out->len ||
	    declared / PLAUSIBLE_RATIO > len || ZSTD_findFrameCompressedSize(data, len) != len)
		return false;
	dctx = ZSTD_createDCtx();
	if (dctx == NULL || !rnm_buf_reserve(out, (size_t)declared)) {
		ZSTD_freeDCtx(dctx);
		return false;
	}
	got = ZSTD_decompressDCtx(dctx, out->data + out->len, (size_t)declared, data, len);
	ZSTD_freeDCtx(dctx);
	if (got != declared || !begins_as(kind, (const unsigned char *)out->data + out->len, declared))
		return false;
	out->len += got;
	out->data[out->len] = '\0';
	return true;
}

enum rnm_status rnm_frame_expand(struct rnm_buf *out, const void *data, size_t len, enum rnm_blob_kind kind,
                                 const char *what, struct rnm_error *err)
{
	struct rnm_frame_check *check = NULL;
	enum rnm_status status;

	if (expand_sound(out, data, len, kind))
		return RNM_OK;
	rnm_buf_clear(out);
	status = rnm_frame_check_new(&check, kind, what, err);
	if (check == NULL)
		return status;
	status = rnm_frame_check_feed(check, data, len, err);
	if (status == RNM_OK)
		status = rnm_frame_check_end(check, NULL, err);
	rnm_frame_check_free(check);
	return status == RNM_OK ? rnm_zstd_expand(out, data, len, what, err) : status;
}
