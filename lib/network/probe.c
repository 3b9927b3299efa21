/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a network whose answers show whether it says anything at all.  rspamd asks the same of its
 * training vectors and refuses what it has trained when all answers are alike (lualib/plugins/neural.lua);
 * models that come from elsewhere it never asks.
 */
#include "network/graph.h"

#include <math.h>
#include <stdlib.h>

/* Vectors of one round: few enough that weights are read where they lie. */
#define ROUND 4u
#define LARGE 1000.0f
#define SEED 0x9e3779b97f4a7c15u
/* Floats of vectors held at once; a network with more inputs is not asked. */
#define FLOATS_MAX ((uint64_t)1 << 26)

struct probing {
	const struct rnm_network *net;
	const struct rnm_preprocess *preprocess;
	uint64_t raw_dim, input_dim, output_dim;
	uint64_t random; /* state of the generator */
	unsigned rounds;
	double low, high; /* range of the output */
	float *raw;       /* ROUND vectors before the PCA matrix; without one the inputs themselves */
	float *inputs, *outputs;
	struct rnm_probe *result;
};

/* splitmix64 */
static uint64_t next_random(struct probing *p)
{
	uint64_t z = p->random += SEED;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Close enough to a normal number of mean 0 and deviation 1: the sum of four even ones. */
static float normal(struct probing *p)
{
	uint64_t z = next_random(p);
	uint64_t sum = (z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48);

	return ((float)sum / 65536.0f - 2.0f) * 1.7320508f;
}

/* Like a vector of symbols: a quarter of them hit, each with a share of its weight. */
static float sparse(struct probing *p)
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
static void make_vectors(struct probing *p, unsigned round)
{
	bool unit = p->preprocess != NULL && p->preprocess->norm == RNM_NORM_UNIT;
	float *first = p->raw, *random = first + p->raw_dim, *hits = random + p->raw_dim,
	      *large = hits + p->raw_dim;

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

static void project(struct probing *p)
{
	const struct rnm_tensor *pca = p->preprocess != NULL ? p->preprocess->pca : NULL;

	if (pca == NULL)
		return;
	for (unsigned v = 0; v < ROUND; v++)
		for (uint64_t r = 0; r < pca->rows; r++) {
			const float *row = pca->data + r * pca->cols, *raw = p->raw + v * p->raw_dim;
			float sums[8] = { 0 }, sum = 0;
			uint64_t i = 0;

			/* Eight sums at once, which compilers make vector code of. */
			for (; i + 8 <= pca->cols; i += 8)
				for (unsigned k = 0; k < 8; k++)
					sums[k] += row[i + k] * raw[i + k];
			for (; i < pca->cols; i++)
				sum += row[i] * raw[i];
			for (unsigned k = 0; k < 8; k++)
				sum += sums[k];
			p->inputs[v * p->input_dim + r] = sum;
		}
}

static void take_answer(const struct probing *p, struct rnm_probe_answers *answers, double answer)
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

static enum rnm_status ask(struct probing *p, const struct rnm_plan *plan, struct rnm_scratch *scratch,
                           struct rnm_error *err)
{
	for (unsigned round = 0; round < p->rounds; round++) {
		enum rnm_status status;

		make_vectors(p, round);
		project(p);
		status = rnm_network_eval(plan, scratch, p->inputs, ROUND, p->outputs, err);
		if (status != RNM_OK)
			return status;
		for (unsigned v = 0; v < ROUND; v++)
			take_answer(p, v + 1 < ROUND ? &p->result->usual : &p->result->large,
			            p->outputs[v * p->output_dim]);
	}
	return RNM_OK;
}

static enum rnm_status too_large(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_LIMIT_SCRATCH),
	                     "expected at most %llu inputs and outputs to try out, found more",
	                     (unsigned long long)(FLOATS_MAX / ROUND));
}

static enum rnm_status allocate(struct probing *p, struct rnm_error *err)
{
	bool projected = p->preprocess != NULL && p->preprocess->pca != NULL;

	if (p->raw_dim + p->input_dim + p->output_dim > FLOATS_MAX / ROUND)
		return too_large(err);
	p->raw = malloc(ROUND * p->raw_dim * sizeof(float));
	p->inputs = projected ? malloc(ROUND * p->input_dim * sizeof(float)) : p->raw;
	p->outputs = malloc(ROUND * p->output_dim * sizeof(float));
	return p->raw != NULL && p->inputs != NULL && p->outputs != NULL ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status run(struct probing *p, const struct rnm_network_limits *given, struct rnm_error *err)
{
	struct rnm_network_limits limits = given != NULL ? *given : (struct rnm_network_limits){ 0 };
	const struct rnm_plan_options options = { .batch = ROUND, .limits = &limits };
	struct rnm_scratch *scratch = NULL;
	struct rnm_plan *plan = NULL;
	enum rnm_status status;
	uint64_t vectors;

	if (limits.max_work == 0)
		limits.max_work = RNM_PROBE_WORK_MAX;
	status = rnm_plan_new(&plan, p->net, &options, err);
	if (status == RNM_OK)
		status = allocate(p, err);
	if (status == RNM_OK)
		status = rnm_scratch_new(&scratch, plan, err);
	if (status == RNM_OK) {
		vectors = RNM_PROBE_WORK / (rnm_plan_work(plan) + 1);
		if (vectors > RNM_PROBE_VECTORS_MAX)
			vectors = RNM_PROBE_VECTORS_MAX;
		p->rounds = vectors < RNM_PROBE_VECTORS_MIN ? 1 : (unsigned)vectors / ROUND;
		status = ask(p, plan, scratch, err);
	}
	rnm_scratch_free(scratch);
	rnm_plan_free(plan);
	return status;
}

enum rnm_status rnm_network_probe(struct rnm_probe *out, const struct rnm_network *network,
                                  const struct rnm_preprocess *preprocess,
                                  const struct rnm_network_limits *limits, struct rnm_error *err)
{
	const struct rnm_probe_answers none = { .low = (double)INFINITY, .high = -(double)INFINITY };
	struct rnm_probe result = { none, none };
	struct probing p = {
		.net = network,
		.preprocess = preprocess,
		.input_dim = rnm_network_input_dim(network),
		.output_dim = rnm_network_output_dim(network),
		.random = SEED,
		.result = &result,
	};
	enum rnm_status status;

	p.raw_dim = preprocess != NULL && preprocess->pca != NULL ? preprocess->pca->cols : p.input_dim;
	rnm_network_output_range(network, &p.low, &p.high);
	status = run(&p, limits, err);
	if (p.inputs != p.raw)
		free(p.inputs);
	free(p.raw);
	free(p.outputs);
	if (status == RNM_OK)
		*out = result;
	return status;
}
