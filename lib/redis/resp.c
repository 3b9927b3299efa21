/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/resp.h"

#include "base/number.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CRLF_LEN ((size_t)2)
#define VERBATIM_MARK_LEN 4 /* "txt:" */
#define DOUBLE_TEXT_MAX ((size_t)64)
#define SHOWN_MAX ((size_t)40) /* how much of a bad line a message repeats */

/* What a step of the parser came to. */
enum step {
	STEP_EVENT,  /* *event is set */
	STEP_SILENT, /* bytes were used, there is nothing to tell */
	STEP_MORE,
	STEP_FAILED
};

void rnm_resp_init(struct rnm_resp *parser)
{
	memset(parser, 0, sizeof(*parser));
	parser->state = RNM_RESP_LINE;
}

bool rnm_resp_complete(const struct rnm_resp *parser)
{
	return parser->depth == 0 && parser->state == RNM_RESP_LINE;
}

RNM_PRINTF(2, 3)
static enum step fail(struct rnm_resp *parser, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(parser->problem, sizeof(parser->problem), fmt, args);
	va_end(args);
	parser->state = RNM_RESP_DEAD;
	return STEP_FAILED;
}

/* A line that is not what its type demands: `expected WHAT, found "TEXT"`. */
static enum step fail_text(struct rnm_resp *parser, const char *what, const char *text, size_t len)
{
	char shown[SHOWN_MAX + 1];
	size_t i;

	for (i = 0; i < len && i < SHOWN_MAX; i++)
		shown[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
	shown[i] = '\0';
	return fail(parser, "expected %s, found \"%s\"%s", what, shown, len > SHOWN_MAX ? "..." : "");
}

/* The first byte of a reply is no type.  hiredis: read.c, and rspamd shows its text. */
static enum step fail_type(struct rnm_resp *parser, unsigned char byte)
{
	char shown[8];

