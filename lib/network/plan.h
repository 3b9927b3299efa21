/* SPDX-License-Identifier: Apache-2.0 */
/* A plan: the operators that matter, in order, and where each finds its operands. */
#ifndef RNM_NETWORK_PLAN_H
#define RNM_NETWORK_PLAN_H

#include "network/graph.h"
#include "network/kernels.h"

/* Values of one node for one or for every vector of a pass. */
struct rnm_place {
	enum { RNM_PLACE_NONE, RNM_PLACE_SLOT, RNM_PLACE_INPUT, RNM_PLACE_FIXED } kind;
	uint64_t len;    /* floats for one vector */
	uint64_t offset; /* SLOT: floats for one vector in front of it in the scratch */
	float *memory;   /* FIXED: values that do not depend on the input, in the plan */
};

/* Floats of copied leaves in a plan whose values are still to come. */
#define RNM_PLAN_LATE_MAX ((uint64_t)1 << 20)

struct rnm_run;
struct rnm_step;
typedef void rnm_step_run(const struct rnm_run *run, const struct rnm_step *step);

struct rnm_step {
	rnm_step_run *run;
	const struct rnm_network_node *node;
	struct rnm_place out;
	struct rnm_place *operands; /* one for each child, NONE where weights are used instead */
	/* Only for cmul with a fixed right operand. */
	const unsigned char *weights; /* [n][k]; NULL otherwise, and while values are still to come */
	uint32_t weights_leaf;        /* the leaf that they are, or RNM_NO_NODE */
	const float *packed;          /* the same packed, or NULL */
	uint64_t rows, n, k;          /* cmul: rows of the left operand for one vector, and sizes */
};

struct rnm_plan {
	const struct rnm_network *net;
	const struct rnm_kernels *kernels;
	uint32_t batch;
	uint64_t work;
	uint64_t slot_floats; /* scratch for one vector */
	struct rnm_step *steps;
	size_t step_count;
	struct rnm_place *operands; /* of all steps */
	struct rnm_place out;
	float *fixed; /* aligned copies of small weights, results of constant operators */
	/*
	 * Only when values are still to come (rnm_network.scans): where those of each node go in fixed, or NULL.
	 * Without them fixed is not filled, and the steps are run by lib/network/stream.c.
	 */
	float **late;
	float *packed;
};

struct rnm_scratch {
	const struct rnm_plan *plan;
	float *memory;
};

/* One pass over at most plan->batch vectors. */
struct rnm_run {
	const struct rnm_plan *plan;
	float *memory;
	const float *inputs;
	size_t count; /* vectors */
};

/* The values of a place for one vector of the pass; those of the following vectors lie behind it. */
static inline float *rnm_place_at(const struct rnm_run *run, const struct rnm_place *place, size_t vector)
{
	if (place->kind == RNM_PLACE_SLOT)
		return run->memory + place->offset * run->plan->batch + vector * place->len;
	return place->memory;
}

static inline const float *rnm_operand_at(const struct rnm_run *run, const struct rnm_step *step,
                                          uint32_t operand, size_t vector)
{
	const struct rnm_place *place = &step->operands[operand];

	if (place->kind == RNM_PLACE_INPUT)
		return run->inputs + vector * place->len;
	return rnm_place_at(run, place, vector);
}

/* The node that another one is only a name of: select and reshape copy nothing. */
uint32_t rnm_plan_root(const struct rnm_network *net, uint32_t index);

/* Copies what the plan computes, for each vector of the pass. */
void rnm_run_output(const struct rnm_run *run, float *outputs);

/* The function of an operator; NULL for those that a plan never runs. */
rnm_step_run *rnm_step_function(unsigned op);
rnm_step_run rnm_step_conv1d, rnm_step_conv2d, rnm_step_max1d, rnm_step_avg1d, rnm_step_max2d;
rnm_step_run rnm_step_ce_bin, rnm_step_ce_bin_neg, rnm_step_ce_multi, rnm_step_mse;
rnm_step_run rnm_step_avg, rnm_step_max, rnm_step_slice, rnm_step_concat, rnm_step_stack, rnm_step_reverse;
rnm_step_run rnm_step_reduce_sum, rnm_step_reduce_mean, rnm_step_softmax, rnm_step_attn_pool, rnm_step_matmul;

/* Multiply-adds and copies of one step, saturating at UINT64_MAX. */
uint64_t rnm_node_work(const struct rnm_network *net, const struct rnm_network_node *node);

/* Sizes seen from one axis: values before it, along it, behind it. */
struct rnm_axis {
	uint64_t outer, size, inner;
};
static inline struct rnm_axis rnm_axis_of(const struct rnm_network_node *node, int32_t axis)
{
	struct rnm_axis sizes = { 1, node->dims[axis], 1 };

	for (int32_t i = 0; i < axis; i++)
		sizes.outer *= node->dims[i];
	for (int32_t i = axis + 1; i < node->rank; i++)
		sizes.inner *= node->dims[i];
	return sizes;
}

#endif
