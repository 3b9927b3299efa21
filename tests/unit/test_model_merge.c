/* SPDX-License-Identifier: Apache-2.0 */
/* Models as a whole: several made into one. */
#include "model_made.h"

#include <math.h>

static const struct rnm_merge_options plain_merge = { .keep = RNM_MERGE_KEEP_NONE,
	                                              .created_at = 1700000001,
	                                              .tool = "test" };

static float merged_value(const struct rnm_merge *merge, size_t index)
{
	float value;

	memcpy(&value, merge->parts.network.data + merge->parts.network.len - 4 * 193 + 4 * index, 4);
	return value;
}

static float merged_score(const struct rnm_merge *merge)
{
	struct rnm_network *net = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_scratch *scratch = NULL;
	struct rnm_error err;
	float in[10], out;

	for (size_t j = 0; j < 10; j++)
		in[j] = fill_input(j);
	must(rnm_network_load(&net, merge->parts.network.data, merge->parts.network.len, NULL, &err), &err);
	must(rnm_plan_new(&plan, net, NULL, &err), &err);
	must(rnm_scratch_new(&scratch, plan, &err), &err);
	must(rnm_network_eval(plan, scratch, in, 1, &out, &err), &err);
	rnm_scratch_free(scratch);
	rnm_plan_free(plan);
	rnm_network_free(net);
	return out;
}

/* The published vector of rspamd's merge, bit for bit; shares are shares of their sum. */
static void two_as_rspamd(void **state)
{
	static const double shares[][2] = { { 0.6, 0.4 }, { 3, 2 }, { 6e5, 4e5 } };
	struct rnm_merge *merge = NULL;
	struct made a, b;
	struct rnm_error err;

	(void)state;
	make(&a, &(struct spec){ .version = 3 });
	make(&b, &(struct spec){ .version = 8, .weight = fill_other });
	for (size_t i = 0; i < 3; i++) {
		const struct rnm_merge_part parts[] = { { a.file, "a", shares[i][0] },
			                                { b.file, "b", shares[i][1] } };

		must(rnm_model_merge(&merge, parts, 2, &plain_merge, &err), &err);
		assert_true(merge->single);
		assert_int_equal(merge->base, 0);
		assert_int_equal(merge->form, RNM_FORM_RNM1);
		assert_float_equal(merge->shares[0], 0.6, 1e-15);
		assert_float_equal(merge->parts.model_version, 9, 0);
		assert_float_equal(merged_value(merge, 0), -0.5, 0);
		assert_float_equal(merged_value(merge, 1), -0.0571666658f, 0);
		assert_float_equal(merged_value(merge, 192), 0.0706666708f, 0);
		assert_float_equal(merged_score(merge), 0.443655759, 1e-6);
		for (size_t k = 0; k < 193; k++) {
			float alpha = 0.4f, keep = 1.0f - alpha;
			float mine = keep * fill_weight(k), theirs = alpha * fill_other(k);

			assert_float_equal(merged_value(merge, k), mine + theirs, 0);
		}
		rnm_merge_free(merge);
	}
	unmake(&a);
	unmake(&b);
}

