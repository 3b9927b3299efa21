/* SPDX-License-Identifier: Apache-2.0 */
/* lib/network: looking at a network, preprocessing, merging and comparing. */
#include "network_build.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct kann file, other; /* large: not for the stack */

static void must(enum rnm_status status, const struct rnm_error *err)
{
	if (status != RNM_OK)
		fail_msg("%s: %s", err->id, err->message);
}

/* One place of a sound file changed, and the finding that this gives. */
struct patch {
	size_t offset;
	const char *bytes;
	size_t len;
	const char *id;
};

#define PATCH(offset, bytes, id)                                                                             \
	{                                                                                                    \
		offset, bytes, sizeof(bytes) - 1, id                                                         \
	}

/* ---- looking ------------------------------------------------------------------------------------ */

static void described(const char *expected)
{
	struct rnm_network *net = NULL;
	struct rnm_error err;
	struct rnm_buf text;

	must(rnm_network_load(&net, file.bytes, file.len, NULL, &err), &err);
	rnm_buf_init(&text, 4096);
	must(rnm_network_describe(net, &text, &err), &err);
	assert_string_equal(rnm_buf_cstr(&text), expected);
	rnm_buf_free(&text);
	rnm_network_free(net);
}

static void descriptions(void **state)
{
	int32_t at;

	(void)state;
	kann_symbol(&file, 10, 16, fill_weight);
	described("symbol 10 -> 16 -> 1");
	kann_embedding(&file, &(struct kann_embedding){ .n = 300, .widths = { 150, 75 }, .layers = 2 });
	described("embedding 300 -> 150 -> 75 -> 1, layer norm, GELU, dropout 0.2, 0.1");
	kann_embedding(
	    &file,
	    &(struct kann_embedding){
		.n = 64, .widths = { 32 }, .layers = 1, .relu = true, .no_norm = true, .no_dropout = true });
	described("embedding 64 -> 32 -> 1, ReLU");
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
	at = kann_unary(&file, 34, at);
	kann_operator(&file, (struct kann_op){ .op = 14, .roles = 2, .count = 1, .children = { at } });
	kann_end(&file, NULL);
	described("graph of 3 nodes, 4 -> 4, operators sin, softmax");
}

/* Each network is its own kind; one node out of its place, and it is none of rspamd's. */
static void architectures(void **state)
{
	static const struct patch patches[] = {
		PATCH(274, "\6", NULL),  /* the output a sigm */
		PATCH(243, "\2", NULL),  /* the output's bias multiplied */
		PATCH(43, "\7", NULL),   /* a tanh on the input */
		PATCH(323, "\x1d", NULL), /* another cost */
	};
	struct kann_embedding embedding = { .n = 64, .widths = { 40, 32 }, .layers = 2 };
	struct rnm_network *net = NULL;
	struct rnm_error err;

	(void)state;
	assert_string_equal(rnm_architecture_name(RNM_ARCHITECTURE_OTHER), "other");
	kann_embedding(&file, &embedding);
	must(rnm_network_load(&net, file.bytes, file.len, NULL, &err), &err);
	assert_int_equal(rnm_network_architecture(net), RNM_ARCHITECTURE_EMBEDDING);
	rnm_network_free(net);
	for (size_t i = 0; i <= sizeof(patches) / sizeof(patches[0]); i++) {
		kann_symbol(&file, 2, 4, fill_weight);
		if (i > 0)
			memcpy(file.bytes + patches[i - 1].offset, patches[i - 1].bytes, patches[i - 1].len);
		must(rnm_network_load(&net, file.bytes, file.len, NULL, &err), &err);
		assert_int_equal(rnm_network_architecture(net),
		                 i == 0 ? RNM_ARCHITECTURE_SYMBOL : RNM_ARCHITECTURE_OTHER);
		rnm_network_free(net);
	}
}

