/* SPDX-License-Identifier: Apache-2.0 */
#include "share/history.h"

#include "base/hash.h"
#include "base/value_build.h"
#include "share/history_line.h"
#include "share/published.h"

#include <stdlib.h>
#include <string.h>

/* Everything that the lines say, and what was made of it. */
#define ARENA_MAX ((size_t)1 << 30)

enum rnm_status rnm_history_new(struct rnm_history **out, uint64_t mark, struct rnm_error *err)
{
	struct rnm_history *history = calloc(1, sizeof(*history));

	if (history == NULL)
		return rnm_error_nomem(err);
	rnm_arena_init(&history->arena, ARENA_MAX);
	history->names = rnm_value_new(&history->arena, RNM_OBJECT);
	memcpy(history->head, rnm_history_no_hash, sizeof(rnm_history_no_hash));
	history->mark = mark;
	memcpy(history->mark_head, rnm_history_no_hash, sizeof(rnm_history_no_hash));
	if (history->names == NULL) {
		rnm_history_free(history);
		return rnm_error_nomem(err);
	}
	*out = history;
	return RNM_OK;
}

void rnm_history_free(struct rnm_history *history)
{
	if (history == NULL)
		return;
	rnm_arena_free(&history->arena);
	free(history->aliases);
	free(history);
}

/* ---- what the lines add up to ---- */

struct rnm_alias *rnm_history_alias(const struct rnm_history *history, const char *name)
{
	const struct rnm_value *position = rnm_value_get(history->names, name);

	return position != NULL ? &history->aliases[position->as.integer] : NULL;
}

static enum rnm_status add_alias(struct rnm_history *history, const char *name, struct rnm_error *err)
{
	struct rnm_value *position;

	if (history->alias_count == RNM_INDEX_MODELS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "publish.history",
		                     "expected at most %d names in one tree, found more",
		                     RNM_INDEX_MODELS_MAX);
	if (history->alias_count == history->alias_cap) {
		size_t cap = history->alias_cap == 0 ? 64 : history->alias_cap * 2;
		struct rnm_alias *aliases = reallocarray(history->aliases, cap, sizeof(*aliases));

		if (aliases == NULL)
			return rnm_error_nomem(err);
		history->aliases = aliases;
		history->alias_cap = cap;
	}
	position = rnm_value_new_int(&history->arena, (int64_t)history->alias_count);
	if (position == NULL || !rnm_value_add_s(&history->arena, history->names, name, position))
		return rnm_error_nomem(err);
	history->aliases[history->alias_count++] = (struct rnm_alias){ .newest = NULL };
	return RNM_OK;
}

static enum rnm_status take_publication(struct rnm_history *history, const struct rnm_entry *entry,
                                        struct rnm_error *err)
{
	struct rnm_publication *publication = rnm_arena_alloc(&history->arena, sizeof(*publication));
	struct rnm_alias *alias = rnm_history_alias(history, entry->model.name);
	enum rnm_status status = RNM_OK;

	if (publication == NULL)
		return rnm_error_nomem(err);
	if (alias == NULL) {
		status = add_alias(history, entry->model.name, err);
		alias = rnm_history_alias(history, entry->model.name);
	}
	if (status != RNM_OK)
		return status;
	*publication = (struct rnm_publication){
		.model = entry->model,
		.proof = entry->proof,
		.serial = history->serial,
	};
	publication->older = alias->newest;
	if (alias->newest != NULL)
		alias->newest->newer = publication;
	else
		alias->oldest = publication;
	alias->newest = publication;
	alias->kept++;
	alias->file_serial = alias->sign_serial = history->serial;
	return RNM_OK;
}

/* A renewal or a drop, which is of something that there is.  False: it is not. */
static bool take_change(struct rnm_history *history, const struct rnm_entry *entry)
{
	struct rnm_alias *alias = rnm_history_alias(history, entry->model.name);

	if (alias == NULL)
		return false;
	if (entry->kind == RNM_ENTRY_RENEW) {
		if (strcmp(alias->newest->model.blake2b, entry->model.blake2b) != 0)
			return false;
		alias->newest->model = entry->model;
		alias->newest->proof = entry->proof;
		alias->sign_serial = history->serial;
		return true;
	}
	for (struct rnm_publication *old = alias->oldest; old != alias->newest; old = old->newer) {
		if (!old->dropped && strcmp(old->model.blake2b, entry->model.blake2b) == 0) {
			old->dropped = true;
			old->dropped_serial = history->serial;
			alias->kept--;
			return true;
		}
	}
	return false;
}

/* Counts the line, whose text is that, and lets it count. */
static enum rnm_status take(struct rnm_history *history, const struct rnm_entry *entry, struct rnm_bytes line,
                            struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	history->serial++;
	if (entry->kind == RNM_ENTRY_PUBLISH || entry->kind == RNM_ENTRY_ROLLBACK)
		status = take_publication(history, entry, err);
	else if (!take_change(history, entry))
		status = rnm_history_bad_line(history->serial,
		                              "expected a publication that is there, found another", err);
	if (status != RNM_OK)
		return status;
	rnm_hash_of(history->head, line.data, line.len);
	history->time = entry->time;
	history->size += line.len + 1;
	if (history->serial == history->mark)
		memcpy(history->mark_head, history->head, sizeof(history->head));
	return RNM_OK;
}

/* ---- writing ---- */

enum rnm_status rnm_history_add(struct rnm_history *history, const struct rnm_entry *entry,
                                struct rnm_buf *out, struct rnm_error *err)
{
	struct rnm_buf line;
	enum rnm_status status = RNM_OK;

	rnm_buf_init(&line, RNM_HISTORY_LINE_MAX);
	rnm_history_line_write(&line, history->serial + 1, history->head, entry);
	rnm_buf_append(out, rnm_buf_cstr(&line), line.len);
	rnm_buf_putc(out, '\n');
	if (line.failed || out->failed)
		status = rnm_error_nomem(err);
	else if (history->size + line.len + 1 > RNM_HISTORY_MAX)
		status =
		    rnm_error_set(err, RNM_E_REFUSED, "publish.full",
		                  RNM_TREE_HISTORY " has grown to its limit of %zu bytes: begin a new tree",
		                  RNM_HISTORY_MAX);
	else
		status = take(history, entry, (struct rnm_bytes){ line.data, line.len }, err);
	rnm_buf_free(&line);
	return status;
}

/* ---- reading ---- */

static enum rnm_status read_line(struct rnm_history *history, struct rnm_bytes text, struct rnm_error *err)
{
	struct rnm_history_line line;
	enum rnm_status status =
	    rnm_history_line_read(&line, &history->arena, text, history->serial + 1, err);

	if (status == RNM_OK)
		status = rnm_history_line_follows(&line, history->serial, history->head, err);
	return status == RNM_OK ? take(history, &line.entry, text, err) : status;
}

enum rnm_status rnm_history_read(struct rnm_history *history, struct rnm_bytes text, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	const char *end;

	while (status == RNM_OK && text.len > 0 && (end = memchr(text.data, '\n', text.len)) != NULL) {
		const size_t len = (size_t)(end - text.data);

		status = read_line(history, (struct rnm_bytes){ text.data, len }, err);
		text.data += len + 1;
		text.len -= len + 1;
	}
	return status;
}
