/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/value.h: the tree of values that a configuration, a JSON text or a small msgpack map becomes.
 *
 * A tree is read-only for callers and owned by the object that made it (a struct rnm_config, a
 * profile list, ...): every pointer here is borrowed and lives as long as that owner.
 */
#ifndef RNM_VALUE_H
#define RNM_VALUE_H

#include <rnm/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A counted byte string; data need not be NUL-terminated and may hold NULs.  data may be NULL if len is 0. */
struct rnm_bytes {
	const char *data;
	size_t len;
};

enum rnm_type {
	RNM_NULL,
	RNM_BOOL,
	RNM_INT,   /* signed 64-bit */
	RNM_FLOAT, /* IEEE double; RNM_VALUE_TIME marks a span of time in seconds */
	RNM_STRING,
	RNM_ARRAY,
	RNM_OBJECT
};

/* Bits of struct rnm_value.flags. */
#define RNM_VALUE_TIME 1u      /* the number was written with a time suffix; seconds */
#define RNM_VALUE_IMPLICIT 2u  /* an array that stands for a repeated key (get_all_opt's view only) */
#define RNM_VALUE_INHERITED 4u /* copied by .inherit; the next member of that name replaces it */
#define RNM_VALUE_PLAIN 8u     /* a table without class mark (docs/configuration.md): printed [] when empty */

struct rnm_members; /* opaque: ordered members with an index by key */

struct rnm_value {
	uint8_t type;         /* enum rnm_type */
	uint8_t flags;        /* RNM_VALUE_* */
	uint8_t priority;     /* 0 to 15, of the file that the value came from */
	uint32_t line;        /* counts from 1; 0 when unknown */
	const char *file;     /* NUL-terminated name of the source, or NULL */
	struct rnm_bytes key; /* name within an object; data is NULL for array elements and roots */
	/*
	 * UCL keeps a repeated key as a chain: the object holds the first value, the others follow here.
	 * NULL for the last and for every value that is not repeated.  See rnm_config_get_all_opt for
	 * the view in which chains have become arrays.
	 */
	struct rnm_value *next;
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct rnm_bytes string;     /* always followed by a NUL that is not counted */
		struct rnm_members *members; /* arrays and objects; NULL when empty */
	} as;
};

/* Number of elements of an array or of different keys of an object; 0 for everything else and NULL. */
RNM_API size_t rnm_value_count(const struct rnm_value *value);

/* Element or member by position, in order of insertion; NULL when index is out of range. */
RNM_API const struct rnm_value *rnm_value_at(const struct rnm_value *value, size_t index);

/* Member of an object by name (first of a chain); NULL when absent, not an object, or value is NULL. */
RNM_API const struct rnm_value *rnm_value_get(const struct rnm_value *value, const char *key);
RNM_API const struct rnm_value *rnm_value_get_n(const struct rnm_value *value, struct rnm_bytes key);

/* The text of a string value (NUL-terminated), or NULL when value is NULL or not a string. */
RNM_API const char *rnm_value_string(const struct rnm_value *value);

/* The number of an int or float value in *out; false when value is NULL or not a number. */
RNM_API bool rnm_value_number(const struct rnm_value *value, double *out);

/* Lua's notion of truth: everything but false and absence.  NULL pointers are absence; UCL null is true. */
RNM_API bool rnm_value_truthy(const struct rnm_value *value);

/* UCL's word for the type: "object", "array", "integer", "number", "string", "boolean", "null". */
RNM_API const char *rnm_type_name(enum rnm_type type);

#ifdef __cplusplus
}
#endif
#endif
