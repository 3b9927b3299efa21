/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "interrupt.h"

#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What it has to end in after it was asked to. */
#define COMMAND_END_SECONDS 5
#define WAIT_STEP_MS 20

void command_variable(struct command_variables *variables, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (variables->count == COMMAND_VARIABLES_MAX || vasprintf(&text, fmt, args) < 0)
		variables->failed = true;
	else
		variables->texts[variables->count++] = text;
	va_end(args);
}

void command_variables_free(struct command_variables *variables)
{
	for (size_t i = 0; i < variables->count; i++)
		free(variables->texts[i]);
	*variables = (struct command_variables){ 0 };
}

/* Whether an entry of the environment is one that we set ourselves: an older one must not hide it. */
static bool is_replaced(const struct command_variables *variables, const char *entry)
{
	const size_t name = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < variables->count; i++)
		if (strncmp(variables->texts[i], entry, name) == 0)
			return true;
	return false;
}

/* The environment and the variables; borrowed from both, freed as one block. */
static char **make_environment(const struct command_variables *variables)
{
	size_t count = 0, used = 0;
	char **result;

	while (environ[count] != NULL)
		count++;
	result = calloc(count + variables->count + 1, sizeof(*result));
	if (result == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!is_replaced(variables, environ[i]))
			result[used++] = environ[i];
	memcpy(result + used, variables->texts, variables->count * sizeof(*result));
	return result;
}

/*
 * In a process group of its own, which can be ended as a whole; with the signals that this process ignores as they
 * are for everybody else; and with its output among our messages, where it cannot be taken for a document of ours.
 */
static int spawn(pid_t *pid, const char *command, char **environment)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t usual, none;
	int errnum;

	errnum = posix_spawn_file_actions_init(&actions);
	if (errnum != 0)
		return errnum;
	errnum = posix_spawnattr_init(&attributes);
	if (errnum != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return errnum;
	}
	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &usual);
	(void)posix_spawnattr_setpgroup(&attributes, 0);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
	                                                POSIX_SPAWN_SETPGROUP);
	errnum = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	if (errnum == 0)
		errnum = posix_spawn(pid, "/bin/sh", &actions, &attributes, (char *const *)(uintptr_t)argv,
		                     environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return errnum;
}

/* Waits for so many seconds, or until a signal asks us to end.  False: it still runs. */
static bool wait_for(pid_t pid, int *how, int seconds, bool until_signal)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };

	for (int steps = seconds * 1000 / WAIT_STEP_MS; steps > 0; steps--) {
		if (waitpid(pid, how, WNOHANG) != 0)
			return true;
		if (until_signal && interrupt_signal != 0)
			return false;
		(void)nanosleep(&step, NULL);
	}
	return false;
}

/* Asks it to end, and insists. */
static void end_command(pid_t pid)
{
	int how;

	(void)kill(-pid, SIGTERM);
	if (wait_for(pid, &how, COMMAND_END_SECONDS, false))
		return;
	(void)kill(-pid, SIGKILL);
	(void)waitpid(pid, &how, 0);
}

static enum rnm_status watch_command(struct command_result *result, pid_t pid, struct rnm_error *err)
{
	int how = 0;

	if (wait_for(pid, &how, COMMAND_SECONDS_MAX, true)) {
		result->end = WIFEXITED(how) ? COMMAND_EXITED : COMMAND_SIGNALLED;
		result->number = WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how);
		return RNM_OK;
	}
	result->end = COMMAND_TOOK_TOO_LONG;
	result->number = 0;
	/* Asked before it is ended, which takes time. */
	if (interrupt_signal == 0) {
		end_command(pid);
		return RNM_OK;
	}
	end_command(pid);
	return rnm_error_set(err, RNM_E_INTERRUPTED, NULL, "interrupted");
}

enum rnm_status command_run(struct command_result *result, const char *command,
                            const struct command_variables *variables, const char *id, struct rnm_error *err)
{
	char **environment = variables->failed ? NULL : make_environment(variables);
	enum rnm_status status;
	pid_t pid;
	int errnum;

	if (environment == NULL)
		return rnm_error_nomem(err);
	errnum = spawn(&pid, command, environment);
	status = errnum == 0 ? watch_command(result, pid, err)
	                     : rnm_error_sys(err, id, errnum, "cannot run /bin/sh");
	free(environment);
	return status;
}
