/* SPDX-License-Identifier: Apache-2.0 */
/* When rspamd asks again: a row for each line of what was measured on a real one, and for each kind of answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rnm/map.h>
#include <stdio.h>
#include <string.h>

#define NOW 1800000000
#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define NO_EXPIRES INT64_MIN
#define BAD_EXPIRES (INT64_MIN + 1)
#define NO_DATE INT64_MIN

struct row {
	const char *what;
	bool good;
	int64_t date;    /* ahead of the client's clock */
	int64_t expires; /* ahead of Date */
	bool etag, last_modified;
	double poll;
	enum rnm_map_reason reason;
	double min, max;
};

#define P 300.0

static const struct row rows[] = {
	/* The table of intervals. */
	{ "Expires below the poll interval", true, 0, 100, true, true, P, RNM_MAP_EXPIRES_SOON, P, P },
	{ "Expires of one second", true, 0, 1, false, false, P, RNM_MAP_EXPIRES_SOON, P, P },
	{ "Expires of the poll interval", true, 0, 300, true, true, P, RNM_MAP_EXPIRES, 300, 300 },
	{ "Expires of 20 minutes", true, 0, 20 * MINUTE, true, true, P, RNM_MAP_EXPIRES, 1200, 1200 },
	{ "Expires of 8 hours", true, 0, 8 * HOUR, true, true, P, RNM_MAP_EXPIRES, 28800, 28800 },
	{ "a second more", true, 0, 8 * HOUR + 1, true, true, P, RNM_MAP_EXPIRES_FAR, 3000, 3000 },
	{ "far, with a long poll interval", true, 0, 9 * HOUR, true, true, HOUR, RNM_MAP_EXPIRES_FAR, 28800,
	  28800 },
	{ "Expires of a year", true, 0, INT64_C(365) * DAY, true, true, P, RNM_MAP_EXPIRES_FAR, 3000, 3000 },
	{ "a second more than a year", true, 0, INT64_C(365) * DAY + 1, true, true, P, RNM_MAP_VALIDATORS,
	  1200, 1200 },
	{ "beyond a year, no validators", true, 0, INT64_C(400) * DAY, false, false, P, RNM_MAP_FLOOR, 600,
	  600 },
	{ "no Expires, both validators", true, 0, NO_EXPIRES, true, true, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "no Expires, ETag", true, 0, NO_EXPIRES, true, false, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "no Expires, Last-Modified", true, 0, NO_EXPIRES, false, true, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "validators, small interval", true, 0, NO_EXPIRES, true, true, 5, RNM_MAP_VALIDATORS, 600, 600 },
	{ "validators, long interval", true, 0, NO_EXPIRES, true, true, 3 * HOUR, RNM_MAP_VALIDATORS, 28800,
	  28800 },
	{ "Expires of the past, validators", true, 0, -1, true, true, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "Expires is Date, validators", true, 0, 0, true, true, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "Expires of the past, none", true, 0, -1, false, false, P, RNM_MAP_FLOOR, 600, 600 },
	{ "Expires of the past, none, long interval", true, 0, -1, false, false, HOUR, RNM_MAP_FLOOR, 3600,
	  3600 },
	{ "Expires: 0, validators", true, 0, BAD_EXPIRES, true, true, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "Expires: 0, none", true, 0, BAD_EXPIRES, false, false, P, RNM_MAP_FLOOR, 600, 600 },
	{ "nothing at all", true, 0, NO_EXPIRES, false, false, P, RNM_MAP_NOTHING, 300, 600 },
	{ "nothing, small interval", true, 0, NO_EXPIRES, false, false, 5, RNM_MAP_NOTHING, 5, 10 },
	{ "an error", false, 0, 1200, true, true, P, RNM_MAP_ERROR, 6000, 12000 },
	/* The clock. */
	{ "no Date, Expires", true, NO_DATE, NOW + 1200, true, true, P, RNM_MAP_OVERDUE, 2, 4 },
	{ "no Date, no Expires", true, NO_DATE, NO_EXPIRES, true, true, P, RNM_MAP_OVERDUE, 2, 4 },
	{ "no Date, no headers at all", true, NO_DATE, NO_EXPIRES, false, false, P, RNM_MAP_NOTHING, 300,
	  600 },
	{ "20 minutes behind", true, -20 * MINUTE, NO_EXPIRES, true, true, P, RNM_MAP_OVERDUE, 2, 4 },
	{ "a second less", true, -20 * MINUTE + 1, NO_EXPIRES, true, true, P, RNM_MAP_VALIDATORS, 2, 4 },
	{ "three seconds left", true, -20 * MINUTE + 3, NO_EXPIRES, true, true, P, RNM_MAP_VALIDATORS, 3, 4 },
	{ "10 minutes behind", true, -10 * MINUTE, 20 * MINUTE, true, true, P, RNM_MAP_EXPIRES, 600, 600 },
	{ "10 minutes ahead", true, 10 * MINUTE, 20 * MINUTE, true, true, P, RNM_MAP_EXPIRES, 1800, 1800 },
	{ "nothing else, behind", true, -HOUR, NO_EXPIRES, false, false, P, RNM_MAP_NOTHING, 300, 600 },
	/* What was measured, by its number there. */
	{ "H01", true, 0, NO_EXPIRES, true, true, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "H02", true, 0, 6, true, true, 5, RNM_MAP_EXPIRES, 6, 6 },
	{ "H03, 7 h", true, 0, 7 * HOUR, true, true, P, RNM_MAP_EXPIRES, 25200, 25200 },
	{ "H03, 9 h", true, 0, 9 * HOUR, true, true, P, RNM_MAP_EXPIRES_FAR, 3000, 3000 },
	{ "H03, 400 d", true, 0, INT64_C(400) * DAY, true, true, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "H04", true, 0, -1, false, false, P, RNM_MAP_FLOOR, 600, 600 },
	{ "H05", true, 0, NO_EXPIRES, false, false, P, RNM_MAP_NOTHING, 300, 600 },
	{ "H06, H13, H14, H15, H25: errors", false, 0, NO_EXPIRES, false, false, P, RNM_MAP_ERROR, 6000,
	  12000 },
	{ "H07 to H12, H24: bad content keeps the schedule", true, 0, NO_EXPIRES, true, true, P,
	  RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "H16", true, NO_DATE, NO_EXPIRES, true, true, 5, RNM_MAP_OVERDUE, 2, 4 },
	{ "H17", true, -20 * MINUTE, NO_EXPIRES, true, true, 5, RNM_MAP_OVERDUE, 2, 4 },
	{ "H22: an unreadable Last-Modified is one", true, 0, NO_EXPIRES, false, true, P, RNM_MAP_VALIDATORS,
	  1200, 1200 },
	{ "H31: the map's own interval", true, 0, 1, true, true, 3, RNM_MAP_EXPIRES_SOON, 3, 4 },
	{ "H33", true, 0, NO_EXPIRES, true, false, P, RNM_MAP_VALIDATORS, 1200, 1200 },
	{ "H35", true, 0, 1500, true, true, P, RNM_MAP_EXPIRES, 1500, 1500 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct rnm_map_answer answer = { .good = row->good,
			                         .has_date = row->date != NO_DATE,
			                         .has_etag = row->etag,
			                         .has_last_modified = row->last_modified };
		struct rnm_map_check check;

		answer.date = answer.has_date ? NOW + row->date : 0;
		if (row->expires == BAD_EXPIRES)
			answer.expires = RNM_MAP_EXPIRES_UNREADABLE;
		else if (row->expires != NO_EXPIRES)
			answer.expires = RNM_MAP_EXPIRES_TIME;
		if (answer.expires == RNM_MAP_EXPIRES_TIME)
			answer.expires_at = answer.date + row->expires;
		rnm_map_next_check(&check, &answer, row->poll, NOW);
		if (check.reason != row->reason || check.min != row->min || check.max != row->max)
			fail_msg("%s: expected %s %g..%g, found %s %g..%g", row->what,
			         rnm_map_reason_name(row->reason), row->min, row->max,
			         rnm_map_reason_name(check.reason), check.min, check.max);
	}
}

static void test_names(void **state)
{
	static const char *const names[] = { "error",       "nothing",    "expires", "expires-soon",
		                             "expires-far", "validators", "floor",   "overdue" };

	(void)state;
	for (int i = RNM_MAP_ERROR; i <= RNM_MAP_OVERDUE; i++)
		assert_string_equal(rnm_map_reason_name((enum rnm_map_reason)i), names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
