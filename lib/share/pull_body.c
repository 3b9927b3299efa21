/* SPDX-License-Identifier: Apache-2.0 */
#include "share/pull_internal.h"
#include "share/stream_check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes that are written to the part in one go. */
#define WRITE_BYTES ((size_t)256 << 10)

struct body {
	struct rnm_pulling *pulling;
	struct rnm_stream_check *check;
	uint64_t len;     /* bytes that are there */
	uint64_t written; /* of them, those that the part has */
	char *unwritten;  /* the others; room for WRITE_BYTES */
	uint64_t asked;   /* where the request begins; 0: all of it */
	bool no_range;    /* it has others: ask for all */
	bool conditional; /* asked for only if it is not the model of before */
};

/* ---- what the answer says that it is ---- */

/* "bytes FIRST-LAST/SIZE" must be exactly what was asked for. */
static bool range_fits(const struct body *body, struct rnm_http *http)
{
	const uint64_t size = body->pulling->statement.size;
	const char *range = rnm_http_header(http, "Content-Range");
	const int64_t length = rnm_http_length(http);
	char wanted[96];

	(void)snprintf(wanted, sizeof(wanted), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, body->asked,
	               size - 1, size);
	return range != NULL && strcmp(range, wanted) == 0 &&
	       (length < 0 || (uint64_t)length == size - body->asked);
}

static enum rnm_status other_size(struct body *body, uint64_t length, struct rnm_error *err)
{
	const struct rnm_pulling *pulling = body->pulling;

	return rnm_error_set(err, RNM_E_SIGNATURE, "statement.size",
	                     "%s has %" PRIu64 " bytes, the signed statement is about %" PRIu64,
	                     rnm_http_url(pulling->http), length, pulling->statement.size);
}

static enum rnm_status new_check(struct body *body, struct rnm_error *err)
{
	const struct rnm_pulling *pulling = body->pulling;
	const struct rnm_stream_subject subject = {
		.fd = pulling->part,
		.path = pulling->paths.part,
		.size = pulling->statement.size,
		.key = &pulling->signer->key,
		.signature = pulling->signature,
	};

	return rnm_stream_check_new(&body->check, &subject, err);
}

static enum rnm_status take_whole(struct body *body, struct rnm_http *http, struct rnm_error *err)
{
	const int64_t length = rnm_http_length(http);

	if (length >= 0 && (uint64_t)length != body->pulling->statement.size)
		return other_size(body, (uint64_t)length, err);
	if (body->len == 0)
		return RNM_OK;
	/* The rest was asked for and all of it comes: the file there is another one, or ranges are not known. */
	rnm_stream_check_free(body->check);
	body->check = NULL;
	body->len = body->written = 0;
	body->pulling->resumed = 0;
	return rnm_pull_part_cut(body->pulling, err);
}

/* So that whoever comes after us knows what the part is, also when this process is killed. */
static enum rnm_status remember_part(struct body *body, struct rnm_http *http, struct rnm_error *err)
{
	struct rnm_pulling *pulling = body->pulling;
	struct rnm_pull_state *state = pulling->state;

	rnm_pull_validators_take(&pulling->model_is, http);
	if (pulling->options->dry_run)
		return RNM_OK;
	state->has_part = true;
	memcpy(state->part, pulling->statement.blake2b, RNM_BLAKE2B_SIZE);
	state->part_is = pulling->model_is;
	return rnm_pull_state_write(state, pulling->paths.state, err);
}

static enum rnm_status on_head(void *ctx, struct rnm_http *http, struct rnm_error *err)
{
	struct body *body = ctx;
	const unsigned code = rnm_http_status(http);
	enum rnm_status status = RNM_OK;

