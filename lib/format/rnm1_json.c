/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings that rspamd keeps in Redis as JSON texts.  Read strictly, with libjansson: what rspamd's
 * lenient parser would still make something of is a damaged field here, not a file for other hosts.
 */
#include "format/rnm1_json.h"

#include "format/json_load.h"
#include "format/rnm1_msgpack.h"

#include <math.h>
#include <rnm/rnm1.h>
#include <stdlib.h>
#include <string.h>

/* Trees of a few thousand numbers; texts come from Redis fields of at most 16 MiB. */
#define ARENA_MAX ((size_t)512 << 20)

struct rnm_json_field {
	struct rnm_arena arena;
	const struct rnm_value *value;
};

static bool is_blank(struct rnm_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (strchr(" \t\r\n", text.data[i]) == NULL || text.data[i] == '\0')
			return false;
	return true;
}

/* Integers are read as reals: a mean of 1 and one of 1.0 are the same, and no text can overflow. */
static enum rnm_status parse_text(json_t **out, struct rnm_bytes text, const char *id, const char *what,
                                  struct rnm_error *err)
{
	json_error_t problem;
	bool no_memory;

	*out = rnm_json_load(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY,
	                     &problem, &no_memory);
	if (*out != NULL)
		return RNM_OK;
	if (no_memory)
		return rnm_error_nomem(err);
	rnm_error_set(err, RNM_E_MALFORMED, id, "expected JSON in %s, found: %s", what, problem.text);
	return rnm_error_at_offset(err, NULL, problem.position > 0 ? (uint64_t)problem.position - 1 : 0),
	       RNM_E_MALFORMED;
}

/* A number the way rspamd writes it: integral ones as integers. */
static struct rnm_value *new_number(struct rnm_arena *arena, double number)
{
	if (fabs(number) < 9007199254740992.0 && number <= floor(number))
		return rnm_value_new_int(arena, (int64_t)number);
	return rnm_value_new_float(arena, number);
}

/* Copies a list of finite numbers, each above `above`.  NULL with *no_memory unset: it is not such a list. */
static struct rnm_value *copy_numbers(struct rnm_arena *arena, const json_t *list, double above,
                                      bool *no_memory)
{
	struct rnm_value *array = rnm_value_new(arena, RNM_ARRAY);
	size_t count = json_array_size(list);

	*no_memory = array == NULL;
	if (array == NULL || !json_is_array(list))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		double number = json_number_value(item);

		if (!json_is_number(item) || !isfinite(number) || !(number > above))
			return NULL;
		*no_memory = !rnm_value_push(arena, array, new_number(arena, number));
		if (*no_memory)
			return NULL;
	}
	return array;
}

static struct rnm_value *new_text(struct rnm_arena *arena, const char *text)
{
	return rnm_value_new_string(arena, text, strlen(text));
}

static enum rnm_status norm_error(struct rnm_error *err, const char *found)
{
	return rnm_error_set(
	    err, RNM_E_MALFORMED, "rnm1.norm-stats",
	    "expected norm_stats to be {\"mode\":\"unit\"} or a zscore with equally many finite "
	    "means and positive deviations, found %s",
	    found);
}

static enum rnm_status take_zscore(struct rnm_arena *arena, struct rnm_value *norm, const json_t *json,
                                   struct rnm_error *err)
{
	bool no_memory;
	struct rnm_value *mean = copy_numbers(arena, json_object_get(json, "mean"), -INFINITY, &no_memory);
	struct rnm_value *std;

