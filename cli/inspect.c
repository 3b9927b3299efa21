/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect.h"

#include <stdlib.h>
#include <string.h>

static bool gather_tensors(struct inspection *out, bool hashes)
{
	const struct rnm_network *network = out->file->network;
	unsigned char hash[RNM_NETWORK_HASH_LEN];
	uint32_t count = rnm_network_tensor_count(network);

	/* A network may have none: calloc must not answer NULL to that. */
	out->tensors = calloc((size_t)count + 1, sizeof(*out->tensors));
	if (out->tensors == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct inspected_tensor *tensor = &out->tensors[i];

		if (!rnm_network_tensor(network, i, &tensor->tensor) ||
		    !rnm_network_tensor_stats(network, i, &tensor->stats))
			break;
		out->tensor_count++;
		if (!hashes)
			continue;
		rnm_tensor_hash(&tensor->tensor, hash);
		output_hash(tensor->hash, hash);
	}
	if (hashes) {
		rnm_network_hash(network, hash);
		output_hash(out->hash, hash);
	}
	return true;
}

enum rnm_status inspection_open(struct inspection *out, const struct model_argument *model, bool hashes,
                                struct rnm_error *err)
{
	enum rnm_status status;

	*out = (struct inspection){ .model = model, .file = model->file };
	status = rnm_model_verify(&out->verification, model->file, NULL, err);
	if (status != RNM_OK && status != RNM_NO)
		return status;
	if (model->file->network != NULL && !gather_tensors(out, hashes)) {
		inspection_free(out);
		return rnm_error_nomem(err);
	}
	return RNM_OK;
}

void inspection_free(struct inspection *inspection)
{
	rnm_verification_free(inspection->verification);
	free(inspection->tensors);
	*inspection = (struct inspection){ 0 };
}

struct effective_thresholds effective_thresholds(const struct rnm_rnm1 *container)
{
	struct effective_thresholds out = { 0, 0 };

	/* rspamd: src/plugins/lua/neural.lua compares the second with minus the score. */
	if (container->has_roc && container->roc_spam > 0)
		out.spam = container->roc_spam;
	if (container->has_roc && container->roc_ham > 0)
		out.ham = -container->roc_ham;
	return out;
}

const struct rnm_value *inspected_string(const struct rnm_rnm1 *container, const char *key)
{
	const struct rnm_value *value = rnm_value_get(container->extra, key);

	return rnm_value_string(value) != NULL ? value : NULL;
}

bool inspected_time(const struct inspection *inspection, double *seconds)
{
	if (inspection->model->model != NULL)
		*seconds = inspection->model->model->profile.score;
	else if (inspection->file->container->has_created_at)
		*seconds = (double)inspection->file->container->created_at;
	else
		return false;
	return true;
}

void put_dims(struct rnm_buf *out, const uint32_t *dims, unsigned rank)
{
	if (rank == 0)
		rnm_buf_puts(out, "scalar");
	for (unsigned i = 0; i < rank; i++)
		rnm_buf_printf(out, "%s%u", i > 0 ? " x " : "", dims[i]);
}

bool is_matrix(const struct inspected_tensor *tensor)
{
	return !tensor->tensor.constant && tensor->tensor.rank >= 2;
}
