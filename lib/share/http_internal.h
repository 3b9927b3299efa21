/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the HTTP client share: http.c sends, http_setup.c tells libcurl how, http_words.c explains. */
#ifndef RNM_SHARE_HTTP_INTERNAL_H
#define RNM_SHARE_HTTP_INTERNAL_H

#include "share/curl.h"
#include "share/http.h"

struct rnm_http {
	const struct rnm_http_settings *settings;
	CURLM *multi;
	CURL *easy;
	char reason[CURL_ERROR_SIZE]; /* libcurl's own words for a failure */
	struct curl_slist *headers;   /* of the request; borrowed by libcurl until the next one */

	/* Of the request that runs. */
	const struct rnm_http_request *request;
	struct rnm_error *err;
	enum rnm_status status; /* of the callbacks; RNM_OK while all is well */
	bool head_done;
	uint64_t received;   /* bytes of the body */
	size_t header_bytes; /* of all answers */
	uint64_t sent;       /* bytes of the request's body */
	int socket_errno;    /* why there was no socket; libcurl does not say */
	char url[RNM_HTTP_URL_MAX + 1];
};

/* Prepares the easy handle for a request. */
RNM_MUST_CHECK enum rnm_status rnm_http_prepare(struct rnm_http *http, struct rnm_error *err);

/* The callbacks of libcurl. */
size_t rnm_http_on_header(char *data, size_t size, size_t count, void *http);
size_t rnm_http_on_body(char *data, size_t size, size_t count, void *http);
size_t rnm_http_on_upload(char *data, size_t size, size_t count, void *http);
curl_socket_t rnm_http_on_socket(void *http, curlsocktype purpose, struct curl_sockaddr *address);
int rnm_http_on_seek(void *http, curl_off_t offset, int origin);

/* RNM_OK when a request may be sent to this URL; see rnm_http_send. */
RNM_MUST_CHECK enum rnm_status rnm_http_url_check(const struct rnm_http_settings *settings, const char *url,
                                                  struct rnm_error *err);

/* Turns a failure of libcurl into an error. */
enum rnm_status rnm_http_explain(struct rnm_http *http, CURLcode code, struct rnm_error *err);

#endif
