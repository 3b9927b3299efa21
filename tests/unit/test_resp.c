/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/resp.h"

#include <inttypes.h>
#include <rnm/buf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#define TRACE_MAX ((size_t)64 << 20)

/* ---- a trace of events that does not depend on how the bytes were cut ---- */

static void trace_event(struct rnm_buf *out, const struct rnm_event *event)
{
	switch (event->kind) {
	case RNM_EVENT_STATUS:
		rnm_buf_putc(out, '+');
		rnm_buf_append(out, event->data.data, event->data.len);
		break;
	case RNM_EVENT_ERROR:
		rnm_buf_putc(out, '-');
		rnm_buf_append(out, event->data.data, event->data.len);
		break;
	case RNM_EVENT_INTEGER:
		rnm_buf_printf(out, ":%" PRId64, event->integer);
		break;
	case RNM_EVENT_NIL:
		rnm_buf_puts(out, "nil");
		break;
	case RNM_EVENT_BULK_BEGIN:
		rnm_buf_printf(out, "$%" PRIu64 "<", event->length);
		return;
	case RNM_EVENT_BULK_DATA:
		rnm_buf_append(out, event->data.data, event->data.len);
		return;
	case RNM_EVENT_BULK_END:
		rnm_buf_putc(out, '>');
		break;
	case RNM_EVENT_ARRAY:
		rnm_buf_printf(out, "*%" PRIu64, event->length);
		break;
	case RNM_EVENT_MAP:
		rnm_buf_printf(out, "%%%" PRIu64, event->length);
		break;
	case RNM_EVENT_DOUBLE:
		rnm_buf_printf(out, ",%.17g", event->real);
		break;
	case RNM_EVENT_BOOL:
		rnm_buf_printf(out, "#%" PRId64, event->integer);
		break;
	}
	rnm_buf_putc(out, ' ');
}

struct feed {
	struct rnm_resp parser;
	struct rnm_buf trace;
	const char *data;
	size_t used;
	bool failed;
	unsigned replies;
};

static void feed_init(struct feed *feed, const char *data)
{
	memset(feed, 0, sizeof(*feed));
	rnm_resp_init(&feed->parser);
	rnm_buf_init(&feed->trace, TRACE_MAX);
	feed->data = data;
}

/* Lets the parser see the bytes up to limit, in memory of exactly that size, so that ASan sees an overread. */
static void feed_to(struct feed *feed, size_t limit)
{
	size_t len = limit - feed->used;
	char *window = malloc(len > 0 ? len : 1);
	size_t pos = 0;

	assert_non_null(window);
	memcpy(window, feed->data + feed->used, len);
	while (!feed->failed) {
		struct rnm_event event;
		size_t used;
		enum rnm_resp_result result =
		    rnm_resp_next(&feed->parser, window + pos, len - pos, &used, &event);

		assert_true(used <= len - pos);
		pos += used;
		if (result == RNM_RESP_MORE)
			break;
		if (result == RNM_RESP_FAILED) {
			feed->failed = true;
			rnm_buf_printf(&feed->trace, "FAILED %s", feed->parser.problem);
			break;
		}
		trace_event(&feed->trace, &event);
		if (rnm_resp_complete(&feed->parser)) {
			rnm_buf_puts(&feed->trace, "| ");
			feed->replies++;
		}
	}
	feed->used += pos;
	free(window);
}

/* The trace of all bytes at once; free() it. */
static char *trace_whole(const char *data, size_t len)
{
	struct feed feed;

	feed_init(&feed, data);
	feed_to(&feed, len);
	return rnm_buf_steal(&feed.trace);
}

struct sample {
	const char *bytes;
	size_t len;
	const char *trace;
};
#define SAMPLE(bytes, trace)                                                                                 \
	{                                                                                                    \
		bytes, sizeof(bytes) - 1, trace                                                              \
	}

