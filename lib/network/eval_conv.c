/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution and pooling with the reference's treatment of padding, odd as it is in places
 * (rspamd: contrib/kann/kautodiff.c): a model was trained with it, so its scores depend on it.
 */
#include "network/plan.h"

#include <float.h>

/* Shapes of one operator along its axes; a one-dimensional one has a height of 1. */
struct geometry {
	uint64_t samples, channels, filters;
	int64_t in_h, in_w, out_h, out_w;
	struct rnm_conv_axis rows, columns;
};

static struct geometry geometry_of(const struct rnm_run *run, const struct rnm_step *step)
{
	const struct rnm_network_node *node = step->node, *data = rnm_child(run->plan->net, node, 0);
	bool flat = node->rank == 3;
	struct geometry g = {
		.samples = data->dims[0],
		.channels = data->dims[1],
		.filters = node->dims[1],
		.in_h = flat ? 1 : data->dims[2],
		.in_w = data->dims[flat ? 2 : 3],
		.out_h = flat ? 1 : node->dims[2],
		.out_w = node->dims[flat ? 2 : 3],
		.rows = flat ? (struct rnm_conv_axis){ 1, 1, 0, 0 } : rnm_conv_axis(node, 0),
		.columns = rnm_conv_axis(node, flat ? 0 : 1),
	};

	return g;
}

/* The range of outputs whose input column j * stride + shift lies within 0 and width. */
static void column_range(const struct geometry *g, int64_t shift, int64_t *from, int64_t *to)
{
	int64_t stride = g->columns.stride;

	*from = shift < 0 ? (-shift + stride - 1) / stride : 0;
	*to = shift < g->in_w ? (g->in_w - 1 - shift) / stride + 1 : 0;
	if (*to > g->out_w)
		*to = g->out_w;
}

/* One row of the kernel over one row of the data, weights flipped. */
static void convolve_row(const struct geometry *g, float *y, const float *x, const float *w)
{
	for (int64_t l = 0; l < g->columns.kernel; l++) {
		int64_t shift = l - g->columns.pad_left, from, to;
		float weight = w[g->columns.kernel - 1 - l];

		column_range(g, shift, &from, &to);
		for (int64_t j = from; j < to; j++)
			y[j] += weight * x[j * g->columns.stride + shift];
	}
}

/*
 * One channel of one filter.  For the kernel row kr the reference starts at input row kr - pad_top and
 * stops at the first one outside of the data: a kernel row above the data contributes nothing anywhere.
 */
static void convolve_channel(const struct geometry *g, float *y, const float *x, const float *w)
{
	for (int64_t kr = 0; kr < g->rows.kernel; kr++)
		for (int64_t i = 0; i < g->out_h; i++) {
			int64_t row = kr - g->rows.pad_left + i * g->rows.stride;

			if (row < 0 || row >= g->in_h)
				break;
			convolve_row(g, y + i * g->out_w, x + row * g->in_w,
			             w + (g->rows.kernel - 1 - kr) * g->columns.kernel);
		}
}

static void convolve(const struct rnm_run *run, const struct rnm_step *step)
{
	struct geometry g = geometry_of(run, step);
	uint64_t in = (uint64_t)(g.in_h * g.in_w), out = (uint64_t)(g.out_h * g.out_w);
	uint64_t kernel = (uint64_t)(g.rows.kernel * g.columns.kernel);

	for (size_t v = 0; v < run->count; v++) {
		const float *x = rnm_operand_at(run, step, 0, v), *w = rnm_operand_at(run, step, 1, v);
		float *y = rnm_place_at(run, &step->out, v);

		memset(y, 0, step->out.len * sizeof(*y));
		for (uint64_t s = 0; s < g.samples; s++)
			for (uint64_t f = 0; f < g.filters; f++)
				for (uint64_t c = 0; c < g.channels; c++)
					convolve_channel(&g, y + (s * g.filters + f) * out,
					                 x + (s * g.channels + c) * in,
					                 w + (f * g.channels + c) * kernel);
	}
}

void rnm_step_conv1d(const struct rnm_run *run, const struct rnm_step *step)
{
	convolve(run, step);
}

void rnm_step_conv2d(const struct rnm_run *run, const struct rnm_step *step)
{
	convolve(run, step);
}

/*
 * Input column that tap l of a pooling reads for output j, or -1.  The reference moves taps that begin
 * in the padding to column 0 instead of leaving out what lies outside.
 */
static int64_t pool_column(const struct geometry *g, int64_t l, int64_t j)
{
	int64_t start = l > g->columns.pad_left ? l - g->columns.pad_left : 0;
	int64_t column = start + j * g->columns.stride;

	return column < g->in_w ? column : -1;
}

static float max_at(const struct geometry *g, const float *x, int64_t i, int64_t j)
{
	float highest = -FLT_MAX;

	for (int64_t kr = 0; kr < g->rows.kernel; kr++) {
		int64_t row = i * g->rows.stride + kr - g->rows.pad_left;

		if (row < 0 || row >= g->in_h)
			continue;
		for (int64_t l = 0; l < g->columns.kernel; l++) {
			int64_t column = pool_column(g, l, j);

			if (column >= 0 && x[row * g->in_w + column] > highest)
				highest = x[row * g->in_w + column];
		}
	}
	return highest;
}

static float mean_at(const struct geometry *g, const float *x, int64_t i, int64_t j)
{
	float sum = 0;
	int64_t count = 0;

	(void)i;
	for (int64_t l = 0; l < g->columns.kernel; l++) {
		int64_t column = pool_column(g, l, j);

		if (column >= 0) {
			sum += x[column];
			count++;
		}
	}
	return sum / (float)count; /* no tap: 0 / 0, as in rspamd */
}

static void pool(const struct rnm_run *run, const struct rnm_step *step,
                 float (*at)(const struct geometry *g, const float *x, int64_t i, int64_t j))
{
	struct geometry g = geometry_of(run, step);
	uint64_t in = (uint64_t)(g.in_h * g.in_w), out = (uint64_t)(g.out_h * g.out_w);

	for (size_t v = 0; v < run->count; v++) {
		const float *x = rnm_operand_at(run, step, 0, v);
		float *y = rnm_place_at(run, &step->out, v);

		for (uint64_t c = 0; c < g.samples * g.channels; c++)
			for (int64_t i = 0; i < g.out_h; i++)
				for (int64_t j = 0; j < g.out_w; j++)
					y[(int64_t)(c * out) + i * g.out_w + j] = at(&g, x + c * in, i, j);
	}
}

void rnm_step_max1d(const struct rnm_run *run, const struct rnm_step *step)
{
	pool(run, step, max_at);
}

void rnm_step_max2d(const struct rnm_run *run, const struct rnm_step *step)
{
	pool(run, step, max_at);
}

void rnm_step_avg1d(const struct rnm_run *run, const struct rnm_step *step)
{
	pool(run, step, mean_at);
}
