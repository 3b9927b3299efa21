/* SPDX-License-Identifier: Apache-2.0 */
/* The check of blobs as they stream by. */
#include <rnm/rnm1.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include <cmocka.h>

struct blob {
	unsigned char *data;
	size_t len;
};

enum { SIZE = 1, CHECKSUM = 2 };

static struct blob pack(const void *data, size_t len, int level, int flags)
{
	ZSTD_CCtx *cctx = ZSTD_createCCtx();
	struct blob blob;

	ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, (flags & SIZE) != 0);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, (flags & CHECKSUM) != 0);
	blob.data = malloc(ZSTD_compressBound(len));
	blob.len = ZSTD_compress2(cctx, blob.data, ZSTD_compressBound(len), data, len);
	assert_false(ZSTD_isError(blob.len));
	ZSTD_freeCCtx(cctx);
	return blob;
}

/* Bytes that zstd can make something of, but not everything. */
static unsigned char *sample(size_t len, const char *start, size_t start_len)
{
	unsigned char *data = malloc(len > 0 ? len : 1);
	uint32_t state = 12345;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525u + 1013904223u;
		data[i] = (unsigned char)((state >> 24) & (i % 3 == 0 ? 0xff : 0x0f));
	}
	memcpy(data, start, start_len < len ? start_len : len);
	return data;
}

/* Feeds the blob in pieces of `step` bytes. */
static enum rnm_status check(struct blob blob, enum rnm_blob_kind kind, size_t step, uint64_t *expanded,
                             struct rnm_error *err)
{
	struct rnm_frame_check *check = NULL;
	enum rnm_status status = RNM_OK;

	assert_int_equal(rnm_frame_check_new(&check, kind, "ann", err), RNM_OK);
	for (size_t at = 0; at < blob.len && status == RNM_OK; at += step) {
		size_t len = blob.len - at < step ? blob.len - at : step;
		unsigned char *piece = malloc(len);

		memcpy(piece, blob.data + at, len);
		status = rnm_frame_check_feed(check, piece, len, err);
		free(piece);
	}
	if (status == RNM_OK)
		status = rnm_frame_check_end(check, expanded, err);
	rnm_frame_check_free(check);
	return status;
}

static void expect_ok(struct blob blob, enum rnm_blob_kind kind, uint64_t size)
{
	static const size_t steps[] = { 1, 2, 3, 17, 18, 19, 100, 4096, 1000000000 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct rnm_error err;
		uint64_t expanded = 0;

		if (steps[i] < 17 && blob.len > 100000)
			continue;
		if (check(blob, kind, steps[i], &expanded, &err) != RNM_OK)
			fail_msg("step %zu: %s", steps[i], err.message);
		assert_int_equal(expanded, size);
	}
}

