/* SPDX-License-Identifier: Apache-2.0 */
/* Models as a whole: written to files and read again, compared. */
#include "model_made.h"

#include "format/zstd.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- writing ------------------------------------------------------------------------------------ */

static void written_and_read(void **state)
{
	static const double mean[] = { -1, 0.25, 3, 1e-9 }, std[] = { 1, 0.5, 2, 1e-6 };
	unsigned char matrix[MATRIX_SIZE];
	struct made made;
	struct rnm_model_parts again;
	struct rnm_buf bytes;
	struct rnm_error err;

	(void)state;
	build_matrix(matrix, 17);
	make(&made, &(struct spec){ .version = 9007199254740991.0,
	                            .rule = "embed",
	                            .symbols = { "B", "A" },
	                            .provider = "llm",
	                            .mean = mean,
	                            .std = std,
	                            .norm_count = 4,
	                            .pca = matrix,
	                            .spam = -0.25,
	                            .ham = 1 });
	assert_int_equal(rnm_model_file_verdict(made.file, &err), RNM_OK);
	assert_int_equal(made.file->container->finding_count, 0);
	assert_float_equal(made.file->container->model_version, 9007199254740991.0, 0);
	assert_string_equal(made.file->container->providers_digest, DIGEST);
	assert_int_equal(made.file->container->created_at, 1700000000);
	assert_int_equal(made.file->container->norm_count, 4);
	for (int i = 0; i < 4; i++) {
		assert_float_equal(made.file->container->mean[i], mean[i], 0);
		assert_float_equal(made.file->container->std[i], std[i], 0);
	}
	assert_true(made.file->container->has_roc);
	assert_float_equal(made.file->container->roc_spam, -0.25, 0);
	assert_int_equal(made.file->pca.rows, 10);
	assert_int_equal(rnm_network_size(made.file->network), 1113);
	/* What was read gives the same bytes again, also by way of a compressed file. */
	rnm_model_parts_of(&again, made.file);
	rnm_buf_init(&bytes, 1 << 20);
	must(rnm_model_encode(&bytes, &again, RNM_FORM_RNM1, false, &err), &err);
	assert_int_equal(bytes.len, made.bytes.len);
	assert_memory_equal(bytes.data, made.bytes.data, bytes.len);
	rnm_buf_clear(&bytes);
	must(rnm_model_encode(&bytes, &again, RNM_FORM_RNM1, true, &err), &err);
	assert_true(rnm_zstd_is_frame(bytes.data, bytes.len));
	rnm_buf_free(&bytes);
	unmake(&made);
}

static void bare_forms(void **state)
{
	struct rnm_model_parts parts;
	struct rnm_model_file *read = NULL;
	struct rnm_buf plain, frame, back;
	struct rnm_error err;

	(void)state;
	rnm_buf_init(&plain, 1 << 20);
	rnm_buf_init(&frame, 1 << 20);
	rnm_buf_init(&back, 1 << 20);
	fill_parts(&parts, &(struct spec){ .version = 1 });
	must(rnm_model_encode(&plain, &parts, RNM_FORM_NETWORK, false, &err), &err);
	assert_int_equal(plain.len, 1113);
	assert_memory_equal(plain.data, file.bytes, 1113);
	must(rnm_model_encode(&frame, &parts, RNM_FORM_NETWORK, true, &err), &err);
	must(rnm_model_file_read(&read, frame.data, frame.len, "frame", &err), &err);
	rnm_model_parts_of(&parts, read);
	must(rnm_model_encode(&back, &parts, RNM_FORM_NETWORK, false, &err), &err);
	assert_int_equal(back.len, 1113);
	assert_memory_equal(back.data, plain.data, 1113);
	rnm_model_file_free(read);
	rnm_buf_free(&plain);
	rnm_buf_free(&frame);
	rnm_buf_free(&back);
}

static float not_a_number(size_t i)
{
	return i == 3 ? NAN : fill_weight(i);
}

