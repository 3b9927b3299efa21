/* SPDX-License-Identifier: Apache-2.0 */
/* Structural, pooling and cost operators, one vector at a time (rspamd: contrib/kann/kautodiff.c). */
#include "network/plan.h"

#include <float.h>
#include <math.h>

#define COST_TINY 1e-9f

void rnm_step_matmul(const struct rnm_run *run, const struct rnm_step *step)
{
	uint64_t rows = step->node->dims[0], columns = step->node->dims[1];
	uint64_t depth = step->operands[0].len / rows;

	for (size_t v = 0; v < run->count; v++) {
		const float *a = rnm_operand_at(run, step, 0, v), *b = rnm_operand_at(run, step, 1, v);
		float *y = rnm_place_at(run, &step->out, v);

		memset(y, 0, step->out.len * sizeof(*y));
		for (uint64_t r = 0; r < rows; r++)
			for (uint64_t k = 0; k < depth; k++)
				for (uint64_t c = 0; c < columns; c++)
					y[r * columns + c] += a[r * depth + k] * b[k * columns + c];
	}
}

void rnm_step_avg(const struct rnm_run *run, const struct rnm_step *step)
{
	uint32_t count = step->node->child_count;
	float share = 1.0f / (float)count;

	for (size_t v = 0; v < run->count; v++) {
		float *y = rnm_place_at(run, &step->out, v);

		memcpy(y, rnm_operand_at(run, step, 0, v), step->out.len * sizeof(*y));
		for (uint32_t i = 1; i < count; i++) {
			const float *x = rnm_operand_at(run, step, i, v);

			for (uint64_t k = 0; k < step->out.len; k++)
				y[k] += x[k];
		}
		for (uint64_t k = 0; k < step->out.len; k++)
			y[k] *= share;
	}
}

void rnm_step_max(const struct rnm_run *run, const struct rnm_step *step)
{
	for (size_t v = 0; v < run->count; v++) {
		float *y = rnm_place_at(run, &step->out, v);

		memcpy(y, rnm_operand_at(run, step, 0, v), step->out.len * sizeof(*y));
		for (uint32_t i = 1; i < step->node->child_count; i++) {
			const float *x = rnm_operand_at(run, step, i, v);

			for (uint64_t k = 0; k < step->out.len; k++)
				y[k] = y[k] > x[k] ? y[k] : x[k];
		}
	}
}

void rnm_step_slice(const struct rnm_run *run, const struct rnm_step *step)
{
	const struct rnm_network *net = run->plan->net;
	struct rnm_axis axis = rnm_axis_of(rnm_child(net, step->node, 0), step->node->params[0]);
	uint64_t start = (uint64_t)step->node->params[1], size = (uint64_t)step->node->params[2] - start;

	for (size_t v = 0; v < run->count; v++) {
		const float *x = rnm_operand_at(run, step, 0, v);
		float *y = rnm_place_at(run, &step->out, v);

		for (uint64_t o = 0; o < axis.outer; o++)
			memcpy(y + o * size * axis.inner, x + (o * axis.size + start) * axis.inner,
			       size * axis.inner * sizeof(*y));
	}
}

void rnm_step_concat(const struct rnm_run *run, const struct rnm_step *step)
{
	int32_t axis = step->node->params[0];
	struct rnm_axis whole = rnm_axis_of(step->node, axis);

	for (size_t v = 0; v < run->count; v++) {
		float *y = rnm_place_at(run, &step->out, v);
		uint64_t at = 0;

		for (uint32_t i = 0; i < step->node->child_count; i++) {
			const float *x = rnm_operand_at(run, step, i, v);
			uint64_t part = rnm_child(run->plan->net, step->node, i)->dims[axis] * whole.inner;

			for (uint64_t o = 0; o < whole.outer; o++)
				memcpy(y + o * whole.size * whole.inner + at, x + o * part,
				       part * sizeof(*y));
			at += part;
		}
	}
}

void rnm_step_stack(const struct rnm_run *run, const struct rnm_step *step)
{
	for (size_t v = 0; v < run->count; v++) {
		float *y = rnm_place_at(run, &step->out, v);

		for (uint32_t i = 0; i < step->node->child_count; i++) {
			uint64_t len = step->operands[i].len;

			memcpy(y + i * len, rnm_operand_at(run, step, i, v), len * sizeof(*y));
		}
	}
}

