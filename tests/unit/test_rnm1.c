/* SPDX-License-Identifier: Apache-2.0 */
/* The RNM1 container: reading what rspamd writes and what nobody should. */
#include "rnm1_build.h"

#include "base/file.h"
#include "format/zstd.h"

#include <math.h>
#include <stdlib.h>
#include <zstd.h>

static void read_golden(const char *name, struct rnm_buf *out)
{
	struct rnm_error err;
	char path[4096];

	snprintf(path, sizeof(path), "%s/data/cli/files/%s.rnm", getenv("RNM_TESTS"), name);
	rnm_buf_init(out, (size_t)1 << 20);
	if (rnm_file_read(path, out, (size_t)1 << 20, &err) != RNM_OK)
		fail_msg("%s", err.message);
}

/* ---- files of the original ---- */

struct golden {
	const char *name;
	double version;
	bool has_version, version_is_string;
	const char *digest;
	int64_t created_at;
	enum rnm_norm_mode norm;
	bool has_roc;
	double spam, ham;
	size_t pca, ann;
	const char *findings;
};

static const struct golden golden[] = {
	{ "digest_export", 3, 1, 0, GOLDEN_DIGEST, 1795410157, RNM_NORM_ZSCORE, 1, 0.5, -0.5, 0, 8344, "" },
	{ "export_bad_norm", 1, 1, 0, GOLDEN_DIGEST, 1795410151, 0, 0, 0, 0, 0, 8344, "rnm1.roc,rnm1.norm-stats" },
	{ "export_badjson", 1, 1, 0, GOLDEN_DIGEST, 1795410149, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_big_v", 4294967296, 1, 0, GOLDEN_DIGEST, 1795410156, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_default", 3, 1, 0, GOLDEN_DIGEST, 1795410148, RNM_NORM_ZSCORE, 1, 0.5, -0.5, 0, 8344, "" },
	{ "export_default_v0x2", 2, 1, 0, GOLDEN_DIGEST, 1795410155, 0, 0, 0, 0, 0, 8344, "rnm1.roc" },
	{ "export_default_v2.0", 2, 1, 0, GOLDEN_DIGEST, 1795410155, 0, 0, 0, 0, 0, 8344, "rnm1.roc" },
	{ "export_default_v2", 2, 1, 0, GOLDEN_DIGEST, 1795410154, 0, 0, 0, 0, 0, 8344, "rnm1.roc" },
	{ "export_default_v3", 3, 1, 0, GOLDEN_DIGEST, 1795410155, RNM_NORM_ZSCORE, 1, 0.5, -0.5, 0, 8344, "" },
	{ "export_dup_v4", 4, 1, 0, GOLDEN_DIGEST, 1795410156, 0, 1, 0.2, 0.2, 0, 8344, "" },
	{ "export_dup_version", 4, 1, 0, GOLDEN_DIGEST, 1795410153, 0, 1, 0.2, 0.2, 0, 8344, "" },
	{ "export_empty_fields", 1, 1, 0, GOLDEN_DIGEST, 1795410150, 0, 0, 0, 0, 0, 8344,
	  "rnm1.norm-stats,rnm1.pca-empty,rnm1.roc" },
	/* What is inside the blob is the business of rnm_frame_check. */
	{ "export_garbage_ann", 1, 1, 0, GOLDEN_DIGEST, 1795410153, 0, 0, 0, 0, 0, 11, "" },
	{ "export_key_utf8", 1, 1, 0, GOLDEN_DIGEST, 1795410154, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_no_digest", 1, 1, 0, GOLDEN_DIGEST, 1795410153, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_no_roc", 1, 1, 0, GOLDEN_DIGEST, 1795410151, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_nokey", 1, 1, 0, GOLDEN_DIGEST, 1795410150, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_older_live", 7, 1, 0, GOLDEN_DIGEST, 1795410148, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_other_digest", 1, 1, 0, GOLDEN_DIGEST, 1795410153, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_pca", 1, 1, 0, GOLDEN_DIGEST, 1795410151, 0, 1, 0, 0, 1254, 511, "" },
	{ "export_score_far", 1, 1, 0, GOLDEN_DIGEST, 1795410154, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_score_zero", 1, 1, 0, GOLDEN_DIGEST, 1795410154, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_space_rule", 1, 1, 0, "", 1795410157, 0, 0, 0, 0, 0, 8344, "rnm1.no-digest" },
	{ "export_symbolic", 1, 1, 0, "", 1795410157, 0, 0, 0, 0, 0, 8344, "rnm1.roc,rnm1.no-digest" },
	{ "export_tie", 2, 1, 0, GOLDEN_DIGEST, 1795410149, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_unit", 1, 1, 0, GOLDEN_DIGEST, 1795410151, RNM_NORM_UNIT, 1, -0.998971, -0.998971, 0, 8344, "" },
	{ "export_ver_big", 4294967296, 1, 0, GOLDEN_DIGEST, 1795410152, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_ver_float", 2.5, 1, 0, GOLDEN_DIGEST, 1795410151, 0, 0, 0, 0, 0, 8344, "rnm1.model-version" },
	{ "export_ver_float_v2.5", 2.5, 1, 0, GOLDEN_DIGEST, 1795410156, 0, 0, 0, 0, 0, 8344, "rnm1.model-version" },
	{ "export_ver_missing", 1, 1, 0, GOLDEN_DIGEST, 1795410152, 0, 0, 0, 0, 0, 8344, "" },
	{ "export_ver_neg", -3, 1, 0, GOLDEN_DIGEST, 1795410152, 0, 0, 0, 0, 0, 8344,
	  "rnm1.model-version,rnm1.negative-fixint" },
	{ "export_ver_string", 7, 1, 1, GOLDEN_DIGEST, 1795410152, 0, 0, 0, 0, 0, 8344, "rnm1.model-version" },
	{ "export_ver_zero", 0, 1, 0, GOLDEN_DIGEST, 1795410152, 0, 0, 0, 0, 0, 8344, "rnm1.model-version" },
	{ "export_version_vs_time", 4, 1, 0, GOLDEN_DIGEST, 1795410149, 0, 0, 0, 0, 0, 8344, "" },
};

static void check_golden(const struct golden *want, const struct rnm_rnm1 *model, size_t file_size)
{
	static const double mean[] = { 0.5, -0.25, 1e-06 }, std[] = { 1, 2.5, 0.125 };

	assert_false(model->compressed);
	assert_int_equal(model->file_size, file_size);
	assert_int_equal(model->expanded_size, file_size);
	assert_true(model->model_version == want->version);
	assert_int_equal(model->has_model_version, want->has_version);
	assert_int_equal(model->model_version_is_string, want->version_is_string);
	assert_string_equal(model->providers_digest, want->digest);
	assert_true(model->has_created_at);
	assert_int_equal(model->created_at, want->created_at);
	assert_int_equal(model->norm_mode, want->norm);
	assert_int_equal(model->norm_count, want->norm == RNM_NORM_ZSCORE ? 3 : 0);
	for (size_t i = 0; i < model->norm_count; i++) {
		assert_true(model->mean[i] == mean[i]);
		assert_true(model->std[i] == std[i]);
	}
	assert_int_equal(model->has_roc, want->has_roc);
	assert_true(model->roc_spam == want->spam && model->roc_ham == want->ham);
	assert_int_equal(model->pca.len, want->pca);
	assert_int_equal(model->ann.len, want->ann);
	assert_null(model->extra);
	assert_string_equal(finding_ids(model), want->findings);
}

static void test_golden_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		struct rnm_rnm1 *model = NULL;
		struct rnm_error err;
		struct rnm_buf file;

		read_golden(golden[i].name, &file);
		if (rnm_rnm1_read(&model, file.data, file.len, &err) != RNM_OK)
			fail_msg("%s: %s", golden[i].name, err.message);
		check_golden(&golden[i], model, file.len);
		rnm_rnm1_free(model);
		rnm_buf_free(&file);
	}
}

