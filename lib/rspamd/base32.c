/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/base32.h"

#include <string.h>

#define DIGIT_BITS 5u
#define DIGIT_MASK 31u

static const char alphabet[] = "ybndrfg8ejkmcpqxot1uwisza345h769";

void rnm_base32_encode(char *text, const uint8_t *bytes, size_t len)
{
	unsigned acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < len; i++) {
		acc |= (unsigned)bytes[i] << bits;
		for (bits += 8; bits >= DIGIT_BITS; bits -= DIGIT_BITS) {
			*text++ = alphabet[acc & DIGIT_MASK];
			acc >>= DIGIT_BITS;
		}
	}
	if (bits > 0)
		*text++ = alphabet[acc & DIGIT_MASK];
	*text = '\0';
}

/* The value of a character, or -1; always looks at the whole alphabet, since the text may be a secret. */
static int digit_value(char c)
{
	int value = -1;

	for (int i = 0; i <= (int)DIGIT_MASK; i++)
		if (alphabet[i] == c)
			value = i;
	return value;
}

bool rnm_base32_decode(uint8_t *bytes, size_t len, const char *text, size_t text_len)
{
	unsigned acc = 0;
	unsigned bits = 0;
	size_t done = 0;

	if (text_len != RNM_BASE32_LEN(len))
		return false;
	for (size_t i = 0; i < text_len; i++) {
		int value = digit_value(text[i]);

		if (value < 0)
			return false;
		acc |= (unsigned)value << bits;
		bits += DIGIT_BITS;
		if (bits >= 8) {
			bytes[done++] = (uint8_t)acc;
			acc >>= 8;
			bits -= 8;
		}
	}
	/* What is left belongs to no byte. */
	return acc == 0;
}
