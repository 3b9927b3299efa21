/* SPDX-License-Identifier: Apache-2.0 */
#include "share/published.h"

#include "base/hash.h"
#include "share/model_evaluation.h"
#include "store/backup_folder.h"

#include <stdio.h>
#include <string.h>

#define DIGEST_LEN 16
#define HEX_DIGITS "0123456789abcdef"

/* ---- names and paths ---- */

static bool ends_in(const char *text, const char *ending)
{
	size_t len = strlen(text), tail = strlen(ending);

	return len >= tail && strcmp(text + len - tail, ending) == 0;
}

bool rnm_alias_name_is_good(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strspn(text, letters);

	return len > 0 && len <= RNM_ALIAS_NAME_MAX && text[len] == '\0' && strchr("._-", text[0]) == NULL &&
	       !ends_in(text, RNM_SIGNATURE_SUFFIX) && !ends_in(text, RNM_STATEMENT_SUFFIX);
}

void rnm_object_path(char path[RNM_TREE_PATH_MAX], const char *hash, const char *ending)
{
	(void)snprintf(path, RNM_TREE_PATH_MAX, RNM_TREE_OBJECTS "/%s" RNM_TREE_OBJECT_ENDING "%s", hash,
	               ending);
}

void rnm_alias_path(char path[RNM_TREE_PATH_MAX], const char *name, const char *ending)
{
	(void)snprintf(path, RNM_TREE_PATH_MAX, RNM_TREE_MODELS "/%s%s", name, ending);
}

/* ---- writing ---- */

static const char *const norm_names[] = {
	[RNM_NORM_NONE] = "none",
	[RNM_NORM_UNIT] = "unit",
	[RNM_NORM_ZSCORE] = "zscore",
};

void rnm_published_write(struct rnm_json *json, const struct rnm_published *model)
{
	char object[RNM_TREE_PATH_MAX];

	rnm_object_path(object, model->blake2b, "");
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "architecture", model->architecture);
	rnm_json_kv_string(json, "blake2b", model->blake2b);
	rnm_json_kv_int(json, "created", model->created);
	if (model->evaluation != NULL) {
		rnm_json_key(json, "evaluation");
		rnm_json_model_evaluation(json, model->evaluation);
	}
	rnm_json_kv_string(json, "graph", model->graph);
	rnm_json_kv_bool(json, "has_pca", model->has_pca);
	rnm_json_kv_bool(json, "has_roc_thresholds", model->has_roc);
	rnm_json_kv_uint(json, "inputs", model->inputs);
	rnm_json_kv_string(json, "key", model->key);
	rnm_json_kv_uint(json, "model_version", model->model_version);
	rnm_json_kv_string(json, "name", model->name);
	rnm_json_kv_string(json, "normalisation", norm_names[model->norm_mode]);
	if (model->not_after > 0)
		rnm_json_kv_int(json, "not_after", model->not_after);
	else
		rnm_json_kv_null(json, "not_after");
	rnm_json_kv_string(json, "object", object);
	rnm_json_kv_string(json, "providers_digest", model->providers_digest);
	rnm_json_kv_int(json, "published", model->published);
	rnm_json_kv_string(json, "rule", model->rule);
	rnm_json_kv_uint(json, "size", model->size);
	rnm_json_end_object(json);
}

/* ---- reading ---- */

static bool well(const struct rnm_members_reader *reader)
{
	return reader->wrong == NULL && !reader->no_memory;
}

static bool wrong(struct rnm_members_reader *reader, const char *member)
{
	if (well(reader))
		reader->wrong = member;
	return false;
}

bool rnm_member_text(struct rnm_members_reader *reader, const json_t *object, const char *member,
                     bool optional, const char **out)
{
	const json_t *value = json_object_get(object, member);
	size_t len = json_string_length(value);

	if (!well(reader))
		return false;
	*out = NULL;
	if (optional && json_is_null(value))
		return true;
	if (!json_is_string(value) || strlen(json_string_value(value)) != len)
		return wrong(reader, member);
	*out = rnm_arena_strndup(reader->arena, json_string_value(value), len);
	reader->no_memory = *out == NULL;
	return !reader->no_memory;
}

