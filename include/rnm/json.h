/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/json.h: writes JSON text into a struct rnm_buf.
 *
 * The writer places commas, colons and (if asked) indentation; the caller only says what comes next.
 * Strings are written as valid UTF-8: bytes that are not become U+FFFD.  Doubles are written with
 * the fewest digits that read back equal and always with a '.' or an exponent, so that a float
 * stays one; NaN and infinities, which JSON lacks, become the strings "nan", "inf" and "-inf".
 * Failure is that of the buffer (buf->failed).
 */
#ifndef RNM_JSON_H
#define RNM_JSON_H

#include <rnm/buf.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_JSON_DEPTH_MAX 1100

struct rnm_json {
	struct rnm_buf *out;
	bool pretty; /* two spaces an indentation level, "key": value */
	unsigned depth;
	bool after_key;
	bool has_items[RNM_JSON_DEPTH_MAX + 1];
};

RNM_API void rnm_json_init(struct rnm_json *json, struct rnm_buf *out, bool pretty);
RNM_API void rnm_json_begin_object(struct rnm_json *json);
RNM_API void rnm_json_end_object(struct rnm_json *json);
RNM_API void rnm_json_begin_array(struct rnm_json *json);
RNM_API void rnm_json_end_array(struct rnm_json *json);
RNM_API void rnm_json_key(struct rnm_json *json, const char *key);
RNM_API void rnm_json_key_n(struct rnm_json *json, struct rnm_bytes key);
RNM_API void rnm_json_string(struct rnm_json *json, const char *text); /* NULL writes null */
RNM_API void rnm_json_string_n(struct rnm_json *json, struct rnm_bytes text);
RNM_API void rnm_json_int(struct rnm_json *json, int64_t n);
RNM_API void rnm_json_uint(struct rnm_json *json, uint64_t n);
RNM_API void rnm_json_double(struct rnm_json *json, double d);
/* The same with the digits that a float needs: 0.1f is 0.1, not 0.10000000149011612. */
RNM_API void rnm_json_float(struct rnm_json *json, float f);
/* The text of one JSON value, written as it is. */
RNM_API void rnm_json_raw(struct rnm_json *json, struct rnm_bytes text);
RNM_API void rnm_json_bool(struct rnm_json *json, bool b);
RNM_API void rnm_json_null(struct rnm_json *json);
/* A whole tree; a chain of a repeated key is written as an array of its values. */
RNM_API void rnm_json_value(struct rnm_json *json, const struct rnm_value *value);
/* Shorthands: a key followed by a value. */
RNM_API void rnm_json_kv_string(struct rnm_json *json, const char *key, const char *text);
RNM_API void rnm_json_kv_int(struct rnm_json *json, const char *key, int64_t n);
RNM_API void rnm_json_kv_uint(struct rnm_json *json, const char *key, uint64_t n);
RNM_API void rnm_json_kv_double(struct rnm_json *json, const char *key, double d);
RNM_API void rnm_json_kv_bool(struct rnm_json *json, const char *key, bool b);
RNM_API void rnm_json_kv_null(struct rnm_json *json, const char *key);
/* UTC, "2026-11-23T02:16:40Z", or null for a number that is no time of the years 0 to 9999. */
RNM_API void rnm_json_kv_time(struct rnm_json *json, const char *key, double unix_time);

#ifdef __cplusplus
}
#endif
#endif
