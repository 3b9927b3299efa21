/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of time and sizes on the command line. */
#ifndef RNM_CLI_DURATION_H
#define RNM_CLI_DURATION_H

#include "options.h"

/*
 * The value of an option such as "90m", "12h", "2d", "1w" or "3600" in seconds, else fallback.  RNM_E_USAGE
 * ("usage.duration") for anything else, and for nothing at all.
 */
RNM_MUST_CHECK enum rnm_status duration_option(double *seconds, const struct options *options, enum option id,
                                               double fallback, struct rnm_error *err);

/* The same for "1000000", "64K", "256M" or "1G" in bytes.  RNM_E_USAGE ("usage.size"). */
RNM_MUST_CHECK enum rnm_status size_option(uint64_t *bytes, const struct options *options, enum option id,
                                           uint64_t fallback, struct rnm_error *err);

#endif
