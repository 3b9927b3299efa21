/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of rspamd's matrix container (src/lua/lua_tensor.c). */
#include "base/cursor.h"

#include <rnm/tensor.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are little-endian, so must be the host");

static int64_t take_i32(struct rnm_cursor *cursor)
{
	uint32_t bits = rnm_cursor_le32(cursor);
	int32_t value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The four numbers in front of the elements; all arithmetic is 64-bit, which rspamd's is not. */
static enum rnm_status read_header(struct rnm_tensor *out, const void *data, size_t len,
                                   struct rnm_error *err)
{
	struct rnm_cursor cursor;
	int64_t ndims, size, rows, cols;

	rnm_cursor_init(&cursor, data, len);
	ndims = take_i32(&cursor);
	size = take_i32(&cursor);
	rows = take_i32(&cursor);
	cols = take_i32(&cursor);
	if (cursor.failed) {
		rnm_error_set(err, RNM_E_MALFORMED, "tensor.short",
		              "expected a tensor header of %u bytes, found %zu bytes", RNM_TENSOR_HEADER_SIZE,
		              len);
		return rnm_error_at_offset(err, NULL, len);
	}
	if (ndims != 2) {
		rnm_error_set(err, RNM_E_MALFORMED, "tensor.ndims",
		              "expected a matrix of 2 dimensions, found %" PRId64, ndims);
		return rnm_error_at_offset(err, NULL, 0);
	}
	if (size <= 0 || rows <= 0 || cols <= 0 || rows * cols != size ||
	    (uint64_t)size > RNM_TENSOR_ELEMENTS_MAX) {
		rnm_error_set(err, RNM_E_MALFORMED, "tensor.size",
		              "expected rows times columns to be the size and at most %" PRIu64
		              ", found %" PRId64 " x %" PRId64 " and %" PRId64,
		              RNM_TENSOR_ELEMENTS_MAX, rows, cols, size);
		return rnm_error_at_offset(err, NULL, 4);
	}
	if (len - cursor.pos != 4 * (uint64_t)size) {
		rnm_error_set(err, RNM_E_MALFORMED, "tensor.length",
		              "expected %" PRIu64 " bytes for %" PRId64 " x %" PRId64 " elements, found %zu",
		              RNM_TENSOR_HEADER_SIZE + 4 * (uint64_t)size, rows, cols, len);
		return rnm_error_at_offset(err, NULL, cursor.pos);
	}
	out->rows = (uint32_t)rows;
	out->cols = (uint32_t)cols;
	return RNM_OK;
}

static enum rnm_status look_at_rows(struct rnm_tensor *tensor, struct rnm_error *err)
{
	for (uint32_t r = 0; r < tensor->rows; r++) {
		const float *row = tensor->data + (size_t)r * tensor->cols;
		double sum = 0, deviation;

		for (uint32_t c = 0; c < tensor->cols; c++)
			sum += (double)row[c] * (double)row[c];
		/* Squares of finite floats do not overflow a double, so this finds every NaN and infinity. */
		if (!isfinite(sum)) {
			rnm_error_set(err, RNM_E_MALFORMED, "tensor.non-finite",
			              "expected finite elements, found NaN or infinity in row %" PRIu32, r);
			return rnm_error_at_offset(err, NULL,
			                           RNM_TENSOR_HEADER_SIZE + 4 * (uint64_t)r * tensor->cols);
		}
		deviation = fabs(sqrt(sum) - 1);
		tensor->zero_rows += !(sum > 0);
		if (deviation > tensor->worst_deviation)
			tensor->worst_deviation = deviation;
	}
	return RNM_OK;
}

enum rnm_status rnm_tensor_read(struct rnm_tensor *out, const void *data, size_t len, struct rnm_error *err)
{
	struct rnm_tensor tensor = { 0 };
	enum rnm_status status = read_header(&tensor, data, len, err);
	const unsigned char *elements;

	if (status != RNM_OK)
		return status;
	elements = (const unsigned char *)data + RNM_TENSOR_HEADER_SIZE;
	if ((uintptr_t)elements % _Alignof(float) == 0) {
		tensor.data = (const float *)(const void *)elements;
	} else {
		tensor.owned = malloc(len - RNM_TENSOR_HEADER_SIZE);
		if (tensor.owned == NULL)
			return rnm_error_nomem(err);
		memcpy(tensor.owned, elements, len - RNM_TENSOR_HEADER_SIZE);
		tensor.data = tensor.owned;
	}
	status = look_at_rows(&tensor, err);
	if (status != RNM_OK)
		free(tensor.owned);
	else
		*out = tensor;
	return status;
}

void rnm_tensor_clear(struct rnm_tensor *tensor)
{
	if (tensor == NULL)
		return;
	free(tensor->owned);
	*tensor = (struct rnm_tensor){ 0 };
}
