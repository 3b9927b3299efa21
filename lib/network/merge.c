/* SPDX-License-Identifier: Apache-2.0 */
/* Mixing the weights of networks of one architecture (rspamd: contrib/kann/kann.c, src/lua/lua_kann.c). */
#include "network/same.h"

#include <inttypes.h>
#include <math.h>

enum rnm_status rnm_network_compatible(const struct rnm_network *a, const struct rnm_network *b,
                                       enum rnm_compat compat, struct rnm_error *err)
{
	char difference[RNM_DIFFERENCE_MAX];
	bool same = compat == RNM_COMPAT_REFERENCE
	                ? rnm_same_interface(a, b, difference)
	                : rnm_same_graph(a, b, difference) && rnm_same_constants(a, b, difference);

	if (same)
		return RNM_OK;
	return rnm_error_set(err, RNM_NO, rnm_finding_id(RNM_KANN_INCOMPATIBLE), "%s", difference);
}

static void store(unsigned char *out, uint64_t offset, uint64_t index, float value)
{
	memcpy(out + offset + 4 * index, &value, sizeof(value));
}

enum rnm_status rnm_network_merge(void *out, const struct rnm_network *dst, const struct rnm_network *src,
                                  float alpha, enum rnm_compat compat, struct rnm_error *err)
{
	enum rnm_status status;
	/* A variable of its own: the reference rounds 1 - alpha to single precision before it multiplies. */
	float keep = 1.0f - alpha;

	if (!(alpha >= 0.0f && alpha <= 1.0f))
		return rnm_error_set(err, RNM_E_USAGE, rnm_finding_id(RNM_KANN_ALPHA),
		                     "expected a share of the second network from 0 to 1, found %g",
		                     (double)alpha);
	status = rnm_network_compatible(dst, src, compat, err);
	if (status != RNM_OK)
		return status;
	memcpy(out, dst->data, dst->size);
	for (uint64_t i = 0; i < dst->variables; i++) {
		float mine = keep * rnm_load_f32(dst->data + dst->x_offset + 4 * i);
		float theirs = alpha * rnm_load_f32(src->data + src->x_offset + 4 * i);

		store(out, dst->x_offset, i, mine + theirs);
	}
	return RNM_OK;
}

static enum rnm_status check_shares(const double *shares, size_t count, double *sum, struct rnm_error *err)
{
	*sum = 0;
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(shares[i]) || shares[i] < 0)
			return rnm_error_set(err, RNM_E_USAGE, rnm_finding_id(RNM_KANN_ALPHA),
			                     "expected a share of at least 0 for network %zu, found %g", i,
			                     shares[i]);
		*sum += shares[i];
	}
	if (!(*sum > 0) || !isfinite(*sum))
		return rnm_error_set(err, RNM_E_USAGE, rnm_finding_id(RNM_KANN_ALPHA),
		                     "expected shares with a sum above 0, found %g", *sum);
	return RNM_OK;
}

enum rnm_status rnm_network_merge_many(void *out, const struct rnm_network *const *networks,
                                       const double *shares, size_t count, enum rnm_compat compat,
                                       struct rnm_error *err)
{
	const struct rnm_network *first;
	double sum;
	enum rnm_status status = check_shares(shares, count, &sum, err);

	for (size_t i = 1; status == RNM_OK && i < count; i++)
		status = rnm_network_compatible(networks[0], networks[i], compat, err);
	if (status != RNM_OK)
		return status;
	first = networks[0];
	memcpy(out, first->data, first->size);
	for (uint64_t i = 0; i < first->variables; i++) {
		double mean = 0;

		for (size_t k = 0; k < count; k++) {
			const struct rnm_network *net = networks[k];

			/* A network without share has no say, even where it is NaN. */
			if (shares[k] > 0)
				mean +=
				    shares[k] / sum * (double)rnm_load_f32(net->data + net->x_offset + 4 * i);
		}
		store(out, first->x_offset, i, (float)mean);
	}
	return RNM_OK;
}