static void test_golden_empty_ann(void **state)
{
	struct rnm_rnm1 *model = NULL;
	struct rnm_error err;
	struct rnm_buf file;

	(void)state;
	read_golden("export_empty_ann", &file);
	assert_int_equal(rnm_rnm1_read(&model, file.data, file.len, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "rnm1.ann-data");
	assert_string_equal(err.message, "expected a network under ann_data, found an empty string");
	assert_true(err.has_offset);
	assert_null(model);
	rnm_buf_free(&file);
}

/* ---- what may not be read ---- */

struct bad {
	const char *data;
	size_t len;
	const char *id;
	const char *message;
};

static const struct bad bad[] = {
	{ BYTES(""), "rnm1.empty", "expected an RNM1 file, found an empty one" },
	{ BYTES("\x01"), "rnm1.msgpack", "expected a msgpack map, found an integer" },
	{ BYTES("<html>"), "rnm1.msgpack", "expected a msgpack map, found an integer" },
	{ BYTES("\x93\x01\x02\x03"), "rnm1.msgpack", "expected a msgpack map, found an array" },
	{ BYTES("\xc1"), "rnm1.msgpack", "expected a msgpack map, found the undefined byte c1" },
	{ BYTES("\x80"), "rnm1.magic", "expected the key magic with the value \"RNM1\", found no such key" },
	{ BYTES("\x85" HEAD VER DIG ANN "\n"), "rnm1.trailing",
	  "expected the file to end with its map at byte 83, found 1 bytes behind it" },
	{ BYTES("\x86" HEAD VER DIG ANN), "rnm1.truncated",
	  "expected a key at byte 83, found the end of the file at byte 83" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x"), "rnm1.truncated",
	  "expected a value at byte 85, found the end of the file at byte 85" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x" "\xdb\xff\xff\xff\xff"), "rnm1.truncated",
	  "expected a string of 4294967295 bytes at byte 85, found only 0 bytes up to the end" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x" "\xdd\xff\xff\xff\xff"), "rnm1.truncated",
	  "expected a value at byte 90, found the end of the file at byte 90" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x" "\xdf\xff\xff\xff\xff"), "rnm1.limit",
	  "expected a map of at most 256 keys at byte 85, found 4294967295" },
	{ BYTES("\x86" HEAD VER DIG ANN "\x01\x01"), "rnm1.key", "expected a string as key at byte 83, found an integer" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xc4\x01" "x" "\x01"), "rnm1.key",
	  "expected a string as key at byte 83, found binary" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa0\x01"), "rnm1.key", "expected a key of text at byte 83, found an empty one" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa2" "x\0" "\x01"), "rnm1.key",
	  "expected a key of text at byte 83, found one that holds a NUL" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa5" "magic" "\xa4" "RNM1"), "rnm1.duplicate-key",
	  "expected each key once, found \"magic\" again at byte 83" },
	/* The same key with another length byte is the same key. */
	{ BYTES("\x86" HEAD VER DIG ANN "\xd9\x05" "magic" "\xa4" "RNM1"), "rnm1.duplicate-key",
	  "expected each key once, found \"magic\" again at byte 83" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x" "\x82\xa1" "y" "\x01\xa1" "y" "\x01"), "rnm1.duplicate-key",
	  "expected each key once, found \"y\" again at byte 89" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x" "\xc1"), "rnm1.msgpack",
	  "expected a value at byte 85, found the byte c1, which msgpack does not define" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x" "\xd6\xff\x01\x02\x03\x04"), "rnm1.ext",
	  "expected a value at byte 85, found a msgpack extension type, which rspamd does not read" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x" "\x91\x91\x91\x91\x91\x91\x91\x91\x01"), "rnm1.depth",
	  "expected maps and arrays at most 8 deep, found a deeper one at byte 92" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa1" "x" "\xcb\x01\x02"), "rnm1.truncated",
	  "expected the rest of a value at byte 85, found the end of the file at byte 88" },
	{ BYTES("\x81\xa5" "magic" "\xa4" "rnm1"), "rnm1.magic", "expected magic to be \"RNM1\", found \"rnm1\"" },
	{ BYTES("\x81\xa5" "magic" "\x01"), "rnm1.magic", "expected magic to be \"RNM1\", found an integer" },
	{ BYTES("\x81\xa5" "magic" "\xa4" "RNM1"), "rnm1.version",
	  "expected the key version with the value 1, found no such key" },
	{ BYTES("\x82\xa5" "magic" "\xa4" "RNM1" "\xa7" "version" "\x02"), "rnm1.version",
	  "expected version to be 1, found 2" },
	{ BYTES("\x82\xa5" "magic" "\xa4" "RNM1" "\xa7" "version" "\xa1" "1"), "rnm1.version",
	  "expected version to be the number 1, found a string" },
	{ BYTES("\x82\xa5" "magic" "\xa4" "RNM1" "\xa7" "version" "\xc3"), "rnm1.version",
	  "expected version to be the number 1, found a boolean" },
	{ BYTES("\x82\xa5" "magic" "\xa4" "RNM1" "\xa7" "version" "\xcb\x7f\xf8\0\0\0\0\0\0"), "rnm1.version",
	  "expected version to be 1, found nan" },
	{ BYTES("\x84" HEAD VER DIG), "rnm1.ann-data", "expected the key ann_data, found no such key" },
	{ BYTES("\x85" HEAD VER DIG "\xa8" "ann_data" "\x05"), "rnm1.ann-data",
	  "expected ann_data to be a string, found an integer" },
	{ BYTES("\x85" HEAD VER "\xb0" "providers_digest" "\x05" ANN), "rnm1.digest",
	  "expected providers_digest to be a string, found an integer" },
	{ BYTES("\x85" HEAD VER "\xb0" "providers_digest" "\xc0" ANN), "rnm1.digest",
	  "expected providers_digest to be a string, found nil" },
	{ BYTES("\x85" HEAD DIG ANN "\xad" "model_version" "\xa3" "abc"), "rnm1.model-version",
	  "expected model_version to be a number, found a string" },
	{ BYTES("\x85" HEAD DIG ANN "\xad" "model_version" "\xa3" "nan"), "rnm1.model-version",
	  "expected model_version to be a number, found a string" },
	{ BYTES("\x85" HEAD DIG ANN "\xad" "model_version" "\xca\x7f\x80\0\0"), "rnm1.model-version",
	  "expected model_version to be a number, found one that is not finite" },
	{ BYTES("\x85" HEAD DIG ANN "\xad" "model_version" "\xc0"), "rnm1.model-version",
	  "expected model_version to be a number, found nil" },
	{ BYTES("\x86" HEAD VER DIG ANN "\xa8" "pca_data" "\x07"), "rnm1.pca-data",
	  "expected pca_data to be a string, found an integer" },
};

