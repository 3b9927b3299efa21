/* SPDX-License-Identifier: Apache-2.0 */
#include "share/wire_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void rnm_wire_answer_init(struct rnm_wire_answer *answer, bool to_head, uint64_t max)
{
	memset(answer, 0, sizeof(*answer));
	answer->to_head = to_head;
	answer->max = max;
	answer->declared = RNM_PROBE_NO_LENGTH;
	rnm_buf_init(&answer->head, RNM_WIRE_HEADERS_MAX);
	rnm_buf_init(&answer->body, (size_t)max);
}

void rnm_wire_answer_free(struct rnm_wire_answer *answer)
{
	rnm_buf_free(&answer->head);
	rnm_buf_free(&answer->body);
	free(answer->fields);
	answer->fields = NULL;
	answer->field_count = 0;
}

static void break_off(struct rnm_wire_answer *answer, enum rnm_wire_fault fault, const char *reason)
{
	answer->stage = RNM_WIRE_BROKEN;
	answer->fault = fault;
	answer->reason = reason;
}

static void no_memory(struct rnm_wire_answer *answer)
{
	break_off(answer, RNM_WIRE_NO_MEMORY, "out of memory");
}

const char *rnm_wire_answer_field(const struct rnm_wire_answer *answer, const char *name, bool *differs)
{
	const char *first = NULL;

	*differs = false;
	for (size_t i = 0; i < answer->field_count; i++) {
		if (strcasecmp(answer->fields[i].name, name) != 0)
			continue;
		if (first == NULL)
			first = answer->fields[i].value;
		else if (strcmp(first, answer->fields[i].value) != 0)
			*differs = true;
	}
	return first;
}

static void too_large(struct rnm_wire_answer *answer)
{
	break_off(answer, RNM_WIRE_TOO_LARGE, "the body is larger than it may be");
}

/* ---- the head ---- */

