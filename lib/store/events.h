/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small helpers over rnm_redis_next for this room: replies are taken apart as they arrive, into
 * buffers that are used again, so that ten thousand replies cost no ten thousand allocations.
 */
#ifndef RNM_STORE_EVENTS_H
#define RNM_STORE_EVENTS_H

#include <rnm/buf.h>
#include <rnm/redis.h>

/*
 * Puts the bulk that first has begun into buf (cleared before), up to the buffer's maximum: a larger
 * one fails with RNM_E_MALFORMED, id "store.too-large"; what names it in the message.
 */
RNM_MUST_CHECK enum rnm_status rnm_event_bulk(struct rnm_redis *redis, const struct rnm_event *first,
                                              struct rnm_buf *buf, const char *what, struct rnm_error *err);

/*
 * The integer that a command answers with.  An error reply leaves *is_error true and its text in buf, and is
 * no failure; a null leaves *integer as it was; anything else is RNM_E_MALFORMED.
 */
RNM_MUST_CHECK enum rnm_status rnm_event_integer(struct rnm_redis *redis, const char *command,
                                                 int64_t *integer, bool *is_error, struct rnm_buf *text,
                                                 struct rnm_error *err);

/* RNM_E_MALFORMED for a reply of another kind than the command gives. */
RNM_MUST_CHECK enum rnm_status rnm_event_unexpected(const char *command, struct rnm_error *err);

/* Queues `command key` or, with a field, `command key field`. */
RNM_MUST_CHECK enum rnm_status rnm_event_send(struct rnm_redis *redis, const char *command, const char *key,
                                              const char *field, struct rnm_error *err);

/* Longest cursor of SCAN and its kin, with the NUL. */
#define RNM_CURSOR_MAX 32
/* Takes one name or member of an answer; it lies in the buffer. */
typedef enum rnm_status rnm_event_take(void *ctx, struct rnm_error *err);
/*
 * Reads the answer to command (SCAN or SSCAN): the next cursor replaces cursor, and every element is put into
 * text, up to its maximum, before take is called; what names one in messages.  RNM_NO, without err being set,
 * for an error reply, whose text is then in text.
 */
RNM_MUST_CHECK enum rnm_status rnm_event_scan(struct rnm_redis *redis, const char *command,
                                              char cursor[RNM_CURSOR_MAX], struct rnm_buf *text,
                                              const char *what, rnm_event_take *take, void *ctx,
                                              struct rnm_error *err);

/* All elements of one key, in batches. */
struct rnm_key_walk {
	struct rnm_redis *redis;
	const char *command; /* SSCAN or ZSCAN */
	const char *key;
	struct rnm_buf *text; /* as for rnm_event_scan, like what, take and ctx */
	const char *what;
	rnm_event_take *take;
	rnm_event_take *batch; /* called behind every answer; may be NULL */
	void *ctx;
	const char *endless; /* the id of the error when the cursor never comes back to 0 */
	const char *place;   /* what the message then begins with, or NULL */
};

/* Returns as rnm_event_scan, of the first answer that is no RNM_OK. */
RNM_MUST_CHECK enum rnm_status rnm_event_walk(const struct rnm_key_walk *walk, struct rnm_error *err);

#endif
