/* SPDX-License-Identifier: Apache-2.0 */
/* The RNM1 container: reading what rspamd writes and what nobody should, writing what rspamd reads. */
#include "base/arena.h"
#include "base/file.h"
#include "base/value_build.h"
#include "format/rnm1_json.h"
#include "format/zstd.h"

#include <rnm/json.h>
#include <rnm/rnm1.h>

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include <cmocka.h>

#define GOLDEN_DIGEST "376616275a1a984c"

/* Strings with NULs and known length. */
#define BYTES(s) (s), sizeof(s) - 1

static void read_golden(const char *name, struct rnm_buf *out)
{
	struct rnm_error err;
	char path[4096];

	snprintf(path, sizeof(path), "%s/data/cli/files/%s.rnm", getenv("RNM_TESTS"), name);
	rnm_buf_init(out, (size_t)1 << 20);
	if (rnm_file_read(path, out, (size_t)1 << 20, &err) != RNM_OK)
		fail_msg("%s", err.message);
}

/* The ids of all findings, joined with commas. */
static const char *finding_ids(const struct rnm_rnm1 *model)
{
	static char text[1024];

	text[0] = '\0';
	for (size_t i = 0; i < model->finding_count; i++) {
		assert_non_null(model->findings[i].text);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? "," : "",
		         model->findings[i].id);
	}
	return text;
}

/* Everything that a reader learns from a file, as one text. */
static char *summary(const struct rnm_rnm1 *model)
{
	struct rnm_json json;
	struct rnm_buf out;

	rnm_buf_init(&out, (size_t)16 << 20);
	rnm_buf_printf(&out, "v=%d/%.17g/%d d=%s c=%d/%" PRId64 " n=%d", model->has_model_version, model->model_version,
	               model->model_version_is_string, model->providers_digest, model->has_created_at,
	               model->created_at, (int)model->norm_mode);
	for (size_t i = 0; i < model->norm_count; i++)
		rnm_buf_printf(&out, " %.17g/%.17g", model->mean[i], model->std[i]);
	rnm_buf_printf(&out, " r=%d/%.17g/%.17g pca=%zu:", model->has_roc, model->roc_spam, model->roc_ham,
	               model->pca.len);
	rnm_buf_append(&out, model->pca.data, model->pca.len);
	rnm_buf_printf(&out, " ann=%zu:", model->ann.len);
	rnm_buf_append(&out, model->ann.data, model->ann.len);
	rnm_buf_puts(&out, " extra=");
	rnm_json_init(&json, &out, false);
	if (model->extra != NULL)
		rnm_json_value(&json, model->extra);
	assert_false(out.failed);
	return rnm_buf_steal(&out);
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

/* A whole small file from its pieces; n is the number of pairs, below 16. */
#define HEAD "\xa5" "magic" "\xa4" "RNM1" "\xa7" "version" "\x01"
#define VER "\xad" "model_version" "\x03"
#define DIG "\xb0" "providers_digest" "\xb0" "0123456789abcdef"
#define ANN "\xa8" "ann_data" "\xa3" "abc"

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

/* ---- writing ---- */

static struct rnm_json_field *parse_norm(const char *text)
{
	struct rnm_json_field *field = NULL;
	struct rnm_error err;

	if (rnm_norm_stats_parse(&field, rnm_bytes_of(text), &err) != RNM_OK)
		fail_msg("%s", err.message);
	return field;
}

static struct rnm_json_field *parse_roc(const char *text)
{
	struct rnm_json_field *field = NULL;
	struct rnm_error err;

	if (rnm_roc_parse(&field, rnm_bytes_of(text), &err) != RNM_OK)
		fail_msg("%s", err.message);
	return field;
}

static struct rnm_value *sample_extra(struct rnm_arena *arena)
{
	struct rnm_value *extra = rnm_value_new(arena, RNM_OBJECT);
	struct rnm_value *symbols = rnm_value_new(arena, RNM_ARRAY);

	assert_true(rnm_value_push(arena, symbols, rnm_value_new_string(arena, "BAYES_HAM", 9)));
	assert_true(rnm_value_push(arena, symbols, rnm_value_new_string(arena, "\1\0x", 3)));
	assert_true(rnm_value_add_s(arena, extra, "tool", rnm_value_new_string(arena, "rnm 0.1.0", 9)));
	assert_true(rnm_value_add_s(arena, extra, "symbols", symbols));
	assert_true(rnm_value_add_s(arena, extra, "empty", rnm_value_new(arena, RNM_ARRAY)));
	assert_true(rnm_value_add_s(arena, extra, "yes", rnm_value_new_bool(arena, true)));
	assert_true(rnm_value_add_s(arena, extra, "half", rnm_value_new_float(arena, 0.5)));
	assert_true(rnm_value_add_s(arena, extra, "two", rnm_value_new_float(arena, 2.0)));
	assert_true(rnm_value_add_s(arena, extra, "least", rnm_value_new_int(arena, INT64_MIN)));
	return extra;
}

/* A whole file in memory. */
static void build(struct rnm_buf *out, const struct rnm_rnm1_head *head, const char *pca, const char *ann)
{
	struct rnm_error err;

	rnm_buf_init(out, (size_t)16 << 20);
	if (rnm_rnm1_write_prefix(out, head, &err) != RNM_OK)
		fail_msg("%s", err.message);
	if (head->has_pca) {
		rnm_buf_append(out, pca, head->pca_size);
		if (rnm_rnm1_write_ann_header(out, head->ann_size, &err) != RNM_OK)
			fail_msg("%s", err.message);
	}
	rnm_buf_append(out, ann, head->ann_size);
	assert_false(out->failed);
}

static void build_full(struct rnm_buf *out, struct rnm_arena *arena)
{
	struct rnm_json_field *norm = parse_norm("{\"std\":[1.0,2.5],\"mean\":[0,-0.25],\"mode\":\"zscore\"}");
	struct rnm_json_field *roc = parse_roc("[0.5, -1]");
	struct rnm_rnm1_head head = { .model_version = 300, .providers_digest = GOLDEN_DIGEST, .created_at = 1795410157,
		                      .norm_stats = rnm_json_field_value(norm), .roc = rnm_json_field_value(roc),
		                      .extra = sample_extra(arena), .has_pca = true, .pca_size = 4, .ann_size = 5 };

	build(out, &head, "PCA!", "ANN!!");
	rnm_json_field_free(norm);
	rnm_json_field_free(roc);
}

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
		cmocka_unit_test(test_golden_files),
		cmocka_unit_test(test_golden_empty_ann),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_digest_with_nul),
		cmocka_unit_test(test_short_std),
		cmocka_unit_test(test_write_exact_bytes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_negative_encodings),
		cmocka_unit_test(test_blob_sizes),
		cmocka_unit_test(test_write_keeps_the_reader_limits),
		cmocka_unit_test(test_write_refuses),
		cmocka_unit_test(test_deepest),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_compressed_network),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_expand_limit),
		cmocka_unit_test(test_roc_json),
		cmocka_unit_test(test_norm_json),
		cmocka_unit_test(test_json_array_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
