/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/sentinel_map.h"

#include "format/lua_pattern.h"

#include <stdlib.h>
#include <string.h>

/* Names, addresses and problems of all nodes. */
#define ARENA_MAX ((size_t)1 << 20)
/* How much of a bad field, and of another kind of answer, a message repeats. */
#define SHOWN_MAX 80
#define HOST_MAX ((size_t)255)
#define DIGITS_MAX ((size_t)18)

static const char *kind_name(enum rnm_event_kind kind)
{
	switch (kind) {
	case RNM_EVENT_STATUS:
		return "a status";
	case RNM_EVENT_ERROR:
		return "an error";
	case RNM_EVENT_INTEGER:
	case RNM_EVENT_DOUBLE:
	case RNM_EVENT_BOOL:
		return "a number";
	case RNM_EVENT_NIL:
		return "nothing";
	case RNM_EVENT_ARRAY:
		return "a list";
	case RNM_EVENT_MAP:
		return "a map";
	default:
		return "a string";
	}
}

enum rnm_status rnm_sentinel_map_init(struct rnm_sentinel_map *map, struct rnm_error *err)
{
	memset(map, 0, sizeof(*map));
	rnm_arena_init(&map->arena, ARENA_MAX);
	map->items = rnm_arena_alloc(&map->arena, RNM_SENTINEL_NODES_MAX * sizeof(*map->items));
	return map->items != NULL ? RNM_OK : rnm_error_nomem(err);
}

void rnm_sentinel_map_clear(struct rnm_sentinel_map *map)
{
	rnm_arena_free(&map->arena);
	memset(map, 0, sizeof(*map));
}

/* ---- the fields of one instance ---- */

/* The string under a name, in a list of names and values or a map; NULL when it is absent, or no C string. */
static const char *field(const struct rnm_reply *instance, const char *name)
{
	for (size_t i = 0; i + 1 < instance->count; i += 2) {
		const struct rnm_reply *key = &instance->items[i];
		const struct rnm_reply *value = &instance->items[i + 1];

		if (key->kind != RNM_EVENT_BULK_BEGIN || strcmp(key->text.data, name) != 0)
			continue;
		if (value->kind != RNM_EVENT_BULK_BEGIN || strlen(value->text.data) != value->text.len)
			return NULL;
		return value->text.data;
	}
	return NULL;
}

/* A decimal number, or fallback. */
static int64_t number_of(const char *text, int64_t fallback)
{
	size_t len = text != NULL ? strlen(text) : 0;
	int64_t number = 0;

	if (len == 0 || len > DIGITS_MAX)
		return fallback;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return fallback;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

/* What an address or the name of a host is made of. */
static bool is_host(const char *text)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:%";
	size_t len = text != NULL ? strlen(text) : 0;

	/* A leading dot would be the path of a socket in a server list. */
	return len > 0 && len <= HOST_MAX && text[0] != '.' && strspn(text, allowed) == len;
}

/* Whether a list such as "s_down,slave" holds a word. */
static bool has_flag(const char *flags, const char *word)
{
	const size_t len = strlen(word);

	while (*flags != '\0') {
		size_t here = strcspn(flags, ",");

		if (here == len && memcmp(flags, word, len) == 0)
			return true;
		flags += here;
		flags += *flags == ',';
	}
	return false;
}

static bool is_down(const char *flags)
{
	return flags != NULL && (has_flag(flags, "s_down") || has_flag(flags, "o_down"));
}

/* ---- nodes ---- */

static struct rnm_sentinel_node *new_node(struct rnm_sentinel_map *map, const char *group, size_t group_index)
{
	struct rnm_sentinel_node *node;

	if (map->count == RNM_SENTINEL_NODES_MAX)
		return NULL;
	node = &map->items[map->count++];
	node->group = group;
	node->group_index = group_index;
	node->host = "";
	return node;
}

static enum rnm_status too_many(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "redis.sentinel",
	                     "expected at most %zu masters and replicas, found more: name the masters with "
	                     "sentinel_masters_pattern",
	                     RNM_SENTINEL_NODES_MAX);
}

