/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP as the library needs it: one request after the other, each with limits on time, speed and size.
 *
 * The work is libcurl's, which is loaded when it is first wanted (share/curl.h).  What it would do by itself
 * and may not: read the environment (proxies) or the user's files, follow a redirect to another scheme than
 * https, send a password to another host than that of the URL, unpack what a server has compressed.
 */
#ifndef RNM_SHARE_HTTP_H
#define RNM_SHARE_HTTP_H

#include <rnm/value.h>
#include <signal.h>

/* Bytes of headers, of all answers to one request. */
#define RNM_HTTP_HEADERS_MAX ((size_t)64 << 10)
/* Redirects that one request may go through. */
#define RNM_HTTP_REDIRECTS_MAX 5
#define RNM_HTTP_URL_MAX 4096

/* What all requests of a client have in common.  Texts are borrowed as long as the client lives; NULL: none. */
struct rnm_http_settings {
	const char *ca;       /* file of trusted CAs, PEM; with neither it nor ca_dir those of the system */
	const char *ca_dir;   /* folder of them, under hash names */
	const char *cert;     /* client certificate with its chain, PEM */
	const char *cert_key; /* and its private key; NULL: in the same file */
	/* Sent as HTTP's basic authorization, or what signs requests when sigv4 is set. */
	const char *user;
	const char *password;
	const char *sigv4; /* as CURLOPT_AWS_SIGV4 has it: "aws:amz:REGION:s3" */
	/* http:// to any host; otherwise only to this one (127.0.0.0/8, ::1, localhost). */
	bool plain;
	bool redirects;         /* follow them, to https only; otherwise they are answers like others */
	double connect_seconds; /* until a connection stands, TLS included; 0: 10 */
	/* Fewer bytes a second than this for so many seconds end a request; 0: no such limit. */
	uint64_t slow_bytes;
	unsigned slow_seconds;
	const volatile sig_atomic_t *cancel; /* may be NULL */
};

enum rnm_http_method { RNM_HTTP_GET, RNM_HTTP_HEAD, RNM_HTTP_PUT, RNM_HTTP_DELETE };

struct rnm_http; /* a client; connections are kept between its requests */

struct rnm_http_request {
	enum rnm_http_method method;
	const char *url;
	const char *const *headers; /* lines "Name: value" */
	size_t header_count;
	double seconds; /* for all of it; 0: no limit */
	/* PUT: these bytes, or, when source is set, size bytes of what it puts at data; 0 and errno on success. */
	struct rnm_bytes body;
	int (*source)(void *ctx, uint64_t offset, void *data, size_t len);
	uint64_t source_size;
	/* A longer answer is refused, before its first byte when its length is declared. */
	uint64_t max;
	/*
	 * Called once, when the headers of the final answer are there and before its body: rnm_http_status and
	 * rnm_http_header work.  May be NULL.  Anything but RNM_OK ends the request and is its result.
	 */
	enum rnm_status (*head)(void *ctx, struct rnm_http *http, struct rnm_error *err);
	/* The body, in pieces; NULL: thrown away, yet counted. */
	enum rnm_status (*sink)(void *ctx, const void *data, size_t len, struct rnm_error *err);
	void *ctx; /* of source, head and sink */
};

/*
 * Loads libcurl and makes a client.  RNM_E_IO "http.library"; RNM_E_USAGE "http.tls-file" for a file or folder
 * of the settings that is not there; RNM_E_NOMEM.
 */
RNM_MUST_CHECK enum rnm_status rnm_http_new(struct rnm_http **out, const struct rnm_http_settings *settings,
                                            struct rnm_error *err);
void rnm_http_free(struct rnm_http *http);

/*
 * RNM_OK: there is an answer, whatever its status, and all of it has come.  Else
 *   RNM_E_USAGE       "http.url" (no http or https URL)
 *   RNM_E_REFUSED     "http.plain" (see rnm_http_settings.plain), "http.redirect" (to something else than https)
 *   RNM_E_IO          "http.resolve", "http.connect", "http.tls", "http.certificate", "http.timeout",
 *                     "http.slow", "http.cut" (the connection ended too early), "http.redirects" (too many),
 *                     "http.protocol" (anything else)
 *   RNM_E_MALFORMED   "http.too-large", "http.headers"
 *   RNM_E_NOMEM, RNM_E_INTERRUPTED, and what head and sink return
 */
RNM_MUST_CHECK enum rnm_status rnm_http_send(struct rnm_http *http, const struct rnm_http_request *request,
                                             struct rnm_error *err);

/* Of the last answer. */
unsigned rnm_http_status(const struct rnm_http *http);
/* The first value of this name without blanks around it, or NULL; lives until the next call with this client. */
const char *rnm_http_header(struct rnm_http *http, const char *name);
/* Content-Length; -1: not declared. */
int64_t rnm_http_length(const struct rnm_http *http);
/* What the URL was after redirects, without user and password.  Lives as rnm_http_header's. */
const char *rnm_http_url(struct rnm_http *http);

/* url without user and password, as it may stand in messages; cut to size. */
void rnm_http_url_plain(char *out, size_t size, const char *url);

#endif
