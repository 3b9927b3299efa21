/* SPDX-License-Identifier: Apache-2.0 */
/* rnm_model_verify: what it says of sound and of damaged models; nothing that is damaged passes in silence. */
#include "network_build.h"

#include "base/file.h"
#include "format/zstd.h"
#include "store/model_file.h"

#include <math.h>
#include <rnm/rnm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static struct kann built; /* large: not for the stack */

static void must(enum rnm_status status, const struct rnm_error *err)
{
	if (status != RNM_OK)
		fail_msg("%s: %s", err->id, err->message);
}

static void read_data(struct rnm_buf *buf, const char *name)
{
	struct rnm_error err;
	char path[4096];

	assert_non_null(getenv("RNM_TESTS"));
	snprintf(path, sizeof(path), "%s/data/%s", getenv("RNM_TESTS"), name);
	rnm_buf_init(buf, 1 << 24);
	must(rnm_file_read(path, buf, 1 << 24, &err), &err);
}

/* ---- building containers ------------------------------------------------------------------------ */

static enum rnm_status collect(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	return rnm_buf_append(ctx, data, len) ? RNM_OK : rnm_error_nomem(err);
}

static void compress(struct rnm_buf *out, const void *data, size_t len)
{
	struct rnm_zstd_encoder *encoder = NULL;
	struct rnm_error err;

	rnm_buf_init(out, 1 << 24);
	must(rnm_zstd_encoder_new(&encoder, len, collect, out, &err), &err);
	must(rnm_zstd_encoder_feed(encoder, data, len, &err), &err);
	must(rnm_zstd_encoder_end(encoder, &err), &err);
	rnm_zstd_encoder_free(encoder);
}

struct parts {
	const void *ann;
	size_t ann_len;
	const void *pca; /* NULL: none */
	size_t pca_len;
	const char *digest;
	const char *norm; /* JSON; NULL: none */
	const char *roc;
};

/* An RNM1 file as rnm writes it. */
static void container(struct rnm_buf *out, const struct parts *parts)
{
	struct rnm_json_field *norm = NULL, *roc = NULL;
	struct rnm_rnm1_head head = { .model_version = 3, .created_at = 1700000000 };
	struct rnm_buf ann, pca;
	struct rnm_error err;

	compress(&ann, parts->ann, parts->ann_len);
	rnm_buf_init(&pca, 1 << 24);
	if (parts->pca != NULL)
		compress(&pca, parts->pca, parts->pca_len);
	if (parts->norm != NULL)
		must(rnm_norm_stats_parse(&norm, (struct rnm_bytes){ parts->norm, strlen(parts->norm) }, &err), &err);
	if (parts->roc != NULL)
		must(rnm_roc_parse(&roc, (struct rnm_bytes){ parts->roc, strlen(parts->roc) }, &err), &err);
	head.providers_digest = parts->digest;
	head.norm_stats = norm != NULL ? rnm_json_field_value(norm) : NULL;
	head.roc = roc != NULL ? rnm_json_field_value(roc) : NULL;
	head.has_pca = parts->pca != NULL;
	head.pca_size = pca.len;
	head.ann_size = ann.len;
	rnm_buf_init(out, 1 << 24);
	must(rnm_rnm1_write_prefix(out, &head, &err), &err);
	if (parts->pca != NULL) {
		rnm_buf_append(out, pca.data, pca.len);
		must(rnm_rnm1_write_ann_header(out, ann.len, &err), &err);
	}
	rnm_buf_append(out, ann.data, ann.len);
	assert_false(out->failed);
	rnm_json_field_free(norm);
	rnm_json_field_free(roc);
	rnm_buf_free(&ann);
	rnm_buf_free(&pca);
}

/* ---- one look at a model ------------------------------------------------------------------------ */

struct look {
	bool opened; /* else it is no model at all */
	enum rnm_status status;
	size_t warnings, problems;
	char ids[2048]; /* of all findings, each behind a space */
	struct rnm_model_file *file;
	struct rnm_verification *verification;
};

