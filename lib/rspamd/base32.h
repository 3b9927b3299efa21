/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base32 of rspamd (src/libutil/str_util.c): the alphabet of z-base-32, the bits least significant first, no
 * padding.
 */
#ifndef RNM_RSPAMD_BASE32_H
#define RNM_RSPAMD_BASE32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters for so many bytes, without the NUL. */
#define RNM_BASE32_LEN(bytes) (((bytes)*8 + 4) / 5)

/* Writes RNM_BASE32_LEN(len) characters and a NUL. */
void rnm_base32_encode(char *text, const uint8_t *bytes, size_t len);
/*
 * Exactly len bytes from exactly RNM_BASE32_LEN(len) characters.  rspamd also takes what this refuses: a last
 * character with bits that belong to no byte, and one character less.  One key must not have two texts.
 */
bool rnm_base32_decode(uint8_t *bytes, size_t len, const char *text, size_t text_len);

#endif
