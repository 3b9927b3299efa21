/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/number.h"
#include "share/pull_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* For how long we stay away at most because a server asks for it. */
#define RETRY_AFTER_MAX 86400

/* ---- what all answers have in common ---- */

static void remember(char out[RNM_PULL_VALIDATOR_MAX + 1], const char *value)
{
	/* It goes back to the server as it came. */
	if (value == NULL || strlen(value) > RNM_PULL_VALIDATOR_MAX)
		value = "";
	memcpy(out, value, strlen(value) + 1);
}

void rnm_pull_validators_take(struct rnm_pull_validators *out, struct rnm_http *http)
{
	remember(out->etag, rnm_http_header(http, "ETag"));
	remember(out->modified, rnm_http_header(http, "Last-Modified"));
}

static bool is_html(const char *type)
{
	return type != NULL &&
	       (strncasecmp(type, "text/html", 9) == 0 || strncasecmp(type, "application/xhtml", 17) == 0);
}

static enum rnm_status web_page(struct rnm_http *http, const char *what, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_MALFORMED, "pull.web-page", "%s answers with a web page instead of %s",
	              rnm_http_url(http), what);
	rnm_error_set_hint(
	    err, "look at it with a browser: a portal, a login or a wrong address may be in between");
	return RNM_E_MALFORMED;
}

enum rnm_status rnm_pull_check_head(struct rnm_http *http, const char *what, struct rnm_error *err)
{
	const char *encoding = rnm_http_header(http, "Content-Encoding");

	if (is_html(rnm_http_header(http, "Content-Type")))
		return web_page(http, what, err);
	if (encoding == NULL || encoding[0] == '\0' || strcasecmp(encoding, "identity") == 0)
		return RNM_OK;
	rnm_error_set(err, RNM_E_IO, "pull.encoding",
	              "%s comes packed (Content-Encoding: %.100s), which was not asked for",
	              rnm_http_url(http), encoding);
	rnm_error_set_hint(err, "the server must send the file as it is: rspamd cannot unpack it either");
	return RNM_E_IO;
}

static double retry_after(struct rnm_http *http)
{
	const char *text = rnm_http_header(http, "Retry-After");
	const size_t digits = text != NULL ? strspn(text, "0123456789") : 0;

	/* A date is possible too, but no reason to trust two clocks. */
	if (digits == 0 || text[digits] != '\0')
		return 0;
	return fmin(rnm_strtod(text, NULL), RETRY_AFTER_MAX);
}

enum rnm_status rnm_pull_bad_status(struct rnm_pulling *pulling, struct rnm_http *http, const char *what,
                                    struct rnm_error *err)
{
	const unsigned code = rnm_http_status(http);

	if ((code == 429 || code == 503) && pulling->retry_after != NULL)
		*pulling->retry_after = retry_after(http);
	return rnm_error_set(err, RNM_E_IO, "pull.status", "%s answers with HTTP status %u instead of %s",
	                     rnm_http_url(http), code, what);
}

double rnm_pull_seconds(const struct rnm_pull_options *options)
{
	return options->seconds > 0 ? options->seconds : RNM_PULL_SECONDS_DEFAULT;
}

size_t rnm_pull_conditions(const struct rnm_pull_validators *known, char text[2][RNM_PULL_HEADER_SIZE],
                           const char *headers[2])
{
	size_t count = 0;

	if (known->etag[0] != '\0') {
		(void)snprintf(text[count], RNM_PULL_HEADER_SIZE, "If-None-Match: %s", known->etag);
		headers[count] = text[count];
		count++;
	}
	if (known->modified[0] != '\0') {
		(void)snprintf(text[count], RNM_PULL_HEADER_SIZE, "If-Modified-Since: %s", known->modified);
		headers[count] = text[count];
		count++;
	}
	return count;
}

/* ---- a small file ---- */

struct fetching {
	struct rnm_pulling *pulling;
	struct rnm_pull_small *out;
	const char *what;
};

static enum rnm_status on_head(void *ctx, struct rnm_http *http, struct rnm_error *err)
{
	const struct fetching *fetching = ctx;

	return rnm_http_status(http) == 200 ? rnm_pull_check_head(http, fetching->what, err) : RNM_OK;
}

static enum rnm_status on_body(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	struct rnm_pull_small *out = ((struct fetching *)ctx)->out;

	(void)err;
	/* The page of an error may be longer than what was asked for; nobody reads it. */
	if (len > out->max - out->len)
		len = out->max - out->len;
	memcpy(out->data + out->len, data, len);
	out->len += len;
	return RNM_OK;
}

/* Pages of errors that are read to their end, so that the connection can be used again. */
#define ERROR_PAGE_MAX ((uint64_t)64 << 10)

static enum rnm_status fetch(struct rnm_pulling *pulling, const char *url, const char *const *headers,
                             size_t header_count, const char *what, struct rnm_pull_small *out,
                             struct rnm_error *err)
{
	struct fetching fetching = { pulling, out, what };
	const struct rnm_http_request request = {
		.method = RNM_HTTP_GET,
		.url = url,
		.headers = headers,
		.header_count = header_count,
		.seconds = rnm_pull_seconds(pulling->options),
		.max = ERROR_PAGE_MAX,
		.head = on_head,
		.sink = on_body,
		.ctx = &fetching,
	};
	enum rnm_status status;

