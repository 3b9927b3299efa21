/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server is spoken to: the first that connects, lets us in and answers, of those that a Sentinel
 * names and then of the configured ones.
 */
#include "redis/greet.h"
#include "redis/io_tls.h"
#include "redis/refusal.h"
#include "redis/sentinel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that the reasons of all servers together may take in the message of a failed connect. */
#define REASONS_MAX ((size_t)1500)
#define WHO_MAX (RNM_ADDRESS_TEXT_MAX + 300)

/* Addresses that are remembered as dead, so that none costs its timeout twice. */
#define DEAD_MAX ((size_t)64 << 10)
#define NAMES_MAX ((size_t)300)

static const char suspected_tls[] = "does the server want TLS? It is used with rediss:// or ssl = true";

struct attempt {
	struct rnm_redis *redis;
	const struct rnm_redis_settings *settings;
	const struct rnm_redis_settings *configured; /* the same, also while a Sentinel is asked */
	struct rnm_tls *tls;                         /* made for the first server that needs it */
	bool writing;
	bool at_sentinel; /* who is tried is a Sentinel; settings hold its user and password */
	enum rnm_expect expect;
	struct rnm_error *err;
	size_t passed_over;
	struct rnm_buf reasons; /* "address: reason; address: reason" */
	struct rnm_buf dead;    /* "\naddress\naddress\n" */
	int first_errno;
	char first_reference[RNM_ERROR_TEXT_MAX]; /* rspamd would have stopped there */
	char first_hint[RNM_ERROR_TEXT_MAX / 2];
	bool refused;      /* a Sentinel turned us away */
	bool server_tried; /* at least one */
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
                                 const char *reference, int sys_errno)
{
	if (attempt->passed_over++ == 0) {
		snprintf(attempt->first_reference, sizeof(attempt->first_reference), "%s", reference);
		attempt->first_errno = sys_errno;
	}
	attempt->server_tried = attempt->server_tried || !attempt->at_sentinel;
	add_reason(&attempt->reasons, "%s%s: %s", attempt->at_sentinel ? "sentinel " : "", who, reason);
	if (!note(attempt->redis, "skipped the %s %s: %s", attempt->at_sentinel ? "sentinel" : "redis server",
	          who, reason))
		return rnm_error_nomem(attempt->err);
	return RNM_NO;
}

/* That it broke off says no more than the hint of every broken connection, unless TLS is suspected. */
static bool tells_more(const struct rnm_error *failure)
{
	return strcmp(failure->id, "redis.closed") != 0 || strcmp(failure->hint, suspected_tls) == 0;
}

/* Passes over the server that redis->failure is about. */
static enum rnm_status pass_over_failed(struct attempt *attempt, const char *who)
{
	const struct rnm_redis *redis = attempt->redis;
	const struct rnm_error *failure = &redis->failure;

	if (attempt->first_hint[0] == '\0' && tells_more(failure))
		snprintf(attempt->first_hint, sizeof(attempt->first_hint), "%s", failure->hint);
	if (failure->status == RNM_E_REDIS)
		attempt->refused = true;
	return pass_over(attempt, who, redis->reason, failure->reference, failure->sys_errno);
}

static bool is_dead(const struct attempt *attempt, const char *address)
{
	char line[RNM_ADDRESS_TEXT_MAX + 2];
	int len = snprintf(line, sizeof(line), "\n%s\n", address);

	return attempt->dead.len > 0 &&
	       memmem(attempt->dead.data, attempt->dead.len, line, (size_t)len) != NULL;
}

static void remember_dead(struct attempt *attempt, const char *address)
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
	redis->cannot_write = redis->dead = false;
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
	const bool closed = strcmp(redis->failure.id, "redis.closed") == 0 && redis->in_len == 0;
	const bool alert =
	    strcmp(redis->failure.id, "redis.protocol") == 0 && redis->in_len > 0 && redis->in[0] == 21;

	if (closed || alert)
		rnm_error_set_hint(&redis->failure, "%s", suspected_tls);
}

/* The other servers have the same passwords and databases; a Sentinel is only one way to them. */
static bool may_try_another(const struct attempt *attempt, enum rnm_status status)
{
	return status == RNM_E_IO || status == RNM_E_MALFORMED || status == RNM_NO ||
	       (status == RNM_E_REDIS && attempt->at_sentinel);
}