static void test_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* A copy of the exact size lets AddressSanitizer see every byte read too far. */
		char *copy = malloc(bad[i].len + (bad[i].len == 0));
		struct rnm_rnm1 *model = NULL;
		struct rnm_error err;

		memcpy(copy, bad[i].data, bad[i].len);
		assert_int_equal(rnm_rnm1_read(&model, copy, bad[i].len, &err), RNM_E_MALFORMED);
		assert_string_equal(err.message, bad[i].message);
		assert_string_equal(err.id, bad[i].id);
		assert_null(model);
		free(copy);
	}
}

static void test_hints(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *part;
	} cases[] = {
		{ BYTES("KAN\1\4\0\0\0"), "bare KANN network" },
		{ BYTES("<!DOCTYPE html>"), "web page" },
		{ BYTES("{\"a\":1}"), "JSON" },
		{ BYTES("REDIS0011"), "dump of Redis" },
		{ BYTES("\x1f\x8b\x08"), "gzip" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_rnm1 *model = NULL;
		struct rnm_error err;

		assert_int_equal(rnm_rnm1_read(&model, cases[i].data, cases[i].len, &err), RNM_E_MALFORMED);
		assert_non_null(strstr(err.hint, cases[i].part));
	}
}

/* ---- what is read with a remark ---- */