static void look_at(struct look *look, const void *data, size_t len, const struct rnm_verify_options *options)
{
	struct rnm_error err;

	memset(look, 0, sizeof(*look));
	look->status = rnm_model_file_read(&look->file, data, len, "model", &err);
	if (look->status != RNM_OK) {
		assert_true(err.message[0] != '\0' && look->status == RNM_E_MALFORMED);
		assert_non_null(rnm_model_finding_kind(err.id));
		return;
	}
	look->opened = true;
	look->status = rnm_model_verify(&look->verification, look->file, options, &err);
	assert_true(look->status == RNM_OK || look->status == RNM_NO);
	look->warnings = look->verification->warnings;
	look->problems = look->verification->problems;
	assert_int_equal(look->problems > 0, look->status == RNM_NO);
	assert_int_equal(look->warnings + look->problems, look->verification->finding_count);
	for (size_t i = 0; i < look->verification->finding_count; i++) {
		const struct rnm_model_finding *finding = &look->verification->findings[i];
		size_t used = strlen(look->ids);

		assert_true(strlen(finding->text) > 15);
		assert_non_null(rnm_model_finding_kind(finding->id));
		snprintf(look->ids + used, sizeof(look->ids) - used, " %s", finding->id);
	}
	/* What verify calls sound, every other judge of the same file calls sound too. */
	if (look->status == RNM_OK)
		assert_int_equal(rnm_model_file_verdict(look->file, NULL), RNM_OK);
}

static void look_away(struct look *look)
{
	rnm_verification_free(look->verification);
	rnm_model_file_free(look->file);
}

static void expect_ids(const void *data, size_t len, const char *ids)
{
	struct look look;

	look_at(&look, data, len, NULL);
	assert_true(look.opened);
	assert_string_equal(look.ids, ids);
	look_away(&look);
}

/* ---- sound models ------------------------------------------------------------------------------- */

static const char *const golden[] = {
	"conv1d_arch_96", "embedding_128_relu_nonorm_nodrop", "embedding_200_layers", "embedding_256_pca32",
	"embedding_300",  "embedding_600", "embedding_64", "symbol_10", "symbol_40_pca8", "symbol_87_mult1.5",
};

/* What rspamd has trained gives no finding at all: --strict is of use. */
static void trained_models(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		struct rnm_buf kann, pca, file;
		struct parts parts = { .digest = "0123456789abcdef", .roc = "[0.25, -0.5]" };
		char name[128];

		snprintf(name, sizeof(name), "models/%s.kann", golden[i]);
		read_data(&kann, name);
		expect_ids(kann.data, kann.len, "");
		parts.ann = kann.data;
		parts.ann_len = kann.len;
		rnm_buf_init(&pca, 1);
		if (strstr(golden[i], "pca") != NULL) {
			snprintf(name, sizeof(name), "models/%s.pca", golden[i]);
			read_data(&pca, name);
			parts.pca = pca.data;
			parts.pca_len = pca.len;
		}
		container(&file, &parts);
		expect_ids(file.data, file.len, "");
		rnm_buf_free(&kann);
		rnm_buf_free(&pca);
		rnm_buf_free(&file);
	}
}

/* Every check has looked, and says at what. */
static void checks(void **state)
{
	static const char *const summaries[] = {
		"RNM1",
		"705 bytes of network and a PCA matrix",
		"13 nodes, 91 parameters",
		"8 x 40",
		"vectors of 40, unit normalisation, 8 inputs, 1 output",
		"spam 0.5, ham 0.25",
		NULL,
		"none was named",
	};
	struct parts parts = { .digest = "0123456789abcdef", .norm = "{\"mode\":\"unit\"}", .roc = "[0.5,0.25]" };
	struct rnm_buf kann, pca, file;
	struct look look;

	(void)state;
	read_data(&kann, "models/symbol_40_pca8.kann");
	read_data(&pca, "models/symbol_40_pca8.pca");
	parts.ann = kann.data;
	parts.ann_len = kann.len;
	parts.pca = pca.data;
	parts.pca_len = pca.len;
	container(&file, &parts);
	look_at(&look, file.data, file.len, NULL);
	for (size_t i = 0; i < RNM_CHECK_COUNT; i++) {
		const struct rnm_check_result *result = &look.verification->checks[i];

		assert_int_equal(result->state, i == RNM_CHECK_RULE ? RNM_CHECK_SKIPPED : RNM_CHECK_OK);
		if (summaries[i] != NULL)
			assert_string_equal(result->summary, summaries[i]);
	}
	look_away(&look);
	rnm_buf_free(&file);
	rnm_buf_free(&kann);
	rnm_buf_free(&pca);
}

/* ---- one thing wrong ---------------------------------------------------------------------------- */

