/* SPDX-License-Identifier: Apache-2.0 */
#include "base/name_list.h"

#include "base/grow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool rnm_name_list_add(struct rnm_name_list *list, const char *start, const char *rest)
{
	char **grown = rnm_grow(list->items, list->count, &list->cap, sizeof(*grown));

	if (grown == NULL)
		return false;
	list->items = grown;
	if (asprintf(&list->items[list->count], "%s%s", start, rest) < 0)
		return false;
	list->count++;
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void rnm_name_list_sort(struct rnm_name_list *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), by_bytes);
}

bool rnm_name_list_has(const struct rnm_name_list *list, const char *name)
{
	return list->count > 0 &&
	       bsearch(&name, list->items, list->count, sizeof(*list->items), by_bytes) != NULL;
}

void rnm_name_list_clear(struct rnm_name_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct rnm_name_list){ 0 };
}