/* Units that the weights alone prove to say nothing, and units that only look like it. */
static void dead_units(void **state)
{
	static const struct {
		bool relu_below, relu_above;
		float first[4], bias; /* of unit 0 */
		uint64_t dead;
	} cases[] = {
		{ true, true, { 0, 0, 0, 0 }, 1, 1 },
		{ false, false, { 0, -0.0f, 0, 0 }, 1, 1 },
		{ true, true, { -1, -2, 0, -1 }, 0, 1 },
		{ true, true, { -1, -2, 0, -1 }, -1, 1 },
		{ true, true, { -1, -2, 0, -1 }, 0.1f, 0 }, /* the bias lets it through */
		{ true, true, { -1, -2, 0.1f, -1 }, -1, 0 },
		{ false, true, { -1, -2, 0, -1 }, -1, 0 }, /* inputs may be negative */
		{ true, false, { -1, -2, 0, -1 }, -1, 0 }, /* nothing cuts at 0 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_network *net = NULL;
		struct rnm_tensor_stats stats;
		struct rnm_error err;
		int32_t at;

		kann_begin(&file);
		at = kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
		if (cases[i].relu_below)
			at = kann_unary(&file, 8, at);
		at = kann_dense(&file, at, 4, 3);
		if (cases[i].relu_above)
			at = kann_unary(&file, 8, at);
		kann_tail(&file, at, 3);
		for (size_t w = 0; w < file.variables; w++)
			file.values[w] = w < 4 ? cases[i].first[w] : w == 12 ? cases[i].bias : 0.5f;
		kann_end(&file, file.values);
		must(rnm_network_load(&net, file.bytes, file.len, NULL, &err), &err);
		assert_true(rnm_network_tensor_stats(net, 0, &stats));
		assert_int_equal(stats.units, 3);
		assert_int_equal(stats.dead, cases[i].dead);
		assert_true(rnm_network_tensor_stats(net, 1, &stats));
		assert_int_equal(stats.units, 0);
		assert_false(rnm_network_tensor_stats(net, 4, &stats));
		rnm_network_free(net);
	}
}

static void histograms(void **state)
{
	static const float values[] = { -1, -0.5f, 0, 0.5f, 1, NAN, INFINITY, 0.49f };
	struct rnm_network_tensor tensor = { .len = 8, .data = values };
	uint64_t bins[4];

	(void)state;
	rnm_tensor_histogram(&tensor, -1, 1, bins, 4);
	assert_true(bins[0] == 1 && bins[1] == 1 && bins[2] == 2 && bins[3] == 2);
	rnm_tensor_histogram(&tensor, 0, 0, bins, 4);
	assert_true(bins[0] == 1 && bins[1] + bins[2] + bins[3] == 0);
}

static void accessors(void **state)
{
	static const char *const names[] = { "dense1.weight", "dense1.bias", "norm1.gamma",  "norm1.beta",
		                             "output.weight", "output.bias", "dropout1.rate" };
	struct rnm_network *net = NULL;
	const struct rnm_network_node *node;
	struct rnm_network_tensor tensor;
	struct rnm_error err;
	float got[3];

	(void)state;
	kann_embedding(&file, &(struct kann_embedding){ .n = 64, .widths = { 32 }, .layers = 1 });
	must(rnm_network_load(&net, file.bytes, file.len, NULL, &err), &err);
	assert_int_equal(rnm_network_node_count(net), 21);
	assert_int_equal(rnm_network_variable_count(net), 2177);
	assert_int_equal(rnm_network_constant_count(net), 1);
	assert_int_equal(rnm_network_input_dim(net), 64);
	assert_int_equal(rnm_network_output_dim(net), 1);
	assert_int_equal(rnm_network_truth_dim(net), 1);
	assert_int_equal(rnm_network_size(net), 9290);
	assert_int_equal(rnm_network_input_node(net), 0);
	assert_int_equal(rnm_network_output_node(net), 18);
	node = rnm_network_node(net, 2);
	assert_string_equal(rnm_network_node_name(node), "cmul");
	assert_int_equal(node->len, 32);
	assert_int_equal(node->child_count, 2);
	assert_int_equal(node->children[1], 1);
	assert_true(node->trainable && node->evaluated);
	node = rnm_network_node(net, 12);
	assert_string_equal(rnm_network_node_name(node), "dropout");
	assert_false(node->evaluated);
	assert_int_equal(node->blob.len, 32);
	assert_null(rnm_network_node(net, 21));
	assert_int_equal(rnm_network_tensor_count(net), 7);
	for (uint32_t i = 0; i < 7; i++) {
		assert_true(rnm_network_tensor(net, i, &tensor));
		assert_string_equal(tensor.name, names[i]);
		assert_int_equal(tensor.constant, i == 6);
	}
	assert_false(rnm_network_tensor(net, 7, &tensor));
	assert_true(rnm_network_tensor(net, 0, &tensor));
	assert_int_equal(tensor.len, 2048);
	assert_int_equal(rnm_network_values(&tensor, 2046, 3, got), 2);
	assert_float_equal(got[1], fill_weight(2047), 0);
	assert_int_equal(rnm_network_values(&tensor, 2048, 1, got), 0);
	rnm_network_free(net);
	rnm_network_free(NULL);
}

/* The same answer wherever in memory the file begins. */
static void any_alignment(void **state)
{
	unsigned char *memory = malloc(1113 + 8);
	float in[10], out;

	(void)state;
	kann_symbol(&file, 10, 16, fill_weight);
	for (size_t j = 0; j < 10; j++)
		in[j] = fill_input(j);
	for (size_t shift = 0; shift < 8; shift++)
		for (enum rnm_kernel kernel = RNM_KERNEL_PLAIN; kernel <= RNM_KERNEL_AVX512; kernel++) {
			struct rnm_plan_options options = { .kernel = kernel, .batch = 1 };
			struct rnm_network *net = NULL;
			struct rnm_plan *plan = NULL;
			struct rnm_scratch *scratch = NULL;
			struct rnm_error err;

			if (!rnm_kernel_available(kernel))
				continue;
			memcpy(memory + shift, file.bytes, file.len);
			must(rnm_network_load(&net, memory + shift, file.len, NULL, &err), &err);
			must(rnm_plan_new(&plan, net, &options, &err), &err);
			must(rnm_scratch_new(&scratch, plan, &err), &err);
			must(rnm_network_eval(plan, scratch, in, 1, &out, &err), &err);
			assert_float_equal(out, 0.717126966, 1e-6);
			rnm_scratch_free(scratch);
			rnm_plan_free(plan);
			rnm_network_free(net);
		}
	free(memory);
}

static void foreign_scratch(void **state)
{
	struct rnm_network *net = NULL;
	struct rnm_plan *a = NULL, *b = NULL;
	struct rnm_scratch *scratch = NULL;
	struct rnm_error err;
	float in[2] = { 0 }, out;

	(void)state;
	kann_symbol(&file, 2, 4, fill_weight);
	must(rnm_network_load(&net, file.bytes, file.len, NULL, &err), &err);
	must(rnm_plan_new(&a, net, NULL, &err), &err);
	must(rnm_plan_new(&b, net, NULL, &err), &err);
	must(rnm_scratch_new(&scratch, a, &err), &err);
	assert_int_equal(rnm_network_eval(b, scratch, in, 1, &out, &err), RNM_E_USAGE);
	assert_string_equal(err.id, "kann.scratch");
	rnm_scratch_free(scratch);
	rnm_plan_free(a);
	rnm_plan_free(b);
	rnm_network_free(net);
}

/* ---- tensors and preprocessing ------------------------------------------------------------------ */

static const unsigned char matrix_head[16] = { 2, 0, 0, 0, 40, 0, 0, 0, 10, 0, 0, 0, 4, 0, 0, 0 };

static void build_matrix(unsigned char matrix[176])
{
	memcpy(matrix, matrix_head, 16);
	for (int i = 0; i < 40; i++) {
		float value = (float)(i * 17 % 23 - 11) / 11.0f;

		memcpy(matrix + 16 + 4 * i, &value, 4);
	}
}

static void tensors(void **state)
{
	static const struct patch cases[] = {
		PATCH(0, "\1", "tensor.ndims"),
		PATCH(0, "\3", "tensor.ndims"),
		PATCH(4, "\x29", "tensor.size"),
		PATCH(8, "\xff\xff\xff\xff", "tensor.size"),
		PATCH(12, "\0", "tensor.size"),
		/* 65536 * 65536 is 0 in 32 bits */
		PATCH(4, "\0\0\0\0\0\0\1\0\0\0\1\0", "tensor.size"),
		PATCH(4, "\x50\0\0\0\x14", "tensor.length"),
		PATCH(16, "\0\0\xc0\x7f", "tensor.non-finite"),
		PATCH(172, "\0\0\x80\x7f", "tensor.non-finite"),
	};
	unsigned char *memory = malloc(176 + 4), *matrix;
	struct rnm_tensor tensor;
	struct rnm_error err;

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		matrix = memory + shift;
		build_matrix(matrix);
		must(rnm_tensor_read(&tensor, matrix, 176, &err), &err);
		assert_int_equal(tensor.rows, 10);
		assert_int_equal(tensor.cols, 4);
		assert_float_equal(tensor.data[1], 6.0 / 11, 1e-7);
		assert_int_equal(tensor.owned != NULL, shift != 0);
		rnm_tensor_clear(&tensor);
		for (size_t len = 0; len < 176; len++) {
			assert_int_equal(rnm_tensor_read(&tensor, matrix, len, &err), RNM_E_MALFORMED);
			assert_string_equal(err.id, len < 16 ? "tensor.short" : "tensor.length");
		}
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		build_matrix(memory);
		memcpy(memory + cases[i].offset, cases[i].bytes, cases[i].len);
		assert_int_equal(rnm_tensor_read(&tensor, memory, 176, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, cases[i].id);
	}
	free(memory);
	rnm_tensor_clear(NULL);
}

static void projection(void **state)
{
	static const float expected[] = { 1.33259f,   -0.596452f, -0.43459f, -0.272727f, -0.110865f,
		                          0.0509978f, -1.67406f,  -1.5122f,  -1.35033f,  -1.18847f };
	struct rnm_preprocess preprocess = { .norm = RNM_NORM_NONE };
	unsigned char matrix[176];
	struct rnm_network *net = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_scratch *scratch = NULL;
	struct rnm_tensor tensor;
	struct rnm_error err;
	double raw[4];
	float work[4], z[10], out;

	(void)state;
	build_matrix(matrix);
	must(rnm_tensor_read(&tensor, matrix, sizeof(matrix), &err), &err);
	preprocess.pca = &tensor;
	for (size_t j = 0; j < 4; j++)
		raw[j] = (double)fill_input(j);
	must(rnm_preprocess_check(&preprocess, 4, 10, &err), &err);
	must(rnm_preprocess_run(&preprocess, raw, 4, work, z, &err), &err);
	for (size_t r = 0; r < 10; r++)
		assert_float_equal(z[r], expected[r], 1e-5);
	kann_symbol(&file, 10, 16, fill_weight);
	must(rnm_network_load(&net, file.bytes, file.len, NULL, &err), &err);
	must(rnm_plan_new(&plan, net, NULL, &err), &err);
	must(rnm_scratch_new(&scratch, plan, &err), &err);
	must(rnm_network_eval(plan, scratch, z, 1, &out, &err), &err);
	assert_float_equal(out, 0.74964571, 1e-6);
	assert_int_equal(rnm_preprocess_check(&preprocess, 5, 10, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "pca.cols");
	assert_int_equal(rnm_preprocess_check(&preprocess, 4, 11, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "pca.rows");
	rnm_scratch_free(scratch);
	rnm_plan_free(plan);
	rnm_network_free(net);
	rnm_tensor_clear(&tensor);
}

static void normalisation(void **state)
{
	const double mean[] = { 1, 2, 3 }, std[] = { 2, 0.5, 1 }, raw[] = { 3, 0, 4 };
	double bad[] = { 2, 0, 1 };
	struct rnm_preprocess p = { .norm = RNM_NORM_UNIT };
	struct rnm_error err;
	float out[3];

	(void)state;
	must(rnm_preprocess_run(&p, raw, 3, out, out, &err), &err);
	assert_float_equal(out[0], 0.6, 1e-7);
	assert_float_equal(out[2], 0.8, 1e-7);
	must(rnm_preprocess_run(&p, (double[3]){ 0 }, 3, out, out, &err), &err);
	assert_float_equal(out[1], 0, 0);
	p = (struct rnm_preprocess){ .norm = RNM_NORM_ZSCORE, .mean = mean, .std = std, .norm_count = 3 };
	must(rnm_preprocess_check(&p, 3, 3, &err), &err);
	must(rnm_preprocess_run(&p, raw, 3, out, out, &err), &err);
	assert_float_equal(out[0], 1, 0);
	assert_float_equal(out[1], -4, 0);
	assert_float_equal(out[2], 1, 0);
	assert_int_equal(rnm_preprocess_run(&p, (double[3]){ 0, NAN, 0 }, 3, out, out, &err),
	                 RNM_E_MALFORMED);
	assert_string_equal(err.id, "vector.non-finite");
	assert_int_equal(rnm_preprocess_run(&p, (double[3]){ 1e300, 0, 0 }, 3, out, out, &err),
	                 RNM_E_MALFORMED);
	assert_string_equal(err.id, "vector.non-finite");
	assert_int_equal(rnm_preprocess_check(&p, 4, 4, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "norm.length");
	p.std = bad;
	assert_int_equal(rnm_preprocess_check(&p, 3, 3, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "norm.std");
	bad[1] = NAN;
	assert_int_equal(rnm_preprocess_check(&p, 3, 3, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "norm.non-finite");
	p.norm = RNM_NORM_NONE;
	assert_int_equal(rnm_preprocess_check(&p, 3, 4, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "vector.length");
}

/* ---- merging and comparing ---------------------------------------------------------------------- */

static float value_at(const struct rnm_network *net, uint64_t index)
{
	struct rnm_network_tensor tensor;
	float value = NAN;

	for (uint32_t i = 0; rnm_network_tensor(net, i, &tensor); i++) {
		if (index < tensor.len) {
			rnm_network_values(&tensor, index, 1, &value);
			return value;
		}
		index -= tensor.len;
	}
	return value;
}

static float score(const struct rnm_network *net)
{
	struct rnm_plan *plan = NULL;
	struct rnm_scratch *scratch = NULL;
	struct rnm_error err;
	float in[10], out;

	for (size_t j = 0; j < 10; j++)
		in[j] = fill_input(j);
	must(rnm_plan_new(&plan, net, NULL, &err), &err);
	must(rnm_scratch_new(&scratch, plan, &err), &err);
	must(rnm_network_eval(plan, scratch, in, 1, &out, &err), &err);
	rnm_scratch_free(scratch);
	rnm_plan_free(plan);
	return out;
}

static void merging(void **state)
{
	static unsigned char merged[1113];
	struct rnm_network *a = NULL, *b = NULL, *m = NULL;
	struct rnm_error err;

	(void)state;
	kann_symbol(&file, 10, 16, fill_weight);
	kann_symbol(&other, 10, 16, fill_other);
	must(rnm_network_load(&a, file.bytes, file.len, NULL, &err), &err);
	must(rnm_network_load(&b, other.bytes, other.len, NULL, &err), &err);
	assert_float_equal(score(b), 0.38384074, 1e-6);
	must(rnm_network_merge(merged, a, b, (float)(1 - 0.6), RNM_COMPAT_STRICT, &err), &err);
	must(rnm_network_load(&m, merged, sizeof(merged), NULL, &err), &err);
	assert_float_equal(score(m), 0.443655759, 1e-6);
	assert_float_equal(value_at(m, 0), -0.5, 0);
	assert_float_equal(value_at(m, 1), -0.0571666658f, 0);
	assert_float_equal(value_at(m, 192), 0.0706666708f, 0);
	rnm_network_free(m);
	must(rnm_network_merge_many(merged, (const struct rnm_network *[]){ a, b }, (double[]){ 3, 2 }, 2,
	                            RNM_COMPAT_STRICT, &err),
	     &err);
	must(rnm_network_load(&m, merged, sizeof(merged), NULL, &err), &err);
	assert_float_equal(value_at(m, 1), -0.0571666658f, 1e-8);
	rnm_network_free(m);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rnm_network_merge(merged, a, b, (float[]){ NAN, -0.1f, 1.1f }[i],
		                                   RNM_COMPAT_STRICT, &err),
		                 RNM_E_USAGE);
		assert_string_equal(err.id, "kann.alpha");
		assert_int_equal(rnm_network_merge_many(merged, (const struct rnm_network *[]){ a, b },
		                                        (double[3][2]){ { NAN, 1 }, { -1, 2 }, { 0, 0 } }[i],
		                                        2, RNM_COMPAT_STRICT, &err),
		                 RNM_E_USAGE);
	}
	rnm_network_free(a);
	rnm_network_free(b);
}

/* Same numbers, other graph: what rspamd merges and we only do when told to. */
static void compatibility(void **state)
{
	struct kann_embedding embedding = { .n = 64, .widths = { 32 }, .layers = 1 };
	struct rnm_network *a = NULL, *b = NULL;
	struct rnm_error err;

	(void)state;
	kann_embedding(&file, &embedding);
	embedding.relu = true;
	kann_embedding(&other, &embedding);
	must(rnm_network_load(&a, file.bytes, file.len, NULL, &err), &err);
	must(rnm_network_load(&b, other.bytes, other.len, NULL, &err), &err);
	must(rnm_network_compatible(a, b, RNM_COMPAT_REFERENCE, &err), &err);
	assert_int_equal(rnm_network_compatible(a, b, RNM_COMPAT_STRICT, &err), RNM_NO);
	assert_string_equal(err.id, "kann.incompatible");
	assert_non_null(strstr(err.message, "gelu and relu"));
	rnm_network_free(b);
	/* Another random state is no difference, another dropout rate is one. */
	memcpy(&other, &file, sizeof(file));
	other.bytes[rnm_network_node(a, 12)->offset + 31] ^= 0xff;
	must(rnm_network_load(&b, other.bytes, other.len, NULL, &err), &err);
	must(rnm_network_compatible(a, b, RNM_COMPAT_STRICT, &err), &err);
	rnm_network_free(b);
	memcpy(other.bytes + other.len - 4, &(float){ 0.3f }, 4);
	must(rnm_network_load(&b, other.bytes, other.len, NULL, &err), &err);
	assert_int_equal(rnm_network_compatible(a, b, RNM_COMPAT_STRICT, &err), RNM_NO);
	assert_non_null(strstr(err.message, "0.2 and 0.3"));
	rnm_network_free(a);
	rnm_network_free(b);
}

static void comparing(void **state)
{
	struct rnm_network_comparison *c = NULL;
	struct rnm_network *a = NULL, *b = NULL;
	struct rnm_error err;
	float changed = fill_weight(5) + 3;
	double squares = 0, fourths = 0;

	(void)state;
	kann_symbol(&file, 10, 16, fill_weight);
	kann_symbol(&other, 10, 16, fill_weight);
	must(rnm_network_load(&a, file.bytes, file.len, NULL, &err), &err);
	must(rnm_network_load(&b, other.bytes, other.len, NULL, &err), &err);
	must(rnm_network_compare(&c, a, b, &err), &err);
	assert_true(c->same_graph && c->identical && c->reference_compatible);
	assert_null(c->difference);
	assert_int_equal(c->total.changed, 0);
	assert_float_equal(c->total.cosine, 1, 1e-12);
	/* Matrices only; of a tensor with itself: sum(a^2) / sqrt(sum(a^4)). */
	assert_int_equal(c->matrices.count, 176);
	for (size_t i = 0; i < 193; i++) {
		double square = (double)fill_weight(i) * (double)fill_weight(i);

		/* x holds 160 weights, 16 biases, 16 weights, 1 bias. */
		if (i < 160 || (i >= 176 && i < 192)) {
			squares += square;
			fourths += square * square;
		}
	}
	assert_true(fabs(c->matrices.cosine_z - squares / sqrt(fourths)) < 1e-9);
	rnm_network_comparison_free(c);
	memcpy(other.bytes + 341 + 4 * 5, &changed, 4);
	must(rnm_network_compare(&c, a, b, &err), &err);
	assert_true(c->same_graph && !c->identical);
	assert_int_equal(c->tensor_count, 4);
	assert_int_equal(c->tensors[0].changed, 1);
	assert_int_equal(c->tensors[0].count, 160);
	assert_int_equal(c->tensors[1].changed, 0);
	assert_float_equal(c->tensors[0].max_abs, 3, 1e-6);
	assert_float_equal(c->tensors[0].mean_abs, 3.0 / 160, 1e-8);
	assert_true(fabs(c->tensors[0].rms - 3 / sqrt(160)) < 1e-7);
	assert_float_equal(c->total.max_abs, 3, 1e-6);
	assert_int_equal(c->total.count, 193);
	rnm_network_comparison_free(c);
	rnm_network_free(b);
	kann_symbol(&other, 10, 17, fill_weight);
	must(rnm_network_load(&b, other.bytes, other.len, NULL, &err), &err);
	must(rnm_network_compare(&c, a, b, &err), &err);
	assert_false(c->same_graph || c->identical || c->reference_compatible);
	assert_non_null(strstr(c->difference, "16x10 and 17x10"));
	assert_int_equal(c->tensor_count, 0);
	rnm_network_comparison_free(c);
	rnm_network_comparison_free(NULL);
	rnm_network_free(a);
	rnm_network_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(architectures), cmocka_unit_test(dead_units),
		cmocka_unit_test(histograms),
		cmocka_unit_test(descriptions),  cmocka_unit_test(accessors),
		cmocka_unit_test(any_alignment), cmocka_unit_test(foreign_scratch),
		cmocka_unit_test(tensors),       cmocka_unit_test(projection),
		cmocka_unit_test(normalisation), cmocka_unit_test(merging),
		cmocka_unit_test(compatibility), cmocka_unit_test(comparing),
	};

	return cmocka_run_group_tests_name("network-use", tests, NULL, NULL);
}
