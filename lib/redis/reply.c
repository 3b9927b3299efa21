/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small replies held whole.  All memory of a reply is one arena of the size that the caller allows, so
 * a reply can neither exceed it nor leak; nothing is reserved for elements that a peer only announces.
 */
#include "redis/client.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

/* Elements of an array that get room before any of them has come. */
#define FIRST_ITEMS ((size_t)64)

struct whole_reply {
	struct rnm_reply reply; /* what the caller holds; must stay the first member */
	struct rnm_arena arena;
};

struct builder {
	struct rnm_redis *redis;
	struct rnm_arena *arena;
	struct rnm_error *err;
};

static enum rnm_status build(struct builder *builder, const struct rnm_event *event, struct rnm_reply *into);

/* size bytes of the reply's memory.  A reply that outgrows it ends the connection: the rest is unread. */
static enum rnm_status take(struct builder *builder, uint64_t size, void **out)
{
	struct rnm_arena *arena = builder->arena;

	*out = size <= SIZE_MAX ? rnm_arena_alloc(arena, (size_t)size) : NULL;
	if (*out != NULL)
		return RNM_OK;
	if (size <= SIZE_MAX && !arena->full)
		return rnm_client_fail_nomem(builder->redis, builder->err);
	return rnm_client_fail(builder->redis, builder->err, RNM_E_MALFORMED, "redis.too-large", "",
	                       "expected a reply of at most %zu bytes, found a larger one", arena->max);
}

static enum rnm_status build_line(struct builder *builder, const struct rnm_event *event,
                                  struct rnm_reply *into)
{
	void *text;
	enum rnm_status status = take(builder, (uint64_t)event->data.len + 1, &text);

	if (status != RNM_OK)
		return status;
	memcpy(text, event->data.data, event->data.len);
	into->text.data = text;
	into->text.len = event->data.len;
	return RNM_OK;
}

static enum rnm_status build_bulk(struct builder *builder, const struct rnm_event *begin,
                                  struct rnm_reply *into)
{
	struct rnm_event event;
	enum rnm_status status;
	void *memory;
	size_t filled = 0;

	status = take(builder, begin->length + 1, &memory);
	if (status != RNM_OK)
		return status;
	for (;;) {
		status = rnm_redis_next(builder->redis, &event, builder->err);
		if (status != RNM_OK)
			return status;
		if (event.kind == RNM_EVENT_BULK_END)
			break;
		memcpy((char *)memory + filled, event.data.data, event.data.len);
		filled += event.data.len;
	}
	into->text.data = memory;
	into->text.len = filled;
	return RNM_OK;
}

/* Room for one more element of at most total.  Doubling keeps the cost in step with what has come. */
static enum rnm_status grow(struct builder *builder, struct rnm_reply *into, size_t *room, uint64_t total)
{
	uint64_t want = *room == 0 ? FIRST_ITEMS : (uint64_t)*room * 2;
	enum rnm_status status;
	void *items;

	if (want > total)
		want = total;
	status = take(builder, want * sizeof(struct rnm_reply), &items);
	if (status != RNM_OK)
		return status;
	if (into->count > 0)
		memcpy(items, into->items, into->count * sizeof(struct rnm_reply));
	into->items = items;
	*room = (size_t)want;
	return RNM_OK;
}

static enum rnm_status build_items(struct builder *builder, uint64_t total, struct rnm_reply *into)
{
	size_t room = 0;

	for (uint64_t i = 0; i < total; i++) {
		struct rnm_event event;
		enum rnm_status status = RNM_OK;

		if (into->count == room)
			status = grow(builder, into, &room, total);
		if (status == RNM_OK)
			status = rnm_redis_next(builder->redis, &event, builder->err);
		if (status == RNM_OK)
			status = build(builder, &event, &into->items[into->count++]);
		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}

/* Recursive, as deep as RNM_RESP_DEPTH_MAX allows. */
static enum rnm_status build(struct builder *builder, const struct rnm_event *event, struct rnm_reply *into)
{
	into->kind = event->kind;
	into->integer = event->integer;
	into->real = event->real;
	switch (event->kind) {
	case RNM_EVENT_STATUS:
	case RNM_EVENT_ERROR:
		return build_line(builder, event, into);
	case RNM_EVENT_BULK_BEGIN:
		return build_bulk(builder, event, into);
	case RNM_EVENT_ARRAY:
		return build_items(builder, event->length, into);
	case RNM_EVENT_MAP:
		return build_items(builder, 2 * event->length, into);
	default:
		return RNM_OK;
	}
}

enum rnm_status rnm_redis_reply(struct rnm_redis *redis, struct rnm_reply **out, size_t max_bytes,
                                struct rnm_error *err)
{
	struct whole_reply *whole;
	struct builder builder;
	struct rnm_event event;
	enum rnm_status status;

	status = rnm_redis_next(redis, &event, err);
	if (status != RNM_OK)
		return status;
	if (event.kind == RNM_EVENT_BULK_DATA || event.kind == RNM_EVENT_BULK_END)
		return rnm_client_fail(redis, err, RNM_E_USAGE, "redis.no-reply", "",
		                       "a whole reply was asked for in the middle of a bulk reply");
	whole = calloc(1, sizeof(*whole));
	if (whole == NULL)
		return rnm_client_fail_nomem(redis, err);
	rnm_arena_init(&whole->arena, max_bytes == 0 ? RNM_REPLY_MAX : max_bytes);
	builder = (struct builder){ redis, &whole->arena, err };
	status = build(&builder, &event, &whole->reply);
	if (status != RNM_OK)
		rnm_reply_free(&whole->reply);
	else
		*out = &whole->reply;
	return status;
}

void rnm_reply_free(struct rnm_reply *reply)
{
	struct whole_reply *whole = (struct whole_reply *)reply;

	if (whole == NULL)
		return;
	rnm_arena_free(&whole->arena);
	free(whole);
}
