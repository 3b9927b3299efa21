/* SPDX-License-Identifier: Apache-2.0 */
/* The PCA matrix, at any alignment, and a vector through it. */
#include "fuzz.h"

#include <rnm/network.h>
#include <rnm/tensor.h>

#include <math.h>

#define COLUMNS_MAX 256
#define ROWS_MAX 256

static void run(const struct rnm_tensor *tensor, const uint8_t *seed, size_t seed_len)
{
	static double raw[COLUMNS_MAX], mean[COLUMNS_MAX], deviation[COLUMNS_MAX];
	static float work[COLUMNS_MAX], out[ROWS_MAX];
	const struct rnm_preprocess preprocess = { seed_len > 0 ? (enum rnm_norm_mode)(seed[0] % 3)
		                                                : RNM_NORM_NONE,
		                                   mean, deviation, tensor->cols, tensor };
	struct rnm_error err;
	enum rnm_status status;

	for (size_t i = 0; i < tensor->cols; i++) {
		raw[i] = seed_len > 0 ? (double)seed[i % seed_len] - 128 : 1;
		mean[i] = (double)i;
		deviation[i] = 0.5 + (double)i;
	}
	rnm_error_clear(&err);
	status = rnm_preprocess_check(&preprocess, tensor->cols, tensor->rows, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == RNM_OK);
	status = rnm_preprocess_run(&preprocess, raw, tensor->cols, work, out, &err);
	fuzz_check_error(status, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t shift = fuzz_byte(&data, &size) % 4;
	char *memory = fuzz_copy(data, size);
	char *copy = malloc(size + shift + 1);
	struct rnm_tensor tensor = { 0 };
	struct rnm_error err;
	enum rnm_status status;

	FUZZ_CHECK(copy != NULL);
	memcpy(copy + shift, memory, size);
	rnm_error_clear(&err);
	status = rnm_tensor_read(&tensor, shift == 0 ? memory : copy + shift, size, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		FUZZ_CHECK((uint64_t)tensor.rows * tensor.cols * sizeof(float) + RNM_TENSOR_HEADER_SIZE ==
		           size);
		for (size_t i = 0; i < (size_t)tensor.rows * tensor.cols; i++)
			FUZZ_CHECK(isfinite(tensor.data[i]));
		if (tensor.cols <= COLUMNS_MAX && tensor.rows <= ROWS_MAX)
			run(&tensor, data, size);
	}
	rnm_tensor_clear(&tensor);
	free(copy);
	free(memory);
	return 0;
}
