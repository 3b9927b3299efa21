/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"

#include <stdlib.h>

#define FIRST_ITEMS 16

void *rnm_grow(void *items, size_t count, size_t *cap, size_t item_size)
{
	const size_t wanted = *cap == 0 ? FIRST_ITEMS : *cap * 2;
	void *grown;

	if (count < *cap)
		return items;
	grown = reallocarray(items, wanted, item_size);
	if (grown != NULL)
		*cap = wanted;
	return grown;
}
