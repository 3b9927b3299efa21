/* SPDX-License-Identifier: Apache-2.0 */
#include "share/http_date.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* 9999-12-31 23:59:59 and 1000-01-01 00:00:00. */
#define LAST_TIME INT64_C(253402300799)
#define FIRST_TIME INT64_C(-30610224000)

static const char day_names[][10] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};
static const char month_names[][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

/* By hand: printf would be the larger part of an answer without a body. */
static char *put_digits(char *at, int number, int digits)
{
	for (int i = digits - 1; i >= 0; i--, number /= 10)
		at[i] = (char)('0' + number % 10);
	return at + digits;
}

static char *put_text(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

static char *put_clock(char *at, const struct tm *tm)
{
	at = put_digits(at, tm->tm_hour, 2);
	*at++ = ':';
	at = put_digits(at, tm->tm_min, 2);
	*at++ = ':';
	return put_digits(at, tm->tm_sec, 2);
}

void rnm_http_date_write(char text[RNM_HTTP_DATE_SIZE], int64_t time)
{
	const time_t at = time > LAST_TIME ? LAST_TIME : time < FIRST_TIME ? FIRST_TIME : time;
	struct tm tm;

	gmtime_r(&at, &tm);
	text = put_text(text, day_names[tm.tm_wday], 3);
	text = put_text(text, ", ", 2);
	text = put_digits(text, tm.tm_mday, 2);
	*text++ = ' ';
	text = put_text(text, month_names[tm.tm_mon], 3);
	*text++ = ' ';
	text = put_digits(text, tm.tm_year + 1900, 4);
	*text++ = ' ';
	text = put_clock(text, &tm);
	memcpy(text, " GMT", sizeof(" GMT"));
}

void rnm_time_write(char text[RNM_TIME_SIZE], double time)
{
	const double whole = floor(time);
	const time_t at = (time_t)whole;
	struct tm tm;

	gmtime_r(&at, &tm);
	text = put_digits(text, tm.tm_year + 1900, 4);
	*text++ = '-';
	text = put_digits(text, tm.tm_mon + 1, 2);
	*text++ = '-';
	text = put_digits(text, tm.tm_mday, 2);
	*text++ = 'T';
	text = put_clock(text, &tm);
	*text++ = '.';
	text = put_digits(text, (int)((time - whole) * 1000), 3);
	memcpy(text, "Z", sizeof("Z"));
}

/* What is left of the text; NULL once something did not fit. */
struct scan {
	const char *at;
};

static void expect(struct scan *scan, const char *text)
{
	const size_t len = strlen(text);

	if (scan->at != NULL && strncmp(scan->at, text, len) == 0)
		scan->at += len;
	else
		scan->at = NULL;
}

/* Exactly so many digits; with pad the first may be a blank. */
static int number(struct scan *scan, int digits, bool pad)
{
	int value = 0;

	for (int i = 0; i < digits && scan->at != NULL; i++) {
		const char c = *scan->at;

		if (c >= '0' && c <= '9')
			value = value * 10 + (c - '0');
		else if (!pad || i > 0 || c != ' ')
			scan->at = NULL;
		if (scan->at != NULL)
			scan->at++;
	}
	return value;
}

static int month(struct scan *scan)
{
	for (int i = 0; scan->at != NULL && i < 12; i++) {
		if (strncmp(scan->at, month_names[i], 3) == 0) {
			scan->at += 3;
			return i;
		}
	}
	scan->at = NULL;
	return 0;
}

static void clock_time(struct scan *scan, struct tm *tm)
{
	tm->tm_hour = number(scan, 2, false);
	expect(scan, ":");
	tm->tm_min = number(scan, 2, false);
	expect(scan, ":");
	tm->tm_sec = number(scan, 2, false);
}

/* Skips "Sun" or "Sunday"; whether it was the long name. */
static bool day_name(struct scan *scan)
{
	for (size_t i = 0; i < sizeof(day_names) / sizeof(day_names[0]); i++) {
		const size_t len = strlen(day_names[i]);
		const bool is_long = strncmp(scan->at, day_names[i], len) == 0;

		if (is_long || strncmp(scan->at, day_names[i], 3) == 0) {
			scan->at += is_long ? len : 3;
			return is_long;
		}
	}
	scan->at = NULL;
	return false;
}

/* Two digits of a year. */
static int full_year(int year, int64_t now)
{
	const time_t at = now;
	struct tm tm;
	int this_year;

	gmtime_r(&at, &tm);
	this_year = tm.tm_year + 1900;
	year += this_year - this_year % 100;
	return year > this_year + 50 ? year - 100 : year;
}

static void read_date(struct scan *scan, struct tm *tm, bool is_long, int64_t now)
{
	const char *gap = is_long ? "-" : " ";

	expect(scan, ", ");
	tm->tm_mday = number(scan, 2, false);
	expect(scan, gap);
	tm->tm_mon = month(scan);
	expect(scan, gap);
	tm->tm_year = number(scan, is_long ? 2 : 4, false);
	if (is_long)
		tm->tm_year = full_year(tm->tm_year, now);
	expect(scan, " ");
	clock_time(scan, tm);
	expect(scan, " GMT");
}

static void read_asctime(struct scan *scan, struct tm *tm)
{
	expect(scan, " ");
	tm->tm_mon = month(scan);
	expect(scan, " ");
	tm->tm_mday = number(scan, 2, true);
	expect(scan, " ");
	clock_time(scan, tm);
	expect(scan, " ");
	tm->tm_year = number(scan, 4, false);
}

bool rnm_http_date_read(int64_t *time, const char *text, int64_t now)
{
	struct scan scan = { text };
	struct tm tm = { 0 };
	const bool is_long = day_name(&scan);
	struct tm same;

	if (scan.at != NULL && *scan.at == ',')
		read_date(&scan, &tm, is_long, now);
	else if (!is_long)
		read_asctime(&scan, &tm);
	else
		return false;
	if (scan.at == NULL || *scan.at != '\0' || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	same = tm;
	*time = timegm(&same);
	/* A 31st of February has become a day of March. */
	return same.tm_mday == tm.tm_mday || (tm.tm_sec == 60 && tm.tm_mday > 0);
}
