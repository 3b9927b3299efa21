/* SPDX-License-Identifier: Apache-2.0 */
/* A gate of the user's: a command that gets to see the file as it would be published. */
#include "command.h"
#include "context.h"
#include "model_version.h"
#include "output.h"
#include "watch.h"

#include <errno.h>
#include <math.h>
#include <rnm/file.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A folder that nobody else can look into, with the candidate in it. */
struct gate_file {
	char *folder, *path;
};

static void gate_file_remove(struct gate_file *file)
{
	if (file->path != NULL)
		(void)unlink(file->path);
	if (file->folder != NULL)
		(void)rmdir(file->folder);
	free(file->path);
	free(file->folder);
	*file = (struct gate_file){ 0 };
}

static enum rnm_status gate_file_make(struct gate_file *file, struct rnm_bytes bytes, struct rnm_error *err)
{
	const char *base = context_spool_dir();
	char *folder = NULL;

	*file = (struct gate_file){ 0 };
	if (asprintf(&folder, "%s/rnm-gate-XXXXXX", base != NULL ? base : "/tmp") < 0)
		return rnm_error_nomem(err);
	if (mkdtemp(folder) == NULL) {
		rnm_error_sys(err, "watch.gate", errno, "cannot make the folder %s", folder);
		free(folder);
		return RNM_E_IO;
	}
	file->folder = folder;
	if (asprintf(&file->path, "%s/candidate.rnm", folder) < 0) {
		file->path = NULL;
		return rnm_error_nomem(err);
	}
	return rnm_file_write(file->path, bytes.data, bytes.len, err);
}

static void add_number(struct command_variables *variables, const char *name, bool is_known, double number)
{
	char text[NUMBER_TEXT_MAX] = "";

	command_variable(variables, "%s=%s", name, is_known ? number_text(number, text) : "");
}

static void describe(struct command_variables *variables, const struct rnm_watch_candidate *candidate,
                     const struct gate_file *file)
{
	const struct rnm_watch_report *report = candidate->report;

	command_variable(variables, "RNM_FILE=%s", file->path);
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
	struct gate_file file;
	enum rnm_status status = gate_file_make(&file, candidate->bytes, err);

	if (status == RNM_OK) {
		describe(&variables, candidate, &file);
		output_flush();
		status = command_run(&result, ctx, &variables, "watch.gate", err);
	}
	command_variables_free(&variables);
	gate_file_remove(&file);
	return status == RNM_OK ? verdict(&result, err) : status;
}
