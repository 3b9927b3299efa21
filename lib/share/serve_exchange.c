/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_exchange.h"

#include "base/clock.h"
#include "share/http_date.h"

#include <rnm/json.h>
#include <stdio.h>
#include <string.h>

bool rnm_exchange_has_body(const struct rnm_exchange *exchange)
{
	return !exchange->head && exchange->answer.status != 304;
}

static bool is_address(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

void rnm_exchange_client(struct rnm_exchange *exchange, const char *forwarded)
{
	const char *last;

	memcpy(exchange->client, exchange->link->address, sizeof(exchange->client));
	if (forwarded == NULL || !exchange->link->local)
		return;
	/* What stands before the last comma is what the client claims. */
	last = strrchr(forwarded, ',');
	last = last != NULL ? last + 1 : forwarded;
	last += strspn(last, " \t");
	if (is_address(last))
		snprintf(exchange->client, sizeof(exchange->client), "%s", last);
}

static void put_text(struct rnm_json *json, const char *key, const char *text)
{
	rnm_json_kv_string(json, key, text[0] != '\0' ? text : NULL);
}

void rnm_exchange_line(struct rnm_buf *out, const struct rnm_exchange *exchange, bool aborted)
{
	const struct rnm_answer *answer = &exchange->answer;
	char time[RNM_TIME_SIZE];
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_time_write(time, rnm_clock_wall());
	rnm_json_kv_string(&json, "time", time);
	rnm_json_kv_string(&json, "client", exchange->client);
	rnm_json_kv_string(&json, "method", exchange->method);
	rnm_json_kv_string(&json, "target", exchange->target);
	rnm_json_kv_uint(&json, "status", answer->status);
	rnm_json_kv_uint(&json, "bytes", rnm_exchange_has_body(exchange) ? answer->length : 0);
	rnm_json_kv_uint(&json, "us", (uint64_t)((rnm_clock_monotonic() - exchange->begun) * 1e6));
	put_text(&json, "etag", answer->file != NULL ? answer->file->etag : "");
	put_text(&json, "held", exchange->held);
	put_text(&json, "agent", exchange->agent);
	rnm_json_kv_bool(&json, "aborted", aborted);
	rnm_json_end_object(&json);
	rnm_buf_putc(out, '\n');
}
