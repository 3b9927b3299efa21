/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit codes of the command, in one table: `rnm help exit-codes` prints it and a test pins it.
 * Codes 0 to 8 are enum rnm_status.
 */
#ifndef RNM_CLI_EXIT_CODES_H
#define RNM_CLI_EXIT_CODES_H

#include <stddef.h>

struct exit_code {
	int code;
	const char *name; /* as rnm_status_name() for the codes that are a status */
	const char *meaning;
};

extern const struct exit_code exit_codes[];
extern const size_t exit_code_count;

/* Exit code of a process that a signal asked to stop, as shells report one that the signal killed. */
#define EXIT_BY_SIGNAL(signal) (128 + (signal))
/* The drop-in neural_export knows only success and this. */
#define EXIT_NEURAL_EXPORT_FAILED 1

#endif
