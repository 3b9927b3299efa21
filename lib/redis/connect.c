/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server is spoken to: the first of the list that connects, lets us in and answers.
 */
#include "redis/client.h"
#include "redis/io_tls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that the reasons of all servers together may take in the message of a failed connect. */
#define REASONS_MAX ((size_t)1500)
/* How much of a server's refusal is repeated. */
#define REFUSAL_MAX ((size_t)400)
#define WHO_MAX (RNM_ADDRESS_TEXT_MAX + 300)

/*
 * Errors by which a server says that it is of no use to anybody now, while another one may be.  Any
 * other error reply to PING, such as NOAUTH or NOPERM, is an answer like any other.
 */
static const char *const unavailable[] = {
	"LOADING ", "MASTERDOWN ", "BUSY ", "DENIED ", "ERR max number of clients",
};

struct attempt {
	struct rnm_redis *redis;
	const struct rnm_redis_settings *settings;
	const struct rnm_tls *tls; /* NULL: in plain */
	struct rnm_error *err;
	size_t passed_over;
	struct rnm_buf reasons; /* "address: reason; address: reason" */
	int first_errno;
	char first_reference[RNM_ERROR_TEXT_MAX]; /* rspamd would have stopped there */
	char first_hint[RNM_IO_REASON_MAX];
};

RNM_PRINTF(2, 3)
static bool note(struct rnm_redis *redis, const char *fmt, ...)
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

