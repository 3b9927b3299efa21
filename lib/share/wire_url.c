/* SPDX-License-Identifier: Apache-2.0 */
#include "share/wire_url.h"

#include "base/url.h"

#include <rnm/probe.h>
#include <string.h>
#include <strings.h>

/* Parts of the URL, none of them with a NUL. */
struct parts {
	struct rnm_bytes userinfo, host, target; /* data of userinfo is NULL without an @ */
	uint32_t port;
};

/* Anything else would end the line of the request, or be a second one. */
static bool can_be_sent(const char *url)
{
	for (; *url != '\0'; url++)
		if ((unsigned char)*url <= ' ' || *url == 0x7f)
			return false;
	return true;
}

static bool read_port(uint32_t *port, const char *text, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || value > UINT16_MAX)
			return false;
		value = value * 10 + (uint32_t)(text[i] - '0');
	}
	*port = value;
	return value > 0 && value <= UINT16_MAX;
}

/* host[:port]; the host may be an address in brackets. */
static bool read_server(struct parts *parts, const char *text, size_t len)
{
	const char *bracket = len > 0 && *text == '[' ? memchr(text, ']', len) : NULL;
	const char *colon;

	if (bracket != NULL)
		colon = bracket + 1 < text + len ? bracket + 1 : NULL;
	else
		colon = memchr(text, ':', len);
	parts->host = (struct rnm_bytes){ text, colon != NULL ? (size_t)(colon - text) : len };
	if (parts->host.len == (bracket != NULL ? strlen("[]") : 0) || (*text == '[') != (bracket != NULL))
		return false;
	if (colon == NULL)
		return true;
	return *colon == ':' && read_port(&parts->port, colon + 1, len - (size_t)(colon + 1 - text));
}

static bool keep(struct rnm_wire_url *out, const struct parts *parts, struct rnm_arena *arena)
{
	const size_t brackets = parts->host.data[0] == '[' ? 1 : 0;
	const size_t path_len = strcspn(parts->target.data, "?#");
	const char *slash = memrchr(parts->target.data, '/', path_len);
	const char *last = slash != NULL ? slash + 1 : parts->target.data;

	out->host_header = rnm_arena_strndup(arena, parts->host.data, parts->host.len);
	out->host = rnm_arena_strndup(arena, parts->host.data + brackets, parts->host.len - 2 * brackets);
	out->target = rnm_arena_printf(arena, "%s%s", path_len == 0 ? "/" : "", parts->target.data);
	out->last = rnm_arena_strndup(arena, last, (size_t)(parts->target.data + path_len - last));
	out->has_fragment = strchr(parts->target.data, '#') != NULL;
	if (parts->userinfo.data != NULL)
		out->userinfo = rnm_arena_strndup(arena, parts->userinfo.data, parts->userinfo.len);
	/* The port only as far as it was written. */
	out->plain = rnm_arena_printf(arena, "http%s://%.*s%s", out->https ? "s" : "",
	                              (int)(parts->target.data - parts->host.data), parts->host.data,
	                              parts->target.data);
	return out->host_header != NULL && out->host != NULL && out->target != NULL && out->last != NULL &&
	       out->plain != NULL && (parts->userinfo.data == NULL || out->userinfo != NULL);
}

enum rnm_status rnm_wire_url_read(struct rnm_wire_url *out, const char *url, struct rnm_arena *arena,
                                  struct rnm_error *err)
{
	struct rnm_wire_url result = { .https = strncasecmp(url, "https://", 8) == 0 };
	const bool http = strncasecmp(url, "http://", 7) == 0;
	struct parts parts = { .port = result.https ? 443 : 80 };
	struct rnm_url_authority authority;
	const char *path;

	if ((!http && !result.https) || strlen(url) > RNM_PROBE_URL_MAX || !can_be_sent(url)) {
		rnm_error_set(err, RNM_E_USAGE, "probe.url",
		              "expected a URL such as https://models.example/models/DIGEST, found '%.200s'",
		              strchr(url, '@') == NULL ? url : "one with a user and a password");
		return RNM_E_USAGE;
	}
	authority = rnm_url_authority(strchr(url, ':') + 3);
	path = authority.server.data + authority.server.len;
	parts.userinfo = authority.userinfo;
	parts.target = (struct rnm_bytes){ path, strlen(path) };
	if (!read_server(&parts, authority.server.data, authority.server.len))
		return rnm_error_set(err, RNM_E_USAGE, "probe.url",
		                     "the URL names no host, or a port that is none");
	result.port = (uint16_t)parts.port;
	if (!keep(&result, &parts, arena))
		return rnm_error_nomem(err);
	*out = result;
	return RNM_OK;
}
