/* SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"
#include "interrupt.h"
#include "model_argument.h"
#include "output.h"
#include "publish_options.h"
#include "publish_report.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static enum rnm_status take(struct publish_run *run, struct context *context, const char *operand,
                            struct rnm_error *err)
{
	const struct options *options = context->options;
	enum rnm_status status;

	run->operands[run->count] = operand;
	if (option_given(options, OPTION_ROLLBACK))
		status = roll_back(run, context, operand, err);
	else if (option_given(options, OPTION_RENEW))
		status = rnm_publisher_renew(run->publisher, operand, &run->outcomes[run->count], err);
	else
		status = add_model(run, context, operand, err);
	run->count += status == RNM_OK;
	return status;
}

/* A tree with a single model needs no name for it. */
static enum rnm_status roll_back_only(struct publish_run *run, struct context *context, struct rnm_error *err)
{
	const char *name = rnm_publisher_name(run->publisher, 0);

	if (name != NULL && rnm_publisher_name(run->publisher, 1) == NULL)
		return take(run, context, name, err);
	rnm_error_set(err, RNM_E_USAGE, "usage.publish",
	              "%s does not hold just one model: --rollback needs the name of one", run->to);
	rnm_error_set_hint(err,
	                   "rnm publish NAME --rollback --to %s; names are those of the files in its folder "
	                   "models",
	                   run->to);
	return RNM_E_USAGE;
}

/* Without operands: what the tree holds. */
static enum rnm_status take_names(struct publish_run *run, struct context *context, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	const char *name;

	if (option_given(context->options, OPTION_ROLLBACK))
		return roll_back_only(run, context, err);
	for (size_t i = 0; status == RNM_OK && (name = rnm_publisher_name(run->publisher, i)) != NULL; i++)
		status = take(run, context, name, err);
	return status;
}

static enum rnm_status allocate(struct publish_run *run, size_t operand_count, struct rnm_error *err)
{
	size_t count = operand_count;

	while (operand_count == 0 && rnm_publisher_name(run->publisher, count) != NULL)
		count++;
	run->outcomes = calloc(count + 1, sizeof(*run->outcomes));
	run->operands = calloc(count + 1, sizeof(*run->operands));
	return run->outcomes != NULL && run->operands != NULL ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status take_all(struct publish_run *run, struct context *context, struct rnm_error *err)
{
	const struct options *options = context->options;
	enum rnm_status status = allocate(run, options->operand_count, err);

	if (status == RNM_OK && options->operand_count == 0)
		return take_names(run, context, err);
	for (size_t i = 0; status == RNM_OK && i < options->operand_count; i++)
		status = take(run, context, options->operands[i], err);
	return status;
}

static enum rnm_status open_publisher(struct publish_run *run, const struct options *options,
                                      struct rnm_error *err)
{
	struct rnm_publish_options how = {
		.folder = run->to,
		.keep = (size_t)options->values[OPTION_KEEP].number,
		.dry_run = run->dry_run,
		.force = option_given(options, OPTION_FORCE),
		.now = (double)time(NULL),
		.cancel = &interrupt_signal,
	};
	double valid;
	const bool in_bucket = s3_asked(options);
	enum rnm_status status = duration_option(&valid, options, OPTION_VALID_FOR, PUBLISH_VALID, err);

	if (status == RNM_OK && option_given(options, OPTION_SIGN))
		status = publish_key_load(&run->key, options, err);
	if (status == RNM_OK && in_bucket)
		status = s3_option_read(&run->s3, options, err);
	if (status == RNM_OK && run->evaluations != NULL) {
		how.evaluations = run->evaluations->items;
		how.evaluation_count = run->evaluations->count;
	}
	how.s3 = in_bucket ? &run->s3.options : NULL;
	how.key = run->key;
	how.valid = (int64_t)valid;
	return status == RNM_OK ? rnm_publisher_open(&run->publisher, &how, err) : status;
}

static enum rnm_status load_evaluations(struct publish_run *run, struct context *context,
                                        struct rnm_error *err)
{
	const char *path = option_text(context->options, OPTION_EVAL, NULL);
	enum rnm_status status;

	if (path == NULL)
		return RNM_OK;
	if (strcmp(path, "-") != 0)
		return rnm_evaluations_load(&run->evaluations, path, err);
	status = context_take_stdin(context, "--eval", err);
	return status == RNM_OK ? rnm_evaluations_load(&run->evaluations, "/dev/stdin", err) : status;
}

static enum rnm_status run_publish(struct publish_run *run, struct context *context, struct rnm_error *err)
{
	enum rnm_status status;

	interrupt_install();
	status = load_evaluations(run, context, err);
	if (status == RNM_OK)
		status = open_publisher(run, context->options, err);
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

/* Before it is read: what is in the way of the other would be told of in odd words. */
static bool wants_stdin_twice(const struct options *options)
{
	const bool wanted = strcmp(option_text(options, OPTION_EVAL, ""), "-") == 0;

	for (size_t i = 0; wanted && i < options->operand_count; i++)
		if (strcmp(options->operands[i], "-") == 0)
			return true;
	return false;
}

/* What only this verb can know about its options; 0 when all is well. */
static int check_options(const struct options *options)
{
	int code = publish_check_options(options, "type rnm publish MODEL --to DIR");

	if (code != RNM_OK)
		return code;
	if (option_given(options, OPTION_RENEW) && !option_given(options, OPTION_SIGN))
		return output_usage_error("type rnm publish --renew --sign KEY --to DIR",
		                          "--renew signs anew, and there is no key to sign with");
	if (options->operand_count == 0 && !option_given(options, OPTION_ROLLBACK) &&
	    !option_given(options, OPTION_RENEW))
		return output_usage_error("type rnm publish MODEL --to DIR", "there is no model to publish");
	if (wants_stdin_twice(options))
		return output_usage_error("put one of them into a file",
		                          "standard input can be read once, but a model and --eval want it");
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
	rnm_evaluations_free(run.evaluations);
	rnm_key_free(run.key);
	s3_option_clear(&run.s3);
	free(run.outcomes);
	free(run.operands);
	context_free(&context);
	return code;
}
