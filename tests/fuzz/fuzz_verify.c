/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole file, as `rnm verify` and `rnm inspect` take it: opened, judged, looked at from all sides.
 * What holds: an answer is one of three, every finding has a known id and a sentence, what is called sound
 * is sound for every other judge and can be evaluated, and the second look says the same.
 */
#include "fuzz.h"

#include <rnm/rnm.h>

#include <math.h>

static const struct rnm_network_limits limits = { .max_work = 1 << 20, .max_scratch_bytes = 1 << 22 };

static void check_findings(const struct rnm_verification *verification)
{
	size_t problems = 0;

	for (size_t i = 0; i < verification->finding_count; i++) {
		const struct rnm_model_finding *finding = &verification->findings[i];
		const struct rnm_finding_kind *kind = rnm_model_finding_kind(finding->id);

		FUZZ_CHECK(kind != NULL && strcmp(kind->id, finding->id) == 0);
		FUZZ_CHECK(finding->text[0] != '\0' && finding->part[0] != '\0');
		FUZZ_CHECK(i == 0 || finding->check >= verification->findings[i - 1].check);
		FUZZ_CHECK(verification->checks[finding->check].state >= RNM_CHECK_WARNING);
		problems += finding->severity != RNM_SEVERITY_WARNING;
	}
	FUZZ_CHECK(problems == verification->problems);
	FUZZ_CHECK(verification->problems + verification->warnings == verification->finding_count);
	for (size_t i = 0; i < RNM_CHECK_COUNT; i++)
		FUZZ_CHECK(verification->checks[i].summary != NULL);
}

static void check_tensor(const struct rnm_network *network, uint32_t index)
{
	struct rnm_network_tensor tensor;
	struct rnm_tensor_stats stats;
	unsigned char hash[RNM_NETWORK_HASH_LEN];
	uint64_t bins[7], sum = 0;

	FUZZ_CHECK(rnm_network_tensor(network, index, &tensor));
	FUZZ_CHECK(rnm_network_tensor_stats(network, index, &stats));
	FUZZ_CHECK(stats.zeros + stats.non_finite <= tensor.len && stats.dead <= stats.units);
	FUZZ_CHECK(stats.non_finite == tensor.len ? isnan(stats.mean) : stats.min <= stats.max);
	rnm_tensor_histogram(&tensor, stats.min, stats.max, bins, 7);
	for (size_t i = 0; i < 7; i++)
		sum += bins[i];
	FUZZ_CHECK(sum == tensor.len - stats.non_finite);
	rnm_tensor_hash(&tensor, hash);
}

static void look_at(const struct rnm_network *network)
{
	unsigned char hash[RNM_NETWORK_HASH_LEN], again[RNM_NETWORK_HASH_LEN];
	double low, high;

	for (uint32_t i = 0; i < rnm_network_tensor_count(network); i++)
		check_tensor(network, i);
	rnm_network_hash(network, hash);
	rnm_network_hash(network, again);
	FUZZ_CHECK(memcmp(hash, again, sizeof(hash)) == 0);
	rnm_network_output_range(network, &low, &high);
	FUZZ_CHECK(low < high);
	FUZZ_CHECK(rnm_architecture_name(rnm_network_architecture(network))[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rnm_verify_options options = { .index = SIZE_MAX, .limits = &limits };
	struct rnm_verification *verification = NULL, *again = NULL;
	struct rnm_model_file *file = NULL;
	char *copy = fuzz_copy(data, size);
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_model_file_read(&file, copy, size, "input", &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		status = rnm_model_verify(&verification, file, &options, &err);
		FUZZ_CHECK(status == RNM_OK || status == RNM_NO);
		fuzz_check_error(status, &err);
		check_findings(verification);
		FUZZ_CHECK(status == RNM_NO || rnm_model_file_verdict(file, NULL) == RNM_OK);
		FUZZ_CHECK(rnm_model_verify(&again, file, &options, NULL) == status);
		FUZZ_CHECK(again->finding_count == verification->finding_count);
		if (file->network != NULL)
			look_at(file->network);
		rnm_verification_free(verification);
		rnm_verification_free(again);
		rnm_model_file_free(file);
	} else {
		FUZZ_CHECK(status == RNM_E_MALFORMED);
		FUZZ_CHECK(rnm_model_finding_kind(err.id) != NULL);
	}
	free(copy);
	return 0;
}