static void test_findings(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *ids;
	} cases[] = {
		{ BYTES("\x85" HEAD VER DIG ANN), "" },
		{ BYTES("\xdf\0\0\0\x05" HEAD VER DIG ANN), "" },
		{ BYTES("\x85" "\xa5" "magic" "\xd9\x04" "RNM1" "\xa7" "version" "\xca\x3f\x80\0\0" VER DIG ANN), "" },
		{ BYTES("\x84" HEAD DIG ANN), "rnm1.model-version" },
		{ BYTES("\x84" HEAD VER ANN), "rnm1.no-digest" },
		{ BYTES("\x85" HEAD VER "\xb0" "providers_digest" "\xa2" "ab" ANN), "rnm1.digest" },
		{ BYTES("\x85" HEAD VER "\xb0" "providers_digest" "\xb2" "0123456789abcdef\0x" ANN), "rnm1.digest" },
		{ BYTES("\x85" HEAD VER "\xb0" "providers_digest" "\xb0" "0123456789ABCDEF" ANN), "rnm1.digest" },
		{ BYTES("\x85" HEAD VER DIG "\xa8" "ann_data" "\xc4\x03" "abc"), "rnm1.bin" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xa4" "xsig" "\xc4\x01" "a"), "rnm1.unknown-key,rnm1.bin" },
		{ BYTES("\x86" HEAD VER DIG "\xa4" "xsig" "\xc4\0" ANN), "rnm1.unknown-key" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xa4" "xsig" "\xa0"), "rnm1.unknown-key,rnm1.last-empty" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xa4" "xsig" "\x91\xa0"), "rnm1.unknown-key" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "created_at" "\xa1" "x"), "rnm1.created-at" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "created_at" "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "rnm1.created-at" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xa8" "pca_data" "\xc0"), "rnm1.pca-data" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xa8" "pca_data" "\xc2"), "rnm1.pca-data" },
		{ BYTES("\x86" HEAD VER DIG "\xa8" "pca_data" "\xa0" ANN), "rnm1.pca-empty" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xa3" "rnm" "\x01"), "rnm1.extra" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xae" "roc_thresholds" "\x93\1\2\3"), "rnm1.roc" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xae" "roc_thresholds" "\x92\1\xa1" "x"), "rnm1.roc" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xae" "roc_thresholds" "\xc0"), "rnm1.roc" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xae" "roc_thresholds" "\x92\1\xca\x7f\x80\0\0"), "rnm1.roc" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "norm_stats" "\xa4" "unit"), "" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "norm_stats" "\xc0"), "rnm1.norm-type" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "norm_stats" "\x81\xa4" "mode" "\xa4" "none"), "rnm1.norm-stats" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "norm_stats" "\x81\xa4" "mode" "\xa6" "zscore"), "rnm1.norm-stats" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "norm_stats" "\x83\xa4" "mode" "\xa6" "zscore" "\xa4" "mean" "\x92\1\2"
		        "\xa3" "std" "\x91\1"), "rnm1.norm-length" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "norm_stats" "\x83\xa4" "mode" "\xa6" "zscore" "\xa4" "mean" "\x91\1"
		        "\xa3" "std" "\x91\0"), "" },
		{ BYTES("\x86" HEAD VER DIG ANN "\xaa" "norm_stats" "\x83\xa4" "mode" "\xa6" "zscore" "\xa4" "mean" "\x91\1"
		        "\xa3" "std" "\x91\xff"), "rnm1.negative-fixint" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *copy = malloc(cases[i].len);
		struct rnm_rnm1 *model = NULL;
		struct rnm_error err;

		memcpy(copy, cases[i].data, cases[i].len);
		if (rnm_rnm1_read(&model, copy, cases[i].len, &err) != RNM_OK)
			fail_msg("case %zu: %s", i, err.message);
		assert_string_equal(finding_ids(model), cases[i].ids);
		assert_int_equal(model->ann.len, 3);
		assert_memory_equal(model->ann.data, "abc", 3);
		rnm_rnm1_free(model);
		free(copy);
	}
}

