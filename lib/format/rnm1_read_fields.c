/* SPDX-License-Identifier: Apache-2.0 */
#include "base/value_build.h"
#include "format/rnm1_msgpack.h"
#include "format/rnm1_reader.h"

#include <math.h>
#include <stdlib.h>

void rnm_rnm1_read_created_at(struct rnm_rnm1_reader *reader, const char **at)
{
	const char *type = rnm_msgpack_type_name(*at);
	double seconds;

	if (!rnm_msgpack_number(at, &seconds)) {
		rnm_rnm1_find(reader, "rnm1.created-at", "created_at is %s; expected UNIX seconds", type);
	} else if (!(fabs(seconds) <= RNM_VERSION_MAX)) {
		rnm_rnm1_find(reader, "rnm1.created-at", "created_at is %g; expected UNIX seconds", seconds);
	} else {
		reader->model.has_created_at = true;
		reader->model.created_at = (int64_t)seconds;
	}
}

/* An array of numbers in *out.  false, with *at behind the value, when it is anything else. */
static bool read_numbers(struct rnm_rnm1_reader *reader, const char **at, double **out, size_t *count)
{
	uint32_t n;
	bool ok = true;

	if (rnm_mp_type(**at) != RNM_MP_ARRAY) {
		rnm_mp_skip(at);
		return false;
	}
	n = rnm_mp_read_length(at);
	*out = rnm_arena_alloc(&reader->arena, n * sizeof(double));
	if (*out == NULL)
		reader->no_memory = true;
	*count = n;
	for (uint32_t i = 0; i < n; i++) {
		double number = 0;

		ok = rnm_msgpack_number(at, &number) && ok;
		if (*out != NULL)
			(*out)[i] = number;
	}
	return ok && *out != NULL;
}

struct norm_parts {
	struct rnm_bytes mode;
	double *mean, *std;
	size_t mean_count, std_count;
	bool has_mode, has_mean, has_std;
};

/* rspamd: apply_normalization in lualib/plugins/neural.lua.  Without std a component is divided by 1. */
static void take_zscore(struct rnm_rnm1_reader *reader, const struct norm_parts *parts)
{
	struct rnm_rnm1 *model = &reader->model;

	if (!parts->has_mean || !parts->has_std) {
		rnm_rnm1_find(
		    reader, "rnm1.norm-stats",
		    "norm_stats has mode zscore but no list of numbers under \"%s\": rspamd does not "
		    "normalise with it",
		    parts->has_mean ? "std" : "mean");
		return;
	}
	if (parts->mean_count != parts->std_count)
		rnm_rnm1_find(reader, "rnm1.norm-length", "norm_stats has %zu means but %zu deviations",
		              parts->mean_count, parts->std_count);
	model->std = rnm_arena_alloc(&reader->arena, parts->mean_count * sizeof(double));
	if (model->std == NULL) {
		reader->no_memory = true;
		return;
	}
	/* Whether the numbers can be used is rnm_preprocess_check's to say. */
	for (size_t i = 0; i < parts->mean_count; i++)
		model->std[i] = i < parts->std_count ? parts->std[i] : 1.0;
	model->norm_mode = RNM_NORM_ZSCORE;
	model->mean = parts->mean;
	model->norm_count = parts->mean_count;
}

static bool bytes_are(struct rnm_bytes bytes, const char *text)
{
	return rnm_bytes_equal(bytes, rnm_bytes_of(text));
}

static void take_norm(struct rnm_rnm1_reader *reader, const struct norm_parts *parts)
{
	if (!parts->has_mode)
		rnm_rnm1_find(reader, "rnm1.norm-stats",
		              "norm_stats has no mode: rspamd does not normalise with it");
	else if (bytes_are(parts->mode, "unit"))
		reader->model.norm_mode = RNM_NORM_UNIT;
	else if (bytes_are(parts->mode, "zscore"))
		take_zscore(reader, parts);
	else
		rnm_rnm1_find(
		    reader, "rnm1.norm-stats",
		    "norm_stats has the mode \"%.*s\", expected unit or zscore: rspamd does not normalise "
		    "with it",
		    (int)(parts->mode.len < 32 ? parts->mode.len : 32), parts->mode.data);
}

