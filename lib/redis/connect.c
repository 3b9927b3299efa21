/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server after the other, until one connects, lets us in and answers.
 */
#include "redis/attempt.h"
#include "redis/io_tls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHO_MAX (RNM_ADDRESS_TEXT_MAX + 300)

/* Bytes of addresses that are remembered as dead. */
#define DEAD_MAX ((size_t)64 << 10)

/* Appends to the reasons what still fits. */
RNM_PRINTF(2, 3)
static void add_reason(struct rnm_buf *reasons, const char *fmt, ...)
{
	char text[RNM_ATTEMPT_REASONS_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (reasons->len > 0)
		rnm_buf_puts(reasons, "; ");
	rnm_buf_puts(reasons, text);
	if (reasons->failed)
		reasons->max = reasons->len; /* nothing shorter may sneak in behind what did not fit */
}

void rnm_attempt_init(struct rnm_attempt *attempt)
{
	rnm_buf_init_in(&attempt->reasons, attempt->reasons_memory, sizeof(attempt->reasons_memory));
	rnm_buf_init(&attempt->dead, DEAD_MAX);
}

void rnm_attempt_clear(struct rnm_attempt *attempt)
{
	rnm_buf_free(&attempt->dead);
	rnm_tls_free(attempt->tls);
}

static const char *kind_of(const struct rnm_attempt *attempt)
{
	return attempt->at_sentinel ? "sentinel" : "redis server";
}

enum rnm_status rnm_attempt_pass_over(struct rnm_attempt *attempt, const char *who, const char *reason,
                                      const char *reference, const char *hint, int sys_errno)
{
	if (attempt->passed_over++ == 0) {
		snprintf(attempt->first_reference, sizeof(attempt->first_reference), "%s", reference);
		attempt->first_errno = sys_errno;
	}
	if (attempt->first_hint[0] == '\0')
		snprintf(attempt->first_hint, sizeof(attempt->first_hint), "%s", hint);
	attempt->server_tried = attempt->server_tried || !attempt->at_sentinel;
	add_reason(&attempt->reasons, "%s%s: %s", attempt->at_sentinel ? "sentinel " : "", who, reason);
	if (!rnm_client_note(attempt->redis, "skipped the %s %s: %s", kind_of(attempt), who, reason))
		return rnm_error_nomem(attempt->err);
	return RNM_NO;
}

/* The other servers have the same passwords and databases; a Sentinel is only one way to them. */
static bool may_try_another(const struct rnm_attempt *attempt, enum rnm_status status)
{
	return status == RNM_E_IO || status == RNM_E_MALFORMED || status == RNM_NO ||
	       (status == RNM_E_REDIS && attempt->at_sentinel);
}

enum rnm_status rnm_attempt_failed(struct rnm_attempt *attempt, enum rnm_status status, const char *who)
{
	const struct rnm_redis *redis = attempt->redis;
	const struct rnm_error *failure = &redis->failure;
	const char *hint = failure->hint;

	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(attempt->err);
	if (!may_try_another(attempt, status)) {
		if (attempt->err != NULL)
			*attempt->err = *failure;
		return status;
	}
	if (status == RNM_E_REDIS)
		attempt->refused = true;
	/* The greeting knows only of the servers' own passwords. */
	if (strcmp(failure->id, "redis.auth") == 0)
		hint = "check the options sentinel_username and sentinel_password";
	return rnm_attempt_pass_over(attempt, who, redis->reason, failure->reference, hint,
	                             failure->sys_errno);
}

/* Of an address, or of a name that was not resolved: it has cost its timeout once, which is enough. */
static bool is_dead(const struct rnm_attempt *attempt, const char *address)
{
	char line[WHO_MAX];
	int len = snprintf(line, sizeof(line), "\n%s\n", address);

	return attempt->dead.len > 0 &&
	       memmem(attempt->dead.data, attempt->dead.len, line, (size_t)len) != NULL;
}

static void remember_dead(struct rnm_attempt *attempt, const char *address)
{
	rnm_buf_printf(&attempt->dead, "%s%s\n", attempt->dead.len == 0 ? "\n" : "", address);
}

/* ---- one server ---- */

/* Back to the state before a connection; the notes and the memory stay. */
static void disconnect(struct rnm_redis *redis)
{
	if (redis->io.close != NULL)
		redis->io.close(&redis->io);
	memset(&redis->io, 0, sizeof(redis->io));
	redis->io.fd = -1;
	rnm_resp_init(&redis->parser);
	rnm_client_forget_queue(redis);
	redis->in_pos = redis->in_len = 0;
	redis->outstanding = redis->moved = 0;
	redis->waited = 0;
	redis->heard = redis->cannot_write = redis->dead = false;
	redis->role = RNM_ROLE_UNKNOWN;
}

/* Shakes hands over the new socket.  A failure is left in redis->failure. */
static enum rnm_status start_tls(struct rnm_redis *redis, const struct rnm_tls *tls, const char *host,
                                 struct rnm_io_limit *limit)
{
	struct rnm_io *io = &redis->io;
	enum rnm_status status = rnm_io_tls_start(io, tls, host, limit);

	switch (status) {
	case RNM_OK:
		return RNM_OK;
	case RNM_NO:
		status = rnm_client_fail(redis, NULL, RNM_E_IO, "redis.timeout", "Connection timed out",
		                         "%s within %g s", io->reason, redis->timeout);
		break;
	case RNM_E_INTERRUPTED:
		return rnm_client_fail_interrupted(redis, NULL);
	case RNM_E_NOMEM:
		return rnm_client_fail_nomem(redis, NULL);
	default:
		rnm_client_fail(redis, NULL, status, "redis.tls", "", "%s", io->reason);
		redis->failure.sys_errno = io->sys_errno;
		if (io->reference != NULL)
			rnm_error_set_reference(&redis->failure, "cannot start TLS for redis %s: %s",
			                        redis->address, io->reference);
	}
	rnm_error_set_hint(&redis->failure, "%s", io->hint);
	return status;
}

/* Puts a socket under the connection.  A failure is left in redis->failure. */
static enum rnm_status open_socket(struct rnm_redis *redis, const struct rnm_address *address,
                                   const struct rnm_tls *tls, const char *host)
{
	struct rnm_io_limit limit = { redis->timeout, redis->cancel };
	int sys_errno = 0;
	enum rnm_status status = rnm_io_socket_connect(&redis->io, address, &limit, &sys_errno);
	const char *text = rnm_io_errno_text(sys_errno);

	switch (status) {
	case RNM_OK:
		if (tls != NULL)
			status = start_tls(redis, tls, host, &limit);
		redis->waited = redis->timeout - limit.seconds;
		return status;
	case RNM_NO:
		return rnm_client_fail(redis, NULL, RNM_E_IO, "redis.timeout", "Connection timed out",
		                       "no connection within %g s", redis->timeout);
	case RNM_E_INTERRUPTED:
		return rnm_client_fail_interrupted(redis, NULL);
	default:
		rnm_client_fail(redis, NULL, RNM_E_IO, "redis.connect", text, "%s", text);
		redis->failure.sys_errno = sys_errno;
		return RNM_E_IO;
	}
}

/* A TLS port that hears plain Redis closes the connection, or answers with an alert, which is record type 21. */
static void suspect_tls(struct rnm_redis *redis)
{
	const bool closed = strcmp(redis->failure.id, "redis.closed") == 0 && !redis->heard;
	const bool alert =
	    strcmp(redis->failure.id, "redis.protocol") == 0 && redis->in_len > 0 && redis->in[0] == 21;

	if (closed || alert)
		rnm_error_set_hint(&redis->failure,
		                   "does the server want TLS? It is used with rediss:// or ssl = true");
}

/* What is no master now may be wanted as a replica later, and another name may be that of the certificate. */
static bool may_change(const char *id)
{
	return strcmp(id, "redis.role") == 0 || strcmp(id, "redis.link") == 0 || strcmp(id, "redis.tls") == 0;
}

/* Connects and greets.  RNM_NO when the address was passed over. */
static enum rnm_status try_address(struct rnm_attempt *attempt, const struct rnm_server *server,
                                   const struct rnm_address *address)
{
	struct rnm_redis *redis = attempt->redis;
	const bool named = strstr(address->text, server->host) == NULL;
	const struct rnm_tls *tls = server->is_unix ? NULL : attempt->tls;
	char who[WHO_MAX];
	enum rnm_status status;

	if (is_dead(attempt, address->text))
		return RNM_NO;
	disconnect(redis);
	memcpy(redis->address, address->text, sizeof(redis->address));
	redis->connecting = true;
	status = open_socket(redis, address, tls, server->host);
	if (status == RNM_OK)
		status = rnm_greet(redis, attempt->settings, attempt->expect);
	if (status != RNM_OK && tls == NULL && !server->is_unix)
		suspect_tls(redis);
	redis->connecting = false;
	redis->waited = 0;
	redis->moved = 0;
	if (status == RNM_OK)
		return RNM_OK;
	/* It gets a second chance when there is no replica with a link. */
	if (attempt->expect == RNM_EXPECT_LINKED && strcmp(redis->failure.id, "redis.link") == 0)
		return RNM_NO;
	if (!may_change(redis->failure.id))
		remember_dead(attempt, address->text);
	snprintf(who, sizeof(who), named ? "%s (%s)" : "%s%s", named ? server->host : "", address->text);
	return rnm_attempt_failed(attempt, status, who);
}

enum rnm_status rnm_attempt_server(struct rnm_attempt *attempt, const struct rnm_server *server)
{
	struct rnm_redis *redis = attempt->redis;
	struct rnm_io_limit limit = { redis->timeout, redis->cancel };
	struct rnm_address_list addresses;
	const char *reason = "";
	enum rnm_status status;

	if (attempt->configured->ssl && !server->is_unix && attempt->tls == NULL) {
		/* What is wrong with the settings is told before any server is asked. */
		status = rnm_tls_new(&attempt->tls, attempt->configured, attempt->err);
		if (status != RNM_OK)
			return status;
	}
	if (is_dead(attempt, server->host))
		return RNM_NO;
	status = rnm_resolve(&addresses, server, &limit, &reason);
	if (status == RNM_NO) {
		remember_dead(attempt, server->host);
		return rnm_attempt_pass_over(
		    attempt, server->host, reason,
		    "cannot select redis server (all dead or pending DNS resolution)", "", 0);
	}
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(attempt->err);
	if (status != RNM_OK)
		return rnm_error_set(attempt->err, status, "redis.interrupted",
		                     "interrupted while resolving %.300s", server->host);
	status = RNM_NO;
	for (size_t i = 0; i < addresses.count && status == RNM_NO; i++)
		status = try_address(attempt, server, &addresses.items[i]);
	if (status == RNM_OK && attempt->configured->ssl && server->is_unix &&
	    !rnm_client_note(redis, "the connection to %s is not encrypted: TLS is not used on a unix socket",
	                     redis->address))
		return rnm_error_nomem(attempt->err);
	return status;
}

/* ---- all of them ---- */

/* What to do about it; and where, unless that is the URL which the user has just typed. */
static void hint_none_left(struct rnm_attempt *attempt)
{
	const struct rnm_redis_settings *settings = attempt->settings;
	const bool sentinels = settings->sentinel_count > 0;
	const char *first = attempt->first_hint;

	if (settings->origin == NULL || (first[0] != '\0' && settings->literal_servers)) {
		rnm_error_set_hint(attempt->err, "%s", first);
		return;
	}
	rnm_error_set_hint(attempt->err, "%s%s%s%s named in %.400s", first, first[0] != '\0' ? "; " : "",
	                   sentinels && attempt->server_tried
	                       ? "if this is a fail-over, run the command again in a moment; "
	                       : "",
	                   sentinels ? "the servers and Sentinels are" : "the servers are", settings->origin);
}

enum rnm_status rnm_attempt_none_left(struct rnm_attempt *attempt)
{
	const bool single = attempt->passed_over == 1 && attempt->server_tried;
	const enum rnm_status status = attempt->refused && !attempt->server_tried ? RNM_E_REDIS : RNM_E_IO;

	rnm_error_set(attempt->err, status, "redis.connect",
	              single ? "cannot connect to redis server %s" : "cannot connect to any redis server: %s",
	              rnm_buf_cstr(&attempt->reasons));
	rnm_error_set_reference(attempt->err, "%s", attempt->first_reference);
	hint_none_left(attempt);
	if (attempt->err != NULL)
		attempt->err->sys_errno = attempt->first_errno;
	return status;
}

/* RNM_NO unless memory is out. */
enum rnm_status rnm_attempt_note_problems(struct rnm_attempt *attempt, const struct rnm_server_list *list)
{
	for (size_t i = 0; i < list->problem_count; i++)
		if (!rnm_client_note(attempt->redis, "skipped the %s %s", kind_of(attempt),
		                     list->problems[i]))
			return rnm_error_nomem(attempt->err);
	return RNM_NO;
}

/* RNM_NO when none of the list is of use. */
enum rnm_status rnm_attempt_list(struct rnm_attempt *attempt, const struct rnm_server_list *list)
{
	enum rnm_status status = rnm_attempt_note_problems(attempt, list);

	for (size_t i = 0; i < list->count && status == RNM_NO; i++)
		status = rnm_attempt_server(attempt, &list->items[i]);
	for (size_t i = 0; i < list->problem_count && status == RNM_NO; i++) {
		attempt->passed_over++;
		add_reason(&attempt->reasons, "%s", list->problems[i]);
	}
	return status;
}
