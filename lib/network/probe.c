/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a network whose answers show whether it says anything at all.  rspamd asks the same of its
 * training vectors and refuses what it has trained when all answers are alike (lualib/plugins/neural.lua);
 * models that come from elsewhere it never asks.
 */
#include "network/probe.h"

#include <math.h>
#include <stdlib.h>

/* Vectors of one round: few enough that weights are read where they lie. */
#define ROUND RNM_PROBE_ROUND
#define LARGE 1000.0f
#define SEED 0x9e3779b97f4a7c15u
/* Floats of vectors held at once; a network with more inputs is not asked. */
#define FLOATS_MAX ((uint64_t)1 << 26)

/* splitmix64 */
static uint64_t next_random(struct rnm_probing *p)
{
	uint64_t z = p->random += SEED;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Close enough to a normal number of mean 0 and deviation 1: the sum of four even ones. */
static float normal(struct rnm_probing *p)
{
	uint64_t z = next_random(p);
	uint64_t sum = (z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48);

	return ((float)sum / 65536.0f - 2.0f) * 1.7320508f;
}

/* Like a vector of symbols: a quarter of them hit, each with a share of its weight. */
static float sparse(struct rnm_probing *p)
{
	uint64_t z = next_random(p);

	return (z & 3) != 0 ? 0.0f : (float)(z >> 40) / 16777216.0f;
}

static void scale_to_one(float *vector, uint64_t count)
{
	double squares = 0;
	float factor;

	for (uint64_t i = 0; i < count; i++)
		squares += (double)vector[i] * vector[i];
	factor = squares > 0 ? (float)(1 / sqrt(squares)) : 1;
	for (uint64_t i = 0; i < count; i++)
		vector[i] *= factor;
}

/* One round: zeros (later a unit vector), a random one, a sparse one, a large one. */
static void make_vectors(struct rnm_probing *p, unsigned round, float *first)
{
	bool unit = p->preprocess != NULL && p->preprocess->norm == RNM_NORM_UNIT;
	float *random = first + p->raw_dim, *hits = random + p->raw_dim, *large = hits + p->raw_dim;

	for (uint64_t i = 0; i < p->raw_dim; i++) {
		first[i] = 0;
		random[i] = normal(p);
		hits[i] = sparse(p);
		large[i] = LARGE * normal(p);
	}
	if (round > 0)
		first[(round - 1) * p->raw_dim / p->rounds] = 1;
	if (unit) {
		scale_to_one(random, p->raw_dim);
		scale_to_one(hits, p->raw_dim);
	}
}

/* The vectors of one round behind the PCA matrix. */
static void project(const struct rnm_probing *p, const float *raw, float *inputs)
{
	const struct rnm_tensor *pca = p->preprocess->pca;

	for (unsigned v = 0; v < ROUND; v++)
		for (uint64_t r = 0; r < pca->rows; r++) {
			const float *row = pca->data + r * pca->cols, *vector = raw + v * p->raw_dim;
			float sums[8] = { 0 }, sum = 0;
			uint64_t i = 0;

			/* Eight sums at once, which compilers make vector code of. */
			for (; i + 8 <= pca->cols; i += 8)
				for (unsigned k = 0; k < 8; k++)
					sums[k] += row[i + k] * vector[i + k];
			for (; i < pca->cols; i++)
				sum += row[i] * vector[i];
			for (unsigned k = 0; k < 8; k++)
				sum += sums[k];
			inputs[v * p->input_dim + r] = sum;
		}
}

static void take_answer(const struct rnm_probing *p, struct rnm_probe_answers *answers, double answer)
{
	answers->vectors++;
	if (!isfinite(answer)) {
		answers->non_finite++;
		return;
	}
	answers->at_end += answer <= p->low + RNM_PROBE_END || answer >= p->high - RNM_PROBE_END;
	answers->low = fmin(answers->low, answer);
	answers->high = fmax(answers->high, answer);
}

static enum rnm_status too_large(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_LIMIT_SCRATCH),
	                     "expected at most %llu inputs and outputs to try out, found more",
	                     (unsigned long long)(FLOATS_MAX / ROUND));
}

/* The inputs of all rounds, and room for the outputs. */
static enum rnm_status make_inputs(struct rnm_probing *p, struct rnm_error *err)
{
	const bool projected = p->preprocess != NULL && p->preprocess->pca != NULL;
	float *raw;

