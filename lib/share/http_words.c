/* SPDX-License-Identifier: Apache-2.0 */
#include "share/http_internal.h"

#include "base/url.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void rnm_http_url_plain(char *out, size_t size, const char *url)
{
	const char *colon = strstr(url, "://");

	if (colon == NULL)
		(void)snprintf(out, size, "%s", url);
	else
		(void)snprintf(out, size, "%.*s%s", (int)(colon + 3 - url), url,
		               rnm_url_authority(colon + 3).server.data);
}

const char *rnm_http_url(struct rnm_http *http)
{
	char *url = NULL;
	const bool known = rnm_curl.curl_easy_getinfo(http->easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK;

	rnm_http_url_plain(http->url, sizeof(http->url), known && url != NULL ? url : "");
	return http->url;
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;

	return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	       (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

/* Takes the URL apart as the request will. */
static enum rnm_status read_url(const char *url, bool *https, bool *loopback, struct rnm_error *err)
{
	CURLU *parts = rnm_curl.curl_url();
	char *scheme = NULL, *host = NULL;
	CURLUcode code;

	if (parts == NULL)
		return rnm_error_nomem(err);
	code = rnm_curl.curl_url_set(parts, CURLUPART_URL, url, 0);
	if (code == CURLUE_OK)
		code = rnm_curl.curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
	if (code == CURLUE_OK)
		code = rnm_curl.curl_url_get(parts, CURLUPART_HOST, &host, 0);
	rnm_curl.curl_url_cleanup(parts);
	if (code == CURLUE_OK) {
		*https = strcmp(scheme, "https") == 0;
		*loopback = is_loopback(host);
	}
	rnm_curl.curl_free(scheme);
	rnm_curl.curl_free(host);
	if (code == CURLUE_OUT_OF_MEMORY)
		return rnm_error_nomem(err);
	return code == CURLUE_OK ? RNM_OK : RNM_NO;
}

enum rnm_status rnm_http_url_check(const struct rnm_http_settings *settings, const char *url,
                                   struct rnm_error *err)
{
	char plain[RNM_HTTP_URL_MAX + 1];
	bool https = false, loopback = false;
	enum rnm_status status = RNM_NO;

	rnm_http_url_plain(plain, sizeof(plain), url);
	if (strlen(url) <= RNM_HTTP_URL_MAX &&
	    (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0))
		status = read_url(url, &https, &loopback, err);
	if (status == RNM_NO) {
		rnm_error_set(err, RNM_E_USAGE, "http.url", "%s is no URL of the form https://HOST/PATH",
		              plain);
		return RNM_E_USAGE;
	}
	if (status != RNM_OK || https || loopback || settings->plain)
		return status;
	rnm_error_set(err, RNM_E_REFUSED, "http.plain",
	              "%s is not encrypted: everybody on the way can see it, hold it back and change it",
	              plain);
	rnm_error_set_hint(err, "use https://");
	return RNM_E_REFUSED;
}

/* What is known to go wrong, each with an id of its own; everything else is http.protocol. */
static const struct {
	CURLcode code;
	enum rnm_status status;
	const char *id;
	const char *sentence;
} failures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, RNM_E_IO, "http.resolve", "the name of the server has no address" },
	{ CURLE_COULDNT_CONNECT, RNM_E_IO, "http.connect", "the server cannot be reached" },
	{ CURLE_PEER_FAILED_VERIFICATION, RNM_E_IO, "http.certificate",
	  "the server's certificate does not pass" },
	{ CURLE_SSL_CONNECT_ERROR, RNM_E_IO, "http.tls", "TLS does not come about" },
	{ CURLE_SSL_CIPHER, RNM_E_IO, "http.tls", "TLS does not come about" },
	{ CURLE_SSL_CACERT_BADFILE, RNM_E_USAGE, "http.tls-file", "the trusted CAs cannot be read" },
	{ CURLE_SSL_CERTPROBLEM, RNM_E_USAGE, "http.tls-file", "the client certificate cannot be used" },
	{ CURLE_UNSUPPORTED_PROTOCOL, RNM_E_REFUSED, "http.redirect",
	  "the server sends us elsewhere, and not to https" },
	{ CURLE_TOO_MANY_REDIRECTS, RNM_E_IO, "http.redirects",
	  "the server sends us from one place to the next" },
	{ CURLE_FILESIZE_EXCEEDED, RNM_E_MALFORMED, "http.too-large", "the file is larger than may be" },
	{ CURLE_PARTIAL_FILE, RNM_E_IO, "http.cut", "the connection ended before all had come" },
	{ CURLE_GOT_NOTHING, RNM_E_IO, "http.cut", "the connection ended before an answer had come" },
	{ CURLE_RECV_ERROR, RNM_E_IO, "http.cut", "the connection broke" },
	{ CURLE_SEND_ERROR, RNM_E_IO, "http.cut", "the connection broke" },
};

static bool is_too_slow(const struct rnm_http *http)
{
	/* libcurl has one code for all limits of time; its words tell them apart. */
	return strstr(http->reason, "too slow") != NULL;
}

static enum rnm_status explain_timeout(struct rnm_http *http, struct rnm_error *err)
{
	const struct rnm_http_settings *settings = http->settings;

	if (is_too_slow(http))
		return rnm_error_set(err, RNM_E_IO, "http.slow",
		                     "the server sent less than %llu bytes a second for %u seconds",
		                     (unsigned long long)settings->slow_bytes, settings->slow_seconds);
	return rnm_error_set(err, RNM_E_IO, "http.timeout", "the server took too long: %s", http->reason);
}

/* What the system said of a connection that did not come about or broke: more to the point than libcurl's words. */
static const char *system_reason(const struct rnm_http *http, CURLcode code)
{
	long errnum = http->socket_errno;

	if (code != CURLE_COULDNT_CONNECT && code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR)
		return NULL;
	if (errnum == 0)
		(void)rnm_curl.curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &errnum);
	return errnum > 0 && errnum <= INT_MAX ? strerrordesc_np((int)errnum) : NULL;
}

static const char *reason_of(const struct rnm_http *http, CURLcode code)
{
	const char *reason = system_reason(http, code);

	if (reason != NULL)
		return reason;
	/* The words for a connection tell of milliseconds, and of nothing more. */
	return http->reason[0] != '\0' && code != CURLE_COULDNT_CONNECT ? http->reason
	                                                                : rnm_curl.curl_easy_strerror(code);
}

static enum rnm_status explain(struct rnm_http *http, CURLcode code, struct rnm_error *err)
{
	const char *reason = reason_of(http, code);

	if (code == CURLE_OPERATION_TIMEDOUT)
		return explain_timeout(http, err);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].code == code)
			return rnm_error_set(err, failures[i].status, failures[i].id, "%s: %s",
			                     failures[i].sentence, reason);
	return rnm_error_set(err, RNM_E_IO, "http.protocol", "HTTP fails: %s", reason);
}

enum rnm_status rnm_http_explain(struct rnm_http *http, CURLcode code, struct rnm_error *err)
{
	enum rnm_status status;

	if (code == CURLE_OUT_OF_MEMORY)
		return rnm_error_nomem(err);
	status = explain(http, code, err);
	rnm_http_url_plain(http->url, sizeof(http->url), http->request->url);
	return rnm_error_at_line(err, http->url, 0), status;
}
