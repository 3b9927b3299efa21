/* SPDX-License-Identifier: Apache-2.0 */
/* From JSON.  Whoever can write into a backup folder can have restored what he likes, but not crash the reader. */
#include "base/file.h"
#include "base/file_target.h"
#include "base/hash.h"
#include "base/number.h"
#include "base/value_build.h"
#include "format/json_load.h"
#include "store/backup_folder.h"
#include "store/backup_manifest.h"
#include "store/backup_seal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
	struct rnm_arena *arena;
	const char *path;
	struct rnm_bytes text;
	enum rnm_status status; /* of the first failure */
	struct rnm_error *err;
};

/* ---- failures: the first one counts, and everything after it gives up ---- */

static bool no_memory(struct reading *reading)
{
	if (reading->status == RNM_OK)
		reading->status = rnm_error_nomem(reading->err);
	return false;
}

static bool malformed(struct reading *reading, const char *member, const char *expected)
{
	if (reading->status != RNM_OK)
		return false;
	reading->status = rnm_error_set(reading->err, RNM_E_MALFORMED, "backup.manifest",
	                                "%s: expected %s in the member %s of the manifest", reading->path,
	                                expected, member);
	return false;
}

/* ---- members ---- */

static bool copy_hex(struct reading *reading, const char *member, const char *hex, struct rnm_bytes *out)
{
	size_t len = strlen(hex);
	char *bytes = rnm_arena_alloc(reading->arena, len / 2 + 1);

	if (bytes == NULL)
		return no_memory(reading);
	if (len % 2 != 0 || strspn(hex, "0123456789abcdef") != len)
		return malformed(reading, member, "pairs of hexadecimal digits");
	(void)sodium_hex2bin((unsigned char *)bytes, len / 2 + 1, hex, len, NULL, &out->len, NULL);
	out->data = bytes;
	return true;
}

/* A string, or an object with `hex`; *out is empty with data NULL for null, which only optional ones may be. */
static bool read_bytes(struct reading *reading, const json_t *object, const char *member, bool optional,
                       struct rnm_bytes *out)
{
	const json_t *value = json_object_get(object, member);
	const char *hex = json_string_value(json_object_get(value, "hex"));

	*out = (struct rnm_bytes){ NULL, 0 };
	if (hex != NULL)
		return copy_hex(reading, member, hex, out);
	if (optional && (value == NULL || json_is_null(value)))
		return true;
	if (!json_is_string(value))
		return malformed(reading, member, optional ? "a string or null" : "a string");
	out->len = json_string_length(value);
	out->data = rnm_arena_strndup(reading->arena, json_string_value(value), out->len);
	return out->data != NULL ? true : no_memory(reading);
}

/* The same without a NUL inside. */
static bool read_text(struct reading *reading, const json_t *object, const char *member, bool optional,
                      const char **out)
{
	struct rnm_bytes bytes;

	if (!read_bytes(reading, object, member, optional, &bytes))
		return false;
	if (bytes.len > 0 && memchr(bytes.data, '\0', bytes.len) != NULL)
		return malformed(reading, member, "a name without a NUL byte");
	*out = bytes.data;
	return true;
}

static bool read_count(struct reading *reading, const json_t *object, const char *member, uint64_t *out)
{
	const json_t *value = json_object_get(object, member);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return malformed(reading, member, "a number of 0 or more");
	*out = (uint64_t)json_integer_value(value);
	return true;
}

static bool read_ttl(struct reading *reading, const json_t *object, int64_t *out)
{
	const json_t *value = json_object_get(object, "ttl_ms");
	uint64_t ms;

	*out = RNM_TTL_NONE;
	if (value == NULL || json_is_null(value))
		return true;
	if (!read_count(reading, object, "ttl_ms", &ms))
		return false;
	*out = (int64_t)ms;
	return true;
}

static bool read_score(struct reading *reading, const json_t *object, double *out)
{
	const json_t *value = json_object_get(object, "score");
	const char *text = json_string_value(value);

	*out = json_number_value(value);
	if (json_is_number(value))
		return true;
	if (text == NULL || (strcmp(text, "inf") != 0 && strcmp(text, "-inf") != 0))
		return malformed(reading, "score", "a number");
	*out = *text == '-' ? -INFINITY : INFINITY;
	return true;
}

