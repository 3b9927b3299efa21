/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/sentinel.h"

#include <string.h>

/* Memory of one answer: a master or replica takes some 5 KiB. */
#define REPLY_MAX ((size_t)4 << 20)

/* Ends the connection with what the map said about an answer. */
static enum rnm_status give_up(struct rnm_redis *redis, const struct rnm_error *err)
{
	if (err->status == RNM_E_NOMEM)
		return rnm_client_fail_nomem(redis, NULL);
	return rnm_client_fail(redis, NULL, err->status, err->id, "", "%s", err->message);
}

static enum rnm_status refused(struct rnm_redis *redis, const char *answer)
{
	const bool stranger = strncmp(answer, "ERR unknown command", 19) == 0;

	rnm_client_fail(redis, NULL, RNM_E_REDIS, "redis.sentinel", answer,
	                stranger ? "expected a Sentinel, found another server: %.300s"
	                         : "SENTINEL MASTERS was refused: %.300s",
	                answer);
	if (!stranger)
		rnm_error_set_hint(
		    &redis->failure,
		    "check the options sentinel_username and sentinel_password; the user needs "
		    "the rights +ping +sentinel|masters +sentinel|replicas");
	return RNM_E_REDIS;
}

static enum rnm_status ask_masters(struct rnm_redis *redis, const char *pattern, struct rnm_sentinel_map *map)
{
	struct rnm_reply *reply = NULL;
	struct rnm_error err;
	enum rnm_status status = rnm_redis_sendv(redis, NULL, "SENTINEL", "MASTERS", NULL);

	if (status == RNM_OK)
		status = rnm_redis_reply(redis, &reply, REPLY_MAX, NULL);
	if (status != RNM_OK)
		return status;
	if (reply->kind == RNM_EVENT_ERROR)
		status = refused(redis, reply->text.data);
	else if (rnm_sentinel_map_add_masters(map, reply, pattern, &err) != RNM_OK)
		status = give_up(redis, &err);
	rnm_reply_free(reply);
	return status;
}

/* The questions about all masters go out together. */
static enum rnm_status ask_replicas(struct rnm_redis *redis, struct rnm_sentinel_map *map)
{
	const size_t masters = map->masters;
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; i < masters && status == RNM_OK; i++)
		status = rnm_redis_sendv(redis, NULL, "SENTINEL", "REPLICAS", map->items[i].group, NULL);
	for (size_t i = 0; i < masters && status == RNM_OK; i++) {
		struct rnm_reply *reply = NULL;
		struct rnm_error err;

		status = rnm_redis_reply(redis, &reply, REPLY_MAX, NULL);
		if (status != RNM_OK)
			return status;
		if (rnm_sentinel_map_add_replicas(map, i, reply, &err) != RNM_OK)
			status = give_up(redis, &err);
		rnm_reply_free(reply);
	}
	return status;
}

enum rnm_status rnm_sentinel_ask(struct rnm_redis *redis, const char *pattern, bool replicas,
                                 struct rnm_sentinel_map *out)
{
	struct rnm_sentinel_map map;
	enum rnm_status status = rnm_sentinel_map_init(&map, NULL);

	if (status != RNM_OK)
		return rnm_client_fail_nomem(redis, NULL);
	redis->connecting = true;
	status = ask_masters(redis, pattern, &map);
	if (status == RNM_OK && replicas)
		status = ask_replicas(redis, &map);
	redis->connecting = false;
	redis->waited = 0;
	redis->moved = 0;
	if (status != RNM_OK) {
		rnm_sentinel_map_clear(&map);
		return status;
	}
	rnm_sentinel_map_sort(&map);
	*out = map;
	return RNM_OK;
}
