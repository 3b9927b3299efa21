/* SPDX-License-Identifier: Apache-2.0 */
/* Two model files, compared, merged and written: two bytes of length, the first file, the second one. */
#include "fuzz.h"

#include <rnm/rnm.h>

/* Bytes of a merged file that are read again; larger ones only cost time. */
#define WRITTEN_MAX ((size_t)1 << 24)

static struct rnm_model_file *load(char *data, size_t size)
{
	struct rnm_model_file *file = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_model_file_read(&file, data, size, "fuzzed", &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK((status == RNM_OK) == (file != NULL));
	return file;
}

/* Both ways the same, but for what is added on one side and removed on the other. */
static void compare(const struct rnm_model_file *a, const struct rnm_model_file *b)
{
	struct rnm_model_comparison *there = NULL, *back = NULL;

	FUZZ_CHECK(rnm_model_compare(&there, a, b, NULL) == RNM_OK);
	FUZZ_CHECK(rnm_model_compare(&back, b, a, NULL) == RNM_OK);
	FUZZ_CHECK(there->relation == back->relation && there->start == back->start);
	FUZZ_CHECK(there->differs == back->differs && there->unknown == back->unknown);
	FUZZ_CHECK(there->symbols.moved_count == back->symbols.moved_count);
	FUZZ_CHECK(there->symbols.added_count == back->symbols.removed_count);
	FUZZ_CHECK(there->symbols.removed_count == back->symbols.added_count);
	FUZZ_CHECK(there->norm_changed == back->norm_changed && there->pca.changed == back->pca.changed);
	FUZZ_CHECK(there->sentence[0] != '\0' && back->sentence[0] != '\0');
	FUZZ_CHECK(there->relation != RNM_MODELS_IDENTICAL || there->differs == 0);
	rnm_model_comparison_free(there);
	rnm_model_comparison_free(back);
}

/* Nothing differs from itself, whatever is in it. */
static void compare_with_itself(const struct rnm_model_file *file)
{
	struct rnm_model_comparison *comparison = NULL;

	FUZZ_CHECK(rnm_model_compare(&comparison, file, file, NULL) == RNM_OK);
	FUZZ_CHECK(comparison->differs == 0 && comparison->unknown == (file->network == NULL ? 0xfu : 0));
	FUZZ_CHECK(comparison->relation ==
	           (file->network == NULL ? RNM_MODELS_UNREADABLE : RNM_MODELS_IDENTICAL));
	rnm_model_comparison_free(comparison);
}

/* What is written is a model that is fit, and equal to its parts. */
static void write_and_read(const struct rnm_model_parts *parts, enum rnm_model_form form, bool compress)
{
	struct rnm_model_file *file = NULL;
	struct rnm_buf out;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	rnm_buf_init(&out, WRITTEN_MAX);
	status = rnm_model_encode(&out, parts, form, compress, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == RNM_OK || out.len == 0);
	if (status == RNM_OK) {
		FUZZ_CHECK(rnm_model_file_read(&file, out.data, out.len, NULL, NULL) == RNM_OK);
		FUZZ_CHECK(rnm_model_file_verdict(file, NULL) == RNM_OK);
		FUZZ_CHECK(form == RNM_FORM_NETWORK || file->container->norm_count == parts->norm_count);
	}
	rnm_model_file_free(file);
	rnm_buf_free(&out);
}

static void merge(const struct rnm_model_file *a, const struct rnm_model_file *b, unsigned choice)
{
	const struct rnm_merge_part parts[] = { { a, "a", 0.6 }, { b, "b", 0.4 }, { a, "c", 1 } };
	const struct rnm_merge_options how = {
		.keep = (choice & 3) < 2 ? (choice & 3) : RNM_MERGE_KEEP_NONE,
		.any_digest = (choice & 4) != 0,
		.created_at = 1,
		.tool = "fuzz",
	};
	struct rnm_merge *merged = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_model_merge(&merged, parts, (choice & 8) != 0 ? 3 : 2, &how, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	FUZZ_CHECK((merged->kept & merged->dropped) == 0);
	write_and_read(&merged->parts, (choice & 16) != 0 ? RNM_FORM_NETWORK : merged->form,
	               (choice & 32) != 0);
	rnm_merge_free(merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t first = fuzz_byte(&data, &size);
	char *bytes[2];
	struct rnm_model_file *a, *b;

	first += (size_t)fuzz_byte(&data, &size) << 8;
	if (first > size)
		first = size;
	bytes[0] = fuzz_copy(data, first);
	bytes[1] = fuzz_copy(data + first, size - first);
	a = load(bytes[0], first);
	b = a != NULL ? load(bytes[1], size - first) : NULL;
	if (a != NULL && b != NULL) {
		struct rnm_model_parts parts;

		compare(a, b);
		compare_with_itself(a);
		for (unsigned choice = 0; choice < 64; choice += 7)
			merge(a, b, choice);
		rnm_model_parts_of(&parts, a);
		write_and_read(&parts, RNM_FORM_RNM1, false);
	}
	rnm_model_file_free(a);
	rnm_model_file_free(b);
	free(bytes[0]);
	free(bytes[1]);
	return 0;
}
