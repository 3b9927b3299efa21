/* SPDX-License-Identifier: Apache-2.0 */
/* Moments on the command line. */
#ifndef RNM_CLI_MOMENT_H
#define RNM_CLI_MOMENT_H

#include "options.h"

/* What --not-after takes for "no end"; *moment is 0 then. */
#define MOMENT_NEVER "never"

/*
 * Seconds since 1970 from the value of an option: 2027-01-31 (the end of that day), 2027-01-31T12:00:00Z, all UTC,
 * digits of seconds, or never.  RNM_E_USAGE ("usage.moment").
 */
RNM_MUST_CHECK enum rnm_status moment_option(int64_t *moment, const struct options *options, enum option id,
                                             struct rnm_error *err);

#endif
