/* SPDX-License-Identifier: Apache-2.0 */
/* The view that rspamd's Lua code has of a section.  rspamd: src/lua/lua_config.c, contrib/libucl/lua_ucl.c. */
#include "rspamd/config_internal.h"

#include <string.h>

static struct rnm_value *view_chain(struct rnm_arena *arena, const struct rnm_value *head);

/* Lua's string keys come from C strings: a NUL ends them. */
static struct rnm_bytes lua_key(struct rnm_bytes key)
{
	const char *nul = key.len > 0 ? memchr(key.data, '\0', key.len) : NULL;

	if (nul != NULL)
		key.len = (size_t)(nul - key.data);
	return key;
}

/* table[key] = member */
static bool set_member(struct rnm_arena *arena, struct rnm_value *table, struct rnm_bytes key,
                       struct rnm_value *member)
{
	if (member == NULL)
		return false;
	if (rnm_value_find(table, key) != NULL)
		return rnm_value_replace(table, key, member);
	return rnm_value_add(arena, table, key, member);
}

static bool copy_members(struct rnm_arena *arena, struct rnm_value *table, const struct rnm_value *object)
{
	for (size_t i = 0; i < rnm_value_count(object); i++) {
		const struct rnm_value *member = rnm_value_at(object, i);

		if (!set_member(arena, table, lua_key(member->key), view_chain(arena, member)))
			return false;
	}
	return true;
}

/* One value without its chain.  The depth of the recursion is that of the tree, which the parser limits. */
static struct rnm_value *view_one(struct rnm_arena *arena, const struct rnm_value *value)
{
	struct rnm_value *copy = rnm_value_new(arena, (enum rnm_type)value->type);

	if (copy == NULL)
		return NULL;
	*copy = *value;
	copy->next = NULL;
	copy->key = (struct rnm_bytes){ NULL, 0 };
	if (value->type == RNM_OBJECT) {
		copy->as.members = NULL;
		return copy_members(arena, copy, value) ? copy : NULL;
	}
	if (value->type != RNM_ARRAY)
		return copy;
	copy->as.members = NULL;
	for (size_t i = 0; i < rnm_value_count(value); i++)
		if (!rnm_value_push(arena, copy, view_one(arena, rnm_value_at(value, i))))
			return NULL;
	return copy;
}

/* A member: itself, or an implicit array of the values of a repeated key. */
static struct rnm_value *view_chain(struct rnm_arena *arena, const struct rnm_value *head)
{
	struct rnm_value *array;

	if (head->next == NULL)
		return view_one(arena, head);
	array = rnm_value_new(arena, RNM_ARRAY);
	if (array == NULL)
		return NULL;
	array->flags = RNM_VALUE_IMPLICIT;
	array->priority = head->priority;
	array->file = head->file;
	array->line = head->line;
	for (const struct rnm_value *link = head; link != NULL; link = link->next)
		if (!rnm_value_push(arena, array, view_one(arena, link)))
			return NULL;
	return array;
}

static enum rnm_status fail_array(const struct rnm_value *link, const char *name, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_MALFORMED, "config.section-array",
	              "section '%s' is an array, expected an object: rspamd's modules cannot read it", name);
	if (link->file != NULL)
		rnm_error_at_line(err, link->file, link->line);
	rnm_error_set_reference(err, "table index is nil");
	rnm_error_set_hint(err, "write %s { ... } instead of %s = [ ... ]", name, name);
	return RNM_E_MALFORMED;
}

/* A plain table with the marks of origin of the section. */
static struct rnm_value *new_table(struct rnm_arena *arena, enum rnm_type type, const struct rnm_value *head)
{
	struct rnm_value *table = rnm_value_new(arena, type);

	if (table == NULL)
		return NULL;
	table->flags = RNM_VALUE_PLAIN;
	table->priority = head->priority;
	table->file = head->file;
	table->line = head->line;
	return table;
}

/* A repeated section becomes one table: each link's members replace those of the links before it. */
static enum rnm_status view_object_section(struct rnm_config *config, const struct rnm_value *head,
                                           const char *name, struct rnm_value **out, struct rnm_error *err)
{
	struct rnm_arena *arena = &config->arena;
	struct rnm_value *table = new_table(arena, RNM_OBJECT, head);
	bool ok = table != NULL;

	for (const struct rnm_value *link = head; ok && link != NULL; link = link->next) {
		if (link->type == RNM_ARRAY)
			return fail_array(link, name, err);
		if (link->type == RNM_OBJECT)
			ok = copy_members(arena, table, link);
		else
			ok = set_member(arena, table, rnm_bytes_of(name), view_one(arena, link));
	}
	*out = table;
	return ok ? RNM_OK : rnm_error_nomem(err);
}

/* A scalar section becomes a list whose first element is the whole chain. */
static enum rnm_status view_scalar_section(struct rnm_config *config, const struct rnm_value *head,
                                           struct rnm_value **out, struct rnm_error *err)
{
	struct rnm_arena *arena = &config->arena;
	struct rnm_value *table = new_table(arena, RNM_ARRAY, head);
	bool ok = table != NULL && rnm_value_push(arena, table, view_chain(arena, head));

	for (const struct rnm_value *link = head->next; ok && link != NULL; link = link->next)
		ok = rnm_value_push(arena, table, view_one(arena, link));
	*out = table;
	return ok ? RNM_OK : rnm_error_nomem(err);
}

enum rnm_status rnm_config_get_all_opt(struct rnm_config *config, const char *name,
                                       const struct rnm_value **out, struct rnm_error *err)
{
	const struct rnm_value *head = rnm_value_get(config->root, name);
	struct rnm_value *view = NULL;
	enum rnm_status status;

	*out = rnm_value_get(config->views, name);
	if (*out != NULL || head == NULL)
		return RNM_OK;
	if (config->views == NULL)
		config->views = rnm_value_new(&config->arena, RNM_OBJECT);
	if (config->views == NULL)
		return rnm_error_nomem(err);
	if (head->type == RNM_ARRAY)
		return fail_array(head, name, err);
	status = head->type == RNM_OBJECT ? view_object_section(config, head, name, &view, err)
	                                  : view_scalar_section(config, head, &view, err);
	if (status != RNM_OK)
		return status;
	if (!rnm_value_add_s(&config->arena, config->views, name, view))
		return rnm_error_nomem(err);
	*out = view;
	return RNM_OK;
}
