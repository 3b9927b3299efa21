/* SPDX-License-Identifier: Apache-2.0 */
#include "share/s3.h"

#include "base/clock.h"
#include "share/http.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SCHEME "s3://"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
/* Characters that are the same in a URL, in what is signed and in a key: nothing has to be encoded anywhere. */
#define PLAIN_LETTERS LETTERS ".-_"
#define BUCKET_MIN 3
#define BUCKET_MAX_LEN 63
#define TRIES 3
#define FIRST_PAUSE 0.25 /* seconds; the next one is four times as long */
#define SECONDS 600.0    /* for one request: 256 MB at half a megabyte a second */
#define SLOW_BYTES 1000  /* a second */
#define SLOW_SECONDS 60
#define HEADERS_ROOM 8
#define LINE_ROOM 160

struct rnm_s3 {
	struct rnm_http *http;
	struct rnm_http_settings settings;
	const struct rnm_s3_options *options;
	char *base; /* URL up to the key, with its slash */
	char *sigv4;
	char *token; /* header line of the session, or NULL */
};

/* ---- where it is ---- */

static enum rnm_status bad_address(const char *where, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_USAGE, "s3.address",
	              "expected s3://BUCKET or s3://BUCKET/PREFIX of letters, digits, points, dashes and "
	              "underscores, found '%s'",
	              where);
	return RNM_E_USAGE;
}

/* No empty parts, none of points alone: neither a server nor a library must have anything to tidy up. */
static bool is_good_part(const char *part, size_t len)
{
	return len > 0 && strspn(part, PLAIN_LETTERS) >= len && strspn(part, ".") < len;
}

static bool is_good_address(const char *bucket)
{
	size_t len = strcspn(bucket, "/");

	if (len < BUCKET_MIN || len > BUCKET_MAX_LEN || !is_good_part(bucket, len))
		return false;
	for (const char *at = bucket + len; *at == '/' && at[1] != '\0'; at += len + 1) {
		len = strcspn(at + 1, "/");
		if (!is_good_part(at + 1, len))
			return false;
	}
	return true;
}

/* Scheme, host and perhaps port; a path would be one more thing to sign. */
static bool is_good_endpoint(const char *endpoint)
{
	const char *host = strstr(endpoint, "://");

	return host != NULL &&
	       (strncmp(endpoint, "https://", 8) == 0 || strncmp(endpoint, "http://", 7) == 0) &&
	       host[3] != '\0' && host[3 + strspn(host + 3, LETTERS ".-:[]")] == '\0';
}

static enum rnm_status make_texts(struct rnm_s3 *s3, const char *where, struct rnm_error *err)
{
	const struct rnm_s3_options *options = s3->options;
	const char *bucket = where + strlen(SCHEME);
	const bool slash = bucket[strlen(bucket) - 1] == '/';

	if (asprintf(&s3->base, "%s/%s%s", options->endpoint, bucket, slash ? "" : "/") < 0)
		s3->base = NULL;
	if (asprintf(&s3->sigv4, "aws:amz:%s:s3", options->region) < 0)
		s3->sigv4 = NULL;
	if (options->session_token != NULL &&
	    asprintf(&s3->token, "x-amz-security-token: %s", options->session_token) < 0)
		s3->token = NULL;
	if (s3->base == NULL || s3->sigv4 == NULL || (options->session_token != NULL && s3->token == NULL))
		return rnm_error_nomem(err);
	return RNM_OK;
}

static enum rnm_status check(const char *where, const struct rnm_s3_options *options, struct rnm_error *err)
{
	if (strncmp(where, SCHEME, strlen(SCHEME)) != 0 || !is_good_address(where + strlen(SCHEME)))
		return bad_address(where, err);
	if (!is_good_endpoint(options->endpoint))
		return rnm_error_set(err, RNM_E_USAGE, "s3.endpoint",
		                     "expected https://HOST or https://HOST:PORT, found '%s'",
		                     options->endpoint);
	if (options->region[0] == '\0' || options->region[strspn(options->region, PLAIN_LETTERS)] != '\0')
		return rnm_error_set(err, RNM_E_USAGE, "s3.endpoint",
		                     "expected the name of a region, found '%s'", options->region);
	/* It becomes a line of the request. */
	if (options->session_token != NULL && strpbrk(options->session_token, "\r\n") != NULL)
		return rnm_error_set(err, RNM_E_USAGE, "s3.endpoint",
		                     "expected a session token of one line, found a longer one");
	return RNM_OK;
}

