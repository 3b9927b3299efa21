/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: models as somebody trains and retrains them, made from a few words about each. */
#ifndef RNM_TESTS_MODEL_MADE_H
#define RNM_TESTS_MODEL_MADE_H

#include "base/value_build.h"
#include "network_build.h"

#include <rnm/rnm.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DIGEST "376616275a1a984c"
#define MATRIX_SIZE 176 /* bytes: 10 rows, 4 columns */

static struct kann file; /* large: not for the stack */

static inline void must(enum rnm_status status, const struct rnm_error *err)
{
	if (status != RNM_OK)
		fail_msg("%s: %s", err->id, err->message);
}

struct spec {
	float (*weight)(size_t i); /* NULL: fill_weight */
	int32_t hidden;            /* 0: 16 */
	double version;            /* 0: 1 */
	const char *digest;        /* NULL: DIGEST; "": none */
	const char *rule;
	const char *symbols[6];
	const char *provider; /* type of the only one; NULL: not said */
	const double *mean, *std;
	size_t norm_count;
	const unsigned char *pca;
	double spam, ham; /* thresholds unless both are 0 */
	bool bare;
};

struct made {
	struct rnm_buf bytes;
	struct rnm_model_file *file;
};

static inline const struct rnm_value *build_extra(struct rnm_arena *arena, const struct spec *spec)
{
	struct rnm_value *map = rnm_value_new(arena, RNM_OBJECT), *list = rnm_value_new(arena, RNM_ARRAY);

	if (spec->rule != NULL)
		rnm_value_add_s(arena, map, "rule",
		                rnm_value_new_string(arena, spec->rule, strlen(spec->rule)));
	for (size_t i = 0; i < 6 && spec->symbols[i] != NULL; i++)
		rnm_value_push(arena, list,
		               rnm_value_new_string(arena, spec->symbols[i], strlen(spec->symbols[i])));
	if (spec->symbols[0] != NULL)
		rnm_value_add_s(arena, map, "symbols", list);
	if (spec->provider != NULL) {
		struct rnm_value *provider = rnm_value_new(arena, RNM_OBJECT);

		rnm_value_add_s(arena, provider, "type",
		                rnm_value_new_string(arena, spec->provider, strlen(spec->provider)));
		list = rnm_value_new(arena, RNM_ARRAY);
		rnm_value_push(arena, list, provider);
		rnm_value_add_s(arena, map, "providers_meta", list);
	}
	return map;
}

static inline void fill_parts(struct rnm_model_parts *parts, const struct spec *spec)
{
	kann_symbol(&file, 10, spec->hidden > 0 ? spec->hidden : 16,
	            spec->weight != NULL ? spec->weight : fill_weight);
	*parts = (struct rnm_model_parts){
		.network = { (const char *)file.bytes, file.len },
		.pca = { (const char *)spec->pca, spec->pca != NULL ? MATRIX_SIZE : 0 },
		.model_version = spec->version > 0 ? spec->version : 1,
		.providers_digest = spec->digest != NULL ? spec->digest : DIGEST,
		.created_at = 1700000000,
		.norm_mode = spec->norm_count > 0 ? RNM_NORM_ZSCORE : RNM_NORM_NONE,
		.mean = spec->mean,
		.std = spec->std,
		.norm_count = spec->norm_count,
		.has_roc = spec->spam < 0 || spec->spam > 0 || spec->ham < 0 || spec->ham > 0,
		.roc_spam = spec->spam,
		.roc_ham = spec->ham,
	};
}

static inline void make(struct made *out, const struct spec *spec)
{
	struct rnm_model_parts parts;
	struct rnm_arena arena;
	struct rnm_error err;

	rnm_arena_init(&arena, 1 << 20);
	fill_parts(&parts, spec);
	parts.extra = build_extra(&arena, spec);
	rnm_buf_init(&out->bytes, 1 << 20);
	must(rnm_model_encode(&out->bytes, &parts, spec->bare ? RNM_FORM_NETWORK : RNM_FORM_RNM1, false,
	                      &err),
	     &err);
	must(rnm_model_file_read(&out->file, out->bytes.data, out->bytes.len, "made", &err), &err);
	rnm_arena_free(&arena);
}

static inline void unmake(struct made *made)
{
	rnm_model_file_free(made->file);
	rnm_buf_free(&made->bytes);
}

static inline void build_matrix(unsigned char matrix[MATRIX_SIZE], int step)
{
	static const unsigned char head[16] = { 2, 0, 0, 0, 40, 0, 0, 0, 10, 0, 0, 0, 4, 0, 0, 0 };

	memcpy(matrix, head, sizeof(head));
	for (int i = 0; i < 40; i++) {
		float value = (float)(i * step % 23 - 11) / 11.0f;

		memcpy(matrix + 16 + 4 * i, &value, 4);
	}
}

/* Two independent sets of numbers that look random, and a slight change of the first. */
static inline float hashed(size_t i, uint32_t seed)
{
	uint32_t x = (uint32_t)i * 2654435761u + seed;

	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	x ^= x >> 16;
	return (float)x / 4294967296.0f - 0.5f;
}

static inline float start_one(size_t i)
{
	return hashed(i, 1);
}

static inline float start_two(size_t i)
{
	return hashed(i, 0x9e3779b9u);
}

static inline float trained_one(size_t i)
{
	return hashed(i, 1) + 0.1f * hashed(i, 77);
}

#endif
