/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/score.h: from a raw vector to what rspamd says of the mail: normalise, project, evaluate, decide.
 * Source of the facts: rspamd 4.1 src/plugins/lua/neural.lua; in plain words: docs/scoring.md.
 */
#ifndef RNM_SCORE_H
#define RNM_SCORE_H

#include <rnm/network.h>
#include <rnm/rule.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- deciding ----------------------------------------------------------------------------------- */

/* What of a rule and a model decides about symbols. */
struct rnm_decision {
	double spam_threshold; /* a score above 0 must reach it */
	double ham_threshold;  /* minus any other score must reach it */
	bool flat;             /* every symbol has weight 1 (flat_threshold_curve) */
	const char *symbol_spam;
	const char *symbol_ham;
};

enum rnm_class { RNM_CLASS_NONE, RNM_CLASS_SPAM, RNM_CLASS_HAM };

/* rspamd's own: no thresholds, NEURAL_SPAM and NEURAL_HAM. */
RNM_API void rnm_decision_init(struct rnm_decision *out);
/*
 * That of a rule for one model.  A threshold is the rule's own (spam_score_threshold, ham_score_threshold), else
 * the model's (roc_thresholds) if the rule says roc_enabled, else 0.  Without a configuration (rule is NULL or
 * rule->raw is) the model's count when it has any: only a rule with roc_enabled trains them.
 * Borrows from rule.  RNM_E_MALFORMED ("rule.threshold", "rule.symbol") for options of the wrong type.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_decision_of(struct rnm_decision *out, const struct rnm_rule *rule,
                                                       const struct rnm_rnm1 *container,
                                                       struct rnm_error *err);
/*
 * Which symbol a score gets.  A score of 0 is ham like every one below it, and NaN gets none; with thresholds
 * of 0 nothing else is without a symbol.
 */
RNM_API enum rnm_class rnm_decide(const struct rnm_decision *decision, double score);
/* The symbol of a class; NULL for none. */
RNM_API const char *rnm_decision_symbol(const struct rnm_decision *decision, enum rnm_class class_);
/* The weight that rspamd multiplies the symbol's configured one with: |score|, or 1 when flat. */
RNM_API double rnm_decision_weight(const struct rnm_decision *decision, double score);

/* ---- scoring ------------------------------------------------------------------------------------ */

/*
 * Collects raw vectors and evaluates them together, RNM_PLAN_BATCH_MAX at once, which is several times as fast
 * as one by one.  Memory depends on the network only.
 */
struct rnm_scorer;

/*
 * preprocess may be NULL: the vectors are inputs of the network already.  It is copied; the network and what
 * preprocess points to must outlive *out.  Errors as rnm_preprocess_check, rnm_plan_new, rnm_scratch_new.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_scorer_new(struct rnm_scorer **out,
                                                      const struct rnm_network *network,
                                                      const struct rnm_preprocess *preprocess,
                                                      struct rnm_error *err);
RNM_API void rnm_scorer_free(struct rnm_scorer *scorer);
/* Numbers of a raw vector, and of an output (rspamd's score is the first of them). */
RNM_API size_t rnm_scorer_input_count(const struct rnm_scorer *scorer);
RNM_API size_t rnm_scorer_output_count(const struct rnm_scorer *scorer);

/*
 * Adds one vector.  RNM_E_MALFORMED "vector.length", "vector.non-finite" (nothing was added); RNM_E_USAGE
 * ("score.full") when rnm_scorer_full.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_scorer_add(struct rnm_scorer *scorer, const double *values,
                                                      size_t count, struct rnm_error *err);
RNM_API size_t rnm_scorer_pending(const struct rnm_scorer *scorer);
RNM_API bool rnm_scorer_full(const struct rnm_scorer *scorer);
/*
 * Evaluates what was added and forgets it.  *outputs are *count rows of rnm_scorer_output_count floats in the
 * order of the adding, borrowed until the next call.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_scorer_run(struct rnm_scorer *scorer, const float **outputs,
                                                      size_t *count, struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif
