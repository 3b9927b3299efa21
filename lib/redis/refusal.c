/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/refusal.h"

#include "redis/client.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_MAX 280
#define RIGHT_MAX 64

/* What else the hint depends on. */
enum advice {
	ADVICE_PLAIN,
	ADVICE_NODE, /* the node of the cluster that the reply names */
	ADVICE_RIGHT /* the user, and the command or the keys */
};

/* No entry is the beginning of a later one. */
static const struct entry {
	const char *begins;
	const char *id;
	enum advice advice;
	bool unavailable;
	const char *hint; /* ADVICE_NODE: what comes before the node */
} entries[] = {
	{ "MOVED ", "answer.moved", ADVICE_NODE, false,
	  "the server is a node of a Redis Cluster, in which rnm does not follow redirections; the key is "
	  "on" },
	{ "ASK ", "answer.ask", ADVICE_NODE, false,
	  "the Redis Cluster is moving the key just now, and rnm does not follow redirections; run the "
	  "command "
	  "again when that is done, or ask" },
	{ "CLUSTERDOWN ", "answer.clusterdown", ADVICE_PLAIN, false,
	  "the Redis Cluster does not serve this key now (`redis-cli CLUSTER INFO` says why); rspamd itself "
	  "wants a single server or a master with replicas" },
	{ "READONLY ", "answer.readonly", ADVICE_PLAIN, false,
	  "the server is a replica: name its master in write_servers (`redis-cli ROLE` on the replica says "
	  "which); after a fail-over run the command again" },
	{ "NOPERM ", "answer.noperm", ADVICE_RIGHT, false, NULL },
	{ "NOAUTH ", "answer.noauth", ADVICE_PLAIN, false,
	  "set password in the section redis of rspamd's configuration, or give it with --password-file FILE "
	  "or "
	  "in RNM_REDIS_PASSWORD" },
	{ "WRONGPASS ", "answer.wrongpass", ADVICE_PLAIN, false,
	  "check username and password in the section redis of rspamd's configuration, and what "
	  "--password-file "
	  "or RNM_REDIS_PASSWORD gave in their place" },
	{ "LOADING ", "answer.loading", ADVICE_PLAIN, true,
	  "the server reads its data from disk: run the command again in a moment, or name another server" },
	{ "BUSY ", "answer.busy", ADVICE_PLAIN, true,
	  "the server runs a script that does not end: run the command again, or end it with `redis-cli "
	  "SCRIPT "
	  "KILL`" },
	{ "MASTERDOWN ", "answer.masterdown", ADVICE_PLAIN, true,
	  "the replica has lost its master and does not serve old data (replica-serve-stale-data no): name "
	  "another server, or run the command again after the fail-over" },
	{ "DENIED ", "answer.denied", ADVICE_PLAIN, true,
	  "the server runs in protected mode, which serves its own host only: give it a password or an ACL, "
	  "or "
	  "run rnm there" },
	{ "ERR max number of clients", "answer.clients", ADVICE_PLAIN, true,
	  "run the command again in a moment, or raise maxclients of the server" },
	{ "OOM ", "answer.oom", ADVICE_PLAIN, false,
	  "the server has reached its maxmemory: free memory there, or raise the limit" },
	{ "MISCONF ", "answer.misconf", ADVICE_PLAIN, false,
	  "the server cannot save its data and takes no writes: its log says why (a full disk?)" },
	{ "NOREPLICAS ", "answer.noreplicas", ADVICE_PLAIN, false,
	  "the server takes no writes without its replicas (min-replicas-to-write): bring them back" },
	{ "ERR unknown command", "answer.unknown-command", ADVICE_PLAIN, false,
	  "the server does not know this command: look for rename-command in its configuration, or for a "
	  "proxy "
	  "in between" },
};

/* What EXEC says when a right is missing for EXEC itself. */
#define EXEC_ABORTED "EXECABORT Transaction discarded because of: "

static const struct entry *find(const char *answer)
{
	if (strncmp(answer, EXEC_ABORTED, strlen(EXEC_ABORTED)) == 0)
		answer += strlen(EXEC_ABORTED);
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (strncmp(answer, entries[i].begins, strlen(entries[i].begins)) == 0)
			return &entries[i];
	return NULL;
}

bool rnm_refusal_is_unavailable(const char *answer)
{
	const struct entry *entry = find(answer);

	return entry != NULL && entry->unavailable;
}

/*
 * HOST:PORT of "MOVED 3999 HOST:PORT" in the form of a URL.  An IPv6 address comes without brackets; an
 * empty host means the one that answered, which is of no use in a hint.
 */
