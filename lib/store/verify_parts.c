/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of a model against each other, and what the network makes of made-up vectors. */
#include "store/model_file.h"
#include "store/verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* rspamd: the quality gate of lualib/plugins/neural.lua refuses what it has trained below this spread. */
#define SPREAD_MIN 1e-4
/* Principal axes are unit vectors at right angles. */
#define PCA_TOLERANCE 1e-3
/* Products of rows that are looked at, in multiply-adds: all pairs of a usual matrix. */
#define PCA_WORK ((uint64_t)1 << 26)

/* ---- the PCA matrix ----------------------------------------------------------------------------- */

static double product(const float *a, const float *b, uint32_t count)
{
	double sums[4] = { 0 }, sum = 0;
	uint32_t i = 0;

	for (; i + 4 <= count; i += 4)
		for (unsigned k = 0; k < 4; k++)
			sums[k] += (double)a[i + k] * b[i + k];
	for (; i < count; i++)
		sum += (double)a[i] * b[i];
	return sum + sums[0] + sums[1] + sums[2] + sums[3];
}

/* Largest product of two rows; of a large matrix only of rows near each other. */
static double worst_product(const struct rnm_tensor *pca)
{
	uint64_t near = PCA_WORK / ((uint64_t)pca->rows * pca->cols) + 1;
	double worst = 0;

	for (uint64_t r = 0; r < pca->rows; r++)
		for (uint64_t s = r + 1; s < pca->rows && s - r <= near; s++) {
			double size =
			    fabs(product(pca->data + r * pca->cols, pca->data + s * pca->cols, pca->cols));

			worst = size > worst ? size : worst;
		}
	return worst;
}

void rnm_verify_pca(struct rnm_verifying *v)
{
	const struct rnm_tensor *pca = &v->file->pca;
	double worst;

	if (v->file->container->pca.len == 0) {
		rnm_verify_skip(v, "none");
		return;
	}
	if (strncmp(v->file->pca_problem.id, "tensor.", 7) == 0) {
		rnm_verify_saw(v, "%llu bytes", (unsigned long long)v->file->pca_expanded);
		rnm_verify_take(v, "pca_data", &v->file->pca_problem);
	}
	if (pca->rows == 0) {
		rnm_verify_skip(v, "cannot be read");
		return;
	}
	rnm_verify_saw(v, "%u x %u", pca->rows, pca->cols);
	if (pca->zero_rows > 0)
		rnm_verify_find(v, RNM_VERIFY_PCA_ZERO_ROW, "pca_data",
		                "expected axes in all rows, found %u of %u that are zero: those inputs are "
		                "always 0",
		                pca->zero_rows, pca->rows);
	if (pca->worst_deviation > PCA_TOLERANCE)
		rnm_verify_find(v, RNM_VERIFY_PCA_UNIT, "pca_data",
		                "expected rows of length 1, found a length that is off by %.3g",
		                pca->worst_deviation);
	worst = worst_product(pca);
	if (worst > PCA_TOLERANCE)
		rnm_verify_find(v, RNM_VERIFY_PCA_ORTHOGONAL, "pca_data",
		                "expected rows at right angles, found two with a product of %.3g", worst);
}

/* ---- dimensions --------------------------------------------------------------------------------- */

void rnm_verify_dimensions(struct rnm_verifying *v)
{
	static const char *const norms[] = { [RNM_NORM_NONE] = "no normalisation",
		                             [RNM_NORM_UNIT] = "unit normalisation",
		                             [RNM_NORM_ZSCORE] = "z-scores" };
	const struct rnm_model_file *file = v->file;

	if (file->network == NULL || file->pca_problem.status != RNM_OK) {
		rnm_verify_skip(v, "cannot be compared");
		return;
	}
	rnm_verify_saw(v, "vectors of %llu, %s, %llu inputs, %llu output%s",
	               (unsigned long long)rnm_model_file_raw_dim(file), norms[file->container->norm_mode],
	               (unsigned long long)rnm_network_input_dim(file->network),
	               (unsigned long long)rnm_network_output_dim(file->network),
	               rnm_network_output_dim(file->network) == 1 ? "" : "s");
	if (file->fit_problem.status != RNM_OK)
		rnm_verify_take(v, strncmp(file->fit_problem.id, "norm.", 5) == 0 ? "norm_stats" : "pca_data",
		                &file->fit_problem);
	if (rnm_network_output_dim(file->network) != 1)
		rnm_verify_find(v, RNM_VERIFY_OUTPUT_DIM, "ann_data",
		                "expected one output, found %llu: rspamd uses the first",
		                (unsigned long long)rnm_network_output_dim(file->network));
}

/* ---- thresholds --------------------------------------------------------------------------------- */

/*
 * rspamd: src/plugins/lua/neural.lua calls a message spam when its score is above 0 and at least the
 * first threshold, ham when it is at most 0 and minus the score is at least the second.
 */