	if (mean == NULL)
		return no_memory ? rnm_error_nomem(err)
		                 : norm_error(err, "no list of numbers under \"mean\"");
	std = copy_numbers(arena, json_object_get(json, "std"), 0.0, &no_memory);
	if (std == NULL) {
		if (no_memory)
			return rnm_error_nomem(err);
		norm_error(err, "no list of numbers above 0 under \"std\"");
		rnm_error_set_hint(
		    err, "a deviation that rspamd rounded to 0.000000 divides by zero; leave the constant "
			 "input out and train again");
		return RNM_E_MALFORMED;
	}
	if (rnm_value_count(mean) == 0 || rnm_value_count(mean) != rnm_value_count(std))
		return rnm_error_set(
		    err, RNM_E_MALFORMED, "rnm1.norm-stats",
		    "expected norm_stats to hold equally many means and deviations, found %zu and %zu",
		    rnm_value_count(mean), rnm_value_count(std));
	if (!rnm_value_add_s(arena, norm, "mode", new_text(arena, "zscore")) ||
	    !rnm_value_add_s(arena, norm, "mean", mean) || !rnm_value_add_s(arena, norm, "std", std))
		return rnm_error_nomem(err);
	return RNM_OK;
}

/* *value stays NULL when there is nothing to write. */
static enum rnm_status take_norm(struct rnm_json_field *field, const json_t *json, struct rnm_error *err)
{
	const char *mode = json_string_value(json_object_get(json, "mode"));
	struct rnm_value *norm;
	enum rnm_status status = RNM_OK;

	if (!json_is_object(json))
		return norm_error(err, "something that is no object");
	/* What rspamd stores when it does not normalise. */
	if (json_object_size(json) == 0 || (mode != NULL && strcmp(mode, "none") == 0))
		return RNM_OK;
	norm = rnm_value_new(&field->arena, RNM_OBJECT);
	if (norm == NULL)
		return rnm_error_nomem(err);
	if (mode == NULL)
		return norm_error(err, "an object without a mode");
	if (strcmp(mode, "zscore") == 0)
		status = take_zscore(&field->arena, norm, json, err);
	else if (strcmp(mode, "unit") != 0)
		return norm_error(err, "an unknown mode");
	else if (!rnm_value_add_s(&field->arena, norm, "mode", new_text(&field->arena, "unit")))
		return rnm_error_nomem(err);
	field->value = norm;
	return status;
}

static enum rnm_status take_roc(struct rnm_json_field *field, const json_t *json, struct rnm_error *err)
{
	struct rnm_value *roc;
	bool no_memory;

	if (json_is_array(json) && json_array_size(json) == 0)
		return RNM_OK;
	roc = copy_numbers(&field->arena, json, -INFINITY, &no_memory);
	if (roc == NULL && no_memory)
		return rnm_error_nomem(err);
	if (roc == NULL)
		return rnm_error_set(
		    err, RNM_E_MALFORMED, "rnm1.roc",
		    "expected roc_thresholds to be a list of two finite numbers, found something else");
	if (rnm_value_count(roc) != 2)
		return rnm_error_set(err, RNM_E_MALFORMED, "rnm1.roc",
		                     "expected roc_thresholds to hold two numbers, found %zu",
		                     rnm_value_count(roc));
	field->value = roc;
	return RNM_OK;
}

typedef enum rnm_status take_json(struct rnm_json_field *field, const json_t *json, struct rnm_error *err);

static enum rnm_status parse_field(struct rnm_json_field **out, struct rnm_bytes text, const char *id,
                                   const char *what, take_json *take, struct rnm_error *err)
{
	struct rnm_json_field *field;
	enum rnm_status status;
	json_t *json;

	if (is_blank(text)) {
		*out = NULL;
		return RNM_OK;
	}
	field = calloc(1, sizeof(*field));
	if (field == NULL)
		return rnm_error_nomem(err);
	rnm_arena_init(&field->arena, ARENA_MAX);
	status = parse_text(&json, text, id, what, err);
	if (status == RNM_OK) {
		status = take(field, json, err);
		json_decref(json);
	}
	if (status == RNM_OK && field->value != NULL) {
		*out = field;
		return RNM_OK;
	}
	rnm_json_field_free(field);
	if (status == RNM_OK)
		*out = NULL;
	return status;
}

enum rnm_status rnm_norm_stats_parse(struct rnm_json_field **out, struct rnm_bytes text,
                                     struct rnm_error *err)
{
	return parse_field(out, text, "rnm1.norm-stats", "norm_stats", take_norm, err);
}