static void with_weights(struct rnm_buf *kann, size_t first, size_t count, float value)
{
	for (size_t i = first; i < first + count; i++)
		memcpy(kann->data + 341 + 4 * i, &value, 4);
}

static void expect_of(struct parts parts, const char *ids)
{
	struct rnm_buf file;

	container(&file, &parts);
	expect_ids(file.data, file.len, ids);
	rnm_buf_free(&file);
}

/* symbol_10 has 10 inputs, 11 hidden units and so 121 weights below the hidden layer, then 12. */
static void answers(void **state)
{
	static const struct {
		size_t first, count;
		float value;
		const char *ids;
	} cases[] = {
		{ 121, 11, 0, " kann.zero-weights verify.answer-constant" },
		{ 0, 110, 0, " kann.zero-weights verify.answer-constant" },
		{ 132, 1, 50, " verify.answer-flat" },       /* the output's bias: only very large vectors move it */
		{ 121, 11, 1e5f, " verify.answer-saturated" },
		{ 5, 1, 2e6f, " kann.huge-value" },
		{ 5, 1, NAN, " kann.non-finite" },
		{ 0, 121, 1e-7f, " verify.answer-flat" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_buf kann;

		read_data(&kann, "models/symbol_10.kann");
		with_weights(&kann, cases[i].first, cases[i].count, cases[i].value);
		expect_ids(kann.data, kann.len, cases[i].ids);
		rnm_buf_free(&kann);
	}
}

/* A network that overflows inside: infinity minus infinity. */
static void overflow(void **state)
{
	int32_t at;

	(void)state;
	kann_begin(&built);
	at = kann_leaf(&built, 1, 0, 2, DIMS(1, 4));
	at = kann_unary(&built, 33, at); /* exp */
	kann_tail(&built, at, 4);
	for (size_t i = 0; i < built.variables; i++)
		built.values[i] = i % 2 == 0 ? 0.5f : -0.5f;
	kann_end(&built, built.values);
	expect_ids(built.bytes, built.len, " verify.architecture verify.answer-overflow");
	kann_begin(&built);
	at = kann_leaf(&built, 1, 0, 2, DIMS(1, 4));
	at = kann_unary(&built, 27, at); /* log: of zeros minus infinity, of negative numbers NaN */
	kann_tail(&built, at, 4);
	kann_fill(&built);
	expect_ids(built.bytes, built.len, " verify.architecture verify.answer-non-finite");
}

static void output_ranges(void **state)
{
	static const struct {
		uint16_t op;
		const char *ids;
	} cases[] = {
		{ 7, " verify.architecture" },                      /* tanh, without a truth feed's cost behind it */
		{ 6, " verify.architecture verify.output-range" },  /* sigm: never ham */
		{ 37, " verify.architecture verify.output-range" }, /* gelu: no bound */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int32_t at, truth;

		kann_begin(&built);
		at = kann_dense(&built, kann_leaf(&built, 1, 0, 2, DIMS(1, 4)), 4, 1);
		at = kann_operator(&built, (struct kann_op){ .op = cases[i].op, .roles = 2, .flag = 1, .count = 1,
		                                             .children = { at } });
		truth = kann_leaf(&built, 4, 0, 2, DIMS(1, 1));
		kann_operator(&built, (struct kann_op){ .op = 29, .roles = 8, .flag = 1, .count = 2,
		                                        .children = { at, truth } });
		kann_fill(&built);
		expect_ids(built.bytes, built.len, cases[i].ids);
	}
}

static void thresholds(void **state)
{
	static const struct {
		const char *roc, *ids;
	} cases[] = {
		{ "[0.2, 0.2]", "" },
		{ "[-0.9, -0.9]", "" }, /* of separable training data: common, and without effect in rspamd */
		{ "[1, -1]", "" },
		{ "[1.5, 0]", " verify.threshold-range" },
		{ "[0.5, 1.5]", " verify.threshold-range verify.threshold-order" },
		{ "[-2, -3]", " verify.threshold-range verify.threshold-range" },
		{ "[-0.5, 0.2]", " verify.threshold-order" },
	};
	struct rnm_buf kann;

	(void)state;
	read_data(&kann, "models/symbol_10.kann");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_of((struct parts){ .ann = kann.data, .ann_len = kann.len, .digest = "0123456789abcdef",
		                          .roc = cases[i].roc },
		          cases[i].ids);
	rnm_buf_free(&kann);
}

static void dimensions(void **state)
{
	struct parts parts = { .digest = "0123456789abcdef" };
	struct rnm_buf kann, pca, other;

	(void)state;
	read_data(&kann, "models/symbol_40_pca8.kann");
	read_data(&pca, "models/symbol_40_pca8.pca");
	read_data(&other, "models/embedding_256_pca32.pca");
	parts.ann = kann.data;
	parts.ann_len = kann.len;
	parts.norm = "{\"mode\":\"zscore\",\"mean\":[0,0,0,0,0,0,0,0],\"std\":[1,1,1,1,1,1,1,1]}";
	expect_of(parts, "");
	parts.pca = pca.data;
	parts.pca_len = pca.len;
	expect_of(parts, " norm.length");
	parts.norm = NULL;
	expect_of(parts, "");
	parts.pca = other.data;
	parts.pca_len = other.len;
	expect_of(parts, " pca.rows");
	rnm_buf_free(&kann);
	rnm_buf_free(&pca);
	rnm_buf_free(&other);
}

/* The reader of containers takes these; that they can be divided by is asked here. */
static void zero_deviation(void **state)
{
	struct rnm_buf kann, file;
	struct parts parts = { .digest = "0123456789abcdef" };
	char *at;

	(void)state;
	read_data(&kann, "models/symbol_40_pca8.kann");
	parts.ann = kann.data;
	parts.ann_len = kann.len;
	parts.norm = "{\"mode\":\"zscore\",\"mean\":[0,0,0,0,0,0,0,0],\"std\":[1,1,1,1,1,1,1,9]}";
	container(&file, &parts);
	at = memchr(file.data, 9, file.len);
	assert_non_null(at);
	*at = 0;
	expect_ids(file.data, file.len, " norm.std");
	rnm_buf_free(&file);
	rnm_buf_free(&kann);
}

static void pca_rows(void **state)
{
	struct parts parts = { .digest = "0123456789abcdef" };
	struct rnm_buf kann, pca;
	float *rows;

	(void)state;
	read_data(&kann, "models/symbol_40_pca8.kann");
	read_data(&pca, "models/symbol_40_pca8.pca");
	parts.ann = kann.data;
	parts.ann_len = kann.len;
	parts.pca = pca.data;
	parts.pca_len = pca.len;
	rows = (float *)(void *)(pca.data + 16);
	memcpy(rows + 40, rows, 40 * sizeof(float)); /* two equal rows */
	expect_of(parts, " verify.pca-not-orthogonal");
	memset(rows + 40, 0, 40 * sizeof(float));
	expect_of(parts, " verify.pca-zero-row verify.pca-not-unit");
	rows[40] = NAN;
	expect_of(parts, " tensor.non-finite");
	pca.data[0] = 1;
	expect_of(parts, " frame.tensor");
	rnm_buf_free(&kann);
	rnm_buf_free(&pca);
}

/* Too large to be tried out: said, and not silently passed. */
static void not_tried(void **state)
{
	struct rnm_network_limits limits = { .max_work = 10 };
	struct rnm_verify_options options = { .index = SIZE_MAX, .limits = &limits };
	struct look look;

	(void)state;
	kann_symbol(&built, 10, 16, fill_weight);
	look_at(&look, built.bytes, built.len, &options);
	assert_string_equal(look.ids, " verify.not-tried");
	look_away(&look);
}

/* The list of findings of a network is limited; what decides is reported all the same. */
static void many_findings(void **state)
{
	struct look look;
	int32_t at;

	(void)state;
	kann_begin(&built);
	at = kann_leaf(&built, 1, 0, 2, DIMS(1, 4));
	for (int i = 0; i < 80; i++)
		kann_leaf(&built, 0, 1, 1, DIMS(1)); /* nobody reads them */
	kann_tail(&built, at, 4);
	kann_fill(&built);
	memcpy(built.bytes + built.len - 4, &(float){ NAN }, 4);
	look_at(&look, built.bytes, built.len, NULL);
	assert_int_equal(look.status, RNM_NO);
	assert_int_equal(look.problems, 1);
	assert_non_null(strstr(look.ids, " kann.non-finite"));
	look_away(&look);
}

/* ---- damage ------------------------------------------------------------------------------------- */

/* Part of a file in which a change need not be noticed, and why. */
struct free_range {
	size_t start, len;
};

struct free_list {
	struct free_range ranges[4096];
	size_t count;
};

static void allow(struct free_list *list, size_t start, size_t len)
{
	assert_true(list->count < sizeof(list->ranges) / sizeof(list->ranges[0]));
	list->ranges[list->count++] = (struct free_range){ start, len };
}

static bool is_free(const struct free_list *list, size_t at)
{
	for (size_t i = 0; i < list->count; i++)
		if (at >= list->ranges[i].start && at - list->ranges[i].start < list->ranges[i].len)
			return true;
	return false;
}

/*
 * What of a network's file says nothing that inference, merging or rspamd's loader looks at:
 *   - the flags of operators: trainable is computed again, and of the others only POOL counts (test_flags)
 *   - the state of random generators
 *   - and the numbers themselves: any weight may be meant.
 */
static void free_bytes_of_network(struct free_list *list, const struct rnm_network *network)
{
	size_t first_value = rnm_network_size(network) -
	                     4 * (rnm_network_variable_count(network) + rnm_network_constant_count(network));

	list->count = 0;
	for (uint32_t i = 0; i < rnm_network_node_count(network); i++) {
		const struct rnm_network_node *node = rnm_network_node(network, i);

		if (node->kind == RNM_NODE_OPERATOR)
			allow(list, node->offset + 8, 1);
		if (node->blob.len == 32 && node->param_count == 0)
			allow(list, (size_t)node->offset + 23 + 4 * (size_t)node->child_count, 32);
	}
	allow(list, first_value, rnm_network_size(network) - first_value);
}

static const unsigned char masks[] = { 0x01, 0x02, 0x04, 0x10, 0x80, 0xff };
#define MASKS (sizeof(masks) / sizeof(masks[0]))

/* Whether something was said that was not said of the sound file. */
static bool noticed(const struct look *look, const struct look *sound)
{
	return !look->opened || look->status != RNM_OK || strcmp(look->ids, sound->ids) != 0;
}

static void flip_network(const unsigned char *bytes, size_t len, size_t step_of_values)
{
	struct free_list list;
	struct look sound, look;
	unsigned char *copy = malloc(len);
	size_t first_value;

	memcpy(copy, bytes, len);
	look_at(&sound, bytes, len, NULL);
	assert_int_equal(sound.status, RNM_OK);
	free_bytes_of_network(&list, sound.file->network);
	first_value = list.ranges[list.count - 1].start;
	for (size_t i = 0; i < len; i += i < first_value ? 1 : step_of_values)
		for (size_t m = 0; m < MASKS; m++) {
			copy[i] ^= masks[m];
			look_at(&look, copy, len, NULL);
			if (!noticed(&look, &sound) && !is_free(&list, i))
				fail_msg("byte %zu, %02x made %02x: nothing is said", i, bytes[i], copy[i]);
			look_away(&look);
			copy[i] = bytes[i];
		}
	look_away(&sound);
	free(copy);
}

/* A copy of exactly that size, so that the sanitizer sees a byte read behind it. */
static void cut_everywhere(const void *bytes, size_t len)
{
	for (size_t cut = 0; cut < len; cut++) {
		unsigned char *copy = malloc(cut + 1);
		struct look look;

		copy = realloc(copy, cut > 0 ? cut : 1);
		memcpy(copy, bytes, cut);
		look_at(&look, copy, cut, NULL);
		if (look.opened && look.status == RNM_OK)
			fail_msg("cut to %zu of %zu bytes: sound", cut, len);
		look_away(&look);
		free(copy);
	}
}

static const char *const small[] = { "symbol_10", "symbol_40_pca8", "ops_tanh_sigm", "embedding_256_pca32", "embedding_64" };
#define SMALL (sizeof(small) / sizeof(small[0]))

static void damaged_networks(void **state)
{
	(void)state;
	for (size_t i = 0; i < SMALL; i++) {
		struct rnm_buf kann;
		char name[128];

		snprintf(name, sizeof(name), "models/%s.kann", small[i]);
		read_data(&kann, name);
		if (strncmp(small[i], "ops", 3) != 0)
			flip_network((unsigned char *)kann.data, kann.len, 61);
		cut_everywhere(kann.data, kann.len);
		rnm_buf_free(&kann);
	}
}

/* The one flag of operators that counts: whether a select evaluates all of its operands. */
static void test_flags(void **state)
{
	struct rnm_buf kann;
	struct look look;

	(void)state;
	read_data(&kann, "models/embedding_64.kann");
	look_at(&look, kann.data, kann.len, NULL);
	for (uint32_t i = 0; i < rnm_network_node_count(look.file->network); i++) {
		const struct rnm_network_node *node = rnm_network_node(look.file->network, i);
		size_t flag = (size_t)node->offset + 8;
		struct look other;

		if (node->kind != RNM_NODE_OPERATOR)
			continue;
		for (unsigned bit = 0; bit < 8; bit++) {
			bool quiet = bit == 0 || bit == 4;

			kann.data[flag] = (char)(kann.data[flag] ^ (1 << bit));
			look_at(&other, kann.data, kann.len, NULL);
			assert_int_equal(noticed(&other, &look), !quiet);
			look_away(&other);
			kann.data[flag] = (char)(kann.data[flag] ^ (1 << bit));
		}
	}
	look_away(&look);
	rnm_buf_free(&kann);
}

/* What of a container is free: the numbers that the publisher chooses. */
static void free_bytes_of_container(struct free_list *list, const struct rnm_buf *file)
{
	static const struct {
		const char *key;
		size_t skip, len;
	} values[] = { { "model_version", 0, 1 },
		       { "providers_digest", 1, 16 },
		       { "created_at", 1, 4 },
		       { "roc_thresholds", 1, 18 } };

	list->count = 0;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char *key = memmem(file->data, file->len, values[i].key, strlen(values[i].key));

		if (key != NULL)
			allow(list, (size_t)(key - file->data) + strlen(values[i].key) + values[i].skip,
			      values[i].len);
	}
}

