/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/rule_number.h"

#include "base/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Mirrors the suffixes of the configuration language (rspamd: contrib/libucl/ucl_parser.c). */
static const struct {
	const char *suffix;
	double factor;
} suffixes[] = {
	{ "ms", 0.001 }, { "s", 1 },        { "min", 60 },  { "h", 3600 },     { "d", 86400 },
	{ "w", 604800 }, { "y", 31536000 }, { "k", 1e3 },   { "m", 1e6 },      { "g", 1e9 },
	{ "ks", 1e3 },   { "gs", 1e9 },     { "kb", 1024 }, { "mb", 1048576 }, { "gb", 1073741824 },
};

/* Longer texts are no numbers that anybody writes by hand. */
#define NUMBER_TEXT_MAX 64

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

enum rnm_number_form rnm_number_parse(double *out, struct rnm_bytes text)
{
	char copy[NUMBER_TEXT_MAX + 1];
	char *start = copy;
	char *end;
	double number;

	if (text.len == 0 || text.len > NUMBER_TEXT_MAX || memchr(text.data, '\0', text.len) != NULL)
		return RNM_FORM_OTHER;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	while (is_blank(*start))
		start++;
	/* Keeps out "inf" and "nan", which strtod takes and nobody means. */
	if (strspn(start, "+-.0123456789") == 0)
		return RNM_FORM_OTHER;
	number = rnm_strtod(start, &end);
	if (end == start || !isfinite(number))
		return RNM_FORM_OTHER;
	for (char *tail = copy + text.len; tail > end && is_blank(tail[-1]); tail--)
		tail[-1] = '\0';
	if (*end == '\0') {
		*out = number;
		return RNM_FORM_NUMERIC_STRING;
	}
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strcasecmp(end, suffixes[i].suffix) == 0) {
			*out = number * suffixes[i].factor;
			return RNM_FORM_SUFFIX_STRING;
		}
	return RNM_FORM_OTHER;
}

enum rnm_number_form rnm_number_read(double *out, const struct rnm_value *value)
{
	double number;

	if (value == NULL)
		return RNM_FORM_OTHER;
	if (value->type == RNM_STRING)
		return rnm_number_parse(out, value->as.string);
	if (!rnm_value_number(value, &number) || !isfinite(number))
		return RNM_FORM_OTHER;
	*out = number;
	return RNM_FORM_NUMBER;
}

/*
 * Whether d lies exactly half-way between two numbers of 14 digits, such as 123456789012345.  It then
 * has 15 digits, the last of them a 5, and nothing but zeros in its exact decimal form.
 */
static bool is_half_way(double d)
{
	char digits[800]; /* a double has at most 767 digits */
	const char *tail;

	/* An integer of at most 14 digits, by far the most common case, is written as it is. */
	if (fabs(d) < 1e14 && fabs(d) - floor(fabs(d)) <= 0)
		return false;
	snprintf(digits, 32, "%.16e", fabs(d));
	if (strncmp(digits + 15, "500e", 4) != 0)
		return false;
	snprintf(digits, sizeof(digits), "%.780e", fabs(d));
	tail = digits + 16;
	return tail[strspn(tail, "0")] == 'e';
}

/* "%.14g" whatever the locale: a decimal comma would change the digest. */
static void format(char out[RNM_LUA_NUMBER_MAX], double d)
{
	if (isnan(d)) {
		memcpy(out, "nan", sizeof("nan"));
		return;
	}
	rnm_format_double(out, RNM_LUA_NUMBER_MAX, 14, d);
}

void rnm_lua_number(char out[RNM_LUA_NUMBER_MAX], double d)
{
	/* LuaJIT rounds such a number away from zero, the C library (and with it Lua 5.4) to the even digit. */
	if (isfinite(d) && is_half_way(d))
		d = nextafter(d, d > 0 ? HUGE_VAL : -HUGE_VAL);
	format(out, d);
}

void rnm_lua_number_value(char out[RNM_LUA_NUMBER_MAX], const struct rnm_value *number,
                          enum rnm_number_style style)
{
	bool integer = number->type == RNM_INT;

	/* LuaJIT has doubles only: an integer passes through one. */
	if (style == RNM_NUMBERS_LUAJIT) {
		rnm_lua_number(out, integer ? (double)number->as.integer : number->as.real);
	} else if (integer) {
		snprintf(out, RNM_LUA_NUMBER_MAX, "%" PRId64, number->as.integer);
	} else {
		format(out, number->as.real);
		/* Lua 5.4 marks a float that would read back as an integer. */
		if (out[strspn(out, "-0123456789")] == '\0')
			memcpy(out + strlen(out), ".0", sizeof(".0"));
	}
}
