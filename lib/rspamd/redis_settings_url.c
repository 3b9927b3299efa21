/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis settings from a URL.  Messages never quote the URL: it may hold a password.
 */
#include "base/number.h"
#include "base/url.h"
#include "rspamd/redis_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define URL_MAX ((size_t)16 << 10)
#define DB_DIGITS_MAX 9

struct url {
	const char *user, *user_end; /* NULL when absent */
	const char *pass, *pass_end;
	const char *host, *host_end; /* a bracketed address without its brackets */
	const char *port, *port_end;
	const char *path, *path_end; /* behind the authority */
	const char *query;           /* NULL when absent */
	bool bracketed;
};

static enum rnm_status bad_url(struct rnm_error *err, const char *what)
{
	rnm_error_set(err, RNM_E_USAGE, RNM_ID_REDIS_URL, "malformed Redis URL: %s", what);
	rnm_error_set_hint(err, "write redis://[user[:password]@]host[:port][/db], rediss://... for TLS, or "
	                        "unix:///path[?db=N]; other characters in a part as %%XX");
	return RNM_E_USAGE;
}

/* A malloc'd copy with %XX decoded. */
static enum rnm_status decode(char **out, const char *from, const char *end, struct rnm_error *err)
{
	char *text = malloc((size_t)(end - from) + 1);
	char *to = text;

	if (text == NULL)
		return rnm_error_nomem(err), RNM_E_NOMEM;
	while (from < end) {
		int high, low;

		if (*from != '%') {
			*to++ = *from++;
			continue;
		}
		high = end - from >= 3 ? rnm_hex_digit(from[1]) : -1;
		low = end - from >= 3 ? rnm_hex_digit(from[2]) : -1;
		if (high < 0 || low < 0 || (high == 0 && low == 0)) {
			*to = '\0';
			rnm_redis_wipe(text);
			return bad_url(err, "expected % to be followed by two hex digits other than 00");
		}
		*to++ = (char)(high * 16 + low);
		from += 3;
	}
	*to = '\0';
	*out = text;
	return RNM_OK;
}

static enum rnm_status set_db(struct rnm_redis_settings *settings, const char *from, const char *end,
                              struct rnm_error *err)
{
	size_t len = (size_t)(end - from);

	if (len == 0)
		return RNM_OK;
	if (len > DB_DIGITS_MAX || strspn(from, "0123456789") < len)
		return bad_url(err, "expected the database to be a number");
	free(settings->db);
	settings->db = strndup(from, len);
	return settings->db != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* The query may only name the database. */
static enum rnm_status set_query(struct rnm_redis_settings *settings, const char *query,
                                 struct rnm_error *err)
{
	if (query == NULL || *query == '\0')
		return RNM_OK;
	if (strncmp(query, "db=", 3) != 0 || strchr(query, '&') != NULL)
		return bad_url(err, "expected nothing but db=N after the question mark");
	return set_db(settings, query + 3, query + strlen(query), err);
}

static void split_userinfo(struct url *url, struct rnm_bytes userinfo)
{
	const char *end = userinfo.data + userinfo.len;
	const char *colon = memchr(userinfo.data, ':', userinfo.len);

	url->user = userinfo.data;
	url->user_end = colon != NULL ? colon : end;
	if (colon != NULL) {
		url->pass = colon + 1;
		url->pass_end = end;
	}
}

static enum rnm_status split_host(struct url *url, const char *from, const char *end, struct rnm_error *err)
{
	const char *rest;

	url->bracketed = from < end && *from == '[';
	if (url->bracketed) {
		rest = memchr(from, ']', (size_t)(end - from));
		if (rest == NULL)
			return bad_url(err, "expected ] after the IPv6 address");
		url->host = from + 1;
		url->host_end = rest++;
	} else {
		rest = memchr(from, ':', (size_t)(end - from));
		if (rest == NULL)
			rest = end;
		url->host = from;
		url->host_end = rest;
	}
	if (rest < end) {
		if (*rest != ':')
			return bad_url(err, "expected a colon and a port after the host");
		url->port = rest + 1;
		url->port_end = end;
	}
	return RNM_OK;
}

static enum rnm_status split(struct url *url, const char *text, struct rnm_error *err)
{
	const struct rnm_url_authority authority = rnm_url_authority(text);
	const char *end = authority.server.data + authority.server.len;

	if (authority.userinfo.data != NULL)
		split_userinfo(url, authority.userinfo);
	if (strchr(end, '#') != NULL)
		return bad_url(err, "expected no #");
	url->path = end;
	url->path_end = end + strcspn(end, "?");
	url->query = *url->path_end == '?' ? url->path_end + 1 : NULL;
	return split_host(url, authority.server.data, end, err);
}

static enum rnm_status parse_port(unsigned *port, const struct url *url, struct rnm_error *err)
{
	size_t len;

