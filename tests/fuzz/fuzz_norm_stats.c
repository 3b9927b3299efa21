/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings that Redis holds as JSON, norm_stats and roc_thresholds: what is accepted for a model file
 * is found in it again, without a complaint.
 */
#include "fuzz.h"

#include <rnm/buf.h>
#include <rnm/rnm1.h>

#define OUT_MAX ((size_t)64 << 20)
#define ANN "network"

static void check_file(const struct rnm_json_field *norm, const struct rnm_json_field *roc)
{
	const struct rnm_rnm1_head head = {
		.model_version = 1,
		.providers_digest = "376616275a1a984c",
		.created_at = 1700000000,
		.norm_stats = norm != NULL ? rnm_json_field_value(norm) : NULL,
		.roc = roc != NULL ? rnm_json_field_value(roc) : NULL,
		.ann_size = strlen(ANN),
	};
	struct rnm_rnm1 *model = NULL;
	struct rnm_buf out;

	rnm_buf_init(&out, OUT_MAX);
	FUZZ_CHECK(rnm_rnm1_write_prefix(&out, &head, NULL) == RNM_OK);
	rnm_buf_puts(&out, ANN);
	FUZZ_CHECK(rnm_rnm1_read(&model, out.data, out.len, NULL) == RNM_OK);
	FUZZ_CHECK(model->finding_count == 0);
	FUZZ_CHECK(model->has_roc == (roc != NULL));
	FUZZ_CHECK((model->norm_mode != RNM_NORM_NONE) == (norm != NULL));
	rnm_rnm1_free(model);
	rnm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	const struct rnm_bytes text = { copy, size };
	struct rnm_json_field *norm = NULL, *roc = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_norm_stats_parse(&norm, text, &err);
	fuzz_check_error(status, &err);
	rnm_error_clear(&err);
	status = rnm_roc_parse(&roc, text, &err);
	fuzz_check_error(status, &err);
	check_file(norm, roc);
	rnm_json_field_free(norm);
	rnm_json_field_free(roc);
	free(copy);
	return 0;
}
