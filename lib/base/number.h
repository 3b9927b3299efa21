/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as text, whatever the locale of the program that uses the library: files and protocols have
 * a decimal point.
 */
#ifndef RNM_BASE_NUMBER_H
#define RNM_BASE_NUMBER_H

#include <stddef.h>

/* The value of a digit, of upper or lower case; -1 for any other character. */
int rnm_hex_digit(char c);

/* strtod in the C locale. */
double rnm_strtod(const char *text, char **end);

/* snprintf("%.<digits>g") in the C locale. */
void rnm_format_double(char *out, size_t size, int digits, double number);

/* Longer numbers are none: the longest that a double needs to be told from its neighbours has 767 digits. */
#define RNM_NUMBER_TEXT_MAX 1100u

/*
 * Reads the decimal number that text begins with: sign, digits with or without a point, exponent; neither
 * hexadecimal nor "inf" or "nan". Rounded as strtod does, to which it leaves the rare and long ones; for
 * all others it takes a third to half of the time. Returns the bytes used, 0 when there is no number.
 * What is too large for a double becomes an infinity. text needs no NUL.
 */
size_t rnm_scan_number(const char *text, size_t len, double *out);

#endif
