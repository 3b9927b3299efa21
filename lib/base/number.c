/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

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
