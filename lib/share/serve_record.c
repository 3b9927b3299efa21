/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_record.h"

#include "base/arena.h"
#include "base/grow.h"
#include "base/hash.h"
#include "share/history_line.h"
#include "share/model_evaluation.h"
#include "share/serve_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the events keep is less than the lines that they come from, of which each has two hashes and signatures. */
#define ARENA_MAX (4 * RNM_SERVED_HISTORY_MAX)
/* The texts of one line. */
#define LINE_ARENA_MAX ((size_t)1 << 20)

struct rnm_served_record {
	atomic_uint references;
	/* What it was made of; NULL: the tree has none. */
	struct rnm_served *index_file, *history_file;
	struct rnm_index *index; /* NULL: none that can be read */
	struct rnm_arena arena;
	struct rnm_served_event *events; /* in order of names, of each the latest first */
	size_t count, cap;
	uint64_t first; /* serial of the oldest line that was looked at */
	struct rnm_error problem;
};

/* ---- files ---- */

static struct rnm_served *find(const struct rnm_served_table *table, const char *name)
{
	struct rnm_served *file = rnm_served_find(table, name, strlen(name));

	return file != NULL ? rnm_served_ref(file) : NULL;
}

/* The last most bytes of the file, as long as it was when it was hashed. */
static enum rnm_status read_end(struct rnm_buf *out, const struct rnm_served *file, size_t most,
                                struct rnm_error *err)
{
	uint64_t at = file->size > most ? file->size - most : 0;
	char chunk[8192];

	while (at < file->size) {
		const uint64_t left = file->size - at;
		const ssize_t n =
		    pread(file->fd, chunk, left < sizeof(chunk) ? (size_t)left : sizeof(chunk), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return rnm_error_sys(err, "file.read", n < 0 ? errno : EIO, "cannot read '%s'",
			                     file->name);
		if (!rnm_buf_append(out, chunk, (size_t)n))
			return rnm_error_nomem(err);
		at += (uint64_t)n;
	}
	return RNM_OK;
}

/* ---- the index ---- */

/* What is wrong with it is told by those who live on it; here it is no more than figures that are missing. */
static enum rnm_status read_index(struct rnm_served_record *record, struct rnm_error *err)
{
	const struct rnm_served *file = record->index_file;
	struct rnm_buf text;
	enum rnm_status status;

	if (file == NULL || file->size > RNM_SERVED_INDEX_MAX)
		return RNM_OK;
	rnm_buf_init(&text, RNM_SERVED_INDEX_MAX);
	status = read_end(&text, file, RNM_SERVED_INDEX_MAX, err);
	if (status == RNM_OK)
		status = rnm_index_read(&record->index, (struct rnm_bytes){ text.data, text.len }, err);
	rnm_buf_free(&text);
	return status == RNM_E_NOMEM ? status : RNM_OK;
}

/* ---- the history ---- */

static bool keep_text(struct rnm_arena *arena, const char **out, const char *text)
{
	*out = text != NULL ? rnm_arena_strndup(arena, text, strlen(text)) : NULL;
	return *out != NULL || text == NULL;
}

static struct rnm_served_event *new_event(struct rnm_served_record *record)
{
	struct rnm_served_event *events =
	    rnm_grow(record->events, record->count, &record->cap, sizeof(*events));

	if (events == NULL)
		return NULL;
	record->events = events;
	return &events[record->count++];
}

static enum rnm_status keep_event(struct rnm_served_record *record, const struct rnm_history_line *line,
                                  struct rnm_error *err)
{
	const struct rnm_published *model = &line->entry.model;
	struct rnm_served_event *event = new_event(record);
	bool ok = event != NULL;

	if (!ok)
		return rnm_error_nomem(err);
	*event = (struct rnm_served_event){
		.kind = line->entry.kind,
		.serial = line->serial,
		.time = line->entry.time,
		.times = 1,
		.version = model->model_version,
	};
	memcpy(event->blake2b, model->blake2b, sizeof(event->blake2b));
	memcpy(event->from, line->entry.from, sizeof(event->from));
	ok = keep_text(&record->arena, &event->name, model->name) &&
	     keep_text(&record->arena, &event->key, model->key);
	if (ok && model->evaluation != NULL) {
		event->evaluation = rnm_model_evaluation_copy(&record->arena, model->evaluation);
		ok = event->evaluation != NULL;
	}
	return ok ? RNM_OK : rnm_error_nomem(err);
}

/* Where the chain has got to. */
struct chain {
	uint64_t serial; /* of the last line; 0: none was read */
	char head[RNM_OBJECT_HASH_HEX];
	bool from_the_start;
};

static enum rnm_status take_line(struct rnm_served_record *record, struct chain *chain, struct rnm_bytes text,
                                 struct rnm_error *err)
{
	const bool is_first = chain->serial == 0;
	struct rnm_history_line line;
	struct rnm_arena arena;
	enum rnm_status status;

