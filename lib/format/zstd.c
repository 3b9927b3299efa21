/* SPDX-License-Identifier: Apache-2.0 */
#include "format/zstd.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* A lying header must not make us reserve more than this ahead of the data. */
#define EXPAND_FIRST ((size_t)1 << 20)
#define ENCODER_OUT ((size_t)64 << 10)
/* rspamd: level 1 in lualib/lua_neural_external.lua.  The blobs inside are frames already: more finds nothing. */
#define ENCODER_LEVEL 1

bool rnm_zstd_is_frame(const void *data, size_t len)
{
	return len >= RNM_ZSTD_MAGIC_LEN && memcmp(data, RNM_ZSTD_MAGIC, RNM_ZSTD_MAGIC_LEN) == 0;
}

static enum rnm_status expand_too_large(struct rnm_error *err, const char *what, size_t max)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "zstd.too-large",
	                     "%s expands to more than the limit of %zu bytes", what, max);
}

/*
 * Bytes of room for the next piece of output: a doubling, never past the maximum.  None at the maximum,
 * where the decoder may still have its checksum to read.
 */
static bool make_room(struct rnm_buf *out, unsigned long long declared, size_t *room)
{
	size_t left = out->max - out->len;
	size_t want = out->len < EXPAND_FIRST ? EXPAND_FIRST : out->len;

	/* At the declared size only the checksum is left to read (a frame that holds more is damaged). */
	if (declared > 0 && declared <= out->len)
		want = 0;
	else if (declared > 0 && declared - out->len < want)
		want = (size_t)(declared - out->len);
	*room = want < left ? want : left;
	return rnm_buf_reserve(out, *room);
}

/* Why the decoder, given room, neither took nor gave anything. */
static enum rnm_status expand_stuck(const struct rnm_buf *out, size_t len, bool at_end, const char *what,
                                    struct rnm_error *err)
{
	if (!at_end || out->len == out->max)
		return expand_too_large(err, what, out->max);
	rnm_error_set(err, RNM_E_MALFORMED, "zstd.truncated",
	              "%s ends inside its zstd frame, after %zu bytes", what, len);
	return rnm_error_at_offset(err, NULL, len), RNM_E_MALFORMED;
}

static enum rnm_status decoder_error(size_t code, size_t offset, const char *what, struct rnm_error *err)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
		return rnm_error_nomem(err);
	rnm_error_set(err, RNM_E_MALFORMED, "zstd.corrupt", "%s is a damaged zstd frame: %s", what,
	              ZSTD_getErrorName(code));
	return rnm_error_at_offset(err, NULL, offset), RNM_E_MALFORMED;
}

static enum rnm_status expand_with(ZSTD_DCtx *dctx, struct rnm_buf *out, const void *data, size_t len,
                                   const char *what, struct rnm_error *err)
{
	unsigned long long declared = ZSTD_getFrameContentSize(data, len);
	ZSTD_inBuffer in = { data, len, 0 };
	size_t left = 1;

	if (declared == ZSTD_CONTENTSIZE_UNKNOWN || declared == ZSTD_CONTENTSIZE_ERROR)
		declared = 0;
	if (declared > out->max)
		return expand_too_large(err, what, out->max);
	while (left != 0) {
		size_t before = in.pos, room;
		ZSTD_outBuffer piece;

		if (!make_room(out, declared, &room))
			return rnm_error_nomem(err);
		piece = (ZSTD_outBuffer){ out->data + out->len, room, 0 };
		left = ZSTD_decompressStream(dctx, &piece, &in);
		if (ZSTD_isError(left))
			return decoder_error(left, in.pos, what, err);
		out->len += piece.pos;
		if (left != 0 && in.pos == before && piece.pos == 0)
			return expand_stuck(out, len, in.pos == len, what, err);
	}
	out->data[out->len] = '\0';
	if (in.pos != len) {
		rnm_error_set(err, RNM_E_MALFORMED, "zstd.trailing",
		              "expected %s to end with its zstd frame, found %zu bytes behind it", what,
		              len - in.pos);
		return rnm_error_at_offset(err, NULL, in.pos), RNM_E_MALFORMED;
	}
	return RNM_OK;
}

