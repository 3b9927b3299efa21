/* SPDX-License-Identifier: Apache-2.0 */
#include "share/http_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* A raised cancel flag is seen after this time, should its signal have come at an awkward moment. */
#define POLL_MS 250

enum rnm_status rnm_http_new(struct rnm_http **out, const struct rnm_http_settings *settings,
                             struct rnm_error *err)
{
	enum rnm_status status = rnm_curl_load(err);
	struct rnm_http *http;

	if (status != RNM_OK)
		return status;
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return rnm_error_nomem(err);
	http->settings = settings;
	http->multi = rnm_curl.curl_multi_init();
	http->easy = rnm_curl.curl_easy_init();
	if (http->multi == NULL || http->easy == NULL) {
		rnm_http_free(http);
		return rnm_error_nomem(err);
	}
	*out = http;
	return RNM_OK;
}

void rnm_http_free(struct rnm_http *http)
{
	if (http == NULL)
		return;
	if (http->easy != NULL)
		rnm_curl.curl_easy_cleanup(http->easy);
	if (http->multi != NULL)
		(void)rnm_curl.curl_multi_cleanup(http->multi);
	rnm_curl.curl_slist_free_all(http->headers);
	free(http);
}

static bool cancelled(const struct rnm_http *http)
{
	return http->settings->cancel != NULL && *http->settings->cancel != 0;
}

/* The head of the final answer: libcurl shows neither bodies of redirects that it follows nor those of 1xx. */
static bool head(struct rnm_http *http)
{
	if (http->head_done)
		return true;
	http->head_done = true;
	if (http->request->head != NULL)
		http->status = http->request->head(http->request->ctx, http, http->err);
	return http->status == RNM_OK;
}

size_t rnm_http_on_header(char *data, size_t size, size_t count, void *http_)
{
	struct rnm_http *http = http_;
	const size_t len = size * count; /* libcurl's own limit for one header is 100 KiB */

	(void)data;
	http->header_bytes += len;
	if (http->header_bytes <= RNM_HTTP_HEADERS_MAX)
		return len;
	http->status = rnm_error_set(http->err, RNM_E_MALFORMED, "http.headers",
	                             "the server sends more than %zu bytes of headers", RNM_HTTP_HEADERS_MAX);
	return 0;
}

size_t rnm_http_on_body(char *data, size_t size, size_t count, void *http_)
{
	struct rnm_http *http = http_;
	const struct rnm_http_request *request = http->request;
	const size_t len = size * count;

	if (!head(http))
		return 0;
	if (len > request->max - http->received) {
		http->status = rnm_error_set(http->err, RNM_E_MALFORMED, "http.too-large",
		                             "the server sends more than the %llu bytes that may come",
		                             (unsigned long long)request->max);
		return 0;
	}
	http->received += len;
	if (request->sink != NULL)
		http->status = request->sink(request->ctx, data, len, http->err);
	return http->status == RNM_OK ? len : 0;
}

static uint64_t upload_size(const struct rnm_http_request *request)
{
	return request->source != NULL ? request->source_size : request->body.len;
}

size_t rnm_http_on_upload(char *data, size_t size, size_t count, void *http_)
{
	struct rnm_http *http = http_;
	const struct rnm_http_request *request = http->request;
	const uint64_t left = upload_size(request) - http->sent;
	const size_t len = left < size * count ? (size_t)left : size * count;

	if (len == 0)
		return 0;
	if (request->source == NULL) {
		memcpy(data, request->body.data + http->sent, len);
	} else {
		errno = 0;
		if (request->source(request->ctx, http->sent, data, len) != 0) {
			http->status =
			    rnm_error_sys(http->err, "http.source", errno, "cannot read what is to be sent");
			return CURL_READFUNC_ABORT;
		}
	}
	http->sent += len;
	return len;
}

int rnm_http_on_seek(void *http_, curl_off_t offset, int origin)
{
	struct rnm_http *http = http_;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > upload_size(http->request))
		return CURL_SEEKFUNC_FAIL;
	http->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