/* Frames of rspamd carry no checksum: what they expand to differs in free bytes of the network at most. */
static bool same_but_free(const struct look *a, const struct look *b)
{
	static struct free_list list;
	const struct rnm_network *one = a->file->network, *two = b->file->network;
	struct rnm_network_tensor t, u;

	if (rnm_network_compatible(one, two, RNM_COMPAT_STRICT, NULL) != RNM_OK &&
	    rnm_network_constant_count(one) == 0)
		return false;
	free_bytes_of_network(&list, one);
	for (uint32_t i = 0; rnm_network_tensor(one, i, &t); i++)
		if (!rnm_network_tensor(two, i, &u) || t.len != u.len || t.node != u.node)
			return false;
	return rnm_network_architecture(one) == rnm_network_architecture(two) &&
	       a->file->pca.rows == b->file->pca.rows && a->file->pca.cols == b->file->pca.cols;
}

/* Whether a byte of the file lies in the frame of the network or of the matrix. */
static bool in_frame(const struct look *look, const struct rnm_buf *file, size_t at)
{
	const struct rnm_bytes blobs[] = { look->file->container->ann, look->file->container->pca };

	for (size_t i = 0; i < 2; i++)
		if (blobs[i].len > 0 && file->data + at >= blobs[i].data && file->data + at < blobs[i].data + blobs[i].len)
			return true;
	return false;
}

