/* SPDX-License-Identifier: Apache-2.0 */
/* What -o means to the verbs that write one model. */
#ifndef RNM_CLI_OUTPUT_OPTION_H
#define RNM_CLI_OUTPUT_OPTION_H

#include "options.h"
#include "output.h"

/* Whether the model itself goes to standard output, under whatever name; then the report may not. */
bool output_option_is_stdout(const struct options *options);

/* RNM_OK, or the exit code after a message about a target that makes no sense. */
int output_option_check(const struct options *options);

/* Prints a report, and frees it, where the model does not go. */
bool output_option_report(const struct options *options, struct rnm_buf *report);

#endif
