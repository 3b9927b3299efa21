/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded reader over untrusted bytes.  A read past the end returns zero bytes and sets `failed`,
 * which stays set, so that a parser may read a whole record and check once.
 */
#ifndef RNM_BASE_CURSOR_H
#define RNM_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rnm_cursor {
	const unsigned char *base;
	size_t size;
	size_t pos;
	bool failed;
	size_t failed_at; /* pos of the first failing read */
};

void rnm_cursor_init(struct rnm_cursor *cursor, const void *data, size_t size);
size_t rnm_cursor_left(const struct rnm_cursor *cursor);
/* len bytes in place, or NULL (and failed). */
const unsigned char *rnm_cursor_take(struct rnm_cursor *cursor, size_t len);
uint8_t rnm_cursor_u8(struct rnm_cursor *cursor);
uint16_t rnm_cursor_be16(struct rnm_cursor *cursor);
uint32_t rnm_cursor_be32(struct rnm_cursor *cursor);
uint64_t rnm_cursor_be64(struct rnm_cursor *cursor);
uint16_t rnm_cursor_le16(struct rnm_cursor *cursor);
uint32_t rnm_cursor_le32(struct rnm_cursor *cursor);
uint64_t rnm_cursor_le64(struct rnm_cursor *cursor);

#endif
