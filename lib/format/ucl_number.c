/* SPDX-License-Identifier: Apache-2.0 */
#include "format/ucl_internal.h"

#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* rspamd: contrib/libucl/ucl_parser.c.  Bytes of a number after its sign (or after its 'x'). */
#define NUMBER_MAX 126

struct number {
	const char *digits; /* first byte after the sign, or after 'x' */
	const char *stop;   /* first byte that is not part of the number */
	bool negative;
	bool hex;
	bool real; /* with a fraction or an exponent */
};

static bool is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static bool is_hex_digit(const char *p, const char *end)
{
	return is_digit(p, end) || (p < end && ((*p >= 'a' && *p <= 'f') || (*p >= 'A' && *p <= 'F')));
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool scan_hex(struct number *number, const char *p, const char *end)
{
	/* The digits before 'x' are forgotten: 12x34 is 0x34. */
	number->digits = p;
	number->hex = true;
	while (is_hex_digit(p, end))
		p++;
	number->stop = p;
	return p > number->digits && (p == end || *p != '.');
}

/* Takes a number apart; false when the text is an unquoted string. */
static bool scan_number(struct number *number, const char *p, const char *end)
{
	bool exponent = false;

	*number = (struct number){ .negative = *p == '-' };
	p += number->negative;
	number->digits = p;
	if (!is_digit(p, end))
		return false;
	for (; p < end; p++) {
		if (is_digit(p, end))
			continue;
		if (lower(*p) == 'x')
			return !number->real && scan_hex(number, p + 1, end);
		if (*p == '.' && !exponent) {
			if (number->real)
				return false;
			number->real = true;
		} else if (lower(*p) == 'e' && !exponent) {
			const char *sign = p + 1;

			if (sign < end && (*sign == '+' || *sign == '-'))
				p++;
			if (!is_digit(p + 1, end))
				return false;
			number->real = true;
			exponent = true;
		} else {
			break;
		}
	}
	number->stop = p;
	return true;
}

/* false: out of range.  Hexadecimal numbers lose one value: rspamd negates after the conversion. */
static bool convert_integer(const struct number *number, int64_t *out)
{
	uint64_t limit = (uint64_t)INT64_MAX + (number->negative && !number->hex ? 1 : 0);
	uint64_t base = number->hex ? 16 : 10;
	uint64_t value = 0;

	for (const char *p = number->digits; p < number->stop; p++) {
		int c = lower(*p);
		uint64_t digit = (uint64_t)(c >= 'a' ? c - 'a' + 10 : c - '0');

		if (value > (limit - digit) / base)
			return false;
		value = value * base + digit;
	}
	*out = number->negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

static bool convert_real(const struct number *number, double *out)
{
	char text[NUMBER_MAX + 1];
	size_t len = (size_t)(number->stop - number->digits);

	memcpy(text, number->digits, len);
	text[len] = '\0';
	errno = 0;
	*out = rnm_strtod(text, NULL);
	if (number->negative)
		*out = -*out;
	return errno != ERANGE;
}

enum suffix_kind { NO_SUFFIX, DECIMAL, BINARY, TIME };

struct suffix {
	char text[4];
	enum suffix_kind kind;
	double factor;
	bool always; /* rspamd's option against time suffixes leaves these alone */
};

/* rspamd: contrib/libucl/ucl_parser.c.  'm' is a million, never minutes. */
static const struct suffix suffixes[] = {
	{ "k", DECIMAL, 1e3, true },
	{ "m", DECIMAL, 1e6, true },
	{ "g", DECIMAL, 1e9, true },
	{ "kb", BINARY, 1024.0, true },
	{ "mb", BINARY, 1024.0 * 1024, true },
	{ "gb", BINARY, 1024.0 * 1024 * 1024, true },
	{ "ms", TIME, 0.001, true },
	{ "ks", TIME, 1e3, true },
	{ "gs", TIME, 1e9, true },
	{ "s", TIME, 1, false },
	{ "min", TIME, 60, false },
	{ "h", TIME, 3600, false },
	{ "d", TIME, 86400, false },
	{ "w", TIME, 604800, false },
	{ "y", TIME, 31536000, false },
};

/* The suffix at p that touches a terminator, or NULL. */
static const struct suffix *find_suffix(const char *p, const char *end, bool restricted)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t len = strlen(suffixes[i].text);
		size_t same = 0;

		if ((size_t)(end - p) < len || (restricted && !suffixes[i].always))
			continue;
		while (same < len && lower(p[same]) == suffixes[i].text[same])
			same++;
		if (same == len && (p + len == end || ucl_is_terminator(p[len])))
			return &suffixes[i];
	}
	return NULL;
}

/* What a cast of a double that does not fit does on the machines that rspamd runs on. */
static int64_t truncate_real(double d)
{
	return d >= -9223372036854775808.0 && d < 9223372036854775808.0 ? (int64_t)d : INT64_MIN;
}

static void set_integer(struct rnm_value *node, int64_t n)
{
	node->type = RNM_INT;
	node->as.integer = n;
}

static void set_real(struct rnm_value *node, double d)
{
	node->type = RNM_FLOAT;
	node->as.real = d;
}

/* rspamd's integers wrap on overflow; unsigned arithmetic does that without undefined behaviour. */
static int64_t scale_integer(int64_t n, double factor)
{
	return (int64_t)((uint64_t)n * (uint64_t)factor);
}

static void apply_suffix(struct rnm_value *node, const struct suffix *suffix, const struct number *number)
{
	if (suffix->kind == BINARY)
		set_integer(node,
		            scale_integer(number->real ? truncate_real(node->as.real) : node->as.integer,
		                          suffix->factor));
	else if (suffix->kind == DECIMAL && number->real)
		node->as.real *= suffix->factor;
	else if (suffix->kind == DECIMAL)
		set_integer(node, scale_integer(node->as.integer, suffix->factor));
	else if (!number->hex) { /* a time suffix after a hexadecimal number is read but has no effect */
		double n = number->real ? node->as.real : (double)node->as.integer;

		/* Division, where the reference divides: 0.1 is 100 / 1000, not 100 * 0.001. */
		set_real(node, suffix->factor < 1 ? n / 1000 : n * suffix->factor);
		node->flags |= RNM_VALUE_TIME;
	}
}

bool ucl_read_number(struct ucl_parser *parser, struct rnm_value *node, bool *is_number)
{
	struct ucl_chunk *chunk = parser->chunk;
	const struct suffix *suffix = NULL;
	struct number number;
	const char *p;
	int64_t n = 0;
	double d = 0;

	*is_number = false;
	if (!scan_number(&number, chunk->p, chunk->end) || number.stop - number.digits > NUMBER_MAX)
		return true;
	if (number.real ? !convert_real(&number, &d) : !convert_integer(&number, &n))
		return ucl_fail(parser, UCL_NUMBER_RANGE);
	p = number.stop;
	if (p < chunk->end && !ucl_is_terminator(*p)) {
		suffix = find_suffix(p, chunk->end, parser->restricted);
		while (suffix == NULL && p < chunk->end && ucl_is_blank(*p))
			p++;
		if (suffix == NULL && p < chunk->end && !ucl_is_terminator(*p))
			return true;
	}
	if (number.real)
		set_real(node, d);
	else
		set_integer(node, n);
	if (suffix != NULL) {
		apply_suffix(node, suffix, &number);
		p += strlen(suffix->text);
	}
	chunk->p = p;
	*is_number = true;
	return true;
}