static bool read_value(struct reading *reading, const json_t *object, struct rnm_backup_value *out)
{
	const char *hash = json_string_value(json_object_get(object, "blake2b"));
	const char *hex = json_string_value(json_object_get(object, "hex"));
	struct rnm_bytes bytes;

	if (hash != NULL) {
		/* It becomes the name of a file: nothing but digits leads there. */
		if (!rnm_is_hash_text(hash))
			return malformed(reading, "blake2b", "64 hexadecimal digits");
		memcpy(out->hash, hash, RNM_BACKUP_HASH_HEX);
		return read_count(reading, object, "size", &out->size);
	}
	if (hex != NULL ? !copy_hex(reading, "hex", hex, &bytes)
	                : !read_bytes(reading, object, "text", false, &bytes))
		return false;
	out->inline_bytes = bytes.data;
	out->size = bytes.len;
	return true;
}

/* An array of objects and room for what they become; both may be empty. */
static bool read_list(struct reading *reading, const json_t *object, const char *member, size_t size,
                      json_t **list, void **room, size_t *count)
{
	*room = NULL;
	*count = 0;
	*list = json_object_get(object, member);
	for (size_t i = 0; json_is_array(*list) && i < json_array_size(*list); i++)
		if (!json_is_object(json_array_get(*list, i)))
			*list = NULL;
	if (!json_is_array(*list)) {
		(void)malformed(reading, member, "a list of objects");
		return false;
	}
	*count = json_array_size(*list);
	*room = rnm_arena_alloc(reading->arena, (*count + 1) * size);
	if (*room == NULL)
		(void)no_memory(reading);
	return *room != NULL;
}

static bool read_trainings(struct reading *reading, const json_t *object, const char *member,
                           struct rnm_backup_training out[RNM_BACKUP_CLASSES], size_t *count)
{
	const json_t *list = json_object_get(object, member);

	*count = json_array_size(list);
	if (!json_is_array(list) || *count > RNM_BACKUP_CLASSES)
		return malformed(reading, member, "a list of at most two sets");
	for (size_t i = 0; i < *count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!read_text(reading, item, "key", false, &out[i].key) ||
		    !read_ttl(reading, item, &out[i].ttl_ms) ||
		    !read_count(reading, item, "vectors", &out[i].vectors) ||
		    !read_value(reading, item, &out[i].value))
			return false;
	}
	return true;
}

static bool read_profiles(struct reading *reading, const json_t *object, struct rnm_backup_model *model)
{
	json_t *list;
	void *room;

	if (!read_list(reading, object, "profiles", sizeof(*model->profiles), &list, &room,
	               &model->profile_count))
		return false;
	model->profiles = room;
	for (size_t i = 0; i < model->profile_count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!read_score(reading, item, &model->profiles[i].score) ||
		    !read_value(reading, item, &model->profiles[i].member))
			return false;
	}
	return true;
}

static bool read_fields(struct reading *reading, const json_t *object, struct rnm_backup_model *model)
{
	json_t *list;
	void *room;

	if (!read_list(reading, object, "fields", sizeof(*model->fields), &list, &room, &model->field_count))
		return false;
	if (model->field_count > RNM_BACKUP_FIELDS_MAX)
		return malformed(reading, "fields", "at most 1024 fields");
	model->fields = room;
	for (size_t i = 0; i < model->field_count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!read_bytes(reading, item, "name", false, &model->fields[i].name) ||
		    !read_value(reading, item, &model->fields[i].value))
			return false;
	}
	return true;
}

static bool read_model(struct reading *reading, const json_t *object, struct rnm_backup_model *model)
{
	if (!read_text(reading, object, "key", true, &model->key) ||
	    !read_text(reading, object, "version", true, &model->version) ||
	    !read_ttl(reading, object, &model->ttl_ms) || !read_profiles(reading, object, model) ||
	    !read_fields(reading, object, model) ||
	    !read_trainings(reading, object, "training", model->training, &model->training_count))
		return false;
	if (model->key == NULL && model->field_count + model->training_count > 0)
		return malformed(reading, "key", "the key of the fields");
	model->live = json_is_true(json_object_get(object, "live"));
	return true;
}

