/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/servers.h"

#include <rnm/redis.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* Longest host name that a resolver takes, and how much of a bad element a message repeats. */
#define HOST_MAX ((size_t)255)
#define QUOTE_MAX 80

static const char separators[] = ";, \t\r\n";

struct reader {
	struct rnm_server_list *list;
	struct rnm_servers_syntax syntax;
	size_t max_items; /* room in list->items and list->problems */
	bool nomem;
};

/*
 * Records why an item is of no use.  Always false, so that a parser may end in `return problem(...)`.
 */
RNM_PRINTF(3, 4)
static bool problem(struct reader *reader, struct rnm_bytes item, const char *fmt, ...)
{
	struct rnm_server_list *list = reader->list;
	char quoted[QUOTE_MAX + 4];
	char why[256];
	size_t len = item.len < QUOTE_MAX ? item.len : QUOTE_MAX;
	va_list args;

	for (size_t i = 0; i < len; i++)
		quoted[i] = isprint((unsigned char)item.data[i]) ? item.data[i] : '?';
	(void)snprintf(quoted + len, sizeof(quoted) - len, "%s", item.len > len ? "..." : "");
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);

	list->problems[list->problem_count] = rnm_arena_printf(&list->arena, "\"%s\": %s", quoted, why);
	if (list->problems[list->problem_count] == NULL)
		reader->nomem = true;
	else
		list->problem_count++;
	return false;
}

static bool add(struct reader *reader, struct rnm_bytes host, uint16_t port, bool has_port, uint32_t priority)
{
	struct rnm_server_list *list = reader->list;
	struct rnm_server *server = &list->items[list->count];

	server->host = rnm_arena_strndup(&list->arena, host.data, host.len);
	if (server->host == NULL) {
		reader->nomem = true;
		return false;
	}
	server->is_unix = port == 0;
	server->port = port;
	server->has_port = has_port;
	server->priority = priority;
	server->position = list->count++;
	return true;
}

/* A decimal number of digits only that does not exceed max. */
static bool parse_number(struct rnm_bytes text, uint32_t max, uint32_t *out)
{
	uint64_t number = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!isdigit((unsigned char)text.data[i]))
			return false;
		number = number * 10 + (uint64_t)(text.data[i] - '0');
		if (number > max)
			return false;
	}
	*out = (uint32_t)number;
	return true;
}

