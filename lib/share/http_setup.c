/* SPDX-License-Identifier: Apache-2.0 */
#include "share/http_internal.h"

#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_SECONDS 10.0
/* The largest that libcurl takes is 512 KiB; below this, each byte costs more. */
#define RECEIVE_BYTES (256L << 10)

/* Setting one option after the other; the first failure sticks. */
struct setup {
	CURL *easy;
	CURLcode code;
};

static void set_long(struct setup *setup, CURLoption option, long value)
{
	if (setup->code == CURLE_OK)
		setup->code = rnm_curl.curl_easy_setopt(setup->easy, option, value);
}

static void set_size(struct setup *setup, CURLoption option, uint64_t value)
{
	const curl_off_t size = value > INT64_MAX ? INT64_MAX : (curl_off_t)value;

	if (setup->code == CURLE_OK)
		setup->code = rnm_curl.curl_easy_setopt(setup->easy, option, size);
}

static void set_pointer(struct setup *setup, CURLoption option, const void *value)
{
	if (setup->code == CURLE_OK)
		setup->code = rnm_curl.curl_easy_setopt(setup->easy, option, value);
}

#define SET_CALLBACK(setup, option, function)                                                                \
	do {                                                                                                 \
		if ((setup)->code == CURLE_OK)                                                               \
			(setup)->code = rnm_curl.curl_easy_setopt((setup)->easy, option, function);          \
	} while (0)

static long milliseconds(double seconds)
{
	return seconds * 1000 < (double)INT_MAX ? (long)(seconds * 1000) : INT_MAX;
}

