/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops for AVX2 with FMA: 8 floats at a time, 16 registers. */
#include "network/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define WIDTH 8u
#define PACKED_ROWS 6u /* 6 x 2 sums, 2 weights and 1 factor fill the 16 registers */
#define DOT_ROWS 2u
#define TABLE rnm_kernels_avx2
#define KIND RNM_KERNEL_AVX2

typedef __m256 vec;
typedef __m256d vecd;

/* Eight words of which the first n have all bits set. */
INLINE __m256i first(size_t n)
{
	static const int32_t words[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

	return _mm256_loadu_si256((const __m256i_u *)(const void *)(words + 8 - n));
}

INLINE vec v_load(const void *p)
{
	return _mm256_loadu_ps(p);
}

/* The first n < WIDTH floats, zeros behind; nothing past them is touched. */
INLINE vec v_load_n(const void *p, size_t n)
{
	return _mm256_maskload_ps(p, first(n));
}

INLINE void v_store(float *p, vec v)
{
	_mm256_storeu_ps(p, v);
}

INLINE void v_store_n(float *p, vec v, size_t n)
{
	_mm256_maskstore_ps(p, first(n), v);
}

INLINE vec v_all(float x)
{
	return _mm256_set1_ps(x);
}

INLINE vec v_fma(vec a, vec b, vec c)
{
	return _mm256_fmadd_ps(a, b, c);
}

INLINE vec v_add(vec a, vec b)
{
	return _mm256_add_ps(a, b);
}

INLINE vec v_sub(vec a, vec b)
{
	return _mm256_sub_ps(a, b);
}

INLINE vec v_mul(vec a, vec b)
{
	return _mm256_mul_ps(a, b);
}

INLINE vec v_div(vec a, vec b)
{
	return _mm256_div_ps(a, b);
}

/* Both return b when either is NaN. */
INLINE vec v_min(vec a, vec b)
{
	return _mm256_min_ps(a, b);
}

INLINE vec v_max(vec a, vec b)
{
	return _mm256_max_ps(a, b);
}

INLINE vec v_round(vec a)
{
	return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* x * 2^n for a whole n between -126 and 127. */
INLINE vec v_scale(vec x, vec n)
{
	__m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));

	return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}

/* a < b ? x : y */
INLINE vec v_if_less(vec a, vec b, vec x, vec y)
{
	return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}

INLINE vec v_abs(vec a)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

/* magnitude with the sign of s */
INLINE vec v_with_sign(vec magnitude, vec s)
{
	return _mm256_or_ps(magnitude, _mm256_and_ps(s, _mm256_set1_ps(-0.0f)));
}

INLINE float v_sum(vec a)
{
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
	__m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

INLINE vecd v_zero_d(void)
{
	return _mm256_setzero_pd();
}

/* sum + all floats of a, as doubles */
INLINE vecd v_add_d(vecd sum, vec a)
{
	vecd low = _mm256_cvtps_pd(_mm256_castps256_ps128(a));
	vecd high = _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));

	return _mm256_add_pd(sum, _mm256_add_pd(low, high));
}

INLINE double v_sum_d(vecd a)
{
	__m128d two = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));

	return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

#include "network/kernels_simd.h"
#else
/* ISO C wants a declaration in every file. */
extern const struct rnm_kernels rnm_kernels_plain;
#endif
