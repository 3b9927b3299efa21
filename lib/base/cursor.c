/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"

void rnm_cursor_init(struct rnm_cursor *cursor, const void *data, size_t size)
{
	cursor->base = data;
	cursor->size = size;
	cursor->pos = 0;
	cursor->failed = false;
	cursor->failed_at = 0;
}

size_t rnm_cursor_left(const struct rnm_cursor *cursor)
{
	return cursor->failed ? 0 : cursor->size - cursor->pos;
}

const unsigned char *rnm_cursor_take(struct rnm_cursor *cursor, size_t len)
{
	const unsigned char *bytes;

	if (cursor->failed || len > cursor->size - cursor->pos) {
		if (!cursor->failed)
			cursor->failed_at = cursor->pos;
		cursor->failed = true;
		return NULL;
	}
	bytes = cursor->base + cursor->pos;
	cursor->pos += len;
	return bytes;
}

/* The next len bytes as a number, most significant byte first. */
static uint64_t take_be(struct rnm_cursor *cursor, size_t len)
{
	const unsigned char *bytes = rnm_cursor_take(cursor, len);
	uint64_t n = 0;

	for (size_t i = 0; bytes != NULL && i < len; i++)
		n = n << 8 | bytes[i];
	return n;
}

static uint64_t take_le(struct rnm_cursor *cursor, size_t len)
{
	const unsigned char *bytes = rnm_cursor_take(cursor, len);
	uint64_t n = 0;

	for (size_t i = len; bytes != NULL && i > 0; i--)
		n = n << 8 | bytes[i - 1];
	return n;
}

uint8_t rnm_cursor_u8(struct rnm_cursor *cursor)
{
	return (uint8_t)take_be(cursor, 1);
}

uint16_t rnm_cursor_be16(struct rnm_cursor *cursor)
{
	return (uint16_t)take_be(cursor, 2);
}

uint32_t rnm_cursor_be32(struct rnm_cursor *cursor)
{
	return (uint32_t)take_be(cursor, 4);
}

uint64_t rnm_cursor_be64(struct rnm_cursor *cursor)
{
	return take_be(cursor, 8);
}

uint16_t rnm_cursor_le16(struct rnm_cursor *cursor)
{
	return (uint16_t)take_le(cursor, 2);
}

uint32_t rnm_cursor_le32(struct rnm_cursor *cursor)
{
	return (uint32_t)take_le(cursor, 4);
}

uint64_t rnm_cursor_le64(struct rnm_cursor *cursor)
{
	return take_le(cursor, 8);
}