static void ancestry(void **state)
{
	struct rnm_merge *merge = NULL;
	const struct rnm_value *list, *first;
	struct made a, b;
	struct rnm_error err;

	(void)state;
	make(&a, &(struct spec){ .version = 3, .rule = "r", .symbols = { "S" } });
	make(&b, &(struct spec){ .weight = fill_other, .bare = true });
	must(rnm_model_merge(&merge,
	                     (struct rnm_merge_part[]){ { b.file, "b", 0.25 }, { a.file, "a", 0.75 } }, 2,
	                     &plain_merge, &err),
	     &err);
	/* Everything around the weights comes from the one that has it. */
	assert_int_equal(merge->form, RNM_FORM_RNM1);
	assert_string_equal(merge->parts.providers_digest, DIGEST);
	assert_int_equal(merge->parts.created_at, 1700000001);
	assert_float_equal(merge->parts.model_version, 4, 0);
	assert_string_equal(rnm_value_string(rnm_value_get(merge->parts.extra, "tool")), "test");
	assert_string_equal(rnm_value_string(rnm_value_get(merge->parts.extra, "rule")), "r");
	assert_int_equal(rnm_value_count(rnm_value_get(merge->parts.extra, "symbols")), 1);
	list = rnm_value_get(merge->parts.extra, "merged");
	assert_int_equal(rnm_value_count(list), 2);
	first = rnm_value_at(list, 0);
	assert_int_equal(strlen(rnm_value_string(rnm_value_get(first, "weights"))), 64);
	assert_float_equal(rnm_value_get(first, "share")->as.real, 0.25, 0);
	assert_null(rnm_value_get(first, "version"));
	assert_float_equal(rnm_value_get(rnm_value_at(list, 1), "version")->as.real, 3, 0);
	assert_string_not_equal(rnm_value_string(rnm_value_get(first, "weights")),
	                        rnm_value_string(rnm_value_get(rnm_value_at(list, 1), "weights")));
	rnm_merge_free(merge);
	/* Of bare networks: a bare network. */
	must(rnm_model_merge(&merge, (struct rnm_merge_part[]){ { b.file, "b", 1 }, { b.file, "b", 1 } }, 2,
	                     &plain_merge, &err),
	     &err);
	assert_int_equal(merge->form, RNM_FORM_NETWORK);
	assert_memory_equal(merge->parts.network.data, b.bytes.data, b.bytes.len);
	rnm_merge_free(merge);
	rnm_merge_free(NULL);
	unmake(&a);
	unmake(&b);
}

static void three_in_double(void **state)
{
	struct rnm_merge *merge = NULL;
	struct made a, b, c;
	struct rnm_error err;

	(void)state;
	make(&a, &(struct spec){ .weight = start_one });
	make(&b, &(struct spec){ .weight = start_two });
	make(&c, &(struct spec){ .weight = fill_other });
	must(rnm_model_merge(&merge,
	                     (struct rnm_merge_part[]){
				 { a.file, "a", 0.5 }, { b.file, "b", 0.3 }, { c.file, "c", 0.2 } },
	                     3, &plain_merge, &err),
	     &err);
	assert_false(merge->single);
	for (size_t k = 0; k < 193; k++) {
		double mean =
		    0.5 * (double)start_one(k) + 0.3 * (double)start_two(k) + 0.2 * (double)fill_other(k);

		assert_float_equal(merged_value(merge, k), (float)mean, 1e-7);
	}
	rnm_merge_free(merge);
	unmake(&a);
	unmake(&b);
	unmake(&c);
}

static void settled(const struct spec *a, const struct spec *b, bool any_digest, const char *refusal,
                    unsigned kept, unsigned dropped)
{
	struct rnm_merge_options how = plain_merge;
	struct rnm_merge *merge = NULL;
	struct made left, right;
	struct rnm_error err;

	how.any_digest = any_digest;
	make(&left, a);
	make(&right, b);
	{
		const struct rnm_merge_part parts[] = { { left.file, "left", 1 },
			                                { right.file, "right", 1 } };
		enum rnm_status status = rnm_model_merge(&merge, parts, 2, &how, &err);

		if (refusal != NULL) {
			assert_int_equal(status, RNM_E_REFUSED);
			assert_string_equal(err.id, refusal);
			assert_non_null(strstr(err.message, "left and right"));
		} else {
			must(status, &err);
			assert_int_equal(merge->dropped, dropped);
			assert_int_equal(merge->kept, 0);
			rnm_merge_free(merge);
		}
		how.keep = 1;
		must(rnm_model_merge(&merge, parts, 2, &how, &err), &err);
		assert_int_equal(merge->kept, kept);
		assert_int_equal(merge->dropped, 0);
		assert_int_equal(merge->base, 1);
		assert_string_equal(merge->parts.providers_digest, right.file->container->providers_digest);
		assert_int_equal(merge->parts.has_roc, right.file->container->has_roc);
		assert_int_equal(merge->parts.norm_mode, right.file->container->norm_mode);
		assert_int_equal(merge->parts.pca.len, right.file->container->pca.len);
		rnm_merge_free(merge);
	}
	unmake(&left);
	unmake(&right);
}

