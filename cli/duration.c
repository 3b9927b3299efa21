/* SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"

#include <string.h>

/* A century: what is longer was hardly meant, and Redis takes no more than so many milliseconds. */
#define DURATION_MAX (100.0 * 365 * 86400)
/* Digits of a whole number of seconds below that. */
#define DIGITS_MAX 10

static double unit_seconds(const char *unit)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {
		{ "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 7 * 86400.0 }
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].seconds;
	return 0;
}

enum rnm_status duration_option(double *seconds, const struct options *options, enum option id,
                                double fallback, struct rnm_error *err)
{
	const char *text = option_text(options, id, NULL);
	size_t digits;
	double number = 0;

	*seconds = fallback;
	if (text == NULL)
		return RNM_OK;
	digits = strspn(text, "0123456789");
	for (size_t i = 0; i < digits && digits <= DIGITS_MAX; i++)
		number = number * 10 + (text[i] - '0');
	*seconds = number * unit_seconds(text + digits);
	if (digits <= DIGITS_MAX && *seconds > 0 && *seconds <= DURATION_MAX)
		return RNM_OK;
	rnm_error_set(err, RNM_E_USAGE, "usage.duration",
	              "expected a time such as 90m, 12h or 2d, found '%s'", text);
	rnm_error_set_hint(err, "a whole number with s, m, h, d or w behind it; without a letter, seconds");
	return RNM_E_USAGE;
}

enum rnm_status size_option(uint64_t *bytes, const struct options *options, enum option id, uint64_t fallback,
                            struct rnm_error *err)
{
	static const char units[] = "KMG";
	const char *text = option_text(options, id, NULL);
	const size_t digits = text != NULL ? strspn(text, "0123456789") : 0;
	const char *unit = text != NULL && text[digits] != '\0' ? strchr(units, text[digits]) : units;
	uint64_t number = 0;

	*bytes = fallback;
	if (text == NULL)
		return RNM_OK;
	for (size_t i = 0; i < digits && digits <= DIGITS_MAX; i++)
		number = number * 10 + (uint64_t)(text[i] - '0');
	if (text[digits] != '\0' && unit != NULL)
		number <<= 10 * (unit - units + 1);
	*bytes = number;
	if (digits <= DIGITS_MAX && number > 0 && unit != NULL &&
	    (text[digits] == '\0' || text[digits + 1] == '\0'))
		return RNM_OK;
	rnm_error_set(err, RNM_E_USAGE, "usage.size", "expected a size such as 64M, found '%s'", text);
	rnm_error_set_hint(err, "a whole number of bytes, or with K, M or G behind it");
	return RNM_E_USAGE;
}
