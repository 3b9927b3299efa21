/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan, and the operators that trained networks are made of. */
#include "network/plan.h"

#include <math.h>
#include <stdlib.h>

/* From this many rows on, the packed order of weights pays. */
#define PACKED_FROM 2u

static void run_cmul(const struct rnm_run *run, const struct rnm_step *step)
{
	const struct rnm_kernels *kernels = run->plan->kernels;

	if (step->weights != NULL) {
		size_t m = run->count * step->rows;
		const float *a = rnm_operand_at(run, step, 0, 0);
		float *c = rnm_place_at(run, &step->out, 0);

		/* All vectors of the pass lie one behind the other: they are more rows of one matrix. */
		if (step->packed != NULL && m >= PACKED_FROM)
			kernels->product_packed(c, a, step->packed, m, step->n, step->k);
		else
			kernels->product(c, a, step->weights, m, step->n, step->k);
		return;
	}
	for (size_t v = 0; v < run->count; v++)
		kernels->product(rnm_place_at(run, &step->out, v), rnm_operand_at(run, step, 0, v),
		                 (const unsigned char *)rnm_operand_at(run, step, 1, v), step->rows, step->n,
		                 step->k);
}

typedef void tile_kernel(float *y, const float *x, const float *b, size_t rows, size_t n);

/* The right operand is repeated until it covers the left one. */
static void run_tiled(const struct rnm_run *run, const struct rnm_step *step, tile_kernel *kernel)
{
	uint64_t left = step->operands[0].len, right = step->operands[1].len;

	if (step->operands[0].kind != RNM_PLACE_FIXED && step->operands[1].kind == RNM_PLACE_FIXED) {
		kernel(rnm_place_at(run, &step->out, 0), rnm_operand_at(run, step, 0, 0),
		       rnm_operand_at(run, step, 1, 0), run->count * (left / right), right);
		return;
	}
	for (size_t v = 0; v < run->count; v++)
		kernel(rnm_place_at(run, &step->out, v), rnm_operand_at(run, step, 0, v),
		       rnm_operand_at(run, step, 1, v), left / right, right);
}

static void run_add(const struct rnm_run *run, const struct rnm_step *step)
{
	run_tiled(run, step, run->plan->kernels->add);
}

static void run_sub(const struct rnm_run *run, const struct rnm_step *step)
{
	run_tiled(run, step, run->plan->kernels->sub);
}

static void run_mul(const struct rnm_run *run, const struct rnm_step *step)
{
	run_tiled(run, step, run->plan->kernels->mul);
}

typedef void map_kernel(float *y, const float *x, size_t n);

static void run_map(const struct rnm_run *run, const struct rnm_step *step, map_kernel *kernel)
{
	/* A fixed operand occurs only while constants are computed, with one vector. */
	kernel(rnm_place_at(run, &step->out, 0), rnm_operand_at(run, step, 0, 0), run->count * step->out.len);
}

static void run_relu(const struct rnm_run *run, const struct rnm_step *step)
{
	run_map(run, step, run->plan->kernels->relu);
}

static void run_sigm(const struct rnm_run *run, const struct rnm_step *step)
{
	run_map(run, step, run->plan->kernels->sigm);
}

static void run_tanh(const struct rnm_run *run, const struct rnm_step *step)
{
	run_map(run, step, run->plan->kernels->tanh);
}

static void run_gelu(const struct rnm_run *run, const struct rnm_step *step)
{
	run_map(run, step, run->plan->kernels->gelu);
}

static void run_stdnorm(const struct rnm_run *run, const struct rnm_step *step)
{
	uint64_t n = step->node->dims[step->node->rank - 1];

	run->plan->kernels->stdnorm(rnm_place_at(run, &step->out, 0), rnm_operand_at(run, step, 0, 0),
	                            run->count * (step->out.len / n), n);
}