static void differences(void **state)
{
	static const double ones[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	unsigned char matrix[MATRIX_SIZE], second[MATRIX_SIZE];
	const struct spec plain = { .version = 1 };

	(void)state;
	build_matrix(matrix, 17);
	build_matrix(second, 19);
	settled(&plain, &(struct spec){ .mean = ones, .std = ones, .norm_count = 10 }, false, "merge.differs",
	        RNM_ASPECT_NORM, 0);
	settled(&(struct spec){ .pca = matrix }, &(struct spec){ .pca = second }, false, "merge.differs",
	        RNM_ASPECT_PCA, 0);
	settled(&(struct spec){ .digest = "", .symbols = { "A", "B" } },
	        &(struct spec){ .digest = "", .symbols = { "B", "A" } }, false, "merge.differs",
	        RNM_ASPECT_SYMBOLS, 0);
	settled(&(struct spec){ .provider = "llm", .symbols = { "A", "B" }, .rule = "x" },
	        &(struct spec){ .provider = "llm", .symbols = { "B", "A" }, .rule = "y" }, false, NULL,
	        RNM_ASPECT_SYMBOLS | RNM_ASPECT_RULE, RNM_ASPECT_SYMBOLS | RNM_ASPECT_RULE);
	settled(&(struct spec){ .spam = 0.5, .ham = -0.5 }, &(struct spec){ .spam = 0.25, .ham = -0.5 },
	        false, NULL, RNM_ASPECT_THRESHOLDS, RNM_ASPECT_THRESHOLDS);
	settled(&(struct spec){ .spam = 0.5, .ham = -0.5 }, &plain, false, NULL, RNM_ASPECT_THRESHOLDS,
	        RNM_ASPECT_THRESHOLDS);
	settled(&plain, &(struct spec){ .digest = "0123456789abcdef" }, true, NULL, 0, 0);
}

/* A bare network to keep has a graph and nothing else to decide with. */
static void bare_to_keep(void **state)
{
	static const double ones[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct rnm_merge_options how = plain_merge;
	struct rnm_merge *merge = NULL;
	struct made bare, a, b;
	struct rnm_error err;

	(void)state;
	make(&bare, &(struct spec){ .bare = true });
	make(&a, &(struct spec){ .spam = 1, .ham = 1 });
	make(&b, &(struct spec){ .mean = ones, .std = ones, .norm_count = 10 });
	how.keep = 0;
	assert_int_equal(rnm_model_merge(&merge,
	                                 (struct rnm_merge_part[]){ { bare.file, "bare", 1 },
	                                                            { a.file, "a", 1 },
	                                                            { b.file, "b", 1 } },
	                                 3, &how, &err),
	                 RNM_E_REFUSED);
	assert_string_equal(err.id, "merge.differs");
	must(rnm_model_merge(&merge,
	                     (struct rnm_merge_part[]){ { bare.file, "bare", 1 }, { a.file, "a", 1 } }, 2,
	                     &how, &err),
	     &err);
	assert_int_equal(merge->base, 0);
	assert_true(merge->parts.has_roc);
	rnm_merge_free(merge);
	unmake(&bare);
	unmake(&a);
	unmake(&b);
}

static void refusals(void **state)
{
	struct rnm_merge_options how = plain_merge;
	struct rnm_merge *merge = NULL;
	struct made a, b, c;
	struct rnm_error err;

	(void)state;
	make(&a, &(struct spec){ .version = 9007199254740991.0 });
	make(&b, &(struct spec){ .digest = "0123456789abcdef" });
	make(&c, &(struct spec){ .hidden = 17 });
	{
		struct rnm_merge_part ab[] = { { a.file, "a", 1 }, { b.file, "b", 1 } };
		struct rnm_merge_part ac[] = { { a.file, "a", 1 }, { c.file, "c", 1 } };
		struct rnm_merge_part aa[] = { { a.file, "a", 1 }, { a.file, "a", 1 } };

		assert_int_equal(rnm_model_merge(&merge, ab, 2, &how, &err), RNM_E_REFUSED);
		assert_string_equal(err.id, "merge.digest");
		how.keep = 0;
		how.any_digest = true;
		assert_int_equal(rnm_model_merge(&merge, ac, 2, &how, &err), RNM_NO);
		assert_string_equal(err.id, "kann.incompatible");
		assert_int_equal(rnm_model_merge(&merge, ab, 1, &how, &err), RNM_E_USAGE);
		assert_string_equal(err.id, "merge.count");
		how.keep = 2;
		assert_int_equal(rnm_model_merge(&merge, ab, 2, &how, &err), RNM_E_USAGE);
		how.keep = 0;
		assert_int_equal(rnm_model_merge(&merge, aa, 2, &how, &err), RNM_E_REFUSED);
		assert_string_equal(err.id, "merge.version");
		how.version = 1.5;
		assert_int_equal(rnm_model_merge(&merge, aa, 2, &how, &err), RNM_E_USAGE);
		assert_string_equal(err.id, "merge.version");
		how.version = 12;
		must(rnm_model_merge(&merge, aa, 2, &how, &err), &err);
		assert_float_equal(merge->parts.model_version, 12, 0);
		rnm_merge_free(merge);
		for (int i = 0; i < 4; i++) {
			aa[0].share = (double[]){ NAN, -1, INFINITY, 0 }[i];
			aa[1].share = i == 3 ? 0 : 1;
			assert_int_equal(rnm_model_merge(&merge, aa, 2, &how, &err), RNM_E_USAGE);
			assert_string_equal(err.id, "kann.alpha");
		}
	}
	unmake(&a);
	unmake(&b);
	unmake(&c);
}

/* rspamd merges relu into gelu because their weights are as many; here only on request, and by name. */
static void other_graphs(void **state)
{
	struct kann_embedding embedding = { .n = 64, .widths = { 32 }, .layers = 1 };
	static struct kann relu;
	struct rnm_merge_options how = plain_merge;
	struct rnm_merge *merge = NULL;
	struct rnm_model_file *a = NULL, *b = NULL;
	struct rnm_network *merged = NULL;
	struct rnm_error err;

	(void)state;
	kann_embedding(&file, &embedding);
	embedding.relu = true;
	kann_embedding(&relu, &embedding);
	must(rnm_model_file_read(&a, file.bytes, file.len, "a", &err), &err);
	must(rnm_model_file_read(&b, relu.bytes, relu.len, "b", &err), &err);
	{
		const struct rnm_merge_part parts[] = { { a, "a", 1 }, { b, "b", 1 } };

		assert_int_equal(rnm_model_merge(&merge, parts, 2, &how, &err), RNM_E_REFUSED);
		assert_string_equal(err.id, "merge.differs");
		assert_non_null(strstr(err.message, "architecture"));
		how.keep = 1;
		must(rnm_model_merge(&merge, parts, 2, &how, &err), &err);
		assert_int_equal(merge->kept, RNM_ASPECT_GRAPH);
		must(rnm_network_load(&merged, merge->parts.network.data, merge->parts.network.len, NULL,
		                      &err),
		     &err);
		assert_int_equal(rnm_network_compatible(merged, b->network, RNM_COMPAT_STRICT, &err), RNM_OK);
		rnm_network_free(merged);
		rnm_merge_free(merge);
	}
	rnm_model_file_free(b);
	/* Other dropout rates: the same graph, and yet a word is needed. */
	memcpy(&relu, &file, sizeof(file));
	memcpy(relu.bytes + relu.len - 4, &(float){ 0.3f }, 4);
	must(rnm_model_file_read(&b, relu.bytes, relu.len, "b", &err), &err);
	how.keep = RNM_MERGE_KEEP_NONE;
	assert_int_equal(rnm_model_merge(&merge, (struct rnm_merge_part[]){ { a, "a", 1 }, { b, "b", 1 } }, 2,
	                                 &how, &err),
	                 RNM_E_REFUSED);
	assert_non_null(strstr(err.message, "dropout rates"));
	rnm_model_file_free(a);
	rnm_model_file_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_as_rspamd),
		cmocka_unit_test(ancestry),
		cmocka_unit_test(three_in_double),
		cmocka_unit_test(differences),
		cmocka_unit_test(refusals),
		cmocka_unit_test(other_graphs),
		cmocka_unit_test(bare_to_keep),
	};

	return cmocka_run_group_tests_name("model merge", tests, NULL, NULL);
}
