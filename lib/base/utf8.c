/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

/* Unicode 15, table 3-7. */
size_t rnm_utf8_length(const unsigned char *text, size_t left)
{
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t len;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xC2 && text[0] <= 0xDF) {
		len = 2;
	} else if (text[0] >= 0xE0 && text[0] <= 0xEF) {
		len = 3;
		low = text[0] == 0xE0 ? 0xA0 : low;
		high = text[0] == 0xED ? 0x9F : high; /* no surrogates */
	} else if (text[0] >= 0xF0 && text[0] <= 0xF4) {
		len = 4;
		low = text[0] == 0xF0 ? 0x90 : low;
		high = text[0] == 0xF4 ? 0x8F : high; /* nothing above U+10FFFF */
	} else {
		return 0;
	}
	if (left < len || text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	return len;
}