/* Hands out the failure of the connection. */
static enum rnm_status fail_with(struct attempt *attempt, enum rnm_status status)
{
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(attempt->err);
	if (attempt->err != NULL)
		*attempt->err = attempt->redis->failure;
	return status;
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
	if (!may_try_another(attempt, status))
		return fail_with(attempt, status);
	/* It gets a second chance when there is no replica with a link. */
	if (attempt->expect == RNM_EXPECT_LINKED && strcmp(redis->failure.id, "redis.link") == 0)
		return RNM_NO;
	/* A role changes: what is no master now may be wanted as a replica later. */
	if (strcmp(redis->failure.id, "redis.role") != 0 && strcmp(redis->failure.id, "redis.link") != 0)
		remember_dead(attempt, address->text);
	snprintf(who, sizeof(who), named ? "%s (%s)" : "%s%s", named ? server->host : "", address->text);
	return pass_over_failed(attempt, who);
}

static enum rnm_status try_server(struct attempt *attempt, const struct rnm_server *server)
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
	status = rnm_resolve(&addresses, server, &limit, &reason);
	if (status == RNM_NO)
		return pass_over(attempt, server->host, reason,
		                 "cannot select redis server (all dead or pending DNS resolution)", 0);
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(attempt->err);
	if (status != RNM_OK)
		return rnm_error_set(attempt->err, status, "redis.interrupted",
		                     "interrupted while resolving %.300s", server->host);
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

/* What to do about it; and where, unless that is the URL which the user has just typed. */
static void hint_none_left(struct attempt *attempt, bool sentinels)
{
	const char *hint = attempt->first_hint;
	const char *origin = attempt->settings->origin;

	if (origin == NULL || (hint[0] != '\0' && attempt->settings->literal_servers))
		rnm_error_set_hint(attempt->err, "%s", hint);
	else
		rnm_error_set_hint(attempt->err, "%s%s%s named in %.400s", hint, hint[0] != '\0' ? "; " : "",
		                   sentinels
		                       ? "if this is a fail-over, run the command again in a moment; the "
		                         "servers and Sentinels are"
		                       : "the servers are",
		                   origin);
}

static enum rnm_status none_left(struct attempt *attempt)
{
	const struct rnm_redis_settings *settings = attempt->settings;
	const bool sentinels = settings->sentinel_count > 0;
	const bool single = attempt->passed_over == 1 && attempt->server_tried;
	const enum rnm_status status = attempt->refused && !attempt->server_tried ? RNM_E_REDIS : RNM_E_IO;

	rnm_error_set(attempt->err, status, "redis.connect",
	              single ? "cannot connect to redis server %s" : "cannot connect to any redis server: %s",
	              rnm_buf_cstr(&attempt->reasons));
	rnm_error_set_reference(attempt->err, "%s", attempt->first_reference);
	hint_none_left(attempt, sentinels);
	if (attempt->err != NULL)
		attempt->err->sys_errno = attempt->first_errno;
	return status;
}

/* RNM_NO unless memory is out. */
static enum rnm_status note_problems(struct attempt *attempt, const struct rnm_server_list *list)
{
	for (size_t i = 0; i < list->problem_count; i++)
		if (!note(attempt->redis, "skipped the %s %s",
		          attempt->at_sentinel ? "sentinel" : "redis server", list->problems[i]))
			return rnm_error_nomem(attempt->err);
	return RNM_NO;
}

/* RNM_NO when none of the list is of use. */
static enum rnm_status try_list(struct attempt *attempt, const struct rnm_server_list *list)
{
	enum rnm_status status = note_problems(attempt, list);

	for (size_t i = 0; i < list->count && status == RNM_NO; i++)
		status = try_server(attempt, &list->items[i]);
	for (size_t i = 0; i < list->problem_count && status == RNM_NO; i++) {
		attempt->passed_over++;
		add_reason(&attempt->reasons, "%s", list->problems[i]);
	}
	return status;
}

/* ---- Sentinel ---- */

/* A Sentinel has users and passwords of its own, and no databases. */
static struct rnm_redis_settings for_sentinel(const struct rnm_redis_settings *settings)
{
	struct rnm_redis_settings own = *settings;

	own.username = settings->sentinel_username;
	own.password = settings->sentinel_password;
	own.db = NULL;
	return own;
}

/* Takes down what one Sentinel knows.  RNM_NO when it was passed over. */
static enum rnm_status ask_sentinel(struct attempt *attempt, const struct rnm_server *sentinel,
                                    struct rnm_sentinel_map *map)
{
	const struct rnm_redis_settings *settings = attempt->settings;
	const struct rnm_redis_settings own = for_sentinel(settings);
	struct rnm_redis *redis = attempt->redis;
	enum rnm_status status;

	attempt->settings = &own;
	attempt->at_sentinel = true;
	attempt->expect = RNM_EXPECT_ANY;
	redis->sentinel[0] = '\0';
	rnm_error_clear(&redis->failure);
	status = try_server(attempt, sentinel);
	if (status == RNM_OK) {
		status = rnm_sentinel_ask(redis, settings->sentinel_masters_pattern, !attempt->writing, map);
		if (status == RNM_OK)
			memcpy(redis->sentinel, redis->address, sizeof(redis->sentinel));
		else if (may_try_another(attempt, status))
			status = pass_over_failed(attempt, redis->address);
		else
			status = fail_with(attempt, status);
	}
	attempt->settings = settings;
	attempt->at_sentinel = false;
	return status;
}

