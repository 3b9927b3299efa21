/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops, one table for each instruction set.  Activations are aligned for float; weights are
 * read as bytes because those of a file start anywhere.
 */
#ifndef RNM_NETWORK_KERNELS_H
#define RNM_NETWORK_KERNELS_H

#include <rnm/network.h>

struct rnm_kernels {
	enum rnm_kernel kind;
	uint32_t panel; /* rows of w that are packed side by side; 0: does not pack */
	/*
	 * c[m][n] = a[m][k] * w[n][k]^T with w as it lies in the file; for few rows of a.
	 */
	void (*product)(float *c, const float *a, const unsigned char *w, size_t m, size_t n, size_t k);
	/*
	 * The same with w packed: panels of `panel` rows of w, each transposed to [k][panel], the last one
	 * filled up with zeros.  NULL where the kernel gains nothing by it.
	 */
	void (*product_packed)(float *c, const float *a, const float *packed, size_t m, size_t n, size_t k);
	/* y[r][i] = x[r][i] op b[i]; y may be x. */
	void (*add)(float *y, const float *x, const float *b, size_t rows, size_t n);
	void (*sub)(float *y, const float *x, const float *b, size_t rows, size_t n);
	void (*mul)(float *y, const float *x, const float *b, size_t rows, size_t n);
	/* y[i] = f(x[i]); y may be x. */
	void (*relu)(float *y, const float *x, size_t n);
	void (*sigm)(float *y, const float *x, size_t n);
	void (*tanh)(float *y, const float *x, size_t n);
	void (*gelu)(float *y, const float *x, size_t n);
	/* Rows to mean 0 and population variance 1, without epsilon; y may be x. */
	void (*stdnorm)(float *y, const float *x, size_t rows, size_t n);
};

extern const struct rnm_kernels rnm_kernels_plain;
#if defined(__x86_64__)
extern const struct rnm_kernels rnm_kernels_avx2;
extern const struct rnm_kernels rnm_kernels_avx512;
#endif

/* The table for a kernel, AUTO for the best; NULL when this processor lacks it. */
const struct rnm_kernels *rnm_kernels_for(enum rnm_kernel kernel);

/* Floats that n x k weights take when packed for panels of the given width. */
uint64_t rnm_packed_floats(uint32_t panel, uint64_t n, uint64_t k);
void rnm_pack_weights(float *packed, const unsigned char *w, uint32_t panel, size_t n, size_t k);

/*
 * K is cut into pieces so that one piece of a panel stays in the first-level cache while all rows of
 * a pass over it (256 * 32 floats are 32 KiB).
 */
#define RNM_KERNEL_DEPTH 256u

#endif