static void flip_container(const struct rnm_buf *file, size_t step_of_blob)
{
	static struct free_list list;
	struct look sound, look;
	char *copy = malloc(file->len);
	size_t blob, blob_end;

	memcpy(copy, file->data, file->len);
	look_at(&sound, file->data, file->len, NULL);
	assert_int_equal(sound.status, RNM_OK);
	free_bytes_of_container(&list, file);
	/* Of the frame all that says how to read it; of its content samples. */
	blob = (size_t)(sound.file->container->ann.data - file->data) + 16;
	blob_end = blob - 16 + sound.file->container->ann.len;
	for (size_t i = 0; i < file->len; i += i >= blob && i + step_of_blob < blob_end ? step_of_blob : 1)
		for (size_t m = 0; m < MASKS; m++) {
			copy[i] = (char)(copy[i] ^ masks[m]);
			look_at(&look, copy, file->len, NULL);
			if (!noticed(&look, &sound) && !is_free(&list, i) &&
			    !(in_frame(&sound, file, i) && same_but_free(&sound, &look)))
				fail_msg("byte %zu of %zu: nothing is said", i, file->len);
			look_away(&look);
			copy[i] = file->data[i];
		}
	look_away(&sound);
	free(copy);
}

static void damaged_containers(void **state)
{
	struct rnm_buf kann, pca, file, whole;
	struct parts parts = { .digest = "0123456789abcdef", .norm = "{\"mode\":\"unit\"}", .roc = "[0.5,0.25]" };

	(void)state;
	read_data(&kann, "models/symbol_40_pca8.kann");
	read_data(&pca, "models/symbol_40_pca8.pca");
	parts.ann = kann.data;
	parts.ann_len = kann.len;
	parts.pca = pca.data;
	parts.pca_len = pca.len;
	container(&file, &parts);
	flip_container(&file, 1);
	cut_everywhere(file.data, file.len);
	compress(&whole, file.data, file.len);
	cut_everywhere(whole.data, whole.len);
	rnm_buf_free(&whole);
	rnm_buf_free(&file);
	rnm_buf_free(&kann);
	rnm_buf_free(&pca);
}

