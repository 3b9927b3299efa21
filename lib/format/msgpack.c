/* SPDX-License-Identifier: Apache-2.0 */
#include "format/msgpack.h"

#include <string.h>

/* Forms whose first byte stands for itself, c0 to df: type and bytes of the header. */
static const struct {
	unsigned char type;
	unsigned char header;
} forms[32] = {
	{ RNM_MP_NIL, 1 },   { RNM_MP_UNDEFINED, 1 }, { RNM_MP_BOOL, 1 },  { RNM_MP_BOOL, 1 },   /* c0 */
	{ RNM_MP_BIN, 2 },   { RNM_MP_BIN, 3 },       { RNM_MP_BIN, 5 },   { RNM_MP_EXT, 3 },    /* c4 */
	{ RNM_MP_EXT, 4 },   { RNM_MP_EXT, 6 },       { RNM_MP_FLOAT, 5 }, { RNM_MP_DOUBLE, 9 }, /* c8 */
	{ RNM_MP_UINT, 2 },  { RNM_MP_UINT, 3 },      { RNM_MP_UINT, 5 },  { RNM_MP_UINT, 9 },   /* cc */
	{ RNM_MP_INT, 2 },   { RNM_MP_INT, 3 },       { RNM_MP_INT, 5 },   { RNM_MP_INT, 9 },    /* d0 */
	{ RNM_MP_EXT, 2 },   { RNM_MP_EXT, 2 },       { RNM_MP_EXT, 2 },   { RNM_MP_EXT, 2 },    /* d4 */
	{ RNM_MP_EXT, 2 },   { RNM_MP_STR, 2 },       { RNM_MP_STR, 3 },   { RNM_MP_STR, 5 },    /* d8 */
	{ RNM_MP_ARRAY, 3 }, { RNM_MP_ARRAY, 5 },     { RNM_MP_MAP, 3 },   { RNM_MP_MAP, 5 },    /* dc */
};

/* The first bytes that carry a small number or length themselves. */
#define FIXMAP 0x80u
#define FIXARRAY 0x90u
#define FIXSTR 0xa0u
#define NIL 0xc0u
#define TRUE 0xc3u
#define DOUBLE 0xcbu
#define UINT8 0xccu
#define INT8 0xd0u
#define STR8 0xd9u
#define ARRAY16 0xdcu
#define MAP16 0xdeu
#define NEGATIVE_FIXINT 0xe0u

enum rnm_mp_type rnm_mp_type(char first)
{
	unsigned char c = (unsigned char)first;

	if (c < FIXMAP)
		return RNM_MP_UINT;
	if (c < FIXARRAY)
		return RNM_MP_MAP;
	if (c < FIXSTR)
		return RNM_MP_ARRAY;
	if (c < NIL)
		return RNM_MP_STR;
	if (c >= NEGATIVE_FIXINT)
		return RNM_MP_INT;
	return (enum rnm_mp_type)forms[c - NIL].type;
}

size_t rnm_mp_header_size(char first)
{
	unsigned char c = (unsigned char)first;

	return c >= NIL && c < NEGATIVE_FIXINT ? forms[c - NIL].header : 1;
}

bool rnm_mp_header_fits(const char *at, const char *end)
{
	return rnm_mp_header_size(*at) <= (size_t)(end - at);
}

/* The big-endian number behind the first byte of a header of `size` bytes. */
static uint64_t read_payload(const char *at, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 1; i < size; i++)
		n = n << 8 | (unsigned char)at[i];
	return n;
}

uint64_t rnm_mp_read_uint(const char **at)
{
	const char *start = *at;
	size_t size = rnm_mp_header_size(*start);

	*at += size;
	return size == 1 ? (unsigned char)*start : read_payload(start, size);
}

int64_t rnm_mp_read_int(const char **at)
{
	const char *start = *at;
	size_t size = rnm_mp_header_size(*start);
	uint64_t n;

	*at += size;
	if (size == 1)
		return (signed char)*start;
	n = read_payload(start, size);
	/* Sign extension of 1, 2, 4 or 8 bytes. */
	n <<= 8 * (sizeof(n) - (size - 1));
	return (int64_t)n >> (8 * (sizeof(n) - (size - 1)));
}