curl_socket_t rnm_http_on_socket(void *http_, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct rnm_http *http = http_;
	const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	http->socket_errno = fd < 0 ? errno : 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static enum rnm_status multi_error(CURLMcode code, struct rnm_error *err)
{
	if (code == CURLM_OUT_OF_MEMORY)
		return rnm_error_nomem(err);
	if (errno != 0)
		return rnm_error_sys(err, "http.protocol", errno, "libcurl fails: %s",
		                     rnm_curl.curl_multi_strerror(code));
	return rnm_error_set(err, RNM_E_IO, "http.protocol", "libcurl fails: %s",
	                     rnm_curl.curl_multi_strerror(code));
}

/* Runs until the transfer has ended, and says how. */
static enum rnm_status run(struct rnm_http *http, CURLcode *result, struct rnm_error *err)
{
	for (;;) {
		CURLMcode code;
		CURLMsg *message;
		int running, left;

		if (cancelled(http))
			return rnm_error_set(err, RNM_E_INTERRUPTED, NULL, "interrupted");
		code = rnm_curl.curl_multi_perform(http->multi, &running);
		message = code == CURLM_OK ? rnm_curl.curl_multi_info_read(http->multi, &left) : NULL;
		if (message != NULL && message->msg == CURLMSG_DONE) {
			*result = message->data.result;
			return RNM_OK;
		}
		errno = 0;
		if (code == CURLM_OK)
			code = rnm_curl.curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
		if (code != CURLM_OK)
			return multi_error(code, err);
	}
}

static enum rnm_status transfer(struct rnm_http *http, struct rnm_error *err)
{
	CURLcode result = CURLE_OK;
	enum rnm_status status;
	CURLMcode added;

	errno = 0;
	added = rnm_curl.curl_multi_add_handle(http->multi, http->easy);
	if (added != CURLM_OK)
		return multi_error(added, err);
	status = run(http, &result, err);
	(void)rnm_curl.curl_multi_remove_handle(http->multi, http->easy);
	if (status == RNM_OK)
		status = http->status; /* the error is set already */
	if (status == RNM_OK && result != CURLE_OK)
		status = rnm_http_explain(http, result, err);
	if (status == RNM_OK && !head(http))
		status = http->status;
	return status;
}

/*
 * OpenSSL writes to its socket without MSG_NOSIGNAL.  A SIGPIPE that was waiting before is the caller's and stays;
 * one of ours is taken away before the signal is let through again.
 */
struct pipe_guard {
	sigset_t pipe, before;
	bool pending, blocked;
};

static void guard_begin(struct pipe_guard *guard)
{
	sigset_t pending;

	sigemptyset(&guard->pipe);
	sigaddset(&guard->pipe, SIGPIPE);
	guard->pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	guard->blocked = pthread_sigmask(SIG_BLOCK, &guard->pipe, &guard->before) == 0;
}

static void guard_end(const struct pipe_guard *guard)
{
	const struct timespec at_once = { 0 };

	if (!guard->blocked)
		return;
	if (!guard->pending)
		while (sigtimedwait(&guard->pipe, NULL, &at_once) == -1 && errno == EINTR)
			continue;
	(void)pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

enum rnm_status rnm_http_send(struct rnm_http *http, const struct rnm_http_request *request,
                              struct rnm_error *err)
{
	struct pipe_guard guard;
	enum rnm_status status = rnm_http_url_check(http->settings, request->url, err);

	if (status != RNM_OK)
		return status;
	http->request = request;
	http->err = err;
	http->status = RNM_OK;
	http->head_done = false;
	http->received = http->sent = 0;
	http->header_bytes = 0;
	http->socket_errno = 0;
	guard_begin(&guard);
	status = rnm_http_prepare(http, err);
	if (status == RNM_OK)
		status = transfer(http, err);
	guard_end(&guard);
	return status;
}

unsigned rnm_http_status(const struct rnm_http *http)
{
	long code = 0;

	(void)rnm_curl.curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &code);
	return code > 0 && code < 1000 ? (unsigned)code : 0;
}

const char *rnm_http_header(struct rnm_http *http, const char *name)
{
	struct curl_header *header;

	if (rnm_curl.curl_easy_header(http->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

int64_t rnm_http_length(const struct rnm_http *http)
{
	curl_off_t length = -1;

	(void)rnm_curl.curl_easy_getinfo(http->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return length;
}
