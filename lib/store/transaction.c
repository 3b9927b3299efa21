/* SPDX-License-Identifier: Apache-2.0 */
#include "store/transaction.h"

#include "base/value_build.h"
#include "redis/client.h"
#include "redis/refusal.h"
#include "store/events.h"

#include <stdio.h>
#include <string.h>

/* Names of commands; a change of a million commands would be none that anybody wants. */
#define NAMES_MAX ((size_t)1 << 20)
#define ABORTED "EXECABORT Transaction discarded because of: "
/* Room for the answers of EXEC, which are small: numbers and OKs. */
#define ANSWERS_MAX ((size_t)256 << 20)

void rnm_transaction_init(struct rnm_transaction *change, struct rnm_redis *redis, const char *global,
                          const char *what, const char *rights)
{
	*change =
	    (struct rnm_transaction){ .redis = redis, .global = global, .what = what, .rights = rights };
	rnm_buf_init(&change->names, NAMES_MAX);
}

enum rnm_status rnm_transaction_refused(const struct rnm_transaction *change, const char *command,
                                        const char *text, struct rnm_error *err)
{
	const struct rnm_refused refused = {
		.redis = change->redis, .command = command, .global = change->global, .rights = change->rights
	};

	/* EXEC wraps the reason for which it gave up. */
	if (strncmp(text, ABORTED, strlen(ABORTED)) == 0)
		text += strlen(ABORTED);
	rnm_error_set(err, RNM_E_REDIS, "store.transaction", "cannot %s: Redis refused %s: %s", change->what,
	              command, text);
	rnm_refusal_explain(err, &refused, text);
	return RNM_E_REDIS;
}

/* Reads the answer to command, which must be the given status. */
static enum rnm_status expect(struct rnm_transaction *change, const char *command, const char *status_text,
                              struct rnm_error *err)
{
	struct rnm_reply *reply;
	enum rnm_status status = rnm_redis_reply(change->redis, &reply, 0, err);

	if (status != RNM_OK)
		return status;
	if (reply->kind == RNM_EVENT_ERROR)
		status = rnm_transaction_refused(change, command, reply->text.data, err);
	else if (reply->kind != RNM_EVENT_STATUS || strcmp(reply->text.data, status_text) != 0)
		status = rnm_event_unexpected(command, err);
	rnm_reply_free(reply);
	return status;
}

/* Commands up to this size are copied into the queue of the connection. */
#define SHORT_COMMAND ((size_t)64 << 10)
/* Bytes of a longer one between two reports of progress. */
#define PIECE ((size_t)256 << 10)

static bool is_short(size_t argc, const struct rnm_bytes *argv)
{
	size_t left = SHORT_COMMAND;

	for (size_t i = 0; i < argc; i++) {
		if (argv[i].len > left)
			return false;
		left -= argv[i].len;
	}
	return true;
}

static enum rnm_status feed(const struct rnm_transaction *change, struct rnm_bytes argument,
                            struct rnm_error *err)
{
	enum rnm_status status = rnm_redis_argument(change->redis, argument.len, err);

	while (status == RNM_OK && argument.len > 0) {
		const size_t len = argument.len < PIECE ? argument.len : PIECE;

		status = rnm_redis_feed(change->redis, argument.data, len, err);
		argument.data += len;
		argument.len -= len;
		if (status == RNM_OK && change->progress != NULL && change->state == RNM_TRANSACTION_OPEN)
			change->progress(change->progress_ctx, len);
	}
	return status;
}

static enum rnm_status send_command(const struct rnm_transaction *change, size_t argc,
                                    const struct rnm_bytes *argv, struct rnm_error *err)
{
	enum rnm_status status;

	if (is_short(argc, argv))
		return rnm_redis_send(change->redis, argc, argv, err);
	status = rnm_redis_begin(change->redis, argc, err);
	for (size_t i = 0; status == RNM_OK && i < argc; i++)
		status = feed(change, argv[i], err);
	return status;
}

enum rnm_status rnm_transaction_watch(struct rnm_transaction *change, size_t count, const char *const *keys,
                                      struct rnm_error *err)
{
	enum rnm_status status = rnm_redis_begin(change->redis, 1 + count, err);

	if (status == RNM_OK)
		status = feed(change, rnm_bytes_of("WATCH"), err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = feed(change, rnm_bytes_of(keys[i]), err);
	if (status == RNM_OK)
		status = expect(change, "WATCH", "OK", err);
	if (status == RNM_OK)
		change->state = RNM_TRANSACTION_WATCHING;
	return status;
}

enum rnm_status rnm_transaction_begin(struct rnm_transaction *change, struct rnm_error *err)
{
	enum rnm_status status = rnm_redis_sendv(change->redis, err, "MULTI", NULL);

