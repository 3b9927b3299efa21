/* SPDX-License-Identifier: Apache-2.0 */
/* The quick way to read a profile that looks as workers write it. */
#ifndef RNM_RSPAMD_PROFILE_PLAIN_H
#define RNM_RSPAMD_PROFILE_PLAIN_H

#include "base/value_build.h"

/*
 * Reads an object whose values are strings of printable ASCII without escapes, integers of at most 15
 * digits, and lists of such strings, without blanks and with each name once: strict JSON of which every
 * parser makes the same.  NULL for everything else (and when memory is short): the full parsers decide
 * then what it is.  Thousands of profiles are read to list a set, and nearly all of them are of this form.
 */
struct rnm_value *rnm_profile_read_plain(struct rnm_arena *arena, struct rnm_bytes text);

#endif
