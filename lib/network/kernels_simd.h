/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops in terms of a vector type: included once by each file that defines vec, its
 * operations, WIDTH, TARGET and INLINE.  Not a header in the usual sense, hence no include guard.
 */
#include <math.h>

#define PANEL ((size_t)2 * WIDTH)

/* ---- matrix products ---------------------------------------------------------------------------- */

/*
 * c[rows][columns] (+)= a[rows][depth] * panel[depth][PANEL].  rows is a constant in every call, so
 * that the sums stay in registers.
 */
INLINE void tile(float *c, size_t ldc, const float *a, size_t lda, const float *panel, size_t depth,
                 size_t columns, bool accumulate, const unsigned rows)
{
	size_t low = columns < WIDTH ? columns : WIDTH;
	size_t high = columns - low;
	vec sums[PACKED_ROWS][2];

#pragma GCC unroll 8
	for (unsigned r = 0; r < rows; r++)
		sums[r][0] = sums[r][1] = v_all(0.0f);
	for (size_t i = 0; i < depth; i++) {
		vec w0 = v_load(panel + i * PANEL), w1 = v_load(panel + i * PANEL + WIDTH);

#pragma GCC unroll 8
		for (unsigned r = 0; r < rows; r++) {
			vec x = v_all(a[r * lda + i]);

			sums[r][0] = v_fma(x, w0, sums[r][0]);
			sums[r][1] = v_fma(x, w1, sums[r][1]);
		}
	}
#pragma GCC unroll 8
	for (unsigned r = 0; r < rows; r++) {
		float *out = c + r * ldc;

		if (columns == PANEL) {
			if (accumulate) {
				sums[r][0] = v_add(sums[r][0], v_load(out));
				sums[r][1] = v_add(sums[r][1], v_load(out + WIDTH));
			}
			v_store(out, sums[r][0]);
			v_store(out + WIDTH, sums[r][1]);
			continue;
		}
		if (accumulate) {
			sums[r][0] = v_add(sums[r][0], low < WIDTH ? v_load_n(out, low) : v_load(out));
			sums[r][1] = v_add(sums[r][1], v_load_n(out + low, high));
		}
		if (low < WIDTH)
			v_store_n(out, sums[r][0], low);
		else
			v_store(out, sums[r][0]);
		v_store_n(out + low, sums[r][1], high);
	}
}

/* All rows of a against one piece of one panel. */
TARGET static void panel_product(float *c, size_t ldc, const float *a, size_t lda, const float *panel,
                                 size_t m, size_t depth, size_t columns, bool accumulate)
{
	for (; m >= PACKED_ROWS; m -= PACKED_ROWS, a += PACKED_ROWS * lda, c += PACKED_ROWS * ldc)
		tile(c, ldc, a, lda, panel, depth, columns, accumulate, PACKED_ROWS);
	for (; m >= 4; m -= 4, a += 4 * lda, c += 4 * ldc)
		tile(c, ldc, a, lda, panel, depth, columns, accumulate, 4);
	for (; m >= 2; m -= 2, a += 2 * lda, c += 2 * ldc)
		tile(c, ldc, a, lda, panel, depth, columns, accumulate, 2);
	for (; m >= 1; m--, a += lda, c += ldc)
		tile(c, ldc, a, lda, panel, depth, columns, accumulate, 1);
}

TARGET static void product_packed(float *c, const float *a, const float *packed, size_t m, size_t n, size_t k)
{
	for (size_t from = 0; from < k; from += RNM_KERNEL_DEPTH) {
		size_t depth = k - from < RNM_KERNEL_DEPTH ? k - from : RNM_KERNEL_DEPTH;

		for (size_t column = 0; column < n; column += PANEL)
			panel_product(c + column, n, a + from, k, packed + column * k + from * PANEL, m,
			              depth, n - column < PANEL ? n - column : PANEL, from > 0);
	}
}