static const struct sample samples[] = {
	SAMPLE("+OK\r\n", "+OK | "),
	SAMPLE("+\r\n", "+ | "),
	SAMPLE("+a\rb\nc\r\n", "+a\rb\nc | "),
	SAMPLE("-ERR no\r\n", "-ERR no | "),
	SAMPLE(":0\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n",
	       ":0 | :-1 | :9223372036854775807 | :-9223372036854775808 | "),
	SAMPLE("$0\r\n\r\n", "$0<> | "),
	SAMPLE("$5\r\nhello\r\n", "$5<hello> | "),
	SAMPLE("$4\r\n\r\n\r\n\r\n", "$4<\r\n\r\n> | "),
	SAMPLE("$-1\r\n*-1\r\n_\r\n", "nil | nil | nil | "),
	SAMPLE("*0\r\n+x\r\n", "*0 | +x | "),
	SAMPLE("*2\r\n$1\r\na\r\n$-1\r\n", "*2 $1<a> nil | "),
	SAMPLE("*3\r\n*0\r\n*2\r\n:1\r\n*1\r\n$2\r\nxy\r\n-E\r\n+z\r\n", "*3 *0 *2 :1 *1 $2<xy> -E | +z | "),
	SAMPLE(",1.5\r\n,-2e10\r\n,inf\r\n,-inf\r\n,10\r\n", ",1.5 | ,-20000000000 | ,inf | ,-inf | ,10 | "),
	SAMPLE("#t\r\n#f\r\n", "#1 | #0 | "),
	SAMPLE("(3492890328409238509324850943850943825024385\r\n",
	       "+3492890328409238509324850943850943825024385 | "),
	SAMPLE("=8\r\ntxt:a\r\nb\r\n=4\r\nmkd:\r\n", "$4<a\r\nb> | $0<> | "),
	SAMPLE("!7\r\nERR a\r\n\r\n!0\r\n\r\n", "-ERR a\r\n | - | "),
	SAMPLE("~2\r\n+a\r\n+b\r\n", "*2 +a +b | "),
	SAMPLE("%2\r\n+k\r\n:1\r\n$1\r\nl\r\n*1\r\n#t\r\n%0\r\n", "%2 +k :1 $1<l> *1 #1 | %0 | "),
	/* Pushes and attributes are no replies and no elements. */
	SAMPLE(">3\r\n+message\r\n$2\r\nch\r\n*1\r\n$3\r\nabc\r\n+OK\r\n", "+OK | "),
	SAMPLE(">0\r\n+OK\r\n", "+OK | "),
	SAMPLE("|1\r\n+ttl\r\n:3600\r\n*2\r\n|1\r\n+k\r\n|1\r\n+in\r\n+side\r\n%1\r\n+a\r\n+b\r\n:1\r\n="
	       "6\r\ntxt:ab\r\n",
	       "*2 :1 $2<ab> | "),
	SAMPLE("*1\r\n>1\r\n*1\r\n$3\r\nabc\r\n:7\r\n+end\r\n", "*1 :7 | +end | "),
	SAMPLE("+done\r\n>1\r\n+x\r\n", "+done | "),
	/* Not the protocol. */
	SAMPLE(
	    "HTTP/1.1 400 Bad Request\r\n",
	    "FAILED expected a reply of the Redis protocol, found the byte \"H\" where its type should be"),
	SAMPLE("+OK\r\n\r\n", "+OK | FAILED expected a reply of the Redis protocol, found the byte \"\\r\" "
	                      "where its type should be"),
	SAMPLE("\x15\x03\x01", "FAILED expected a reply of the Redis protocol, found the byte \"\\x15\" "
	                       "where its type should be"),
	SAMPLE("\0\0", "FAILED expected a reply of the Redis protocol, found the byte \"\\x00\" where its "
	               "type should be"),
	SAMPLE("$3\r\nabcde\r\n",
	       "$3<abcFAILED expected a line end after the bytes of a bulk reply, found the bytes 64 65"),
	SAMPLE("!3\r\nabcde", "FAILED expected a line end after an error of 3 bytes"),
	SAMPLE(":\r\n", "FAILED expected a 64-bit integer, found \"\""),
	SAMPLE(":-\r\n", "FAILED expected a 64-bit integer, found \"-\""),
	SAMPLE(":+1\r\n", "FAILED expected a 64-bit integer, found \"+1\""),
	SAMPLE(":01\r\n", "FAILED expected a 64-bit integer, found \"01\""),
	SAMPLE(":-0\r\n", "FAILED expected a 64-bit integer, found \"-0\""),
	SAMPLE(":1 \r\n", "FAILED expected a 64-bit integer, found \"1 \""),
	SAMPLE(":9223372036854775808\r\n", "FAILED expected a 64-bit integer, found \"9223372036854775808\""),
	SAMPLE(":-9223372036854775809\r\n",
	       "FAILED expected a 64-bit integer, found \"-9223372036854775809\""),
	SAMPLE(":\x01\xff\r\n", "FAILED expected a 64-bit integer, found \"??\""),
	SAMPLE(":99999999999999999999999999999999999999999999\r\n",
	       "FAILED expected a 64-bit integer, found \"9999999999999999999999999999999999999999\"..."),
	SAMPLE("$-2\r\n", "FAILED expected the length of a bulk reply, found \"-2\""),
	SAMPLE("$?\r\n", "FAILED expected the length of a bulk reply, found \"?\""),
	SAMPLE("$1099511627777\r\n", "FAILED expected the length of a bulk reply, found \"1099511627777\""),
	SAMPLE("=-1\r\n", "FAILED expected the length of a bulk reply, found \"-1\""),
	SAMPLE("=3\r\nabc\r\n", "FAILED expected a verbatim string of at least 4 bytes, found 3"),
	SAMPLE("*-2\r\n", "FAILED expected the number of elements of an array, found \"-2\""),
	SAMPLE("*4294967296\r\n", "FAILED expected the number of elements of an array, found \"4294967296\""),
	SAMPLE("~-1\r\n", "FAILED expected the number of elements of an array, found \"-1\""),
	SAMPLE("%1x\r\n", "FAILED expected the number of elements of an array, found \"1x\""),
	SAMPLE("!65537\r\n", "FAILED expected the length of an error, found \"65537\""),
	SAMPLE("_x\r\n", "FAILED expected an empty null, found \"x\""),
	SAMPLE("#x\r\n", "FAILED expected t or f, found \"x\""),
	SAMPLE(",\r\n", "FAILED expected a number, found \"\""),
	SAMPLE(",1,5\r\n", "FAILED expected a number, found \"1,5\""),
	SAMPLE(",0x10\r\n", "FAILED expected a number, found \"0x10\""),
	SAMPLE(",infinity\r\n", "FAILED expected a number, found \"infinity\""),
	SAMPLE(",1e\r\n", "FAILED expected a number, found \"1e\""),
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void test_samples_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		char *trace = trace_whole(samples[i].bytes, samples[i].len);

		assert_string_equal(trace, samples[i].trace);
		free(trace);
	}
}