/* Cuts the line that begins at *at off; NULL behind the last one, which is empty. */
static char *next_line(char **at)
{
	char *line = *at;
	char *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*at = end + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	return *line != '\0' ? line : NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool read_status(struct rnm_wire_answer *answer, const char *line)
{
	if (strncmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ' || !is_digit(line[9]) ||
	    !is_digit(line[10]) || !is_digit(line[11]) || (line[12] != '\0' && line[12] != ' '))
		return false;
	answer->minor = (unsigned)(line[7] - '0');
	answer->status =
	    (unsigned)(line[9] - '0') * 100 + (unsigned)(line[10] - '0') * 10 + (unsigned)(line[11] - '0');
	return answer->status >= 100;
}

static bool add_field(struct rnm_wire_answer *answer, char *line)
{
	char *colon = strchr(line, ':');
	char *value, *end;

	/* A blank before the colon, or a line that continues the one before: parsers read both in several ways. */
	if (colon == NULL || strcspn(line, " \t\r") < (size_t)(colon - line) || colon == line ||
	    answer->field_count == RNM_WIRE_FIELDS_MAX || strchr(colon, '\r') != NULL)
		return false;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	answer->fields[answer->field_count++] = (struct rnm_wire_field){ line, value };
	return true;
}

static bool read_head(struct rnm_wire_answer *answer)
{
	char *at = answer->head.data;
	char *line = next_line(&at);

	if (line == NULL || !read_status(answer, line))
		return false;
	while ((line = next_line(&at)) != NULL)
		if (!add_field(answer, line))
			return false;
	return true;
}

static int64_t read_length(const char *text)
{
	int64_t value = 0;

	if (text == NULL)
		return RNM_PROBE_NO_LENGTH;
	for (const char *p = text; *p != '\0'; p++) {
		if (!is_digit(*p) || value > (INT64_MAX - 9) / 10)
			return RNM_PROBE_BAD_LENGTH;
		value = value * 10 + (*p - '0');
	}
	return *text != '\0' ? value : RNM_PROBE_BAD_LENGTH;
}

/* How the body ends, and what of it there is to wait for. */
static void begin_body(struct rnm_wire_answer *answer)
{
	bool differs;
	const char *coding = rnm_wire_answer_field(answer, "Transfer-Encoding", &differs);

	answer->declared = read_length(rnm_wire_answer_field(answer, "Content-Length", &differs));
	if (coding != NULL && strcasestr(coding, "chunked") != NULL)
		answer->framing = RNM_FRAMING_CHUNKED;
	else if (answer->declared >= 0)
		answer->framing = RNM_FRAMING_LENGTH;
	else
		answer->framing = RNM_FRAMING_CLOSE;
	if (answer->to_head || answer->status == 304 || answer->status == 204) {
		answer->stage = RNM_WIRE_DONE;
		if (answer->framing == RNM_FRAMING_CLOSE)
			answer->framing = RNM_FRAMING_NONE;
	} else if (answer->framing == RNM_FRAMING_LENGTH && (uint64_t)answer->declared > answer->max) {
		too_large(answer);
	} else if (answer->framing == RNM_FRAMING_CHUNKED) {
		answer->stage = RNM_WIRE_CHUNK_LINE;
	} else {
		answer->left =
		    answer->framing == RNM_FRAMING_LENGTH ? (uint64_t)answer->declared : UINT64_MAX;
		answer->stage = answer->left == 0 ? RNM_WIRE_DONE : RNM_WIRE_BODY;
	}
}

static void end_head(struct rnm_wire_answer *answer)
{
	if (memchr(answer->head.data, '\0', answer->head.len) != NULL) {
		break_off(answer, RNM_WIRE_PROTOCOL, "a header holds a NUL");
		return;
	}
	answer->field_count = 0;
	answer->fields = calloc(RNM_WIRE_FIELDS_MAX, sizeof(*answer->fields));
	if (answer->fields == NULL) {
		no_memory(answer);
	} else if (!read_head(answer)) {
		break_off(answer, RNM_WIRE_PROTOCOL,
		          "what it sends does not begin as an answer of HTTP/1.0 or 1.1 does");
	} else if (answer->status < 200) {
		/* "100 Continue" and its like: the answer itself is still to come. */
		free(answer->fields);
		answer->fields = NULL;
		answer->field_count = 0;
		answer->status = 0;
		rnm_buf_clear(&answer->head);
	} else {
		answer->has_head = true;
		begin_body(answer);
	}
}

static bool head_is_complete(const struct rnm_buf *head)
{
	const char *end = head->data + head->len;

	return (head->len >= 2 && end[-1] == '\n' && end[-2] == '\n') ||
	       (head->len >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0) ||
	       (head->len >= 3 && memcmp(end - 3, "\n\r\n", 3) == 0);
}

/* Line by line, so that no byte is looked at twice. */
static size_t feed_head(struct rnm_wire_answer *answer, const char *data, size_t len)
{
	const char *newline = memchr(data, '\n', len);
	const size_t used = newline != NULL ? (size_t)(newline - data) + 1 : len;

	answer->head_bytes += used;
	if (answer->head_bytes > RNM_WIRE_HEADERS_MAX) {
		break_off(answer, RNM_WIRE_HEADERS, "it sends more headers than rspamd reads");
	} else if (!rnm_buf_append(&answer->head, data, used)) {
		no_memory(answer);
	} else if (newline != NULL && head_is_complete(&answer->head)) {
		end_head(answer);
	}
	return used;
}

/* ---- the body ---- */

static size_t feed_body(struct rnm_wire_answer *answer, const char *data, size_t len,
                        enum rnm_wire_stage next)
{
	const size_t used = len < answer->left ? len : (size_t)answer->left;

	if (used > answer->max - answer->body.len) {
		too_large(answer);
		return used;
	}
	if (!rnm_buf_append(&answer->body, data, used)) {
		no_memory(answer);
		return used;
	}
	if (answer->framing != RNM_FRAMING_CLOSE)
		answer->left -= used;
	if (answer->left == 0)
		answer->stage = next;
	return used;
}

static bool read_chunk_size(uint64_t *size, const char *line)
{
	char *end;
	const size_t digits = strspn(line, "0123456789abcdefABCDEF");

	if (digits == 0 || digits > 15)
		return false;
	*size = strtoull(line, &end, 16);
	return *end == '\0' || *end == ';' || *end == ' ' || *end == '\t';
}

static void use_chunk_line(struct rnm_wire_answer *answer)
{
	switch (answer->stage) {
	case RNM_WIRE_CHUNK_LINE:
		if (!read_chunk_size(&answer->left, answer->line))
			break_off(answer, RNM_WIRE_PROTOCOL, "a chunk does not begin with its length");
		else
			answer->stage = answer->left > 0 ? RNM_WIRE_CHUNK : RNM_WIRE_TRAILER;
		break;
	case RNM_WIRE_CHUNK_END:
		if (answer->line_len > 0)
			break_off(answer, RNM_WIRE_PROTOCOL, "a chunk is longer than it says");
		else
			answer->stage = RNM_WIRE_CHUNK_LINE;
		break;
	default:
		if (answer->line_len == 0)
			answer->stage = RNM_WIRE_DONE;
	}
}

static size_t feed_line(struct rnm_wire_answer *answer, const char *data, size_t len)
{
	const char *newline = memchr(data, '\n', len);
	const size_t used = newline != NULL ? (size_t)(newline - data) + 1 : len;

	if (used >= sizeof(answer->line) - answer->line_len) {
		break_off(answer, RNM_WIRE_PROTOCOL, "a line between chunks is too long");
		return used;
	}
	memcpy(answer->line + answer->line_len, data, used);
	answer->line_len += used;
	if (newline == NULL)
		return used;
	answer->line_len--;
	if (answer->line_len > 0 && answer->line[answer->line_len - 1] == '\r')
		answer->line_len--;
	answer->line[answer->line_len] = '\0';
	use_chunk_line(answer);
	answer->line_len = 0;
	return used;
}

bool rnm_wire_answer_feed(struct rnm_wire_answer *answer, const char *data, size_t len)
{
	while (len > 0) {
		size_t used = len;

		switch (answer->stage) {
		case RNM_WIRE_HEAD:
			used = feed_head(answer, data, len);
			break;
		case RNM_WIRE_BODY:
			used = feed_body(answer, data, len, RNM_WIRE_DONE);
			break;
		case RNM_WIRE_CHUNK:
			used = feed_body(answer, data, len, RNM_WIRE_CHUNK_END);
			break;
		case RNM_WIRE_CHUNK_LINE:
		case RNM_WIRE_CHUNK_END:
		case RNM_WIRE_TRAILER:
			used = feed_line(answer, data, len);
			break;
		case RNM_WIRE_DONE:
			answer->extra += len;
			break;
		case RNM_WIRE_BROKEN:
			break;
		}
		data += used;
		len -= used;
	}
	return answer->stage < RNM_WIRE_DONE;
}

void rnm_wire_answer_end(struct rnm_wire_answer *answer)
{
	if (answer->stage == RNM_WIRE_BODY && answer->framing == RNM_FRAMING_CLOSE)
		answer->stage = RNM_WIRE_DONE;
	else if (answer->stage < RNM_WIRE_DONE)
		break_off(answer, RNM_WIRE_CUT, "the connection ended before all had come");
}