static bool starts_with(struct rnm_bytes text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

/* The text up to the next colon; *rest is what follows it, with data NULL when there was none. */
static struct rnm_bytes take_field(struct rnm_bytes *rest)
{
	struct rnm_bytes field = *rest;
	const char *colon = memchr(rest->data, ':', rest->len);

	if (colon == NULL) {
		rest->data = NULL;
		rest->len = 0;
		return field;
	}
	field.len = (size_t)(colon - field.data);
	rest->data += field.len + 1;
	rest->len -= field.len + 1;
	return field;
}

/* Whether text is the kind of literal that inet_pton knows as family. */
static bool is_literal(int family, const char *data, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (len >= sizeof(text))
		return false;
	memcpy(text, data, len);
	text[len] = '\0';
	return inet_pton(family, text, &addr) == 1;
}

/* What follows the host: nothing, :port or :port:priority.  tail.data is NULL for nothing. */
static bool parse_tail(struct reader *reader, struct rnm_bytes item, struct rnm_bytes host,
                       struct rnm_bytes tail)
{
	uint32_t port = reader->syntax.default_port;
	const bool has_port = tail.data != NULL;
	uint32_t priority = 0;

	if (tail.data != NULL) {
		struct rnm_bytes field = take_field(&tail);

		if (!parse_number(field, UINT16_MAX, &port) || port == 0)
			return problem(reader, item,
			               "expected a port from 1 to 65535 after the host, found \"%.*s\"",
			               (int)(field.len < QUOTE_MAX ? field.len : QUOTE_MAX), field.data);
	}
	if (tail.data != NULL && !parse_number(tail, UINT16_MAX, &priority))
		return problem(reader, item,
		               "expected a priority from 0 to 65535 after the port, found \"%.*s\"",
		               (int)(tail.len < QUOTE_MAX ? tail.len : QUOTE_MAX), tail.data);
	return add(reader, host, (uint16_t)port, has_port, priority);
}

/* [v6], [v6]:port, [v6]:port:priority */
static bool parse_bracketed(struct reader *reader, struct rnm_bytes item)
{
	const char *end = memchr(item.data, ']', item.len);
	const char *zone;
	struct rnm_bytes host = { item.data + 1, 0 };
	struct rnm_bytes tail = { NULL, 0 };
	size_t literal;

	if (end == NULL)
		return problem(reader, item, "expected ']' after the IPv6 address");
	host.len = (size_t)(end - host.data);
	zone = memchr(host.data, '%', host.len);
	literal = zone == NULL ? host.len : (size_t)(zone - host.data);
	if (!is_literal(AF_INET6, host.data, literal))
		return problem(reader, item, "expected an IPv6 address between the brackets");
	if (end + 1 < item.data + item.len) {
		if (end[1] != ':')
			return problem(reader, item, "expected ':' and a port after ']'");
		tail.data = end + 2;
		tail.len = item.len - (size_t)(tail.data - item.data);
	}
	return parse_tail(reader, item, host, tail);
}

/* host, host:port, host:port:priority */
static bool parse_host(struct reader *reader, struct rnm_bytes item)
{
	struct rnm_bytes tail = item;
	struct rnm_bytes host;

	/* rspamd reads ::1 as an empty host and port 0, and then reports a refused connection. */
	if (is_literal(AF_INET6, item.data, item.len))
		return problem(reader, item, "an IPv6 address must stand in brackets: [%.*s] or [%.*s]:%d",
		               (int)item.len, item.data, (int)item.len, item.data,
		               (int)reader->syntax.default_port);
	host = take_field(&tail);
	if (host.len == 0)
		return problem(reader, item, "expected a host before the ':'");
	if (host.len > HOST_MAX)
		return problem(reader, item, "a host name has at most %zu bytes", HOST_MAX);
	return parse_tail(reader, item, host, tail);
}

static bool parse_item(struct reader *reader, struct rnm_bytes item)
{
	const size_t path_max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (item.len == 0)
		return problem(reader, item, "it is empty");
	if (item.data[0] == '/' || item.data[0] == '.') {
		/* rspamd cuts a longer path and then looks for a socket of another name. */
		if (item.len > path_max)
			return problem(reader, item, "the path of a unix socket has at most %zu bytes",
			               path_max);
		return add(reader, item, 0, false, 0);
	}
	if (memmem(item.data, item.len, "://", 3) != NULL)
		return problem(reader, item,
		               "expected host:port:priority or the path of a socket, found a URL");
	if (starts_with(item, "unix:"))
		return problem(reader, item, "the path of a unix socket is written alone, without \"unix:\"");
	if (starts_with(item, "service="))
		return problem(reader, item,
		               "servers from DNS service records are not supported; name them directly");
	return item.data[0] == '[' ? parse_bracketed(reader, item) : parse_host(reader, item);
}

/* Reads the prefix, if any, and returns what follows it. */
static const char *parse_rotation(struct rnm_server_list *list, const char *text)
{
	static const struct {
		const char *prefix;
		enum rnm_rotation rotation;
	} table[] = {
		{ "random:", RNM_ROTATION_RANDOM },
		{ "master-slave:", RNM_ROTATION_MASTER_SLAVE },
		{ "round-robin:", RNM_ROTATION_ROUND_ROBIN },
		{ "hash:", RNM_ROTATION_HASH },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t len = strlen(table[i].prefix);

		if (strncmp(text, table[i].prefix, len) == 0) {
			list->rotation = table[i].rotation;
			return text + len;
		}
	}
	return text;
}

static void parse_text(struct reader *reader, const char *text)
{
	if (reader->syntax.literal) {
		(void)parse_item(reader, (struct rnm_bytes){ text, strlen(text) });
		return;
	}
	text = parse_rotation(reader->list, text);
	while (!reader->nomem) {
		struct rnm_bytes item;

		text += strspn(text, separators);
		item.data = text;
		item.len = strcspn(text, separators);
		if (item.len == 0)
			return;
		(void)parse_item(reader, item); /* what was wrong is in list->problems */
		text += item.len;
	}
}

static size_t count_items(const char *text)
{
	size_t count = 0;

	for (;;) {
		text += strspn(text, separators);
		if (*text == '\0')
			return count;
		text += strcspn(text, separators);
		count++;
	}
}

static int by_priority(const void *left, const void *right)
{
	const struct rnm_server *a = left;
	const struct rnm_server *b = right;

	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return a->position < b->position ? -1 : 1;
}

static void put_in_order(struct rnm_server_list *list)
{
	if (list->rotation == RNM_ROTATION_RANDOM || list->rotation == RNM_ROTATION_HASH)
		return; /* rspamd picks without regard to priority, and any fixed order is as good */
	/* rspamd: src/libutil/upstream.c gives the first server this much, so that it is the master. */
	if (list->rotation == RNM_ROTATION_MASTER_SLAVE && list->items[0].priority == 0)
		list->items[0].priority = 1;
	qsort(list->items, list->count, sizeof(list->items[0]), by_priority);
}

/* Makes room for every item that the texts can hold, as a server or as a problem. */
static enum rnm_status prepare(struct reader *reader, char *const *texts, size_t count, struct rnm_error *err)
{
	struct rnm_server_list *list = reader->list;
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(texts[i]);

		if (len > RNM_SERVERS_TEXT_MAX - bytes)
			return rnm_error_set(err, RNM_E_MALFORMED, "redis.servers",
			                     "the list of Redis servers is longer than %zu bytes",
			                     RNM_SERVERS_TEXT_MAX);
		bytes += len;
		reader->max_items += reader->syntax.literal ? 1 : count_items(texts[i]);
	}
	if (reader->max_items > RNM_SERVERS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "redis.servers",
		                     "the list of Redis servers has %zu elements, more than %zu",
		                     reader->max_items, RNM_SERVERS_MAX);
	if (reader->max_items == 0) {
		enum rnm_status status = rnm_error_set(err, RNM_E_MALFORMED, "redis.servers",
		                                       "the list of Redis servers is empty");

		rnm_error_set_reference(err,
		                        "cannot select redis server (all dead or pending DNS resolution)");
		return status;
	}
	list->items = rnm_arena_alloc(&list->arena, reader->max_items * sizeof(list->items[0]));
	list->problems = rnm_arena_alloc(&list->arena, reader->max_items * sizeof(list->problems[0]));
	return list->items == NULL || list->problems == NULL ? rnm_error_nomem(err) : RNM_OK;
}

