/* SPDX-License-Identifier: Apache-2.0 */
/* What eval finds out, and the three forms in which it is shown. */
#ifndef RNM_CLI_EVAL_H
#define RNM_CLI_EVAL_H

#include "scoring.h"

#define EVAL_ROC_POINTS 400
#define EVAL_HISTOGRAM_BINS 40

/* Where the vectors of one class came from. */
struct eval_source {
	const char *name; /* the file; NULL: Redis */
	uint64_t vectors;
	uint64_t skipped;
	uint64_t duplicates; /* only of sets in Redis */
};

/* Thresholds and what they lead to. */
struct eval_thresholds {
	struct rnm_decision decision;
	struct rnm_confusion confusion;
	struct rnm_rates spam, ham; /* of the two symbols */
};

struct eval {
	const struct scoring *scoring;
	struct rnm_evaluation *evaluation;
	struct eval_source spam, ham;
	struct rnm_training_sets *sets; /* NULL: files */
	const char *training_key;       /* the model whose sets they are */
	bool raw;                       /* --raw */
	int64_t time;                   /* for JSON: when it was measured, in UNIX seconds */
	double max_rate;                /* --fpr */
	double roc_cost;                /* roc_misclassification_cost */

	bool has_auc;
	double auc;
	struct eval_thresholds used; /* what rspamd would do with this rule and model */
	bool has_trained;
	struct eval_thresholds trained; /* with the thresholds that its training would find */
	struct rnm_suggestion suggest_spam, suggest_ham;
	struct rnm_spread spam_spread, ham_spread;
	bool has_calibration;
	struct rnm_calibration calibration;
	double low, high; /* of the histogram */
	uint64_t spam_bins[EVAL_HISTOGRAM_BINS], ham_bins[EVAL_HISTOGRAM_BINS];
	struct rnm_roc_point roc[EVAL_ROC_POINTS];
	size_t roc_count;
	bool acceptable;
};

/* Fills everything that follows from the scores; takes them over. */
RNM_MUST_CHECK enum rnm_status eval_compute(struct eval *eval, struct rnm_scores *spam,
                                            struct rnm_scores *ham, struct rnm_error *err);
void eval_free(struct eval *eval);

/* Things to know before the numbers are believed: sentence by sentence; NULL past the last. */
#define EVAL_NOTES_MAX 8
struct eval_notes {
	char text[EVAL_NOTES_MAX][256];
	size_t count;
};
void eval_notes(const struct eval *eval, struct eval_notes *out);

void eval_text(struct rnm_buf *out, const struct eval *eval);
void eval_json(struct rnm_json *json, const struct eval *eval);
/* A page of HTML that needs nothing but itself. */
void eval_report(struct rnm_buf *out, const struct eval *eval);

#endif
