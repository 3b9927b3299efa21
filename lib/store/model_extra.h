/* SPDX-License-Identifier: Apache-2.0 */
/* The map `rnm` of a file that is made from other files. */
#ifndef RNM_STORE_MODEL_EXTRA_H
#define RNM_STORE_MODEL_EXTRA_H

#include "base/value_build.h"

/*
 * A copy in the arena without what the writer of RNM1 refuses: nulls, empty strings, empty keys, and
 * containers below depth levels.  *out is NULL when nothing is left.  false: no memory.
 */
bool rnm_extra_copy(struct rnm_arena *arena, const struct rnm_value *value, unsigned depth,
                    struct rnm_value **out);

#endif