static enum rnm_status parse_all(struct rnm_server_list *list, char *const *texts, size_t count,
                                 struct rnm_servers_syntax syntax, struct rnm_error *err)
{
	struct reader reader = { .list = list, .syntax = syntax };
	enum rnm_status status = prepare(&reader, texts, count, err);

	if (status != RNM_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		parse_text(&reader, texts[i]);
	if (reader.nomem)
		return rnm_error_nomem(err);
	if (list->count == 0) {
		rnm_error_set(err, RNM_E_MALFORMED, "redis.servers",
		              "the list of Redis servers names no usable server: %s", list->problems[0]);
		rnm_error_set_reference(err,
		                        "cannot select redis server (all dead or pending DNS resolution)");
		rnm_error_set_hint(err, "a server is written host:port, [v6]:port or /path/of/redis.sock");
		return RNM_E_MALFORMED;
	}
	put_in_order(list);
	return RNM_OK;
}

enum rnm_status rnm_servers_parse(struct rnm_server_list *out, char *const *texts, size_t count,
                                  struct rnm_servers_syntax syntax, struct rnm_error *err)
{
	struct rnm_server_list list;
	enum rnm_status status;

	memset(&list, 0, sizeof(list));
	if (syntax.default_port == 0)
		syntax.default_port = RNM_REDIS_PORT;
	/* Texts are copied once into servers and once, shortened, into problems. */
	rnm_arena_init(&list.arena, (size_t)4 * RNM_SERVERS_TEXT_MAX);
	status = parse_all(&list, texts, count, syntax, err);
	if (status != RNM_OK)
		rnm_arena_free(&list.arena);
	else
		*out = list;
	return status;
}

void rnm_servers_clear(struct rnm_server_list *list)
{
	rnm_arena_free(&list->arena);
	memset(list, 0, sizeof(*list));
}