/* A NUL must not shorten a wrong digest to a right one. */
static void test_digest_with_nul(void **state)
{
	static const char data[] = "\x85" HEAD VER "\xb0" "providers_digest" "\xb2" "0123456789abcdef\0x" ANN;
	struct rnm_rnm1 *model = NULL;

	(void)state;
	assert_int_equal(rnm_rnm1_read(&model, data, sizeof(data) - 1, NULL), RNM_OK);
	assert_string_equal(model->providers_digest, "0123456789abcdef?x");
	rnm_rnm1_free(model);
}

/* A zscore that is too short on one side is read as rspamd uses it: missing deviations are 1. */
static void test_short_std(void **state)
{
	static const char data[] = "\x86" HEAD VER DIG ANN "\xaa" "norm_stats" "\x83\xa4" "mode" "\xa6" "zscore"
	                           "\xa4" "mean" "\x92\1\2" "\xa3" "std" "\x91\3";
	struct rnm_rnm1 *model = NULL;

	(void)state;
	assert_int_equal(rnm_rnm1_read(&model, data, sizeof(data) - 1, NULL), RNM_OK);
	assert_int_equal(model->norm_mode, RNM_NORM_ZSCORE);
	assert_int_equal(model->norm_count, 2);
	assert_true(model->mean[0] == 1 && model->mean[1] == 2 && model->std[0] == 3 && model->std[1] == 1);
	rnm_rnm1_free(model);
}

