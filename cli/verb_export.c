/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_codes.h"
#include "export_run.h"
#include "output.h"
#include "verbs.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static bool to_stdout(const struct options *options)
{
	const char *path = option_text(options, OPTION_OUTPUT, NULL);

	return path != NULL && !option_given(options, OPTION_DRY_RUN) &&
	       output_target(path) == OUTPUT_TO_STDOUT;
}

/* What only this verb can know about -o; 0 when all is well. */
static int check_output(const struct options *options)
{
	const char *path = option_text(options, OPTION_OUTPUT, NULL);

	if (path == NULL && option_given(options, OPTION_ALL) && !option_given(options, OPTION_DRY_RUN))
		return output_usage_error("type rnm export --all -o FOLDER",
		                          "--all needs a folder to write to");
	if (path == NULL && !option_given(options, OPTION_DRY_RUN))
		return output_usage_error(
		    "type -o FILE, -o - for standard output, or --dry-run to only check",
		    "there is no file to write to");
	if (path != NULL && *path == '\0')
		return output_usage_error("type -o FILE, or -o - for standard output",
		                          "the name of the file to write to is empty");
	if (path != NULL && !option_given(options, OPTION_DRY_RUN) && output_target(path) == OUTPUT_TO_STDERR)
		return output_usage_error("type -o FILE, or -o - for standard output",
		                          "-o %s is standard error, which is for messages", path);
	if (!to_stdout(options))
		return RNM_OK;
	if (option_given(options, OPTION_ALL))
		return output_usage_error("type rnm export --all -o FOLDER",
		                          "--all writes several files, which standard output cannot hold");
	if (option_given(options, OPTION_JSON))
		return output_usage_error("write to a file, or leave --json out",
		                          "-o %s and --json both want standard output", path);
	if (isatty(STDOUT_FILENO) == 1)
		return output_usage_error("send it into a pipe or a file",
		                          "a model is binary and is not written to a terminal");
	return RNM_OK;
}

/* Beside the message, for programs. */
static void print_failure(const struct options *options, struct export_outcome *outcome,
                          const struct rnm_error *err)
{
	const char *rule = option_text(options, OPTION_RULE, "default");
	struct rnm_buf out;
	struct rnm_json json;

	if (outcome->status == RNM_OK)
		export_outcome_fail(outcome, rule, option_text(options, OPTION_SETTINGS, "default"), err);
	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_json_init(&json, &out, false);
	export_outcome_json(&json, outcome, option_given(options, OPTION_DRY_RUN));
	(void)output_json(&out);
}

static int report_failure(const struct options *options, struct export_outcome *outcome,
                          const struct rnm_error *err)
{
	int code;

	if (to_stdout(options) && output_pipe_closed(err))
		return EXIT_BY_SIGNAL(SIGPIPE);
	code = output_error(err);
	if (option_given(options, OPTION_JSON))
		print_failure(options, outcome, err);
	return code;
}

/* The report goes where the model does not. */
static int print_outcome(const struct options *options, const struct export_outcome *outcome)
{
	bool dry_run = option_given(options, OPTION_DRY_RUN);
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(options, OPTION_JSON)) {
		struct rnm_json json;

		rnm_json_init(&json, &out, false);
		export_outcome_json(&json, outcome, dry_run);
		return output_json(&out) ? RNM_OK : RNM_E_IO;
	}
	if (output_quiet()) {
		rnm_buf_free(&out);
		return RNM_OK;
	}
	export_outcome_text(&out, outcome, dry_run);
	if (!to_stdout(options))
		return output_buffer(&out) ? RNM_OK : RNM_E_IO;
	return output_aside(&out) ? RNM_OK : RNM_E_IO;
}

static enum rnm_status run(struct context *context, struct export_request *request,
                           struct export_outcome *outcome, struct rnm_error *err)
{
	const struct options *options = context->options;
	enum rnm_status status = context_created_at(&request->created_at, err);

	if (status == RNM_OK)
		status = context_load_config(context, err);
	if (status == RNM_OK)
		status = export_check_context(context, err);
	if (status == RNM_OK)
		status =
		    context_rule(context, option_text(options, OPTION_RULE, "default"), &request->rule, err);
	if (status == RNM_OK)
		status = context_connect(context, err);
	return status == RNM_OK ? export_run(context, request, outcome, err) : status;
}

int verb_export(const struct options *options)
{
	struct export_request request = { .settings = option_text(options, OPTION_SETTINGS, "default") };
	struct export_outcome outcome = { 0 };
	struct context context;
	struct rnm_error err;
	enum rnm_status status;
	int code = check_output(options);

	if (code != RNM_OK)
		return code;
	if (option_given(options, OPTION_ALL))
		return verb_export_all(options);
	if (!to_stdout(options))
		request.path = option_text(options, OPTION_OUTPUT, NULL);
	status = context_open(&context, options, &err);
	if (status == RNM_OK)
		status = run(&context, &request, &outcome, &err);
	code = status == RNM_OK ? print_outcome(options, &outcome) : report_failure(options, &outcome, &err);
	export_outcome_free(&outcome);
	rnm_rule_free(request.rule);
	context_free(&context);
	return code;
}
