/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

/* All numbers of so many digits fit into 64 bits, and so does the largest power of ten used here. */
#define DIGITS_MAX 19
/* Powers of ten that a double holds exactly. */
#define EXACT_POWER_MAX 22
/* No finite number other than 0 has a larger exponent, whatever its digits: RNM_NUMBER_TEXT_MAX bounds them. */
#define EXPONENT_MAX 100000

int rnm_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

double rnm_strtod(const char *text, char **end)
{
	/* glibc hands out its built-in object: nothing is loaded or allocated. */
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	double number;

	if (plain == (locale_t)0)
		return strtod(text, end);
	number = strtod_l(text, end, plain);
	freelocale(plain);
	return number;
}

void rnm_format_double(char *out, size_t size, int digits, double number)
{
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	locale_t before = (locale_t)0;

	if (plain != (locale_t)0)
		before = uselocale(plain);
	snprintf(out, size, "%.*g", digits, number);
	if (plain != (locale_t)0) {
		uselocale(before);
		freelocale(plain);
	}
}

/* A number taken apart: digits * 10^exponent. */
struct decimal {
	uint64_t digits;
	int exponent;
	bool negative;
	bool cut; /* there were more digits than fit */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes digits up to the first other character; behind the point each one lowers the exponent. */
static const char *take_digits(struct decimal *number, const char *at, const char *end, int *used,
                               bool fraction)
{
	for (; at < end && is_digit(*at); at++) {
		if (*used == DIGITS_MAX) {
			number->cut = true;
			continue;
		}
		number->digits = number->digits * 10 + (uint64_t)(*at - '0');
		if (fraction)
			number->exponent--;
		/* Zeros in front are not significant. */
		*used += number->digits != 0;
	}
	return at;
}

/* e[+-]digits; without digits it is no exponent, and at is returned. */
static const char *take_exponent(struct decimal *number, const char *at, const char *end)
{
	const char *digit = at + 1;
	bool negative = false;
	int exponent = 0;

	if (at == end || (*at != 'e' && *at != 'E'))
		return at;
	if (digit < end && (*digit == '-' || *digit == '+'))
		negative = *digit++ == '-';
	if (digit == end || !is_digit(*digit))
		return at;
	for (; digit < end && is_digit(*digit); digit++)
		exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*digit - '0') : exponent;
	number->exponent += negative ? -exponent : exponent;
	return digit;
}

/* numerator / 10^power, rounded to nearest, ties to even; numerator is not 0. */
static double divide(uint64_t numerator, int power)
{
	uint64_t divisor = 1;
	int scale = __builtin_clzll(numerator) + 64;
	uint128 dividend = (uint128)numerator << scale;
	uint128 quotient, rest, half;
	uint64_t mantissa, top;
	int shift;

	while (power-- > 0)
		divisor *= 10;
	quotient = dividend / divisor;
	top = (uint64_t)(quotient >> 64);
	/* The quotient has at least 63 bits; a double keeps 53 of them. */
	shift =
	    top != 0 ? 64 + (64 - __builtin_clzll(top)) - 53 : 64 - __builtin_clzll((uint64_t)quotient) - 53;
	mantissa = (uint64_t)(quotient >> shift);
	half = (uint128)1 << (shift - 1);
	rest = quotient & (half * 2 - 1);
	if (rest > half || (rest == half && (quotient * divisor != dividend || (mantissa & 1) != 0)))
		mantissa++;
	return ldexp((double)mantissa, shift - scale);
}

/* False when only strtod gets it right. */
static bool quick_value(const struct decimal *number, double *out)
{
	static const double powers[EXACT_POWER_MAX + 1] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
		                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
		                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	const int exponent = number->exponent;

	if (number->cut)
		return false;
	if (number->digits == 0)
		*out = 0;
	else if (number->digits <= (uint64_t)1 << 53 && exponent >= 0 && exponent <= EXACT_POWER_MAX)
		*out = (double)number->digits * powers[exponent];
	else if (number->digits <= (uint64_t)1 << 53 && exponent < 0 && exponent >= -EXACT_POWER_MAX)
		*out = (double)number->digits / powers[-exponent];
	else if (exponent < 0 && exponent >= -DIGITS_MAX)
		*out = divide(number->digits, -exponent);
	else
		return false;
	return true;
}

size_t rnm_scan_number(const char *text, size_t len, double *out)
{
	const char *end = text + len;
	const char *at = text;
	struct decimal number = { 0 };
	char copy[RNM_NUMBER_TEXT_MAX + 1];
	const char *first, *point;
	int used = 0;
	double value;

	if (at < end && (*at == '-' || *at == '+'))
		number.negative = *at++ == '-';
	first = at;
	at = point = take_digits(&number, at, end, &used, false);
	if (at < end && *at == '.')
		at = take_digits(&number, at + 1, end, &used, true);
	/* A digit on either side of the point is needed. */
	if (point == first && at - point < 2)
		return 0;
	at = take_exponent(&number, at, end);
	if ((size_t)(at - text) > RNM_NUMBER_TEXT_MAX)
		return 0;
	if (!quick_value(&number, &value)) {
		memcpy(copy, text, (size_t)(at - text));
		copy[at - text] = '\0';
		*out = rnm_strtod(copy, NULL);
		return (size_t)(at - text);
	}
	*out = number.negative ? -value : value;
	return (size_t)(at - text);
}
