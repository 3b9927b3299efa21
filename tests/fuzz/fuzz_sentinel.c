/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile Sentinel: the input is what it says when it is asked for masters and replicas.  The first byte
 * chooses the question.
 */
#include "fuzz_server.h"

#include "redis/sentinel.h"

#include <rnm/buf.h>

static void check_node(const struct rnm_sentinel_node *node)
{
	size_t len = strlen(node->host);

	FUZZ_CHECK(node->group[0] != '\0' && strlen(node->group) <= RNM_SENTINEL_NAME_MAX);
	FUZZ_CHECK(node->problem == NULL || node->problem[0] != '\0');
	/* What may be connected to is an address or a name, and no path. */
	if (node->problem == NULL)
		FUZZ_CHECK(len > 0 && len <= 255 && strpbrk(node->host, "/ \t\r\n,;[]@") == NULL &&
		           node->host[0] != '.' && node->port != 0);
}

static void check_map(struct rnm_sentinel_map *map, bool replicas)
{
	struct rnm_buf names;
	size_t masters = 0;

	FUZZ_CHECK(map->count > 0 && map->count <= RNM_SENTINEL_NODES_MAX);
	for (size_t i = 0; i < map->count; i++) {
		const struct rnm_sentinel_node *node = &map->items[i];

		check_node(node);
		masters += !node->is_replica;
		FUZZ_CHECK(replicas || !node->is_replica);
		if (i == 0) {
			FUZZ_CHECK(!node->is_replica && node->group_index == 0);
			continue;
		}
		/* Each master stands before its own replicas. */
		FUZZ_CHECK(node->group_index == node[-1].group_index + (node->is_replica ? 0 : 1));
		FUZZ_CHECK(!node->is_replica || node->group == node[-1].group);
	}
	FUZZ_CHECK(masters == map->masters);
	rnm_buf_init(&names, (size_t)1 << 20);
	rnm_sentinel_map_names(map, &names);
	FUZZ_CHECK(names.len > 0 && !names.failed);
	rnm_buf_free(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const patterns[] = { NULL, NULL, "^m", "[a" };
	const uint8_t choices = fuzz_byte(&data, &size);
	const size_t step = (size_t)fuzz_byte(&data, &size) * 16 + 1;
	const bool replicas = (choices & 1) != 0;
	struct fuzz_server server = { data, size, step };
	struct rnm_redis *redis = fuzz_connection(&server);
	struct rnm_sentinel_map map;
	enum rnm_status status = rnm_sentinel_ask(redis, patterns[choices >> 1 & 3], replicas, &map);

	if (status == RNM_OK) {
		check_map(&map, replicas);
		rnm_sentinel_map_clear(&map);
	} else {
		fuzz_check_error(status, &redis->failure);
		FUZZ_CHECK(status == RNM_NO || fuzz_is_sentence(redis->reason, sizeof(redis->reason)) ||
		           status == RNM_E_NOMEM);
	}
	rnm_redis_free(redis);
	return 0;
}