/* Files that rspamd wrote: keys in any order, frames without checksum. */
static void damaged_recordings(void **state)
{
	static const char *const files[] = { "export_unit", "export_pca" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct rnm_buf file;
		char name[128];

		snprintf(name, sizeof(name), "cli/files/%s.rnm", files[i]);
		read_data(&file, name);
		flip_container(&file, 7);
		cut_everywhere(file.data, file.len);
		rnm_buf_free(&file);
	}
}

/* ---- a file of which the network has not been looked at -------------------------------------------- */

static enum rnm_status take_some(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	size_t *seen = ctx;

	(void)data;
	*seen += len;
	return *seen > 300000 ? rnm_error_set(err, RNM_E_MALFORMED, "test", "enough") : RNM_OK;
}

/* A large network without sense, which nobody knows before it is looked at. */
static void write_large(char path[64])
{
	struct rnm_buf ann, file;
	uint64_t noise = 88172645463325252u;
	int fd;

	rnm_buf_init(&ann, 1 << 24);
	assert_true(rnm_buf_append(&ann, "KAN\1", 4));
	for (size_t i = 0; i < (1 << 18); i++) {
		noise ^= noise << 13;
		noise ^= noise >> 7;
		noise ^= noise << 17;
		assert_true(rnm_buf_append(&ann, &noise, sizeof(noise)));
	}
	container(&file, &(struct parts){ .ann = ann.data, .ann_len = ann.len, .digest = "376616275a1a984c" });
	snprintf(path, 64, "/tmp/rnm-unread-XXXXXX");
	fd = mkstemp(path);
	assert_int_equal(write(fd, file.data, file.len), file.len);
	close(fd);
	rnm_buf_free(&ann);
	rnm_buf_free(&file);
}

