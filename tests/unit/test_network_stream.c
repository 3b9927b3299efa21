/* SPDX-License-Identifier: Apache-2.0 */
/* lib/network/stream: a network that passes by is judged as one that lies in memory. */
#include "network_build.h"

#include "base/file.h"
#include "network/graph.h"
#include "network/stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct kann file; /* large: not for the stack */
static bool passed;      /* the network of the last judgement did pass by, and was not kept */

static const char *const recorded[] = { "conv1d_arch_96",       "embedding_128_relu_nonorm_nodrop",
	                                "embedding_200_layers", "embedding_256_pca32",
	                                "embedding_300",        "embedding_64",
	                                "ops_tanh_sigm",        "symbol_10",
	                                "symbol_40_pca8",       "symbol_87_mult1.5" };

static void load(struct rnm_buf *out, const char *name, const char *suffix)
{
	char path[4096];
	struct rnm_error err;

	snprintf(path, sizeof(path), "%s/data/models/%s.%s", getenv("RNM_TESTS"), name, suffix);
	rnm_buf_init(out, 64 << 20);
	if (rnm_file_read(path, out, 64 << 20, &err) != RNM_OK)
		fail_msg("%s", err.message);
}

static void expect_near(double got, double expected)
{
	if (isinf(expected))
		assert_true(isinf(got) && signbit(got) == signbit(expected));
	else
		assert_true(fabs(got - expected) < 1e-4);
}

static void expect_answers(const struct rnm_probe_answers *got, const struct rnm_probe_answers *expected)
{
	assert_int_equal(got->vectors, expected->vectors);
	assert_int_equal(got->non_finite, expected->non_finite);
	expect_near(got->low, expected->low);
	expect_near(got->high, expected->high);
}

static void expect_findings(const struct rnm_network_seen *seen, const struct rnm_network_finding *findings,
                            size_t count)
{
	assert_int_equal(seen->finding_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(seen->findings[i].id, findings[i].id);
		assert_int_equal(seen->findings[i].node, findings[i].node);
		assert_int_equal(seen->findings[i].offset, findings[i].offset);
		assert_string_equal(seen->findings[i].text, findings[i].text);
	}
}

static void expect_network(const struct rnm_network *got, const struct rnm_network *expected)
{
	struct rnm_buf a, b;

	rnm_buf_init(&a, 1 << 20);
	rnm_buf_init(&b, 1 << 20);
	assert_int_equal(rnm_network_describe(got, &a, NULL), RNM_OK);
	assert_int_equal(rnm_network_describe(expected, &b, NULL), RNM_OK);
	assert_string_equal(a.data, b.data);
	assert_int_equal(rnm_network_architecture(got), rnm_network_architecture(expected));
	assert_int_equal(rnm_network_variable_count(got), rnm_network_variable_count(expected));
	rnm_buf_free(&a);
	rnm_buf_free(&b);
}

static struct rnm_network_stream *stream_of(const void *data, size_t len, size_t piece, uint64_t keep,
                                            const struct rnm_preprocess *preprocess)
{
	struct rnm_network_stream *stream = NULL;

	assert_int_equal(rnm_network_stream_new(&stream, len, keep, preprocess, NULL), RNM_OK);
	for (size_t at = 0; at < len; at += piece) {
		/* A copy of its own, so that reading behind it is noticed, and reading it later as well. */
		const size_t take = len - at < piece ? len - at : piece;
		void *copy = malloc(take);

		assert_non_null(copy);
		memcpy(copy, (const char *)data + at, take);
		assert_int_equal(rnm_network_stream_feed(stream, copy, take, NULL), RNM_OK);
		free(copy);
	}
	return stream;
}