enum rnm_status rnm_s3_new(struct rnm_s3 **out, const char *where, const struct rnm_s3_options *options,
                           const volatile sig_atomic_t *cancel, struct rnm_error *err)
{
	enum rnm_status status = check(where, options, err);
	struct rnm_s3 *s3;

	if (status != RNM_OK)
		return status;
	s3 = calloc(1, sizeof(*s3));
	if (s3 == NULL)
		return rnm_error_nomem(err);
	s3->options = options;
	status = make_texts(s3, where, err);
	s3->settings = (struct rnm_http_settings){
		.ca = options->ca,
		.user = options->access_key,
		.password = options->secret_key,
		.sigv4 = s3->sigv4,
		.plain = options->plain,
		.slow_bytes = SLOW_BYTES,
		.slow_seconds = SLOW_SECONDS,
		.cancel = cancel,
	};
	if (status == RNM_OK)
		status = rnm_http_new(&s3->http, &s3->settings, err);
	if (status == RNM_OK)
		*out = s3;
	else
		rnm_s3_free(s3);
	return status;
}

void rnm_s3_free(struct rnm_s3 *s3)
{
	if (s3 == NULL)
		return;
	rnm_http_free(s3->http);
	free(s3->base);
	free(s3->sigv4);
	if (s3->token != NULL)
		sodium_memzero(s3->token, strlen(s3->token));
	free(s3->token);
	free(s3);
}

const char *rnm_s3_header(struct rnm_s3 *s3, const char *name)
{
	return rnm_http_header(s3->http, name);
}

enum rnm_status rnm_s3_pause(const struct rnm_s3 *s3, double seconds, struct rnm_error *err)
{
	const double end = rnm_clock_monotonic() + seconds;

	while (rnm_clock_monotonic() < end) {
		const struct timespec little = { .tv_nsec = 20000000L };

		if (s3->settings.cancel != NULL && *s3->settings.cancel != 0)
			return rnm_error_set(err, RNM_E_INTERRUPTED, NULL, "interrupted");
		(void)nanosleep(&little, NULL);
	}
	return RNM_OK;
}

void rnm_s3_go_on(struct rnm_s3 *s3)
{
	s3->settings.cancel = NULL;
}

/* ---- one request ---- */

struct exchange {
	struct rnm_s3 *s3;
	struct rnm_buf *out; /* what a good answer holds; NULL: nothing is wanted */
	struct rnm_buf problem;
};

static enum rnm_status take(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	struct exchange *exchange = ctx;
	const bool good = rnm_http_status(exchange->s3->http) < 300;

	if (!good) /* what does not fit is not needed to name the problem */
		(void)rnm_buf_append(&exchange->problem, data, len);
	else if (exchange->out != NULL && !rnm_buf_append(exchange->out, data, len))
		return rnm_error_nomem(err);
	return RNM_OK;
}

/* What stands between <Code> and </Code>, say. */
static void xml_text(char *out, size_t size, const struct rnm_buf *xml, const char *name)
{
	char tag[32];
	const char *from;

	(void)snprintf(tag, sizeof(tag), "<%s>", name);
	from = strstr(rnm_buf_cstr(xml), tag);
	from = from != NULL ? from + strlen(tag) : "";
	(void)snprintf(out, size, "%.*s", (int)strcspn(from, "<"), from);
}

static enum rnm_status judge(struct exchange *exchange, const char *url, struct rnm_error *err)
{
	const unsigned code = rnm_http_status(exchange->s3->http);
	char name[64], words[256];

	if (code >= 200 && code < 300)
		return RNM_OK;
	xml_text(name, sizeof(name), &exchange->problem, "Code");
	xml_text(words, sizeof(words), &exchange->problem, "Message");
	if (code == 404 && strcmp(name, "NoSuchBucket") != 0)
		return rnm_error_set(err, RNM_E_NOT_FOUND, "s3.none", "there is no %s", url);
	/* 409: somebody else changes it in this moment. */
	if (code == 412 || code == 409)
		return rnm_error_set(err, RNM_NO, "s3.condition", "%s has been changed by somebody else",
		                     url);
	rnm_error_set(err, RNM_E_IO, "s3.refused", "%s: the store answers %u%s%s%s%s", url, code,
	              name[0] != '\0' ? " " : "", name, words[0] != '\0' ? ": " : "", words);
	if (code == 301 || code == 307 || code == 400)
		rnm_error_set_hint(err, "--region must name the region of the bucket");
	else if (code == 401 || code == 403)
		rnm_error_set_hint(err,
		                   "is the key right, and its secret?  it needs GetObject, PutObject and "
		                   "DeleteObject, and ListBucket to be told what is not there");
	return RNM_E_IO;
}

static enum rnm_status send_once(struct exchange *exchange, const struct rnm_http_request *request,
                                 struct rnm_error *err)
{
	enum rnm_status status;

	rnm_buf_clear(&exchange->problem);
	if (exchange->out != NULL)
		rnm_buf_clear(exchange->out);
	status = rnm_http_send(exchange->s3->http, request, err);
	return status == RNM_OK ? judge(exchange, request->url, err) : status;
}

