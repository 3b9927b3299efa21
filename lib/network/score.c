/* SPDX-License-Identifier: Apache-2.0 */
/* rspamd: src/plugins/lua/neural.lua, where a message is scored. */
#include "network/findings.h"

#include <rnm/score.h>

#include <stdlib.h>

void rnm_decision_init(struct rnm_decision *out)
{
	/* rspamd: the defaults of lualib/plugins/neural.lua. */
	*out = (struct rnm_decision){ .symbol_spam = "NEURAL_SPAM", .symbol_ham = "NEURAL_HAM" };
}

enum rnm_class rnm_decide(const struct rnm_decision *decision, double score)
{
	if (score > 0)
		return score >= decision->spam_threshold ? RNM_CLASS_SPAM : RNM_CLASS_NONE;
	/* The threshold is compared with minus the score, although training finds it on the score's own axis. */
	return -score >= decision->ham_threshold ? RNM_CLASS_HAM : RNM_CLASS_NONE;
}

const char *rnm_decision_symbol(const struct rnm_decision *decision, enum rnm_class class_)
{
	if (class_ == RNM_CLASS_NONE)
		return NULL;
	return class_ == RNM_CLASS_SPAM ? decision->symbol_spam : decision->symbol_ham;
}

double rnm_decision_weight(const struct rnm_decision *decision, double score)
{
	if (decision->flat)
		return 1;
	return score > 0 ? score : 0 - score; /* not -score: 0 has no sign to show */
}

struct rnm_scorer {
	struct rnm_preprocess preprocess;
	struct rnm_plan *plan;
	struct rnm_scratch *scratch;
	size_t raw_len;
	size_t input_len;
	size_t output_len;
	float *inputs;  /* RNM_PLAN_BATCH_MAX rows of input_len */
	float *outputs; /* RNM_PLAN_BATCH_MAX rows of output_len */
	float *work;    /* raw_len, for the projection; NULL without one */
	size_t pending;
};

static enum rnm_status allocate(struct rnm_scorer *scorer, struct rnm_error *err)
{
	/* calloc refuses products that do not fit. */
	scorer->inputs = calloc(scorer->input_len, RNM_PLAN_BATCH_MAX * sizeof(*scorer->inputs));
	scorer->outputs = calloc(scorer->output_len, RNM_PLAN_BATCH_MAX * sizeof(*scorer->outputs));
	if (scorer->preprocess.pca != NULL)
		scorer->work = calloc(scorer->raw_len, sizeof(*scorer->work));
	if (scorer->inputs == NULL || scorer->outputs == NULL ||
	    (scorer->preprocess.pca != NULL && scorer->work == NULL))
		return rnm_error_nomem(err);
	return RNM_OK;
}

enum rnm_status rnm_scorer_new(struct rnm_scorer **out, const struct rnm_network *network,
                               const struct rnm_preprocess *preprocess, struct rnm_error *err)
{
	struct rnm_scorer *scorer = calloc(1, sizeof(*scorer));
	enum rnm_status status;

	if (scorer == NULL)
		return rnm_error_nomem(err);
	if (preprocess != NULL)
		scorer->preprocess = *preprocess;
	scorer->input_len = (size_t)rnm_network_input_dim(network);
	scorer->output_len = (size_t)rnm_network_output_dim(network);
	scorer->raw_len = scorer->preprocess.pca != NULL ? scorer->preprocess.pca->cols : scorer->input_len;
	status = rnm_preprocess_check(&scorer->preprocess, scorer->raw_len, scorer->input_len, err);
	if (status == RNM_OK)
		status = rnm_plan_new(&scorer->plan, network, NULL, err);
	if (status == RNM_OK)
		status = rnm_scratch_new(&scorer->scratch, scorer->plan, err);
	if (status == RNM_OK)
		status = allocate(scorer, err);
	if (status == RNM_OK)
		*out = scorer;
	else
		rnm_scorer_free(scorer);
	return status;
}

void rnm_scorer_free(struct rnm_scorer *scorer)
{
	if (scorer == NULL)
		return;
	rnm_scratch_free(scorer->scratch);
	rnm_plan_free(scorer->plan);
	free(scorer->inputs);
	free(scorer->outputs);
	free(scorer->work);
	free(scorer);
}

size_t rnm_scorer_input_count(const struct rnm_scorer *scorer)
{
	return scorer->raw_len;
}

size_t rnm_scorer_output_count(const struct rnm_scorer *scorer)
{
	return scorer->output_len;
}

size_t rnm_scorer_pending(const struct rnm_scorer *scorer)
{
	return scorer->pending;
}

bool rnm_scorer_full(const struct rnm_scorer *scorer)
{
	return scorer->pending == RNM_PLAN_BATCH_MAX;
}

enum rnm_status rnm_scorer_add(struct rnm_scorer *scorer, const double *values, size_t count,
                               struct rnm_error *err)
{
	float *input = scorer->inputs + scorer->pending * scorer->input_len;
	enum rnm_status status;

	if (rnm_scorer_full(scorer))
		return rnm_error_set(err, RNM_E_USAGE, "score.full",
		                     "expected at most %u vectors before rnm_scorer_run", RNM_PLAN_BATCH_MAX);
	if (count != scorer->raw_len)
		return rnm_error_set(err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_VECTOR_LENGTH),
		                     "expected %zu numbers, found %zu", scorer->raw_len, count);
	status = rnm_preprocess_run(&scorer->preprocess, values, count,
	                            scorer->work != NULL ? scorer->work : input, input, err);
	if (status == RNM_OK)
		scorer->pending++;
	return status;
}

enum rnm_status rnm_scorer_run(struct rnm_scorer *scorer, const float **outputs, size_t *count,
                               struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (scorer->pending > 0)
		status = rnm_network_eval(scorer->plan, scorer->scratch, scorer->inputs, scorer->pending,
		                          scorer->outputs, err);
	*outputs = scorer->outputs;
	*count = scorer->pending;
	scorer->pending = 0;
	return status;
}
