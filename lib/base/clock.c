/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

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