/* Fills in what is known of a node; false when out of memory. */
static bool fill_node(struct rnm_sentinel_map *map, struct rnm_sentinel_node *node,
                      const struct rnm_reply *instance)
{
	struct rnm_arena *arena = &map->arena;
	const char *host = field(instance, "ip");
	const char *port = field(instance, "port");
	const char *flags = field(instance, "flags");
	const char *link = field(instance, "master-link-status");
	const int64_t number = number_of(port, 0);

	node->linked = link == NULL || strcmp(link, "ok") == 0;
	node->unsure = flags != NULL && has_flag(flags, "disconnected");
	node->priority = number_of(field(instance, "slave-priority"), 0);
	node->offset = number_of(field(instance, "slave-repl-offset"), 0);
	if (!is_host(host)) {
		node->problem = rnm_arena_printf(arena, "expected an address, found \"%.*s\"", SHOWN_MAX,
		                                 host != NULL ? host : "");
		return node->problem != NULL;
	}
	node->host = rnm_arena_strndup(arena, host, strlen(host));
	if (node->host == NULL)
		return false;
	if (number < 1 || number > UINT16_MAX) {
		node->problem = rnm_arena_printf(arena, "expected a port from 1 to 65535, found \"%.*s\"",
		                                 SHOWN_MAX, port != NULL ? port : "");
		return node->problem != NULL;
	}
	node->port = (uint16_t)number;
	if (!is_down(flags))
		return true;
	node->problem = rnm_arena_printf(arena, "the Sentinel calls it %.*s", SHOWN_MAX, flags);
	return node->problem != NULL;
}

static bool is_instance(const struct rnm_reply *item)
{
	return item->kind == RNM_EVENT_ARRAY || item->kind == RNM_EVENT_MAP;
}

/* ---- answers ---- */

static enum rnm_status no_list(const struct rnm_reply *found, const char *of, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "redis.sentinel", "expected a list of %s, found %s", of,
	                     kind_name(found->kind));
}

/* The names of all masters of an answer, borrowed from it. */
static enum rnm_status read_names(const struct rnm_reply *reply, const char **names, struct rnm_error *err)
{
	for (size_t i = 0; i < reply->count; i++) {
		const struct rnm_reply *item = &reply->items[i];

		if (!is_instance(item))
			return rnm_error_set(err, RNM_E_MALFORMED, "redis.sentinel",
			                     "expected the fields of a master, found %s",
			                     kind_name(item->kind));
		names[i] = field(item, "name");
		if (names[i] == NULL || names[i][0] == '\0' || strlen(names[i]) > RNM_SENTINEL_NAME_MAX)
			return rnm_error_set(err, RNM_E_MALFORMED, "redis.sentinel",
			                     "expected a name for every master, found %s",
			                     names[i] == NULL || names[i][0] == '\0'
			                         ? "none"
			                         : "one that is too long");
	}
	return RNM_OK;
}

static enum rnm_status add_masters(struct rnm_sentinel_map *map, const struct rnm_reply *reply,
                                   const char *const *names, const bool *wanted, struct rnm_error *err)
{
	for (size_t i = 0; i < reply->count; i++) {
		struct rnm_sentinel_node *node;
		const char *group;

		if (!wanted[i] || names[i] == NULL)
			continue;
		group = rnm_arena_strndup(&map->arena, names[i], strlen(names[i]));
		if (group == NULL)
			return rnm_error_nomem(err);
		node = new_node(map, group, map->count);
		if (node == NULL)
			return too_many(err);
		if (!fill_node(map, node, &reply->items[i]))
			return rnm_error_nomem(err);
	}
	map->masters = map->count;
	return RNM_OK;
}

static enum rnm_status none_matches(const struct rnm_reply *reply, const char *const *names,
                                    const char *pattern, struct rnm_error *err)
{
	if (reply->count == 0)
		return rnm_error_set(err, RNM_NO, "redis.sentinel", "it watches no master");
	if (reply->count == 1)
		return rnm_error_set(
		    err, RNM_NO, "redis.sentinel",
		    "its only master, %.*s, does not match sentinel_masters_pattern = \"%.*s\"", SHOWN_MAX,
		    names[0], SHOWN_MAX, pattern);
	return rnm_error_set(
	    err, RNM_NO, "redis.sentinel",
	    "none of its %zu masters (the first is %.*s) matches sentinel_masters_pattern = \"%.*s\"",
	    reply->count, SHOWN_MAX, names[0], SHOWN_MAX, pattern);
}