void rnm_step_reverse(const struct rnm_run *run, const struct rnm_step *step)
{
	int32_t axis = step->node->param_count > 0 ? step->node->params[0] : 0;
	struct rnm_axis sizes = rnm_axis_of(step->node, axis < 0 ? axis + step->node->rank : axis);

	for (size_t v = 0; v < run->count; v++) {
		const float *x = rnm_operand_at(run, step, 0, v);
		float *y = rnm_place_at(run, &step->out, v);

		for (uint64_t o = 0; o < sizes.outer; o++)
			for (uint64_t i = 0; i < sizes.size; i++)
				memcpy(y + (o * sizes.size + sizes.size - 1 - i) * sizes.inner,
				       x + (o * sizes.size + i) * sizes.inner, sizes.inner * sizeof(*y));
	}
}

/* Sum over one axis; each addend is multiplied first, as the reference's mean does. */
static void reduce(const struct rnm_run *run, const struct rnm_step *step, bool mean)
{
	struct rnm_axis axis = rnm_axis_of(rnm_child(run->plan->net, step->node, 0), step->node->params[0]);
	float factor = mean ? 1.0f / (float)axis.size : 1.0f;

	for (size_t v = 0; v < run->count; v++) {
		const float *x = rnm_operand_at(run, step, 0, v);
		float *y = rnm_place_at(run, &step->out, v);

		memset(y, 0, step->out.len * sizeof(*y));
		for (uint64_t o = 0; o < axis.outer; o++)
			for (uint64_t i = 0; i < axis.size; i++)
				for (uint64_t k = 0; k < axis.inner; k++)
					y[o * axis.inner + k] +=
					    factor * x[(o * axis.size + i) * axis.inner + k];
	}
}

void rnm_step_reduce_sum(const struct rnm_run *run, const struct rnm_step *step)
{
	reduce(run, step, false);
}

void rnm_step_reduce_mean(const struct rnm_run *run, const struct rnm_step *step)
{
	reduce(run, step, true);
}

static void softmax_row(float *y, const float *x, uint64_t n)
{
	float highest = -FLT_MAX, sum = 0, inverse;

	for (uint64_t i = 0; i < n; i++)
		highest = x[i] > highest ? x[i] : highest;
	for (uint64_t i = 0; i < n; i++) {
		y[i] = expf(x[i] - highest);
		sum += y[i];
	}
	inverse = 1.0f / sum;
	for (uint64_t i = 0; i < n; i++)
		y[i] *= inverse;
}

void rnm_step_softmax(const struct rnm_run *run, const struct rnm_step *step)
{
	uint64_t n = step->node->dims[step->node->rank - 1];

	for (size_t v = 0; v < run->count; v++)
		for (uint64_t row = 0; row < step->out.len; row += n)
			softmax_row(rnm_place_at(run, &step->out, v) + row,
			            rnm_operand_at(run, step, 0, v) + row, n);
}

/* Score of one word under one query; words of zeros are padding. */
static float word_score(const float *word, const float *query, uint64_t width, float scale)
{
	float dot = 0;
	bool padding = true;

	for (uint64_t i = 0; i < width; i++) {
		padding &= !(word[i] < 0.0f || word[i] > 0.0f || isnan(word[i]));
		dot += query[i] * word[i];
	}
	return padding ? -FLT_MAX : scale * dot;
}

/*
 * One head over the words of one sample.  Scores are computed twice, which needs no memory for them:
 * once for the highest, once for the weights.
 */
static void attend(float *y, const float *words, const float *query, uint64_t count, uint64_t width)
{
	float scale = 1.0f / sqrtf((float)width), highest = -FLT_MAX, sum = 0;

	for (uint64_t l = 0; l < count; l++) {
		float score = word_score(words + l * width, query, width, scale);

		highest = score > highest ? score : highest;
	}
	if (highest <= -FLT_MAX)
		highest = 0;
	memset(y, 0, width * sizeof(*y));
	for (uint64_t l = 0; l < count; l++) {
		float weight = expf(word_score(words + l * width, query, width, scale) - highest);

		sum += weight;
		if (weight > 0.0f || isnan(weight))
			for (uint64_t i = 0; i < width; i++)
				y[i] += weight * words[l * width + i];
	}
	for (uint64_t i = 0; i < width; i++)
		y[i] *= 1.0f / sum; /* only padding: 0 times infinity is NaN, as in rspamd */
}

