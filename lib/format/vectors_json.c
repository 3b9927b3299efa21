/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of JSON that is a vector.  Not a parser into a tree: three hundred numbers a line would be three
 * hundred allocations, and what a line holds besides the vector only has to be JSON.
 */
#include "base/number.h"
#include "base/utf8.h"
#include "format/vectors.h"

#include <math.h>
#include <string.h>

struct scan {
	const char *line;
	const char *at;
	const char *end;
	struct rnm_numbers *numbers;
	struct rnm_buf *id;
	enum rnm_vector_id id_kind;
	bool has_vector;
	bool has_id;
	struct rnm_error *err;
};

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
		scan->at++;
}

static enum rnm_status expected(const struct scan *scan, const char *what)
{
	char found[RNM_VECTOR_FOUND_MAX];

	return rnm_vector_error(scan->err, "vector.json", (size_t)(scan->at - scan->line),
	                        "expected %s, found %s", what, rnm_vector_found(found, scan->at, scan->end));
}

/* Takes c, behind blanks. */
static bool take(struct scan *scan, char c)
{
	skip_blanks(scan);
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static bool is_digit(const struct scan *scan, const char *at)
{
	return at < scan->end && *at >= '0' && *at <= '9';
}

/*
 * A number by JSON's rules, which are narrower than those of the scanner: no plus, no zero in front of other
 * digits, digits on both sides of a point.  Returns the bytes used, 0 when it is none.
 */
static size_t scan_number(const struct scan *scan, double *value)
{
	const char *digits = scan->at + (scan->at < scan->end && *scan->at == '-');
	const char *point;
	size_t used;

	if (!is_digit(scan, digits) || (*digits == '0' && is_digit(scan, digits + 1)))
		return 0;
	used = rnm_scan_number(scan->at, (size_t)(scan->end - scan->at), value);
	/* Too long, so that none of it counts. */
	if (used == 0)
		return 0;
	point = memchr(digits, '.', used - (size_t)(digits - scan->at));
	return point == NULL || is_digit(scan, point + 1) ? used : 0;
}

/* The word at the scan's place, which may be NaN, null or -Infinity. */
static struct rnm_bytes word(const struct scan *scan)
{
	const char *at = scan->at;

	if (at < scan->end && *at == '-')
		at++;
	while (at < scan->end && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
		at++;
	return (struct rnm_bytes){ scan->at, (size_t)(at - scan->at) };
}

static bool word_is(struct rnm_bytes text, const char *name)
{
	return text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
}

static enum rnm_status read_component(struct scan *scan)
{
	double value = 0;
	size_t used;
	struct rnm_bytes text;

	skip_blanks(scan);
	used = scan_number(scan, &value);
	if (used > 0 && isfinite(value)) {
		rnm_numbers_add(scan->numbers, value);
		scan->at += used;
		return RNM_OK;
	}
	text = used > 0 ? (struct rnm_bytes){ scan->at, used } : word(scan);
	/* null is what a JSON writer that knows its rules makes of NaN. */
	if (used > 0 || rnm_vector_is_non_finite(text) || word_is(text, "null"))
		return rnm_vector_not_finite(scan->err, (size_t)(scan->at - scan->line), scan->numbers->count,
		                             text);
	return expected(scan, "a number");
}

static enum rnm_status read_vector(struct scan *scan)
{
	enum rnm_status status = RNM_OK;

	if (!take(scan, '['))
		return expected(scan, "an array of numbers");
	if (take(scan, ']'))
		return RNM_OK;
	do
		status = read_component(scan);
	while (status == RNM_OK && take(scan, ','));
	if (status != RNM_OK)
		return status;
	return take(scan, ']') ? RNM_OK : expected(scan, "',' or ']'");
}

/* ---- strings ---- */

/* Four hexadecimal digits at at; false when there are not as many. */
static bool read_hex(const struct scan *scan, const char *at, uint32_t *code)
{
	*code = 0;
	if (scan->end - at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;

		if (digit < 0)
			return false;
		*code = *code << 4 | (uint32_t)digit;
	}
	return true;
}

static void put_utf8(struct rnm_buf *out, uint32_t code)
{
	if (code < 0x80) {
		rnm_buf_putc(out, (char)code);
	} else if (code < 0x800) {
		rnm_buf_putc(out, (char)(0xc0 | code >> 6));
		rnm_buf_putc(out, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		rnm_buf_putc(out, (char)(0xe0 | code >> 12));
		rnm_buf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		rnm_buf_putc(out, (char)(0x80 | (code & 0x3f)));
	} else {
		rnm_buf_putc(out, (char)(0xf0 | code >> 18));
		rnm_buf_putc(out, (char)(0x80 | (code >> 12 & 0x3f)));
		rnm_buf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		rnm_buf_putc(out, (char)(0x80 | (code & 0x3f)));
	}
}

/* \uXXXX, with its second half where it is a surrogate; the scan stands on the u. */
static bool read_unicode(struct scan *scan, struct rnm_buf *out)
{
	uint32_t code, low;

	if (!read_hex(scan, scan->at + 1, &code))
		return false;
	scan->at += 5;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u' ||
		    !read_hex(scan, scan->at + 2, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		scan->at += 6;
	} else if (code >= 0xdc00 && code <= 0xdfff) {
		return false;
	}
	if (out != NULL)
		put_utf8(out, code);
	return true;
}

/* What follows a backslash. */
static bool read_escape(struct scan *scan, struct rnm_buf *out)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (scan->at == scan->end)
		return false;
	if (*scan->at == 'u')
		return read_unicode(scan, out);
	found = *scan->at != '\0' ? strchr(letters, *scan->at) : NULL;
	if (found == NULL)
		return false;
	if (out != NULL)
		rnm_buf_putc(out, meanings[found - letters]);
	scan->at++;
	return true;
}

/* A string, whose text is appended to out; out may be NULL.  That it did not fit is for the caller to see. */
static enum rnm_status read_string(struct scan *scan, struct rnm_buf *out)
{
	if (!take(scan, '"'))
		return expected(scan, "a string");
	while (scan->at < scan->end && *scan->at != '"') {
		size_t len = rnm_utf8_length((const unsigned char *)scan->at, (size_t)(scan->end - scan->at));

		if (*scan->at == '\\') {
			scan->at++;
			if (!read_escape(scan, out))
				return expected(scan, "an escape sequence of JSON");
			continue;
		}
		if (len == 0 || (unsigned char)*scan->at < 0x20)
			return expected(scan, "a character that JSON allows in a string");
		if (out != NULL)
			rnm_buf_append(out, scan->at, len);
		scan->at += len;
	}
	return take(scan, '"') ? RNM_OK : expected(scan, "the end of the string");
}

/* ---- members that are not looked at ---- */

static enum rnm_status skip_scalar(struct scan *scan)
{
	double value;
	size_t used = scan_number(scan, &value);
	struct rnm_bytes name = word(scan);

	if (scan->at < scan->end && *scan->at == '"')
		return read_string(scan, NULL);
	if (used == 0 && !word_is(name, "true") && !word_is(name, "false") && !word_is(name, "null"))
		return expected(scan, "a JSON value");
	scan->at += used > 0 ? used : name.len;
	return RNM_OK;
}

static enum rnm_status skip_key(struct scan *scan)
{
	enum rnm_status status = read_string(scan, NULL);

	if (status == RNM_OK && !take(scan, ':'))
		status = expected(scan, "':'");
	return status;
}

/* Opens the containers that stand here, one in the other, up to a scalar or an empty one; closers holds their
 * closing brackets. */
static enum rnm_status skip_inward(struct scan *scan, char *closers, unsigned *depth)
{
	for (;;) {
		bool object;
		enum rnm_status status;

		skip_blanks(scan);
		object = scan->at < scan->end && *scan->at == '{';
		if (!object && (scan->at == scan->end || *scan->at != '['))
			return skip_scalar(scan);
		if (*depth == RNM_VECTOR_JSON_DEPTH_MAX)
			return expected(scan, "at most 64 containers one in the other");
		closers[(*depth)++] = object ? '}' : ']';
		scan->at++;
		skip_blanks(scan);
		if (scan->at < scan->end && *scan->at == closers[*depth - 1])
			return RNM_OK;
		status = object ? skip_key(scan) : RNM_OK;
		if (status != RNM_OK)
			return status;
	}
}

static enum rnm_status skip_value(struct scan *scan)
{
	char closers[RNM_VECTOR_JSON_DEPTH_MAX];
	unsigned depth = 0;
	enum rnm_status status = skip_inward(scan, closers, &depth);

	while (status == RNM_OK && depth > 0) {
		if (take(scan, closers[depth - 1])) {
			depth--;
			continue;
		}
		if (!take(scan, ','))
			return expected(scan, closers[depth - 1] == '}' ? "',' or '}'" : "',' or ']'");
		status = closers[depth - 1] == '}' ? skip_key(scan) : RNM_OK;
		if (status == RNM_OK)
			status = skip_inward(scan, closers, &depth);
	}
	return status;
}

/* ---- the object ---- */

static enum rnm_status read_id(struct scan *scan)
{
	const size_t column = (size_t)(scan->at - scan->line);
	enum rnm_status status = RNM_OK;
	double value;
	size_t used;

	skip_blanks(scan);
	used = scan_number(scan, &value);
	if (scan->at < scan->end && *scan->at == '"') {
		scan->id_kind = RNM_VECTOR_ID_TEXT;
		status = read_string(scan, scan->id);
	} else if (used > 0) {
		scan->id_kind = RNM_VECTOR_ID_NUMBER;
		rnm_buf_append(scan->id, scan->at, used);
		scan->at += used;
	} else if (word_is(word(scan), "null")) {
		scan->at += strlen("null");
	} else {
		return rnm_vector_error(scan->err, "vector.id", column,
		                        "expected a string or a number as `id`");
	}
	if (status == RNM_OK && scan->id->failed)
		return rnm_vector_error(scan->err, "vector.id", column,
		                        "expected an `id` of at most %zu bytes", RNM_VECTOR_ID_MAX);
	return status;
}

static enum rnm_status read_member(struct scan *scan)
{
	/* Longer names cannot be one of the two: the buffer then fails, and the name is nothing. */
	char memory[16];
	struct rnm_buf key;
	enum rnm_status status;
	bool is_vector, is_id;

	rnm_buf_init_in(&key, memory, sizeof(memory));
	status = read_string(scan, &key);
	is_vector = !key.failed && word_is((struct rnm_bytes){ key.data, key.len }, "vector");
	is_id = !key.failed && word_is((struct rnm_bytes){ key.data, key.len }, "id");
	if (status != RNM_OK)
		return status;
	if (!take(scan, ':'))
		return expected(scan, "':'");
	if ((is_vector && scan->has_vector) || (is_id && scan->has_id))
		return rnm_vector_error(scan->err, "vector.json", (size_t)(scan->at - scan->line),
		                        "`%s` stands twice in one object", is_id ? "id" : "vector");
	scan->has_vector = scan->has_vector || is_vector;
	scan->has_id = scan->has_id || is_id;
	if (is_vector)
		return read_vector(scan);
	return is_id ? read_id(scan) : skip_value(scan);
}

static enum rnm_status read_object(struct scan *scan)
{
	enum rnm_status status = RNM_OK;

	scan->at++;
	if (!take(scan, '}')) {
		do
			status = read_member(scan);
		while (status == RNM_OK && take(scan, ','));
		if (status == RNM_OK && !take(scan, '}'))
			status = expected(scan, "',' or '}'");
	}
	if (status == RNM_OK && !scan->has_vector)
		status = rnm_vector_error(scan->err, "vector.json", 0,
		                          "expected a member `vector`, found an object without one");
	return status;
}

enum rnm_status rnm_vector_json(const char *line, const char *end, struct rnm_numbers *numbers,
                                struct rnm_buf *id, enum rnm_vector_id *id_kind, struct rnm_error *err)
{
	struct scan scan = { .line = line, .at = line, .end = end, .numbers = numbers, .id = id, .err = err };
	enum rnm_status status;

	skip_blanks(&scan);
	if (scan.at < end && *scan.at == '{')
		status = read_object(&scan);
	else if (scan.at < end && *scan.at == '[')
		status = read_vector(&scan);
	else
		status = expected(&scan, "an array of numbers or an object with `vector`");
	if (status != RNM_OK)
		return status;
	skip_blanks(&scan);
	*id_kind = scan.id_kind;
	return scan.at == end ? RNM_OK : expected(&scan, "the end of the line");
}
