/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring.h"
#include "interrupt.h"
#include "output.h"
#include "progress.h"

#include <string.h>
#include <unistd.h>

/* Vectors that are reported one by one; of further ones only the number is told. */
#define SKIPPED_SHOWN 20u

const char *const scoring_formats[] = {
	[RNM_VECTORS_AUTO] = "auto",
	[RNM_VECTORS_JSON] = "json",
	[RNM_VECTORS_CSV] = "csv",
	[RNM_VECTORS_NPY] = "npy",
};
const size_t scoring_format_count = sizeof(scoring_formats) / sizeof(scoring_formats[0]);

/* scoring_format_count when there is none of that name. */
static size_t format_by_name(const char *name)
{
	size_t i = 0;

	while (i < scoring_format_count && strcmp(scoring_formats[i], name) != 0)
		i++;
	return i;
}

int scoring_check_options(const struct options *options, const char *const *paths, size_t path_count)
{
	const char *format = option_text(options, OPTION_FORMAT, "auto");
	const char *password = option_text(options, OPTION_PASSWORD_FILE, "");
	unsigned stdin_users = strcmp(password, "-") == 0;

	if (options->operand_count == 0)
		return output_usage_error("rnm help lists examples", "which model to use is missing");
	if (format_by_name(format) == scoring_format_count)
		return output_usage_error("--format auto, json, csv or npy", "there is no format '%s'",
		                          format);
	stdin_users += strcmp(options->operands[0], "-") == 0;
	for (size_t i = 0; i < path_count; i++)
		stdin_users += paths[i] != NULL && strcmp(paths[i], "-") == 0;
	if (stdin_users > 1)
		return output_usage_error("name a file for all but one of them",
		                          "several things are to be read from standard input");
	return RNM_OK;
}

/* ---- the model ---- */

/* The rule of -r, else the one that the model was named by. */
static enum rnm_status find_rule(struct scoring *scoring, const struct options *options,
                                 struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	scoring->rule = scoring->model.rule;
	if (!option_given(options, OPTION_RULE))
		return RNM_OK;
	if (scoring->context.config == NULL)
		status = context_load_config(&scoring->context, err);
	if (status == RNM_OK)
		status = context_rule(&scoring->context, option_text(options, OPTION_RULE, NULL),
		                      &scoring->own_rule, err);
	if (status == RNM_OK)
		scoring->rule = scoring->own_rule;
	return status;
}

/* Whatever is wrong with a model that is to be used, it is input that breaks the rules. */
static enum rnm_status check_model(const struct model_argument *model, struct rnm_error *err)
{
	if (rnm_model_file_verdict(model->file, err) == RNM_OK)
		return RNM_OK;
	err->status = RNM_E_MALFORMED;
	if (err->file[0] == '\0')
		rnm_error_at_line(err, model->text, 0);
	if (err->hint[0] == '\0')
		rnm_error_set_hint(err, "rnm inspect %s shows all that is wrong", model->text);
	return RNM_E_MALFORMED;
}

static enum rnm_status prepare(struct scoring *scoring, const struct options *options, struct rnm_error *err)
{
	const char *pca = option_text(options, OPTION_PCA, NULL);
	const bool raw = option_given(options, OPTION_RAW);
	struct rnm_model_file *file = scoring->model.file;
	struct rnm_preprocess preprocess;
	enum rnm_status status = RNM_OK;

	if (pca != NULL)
		status = rnm_model_file_add_pca(file, strcmp(pca, "-") == 0 ? "/dev/stdin" : pca, err);
	if (status == RNM_OK)
		status = check_model(&scoring->model, err);
	if (status == RNM_OK)
		status = find_rule(scoring, options, err);
	if (status == RNM_OK)
		status = rnm_decision_of(&scoring->decision, scoring->rule, file->container, err);
	if (status != RNM_OK)
		return status;
	rnm_model_file_preprocess(file, &preprocess);
	return rnm_scorer_new(&scoring->scorer, file->network, raw ? NULL : &preprocess, err);
}

