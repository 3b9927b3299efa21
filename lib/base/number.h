/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as text, whatever the locale of the program that uses the library: files and protocols have
 * a decimal point.
 */
#ifndef RNM_BASE_NUMBER_H
#define RNM_BASE_NUMBER_H

#include <stddef.h>

/* strtod in the C locale. */
double rnm_strtod(const char *text, char **end);

/* snprintf("%.<digits>g") in the C locale. */
void rnm_format_double(char *out, size_t size, int digits, double number);

#endif