	if (code == 200 || code == 206)
		status = rnm_pull_check_head(http, "a model", err);
	if (status != RNM_OK)
		return status;
	if (code == 200) {
		status = take_whole(body, http, err);
	} else if (code == 206 && body->asked > 0 && range_fits(body, http)) {
		body->pulling->resumed = body->len;
	} else if ((code == 206 || code == 416) && body->asked > 0) {
		body->no_range = true;
		return RNM_NO;
	} else if (code == 304 && body->conditional) {
		return rnm_error_set(err, RNM_E_SIGNATURE, "pull.out-of-step",
		                     "%s is still the model of before, though there is a new statement",
		                     rnm_http_url(http));
	} else if (code == 404 || code == 410) {
		return rnm_error_set(err, RNM_E_NOT_FOUND, "pull.absent",
		                     "there is no %s (HTTP status %u), though there is a statement about it",
		                     rnm_http_url(http), code);
	} else {
		return rnm_pull_bad_status(body->pulling, http, "a model", err);
	}
	if (status == RNM_OK && body->check == NULL)
		status = new_check(body, err);
	return status == RNM_OK ? remember_part(body, http, err) : status;
}

/* ---- the bytes ---- */

/* What is in memory only, to the part. */
static enum rnm_status write_out(struct body *body, struct rnm_error *err)
{
	const uint64_t from = body->written;
	enum rnm_status status;

	if (body->len == from)
		return RNM_OK;
	body->written = body->len;
	status = rnm_pull_part_write(body->pulling, from, body->unwritten, (size_t)(body->len - from), err);
	if (status == RNM_OK && body->check != NULL)
		rnm_stream_check_more(body->check, body->written);
	return status;
}

static enum rnm_status keep(struct body *body, const char *data, size_t len, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	while (status == RNM_OK && len > 0) {
		const size_t held = (size_t)(body->len - body->written);
		const size_t take = len < WRITE_BYTES - held ? len : WRITE_BYTES - held;

		memcpy(body->unwritten + held, data, take);
		body->len += take;
		data += take;
		len -= take;
		if (held + take == WRITE_BYTES)
			status = write_out(body, err);
	}
	return status;
}

static enum rnm_status on_bytes(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	struct body *body = ctx;
	struct rnm_pulling *pulling = body->pulling;
	enum rnm_status status;

	if (len > pulling->statement.size - body->len)
		return rnm_error_set(err, RNM_E_MALFORMED, "http.too-large",
		                     "%s sends more than the %" PRIu64 " bytes of the signed statement",
		                     rnm_http_url(pulling->http), pulling->statement.size);
	status = keep(body, data, len, err);
	pulling->received += len;
	if (pulling->options->progress != NULL)
		pulling->options->progress(pulling->options->progress_ctx, body->len,
		                           pulling->statement.size);
	return status;
}

/* ---- the request ---- */

/* A weak ETag names no bytes.  A date will do then: what is put together wrongly does not have the hash. */
static const char *range_validator(const struct rnm_pull_validators *is)
{
	if (is->etag[0] == '"')
		return is->etag;
	return is->modified[0] != '\0' ? is->modified : NULL;
}

/* A publisher replaces the model after its statement: that one of before need not come once more. */
static bool knows_another(const struct rnm_pulling *pulling)
{
	const struct rnm_pull_state *state = pulling->state;

	return !pulling->again && state->has_model &&
	       memcmp(state->model, pulling->statement.blake2b, RNM_BLAKE2B_SIZE) != 0;
}

static size_t make_headers(struct body *body, char text[2][RNM_PULL_HEADER_SIZE], const char *headers[2])
{
	const struct rnm_pull_state *state = body->pulling->state;
	const char *validator = body->len > 0 && !body->no_range ? range_validator(&state->part_is) : NULL;

	body->asked = 0;
	body->conditional = false;
	headers[0] = text[0];
	headers[1] = text[1];
	if (validator != NULL) {
		body->asked = body->len;
		(void)snprintf(text[0], RNM_PULL_HEADER_SIZE, "Range: bytes=%" PRIu64 "-", body->len);
		(void)snprintf(text[1], RNM_PULL_HEADER_SIZE, "If-Range: %s", validator);
		return 2;
	}
	if (body->len > 0 || !knows_another(body->pulling))
		return 0;
	body->conditional = true;
	return rnm_pull_conditions(&state->model_is, text, headers);
}

