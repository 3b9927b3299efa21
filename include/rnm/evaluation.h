/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/evaluation.h: how well scores tell spam from ham.  Pure functions of the scores of vectors whose class is
 * known; formulas in plain words: docs/scoring.md.
 *
 * Memory: 8 bytes a vector, and nothing else that grows.
 */
#ifndef RNM_EVALUATION_H
#define RNM_EVALUATION_H

#include <rnm/score.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_EVALUATION_MAX ((size_t)1 << 27) /* scores of one class: 1 GiB */

/* The scores of one class, in any order.  Zeroed it is empty. */
struct rnm_scores {
	double *values;
	size_t count;
	size_t cap;
};
/* RNM_E_MALFORMED "evaluation.non-finite", "evaluation.too-many". */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_scores_add(struct rnm_scores *scores, double score,
                                                      struct rnm_error *err);
RNM_API void rnm_scores_clear(struct rnm_scores *scores);

/* Both classes, sorted. */
struct rnm_evaluation;
/* Takes the scores over: both are empty afterwards, also when this fails.  A class may be empty. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_evaluation_new(struct rnm_evaluation **out,
                                                          struct rnm_scores *spam, struct rnm_scores *ham,
                                                          struct rnm_error *err);
RNM_API void rnm_evaluation_free(struct rnm_evaluation *evaluation);
/* Of RNM_CLASS_SPAM or RNM_CLASS_HAM. */
RNM_API size_t rnm_evaluation_count(const struct rnm_evaluation *evaluation, enum rnm_class class_);

/* ---- ranking ------------------------------------------------------------------------------------ */

/*
 * The area under the ROC curve: how probable it is that a spam scores above a ham, ties counting half.  Counted
 * in integers, so that it is exact but for one division.  False when a class is empty.
 */
RNM_API bool rnm_evaluation_auc(const struct rnm_evaluation *evaluation, double *auc);

struct rnm_roc_point {
	double threshold; /* scores from here up are called spam; infinite for the first point */
	double fpr;       /* share of ham among them */
	double tpr;       /* share of spam among them */
};
/*
 * The curve from (0, 0) to (1, 1) in at most max points (3 or more), spread evenly along its length when there
 * are more scores than points.  Returns how many; 0 when a class is empty.
 */
RNM_API size_t rnm_evaluation_roc(const struct rnm_evaluation *evaluation, struct rnm_roc_point *points,
                                  size_t max);

/* ---- deciding ----------------------------------------------------------------------------------- */

struct rnm_confusion {
	uint64_t spam_as_spam, spam_as_none, spam_as_ham;
	uint64_t ham_as_spam, ham_as_none, ham_as_ham;
};
RNM_API void rnm_evaluation_confusion(const struct rnm_evaluation *evaluation,
                                      const struct rnm_decision *decision, struct rnm_confusion *out);

/* Rates of one symbol; NaN where the denominator is 0. */
struct rnm_rates {
	double precision;  /* of those that get the symbol, how many are of its class */
	double recall;     /* of its class, how many get the symbol */
	double false_rate; /* of the other class, how many get the symbol */
	double f1;         /* harmonic mean of precision and recall */
};
RNM_API void rnm_confusion_rates(const struct rnm_confusion *confusion, enum rnm_class symbol,
                                 struct rnm_rates *out);

/*
 * The two thresholds that rspamd's training would store (rspamd: lualib/plugins/neural.lua): the score with the
 * least cost, the last of several, where everything up to the score is called ham.  The first has cost as the
 * price of a missed spam and 1 - cost as that of a false positive, the second the other way round.  Among equal
 * scores rspamd's pick depends on the order of its sort; here they count together.
 * False without any score, or when cost is NaN.
 */
RNM_API bool rnm_evaluation_roc_thresholds(const struct rnm_evaluation *evaluation, double cost, double *spam,
                                           double *ham);

struct rnm_suggestion {
	bool found;       /* false: no threshold keeps the rate and still finds anything */
	double threshold; /* for spam_score_threshold or ham_score_threshold, in few digits */
	uint64_t errors;  /* of the other class that get the symbol */
	uint64_t of;      /* all of the other class */
	uint64_t hits;    /* of its own class that get the symbol */
	double rate;      /* errors / of */
	double
	    rate_upper; /* upper end of the 95 % interval (Wilson) of that rate: what so few vectors prove */
};
/*
 * The lowest threshold with which at most max_rate of the other class gets the symbol.  It has as few digits as
 * leave it in the middle half between the two scores that it parts.
 */
RNM_API void rnm_evaluation_suggest(const struct rnm_evaluation *evaluation, enum rnm_class symbol,
                                    double max_rate, struct rnm_suggestion *out);

/* ---- the scores --------------------------------------------------------------------------------- */

#define RNM_SATURATED 0.99 /* |score| from here on: tanh says no more about degrees */

struct rnm_spread {
	double min, max, mean, deviation; /* NaN when there are none; deviation with divisor n */
	double low, median, high;         /* the scores that 5, 50 and 95 % do not exceed */
	uint64_t saturated;
};
RNM_API void rnm_evaluation_spread(const struct rnm_evaluation *evaluation, enum rnm_class class_,
                                   struct rnm_spread *out);

/* Counts in bins of equal width from low to high; scores beyond are counted in the first and last. */
RNM_API void rnm_evaluation_histogram(const struct rnm_evaluation *evaluation, enum rnm_class class_,
                                      double low, double high, uint64_t *bins, size_t bin_count);

#define RNM_CALIBRATION_BINS 10
struct rnm_calibration_bin {
	uint64_t count;
	uint64_t spam;
	double predicted; /* mean of (score + 1) / 2; NaN when empty */
	double observed;  /* spam / count; NaN when empty */
};
struct rnm_calibration {
	struct rnm_calibration_bin bins[RNM_CALIBRATION_BINS];
	double brier; /* mean of (predicted - class)^2 */
	double
	    log_loss; /* mean of -ln(probability given to the true class), which counts as 1e-15 at least */
	double error; /* mean of |predicted - observed| over the bins, weighted by count */
};
/*
 * Reads (score + 1) / 2 as the probability of spam, which is what training with rspamd's cost aims at.  False
 * without scores, or when one lies outside of [-1, 1].
 */
RNM_API bool rnm_evaluation_calibration(const struct rnm_evaluation *evaluation, struct rnm_calibration *out);

/*
 * rspamd's test of a network that it has just trained (lualib/plugins/neural.lua): scores that hardly differ, or
 * that call everything spam or everything ham although there are both, make it throw the network away.
 */
RNM_API bool rnm_evaluation_acceptable(const struct rnm_evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
