/* SPDX-License-Identifier: Apache-2.0 */
/* lib/network/score.c, lib/network/evaluation*.c, lib/rspamd/decision.c: deciding, scoring and judging scores. */
#include "base/value_build.h"
#include "network_build.h"

#include <rnm/evaluation.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct kann file; /* large: not for the stack */

/* ---- deciding ----------------------------------------------------------------------------------- */

static void decides_as_rspamd(void **state)
{
	struct rnm_decision decision;
	double above = nextafter(0, 1);

	(void)state;
	rnm_decision_init(&decision);
	assert_int_equal(rnm_decide(&decision, above), RNM_CLASS_SPAM);
	assert_int_equal(rnm_decide(&decision, 0), RNM_CLASS_HAM);
	assert_int_equal(rnm_decide(&decision, -0.0), RNM_CLASS_HAM);
	assert_int_equal(rnm_decide(&decision, -above), RNM_CLASS_HAM);
	assert_int_equal(rnm_decide(&decision, NAN), RNM_CLASS_NONE);
	assert_int_equal(rnm_decide(&decision, INFINITY), RNM_CLASS_SPAM);
	decision.spam_threshold = 0.5;
	decision.ham_threshold = 0.25;
	assert_int_equal(rnm_decide(&decision, 0.5), RNM_CLASS_SPAM);
	assert_int_equal(rnm_decide(&decision, nextafter(0.5, 0)), RNM_CLASS_NONE);
	assert_int_equal(rnm_decide(&decision, -0.25), RNM_CLASS_HAM);
	assert_int_equal(rnm_decide(&decision, -0.2), RNM_CLASS_NONE);
	assert_int_equal(rnm_decide(&decision, 0), RNM_CLASS_NONE);
	/* Thresholds at or below 0, as training stores them for separable data, do nothing. */
	decision.spam_threshold = decision.ham_threshold = -0.9;
	assert_int_equal(rnm_decide(&decision, 0.1), RNM_CLASS_SPAM);
	assert_int_equal(rnm_decide(&decision, -0.1), RNM_CLASS_HAM);
	assert_int_equal(rnm_decide(&decision, 0), RNM_CLASS_HAM);
	assert_string_equal(rnm_decision_symbol(&decision, RNM_CLASS_SPAM), "NEURAL_SPAM");
	assert_string_equal(rnm_decision_symbol(&decision, RNM_CLASS_HAM), "NEURAL_HAM");
	assert_null(rnm_decision_symbol(&decision, RNM_CLASS_NONE));
	assert_true(rnm_decision_weight(&decision, -0.75) == 0.75);
	assert_false(signbit(rnm_decision_weight(&decision, 0)));
	decision.flat = true;
	assert_true(rnm_decision_weight(&decision, -0.75) == 1);
}

/* ---- scoring ------------------------------------------------------------------------------------ */

static struct rnm_network *symbol_network(size_t inputs, size_t hidden)
{
	struct rnm_network *net = NULL;
	struct rnm_error err;

	kann_symbol(&file, (int32_t)inputs, (int32_t)hidden, fill_weight);
	if (rnm_network_load(&net, file.bytes, file.len, NULL, &err) != RNM_OK)
		fail_msg("%s", err.message);
	return net;
}

static void scores_in_batches(void **state)
{
	/* Input and output of the original for this network, see test_eval.c. */
	static const double inputs[4][2] = { { 1, 0.5 }, { 0, 0 }, { -1, 2 }, { 3, 4 } };
	static const double expected[4] = { 0.220898002, 0.206104904, -0.228399277, -0.28801465 };
	struct rnm_network *net = symbol_network(2, 4);
	struct rnm_scorer *scorer = NULL;
	const double bad[2] = { 1, NAN };
	struct rnm_error err;
	const float *outputs;
	size_t count;

	(void)state;
	assert_int_equal(rnm_scorer_new(&scorer, net, NULL, &err), RNM_OK);
	assert_int_equal(rnm_scorer_input_count(scorer), 2);
	assert_int_equal(rnm_scorer_output_count(scorer), 1);
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < RNM_PLAN_BATCH_MAX; i++) {
			assert_int_equal(rnm_scorer_add(scorer, bad, 2, &err), RNM_E_MALFORMED);
			assert_string_equal(err.id, "vector.non-finite");
			assert_int_equal(rnm_scorer_add(scorer, inputs[0], 3, &err), RNM_E_MALFORMED);
			assert_string_equal(err.id, "vector.length");
			assert_int_equal(rnm_scorer_add(scorer, inputs[i % 4], 2, &err), RNM_OK);
			assert_int_equal(rnm_scorer_pending(scorer), i + 1);
		}
		assert_true(rnm_scorer_full(scorer));
		assert_int_equal(rnm_scorer_add(scorer, inputs[0], 2, &err), RNM_E_USAGE);
		assert_int_equal(rnm_scorer_run(scorer, &outputs, &count, &err), RNM_OK);
		assert_int_equal(count, RNM_PLAN_BATCH_MAX);
		for (size_t i = 0; i < count; i++)
			assert_float_equal(outputs[i], expected[i % 4], 1e-5);
	}
	assert_int_equal(rnm_scorer_run(scorer, &outputs, &count, &err), RNM_OK);
	assert_int_equal(count, 0);
	rnm_scorer_free(scorer);
	rnm_scorer_free(NULL);
	rnm_network_free(net);
}

