/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/greet.h"

#include "redis/refusal.h"

#include <stdio.h>
#include <string.h>

/* How much of a server's refusal is repeated. */
#define REFUSAL_MAX ((size_t)400)
/* Bytes of an answer to AUTH, SELECT or PING, which are never read. */
#define ANSWER_MAX ((uint64_t)1024)
/* A master names all of its replicas in its answer to ROLE, each in some 200 bytes of memory. */
#define ROLE_REPLY_MAX ((size_t)1 << 20)

/* ---- before ---- */

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

enum rnm_status rnm_greet_check(const struct rnm_redis_settings *settings, struct rnm_error *err)
{
	if (settings->username != NULL && settings->password == NULL)
		return no_password(settings, err);
	if (settings->sentinel_count == 0 || settings->sentinel_username == NULL ||
	    settings->sentinel_password != NULL)
		return RNM_OK;
	rnm_error_set(err, RNM_E_MALFORMED, "redis.auth",
	              "expected a sentinel_password beside sentinel_username, found none");
	rnm_error_set_hint(err, "write sentinel_password = \"...\"; there");
	return RNM_E_MALFORMED;
}

/* ---- the greeting ---- */

enum greeting { GREETING_AUTH, GREETING_SELECT, GREETING_PING };

/*
 * All commands of the greeting go out together, in rspamd's order (src/lua/lua_redis.c).  PING comes on
 * top: without password and database only its answer tells a server from a port that merely accepts.
 */
static enum rnm_status send_greeting(struct rnm_redis *redis, const struct rnm_redis_settings *settings,
                                     enum rnm_expect expect)
{
	enum rnm_status status = RNM_OK;

	if (settings->password != NULL && settings->username != NULL)
		status = rnm_redis_sendv(redis, NULL, "AUTH", settings->username, settings->password, NULL);
	else if (settings->password != NULL)
		status = rnm_redis_sendv(redis, NULL, "AUTH", settings->password, NULL);
	if (status == RNM_OK && settings->db != NULL)
		status = rnm_redis_sendv(redis, NULL, "SELECT", settings->db, NULL);
	if (status == RNM_OK)
		status = rnm_redis_sendv(redis, NULL, "PING", NULL);
	if (status == RNM_OK && expect != RNM_EXPECT_ANY)
		status = rnm_redis_sendv(redis, NULL, "ROLE", NULL);
	return status;
}

static enum rnm_status refused_auth(struct rnm_redis *redis, const char *origin, const char *text)
{
	rnm_client_fail(redis, NULL, RNM_E_REDIS, "redis.auth", text, "AUTH was refused: %s", text);
	rnm_error_set_hint(&redis->failure,
	                   "check the options username and password of %.300s, and what --password-file or "
	                   "RNM_REDIS_PASSWORD gave in their place",
	                   origin);
	return RNM_E_REDIS;
}

static enum rnm_status refused_select(struct rnm_redis *redis, const char *db, const char *origin,
                                      const char *text)
{
	const struct rnm_refused what = { .redis = redis, .command = "SELECT" };

	if (strncmp(text, "NOAUTH", 6) == 0) {
		rnm_client_fail(redis, NULL, RNM_E_REDIS, "redis.auth", text,
		                "the server wants a password and none was given: %s", text);
		rnm_error_set_hint(
		    &redis->failure,
		    "add the option password to %.300s, or give it with --password-file FILE or in "
		    "RNM_REDIS_PASSWORD",
		    origin);
		return RNM_E_REDIS;
	}
	rnm_client_fail(redis, NULL, RNM_E_REDIS, "redis.select", text, "SELECT %.80s was refused: %s", db,
	                text);
	rnm_error_set_hint(&redis->failure, "check the option db of %.300s", origin);
	rnm_refusal_hint(&redis->failure, &what, text);
	return RNM_E_REDIS;
}

/* Any answer will do, but not one without end: dropping it would take as long as the server likes. */
static enum rnm_status take_answer(struct rnm_redis *redis, const struct rnm_event *event)
{
	if (event->kind == RNM_EVENT_ARRAY || event->kind == RNM_EVENT_MAP ||
	    (event->kind == RNM_EVENT_BULK_BEGIN && event->length > ANSWER_MAX))
		return rnm_client_fail(redis, NULL, RNM_E_MALFORMED, "redis.protocol", "",
		                       "expected a short answer to the first commands, found %s",
		                       event->kind == RNM_EVENT_BULK_BEGIN ? "a long one" : "a list");
	return rnm_redis_skip(redis, event, NULL);
}

static enum rnm_status read_greeting(struct rnm_redis *redis, const struct rnm_redis_settings *settings,
                                     enum greeting greeting)
{
	const char *origin = settings->origin != NULL ? settings->origin : "the redis settings";
	char text[REFUSAL_MAX];
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(redis, &event, NULL);

