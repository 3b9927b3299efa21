/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_BASE_CLOCK_H
#define RNM_BASE_CLOCK_H

/* Seconds on a clock that only moves forward (for deadlines), and seconds since 1970. */
double rnm_clock_monotonic(void);
double rnm_clock_wall(void);

#endif