/* The products of a_rows rows of a with w_rows rows of w, both constants in every call. */
INLINE void dots(float *c, size_t ldc, const float *a, const unsigned char *w, size_t k,
                 const unsigned a_rows, const unsigned w_rows)
{
	vec sums[4][8];
	size_t i = 0;

#pragma GCC unroll 8
	for (unsigned r = 0; r < a_rows; r++)
#pragma GCC unroll 8
		for (unsigned s = 0; s < w_rows; s++)
			sums[r][s] = v_all(0.0f);
	for (; i < k; i += WIDTH) {
		vec x[4];
		size_t left = k - i;

#pragma GCC unroll 8
		for (unsigned r = 0; r < a_rows; r++)
			x[r] = left < WIDTH ? v_load_n(a + r * k + i, left) : v_load(a + r * k + i);
#pragma GCC unroll 8
		for (unsigned s = 0; s < w_rows; s++) {
			const unsigned char *row = w + 4 * (s * k + i);
			vec y = left < WIDTH ? v_load_n(row, left) : v_load(row);

#pragma GCC unroll 8
			for (unsigned r = 0; r < a_rows; r++)
				sums[r][s] = v_fma(x[r], y, sums[r][s]);
		}
	}
#pragma GCC unroll 8
	for (unsigned r = 0; r < a_rows; r++)
#pragma GCC unroll 8
		for (unsigned s = 0; s < w_rows; s++)
			c[r * ldc + s] = v_sum(sums[r][s]);
}

/* As many rows of w at once as registers allow; w is read once for each group of rows of a. */
#define DOTS_OF(name, a_rows, group)                                                                         \
	TARGET static void name(float *c, const float *a, const unsigned char *w, size_t n, size_t k)        \
	{                                                                                                    \
		size_t s = 0;                                                                                \
                                                                                                             \
		for (; s + (group) <= n; s += (group))                                                       \
			dots(c + s, n, a, w + 4 * s * k, k, a_rows, group);                                  \
		for (; s < n; s++)                                                                           \
			dots(c + s, n, a, w + 4 * s * k, k, a_rows, 1);                                      \
	}
DOTS_OF(dots_of_4, 4, DOT_ROWS)
DOTS_OF(dots_of_2, 2, 4)
DOTS_OF(dots_of_1, 1, 8)

TARGET static void product(float *c, const float *a, const unsigned char *w, size_t m, size_t n, size_t k)
{
	for (; m >= 4; m -= 4, a += 4 * k, c += 4 * n)
		dots_of_4(c, a, w, n, k);
	for (; m >= 2; m -= 2, a += 2 * k, c += 2 * n)
		dots_of_2(c, a, w, n, k);
	for (; m >= 1; m--, a += k, c += n)
		dots_of_1(c, a, w, n, k);
}

/* ---- element-wise ------------------------------------------------------------------------------- */

/* e^x with a relative error of about 1e-7; outside of [-87, 88] the value at the border. */
INLINE vec v_exp(vec x)
{
	/* In this order of operands NaN stays NaN. */
	vec bounded = v_min(v_all(88.0f), v_max(v_all(-87.0f), x));
	vec n = v_round(v_mul(bounded, v_all(1.44269504f)));
	/* ln 2 in two parts, so that the remainder keeps its bits. */
	vec r = v_fma(n, v_all(2.12194440e-4f), v_fma(n, v_all(-0.693359375f), bounded));
	/* Interpolates e^r at the Chebyshev points of |r| <= ln 2 / 2. */
	vec p = v_all(1.394110844e-3f);

	p = v_fma(p, r, v_all(8.375126398e-3f));
	p = v_fma(p, r, v_all(4.166635290e-2f));
	p = v_fma(p, r, v_all(1.666641551e-1f));
	p = v_fma(p, r, v_all(0.5f));
	p = v_fma(p, r, v_all(1.0f));
	p = v_fma(p, r, v_all(1.0f));
	return v_scale(p, n);
}

/* erf(x), absolute error about 1e-7: a polynomial near 0, 1 - e^-q(|x|) elsewhere. */
INLINE vec v_erf(vec x)
{
	/* From 4 on erf is 1 in single precision. */
	vec t = v_min(v_all(4.0f), v_abs(x));
	vec s = v_mul(t, t);
	vec near = v_all(7.875875050e-5f), far = v_all(-1.637151416e-6f);

	near = v_fma(near, s, v_all(-8.016864283e-4f));
	near = v_fma(near, s, v_all(5.189087423e-3f));
	near = v_fma(near, s, v_all(-2.685421201e-2f));
	near = v_fma(near, s, v_all(1.128359472e-1f));
	near = v_fma(near, s, v_all(-3.761262667e-1f));
	near = v_fma(near, s, v_all(1.128379166f));
	near = v_mul(near, t);
	far = v_fma(far, t, v_all(4.605804271e-5f));
	far = v_fma(far, t, v_all(-5.968056258e-4f));
	far = v_fma(far, t, v_all(4.759596294e-3f));
	far = v_fma(far, t, v_all(-2.642113601e-2f));
	far = v_fma(far, t, v_all(1.100800830e-1f));
	far = v_fma(far, t, v_all(6.318260516e-1f));
	far = v_fma(far, t, v_all(1.130233435f));
	far = v_fma(far, t, v_all(-3.201380501e-4f));
	far = v_sub(v_all(1.0f), v_exp(v_sub(v_all(0.0f), far)));
	return v_with_sign(v_if_less(t, v_all(1.0f), near, far), x);
}

