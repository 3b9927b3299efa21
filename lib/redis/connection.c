/* SPDX-License-Identifier: Apache-2.0 */
/* A connection as an object: made, asked about, released.  connect.c brings it about, client.c uses it. */
#include "redis/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool rnm_client_note(struct rnm_redis *redis, const char *fmt, ...)
{
	char *text;
	va_list args;
	int len;

	if (redis->note_count == RNM_CLIENT_NOTES_MAX)
		return true;
	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		return false;
	redis->notes[redis->note_count++] = text;
	return true;
}

const char *rnm_redis_address(const struct rnm_redis *redis)
{
	return redis->address;
}

const char *rnm_redis_role(const struct rnm_redis *redis)
{
	switch (redis->role) {
	case RNM_ROLE_MASTER:
		return "master";
	case RNM_ROLE_REPLICA:
		return "replica";
	case RNM_ROLE_UNKNOWN:
		break;
	}
	return NULL;
}

const char *rnm_redis_sentinel(const struct rnm_redis *redis)
{
	return redis->sentinel[0] != '\0' ? redis->sentinel : NULL;
}

size_t rnm_redis_note_count(const struct rnm_redis *redis)
{
	return redis->note_count;
}

const char *rnm_redis_note(const struct rnm_redis *redis, size_t index)
{
	return index < redis->note_count ? redis->notes[index] : NULL;
}

struct rnm_redis *rnm_client_new(double timeout, const volatile sig_atomic_t *cancel)
{
	struct rnm_redis *redis = calloc(1, sizeof(*redis));

	if (redis == NULL)
		return NULL;
	redis->in = malloc(RNM_CLIENT_WINDOW);
	if (redis->in == NULL) {
		free(redis);
		return NULL;
	}
	redis->timeout = timeout > 0 ? timeout : RNM_REDIS_TIMEOUT;
	redis->cancel = cancel;
	redis->io.fd = -1;
	rnm_buf_init(&redis->out, RNM_CLIENT_QUEUE_MAX);
	rnm_resp_init(&redis->parser);
	return redis;
}

void rnm_redis_free(struct rnm_redis *redis)
{
	if (redis == NULL)
		return;
	if (redis->io.close != NULL)
		redis->io.close(&redis->io);
	for (size_t i = 0; i < redis->note_count; i++)
		free(redis->notes[i]);
	rnm_client_forget_queue(redis);
	rnm_buf_free(&redis->out);
	free(redis->in);
	free(redis);
}
