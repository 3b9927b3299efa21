/* SPDX-License-Identifier: Apache-2.0 */
/* The RNM1 container: writing what rspamd reads, also from the JSON texts that Redis has. */
#include "rnm1_build.h"

#include <math.h>
#include <stdlib.h>

/* ---- writing ---- */

static void test_write_exact_bytes(void **state)
{
	static const char want[] = "\x89" "\xa5" "magic" "\xa4" "RNM1" "\xa7" "version" "\x01"
	    "\xad" "model_version" "\xcd\x01\x2c" "\xb0" "providers_digest" "\xb0" GOLDEN_DIGEST
	    "\xaa" "created_at" "\xce\x6b\x03\xa4\xed"
	    "\xaa" "norm_stats" "\x83" "\xa4" "mode" "\xa6" "zscore"
	    "\xa4" "mean" "\x92\x00\xcb\xbf\xd0\0\0\0\0\0\0" "\xa3" "std" "\x92\x01\xcb\x40\x04\0\0\0\0\0\0"
	    "\xae" "roc_thresholds" "\x92\xcb\x3f\xe0\0\0\0\0\0\0\xd0\xff"
	    "\xa8" "pca_data" "\xa4" "PCA!" "\xa8" "ann_data" "\xa5" "ANN!!";
	struct rnm_json_field *norm = parse_norm("{\"std\":[1.0,2.5],\"mean\":[0,-0.25],\"mode\":\"zscore\"}");
	struct rnm_json_field *roc = parse_roc("[0.5, -1]");
	struct rnm_rnm1_head head = { .model_version = 300, .providers_digest = GOLDEN_DIGEST, .created_at = 1795400941,
		                      .norm_stats = rnm_json_field_value(norm), .roc = rnm_json_field_value(roc),
		                      .has_pca = true, .pca_size = 4, .ann_size = 5 };
	struct rnm_buf file;

	(void)state;
	build(&file, &head, "PCA!", "ANN!!");
	assert_int_equal(file.len, sizeof(want) - 1);
	assert_memory_equal(file.data, want, file.len);
	rnm_buf_free(&file);
	rnm_json_field_free(norm);
	rnm_json_field_free(roc);
}

static void test_round_trip(void **state)
{
	struct rnm_rnm1 *model = NULL;
	struct rnm_arena arena;
	struct rnm_error err;
	struct rnm_buf file;
	char *text;

	(void)state;
	rnm_arena_init(&arena, (size_t)1 << 20);
	build_full(&file, &arena);
	if (rnm_rnm1_read(&model, file.data, file.len, &err) != RNM_OK)
		fail_msg("%s", err.message);
	assert_string_equal(finding_ids(model), "");
	text = summary(model);
	assert_string_equal(text, "v=1/300/0 d=" GOLDEN_DIGEST " c=1/1795410157 n=2 0/1 -0.25/2.5 r=1/0.5/-1 "
	                          "pca=4:PCA! ann=5:ANN!! extra={\"tool\":\"rnm 0.1.0\",\"symbols\":[\"BAYES_HAM\","
	                          "\"\\u0001\\u0000x\"],\"empty\":[],\"yes\":true,\"half\":0.5,\"two\":2,"
	                          "\"least\":-9223372036854775808}");
	free(text);
	rnm_rnm1_free(model);
	rnm_buf_free(&file);
	rnm_arena_free(&arena);
}

static void check_version_round_trip(double version, bool finding)
{
	struct rnm_rnm1_head head = { .model_version = version, .providers_digest = GOLDEN_DIGEST, .created_at = -1,
		                      .ann_size = 3 };
	struct rnm_rnm1 *model = NULL;
	struct rnm_buf file;

	build(&file, &head, NULL, "abc");
	assert_int_equal(rnm_rnm1_read(&model, file.data, file.len, NULL), RNM_OK);
	assert_true(model->model_version == version);
	assert_int_equal(model->created_at, -1);
	assert_int_equal(model->finding_count, finding ? 1 : 0);
	rnm_rnm1_free(model);
	rnm_buf_free(&file);
}

