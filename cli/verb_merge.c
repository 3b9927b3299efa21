/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_codes.h"
#include "interrupt.h"
#include "merge_report.h"
#include "output_option.h"
#include "verbs.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* RNM_E_USAGE when some models have a share and others have none. */
static enum rnm_status parse_operand(struct merge_operand *out, const char *text, bool first, bool others,
                                     struct rnm_error *err)
{
	size_t len = model_share_find(text, &out->share);
	bool has_share = text[len] != '\0';

	out->name = strndup(text, len);
	if (out->name == NULL)
		return rnm_error_nomem(err);
	if (!has_share)
		out->share = 1;
	out->has_share = has_share;
	if (first || has_share == others)
		return RNM_OK;
	rnm_error_set(err, RNM_E_USAGE, "usage.share",
	              "expected a share for every model or for none, but %s has %s", out->name,
	              has_share ? "one" : "none");
	rnm_error_set_hint(err,
	                   "rnm merge -o OUT A=0.6 B=0.4; a name that ends in = and a number needs a share "
	                   "behind it");
	return RNM_E_USAGE;
}

static enum rnm_status parse_operands(struct merge_run *run, const struct options *options,
                                      struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	run->operands = calloc(options->operand_count, sizeof(*run->operands));
	if (run->operands == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < options->operand_count; i++) {
		status = parse_operand(&run->operands[i], options->operands[i], i == 0,
		                       run->operands[0].has_share, err);
		run->count++;
	}
	return status;
}

/* A name as it was given, else a position. */
static enum rnm_status find_keep(size_t *keep, const struct merge_run *run, const char *text,
                                 struct rnm_error *err)
{
	double position;

	*keep = RNM_MERGE_KEEP_NONE;
	if (text == NULL)
		return RNM_OK;
	for (size_t i = 0; i < run->count; i++) {
		if (strcmp(run->operands[i].name, text) == 0) {
			*keep = i;
			return RNM_OK;
		}
	}
	for (size_t i = 0; number_parse(text, &position) && i < run->count; i++) {
		if (position >= (double)(i + 1) && position <= (double)(i + 1))
			*keep = i;
	}
	if (*keep != RNM_MERGE_KEEP_NONE)
		return RNM_OK;
	rnm_error_set(err, RNM_E_USAGE, "usage.keep", "--keep %s is none of the models to merge", text);
	rnm_error_set_hint(err, "name one as it was given, or by its position from 1 to %zu", run->count);
	return RNM_E_USAGE;
}

static enum rnm_status open_models(struct merge_run *run, struct context *context, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < run->count; i++)
		status = model_argument_open(&run->operands[i].model, context, run->operands[i].name, err);
	return status;
}

static enum rnm_status merge_models(struct merge_run *run, const struct context *context,
                                    struct rnm_error *err)
{
	const struct options *options = context->options;
	struct rnm_merge_part parts[RNM_MERGE_PARTS_MAX];
	char tool[64];
	struct rnm_merge_options how = {
		.any_digest = option_given(options, OPTION_ANY_DIGEST),
		.version = options->values[OPTION_MODEL_VERSION].number,
		.tool = tool,
	};
	enum rnm_status status = find_keep(&how.keep, run, option_text(options, OPTION_KEEP, NULL), err);

	(void)snprintf(tool, sizeof(tool), "rnm %s", rnm_version());
	if (status == RNM_OK)
		status = context_created_at(&how.created_at, err);
	if (status != RNM_OK)
		return status;
	/* The library takes 0 for the default; a user who types it means it. */
	if (option_given(options, OPTION_MODEL_VERSION) && !(how.version > 0))
		return rnm_error_set(err, RNM_E_USAGE, "merge.version",
		                     "expected a version from 1 to 9007199254740991, found %g", how.version);
	for (size_t i = 0; i < run->count && i < RNM_MERGE_PARTS_MAX; i++)
		parts[i] = (struct rnm_merge_part){ run->operands[i].model.file, run->operands[i].name,
			                            run->operands[i].share };
	status = rnm_model_merge(&run->merge, parts, run->count, &how, err);
	if (status != RNM_OK)
		return status;
	run->form = option_given(options, OPTION_RAW) ? RNM_FORM_NETWORK : run->merge->form;
	if (run->form == RNM_FORM_RNM1 && run->merge->parts.providers_digest[0] == '\0')
		output_warning("the merged model carries no digest, so that no rspamd loads it from a file");
	return RNM_OK;
}

