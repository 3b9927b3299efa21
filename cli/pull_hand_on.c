/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a new model: Redis, and a command of the user's. */
#include "interrupt.h"
#include "output.h"
#include "progress.h"
#include "pull.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* ---- Redis ---- */

enum rnm_status pull_redis_lacks(struct pull_run *run, bool *lacks, struct rnm_error *err)
{
	const char *settings = option_text(run->options, OPTION_SETTINGS, "default");
	struct rnm_model_list *list = NULL;
	enum rnm_status status = context_connect_to_write(&run->context, err);

	if (status == RNM_OK)
		status = rnm_store_list(&list, run->context.redis, run->rule, settings, RNM_LIST_FULL, err);
	if (status != RNM_OK)
		return status;
	*lacks = list->served == SIZE_MAX;
	rnm_model_list_free(list);
	return RNM_OK;
}

static enum rnm_status import_model(struct pull_run *run, struct rnm_error *err)
{
	struct progress progress;
	char tool[64];
	const struct rnm_import_options how = {
		.settings = option_text(run->options, OPTION_SETTINGS, "default"),
		.config = run->context.config,
		.dry_run = run->how.dry_run,
		.tool = tool,
		.progress = progress_report,
		.progress_ctx = &progress,
	};
	enum rnm_status status = context_reconnect(&run->context, err);

	if (status != RNM_OK)
		return status;
	(void)snprintf(tool, sizeof(tool), "rnm %s", rnm_version());
	progress_start(&progress, "importing");
	status = rnm_store_import(&run->import, run->context.redis, run->rule, run->pull->file, &how, err);
	progress_end(&progress);
	return status;
}

/* ---- the command ---- */

/* A command that takes longer is ended: nobody would look for new models meanwhile. */
#define COMMAND_SECONDS_MAX 600
/* What it has to end in after it was asked to. */
#define COMMAND_END_SECONDS 5
#define WAIT_STEP_MS 20

#define VARIABLES_MAX 16
struct variables {
	char *texts[VARIABLES_MAX + 1];
	size_t count;
	bool failed;
};

static void add_variable(struct variables *variables, const char *fmt, ...) RNM_PRINTF(2, 3);
static void add_variable(struct variables *variables, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (variables->count == VARIABLES_MAX || vasprintf(&text, fmt, args) < 0)
		variables->failed = true;
	else
		variables->texts[variables->count++] = text;
	va_end(args);
}

static void describe(struct variables *variables, const struct pull_run *run)
{
	const struct rnm_statement *statement = &run->pull->statement;
	char hash[2 * RNM_BLAKE2B_SIZE + 1] = "";

	for (size_t i = 0; i < RNM_BLAKE2B_SIZE; i++)
		(void)snprintf(hash + 2 * i, 3, "%02x", statement->blake2b[i]);
	add_variable(variables, "RNM_URL=%s", run->url);
	add_variable(variables, "RNM_FILE=%s", run->how.to != NULL ? run->how.to : "");
	add_variable(variables, "RNM_NAME=%s", statement->name);
	add_variable(variables, "RNM_RULE=%s", statement->rule);
	add_variable(variables, "RNM_PROVIDERS_DIGEST=%s", statement->providers_digest);
	add_variable(variables, "RNM_MODEL_VERSION=%llu",
	             (unsigned long long)(statement->has_model_version ? statement->model_version : 0));
	add_variable(variables, "RNM_PREVIOUS_VERSION=%llu", (unsigned long long)run->pull->previous_version);
	add_variable(variables, "RNM_BLAKE2B=%s", hash);
	add_variable(variables, "RNM_SIGNER=%s", run->pull->signer);
	add_variable(variables, "RNM_REDIS_KEY=%s",
	             run->import != NULL && run->import->key != NULL ? run->import->key : "");
}

/* Whether an entry of the environment is one that we set ourselves: an older one must not hide it. */
static bool is_replaced(const struct variables *variables, const char *entry)
{
	const size_t name = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < variables->count; i++)
		if (strncmp(variables->texts[i], entry, name) == 0)
			return true;
	return false;
}

/* The environment and the variables; borrowed from both, freed as one block. */
static char **make_environment(const struct variables *variables)
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
static bool wait_for(pid_t pid, int *how, double seconds, bool until_signal)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };

	for (double waited = 0; waited < seconds; waited += WAIT_STEP_MS / 1000.0) {
		if (waitpid(pid, how, WNOHANG) != 0)
			return true;
		if (until_signal && interrupt_signal != 0)
			return false;
		(void)nanosleep(&step, NULL);
	}
	return false;
}

static enum rnm_status end_command(pid_t pid, struct rnm_error *err)
{
	const bool interrupted = interrupt_signal != 0;
	int how;

	(void)kill(-pid, SIGTERM);
	if (!wait_for(pid, &how, COMMAND_END_SECONDS, false)) {
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, &how, 0);
	}
	if (interrupted)
		return rnm_error_set(err, RNM_E_INTERRUPTED, NULL, "interrupted");
	return rnm_error_set(err, RNM_E_IO, "pull.exec", "the command of --exec was ended after %d seconds",
	                     COMMAND_SECONDS_MAX);
}

static enum rnm_status judge_command(int how, struct rnm_error *err)
{
	if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
		return RNM_OK;
	if (WIFEXITED(how))
		rnm_error_set(err, RNM_E_IO, "pull.exec", "the command of --exec failed with exit code %d",
		              WEXITSTATUS(how));
	else
		rnm_error_set(err, RNM_E_IO, "pull.exec", "the command of --exec was ended by signal %d",
		              WTERMSIG(how));
	rnm_error_set_hint(err, "the model is in place; the next run calls the command again");
	return RNM_E_IO;
}

static enum rnm_status run_command(struct pull_run *run, const char *command, struct rnm_error *err)
{
	struct variables variables = { 0 };
	enum rnm_status status = RNM_E_NOMEM;
	char **environment;
	int how = 0, errnum;
	pid_t pid;

	describe(&variables, run);
	environment = variables.failed ? NULL : make_environment(&variables);
	if (environment == NULL) {
		status = rnm_error_nomem(err);
	} else if ((errnum = spawn(&pid, command, environment)) != 0) {
		status = rnm_error_sys(err, "pull.exec", errnum, "cannot run /bin/sh");
	} else {
		run->command_ran = true;
		status = wait_for(pid, &how, COMMAND_SECONDS_MAX, true) ? judge_command(how, err)
		                                                        : end_command(pid, err);
	}
	free(environment);
	for (size_t i = 0; i < variables.count; i++)
		free(variables.texts[i]);
	return status;
}

/* ---- both ---- */

enum rnm_status pull_hand_on(struct pull_run *run, struct rnm_error *err)
{
	const char *command = option_text(run->options, OPTION_EXEC, NULL);
	enum rnm_status status = RNM_OK;

	if (option_given(run->options, OPTION_IMPORT))
		status = import_model(run, err);
	if (status == RNM_OK && command != NULL && !run->how.dry_run) {
		output_flush();
		status = run_command(run, command, err);
	}
	return status == RNM_OK ? rnm_pull_done(run->pull, err) : status;
}