INLINE vec v_relu(vec x)
{
	/* NaN becomes 0, as in rspamd. */
	return v_max(x, v_all(0.0f));
}

INLINE vec v_sigm(vec x)
{
	return v_div(v_all(1.0f), v_add(v_all(1.0f), v_exp(v_sub(v_all(0.0f), x))));
}

INLINE vec v_tanh(vec x)
{
	vec e = v_exp(v_mul(v_all(-2.0f), x));

	return v_if_less(x, v_all(-20.0f), v_all(-1.0f), v_div(v_sub(v_all(1.0f), e), v_add(v_all(1.0f), e)));
}

INLINE vec v_gelu(vec x)
{
	vec erf = v_erf(v_mul(x, v_all(0.70710678f)));

	return v_mul(v_mul(v_all(0.5f), x), v_add(v_all(1.0f), erf));
}

#define MAP(name, f)                                                                                         \
	TARGET static void name(float *y, const float *x, size_t n)                                          \
	{                                                                                                    \
		size_t i = 0;                                                                                \
                                                                                                             \
		for (; i + WIDTH <= n; i += WIDTH)                                                           \
			v_store(y + i, f(v_load(x + i)));                                                    \
		if (i < n)                                                                                   \
			v_store_n(y + i, f(v_load_n(x + i, n - i)), n - i);                                  \
	}
MAP(relu, v_relu)
MAP(sigm, v_sigm)
MAP(tanh_, v_tanh)
MAP(gelu, v_gelu)

#define ROWS(name, f)                                                                                        \
	TARGET static void name(float *y, const float *x, const float *b, size_t rows, size_t n)             \
	{                                                                                                    \
		for (size_t r = 0; r < rows; r++, x += n, y += n) {                                          \
			size_t i = 0;                                                                        \
                                                                                                             \
			for (; i + WIDTH <= n; i += WIDTH)                                                   \
				v_store(y + i, f(v_load(x + i), v_load(b + i)));                             \
			if (i < n)                                                                           \
				v_store_n(y + i, f(v_load_n(x + i, n - i), v_load_n(b + i, n - i)), n - i);  \
		}                                                                                            \
	}
ROWS(add, v_add)
ROWS(sub, v_sub)
ROWS(mul, v_mul)

TARGET static void stdnorm_row(float *y, const float *x, size_t n)
{
	size_t whole = n / WIDTH * WIDTH;
	vecd sum = v_zero_d(), squares = v_zero_d();
	double variance;
	vec mean, inverse;

	for (size_t i = 0; i < whole; i += WIDTH)
		sum = v_add_d(sum, v_load(x + i));
	if (whole < n)
		sum = v_add_d(sum, v_load_n(x + whole, n - whole));
	mean = v_all((float)(v_sum_d(sum) / (double)n));
	for (size_t i = 0; i < whole; i += WIDTH) {
		vec centred = v_sub(v_load(x + i), mean);

		v_store(y + i, centred);
		squares = v_add_d(squares, v_mul(centred, centred));
	}
	if (whole < n) {
		vec centred;

		v_store_n(y + whole, v_sub(v_load_n(x + whole, n - whole), mean), n - whole);
		centred = v_load_n(y + whole, n - whole); /* zeros behind the end do not count */
		squares = v_add_d(squares, v_mul(centred, centred));
	}
	variance = v_sum_d(squares) / (double)n;
	inverse = v_all(variance > 0 || isnan(variance) ? (float)(1.0 / sqrt(variance)) : 1.0f);
	for (size_t i = 0; i < whole; i += WIDTH)
		v_store(y + i, v_mul(v_load(y + i), inverse));
	if (whole < n)
		v_store_n(y + whole, v_mul(v_load_n(y + whole, n - whole), inverse), n - whole);
}

TARGET static void stdnorm(float *y, const float *x, size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++)
		stdnorm_row(y + r * n, x + r * n, n);
}

const struct rnm_kernels TABLE = {
	.kind = KIND,
	.panel = PANEL,
	.product = product,
	.product_packed = product_packed,
	.add = add,
	.sub = sub,
	.mul = mul,
	.relu = relu,
	.sigm = sigm,
	.tanh = tanh_,
	.gelu = gelu,
	.stdnorm = stdnorm,
};
