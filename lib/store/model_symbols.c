/* SPDX-License-Identifier: Apache-2.0 */
#include "store/model_symbols.h"

#include "base/value_build.h"

#include <stdlib.h>
#include <string.h>

const struct rnm_value *rnm_model_symbols(const struct rnm_model_file *file)
{
	const struct rnm_value *symbols = rnm_value_get(file->container->extra, "symbols");

	return symbols != NULL && symbols->type == RNM_ARRAY ? symbols : NULL;
}

/* rspamd: lualib/plugins/neural.lua; an element without type is named by `name`. */
bool rnm_model_symbols_matter(const struct rnm_model_file *file)
{
	const struct rnm_value *providers = rnm_value_get(file->container->extra, "providers_meta");

	if (file->container->providers_digest[0] == '\0' || rnm_value_count(providers) == 0)
		return true;
	for (size_t i = 0; i < rnm_value_count(providers); i++) {
		const struct rnm_value *provider = rnm_value_at(providers, i);
		const char *type = rnm_value_string(rnm_value_get(provider, "type"));

		if (type == NULL)
			type = rnm_value_string(rnm_value_get(provider, "name"));
		if (type == NULL || strcmp(type, "symbols") == 0)
			return true;
	}
	return false;
}

struct entry {
	struct rnm_bytes name;
	size_t position;
};

struct entries {
	struct entry *items;
	size_t count;
};

static bool fill(struct entries *entries, const struct rnm_value *list)
{
	size_t count = rnm_value_count(list);

	entries->items = calloc(count + 1, sizeof(*entries->items));
	if (entries->items == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct rnm_value *item = rnm_value_at(list, i);

		if (item->type == RNM_STRING)
			entries->items[entries->count++] = (struct entry){ item->as.string, i };
	}
	return true;
}

static int compare_names(struct rnm_bytes a, struct rnm_bytes b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* By name, then by position: the n-th of several equal names meets the n-th of the other list. */
static int by_name(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = compare_names(a->name, b->name);

	return order != 0 ? order : (a->position > b->position) - (a->position < b->position);
}

static int by_place(const void *left, const void *right)
{
	const struct rnm_symbol_place *a = left, *b = right;

	if (a->a != b->a)
		return a->a > b->a ? 1 : -1;
	return (a->b > b->b) - (a->b < b->b);
}

/* Walks through both sorted lists at once. */
static void walk(struct rnm_symbols_comparison *out, const struct entries *a, const struct entries *b)
{
	size_t i = 0, j = 0;

	while (i < a->count || j < b->count) {
		int order;

		if (i < a->count && j < b->count)
			order = compare_names(a->items[i].name, b->items[j].name);
		else
			order = i < a->count ? -1 : 1;
		if (order < 0) {
			out->removed[out->removed_count++] =
			    (struct rnm_symbol_place){ a->items[i].name, a->items[i].position, SIZE_MAX };
		} else if (order > 0) {
			out->added[out->added_count++] =
			    (struct rnm_symbol_place){ b->items[j].name, SIZE_MAX, b->items[j].position };
		} else if (a->items[i].position != b->items[j].position) {
			out->moved[out->moved_count++] =
			    (struct rnm_symbol_place){ a->items[i].name, a->items[i].position,
				                       b->items[j].position };
		}
		i += order <= 0;
		j += order >= 0;
	}
	qsort(out->removed, out->removed_count, sizeof(*out->removed), by_place);
	qsort(out->added, out->added_count, sizeof(*out->added), by_place);
	qsort(out->moved, out->moved_count, sizeof(*out->moved), by_place);
}

enum rnm_status rnm_symbols_compare(struct rnm_symbols_comparison *out, const struct rnm_value *a,
                                    const struct rnm_value *b, struct rnm_error *err)
{
	struct entries left = { NULL, 0 }, right = { NULL, 0 };
	enum rnm_status status = RNM_OK;

	out->a_count = rnm_value_count(a);
	out->b_count = rnm_value_count(b);
	out->removed = calloc(out->a_count + 1, sizeof(*out->removed));
	out->moved = calloc(out->a_count + 1, sizeof(*out->moved));
	out->added = calloc(out->b_count + 1, sizeof(*out->added));
	if (out->removed == NULL || out->moved == NULL || out->added == NULL || !fill(&left, a) ||
	    !fill(&right, b)) {
		status = rnm_error_nomem(err);
	} else {
		qsort(left.items, left.count, sizeof(*left.items), by_name);
		qsort(right.items, right.count, sizeof(*right.items), by_name);
		walk(out, &left, &right);
	}
	free(left.items);
	free(right.items);
	return status;
}

void rnm_symbols_comparison_clear(struct rnm_symbols_comparison *comparison)
{
	free(comparison->removed);
	free(comparison->added);
	free(comparison->moved);
	*comparison = (struct rnm_symbols_comparison){ 0 };
}