static void test_samples_at_every_pair_of_splits(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++)
		for (size_t a = 0; a <= samples[i].len; a++)
			for (size_t b = a; b <= samples[i].len; b++) {
				struct feed feed;

				feed_init(&feed, samples[i].bytes);
				feed_to(&feed, a);
				feed_to(&feed, b);
				feed_to(&feed, samples[i].len);
				assert_string_equal(rnm_buf_cstr(&feed.trace), samples[i].trace);
				rnm_buf_free(&feed.trace);
			}
}

static void test_samples_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		struct feed feed;

		feed_init(&feed, samples[i].bytes);
		for (size_t n = 0; n <= samples[i].len; n++)
			feed_to(&feed, n);
		assert_string_equal(rnm_buf_cstr(&feed.trace), samples[i].trace);
		rnm_buf_free(&feed.trace);
	}
}

/* ---- limits ---- */

static void test_line_limit(void **state)
{
	const size_t len = RNM_RESP_LINE_MAX + 4;
	char *bytes = malloc(len);

	(void)state;
	assert_non_null(bytes);
	for (int excess = 0; excess <= 1; excess++) {
		const size_t text = RNM_RESP_LINE_MAX + (size_t)excess;
		struct feed feed;

		memset(bytes, 'x', len);
		bytes[0] = '-';
		memcpy(bytes + 1 + text, "\r\n", 2);
		feed_init(&feed, bytes);
		for (size_t n = 0; n < text + 3; n += 1000)
			feed_to(&feed, n);
		feed_to(&feed, text + 3);
		assert_int_equal(feed.failed, excess);
		assert_int_equal(feed.replies, 1 - excess);
		rnm_buf_free(&feed.trace);
	}
	free(bytes);
}

static void test_longest_blob_error_fits_the_window(void **state)
{
	struct rnm_buf bytes;
	char *trace;

	(void)state;
	rnm_buf_init(&bytes, TRACE_MAX);
	rnm_buf_printf(&bytes, "!%zu\r\n", RNM_RESP_LINE_MAX);
	for (size_t i = 0; i < RNM_RESP_LINE_MAX; i++)
		rnm_buf_putc(&bytes, 'e');
	rnm_buf_puts(&bytes, "\r\n");
	assert_true(bytes.len <= RNM_RESP_WINDOW);
	trace = trace_whole(bytes.data, bytes.len);
	assert_int_equal(strlen(trace), RNM_RESP_LINE_MAX + 4); /* '-', the text, " | " */
	free(trace);
	rnm_buf_free(&bytes);
}

