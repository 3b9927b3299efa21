/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands too long to be held: their arguments pass through while the server takes them.  Headers and
 * short pieces are collected in the queue, so that small arguments do not cost a packet each; long pieces
 * go out from the caller's memory.
 */
#include "redis/client.h"

/* Pieces up to this size are copied. */
#define SHORT_PIECE ((size_t)4096)

static enum rnm_status misused(struct rnm_error *err, const char *what)
{
	return rnm_error_set(err, RNM_E_USAGE, "redis.command", "%s", what);
}

/* Makes room in the queue, by sending it when a lot has gathered. */
static enum rnm_status make_room(struct rnm_redis *redis, size_t size, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (redis->out.len + size > RNM_CLIENT_QUEUE_KEEP)
		status = rnm_client_drain(redis, err);
	if (status == RNM_OK && !rnm_buf_reserve(&redis->out, size))
		status = rnm_client_fail_nomem(redis, err);
	return status;
}

enum rnm_status rnm_redis_begin(struct rnm_redis *redis, size_t argc, struct rnm_error *err)
{
	enum rnm_status status;

	if (redis->dead)
		return rnm_client_replay(redis, err);
	if (argc == 0)
		return misused(err, "a redis command has at least one argument");
	if (rnm_client_in_command(redis))
		return misused(err, "another redis command has not been given whole");
	status = make_room(redis, RNM_CLIENT_HEADER_MAX, err);
	if (status != RNM_OK)
		return status;
	rnm_client_put_header(&redis->out, '*', argc);
	redis->args_left = argc;
	return RNM_OK;
}

void rnm_client_hang_up(struct rnm_redis *redis)
{
	if (!redis->dead)
		(void)rnm_client_fail(redis, NULL, RNM_E_IO, "redis.closed", "",
		                      "the connection was closed on this side, in the middle of a command");
	if (redis->io.close != NULL)
		redis->io.close(&redis->io);
}

static enum rnm_status end_argument(struct rnm_redis *redis, struct rnm_error *err)
{
	enum rnm_status status = make_room(redis, 2, err);

	if (status != RNM_OK)
		return status;
	rnm_buf_append(&redis->out, "\r\n", 2);
	redis->in_arg = false;
	if (redis->args_left == 0)
		redis->outstanding++;
	return RNM_OK;
}

enum rnm_status rnm_redis_argument(struct rnm_redis *redis, uint64_t size, struct rnm_error *err)
{
	enum rnm_status status;

	if (redis->dead)
		return rnm_client_replay(redis, err);
	if (redis->in_arg || redis->args_left == 0)
		return misused(err, redis->in_arg ? "an argument has not been given whole"
		                                  : "more arguments were given than were announced");
	status = make_room(redis, RNM_CLIENT_HEADER_MAX, err);
	if (status != RNM_OK)
		return status;
	rnm_client_put_header(&redis->out, '$', size);
	redis->args_left--;
	redis->arg_left = size;
	redis->in_arg = true;
	return size == 0 ? end_argument(redis, err) : RNM_OK;
}

enum rnm_status rnm_redis_feed(struct rnm_redis *redis, const void *data, size_t len, struct rnm_error *err)
{
	enum rnm_status status;

	if (redis->dead)
		return rnm_client_replay(redis, err);
	if (len == 0)
		return RNM_OK;
	if (!redis->in_arg || len > redis->arg_left)
		return misused(err, "more bytes were given than were announced");
	if (len <= SHORT_PIECE) {
		status = make_room(redis, len, err);
		if (status == RNM_OK)
			rnm_buf_append(&redis->out, data, len);
	} else {
		redis->piece = (struct rnm_bytes){ data, len };
		status = rnm_client_drain(redis, err);
		redis->piece = (struct rnm_bytes){ NULL, 0 };
	}
	if (status != RNM_OK)
		return status;
	redis->arg_left -= len;
	return redis->arg_left == 0 ? end_argument(redis, err) : RNM_OK;
}
