/* SPDX-License-Identifier: Apache-2.0 */
#include "network/evaluation.h"

#include "base/grow.h"

#include <math.h>
#include <stdlib.h>

/* ---- the scores ---- */

enum rnm_status rnm_scores_add(struct rnm_scores *scores, double score, struct rnm_error *err)
{
	double *grown;

	if (!isfinite(score)) {
		rnm_error_set(err, RNM_E_MALFORMED, "evaluation.non-finite",
		              "expected a finite score, found %s",
		              isnan(score) ? "NaN"
		              : score > 0  ? "infinity"
		                           : "-infinity");
		rnm_error_set_hint(err, "rnm verify says what is wrong with such a model");
		return RNM_E_MALFORMED;
	}
	if (scores->count == RNM_EVALUATION_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "evaluation.too-many",
		                     "expected at most %zu vectors of one class, found more",
		                     RNM_EVALUATION_MAX);
	grown = rnm_grow(scores->values, scores->count, &scores->cap, sizeof(*grown));
	if (grown == NULL)
		return rnm_error_nomem(err);
	scores->values = grown;
	scores->values[scores->count++] = score;
	return RNM_OK;
}

void rnm_scores_clear(struct rnm_scores *scores)
{
	free(scores->values);
	*scores = (struct rnm_scores){ 0 };
}