bool rnm_member_count(struct rnm_members_reader *reader, const json_t *object, const char *member,
                      uint64_t *out)
{
	const json_t *value = json_object_get(object, member);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong(reader, member);
	*out = (uint64_t)json_integer_value(value);
	return well(reader);
}

bool rnm_member_number(struct rnm_members_reader *reader, const json_t *object, const char *member,
                       double *out)
{
	const json_t *value = json_object_get(object, member);

	*out = json_number_value(value);
	return json_is_number(value) ? well(reader) : wrong(reader, member);
}

bool rnm_member_time(struct rnm_members_reader *reader, const json_t *object, const char *member,
                     bool optional, int64_t *out)
{
	uint64_t seconds = 0;

	*out = 0;
	if (optional && json_is_null(json_object_get(object, member)))
		return well(reader);
	if (!rnm_member_count(reader, object, member, &seconds))
		return false;
	*out = (int64_t)seconds;
	return true;
}

bool rnm_member_hash(struct rnm_members_reader *reader, const json_t *object, const char *member,
                     char out[RNM_OBJECT_HASH_HEX])
{
	const char *text = json_string_value(json_object_get(object, member));

	if (text == NULL || !rnm_is_hash_text(text))
		return wrong(reader, member);
	memcpy(out, text, RNM_OBJECT_HASH_HEX);
	return well(reader);
}

static bool read_flag(struct rnm_members_reader *reader, const json_t *object, const char *member, bool *out)
{
	const json_t *value = json_object_get(object, member);

	*out = json_is_true(value);
	return json_is_boolean(value) ? well(reader) : wrong(reader, member);
}

static bool read_norm(struct rnm_members_reader *reader, const json_t *object, enum rnm_norm_mode *out)
{
	const char *text = json_string_value(json_object_get(object, "normalisation"));

	for (size_t i = 0; text != NULL && i < sizeof(norm_names) / sizeof(norm_names[0]); i++) {
		if (strcmp(norm_names[i], text) == 0) {
			*out = (enum rnm_norm_mode)i;
			return well(reader);
		}
	}
	return wrong(reader, "normalisation");
}

/* One that is not there is none. */
static bool read_evaluation(struct rnm_members_reader *reader, const json_t *object,
                            const struct rnm_model_evaluation **out)
{
	const json_t *value = json_object_get(object, "evaluation");

	*out = NULL;
	return value == NULL || json_is_null(value) || rnm_model_evaluation_read(reader, value, out);
}

bool rnm_published_read(struct rnm_members_reader *reader, const json_t *object, struct rnm_published *out)
{
	*out = (struct rnm_published){ .name = NULL };
	if (!(rnm_member_text(reader, object, "name", false, &out->name) &&
	      rnm_member_text(reader, object, "rule", true, &out->rule) &&
	      rnm_member_text(reader, object, "providers_digest", false, &out->providers_digest) &&
	      rnm_member_text(reader, object, "key", true, &out->key) &&
	      rnm_member_text(reader, object, "architecture", false, &out->architecture) &&
	      rnm_member_count(reader, object, "model_version", &out->model_version) &&
	      rnm_member_count(reader, object, "size", &out->size) &&
	      rnm_member_count(reader, object, "inputs", &out->inputs) &&
	      rnm_member_time(reader, object, "created", false, &out->created) &&
	      rnm_member_time(reader, object, "not_after", true, &out->not_after) &&
	      rnm_member_time(reader, object, "published", false, &out->published) &&
	      rnm_member_hash(reader, object, "blake2b", out->blake2b) &&
	      rnm_member_hash(reader, object, "graph", out->graph) &&
	      read_flag(reader, object, "has_pca", &out->has_pca) &&
	      read_flag(reader, object, "has_roc_thresholds", &out->has_roc) &&
	      read_norm(reader, object, &out->norm_mode) &&
	      read_evaluation(reader, object, &out->evaluation)))
		return false;
	/* They become names of files. */
	if (!rnm_alias_name_is_good(out->name))
		return wrong(reader, "name");
	if (strlen(out->providers_digest) != DIGEST_LEN ||
	    strspn(out->providers_digest, HEX_DIGITS) != DIGEST_LEN)
		return wrong(reader, "providers_digest");
	return true;
}