void rnm_step_attn_pool(const struct rnm_run *run, const struct rnm_step *step)
{
	const struct rnm_network_node *queries = rnm_child(run->plan->net, step->node, 1);
	uint64_t heads = queries->dims[0], width = queries->dims[1], count = (uint64_t)step->node->params[0];

	for (size_t v = 0; v < run->count; v++) {
		const float *words = rnm_operand_at(run, step, 0, v),
			    *query = rnm_operand_at(run, step, 1, v);
		float *y = rnm_place_at(run, &step->out, v);

		for (uint64_t sample = 0; sample < step->node->dims[0]; sample++)
			for (uint64_t h = 0; h < heads; h++)
				attend(y + (sample * heads + h) * width, words + sample * count * width,
				       query + h * width, count, width);
	}
}

/* One term of a cross entropy: t * ln(t / p), nothing where t is not positive. */
static double entropy(float t, float p)
{
	return t > 0.0f ? (double)(t * logf(t / (p > COST_TINY ? p : COST_TINY))) : 0.0;
}

void rnm_step_ce_bin(const struct rnm_run *run, const struct rnm_step *step)
{
	uint64_t n = step->operands[1].len;

	for (size_t v = 0; v < run->count; v++) {
		const float *p = rnm_operand_at(run, step, 0, v), *t = rnm_operand_at(run, step, 1, v);
		double sum = 0;

		for (uint64_t i = 0; i < n; i++)
			sum += entropy(t[i], p[i]) + entropy(1.0f - t[i], 1.0f - p[i]);
		*rnm_place_at(run, &step->out, v) = (float)(sum / (double)n);
	}
}

void rnm_step_ce_bin_neg(const struct rnm_run *run, const struct rnm_step *step)
{
	uint64_t n = step->operands[1].len;

	for (size_t v = 0; v < run->count; v++) {
		const float *p = rnm_operand_at(run, step, 0, v), *t = rnm_operand_at(run, step, 1, v);
		double sum = 0;

		for (uint64_t i = 0; i < n; i++)
			sum += 0.5 * (entropy(1.0f + t[i], 1.0f + p[i]) + entropy(1.0f - t[i], 1.0f - p[i]));
		*rnm_place_at(run, &step->out, v) = (float)(sum / (double)n);
	}
}

void rnm_step_ce_multi(const struct rnm_run *run, const struct rnm_step *step)
{
	const struct rnm_network_node *prediction = rnm_child(run->plan->net, step->node, 0);
	uint64_t classes = prediction->dims[prediction->rank - 1], rows = prediction->len / classes;

	for (size_t v = 0; v < run->count; v++) {
		const float *p = rnm_operand_at(run, step, 0, v), *t = rnm_operand_at(run, step, 1, v);
		const float *weight = step->node->child_count == 3 ? rnm_operand_at(run, step, 2, v) : NULL;
		double sum = 0;

		for (uint64_t i = 0; i < prediction->len; i++)
			sum += entropy(t[i], p[i]) * (weight != NULL ? (double)weight[i % classes] : 1.0);
		*rnm_place_at(run, &step->out, v) = (float)(sum / (double)rows);
	}
}

void rnm_step_mse(const struct rnm_run *run, const struct rnm_step *step)
{
	uint64_t n = step->operands[0].len;

	for (size_t v = 0; v < run->count; v++) {
		const float *p = rnm_operand_at(run, step, 0, v), *t = rnm_operand_at(run, step, 1, v);
		double sum = 0;

		for (uint64_t i = 0; i < n; i++)
			sum += (double)(p[i] - t[i]) * (double)(p[i] - t[i]);
		*rnm_place_at(run, &step->out, v) = (float)(sum / (double)n);
	}
}