void rnm_rnm1_read_norm_stats(struct rnm_rnm1_reader *reader, const char **at)
{
	struct norm_parts parts = { .has_mode = false };
	const char *type = rnm_msgpack_type_name(*at);
	uint32_t count;

	if (rnm_mp_type(**at) == RNM_MP_STR) {
		rnm_msgpack_bytes(at, &parts.mode);
		if (bytes_are(parts.mode, "unit"))
			reader->model.norm_mode = RNM_NORM_UNIT;
		else
			rnm_rnm1_find(
			    reader, "rnm1.norm-stats",
			    "norm_stats is a string, expected a map: rspamd does not normalise with it");
		return;
	}
	if (rnm_mp_type(**at) != RNM_MP_MAP) {
		rnm_rnm1_find(reader, "rnm1.norm-type",
		              "norm_stats is %s, expected a map: rspamd fails on each message", type);
		rnm_mp_skip(at);
		return;
	}
	count = rnm_mp_read_length(at);
	for (uint32_t i = 0; i < count; i++) {
		struct rnm_bytes key;

		rnm_msgpack_bytes(at, &key);
		if (bytes_are(key, "mode"))
			parts.has_mode = rnm_msgpack_bytes(at, &parts.mode);
		else if (bytes_are(key, "mean"))
			parts.has_mean = read_numbers(reader, at, &parts.mean, &parts.mean_count);
		else if (bytes_are(key, "std"))
			parts.has_std = read_numbers(reader, at, &parts.std, &parts.std_count);
		else
			rnm_mp_skip(at);
	}
	take_norm(reader, &parts);
}

void rnm_rnm1_read_roc(struct rnm_rnm1_reader *reader, const char **at)
{
	static const char consequence[] =
	    "a rule with roc_enabled and no thresholds of its own fails on each message";
	const char *type = rnm_msgpack_type_name(*at);
	struct rnm_rnm1 *model = &reader->model;
	double *numbers;
	size_t count;

	if (rnm_mp_type(**at) != RNM_MP_ARRAY) {
		rnm_rnm1_find(reader, "rnm1.roc", "roc_thresholds is %s, expected a list of two numbers: %s",
		              type, consequence);
		rnm_mp_skip(at);
	} else if (!read_numbers(reader, at, &numbers, &count)) {
		rnm_rnm1_find(reader, "rnm1.roc", "roc_thresholds holds something else than numbers: %s",
		              consequence);
	} else if (count != 2 || !isfinite(numbers[0]) || !isfinite(numbers[1])) {
		rnm_rnm1_find(reader, "rnm1.roc",
		              "roc_thresholds holds %zu numbers, expected two finite ones: %s", count,
		              consequence);
	} else {
		model->has_roc = true;
		model->roc_spam = numbers[0];
		model->roc_ham = numbers[1];
	}
}

static struct rnm_value *build(struct rnm_arena *arena, const char **at);

static struct rnm_value *build_map(struct rnm_arena *arena, const char **at)
{
	struct rnm_value *object = rnm_value_new(arena, RNM_OBJECT);
	uint32_t count = rnm_mp_read_length(at);

	for (uint32_t i = 0; i < count && object != NULL; i++) {
		struct rnm_bytes key;

		rnm_msgpack_bytes(at, &key);
		if (!rnm_value_add(arena, object, key, build(arena, at)))
			return NULL;
	}
	return object;
}

static struct rnm_value *build_array(struct rnm_arena *arena, const char **at)
{
	struct rnm_value *array = rnm_value_new(arena, RNM_ARRAY);
	uint32_t count = rnm_mp_read_length(at);

	for (uint32_t i = 0; i < count && array != NULL; i++)
		if (!rnm_value_push(arena, array, build(arena, at)))
			return NULL;
	return array;
}

static struct rnm_value *build_uint(struct rnm_arena *arena, uint64_t n)
{
	return n <= INT64_MAX ? rnm_value_new_int(arena, (int64_t)n) : rnm_value_new_float(arena, (double)n);
}

/* A tree of the value at *at; its depth has been limited by the structural check. */
static struct rnm_value *build(struct rnm_arena *arena, const char **at)
{
	struct rnm_bytes bytes;

	switch (rnm_mp_type(**at)) {
	case RNM_MP_MAP:
		return build_map(arena, at);
	case RNM_MP_ARRAY:
		return build_array(arena, at);
	case RNM_MP_STR:
	case RNM_MP_BIN:
		rnm_msgpack_bytes(at, &bytes);
		return rnm_value_new_string(arena, bytes.data, bytes.len);
	case RNM_MP_UINT:
		return build_uint(arena, rnm_mp_read_uint(at));
	case RNM_MP_INT:
		return rnm_value_new_int(arena, rnm_mp_read_int(at));
	case RNM_MP_FLOAT:
	case RNM_MP_DOUBLE:
		return rnm_value_new_float(arena, rnm_mp_read_real(at));
	case RNM_MP_BOOL:
		return rnm_value_new_bool(arena, rnm_mp_read_bool(at));
	default:
		rnm_mp_skip(at);
		return rnm_value_new(arena, RNM_NULL);
	}
}

void rnm_rnm1_read_extra(struct rnm_rnm1_reader *reader, const char **at)
{
	if (rnm_mp_type(**at) != RNM_MP_MAP) {
		rnm_rnm1_find(reader, "rnm1.extra", "the key rnm holds %s, expected a map",
		              rnm_msgpack_type_name(*at));
		rnm_mp_skip(at);
		return;
	}
	reader->model.extra = build(&reader->arena, at);
	if (reader->model.extra == NULL)
		reader->no_memory = true;
}