size_t rnm_zstd_peek(const void *data, size_t len, void *out, size_t want)
{
	ZSTD_DCtx *dctx = ZSTD_createDCtx();
	ZSTD_inBuffer in = { data, len, 0 };
	ZSTD_outBuffer piece = { out, want, 0 };
	size_t left = 1;

	while (dctx != NULL && left != 0 && piece.pos < want) {
		size_t taken = in.pos, given = piece.pos;

		left = ZSTD_decompressStream(dctx, &piece, &in);
		if (ZSTD_isError(left) || (in.pos == taken && piece.pos == given))
			break;
	}
	ZSTD_freeDCtx(dctx);
	return piece.pos;
}

enum rnm_status rnm_zstd_expand(struct rnm_buf *out, const void *data, size_t len, const char *what,
                                struct rnm_error *err)
{
	ZSTD_DCtx *dctx = ZSTD_createDCtx();
	enum rnm_status status;

	if (dctx == NULL)
		return rnm_error_nomem(err);
	status = expand_with(dctx, out, data, len, what, err);
	ZSTD_freeDCtx(dctx);
	return status;
}

struct rnm_zstd_encoder {
	ZSTD_CCtx *cctx;
	rnm_zstd_emit *emit;
	void *ctx;
	char out[ENCODER_OUT];
};

enum rnm_status rnm_zstd_encoder_new(struct rnm_zstd_encoder **out, uint64_t total, rnm_zstd_emit *emit,
                                     void *ctx, struct rnm_error *err)
{
	struct rnm_zstd_encoder *encoder = calloc(1, sizeof(*encoder));

	if (encoder != NULL)
		encoder->cctx = ZSTD_createCCtx();
	if (encoder == NULL || encoder->cctx == NULL ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(encoder->cctx, ZSTD_c_compressionLevel, ENCODER_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(encoder->cctx, ZSTD_c_checksumFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(encoder->cctx, total))) {
		rnm_zstd_encoder_free(encoder);
		rnm_error_nomem(err);
		return RNM_E_NOMEM; /* said here, so that an analyser sees that *out is set on RNM_OK */
	}
	encoder->emit = emit;
	encoder->ctx = ctx;
	*out = encoder;
	return RNM_OK;
}

static enum rnm_status encode(struct rnm_zstd_encoder *encoder, const void *data, size_t len,
                              ZSTD_EndDirective mode, struct rnm_error *err)
{
	ZSTD_inBuffer in = { data, len, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { encoder->out, sizeof(encoder->out), 0 };
		enum rnm_status status = RNM_OK;

		left = ZSTD_compressStream2(encoder->cctx, &out, &in, mode);
		if (ZSTD_isError(left))
			return rnm_error_set(err, RNM_E_IO, "zstd.encode", "cannot compress: %s",
			                     ZSTD_getErrorName(left));
		if (out.pos > 0)
			status = encoder->emit(encoder->ctx, encoder->out, out.pos, err);
		if (status != RNM_OK)
			return status;
	} while (mode == ZSTD_e_end ? left != 0 : in.pos < in.size);
	return RNM_OK;
}

enum rnm_status rnm_zstd_encoder_feed(struct rnm_zstd_encoder *encoder, const void *data, size_t len,
                                      struct rnm_error *err)
{
	return encode(encoder, data, len, ZSTD_e_continue, err);
}

enum rnm_status rnm_zstd_encoder_end(struct rnm_zstd_encoder *encoder, struct rnm_error *err)
{
	return encode(encoder, "", 0, ZSTD_e_end, err);
}

void rnm_zstd_encoder_free(struct rnm_zstd_encoder *encoder)
{
	if (encoder == NULL)
		return;
	ZSTD_freeCCtx(encoder->cctx);
	free(encoder);
}

static enum rnm_status append(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	return rnm_buf_append(ctx, data, len) ? RNM_OK : rnm_error_nomem(err);
}

enum rnm_status rnm_zstd_compress(struct rnm_buf *out, const void *data, size_t len, struct rnm_error *err)
{
	struct rnm_zstd_encoder *encoder = NULL;
	enum rnm_status status = rnm_zstd_encoder_new(&encoder, len, append, out, err);

	if (status == RNM_OK)
		status = rnm_zstd_encoder_feed(encoder, data, len, err);
	if (status == RNM_OK)
		status = rnm_zstd_encoder_end(encoder, err);
	rnm_zstd_encoder_free(encoder);
	return status;
}
