/* SPDX-License-Identifier: Apache-2.0 */
/* A gate of the user's: a command that gets to see the file as it would be published. */
#include "command.h"
#include "context.h"
#include "model_version.h"
#include "output.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <rnm/file.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CANDIDATE "rnm-gate-XXXXXX.rnm"
#define CANDIDATE_ENDING 4 /* ".rnm" */

/* Under a name that nobody can know before, for nobody else to read. */
static enum rnm_status make_candidate(char **path, struct rnm_bytes bytes, struct rnm_error *err)
{
	const char *folder = context_spool_dir();
	int fd;

	if (asprintf(path, "%s/" CANDIDATE, folder != NULL ? folder : "/tmp") < 0) {
		*path = NULL;
		return rnm_error_nomem(err);
	}
	fd = mkostemps(*path, CANDIDATE_ENDING, O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return rnm_file_write(*path, bytes.data, bytes.len, err);
	}
	rnm_error_sys(err, "watch.gate", errno, "cannot make the file %s", *path);
	free(*path);
	*path = NULL;
	return RNM_E_IO;
}

static void add_number(struct command_variables *variables, const char *name, bool is_known, double number)
{
	char text[NUMBER_TEXT_MAX] = "";

	command_variable(variables, "%s=%s", name, is_known ? number_text(number, text) : "");
}

static void describe(struct command_variables *variables, const struct rnm_watch_candidate *candidate,
                     const char *path)
{
	const struct rnm_watch_report *report = candidate->report;

	command_variable(variables, "RNM_FILE=%s", path);
	command_variable(variables, "RNM_NAME=%s", report->name);
	command_variable(variables, "RNM_RULE=%s", candidate->rule->name);
	command_variable(variables, "RNM_SETTINGS=%s", candidate->settings);
	command_variable(variables, "RNM_PROVIDERS_DIGEST=%s", candidate->rule->digest);
	add_number(variables, "RNM_MODEL_VERSION", true, report->version);
	command_variable(variables, "RNM_PUBLISHED_VERSION=%llu",
	                 (unsigned long long)report->published_version);
	command_variable(variables, "RNM_REDIS_KEY=%s", candidate->redis_key);
	add_number(variables, "RNM_AUC", report->has_auc, report->auc);
	add_number(variables, "RNM_DRIFT", report->has_drift, report->drift);
	add_number(variables, "RNM_WEIGHT_COSINE", report->has_relation && !isnan(report->weight_cosine),
	           report->weight_cosine);
}

static enum rnm_status verdict(const struct command_result *result, struct rnm_error *err)
{
	if (command_succeeded(result))
		return RNM_OK;
	if (result->end == COMMAND_TOOK_TOO_LONG)
		return rnm_error_set(err, RNM_NO, "watch.gate",
		                     "the command of --gate was ended after %d seconds", COMMAND_SECONDS_MAX);
	if (result->end == COMMAND_SIGNALLED)
		return rnm_error_set(err, RNM_NO, "watch.gate",
		                     "the command of --gate was ended by signal %d", result->number);
	return rnm_error_set(err, RNM_NO, "watch.gate", "the command of --gate says no with exit code %d",
	                     result->number);
}

enum rnm_status watch_gate(void *ctx, const struct rnm_watch_candidate *candidate, struct rnm_error *err)
{
	struct command_variables variables = { 0 };
	struct command_result result;
	char *path = NULL;
	enum rnm_status status = make_candidate(&path, candidate->bytes, err);

	if (status == RNM_OK) {
		describe(&variables, candidate, path);
		output_flush();
		status = command_run(&result, ctx, &variables, "watch.gate", err);
	}
	command_variables_free(&variables);
	if (path != NULL)
		(void)unlink(path);
	free(path);
	return status == RNM_OK ? verdict(&result, err) : status;
}