static void unread(void **state)
{
	struct rnm_verification *verification = NULL;
	struct rnm_model_file *file = NULL;
	struct rnm_error err;
	size_t seen = 0;
	char path[64];

	(void)state;
	write_large(path);
	must(rnm_model_file_open_once(&file, path, &err), &err);
	assert_true(rnm_model_file_is_unread(file));
	assert_int_equal(rnm_model_verify(&verification, file, NULL, &err), RNM_E_USAGE);
	assert_string_equal(err.id, "model.unread");
	assert_null(verification);
	/* What becomes of the pieces says nothing about the model. */
	assert_int_equal(rnm_model_file_look(file, take_some, &seen, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "test");
	assert_true(rnm_model_file_is_unread(file));
	assert_int_equal(file->ann_problem.status, RNM_OK);
	must(rnm_model_file_look(file, NULL, NULL, &err), &err);
	assert_false(rnm_model_file_is_unread(file));
	assert_int_equal(rnm_model_verify(&verification, file, NULL, &err), RNM_NO);
	assert_int_equal(strncmp(err.id, "kann.", 5), 0);
	rnm_verification_free(verification);
	rnm_model_file_free(file);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trained_models),     cmocka_unit_test(checks),
		cmocka_unit_test(answers),            cmocka_unit_test(overflow),
		cmocka_unit_test(output_ranges),      cmocka_unit_test(thresholds),
		cmocka_unit_test(dimensions),         cmocka_unit_test(zero_deviation),
		cmocka_unit_test(pca_rows),           cmocka_unit_test(not_tried),
		cmocka_unit_test(many_findings),      cmocka_unit_test(damaged_networks),
		cmocka_unit_test(test_flags),         cmocka_unit_test(damaged_containers),
		cmocka_unit_test(damaged_recordings), cmocka_unit_test(unread),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