enum rnm_status scoring_open(struct scoring *scoring, const struct options *options, struct rnm_error *err)
{
	enum rnm_status status;

	*scoring = (struct scoring){ 0 };
	status = context_open(&scoring->context, options, err);
	if (status == RNM_OK)
		status = model_argument_open(&scoring->model, &scoring->context, options->operands[0], err);
	return status == RNM_OK ? prepare(scoring, options, err) : status;
}

void scoring_free(struct scoring *scoring)
{
	rnm_scorer_free(scoring->scorer);
	rnm_rule_free(scoring->own_rule);
	model_argument_free(&scoring->model);
	context_free(&scoring->context);
	*scoring = (struct scoring){ 0 };
}

void scoring_notes(const struct scoring *scoring)
{
	const struct rnm_model_file *file = scoring->model.file;
	const struct rnm_rule *rule = scoring->rule;

	if (rnm_network_output_dim(file->network) > 1)
		output_warning("the network has %llu outputs, of which rspamd looks at the first only",
		               (unsigned long long)rnm_network_output_dim(file->network));
	/* In Redis the field is always there, empty for a model trained without thresholds. */
	if (rule != NULL && rule->raw != NULL && file->kind == RNM_MODEL_REDIS && !file->container->has_roc &&
	    rnm_value_truthy(rnm_value_get(rule->raw, "roc_enabled")))
		output_warning("the rule %s has roc_enabled, but the model was trained without thresholds: "
		               "rspamd then fails on every message; here they count as 0",
		               rule->name);
}

/* ---- vectors through it ---- */

/* Vectors that wait for their answer, which needs their identifiers. */
struct batch {
	struct scoring_run *run;
	struct rnm_vectors *vectors;
	struct {
		uint64_t line;
		enum rnm_vector_id id_kind;
		size_t id_start, id_len;
	} items[RNM_PLAN_BATCH_MAX];
	struct rnm_buf ids;
	struct progress progress;
};

static enum rnm_status answer_batch(struct batch *batch, struct rnm_error *err)
{
	struct rnm_scorer *scorer = batch->run->scoring->scorer;
	const size_t width = rnm_scorer_output_count(scorer);
	const float *outputs;
	size_t count;
	enum rnm_status status = rnm_scorer_run(scorer, &outputs, &count, err);

	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		const struct scoring_answer answer = {
			.line = batch->items[i].line,
			.id_kind = batch->items[i].id_kind,
			.id = { rnm_buf_cstr(&batch->ids) + batch->items[i].id_start,
			        batch->items[i].id_len },
			.outputs = outputs + i * width,
			.output_count = width,
		};

		status = batch->run->sink(batch->run->ctx, &answer, err);
	}
	rnm_buf_clear(&batch->ids);
	if (status == RNM_OK)
		batch->run->scored += count;
	progress_report(&batch->progress, rnm_vectors_offset(batch->vectors),
	                rnm_vectors_size(batch->vectors));
	return status;
}

static enum rnm_status add_vector(struct batch *batch, const struct rnm_vector *vector, struct rnm_error *err)
{
	struct rnm_scorer *scorer = batch->run->scoring->scorer;
	const size_t slot = rnm_scorer_pending(scorer);
	const size_t id_start = batch->ids.len;
	enum rnm_status status;

	/* First: what the scorer has is answered, also when this vector is the last one. */
	if (!rnm_buf_append(&batch->ids, vector->id.data, vector->id.len))
		return rnm_error_nomem(err);
	status = rnm_scorer_add(scorer, vector->values, vector->count, err);
	if (status != RNM_OK)
		return rnm_error_at_line(err, batch->run->path, (uint32_t)vector->line), status;
	batch->items[slot].line = vector->line;
	batch->items[slot].id_kind = vector->id_kind;
	batch->items[slot].id_start = id_start;
	batch->items[slot].id_len = vector->id.len;
	return RNM_OK;
}