double rnm_mp_read_real(const char **at)
{
	size_t size = rnm_mp_header_size(**at);
	uint64_t bits = read_payload(*at, size);
	double d;

	*at += size;
	if (size < RNM_MP_HEADER_MAX) {
		uint32_t half = (uint32_t)bits;
		float f;

		memcpy(&f, &half, sizeof(f));
		return (double)f;
	}
	memcpy(&d, &bits, sizeof(d));
	return d;
}

bool rnm_mp_read_bool(const char **at)
{
	return (unsigned char)*(*at)++ == TRUE;
}

uint32_t rnm_mp_read_length(const char **at)
{
	const char *start = *at;
	unsigned char c = (unsigned char)*start;
	size_t size = rnm_mp_header_size(*start);

	*at += size;
	if (size > 1)
		return (uint32_t)read_payload(start, size);
	return c >= FIXSTR ? c & 0x1fu : c & 0x0fu;
}

void rnm_mp_skip(const char **at)
{
	uint64_t values =
	    1; /* still to be passed: 2^33 at most per byte read, no overflow before the end of memory */

	for (; values > 0; values--) {
		enum rnm_mp_type type = rnm_mp_type(**at);

		if (type == RNM_MP_STR || type == RNM_MP_BIN) {
			uint32_t len = rnm_mp_read_length(at);

			*at += len;
		} else if (type == RNM_MP_ARRAY || type == RNM_MP_MAP) {
			uint64_t count = rnm_mp_read_length(at);

			values += type == RNM_MP_MAP ? 2 * count : count;
		} else {
			*at += rnm_mp_header_size(**at);
		}
	}
}

/* A first byte and size bytes of n behind it. */
static char *write_payload(char *at, unsigned first, uint64_t n, unsigned size)
{
	*at++ = (char)first;
	while (size > 0)
		*at++ = (char)(n >> (8 * --size));
	return at;
}

char *rnm_mp_write_uint(char *at, uint64_t n)
{
	if (n < FIXMAP)
		return write_payload(at, (unsigned)n, 0, 0);
	if (n <= UINT8_MAX)
		return write_payload(at, UINT8, n, 1);
	if (n <= UINT16_MAX)
		return write_payload(at, UINT8 + 1, n, 2);
	if (n <= UINT32_MAX)
		return write_payload(at, UINT8 + 2, n, 4);
	return write_payload(at, UINT8 + 3, n, 8);
}

char *rnm_mp_write_int(char *at, int64_t n)
{
	if (n >= 0)
		return rnm_mp_write_uint(at, (uint64_t)n);
	if (n >= -32)
		return write_payload(at, (unsigned char)n, 0, 0);
	if (n >= INT8_MIN)
		return write_payload(at, INT8, (uint64_t)n, 1);
	if (n >= INT16_MIN)
		return write_payload(at, INT8 + 1, (uint64_t)n, 2);
	if (n >= INT32_MIN)
		return write_payload(at, INT8 + 2, (uint64_t)n, 4);
	return write_payload(at, INT8 + 3, (uint64_t)n, 8);
}

char *rnm_mp_write_double(char *at, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	return write_payload(at, DOUBLE, bits, 8);
}

char *rnm_mp_write_str_header(char *at, uint32_t len)
{
	if (len < 32)
		return write_payload(at, FIXSTR | len, 0, 0);
	if (len <= UINT8_MAX)
		return write_payload(at, STR8, len, 1);
	if (len <= UINT16_MAX)
		return write_payload(at, STR8 + 1, len, 2);
	return write_payload(at, STR8 + 2, len, 4);
}

/* Arrays and maps: up to 15 in the first byte, else 16 or 32 bits. */
static char *write_count(char *at, unsigned fix, unsigned first, uint32_t count)
{
	if (count < 16)
		return write_payload(at, fix | count, 0, 0);
	return count <= UINT16_MAX ? write_payload(at, first, count, 2)
	                           : write_payload(at, first + 1, count, 4);
}

char *rnm_mp_write_array(char *at, uint32_t count)
{
	return write_count(at, FIXARRAY, ARRAY16, count);
}

char *rnm_mp_write_map(char *at, uint32_t count)
{
	return write_count(at, FIXMAP, MAP16, count);
}