/* Each spoils sound parts; nothing may be written. */
static void refused(const char *id, const struct rnm_model_parts *parts)
{
	struct rnm_buf out;
	struct rnm_error err;

	rnm_buf_init(&out, 1 << 20);
	assert_int_equal(rnm_model_encode(&out, parts, RNM_FORM_RNM1, false, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, id);
	assert_int_equal(out.len, 0);
	rnm_buf_free(&out);
}

static void unfit_models(void **state)
{
	static const double bad[] = { 1, 0, 1, 1, 1, 1, 1, 1, 1, 1 };
	unsigned char matrix[MATRIX_SIZE];
	struct rnm_model_parts parts;
	const struct spec plain = { .version = 1 };

	(void)state;
	fill_parts(&parts, &(struct spec){ .weight = not_a_number });
	refused("kann.non-finite", &parts);
	fill_parts(&parts, &plain);
	parts.network.len -= 4;
	refused("kann.truncated-weights", &parts);
	fill_parts(&parts, &plain);
	parts.network.len = 0;
	refused("model.unfit", &parts);
	fill_parts(&parts, &plain);
	parts.model_version = 0;
	refused("rnm1.model-version", &parts);
	parts.model_version = 2.5;
	refused("rnm1.model-version", &parts);
	parts.model_version = 1;
	parts.providers_digest = "UPPER";
	refused("rnm1.digest", &parts);
	fill_parts(&parts, &(struct spec){ .mean = bad, .std = bad, .norm_count = 10 });
	refused("norm.std", &parts);
	fill_parts(&parts, &(struct spec){ .mean = bad + 2, .std = bad + 2, .norm_count = 8 });
	refused("norm.length", &parts);
	fill_parts(&parts, &(struct spec){ .spam = NAN, .ham = 1 });
	parts.has_roc = true;
	refused("rnm1.roc", &parts);
	build_matrix(matrix, 17);
	matrix[8] = 4;
	matrix[12] = 10;
	fill_parts(&parts, &(struct spec){ .pca = matrix });
	refused("pca.rows", &parts);
}

/* What other programs put into the map `rnm` does not spoil a file that is made from theirs. */
static void extra_is_cleaned(void **state)
{
	struct rnm_model_parts parts;
	struct rnm_model_file *read = NULL;
	struct rnm_value *map, *list, *deep;
	struct rnm_arena arena;
	struct rnm_buf out;
	struct rnm_error err;

	(void)state;
	rnm_arena_init(&arena, 1 << 20);
	map = rnm_value_new(&arena, RNM_OBJECT);
	list = rnm_value_new(&arena, RNM_ARRAY);
	rnm_value_push(&arena, list, rnm_value_new(&arena, RNM_NULL));
	rnm_value_push(&arena, list, rnm_value_new_string(&arena, "", 0));
	rnm_value_push(&arena, list, rnm_value_new_int(&arena, -7));
	rnm_value_add_s(&arena, map, "list", list);
	rnm_value_add_s(&arena, map, "empty", rnm_value_new_string(&arena, "", 0));
	rnm_value_add_s(&arena, map, "true", rnm_value_new_bool(&arena, true));
	deep = list;
	for (int i = 0; i < 20; i++) {
		struct rnm_value *around = rnm_value_new(&arena, RNM_ARRAY);

		rnm_value_push(&arena, around, deep);
		deep = around;
	}
	rnm_value_add_s(&arena, map, "deep", deep);
	fill_parts(&parts, &(struct spec){ .version = 1 });
	parts.extra = map;
	rnm_buf_init(&out, 1 << 20);
	must(rnm_model_encode(&out, &parts, RNM_FORM_RNM1, false, &err), &err);
	must(rnm_model_file_read(&read, out.data, out.len, "cleaned", &err), &err);
	map = (struct rnm_value *)(uintptr_t)read->container->extra;
	assert_null(rnm_value_get(map, "empty"));
	assert_true(rnm_value_get(map, "true")->as.boolean);
	assert_int_equal(rnm_value_count(rnm_value_get(map, "list")), 1);
	assert_int_equal(rnm_value_at(rnm_value_get(map, "list"), 0)->as.integer, -7);
	rnm_model_file_free(read);
	rnm_buf_free(&out);
	rnm_arena_free(&arena);
}

static void files(void **state)
{
	char folder[] = "/tmp/rnm-test-XXXXXX", path[64];
	struct rnm_model_parts parts;
	struct rnm_model_write_options how = { .path = path };
	struct rnm_model_write_result result;
	struct rnm_model_file *read = NULL;
	volatile sig_atomic_t cancel = 1;
	struct rnm_error err;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/m", folder);
	fill_parts(&parts, &(struct spec){ .version = 1 });
	how.dry_run = true;
	must(rnm_model_write(&parts, &how, &result, &err), &err);
	assert_int_equal(stat(path, &st), -1);
	assert_true(result.file_size > 400 && result.ann_size > 300);
	assert_int_equal(result.ann_expanded, 1113);
	how.dry_run = false;
	how.cancel = &cancel;
	assert_int_equal(rnm_model_write(&parts, &how, &result, &err), RNM_E_INTERRUPTED);
	assert_int_equal(stat(path, &st), -1);
	how.cancel = NULL;
	must(rnm_model_write(&parts, &how, &result, &err), &err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, result.file_size);
	assert_int_equal(strlen(result.hash), 64);
	/* An unfit model leaves the good file alone. */
	parts.model_version = 0.5;
	assert_int_equal(rnm_model_write(&parts, &how, &result, &err), RNM_E_REFUSED);
	must(rnm_model_file_open(&read, path, &err), &err);
	assert_float_equal(read->container->model_version, 1, 0);
	rnm_model_file_free(read);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
	parts.model_version = 1;
	assert_int_equal(rnm_model_write(&parts, &how, &result, &err), RNM_E_IO);
	assert_string_equal(err.id, "export.open");
}

/* ---- comparing ---------------------------------------------------------------------------------- */

static struct rnm_model_comparison *compared(const struct spec *a, const struct spec *b)
{
	struct rnm_model_comparison *comparison = NULL;
	struct made left, right;
	struct rnm_error err;

	make(&left, a);
	make(&right, b);
	must(rnm_model_compare(&comparison, left.file, right.file, &err), &err);
	assert_non_null(comparison->sentence);
	unmake(&left);
	unmake(&right);
	return comparison;
}

static void verdict(const struct spec *a, const struct spec *b, enum rnm_model_relation relation,
                    enum rnm_model_start start, unsigned differs, const char *words)
{
	struct rnm_model_comparison *c = compared(a, b);

	if (c->relation != relation || c->start != start || c->differs != differs ||
	    strstr(c->sentence, words) == NULL)
		fail_msg("expected %s, %s, %x, \"%s\"; found %s, %s, %x, \"%s\"",
		         rnm_model_relation_name(relation), rnm_model_start_name(start), differs, words,
		         rnm_model_relation_name(c->relation), rnm_model_start_name(c->start), c->differs,
		         c->sentence);
	rnm_model_comparison_free(c);
}

static void verdicts(void **state)
{
	static const double mean[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 },
			    other[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9.5 },
			    std[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	const struct spec plain = { .version = 1 };
	unsigned char matrix[MATRIX_SIZE], second[MATRIX_SIZE];

	(void)state;
	build_matrix(matrix, 17);
	build_matrix(second, 19);
	verdict(&plain, &plain, RNM_MODELS_IDENTICAL, RNM_START_UNKNOWN, 0, "the same model");
	verdict(&plain, &(struct spec){ .version = 2, .digest = "0123456789abcdef" }, RNM_MODELS_OTHER_LABEL,
	        RNM_START_UNKNOWN, RNM_ASPECT_VERSION | RNM_ASPECT_DIGEST,
	        "same weights, different label: providers digest, version");
	verdict(&plain, &(struct spec){ .version = 2, .spam = 0.5, .ham = 0.25 }, RNM_MODELS_OTHER_THRESHOLDS,
	        RNM_START_UNKNOWN, RNM_ASPECT_VERSION | RNM_ASPECT_THRESHOLDS,
	        "same weights, other thresholds");
	verdict(&(struct spec){ .mean = mean, .std = std, .norm_count = 10 },
	        &(struct spec){ .mean = other, .std = std, .norm_count = 10, .spam = 1, .ham = 1 },
	        RNM_MODELS_OTHER_PROCESSING, RNM_START_UNKNOWN, RNM_ASPECT_NORM | RNM_ASPECT_THRESHOLDS,
	        "same weights, other normalisation: ");
	verdict(&(struct spec){ .pca = matrix }, &(struct spec){ .pca = second }, RNM_MODELS_OTHER_PROCESSING,
	        RNM_START_UNKNOWN, RNM_ASPECT_PCA, "same weights, other PCA matrix: ");
	verdict(&plain, &(struct spec){ .pca = second }, RNM_MODELS_OTHER_PROCESSING, RNM_START_UNKNOWN,
	        RNM_ASPECT_PCA | RNM_ASPECT_VECTOR, "same weights, other PCA matrix: ");
	verdict(&plain, &(struct spec){ .hidden = 17 }, RNM_MODELS_OTHER_ARCHITECTURE, RNM_START_UNKNOWN,
	        RNM_ASPECT_GRAPH | RNM_ASPECT_WEIGHTS,
	        "other architecture: A is symbol 10 -> 16 -> 1, B is symbol 10 -> 17 -> 1");
}

static void retrains(void **state)
{
	const struct spec one = { .weight = start_one };

	(void)state;
	verdict(&one, &(struct spec){ .weight = trained_one, .version = 2 }, RNM_MODELS_RETRAIN,
	        RNM_START_COMMON, RNM_ASPECT_WEIGHTS | RNM_ASPECT_VERSION,
	        "B is a retrain of A: same architecture and inputs, other weights from a common start");
	verdict(&one, &(struct spec){ .weight = start_two }, RNM_MODELS_RETRAIN, RNM_START_SEPARATE,
	        RNM_ASPECT_WEIGHTS,
	        "B is a retrain of A: same architecture and inputs, trained anew from other initial weights");
	/* Three hidden units have 33 matrix weights: chance reaches too far. */
	verdict(&(struct spec){ .weight = start_one, .hidden = 3 },
	        &(struct spec){ .weight = start_two, .hidden = 3 }, RNM_MODELS_RETRAIN, RNM_START_UNKNOWN,
	        RNM_ASPECT_WEIGHTS, "cannot be told");
	verdict(&one, &(struct spec){ .weight = trained_one, .digest = "0123456789abcdef" },
	        RNM_MODELS_OTHER_INPUTS, RNM_START_COMMON, RNM_ASPECT_WEIGHTS | RNM_ASPECT_DIGEST,
	        "other inputs: same architecture, other weights, other providers digest");
	verdict(&(struct spec){ .weight = start_one, .bare = true },
	        &(struct spec){ .weight = trained_one, .bare = true }, RNM_MODELS_RETRAIN, RNM_START_COMMON,
	        RNM_ASPECT_WEIGHTS, "nothing says whether the inputs are the same");
	verdict(&(struct spec){ .weight = start_one, .bare = true }, &(struct spec){ .weight = start_one },
	        RNM_MODELS_SAME_NETWORK, RNM_START_UNKNOWN, 0, "A is a bare network");
	verdict(&(struct spec){ .weight = start_one, .bare = true },
	        &(struct spec){ .weight = start_one, .bare = true }, RNM_MODELS_IDENTICAL, RNM_START_UNKNOWN,
	        0, "the same model");
}

static void moved_symbols(void **state)
{
	const struct spec a = { .digest = "", .symbols = { "A", "B", "C", "D", "A" } },
			  b = { .digest = "", .symbols = { "A", "C", "A", "X" } };
	struct rnm_model_comparison *c;
	struct made left, right;
	struct rnm_error err;

	(void)state;
	make(&left, &a);
	make(&right, &b);
	must(rnm_model_compare(&c, left.file, right.file, &err), &err);
	assert_int_equal(c->relation, RNM_MODELS_MOVED_SYMBOLS);
	assert_string_equal(c->sentence, "same weights, but other symbols: 2 moved, 1 added, 2 removed; one "
	                                 "of the two models reads its inputs wrongly");
	assert_true(c->symbols.matter);
	assert_int_equal(c->symbols.moved_count, 2);
	/* In the order of A; the second A of one meets the second A of the other. */
	assert_memory_equal(c->symbols.moved[0].name.data, "C", 1);
	assert_int_equal(c->symbols.moved[0].a, 2);
	assert_int_equal(c->symbols.moved[0].b, 1);
	assert_memory_equal(c->symbols.moved[1].name.data, "A", 1);
	assert_int_equal(c->symbols.moved[1].a, 4);
	assert_int_equal(c->symbols.moved[1].b, 2);
	assert_int_equal(c->symbols.added_count, 1);
	assert_memory_equal(c->symbols.added[0].name.data, "X", 1);
	assert_int_equal(c->symbols.added[0].a, SIZE_MAX);
	assert_int_equal(c->symbols.added[0].b, 3);
	assert_int_equal(c->symbols.removed_count, 2);
	assert_int_equal(c->symbols.removed[0].a, 1);
	assert_int_equal(c->symbols.removed[1].a, 3);
	rnm_model_comparison_free(c);
	unmake(&left);
	unmake(&right);
	/* A provider that does not look at symbols: only another label.  One that does, or none said: grave. */
	verdict(&(struct spec){ .symbols = { "A", "B" }, .provider = "llm" },
	        &(struct spec){ .symbols = { "B", "A" }, .provider = "llm" }, RNM_MODELS_OTHER_LABEL,
	        RNM_START_UNKNOWN, RNM_ASPECT_SYMBOLS, "different label: symbols");
	verdict(&(struct spec){ .symbols = { "A", "B" }, .provider = "symbols" },
	        &(struct spec){ .symbols = { "B", "A" }, .provider = "symbols" }, RNM_MODELS_MOVED_SYMBOLS,
	        RNM_START_UNKNOWN, RNM_ASPECT_SYMBOLS, "2 moved, 0 added, 0 removed");
	verdict(&(struct spec){ .symbols = { "A", "B" } }, &(struct spec){ .symbols = { "B", "A" } },
	        RNM_MODELS_MOVED_SYMBOLS, RNM_START_UNKNOWN, RNM_ASPECT_SYMBOLS, "2 moved");
	verdict(&(struct spec){ .symbols = { "A", "B" }, .weight = start_one },
	        &(struct spec){ .symbols = { "B", "A" }, .weight = start_two }, RNM_MODELS_OTHER_INPUTS,
	        RNM_START_SEPARATE, RNM_ASPECT_SYMBOLS | RNM_ASPECT_WEIGHTS, "other symbols");
}

static void what_is_unknown(void **state)
{
	struct rnm_model_comparison *c;

	(void)state;
	c = compared(&(struct spec){ .rule = "r", .symbols = { "A" } }, &(struct spec){ .version = 1 });
	assert_int_equal(c->relation, RNM_MODELS_IDENTICAL);
	assert_int_equal(c->unknown, RNM_ASPECT_RULE | RNM_ASPECT_SYMBOLS);
	rnm_model_comparison_free(c);
	for (unsigned aspect = 1; aspect < RNM_ASPECT_END; aspect <<= 1) {
		assert_non_null(rnm_model_aspect_id(aspect));
		assert_non_null(rnm_model_aspect_name(aspect));
	}
	assert_null(rnm_model_aspect_id(0));
	assert_null(rnm_model_aspect_id(3));
	assert_null(rnm_model_aspect_name(RNM_ASPECT_END));
}

/* A network that cannot be read, and one that is only unfit. */
static void damaged(void **state)
{
	struct rnm_model_comparison *c = NULL;
	struct rnm_model_file *unfit = NULL, *broken = NULL;
	struct made sound;
	struct rnm_error err;
	struct rnm_buf frame;

	(void)state;
	make(&sound, &(struct spec){ .bare = true });
	kann_symbol(&file, 10, 16, not_a_number);
	must(rnm_model_file_read(&unfit, file.bytes, file.len, "unfit", &err), &err);
	must(rnm_model_compare(&c, sound.file, unfit, &err), &err);
	assert_int_equal(c->relation, RNM_MODELS_RETRAIN);
	assert_int_equal(c->start, RNM_START_UNKNOWN);
	assert_int_equal(c->network->total.changed, 1);
	assert_non_null(strstr(c->sentence, "some of which are no numbers"));
	rnm_model_comparison_free(c);
	rnm_buf_init(&frame, 1 << 20);
	must(rnm_zstd_compress(&frame, file.bytes, file.len - 4, &err), &err);
	must(rnm_model_file_read(&broken, frame.data, frame.len, "broken", &err), &err);
	must(rnm_model_compare(&c, broken, sound.file, &err), &err);
	assert_int_equal(c->relation, RNM_MODELS_UNREADABLE);
	assert_string_equal(c->sentence, "A holds no network that can be read");
	assert_null(c->network);
	rnm_model_comparison_free(c);
	must(rnm_model_compare(&c, broken, broken, &err), &err);
	assert_string_equal(c->sentence, "neither A nor B holds a network that can be read");
	rnm_model_comparison_free(c);
	rnm_model_file_free(unfit);
	rnm_model_file_free(broken);
	rnm_buf_free(&frame);
	unmake(&sound);
	rnm_model_comparison_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(bare_forms),
		cmocka_unit_test(unfit_models),
		cmocka_unit_test(extra_is_cleaned),
		cmocka_unit_test(files),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(retrains),
		cmocka_unit_test(moved_symbols),
		cmocka_unit_test(what_is_unknown),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
