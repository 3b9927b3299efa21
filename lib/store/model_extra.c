/* SPDX-License-Identifier: Apache-2.0 */
#include "store/model_extra.h"

static bool is_refused(const struct rnm_value *value)
{
	return value->type == RNM_NULL || (value->type == RNM_STRING && value->as.string.len == 0);
}

static bool copy_items(struct rnm_arena *arena, const struct rnm_value *from, unsigned depth,
                       struct rnm_value *to)
{
	for (size_t i = 0; i < rnm_value_count(from); i++) {
		const struct rnm_value *item = rnm_value_at(from, i);
		struct rnm_value *child;
		bool added = true;

		if (!rnm_extra_copy(arena, item, depth, &child))
			return false;
		if (child != NULL && from->type == RNM_ARRAY)
			added = rnm_value_push(arena, to, child);
		else if (child != NULL && item->key.len > 0)
			added = rnm_value_add(arena, to, item->key, child);
		if (!added)
			return false;
	}
	return true;
}

bool rnm_extra_copy(struct rnm_arena *arena, const struct rnm_value *value, unsigned depth,
                    struct rnm_value **out)
{
	bool container = value->type == RNM_ARRAY || value->type == RNM_OBJECT;
	struct rnm_value *copy;

	*out = NULL;
	if (is_refused(value) || (container && depth == 0))
		return true;
	if (value->type == RNM_STRING)
		copy = rnm_value_new_string(arena, value->as.string.data, value->as.string.len);
	else
		copy = rnm_value_new(arena, value->type);
	if (copy == NULL || (container && !copy_items(arena, value, depth - 1, copy)))
		return false;
	if (!container && value->type != RNM_STRING)
		copy->as = value->as;
	*out = copy;
	return true;
}