enum rnm_status rnm_roc_parse(struct rnm_json_field **out, struct rnm_bytes text, struct rnm_error *err)
{
	return parse_field(out, text, "rnm1.roc", "roc_thresholds", take_roc, err);
}

const struct rnm_value *rnm_json_field_value(const struct rnm_json_field *field)
{
	return field != NULL ? field->value : NULL;
}

void rnm_json_field_free(struct rnm_json_field *field)
{
	if (field == NULL)
		return;
	rnm_arena_free(&field->arena);
	free(field);
}

static enum rnm_status copy_json(struct rnm_arena *arena, const json_t *json, unsigned depth,
                                 struct rnm_value **out);

/* Adds a copy of item to a container; key is NULL in an array. */
static enum rnm_status copy_into(struct rnm_arena *arena, struct rnm_value *container, const char *key,
                                 const json_t *item, unsigned depth)
{
	struct rnm_value *child;
	enum rnm_status status = copy_json(arena, item, depth - 1, &child);

	/* A key of text only, as the writer demands. */
	if (status != RNM_OK || child == NULL || (key != NULL && key[0] == '\0'))
		return status;
	return (key == NULL ? rnm_value_push(arena, container, child)
	                    : rnm_value_add_s(arena, container, key, child))
	           ? RNM_OK
	           : RNM_E_NOMEM;
}

static enum rnm_status copy_items(struct rnm_arena *arena, const json_t *json, unsigned depth,
                                  struct rnm_value *container)
{
	enum rnm_status status = RNM_OK;
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_array(json)) {
		for (i = 0; i < json_array_size(json) && status == RNM_OK; i++)
			status = copy_into(arena, container, NULL, json_array_get(json, i), depth);
		return status;
	}
	json_object_foreach((json_t *)(uintptr_t)json, key, item)
	{
		status = copy_into(arena, container, key, item, depth);
		if (status != RNM_OK)
			break;
	}
	return status;
}

/*
 * A copy without what the writer refuses: nulls and empty strings are left out.  depth bounds the recursion.
 * RNM_NO when that does not suffice, RNM_E_NOMEM when the arena gives nothing.
 */
static enum rnm_status copy_json(struct rnm_arena *arena, const json_t *json, unsigned depth,
                                 struct rnm_value **out)
{
	*out = NULL;
	switch (json_typeof(json)) {
	case JSON_NULL:
		return RNM_OK;
	case JSON_STRING:
		if (json_string_length(json) == 0)
			return RNM_OK;
		*out = rnm_value_new_string(arena, json_string_value(json), json_string_length(json));
		break;
	case JSON_REAL:
	case JSON_INTEGER:
		*out = new_number(arena, json_number_value(json));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		*out = rnm_value_new_bool(arena, json_is_true(json));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		/* The reader takes no larger map. */
		if (depth == 0 || json_object_size(json) > RNM_MSGPACK_KEYS_MAX)
			return RNM_NO;
		*out = rnm_value_new(arena, json_is_array(json) ? RNM_ARRAY : RNM_OBJECT);
		return *out != NULL ? copy_items(arena, json, depth, *out) : RNM_E_NOMEM;
	}
	return *out != NULL ? RNM_OK : RNM_E_NOMEM;
}

enum rnm_status rnm_json_array_copy(struct rnm_value **out, struct rnm_arena *arena, struct rnm_bytes text,
                                    unsigned depth, struct rnm_error *err)
{
	enum rnm_status status;
	json_t *json;

	*out = NULL;
	status = parse_text(&json, text, NULL, "", err);
	if (status != RNM_OK)
		return status == RNM_E_NOMEM ? status : RNM_NO;
	status = json_is_array(json) ? copy_json(arena, json, depth, out) : RNM_NO;
	json_decref(json);
	if (status != RNM_OK)
		*out = NULL;
	/* What does not fit into the arena is too much for a file as well. */
	if (status == RNM_E_NOMEM)
		return arena->full ? RNM_NO : rnm_error_nomem(err);
	return status;
}
