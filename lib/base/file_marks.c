/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_marks.h"

#include "base/file.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MARK_SIZE crypto_onetimeauth_BYTES
#define NO_PIECE UINT64_MAX

struct rnm_file_marks {
	/*
	 * Poly1305 under one key for all pieces.  As an authenticator it would be broken by the second of them; but
	 * nobody ever sees a mark.  To find other bytes with the same mark without knowing the key is a matter of
	 * luck: less than 2^-88 for a piece, whatever the bytes (RFC 8439 and the paper that it follows).
	 */
	unsigned char key[crypto_onetimeauth_KEYBYTES];
	crypto_onetimeauth_state current;
	uint64_t size;
	uint64_t added;
	unsigned char (*marks)[MARK_SIZE];

	/* What was read last, and not whole. */
	unsigned char *piece;
	uint64_t piece_index;
};

static size_t piece_len(const struct rnm_file_marks *marks, uint64_t index)
{
	const uint64_t left = marks->size - index * RNM_MARKED_PIECE;

	return left < RNM_MARKED_PIECE ? (size_t)left : RNM_MARKED_PIECE;
}

enum rnm_status rnm_file_marks_new(struct rnm_file_marks **out, uint64_t size, struct rnm_error *err)
{
	const uint64_t count = size / RNM_MARKED_PIECE + 1;
	struct rnm_file_marks *marks = calloc(1, sizeof(*marks));

	/* sodium_init may be called any number of times. */
	if (marks == NULL || sodium_init() < 0 || count > SIZE_MAX / MARK_SIZE ||
	    (marks->marks = calloc((size_t)count, MARK_SIZE)) == NULL ||
	    (marks->piece = malloc(RNM_MARKED_PIECE)) == NULL) {
		rnm_file_marks_free(marks);
		return rnm_error_nomem(err);
	}
	marks->size = size;
	marks->piece_index = NO_PIECE;
	randombytes_buf(marks->key, sizeof(marks->key));
	*out = marks;
	return RNM_OK;
}

void rnm_file_marks_add(struct rnm_file_marks *marks, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	while (len > 0) {
		const uint64_t index = marks->added / RNM_MARKED_PIECE;
		const size_t done = (size_t)(marks->added % RNM_MARKED_PIECE),
			     whole = piece_len(marks, index);
		const size_t take = whole - done < len ? whole - done : len;

		if (done == 0)
			crypto_onetimeauth_init(&marks->current, marks->key);
		crypto_onetimeauth_update(&marks->current, bytes, take);
		if (done + take == whole)
			crypto_onetimeauth_final(&marks->current, marks->marks[index]);
		marks->added += take;
		bytes += take;
		len -= take;
	}
}

uint64_t rnm_file_marks_size(const struct rnm_file_marks *marks)
{
	return marks->size;
}

/* A whole piece; what is not as it was is wiped. */
static enum rnm_status read_piece(const struct rnm_file_marks *marks, int fd, const char *path,
                                  uint64_t index, void *to, struct rnm_error *err)
{
	const size_t len = piece_len(marks, index);
	enum rnm_status status = rnm_file_read_at(fd, path, to, len, index * RNM_MARKED_PIECE, err);

	if (status == RNM_OK && crypto_onetimeauth_verify(marks->marks[index], to, len, marks->key) != 0)
		status = rnm_file_changed(err, path);
	if (status != RNM_OK)
		memset(to, 0, len);
	return status;
}

/* The piece stays for whoever asks for more of it. */
static enum rnm_status keep_piece(struct rnm_file_marks *marks, int fd, const char *path, uint64_t index,
                                  struct rnm_error *err)
{
	enum rnm_status status;

	if (marks->piece_index == index)
		return RNM_OK;
	status = read_piece(marks, fd, path, index, marks->piece, err);
	marks->piece_index = status == RNM_OK ? index : NO_PIECE;
	return status;
}

enum rnm_status rnm_file_marks_read(struct rnm_file_marks *marks, int fd, const char *path, void *data,
                                    size_t len, uint64_t offset, struct rnm_error *err)
{
	char *to = data;

	while (len > 0) {
		const uint64_t index = offset / RNM_MARKED_PIECE;
		const size_t from = (size_t)(offset % RNM_MARKED_PIECE);
		const size_t there = piece_len(marks, index) - from, take = there < len ? there : len;
		const bool whole = from == 0 && take == there;
		const enum rnm_status status = whole ? read_piece(marks, fd, path, index, to, err)
		                                     : keep_piece(marks, fd, path, index, err);

		if (status != RNM_OK)
			return status;
		if (!whole)
			memcpy(to, marks->piece + from, take);
		to += take;
		offset += take;
		len -= take;
	}
	return RNM_OK;
}

void rnm_file_marks_free(struct rnm_file_marks *marks)
{
	if (marks == NULL)
		return;
	free(marks->marks);
	free(marks->piece);
	free(marks);
}
