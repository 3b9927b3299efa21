/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup_manifest.h"

#include "base/utf8.h"
#include "base/value_build.h"
#include "store/backup_seal.h"

#include <rnm/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The trees of the largest manifest that is read. */
#define ARENA_MAX ((size_t)512 << 20)

struct rnm_backup_manifest *rnm_backup_manifest_new(void)
{
	struct rnm_backup_manifest *manifest = calloc(1, sizeof(*manifest));

	if (manifest == NULL)
		return NULL;
	manifest->storage = calloc(1, sizeof(*manifest->storage));
	if (manifest->storage == NULL) {
		free(manifest);
		return NULL;
	}
	manifest->storage->lock = -1;
	rnm_arena_init(&manifest->storage->arena, ARENA_MAX);
	return manifest;
}

void rnm_backup_manifest_free(struct rnm_backup_manifest *manifest)
{
	if (manifest == NULL)
		return;
	rnm_arena_free(&manifest->storage->arena);
	free(manifest->storage->folder);
	if (manifest->storage->lock >= 0)
		close(manifest->storage->lock);
	free(manifest->storage);
	free(manifest);
}

const struct rnm_backup_set *rnm_backup_set_of(const struct rnm_backup_manifest *manifest, const char *zset)
{
	for (size_t i = 0; manifest != NULL && i < manifest->set_count; i++)
		if (strcmp(manifest->sets[i].zset, zset) == 0)
			return &manifest->sets[i];
	return NULL;
}

bool rnm_backup_is_text(struct rnm_bytes bytes)
{
	size_t pos = 0;

	while (pos < bytes.len) {
		size_t len = rnm_utf8_length((const unsigned char *)bytes.data + pos, bytes.len - pos);

		if (len == 0 || bytes.data[pos] == '\0')
			return false;
		pos += len;
	}
	return true;
}

/* ---- JSON ---- */

static void write_hex(struct rnm_json *json, struct rnm_bytes bytes)
{
	static const char digits[] = "0123456789abcdef";
	struct rnm_buf hex;

	rnm_buf_init(&hex, 2 * RNM_BACKUP_NAME_MAX + 2 * RNM_BACKUP_INLINE_MAX);
	for (size_t i = 0; i < bytes.len; i++) {
		const unsigned char byte = (unsigned char)bytes.data[i];

		rnm_buf_putc(&hex, digits[byte >> 4]);
		rnm_buf_putc(&hex, digits[byte & 15]);
	}
	if (hex.failed)
		json->out->failed = true;
	rnm_json_kv_string(json, "hex", rnm_buf_cstr(&hex));
	rnm_buf_free(&hex);
}

/* A name, whatever its bytes are. */
static void write_name(struct rnm_json *json, const char *key, struct rnm_bytes name)
{
	rnm_json_key(json, key);
	if (rnm_backup_is_text(name)) {
		rnm_json_string_n(json, name);
		return;
	}
	rnm_json_begin_object(json);
	write_hex(json, name);
	rnm_json_end_object(json);
}

static void write_text(struct rnm_json *json, const char *key, const char *text)
{
	if (text == NULL)
		rnm_json_kv_null(json, key);
	else
		write_name(json, key, rnm_bytes_of(text));
}

/* The members that make up a value, inside an object that holds others too. */
static void write_value(struct rnm_json *json, const struct rnm_backup_value *value)
{
	const struct rnm_bytes bytes = { value->inline_bytes, (size_t)value->size };

	if (value->inline_bytes == NULL) {
		rnm_json_kv_uint(json, "size", value->size);
		rnm_json_kv_string(json, "blake2b", value->hash);
	} else if (rnm_backup_is_text(bytes)) {
		rnm_json_key(json, "text");
		rnm_json_string_n(json, bytes);
	} else {
		write_hex(json, bytes);
	}
}

static void write_ttl(struct rnm_json *json, int64_t ttl_ms)
{
	if (ttl_ms < 0)
		rnm_json_kv_null(json, "ttl_ms");
	else
		rnm_json_kv_int(json, "ttl_ms", ttl_ms);
}

static void write_trainings(struct rnm_json *json, const char *key,
                            const struct rnm_backup_training *trainings, size_t count)
{
	rnm_json_key(json, key);
	rnm_json_begin_array(json);
	for (size_t i = 0; i < count; i++) {
		rnm_json_begin_object(json);
		write_text(json, "key", trainings[i].key);
		write_ttl(json, trainings[i].ttl_ms);
		rnm_json_kv_uint(json, "vectors", trainings[i].vectors);
		write_value(json, &trainings[i].value);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
}

static void write_model(struct rnm_json *json, const struct rnm_backup_model *model)
{
	rnm_json_begin_object(json);
	write_text(json, "key", model->key);
	write_text(json, "version", model->version);
	rnm_json_kv_bool(json, "live", model->live);
	write_ttl(json, model->ttl_ms);
	rnm_json_key(json, "profiles");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < model->profile_count; i++) {
		rnm_json_begin_object(json);
		rnm_json_kv_double(json, "score", model->profiles[i].score);
		write_value(json, &model->profiles[i].member);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
	rnm_json_key(json, "fields");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < model->field_count; i++) {
		rnm_json_begin_object(json);
		write_name(json, "name", model->fields[i].name);
		write_value(json, &model->fields[i].value);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
	write_trainings(json, "training", model->training, model->training_count);
	rnm_json_end_object(json);
}

static void write_set(struct rnm_json *json, const struct rnm_backup_set *set)
{
	rnm_json_begin_object(json);
	write_text(json, "rule", set->rule);
	write_text(json, "global", set->global);
	write_text(json, "prefix", set->prefix);
	write_text(json, "settings", set->settings);
	write_text(json, "zset", set->zset);
	write_ttl(json, set->zset_ttl_ms);
	rnm_json_key(json, "models");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < set->model_count; i++)
		write_model(json, &set->models[i]);
	rnm_json_end_array(json);
	write_trainings(json, "pending", set->pending, set->pending_count);
	rnm_json_end_object(json);
}

void rnm_backup_manifest_write(struct rnm_buf *out, const struct rnm_backup_manifest *manifest)
{
	struct rnm_json json;

	rnm_json_init(&json, out, true);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "format", RNM_BACKUP_FORMAT);
	rnm_json_kv_int(&json, "version", RNM_BACKUP_VERSION);
	rnm_json_kv_string(&json, "created_at", manifest->created_at);
	write_text(&json, "tool", manifest->tool);
	write_text(&json, "server", manifest->server);
	rnm_json_kv_bool(&json, "complete", manifest->complete);
	rnm_json_kv_bool(&json, "with_training", manifest->with_training);
	rnm_json_key(&json, "sets");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < manifest->set_count; i++)
		write_set(&json, &manifest->sets[i]);
	rnm_json_end_array(&json);
	rnm_backup_seal(out);
}