static bool read_node(const char *answer, char node[NODE_MAX])
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:";
	const char *slot = strchr(answer, ' ');
	const char *host = slot != NULL ? strchr(slot + 1, ' ') : NULL;
	const char *colon;
	size_t len;

	if (host == NULL)
		return false;
	host++;
	len = strcspn(host, " ");
	colon = memrchr(host, ':', len);
	if (colon == NULL || colon == host || len >= NODE_MAX - 2 || strspn(host, allowed) < len)
		return false;
	if (memchr(host, ':', (size_t)(colon - host)) != NULL)
		snprintf(node, NODE_MAX, "[%.*s]%.*s", (int)(colon - host), host, (int)(host + len - colon),
		         colon);
	else
		snprintf(node, NODE_MAX, "%.*s", (int)len, host);
	return true;
}

static void advise_node(struct rnm_error *err, const struct entry *entry, const char *answer)
{
	char node[NODE_MAX];

	if (read_node(answer, node))
		rnm_error_set_hint(err, "%s %s: --redis redis://%s", entry->hint, node, node);
	else
		rnm_error_set_hint(err, "%s another node", entry->hint);
}

/* "+zrevrange", or the pattern of the keys; false when neither is known well enough to be typed. */
static bool right_text(const struct rnm_refused *refused, bool key, char text[RIGHT_MAX])
{
	const char *word = key ? refused->global : refused->command;
	size_t len = word != NULL ? strlen(word) : 0;

	if (len == 0 || len > RIGHT_MAX - 3)
		return false;
	text[0] = key ? '~' : '+';
	for (size_t i = 0; i < len; i++) {
		/* Anything else would have to be quoted, or mean something in a pattern. */
		if (!isalnum((unsigned char)word[i]) && word[i] != '_')
			return false;
		text[i + 1] = key ? word[i] : (char)tolower((unsigned char)word[i]);
	}
	snprintf(text + len + 1, RIGHT_MAX - len - 1, "%s", key ? "*" : "");
	return true;
}

/* "... to access one of the keys" (Redis 6), "... to access a key" (7); else it is the command. */
static bool is_of_keys(const char *answer)
{
	return strstr(answer, "access") != NULL;
}

bool rnm_refusal_is_of_command(const char *answer)
{
	const struct entry *entry = find(answer);

	return entry != NULL && ((entry->advice == ADVICE_RIGHT && !is_of_keys(answer)) ||
	                         strcmp(entry->id, "answer.unknown-command") == 0);
}

static const char *rights_of(const struct rnm_refused *refused)
{
	if (refused->rights != NULL || refused->redis == NULL)
		return refused->rights;
	return refused->redis->rights;
}

static void advise_right(struct rnm_error *err, const struct rnm_refused *refused, const char *answer)
{
	const bool key = is_of_keys(answer);
	const char *user = refused->redis != NULL ? refused->redis->user : "USER";
	const char *rights = rights_of(refused);
	char right[RIGHT_MAX];

	if (!right_text(refused, key, right))
		snprintf(right, sizeof(right), "%s", key ? "~PATTERN" : "+COMMAND");
	if (key)
		rnm_error_set_hint(err,
		                   "the Redis user may not %s these keys: its ACL needs a key pattern such "
		                   "as %s (ACL SETUSER %s %s)",
		                   rights != NULL ? "use" : "read", right, user, right);
	else if (rights == NULL && refused->command != NULL && strcmp(refused->command, "SCAN") == 0)
		rnm_error_set_hint(
		    err,
		    "the Redis user may not run SCAN: name -r and -s instead of --all, or type "
		    "ACL SETUSER %s %s",
		    user, right);
	else
		rnm_error_set_hint(err, "the Redis user may not run %s: type ACL SETUSER %s %s (all that %s)",
		                   refused->command != NULL ? refused->command : "this command", user, right,
		                   rights != NULL ? rights : "an export needs: +zrevrange +hexists +hmget");
}

static const struct entry *advise(struct rnm_error *err, const struct rnm_refused *refused,
                                  const char *answer)
{
	const struct entry *entry = find(answer);

	if (entry == NULL || err == NULL)
		return NULL;
	switch (entry->advice) {
	case ADVICE_NODE:
		advise_node(err, entry, answer);
		break;
	case ADVICE_RIGHT:
		advise_right(err, refused, answer);
		break;
	case ADVICE_PLAIN:
		rnm_error_set_hint(err, "%s", entry->hint);
	}
	return entry;
}

void rnm_refusal_hint(struct rnm_error *err, const struct rnm_refused *refused, const char *answer)
{
	(void)advise(err, refused, answer);
}

void rnm_refusal_explain(struct rnm_error *err, const struct rnm_refused *refused, const char *answer)
{
	const struct entry *entry = advise(err, refused, answer);

	if (entry != NULL)
		snprintf(err->id, sizeof(err->id), "%s", entry->id);
}