/* The line broke, or the store is busy.  An answer below 500 stays the same. */
static bool is_passing(const struct rnm_s3 *s3, enum rnm_status status, const struct rnm_error *why)
{
	return status == RNM_E_IO && (strcmp(why->id, "s3.refused") != 0 || rnm_http_status(s3->http) >= 500);
}

/* Every request may be made twice: it asks, or it says what is to be there. */
static enum rnm_status send_patiently(struct exchange *exchange, const struct rnm_http_request *request,
                                      struct rnm_error *err)
{
	double pause = FIRST_PAUSE;
	enum rnm_status status;

	for (int i = 1;; i++) {
		struct rnm_error why = { .status = RNM_OK };

		status = send_once(exchange, request, &why);
		if (!is_passing(exchange->s3, status, &why) || i == TRIES) {
			if (status != RNM_OK && err != NULL)
				*err = why;
			return status;
		}
		status = rnm_s3_pause(exchange->s3, pause, err);
		if (status != RNM_OK)
			return status;
		pause *= 4;
	}
}

struct lines {
	const char *items[HEADERS_ROOM];
	size_t count;
	char hash[LINE_ROOM], type[LINE_ROOM], cache[LINE_ROOM];
};

/* The hash of the body is signed with the rest, so that nobody in between can change it. */
static void add_lines(struct lines *lines, const struct rnm_s3 *s3, struct rnm_bytes body,
                      const struct rnm_s3_put *put)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * crypto_hash_sha256_BYTES + 1];

	(void)crypto_hash_sha256(hash, (const unsigned char *)body.data, body.len);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	(void)snprintf(lines->hash, sizeof(lines->hash), "x-amz-content-sha256: %s", hex);
	lines->items[lines->count++] = lines->hash;
	if (s3->token != NULL)
		lines->items[lines->count++] = s3->token;
	if (put == NULL)
		return;
	(void)snprintf(lines->type, sizeof(lines->type), "Content-Type: %s", put->content_type);
	(void)snprintf(lines->cache, sizeof(lines->cache), "Cache-Control: %s", put->cache_control);
	lines->items[lines->count++] = lines->type;
	lines->items[lines->count++] = lines->cache;
	if (put->condition != NULL)
		lines->items[lines->count++] = put->condition;
}

static enum rnm_status request(struct rnm_s3 *s3, enum rnm_http_method method, const char *key,
                               struct rnm_bytes body, const struct rnm_s3_put *put, struct rnm_buf *out,
                               size_t max, struct rnm_error *err)
{
	struct exchange exchange = { .s3 = s3, .out = out };
	struct lines lines = { .count = 0 };
	struct rnm_http_request what = {
		.method = method,
		.headers = lines.items,
		.seconds = SECONDS,
		.body = body,
		.max = max > RNM_S3_PROBLEM_MAX ? max : RNM_S3_PROBLEM_MAX,
		.sink = take,
		.ctx = &exchange,
	};
	enum rnm_status status;
	char *url = NULL;

	if (asprintf(&url, "%s%s", s3->base, key) < 0)
		return rnm_error_nomem(err);
	add_lines(&lines, s3, body, put);
	what.header_count = lines.count;
	what.url = url;
	rnm_buf_init(&exchange.problem, RNM_S3_PROBLEM_MAX);
	status = send_patiently(&exchange, &what, err);
	rnm_buf_free(&exchange.problem);
	free(url);
	return status;
}

/* ---- what can be asked ---- */

enum rnm_status rnm_s3_get(struct rnm_s3 *s3, const char *key, struct rnm_buf *out, size_t max,
                           struct rnm_error *err)
{
	struct rnm_buf got;
	enum rnm_status status;

	rnm_buf_init(&got, max + 1);
	status = request(s3, RNM_HTTP_GET, key, (struct rnm_bytes){ "", 0 }, NULL, &got, max, err);
	if (status == RNM_OK && !rnm_buf_append(out, rnm_buf_cstr(&got), got.len))
		status = rnm_error_nomem(err);
	rnm_buf_free(&got);
	return status;
}

enum rnm_status rnm_s3_head(struct rnm_s3 *s3, const char *key, struct rnm_error *err)
{
	return request(s3, RNM_HTTP_HEAD, key, (struct rnm_bytes){ "", 0 }, NULL, NULL, 0, err);
}

enum rnm_status rnm_s3_put(struct rnm_s3 *s3, const char *key, struct rnm_bytes bytes,
                           const struct rnm_s3_put *how, struct rnm_error *err)
{
	return request(s3, RNM_HTTP_PUT, key, bytes, how, NULL, 0, err);
}

enum rnm_status rnm_s3_delete(struct rnm_s3 *s3, const char *key, struct rnm_error *err)
{
	enum rnm_status status =
	    request(s3, RNM_HTTP_DELETE, key, (struct rnm_bytes){ "", 0 }, NULL, NULL, 0, err);

	return status == RNM_E_NOT_FOUND ? RNM_OK : status;
}
