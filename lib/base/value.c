/* SPDX-License-Identifier: Apache-2.0 */
#include "base/value_build.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Objects of up to this many members are searched in a row; larger ones get a hash index. */
#define LINEAR_MAX 8u

struct rnm_members {
	struct rnm_value **items;
	struct rnm_value *
	    *tails;      /* objects: last value of each member's chain; allocated with the first chain */
	uint32_t *index; /* objects: open addressing, position + 1, 0 is free */
	uint32_t count;
	uint32_t cap;
	uint32_t index_size; /* power of two, 0 while linear */
};

struct rnm_bytes rnm_bytes_of(const char *text)
{
	struct rnm_bytes bytes = { text, text != NULL ? strlen(text) : 0 };

	return bytes;
}

bool rnm_bytes_equal(struct rnm_bytes a, struct rnm_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Seeded with an address, which differs from run to run: a hostile file cannot prepare collisions. */
static uint64_t hash_key(const struct rnm_members *members, struct rnm_bytes key)
{
	return XXH3_64bits_withSeed(key.len > 0 ? key.data : "", key.len, (uint64_t)(uintptr_t)members);
}

/* Position of key, or the member count when absent. */
static uint32_t find_position(const struct rnm_members *members, struct rnm_bytes key)
{
	uint32_t mask;

	if (members->index_size == 0) {
		for (uint32_t i = 0; i < members->count; i++)
			if (rnm_bytes_equal(members->items[i]->key, key))
				return i;
		return members->count;
	}
	mask = members->index_size - 1;
	for (uint32_t slot = (uint32_t)hash_key(members, key) & mask; members->index[slot] != 0;
	     slot = (slot + 1) & mask) {
		uint32_t position = members->index[slot] - 1;

		if (rnm_bytes_equal(members->items[position]->key, key))
			return position;
	}
	return members->count;
}

static void index_insert(struct rnm_members *members, uint32_t position)
{
	uint32_t mask = members->index_size - 1;
	uint32_t slot = (uint32_t)hash_key(members, members->items[position]->key) & mask;

	while (members->index[slot] != 0)
		slot = (slot + 1) & mask;
	members->index[slot] = position + 1;
}

/* Keeps the index at most half full. */
static bool grow_index(struct rnm_arena *arena, struct rnm_members *members)
{
	uint32_t size = members->index_size == 0 ? LINEAR_MAX * 4 : members->index_size * 2;
	uint32_t *index;

	if (members->count < LINEAR_MAX || members->count < members->index_size / 2)
		return true;
	if (size == 0)
		return false;
	index = rnm_arena_alloc(arena, (size_t)size * sizeof(*index));
	if (index == NULL)
		return false;
	members->index = index;
	members->index_size = size;
	for (uint32_t i = 0; i < members->count; i++)
		index_insert(members, i);
	return true;
}

/* Makes room for one more item, creating the list if need be. */
static struct rnm_members *room_for_one(struct rnm_arena *arena, struct rnm_value *container)
{
	struct rnm_members *members = container->as.members;
	struct rnm_value **items;
	uint32_t cap;

	if (members == NULL) {
		members = rnm_arena_alloc(arena, sizeof(*members));
		if (members == NULL)
			return NULL;
		container->as.members = members;
	}
	if (members->count < members->cap)
		return members;
	if (members->cap > UINT32_MAX / 4)
		return NULL;
	cap = members->cap == 0 ? 4 : members->cap * 2;
	items = rnm_arena_alloc(arena, (size_t)cap * 2 * sizeof(struct rnm_value *));
	if (items == NULL)
		return NULL;
	if (members->count > 0) {
		memcpy(items, members->items, members->count * sizeof(struct rnm_value *));
		memcpy(items + cap, members->tails, members->count * sizeof(struct rnm_value *));
	}
	members->items = items;
	members->tails = items + cap;
	members->cap = cap;
	return members;
}

struct rnm_value *rnm_value_new(struct rnm_arena *arena, enum rnm_type type)
{
	struct rnm_value *value = rnm_arena_alloc(arena, sizeof(*value));

	if (value != NULL)
		value->type = (uint8_t)type;
	return value;
}

struct rnm_value *rnm_value_new_string(struct rnm_arena *arena, const char *data, size_t len)
{
	struct rnm_value *value = rnm_value_new(arena, RNM_STRING);

	if (value == NULL)
		return NULL;
	value->as.string.data = rnm_arena_strndup(arena, data, len);
	value->as.string.len = len;
	return value->as.string.data != NULL ? value : NULL;
}

struct rnm_value *rnm_value_new_int(struct rnm_arena *arena, int64_t n)
{
	struct rnm_value *value = rnm_value_new(arena, RNM_INT);

	if (value != NULL)
		value->as.integer = n;
	return value;
}

struct rnm_value *rnm_value_new_float(struct rnm_arena *arena, double d)
{
	struct rnm_value *value = rnm_value_new(arena, RNM_FLOAT);

	if (value != NULL)
		value->as.real = d;
	return value;
}

struct rnm_value *rnm_value_new_bool(struct rnm_arena *arena, bool b)
{
	struct rnm_value *value = rnm_value_new(arena, RNM_BOOL);

	if (value != NULL)
		value->as.boolean = b;
	return value;
}

bool rnm_value_push(struct rnm_arena *arena, struct rnm_value *array, struct rnm_value *element)
{
	struct rnm_members *members;

	if (element == NULL)
		return false;
	members = room_for_one(arena, array);
	if (members == NULL)
		return false;
	members->items[members->count] = element;
	members->tails[members->count] = element;
	members->count++;
	return true;
}

bool rnm_value_add(struct rnm_arena *arena, struct rnm_value *object, struct rnm_bytes key,
                   struct rnm_value *member)
{
	struct rnm_members *members;

	if (member == NULL)
		return false;
	member->key.data = rnm_arena_strndup(arena, key.data, key.len);
	member->key.len = key.len;
	if (member->key.data == NULL)
		return false;
	members = room_for_one(arena, object);
	if (members == NULL || !grow_index(arena, members))
		return false;
	members->items[members->count] = member;
	members->tails[members->count] = NULL;
	members->count++;
	if (members->index_size > 0)
		index_insert(members, members->count - 1);
	return true;
}

bool rnm_value_add_s(struct rnm_arena *arena, struct rnm_value *object, const char *key,
                     struct rnm_value *member)
{
	return rnm_value_add(arena, object, rnm_bytes_of(key), member);
}

bool rnm_value_replace(struct rnm_value *object, struct rnm_bytes key, struct rnm_value *member)
{
	struct rnm_members *members = object->as.members;
	uint32_t position;

	if (object->type != RNM_OBJECT || members == NULL)
		return false;
	position = find_position(members, key);
	if (position == members->count)
		return false;
	member->key = members->items[position]->key;
	members->items[position] = member;
	members->tails[position] = NULL;
	return true;
}

bool rnm_value_chain(struct rnm_value *object, struct rnm_value *head, struct rnm_value *value)
{
	struct rnm_members *members = object->as.members;
	struct rnm_value *tail;
	uint32_t position;

	if (object->type != RNM_OBJECT || members == NULL)
		return false;
	position = find_position(members, head->key);
	if (position == members->count || members->items[position] != head)
		return false;
	tail = members->tails[position] != NULL ? members->tails[position] : head;
	/* The remembered tail goes stale when a chain was attached by hand (rnm_value_replace). */
	while (tail->next != NULL)
		tail = tail->next;
	value->key = head->key;
	tail->next = value;
	members->tails[position] = value;
	return true;
}

struct rnm_value *rnm_value_item(struct rnm_value *container, size_t index)
{
	if (index >= rnm_value_count(container))
		return NULL;
	return container->as.members->items[index];
}

struct rnm_value *rnm_value_find(struct rnm_value *object, struct rnm_bytes key)
{
	uint32_t position;

	if (object == NULL || object->type != RNM_OBJECT || object->as.members == NULL)
		return NULL;
	position = find_position(object->as.members, key);
	return position < object->as.members->count ? object->as.members->items[position] : NULL;
}

size_t rnm_value_count(const struct rnm_value *value)
{
	if (value == NULL || (value->type != RNM_ARRAY && value->type != RNM_OBJECT))
		return 0;
	return value->as.members != NULL ? value->as.members->count : 0;
}

const struct rnm_value *rnm_value_at(const struct rnm_value *value, size_t index)
{
	if (index >= rnm_value_count(value))
		return NULL;
	return value->as.members->items[index];
}

const struct rnm_value *rnm_value_get_n(const struct rnm_value *value, struct rnm_bytes key)
{
	uint32_t position;

	if (value == NULL || value->type != RNM_OBJECT || value->as.members == NULL)
		return NULL;
	position = find_position(value->as.members, key);
	return position < value->as.members->count ? value->as.members->items[position] : NULL;
}

const struct rnm_value *rnm_value_get(const struct rnm_value *value, const char *key)
{
	return rnm_value_get_n(value, rnm_bytes_of(key));
}

const char *rnm_value_string(const struct rnm_value *value)
{
	return value != NULL && value->type == RNM_STRING ? value->as.string.data : NULL;
}

bool rnm_value_number(const struct rnm_value *value, double *out)
{
	if (value == NULL || (value->type != RNM_INT && value->type != RNM_FLOAT))
		return false;
	*out = value->type == RNM_INT ? (double)value->as.integer : value->as.real;
	return true;
}

bool rnm_value_truthy(const struct rnm_value *value)
{
	return value != NULL && !(value->type == RNM_BOOL && !value->as.boolean);
}

const char *rnm_type_name(enum rnm_type type)
{
	static const char *const names[] = {
		[RNM_NULL] = "null",    [RNM_BOOL] = "boolean",  [RNM_INT] = "integer",
		[RNM_FLOAT] = "number", [RNM_STRING] = "string", [RNM_ARRAY] = "array",
		[RNM_OBJECT] = "object"
	};

	return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}
