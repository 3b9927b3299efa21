/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which servers are tried: those that a Sentinel names, and then the configured ones.
 */
#include "redis/attempt.h"
#include "redis/sentinel.h"

#include <stdio.h>
#include <string.h>

/* The name of a node with what it is. */
#define WHO_MAX (RNM_SENTINEL_NAME_MAX + 400)
#define NAMES_MAX ((size_t)300)

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
static enum rnm_status ask_sentinel(struct rnm_attempt *attempt, const struct rnm_server *sentinel,
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
	status = rnm_attempt_server(attempt, sentinel);
	if (status == RNM_OK) {
		status = rnm_sentinel_ask(redis, settings->sentinel_masters_pattern, !attempt->writing, map);
		if (status == RNM_OK)
			memcpy(redis->sentinel, redis->address, sizeof(redis->sentinel));
		else
			status = rnm_attempt_failed(attempt, status, redis->address);
	}
	attempt->settings = settings;
	attempt->at_sentinel = false;
	return status;
}

/* The same, and once more at Sentinel's own port when rspamd's default was not written and finds none. */
static enum rnm_status ask_item(struct rnm_attempt *attempt, const struct rnm_server *item,
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

static enum rnm_status pass_over_node(struct rnm_attempt *attempt, const struct rnm_sentinel_node *node)
{
	const char *kind = node->is_replica ? "a replica" : "the master";
	char who[WHO_MAX];

	if (node->port == 0)
		snprintf(who, sizeof(who), "(%s of %s)", kind, node->group);
	else
		snprintf(who, sizeof(who),
		         strchr(node->host, ':') != NULL ? "[%s]:%u (%s of %s)" : "%s:%u (%s of %s)",
		         node->host, (unsigned)node->port, kind, node->group);
	return rnm_attempt_pass_over(attempt, who, node->problem, "", "", 0);
}

static enum rnm_status try_node(struct rnm_attempt *attempt, const struct rnm_sentinel_node *node,
                                enum rnm_expect expect)
{
	const struct rnm_server server = { .host = node->host, .port = node->port };
	struct rnm_redis *redis = attempt->redis;
	enum rnm_status status;

	attempt->expect = expect;
	status = rnm_attempt_server(attempt, &server);
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
static enum rnm_status try_nodes(struct rnm_attempt *attempt, const struct rnm_sentinel_map *map)
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
	char memory[NAMES_MAX + 1];
	struct rnm_buf names;
	bool good = true;

	if (redis->role == RNM_ROLE_REPLICA)
		good =
		    rnm_client_note(redis, "reading from the replica %s, %s", redis->address,
		                    redis->linked ? "which may lag behind its master"
		                                  : "which has no link to its master and may be out of date");
	if (map->masters < 2)
		return good;
	rnm_buf_init_in(&names, memory, sizeof(memory));
	rnm_sentinel_map_names(map, &names);
	return good && rnm_client_note(
			   redis,
			   "the sentinel %s watches %zu masters (%s): rspamd uses all of them, rnm the first "
			   "that answers; name one with sentinel_masters_pattern",
			   redis->sentinel, map->masters, rnm_buf_cstr(&names));
}

/* RNM_NO when none of the Sentinels leads to a server: they may be out of date, or cut off. */
static enum rnm_status try_sentinels(struct rnm_attempt *attempt, const struct rnm_server_list *list)
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
static enum rnm_status connect_by_sentinel(struct rnm_attempt *attempt)
{
	const struct rnm_redis_settings *settings = attempt->settings;
	const struct rnm_servers_syntax syntax = { .default_port = RNM_SENTINEL_PORT };
	struct rnm_server_list list;
	struct rnm_error err;
	enum rnm_status status;

	if (settings->sentinel_count == 0)
		return RNM_NO;
	memset(&list, 0, sizeof(list)); /* what remains of it when it cannot be used */
	status = rnm_servers_parse(&list, settings->sentinels, settings->sentinel_count, syntax, &err);
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(attempt->err);
	attempt->at_sentinel = true;
	if (status != RNM_OK)
		status = rnm_attempt_pass_over(attempt, "list", err.message, "", err.hint, 0);
	else
		status = rnm_attempt_note_problems(attempt, &list);
	attempt->at_sentinel = false;
	if (status == RNM_NO)
		status = try_sentinels(attempt, &list);
	if (status == RNM_NO && settings->read_count > 0 &&
	    !rnm_client_note(attempt->redis,
	                     "no sentinel leads to a server of use: taking the configured ones"))
		status = rnm_error_nomem(attempt->err);
	rnm_servers_clear(&list);
	return status;
}

/* The configured servers.  RNM_NO when there are none (but Sentinels), or none that helps. */
static enum rnm_status connect_configured(struct rnm_attempt *attempt)
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
	status = rnm_attempt_list(attempt, &list);
	rnm_servers_clear(&list);
	return status;
}

static enum rnm_status connect_any(struct rnm_attempt *attempt)
{
	enum rnm_status status;

	rnm_attempt_init(attempt);
	status = connect_by_sentinel(attempt);
	if (status == RNM_NO)
		status = connect_configured(attempt);
	if (status == RNM_NO)
		status = rnm_attempt_none_left(attempt);
	rnm_attempt_clear(attempt);
	return status;
}

enum rnm_status rnm_redis_connect(struct rnm_redis **out, const struct rnm_redis_settings *settings,
                                  enum rnm_redis_role role, const volatile sig_atomic_t *cancel,
                                  struct rnm_error *err)
{
	struct rnm_attempt attempt = {
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
