/* SPDX-License-Identifier: Apache-2.0 */
/* index.json: what a tree serves, for programs that want to know all of it at once. */
#include "share/index.h"

#include "format/json_load.h"
#include "share/envelope.h"
#include "share/published.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT "rnm-index"
#define VERSION 1
/* Of the texts and models of an index: what jansson has read is several times as large. */
#define ARENA_MAX ((size_t)1 << 30)

void rnm_index_write(struct rnm_buf *out, const struct rnm_index *index)
{
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_int(&json, "created", index->created);
	rnm_json_kv_string(&json, "format", FORMAT);
	rnm_json_kv_string(&json, "head", index->head);
	rnm_json_key(&json, "models");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < index->model_count; i++)
		rnm_published_write(&json, &index->models[i]);
	rnm_json_end_array(&json);
	if (index->not_after > 0)
		rnm_json_kv_int(&json, "not_after", index->not_after);
	else
		rnm_json_kv_null(&json, "not_after");
	rnm_json_kv_uint(&json, "serial", index->serial);
	rnm_json_kv_int(&json, "version", VERSION);
	rnm_json_end_object(&json);
	rnm_buf_putc(out, '\n');
}

static enum rnm_status malformed(const char *what, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "index.malformed",
	                     "expected the index of a tree of models, found %s", what);
}

/* ---- reading ---- */

static bool read_models(struct rnm_members_reader *reader, const json_t *array, struct rnm_index *index)
{
	const size_t count = json_array_size(array);

	if (!json_is_array(array) || count > RNM_INDEX_MODELS_MAX) {
		reader->wrong = "models";
		return false;
	}
	index->models = rnm_arena_alloc(reader->arena, (count + 1) * sizeof(*index->models));
	reader->no_memory = index->models == NULL;
	for (size_t i = 0; !reader->no_memory && i < count; i++) {
		struct rnm_published *model = &index->models[i];

		if (!rnm_published_read(reader, json_array_get(array, i), model))
			return false;
		/* In order, so that none is there twice. */
		if (i > 0 && strcmp(model[-1].name, model->name) >= 0) {
			reader->wrong = "name";
			return false;
		}
		index->model_count = i + 1;
	}
	return !reader->no_memory;
}

static enum rnm_status read_members(struct rnm_index *index, struct rnm_members_reader *reader,
                                    const json_t *root, struct rnm_error *err)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	char what[64];

	if (format == NULL || strcmp(format, FORMAT) != 0)
		return malformed("no such format", err);
	if (json_integer_value(json_object_get(root, "version")) != VERSION)
		return rnm_error_set(err, RNM_E_MALFORMED, "index.version",
		                     "expected an index of version %d, found another", VERSION);
	if (rnm_member_count(reader, root, "serial", &index->serial) &&
	    rnm_member_hash(reader, root, "head", index->head) &&
	    rnm_member_time(reader, root, "created", false, &index->created) &&
	    rnm_member_time(reader, root, "not_after", true, &index->not_after) &&
	    read_models(reader, json_object_get(root, "models"), index))
		return RNM_OK;
	if (reader->no_memory)
		return rnm_error_nomem(err);
	(void)snprintf(what, sizeof(what), "the member %s missing or odd", reader->wrong);
	return malformed(what, err);
}

enum rnm_status rnm_index_read(struct rnm_index **out, struct rnm_bytes text, struct rnm_error *err)
{
	struct rnm_index *index;
	struct rnm_arena *arena;
	struct rnm_members_reader reader = { 0 };
	json_error_t problem;
	enum rnm_status status;
	bool no_memory;
	json_t *root;

	if (text.len > RNM_INDEX_MAX)
		return malformed("more bytes than an index may have", err);
	root = rnm_json_load(text, JSON_REJECT_DUPLICATES, &problem, &no_memory);
	if (root == NULL)
		return no_memory ? rnm_error_nomem(err) : malformed("no JSON", err);
	index = calloc(1, sizeof(*index));
	arena = malloc(sizeof(*arena));
	if (index == NULL || arena == NULL) {
		free(index);
		free(arena);
		json_decref(root);
		return rnm_error_nomem(err);
	}
	rnm_arena_init(arena, ARENA_MAX);
	index->owned = arena;
	reader.arena = arena;
	status = read_members(index, &reader, root, err);
	json_decref(root);
	if (status == RNM_OK)
		*out = index;
	else
		rnm_index_free(index);
	return status;
}

void rnm_index_free(struct rnm_index *index)
{
	if (index == NULL)
		return;
	rnm_arena_free(index->owned);
	free(index->owned);
	free(index);
}

/* ---- signatures ---- */

bool rnm_index_signature_next(struct rnm_bytes *rest, struct rnm_bytes *line)
{
	const char *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;

	if (end == NULL)
		return false;
	*line = (struct rnm_bytes){ rest->data, (size_t)(end - rest->data) };
	rest->data += line->len + 1;
	rest->len -= line->len + 1;
	return true;
}

enum rnm_status rnm_index_check(struct rnm_bytes text, struct rnm_bytes signatures,
                                const struct rnm_trust *trust, const struct rnm_trusted_key **signer,
                                struct rnm_error *err)
{
	enum rnm_status status = RNM_NO;
	struct rnm_bytes line;
	struct rnm_error why;

	for (unsigned i = 0; i < RNM_INDEX_SIGNATURES_MAX && rnm_index_signature_next(&signatures, &line);
	     i++) {
		status = rnm_envelope_open(RNM_DOMAIN_INDEX, text, line, trust, signer, &why);
		if (status != RNM_E_SIGNATURE)
			break;
	}
	if (status == RNM_NO)
		return rnm_error_set(err, RNM_E_SIGNATURE, "index.unsigned",
		                     "expected a signature of the index, found none");
	if (status != RNM_OK && err != NULL)
		*err = why;
	return status;
}

/* ---- */

static int by_name(const void *name, const void *model)
{
	return strcmp(name, ((const struct rnm_published *)model)->name);
}

const struct rnm_published *rnm_index_find(const struct rnm_index *index, const char *name)
{
	return index->model_count == 0
	           ? NULL
	           : bsearch(name, index->models, index->model_count, sizeof(*index->models), by_name);
}