	*port = RNM_REDIS_PORT;
	if (url->port == NULL || url->port == url->port_end)
		return RNM_OK;
	len = (size_t)(url->port_end - url->port);
	*port = 0;
	for (size_t i = 0; i < len && i < 6; i++) {
		if (url->port[i] < '0' || url->port[i] > '9')
			return bad_url(err, "expected the port to be a number");
		*port = *port * 10 + (unsigned)(url->port[i] - '0');
	}
	if (len > 5 || *port == 0 || *port > 65535)
		return bad_url(err, "expected a port from 1 to 65535");
	return RNM_OK;
}

/* One server for both roles, to be taken as it stands: no name in a URL means a rotation. */
static enum rnm_status set_server(struct rnm_redis_settings *settings, const char *address,
                                  struct rnm_error *err)
{
	settings->literal_servers = true;
	if (!rnm_redis_list_add(&settings->read_servers, &settings->read_count, address) ||
	    !rnm_redis_list_add(&settings->write_servers, &settings->write_count, address))
		return rnm_error_nomem(err);
	return RNM_OK;
}

static bool host_is_plain(const char *host, bool bracketed)
{
	/* What an address or a name is made of; everything else would read as another item form. */
	static const char in_brackets[] = "0123456789abcdefABCDEF:.";
	static const char refused[] = ";, \t\r\n/[]@:=+";

	if (bracketed)
		return host[strspn(host, in_brackets)] == '\0';
	return host[strcspn(host, refused)] == '\0' && host[0] != '.';
}

static enum rnm_status set_host(struct rnm_redis_settings *settings, const struct url *url,
                                const char *scheme, const char *host, struct rnm_error *err)
{
	char *address = NULL;
	unsigned port;
	enum rnm_status status = parse_port(&port, url, err);

	if (status != RNM_OK)
		return status;
	if (host[0] == '\0')
		return bad_url(err, "expected a host");
	if (!host_is_plain(host, url->bracketed))
		return bad_url(
		    err, "expected the host to be a name, an IPv4 address or an IPv6 address in brackets");
	if (asprintf(&address, url->bracketed ? "[%s]:%u" : "%s:%u", host, port) < 0)
		return rnm_error_nomem(err);
	status = set_server(settings, address, err);
	if (status == RNM_OK && asprintf(&settings->origin, "URL %s://%s", scheme, address) < 0) {
		settings->origin = NULL;
		status = rnm_error_nomem(err);
	}
	free(address);
	return status;
}

static enum rnm_status set_credentials(struct rnm_redis_settings *settings, const struct url *url,
                                       struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (url->user != NULL && url->user < url->user_end)
		status = decode(&settings->username, url->user, url->user_end, err);
	if (status == RNM_OK && url->pass != NULL && url->pass < url->pass_end)
		status = decode(&settings->password, url->pass, url->pass_end, err);
	return status;
}

static enum rnm_status read_network(struct rnm_redis_settings *settings, const char *text, const char *scheme,
                                    struct rnm_error *err)
{
	struct url url = { 0 };
	char *host = NULL;
	enum rnm_status status = split(&url, text, err);

	if (status == RNM_OK)
		status = decode(&host, url.host, url.host_end, err);
	if (status == RNM_OK)
		status = set_host(settings, &url, scheme, host, err);
	free(host);
	if (status == RNM_OK)
		status = set_credentials(settings, &url, err);
	if (status == RNM_OK && url.path < url.path_end)
		status = set_db(settings, url.path + 1, url.path_end, err);
	return status == RNM_OK ? set_query(settings, url.query, err) : status;
}

static enum rnm_status read_unix(struct rnm_redis_settings *settings, const char *text, struct rnm_error *err)
{
	const char *end = text + strcspn(text, "?");
	const size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	char *path = NULL;
	enum rnm_status status;

	if (text[0] != '/')
		return bad_url(err, "expected unix:// to be followed by an absolute path");
	status = decode(&path, text, end, err);
	if (status == RNM_OK && strlen(path) > path_max)
		status = bad_url(err, "the path of the socket is longer than the system allows");
	if (status == RNM_OK)
		status = set_server(settings, path, err);
	if (status == RNM_OK && asprintf(&settings->origin, "URL unix://%s", path) < 0) {
		settings->origin = NULL;
		status = rnm_error_nomem(err);
	}
	free(path);
	return status == RNM_OK ? set_query(settings, *end == '?' ? end + 1 : NULL, err) : status;
}

enum rnm_status rnm_redis_settings_from_url(struct rnm_redis_settings **out, const char *url,
                                            struct rnm_error *err)
{
	struct rnm_redis_settings *settings;
	enum rnm_status status;

	if (strlen(url) > URL_MAX)
		return bad_url(err, "it is too long");
	settings = calloc(1, sizeof(*settings));
	if (settings == NULL)
		return rnm_error_nomem(err);
	settings->timeout = RNM_REDIS_TIMEOUT;
	if (strncasecmp(url, "redis://", 8) == 0) {
		status = read_network(settings, url + 8, "redis", err);
	} else if (strncasecmp(url, "rediss://", 9) == 0) {
		settings->ssl = true;
		status = read_network(settings, url + 9, "rediss", err);
	} else if (strncasecmp(url, "unix://", 7) == 0) {
		status = read_unix(settings, url + 7, err);
	} else {
		status = bad_url(err, "expected it to begin with redis://, rediss:// or unix://");
	}
	if (status != RNM_OK) {
		rnm_redis_settings_free(settings);
		return status;
	}
	*out = settings;
	return RNM_OK;
}