static enum rnm_status write_merged(struct merge_run *run, const struct options *options,
                                    struct rnm_error *err)
{
	const struct rnm_model_write_options how = {
		.path = output_option_is_stdout(options) ? NULL : option_text(options, OPTION_OUTPUT, NULL),
		.fd = STDOUT_FILENO,
		.form = run->form,
		.compress = option_given(options, OPTION_COMPRESS),
		.dry_run = run->dry_run,
		.cancel = &interrupt_signal,
	};

	run->path = how.path;
	return rnm_model_write(&run->merge->parts, &how, &run->written, err);
}

/* Where the mean is worth little. */
static enum rnm_status warn_of_strangers(const struct merge_run *run, struct rnm_error *err)
{
	for (size_t i = 1; i < run->count; i++) {
		struct rnm_model_comparison *comparison = NULL;
		enum rnm_status status = rnm_model_compare(&comparison, run->operands[0].model.file,
		                                           run->operands[i].model.file, err);

		if (status != RNM_OK)
			return status;
		if (comparison->start == RNM_START_SEPARATE)
			output_warning("%s and %s were not trained from a common start (cosine %.3f): their "
			               "mean is worth little",
			               run->operands[0].name, run->operands[i].name,
			               comparison->network->matrices.cosine);
		rnm_model_comparison_free(comparison);
	}
	return RNM_OK;
}

static enum rnm_status run_merge(struct merge_run *run, struct context *context, struct rnm_error *err)
{
	enum rnm_status status = parse_operands(run, context->options, err);

	interrupt_install();
	if (status == RNM_OK)
		status = open_models(run, context, err);
	if (status == RNM_OK)
		status = merge_models(run, context, err);
	if (status == RNM_OK)
		status = warn_of_strangers(run, err);
	return status == RNM_OK ? write_merged(run, context->options, err) : status;
}

static int report(const struct options *options, const struct merge_run *run, const struct rnm_error *err)
{
	struct rnm_buf out;
	int code = RNM_OK;

	if (err != NULL && output_option_is_stdout(options) && output_pipe_closed(err))
		return EXIT_BY_SIGNAL(SIGPIPE);
	if (err != NULL)
		code = output_error(err);
	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(options, OPTION_JSON)) {
		struct rnm_json json;

		rnm_json_init(&json, &out, false);
		merge_json(&json, run, err);
		return output_json(&out) ? code : RNM_E_IO;
	}
	if (err != NULL)
		return code;
	merge_text(&out, run);
	return output_option_report(options, &out) ? RNM_OK : RNM_E_IO;
}

int verb_merge(const struct options *options)
{
	struct merge_run run = { .dry_run = option_given(options, OPTION_DRY_RUN) };
	struct context context;
	struct rnm_error err;
	enum rnm_status status;
	int code;

	if (options->operand_count < 2)
		return output_usage_error("rnm merge -o OUT A=0.6 B=0.4",
		                          "at least two models are needed, found %zu",
		                          options->operand_count);
	code = output_option_check(options);
	if (code != RNM_OK)
		return code;
	status = context_open(&context, options, &err);
	if (status == RNM_OK)
		status = run_merge(&run, &context, &err);
	code = report(options, &run, status == RNM_OK ? NULL : &err);
	rnm_merge_free(run.merge);
	for (size_t i = 0; i < run.count; i++) {
		model_argument_free(&run.operands[i].model);
		free(run.operands[i].name);
	}
	free(run.operands);
	context_free(&context);
	return code;
}
