/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the user's, run with /bin/sh. */
#ifndef RNM_CLI_COMMAND_H
#define RNM_CLI_COMMAND_H

#include <rnm/error.h>

/* A command that takes longer is ended: nobody would look for new models meanwhile. */
#define COMMAND_SECONDS_MAX 600

#define COMMAND_VARIABLES_MAX 24
struct command_variables {
	char *texts[COMMAND_VARIABLES_MAX + 1];
	size_t count;
	bool failed;
};
/* NAME=VALUE. */
void command_variable(struct command_variables *variables, const char *fmt, ...) RNM_PRINTF(2, 3);
void command_variables_free(struct command_variables *variables);

enum command_end { COMMAND_EXITED, COMMAND_SIGNALLED, COMMAND_TOOK_TOO_LONG };
struct command_result {
	enum command_end end;
	int number; /* exit code or signal */
};
/*
 * Runs the command with the environment and the variables, and waits for its end.  Its output is among our
 * messages.  RNM_E_INTERRUPTED when a signal asked us to end, and the command with us; RNM_E_IO, with this id, when it
 * cannot be run; RNM_E_NOMEM.
 */
RNM_MUST_CHECK enum rnm_status command_run(struct command_result *result, const char *command,
                                           const struct command_variables *variables, const char *id,
                                           struct rnm_error *err);
static inline bool command_succeeded(const struct command_result *result)
{
	return result->end == COMMAND_EXITED && result->number == 0;
}

#endif