static enum rnm_status ask(struct body *body, struct rnm_error *err)
{
	struct rnm_pulling *pulling = body->pulling;
	char text[2][RNM_PULL_HEADER_SIZE];
	const char *headers[2];
	const size_t header_count = make_headers(body, text, headers);
	const struct rnm_http_request request = {
		.method = RNM_HTTP_GET,
		.url = pulling->paths.model_url,
		.headers = headers,
		.header_count = header_count,
		.seconds = rnm_pull_seconds(pulling->options),
		/* What is longer than the statement says is told in words of our own. */
		.max = UINT64_MAX,
		.head = on_head,
		.sink = on_bytes,
		.ctx = body,
	};

	body->no_range = false;
	return rnm_http_send(pulling->http, &request, err);
}

/* Until all is there.  An answer with other bytes than those that were asked for is worth a second request for all. */
static enum rnm_status fill(struct body *body, struct rnm_error *err)
{
	const uint64_t size = body->pulling->statement.size;
	enum rnm_status status = RNM_OK, written;

	if (body->len < size)
		status = ask(body, err);
	if (status == RNM_NO && body->no_range)
		status = ask(body, err);
	/* Also what came before a failure: the next run begins there. */
	written = write_out(body, status == RNM_OK ? err : NULL);
	if (status == RNM_OK)
		status = written;
	if (status != RNM_OK)
		return status;
	if (body->len != size)
		return other_size(body, body->len, err);
	rnm_pull_part_complete(body->pulling);
	return RNM_OK;
}

/* What the server's other file says that it is. */
static enum rnm_status not_signed(struct body *body, struct rnm_error *err)
{
	char url[RNM_HTTP_URL_MAX + 1];

	rnm_http_url_plain(url, sizeof(url), body->pulling->paths.signature_url);
	return rnm_error_set(err, RNM_E_SIGNATURE, "signature.bad",
	                     "%s is no signature of the model by the key of the statement", url);
}

/* RNM_E_SIGNATURE when these are not the bytes that were signed. */
static enum rnm_status judge(struct body *body, const struct rnm_stream_answer *answer, struct rnm_error *err)
{
	const struct rnm_statement *statement = &body->pulling->statement;
	enum rnm_status status = rnm_statement_about(statement, statement->size, answer->blake2b, err);

	if (status == RNM_E_SIGNATURE)
		rnm_error_at_line(err, rnm_http_url(body->pulling->http), 0);
	return status == RNM_OK && !answer->is_signed ? not_signed(body, err) : status;
}

/* Of the part, when all of it is there. */
static enum rnm_status prove(struct body *body, struct rnm_error *err)
{
	struct rnm_pulling *pulling = body->pulling;
	struct rnm_stream_answer answer;
	enum rnm_status status = rnm_stream_check_end(body->check, &answer, err);

	body->check = NULL;
	if (status != RNM_OK)
		return status;
	pulling->marks = answer.marks;
	status = judge(body, &answer, err);
	if (status != RNM_OK) {
		rnm_pull_forget_body(pulling);
		return status;
	}
	pulling->proven = fcntl(pulling->part, F_DUPFD_CLOEXEC, 0);
	if (pulling->proven >= 0)
		return RNM_OK;
	rnm_error_sys(err, "file.open", errno, "cannot open %s once more", pulling->paths.part);
	return rnm_error_at_line(err, pulling->paths.part, 0), RNM_E_IO;
}

/* What is not there yet, and then all of it. */
static enum rnm_status try_fetch(struct body *body, struct rnm_error *err)
{
	enum rnm_status status = new_check(body, err);

	if (status != RNM_OK)
		return status;
	rnm_stream_check_more(body->check, body->len);
	status = fill(body, err);
	if (status == RNM_OK)
		status = prove(body, err);
	rnm_stream_check_free(body->check);
	body->check = NULL;
	return status;
}

