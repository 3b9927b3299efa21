/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_FORMAT_RNM1_JSON_H
#define RNM_FORMAT_RNM1_JSON_H

#include "base/value_build.h"

/*
 * The JSON array in text as a tree that the writer of RNM1 accepts: nulls and empty strings are left
 * out.  NULL when text is no strict JSON array, is nested deeper than depth, or memory is short.
 */
struct rnm_value *rnm_json_array_copy(struct rnm_arena *arena, struct rnm_bytes text, unsigned depth);

#endif