static void test_versions(void **state)
{
	static const double good[] = { 1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, 9007199254740991 };
	static const double odd[] = { 0, -1, -32, -33, -127, -128, -129, -32768, -32769, -2147483648.0, -2147483649.0,
		                      2.5, -0.5, 1e300, -1e300, 9223372036854775808.0, -9223372036854775808.0, 1e18 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check_version_round_trip(good[i], false);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		check_version_round_trip(odd[i], true);
}

/* Both encodings of negative integers: ours, and the original's, which goes by the size of the positive. */
static void test_negative_encodings(void **state)
{
	static const struct {
		int64_t n;
		const char *ours, *original;
		size_t ours_len, original_len;
	} wanted[] = {
		{ -1, "\xd0\xff", "\xff", 2, 1 },
		{ -32, "\xd0\xe0", "\xe0", 2, 1 },
		{ -33, "\xd0\xdf", "\xd0\xdf", 2, 2 },
		{ -127, "\xd0\x81", "\xd0\x81", 2, 2 },
		{ -128, "\xd0\x80", "\xd1\xff\x80", 2, 3 },
		{ -32768, "\xd1\x80\0", "\xd2\xff\xff\x80\0", 3, 5 },
		{ -2147483647, "\xd2\x80\0\0\1", "\xd2\x80\0\0\1", 5, 5 },
		{ -2147483648, "\xd2\x80\0\0\0", "\xd3\xff\xff\xff\xff\x80\0\0\0", 5, 9 },
		{ -9007199254740991, "\xd3\xff\xe0\0\0\0\0\0\1", "\xd3\xff\xe0\0\0\0\0\0\1", 9, 9 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		for (int original = 0; original < 2; original++) {
			struct rnm_rnm1_head head = { .model_version = (double)wanted[i].n, .ann_size = 3,
				                      .as_original = original != 0 };
			static const char before[] = "\x85" HEAD "\xad" "model_version", after[] = "\xaa" "created_at\0" ANN;
			size_t len = original ? wanted[i].original_len : wanted[i].ours_len;
			struct rnm_buf file;

			build(&file, &head, NULL, "abc");
			assert_int_equal(file.len, sizeof(before) - 1 + len + sizeof(after) - 1);
			assert_memory_equal(file.data, before, sizeof(before) - 1);
			assert_memory_equal(file.data + sizeof(before) - 1, original ? wanted[i].original : wanted[i].ours, len);
			assert_memory_equal(file.data + sizeof(before) - 1 + len, after, sizeof(after) - 1);
			rnm_buf_free(&file);
		}
	}
}

static void test_blob_sizes(void **state)
{
	static const size_t sizes[] = { 1, 31, 32, 255, 256, 65535, 65536, 100000 };
	char *blob = malloc(100000);

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		blob[i] = (char)(i * 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			struct rnm_rnm1_head head = { .model_version = 1, .providers_digest = GOLDEN_DIGEST,
				                      .has_pca = true, .pca_size = sizes[i], .ann_size = sizes[j] };
			struct rnm_rnm1 *model = NULL;
			struct rnm_buf file;

			build(&file, &head, blob, blob);
			assert_int_equal(rnm_rnm1_read(&model, file.data, file.len, NULL), RNM_OK);
			assert_int_equal(model->pca.len, sizes[i]);
			assert_memory_equal(model->pca.data, blob, sizes[i]);
			assert_int_equal(model->ann.len, sizes[j]);
			assert_memory_equal(model->ann.data, blob, sizes[j]);
			rnm_rnm1_free(model);
			rnm_buf_free(&file);
		}
	}
	free(blob);
}

static void refuse_extra(struct rnm_arena *arena, const char *key, struct rnm_value *value, const char *message)
{
	struct rnm_value *extra = rnm_value_new(arena, RNM_OBJECT);
	struct rnm_rnm1_head head = { .model_version = 1, .providers_digest = GOLDEN_DIGEST, .extra = extra,
		                      .ann_size = 3 };
	struct rnm_error err;
	struct rnm_buf out;

	assert_true(rnm_value_add_s(arena, extra, key, value));
	rnm_buf_init(&out, (size_t)1 << 20);
	assert_int_equal(rnm_rnm1_write_prefix(&out, &head, &err), RNM_E_USAGE);
	assert_string_equal(err.message, message);
	rnm_buf_free(&out);
}

/* What the reader would not take is not written either. */
static void test_write_keeps_the_reader_limits(void **state)
{
	struct rnm_arena arena;
	struct rnm_value *map;
	struct rnm_buf text;
	char key[16];

	(void)state;
	rnm_arena_init(&arena, (size_t)64 << 20);
	rnm_buf_init(&text, (size_t)1 << 20);
	map = rnm_value_new(&arena, RNM_OBJECT);
	rnm_buf_puts(&text, "[{");
	for (int i = 0; i < 257; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_true(rnm_value_add_s(&arena, map, key, rnm_value_new_int(&arena, i)));
		rnm_buf_printf(&text, "%s\"%s\":%d", i > 0 ? "," : "", key, i);
	}
	rnm_buf_puts(&text, "}]");
	refuse_extra(&arena, "x", map, "an RNM1 file cannot hold a map of that many keys");
	assert_int_equal(rnm_json_array_copy(&map, &arena, (struct rnm_bytes){ text.data, text.len }, 4, NULL), RNM_NO);
	assert_null(map);
	rnm_buf_free(&text);
	map = rnm_value_new(&arena, RNM_ARRAY);
	for (int i = 0; i < (1 << 20) - 1; i++)
		assert_true(rnm_value_push(&arena, map, rnm_value_item(map, 0) != NULL
		                                            ? rnm_value_item(map, 0)
		                                            : rnm_value_new_bool(&arena, true)));
	refuse_extra(&arena, "x", map, "an RNM1 file cannot hold that many values");
	rnm_arena_free(&arena);
}

static void test_write_refuses(void **state)
{
	struct rnm_rnm1_head head = { .model_version = 1, .ann_size = 0 };
	struct rnm_arena arena;
	struct rnm_value *deep;
	struct rnm_error err;
	struct rnm_buf out;

	(void)state;
	rnm_arena_init(&arena, (size_t)1 << 20);
	refuse_extra(&arena, "x", rnm_value_new(&arena, RNM_NULL), "an RNM1 file cannot hold nil");
	refuse_extra(&arena, "x", rnm_value_new_string(&arena, "", 0), "an RNM1 file cannot hold an empty string");
	refuse_extra(&arena, "", rnm_value_new_int(&arena, 1), "an RNM1 file cannot hold an empty key, or one with a NUL");
	/* Six arrays in the map `rnm` in the top map are eight levels, what the reader takes; seven are too many. */
	deep = rnm_value_new(&arena, RNM_ARRAY);
	for (int i = 0; i < 6; i++) {
		struct rnm_value *outer = rnm_value_new(&arena, RNM_ARRAY);

		assert_true(rnm_value_push(&arena, outer, deep));
		deep = outer;
	}
	refuse_extra(&arena, "x", deep, "an RNM1 file cannot hold values nested that deep");
	rnm_buf_init(&out, 4096);
	assert_int_equal(rnm_rnm1_write_prefix(&out, &head, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "rnm1.blob-size");
	head.ann_size = RNM_BLOB_MAX + 1;
	assert_int_equal(rnm_rnm1_write_prefix(&out, &head, &err), RNM_E_REFUSED);
	rnm_buf_free(&out);
	rnm_buf_init(&out, 10);
	head.ann_size = 1;
	assert_int_equal(rnm_rnm1_write_prefix(&out, &head, &err), RNM_E_NOMEM);
	rnm_buf_free(&out);
	rnm_arena_free(&arena);
}

static void test_deepest(void **state)
{
	struct rnm_rnm1_head head = { .model_version = 1, .providers_digest = GOLDEN_DIGEST, .ann_size = 3 };
	struct rnm_rnm1 *model = NULL;
	struct rnm_value *deep, *extra;
	struct rnm_arena arena;
	struct rnm_buf file;

	(void)state;
	rnm_arena_init(&arena, (size_t)1 << 20);
	extra = rnm_value_new(&arena, RNM_OBJECT);
	deep = rnm_value_new(&arena, RNM_ARRAY);
	for (int i = 0; i < 5; i++) {
		struct rnm_value *outer = rnm_value_new(&arena, RNM_ARRAY);

		assert_true(rnm_value_push(&arena, outer, deep));
		deep = outer;
	}
	assert_true(rnm_value_add_s(&arena, extra, "x", deep));
	head.extra = extra;
	build(&file, &head, NULL, "abc");
	assert_int_equal(rnm_rnm1_read(&model, file.data, file.len, NULL), RNM_OK);
	rnm_rnm1_free(model);
	rnm_buf_free(&file);
	rnm_arena_free(&arena);
}

/* ---- the JSON texts of Redis ---- */

static void check_json(const char *text, bool roc, const char *want, const char *message)
{
	struct rnm_json_field *field = NULL;
	struct rnm_error err;
	enum rnm_status status = roc ? rnm_roc_parse(&field, rnm_bytes_of(text), &err)
	                             : rnm_norm_stats_parse(&field, rnm_bytes_of(text), &err);
	struct rnm_json json;
	struct rnm_buf out;

	if (message != NULL) {
		assert_int_equal(status, RNM_E_MALFORMED);
		assert_string_equal(err.id, roc ? "rnm1.roc" : "rnm1.norm-stats");
		assert_non_null(strstr(err.message, message));
		return;
	}
	if (status != RNM_OK)
		fail_msg("%s: %s", text, err.message);
	if (want == NULL) {
		assert_null(field);
		return;
	}
	rnm_buf_init(&out, 4096);
	rnm_json_init(&json, &out, false);
	rnm_json_value(&json, rnm_json_field_value(field));
	assert_string_equal(rnm_buf_cstr(&out), want);
	rnm_buf_free(&out);
	rnm_json_field_free(field);
}

static void test_roc_json(void **state)
{
	(void)state;
	check_json("", true, NULL, NULL);
	check_json(" \n\t", true, NULL, NULL);
	check_json("[]", true, NULL, NULL);
	check_json("[0.5,-0.5]", true, "[0.5,-0.5]", NULL);
	check_json("[1.0, 2]", true, "[1,2]", NULL);
	check_json("[-0.998971,-0.998971]", true, "[-0.998971,-0.998971]", NULL);
	check_json("[1,", true, NULL, "expected JSON in roc_thresholds");
	check_json("[1]", true, NULL, "expected roc_thresholds to hold two numbers, found 1");
	check_json("[1,2,3]", true, NULL, "expected roc_thresholds to hold two numbers, found 3");
	check_json("[1,\"2\"]", true, NULL, "a list of two finite numbers");
	check_json("[1,null]", true, NULL, "a list of two finite numbers");
	check_json("{}", true, NULL, "a list of two finite numbers");
	check_json("garbage", true, NULL, "expected JSON");
	check_json("null", true, NULL, "a list of two finite numbers");
	check_json("[1,1e999]", true, NULL, "expected JSON");
	check_json("[1,2] x", true, NULL, "expected JSON");
	check_json("[.5,1]", true, NULL, "expected JSON");
}

static void test_norm_json(void **state)
{
	(void)state;
	check_json("", false, NULL, NULL);
	check_json("{}", false, NULL, NULL);
	check_json("{\"mode\":\"none\"}", false, NULL, NULL);
	check_json("{\"mode\":\"unit\"}", false, "{\"mode\":\"unit\"}", NULL);
	check_json("{\"mode\":\"unit\",\"more\":1}", false, "{\"mode\":\"unit\"}", NULL);
	check_json("{\"std\":[1.000000,0.25],\"mean\":[0.000001,12345678901234567890],\"mode\":\"zscore\"}", false,
	           "{\"mode\":\"zscore\",\"mean\":[1e-06,1.2345678901234567e+19],\"std\":[1,0.25]}", NULL);
	check_json("{ broken", false, NULL, "expected JSON in norm_stats");
	check_json("[]", false, NULL, "no object");
	check_json("\"unit\"", false, NULL, "no object");
	check_json("{\"a\":1}", false, NULL, "without a mode");
	check_json("{\"mode\":1}", false, NULL, "without a mode");
	check_json("{\"mode\":\"robust\"}", false, NULL, "an unknown mode");
	check_json("{\"mode\":\"unit\",\"mode\":\"zscore\"}", false, NULL, "duplicate");
	check_json("{\"mode\":\"zscore\",\"std\":[1]}", false, NULL, "under \"mean\"");
	check_json("{\"mode\":\"zscore\",\"mean\":[1]}", false, NULL, "under \"std\"");
	check_json("{\"mode\":\"zscore\",\"mean\":[1],\"std\":[0.000000]}", false, NULL, "above 0 under \"std\"");
	check_json("{\"mode\":\"zscore\",\"mean\":[1],\"std\":[-1]}", false, NULL, "above 0 under \"std\"");
	check_json("{\"mode\":\"zscore\",\"mean\":[1,2],\"std\":[1]}", false, NULL, "found 2 and 1");
	check_json("{\"mode\":\"zscore\",\"mean\":[],\"std\":[]}", false, NULL, "found 0 and 0");
	check_json("{\"mode\":\"zscore\",\"mean\":[true],\"std\":[1]}", false, NULL, "under \"mean\"");
}

static void test_json_array_copy(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "[{\"type\":\"llm\",\"dim\":64}]", "[{\"type\":\"llm\",\"dim\":64}]" },
		{ "[]", "[]" },
		{ "[null,\"\",{\"a\":null,\"b\":\"\",\"\":1,\"c\":true}]", "[{\"c\":true}]" },
		{ "[[[[1]]]]", "[[[[1]]]]" },
		{ "[[[[[1]]]]]", NULL },
		{ "{}", NULL },
		{ "nope", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_arena arena;
		enum rnm_status status;
		struct rnm_value *value;

		rnm_arena_init(&arena, (size_t)1 << 20);
		status = rnm_json_array_copy(&value, &arena, rnm_bytes_of(cases[i].text), 4, NULL);
		assert_int_equal(status, cases[i].want != NULL ? RNM_OK : RNM_NO);
		if (cases[i].want == NULL) {
			assert_null(value);
		} else {
			struct rnm_json json;
			struct rnm_buf out;

			assert_non_null(value);
			rnm_buf_init(&out, 4096);
			rnm_json_init(&json, &out, false);
			rnm_json_value(&json, value);
			assert_string_equal(rnm_buf_cstr(&out), cases[i].want);
			rnm_buf_free(&out);
		}
		rnm_arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_exact_bytes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_negative_encodings),
		cmocka_unit_test(test_blob_sizes),
		cmocka_unit_test(test_write_keeps_the_reader_limits),
		cmocka_unit_test(test_write_refuses),
		cmocka_unit_test(test_deepest),
		cmocka_unit_test(test_roc_json),
		cmocka_unit_test(test_norm_json),
		cmocka_unit_test(test_json_array_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
