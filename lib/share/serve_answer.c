/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_answer.h"

#include "share/serve_file.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* The first of several counts, as rspamd and most servers have it. */
static void take(const char **place, const char *value)
{
	if (*place == NULL)
		*place = value != NULL ? value : "";
}

void rnm_request_header(struct rnm_request *request, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **place;
	} wanted[] = {
		{ "If-None-Match", &request->if_none_match },
		{ "If-Modified-Since", &request->if_modified_since },
		{ "Range", &request->range },
		{ "If-Range", &request->if_range },
		{ "Transfer-Encoding", &request->transfer_encoding },
		{ "Connection", &request->connection },
		{ "User-Agent", &request->agent },
		{ "X-Forwarded-For", &request->forwarded },
		/* Of two lengths nobody knows which one counts: a body, then, and refused. */
		{ "Content-Length",
		  request->content_length == NULL ? &request->content_length : &request->transfer_encoding },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strcasecmp(name, wanted[i].name) == 0)
			take(wanted[i].place, value);
}

const char *rnm_target_path(const char *target, size_t *len)
{
	const char *path = target;

	if (strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0) {
		path = strchr(path, ':') + 3;
		path += strcspn(path, "/?#");
	}
	/* rspamd sends the fragment of a map's URL as it stands there. */
	*len = strcspn(path, "?#");
	return path;
}

/*
 * One entity tag of a list, and what follows it.  *matches says whether it is etag, strength aside (RFC 9110,
 * 8.8.3.2); NULL: this is no tag.
 */
static const char *match_tag(const char *at, const char *etag, bool *matches)
{
	const size_t len = strlen(etag);
	const char *end;

	if (strncmp(at, "W/", 2) == 0)
		at += 2;
	if (*at != '"' || (end = strchr(at + 1, '"')) == NULL)
		return NULL;
	*matches = (size_t)(end + 1 - at) == len && memcmp(at, etag, len) == 0;
	return end + 1;
}

static bool none_match_has(const char *list, const char *etag)
{
	const char *at = skip_blanks(list);
	bool matches = false;

	if (at[0] == '*' && skip_blanks(at + 1)[0] == '\0')
		return true;
	while (!matches && *at != '\0') {
		at = match_tag(at, etag, &matches);
		if (at == NULL)
			return false;
		at = skip_blanks(at);
		if (*at != ',' && *at != '\0')
			return false;
		at += strspn(at, ", \t");
	}
	return matches;
}

/* A time that lies ahead says nothing: the client's clock was wrong, or it has misread ours. */
static bool unmodified_since(const char *text, int64_t modified, int64_t now)
{
	int64_t since;

	return rnm_http_date_read(&since, text, now) && since <= now && modified <= since;
}

static bool is_unchanged_for(const struct rnm_request *request, const struct rnm_served *file, int64_t now)
{
	if (request->if_none_match != NULL)
		return none_match_has(request->if_none_match, file->etag);
	return request->if_modified_since != NULL &&
	       unmodified_since(request->if_modified_since, file->modified, now);
}

/* Whether the client's part is one of this very file. */
static bool range_applies(const char *if_range, const struct rnm_served *file, int64_t now)
{
	int64_t time;

	if (if_range == NULL || strcmp(if_range, file->etag) == 0)
		return true;
	return rnm_http_date_read(&time, if_range, now) && time == file->modified;
}

/* Moves *at past digits; false without any.  A number that is too large is UINT64_MAX. */
static bool read_number(const char **at, uint64_t *value)
{
	const char *digit = *at;

	*value = 0;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		if (*value > (UINT64_MAX - 9) / 10)
			*value = UINT64_MAX;
		else
			*value = *value * 10 + (uint64_t)(*digit - '0');
	}
	if (digit == *at)
		return false;
	*at = digit;
	return true;
}

enum range { RANGE_NONE, RANGE_PART, RANGE_OUTSIDE };

/* The last so many bytes. */
static enum range tail_range(uint64_t count, uint64_t size, uint64_t *offset, uint64_t *length)
{
	if (count == 0 || size == 0)
		return RANGE_OUTSIDE;
	*length = count < size ? count : size;
	*offset = size - *length;
	return RANGE_PART;
}

/* One part, "bytes=FIRST-LAST", "bytes=FIRST-" or "bytes=-COUNT"; anything else is as if it was not there. */
static enum range read_range(const char *text, uint64_t size, uint64_t *offset, uint64_t *length)
{
	static const char unit[] = "bytes=";
	uint64_t first, last;
	bool has_first, has_last;

	if (strncasecmp(text, unit, sizeof(unit) - 1) != 0)
		return RANGE_NONE;
	text = skip_blanks(text + sizeof(unit) - 1);
	has_first = read_number(&text, &first);
	if (*text++ != '-')
		return RANGE_NONE;
	has_last = read_number(&text, &last);
	if (*skip_blanks(text) != '\0' || (!has_first && !has_last))
		return RANGE_NONE;
	if (!has_first)
		return tail_range(last, size, offset, length);
	if (has_last && last < first)
		return RANGE_NONE;
	if (first >= size)
		return RANGE_OUTSIDE;
	*offset = first;
	*length = (has_last && last < size - 1 ? last : size - 1) - first + 1;
	return RANGE_PART;
}

static void answer_file(struct rnm_answer *answer, const struct rnm_request *request, int64_t now)
{
	struct rnm_served *file = answer->file;
	enum range range = RANGE_NONE;

	answer->status = 200;
	answer->body = RNM_BODY_FILE;
	answer->length = file->size;
	/* Part of this file and part of another would be taken for one. */
	if (!rnm_served_unchanged(file)) {
		answer->status = 503;
		answer->body = RNM_BODY_TEXT;
		return;
	}
	if (is_unchanged_for(request, file, now)) {
		answer->status = 304;
		return;
	}
	/* Of HEAD it says nothing (RFC 9110, 14.2). */
	if (request->range != NULL && strcmp(request->method, "GET") == 0 &&
	    range_applies(request->if_range, file, now))
		range = read_range(request->range, file->size, &answer->offset, &answer->length);
	if (range == RANGE_PART) {
		answer->status = 206;
	} else if (range == RANGE_OUTSIDE) {
		answer->status = 416;
		answer->body = RNM_BODY_TEXT;
	}
}

/* rspamd sends "Content-Length: 0" with every request. */
static bool has_body(const struct rnm_request *request)
{
	const char *length = request->content_length;

	return request->transfer_encoding != NULL ||
	       (length != NULL && (length[0] == '\0' || length[strspn(length, "0")] != '\0'));
}

void rnm_answer(struct rnm_answer *answer, const struct rnm_served_table *table,
                const struct rnm_request *request, int64_t now)
{
	static const char health[] = "/healthz";
	const char *path;
	size_t len;

	*answer = (struct rnm_answer){ .body = RNM_BODY_TEXT };
	if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
		answer->status = 405;
		answer->close = true;
		return;
	}
	if (has_body(request)) {
		answer->status = 400;
		answer->close = true;
		return;
	}
	path = rnm_target_path(request->target, &len);
	answer->file = rnm_served_find(table, path, len);
	if (answer->file != NULL) {
		answer_file(answer, request, now);
	} else if (len == sizeof(health) - 1 && memcmp(path, health, len) == 0) {
		answer->status = 200;
		answer->body = RNM_BODY_HEALTH;
	} else {
		answer->status = 404;
		answer->body = RNM_BODY_OTHER;
	}
}
