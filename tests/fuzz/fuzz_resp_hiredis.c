/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our RESP parser beside hiredis' (0.14, RESP2 only).  Where they may differ: ours looks at the line end
 * behind a bulk reply and limits lines and lengths; hiredis nests seven levels and knows no RESP3.
 */
#include "resp_trace.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

/* hiredis allocates an array before it sees the elements: a count of more digits is not shown to it. */
#define COUNT_DIGITS_MAX 4

static bool has_large_count(const uint8_t *data, size_t size)
{
	size_t digits = 0;
	bool counting = false;

	for (size_t i = 0; i < size; i++) {
		if (data[i] >= '0' && data[i] <= '9' && counting) {
			if (++digits > COUNT_DIGITS_MAX)
				return true;
		} else {
			counting = data[i] == '*';
			digits = 0;
		}
	}
	return false;
}

static void trace_reply(struct rnm_buf *out, const redisReply *reply)
{
	switch (reply->type) {
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_ERROR:
		rnm_buf_putc(out, reply->type == REDIS_REPLY_STATUS ? '+' : '-');
		rnm_buf_append(out, reply->str, reply->len);
		break;
	case REDIS_REPLY_INTEGER:
		rnm_buf_printf(out, ":%lld", reply->integer);
		break;
	case REDIS_REPLY_NIL:
		rnm_buf_putc(out, '_');
		break;
	case REDIS_REPLY_STRING:
		rnm_buf_printf(out, "$%zu<", reply->len);
		rnm_buf_append(out, reply->str, reply->len);
		rnm_buf_putc(out, '>');
		break;
	default:
		FUZZ_CHECK(reply->type == REDIS_REPLY_ARRAY);
		rnm_buf_printf(out, "*%zu<", reply->elements);
		for (size_t i = 0; i < reply->elements; i++)
			trace_reply(out, reply->element[i]);
	}
}

/* Whether the two may part here: what hiredis reads and we do not. */
static bool stricter(const struct resp_trace *ours)
{
	return ours->failed && (strstr(ours->parser.problem, "a line end after") != NULL ||
	                        strstr(ours->parser.problem, "at most") != NULL ||
	                        strstr(ours->parser.problem, "the length of a bulk reply") != NULL);
}

static void compare(const struct resp_trace *ours, redisReader *reader)
{
	struct rnm_buf theirs;
	size_t replies = 0;
	bool asking = true;

	rnm_buf_init(&theirs, TRACE_MAX);
	while (asking) {
		void *reply = NULL;

		asking = redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL;
		if (!asking)
			break;
		replies++;
		trace_reply(&theirs, reply);
		rnm_buf_puts(&theirs, "| ");
		freeReplyObject(reply);
		if (replies > ours->replies) {
			FUZZ_CHECK(stricter(ours));
			break;
		}
		FUZZ_CHECK(theirs.len <= ours->whole);
		FUZZ_CHECK(memcmp(theirs.data, ours->text.data, theirs.len) == 0);
	}
	/* A reply that we read and hiredis did not is one that it refused. */
	FUZZ_CHECK(replies >= ours->replies || reader->err != 0);
	rnm_buf_free(&theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resp_trace ours;
	redisReader *reader;

	if (has_large_count(data, size))
		return 0;
	reader = redisReaderCreate();
	FUZZ_CHECK(reader != NULL);
	resp_trace_init(&ours, data);
	resp_trace_feed(&ours, size);
	FUZZ_CHECK(redisReaderFeed(reader, (const char *)data, size) == REDIS_OK);
	compare(&ours, reader);
	redisReaderFree(reader);
	rnm_buf_free(&ours.text);
	return 0;
}