static int ascending(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void take(struct rnm_scores *to, struct rnm_scores *from)
{
	*to = *from;
	*from = (struct rnm_scores){ 0 };
	if (to->count > 1)
		qsort(to->values, to->count, sizeof(*to->values), ascending);
}

enum rnm_status rnm_evaluation_new(struct rnm_evaluation **out, struct rnm_scores *spam,
                                   struct rnm_scores *ham, struct rnm_error *err)
{
	struct rnm_evaluation *evaluation = calloc(1, sizeof(*evaluation));

	if (evaluation == NULL) {
		rnm_scores_clear(spam);
		rnm_scores_clear(ham);
		return rnm_error_nomem(err);
	}
	take(&evaluation->spam, spam);
	take(&evaluation->ham, ham);
	*out = evaluation;
	return RNM_OK;
}

void rnm_evaluation_free(struct rnm_evaluation *evaluation)
{
	if (evaluation == NULL)
		return;
	rnm_scores_clear(&evaluation->spam);
	rnm_scores_clear(&evaluation->ham);
	free(evaluation);
}

static const struct rnm_scores *scores_of(const struct rnm_evaluation *evaluation, enum rnm_class class_)
{
	return class_ == RNM_CLASS_SPAM ? &evaluation->spam : &evaluation->ham;
}

size_t rnm_evaluation_count(const struct rnm_evaluation *evaluation, enum rnm_class class_)
{
	return scores_of(evaluation, class_)->count;
}

/* ---- walking ---- */

void rnm_score_walk_init(struct rnm_score_walk *walk, const struct rnm_evaluation *evaluation)
{
	*walk = (struct rnm_score_walk){ .evaluation = evaluation };
}

bool rnm_score_walk_next(struct rnm_score_walk *walk)
{
	const struct rnm_scores *spam = &walk->evaluation->spam, *ham = &walk->evaluation->ham;
	const size_t spam_before = walk->spam, ham_before = walk->ham;

	if (walk->spam == spam->count && walk->ham == ham->count)
		return false;
	if (walk->ham == ham->count ||
	    (walk->spam < spam->count && spam->values[walk->spam] < ham->values[walk->ham]))
		walk->score = spam->values[walk->spam];
	else
		walk->score = ham->values[walk->ham];
	while (walk->spam < spam->count && spam->values[walk->spam] == walk->score)
		walk->spam++;
	while (walk->ham < ham->count && ham->values[walk->ham] == walk->score)
		walk->ham++;
	walk->spam_here = walk->spam - spam_before;
	walk->ham_here = walk->ham - ham_before;
	return true;
}

/* ---- ranking ---- */

bool rnm_evaluation_auc(const struct rnm_evaluation *evaluation, double *auc)
{
	const uint64_t pairs = (uint64_t)evaluation->spam.count * evaluation->ham.count;
	struct rnm_score_walk walk;
	uint64_t twice = 0; /* the pairs that are in order, and half of those that tie */

	if (pairs == 0)
		return false;
	rnm_score_walk_init(&walk, evaluation);
	while (rnm_score_walk_next(&walk))
		twice +=
		    (uint64_t)walk.spam_here * (2 * (uint64_t)(walk.ham - walk.ham_here) + walk.ham_here);
	*auc = (double)twice / (2 * (double)pairs);
	return true;
}

size_t rnm_evaluation_roc(const struct rnm_evaluation *evaluation, struct rnm_roc_point *points, size_t max)
{
	const size_t spam = evaluation->spam.count, ham = evaluation->ham.count;
	const double step = max > 2 ? 2.0 / (double)(max - 2) : INFINITY; /* the curve is 2 long */
	struct rnm_score_walk walk;
	struct rnm_roc_point last = { INFINITY, 1, 1 };
	size_t count = 0;

	if (spam == 0 || ham == 0 || max < 3)
		return 0;
	/* Upwards, which is from (1, 1) to (0, 0); turned round at the end. */
	rnm_score_walk_init(&walk, evaluation);
	while (rnm_score_walk_next(&walk)) {
		const struct rnm_roc_point here = {
			walk.score,
			(double)(ham - walk.ham + walk.ham_here) / (double)ham,
			(double)(spam - walk.spam + walk.spam_here) / (double)spam,
		};

		if (count > 0 && last.fpr - here.fpr + last.tpr - here.tpr < step)
			continue;
		points[count++] = last = here;
	}
	points[count++] = (struct rnm_roc_point){ INFINITY, 0, 0 };
	for (size_t i = 0; i < count / 2; i++) {
		const struct rnm_roc_point other = points[i];

		points[i] = points[count - 1 - i];
		points[count - 1 - i] = other;
	}
	return count;
}

/* ---- the scores themselves ---- */

/* The smallest score that at least this share does not exceed. */
static double quantile(const struct rnm_scores *scores, double share)
{
	size_t rank = (size_t)ceil(share * (double)scores->count);

	return scores->values[rank > 0 ? rank - 1 : 0];
}

void rnm_evaluation_spread(const struct rnm_evaluation *evaluation, enum rnm_class class_,
                           struct rnm_spread *out)
{
	const struct rnm_scores *scores = scores_of(evaluation, class_);
	double sum = 0, squares = 0;

	*out = (struct rnm_spread){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0 };
	if (scores->count == 0)
		return;
	for (size_t i = 0; i < scores->count; i++) {
		sum += scores->values[i];
		out->saturated += fabs(scores->values[i]) >= RNM_SATURATED;
	}
	out->mean = sum / (double)scores->count;
	for (size_t i = 0; i < scores->count; i++)
		squares += (scores->values[i] - out->mean) * (scores->values[i] - out->mean);
	out->deviation = sqrt(squares / (double)scores->count);
	out->min = scores->values[0];
	out->max = scores->values[scores->count - 1];
	out->low = quantile(scores, 0.05);
	out->median = quantile(scores, 0.5);
	out->high = quantile(scores, 0.95);
}

void rnm_evaluation_histogram(const struct rnm_evaluation *evaluation, enum rnm_class class_, double low,
                              double high, uint64_t *bins, size_t bin_count)
{
	const struct rnm_scores *scores = scores_of(evaluation, class_);

	for (size_t i = 0; i < bin_count; i++)
		bins[i] = 0;
	for (size_t i = 0; i < scores->count; i++) {
		double place = (scores->values[i] - low) / (high - low) * (double)bin_count;

		place = place < 0 ? 0 : place;
		bins[place < (double)bin_count ? (size_t)place : bin_count - 1]++;
	}
}

#define PROBABILITY_MIN 1e-15

static void calibrate(struct rnm_calibration *out, const struct rnm_scores *scores, bool spam)
{
	for (size_t i = 0; i < scores->count; i++) {
		double p = (scores->values[i] + 1) / 2;
		double truth = spam ? p : 1 - p;
		size_t bin = (size_t)(p * RNM_CALIBRATION_BINS);

		if (bin == RNM_CALIBRATION_BINS)
			bin--;
		out->bins[bin].count++;
		out->bins[bin].spam += spam;
		out->bins[bin].predicted += p;
		out->brier += (1 - truth) * (1 - truth);
		out->log_loss -= log(truth > PROBABILITY_MIN ? truth : PROBABILITY_MIN);
	}
}

static bool is_probability(const struct rnm_scores *scores)
{
	return scores->count == 0 || (scores->values[0] >= -1 && scores->values[scores->count - 1] <= 1);
}

bool rnm_evaluation_calibration(const struct rnm_evaluation *evaluation, struct rnm_calibration *out)
{
	const double all = (double)evaluation->spam.count + (double)evaluation->ham.count;

	if (all == 0 || !is_probability(&evaluation->spam) || !is_probability(&evaluation->ham))
		return false;
	*out = (struct rnm_calibration){ 0 };
	calibrate(out, &evaluation->spam, true);
	calibrate(out, &evaluation->ham, false);
	out->brier /= all;
	out->log_loss /= all;
	for (size_t i = 0; i < RNM_CALIBRATION_BINS; i++) {
		struct rnm_calibration_bin *bin = &out->bins[i];
		double count = (double)bin->count;

		/* 0 / 0 is NaN, which is what an empty bin says. */
		bin->predicted /= count;
		bin->observed = (double)bin->spam / count;
		if (bin->count > 0)
			out->error += count / all * fabs(bin->predicted - bin->observed);
	}
	return true;
}

#define SPREAD_MIN 1e-4 /* rspamd: lualib/plugins/neural.lua */

bool rnm_evaluation_acceptable(const struct rnm_evaluation *evaluation)
{
	const struct rnm_scores *classes[] = { &evaluation->spam, &evaluation->ham };
	double low = INFINITY, high = -INFINITY;
	bool above = false, below = false;

	for (size_t i = 0; i < 2; i++) {
		if (classes[i]->count == 0)
			continue;
		low = fmin(low, classes[i]->values[0]);
		high = fmax(high, classes[i]->values[classes[i]->count - 1]);
	}
	above = high > 0;
	below = low <= 0;
	if (!(high - low >= SPREAD_MIN))
		return false;
	return classes[0]->count == 0 || classes[1]->count == 0 || (above && below);
}