/* Appends to the reasons what still fits. */
RNM_PRINTF(2, 3)
static void add_reason(struct rnm_buf *reasons, const char *fmt, ...)
{
	char text[REASONS_MAX];
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

/* Remembers why a server, or one of its addresses, was passed over: RNM_NO unless memory is out. */
static enum rnm_status pass_over(struct attempt *attempt, const char *who, const char *reason,
                                 const char *reference, const char *hint, int sys_errno)
{
	if (attempt->passed_over++ == 0) {
		snprintf(attempt->first_reference, sizeof(attempt->first_reference), "%s", reference);
		attempt->first_errno = sys_errno;
	}
	if (attempt->first_hint[0] == '\0')
		snprintf(attempt->first_hint, sizeof(attempt->first_hint), "%s", hint);
	add_reason(&attempt->reasons, "%s: %s", who, reason);
	if (!note(attempt->redis, "skipped the redis server %s: %s", who, reason))
		return rnm_error_nomem(attempt->err);
	return RNM_NO;
}

/* ---- the greeting ---- */

enum greeting { GREETING_AUTH, GREETING_SELECT, GREETING_PING };

/*
 * All commands of the greeting go out together, in rspamd's order (src/lua/lua_redis.c).  PING comes on
 * top: without password and database only its answer tells a server from a port that merely accepts.
 */
static enum rnm_status send_greeting(struct rnm_redis *redis, const struct rnm_redis_settings *settings)
{
	enum rnm_status status = RNM_OK;

	if (settings->password != NULL && settings->username != NULL)
		status = rnm_redis_sendv(redis, NULL, "AUTH", settings->username, settings->password, NULL);
	else if (settings->password != NULL)
		status = rnm_redis_sendv(redis, NULL, "AUTH", settings->password, NULL);
	if (status == RNM_OK && settings->db != NULL)
		status = rnm_redis_sendv(redis, NULL, "SELECT", settings->db, NULL);
	return status == RNM_OK ? rnm_redis_sendv(redis, NULL, "PING", NULL) : status;
}

static bool is_unavailable(const char *text)
{
	for (size_t i = 0; i < sizeof(unavailable) / sizeof(unavailable[0]); i++)
		if (strncmp(text, unavailable[i], strlen(unavailable[i])) == 0)
			return true;
	return false;
}

/* The call fails: other servers have the same passwords and databases. */
static enum rnm_status refused(struct rnm_redis *redis, const struct rnm_redis_settings *settings,
                               enum greeting greeting, const char *text)
{
	const char *origin = settings->origin != NULL ? settings->origin : "the redis settings";

	if (greeting == GREETING_SELECT && strncmp(text, "NOAUTH", 6) == 0) {
		rnm_client_fail(redis, NULL, RNM_E_REDIS, "redis.auth", text,
		                "the server wants a password and none was given: %s", text);
		rnm_error_set_hint(
		    &redis->failure,
		    "add the option password to %.300s, or give it with --password-file FILE or in "
		    "RNM_REDIS_PASSWORD",
		    origin);
	} else if (greeting == GREETING_SELECT) {
		rnm_client_fail(redis, NULL, RNM_E_REDIS, "redis.select", text,
		                "SELECT %.80s was refused: %s", settings->db, text);
		rnm_error_set_hint(&redis->failure, "check the option db of %.300s", origin);
	} else {
		rnm_client_fail(redis, NULL, RNM_E_REDIS, "redis.auth", text, "AUTH was refused: %s", text);
		rnm_error_set_hint(
		    &redis->failure,
		    "check the options username and password of %.300s, and what --password-file or "
		    "RNM_REDIS_PASSWORD gave in their place",
		    origin);
	}
	return RNM_E_REDIS;
}

static enum rnm_status read_greeting(struct rnm_redis *redis, const struct rnm_redis_settings *settings,
                                     enum greeting greeting)
{
	char text[REFUSAL_MAX];
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(redis, &event, NULL);

	if (status != RNM_OK)
		return status;
	if (event.kind != RNM_EVENT_ERROR)
		return rnm_redis_skip(redis, &event, NULL);
	snprintf(text, sizeof(text), "%.*s",
	         (int)(event.data.len < REFUSAL_MAX ? event.data.len : REFUSAL_MAX), event.data.data);
	if (is_unavailable(text))
		return rnm_client_fail(redis, NULL, RNM_E_IO, "redis.unavailable", text, "%s", text);
	return greeting == GREETING_PING ? RNM_OK : refused(redis, settings, greeting, text);
}

/* A failure is left in redis->failure, unless memory is out. */
static enum rnm_status greet(struct rnm_redis *redis, const struct rnm_redis_settings *settings)
{
	enum rnm_status status = send_greeting(redis, settings);

	if (status == RNM_OK && settings->password != NULL)
		status = read_greeting(redis, settings, GREETING_AUTH);
	if (status == RNM_OK && settings->db != NULL)
		status = read_greeting(redis, settings, GREETING_SELECT);
	if (status == RNM_OK)
		status = read_greeting(redis, settings, GREETING_PING);
	return status;
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
	redis->cannot_write = redis->dead = false;
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
	const bool closed = strcmp(redis->failure.id, "redis.closed") == 0 && redis->in_len == 0;
	const bool alert =
	    strcmp(redis->failure.id, "redis.protocol") == 0 && redis->in_len > 0 && redis->in[0] == 21;

	if (closed || alert)
		rnm_error_set_hint(&redis->failure,
		                   "does the server want TLS? It is used with rediss:// or ssl = true");
}

/* Connects and greets.  RNM_NO when the address was passed over. */
static enum rnm_status try_address(struct attempt *attempt, const struct rnm_server *server,
                                   const struct rnm_address *address)
{
	struct rnm_redis *redis = attempt->redis;
	const bool named = strstr(address->text, server->host) == NULL;
	const struct rnm_tls *tls = server->is_unix ? NULL : attempt->tls;
	char who[WHO_MAX];
	enum rnm_status status;

	disconnect(redis);
	memcpy(redis->address, address->text, sizeof(redis->address));
	redis->one_budget = true;
	status = open_socket(redis, address, tls, server->host);
	if (status == RNM_OK)
		status = greet(redis, attempt->settings);
	if (status != RNM_OK && tls == NULL && !server->is_unix)
		suspect_tls(redis);
	redis->one_budget = false;
	redis->waited = 0;
	redis->moved = 0;
	if (status == RNM_OK)
		return RNM_OK;
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(attempt->err);
	if (status != RNM_E_IO && status != RNM_E_MALFORMED) {
		if (attempt->err != NULL)
			*attempt->err = redis->failure;
		return status;
	}
	snprintf(who, sizeof(who), named ? "%s (%s)" : "%s%s", named ? server->host : "", address->text);
	return pass_over(attempt, who, redis->reason, redis->failure.reference, redis->failure.hint,
	                 redis->failure.sys_errno);
}

static enum rnm_status try_server(struct attempt *attempt, const struct rnm_server *server)
{
	struct rnm_redis *redis = attempt->redis;
	struct rnm_io_limit limit = { redis->timeout, redis->cancel };
	struct rnm_address_list addresses;
	const char *reason = "";
	enum rnm_status status;

	status = rnm_resolve(&addresses, server, &limit, &reason);
	if (status == RNM_NO)
		return pass_over(attempt, server->host, reason,
		                 "cannot select redis server (all dead or pending DNS resolution)", "", 0);
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(attempt->err);
	if (status != RNM_OK)
		return rnm_error_set(attempt->err, status, "redis.interrupted", "interrupted");
	status = RNM_NO;
	for (size_t i = 0; i < addresses.count && status == RNM_NO; i++)
		status = try_address(attempt, server, &addresses.items[i]);
	if (status == RNM_OK && attempt->settings->ssl && server->is_unix &&
	    !note(redis, "the connection to %s is not encrypted: TLS is not used on a unix socket",
	          redis->address))
		return rnm_error_nomem(attempt->err);
	return status;
}

/* ---- the list ---- */

static enum rnm_status none_left(struct attempt *attempt, const struct rnm_server_list *list)
{
	const bool single = attempt->passed_over == 1 && list->problem_count == 0;

	for (size_t i = 0; i < list->problem_count; i++)
		add_reason(&attempt->reasons, "%s", list->problems[i]);
	rnm_error_set(attempt->err, RNM_E_IO, "redis.connect",
	              single ? "cannot connect to redis server %s" : "cannot connect to any redis server: %s",
	              rnm_buf_cstr(&attempt->reasons));
	rnm_error_set_reference(attempt->err, "%s", attempt->first_reference);
	/* What to do about it; and where, unless that is the URL which the user has just typed. */
	if (attempt->settings->origin == NULL ||
	    (attempt->first_hint[0] != '\0' && attempt->settings->literal_servers))
		rnm_error_set_hint(attempt->err, "%s", attempt->first_hint);
	else
		rnm_error_set_hint(attempt->err, "%s%sthe servers are named in %.400s", attempt->first_hint,
		                   attempt->first_hint[0] != '\0' ? "; " : "", attempt->settings->origin);
	if (attempt->err != NULL)
		attempt->err->sys_errno = attempt->first_errno;
	return RNM_E_IO;
}

static enum rnm_status try_list(struct attempt *attempt, const struct rnm_server_list *list)
{
	enum rnm_status status = RNM_NO;

	for (size_t i = 0; i < list->problem_count; i++)
		if (!note(attempt->redis, "skipped the redis server %s", list->problems[i]))
			return rnm_error_nomem(attempt->err);
	for (size_t i = 0; i < list->count && status == RNM_NO; i++)
		status = try_server(attempt, &list->items[i]);
	return status == RNM_NO ? none_left(attempt, list) : status;
}

static struct rnm_redis *new_redis(double timeout, const volatile sig_atomic_t *cancel)
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

/* From a configuration it is that which has to be mended, from a URL the command line. */
static enum rnm_status no_password(const struct rnm_redis_settings *settings, struct rnm_error *err)
{
	const char *section = settings->username_section;
	enum rnm_status status = section != NULL ? RNM_E_MALFORMED : RNM_E_USAGE;

	if (section != NULL)
		rnm_error_set(err, status, "redis.auth",
		              "expected a password beside the username of the section %s, found none",
		              section);
	else
		rnm_error_set(err, status, "redis.auth",
		              "expected a password for the redis user %.200s, found none",
		              settings->username);
	rnm_error_set_reference(err, "Redis requires a password when username is supplied");
	rnm_error_set_hint(err, "%s, or give it with --password-file FILE or in RNM_REDIS_PASSWORD",
	                   section != NULL ? "write password = \"...\"; there"
	                                   : "write redis://USER:PASSWORD@HOST");
	if (settings->username_file != NULL)
		rnm_error_at_line(err, settings->username_file, settings->username_line);
	return status;
}

static enum rnm_status check_settings(const struct rnm_redis_settings *settings, enum rnm_redis_role role,
                                      struct rnm_error *err)
{
	if (role == RNM_REDIS_WRITE && settings->write_count == 0) {
		rnm_error_set(
		    err, RNM_E_REFUSED, "redis.read-only",
		    "no write servers configured: the redis settings name servers only for reading");
		rnm_error_set_reference(err, "no write servers configured");
		rnm_error_set_hint(err, "set write_servers, or servers instead of read_servers");
		return RNM_E_REFUSED;
	}
	return settings->username != NULL && settings->password == NULL ? no_password(settings, err) : RNM_OK;
}

/* Makes what TLS needs, unless every server is a unix socket. */
static enum rnm_status prepare_tls(struct rnm_tls **out, const struct rnm_redis_settings *settings,
                                   const struct rnm_server_list *list, struct rnm_error *err)
{
	*out = NULL;
	for (size_t i = 0; settings->ssl && i < list->count; i++)
		if (!list->items[i].is_unix)
			return rnm_tls_new(out, settings, err);
	return RNM_OK;
}

static enum rnm_status connect_any(struct rnm_redis *redis, const struct rnm_redis_settings *settings,
                                   const struct rnm_server_list *list, struct rnm_error *err)
{
	struct attempt attempt;
	struct rnm_tls *tls;
	enum rnm_status status = prepare_tls(&tls, settings, list, err);

	if (status != RNM_OK)
		return status;
	memset(&attempt, 0, sizeof(attempt));
	attempt.redis = redis;
	attempt.settings = settings;
	attempt.tls = tls;
	attempt.err = err;
	rnm_buf_init(&attempt.reasons, REASONS_MAX);
	status = try_list(&attempt, list);
	rnm_tls_free(tls);
	rnm_buf_free(&attempt.reasons);
	return status;
}

enum rnm_status rnm_redis_connect(struct rnm_redis **out, const struct rnm_redis_settings *settings,
                                  enum rnm_redis_role role, const volatile sig_atomic_t *cancel,
                                  struct rnm_error *err)
{
	const bool writing = role == RNM_REDIS_WRITE;
	struct rnm_server_list list;
	struct rnm_redis *redis;
	enum rnm_status status = check_settings(settings, role, err);

	if (status != RNM_OK)
		return status;
	status = rnm_servers_parse(&list, writing ? settings->write_servers : settings->read_servers,
	                           writing ? settings->write_count : settings->read_count,
	                           settings->literal_servers, err);
	if (status != RNM_OK)
		return status;
	redis = new_redis(settings->timeout, cancel);
	status = redis == NULL ? rnm_error_nomem(err) : connect_any(redis, settings, &list, err);
	rnm_servers_clear(&list);
	if (status != RNM_OK)
		rnm_redis_free(redis);
	else
		*out = redis;
	return status;
}
