/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"
#include "output.h"

#include <math.h>
#include <stdarg.h>

static void judge(const struct eval *eval, struct eval_thresholds *thresholds)
{
	rnm_evaluation_confusion(eval->evaluation, &thresholds->decision, &thresholds->confusion);
	rnm_confusion_rates(&thresholds->confusion, RNM_CLASS_SPAM, &thresholds->spam);
	rnm_confusion_rates(&thresholds->confusion, RNM_CLASS_HAM, &thresholds->ham);
}

/* tanh gives [-1, 1]; a network with another output gets the range that it uses. */
static void histograms(struct eval *eval)
{
	eval->low = fmin(-1, fmin(eval->spam_spread.min, eval->ham_spread.min));
	eval->high = fmax(1, fmax(eval->spam_spread.max, eval->ham_spread.max));
	rnm_evaluation_histogram(eval->evaluation, RNM_CLASS_SPAM, eval->low, eval->high, eval->spam_bins,
	                         EVAL_HISTOGRAM_BINS);
	rnm_evaluation_histogram(eval->evaluation, RNM_CLASS_HAM, eval->low, eval->high, eval->ham_bins,
	                         EVAL_HISTOGRAM_BINS);
}

static double roc_cost(const struct rnm_rule *rule)
{
	double cost = 0.5; /* rspamd: lualib/plugins/neural.lua */

	if (rule != NULL)
		(void)rnm_value_number(rnm_value_get(rule->raw, "roc_misclassification_cost"), &cost);
	return cost;
}

enum rnm_status eval_compute(struct eval *eval, struct rnm_scores *spam, struct rnm_scores *ham,
                             struct rnm_error *err)
{
	enum rnm_status status = rnm_evaluation_new(&eval->evaluation, spam, ham, err);

	if (status != RNM_OK)
		return status;
	eval->has_auc = rnm_evaluation_auc(eval->evaluation, &eval->auc);
	eval->used.decision = eval->scoring->decision;
	judge(eval, &eval->used);
	eval->roc_cost = roc_cost(eval->scoring->rule);
	eval->trained.decision = eval->scoring->decision;
	eval->has_trained = rnm_evaluation_roc_thresholds(eval->evaluation, eval->roc_cost,
	                                                  &eval->trained.decision.spam_threshold,
	                                                  &eval->trained.decision.ham_threshold);
	judge(eval, &eval->trained);
	rnm_evaluation_suggest(eval->evaluation, RNM_CLASS_SPAM, eval->max_rate, &eval->suggest_spam);
	rnm_evaluation_suggest(eval->evaluation, RNM_CLASS_HAM, eval->max_rate, &eval->suggest_ham);
	rnm_evaluation_spread(eval->evaluation, RNM_CLASS_SPAM, &eval->spam_spread);
	rnm_evaluation_spread(eval->evaluation, RNM_CLASS_HAM, &eval->ham_spread);
	eval->has_calibration = rnm_evaluation_calibration(eval->evaluation, &eval->calibration);
	histograms(eval);
	eval->roc_count = rnm_evaluation_roc(eval->evaluation, eval->roc, EVAL_ROC_POINTS);
	eval->acceptable = rnm_evaluation_acceptable(eval->evaluation);
	return RNM_OK;
}

void eval_free(struct eval *eval)
{
	rnm_evaluation_free(eval->evaluation);
	rnm_training_sets_free(eval->sets);
	eval->evaluation = NULL;
	eval->sets = NULL;
}

static void note(struct eval_notes *notes, const char *fmt, ...) RNM_PRINTF(2, 3);
static void note(struct eval_notes *notes, const char *fmt, ...)
{
	va_list args;

	if (notes->count == EVAL_NOTES_MAX)
		return;
	va_start(args, fmt);
	(void)vsnprintf(notes->text[notes->count], sizeof(notes->text[0]), fmt, args);
	va_end(args);
	notes->count++;
}

/* Below this, one vector more or less moves the rates by percents. */
#define FEW_VECTORS 100u
#define UNBALANCED 10.0
#define SATURATED_SHARE 0.9

static void note_numbers(const struct eval *eval, struct eval_notes *notes)
{
	const double spam = (double)eval->spam.vectors, ham = (double)eval->ham.vectors;

	if (eval->spam.vectors == 0 || eval->ham.vectors == 0)
		note(notes, "There is no %s at all: nothing can be said of how the two are told apart.",
		     eval->spam.vectors == 0 ? "spam" : "ham");
	else if (fmin(spam, ham) < FEW_VECTORS)
		note(notes, "With %.0f vectors of one class, a single one moves a rate by %.2g %%.",
		     fmin(spam, ham), 100 / fmin(spam, ham));
	if (spam > 0 && ham > 0 && fmax(spam, ham) / fmin(spam, ham) >= UNBALANCED)
		note(notes,
		     "The classes are far from balanced (%.0f to 1): precision, calibration and rspamd's "
		     "thresholds depend on it.",
		     fmax(spam, ham) / fmin(spam, ham));
	if (spam + ham > 0 && (double)(eval->spam_spread.saturated + eval->ham_spread.saturated) >=
	                          SATURATED_SHARE * (spam + ham))
		note(notes,
		     "%.3g %% of the scores are saturated (%g and beyond): thresholds can hardly tell "
		     "them apart.",
		     100 * (double)(eval->spam_spread.saturated + eval->ham_spread.saturated) / (spam + ham),
		     RNM_SATURATED);
}

void eval_notes(const struct eval *eval, struct eval_notes *out)
{
	out->count = 0;
	if (eval->sets != NULL)
		note(out, "rspamd picked these vectors by its own verdicts, so clear cases prevail; a model "
		          "that was trained from them is flattered.");
	note_numbers(eval, out);
	if (!eval->acceptable)
		note(out, "rspamd would throw this network away after training: its scores hardly differ, or "
		          "call everything the same.");
	if (eval->has_trained && eval->trained.decision.spam_threshold <= 0)
		note(out, "The spam threshold of rspamd's training is not above 0, where it has no effect.");
	if (eval->has_trained && eval->trained.decision.ham_threshold <= 0)
		note(out, "The ham threshold of rspamd's training is not above 0: compared with minus the "
		          "score, it has no effect.");
}
