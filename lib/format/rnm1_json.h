/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_FORMAT_RNM1_JSON_H
#define RNM_FORMAT_RNM1_JSON_H

#include "base/value_build.h"

/*
 * The JSON array in text as a tree that the writer of RNM1 accepts: nulls and empty strings are left
 * out.  RNM_NO when text is no strict JSON array or no file could hold it, as when it is nested deeper than
 * depth; RNM_E_NOMEM with err set.
 */
RNM_MUST_CHECK enum rnm_status rnm_json_array_copy(struct rnm_value **out, struct rnm_arena *arena,
                                                   struct rnm_bytes text, unsigned depth,
                                                   struct rnm_error *err);

#endif