/* ---- damage ---- */

static void test_every_cut(void **state)
{
	struct rnm_arena arena;
	struct rnm_buf file;

	(void)state;
	rnm_arena_init(&arena, (size_t)1 << 20);
	build_full(&file, &arena);
	for (size_t len = 0; len < file.len; len++) {
		char *cut = malloc(len + (len == 0));
		struct rnm_rnm1 *model = NULL;
		struct rnm_error err;

		memcpy(cut, file.data, len);
		assert_int_equal(rnm_rnm1_read(&model, cut, len, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, len == 0 ? "rnm1.empty" : "rnm1.truncated");
		free(cut);
	}
	rnm_buf_free(&file);
	rnm_arena_free(&arena);
}

/* Any one byte changed to any value: refused, remarked on, or visible in what is read; never lost. */
static void test_every_byte(void **state)
{
	struct rnm_rnm1 *model = NULL;
	struct rnm_arena arena;
	struct rnm_buf file;
	size_t accepted = 0;
	char *want, *copy;

	(void)state;
	rnm_arena_init(&arena, (size_t)1 << 20);
	build_full(&file, &arena);
	assert_int_equal(rnm_rnm1_read(&model, file.data, file.len, NULL), RNM_OK);
	want = summary(model);
	rnm_rnm1_free(model);
	copy = malloc(file.len);
	for (size_t i = 0; i < file.len; i++) {
		for (unsigned flip = 1; flip < 256; flip++) {
			memcpy(copy, file.data, file.len);
			copy[i] = (char)((unsigned char)copy[i] ^ flip);
			if (rnm_rnm1_read(&model, copy, file.len, NULL) != RNM_OK)
				continue;
			if (model->finding_count == 0) {
				char *text = summary(model);

				/* Only uint and int of the same width (cd to d1, ...) are two ways to say the same. */
				if (strcmp(text, want) == 0 && flip != 0x1c)
					fail_msg("byte %zu ^ %02x was overlooked", i, flip);
				free(text);
				accepted++;
			}
			rnm_rnm1_free(model);
		}
	}
	assert_true(accepted > 0);
	free(copy);
	free(want);
	rnm_buf_free(&file);
	rnm_arena_free(&arena);
}

/* ---- compressed files ---- */

static void *compress_bytes(const void *data, size_t len, size_t *out_len)
{
	size_t bound = ZSTD_compressBound(len);
	void *out = malloc(bound);

	*out_len = ZSTD_compress(out, bound, data, len, 1);
	assert_false(ZSTD_isError(*out_len));
	return out;
}

static void test_compressed(void **state)
{
	struct rnm_rnm1 *model = NULL;
	struct rnm_arena arena;
	struct rnm_error err;
	struct rnm_buf file;
	unsigned char *packed;
	char *plain, *same;
	size_t len;

	(void)state;
	rnm_arena_init(&arena, (size_t)1 << 20);
	build_full(&file, &arena);
	assert_int_equal(rnm_rnm1_read(&model, file.data, file.len, NULL), RNM_OK);
	plain = summary(model);
	rnm_rnm1_free(model);
	packed = compress_bytes(file.data, file.len, &len);
	assert_int_equal(rnm_rnm1_read(&model, packed, len, NULL), RNM_OK);
	assert_true(model->compressed);
	assert_int_equal(model->file_size, len);
	assert_int_equal(model->expanded_size, file.len);
	same = summary(model);
	assert_string_equal(same, plain);
	rnm_rnm1_free(model);
	for (size_t cut = 4; cut < len; cut++) {
		assert_int_equal(rnm_rnm1_read(&model, packed, cut, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "zstd.truncated");
	}
	packed = realloc(packed, len + 1);
	packed[len] = '\n';
	assert_int_equal(rnm_rnm1_read(&model, packed, len + 1, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "zstd.trailing");
	assert_int_equal(err.offset, len);
	packed[4] ^= 0x08; /* a reserved bit of the frame header */
	assert_int_equal(rnm_rnm1_read(&model, packed, len, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "zstd.corrupt");
	free(same);
	free(plain);
	free(packed);
	rnm_buf_free(&file);
	rnm_arena_free(&arena);
}

/* A bare compressed network, as it lies in Redis, is told apart from a compressed file. */
static void test_compressed_network(void **state)
{
	struct rnm_rnm1 *model = NULL;
	struct rnm_error err;
	size_t len;
	void *packed = compress_bytes("KAN\1\0\0\0\0", 8, &len);

	(void)state;
	assert_int_equal(rnm_rnm1_read(&model, packed, len, &err), RNM_E_MALFORMED);
	assert_non_null(strstr(err.hint, "bare compressed network"));
	free(packed);
}

/* 300 MiB of zeroes in some 10 KiB, with and without a declared size, and a header that promises 2^62 bytes. */
static void test_bombs(void **state)
{
	static const unsigned char liar[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0 };
	size_t cap = (size_t)1 << 20;
	char *packed = malloc(cap), *zeroes = calloc(1, (size_t)1 << 20);
	struct rnm_rnm1 *model = NULL;
	struct rnm_error err;

	(void)state;
	for (int declared = 0; declared < 2; declared++) {
		ZSTD_CCtx *cctx = ZSTD_createCCtx();
		ZSTD_outBuffer out = { packed, cap, 0 };

		if (declared)
			ZSTD_CCtx_setPledgedSrcSize(cctx, (unsigned long long)300 << 20);
		for (int i = 0; i < 300; i++) {
			ZSTD_inBuffer in = { zeroes, (size_t)1 << 20, 0 };

			while (in.pos < in.size)
				assert_false(ZSTD_isError(ZSTD_compressStream2(cctx, &out, &in, ZSTD_e_continue)));
		}
		assert_int_equal(ZSTD_endStream(cctx, &out), 0);
		assert_int_equal(rnm_rnm1_read(&model, packed, out.pos, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "zstd.too-large");
		ZSTD_freeCCtx(cctx);
	}
	assert_int_equal(rnm_rnm1_read(&model, liar, sizeof(liar), &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "zstd.too-large");
	free(zeroes);
	free(packed);
}

/* Exactly the limit is not past it, also when only the checksum is left to read there. */
static void test_expand_limit(void **state)
{
	struct rnm_error err;

	(void)state;
	for (size_t size = 0; size < 300; size += 60) {
		char *data = calloc(1, size + 1), packed[1024];
		ZSTD_CCtx *cctx = ZSTD_createCCtx();
		struct rnm_buf out;
		size_t len;

		ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
		len = ZSTD_compress2(cctx, packed, sizeof(packed), data, size);
		assert_false(ZSTD_isError(len));
		rnm_buf_init(&out, size);
		if (rnm_zstd_expand(&out, packed, len, "it", &err) != RNM_OK)
			fail_msg("%s", err.message);
		assert_int_equal(out.len, size);
		rnm_buf_free(&out);
		if (size > 0) {
			rnm_buf_init(&out, size - 1);
			assert_int_equal(rnm_zstd_expand(&out, packed, len, "it", &err), RNM_E_MALFORMED);
			assert_string_equal(err.id, "zstd.too-large");
			rnm_buf_free(&out);
		}
		ZSTD_freeCCtx(cctx);
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_files),
		cmocka_unit_test(test_golden_empty_ann),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_digest_with_nul),
		cmocka_unit_test(test_short_std),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_compressed_network),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_expand_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