	rnm_arena_init(&arena, LINE_ARENA_MAX);
	status = rnm_history_line_read(&line, &arena, text,
	                               is_first && !chain->from_the_start ? 0 : chain->serial + 1, err);
	if (status == RNM_OK && (!is_first || chain->from_the_start))
		status = rnm_history_line_follows(&line, chain->serial, chain->head, err);
	if (status == RNM_OK)
		status = keep_event(record, &line, err);
	rnm_arena_free(&arena);
	if (status != RNM_OK)
		return status;
	if (is_first)
		record->first = line.serial;
	chain->serial = line.serial;
	rnm_hash_of(chain->head, text.data, text.len);
	/* The index is signed, and names a line. */
	if (record->index != NULL && record->index->serial == line.serial &&
	    strcmp(record->index->head, chain->head) != 0)
		status = rnm_history_bad_line(line.serial, "it is another one than the index names", err);
	return status;
}

static enum rnm_status take_lines(struct rnm_served_record *record, struct rnm_bytes text,
                                  struct rnm_error *err)
{
	struct chain chain = { .from_the_start = record->history_file->size <= RNM_SERVED_HISTORY_MAX };
	enum rnm_status status = RNM_OK;
	const char *end;

	memcpy(chain.head, rnm_history_no_hash, sizeof(chain.head));
	if (!chain.from_the_start && text.len > 0 && (end = memchr(text.data, '\n', text.len)) != NULL) {
		/* The rest of a line. */
		text.len -= (size_t)(end + 1 - text.data);
		text.data = end + 1;
	}
	while (status == RNM_OK && text.len > 0 && (end = memchr(text.data, '\n', text.len)) != NULL) {
		const struct rnm_bytes line = { text.data, (size_t)(end - text.data) };

		status = take_line(record, &chain, line, err);
		text.data += line.len + 1;
		text.len -= line.len + 1;
	}
	/* An index that knows more may have been written while the history was being read. */
	if (status == RNM_OK && record->index != NULL && record->index->serial > chain.serial &&
	    rnm_served_unchanged(record->history_file))
		status =
		    rnm_history_bad_line(record->index->serial, "it is missing, and the index names it", err);
	return status;
}

static int by_name(const void *a, const void *b)
{
	const struct rnm_served_event *left = a, *right = b;
	const int names = strcmp(left->name, right->name);

	if (names != 0)
		return names;
	return left->serial < right->serial ? 1 : left->serial > right->serial ? -1 : 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_evaluation(const struct rnm_model_evaluation *a, const struct rnm_model_evaluation *b)
{
	return a == NULL || b == NULL ? a == b : rnm_model_evaluation_equal(a, b);
}

/* A timer that signs a tree anew every week would soon leave nothing else to be seen. */
static bool is_one_run(const struct rnm_served_event *later, const struct rnm_served_event *event)
{
	return later->kind == RNM_ENTRY_RENEW && event->kind == RNM_ENTRY_RENEW &&
	       strcmp(later->name, event->name) == 0 && same_text(later->key, event->key) &&
	       same_evaluation(later->evaluation, event->evaluation);
}

static void fold_runs(struct rnm_served_record *record)
{
	size_t kept = 0;

	for (size_t i = 0; i < record->count; i++) {
		if (kept > 0 && is_one_run(&record->events[kept - 1], &record->events[i]))
			record->events[kept - 1].times++;
		else
			record->events[kept++] = record->events[i];
	}
	record->count = kept;
}

/* Which version an object was, as far as the older events (behind it) know. */
static uint64_t version_of(const struct rnm_served_record *record, size_t event, const char *hash)
{
	const struct rnm_served_event *events = record->events;

	for (size_t i = event + 1; i < record->count && strcmp(events[i].name, events[event].name) == 0; i++)
		if (events[i].kind != RNM_ENTRY_DROP && strcmp(events[i].blake2b, hash) == 0)
			return events[i].version;
	return 0;
}

/* Of those that are shown: for all of them it could take long. */
static void find_versions(struct rnm_served_record *record)
{
	size_t place = 0;

	for (size_t i = 0; i < record->count; i++) {
		struct rnm_served_event *event = &record->events[i];

		place = i > 0 && strcmp(event[-1].name, event->name) == 0 ? place + 1 : 0;
		if (place >= RNM_SERVED_EVENTS_MAX)
			continue;
		if (event->kind == RNM_ENTRY_ROLLBACK)
			event->from_version = version_of(record, i, event->from);
		else if (event->kind == RNM_ENTRY_DROP)
			event->version = version_of(record, i, event->blake2b);
	}
}

static enum rnm_status read_history(struct rnm_served_record *record, struct rnm_error *err)
{
	struct rnm_buf text;
	enum rnm_status status;

	if (record->history_file == NULL)
		return RNM_OK;
	rnm_buf_init(&text, RNM_SERVED_HISTORY_MAX);
	status = read_end(&text, record->history_file, RNM_SERVED_HISTORY_MAX, &record->problem);
	if (status == RNM_OK)
		status = take_lines(record, (struct rnm_bytes){ text.data, text.len }, &record->problem);
	rnm_buf_free(&text);
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	if (status != RNM_OK) {
		/* What was read up to there may be just as wrong. */
		record->count = 0;
		return RNM_OK;
	}
	if (record->count > 0)
		qsort(record->events, record->count, sizeof(*record->events), by_name);
	fold_runs(record);
	find_versions(record);
	return RNM_OK;
}

/* ---- the record ---- */

enum rnm_status rnm_served_record_read(struct rnm_served_record **out, const struct rnm_served_table *table,
                                       struct rnm_served_record *old, struct rnm_error *problem,
                                       struct rnm_error *err)
{
	struct rnm_served_record *record = calloc(1, sizeof(*record));
	enum rnm_status status;

	rnm_error_clear(problem);
	if (record == NULL)
		return rnm_error_nomem(err);
	atomic_init(&record->references, 1);
	rnm_arena_init(&record->arena, ARENA_MAX);
	record->index_file = find(table, "/" RNM_TREE_INDEX);
	record->history_file = find(table, "/" RNM_TREE_HISTORY);
	if (old != NULL && old->index_file == record->index_file &&
	    old->history_file == record->history_file) {
		rnm_served_record_unref(record);
		*out = rnm_served_record_ref(old);
		return RNM_OK;
	}
	rnm_error_clear(&record->problem);
	status = read_index(record, err);
	if (status == RNM_OK)
		status = read_history(record, err);
	if (status == RNM_OK) {
		*problem = record->problem;
		*out = record;
	} else {
		rnm_served_record_unref(record);
	}
	return status;
}

struct rnm_served_record *rnm_served_record_ref(struct rnm_served_record *record)
{
	atomic_fetch_add_explicit(&record->references, 1, memory_order_relaxed);
	return record;
}

void rnm_served_record_unref(struct rnm_served_record *record)
{
	if (record == NULL || atomic_fetch_sub(&record->references, 1) != 1)
		return;
	rnm_served_unref(record->index_file);
	rnm_served_unref(record->history_file);
	rnm_index_free(record->index);
	rnm_arena_free(&record->arena);
	free(record->events);
	free(record);
}

bool rnm_served_record_has_history(const struct rnm_served_record *record)
{
	return record != NULL && record->history_file != NULL && record->problem.status == RNM_OK;
}

const char *rnm_served_record_problem(const struct rnm_served_record *record)
{
	return record != NULL && record->problem.status != RNM_OK ? record->problem.message : "";
}

bool rnm_served_record_is_cut(const struct rnm_served_record *record)
{
	return rnm_served_record_has_history(record) && record->first > 1;
}

size_t rnm_served_record_events(const struct rnm_served_record *record, const char *name,
                                const struct rnm_served_event **first)
{
	size_t low = 0, high = record != NULL ? record->count : 0, end;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(record->events[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	end = low;
	while (record != NULL && end < record->count && strcmp(record->events[end].name, name) == 0)
		end++;
	*first = end > low ? &record->events[low] : NULL;
	return end - low;
}

const struct rnm_model_evaluation *rnm_served_record_evaluation(const struct rnm_served_record *record,
                                                                const struct rnm_served *file)
{
	const struct rnm_published *model;

	if (record == NULL || record->index == NULL || !rnm_served_is_alias(file->name))
		return NULL;
	model = rnm_index_find(record->index, file->name + strlen(RNM_SERVED_MODELS));
	/* Of this file, and not of one that takes its place in a moment. */
	return model != NULL && strncmp(file->etag + 1, model->blake2b, RNM_OBJECT_HASH_HEX - 1) == 0
	           ? model->evaluation
	           : NULL;
}
