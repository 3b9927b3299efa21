/* SPDX-License-Identifier: Apache-2.0 */
/* What was there at earlier times: a file of JSON, one object a URL. */
#include "base/hash.h"
#include "share/probe.h"

#include "base/file.h"
#include "format/json_load.h"

#include <rnm/file.h>
#include <rnm/json.h>
#include <stdlib.h>
#include <string.h>

#define FORM "rnm probe 1"

struct entry {
	const char *url;
	struct rnm_probe_seen seen;
};

struct rnm_probe_memory {
	struct rnm_arena arena;
	struct entry *entries;
	size_t count;
};

static struct entry *find_entry(const struct rnm_probe_memory *memory, const char *url)
{
	for (size_t i = 0; i < memory->count; i++)
		if (strcmp(memory->entries[i].url, url) == 0)
			return &memory->entries[i];
	return NULL;
}

const struct rnm_probe_seen *rnm_probe_memory_find(const struct rnm_probe_memory *memory, const char *url)
{
	const struct entry *entry = find_entry(memory, url);

	return entry != NULL ? &entry->seen : NULL;
}

static enum rnm_status set_entry(struct rnm_probe_memory *memory, const char *url,
                                 const struct rnm_probe_seen *seen, struct rnm_error *err)
{
	struct entry *entry = find_entry(memory, url);
	struct entry new = { rnm_arena_strndup(&memory->arena, url, strlen(url)), *seen };

	if (entry == NULL && memory->count == RNM_PROBE_MEMORY_URLS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "probe.memory", "the memory has %zu URLs already",
		                     RNM_PROBE_MEMORY_URLS_MAX);
	if (entry == NULL) {
		entry = realloc(memory->entries, (memory->count + 1) * sizeof(*entry));
		if (entry == NULL)
			return rnm_error_nomem(err);
		memory->entries = entry;
	}
	if (seen->etag != NULL)
		new.seen.etag = rnm_arena_strndup(&memory->arena, seen->etag, strlen(seen->etag));
	if (new.url == NULL || (seen->etag != NULL && new.seen.etag == NULL))
		return rnm_error_nomem(err);
	entry = find_entry(memory, url);
	if (entry == NULL)
		entry = &memory->entries[memory->count++];
	*entry = new;
	return RNM_OK;
}

/* ---- reading ---- */

static bool is_text_or_null(const json_t *value)
{
	return json_is_null(value) || json_is_string(value);
}

static enum rnm_status malformed(struct rnm_error *err, const char *path, const char *what)
{
	rnm_error_set(err, RNM_E_MALFORMED, "probe.memory", "expected a memory of rnm probe: %s", what);
	rnm_error_set_hint(err, "name another file, or remove this one");
	return rnm_error_at_line(err, path, 0);
}

static enum rnm_status read_entry(struct rnm_probe_memory *memory, const char *path, const char *url,
                                  const json_t *object, struct rnm_error *err)
{
	const json_t *at = json_object_get(object, "at");
	const json_t *modified = json_object_get(object, "last_modified");
	const json_t *etag = json_object_get(object, "etag");
	struct rnm_probe_seen seen = { .last_modified = RNM_PROBE_NO_TIME };

	if (!json_is_integer(at) || !(json_is_integer(modified) || json_is_null(modified)) ||
	    !is_text_or_null(etag) ||
	    !rnm_hash_read(seen.hash, json_string_value(json_object_get(object, "blake2b"))))
		return malformed(err, path, "an entry lacks at, last_modified, etag or blake2b");
	seen.at = json_integer_value(at);
	if (json_is_integer(modified))
		seen.last_modified = json_integer_value(modified);
	seen.etag = json_string_value(etag);
	return set_entry(memory, url, &seen, err);
}

static enum rnm_status read_all(struct rnm_probe_memory *memory, const char *path, json_t *root,
                                struct rnm_error *err)
{
	const char *form = json_string_value(json_object_get(root, "form"));
	json_t *urls = json_object_get(root, "urls");
	enum rnm_status status = RNM_OK;
	const char *url;
	json_t *value;

	if (form == NULL || strcmp(form, FORM) != 0 || !json_is_object(urls))
		return malformed(err, path, "its form is another one");
	json_object_foreach(urls, url, value)
	{
		if (status == RNM_OK)
			status = read_entry(memory, path, url, value, err);
	}
	return status;
}