	if (status == RNM_OK)
		status = expect(change, "MULTI", "OK", err);
	if (status != RNM_OK)
		return status;
	rnm_buf_clear(&change->names);
	change->state = RNM_TRANSACTION_OPEN;
	return RNM_OK;
}

enum rnm_status rnm_transaction_expect_queued(struct rnm_transaction *change, const char *command,
                                              struct rnm_error *err)
{
	/* The answers of EXEC are told by their place. */
	if (!rnm_buf_append(&change->names, command, strlen(command) + 1))
		return rnm_error_nomem(err);
	return expect(change, command, "QUEUED", err);
}

enum rnm_status rnm_transaction_add(struct rnm_transaction *change, size_t argc, const struct rnm_bytes *argv,
                                    struct rnm_error *err)
{
	char name[RNM_CURSOR_MAX];
	enum rnm_status status = send_command(change, argc, argv, err);

	if (status != RNM_OK)
		return status;
	snprintf(name, sizeof(name), "%.*s", (int)argv[0].len, argv[0].data);
	return rnm_transaction_expect_queued(change, name, err);
}

/* EXEC's answer to each command: one that failed leaves the others done. */
static enum rnm_status check_answers(const struct rnm_transaction *change, const struct rnm_reply *answers,
                                     struct rnm_error *err)
{
	const char *name = rnm_buf_cstr(&change->names);
	const char *end = name + change->names.len;

	for (size_t i = 0; i < answers->count; i++) {
		if (name == end)
			return rnm_event_unexpected("EXEC", err);
		if (answers->items[i].kind == RNM_EVENT_ERROR) {
			const struct rnm_refused refused = { .redis = change->redis,
				                             .command = name,
				                             .global = change->global,
				                             .rights = change->rights };

			rnm_error_set(err, RNM_E_REDIS, "store.partly",
			              "could only partly %s: command %zu of %zu, %s, failed: %s",
			              change->what, i + 1, answers->count, name, answers->items[i].text.data);
			rnm_refusal_hint(err, &refused, answers->items[i].text.data);
			return RNM_E_REDIS;
		}
		name += strlen(name) + 1;
	}
	return name == end ? RNM_OK : rnm_event_unexpected("EXEC", err);
}

/* Nobody can tell whether the server got the word. */
static enum rnm_status unknown(const struct rnm_transaction *change, enum rnm_status status,
                               struct rnm_error *err)
{
	char text[RNM_ERROR_TEXT_MAX / 2];

	if (err == NULL || (status != RNM_E_IO && status != RNM_E_INTERRUPTED))
		return status;
	memcpy(text, err->message, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	snprintf(err->message, sizeof(err->message),
	         "cannot tell whether it was possible to %s, all of it or nothing: %s", change->what, text);
	snprintf(err->id, sizeof(err->id), "store.unknown");
	rnm_error_set_hint(err, "`rnm list` shows what is there");
	return status;
}

enum rnm_status rnm_transaction_commit(struct rnm_transaction *change, struct rnm_error *err)
{
	struct rnm_reply *reply;
	enum rnm_status status = rnm_redis_sendv(change->redis, err, "EXEC", NULL);

	if (status != RNM_OK)
		return status;
	status = rnm_redis_reply(change->redis, &reply, ANSWERS_MAX, err);
	if (status != RNM_OK)
		return unknown(change, status, err);
	change->state = RNM_TRANSACTION_IDLE;
	if (reply->kind == RNM_EVENT_NIL)
		status = RNM_NO;
	else if (reply->kind == RNM_EVENT_ERROR)
		status = rnm_transaction_refused(change, "EXEC", reply->text.data, err);
	else if (reply->kind != RNM_EVENT_ARRAY)
		status = rnm_event_unexpected("EXEC", err);
	else
		status = check_answers(change, reply, err);
	rnm_reply_free(reply);
	return status;
}

bool rnm_transaction_can_ask(const struct rnm_transaction *change)
{
	const struct rnm_redis *redis = change->redis;

	return redis != NULL && !redis->dead && !rnm_client_in_command(redis) && redis->outstanding == 0;
}

void rnm_transaction_end(struct rnm_transaction *change)
{
	struct rnm_redis *redis = change->redis;

	if (change->state != RNM_TRANSACTION_IDLE && rnm_transaction_can_ask(change)) {
		struct rnm_reply *reply = NULL;

		if (rnm_redis_sendv(redis, NULL,
		                    change->state == RNM_TRANSACTION_OPEN ? "DISCARD" : "UNWATCH",
		                    NULL) == RNM_OK &&
		    rnm_redis_reply(redis, &reply, 0, NULL) == RNM_OK)
			rnm_reply_free(reply);
	}
	change->state = RNM_TRANSACTION_IDLE;
	rnm_buf_free(&change->names);
}