	out->len = 0;
	status = rnm_http_send(pulling->http, &request, err);
	if (status == RNM_OK)
		out->data[out->len] = '\0';
	return status;
}

static bool looks_like_html(const char *text)
{
	text += strspn(text, " \t\r\n");
	return strncasecmp(text, "<!doctype", 9) == 0 || strncasecmp(text, "<html", 5) == 0;
}

/* ---- the statement ---- */

static enum rnm_status unsigned_model(struct rnm_pulling *pulling, const char *what, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_SIGNATURE, "pull.unsigned",
	              "there is no %s (HTTP status %u): nothing says who made the model",
	              rnm_http_url(pulling->http), rnm_http_status(pulling->http));
	rnm_error_set_hint(err, "whoever publishes it must sign it too: %s lies beside the model", what);
	return RNM_E_SIGNATURE;
}

/* The text of the newest statement, from the server or, when it says that nothing has changed, from the state. */
static enum rnm_status statement_text(struct rnm_pulling *pulling, struct rnm_error *err)
{
	const struct rnm_pull_state *state = pulling->state;
	struct rnm_pull_small out = { pulling->statement_text, RNM_STATEMENT_FILE_MAX, 0 };
	char conditions[2][RNM_PULL_HEADER_SIZE];
	const char *headers[2];
	size_t count = 0;
	enum rnm_status status;
	unsigned code;

	if (!pulling->again && state->statement[0] != '\0')
		count = rnm_pull_conditions(&state->statement_is, conditions, headers);
	status =
	    fetch(pulling, pulling->paths.statement_url, headers, count, "a signed statement", &out, err);
	if (status != RNM_OK)
		return status;
	code = rnm_http_status(pulling->http);
	if (code == 304 && count > 0) {
		out.len = strlen(state->statement);
		memcpy(pulling->statement_text, state->statement, out.len + 1);
		pulling->statement_is = state->statement_is;
	} else if (code == 200) {
		rnm_pull_validators_take(&pulling->statement_is, pulling->http);
	} else if (code == 404 || code == 410) {
		return unsigned_model(pulling, "a statement (.rnmsig)", err);
	} else {
		return rnm_pull_bad_status(pulling, pulling->http, "a signed statement", err);
	}
	pulling->statement_len = out.len;
	return RNM_OK;
}

/* Unless a name is asked for, the digest of the rule is one: under it rspamd would ask for this very model. */
static const char *wanted_name(const struct rnm_pulling *pulling)
{
	const struct rnm_rule *rule = pulling->options->verify.rule;
	const bool digest = pulling->options->name == NULL && rule != NULL && rule->digest[0] != '\0' &&
	                    strcmp(pulling->statement.name, rule->digest) == 0;

	return digest ? rule->digest : pulling->paths.name;
}

enum rnm_status rnm_pull_fetch_statement(struct rnm_pulling *pulling, struct rnm_error *err)
{
	enum rnm_status status = statement_text(pulling, err);
	const struct rnm_bytes text = { pulling->statement_text, pulling->statement_len };

	if (status != RNM_OK)
		return status;
	if (looks_like_html(pulling->statement_text))
		return web_page(pulling->http, "a signed statement", err);
	status =
	    rnm_statement_read(text, pulling->options->trust, &pulling->statement, &pulling->signer, err);
	if (status == RNM_OK)
		status = rnm_statement_holds(&pulling->statement, wanted_name(pulling),
		                             (int64_t)rnm_clock_wall(), err);
	if (status != RNM_OK && err != NULL && err->file[0] == '\0') {
		char plain[RNM_HTTP_URL_MAX + 1];

		rnm_http_url_plain(plain, sizeof(plain), pulling->paths.statement_url);
		rnm_error_at_line(err, plain, 0);
	}
	return status;
}

/* ---- the signature ---- */

enum rnm_status rnm_pull_fetch_signature(struct rnm_pulling *pulling, struct rnm_error *err)
{
	char text[RNM_SIGNATURE_SIZE + 2];
	struct rnm_pull_small out = { text, sizeof(text) - 1, 0 };
	enum rnm_status status =
	    fetch(pulling, pulling->paths.signature_url, NULL, 0, "a signature", &out, err);
	const unsigned code = status == RNM_OK ? rnm_http_status(pulling->http) : 0;

	if (status != RNM_OK)
		return status;
	if (code == 404 || code == 410)
		return unsigned_model(pulling, "a signature (.sig)", err);
	if (code != 200)
		return rnm_pull_bad_status(pulling, pulling->http, "a signature", err);
	if (out.len == RNM_SIGNATURE_SIZE) {
		memcpy(pulling->signature, text, RNM_SIGNATURE_SIZE);
		return RNM_OK;
	}
	if (looks_like_html(text))
		return web_page(pulling->http, "a signature", err);
	return rnm_error_set(err, RNM_E_SIGNATURE, "pull.signature-size",
	                     "%s has not the %d bytes of a signature", rnm_http_url(pulling->http),
	                     RNM_SIGNATURE_SIZE);
}