/* All that is said about the bytes is the same both ways. */
static void same_judgement(const void *data, size_t len, size_t piece, uint64_t keep,
                           const struct rnm_preprocess *preprocess)
{
	struct rnm_network_stream *stream = stream_of(data, len, piece, keep, preprocess);
	struct rnm_network_finding *findings = NULL;
	struct rnm_network *network = NULL;
	struct rnm_network_seen seen;
	struct rnm_error expected, err;
	size_t count = 0;
	enum rnm_status status = rnm_network_check(&network, &findings, &count, data, len, NULL, &expected);
	struct rnm_probe probe;

	assert_int_equal(rnm_network_stream_end(stream, &seen, &err), status);
	expect_findings(&seen, findings, count);
	assert_int_equal(seen.network != NULL, network != NULL);
	if (status != RNM_OK) {
		assert_string_equal(err.id, expected.id);
		assert_string_equal(err.message, expected.message);
		assert_string_equal(err.hint, expected.hint);
		assert_int_equal(err.offset, expected.offset);
	} else {
		assert_int_equal(seen.probe_status,
		                 rnm_network_probe(&probe, network, preprocess, NULL, &expected));
		if (seen.probe_status == RNM_OK) {
			expect_answers(&seen.probe.usual, &probe.usual);
			expect_answers(&seen.probe.large, &probe.large);
		} else {
			assert_string_equal(seen.probe_problem.message, expected.message);
		}
	}
	if (network != NULL)
		expect_network(seen.network, network);
	passed = seen.network != NULL && seen.network->scans != NULL;
	rnm_network_findings_free(seen.findings, seen.finding_count);
	rnm_network_findings_free(findings, count);
	rnm_network_free(seen.network);
	rnm_network_free(network);
	rnm_network_stream_free(stream);
}

static void recorded_networks(void **state)
{
	static const size_t pieces[] = { 1, 7, 4096, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		struct rnm_buf bytes;

		load(&bytes, recorded[i], "kann");
		for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
			const size_t piece = pieces[p] < bytes.len ? pieces[p] : bytes.len;

			same_judgement(bytes.data, bytes.len, piece, 0, NULL);
			assert_true(passed);
		}
		same_judgement(bytes.data, bytes.len, 1000, UINT64_MAX, NULL);
		assert_false(passed);
		rnm_buf_free(&bytes);
	}
}

static void behind_a_matrix(void **state)
{
	static const char *const names[] = { "embedding_256_pca32", "symbol_40_pca8" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rnm_preprocess preprocess = { .norm = RNM_NORM_UNIT };
		struct rnm_tensor pca = { 0 };
		struct rnm_buf bytes, matrix;

		load(&bytes, names[i], "kann");
		load(&matrix, names[i], "pca");
		assert_int_equal(rnm_tensor_read(&pca, matrix.data, matrix.len, NULL), RNM_OK);
		preprocess.pca = &pca;
		same_judgement(bytes.data, bytes.len, 4096, 0, &preprocess);
		assert_true(passed);
		rnm_tensor_clear(&pca);
		rnm_buf_free(&matrix);
		rnm_buf_free(&bytes);
	}
}

/* One value at each end and in the middle of each part of the file. */
static void values(void **state)
{
	static const float odd[] = { NAN, INFINITY, -INFINITY, 2e6f, 1.0f };
	size_t start;

	(void)state;
	kann_symbol(&file, 40, 700, fill_weight);
	start = file.len - 4 * file.variables;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		for (size_t at = 0; at < file.variables; at += file.variables / 23) {
			float before;

			memcpy(&before, file.bytes + start + 4 * at, 4);
			memcpy(file.bytes + start + 4 * at, &odd[i], 4);
			same_judgement(file.bytes, file.len, 999, 0, NULL);
			memcpy(file.bytes + start + 4 * at, &before, 4);
		}
	memset(file.bytes + start, 0, 4 * file.variables);
	same_judgement(file.bytes, file.len, 999, 0, NULL);
}

