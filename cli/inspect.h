/* SPDX-License-Identifier: Apache-2.0 */
/* What `rnm inspect` has gathered about a model, and the forms in which it says it. */
#ifndef RNM_CLI_INSPECT_H
#define RNM_CLI_INSPECT_H

#include "model_argument.h"
#include "output.h"

#include <rnm/json.h>
#include <rnm/verify.h>

struct inspected_tensor {
	struct rnm_network_tensor tensor;
	struct rnm_tensor_stats stats;
	char hash[OUTPUT_HASH_HEX]; /* "" unless hashes were asked for */
};

struct inspection {
	const struct model_argument *model;
	const struct rnm_model_file *file; /* of the model */
	struct rnm_verification *verification;
	struct inspected_tensor *tensors; /* none without a network */
	size_t tensor_count;
	char hash[OUTPUT_HASH_HEX]; /* of all weights; "" unless hashes were asked for */
};

RNM_MUST_CHECK enum rnm_status inspection_open(struct inspection *out, const struct model_argument *model,
                                               bool hashes, struct rnm_error *err);
void inspection_free(struct inspection *inspection);

/* How rspamd applies thresholds, in terms of the score (docs/network.md). */
struct effective_thresholds {
	double spam; /* spam from here up; 0: everything above 0 */
	double ham;  /* ham from here down; 0: everything up to 0 */
};
struct effective_thresholds effective_thresholds(const struct rnm_rnm1 *container);

/* A string of the map `rnm`, or NULL. */
const struct rnm_value *inspected_string(const struct rnm_rnm1 *container, const char *key);
/* Seconds since 1970 of the model; false when nothing is known. */
bool inspected_time(const struct inspection *inspection, double *seconds);
/* "300 x 600", "scalar". */
void put_dims(struct rnm_buf *out, const uint32_t *dims, unsigned rank);
/* Matrices are what a layer is known by; the rest is in --tensors. */
bool is_matrix(const struct inspected_tensor *tensor);

/* Each appends a whole document. */
void inspect_text(struct rnm_buf *out, const struct inspection *inspection, bool all_tensors);
void inspect_hashes(struct rnm_buf *out, const struct inspection *inspection);
void inspect_json(struct rnm_buf *out, const struct inspection *inspection);
void inspect_markdown(struct rnm_buf *out, const struct inspection *inspection);
void inspect_dot(struct rnm_buf *out, const struct inspection *inspection);
void inspect_svg(struct rnm_buf *out, const struct inspection *inspection);

#endif
