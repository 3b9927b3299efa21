/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/number.h"
#include "base/utf8.h"

#include <math.h>
#include <rnm/json.h>
#include <string.h>

void rnm_json_init(struct rnm_json *json, struct rnm_buf *out, bool pretty)
{
	json->out = out;
	json->pretty = pretty;
	json->depth = 0;
	json->after_key = false;
	json->has_items[0] = false;
}

static void new_line(struct rnm_json *json)
{
	rnm_buf_putc(json->out, '\n');
	for (unsigned i = 0; i < json->depth; i++)
		rnm_buf_append(json->out, "  ", 2);
}

/* What stands between the previous item and the one that comes now. */
static void before_item(struct rnm_json *json)
{
	if (json->after_key) {
		json->after_key = false;
		return;
	}
	if (json->has_items[json->depth])
		rnm_buf_putc(json->out, ',');
	json->has_items[json->depth] = true;
	if (json->pretty && json->depth > 0)
		new_line(json);
}

static void begin(struct rnm_json *json, char bracket)
{
	before_item(json);
	rnm_buf_putc(json->out, bracket);
	if (json->depth == RNM_JSON_DEPTH_MAX) {
		json->out->failed = true;
		return;
	}
	json->has_items[++json->depth] = false;
}

static void end(struct rnm_json *json, char bracket)
{
	bool had_items;

	if (json->depth == 0) {
		json->out->failed = true;
		return;
	}
	had_items = json->has_items[json->depth--];
	if (json->pretty && had_items)
		new_line(json);
	rnm_buf_putc(json->out, bracket);
}

void rnm_json_begin_object(struct rnm_json *json)
{
	begin(json, '{');
}

void rnm_json_end_object(struct rnm_json *json)
{
	end(json, '}');
}

void rnm_json_begin_array(struct rnm_json *json)
{
	begin(json, '[');
}

void rnm_json_end_array(struct rnm_json *json)
{
	end(json, ']');
}