static void other_orders(void **state)
{
	int32_t in, a, b, w;

	(void)state;
	/* The second layer's weights come first. */
	kann_begin(&file);
	w = kann_leaf(&file, 0, 1, 2, DIMS(12, 16));
	in = kann_leaf(&file, 1, 0, 2, DIMS(1, 10));
	a = kann_dense(&file, in, 10, 16);
	kann_tail(&file, kann_binary(&file, 3, a, w), 12);
	kann_fill(&file);
	same_judgement(file.bytes, file.len, 100, 0, NULL);
	assert_false(passed);
	/* One matrix for two layers. */
	kann_begin(&file);
	in = kann_leaf(&file, 1, 0, 2, DIMS(1, 16));
	w = kann_leaf(&file, 0, 1, 2, DIMS(16, 16));
	a = kann_binary(&file, 3, in, w);
	kann_tail(&file, kann_binary(&file, 3, a, w), 16);
	kann_fill(&file);
	same_judgement(file.bytes, file.len, 100, 0, NULL);
	assert_false(passed);
	/* A bias that lies behind the weights of the next layer. */
	kann_begin(&file);
	in = kann_leaf(&file, 1, 0, 2, DIMS(1, 10));
	a = kann_binary(&file, 3, in, kann_leaf(&file, 0, 1, 2, DIMS(16, 10)));
	w = kann_leaf(&file, 0, 1, 2, DIMS(12, 16));
	b = kann_binary(&file, 1, a, kann_leaf(&file, 0, 1, 1, DIMS(16)));
	kann_tail(&file, kann_binary(&file, 3, b, w), 12);
	kann_fill(&file);
	same_judgement(file.bytes, file.len, 100, 0, NULL);
	assert_false(passed);
	/* Weights that are themselves computed. */
	kann_begin(&file);
	in = kann_leaf(&file, 1, 0, 2, DIMS(1, 10));
	w = kann_unary(&file, 7, kann_leaf(&file, 0, 1, 2, DIMS(16, 10)));
	kann_tail(&file, kann_binary(&file, 3, in, w), 16);
	kann_fill(&file);
	same_judgement(file.bytes, file.len, 100, 0, NULL);
	assert_false(passed);
}

/* The node table is longer than what is looked at first. */
static void long_table(void **state)
{
	int32_t at;

	(void)state;
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 2, DIMS(1, 10));
	for (unsigned i = 0; i < 7000; i++)
		at = kann_unary(&file, 8, at);
	kann_tail(&file, kann_dense(&file, at, 10, 16), 16);
	kann_fill(&file);
	same_judgement(file.bytes, file.len, 5000, 0, NULL);
	for (size_t len = 65000; len < 67000; len += 97)
		same_judgement(file.bytes, len, 5000, 0, NULL);
	same_judgement(file.bytes, file.len - 3, 5000, 0, NULL);
}

/* Rows of weights longer than a block, and blocks of many rows. */
static void shapes(void **state)
{
	(void)state;
	kann_symbol(&file, 66000, 2, fill_weight);
	same_judgement(file.bytes, file.len, 30000, 0, NULL);
	assert_true(passed);
	kann_symbol(&file, 3, 30000, fill_weight);
	same_judgement(file.bytes, file.len, 30000, 0, NULL);
	assert_true(passed);
}

/* Bytes of real networks, a few of them changed: whatever is said, it is said both ways. */
static void damaged(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < 400; i++) {
		struct rnm_buf bytes;
		size_t at, len;

		load(&bytes, recorded[i % 10 == 3 || i % 10 == 6 ? 7 : 7 + i % 2], "kann");
		random = random * 1664525u + 1013904223u;
		at = random % (i % 4 == 0 ? bytes.len : bytes.len < 400 ? bytes.len : 400);
		bytes.data[at] = (char)(random >> 24);
		len = i % 7 == 0 ? bytes.len - random % 50 : bytes.len;
		same_judgement(bytes.data, len, 512, 0, NULL);
		rnm_buf_free(&bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_networks),
		cmocka_unit_test(behind_a_matrix),
		cmocka_unit_test(values),
		cmocka_unit_test(other_orders),
		cmocka_unit_test(long_table),
		cmocka_unit_test(shapes),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