/* A vector that is none: RNM_OK when it may be passed over. */
static enum rnm_status pass_over(struct batch *batch, enum rnm_status status, struct rnm_error *err)
{
	struct scoring_run *run = batch->run;
	struct rnm_error flush_err;

	/* What came before is answered first, also when this is the end. */
	if (answer_batch(batch, &flush_err) != RNM_OK) {
		*err = flush_err;
		return err->status;
	}
	if (status != RNM_E_MALFORMED || rnm_vectors_broken(batch->vectors) ||
	    !option_given(run->scoring->context.options, OPTION_KEEP_GOING))
		return status;
	progress_end(&batch->progress);
	if (run->skipped++ < SKIPPED_SHOWN)
		(void)output_error(err);
	return RNM_OK;
}

/* Answers at once what is complete when the input would make us wait. */
static enum rnm_status before_wait(struct batch *batch, struct rnm_error *err)
{
	struct scoring_run *run = batch->run;
	struct rnm_scorer *scorer = run->scoring->scorer;
	enum rnm_status status = RNM_OK;
	bool ready = rnm_vectors_ready(batch->vectors);

	if (rnm_scorer_full(scorer) || (!ready && rnm_scorer_pending(scorer) > 0))
		status = answer_batch(batch, err);
	if (status == RNM_OK && !ready && run->waiting != NULL)
		run->waiting(run->ctx);
	return status;
}

static enum rnm_status run_all(struct batch *batch, struct rnm_error *err)
{
	for (;;) {
		const struct rnm_vector *vector = NULL;
		enum rnm_status status = before_wait(batch, err);

		if (status != RNM_OK)
			return status;
		status = rnm_vectors_next(batch->vectors, &vector, err);
		if (status == RNM_OK && vector == NULL)
			return answer_batch(batch, err);
		if (status == RNM_OK)
			status = add_vector(batch, vector, err);
		if (status != RNM_OK)
			status = pass_over(batch, status, err);
		if (status != RNM_OK)
			return status;
	}
}

enum rnm_status scoring_run(struct scoring_run *run, struct rnm_error *err)
{
	const struct options *options = run->scoring->context.options;
	const bool from_stdin = strcmp(run->path, "-") == 0;
	struct batch batch = { .run = run };
	const struct rnm_vectors_options how = {
		.format =
		    (enum rnm_vectors_format)format_by_name(option_text(options, OPTION_FORMAT, "auto")),
		.count = rnm_scorer_input_count(run->scoring->scorer),
		.name = from_stdin ? "-" : run->path,
		.cancel = &interrupt_signal,
	};
	enum rnm_status status =
	    rnm_vectors_open(&batch.vectors, from_stdin ? "/dev/stdin" : run->path, &how, err);

	if (status != RNM_OK)
		return status;
	if (from_stdin && isatty(STDIN_FILENO) == 1)
		output_note("reading vectors from the terminal; Ctrl-D ends them");
	rnm_buf_init(&batch.ids, RNM_PLAN_BATCH_MAX * RNM_VECTOR_ID_MAX);
	progress_start(&batch.progress, "Scoring");
	batch.progress.enabled = batch.progress.enabled && run->show_progress;
	status = run_all(&batch, err);
	progress_end(&batch.progress);
	rnm_buf_free(&batch.ids);
	rnm_vectors_free(batch.vectors);
	return status;
}

void scoring_skipped_note(const struct scoring_run *run)
{
	const unsigned long long skipped = run->skipped, scored = run->scored;

	if (skipped > 0)
		output_warning("skipped %llu of %llu vectors of %s%s", skipped, skipped + scored, run->path,
		               run->skipped > SKIPPED_SHOWN ? "; only the first are named above" : "");
}
