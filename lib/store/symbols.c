/* SPDX-License-Identifier: Apache-2.0 */
#include "store/symbols.h"

#include "rspamd/profile.h"

#include <stdlib.h>
#include <string.h>

/* rule.profile.<settings>: a list of names, or a map whose keys are the names. */
static const struct rnm_value *fixed_list(const struct rnm_rule *rule, const char *settings)
{
	const struct rnm_value *list = rnm_value_get(rnm_value_get(rule->raw, "profile"), settings);

	return list != NULL && (list->type == RNM_ARRAY || list->type == RNM_OBJECT) ? list : NULL;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in byte order; elements that are no strings are left out. */
static const char **sorted_names(const struct rnm_value *list, size_t *count)
{
	const char **names = calloc(rnm_value_count(list) + 1, sizeof(*names));

	*count = 0;
	if (names == NULL)
		return NULL;
	for (size_t i = 0; i < rnm_value_count(list); i++) {
		const struct rnm_value *item = rnm_value_at(list, i);
		const char *name = list->type == RNM_OBJECT ? item->key.data : rnm_value_string(item);

		if (name != NULL)
			names[(*count)++] = name;
	}
	if (*count > 1)
		qsort(names, *count, sizeof(*names), by_bytes);
	return names;
}

enum rnm_status rnm_distances_measure(struct rnm_distances *distances, const struct rnm_model_list *list,
                                      const struct rnm_rule *rule, struct rnm_error *err)
{
	const struct rnm_value *fixed = fixed_list(rule, list->settings);
	const char **names;

	memset(distances, 0, sizeof(*distances));
	if (fixed == NULL)
		return RNM_OK;
	names = sorted_names(fixed, &distances->own_count);
	distances->of = calloc(list->count + 1, sizeof(*distances->of));
	if (names == NULL || distances->of == NULL) {
		free(names);
		free(distances->of);
		distances->of = NULL;
		return rnm_error_nomem(err);
	}
	for (size_t i = 0; i < list->count; i++)
		distances->of[i] =
		    rnm_profile_distance((const char *const *)list->models[i].profile.symbols,
		                         list->models[i].profile.symbol_count, names, distances->own_count);
	distances->known = true;
	free(names);
	return RNM_OK;
}
