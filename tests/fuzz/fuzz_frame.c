/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of a zstd frame as it streams by: however it is cut, the answer is the same, and it is that of
 * libzstd's one-shot functions.
 */
#include "fuzz.h"

#include "format/zstd.h"

#include <rnm/tensor.h>
#include <zstd.h>

/* What the oracle may expand; a small input can declare gigabytes. */
#define ORACLE_MAX ((unsigned long long)16 << 20)

struct answer {
	enum rnm_status status;
	uint64_t expanded;
	struct rnm_error err;
};

static struct answer check(enum rnm_blob_kind kind, const uint8_t *data, size_t size, size_t step)
{
	struct rnm_frame_check *frame = NULL;
	struct answer answer = { .status = RNM_OK };

	rnm_error_clear(&answer.err);
	FUZZ_CHECK(rnm_frame_check_new(&frame, kind, "the blob", NULL) == RNM_OK);
	for (size_t at = 0; at < size && answer.status == RNM_OK; at += step) {
		size_t len = size - at < step ? size - at : step;
		char *piece = fuzz_copy(data + at, len);

		answer.status = rnm_frame_check_feed(frame, piece, len, &answer.err);
		free(piece);
	}
	if (answer.status == RNM_OK)
		answer.status = rnm_frame_check_end(frame, &answer.expanded, &answer.err);
	fuzz_check_error(answer.status, &answer.err);
	rnm_frame_check_free(frame);
	return answer;
}

/* The expanded bytes, or NULL when the input is not exactly one frame that libzstd expands. */
static char *expand(const uint8_t *data, size_t size, size_t *expanded)
{
	unsigned long long declared = ZSTD_getFrameContentSize(data, size);
	char *out;

	if (size < 4 || memcmp(data, "\x28\xb5\x2f\xfd", 4) != 0 || declared > ORACLE_MAX ||
	    ZSTD_findFrameCompressedSize(data, size) != size)
		return NULL;
	out = malloc((size_t)declared + 1);
	FUZZ_CHECK(out != NULL);
	*expanded = ZSTD_decompress(out, (size_t)declared, data, size);
	if (*expanded == declared)
		return out;
	free(out);
	return NULL;
}

/* A matrix that streamed by well formed is read, too, unless its numbers are not finite or too many. */
static void check_content(enum rnm_blob_kind kind, const char *content, size_t len,
                          const struct answer *answer)
{
	struct rnm_tensor tensor = { 0 };
	struct rnm_error err;
	enum rnm_status status;

	if (kind == RNM_BLOB_KANN)
		FUZZ_CHECK((answer->status == RNM_OK) == (len >= 4 && memcmp(content, "KAN\1", 4) == 0));
	if (kind != RNM_BLOB_TENSOR)
		return;
	status = rnm_tensor_read(&tensor, content, len, &err);
	FUZZ_CHECK(status != RNM_OK || answer->status == RNM_OK);
	if (answer->status == RNM_OK && status != RNM_OK)
		FUZZ_CHECK(strcmp(err.id, "tensor.non-finite") == 0 || strcmp(err.id, "tensor.size") == 0);
	rnm_tensor_clear(&tensor);
}

/* A blob that lies in memory is decoded another way, which must not show. */
static void expand_at_once(enum rnm_blob_kind kind, const uint8_t *data, size_t size,
                           const struct answer *streamed)
{
	char *copy = fuzz_copy(data, size);
	struct rnm_error err;
	struct rnm_buf out;
	enum rnm_status status;

	if (streamed->status == RNM_OK && streamed->expanded > ORACLE_MAX) {
		free(copy);
		return;
	}
	rnm_error_clear(&err);
	rnm_buf_init(&out, ORACLE_MAX);
	status = rnm_frame_expand(&out, copy, size, kind, "the blob", &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == streamed->status);
	FUZZ_CHECK(status != RNM_OK || out.len == streamed->expanded);
	FUZZ_CHECK(status == RNM_OK || strcmp(err.id, streamed->err.id) == 0);
	rnm_buf_free(&out);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum rnm_blob_kind kind = (enum rnm_blob_kind)(fuzz_byte(&data, &size) % 3);
	const size_t step = (size_t)fuzz_byte(&data, &size) + 1;
	const struct answer whole = check(kind, data, size, size + 1);
	const struct answer cut = check(kind, data, size, step);
	size_t len = 0;
	char *content = expand(data, size, &len);

	expand_at_once(kind, data, size, &whole);
	FUZZ_CHECK(whole.status == cut.status && whole.expanded == cut.expanded);
	/* A frame with two faults: which of them comes first depends on how much libzstd gets at once. */
	if (strcmp(whole.err.id, "frame.corrupt") != 0 && strcmp(cut.err.id, "frame.corrupt") != 0)
		FUZZ_CHECK(strcmp(whole.err.id, cut.err.id) == 0);
	if (content != NULL) {
		FUZZ_CHECK(whole.status == RNM_OK || kind != RNM_BLOB_ANY);
		FUZZ_CHECK(whole.status != RNM_OK || whole.expanded == len);
		check_content(kind, content, len, &whole);
	} else if (whole.status == RNM_OK) {
		FUZZ_CHECK(whole.expanded > ORACLE_MAX);
	}
	free(content);
	return 0;
}
