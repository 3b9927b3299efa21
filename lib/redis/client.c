/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands out, events in.  Both directions are served by the same loop: while the peer cannot take
 * more commands its replies are read, so neither side ever waits for the other.
 */
#include "redis/client.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Arguments that rnm_redis_sendv takes. */
#define SENDV_MAX 64

enum rnm_status rnm_client_replay(const struct rnm_redis *redis, struct rnm_error *err)
{
	if (err != NULL)
		*err = redis->failure;
	return redis->failure.status;
}

enum rnm_status rnm_client_fail(struct rnm_redis *redis, struct rnm_error *err, enum rnm_status status,
                                const char *id, const char *reference, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(redis->reason, sizeof(redis->reason), fmt, args);
	va_end(args);
	rnm_error_set(&redis->failure, status, id, "redis server %s: %s", redis->address, redis->reason);
	rnm_error_set_reference(&redis->failure, "%s", reference);
	redis->dead = true;
	return rnm_client_replay(redis, err);
}

enum rnm_status rnm_client_fail_nomem(struct rnm_redis *redis, struct rnm_error *err)
{
	rnm_error_nomem(&redis->failure);
	redis->dead = true;
	return rnm_client_replay(redis, err);
}

/* A death, too: half of a reply may have been read by a caller that will not come back for the rest. */
enum rnm_status rnm_client_fail_interrupted(struct rnm_redis *redis, struct rnm_error *err)
{
	rnm_error_set(&redis->failure, RNM_E_INTERRUPTED, "redis.interrupted",
	              "interrupted while %s redis server %s",
	              redis->connecting ? "connecting to" : "waiting for", redis->address);
	redis->dead = true;
	return rnm_client_replay(redis, err);
}

/* ---- commands ---- */

