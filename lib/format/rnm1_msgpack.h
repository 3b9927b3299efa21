/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reader of RNM1 needs of msgpack.  The decoders of format/msgpack.h trust their input, so the
 * whole map is walked once with bounds before any of them sees it.
 */
#ifndef RNM_FORMAT_RNM1_MSGPACK_H
#define RNM_FORMAT_RNM1_MSGPACK_H

#include "format/msgpack.h"

#include <rnm/value.h>

/* More of either is an attack: real files have 10 keys and a few thousand values (docs/rnm1.md). */
#define RNM_MSGPACK_KEYS_MAX 256u                /* of one map */
#define RNM_MSGPACK_VALUES_MAX ((size_t)1 << 20) /* of the whole file */

struct rnm_msgpack_facts {
	bool has_bin;      /* some non-empty value is of the bin family: rspamd's reader crashes on it */
	size_t bin_offset; /* of the first one */
	bool has_negative_fixint; /* some value is e0 to ff (-32 to -1): rspamd 3.4 reads another number */
	size_t fixint_offset;     /* of the first one */
	bool last_empty; /* the last value of the top map is an empty string: rspamd's reader rejects that */
};

/*
 * Checks that data is exactly one map: whole, nothing behind it, nested at most RNM_RNM1_DEPTH_MAX
 * deep, keys non-empty strings without NULs and each only once, no extension types.
 * RNM_E_MALFORMED with the ids "rnm1.truncated", "rnm1.trailing", "rnm1.depth", "rnm1.key",
 * "rnm1.duplicate-key", "rnm1.ext", "rnm1.msgpack", "rnm1.limit" and a byte offset.
 */
RNM_MUST_CHECK enum rnm_status rnm_msgpack_check(const char *data, size_t len,
                                                 struct rnm_msgpack_facts *facts, struct rnm_error *err);

/*
 * These read from a map that has passed the check and move *at behind the value.  They return false,
 * with *at behind the value all the same, when it is of another type.
 */
bool rnm_msgpack_number(const char **at, double *out);
/* A str, or a bin, which others write for bytes. */
bool rnm_msgpack_bytes(const char **at, struct rnm_bytes *out);

/* Plain words for the type of the value at `at`, e.g. "a string". */
const char *rnm_msgpack_type_name(const char *at);

#endif
