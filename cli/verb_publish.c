/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupt.h"
#include "model_argument.h"
#include "output.h"
#include "publish_report.h"
#include "verbs.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

/* More publications than this nobody counts. */
#define PUBLISH_KEEP_MAX 1000000.0

/* ---- the run ---- */

static enum rnm_status add_model(struct publish_run *run, struct context *context, const char *text,
                                 struct rnm_error *err)
{
	const struct options *options = context->options;
	const struct rnm_publish_request request = {
		.name = option_text(options, OPTION_NAME, NULL),
		.version = options->values[OPTION_MODEL_VERSION].number,
	};
	struct model_argument model;
	enum rnm_status status = model_argument_open(&model, context, text, err);

	if (status != RNM_OK)
		return status;
	status = rnm_publisher_add(run->publisher, model.file, &request, &run->outcomes[run->count], err);
	model_argument_free(&model);
	return status;
}

static enum rnm_status roll_back(struct publish_run *run, const struct context *context, const char *name,
                                 struct rnm_error *err)
{
	const struct options *options = context->options;
	const struct rnm_publish_request request = {
		.name = name,
		.version = options->values[OPTION_MODEL_VERSION].number,
	};

	return rnm_publisher_rollback(run->publisher, option_text(options, OPTION_ROLLBACK, NULL), &request,
	                              &run->outcomes[run->count], err);
}

/* A tree with a single model needs no name for it. */
static enum rnm_status roll_back_only(struct publish_run *run, const struct context *context,
                                      struct rnm_error *err)
{
	const char *name = rnm_publisher_only_name(run->publisher);

	if (name == NULL) {
		rnm_error_set(err, RNM_E_USAGE, "usage.publish",
		              "%s does not hold one model only: --rollback needs the name of one", run->to);
		rnm_error_set_hint(err,
		                   "rnm publish NAME --rollback --to %s; names are those of the files in "
		                   "its folder models",
		                   run->to);
		return RNM_E_USAGE;
	}
	run->operands[0] = name;
	run->count = 0;
	return roll_back(run, context, name, err);
}

static enum rnm_status take_all(struct publish_run *run, struct context *context, struct rnm_error *err)
{
	const struct options *options = context->options;
	const bool back = option_given(options, OPTION_ROLLBACK);
	enum rnm_status status = RNM_OK;

	if (options->operand_count == 0) {
		status = roll_back_only(run, context, err);
		run->count = status == RNM_OK;
		return status;
	}
	for (size_t i = 0; status == RNM_OK && i < options->operand_count; i++) {
		run->operands[i] = options->operands[i];
		status = back ? roll_back(run, context, options->operands[i], err)
		              : add_model(run, context, options->operands[i], err);
		run->count += status == RNM_OK;
	}
	return status;
}

static enum rnm_status run_publish(struct publish_run *run, struct context *context, struct rnm_error *err)
{
	const struct options *options = context->options;
	struct rnm_publish_options how = {
		.folder = run->to,
		.keep = (size_t)options->values[OPTION_KEEP].number,
		.dry_run = run->dry_run,
		.force = option_given(options, OPTION_FORCE),
		.now = (double)time(NULL),
		.cancel = &interrupt_signal,
	};
	enum rnm_status status;

	run->outcomes = calloc(options->operand_count + 1, sizeof(*run->outcomes));
	run->operands = calloc(options->operand_count + 1, sizeof(*run->operands));
	if (run->outcomes == NULL || run->operands == NULL)
		return rnm_error_nomem(err);
	interrupt_install();
	status = rnm_publisher_open(&run->publisher, &how, err);
	if (status == RNM_OK)
		status = take_all(run, context, err);
	return status == RNM_OK ? rnm_publisher_commit(run->publisher, &run->result, err) : status;
}

/* ---- */

static int report(const struct options *options, const struct publish_run *run, const struct rnm_error *err)
{
	const int code = err != NULL ? output_error(err) : RNM_OK;
	struct rnm_buf out;

	if (err == NULL && run->result.completed)
		output_note("an earlier publisher had been stopped in %s; what it had begun %s", run->to,
		            run->dry_run ? "would be completed first" : "was completed first");
	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(options, OPTION_JSON)) {
		struct rnm_json json;

		rnm_json_init(&json, &out, false);
		publish_json(&json, run, err);
		return output_json(&out) ? code : RNM_E_IO;
	}
	if (err == NULL && !output_quiet())
		publish_text(&out, run);
	return output_buffer(&out) ? code : RNM_E_IO;
}

/* What only this verb can know about its options; 0 when all is well. */
static int check_options(const struct options *options)
{
	const double keep = options->values[OPTION_KEEP].number;
	const char *to = option_text(options, OPTION_TO, "");

	if (*to == '\0')
		return output_usage_error("type rnm publish MODEL --to DIR",
		                          "there is no tree to publish to");
	if (options->operand_count == 0 && !option_given(options, OPTION_ROLLBACK))
		return output_usage_error("type rnm publish MODEL --to DIR", "there is no model to publish");
	if (options->operand_count > 1 &&
	    (option_given(options, OPTION_NAME) || option_given(options, OPTION_MODEL_VERSION) ||
	     option_text(options, OPTION_ROLLBACK, NULL) != NULL))
		return output_usage_error("publish the models one at a time",
		                          "a name and a version are those of one model, found %zu models",
		                          options->operand_count);
	if (option_given(options, OPTION_MODEL_VERSION) &&
	    !(options->values[OPTION_MODEL_VERSION].number >= 1))
		return output_usage_error("--model-version 5",
		                          "--model-version %s: expected a whole number of 1 or more",
		                          option_text(options, OPTION_MODEL_VERSION, ""));
	if (option_given(options, OPTION_KEEP) &&
	    !(keep >= 1 && keep <= PUBLISH_KEEP_MAX && keep <= floor(keep)))
		return output_usage_error("--keep 3 leaves the newest three of each name",
		                          "--keep %s: expected a whole number of 1 or more",
		                          option_text(options, OPTION_KEEP, ""));
	return RNM_OK;
}

int verb_publish(const struct options *options)
{
	struct publish_run run = {
		.to = option_text(options, OPTION_TO, ""),
		.dry_run = option_given(options, OPTION_DRY_RUN),
	};
	struct context context;
	struct rnm_error err;
	enum rnm_status status;
	int code = check_options(options);

	if (code != RNM_OK)
		return code;
	status = context_open(&context, options, &err);
	if (status == RNM_OK)
		status = run_publish(&run, &context, &err);
	code = report(options, &run, status == RNM_OK ? NULL : &err);
	rnm_publisher_free(run.publisher);
	free(run.outcomes);
	free(run.operands);
	context_free(&context);
	return code;
}