static void test_depth_limit(void **state)
{
	struct rnm_buf bytes;
	char *trace;

	(void)state;
	rnm_buf_init(&bytes, TRACE_MAX);
	for (int i = 0; i < RNM_RESP_DEPTH_MAX; i++)
		rnm_buf_puts(&bytes, "*1\r\n");
	rnm_buf_puts(&bytes, ":1\r\n");
	trace = trace_whole(bytes.data, bytes.len);
	assert_non_null(strstr(trace, "*1 :1 | "));
	free(trace);

	rnm_buf_clear(&bytes);
	for (int i = 0; i <= RNM_RESP_DEPTH_MAX; i++)
		rnm_buf_puts(&bytes, i % 2 ? "|1\r\n" : "*1\r\n");
	trace = trace_whole(bytes.data, bytes.len);
	assert_non_null(strstr(trace, "FAILED expected arrays nested at most 32 levels, found one more"));
	free(trace);
	rnm_buf_free(&bytes);
}

static void test_endless_pushes_end(void **state)
{
	struct rnm_resp parser;
	struct rnm_event event;
	const char push[] = ">1\r\n$1000\r\n";
	char text[1002];
	uint64_t bytes = 0;

	(void)state;
	memset(text, 'p', 1000);
	memcpy(text + 1000, "\r\n", 2);
	rnm_resp_init(&parser);
	for (;;) {
		size_t used;
		enum rnm_resp_result result = rnm_resp_next(&parser, push, sizeof(push) - 1, &used, &event);

		if (result == RNM_RESP_MORE)
			result = rnm_resp_next(&parser, text, sizeof(text), &used, &event);
		if (result == RNM_RESP_FAILED)
			break;
		assert_int_equal(result, RNM_RESP_MORE);
		bytes += sizeof(push) - 1 + sizeof(text);
		assert_true(bytes < 2 * RNM_RESP_DROPPED_MAX);
	}
	assert_non_null(strstr(parser.problem, "messages that nobody asked for"));
}