	if (p->raw_dim + p->input_dim + p->output_dim > FLOATS_MAX / ROUND)
		return too_large(err);
	raw = projected ? malloc(ROUND * p->raw_dim * sizeof(float)) : NULL;
	p->inputs = malloc((uint64_t)p->rounds * ROUND * p->input_dim * sizeof(float));
	p->outputs = malloc((uint64_t)p->rounds * ROUND * p->output_dim * sizeof(float));
	if ((projected && raw == NULL) || p->inputs == NULL || p->outputs == NULL) {
		free(raw);
		return rnm_error_nomem(err);
	}
	for (unsigned round = 0; round < p->rounds; round++) {
		float *inputs = p->inputs + (uint64_t)round * ROUND * p->input_dim;

		make_vectors(p, round, projected ? raw : inputs);
		if (projected)
			project(p, raw, inputs);
	}
	free(raw);
	return RNM_OK;
}

/* A plan for `batch` vectors at once. */
static enum rnm_status make_plan(struct rnm_probing *p, uint32_t batch,
                                 const struct rnm_network_limits *given, struct rnm_error *err)
{
	struct rnm_network_limits limits = given != NULL ? *given : (struct rnm_network_limits){ 0 };
	const struct rnm_plan_options options = { .batch = batch, .limits = &limits };

	if (limits.max_work == 0)
		limits.max_work = RNM_PROBE_WORK_MAX;
	rnm_plan_free(p->plan);
	p->plan = NULL;
	return rnm_plan_new(&p->plan, p->net, &options, err);
}

enum rnm_status rnm_probing_begin(struct rnm_probing *p, const struct rnm_network *network,
                                  const struct rnm_preprocess *preprocess,
                                  const struct rnm_network_limits *limits, struct rnm_error *err)
{
	enum rnm_status status;
	uint64_t vectors;

	*p = (struct rnm_probing){
		.net = network,
		.preprocess = preprocess,
		.input_dim = rnm_network_input_dim(network),
		.output_dim = rnm_network_output_dim(network),
		.random = SEED,
	};
	p->raw_dim = preprocess != NULL && preprocess->pca != NULL ? preprocess->pca->cols : p->input_dim;
	rnm_network_output_range(network, &p->low, &p->high);
	status = make_plan(p, ROUND, limits, err);
	if (status != RNM_OK)
		return status;
	vectors = RNM_PROBE_WORK / (rnm_plan_work(p->plan) + 1);
	if (vectors > RNM_PROBE_VECTORS_MAX)
		vectors = RNM_PROBE_VECTORS_MAX;
	p->rounds = vectors < RNM_PROBE_VECTORS_MIN ? 1 : (unsigned)vectors / ROUND;
	while (p->rounds > 1 && (p->input_dim + p->output_dim) * p->rounds > FLOATS_MAX / ROUND)
		p->rounds--;
	/* Values that pass by are there for all vectors at once. */
	if (network->scans != NULL && p->rounds > 1)
		status = make_plan(p, p->rounds * ROUND, limits, err);
	if (status == RNM_OK && network->scans != NULL && rnm_plan_batch(p->plan) < p->rounds * ROUND)
		status = RNM_NO;
	if (status == RNM_OK)
		status = make_inputs(p, err);
	return status == RNM_OK ? rnm_scratch_new(&p->scratch, p->plan, err) : status;
}

void rnm_probing_judge(const struct rnm_probing *p, struct rnm_probe *out)
{
	const struct rnm_probe_answers none = { .low = (double)INFINITY, .high = -(double)INFINITY };

	*out = (struct rnm_probe){ none, none };
	for (unsigned i = 0; i < p->rounds * ROUND; i++)
		take_answer(p, i % ROUND + 1 < ROUND ? &out->usual : &out->large,
		            p->outputs[i * p->output_dim]);
}

void rnm_probing_end(struct rnm_probing *p)
{
	rnm_scratch_free(p->scratch);
	rnm_plan_free(p->plan);
	free(p->inputs);
	free(p->outputs);
}

enum rnm_status rnm_network_probe(struct rnm_probe *out, const struct rnm_network *network,
                                  const struct rnm_preprocess *preprocess,
                                  const struct rnm_network_limits *limits, struct rnm_error *err)
{
	struct rnm_probing p;
	enum rnm_status status = rnm_probing_begin(&p, network, preprocess, limits, err);

	if (status == RNM_OK)
		status =
		    rnm_network_eval(p.plan, p.scratch, p.inputs, p.rounds * (size_t)ROUND, p.outputs, err);
	if (status == RNM_OK)
		rnm_probing_judge(&p, out);
	rnm_probing_end(&p);
	return status;
}