	if (status != RNM_OK)
		return status;
	if (event.kind != RNM_EVENT_ERROR)
		return take_answer(redis, &event);
	snprintf(text, sizeof(text), "%.*s",
	         (int)(event.data.len < REFUSAL_MAX ? event.data.len : REFUSAL_MAX), event.data.data);
	if (rnm_refusal_is_unavailable(text)) {
		const struct rnm_refused what = { .redis = redis };

		rnm_client_fail(redis, NULL, RNM_E_IO, "redis.unavailable", text, "%s", text);
		rnm_refusal_hint(&redis->failure, &what, text);
		return RNM_E_IO;
	}
	switch (greeting) {
	case GREETING_AUTH:
		return refused_auth(redis, origin, text);
	case GREETING_SELECT:
		return refused_select(redis, settings->db, origin, text);
	case GREETING_PING:
		break;
	}
	return RNM_OK;
}

/* ---- the role ---- */

static const char *text_at(const struct rnm_reply *reply, size_t index)
{
	if (reply->kind != RNM_EVENT_ARRAY || index >= reply->count ||
	    reply->items[index].kind != RNM_EVENT_BULK_BEGIN)
		return "";
	return reply->items[index].text.data;
}

/* ["master", offset, [...]], ["slave", host, port, state of the link, offset] or ["sentinel", ...] */
static enum rnm_status judge_role(struct rnm_redis *redis, const struct rnm_reply *reply,
                                  enum rnm_expect expect)
{
	const char *name = text_at(reply, 0);
	const char *link = text_at(reply, 3);
	long long port = reply->kind == RNM_EVENT_ARRAY && reply->count > 2 ? reply->items[2].integer : 0;

	if (strcmp(name, "master") == 0) {
		redis->role = RNM_ROLE_MASTER;
		return RNM_OK;
	}
	if (strcmp(name, "slave") != 0)
		return rnm_client_fail(redis, NULL, RNM_E_IO, "redis.role", "",
		                       "expected a master or a replica, found %.40s%s",
		                       *name != '\0' ? "a " : "another answer to ROLE", name);
	redis->role = RNM_ROLE_REPLICA;
	if (expect == RNM_EXPECT_MASTER) {
		rnm_client_fail(redis, NULL, RNM_E_IO, "redis.role", "",
		                "expected a master, found a replica of %.200s:%lld", text_at(reply, 1), port);
		rnm_error_set_hint(&redis->failure, "name the master in write_servers");
		return RNM_E_IO;
	}
	redis->linked = strcmp(link, "connected") == 0;
	/* "sync": what it has is about to be replaced, and it may have nothing yet. */
	if (!redis->linked && (expect == RNM_EXPECT_LINKED || strcmp(link, "sync") == 0))
		return rnm_client_fail(redis, NULL, RNM_E_IO, "redis.link", "",
		                       "expected a replica with a link to its master %.200s:%lld, found the "
		                       "link in the state %.40s",
		                       text_at(reply, 1), port, *link != '\0' ? link : "unknown");
	return RNM_OK;
}

static enum rnm_status read_role(struct rnm_redis *redis, enum rnm_expect expect)
{
	struct rnm_reply *reply = NULL;
	enum rnm_status status = rnm_redis_reply(redis, &reply, ROLE_REPLY_MAX, NULL);

	if (status != RNM_OK)
		return status;
	/* NOPERM, or a server without this command: whoever named it is believed. */
	if (reply->kind != RNM_EVENT_ERROR)
		status = judge_role(redis, reply, expect);
	rnm_reply_free(reply);
	return status;
}

/* For hints: the user whose rights an answer is about. */
static void take_user(struct rnm_redis *redis, const struct rnm_redis_settings *settings)
{
	const char *user = settings->username != NULL ? settings->username : "default";

	snprintf(redis->user, sizeof(redis->user), "%s", strlen(user) < sizeof(redis->user) ? user : "USER");
}

enum rnm_status rnm_greet(struct rnm_redis *redis, const struct rnm_redis_settings *settings,
                          enum rnm_expect expect)
{
	enum rnm_status status = send_greeting(redis, settings, expect);

	take_user(redis, settings);
	if (status == RNM_OK && settings->password != NULL)
		status = read_greeting(redis, settings, GREETING_AUTH);
	if (status == RNM_OK && settings->db != NULL)
		status = read_greeting(redis, settings, GREETING_SELECT);
	if (status == RNM_OK)
		status = read_greeting(redis, settings, GREETING_PING);
	if (status == RNM_OK && expect != RNM_EXPECT_ANY)
		status = read_role(redis, expect);
	return status;
}
