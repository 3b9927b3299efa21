/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops for AVX-512: 16 floats at a time, 32 registers. */
#include "network/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512dq,fma")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define WIDTH 16u
#define PACKED_ROWS 8u /* 8 x 2 sums, enough to hide the latency of two multiply-add units */
#define DOT_ROWS 4u    /* rows of w at once; times 1, 2 or 4 rows of a */
#define TABLE rnm_kernels_avx512
#define KIND RNM_KERNEL_AVX512

typedef __m512 vec;
typedef __m512d vecd;

INLINE __mmask16 first(size_t n)
{
	return (__mmask16)((1u << n) - 1u);
}

INLINE vec v_load(const void *p)
{
	return _mm512_loadu_ps(p);
}

/* The first n < WIDTH floats, zeros behind; nothing past them is touched. */
INLINE vec v_load_n(const void *p, size_t n)
{
	return _mm512_maskz_loadu_ps(first(n), p);
}

INLINE void v_store(float *p, vec v)
{
	_mm512_storeu_ps(p, v);
}

INLINE void v_store_n(float *p, vec v, size_t n)
{
	_mm512_mask_storeu_ps(p, first(n), v);
}

INLINE vec v_all(float x)
{
	return _mm512_set1_ps(x);
}

INLINE vec v_fma(vec a, vec b, vec c)
{
	return _mm512_fmadd_ps(a, b, c);
}

INLINE vec v_add(vec a, vec b)
{
	return _mm512_add_ps(a, b);
}

INLINE vec v_sub(vec a, vec b)
{
	return _mm512_sub_ps(a, b);
}

INLINE vec v_mul(vec a, vec b)
{
	return _mm512_mul_ps(a, b);
}

INLINE vec v_div(vec a, vec b)
{
	return _mm512_div_ps(a, b);
}

/* Both return b when either is NaN. */
INLINE vec v_min(vec a, vec b)
{
	return _mm512_min_ps(a, b);
}

INLINE vec v_max(vec a, vec b)
{
	return _mm512_max_ps(a, b);
}

INLINE vec v_round(vec a)
{
	return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* x * 2^n for a whole n between -126 and 127. */
INLINE vec v_scale(vec x, vec n)
{
	return _mm512_scalef_ps(x, n);
}

/* a < b ? x : y */
INLINE vec v_if_less(vec a, vec b, vec x, vec y)
{
	return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}

INLINE vec v_abs(vec a)
{
	return _mm512_abs_ps(a);
}

/* magnitude with the sign of s */
INLINE vec v_with_sign(vec magnitude, vec s)
{
	return _mm512_or_ps(magnitude, _mm512_and_ps(s, _mm512_set1_ps(-0.0f)));
}

INLINE float v_sum(vec a)
{
	return _mm512_reduce_add_ps(a);
}

INLINE vecd v_zero_d(void)
{
	return _mm512_setzero_pd();
}

/* sum + all floats of a, as doubles */
INLINE vecd v_add_d(vecd sum, vec a)
{
	vecd low = _mm512_cvtps_pd(_mm512_castps512_ps256(a));
	vecd high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));

	return _mm512_add_pd(sum, _mm512_add_pd(low, high));
}

INLINE double v_sum_d(vecd a)
{
	return _mm512_reduce_add_pd(a);
}

#include "network/kernels_simd.h"
#else
/* ISO C wants a declaration in every file. */
extern const struct rnm_kernels rnm_kernels_plain;
#endif