static bool read_set(struct reading *reading, const json_t *object, struct rnm_backup_set *set)
{
	json_t *list;
	void *room;

	if (!read_text(reading, object, "rule", true, &set->rule) ||
	    !read_text(reading, object, "global", false, &set->global) ||
	    !read_text(reading, object, "prefix", false, &set->prefix) ||
	    !read_text(reading, object, "settings", false, &set->settings) ||
	    !read_text(reading, object, "zset", false, &set->zset) ||
	    !read_ttl(reading, object, &set->zset_ttl_ms) ||
	    !read_trainings(reading, object, "pending", set->pending, &set->pending_count) ||
	    !read_list(reading, object, "models", sizeof(*set->models), &list, &room, &set->model_count))
		return false;
	set->models = room;
	for (size_t i = 0; i < set->model_count; i++)
		if (!read_model(reading, json_array_get(list, i), &set->models[i]))
			return false;
	return true;
}

static bool check_seal(struct reading *reading, const json_t *root, json_int_t version)
{
	/* No single flipped bit makes one version of the other, or takes both version and seal away. */
	if (version == RNM_BACKUP_UNSEALED_VERSION && json_object_get(root, RNM_BACKUP_SEAL) == NULL)
		return true;
	if (rnm_backup_is_sealed(reading->text))
		return true;
	reading->status = rnm_error_set(reading->err, RNM_E_MALFORMED, "backup.damaged",
	                                "%s: expected the manifest that was written, found it changed: its "
	                                "hash is another one",
	                                reading->path);
	rnm_error_set_hint(reading->err, "restore from another manifest of the folder");
	return false;
}

static bool check_format(struct reading *reading, const json_t *root)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	const json_int_t version = json_integer_value(json_object_get(root, "version"));

	if (format == NULL || strcmp(format, RNM_BACKUP_FORMAT) != 0)
		return malformed(reading, "format", "\"" RNM_BACKUP_FORMAT "\"");
	if (version == RNM_BACKUP_VERSION || version == RNM_BACKUP_UNSEALED_VERSION)
		return check_seal(reading, root, version);
	reading->status = rnm_error_set(reading->err, RNM_E_MALFORMED, "backup.version",
	                                "%s: expected version %d of the backup format, found another one",
	                                reading->path, RNM_BACKUP_VERSION);
	rnm_error_set_hint(reading->err, "a newer rnm has made this backup: restore with that one");
	return false;
}

static bool read_root(struct reading *reading, const json_t *root, struct rnm_backup_manifest *manifest)
{
	json_t *list;
	void *room;

	if (!check_format(reading, root) ||
	    !read_text(reading, root, "created_at", true, &manifest->created_at) ||
	    !read_text(reading, root, "tool", true, &manifest->tool) ||
	    !read_text(reading, root, "server", true, &manifest->server) ||
	    !read_list(reading, root, "sets", sizeof(*manifest->sets), &list, &room, &manifest->set_count))
		return false;
	manifest->complete = json_is_true(json_object_get(root, "complete"));
	manifest->with_training = json_is_true(json_object_get(root, "with_training"));
	manifest->sets = room;
	for (size_t i = 0; i < manifest->set_count; i++)
		if (!read_set(reading, json_array_get(list, i), &manifest->sets[i]))
			return false;
	return true;
}

/* ---- the text, and its file ---- */

static enum rnm_status parse_json(json_t **root, struct rnm_bytes text, const char *path,
                                  struct rnm_error *err)
{
	json_error_t problem;
	bool no_memory = false;