static void test_reference_text_of_a_stranger(void **state)
{
	static const struct {
		const char *bytes;
		const char *reference;
	} table[] = {
		{ "HTTP", "Protocol error, got \"H\" as reply type byte" },
		{ "\"", "Protocol error, got \"\\\"\" as reply type byte" },
		{ "\\", "Protocol error, got \"\\\\\" as reply type byte" },
		{ "\n", "Protocol error, got \"\\n\" as reply type byte" },
		{ "\xff", "Protocol error, got \"\\xff\" as reply type byte" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rnm_resp parser;
		struct rnm_event event;
		redisReader *oracle = redisReaderCreate();
		void *reply = NULL;
		size_t used;

		rnm_resp_init(&parser);
		assert_int_equal(rnm_resp_next(&parser, table[i].bytes, 1, &used, &event), RNM_RESP_FAILED);
		assert_string_equal(parser.reference, table[i].reference);
		/* It stays dead. */
		assert_int_equal(rnm_resp_next(&parser, "+OK\r\n", 5, &used, &event), RNM_RESP_FAILED);
		assert_int_equal(used, 0);

		assert_int_equal(redisReaderFeed(oracle, table[i].bytes, 1), REDIS_OK);
		assert_int_equal(redisReaderGetReply(oracle, &reply), REDIS_ERR);
		assert_string_equal(oracle->errstr, table[i].reference);
		redisReaderFree(oracle);
	}
}

/* ---- hiredis as the oracle ---- */

static void trace_hiredis(struct rnm_buf *out, const redisReply *reply)
{
	switch (reply->type) {
	case REDIS_REPLY_STATUS:
		rnm_buf_putc(out, '+');
		rnm_buf_append(out, reply->str, reply->len);
		break;
	case REDIS_REPLY_ERROR:
		rnm_buf_putc(out, '-');
		rnm_buf_append(out, reply->str, reply->len);
		break;
	case REDIS_REPLY_INTEGER:
		rnm_buf_printf(out, ":%lld", reply->integer);
		break;
	case REDIS_REPLY_NIL:
		rnm_buf_puts(out, "nil");
		break;
	case REDIS_REPLY_STRING:
		rnm_buf_printf(out, "$%zu<", reply->len);
		rnm_buf_append(out, reply->str, reply->len);
		rnm_buf_putc(out, '>');
		break;
	case REDIS_REPLY_ARRAY:
		rnm_buf_printf(out, "*%zu ", reply->elements);
		for (size_t i = 0; i < reply->elements; i++)
			trace_hiredis(out, reply->element[i]);
		return;
	default:
		fail_msg("hiredis gave a reply of type %d", reply->type);
	}
	rnm_buf_putc(out, ' ');
}

static uint64_t random_state;

static unsigned pick(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((random_state >> 33) % n);
}

static void random_text(struct rnm_buf *out, size_t len, bool binary)
{
	for (size_t i = 0; i < len; i++)
		rnm_buf_putc(out, (char)(binary ? pick(256) : 32 + pick(95)));
}

static void random_reply(struct rnm_buf *out, unsigned depth)
{
	size_t len = pick(4) == 0 ? pick(3000) : pick(20);

	switch (pick(depth < 5 ? 8 : 6)) {
	case 0:
		rnm_buf_putc(out, '+');
		random_text(out, len, false);
		rnm_buf_puts(out, "\r\n");
		break;
	case 1:
		rnm_buf_putc(out, '-');
		random_text(out, len, false);
		rnm_buf_puts(out, "\r\n");
		break;
	case 2:
		rnm_buf_printf(out, ":%" PRId64 "\r\n", (int64_t)(random_state << pick(64)) >> pick(64));
		break;
	case 3:
		rnm_buf_puts(out, pick(2) ? "$-1\r\n" : "*-1\r\n");
		break;
	case 4:
	case 5:
		rnm_buf_printf(out, "$%zu\r\n", len);
		random_text(out, len, true);
		rnm_buf_puts(out, "\r\n");
		break;
	default: {
		unsigned count = pick(6);

		rnm_buf_printf(out, "*%u\r\n", count);
		while (count-- > 0)
			random_reply(out, depth + 1);
	}
	}
}

static void oracle_trace(struct rnm_buf *trace, const struct rnm_buf *bytes, unsigned replies)
{
	redisReader *oracle = redisReaderCreate();

	rnm_buf_init(trace, TRACE_MAX);
	assert_int_equal(redisReaderFeed(oracle, bytes->data, bytes->len), REDIS_OK);
	for (unsigned i = 0; i < replies; i++) {
		void *reply = NULL;

		assert_int_equal(redisReaderGetReply(oracle, &reply), REDIS_OK);
		assert_non_null(reply);
		trace_hiredis(trace, reply);
		rnm_buf_puts(trace, "| ");
		freeReplyObject(reply);
	}
	redisReaderFree(oracle);
}

static void test_random_replies_against_hiredis(void **state)
{
	(void)state;
	random_state = 20260821;
	for (int round = 0; round < 1500; round++) {
		const unsigned replies = 1 + pick(6);
		struct rnm_buf bytes;
		struct feed feed;
		struct rnm_buf expected;
		size_t at = 0;

		rnm_buf_init(&bytes, TRACE_MAX);
		for (unsigned i = 0; i < replies; i++)
			random_reply(&bytes, 0);
		oracle_trace(&expected, &bytes, replies);

		feed_init(&feed, bytes.data);
		while (at < bytes.len) {
			at += 1 + pick(round % 3 == 0 ? 4000 : 50);
			feed_to(&feed, at < bytes.len ? at : bytes.len);
		}
		assert_int_equal(feed.replies, replies);
		assert_int_equal(feed.used, bytes.len);
		assert_int_equal(feed.trace.len, expected.len);
		assert_memory_equal(feed.trace.data, expected.data, expected.len);
		rnm_buf_free(&expected);
		rnm_buf_free(&feed.trace);
		rnm_buf_free(&bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_whole),
		cmocka_unit_test(test_samples_at_every_pair_of_splits),
		cmocka_unit_test(test_samples_byte_by_byte),
		cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_longest_blob_error_fits_the_window),
		cmocka_unit_test(test_depth_limit),
		cmocka_unit_test(test_endless_pushes_end),
		cmocka_unit_test(test_reference_text_of_a_stranger),
		cmocka_unit_test(test_random_replies_against_hiredis),
	};

	return cmocka_run_group_tests_name("resp", tests, NULL, NULL);
}
