/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

/* 0000-01-01T00:00:00Z, and the second after 9999. */
#define FIRST_TIME (-62167219200.0)
#define END_OF_TIMES 253402300800.0

static double seconds(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		return 0;
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double rnm_clock_monotonic(void)
{
	return seconds(CLOCK_MONOTONIC);
}

double rnm_clock_wall(void)
{
	return seconds(CLOCK_REALTIME);
}

bool rnm_utc_write(char text[RNM_UTC_SIZE], double unix_time)
{
	struct tm tm;
	time_t whole;

	text[0] = '\0';
	if (!(unix_time >= FIRST_TIME && unix_time < END_OF_TIMES))
		return false;
	whole = (time_t)floor(unix_time);
	/* Not strftime, whose %Y has as many digits as the year needs. */
	return gmtime_r(&whole, &tm) != NULL &&
	       snprintf(text, RNM_UTC_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
	                tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) == RNM_UTC_SIZE - 1;
}
