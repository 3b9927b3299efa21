/* SPDX-License-Identifier: Apache-2.0 */
#include "share/history_line.h"

#include "format/json_load.h"
#include "share/published.h"

#include <string.h>

static const char *const kind_names[] = {
	[RNM_ENTRY_PUBLISH] = "publish",
	[RNM_ENTRY_ROLLBACK] = "rollback",
	[RNM_ENTRY_RENEW] = "renew",
	[RNM_ENTRY_DROP] = "drop",
};

const char rnm_history_no_hash[RNM_OBJECT_HASH_HEX] =
    "0000000000000000000000000000000000000000000000000000000000000000";

const char *rnm_entry_kind_name(enum rnm_entry_kind kind)
{
	return kind_names[kind];
}

enum rnm_status rnm_history_bad_line(uint64_t number, const char *what, struct rnm_error *err)
{
	if (number > 0)
		rnm_error_set(err, RNM_E_MALFORMED, "publish.history",
		              "line %llu of " RNM_TREE_HISTORY ": %s", (unsigned long long)number, what);
	else
		rnm_error_set(err, RNM_E_MALFORMED, "publish.history", "a line of " RNM_TREE_HISTORY ": %s",
		              what);
	rnm_error_set_hint(err,
	                   "something else has changed the history; put it back from a copy of the tree");
	return RNM_E_MALFORMED;
}

/* ---- writing ---- */

void rnm_history_line_write(struct rnm_buf *out, uint64_t serial, const char *previous,
                            const struct rnm_entry *entry)
{
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	if (entry->kind == RNM_ENTRY_DROP)
		rnm_json_kv_string(&json, "blake2b", entry->model.blake2b);
	rnm_json_kv_string(&json, "event", kind_names[entry->kind]);
	if (entry->kind == RNM_ENTRY_ROLLBACK)
		rnm_json_kv_string(&json, "from", entry->from);
	if (entry->kind == RNM_ENTRY_DROP) {
		rnm_json_kv_string(&json, "name", entry->model.name);
	} else {
		rnm_json_key(&json, "model");
		rnm_published_write(&json, &entry->model);
	}
	rnm_json_kv_string(&json, "previous", previous);
	rnm_json_kv_uint(&json, "serial", serial);
	if (entry->kind != RNM_ENTRY_DROP) {
		rnm_json_kv_string(&json, "signature", entry->proof.signature);
		rnm_json_kv_string(&json, "statement", entry->proof.statement);
	}
	rnm_json_kv_int(&json, "time", entry->time);
	rnm_json_end_object(&json);
}

/* ---- reading ---- */

static bool read_kind(struct rnm_members_reader *reader, const json_t *root, enum rnm_entry_kind *out)
{
	const char *text = json_string_value(json_object_get(root, "event"));

	for (size_t i = 0; text != NULL && i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
		if (strcmp(kind_names[i], text) == 0) {
			*out = (enum rnm_entry_kind)i;
			return true;
		}
	}
	reader->wrong = "event";
	return false;
}

static bool read_entry(struct rnm_members_reader *reader, const json_t *root, struct rnm_entry *entry)
{
	if (!read_kind(reader, root, &entry->kind) ||
	    !rnm_member_time(reader, root, "time", false, &entry->time))
		return false;
	if (entry->kind == RNM_ENTRY_DROP)
		return rnm_member_text(reader, root, "name", false, &entry->model.name) &&
		       rnm_member_hash(reader, root, "blake2b", entry->model.blake2b);
	if (entry->kind == RNM_ENTRY_ROLLBACK && !rnm_member_hash(reader, root, "from", entry->from))
		return false;
	return rnm_member_text(reader, root, "signature", true, &entry->proof.signature) &&
	       rnm_member_text(reader, root, "statement", true, &entry->proof.statement) &&
	       rnm_published_read(reader, json_object_get(root, "model"), &entry->model);
}

/* The chain is checked apart, for a line may be read without those before it. */
static bool read_place(struct rnm_members_reader *reader, const json_t *root, struct rnm_history_line *line)
{
	return rnm_member_count(reader, root, "serial", &line->serial) &&
	       rnm_member_hash(reader, root, "previous", line->previous);
}

enum rnm_status rnm_history_line_read(struct rnm_history_line *out, struct rnm_arena *arena,
                                      struct rnm_bytes text, uint64_t number, struct rnm_error *err)
{
	struct rnm_members_reader reader = { .arena = arena };
	enum rnm_status status = RNM_OK;
	json_error_t problem;
	bool no_memory = false;
	json_t *root = NULL;

	*out = (struct rnm_history_line){ .serial = 0 };
	if (text.len <= RNM_HISTORY_LINE_MAX)
		root = rnm_json_load(text, JSON_REJECT_DUPLICATES, &problem, &no_memory);
	if (root == NULL)
		return no_memory ? rnm_error_nomem(err)
		                 : rnm_history_bad_line(number, "expected one JSON document", err);
	if (!read_place(&reader, root, out))
		status =
		    rnm_history_bad_line(number, "expected a serial and the hash of the line before", err);
	else if (!read_entry(&reader, root, &out->entry))
		status = reader.no_memory ? rnm_error_nomem(err)
		                          : rnm_history_bad_line(number, "a member is missing or odd", err);
	json_decref(root);
	return status;
}

enum rnm_status rnm_history_line_follows(const struct rnm_history_line *line, uint64_t serial,
                                         const char *hash, struct rnm_error *err)
{
	const uint64_t number = serial + 1;

	if (line->serial != number)
		return rnm_history_bad_line(number, "the serial is another one: a line is missing or added",
		                            err);
	if (strcmp(line->previous, hash) != 0)
		return rnm_history_bad_line(number,
		                            "the hash that it has of the line before is not that line's",
		                            err);
	return RNM_OK;
}
