/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_codes.h"
#include "export_run.h"
#include "output_option.h"
#include "verbs.h"

#include <signal.h>

/* What only this verb can know about -o; 0 when all is well. */
static int check_output(const struct options *options)
{
	bool all = option_given(options, OPTION_ALL);

	if (all && !option_given(options, OPTION_OUTPUT) && !option_given(options, OPTION_DRY_RUN))
		return output_usage_error("type rnm export --all -o FOLDER",
		                          "--all needs a folder to write to");
	if (all && output_option_is_stdout(options))
		return output_usage_error("type rnm export --all -o FOLDER",
		                          "--all writes several files, which standard output cannot hold");
	return output_option_check(options);
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

	if (output_option_is_stdout(options) && output_pipe_closed(err))
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
	export_outcome_text(&out, outcome, dry_run);
	return output_option_report(options, &out) ? RNM_OK : RNM_E_IO;
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
	if (!output_option_is_stdout(options))
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
