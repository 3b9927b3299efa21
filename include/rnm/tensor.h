/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/tensor.h: the matrix that rspamd stores in the fields `pca` and `pca_data`.
 *
 * Layout (rspamd: src/lua/lua_tensor.c, little-endian): i32 ndims, i32 size, i32 dim[0], i32 dim[1],
 * then f32[size], row-major; no magic and no checksum.  The bytes must be exactly 16 + 4 * size.
 */
#ifndef RNM_TENSOR_H
#define RNM_TENSOR_H

#include <rnm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_TENSOR_HEADER_SIZE 16u
/* Most elements that are read; a real matrix has at most a few millions. */
#define RNM_TENSOR_ELEMENTS_MAX ((uint64_t)1 << 28)

struct rnm_tensor {
	uint32_t rows;     /* components: the input size of the network that the matrix feeds */
	uint32_t cols;     /* length of the raw vector */
	const float *data; /* rows * cols, row-major */
	void *owned;       /* internal: a copy, when the given bytes were not aligned for float */
	/* What a user should know of a matrix that is well formed (rspamd's own are neither). */
	uint32_t zero_rows;     /* rows of norm zero: that input of the network is always 0 */
	double worst_deviation; /* largest | |row| - 1 |; principal axes are unit vectors */
};

/*
 * Reads a two-dimensional tensor.  out->data points into data where data is aligned for float, so data
 * must outlive *out.  RNM_E_MALFORMED with a byte offset and one of the ids
 *   "tensor.short"       fewer bytes than a header
 *   "tensor.ndims"       not two dimensions
 *   "tensor.size"        a size below 1, or size is not dim[0] * dim[1], or above the limit
 *   "tensor.length"      the bytes are not exactly header and elements
 *   "tensor.non-finite"  an element is NaN or infinite
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_tensor_read(struct rnm_tensor *out, const void *data, size_t len,
                                                       struct rnm_error *err);
/* Frees what rnm_tensor_read allocated and zeroes the struct; accepts a zeroed one and NULL. */
RNM_API void rnm_tensor_clear(struct rnm_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
