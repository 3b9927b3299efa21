/* SPDX-License-Identifier: Apache-2.0 */
/* The RNM1 reader.  What it accepted can be written again, and is then read as the same model. */
#include "fuzz.h"

#include <rnm/buf.h>
#include <rnm/rnm1.h>

#define OUT_MAX ((size_t)64 << 20)

static bool lies_in(struct rnm_bytes part, const char *data, size_t size)
{
	return part.data >= data && part.len <= size && part.data <= data + (size - part.len);
}

static uint64_t sum_of(struct rnm_bytes bytes)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < bytes.len; i++)
		sum += (unsigned char)bytes.data[i];
	return sum;
}

static void check_model(const struct rnm_rnm1 *model, const char *data, size_t size)
{
	volatile uint64_t sum = sum_of(model->ann) + sum_of(model->pca) + fuzz_walk(model->extra);

	(void)sum;
	FUZZ_CHECK(model->ann.len > 0);
	FUZZ_CHECK(model->compressed || lies_in(model->ann, data, size));
	FUZZ_CHECK(model->compressed || model->pca.len == 0 || lies_in(model->pca, data, size));
	FUZZ_CHECK(strlen(model->providers_digest) < sizeof(model->providers_digest));
	if (model->norm_mode == RNM_NORM_ZSCORE) {
		double numbers = 0;

		for (size_t i = 0; i < model->norm_count; i++)
			numbers += model->mean[i] + model->std[i];
		(void)numbers;
	}
	for (size_t i = 0; i < model->finding_count; i++) {
		FUZZ_CHECK(strncmp(model->findings[i].id, "rnm1.", 5) == 0);
		FUZZ_CHECK(strlen(model->findings[i].text) > 0);
	}
}

static void check_same(const struct rnm_rnm1 *a, const struct rnm_rnm1 *b)
{
	FUZZ_CHECK(a->ann.len == b->ann.len && memcmp(a->ann.data, b->ann.data, a->ann.len) == 0);
	FUZZ_CHECK(a->pca.len == b->pca.len);
	FUZZ_CHECK(a->pca.len == 0 || memcmp(a->pca.data, b->pca.data, a->pca.len) == 0);
	FUZZ_CHECK(strcmp(a->providers_digest, b->providers_digest) == 0);
	FUZZ_CHECK(!(a->model_version < b->model_version) && !(a->model_version > b->model_version));
	FUZZ_CHECK(!a->has_created_at || a->created_at == b->created_at);
	FUZZ_CHECK(rnm_value_count(a->extra) == rnm_value_count(b->extra));
}

/* false when the map `rnm` holds what the writer refuses (nil, an empty string). */
static bool write_again(struct rnm_buf *out, const struct rnm_rnm1 *model)
{
	const struct rnm_rnm1_head head = {
		.model_version = model->model_version,
		.providers_digest = model->providers_digest[0] != '\0' ? model->providers_digest : NULL,
		.created_at = model->created_at,
		.extra = model->extra,
		.has_pca = model->pca.len > 0,
		.pca_size = model->pca.len,
		.ann_size = model->ann.len,
	};
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_rnm1_write_prefix(out, &head, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == RNM_OK || model->extra != NULL);
	if (status != RNM_OK)
		return false;
	if (head.has_pca) {
		rnm_buf_append(out, model->pca.data, model->pca.len);
		FUZZ_CHECK(rnm_rnm1_write_ann_header(out, model->ann.len, NULL) == RNM_OK);
	}
	return rnm_buf_append(out, model->ann.data, model->ann.len);
}

static void check_round_trip(const struct rnm_rnm1 *model)
{
	struct rnm_rnm1 *again = NULL;
	struct rnm_buf out;

	rnm_buf_init(&out, OUT_MAX);
	if (write_again(&out, model)) {
		FUZZ_CHECK(rnm_rnm1_read(&again, out.data, out.len, NULL) == RNM_OK);
		check_same(model, again);
		rnm_rnm1_free(again);
	}
	rnm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	struct rnm_rnm1 *model = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_rnm1_read(&model, copy, size, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		check_model(model, copy, size);
		check_round_trip(model);
		rnm_rnm1_free(model);
	}
	free(copy);
	return 0;
}
