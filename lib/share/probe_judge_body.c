/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a GET, how it came, and what HEAD says of it. */
#include "share/probe.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void judge_framing(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	if (get->framing == RNM_FRAMING_CHUNKED)
		rnm_probe_find(judge, RNM_FOUND_CHUNKED, get->address,
		               "the body comes with Transfer-Encoding: chunked");
	else if (get->declared == RNM_PROBE_BAD_LENGTH)
		rnm_probe_find(judge, RNM_FOUND_BAD_LENGTH, get->address,
		               "expected a number in Content-Length");
	else if (get->framing == RNM_FRAMING_CLOSE)
		rnm_probe_find(
		    judge, RNM_FOUND_UNTIL_CLOSE, get->address,
		    "the answer has no Content-Length; its body of %llu bytes ends with the connection",
		    (unsigned long long)get->received);
}

static void judge_state(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	const unsigned long long received = get->received;
	char declared[48] = "";

	if (get->framing == RNM_FRAMING_LENGTH)
		snprintf(declared, sizeof(declared), " of %lld", (long long)get->declared);
	switch (get->state) {
	case RNM_BODY_CUT:
		rnm_probe_find(judge, RNM_FOUND_SHORT, get->address,
		               "the connection ends after %llu%s bytes of the body", received, declared);
		break;
	case RNM_BODY_SLOW:
		rnm_probe_find(judge, RNM_FOUND_SLOW_BODY, get->address,
		               "%llu%s bytes of the body came in %.1f seconds", received, declared,
		               get->all_seconds);
		break;
	case RNM_BODY_LARGE:
		rnm_probe_find(judge, RNM_FOUND_LARGE, get->address, "the body has more than %llu bytes%s%s",
		               (unsigned long long)judge->report->max_size, *declared != '\0' ? ", " : "",
		               *declared != '\0' ? declared + strlen(" of ") : "");
		break;
	case RNM_BODY_BROKEN:
		rnm_probe_find(judge, RNM_FOUND_NOT_HTTP, get->address, "GET: %s", get->reason);
		break;
	case RNM_BODY_WHOLE:
	case RNM_BODY_NONE:
		if (received == 0)
			rnm_probe_find(judge, RNM_FOUND_EMPTY, get->address, "the body is empty");
		break;
	}
	if (get->extra > 0)
		rnm_probe_find(judge, RNM_FOUND_LONG, get->address, "%llu bytes or more follow the body",
		               (unsigned long long)get->extra);
}

static void judge_model(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	const struct rnm_probe_body *body = get->body;
	const char *expected = judge->report->expected_digest;

	switch (body->kind) {
	case RNM_BODY_NO_MODEL:
		rnm_probe_find(judge, RNM_FOUND_NO_MODEL, get->address, "%s", body->text);
		return;
	case RNM_BODY_PADDED:
		rnm_probe_find(judge, RNM_FOUND_PADDED, get->address, "%s", body->text);
		return;
	case RNM_BODY_UNFIT:
		rnm_probe_find(judge, RNM_FOUND_UNFIT, get->address, "%zu problem%s; the first: %s",
		               body->problems, body->problems == 1 ? "" : "s", body->text);
		break;
	case RNM_BODY_MODEL:
		if (body->warnings > 0)
			rnm_probe_find(judge, RNM_FOUND_ODD, get->address, "%zu warning%s; the first: %s",
			               body->warnings, body->warnings == 1 ? "" : "s", body->text);
		break;
	case RNM_BODY_ENCRYPTED:
		rnm_probe_find(judge, RNM_FOUND_ENCRYPTED, get->address, "the URL ends in .enc");
		return;
	}
	if (expected != NULL && body->providers_digest != NULL &&
	    strcmp(expected, body->providers_digest) != 0)
		rnm_probe_find(judge, RNM_FOUND_DIGEST, get->address,
		               "the URL is that of %s, the model is for %s", expected,
		               body->providers_digest[0] != '\0' ? body->providers_digest : "none");
}

static bool is_packed(const struct rnm_probe_answer *get)
{
	return get->content_encoding != NULL && *get->content_encoding != '\0' &&
	       strcasecmp(get->content_encoding, "identity") != 0;
}

static void judge_content(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	const bool packed = is_packed(get);

	/* What zstd has packed, rspamd knows by its first bytes. */
	if (packed && (get->body == NULL || get->body->kind == RNM_BODY_NO_MODEL)) {
		rnm_probe_find(judge, RNM_FOUND_COMPRESSED, get->address,
		               "the answer has Content-Encoding: %s", get->content_encoding);
		return;
	}
	if (packed)
		rnm_probe_find(judge, RNM_FOUND_ENCODING, get->address, "the answer has Content-Encoding: %s",
		               get->content_encoding);
	if (get->body != NULL)
		judge_model(judge, get);
}

/* ---- HEAD beside GET ---- */

struct list {
	char text[512];
	size_t len;
};

static void add_difference(struct list *list, const char *name, const char *head, const char *get)
{
	int len;

	if (head == get || (head != NULL && get != NULL && strcmp(head, get) == 0) ||
	    list->len >= sizeof(list->text))
		return;
	len = snprintf(list->text + list->len, sizeof(list->text) - list->len,
	               "%s%s is %.60s for HEAD and %.60s for GET", list->len > 0 ? "; " : "", name,
	               head != NULL ? head : "missing", get != NULL ? get : "missing");
	list->len += len > 0 ? (size_t)len : 0;
}

static const char *length_text(char text[32], int64_t length)
{
	snprintf(text, 32, "%lld", (long long)length);
	return length >= 0 ? text : NULL;
}

static void judge_head(struct rnm_probe_judge *judge, const struct rnm_probe_answer *get)
{
	const struct rnm_probe_answer *head = get > judge->report->answers ? get - 1 : NULL;
	struct list list = { "", 0 };
	char of_head[32], of_get[32];

	/* The question before: what a rspamd took for the reason to ask for the body. */
	if (head == NULL || head->address != get->address || head->ask == RNM_ASK_GET ||
	    head->reach != RNM_REACH_ANSWER || head->status != 200)
		return;
	add_difference(&list, "Content-Length", length_text(of_head, head->declared),
	               length_text(of_get,
	                           get->framing == RNM_FRAMING_LENGTH ? get->declared : head->declared));
	add_difference(&list, "ETag", head->etag, get->etag);
	add_difference(&list, "Last-Modified", head->last_modified, get->last_modified);
	add_difference(&list, "Content-Encoding", head->content_encoding, get->content_encoding);
	if ((head->date == NULL) != (get->date == NULL))
		add_difference(&list, "Date", head->date, get->date);
	if (list.len > 0)
		rnm_probe_find(judge, RNM_FOUND_HEAD_DIFFERS, get->address, "%s", list.text);
}

void rnm_probe_judge_body(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer)
{
	if (answer->ask != RNM_ASK_GET || answer->status != 200)
		return;
	judge_framing(judge, answer);
	judge_state(judge, answer);
	judge_content(judge, answer);
	judge_head(judge, answer);
}