static void set_security(struct setup *setup, const struct rnm_http_settings *settings)
{
	set_long(setup, CURLOPT_SSL_VERIFYPEER, 1);
	set_long(setup, CURLOPT_SSL_VERIFYHOST, 2);
	set_long(setup, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (settings->ca != NULL || settings->ca_dir != NULL) {
		/* Both, because the one that is not given would keep pointing to the CAs of the system. */
		set_pointer(setup, CURLOPT_CAINFO, settings->ca);
		set_pointer(setup, CURLOPT_CAPATH, settings->ca_dir);
	}
	if (settings->cert != NULL) {
		set_pointer(setup, CURLOPT_SSLCERT, settings->cert);
		set_pointer(setup, CURLOPT_SSLKEY,
		            settings->cert_key != NULL ? settings->cert_key : settings->cert);
		/* Without a passphrase OpenSSL would ask for one on the terminal. */
		set_pointer(setup, CURLOPT_KEYPASSWD, "");
	}
	if (settings->user != NULL) {
		set_pointer(setup, CURLOPT_USERNAME, settings->user);
		set_pointer(setup, CURLOPT_PASSWORD, settings->password != NULL ? settings->password : "");
	}
	if (settings->sigv4 != NULL)
		set_pointer(setup, CURLOPT_AWS_SIGV4, settings->sigv4);
}

static void set_limits(struct setup *setup, const struct rnm_http_settings *settings,
                       const struct rnm_http_request *request)
{
	const double connecting = settings->connect_seconds > 0 ? settings->connect_seconds : CONNECT_SECONDS;

	set_long(setup, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(connecting));
	set_long(setup, CURLOPT_TIMEOUT_MS, milliseconds(request->seconds));
	if (settings->slow_bytes > 0 && settings->slow_seconds > 0) {
		set_long(setup, CURLOPT_LOW_SPEED_LIMIT,
		         settings->slow_bytes > LONG_MAX ? LONG_MAX : (long)settings->slow_bytes);
		set_long(setup, CURLOPT_LOW_SPEED_TIME,
		         settings->slow_seconds > INT_MAX ? INT_MAX : (long)settings->slow_seconds);
	}
	/* 0 would be no limit; the body's callback counts anyway. */
	if (request->max > 0)
		set_size(setup, CURLOPT_MAXFILESIZE_LARGE, request->max);
}

static void set_protocol(struct setup *setup, const struct rnm_http_settings *settings)
{
	set_long(setup, CURLOPT_NOSIGNAL, 1);
	/* So that a name server that does not answer holds up neither Ctrl-C nor the end. */
	set_long(setup, CURLOPT_QUICK_EXIT, 1);
	/* Otherwise http_proxy and its like in the environment would count. */
	set_pointer(setup, CURLOPT_PROXY, "");
	set_pointer(setup, CURLOPT_PROTOCOLS_STR, "http,https");
	set_pointer(setup, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	set_long(setup, CURLOPT_FOLLOWLOCATION, settings->redirects);
	set_long(setup, CURLOPT_MAXREDIRS, RNM_HTTP_REDIRECTS_MAX);
	/* HTTP/2 would bring nothing to a few requests one after the other but more that can go wrong. */
	set_long(setup, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set_long(setup, CURLOPT_HTTP_CONTENT_DECODING, 0);
	set_long(setup, CURLOPT_TCP_KEEPALIVE, 1);
	set_long(setup, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	set_pointer(setup, CURLOPT_USERAGENT, "rnm/" RNM_VERSION);
}

static void set_method(struct setup *setup, const struct rnm_http_request *request)
{
	switch (request->method) {
	case RNM_HTTP_GET:
		break;
	case RNM_HTTP_HEAD:
		set_long(setup, CURLOPT_NOBODY, 1);
		break;
	case RNM_HTTP_PUT:
		set_long(setup, CURLOPT_UPLOAD, 1);
		set_size(setup, CURLOPT_INFILESIZE_LARGE,
		         request->source != NULL ? request->source_size : request->body.len);
		break;
	case RNM_HTTP_DELETE:
		set_pointer(setup, CURLOPT_CUSTOMREQUEST, "DELETE");
		break;
	}
}

static void set_callbacks(struct setup *setup, struct rnm_http *http)
{
	set_pointer(setup, CURLOPT_ERRORBUFFER, http->reason);
	SET_CALLBACK(setup, CURLOPT_HEADERFUNCTION, rnm_http_on_header);
	set_pointer(setup, CURLOPT_HEADERDATA, http);
	SET_CALLBACK(setup, CURLOPT_WRITEFUNCTION, rnm_http_on_body);
	set_pointer(setup, CURLOPT_WRITEDATA, http);
	SET_CALLBACK(setup, CURLOPT_READFUNCTION, rnm_http_on_upload);
	set_pointer(setup, CURLOPT_READDATA, http);
	SET_CALLBACK(setup, CURLOPT_OPENSOCKETFUNCTION, rnm_http_on_socket);
	set_pointer(setup, CURLOPT_OPENSOCKETDATA, http);
	SET_CALLBACK(setup, CURLOPT_SEEKFUNCTION, rnm_http_on_seek);
	set_pointer(setup, CURLOPT_SEEKDATA, http);
}

static bool add_header(struct rnm_http *http, const char *line)
{
	struct curl_slist *longer = rnm_curl.curl_slist_append(http->headers, line);

	if (longer == NULL)
		return false;
	http->headers = longer;
	return true;
}

static bool set_headers(struct setup *setup, struct rnm_http *http)
{
	const struct rnm_http_request *request = http->request;

	rnm_curl.curl_slist_free_all(http->headers);
	http->headers = NULL;
	/*
	 * A server that waits for "100 Continue" costs a second; one that packs the body, its hash.  libcurl 7.88 would
	 * sign the first as a header that is sent, and S3 knows both.
	 */
	if (http->settings->sigv4 == NULL &&
	    (!add_header(http, "Expect:") || !add_header(http, "Accept-Encoding: identity")))
		return false;
	for (size_t i = 0; i < request->header_count; i++)
		if (!add_header(http, request->headers[i]))
			return false;
	set_pointer(setup, CURLOPT_HTTPHEADER, http->headers);
	return true;
}

/*
 * A handle for each request: curl_easy_reset says nothing when it lacks memory, and leaves one that sends no byte of a
 * body.  Connections and names are those of the multi handle.
 */
static bool renew_easy(struct rnm_http *http)
{
	CURL *easy = rnm_curl.curl_easy_init();

	if (easy == NULL)
		return false;
	rnm_curl.curl_easy_cleanup(http->easy);
	http->easy = easy;
	return true;
}

enum rnm_status rnm_http_prepare(struct rnm_http *http, struct rnm_error *err)
{
	struct setup setup = { .code = CURLE_OK };

	if (!renew_easy(http))
		return rnm_error_nomem(err);
	setup.easy = http->easy;
	http->reason[0] = '\0';
	set_callbacks(&setup, http);
	set_pointer(&setup, CURLOPT_URL, http->request->url);
	set_protocol(&setup, http->settings);
	set_security(&setup, http->settings);
	set_limits(&setup, http->settings, http->request);
	set_method(&setup, http->request);
	if (!set_headers(&setup, http))
		return rnm_error_nomem(err);
	return setup.code == CURLE_OK ? RNM_OK : rnm_http_explain(http, setup.code, err);
}