static void write_escape(struct rnm_buf *out, unsigned char c)
{
	static const char short_names[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	const char *found = c != 0 ? strchr(short_names, c) : NULL;

	if (found != NULL)
		rnm_buf_append(out, (const char[]){ '\\', letters[found - short_names] }, 2);
	else
		rnm_buf_printf(out, "\\u%04x", c);
}

/* What most text is made of, and what needs no look at the bytes behind it. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

static void write_string(struct rnm_buf *out, struct rnm_bytes text)
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	size_t start = 0;
	size_t i = 0;

	rnm_buf_putc(out, '"');
	while (i < text.len) {
		unsigned char c = bytes[i];
		size_t len;

		if (is_plain(c)) {
			i++;
			continue;
		}
		len = rnm_utf8_length(bytes + i, text.len - i);
		if (len > 1) {
			i += len;
			continue;
		}
		rnm_buf_append(out, bytes + start, i - start);
		if (len == 0)
			rnm_buf_puts(out, "\xEF\xBF\xBD");
		else
			write_escape(out, c);
		start = ++i;
	}
	rnm_buf_append(out, text.len > 0 ? (const char *)bytes + start : "", text.len - start);
	rnm_buf_putc(out, '"');
}

void rnm_json_key_n(struct rnm_json *json, struct rnm_bytes key)
{
	before_item(json);
	write_string(json->out, key);
	rnm_buf_puts(json->out, json->pretty ? ": " : ":");
	json->after_key = true;
}

void rnm_json_key(struct rnm_json *json, const char *key)
{
	struct rnm_bytes bytes = { key, strlen(key) };

	rnm_json_key_n(json, bytes);
}

void rnm_json_string_n(struct rnm_json *json, struct rnm_bytes text)
{
	before_item(json);
	write_string(json->out, text);
}

void rnm_json_string(struct rnm_json *json, const char *text)
{
	struct rnm_bytes bytes = { text, text != NULL ? strlen(text) : 0 };

	if (text == NULL)
		rnm_json_null(json);
	else
		rnm_json_string_n(json, bytes);
}

void rnm_json_int(struct rnm_json *json, int64_t n)
{
	before_item(json);
	rnm_buf_printf(json->out, "%lld", (long long)n);
}

void rnm_json_uint(struct rnm_json *json, uint64_t n)
{
	before_item(json);
	rnm_buf_printf(json->out, "%llu", (unsigned long long)n);
}

/* A float stays one: with a point or an exponent. */
static void write_real(struct rnm_json *json, const char *text)
{
	before_item(json);
	rnm_buf_puts(json->out, text);
	if (strpbrk(text, ".e") == NULL)
		rnm_buf_puts(json->out, ".0");
}

void rnm_json_double(struct rnm_json *json, double d)
{
	char text[40];

	if (isnan(d) || isinf(d)) {
		rnm_json_string(json, isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		rnm_format_double(text, sizeof(text), digits, d);
		if (rnm_strtod(text, NULL) == d)
			break;
	}
	write_real(json, text);
}

void rnm_json_float(struct rnm_json *json, float f)
{
	char text[40];

	if (!isfinite(f)) {
		rnm_json_double(json, (double)f);
		return;
	}
	for (int digits = 6; digits <= 9; digits++) {
		rnm_format_double(text, sizeof(text), digits, (double)f);
		if ((float)rnm_strtod(text, NULL) == f)
			break;
	}
	write_real(json, text);
}

void rnm_json_raw(struct rnm_json *json, struct rnm_bytes text)
{
	before_item(json);
	rnm_buf_append(json->out, text.data, text.len);
}

void rnm_json_bool(struct rnm_json *json, bool b)
{
	before_item(json);
	rnm_buf_puts(json->out, b ? "true" : "false");
}

void rnm_json_null(struct rnm_json *json)
{
	before_item(json);
	rnm_buf_puts(json->out, "null");
}

static void write_one(struct rnm_json *json, const struct rnm_value *value);

/* A member or element with the values that share its key. */
static void write_chain(struct rnm_json *json, const struct rnm_value *value)
{
	if (value->next == NULL) {
		write_one(json, value);
		return;
	}
	rnm_json_begin_array(json);
	for (; value != NULL; value = value->next)
		write_one(json, value);
	rnm_json_end_array(json);
}

static void write_container(struct rnm_json *json, const struct rnm_value *value)
{
	bool object = value->type == RNM_OBJECT;

	if (object)
		rnm_json_begin_object(json);
	else
		rnm_json_begin_array(json);
	/* begin fails past the maximal depth, which ends the recursion. */
	for (size_t i = 0; i < rnm_value_count(value) && !json->out->failed; i++) {
		const struct rnm_value *item = rnm_value_at(value, i);

		if (object)
			rnm_json_key_n(json, item->key);
		write_chain(json, item);
	}
	if (json->out->failed)
		return;
	if (object)
		rnm_json_end_object(json);
	else
		rnm_json_end_array(json);
}

static void write_one(struct rnm_json *json, const struct rnm_value *value)
{
	switch ((enum rnm_type)value->type) {
	case RNM_NULL:
		rnm_json_null(json);
		break;
	case RNM_BOOL:
		rnm_json_bool(json, value->as.boolean);
		break;
	case RNM_INT:
		rnm_json_int(json, value->as.integer);
		break;
	case RNM_FLOAT:
		rnm_json_double(json, value->as.real);
		break;
	case RNM_STRING:
		rnm_json_string_n(json, value->as.string);
		break;
	case RNM_ARRAY:
	case RNM_OBJECT:
		write_container(json, value);
		break;
	}
}

void rnm_json_value(struct rnm_json *json, const struct rnm_value *value)
{
	if (value == NULL)
		rnm_json_null(json);
	else
		write_chain(json, value);
}

void rnm_json_kv_string(struct rnm_json *json, const char *key, const char *text)
{
	rnm_json_key(json, key);
	rnm_json_string(json, text);
}

void rnm_json_kv_int(struct rnm_json *json, const char *key, int64_t n)
{
	rnm_json_key(json, key);
	rnm_json_int(json, n);
}

void rnm_json_kv_uint(struct rnm_json *json, const char *key, uint64_t n)
{
	rnm_json_key(json, key);
	rnm_json_uint(json, n);
}

void rnm_json_kv_double(struct rnm_json *json, const char *key, double d)
{
	rnm_json_key(json, key);
	rnm_json_double(json, d);
}

void rnm_json_kv_bool(struct rnm_json *json, const char *key, bool b)
{
	rnm_json_key(json, key);
	rnm_json_bool(json, b);
}

void rnm_json_kv_null(struct rnm_json *json, const char *key)
{
	rnm_json_key(json, key);
	rnm_json_null(json);
}

void rnm_json_kv_time(struct rnm_json *json, const char *key, double unix_time)
{
	char text[RNM_UTC_SIZE];

	rnm_json_kv_string(json, key, rnm_utc_write(text, unix_time) ? text : NULL);
}