static enum rnm_status parse(struct rnm_probe_memory *memory, const char *path, const struct rnm_buf *text,
                             struct rnm_error *err)
{
	const struct rnm_bytes bytes = { text->data, text->len };
	json_error_t problem;
	bool no_memory = false;
	json_t *root = rnm_json_load(bytes, JSON_REJECT_DUPLICATES, &problem, &no_memory);
	enum rnm_status status;

	if (root == NULL)
		return no_memory ? rnm_error_nomem(err) : malformed(err, path, problem.text);
	status = read_all(memory, path, root, err);
	json_decref(root);
	return status;
}

enum rnm_status rnm_probe_memory_load(struct rnm_probe_memory **out, const char *path, struct rnm_error *err)
{
	struct rnm_probe_memory *memory = calloc(1, sizeof(*memory));
	struct rnm_error problem;
	struct rnm_buf text;
	enum rnm_status status;

	if (memory == NULL)
		return rnm_error_nomem(err);
	rnm_arena_init(&memory->arena, 4 * RNM_PROBE_MEMORY_MAX);
	rnm_buf_init(&text, RNM_PROBE_MEMORY_MAX);
	rnm_error_clear(&problem);
	status = rnm_file_read(path, &text, RNM_PROBE_MEMORY_MAX, &problem);
	if (status == RNM_OK)
		status = parse(memory, path, &text, &problem);
	else if (status == RNM_E_NOT_FOUND)
		status = RNM_OK;
	rnm_buf_free(&text);
	if (status == RNM_OK) {
		*out = memory;
		return RNM_OK;
	}
	rnm_probe_memory_free(memory);
	if (err != NULL)
		*err = problem;
	return status;
}

void rnm_probe_memory_free(struct rnm_probe_memory *memory)
{
	if (memory == NULL)
		return;
	rnm_arena_free(&memory->arena);
	free(memory->entries);
	free(memory);
}

/* ---- writing ---- */

enum rnm_status rnm_probe_memory_add(struct rnm_probe_memory *memory, const struct rnm_probe_report *report,
                                     struct rnm_error *err)
{
	const struct rnm_probe_answer *last = NULL;
	struct rnm_probe_seen seen = { .at = (int64_t)report->now };

	for (size_t i = 0; i < report->answer_count; i++)
		if (report->answers[i].body != NULL)
			last = &report->answers[i];
	if (last == NULL)
		return RNM_OK;
	memcpy(seen.hash, last->body->hash, sizeof(seen.hash));
	seen.etag = last->etag;
	if (!rnm_probe_time(&seen.last_modified, last->last_modified, report))
		seen.last_modified = RNM_PROBE_NO_TIME;
	return set_entry(memory, report->url, &seen, err);
}

static void write_entry(struct rnm_json *json, const struct entry *entry)
{
	char hash[RNM_HASH_HEX];

	rnm_hash_text(hash, entry->seen.hash);
	rnm_json_key(json, entry->url);
	rnm_json_begin_object(json);
	rnm_json_kv_int(json, "at", entry->seen.at);
	if (entry->seen.last_modified != RNM_PROBE_NO_TIME)
		rnm_json_kv_int(json, "last_modified", entry->seen.last_modified);
	else
		rnm_json_kv_null(json, "last_modified");
	rnm_json_kv_string(json, "etag", entry->seen.etag);
	rnm_json_kv_string(json, "blake2b", hash);
	rnm_json_end_object(json);
}

enum rnm_status rnm_probe_memory_save(const struct rnm_probe_memory *memory, const char *path,
                                      struct rnm_error *err)
{
	struct rnm_buf text;
	struct rnm_json json;
	enum rnm_status status;

	rnm_buf_init(&text, RNM_PROBE_MEMORY_MAX);
	rnm_json_init(&json, &text, true);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "form", FORM);
	rnm_json_key(&json, "urls");
	rnm_json_begin_object(&json);
	for (size_t i = 0; i < memory->count; i++)
		write_entry(&json, &memory->entries[i]);
	rnm_json_end_object(&json);
	rnm_json_end_object(&json);
	rnm_buf_putc(&text, '\n');
	status = text.failed ? rnm_error_nomem(err) : rnm_file_write(path, text.data, text.len, err);
	rnm_buf_free(&text);
	return status;
}