/* Rare in real models: the C library's functions, one number at a time. */
#define SIMPLE_MAP(name, expression)                                                                         \
	static void name##_all(float *y, const float *x, size_t n)                                           \
	{                                                                                                    \
		for (size_t i = 0; i < n; i++)                                                               \
			y[i] = (expression);                                                                 \
	}                                                                                                    \
	static void run_##name(const struct rnm_run *run, const struct rnm_step *step)                       \
	{                                                                                                    \
		run_map(run, step, name##_all);                                                              \
	}
SIMPLE_MAP(square, x[i] * x[i])
SIMPLE_MAP(one_minus, 1.0f - x[i])
SIMPLE_MAP(exp, expf(x[i]))
SIMPLE_MAP(log, logf(x[i]))
SIMPLE_MAP(sin, sinf(x[i]))

rnm_step_run *rnm_step_function(unsigned op)
{
	/* select and reshape are other names for their operand; dropout and sample_normal are refused. */
	static rnm_step_run *const functions[RNM_OP_END] = {
		[RNM_OP_ADD] = run_add,
		[RNM_OP_MUL] = run_mul,
		[RNM_OP_CMUL] = run_cmul,
		[RNM_OP_CE_BIN_NEG] = rnm_step_ce_bin_neg,
		[RNM_OP_SQUARE] = run_square,
		[RNM_OP_SIGM] = run_sigm,
		[RNM_OP_TANH] = run_tanh,
		[RNM_OP_RELU] = run_relu,
		[RNM_OP_MATMUL] = rnm_step_matmul,
		[RNM_OP_AVG] = rnm_step_avg,
		[RNM_OP_1MINUS] = run_one_minus,
		[RNM_OP_CE_MULTI] = rnm_step_ce_multi,
		[RNM_OP_SOFTMAX] = rnm_step_softmax,
		[RNM_OP_CONV2D] = rnm_step_conv2d,
		[RNM_OP_MAX2D] = rnm_step_max2d,
		[RNM_OP_CONV1D] = rnm_step_conv1d,
		[RNM_OP_MAX1D] = rnm_step_max1d,
		[RNM_OP_SLICE] = rnm_step_slice,
		[RNM_OP_MAX] = rnm_step_max,
		[RNM_OP_CE_BIN] = rnm_step_ce_bin,
		[RNM_OP_SUB] = run_sub,
		[RNM_OP_REDUCE_SUM] = rnm_step_reduce_sum,
		[RNM_OP_REDUCE_MEAN] = rnm_step_reduce_mean,
		[RNM_OP_LOG] = run_log,
		[RNM_OP_AVG1D] = rnm_step_avg1d,
		[RNM_OP_MSE] = rnm_step_mse,
		[RNM_OP_CONCAT] = rnm_step_concat,
		[RNM_OP_STDNORM] = run_stdnorm,
		[RNM_OP_EXP] = run_exp,
		[RNM_OP_SIN] = run_sin,
		[RNM_OP_STACK] = rnm_step_stack,
		[RNM_OP_REVERSE] = rnm_step_reverse,
		[RNM_OP_GELU] = run_gelu,
		[RNM_OP_ATTN_POOL] = rnm_step_attn_pool,
	};

	return op < RNM_OP_END ? functions[op] : NULL;
}

static void run_steps(const struct rnm_run *run)
{
	for (size_t i = 0; i < run->plan->step_count; i++)
		run->plan->steps[i].run(run, &run->plan->steps[i]);
}

void rnm_run_output(const struct rnm_run *run, float *outputs)
{
	const struct rnm_place *out = &run->plan->out;

	for (size_t v = 0; v < run->count; v++) {
		const float *values =
		    out->kind == RNM_PLACE_INPUT ? run->inputs + v * out->len : rnm_place_at(run, out, v);

		memcpy(outputs + v * out->len, values, out->len * sizeof(float));
	}
}

enum rnm_status rnm_network_eval(const struct rnm_plan *plan, struct rnm_scratch *scratch,
                                 const float *inputs, size_t batch, float *outputs, struct rnm_error *err)
{
	uint64_t input_dim = rnm_network_input_dim(plan->net);

	if (scratch->plan != plan)
		return rnm_error_set(err, RNM_E_USAGE, rnm_finding_id(RNM_KANN_SCRATCH),
		                     "expected scratch memory made for this plan, found that of another");
	for (size_t done = 0; done < batch; done += plan->batch) {
		struct rnm_run run = {
			.plan = plan,
			.memory = scratch->memory,
			.inputs = inputs + done * input_dim,
			.count = batch - done < plan->batch ? batch - done : plan->batch,
		};

		run_steps(&run);
		rnm_run_output(&run, outputs + done * plan->out.len);
	}
	return RNM_OK;
}