/* The same, and once more at Sentinel's own port when rspamd's default was not written and finds none. */
static enum rnm_status ask_item(struct attempt *attempt, const struct rnm_server *item,
                                struct rnm_sentinel_map *map)
{
	const struct rnm_error *failure = &attempt->redis->failure;
	struct rnm_server standard = *item;
	enum rnm_status status = ask_sentinel(attempt, item, map);

	/* No failure: its name is not known.  RNM_NO, or the pattern: it is a Sentinel, with nothing for us. */
	if (status != RNM_NO || item->has_port || item->is_unix || failure->status == RNM_OK ||
	    failure->status == RNM_NO || strcmp(failure->id, "lua.pattern") == 0)
		return status;
	standard.port = RNM_SENTINEL_STANDARD_PORT;
	return ask_sentinel(attempt, &standard, map);
}

static enum rnm_status pass_over_node(struct attempt *attempt, const struct rnm_sentinel_node *node)
{
	const char *kind = node->is_replica ? "a replica" : "the master";
	char who[WHO_MAX];

	if (node->port == 0)
		snprintf(who, sizeof(who), "(%s of %s)", kind, node->group);
	else
		snprintf(who, sizeof(who),
		         strchr(node->host, ':') != NULL ? "[%s]:%u (%s of %s)" : "%s:%u (%s of %s)",
		         node->host, (unsigned)node->port, kind, node->group);
	return pass_over(attempt, who, node->problem, "", 0);
}

static enum rnm_status try_node(struct attempt *attempt, const struct rnm_sentinel_node *node,
                                enum rnm_expect expect)
{
	const struct rnm_server server = { .host = node->host, .port = node->port };
	struct rnm_redis *redis = attempt->redis;
	enum rnm_status status;

	attempt->expect = expect;
	status = try_server(attempt, &server);
	if (status == RNM_OK && redis->role == RNM_ROLE_UNKNOWN) {
		redis->role = node->is_replica ? RNM_ROLE_REPLICA : RNM_ROLE_MASTER;
		redis->linked = node->linked;
	}
	return status;
}

/*
 * In the order of a fresh rspamd process: the master, then its replicas, then the next master.  The second
 * round takes those of which less is known: a Sentinel loses its connections in the middle of a fail-over,
 * and where a master has died all of its replicas have no link.
 */
static enum rnm_status try_nodes(struct attempt *attempt, const struct rnm_sentinel_map *map)
{
	enum rnm_status status = RNM_NO;

	for (size_t i = 0; i < map->count && status == RNM_NO; i++) {
		const struct rnm_sentinel_node *node = &map->items[i];

		if (node->problem != NULL)
			status = pass_over_node(attempt, node);
		else if (!node->unsure)
			status =
			    try_node(attempt, node, node->is_replica ? RNM_EXPECT_LINKED : RNM_EXPECT_MASTER);
	}
	for (size_t i = 0; i < map->count && status == RNM_NO; i++) {
		const struct rnm_sentinel_node *node = &map->items[i];

		if (node->problem == NULL && (node->unsure || node->is_replica))
			status =
			    try_node(attempt, node, node->is_replica ? RNM_EXPECT_DATA : RNM_EXPECT_MASTER);
	}
	return status;
}

/* Things that a user has to know who gets data from a server which a Sentinel has named. */
static bool note_choice(struct rnm_redis *redis, const struct rnm_sentinel_map *map)
{
	struct rnm_buf names;
	bool good = true;

	if (redis->role == RNM_ROLE_REPLICA)
		good = note(redis, "reading from the replica %s, %s", redis->address,
		            redis->linked ? "which may lag behind its master"
		                          : "which has no link to its master and may be out of date");
	if (map->masters < 2)
		return good;
	rnm_buf_init(&names, NAMES_MAX);
	rnm_sentinel_map_names(map, &names);
	good =
	    good && note(redis,
	                 "the sentinel %s watches %zu masters (%s): rspamd uses all of them, rnm the first "
	                 "that answers; name one with sentinel_masters_pattern",
	                 redis->sentinel, map->masters, rnm_buf_cstr(&names));
	rnm_buf_free(&names);
	return good;
}

/* RNM_NO when none of the Sentinels leads to a server: they may be out of date, or cut off. */
static enum rnm_status try_sentinels(struct attempt *attempt, const struct rnm_server_list *list)
{
	enum rnm_status status = RNM_NO;

