/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_BASE_CLOCK_H
#define RNM_BASE_CLOCK_H

#include <stdbool.h>

/* Seconds on a clock that only moves forward (for deadlines), and seconds since 1970. */
double rnm_clock_monotonic(void);
double rnm_clock_wall(void);

/* "2026-11-23T15:16:46Z" and its NUL. */
#define RNM_UTC_SIZE 21
/*
 * UTC in the form of ISO 8601, fractions cut toward the past.  false, and "" in text, for what has no such form: a
 * year that has not four digits, no number.
 */
bool rnm_utc_write(char text[RNM_UTC_SIZE], double unix_time);

#endif
