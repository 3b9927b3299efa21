/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the RESP parser as a text that does not depend on how the bytes were cut. */
#ifndef RNM_TESTS_FUZZ_RESP_TRACE_H
#define RNM_TESTS_FUZZ_RESP_TRACE_H

#include "fuzz.h"

#include "redis/resp.h"

#include <inttypes.h>
#include <rnm/buf.h>

#define TRACE_MAX ((size_t)64 << 20)

struct resp_trace {
	struct rnm_resp parser;
	struct rnm_buf text;
	const uint8_t *data;
	size_t used;
	bool failed;
	size_t replies;
	size_t whole; /* length of the text at the end of the last whole reply */
};

static inline void resp_trace_init(struct resp_trace *trace, const uint8_t *data)
{
	memset(trace, 0, sizeof(*trace));
	rnm_resp_init(&trace->parser);
	rnm_buf_init(&trace->text, TRACE_MAX);
	rnm_buf_puts(&trace->text, "");
	trace->data = data;
}

static inline void resp_trace_event(struct rnm_buf *out, const struct rnm_event *event)
{
	static const char marks[] = {
		[RNM_EVENT_STATUS] = '+',   [RNM_EVENT_ERROR] = '-',      [RNM_EVENT_INTEGER] = ':',
		[RNM_EVENT_NIL] = '_',      [RNM_EVENT_BULK_BEGIN] = '$', [RNM_EVENT_BULK_DATA] = 0,
		[RNM_EVENT_BULK_END] = '>', [RNM_EVENT_ARRAY] = '*',      [RNM_EVENT_MAP] = '%',
		[RNM_EVENT_DOUBLE] = ',',   [RNM_EVENT_BOOL] = '#',
	};

	if (marks[event->kind] != 0)
		rnm_buf_putc(out, marks[event->kind]);
	switch (event->kind) {
	case RNM_EVENT_STATUS:
	case RNM_EVENT_ERROR:
	case RNM_EVENT_BULK_DATA:
		rnm_buf_append(out, event->data.data, event->data.len);
		break;
	case RNM_EVENT_INTEGER:
	case RNM_EVENT_BOOL:
		rnm_buf_printf(out, "%" PRId64, event->integer);
		break;
	case RNM_EVENT_BULK_BEGIN:
	case RNM_EVENT_ARRAY:
	case RNM_EVENT_MAP:
		rnm_buf_printf(out, "%" PRIu64 "<", event->length);
		break;
	case RNM_EVENT_DOUBLE:
		rnm_buf_printf(out, "%.17g", event->real);
		break;
	case RNM_EVENT_NIL:
	case RNM_EVENT_BULK_END:
		break;
	}
}

/* Lets the parser see the bytes up to limit, as they would lie in a window. */
static inline void resp_trace_feed(struct resp_trace *trace, size_t limit)
{
	size_t len = limit - trace->used, pos = 0;
	char *window = fuzz_copy(trace->data + trace->used, len);

	while (!trace->failed) {
		struct rnm_event event;
		size_t used;
		enum rnm_resp_result result =
		    rnm_resp_next(&trace->parser, window + pos, len - pos, &used, &event);

		FUZZ_CHECK(used <= len - pos);
		pos += used;
		if (result == RNM_RESP_MORE)
			break;
		if (result == RNM_RESP_FAILED) {
			trace->failed = true;
			FUZZ_CHECK(fuzz_is_sentence(trace->parser.problem, sizeof(trace->parser.problem)));
			rnm_buf_printf(&trace->text, "FAILED %s", trace->parser.problem);
			break;
		}
		resp_trace_event(&trace->text, &event);
		if (rnm_resp_complete(&trace->parser)) {
			rnm_buf_puts(&trace->text, "| ");
			trace->replies++;
			trace->whole = trace->text.len;
		}
	}
	trace->used += pos;
	FUZZ_CHECK(trace->parser.offset == trace->used || trace->failed);
	free(window);
}

#endif