	for (size_t i = 0; i < list->count && status == RNM_NO; i++) {
		struct rnm_sentinel_map map;

		status = ask_item(attempt, &list->items[i], &map);
		if (status != RNM_OK)
			continue;
		status = try_nodes(attempt, &map);
		if (status == RNM_OK && !note_choice(attempt->redis, &map))
			status = rnm_error_nomem(attempt->err);
		rnm_sentinel_map_clear(&map);
	}
	if (status == RNM_NO)
		attempt->redis->sentinel[0] = '\0';
	return status;
}

/* ---- all of it ---- */

static enum rnm_status check_settings(const struct rnm_redis_settings *settings, enum rnm_redis_role role,
                                      struct rnm_error *err)
{
	/* Where Sentinels are the only way, they name the master. */
	const bool writable =
	    settings->write_count > 0 || (settings->read_count == 0 && settings->sentinel_count > 0);

	if (role == RNM_REDIS_WRITE && !writable) {
		rnm_error_set(
		    err, RNM_E_REFUSED, "redis.read-only",
		    "no write servers configured: the redis settings name servers only for reading");
		rnm_error_set_reference(err, "no write servers configured");
		rnm_error_set_hint(err, "set write_servers, or servers instead of read_servers");
		return RNM_E_REFUSED;
	}
	return rnm_greet_check(settings, err);
}

/* The Sentinels of the settings.  RNM_NO when there are none, or none that helps. */
static enum rnm_status connect_by_sentinel(struct attempt *attempt)
{
	const struct rnm_redis_settings *settings = attempt->settings;
	const struct rnm_servers_syntax syntax = { .default_port = RNM_SENTINEL_PORT };
	struct rnm_server_list list;
	struct rnm_error err;
	enum rnm_status status;

	if (settings->sentinel_count == 0)
		return RNM_NO;
	status = rnm_servers_parse(&list, settings->sentinels, settings->sentinel_count, syntax, &err);
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(attempt->err);
	attempt->at_sentinel = true;
	if (status != RNM_OK)
		return pass_over(attempt, "list", err.message, "", 0);
	status = note_problems(attempt, &list);
	attempt->at_sentinel = false;
	if (status == RNM_NO)
		status = try_sentinels(attempt, &list);
	if (status == RNM_NO && settings->read_count > 0 &&
	    !note(attempt->redis, "no sentinel leads to a server of use: taking the configured ones"))
		status = rnm_error_nomem(attempt->err);
	rnm_servers_clear(&list);
	return status;
}

/* The configured servers.  RNM_NO when there are none (but Sentinels), or none that helps. */
static enum rnm_status connect_configured(struct attempt *attempt)
{
	const struct rnm_redis_settings *settings = attempt->settings;
	const struct rnm_servers_syntax syntax = { .literal = settings->literal_servers };
	struct rnm_server_list list;
	enum rnm_status status;

	if (settings->read_count == 0 && settings->sentinel_count > 0)
		return RNM_NO;
	status = rnm_servers_parse(&list, attempt->writing ? settings->write_servers : settings->read_servers,
	                           attempt->writing ? settings->write_count : settings->read_count, syntax,
	                           attempt->err);
	if (status != RNM_OK)
		return status;
	attempt->expect = attempt->writing ? RNM_EXPECT_MASTER : RNM_EXPECT_ANY;
	status = try_list(attempt, &list);
	rnm_servers_clear(&list);
	return status;
}

static enum rnm_status connect_any(struct attempt *attempt)
{
	enum rnm_status status;

	rnm_buf_init(&attempt->reasons, REASONS_MAX);
	rnm_buf_init(&attempt->dead, DEAD_MAX);
	status = connect_by_sentinel(attempt);
	if (status == RNM_NO)
		status = connect_configured(attempt);
	if (status == RNM_NO)
		status = none_left(attempt);
	rnm_buf_free(&attempt->reasons);
	rnm_buf_free(&attempt->dead);
	rnm_tls_free(attempt->tls);
	return status;
}

enum rnm_status rnm_redis_connect(struct rnm_redis **out, const struct rnm_redis_settings *settings,
                                  enum rnm_redis_role role, const volatile sig_atomic_t *cancel,
                                  struct rnm_error *err)
{
	struct attempt attempt = {
		.settings = settings, .configured = settings, .writing = role == RNM_REDIS_WRITE, .err = err
	};
	enum rnm_status status = check_settings(settings, role, err);

	if (status != RNM_OK)
		return status;
	attempt.redis = rnm_client_new(settings->timeout, cancel);
	status = attempt.redis == NULL ? rnm_error_nomem(err) : connect_any(&attempt);
	if (status != RNM_OK)
		rnm_redis_free(attempt.redis);
	else
		*out = attempt.redis;
	return status;
}