void rnm_verify_thresholds(struct rnm_verifying *v)
{
	const struct rnm_rnm1 *container = v->file->container;
	double low = -(double)INFINITY, high = (double)INFINITY;

	if (!container->has_roc) {
		rnm_verify_skip(v, "none");
		return;
	}
	rnm_verify_saw(v, "spam %.6g, ham %.6g", container->roc_spam, container->roc_ham);
	if (v->file->network != NULL)
		rnm_network_output_range(v->file->network, &low, &high);
	/* Only what keeps a symbol from ever being set: below 0 a threshold has no effect in rspamd. */
	if (container->roc_spam > fmin(high, 1) || container->roc_spam < -1)
		rnm_verify_find(v, RNM_VERIFY_THRESHOLD_RANGE, "roc_thresholds",
		                "expected a spam threshold from -1 to %g, found %g", fmin(high, 1),
		                container->roc_spam);
	if (container->roc_ham > fmin(-low, 1) || container->roc_ham < -1)
		rnm_verify_find(v, RNM_VERIFY_THRESHOLD_RANGE, "roc_thresholds",
		                "expected a ham threshold from -1 to %g, found %g", fmin(-low, 1) + 0.0,
		                container->roc_ham);
	if (container->roc_ham > container->roc_spam)
		rnm_verify_find(
		    v, RNM_VERIFY_THRESHOLD_ORDER, "roc_thresholds",
		    "expected the ham threshold to be at most the spam threshold, found %g above %g",
		    container->roc_ham, container->roc_spam);
}

/* ---- answers ------------------------------------------------------------------------------------ */

static void judge_range(struct rnm_verifying *v)
{
	double low, high;

	rnm_network_output_range(v->file->network, &low, &high);
	if (low < -1 || high > 1)
		rnm_verify_find(
		    v, RNM_VERIFY_OUTPUT_RANGE, "ann_data",
		    "expected an output that is bound to -1 and 1, as by tanh, found one that is not");
	else if (low >= 0)
		rnm_verify_find(v, RNM_VERIFY_OUTPUT_RANGE, "ann_data",
		                "expected an output from -1 to 1, found one from 0 to 1: rspamd could call a "
		                "message spam, but never ham");
}

static void judge_answers(struct rnm_verifying *v, const struct rnm_probe *probe)
{
	const struct rnm_probe_answers *usual = &probe->usual, *large = &probe->large;
	double low = fmin(usual->low, large->low), high = fmax(usual->high, large->high);

	if (usual->non_finite > 0) {
		rnm_verify_find(v, RNM_VERIFY_ANSWER_FINITE, "ann_data",
		                "expected numbers as answers, found NaN or infinity for %u of %u vectors",
		                usual->non_finite, usual->vectors);
		return;
	}
	if (large->non_finite > 0)
		rnm_verify_find(v, RNM_VERIFY_ANSWER_OVERFLOW, "ann_data",
		                "expected numbers as answers, found NaN or infinity for %u of %u very large "
		                "vectors",
		                large->non_finite, large->vectors);
	if (high - low < SPREAD_MIN)
		rnm_verify_find(v, RNM_VERIFY_ANSWER_CONSTANT, "ann_data",
		                "expected answers that depend on the vector, found %.6g for every one of %u",
		                usual->low, usual->vectors + large->vectors);
	else if (usual->high - usual->low < SPREAD_MIN)
		rnm_verify_find(
		    v, RNM_VERIFY_ANSWER_FLAT, "ann_data",
		    "expected answers that depend on the vector, found %.6g for all %u vectors of "
		    "usual size",
		    usual->low, usual->vectors);
	else if (usual->at_end == usual->vectors)
		rnm_verify_find(v, RNM_VERIFY_ANSWER_SATURATED, "ann_data",
		                "expected answers of every degree, found %u at the ends of the range only",
		                usual->vectors);
}

void rnm_verify_answers(struct rnm_verifying *v)
{
	const struct rnm_model_file *file = v->file;
	struct rnm_probe probe;
	struct rnm_error *err;
	enum rnm_status status;

	if (file->network == NULL || rnm_model_file_verdict(file, NULL) != RNM_OK) {
		rnm_verify_skip(v, "not asked: see the problems above");
		return;
	}
	err = malloc(sizeof(*err));
	if (err == NULL) {
		v->no_memory = true;
		return;
	}
	status = rnm_model_file_probe(&probe, file, v->options->limits, err);
	judge_range(v);
	if (status == RNM_OK) {
		rnm_verify_saw(v, "%.3g to %.3g on %u vectors", probe.usual.low, probe.usual.high,
		               probe.usual.vectors);
		judge_answers(v, &probe);
	} else if (status == RNM_E_NOMEM) {
		v->no_memory = true;
	} else {
		rnm_verify_saw(v, "none");
		rnm_verify_find(v, RNM_VERIFY_NOT_TRIED, "ann_data", "the network was not tried out: %s",
		                err->message);
	}
	free(err);
}