void rnm_client_put_header(struct rnm_buf *out, char type, uint64_t number)
{
	char text[RNM_CLIENT_HEADER_MAX];
	size_t at = sizeof(text);

	text[--at] = '\n';
	text[--at] = '\r';
	do {
		text[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	text[--at] = type;
	rnm_buf_append(out, text + at, sizeof(text) - at);
}

/* Bytes that a command needs at most; false when that cannot be counted. */
static bool command_size(size_t argc, const struct rnm_bytes *argv, size_t *out)
{
	size_t size = RNM_CLIENT_HEADER_MAX;

	for (size_t i = 0; i < argc; i++) {
		const size_t room = SIZE_MAX - size;

		if (room < RNM_CLIENT_HEADER_MAX + 2 || argv[i].len > room - (RNM_CLIENT_HEADER_MAX + 2))
			return false;
		size += argv[i].len + RNM_CLIENT_HEADER_MAX + 2;
	}
	*out = size;
	return true;
}

enum rnm_status rnm_redis_send(struct rnm_redis *redis, size_t argc, const struct rnm_bytes *argv,
                               struct rnm_error *err)
{
	struct rnm_buf *out = &redis->out;
	size_t size;

	if (redis->dead)
		return rnm_client_replay(redis, err);
	if (argc == 0 || rnm_client_in_command(redis))
		return rnm_error_set(err, RNM_E_USAGE, "redis.command",
		                     argc == 0 ? "a redis command has at least one argument"
		                               : "another redis command has not been given whole");
	if (!command_size(argc, argv, &size) || size > out->max - out->len)
		return rnm_error_set(err, RNM_E_MALFORMED, "redis.queue-full",
		                     "expected commands of at most %zu bytes waiting to be sent, found more",
		                     out->max);
	/* Room for the whole command first: half of one in the queue would spoil the connection. */
	if (!rnm_buf_reserve(out, size)) {
		out->failed = false;
		return rnm_error_nomem(err);
	}
	rnm_client_put_header(out, '*', argc);
	for (size_t i = 0; i < argc; i++) {
		rnm_client_put_header(out, '$', argv[i].len);
		rnm_buf_append(out, argv[i].data, argv[i].len);
		rnm_buf_append(out, "\r\n", 2);
	}
	redis->outstanding++;
	return RNM_OK;
}

enum rnm_status rnm_redis_sendv(struct rnm_redis *redis, struct rnm_error *err, ...)
{
	struct rnm_bytes argv[SENDV_MAX];
	size_t argc = 0;
	const char *arg;
	va_list args;

	va_start(args, err);
	while ((arg = va_arg(args, const char *)) != NULL && argc < SENDV_MAX) {
		argv[argc].data = arg;
		argv[argc++].len = strlen(arg);
	}
	va_end(args);
	if (arg != NULL)
		return rnm_error_set(err, RNM_E_USAGE, "redis.command",
		                     "expected at most %d arguments, found more; use rnm_redis_send",
		                     SENDV_MAX);
	return rnm_redis_send(redis, argc, argv, err);
}

/* ---- moving bytes ---- */

void rnm_client_forget_queue(struct rnm_redis *redis)
{
	redis->out_pos = 0;
	if (redis->out.data != NULL)
		explicit_bzero(redis->out.data, redis->out.len);
	if (redis->out.cap > RNM_CLIENT_QUEUE_KEEP)
		rnm_buf_free(&redis->out);
	else
		rnm_buf_clear(&redis->out);
}

/* What is to be sent next; empty when there is nothing. */
static struct rnm_bytes unsent(const struct rnm_redis *redis)
{
	if (redis->out_pos < redis->out.len)
		return (struct rnm_bytes){ redis->out.data + redis->out_pos,
			                   redis->out.len - redis->out_pos };
	return redis->piece;
}

static void mark_sent(struct rnm_redis *redis, size_t done)
{
	redis->moved += done;
	if (redis->out_pos < redis->out.len) {
		redis->out_pos += done;
		if (redis->out_pos == redis->out.len)
			rnm_client_forget_queue(redis);
		return;
	}
	redis->piece.data = (const char *)redis->piece.data + done;
	redis->piece.len -= done;
}

/* Sends what the peer takes.  Adds the readiness to wait for to *events. */
static bool pump_out(struct rnm_redis *redis, short *events)
{
	const struct rnm_bytes next = unsent(redis);
	size_t done = 0;

	if (redis->cannot_write || next.len == 0)
		return false;
	switch (redis->io.write(&redis->io, next.data, next.len, &done)) {
	case RNM_IO_DONE:
		mark_sent(redis, done);
		return true;
	case RNM_IO_WANT_READ:
		*events |= POLLIN;
		return false;
	case RNM_IO_WANT_WRITE:
		*events |= POLLOUT;
		return false;
	default:
		/* A server that turns a client away says why before it closes: the reason may be there to read. */
		redis->cannot_write = true;
		return true;
	}
}

/* The server went away: what came of it, and that the next try may find another one. */
static enum rnm_status gone(struct rnm_redis *redis, struct rnm_error *err, const char *reference,
                            const char *reason)
{
	rnm_client_fail(redis, NULL, RNM_E_IO, "redis.closed", reference, "%s", reason);
	redis->failure.sys_errno = redis->io.sys_errno;
	if (!redis->connecting)
		rnm_error_set_hint(&redis->failure,
		                   "run the command again: the server was stopped or restarted%s",
		                   redis->sentinel[0] != '\0' ? ", or another one has become the master, "
		                                                "which the Sentinel then names"
		                                              : "");
	return rnm_client_replay(redis, err);
}

static enum rnm_status closed(struct rnm_redis *redis, struct rnm_error *err)
{
	const bool inside = redis->in_len > redis->in_pos || !rnm_resp_complete(&redis->parser);

	return gone(redis, err, "Server closed the connection",
	            inside ? "the connection was closed in the middle of a reply"
	                   : "the connection was closed before a reply came");
}

/* What the transport said of its last failure. */
static enum rnm_status broken(struct rnm_redis *redis, struct rnm_error *err)
{
	gone(redis, NULL, redis->io.reason, redis->io.reason);
	if (redis->io.hint[0] != '\0')
		rnm_error_set_hint(&redis->failure, "%s", redis->io.hint);
	return rnm_client_replay(redis, err);
}

/* Moves the unread bytes to the front of the window, so that there is room behind them. */
static void make_room(struct rnm_redis *redis)
{
	if (redis->in_pos == 0)
		return;
	redis->in_len -= redis->in_pos;
	memmove(redis->in, redis->in + redis->in_pos, redis->in_len);
	redis->in_pos = 0;
}

/* Reads what the peer has sent.  *moved tells whether there was anything. */
static enum rnm_status pump_in(struct rnm_redis *redis, short *events, bool *moved, struct rnm_error *err)
{
	size_t done = 0;

	make_room(redis);
	/* Only while a command is being sent, and by a peer that answers more than it was asked. */
	if (redis->in_len == RNM_CLIENT_WINDOW)
		return RNM_OK;
	switch (
	    redis->io.read(&redis->io, redis->in + redis->in_len, RNM_CLIENT_WINDOW - redis->in_len, &done)) {
	case RNM_IO_DONE:
		redis->in_len += done;
		redis->moved += done;
		redis->heard = true;
		*moved = true;
		return RNM_OK;
	case RNM_IO_WANT_READ:
		*events |= POLLIN;
		return RNM_OK;
	case RNM_IO_WANT_WRITE:
		*events |= POLLOUT;
		return RNM_OK;
	case RNM_IO_EOF:
		return closed(redis, err);
	default:
		return broken(redis, err);
	}
}

enum rnm_status rnm_client_take(struct rnm_redis *redis, bool *moved, struct rnm_error *err)
{
	short events = 0;

	return pump_in(redis, &events, moved, err);
}

/* How long the reply being read may still wait in all. */
static double budget(const struct rnm_redis *redis)
{
	const double for_size = redis->connecting ? 0 : (double)redis->moved / RNM_CLIENT_PACE;

	return redis->timeout + for_size - redis->waited;
}

/* Waits for the peer, *call seconds at most.  Lowers *call by the time that has passed. */
static enum rnm_status wait_for_peer(struct rnm_redis *redis, short events, double *call,
                                     struct rnm_error *err)
{
	const double left = budget(redis);
	struct rnm_io_limit limit = { *call < left ? *call : left, redis->cancel };
	const double allowed = limit.seconds > 0 ? limit.seconds : 0;
	int sys_errno = 0;
	enum rnm_status status;

	limit.seconds = allowed;
	status = rnm_io_wait(redis->io.fd, events, &limit, &sys_errno);
	*call -= allowed - limit.seconds;
	redis->waited += allowed - limit.seconds;
	switch (status) {
	case RNM_OK:
		return RNM_OK;
	case RNM_E_INTERRUPTED:
		return rnm_client_fail_interrupted(redis, err);
	case RNM_NO:
		if (rnm_client_in_command(redis))
			return rnm_client_fail(redis, err, RNM_E_IO, "redis.timeout", "Connection timed out",
			                       "the rest of a command was not taken within %g s",
			                       redis->timeout);
		if (redis->in_len > redis->in_pos || !rnm_resp_complete(&redis->parser))
			return rnm_client_fail(redis, err, RNM_E_IO, "redis.timeout", "Connection timed out",
			                       "the rest of a reply did not come within %g s",
			                       redis->timeout);
		return rnm_client_fail(redis, err, RNM_E_IO, "redis.timeout", "Connection timed out",
		                       "no answer within %g s", redis->timeout);
	default:
		return rnm_client_fail(redis, err, RNM_E_IO, "redis.io", rnm_io_errno_text(sys_errno),
		                       "cannot wait for the server: %s", rnm_io_errno_text(sys_errno));
	}
}

/* Brings new bytes into the window, or fails. */
static enum rnm_status fill(struct rnm_redis *redis, double *call, struct rnm_error *err)
{
	for (;;) {
		short events = 0;
		bool got = false;
		bool sent;
		enum rnm_status status;

		if (rnm_io_cancelled(redis->cancel))
			return rnm_client_fail_interrupted(redis, err);
		sent = pump_out(redis, &events);
		status = pump_in(redis, &events, &got, err);
		if (status != RNM_OK || got)
			return status;
		if (sent) {
			*call = redis->timeout; /* the server cannot answer what it has not got yet */
			continue;
		}
		/* All that there was to read has been read: no answer will come to what could not be sent. */
		if (redis->cannot_write)
			return broken(redis, err);
		status = wait_for_peer(redis, events, call, err);
		if (status != RNM_OK)
			return status;
	}
}

/* The reason for which a server ends a command half-way is the last thing that it has said. */
static void add_last_words(struct rnm_redis *redis)
{
	struct rnm_event event;
	size_t used;

	while (rnm_resp_next(&redis->parser, redis->in + redis->in_pos, redis->in_len - redis->in_pos, &used,
	                     &event) == RNM_RESP_EVENT) {
		redis->in_pos += used;
		if (event.kind == RNM_EVENT_ERROR)
			rnm_client_fail(redis, NULL, RNM_E_REDIS, "redis.command-refused", "",
			                "the server did not take the whole command: %.*s",
			                (int)event.data.len, (const char *)event.data.data);
	}
}

enum rnm_status rnm_client_drain(struct rnm_redis *redis, struct rnm_error *err)
{
	double call = redis->timeout;

	while (unsent(redis).len > 0) {
		enum rnm_status status = RNM_OK;
		short events = 0;
		bool got = false;

		if (rnm_io_cancelled(redis->cancel))
			return rnm_client_fail_interrupted(redis, err);
		if (pump_out(redis, &events)) {
			call = redis->timeout;
			continue;
		}
		/* A peer that cannot take more may wait for somebody who hears its answers. */
		status = pump_in(redis, &events, &got, err);
		if (status == RNM_OK && !got && redis->cannot_write)
			status = broken(redis, err);
		if (status == RNM_E_IO) {
			add_last_words(redis);
			return rnm_client_replay(redis, err);
		}
		if (status == RNM_OK && !got)
			status = wait_for_peer(redis, events, &call, err);
		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}

/* ---- events ---- */

static void reply_complete(struct rnm_redis *redis)
{
	redis->outstanding--;
	if (redis->connecting)
		return;
	redis->waited = 0;
	redis->moved = 0;
}

enum rnm_status rnm_redis_next(struct rnm_redis *redis, struct rnm_event *event, struct rnm_error *err)
{
	double call = redis->timeout;

	if (redis->dead)
		return rnm_client_replay(redis, err);
	if (rnm_client_in_command(redis))
		return rnm_error_set(err, RNM_E_USAGE, "redis.command",
		                     "a redis command has not been given whole");
	if (redis->outstanding == 0)
		return rnm_error_set(err, RNM_E_USAGE, "redis.no-reply",
		                     "no redis command is waiting for a reply");
	if (rnm_io_cancelled(redis->cancel))
		return rnm_client_fail_interrupted(redis, err);
	for (;;) {
		enum rnm_resp_result result;
		enum rnm_status status;
		size_t used;

		result = rnm_resp_next(&redis->parser, redis->in + redis->in_pos,
		                       redis->in_len - redis->in_pos, &used, event);
		redis->in_pos += used;
		if (result == RNM_RESP_EVENT) {
			if (rnm_resp_complete(&redis->parser))
				reply_complete(redis);
			return RNM_OK;
		}
		if (result == RNM_RESP_FAILED) {
			rnm_client_fail(redis, NULL, RNM_E_MALFORMED, "redis.protocol",
			                redis->parser.reference, "%s", redis->parser.problem);
			rnm_error_at_offset(&redis->failure, "", redis->parser.offset);
			return rnm_client_replay(redis, err);
		}
		status = fill(redis, &call, err);
		if (status != RNM_OK)
			return status;
	}
}

enum rnm_status rnm_redis_skip(struct rnm_redis *redis, const struct rnm_event *first, struct rnm_error *err)
{
	struct rnm_event event = *first;
	uint64_t elements = 1; /* values that have not ended yet, the first among them */

	for (;;) {
		enum rnm_status status;

		switch (event.kind) {
		case RNM_EVENT_BULK_BEGIN:
		case RNM_EVENT_BULK_DATA:
			break;
		case RNM_EVENT_ARRAY:
			elements += event.length - 1;
			break;
		case RNM_EVENT_MAP:
			elements += 2 * event.length - 1;
			break;
		default:
			elements--;
		}
		if (elements == 0)
			return RNM_OK;
		status = rnm_redis_next(redis, &event, err);
		if (status != RNM_OK)
			return status;
	}
}
