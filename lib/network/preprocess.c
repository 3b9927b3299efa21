/* SPDX-License-Identifier: Apache-2.0 */
/* From the raw vector to the network's input (rspamd: src/plugins/lua/neural.lua, src/lua/lua_kann.c). */
#include "network/findings.h"

#include <inttypes.h>
#include <math.h>

static enum rnm_status fail(struct rnm_error *err, enum rnm_finding_code code, const char *what,
                            uint64_t expected, uint64_t found)
{
	return rnm_error_set(err, RNM_E_MALFORMED, rnm_finding_id(code),
	                     "expected %s %" PRIu64 ", found %" PRIu64, what, expected, found);
}

static enum rnm_status check_norm(const struct rnm_preprocess *preprocess, size_t raw_len,
                                  struct rnm_error *err)
{
	if (preprocess->norm != RNM_NORM_ZSCORE)
		return RNM_OK;
	if (preprocess->norm_count != raw_len)
		return fail(err, RNM_KANN_NORM_LENGTH, "a mean and deviation for each component, that is,",
		            raw_len, preprocess->norm_count);
	for (size_t i = 0; i < raw_len; i++) {
		if (!isfinite(preprocess->mean[i]) || !isfinite(preprocess->std[i]))
			return rnm_error_set(
			    err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_NORM_FINITE),
			    "component %zu: expected a finite mean and deviation, found %g and %g", i,
			    preprocess->mean[i], preprocess->std[i]);
		if (!(preprocess->std[i] > 0))
			return rnm_error_set(err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_NORM_STD),
			                     "component %zu: expected a positive deviation, found %g: rspamd "
			                     "would divide by it",
			                     i, preprocess->std[i]);
	}
	return RNM_OK;
}

enum rnm_status rnm_preprocess_check(const struct rnm_preprocess *preprocess, size_t raw_len,
                                     uint64_t input_dim, struct rnm_error *err)
{
	const struct rnm_tensor *pca = preprocess->pca;
	enum rnm_status status = check_norm(preprocess, raw_len, err);

	if (status != RNM_OK)
		return status;
	if (pca != NULL && pca->cols != raw_len)
		return fail(err, RNM_KANN_PCA_COLS, "PCA columns to equal the vector's length", raw_len,
		            pca->cols);
	if (pca != NULL && input_dim != 0 && pca->rows != input_dim)
		return fail(err, RNM_KANN_PCA_ROWS, "PCA rows to equal the network's input", input_dim,
		            pca->rows);
	if (pca == NULL && input_dim != 0 && raw_len != input_dim)
		return fail(err, RNM_KANN_VECTOR_LENGTH, "a vector of the network's input length", input_dim,
		            raw_len);
	return RNM_OK;
}

/* Component i after normalisation, still in double precision. */
static double normalised(const struct rnm_preprocess *preprocess, const double *raw, size_t i, double length)
{
	switch (preprocess->norm) {
	case RNM_NORM_UNIT:
		return length > 0 ? raw[i] / length : raw[i];
	case RNM_NORM_ZSCORE:
		return (raw[i] - preprocess->mean[i]) / preprocess->std[i];
	case RNM_NORM_NONE:
		break;
	}
	return raw[i];
}

static double length_of(const double *raw, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += raw[i] * raw[i];
	return sqrt(sum);
}

/* z = P v; four sums side by side, since one chain of additions would set the pace. */
static float project_row(const float *row, const float *vector, size_t count)
{
	float sums[4] = { 0 };
	size_t i = 0;

	for (; i + 4 <= count; i += 4)
		for (unsigned k = 0; k < 4; k++)
			sums[k] += row[i + k] * vector[i + k];
	for (; i < count; i++)
		sums[0] += row[i] * vector[i];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

enum rnm_status rnm_preprocess_run(const struct rnm_preprocess *preprocess, const double *raw, size_t raw_len,
                                   float *work, float *out, struct rnm_error *err)
{
	const struct rnm_tensor *pca = preprocess->pca;
	float *vector = pca != NULL ? work : out;
	double length = preprocess->norm == RNM_NORM_UNIT ? length_of(raw, raw_len) : 0;

	for (size_t i = 0; i < raw_len; i++) {
		vector[i] = (float)normalised(preprocess, raw, i, length);
		if (!isfinite(vector[i]) || !isfinite(raw[i]))
			return rnm_error_set(
			    err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_VECTOR_FINITE),
			    "component %zu: expected a finite number, found %g (%g after normalisation)", i,
			    raw[i], (double)vector[i]);
	}
	if (pca == NULL)
		return RNM_OK;
	for (uint32_t r = 0; r < pca->rows; r++)
		out[r] = project_row(pca->data + (size_t)r * pca->cols, vector, raw_len);
	return RNM_OK;
}