static enum rnm_status fetch(struct body *body, struct rnm_error *err)
{
	struct rnm_pulling *pulling = body->pulling;
	enum rnm_status status;

	body->written = pulling->resumed = body->len;
	status = try_fetch(body, err);
	if (status != RNM_E_SIGNATURE || pulling->resumed == 0)
		return status;
	/* The beginning of an earlier run was none after all, or the server has put another file behind it. */
	body->len = body->written = pulling->resumed = 0;
	status = rnm_pull_part_cut(pulling, err);
	return status == RNM_OK ? try_fetch(body, err) : status;
}

/* RNM_NO: it is another model, or none. */
static enum rnm_status check_in_place(struct body *body, struct rnm_error *err)
{
	struct rnm_pulling *pulling = body->pulling;
	const struct rnm_stream_subject subject = {
		.fd = rnm_pull_open_in_place(pulling),
		.path = pulling->paths.target,
		.size = pulling->statement.size,
		.key = &pulling->signer->key,
		.signature = pulling->signature,
	};
	struct rnm_stream_answer answer;
	enum rnm_status status;

	if (subject.fd < 0)
		return RNM_NO;
	pulling->proven = subject.fd;
	status = rnm_stream_check_file(&subject, &answer, err);
	if (status == RNM_E_NOMEM)
		return status;
	if (status == RNM_OK)
		pulling->marks = answer.marks;
	pulling->was_in_place = status == RNM_OK && memcmp(answer.blake2b, pulling->statement.blake2b,
	                                                   sizeof(answer.blake2b)) == 0;
	if (!pulling->was_in_place) {
		rnm_pull_forget_body(pulling);
		return RNM_NO;
	}
	return answer.is_signed ? RNM_OK : not_signed(body, err);
}

enum rnm_status rnm_pull_check_size(const struct rnm_pulling *pulling, struct rnm_error *err)
{
	const uint64_t max =
	    pulling->options->max_size > 0 ? pulling->options->max_size : RNM_PULL_SIZE_DEFAULT;

	if (pulling->statement.size <= max)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "pull.too-large",
	              "the model has %" PRIu64 " bytes, and at most %" PRIu64 " may come",
	              pulling->statement.size, max);
	rnm_error_set_hint(err, "rspamd reads no map beyond its max_map_size (256 MiB by default)");
	return RNM_E_REFUSED;
}

static enum rnm_status fetch_from_server(struct body *body, struct rnm_error *err)
{
	struct rnm_pulling *pulling = body->pulling;
	enum rnm_status status;

	body->unwritten = malloc(WRITE_BYTES);
	if (body->unwritten == NULL)
		return rnm_error_nomem(err);
	status = rnm_pull_part_open(pulling, &body->len, err);
	if (status == RNM_OK)
		status = fetch(body, err);
	free(body->unwritten);
	/* What does not belong to the statement is of no use to the next run. */
	if (status == RNM_E_SIGNATURE || (status != RNM_OK && body->len == 0))
		rnm_pull_part_drop(pulling);
	return status;
}

enum rnm_status rnm_pull_fetch_body(struct rnm_pulling *pulling, struct rnm_error *err)
{
	struct body body = { .pulling = pulling };
	enum rnm_status status;

	rnm_pull_forget_body(pulling);
	pulling->received = pulling->resumed = 0;
	status = check_in_place(&body, err);
	if (status == RNM_NO)
		status = fetch_from_server(&body, err);
	/* A publisher replaces one file after the other. */
	pulling->out_of_step = status == RNM_E_SIGNATURE;
	return status;
}

void rnm_pull_forget_body(struct rnm_pulling *pulling)
{
	if (pulling->proven >= 0)
		close(pulling->proven);
	pulling->proven = -1;
	rnm_file_marks_free(pulling->marks);
	pulling->marks = NULL;
	pulling->was_in_place = false;
}
