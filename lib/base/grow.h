/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_BASE_GROW_H
#define RNM_BASE_GROW_H

#include <stddef.h>

/*
 * The array with room for one more item behind count: moved to twice the room when *cap items are there.  Takes the
 * place of items, which is freed by free(); NULL without memory, and items stays as it is.
 */
void *rnm_grow(void *items, size_t count, size_t *cap, size_t item_size);

#endif