	*root = rnm_json_load(text, JSON_REJECT_DUPLICATES, &problem, &no_memory);
	if (no_memory)
		return rnm_error_nomem(err);
	if (*root != NULL)
		return RNM_OK;
	rnm_error_set(err, RNM_E_MALFORMED, "backup.manifest", "expected JSON in the manifest, found: %s",
	              problem.text);
	rnm_error_at_line(err, path, problem.line > 0 ? (uint32_t)problem.line : 0);
	return RNM_E_MALFORMED;
}

enum rnm_status rnm_backup_manifest_parse(struct rnm_backup_manifest **out, struct rnm_bytes text,
                                          const char *path, struct rnm_error *err)
{
	struct rnm_backup_manifest *manifest = rnm_backup_manifest_new();
	struct reading reading = { .path = path, .text = text, .err = err };
	json_t *root = NULL;

	if (manifest == NULL)
		return rnm_error_nomem(err);
	reading.arena = &manifest->storage->arena;
	manifest->path = rnm_arena_strndup(reading.arena, path, strlen(path));
	manifest->storage->folder = rnm_file_folder(path);
	if (manifest->path == NULL || manifest->storage->folder == NULL)
		no_memory(&reading);
	if (reading.status == RNM_OK)
		reading.status = parse_json(&root, text, path, err);
	if (reading.status == RNM_OK)
		(void)read_root(&reading, root, manifest);
	json_decref(root);
	if (reading.status == RNM_OK)
		*out = manifest;
	else
		rnm_backup_manifest_free(manifest);
	return reading.status;
}

enum rnm_status rnm_backup_manifest_load(struct rnm_backup_manifest **out, const char *path,
                                         struct rnm_error *err)
{
	struct rnm_buf text;
	enum rnm_status status;

	rnm_buf_init(&text, RNM_BACKUP_MANIFEST_MAX);
	status = rnm_file_read(path, &text, RNM_BACKUP_MANIFEST_MAX - 1, err);
	if (status == RNM_OK)
		status = rnm_backup_manifest_parse(out, (struct rnm_bytes){ rnm_buf_cstr(&text), text.len },
		                                   path, err);
	rnm_buf_free(&text);
	return status;
}

/* ---- which file ---- */

static enum rnm_status no_backup(const char *path, const char *why, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_NOT_FOUND, "backup.none", "there is no backup in %s: %s", path, why);
	rnm_error_set_hint(err, "name the folder that rnm backup -o wrote to, or one of its manifests");
	return RNM_E_NOT_FOUND;
}

enum rnm_status rnm_backup_newest(char **out, const char *folder, struct rnm_error *err)
{
	char **names = NULL;
	size_t count = 0;
	enum rnm_status status = rnm_backup_generations(&names, &count, folder, err);

	if (status == RNM_OK && count == 0)
		status = no_backup(folder, "the folder holds no manifest", err);
	else if (status == RNM_OK && asprintf(out, "%s/%s", folder, names[count - 1]) < 0)
		status = rnm_error_nomem(err);
	rnm_names_free(names, count);
	return status;
}

enum rnm_status rnm_backup_manifest_read(struct rnm_backup_manifest **out, const char *path,
                                         struct rnm_error *err)
{
	struct rnm_backup_manifest *manifest = NULL;
	enum rnm_status status;
	struct stat st;
	char *folder, *file = NULL;
	int lock = -1;

	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR
		           ? no_backup(path, "no such file or folder", err)
		           : rnm_error_sys(err, "backup.folder", errno, "cannot use the folder %s", path);
	folder = S_ISDIR(st.st_mode) ? strdup(path) : rnm_file_folder(path);
	if (folder == NULL)
		return rnm_error_nomem(err);
	/* First the lock: nobody drops what is being read. */
	status = rnm_backup_folder_lock(&lock, folder, false, err);
	if (status == RNM_OK && S_ISDIR(st.st_mode))
		status = rnm_backup_newest(&file, folder, err);
	if (status == RNM_OK)
		status = rnm_backup_manifest_load(&manifest, file != NULL ? file : path, err);
	if (status == RNM_OK && manifest != NULL) {
		manifest->storage->lock = lock;
		lock = -1;
		*out = manifest;
	}
	if (lock >= 0)
		close(lock);
	free(file);
	free(folder);
	return status;
}
