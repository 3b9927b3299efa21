/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Sentinel knows: the masters that it watches, and their replicas.  Pure functions of its answers.
 * https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
#ifndef RNM_REDIS_SENTINEL_MAP_H
#define RNM_REDIS_SENTINEL_MAP_H

#include "base/arena.h"

#include <rnm/buf.h>
#include <rnm/redis.h>

/* Masters and replicas that a Sentinel may name, and bytes of the name of one. */
#define RNM_SENTINEL_NODES_MAX ((size_t)256)
#define RNM_SENTINEL_NAME_MAX ((size_t)255)

struct rnm_sentinel_node {
	const char *group; /* the name under which the master is watched, also for its replicas */
	size_t group_index;
	bool is_replica;
	const char *host; /* address or name; "" when there is none that can be used */
	uint16_t port;
	bool linked;         /* of a replica: its link to the master stands */
	int64_t priority;    /* of a replica: the lowest is promoted first, 0 never */
	int64_t offset;      /* of a replica: how much of its master's data it has */
	bool unsure;         /* the Sentinel has no connection to it now, and has not called it down */
	const char *problem; /* why it is of no use now, or NULL */
};

struct rnm_sentinel_map {
	struct rnm_sentinel_node *items; /* RNM_SENTINEL_NODES_MAX of them have room */
	size_t count;
	size_t masters;         /* the first so many items, until rnm_sentinel_map_sort */
	struct rnm_arena arena; /* owns all of the above */
};

RNM_MUST_CHECK enum rnm_status rnm_sentinel_map_init(struct rnm_sentinel_map *map, struct rnm_error *err);
void rnm_sentinel_map_clear(struct rnm_sentinel_map *map);

/*
 * Adds the masters of an answer to SENTINEL MASTERS whose names match the Lua pattern (NULL: all).  RNM_NO
 * when none does; RNM_E_MALFORMED for an answer that no Sentinel gives.  A master without a usable address
 * is added with its problem.  Ids "redis.sentinel", "lua.pattern".
 */
RNM_MUST_CHECK enum rnm_status rnm_sentinel_map_add_masters(struct rnm_sentinel_map *map,
                                                            const struct rnm_reply *reply,
                                                            const char *pattern, struct rnm_error *err);

/* Adds the replicas of an answer to SENTINEL REPLICAS for one of the masters; an error is its problem. */
RNM_MUST_CHECK enum rnm_status rnm_sentinel_map_add_replicas(struct rnm_sentinel_map *map, size_t group_index,
                                                             const struct rnm_reply *reply,
                                                             struct rnm_error *err);

/* Puts the replicas behind their master, those first that Sentinel would promote first. */
void rnm_sentinel_map_sort(struct rnm_sentinel_map *map);

/* Appends the names of all masters: "mymaster, other". */
void rnm_sentinel_map_names(const struct rnm_sentinel_map *map, struct rnm_buf *out);

#endif
