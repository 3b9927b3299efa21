/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few forms of msgpack that an RNM1 file is made of (the msgpack specification, 2013 edition).
 * Our own, because Debian's libmsgpuck exists only as an archive that cannot go into a shared library
 * (docs/decisions/0004-packaged-formats.md); the tests compare both directions with libmsgpuck.
 */
#ifndef RNM_FORMAT_MSGPACK_H
#define RNM_FORMAT_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rnm_mp_type {
	RNM_MP_NIL,
	RNM_MP_UINT,
	RNM_MP_INT, /* written in a signed form; may still be positive */
	RNM_MP_STR,
	RNM_MP_BIN,
	RNM_MP_ARRAY,
	RNM_MP_MAP,
	RNM_MP_BOOL,
	RNM_MP_FLOAT,
	RNM_MP_DOUBLE,
	RNM_MP_EXT,
	RNM_MP_UNDEFINED /* the byte c1 */
};

/* Longest header or scalar. */
#define RNM_MP_HEADER_MAX 9u

enum rnm_mp_type rnm_mp_type(char first);

/* Bytes of a scalar, or of the header of a str, bin, array, map or ext, that starts with this byte. */
size_t rnm_mp_header_size(char first);
/* Whether the header (the scalar) at `at` lies before end; at < end. */
bool rnm_mp_header_fits(const char *at, const char *end);

/*
 * Readers.  Each expects a value of its type whose header fits, and moves *at behind what it read.
 */
uint64_t rnm_mp_read_uint(const char **at);
int64_t rnm_mp_read_int(const char **at);
double rnm_mp_read_real(const char **at); /* float or double */
bool rnm_mp_read_bool(const char **at);
/* Length of a str or bin in bytes, of an array in elements, of a map in pairs. */
uint32_t rnm_mp_read_length(const char **at);
/* Moves behind the whole value, which has been checked to lie in memory and to hold no ext. */
void rnm_mp_skip(const char **at);

/* Writers: the shortest form, at most RNM_MP_HEADER_MAX bytes at `at`.  They return the end. */
char *rnm_mp_write_uint(char *at, uint64_t n);
char *rnm_mp_write_int(char *at, int64_t n);
char *rnm_mp_write_double(char *at, double d);
char *rnm_mp_write_str_header(char *at, uint32_t len);
char *rnm_mp_write_array(char *at, uint32_t count);
char *rnm_mp_write_map(char *at, uint32_t count);

#endif
