/* SPDX-License-Identifier: Apache-2.0 */
/* Listening: a connection on which the server speaks without being asked. */
#include "redis/client.h"
#include "redis/refusal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* An answer to CONFIG GET, and a message: three short texts, one of which is the name of a key. */
#define CONFIG_REPLY_MAX ((size_t)64 << 10)
#define MESSAGE_MAX ((size_t)256 << 10)
/* After so much silence the kernel asks whether the server is still there, and gives up after three questions. */
#define KEEPALIVE_IDLE_SECONDS 60
#define KEEPALIVE_STEP_SECONDS 10
#define KEEPALIVE_QUESTIONS 3

/* ---- does the server tell of changes? ---- */

/* K: messages named by key; z: of sorted sets; A: of everything (redis.conf, notify-keyspace-events). */
static enum rnm_keyspace_events events_of(const struct rnm_reply *reply)
{
	const char *flags;

	if (reply->kind != RNM_EVENT_ARRAY || reply->count != 2 ||
	    reply->items[1].kind != RNM_EVENT_BULK_BEGIN)
		return RNM_KEYSPACE_UNKNOWN;
	flags = reply->items[1].text.data;
	return strchr(flags, 'K') != NULL && strpbrk(flags, "zA") != NULL ? RNM_KEYSPACE_ON
	                                                                  : RNM_KEYSPACE_OFF;
}

enum rnm_status rnm_redis_keyspace_events(struct rnm_redis *redis, enum rnm_keyspace_events *out,
                                          struct rnm_error *err)
{
	struct rnm_reply *reply = NULL;
	enum rnm_status status = rnm_redis_sendv(redis, err, "CONFIG", "GET", "notify-keyspace-events", NULL);

	if (status == RNM_OK)
		status = rnm_redis_reply(redis, &reply, CONFIG_REPLY_MAX, err);
	if (status != RNM_OK)
		return status;
	*out = events_of(reply);
	rnm_reply_free(reply);
	return RNM_OK;
}

/* ---- subscribing ---- */

/* Nothing is ever sent on such a connection, so that nobody would notice a server that is gone. */
static void keep_alive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_STEP_SECONDS },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_QUESTIONS },
	};

	/* A unix socket refuses them, and has no use for them. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		                 sizeof(options[i].value));
}

static enum rnm_status send_subscribe(struct rnm_redis *redis, const char *const *channels, size_t count,
                                      struct rnm_error *err)
{
	struct rnm_bytes *argv = calloc(count + 1, sizeof(*argv));
	enum rnm_status status;

	if (argv == NULL)
		return rnm_error_nomem(err);
	argv[0] = (struct rnm_bytes){ "SUBSCRIBE", strlen("SUBSCRIBE") };
	for (size_t i = 0; i < count; i++)
		argv[i + 1] = (struct rnm_bytes){ channels[i], strlen(channels[i]) };
	status = rnm_redis_send(redis, count + 1, argv, err);
	free(argv);
	return status;
}

static enum rnm_status refused(const struct rnm_redis *redis, const struct rnm_reply *reply,
                               struct rnm_error *err)
{
	const struct rnm_refused what = { .redis = redis, .command = "SUBSCRIBE" };
	const char *answer = reply->kind == RNM_EVENT_ERROR ? reply->text.data : "it gave another answer";

	rnm_error_set(err, RNM_E_REDIS, "redis.subscribe", "redis server %s does not let us listen: %s",
	              redis->address, answer);
	rnm_refusal_hint(err, &what, answer);
	return RNM_E_REDIS;
}

enum rnm_status rnm_redis_subscribe(struct rnm_redis *redis, const char *const *channels, size_t count,
                                    struct rnm_error *err)
{
	enum rnm_status status = send_subscribe(redis, channels, count, err);

	/* One command, but a reply for each channel; or a single error. */
	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_reply *reply = NULL;

		redis->outstanding += i > 0;
		status = rnm_redis_reply(redis, &reply, MESSAGE_MAX, err);
		if (status == RNM_OK && reply->kind != RNM_EVENT_ARRAY)
			status = refused(redis, reply, err);
		rnm_reply_free(reply);
	}
	if (status == RNM_OK)
		keep_alive(redis->io.fd);
	return status;
}

/* ---- listening ---- */

int rnm_redis_descriptor(const struct rnm_redis *redis)
{
	return redis->io.fd;
}

/* What happened to the key, of ["message", CHANNEL, EVENT]; NULL of anything else. */
static const char *event_of(const struct rnm_reply *reply)
{
	if (reply->kind != RNM_EVENT_ARRAY || reply->count != 3 ||
	    reply->items[0].kind != RNM_EVENT_BULK_BEGIN || reply->items[2].kind != RNM_EVENT_BULK_BEGIN ||
	    strcmp(reply->items[0].text.data, "message") != 0)
		return NULL;
	return reply->items[2].text.data;
}

enum rnm_status rnm_redis_listen(struct rnm_redis *redis, char event[RNM_KEYSPACE_EVENT_SIZE],
                                 struct rnm_error *err)
{
	struct rnm_reply *reply = NULL;
	enum rnm_status status;
	const char *name;

	if (redis->dead)
		return rnm_client_replay(redis, err);
	if (redis->in_len == redis->in_pos) {
		bool moved = false;

		status = rnm_client_take(redis, &moved, err);
		if (status != RNM_OK || !moved)
			return status == RNM_OK ? RNM_NO : status;
	}
	/* A part of a message is there: the rest must come within the timeout, like that of any reply. */
	redis->outstanding++;
	status = rnm_redis_reply(redis, &reply, MESSAGE_MAX, err);
	if (status != RNM_OK)
		return status;
	name = event_of(reply);
	(void)snprintf(event, RNM_KEYSPACE_EVENT_SIZE, "%s", name != NULL ? name : "");
	rnm_reply_free(reply);
	return RNM_OK;
}
