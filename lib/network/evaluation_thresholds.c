/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions, and thresholds for them: rspamd's own and others. */
#include "base/number.h"
#include "network/evaluation.h"

#include <math.h>

static void decide_all(const struct rnm_scores *scores, const struct rnm_decision *decision,
                       uint64_t counts[3])
{
	counts[RNM_CLASS_NONE] = counts[RNM_CLASS_SPAM] = counts[RNM_CLASS_HAM] = 0;
	for (size_t i = 0; i < scores->count; i++)
		counts[rnm_decide(decision, scores->values[i])]++;
}

void rnm_evaluation_confusion(const struct rnm_evaluation *evaluation, const struct rnm_decision *decision,
                              struct rnm_confusion *out)
{
	uint64_t counts[3];

	decide_all(&evaluation->spam, decision, counts);
	out->spam_as_spam = counts[RNM_CLASS_SPAM];
	out->spam_as_none = counts[RNM_CLASS_NONE];
	out->spam_as_ham = counts[RNM_CLASS_HAM];
	decide_all(&evaluation->ham, decision, counts);
	out->ham_as_spam = counts[RNM_CLASS_SPAM];
	out->ham_as_none = counts[RNM_CLASS_NONE];
	out->ham_as_ham = counts[RNM_CLASS_HAM];
}

void rnm_confusion_rates(const struct rnm_confusion *confusion, enum rnm_class symbol, struct rnm_rates *out)
{
	const bool spam = symbol == RNM_CLASS_SPAM;
	const double all_spam =
	    (double)(confusion->spam_as_spam + confusion->spam_as_none + confusion->spam_as_ham);
	const double all_ham =
	    (double)(confusion->ham_as_spam + confusion->ham_as_none + confusion->ham_as_ham);
	const double right = (double)(spam ? confusion->spam_as_spam : confusion->ham_as_ham);
	const double wrong = (double)(spam ? confusion->ham_as_spam : confusion->spam_as_ham);

	/* 0 / 0 is NaN, as announced. */
	out->precision = right / (right + wrong);
	out->recall = right / (spam ? all_spam : all_ham);
	out->false_rate = wrong / (spam ? all_ham : all_spam);
	out->f1 = 2 * right / (right + wrong + (spam ? all_spam : all_ham));
}

/*
 * rspamd: lualib/plugins/neural.lua, where thresholds are searched for.  Operations are in its order, so that
 * ties of costs are ties here too.
 */
static bool cheapest(const struct rnm_evaluation *evaluation, double alpha, double beta, double *threshold)
{
	const double spam = (double)evaluation->spam.count, ham = (double)evaluation->ham.count;
	const double p = spam / (spam + ham);
	struct rnm_score_walk walk;
	double best = INFINITY;
	bool found = false;

	rnm_score_walk_init(&walk, evaluation);
	while (rnm_score_walk_next(&walk)) {
		double fpr = ham > 0 ? (ham - (double)walk.ham) / ham : 0;
		double fnr = spam > 0 ? (double)walk.spam / spam : 0;
		double cost = (1 - p) * alpha * fpr + p * beta * fnr;

		if (cost <= best) {
			best = cost;
			*threshold = walk.score;
			found = true;
		}
	}
	return found;
}

bool rnm_evaluation_roc_thresholds(const struct rnm_evaluation *evaluation, double cost, double *spam,
                                   double *ham)
{
	return cheapest(evaluation, 1 - cost, cost, spam) && cheapest(evaluation, cost, 1 - cost, ham);
}

/* ---- thresholds for a rate ---- */

/* A class seen from the side of one symbol: its scores, or minus its scores, from the largest down. */
struct side {
	const struct rnm_scores *scores;
	bool negated;
};

static double at(const struct side *side, size_t rank)
{
	return side->negated ? -side->scores->values[rank]
	                     : side->scores->values[side->scores->count - 1 - rank];
}

/* How many are at least this large. */
static size_t count_from(const struct side *side, double value)
{
	size_t low = 0, high = side->scores->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at(side, middle) >= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many get the symbol when there is no threshold: all above 0, and for ham those of 0 too. */
static size_t count_without(const struct side *side)
{
	return count_from(side, side->negated ? 0 : nextafter(0, 1));
}

/* The most errors that keep the rate. */
static size_t allowed_errors(size_t of, double rate)
{
	size_t allowed = rate >= 1 ? of : (size_t)(rate * (double)of);

	while (allowed < of && (double)(allowed + 1) / (double)of <= rate)
		allowed++;
	while (allowed > 0 && (double)allowed / (double)of > rate)
		allowed--;
	return allowed;
}

/* The smallest score above value that occurs in either class. */
static bool next_above(const struct side *a, const struct side *b, double value, double *next)
{
	const struct side *sides[] = { a, b };

	*next = INFINITY;
	for (size_t i = 0; i < 2; i++) {
		size_t above = count_from(sides[i], nextafter(value, INFINITY));

		if (above > 0)
			*next = fmin(*next, at(sides[i], above - 1));
	}
	return isfinite(*next);
}

/* The number of the fewest digits in the middle half between low and high. */
static double between(double low, double high)
{
	const double quarter = (high - low) / 4;
	const double middle = low + 2 * quarter;
	char text[40];

	for (int digits = 1; digits <= 17; digits++) {
		double rounded;

		rnm_format_double(text, sizeof(text), digits, middle);
		rounded = rnm_strtod(text, NULL);
		if (rounded > low && fabs(rounded - middle) <= quarter)
			return rounded;
	}
	/* Neighbours: there is nothing between them. */
	return high;
}

/* https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval */
static double wilson_upper(double errors, double of)
{
	const double z = 1.959963984540054;
	double rate = errors / of;
	double centre = rate + z * z / (2 * of);
	double half = z * sqrt(rate * (1 - rate) / of + z * z / (4 * of * of));

	return (centre + half) / (1 + z * z / of);
}

void rnm_evaluation_suggest(const struct rnm_evaluation *evaluation, enum rnm_class symbol, double max_rate,
                            struct rnm_suggestion *out)
{
	const bool spam = symbol == RNM_CLASS_SPAM;
	const struct side own = { spam ? &evaluation->spam : &evaluation->ham, !spam };
	const struct side other = { spam ? &evaluation->ham : &evaluation->spam, !spam };
	const size_t without = count_without(&other);
	const size_t allowed = allowed_errors(other.scores->count, max_rate);
	double limit, next;

	*out = (struct rnm_suggestion){ .of = other.scores->count, .rate = NAN, .rate_upper = NAN };
	if (out->of == 0)
		return;
	if (without <= allowed) {
		out->errors = without;
		out->hits = count_without(&own);
	} else {
		limit = at(&other, allowed);
		if (!next_above(&own, &other, limit, &next))
			return;
		out->threshold = between(limit, next);
		out->errors = count_from(&other, out->threshold);
		out->hits = count_from(&own, out->threshold);
	}
	out->found = out->hits > 0;
	out->rate = (double)out->errors / (double)out->of;
	out->rate_upper = wilson_upper((double)out->errors, (double)out->of);
}