static void expect_bad(struct blob blob, enum rnm_blob_kind kind, const char *id, const char *message,
                       uint64_t offset)
{
	static const size_t steps[] = { 1, 7, 18, 1000000000 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct rnm_error err;

		assert_int_equal(check(blob, kind, steps[i], NULL, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, id);
		if (message != NULL)
			assert_string_equal(err.message, message);
		if (offset != UINT64_MAX) {
			assert_true(err.has_offset);
			assert_int_equal(err.offset, offset);
		}
	}
}

static void test_sizes_and_levels(void **state)
{
	static const size_t sizes[] = { 4, 5, 255, 256, 65791, 131072, 131073, 1000003 };
	static const int levels[] = { 1, 3, 19 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *data = sample(sizes[i], "KAN\1", 4);

		for (size_t j = 0; j < sizeof(levels) / sizeof(levels[0]); j++) {
			struct blob blob = pack(data, sizes[i], levels[j], j % 2 == 0 ? SIZE : SIZE | CHECKSUM);

			expect_ok(blob, RNM_BLOB_KANN, sizes[i]);
			expect_ok(blob, RNM_BLOB_ANY, sizes[i]);
			free(blob.data);
		}
		free(data);
	}
}

/*
 * A frame by hand (RFC 8878, 3.1.1) that declares 1 MiB and holds a thousand blocks, each one byte that
 * stands for 128 KiB.  It has to be refused at the ninth block, not after all have been expanded.
 */
static void test_bomb(void **state)
{
	static const unsigned char head[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x38, 0x00, 0x00, 0x10, 0x00 };
	static const unsigned char block[] = { 0x02, 0x00, 0x10, 'K' };
	unsigned char bytes[sizeof(head) + 1000 * sizeof(block)];
	struct blob blob = { bytes, sizeof(bytes) };

	(void)state;
	memcpy(bytes, head, sizeof(head));
	for (size_t i = 0; i < 1000; i++)
		memcpy(bytes + sizeof(head) + i * sizeof(block), block, sizeof(block));
	expect_bad(blob, RNM_BLOB_ANY, "frame.size",
	           "ann: expected the 1048576 bytes that the zstd frame declares, found at least 1179648", UINT64_MAX);
}

static void test_empty_content(void **state)
{
	struct blob blob = pack("", 0, 1, SIZE);

	(void)state;
	expect_ok(blob, RNM_BLOB_ANY, 0);
	expect_bad(blob, RNM_BLOB_KANN, "frame.kann",
	           "ann: expected a KANN network inside the zstd frame, found only 0 bytes", UINT64_MAX);
	expect_bad(blob, RNM_BLOB_TENSOR, "frame.tensor",
	           "ann: expected a matrix inside the zstd frame, found only 0 bytes", UINT64_MAX);
	free(blob.data);
}

static void test_not_a_frame(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *message, *hint;
	} cases[] = {
		{ "", 0, "ann: expected a zstd frame (28 b5 2f fd), found nothing", "" },
		{ "\x28\xb5", 2, "ann: expected a zstd frame (28 b5 2f fd), found 2 bytes", "" },
		{ "\0\1garbage\xff\0", 11, "ann: expected a zstd frame (28 b5 2f fd), found 00 01 67 61", "" },
		{ "KAN\1\4\0\0\0", 8, "ann: expected a zstd frame (28 b5 2f fd), found 4b 41 4e 01", "bare KANN" },
		{ "\x50\x2a\x4d\x18\0\0\0\0", 8, "ann: expected a zstd frame (28 b5 2f fd), found 50 2a 4d 18", "skippable" },
		{ "\x27\xb5\x2f\xfd\0\0\0\0", 8, "ann: expected a zstd frame (28 b5 2f fd), found 27 b5 2f fd", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct blob blob = { (unsigned char *)(uintptr_t)cases[i].data, cases[i].len };
		struct rnm_error err;

		expect_bad(blob, RNM_BLOB_KANN, "frame.not-zstd", cases[i].message, 0);
		assert_int_equal(check(blob, RNM_BLOB_KANN, 64, NULL, &err), RNM_E_MALFORMED);
		assert_non_null(strstr(err.hint, cases[i].hint));
	}
}

static void test_unknown_size(void **state)
{
	unsigned char *data = sample(5000, "KAN\1", 4);
	struct blob blob = pack(data, 5000, 1, 0);

	(void)state;
	expect_bad(blob, RNM_BLOB_KANN, "frame.size-unknown",
	           "ann: expected a zstd frame that declares its content size, found none", 4);
	free(blob.data);
	free(data);
}

static void test_too_large(void **state)
{
	unsigned char huge[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0, 0, 0, 0 };
	unsigned char above[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xa0, 1, 0, 0, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

	(void)state;
	expect_bad((struct blob){ huge, sizeof(huge) }, RNM_BLOB_KANN, "frame.too-large",
	           "ann: expected at most 268435456 expanded bytes, found a zstd frame that declares "
	           "4611686018427387904",
	           4);
	expect_bad((struct blob){ above, sizeof(above) }, RNM_BLOB_KANN, "frame.too-large",
	           "ann: expected at most 268435456 expanded bytes, found a zstd frame that declares 268435457", 4);
}

/* The largest declared size is taken, and a lie about it is found out. */
static void test_liars(void **state)
{
	/* One raw block of 4 bytes, last block; the frame says more, or less. */
	unsigned char frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x10, 0x21, 0, 0, 'K', 'A', 'N', 1 };
	unsigned char small[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x21, 0, 0, 'K', 'A', 'N', 1 };
	unsigned char right[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x20, 4, 0x21, 0, 0, 'K', 'A', 'N', 1 };

	(void)state;
	expect_ok((struct blob){ right, sizeof(right) }, RNM_BLOB_KANN, 4);
	expect_bad((struct blob){ frame, sizeof(frame) }, RNM_BLOB_KANN, "frame.corrupt", NULL, UINT64_MAX);
	expect_bad((struct blob){ small, sizeof(small) }, RNM_BLOB_KANN, "frame.corrupt", NULL, UINT64_MAX);
}

static void test_trailing(void **state)
{
	unsigned char *data = sample(300, "KAN\1", 4);
	struct blob blob = pack(data, 300, 1, SIZE), more = { NULL, 0 };

	(void)state;
	/* One byte; NULs; a whole second frame; a skippable one. */
	for (int kind = 0; kind < 4; kind++) {
		size_t extra = kind == 0 ? 1 : kind == 1 ? 4 : kind == 2 ? blob.len : 8;

		more.len = blob.len + extra;
		more.data = calloc(1, more.len);
		memcpy(more.data, blob.data, blob.len);
		if (kind == 2)
			memcpy(more.data + blob.len, blob.data, blob.len);
		if (kind == 3)
			memcpy(more.data + blob.len, "\x50\x2a\x4d\x18\0\0\0", 8);
		expect_bad(more, RNM_BLOB_KANN, "frame.trailing", NULL, blob.len);
		free(more.data);
	}
	free(blob.data);
	free(data);
}

static void test_every_cut(void **state)
{
	unsigned char *data = sample(3000, "KAN\1", 4);
	struct blob blob = pack(data, 3000, 1, SIZE | CHECKSUM);

	(void)state;
	for (size_t len = 4; len < blob.len; len++) {
		struct blob cut = { blob.data, len };
		struct rnm_error err;

		assert_int_equal(check(cut, RNM_BLOB_KANN, 1000, NULL, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "frame.truncated");
		assert_int_equal(err.offset, len);
	}
	free(blob.data);
	free(data);
}

/*
 * With a checksum a flipped bit is noticed, unless it changes nothing: the format leaves one bit of the
 * header unused, and describes some tables in more ways than one.
 */
static void test_every_bit(void **state)
{
	unsigned char *data = sample(400, "KAN\1", 4), *same = malloc(400);
	struct blob blob = pack(data, 400, 1, SIZE | CHECKSUM);
	size_t accepted = 0;

	(void)state;
	for (size_t i = 0; i < blob.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct rnm_error err;

			blob.data[i] ^= (unsigned char)(1u << bit);
			if (check(blob, RNM_BLOB_KANN, 4096, NULL, &err) == RNM_OK) {
				assert_int_equal(ZSTD_decompress(same, 400, blob.data, blob.len), 400);
				assert_memory_equal(same, data, 400);
				accepted++;
			}
			blob.data[i] ^= (unsigned char)(1u << bit);
		}
	}
	assert_in_range(accepted, 1, 32);
	free(blob.data);
	free(same);
	free(data);
}

static void test_wrong_content(void **state)
{
	unsigned char *data = sample(300, "NAK\1", 4);
	struct blob blob = pack(data, 300, 1, SIZE), twice;
	struct rnm_error err;

	(void)state;
	expect_bad(blob, RNM_BLOB_KANN, "frame.kann",
	           "ann: expected a KANN network (4b 41 4e 01) inside the zstd frame, found 4e 41 4b 01", UINT64_MAX);
	twice = pack(blob.data, blob.len, 1, SIZE);
	assert_int_equal(check(twice, RNM_BLOB_KANN, 64, NULL, &err), RNM_E_MALFORMED);
	assert_string_equal(err.hint, "the network has been compressed twice");
	free(twice.data);
	free(blob.data);
	free(data);
}

static struct blob tensor(int32_t ndims, int32_t count, int32_t rows, int32_t cols, size_t floats)
{
	int32_t head[4] = { ndims, count, rows, cols };
	size_t len = sizeof(head) + floats * 4;
	unsigned char *data = sample(len, (const char *)head, sizeof(head));
	struct blob blob = pack(data, len, 1, SIZE);

	free(data);
	return blob;
}

static void test_tensors(void **state)
{
	static const struct {
		int32_t ndims, count, rows, cols;
		size_t floats;
		const char *message;
	} cases[] = {
		{ 2, 6, 2, 3, 6, NULL },
		{ 2, 1, 1, 1, 1, NULL },
		{ 2, 60000, 300, 200, 60000, NULL },
		{ 2, 6, 2, 3, 5, "ann: expected 40 bytes for a matrix of 2 x 3, found 36" },
		{ 2, 6, 2, 3, 7, "ann: expected 40 bytes for a matrix of 2 x 3, found 44" },
		{ 1, 6, 2, 3, 6, "ann: expected a matrix (2 dimensions, count = rows x columns), found 1 dimensions, count 6, "
		                 "2 x 3" },
		{ 2, 7, 2, 3, 6, "ann: expected a matrix (2 dimensions, count = rows x columns), found 2 dimensions, count 7, "
		                 "2 x 3" },
		{ 2, 0, 0, 0, 0, "ann: expected a matrix (2 dimensions, count = rows x columns), found 2 dimensions, count 0, "
		                 "0 x 0" },
		{ 2, 6, -2, -3, 6, "ann: expected a matrix (2 dimensions, count = rows x columns), found 2 dimensions, "
		                   "count 6, -2 x -3" },
		/* 65536 x 65536 is 0 in 32 bits. */
		{ 2, 0, 65536, 65536, 4, "ann: expected a matrix (2 dimensions, count = rows x columns), found 2 dimensions, "
		                         "count 0, 65536 x 65536" },
		{ 2, 2147483647, 2147483647, 1, 4, "ann: expected 8589934604 bytes for a matrix of 2147483647 x 1, found 32" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct blob blob = tensor(cases[i].ndims, cases[i].count, cases[i].rows, cases[i].cols, cases[i].floats);

		if (cases[i].message == NULL)
			expect_ok(blob, RNM_BLOB_TENSOR, 16 + cases[i].floats * 4);
		else
			expect_bad(blob, RNM_BLOB_TENSOR, "frame.tensor", cases[i].message, UINT64_MAX);
		free(blob.data);
	}
}

/* A failure stays one: nothing that follows can heal it. */
static void test_sticky(void **state)
{
	unsigned char *data = sample(300, "KAN\1", 4);
	struct blob blob = pack(data, 300, 1, SIZE);
	struct rnm_frame_check *check = NULL;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_frame_check_new(&check, RNM_BLOB_KANN, "pca", &err), RNM_OK);
	assert_int_equal(rnm_frame_check_feed(check, "garbage garbage garbage", 23, &err), RNM_E_MALFORMED);
	rnm_error_clear(&err);
	assert_int_equal(rnm_frame_check_feed(check, blob.data, blob.len, &err), RNM_E_MALFORMED);
	assert_string_equal(err.message, "pca: expected a zstd frame (28 b5 2f fd), found 67 61 72 62");
	rnm_error_clear(&err);
	assert_int_equal(rnm_frame_check_end(check, NULL, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "frame.not-zstd");
	assert_int_equal(rnm_frame_check_end(check, NULL, NULL), RNM_E_MALFORMED);
	rnm_frame_check_free(check);
	rnm_frame_check_free(NULL);
	free(blob.data);
	free(data);
}

/* A frame of some hundred bytes that expands to the limit, and one that needs a dictionary. */
static void test_bomb_and_dictionary(void **state)
{
	size_t len = (size_t)RNM_BLOB_MAX;
	unsigned char *zeroes = calloc(1, len);
	unsigned char dictionary[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 4, 0x21, 0, 0, 'K', 'A', 'N', 1 };
	struct blob blob;
	struct rnm_error err;
	uint64_t expanded = 0;

	(void)state;
	memcpy(zeroes, "KAN\1", 4);
	blob = pack(zeroes, len, 1, SIZE);
	free(zeroes);
	assert_true(blob.len < 100000);
	assert_int_equal(check(blob, RNM_BLOB_KANN, 4096, &expanded, &err), RNM_OK);
	assert_int_equal(expanded, RNM_BLOB_MAX);
	free(blob.data);
	expect_bad((struct blob){ dictionary, sizeof(dictionary) }, RNM_BLOB_KANN, "frame.corrupt",
	           "ann: expected an intact zstd frame, found damage: Dictionary mismatch", UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_and_levels),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_empty_content),
		cmocka_unit_test(test_not_a_frame),
		cmocka_unit_test(test_unknown_size),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_liars),
		cmocka_unit_test(test_trailing),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_wrong_content),
		cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_sticky),
		cmocka_unit_test(test_bomb_and_dictionary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
