/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"
#include "eval_training.h"
#include "output.h"
#include "verbs.h"

#include <rnm/file.h>
#include <stdlib.h>
#include <string.h>

#define FPR_STANDARD 0.001

static bool from_redis(const struct options *options)
{
	return !option_given(options, OPTION_SPAM) && !option_given(options, OPTION_HAM);
}

/* What only this verb can know about its options; 0 when all is well. */
static int check_options(const struct options *options)
{
	const char *const paths[] = { option_text(options, OPTION_SPAM, NULL),
		                      option_text(options, OPTION_HAM, NULL) };
	const char *report = option_text(options, OPTION_REPORT, NULL);
	int code = scoring_check_options(options, paths, 2);

	if (code != RNM_OK)
		return code;
	if ((paths[0] == NULL) != (paths[1] == NULL))
		return output_usage_error("/dev/null stands for an empty class",
		                          "--spam and --ham belong together: one of them is missing");
	if (from_redis(options) && !option_given(options, OPTION_REDIS))
		return output_usage_error("--spam FILE --ham FILE, or --redis for rspamd's training sets",
		                          "there are no vectors to evaluate the model on");
	if (!from_redis(options) && option_given(options, OPTION_REDIS) &&
	    option_text(options, OPTION_REDIS, NULL) == NULL)
		return output_usage_error("leave out --redis, or name a server with --redis=URL",
		                          "the vectors are either files or the training sets in Redis");
	if (option_given(options, OPTION_FPR) &&
	    !(options->values[OPTION_FPR].number >= 0 && options->values[OPTION_FPR].number <= 1))
		return output_usage_error("for example --fpr 0.001", "--fpr is a share from 0 to 1");
	if (report != NULL && output_target(report) == OUTPUT_TO_STDERR)
		return output_usage_error("type --report FILE",
		                          "--report %s is standard error, which is for messages", report);
	if (report != NULL && output_target(report) == OUTPUT_TO_STDOUT && option_given(options, OPTION_JSON))
		return output_usage_error("write the report to a file, or leave --json out",
		                          "--report %s and --json both want standard output", report);
	return RNM_OK;
}

/* ---- vectors of files ---- */

struct file_sink {
	struct rnm_scores *scores;
	const char *path;
};

static enum rnm_status add_score(void *ctx, const struct scoring_answer *answer, struct rnm_error *err)
{
	const struct file_sink *sink = ctx;
	enum rnm_status status = rnm_scores_add(sink->scores, (double)answer->outputs[0], err);

	return status == RNM_OK ? status
	                        : (rnm_error_at_line(err, sink->path, (uint32_t)answer->line), status);
}

static enum rnm_status score_file(struct scoring *scoring, struct eval_source *source, const char *path,
                                  struct rnm_scores *scores, struct rnm_error *err)
{
	struct file_sink sink = { .scores = scores, .path = path };
	struct scoring_run run = {
		.scoring = scoring, .path = path, .sink = add_score, .ctx = &sink, .show_progress = true
	};
	enum rnm_status status = scoring_run(&run, err);

	source->name = path;
	source->vectors = run.scored;
	source->skipped = run.skipped;
	scoring_skipped_note(&run);
	return status;
}

static enum rnm_status score_files(struct eval *eval, struct scoring *scoring, struct rnm_scores *spam,
                                   struct rnm_scores *ham, struct rnm_error *err)
{
	const struct options *options = scoring->context.options;
	enum rnm_status status =
	    score_file(scoring, &eval->spam, option_text(options, OPTION_SPAM, NULL), spam, err);

	if (status == RNM_OK)
		status = score_file(scoring, &eval->ham, option_text(options, OPTION_HAM, NULL), ham, err);
	if (status != RNM_OK || spam->count + ham->count > 0)
		return status;
	return rnm_error_set(err, RNM_E_MALFORMED, "eval.no-vectors",
	                     "expected vectors of spam and of ham, found none in %s and %s", eval->spam.name,
	                     eval->ham.name);
}

/* ---- output ---- */

static int print(const struct options *options, const struct eval *eval)
{
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (!option_given(options, OPTION_JSON)) {
		eval_text(&out, eval);
		return output_buffer(&out) ? RNM_OK : RNM_E_IO;
	}
	rnm_json_init(&json, &out, false);
	eval_json(&json, eval);
	return output_json(&out) ? RNM_OK : RNM_E_IO;
}

static int deliver(const struct options *options, const struct eval *eval)
{
	const char *path = option_text(options, OPTION_REPORT, NULL);
	struct rnm_buf page;
	struct rnm_error err;
	enum rnm_status status;

	if (path == NULL)
		return print(options, eval);
	rnm_buf_init(&page, OUTPUT_MAX);
	eval_report(&page, eval);
	if (output_target(path) == OUTPUT_TO_STDOUT)
		return output_buffer(&page) ? RNM_OK : RNM_E_IO;
	status = page.failed ? rnm_error_nomem(&err) : rnm_file_write(path, page.data, page.len, &err);
	rnm_buf_free(&page);
	return status == RNM_OK ? print(options, eval) : output_error(&err);
}

static enum rnm_status run(struct eval *eval, struct scoring *scoring, char **key, struct rnm_error *err)
{
	const struct options *options = scoring->context.options;
	struct rnm_scores spam = { 0 }, ham = { 0 };
	enum rnm_status status;

	scoring_notes(scoring);
	status = from_redis(options) ? eval_training(eval, scoring, key, &spam, &ham, err)
	                             : score_files(eval, scoring, &spam, &ham, err);
	if (status == RNM_OK)
		status = eval_compute(eval, &spam, &ham, err);
	rnm_scores_clear(&spam);
	rnm_scores_clear(&ham);
	return status;
}

int verb_eval(const struct options *options)
{
	struct scoring scoring;
	struct eval *eval;
	char *key = NULL;
	struct rnm_error err;
	enum rnm_status status;
	int code = check_options(options);

	if (code != RNM_OK)
		return code;
	/* Large because of the curve in it. */
	eval = calloc(1, sizeof(*eval));
	if (eval == NULL) {
		(void)rnm_error_nomem(&err);
		return output_error(&err);
	}
	eval->scoring = &scoring;
	eval->raw = option_given(options, OPTION_RAW);
	eval->max_rate =
	    option_given(options, OPTION_FPR) ? options->values[OPTION_FPR].number : FPR_STANDARD;
	status = scoring_open(&scoring, options, &err);
	if (status == RNM_OK && option_given(options, OPTION_JSON))
		status = context_created_at(&eval->time, &err);
	if (status == RNM_OK)
		status = run(eval, &scoring, &key, &err);
	code = status == RNM_OK ? deliver(options, eval) : output_error(&err);
	/* Files are the user's own; what lies in Redis is rspamd's, and only told. */
	if (code == RNM_OK && from_redis(options) == false && eval->spam.skipped + eval->ham.skipped > 0)
		code = RNM_NO;
	eval_free(eval);
	free(eval);
	free(key);
	scoring_free(&scoring);
	return code;
}
