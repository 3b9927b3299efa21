/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops in portable C: what every processor runs, and what the others are tested against. */
#include "network/kernels.h"

#include <math.h>
#include <string.h>

static float load(const unsigned char *bytes)
{
	float value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Eight sums side by side: short chains of additions, and something that compilers vectorise. */
static float dot(const float *a, const unsigned char *w, size_t k)
{
	float sums[8] = { 0 };
	float tail = 0;
	size_t i = 0;

	for (; i + 8 <= k; i += 8)
		for (unsigned j = 0; j < 8; j++)
			sums[j] += a[i + j] * load(w + 4 * (i + j));
	for (; i < k; i++)
		tail += a[i] * load(w + 4 * i);
	return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) +
	       tail;
}

static void product(float *c, const float *a, const unsigned char *w, size_t m, size_t n, size_t k)
{
	/* Rows of w outside: each is read from memory once, whatever the batch. */
	for (size_t s = 0; s < n; s++)
		for (size_t r = 0; r < m; r++)
			c[r * n + s] = dot(a + r * k, w + 4 * s * k, k);
}

static void add(float *y, const float *x, const float *b, size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++, x += n, y += n)
		for (size_t i = 0; i < n; i++)
			y[i] = x[i] + b[i];
}

static void sub(float *y, const float *x, const float *b, size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++, x += n, y += n)
		for (size_t i = 0; i < n; i++)
			y[i] = x[i] - b[i];
}

static void mul(float *y, const float *x, const float *b, size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++, x += n, y += n)
		for (size_t i = 0; i < n; i++)
			y[i] = x[i] * b[i];
}

static void relu(float *y, const float *x, size_t n)
{
	/* Written so that NaN becomes 0, as in rspamd. */
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] > 0.0f ? x[i] : 0.0f;
}

static void sigm(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = 1.0f / (1.0f + expf(-x[i]));
}

static void tanh_(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float e = expf(-2.0f * x[i]);

		/* The formula would divide infinity by infinity far on the left. */
		y[i] = x[i] < -20.0f ? -1.0f : (1.0f - e) / (1.0f + e);
	}
}

static void gelu(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678f));
}

static void stdnorm_row(float *y, const float *x, size_t n)
{
	double sum = 0, squares = 0;
	float mean, inverse;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i];
	mean = (float)(sum / (double)n);
	for (size_t i = 0; i < n; i++) {
		y[i] = x[i] - mean;
		squares += (double)(y[i] * y[i]);
	}
	inverse = squares > 0 || isnan(squares) ? (float)(1.0 / sqrt(squares / (double)n)) : 1.0f;
	for (size_t i = 0; i < n; i++)
		y[i] *= inverse;
}

static void stdnorm(float *y, const float *x, size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++)
		stdnorm_row(y + r * n, x + r * n, n);
}

const struct rnm_kernels rnm_kernels_plain = {
	.kind = RNM_KERNEL_PLAIN,
	.product = product,
	.add = add,
	.sub = sub,
	.mul = mul,
	.relu = relu,
	.sigm = sigm,
	.tanh = tanh_,
	.gelu = gelu,
	.stdnorm = stdnorm,
};
