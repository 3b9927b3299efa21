/* SPDX-License-Identifier: Apache-2.0 */
#include "moment.h"

#include <string.h>
#include <time.h>

/* Digits of the seconds until the year 9999. */
#define DIGITS_MAX 12
#define LAST_SECOND_OF_DAY 86399

static bool read_seconds(const char *text, int64_t *moment)
{
	const size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > DIGITS_MAX || text[digits] != '\0')
		return false;
	*moment = 0;
	for (size_t i = 0; i < digits; i++)
		*moment = *moment * 10 + (text[i] - '0');
	return true;
}

/* A date, or date and time; what is no day of the calendar comes back as another one. */
static bool read_calendar(const char *text, const char *form, int64_t *moment)
{
	struct tm parts = { 0 };
	char again[32];
	const char *end = strptime(text, form, &parts);
	time_t seconds;

	if (end == NULL || *end != '\0')
		return false;
	seconds = timegm(&parts);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strftime(again, sizeof(again), form, &parts) == 0 || strcmp(again, text) != 0)
		return false;
#pragma GCC diagnostic pop
	*moment = (int64_t)seconds;
	return *moment >= 0;
}

enum rnm_status moment_option(int64_t *moment, const struct options *options, enum option id,
                              struct rnm_error *err)
{
	const char *text = option_text(options, id, "");

	*moment = 0;
	if (strcmp(text, MOMENT_NEVER) == 0)
		return RNM_OK;
	if (read_calendar(text, "%Y-%m-%d", moment)) {
		*moment += LAST_SECOND_OF_DAY;
		return RNM_OK;
	}
	if (read_calendar(text, "%Y-%m-%dT%H:%M:%SZ", moment) || (read_seconds(text, moment) && *moment > 0))
		return RNM_OK;
	rnm_error_set(
	    err, RNM_E_USAGE, "usage.moment",
	    "expected a day such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or never, found '%s'",
	    text);
	return RNM_E_USAGE;
}
