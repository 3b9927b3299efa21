/* SPDX-License-Identifier: Apache-2.0 */
/* Names that grow in number, such as those of the files in a folder. */
#ifndef RNM_BASE_NAME_LIST_H
#define RNM_BASE_NAME_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Empty when zeroed.  Each name, and the array, is malloc'd. */
struct rnm_name_list {
	char **items;
	size_t count, cap;
};

/* Adds a name in two parts; false: no memory. */
bool rnm_name_list_add(struct rnm_name_list *list, const char *start, const char *rest);
/* In the order of their bytes. */
void rnm_name_list_sort(struct rnm_name_list *list);
/* Whether the name is in a list that has been sorted. */
bool rnm_name_list_has(const struct rnm_name_list *list, const char *name);
/* Frees them all; the list is empty then. */
void rnm_name_list_clear(struct rnm_name_list *list);

#endif
