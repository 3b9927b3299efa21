/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a new model: Redis, and a command of the user's. */
#include "command.h"
#include "output.h"
#include "progress.h"
#include "pull.h"

#include <stdio.h>

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

static void describe(struct command_variables *variables, const struct pull_run *run)
{
	const struct rnm_statement *statement = &run->pull->statement;
	char hash[2 * RNM_BLAKE2B_SIZE + 1] = "";

	for (size_t i = 0; i < RNM_BLAKE2B_SIZE; i++)
		(void)snprintf(hash + 2 * i, 3, "%02x", statement->blake2b[i]);
	command_variable(variables, "RNM_URL=%s", run->url);
	command_variable(variables, "RNM_FILE=%s", run->how.to != NULL ? run->how.to : "");
	command_variable(variables, "RNM_NAME=%s", statement->name);
	command_variable(variables, "RNM_RULE=%s", statement->rule);
	command_variable(variables, "RNM_PROVIDERS_DIGEST=%s", statement->providers_digest);
	command_variable(variables, "RNM_MODEL_VERSION=%llu",
	                 (unsigned long long)(statement->has_model_version ? statement->model_version : 0));
	command_variable(variables, "RNM_PREVIOUS_VERSION=%llu",
	                 (unsigned long long)run->pull->previous_version);
	command_variable(variables, "RNM_BLAKE2B=%s", hash);
	command_variable(variables, "RNM_SIGNER=%s", run->pull->signer);
	command_variable(variables, "RNM_REDIS_KEY=%s",
	                 run->import != NULL && run->import->key != NULL ? run->import->key : "");
}

static enum rnm_status judge_command(const struct command_result *result, struct rnm_error *err)
{
	if (command_succeeded(result))
		return RNM_OK;
	if (result->end == COMMAND_TOOK_TOO_LONG)
		return rnm_error_set(err, RNM_E_IO, "pull.exec",
		                     "the command of --exec was ended after %d seconds", COMMAND_SECONDS_MAX);
	if (result->end == COMMAND_EXITED)
		rnm_error_set(err, RNM_E_IO, "pull.exec", "the command of --exec failed with exit code %d",
		              result->number);
	else
		rnm_error_set(err, RNM_E_IO, "pull.exec", "the command of --exec was ended by signal %d",
		              result->number);
	rnm_error_set_hint(err, "the model is in place; the next run calls the command again");
	return RNM_E_IO;
}

static enum rnm_status run_command(struct pull_run *run, const char *command, struct rnm_error *err)
{
	struct command_variables variables = { 0 };
	struct command_result result;
	enum rnm_status status;

	describe(&variables, run);
	status = command_run(&result, command, &variables, "pull.exec", err);
	run->command_ran = status == RNM_OK;
	command_variables_free(&variables);
	return status == RNM_OK ? judge_command(&result, err) : status;
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
