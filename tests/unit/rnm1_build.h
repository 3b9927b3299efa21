/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: RNM1 files written in memory, and everything that was read from one as a text. */
#ifndef RNM_TESTS_RNM1_BUILD_H
#define RNM_TESTS_RNM1_BUILD_H

#include "base/arena.h"
#include "base/value_build.h"
#include "format/rnm1_json.h"

#include <rnm/json.h>
#include <rnm/rnm1.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN_DIGEST "376616275a1a984c"

/* Strings with NULs and known length. */
#define BYTES(s) (s), sizeof(s) - 1

/* A whole small file from its pieces. */
#define HEAD "\xa5" "magic" "\xa4" "RNM1" "\xa7" "version" "\x01"
#define VER "\xad" "model_version" "\x03"
#define DIG "\xb0" "providers_digest" "\xb0" "0123456789abcdef"
#define ANN "\xa8" "ann_data" "\xa3" "abc"

/* The ids of all findings, joined with commas. */
static inline const char *finding_ids(const struct rnm_rnm1 *model)
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
static inline char *summary(const struct rnm_rnm1 *model)
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

static inline struct rnm_json_field *parse_norm(const char *text)
{
	struct rnm_json_field *field = NULL;
	struct rnm_error err;

	if (rnm_norm_stats_parse(&field, rnm_bytes_of(text), &err) != RNM_OK)
		fail_msg("%s", err.message);
	return field;
}

static inline struct rnm_json_field *parse_roc(const char *text)
{
	struct rnm_json_field *field = NULL;
	struct rnm_error err;

	if (rnm_roc_parse(&field, rnm_bytes_of(text), &err) != RNM_OK)
		fail_msg("%s", err.message);
	return field;
}

static inline struct rnm_value *sample_extra(struct rnm_arena *arena)
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
static inline void build(struct rnm_buf *out, const struct rnm_rnm1_head *head, const char *pca, const char *ann)
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

static inline void build_full(struct rnm_buf *out, struct rnm_arena *arena)
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

#endif