/* Normalisation and projection come first; what does not fit is refused before any vector is. */
static void scores_raw_vectors(void **state)
{
	static const float matrix[4] = { 2, 0, 0, 0.5f };
	static const double mean[2] = { 10, 20 }, deviation[2] = { 2, 10 };
	const struct rnm_tensor pca = { .rows = 2, .cols = 2, .data = matrix };
	struct rnm_preprocess preprocess = { RNM_NORM_ZSCORE, mean, deviation, 2, &pca };
	/* (11 - 10) / 2 * 2 = 1, (30 - 20) / 10 * 0.5 = 0.5 */
	const double raw[2] = { 11, 30 };
	struct rnm_network *net = symbol_network(2, 4);
	struct rnm_scorer *scorer = NULL;
	struct rnm_error err;
	const float *outputs;
	size_t count;

	(void)state;
	assert_int_equal(rnm_scorer_new(&scorer, net, &preprocess, &err), RNM_OK);
	assert_int_equal(rnm_scorer_add(scorer, raw, 2, &err), RNM_OK);
	assert_int_equal(rnm_scorer_run(scorer, &outputs, &count, &err), RNM_OK);
	assert_int_equal(count, 1);
	assert_float_equal(outputs[0], 0.220898002, 1e-5);
	rnm_scorer_free(scorer);
	preprocess.norm_count = 1;
	assert_int_equal(rnm_scorer_new(&scorer, net, &preprocess, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "norm.length");
	rnm_network_free(net);
}

/* ---- evaluating --------------------------------------------------------------------------------- */

static struct rnm_scores scores_of(const double *values, size_t count)
{
	struct rnm_scores scores = { 0 };

	for (size_t i = 0; i < count; i++)
		assert_int_equal(rnm_scores_add(&scores, values[i], NULL), RNM_OK);
	return scores;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EVALUATION(spam, ham) evaluation(spam, COUNT(spam), ham, COUNT(ham))

static struct rnm_evaluation *evaluation(const double *spam, size_t spam_count, const double *ham, size_t ham_count)
{
	struct rnm_scores spam_scores = scores_of(spam, spam_count), ham_scores = scores_of(ham, ham_count);
	struct rnm_evaluation *evaluation = NULL;

	assert_int_equal(rnm_evaluation_new(&evaluation, &spam_scores, &ham_scores, NULL), RNM_OK);
	assert_null(spam_scores.values);
	assert_int_equal(rnm_evaluation_count(evaluation, RNM_CLASS_SPAM), spam_count);
	assert_int_equal(rnm_evaluation_count(evaluation, RNM_CLASS_HAM), ham_count);
	return evaluation;
}

/* Every pair looked at. */
static double pairwise_auc(const double *spam, size_t spam_count, const double *ham, size_t ham_count)
{
	double sum = 0;

	for (size_t i = 0; i < spam_count; i++)
		for (size_t j = 0; j < ham_count; j++)
			sum += spam[i] > ham[j] ? 1 : spam[i] == ham[j] ? 0.5 : 0;
	return sum / (double)spam_count / (double)ham_count;
}

static void area(void **state)
{
	static const double high[] = { 0.9, 0.5 }, low[] = { -0.1, 0.3, -1 }, equal[] = { 0.5, 0.5, 0.5 };
	double spam[200], ham[300], auc = -1;
	uint64_t x = 1;
	struct rnm_evaluation *scored;

	(void)state;
	scored = EVALUATION(high, low);
	assert_true(rnm_evaluation_auc(scored, &auc) && auc == 1);
	rnm_evaluation_free(scored);
	scored = EVALUATION(low, high);
	assert_true(rnm_evaluation_auc(scored, &auc) && auc == 0);
	rnm_evaluation_free(scored);
	scored = EVALUATION(equal, equal);
	assert_true(rnm_evaluation_auc(scored, &auc) && auc == 0.5);
	rnm_evaluation_free(scored);
	scored = evaluation(high, 2, NULL, 0);
	assert_false(rnm_evaluation_auc(scored, &auc));
	rnm_evaluation_free(scored);
	/* Few different values: many ties. */
	for (size_t i = 0; i < 500; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		if (i < 200)
			spam[i] = (double)(x >> 61) / 8;
		else
			ham[i - 200] = (double)(x >> 61) / 8 - 0.25;
	}
	scored = EVALUATION(spam, ham);
	assert_true(rnm_evaluation_auc(scored, &auc));
	assert_float_equal(auc, pairwise_auc(spam, 200, ham, 300), 1e-12);
	rnm_evaluation_free(scored);
}

/* -0.9h -0.5h -0.1s 0.2h 0.6s 0.95s and what rspamd's formula gives for it, computed by hand. */
static const double example_spam[] = { -0.1, 0.95, 0.6 }, example_ham[] = { 0.2, -0.9, -0.5 };

static void thresholds_of_training(void **state)
{
	static const struct {
		double cost, spam, ham;
	} cases[] = { { 0.5, 0.2, 0.2 }, { 0.2, 0.2, -0.5 }, { 0.8, -0.5, 0.2 } };
	static const double apart_spam[] = { 0.5, 0.9 }, apart_ham[] = { -0.9, -0.4 };
	struct rnm_evaluation *scored = EVALUATION(example_spam, example_ham);
	double spam = 7, ham = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(rnm_evaluation_roc_thresholds(scored, cases[i].cost, &spam, &ham));
		assert_true(spam == cases[i].spam);
		assert_true(ham == cases[i].ham);
	}
	assert_false(rnm_evaluation_roc_thresholds(scored, NAN, &spam, &ham));
	rnm_evaluation_free(scored);
	/* Separable: the highest ham, which is below 0, where neither threshold has any effect. */
	scored = EVALUATION(apart_spam, apart_ham);
	assert_true(rnm_evaluation_roc_thresholds(scored, 0.5, &spam, &ham));
	assert_true(spam == -0.4 && ham == -0.4);
	rnm_evaluation_free(scored);
	/* One class alone. */
	scored = evaluation(apart_spam, 2, NULL, 0);
	assert_true(rnm_evaluation_roc_thresholds(scored, 0.5, &spam, &ham));
	assert_true(spam == 0.5 && ham == 0.5);
	rnm_evaluation_free(scored);
	scored = evaluation(NULL, 0, NULL, 0);
	assert_false(rnm_evaluation_roc_thresholds(scored, 0.5, &spam, &ham));
	rnm_evaluation_free(scored);
}

static void confusion(void **state)
{
	struct rnm_evaluation *scored = EVALUATION(example_spam, example_ham);
	struct rnm_decision decision;
	struct rnm_confusion counts;
	struct rnm_rates rates;

	(void)state;
	rnm_decision_init(&decision);
	decision.spam_threshold = 0.3;
	decision.ham_threshold = 0.6;
	rnm_evaluation_confusion(scored, &decision, &counts);
	assert_int_equal(counts.spam_as_spam, 2);
	assert_int_equal(counts.spam_as_none, 1);
	assert_int_equal(counts.spam_as_ham, 0);
	assert_int_equal(counts.ham_as_spam, 0);
	assert_int_equal(counts.ham_as_none, 2);
	assert_int_equal(counts.ham_as_ham, 1);
	rnm_confusion_rates(&counts, RNM_CLASS_SPAM, &rates);
	assert_true(rates.precision == 1 && rates.false_rate == 0);
	assert_float_equal(rates.recall, 2.0 / 3, 1e-15);
	assert_float_equal(rates.f1, 0.8, 1e-15);
	counts = (struct rnm_confusion){ 0 };
	rnm_confusion_rates(&counts, RNM_CLASS_HAM, &rates);
	assert_true(isnan(rates.precision) && isnan(rates.recall) && isnan(rates.false_rate) && isnan(rates.f1));
	rnm_evaluation_free(scored);
}

static void suggestions(void **state)
{
	static const double spam[] = { 0.9, 0.8, 0.7, 0.3, -0.2, 1 }, ham[] = { 0.75, 0.1, 0, -0.6, -0.9 };
	static const double saturated[] = { 1, 1 };
	struct rnm_evaluation *scored = EVALUATION(spam, ham);
	struct rnm_suggestion got;

	(void)state;
	rnm_evaluation_suggest(scored, RNM_CLASS_SPAM, 0, &got);
	assert_true(got.found && got.threshold == 0.78); /* between 0.75 and 0.8 */
	assert_int_equal(got.hits, 3);
	assert_int_equal(got.errors, 0);
	assert_int_equal(got.of, 5);
	assert_float_equal(got.rate_upper, 0.4344825, 1e-6);
	rnm_evaluation_suggest(scored, RNM_CLASS_SPAM, 0.2, &got);
	assert_true(got.found && got.threshold == 0.2); /* between 0.1 and 0.3 */
	assert_int_equal(got.hits, 5);
	assert_int_equal(got.errors, 1);
	/* Both ham above 0 are allowed: no threshold is needed. */
	rnm_evaluation_suggest(scored, RNM_CLASS_SPAM, 0.4, &got);
	assert_true(got.found && got.threshold == 0);
	assert_int_equal(got.hits, 5);
	assert_int_equal(got.errors, 2);
	/* The other way round: spam that is called ham. */
	rnm_evaluation_suggest(scored, RNM_CLASS_HAM, 0, &got);
	assert_true(got.found && got.threshold == 0.4); /* between 0.2 and 0.6 */
	assert_int_equal(got.hits, 2);
	assert_int_equal(got.errors, 0);
	assert_int_equal(got.of, 6);
	rnm_evaluation_suggest(scored, RNM_CLASS_HAM, 0.17, &got);
	assert_true(got.found && got.threshold == 0);
	assert_int_equal(got.hits, 3);
	assert_int_equal(got.errors, 1);
	rnm_evaluation_free(scored);
	/* Nothing lies above a ham of 1. */
	scored = EVALUATION(saturated, saturated);
	rnm_evaluation_suggest(scored, RNM_CLASS_SPAM, 0.4, &got);
	assert_false(got.found);
	rnm_evaluation_free(scored);
	scored = evaluation(spam, 6, NULL, 0);
	rnm_evaluation_suggest(scored, RNM_CLASS_SPAM, 0.4, &got);
	assert_false(got.found);
	assert_true(isnan(got.rate));
	rnm_evaluation_free(scored);
}

static void curve(void **state)
{
	struct rnm_evaluation *scored = EVALUATION(example_spam, example_ham);
	static const double expected[][2] = { { 0, 0 },       { 0, 1.0 / 3 }, { 0, 2.0 / 3 }, { 1.0 / 3, 2.0 / 3 },
		                              { 1.0 / 3, 1 }, { 2.0 / 3, 1 }, { 1, 1 } };
	struct rnm_roc_point points[100];
	double many[1000];
	size_t count;

	(void)state;
	count = rnm_evaluation_roc(scored, points, 100);
	assert_int_equal(count, COUNT(expected));
	for (size_t i = 0; i < count; i++) {
		assert_float_equal(points[i].fpr, expected[i][0], 1e-15);
		assert_float_equal(points[i].tpr, expected[i][1], 1e-15);
	}
	assert_true(isinf(points[0].threshold));
	assert_true(points[1].threshold == 0.95 && points[6].threshold == -0.9);
	assert_int_equal(rnm_evaluation_roc(scored, points, 2), 0);
	rnm_evaluation_free(scored);
	/* However many scores, never more points than asked for, and both ends are there. */
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = sin((double)i);
	scored = EVALUATION(many, many);
	for (size_t max = 3; max <= 100; max++) {
		count = rnm_evaluation_roc(scored, points, max);
		assert_in_range(count, 2, max);
		assert_true(points[0].fpr == 0 && points[0].tpr == 0);
		assert_true(points[count - 1].fpr == 1 && points[count - 1].tpr == 1);
	}
	rnm_evaluation_free(scored);
	scored = evaluation(NULL, 0, many, 3);
	assert_int_equal(rnm_evaluation_roc(scored, points, 100), 0);
	rnm_evaluation_free(scored);
}

static void calibration(void **state)
{
	static const double spam[] = { 1, 0.5 }, ham[] = { -1, 0.5 }, beyond[] = { 1.5 };
	struct rnm_evaluation *scored = EVALUATION(spam, ham);
	struct rnm_calibration got;

	(void)state;
	assert_true(rnm_evaluation_calibration(scored, &got));
	assert_float_equal(got.brier, (0 + 0.0625 + 0 + 0.5625) / 4, 1e-15);
	assert_float_equal(got.log_loss, -(log(0.75) + log(0.25)) / 4, 1e-12);
	assert_int_equal(got.bins[7].count, 2);
	assert_int_equal(got.bins[7].spam, 1);
	assert_float_equal(got.bins[7].predicted, 0.75, 1e-15);
	assert_float_equal(got.bins[7].observed, 0.5, 1e-15);
	assert_int_equal(got.bins[0].count, 1);
	assert_int_equal(got.bins[9].count, 1);
	assert_true(isnan(got.bins[3].predicted) && isnan(got.bins[3].observed));
	assert_float_equal(got.error, 0.125, 1e-15);
	rnm_evaluation_free(scored);
	scored = EVALUATION(beyond, ham);
	assert_false(rnm_evaluation_calibration(scored, &got));
	rnm_evaluation_free(scored);
	scored = evaluation(NULL, 0, NULL, 0);
	assert_false(rnm_evaluation_calibration(scored, &got));
	rnm_evaluation_free(scored);
	/* Certain and wrong is bad, not infinite. */
	scored = EVALUATION((double[]){ -1 }, ham);
	assert_true(rnm_evaluation_calibration(scored, &got));
	assert_true(isfinite(got.log_loss) && got.log_loss > 10);
	rnm_evaluation_free(scored);
}

static void spread(void **state)
{
	static const double spam[] = { 0.995, -0.99, 0.5, 0.1 };
	struct rnm_evaluation *scored = evaluation(spam, 4, NULL, 0);
	struct rnm_spread got;
	uint64_t bins[4];

	(void)state;
	rnm_evaluation_spread(scored, RNM_CLASS_SPAM, &got);
	assert_true(got.min == -0.99 && got.max == 0.995 && got.median == 0.1);
	assert_true(got.low == -0.99 && got.high == 0.995);
	assert_float_equal(got.mean, 0.15125, 1e-15);
	assert_float_equal(got.deviation, 0.7312012, 1e-6);
	assert_int_equal(got.saturated, 2);
	rnm_evaluation_spread(scored, RNM_CLASS_HAM, &got);
	assert_true(isnan(got.min) && isnan(got.mean));
	assert_int_equal(got.saturated, 0);
	rnm_evaluation_histogram(scored, RNM_CLASS_SPAM, -0.5, 0.5, bins, 4);
	assert_int_equal(bins[0], 1); /* below: in the first */
	assert_int_equal(bins[1], 0);
	assert_int_equal(bins[2], 1);
	assert_int_equal(bins[3], 2); /* the upper end and above: in the last */
	rnm_evaluation_free(scored);
}

static void acceptable(void **state)
{
	static const double high[] = { 0.9, 0.5 }, low[] = { -0.1, 0 }, same[] = { 0.5, 0.50005 };
	struct {
		struct rnm_evaluation *scored;
		bool expected;
	} cases[] = {
		{ EVALUATION(high, low), true },
		{ EVALUATION(high, high), false }, /* all called spam */
		{ EVALUATION(low, low), false },
		{ evaluation(high, 2, NULL, 0), true }, /* there is only spam */
		{ evaluation(same, 2, NULL, 0), false },
		{ evaluation(NULL, 0, NULL, 0), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(rnm_evaluation_acceptable(cases[i].scored), cases[i].expected);
		rnm_evaluation_free(cases[i].scored);
	}
}

static void refuses_what_is_no_score(void **state)
{
	struct rnm_scores scores = { 0 };
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_scores_add(&scores, NAN, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "evaluation.non-finite");
	assert_int_equal(rnm_scores_add(&scores, INFINITY, &err), RNM_E_MALFORMED);
	assert_int_equal(scores.count, 0);
	scores.count = scores.cap = RNM_EVALUATION_MAX;
	assert_int_equal(rnm_scores_add(&scores, 0, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "evaluation.too-many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_as_rspamd),
		cmocka_unit_test(scores_in_batches),
		cmocka_unit_test(scores_raw_vectors),
		cmocka_unit_test(area),
		cmocka_unit_test(thresholds_of_training),
		cmocka_unit_test(confusion),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(curve),
		cmocka_unit_test(calibration),
		cmocka_unit_test(spread),
		cmocka_unit_test(acceptable),
		cmocka_unit_test(refuses_what_is_no_score),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