static enum rnm_status take_masters(struct rnm_sentinel_map *map, const struct rnm_reply *reply,
                                    const char *pattern, const char **names, bool *wanted,
                                    struct rnm_error *err)
{
	enum rnm_status status = read_names(reply, names, err);

	memset(wanted, 1, reply->count);
	if (status == RNM_OK && pattern != NULL)
		status = rnm_lua_pattern_match(pattern, names, reply->count, wanted, err);
	if (status == RNM_OK)
		status = add_masters(map, reply, names, wanted, err);
	if (status == RNM_OK && map->count == 0)
		status = none_matches(reply, names, pattern, err);
	return status;
}

enum rnm_status rnm_sentinel_map_add_masters(struct rnm_sentinel_map *map, const struct rnm_reply *reply,
                                             const char *pattern, struct rnm_error *err)
{
	const char **names;
	bool *wanted;
	enum rnm_status status;

	if (reply->kind != RNM_EVENT_ARRAY)
		return no_list(reply, "masters", err);
	names = calloc(reply->count + 1, sizeof(*names));
	wanted = calloc(reply->count + 1, sizeof(*wanted));
	if (names == NULL || wanted == NULL)
		status = rnm_error_nomem(err);
	else
		status = take_masters(map, reply, pattern, names, wanted, err);
	free(names);
	free(wanted);
	return status;
}

enum rnm_status rnm_sentinel_map_add_replicas(struct rnm_sentinel_map *map, size_t group_index,
                                              const struct rnm_reply *reply, struct rnm_error *err)
{
	const char *group = map->items[group_index].group;
	const bool refused = reply->kind == RNM_EVENT_ERROR;

	if (reply->kind != RNM_EVENT_ARRAY && !refused)
		return no_list(reply, "replicas", err);
	for (size_t i = 0; i < (refused ? 1 : reply->count); i++) {
		struct rnm_sentinel_node *node = new_node(map, group, group_index);

		if (node == NULL)
			return too_many(err);
		node->is_replica = true;
		if (refused) {
			node->problem = rnm_arena_printf(&map->arena, "SENTINEL REPLICAS was refused: %.*s",
			                                 SHOWN_MAX, reply->text.data);
			return node->problem != NULL ? RNM_OK : rnm_error_nomem(err);
		}
		if (!is_instance(&reply->items[i]))
			return rnm_error_set(err, RNM_E_MALFORMED, "redis.sentinel",
			                     "expected the fields of a replica, found %s",
			                     kind_name(reply->items[i].kind));
		if (!fill_node(map, node, &reply->items[i]))
			return rnm_error_nomem(err);
	}
	return RNM_OK;
}

/* ---- the order ---- */

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* As Sentinel promotes: by priority with 0 last, then the most data; the rest only makes it certain. */
static int by_promotion(const void *left, const void *right)
{
	const struct rnm_sentinel_node *a = left;
	const struct rnm_sentinel_node *b = right;
	int order = compare((int64_t)a->group_index, (int64_t)b->group_index);

	if (order == 0)
		order = compare(a->is_replica, b->is_replica);
	if (order == 0)
		order = compare(a->priority == 0, b->priority == 0);
	if (order == 0)
		order = compare(a->priority, b->priority);
	if (order == 0)
		order = compare(b->offset, a->offset);
	if (order == 0)
		order = strcmp(a->host, b->host);
	return order != 0 ? order : compare(a->port, b->port);
}

void rnm_sentinel_map_sort(struct rnm_sentinel_map *map)
{
	if (map->count > 1)
		qsort(map->items, map->count, sizeof(map->items[0]), by_promotion);
}

void rnm_sentinel_map_names(const struct rnm_sentinel_map *map, struct rnm_buf *out)
{
	for (size_t i = 0; i < map->count; i++) {
		if (map->items[i].is_replica)
			continue;
		rnm_buf_printf(out, "%s%s", out->len > 0 ? ", " : "", map->items[i].group);
	}
}