	if (byte == '"' || byte == '\\')
		snprintf(shown, sizeof(shown), "\\%c", byte);
	else if (isprint(byte))
		snprintf(shown, sizeof(shown), "%c", byte);
	else if (byte == '\r' || byte == '\n' || byte == '\t')
		snprintf(shown, sizeof(shown), "\\%c", byte == '\r' ? 'r' : byte == '\n' ? 'n' : 't');
	else
		snprintf(shown, sizeof(shown), "\\x%02x", byte);
	snprintf(parser->reference, sizeof(parser->reference),
	         "Protocol error, got \"%s\" as reply type byte", shown);
	return fail(parser,
	            "expected a reply of the Redis protocol, found the byte \"%s\" where its type should be",
	            shown);
}

/* An integer without sign '+', blanks or leading zeros. */
static bool parse_integer(const char *text, size_t len, int64_t *out)
{
	const bool negative = len > 0 && text[0] == '-';
	const uint64_t max = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	uint64_t number = 0;
	size_t i = negative ? 1 : 0;

	if (i == len || (text[i] == '0' && len > 1))
		return false;
	for (; i < len; i++) {
		const uint64_t digit = (uint64_t)(unsigned char)text[i] - '0';

		if (digit > 9 || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*out = negative ? (int64_t)(0 - number) : (int64_t)number;
	return true;
}

/* A length or count; -1 stands for null where null_allowed. */
static bool parse_length(const char *text, size_t len, uint64_t max, bool null_allowed, int64_t *out)
{
	if (!parse_integer(text, len, out))
		return false;
	return *out >= 0 ? (uint64_t)*out <= max : *out == -1 && null_allowed;
}

static bool parse_double(const char *text, size_t len, double *out)
{
	char copy[DOUBLE_TEXT_MAX];
	char *end;

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	/* strtod would also take blanks, hexadecimal digits and "infinity". */
	if (strcmp(copy, "inf") != 0 && strcmp(copy, "-inf") != 0 && strcmp(copy, "nan") != 0 &&
	    strspn(copy, "+-.0123456789eE") != len)
		return false;
	*out = rnm_strtod(copy, &end);
	return *end == '\0' && end == copy + len;
}

/* A value, or an aggregate with all of its elements, has ended: so may the aggregates around it. */
static void end_element(struct rnm_resp *parser)
{
	while (parser->depth > 0) {
		struct rnm_resp_frame *frame = &parser->frames[parser->depth - 1];

		if (--frame->left > 0)
			return;
		if (parser->muted == parser->depth)
			parser->muted = 0;
		parser->depth--;
		if (frame->extra)
			return;
	}
}

/* An event that is a whole value. */
static enum step scalar(struct rnm_resp *parser, struct rnm_event *event, enum rnm_event_kind kind,
                        const char *text, size_t len)
{
	event->kind = kind;
	event->data.data = text;
	event->data.len = len;
	end_element(parser);
	return STEP_EVENT;
}

static enum step begin_bulk(struct rnm_resp *parser, struct rnm_event *event, uint64_t len, unsigned prefix)
{
	parser->state = RNM_RESP_BULK;
	parser->bulk_left = len;
	parser->prefix_left = prefix;
	event->kind = RNM_EVENT_BULK_BEGIN;
	event->length = len - prefix;
	return STEP_EVENT;
}

static enum step line_bulk(struct rnm_resp *parser, struct rnm_event *event, char type, const char *text,
                           size_t len)
{
	int64_t length;

	if (!parse_length(text, len, RNM_RESP_BULK_MAX, type == '$', &length))
		return fail_text(parser, "the length of a bulk reply", text, len);
	if (length < 0)
		return scalar(parser, event, RNM_EVENT_NIL, NULL, 0);
	if (type == '=' && length < VERBATIM_MARK_LEN)
		return fail(parser, "expected a verbatim string of at least %d bytes, found %d",
		            VERBATIM_MARK_LEN, (int)length);
	return begin_bulk(parser, event, (uint64_t)length, type == '=' ? VERBATIM_MARK_LEN : 0);
}

static bool open_frame(struct rnm_resp *parser, uint64_t elements, bool extra)
{
	if (parser->depth == RNM_RESP_DEPTH_MAX)
		return false;
	parser->frames[parser->depth].left = elements;
	parser->frames[parser->depth].extra = extra;
	parser->depth++;
	if (extra && parser->muted == 0)
		parser->muted = parser->depth;
	return true;
}

static enum step line_aggregate(struct rnm_resp *parser, struct rnm_event *event, char type, const char *text,
                                size_t len)
{
	const bool pairs = type == '%' || type == '|';
	/* Nobody has asked for these: they are no replies and no elements. */
	const bool extra = type == '>' || type == '|';
	int64_t count;

	if (!parse_length(text, len, RNM_RESP_COUNT_MAX, type == '*', &count))
		return fail_text(parser, "the number of elements of an array", text, len);
	if (count < 0)
		return scalar(parser, event, RNM_EVENT_NIL, NULL, 0);
	if (count > 0 && !open_frame(parser, (uint64_t)count * (pairs ? 2 : 1), extra))
		return fail(parser, "expected arrays nested at most %d levels, found one more",
		            RNM_RESP_DEPTH_MAX);
	if (extra)
		return STEP_SILENT;
	event->kind = pairs ? RNM_EVENT_MAP : RNM_EVENT_ARRAY;
	event->length = (uint64_t)count;
	if (count == 0)
		end_element(parser);
	return STEP_EVENT;
}

static enum step line_number(struct rnm_resp *parser, struct rnm_event *event, char type, const char *text,
                             size_t len)
{
	if (type == ':') {
		if (!parse_integer(text, len, &event->integer))
			return fail_text(parser, "a 64-bit integer", text, len);
		return scalar(parser, event, RNM_EVENT_INTEGER, NULL, 0);
	}
	if (type == ',') {
		if (!parse_double(text, len, &event->real))
			return fail_text(parser, "a number", text, len);
		return scalar(parser, event, RNM_EVENT_DOUBLE, NULL, 0);
	}
	if (len != 1 || (text[0] != 't' && text[0] != 'f'))
		return fail_text(parser, "t or f", text, len);
	event->integer = text[0] == 't';
	return scalar(parser, event, RNM_EVENT_BOOL, NULL, 0);
}

/* A whole line: type byte, then text[0..len), then CR LF. */
static enum step parse_line(struct rnm_resp *parser, struct rnm_event *event, char type, const char *text,
                            size_t len)
{
	switch (type) {
	case '+':
	case '(': /* an integer of any size, left as its digits */
		return scalar(parser, event, RNM_EVENT_STATUS, text, len);
	case '-':
		return scalar(parser, event, RNM_EVENT_ERROR, text, len);
	case '_':
		return len == 0 ? scalar(parser, event, RNM_EVENT_NIL, NULL, 0)
		                : fail_text(parser, "an empty null", text, len);
	case '$':
	case '=':
		return line_bulk(parser, event, type, text, len);
	case ':':
	case ',':
	case '#':
		return line_number(parser, event, type, text, len);
	default:
		return line_aggregate(parser, event, type, text, len);
	}
}

static bool is_type(char byte)
{
	return byte != '\0' && strchr("+-:$*_#,(!=%~>|", byte) != NULL;
}

/* An error sent as a blob is given as one event, so all of it must be there: line, bytes, CR LF. */
static enum step parse_blob_error(struct rnm_resp *parser, struct rnm_event *event, const char *data,
                                  size_t len, size_t line_len, size_t *used)
{
	const char *blob = data + 1 + line_len + CRLF_LEN;
	int64_t length;
	size_t need;

	if (!parse_length(data + 1, line_len, RNM_RESP_LINE_MAX, false, &length))
		return fail_text(parser, "the length of an error", data + 1, line_len);
	need = 1 + line_len + CRLF_LEN + (size_t)length + CRLF_LEN;
	if (len < need) {
		parser->scanned = 1 + line_len; /* find the same line end at once when more has come */
		return STEP_MORE;
	}
	if (memcmp(blob + length, "\r\n", CRLF_LEN) != 0)
		return fail(parser, "expected a line end after an error of %d bytes", (int)length);
	*used = need;
	return scalar(parser, event, RNM_EVENT_ERROR, blob, (size_t)length);
}

/* The CR of the first CR LF at or after from, or NULL. */
static const char *find_line_end(const char *data, size_t from, size_t len)
{
	while (from + 1 < len) {
		const char *cr = memchr(data + from, '\r', len - from - 1);

		if (cr == NULL || cr[1] == '\n')
			return cr;
		from = (size_t)(cr - data) + 1;
	}
	return NULL;
}

static enum step step_line(struct rnm_resp *parser, struct rnm_event *event, const char *data, size_t len,
                           size_t *used)
{
	const size_t line_max = 1 + RNM_RESP_LINE_MAX + CRLF_LEN;
	const char *end;
	size_t line_len;

	if (len == 0)
		return STEP_MORE;
	if (!is_type(data[0]))
		return fail_type(parser, (unsigned char)data[0]);
	end = find_line_end(data, parser->scanned, len < line_max ? len : line_max);
	if (end == NULL) {
		if (len >= line_max)
			return fail(parser, "expected a line of at most %zu bytes, found a longer one",
			            RNM_RESP_LINE_MAX);
		parser->scanned = len - 1; /* the last byte may be the CR */
		return STEP_MORE;
	}
	line_len = (size_t)(end - data) - 1;
	if (data[0] == '!')
		return parse_blob_error(parser, event, data, len, line_len, used);
	*used = 1 + line_len + CRLF_LEN;
	return parse_line(parser, event, data[0], data + 1, line_len);
}

static enum step step_bulk(struct rnm_resp *parser, struct rnm_event *event, const char *data, size_t len,
                           size_t *used)
{
	const unsigned prefix = parser->prefix_left;

	if (parser->bulk_left == 0) {
		parser->state = RNM_RESP_BULK_TAIL;
		return STEP_SILENT;
	}
	if (len == 0)
		return STEP_MORE;
	if (prefix > 0) {
		*used = len < prefix ? len : prefix;
		parser->prefix_left -= (unsigned)*used;
		parser->bulk_left -= *used;
		return STEP_SILENT;
	}
	*used = len < parser->bulk_left ? len : (size_t)parser->bulk_left;
	parser->bulk_left -= *used;
	event->kind = RNM_EVENT_BULK_DATA;
	event->data.data = data;
	event->data.len = *used;
	return STEP_EVENT;
}

static enum step step_bulk_tail(struct rnm_resp *parser, struct rnm_event *event, const char *data,
                                size_t len, size_t *used)
{
	if (len < CRLF_LEN)
		return STEP_MORE;
	if (memcmp(data, "\r\n", CRLF_LEN) != 0)
		return fail(parser,
		            "expected a line end after the bytes of a bulk reply, found the bytes %02x %02x",
		            (unsigned char)data[0], (unsigned char)data[1]);
	*used = CRLF_LEN;
	parser->state = RNM_RESP_LINE;
	return scalar(parser, event, RNM_EVENT_BULK_END, NULL, 0);
}

static enum step take_step(struct rnm_resp *parser, struct rnm_event *event, const char *data, size_t len,
                           size_t *used)
{
	*used = 0;
	switch (parser->state) {
	case RNM_RESP_LINE:
		return step_line(parser, event, data, len, used);
	case RNM_RESP_BULK:
		return step_bulk(parser, event, data, len, used);
	case RNM_RESP_BULK_TAIL:
		return step_bulk_tail(parser, event, data, len, used);
	default:
		return STEP_FAILED;
	}
}

enum rnm_resp_result rnm_resp_next(struct rnm_resp *parser, const char *data, size_t len, size_t *used,
                                   struct rnm_event *event)
{
	*used = 0;
	for (;;) {
		/* Asked before the step, which may close the frame that mutes its own last event. */
		const bool muted = parser->muted != 0;
		size_t step_used;
		enum step step;

		memset(event, 0, sizeof(*event));
		step = take_step(parser, event, data + *used, len - *used, &step_used);
		if (step == STEP_FAILED)
			return RNM_RESP_FAILED;
		if (step == STEP_MORE)
			return RNM_RESP_MORE;
		*used += step_used;
		parser->offset += step_used;
		if (step_used > 0)
			parser->scanned = 0;
		if (step == STEP_EVENT && !muted) {
			parser->dropped = 0;
			return RNM_RESP_EVENT;
		}
		parser->dropped += step_used;
		if (parser->dropped > RNM_RESP_DROPPED_MAX) {
			fail(parser,
			     "expected a reply, found more than %" PRIu64
			     " bytes of messages that nobody asked for",
			     RNM_RESP_DROPPED_MAX);
			return RNM_RESP_FAILED;
		}
	}
}
