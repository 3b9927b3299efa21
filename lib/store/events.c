/* SPDX-License-Identifier: Apache-2.0 */
#include "store/events.h"
#include "base/value_build.h"

#include <string.h>

/* Elements that one SSCAN or ZSCAN is asked for. */
#define WALK_BATCH "100"
/* A server that never hands out cursor 0 again must not keep us for ever. */
#define ROUNDS_MAX 1000000u

enum rnm_status rnm_event_bulk(struct rnm_redis *redis, const struct rnm_event *first, struct rnm_buf *buf,
                               const char *what, struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status;

	rnm_buf_clear(buf);
	if (first->length > buf->max)
		return rnm_error_set(err, RNM_E_MALFORMED, "store.too-large",
		                     "expected at most %zu bytes for %s, found %llu", buf->max, what,
		                     (unsigned long long)first->length);
	for (;;) {
		status = rnm_redis_next(redis, &event, err);
		if (status != RNM_OK)
			return status;
		if (event.kind == RNM_EVENT_BULK_END)
			break;
		rnm_buf_append(buf, event.data.data, event.data.len);
	}
	return buf->failed ? rnm_error_nomem(err) : RNM_OK;
}

enum rnm_status rnm_event_integer(struct rnm_redis *redis, const char *command, int64_t *integer,
                                  bool *is_error, struct rnm_buf *text, struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(redis, &event, err);

	*is_error = false;
	if (status != RNM_OK)
		return status;
	if (event.kind == RNM_EVENT_INTEGER || event.kind == RNM_EVENT_BOOL) {
		*integer = event.integer;
		return RNM_OK;
	}
	if (event.kind == RNM_EVENT_NIL)
		return RNM_OK;
	/* A list or a string is not even read: it may have no end. */
	if (event.kind != RNM_EVENT_ERROR)
		return rnm_event_unexpected(command, err);
	*is_error = true;
	rnm_buf_clear(text);
	rnm_buf_append(text, event.data.data, event.data.len);
	return text->failed ? rnm_error_nomem(err) : RNM_OK;
}

enum rnm_status rnm_event_unexpected(const char *command, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "redis.protocol",
	                     "expected another kind of answer to %s from Redis", command);
}

enum rnm_status rnm_event_send(struct rnm_redis *redis, const char *command, const char *key,
                               const char *field, struct rnm_error *err)
{
	struct rnm_bytes argv[3] = { rnm_bytes_of(command), rnm_bytes_of(key), rnm_bytes_of(field) };

	return rnm_redis_send(redis, field != NULL ? 3 : 2, argv, err);
}

static enum rnm_status read_element(struct rnm_redis *redis, const char *command, struct rnm_buf *text,
                                    const char *what, struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(redis, &event, err);

	if (status != RNM_OK)
		return status;
	if (event.kind != RNM_EVENT_BULK_BEGIN)
		return rnm_event_unexpected(command, err);
	return rnm_event_bulk(redis, &event, text, what, err);
}

enum rnm_status rnm_event_scan(struct rnm_redis *redis, const char *command, char cursor[RNM_CURSOR_MAX],
                               struct rnm_buf *text, const char *what, rnm_event_take *take, void *ctx,
                               struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(redis, &event, err);

	if (status != RNM_OK)
		return status;
	if (event.kind == RNM_EVENT_ERROR) {
		rnm_buf_clear(text);
		rnm_buf_append(text, event.data.data, event.data.len);
		return RNM_NO;
	}
	if (event.kind != RNM_EVENT_ARRAY || event.length != 2)
		return rnm_event_unexpected(command, err);
	status = read_element(redis, command, text, "the cursor", err);
	if (status != RNM_OK)
		return status;
	if (text->len == 0 || text->len >= RNM_CURSOR_MAX)
		return rnm_event_unexpected(command, err);
	memcpy(cursor, rnm_buf_cstr(text), text->len + 1);
	status = rnm_redis_next(redis, &event, err);
	if (status == RNM_OK && event.kind != RNM_EVENT_ARRAY)
		status = rnm_event_unexpected(command, err);
	for (uint64_t i = 0; status == RNM_OK && i < event.length; i++) {
		status = read_element(redis, command, text, what, err);
		if (status == RNM_OK)
			status = take(ctx, err);
	}
	return status;
}

enum rnm_status rnm_event_walk(const struct rnm_key_walk *walk, struct rnm_error *err)
{
	char cursor[RNM_CURSOR_MAX] = "0";
	enum rnm_status status;
	unsigned rounds = 0;

	do {
		if (rounds++ == ROUNDS_MAX)
			return rnm_error_set(err, RNM_E_MALFORMED, walk->endless,
			                     "%s%sexpected %s to end, found it still going after %u rounds",
			                     walk->place != NULL ? walk->place : "",
			                     walk->place != NULL ? ": " : "", walk->command, ROUNDS_MAX);
		status = rnm_redis_sendv(walk->redis, err, walk->command, walk->key, cursor, "COUNT",
		                         WALK_BATCH, NULL);
		if (status == RNM_OK)
			status = rnm_event_scan(walk->redis, walk->command, cursor, walk->text, walk->what,
			                        walk->take, walk->ctx, err);
		if (status == RNM_OK && walk->batch != NULL)
			status = walk->batch(walk->ctx, err);
	} while (status == RNM_OK && strcmp(cursor, "0") != 0);
	return status;
}
