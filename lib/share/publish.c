/* SPDX-License-Identifier: Apache-2.0 */
/* A run of the publisher from end to end: open, (take models: publish_take.c), commit. */
#include "format/json_load.h"
#include "share/published.h"
#include "share/publisher.h"

#include <stdlib.h>
#include <string.h>

/* ---- opening ---- */

/* One that is damaged or not there is written anew: everything in it follows from the history. */
static enum rnm_status read_index(struct rnm_publisher *publisher, char head[RNM_OBJECT_HASH_HEX],
                                  struct rnm_error *err)
{
	struct rnm_index *index = NULL;
	struct rnm_buf text;
	enum rnm_status status;

	rnm_buf_init(&text, RNM_INDEX_MAX + 1);
	status = publisher->place->ops->read(publisher->place, RNM_TREE_INDEX, &text, RNM_INDEX_MAX, err);
	if (status == RNM_OK)
		status = rnm_index_read(&index, (struct rnm_bytes){ text.data, text.len }, err);
	if (status == RNM_OK) {
		publisher->index_serial = index->serial;
		memcpy(head, index->head, sizeof(index->head));
	}
	rnm_index_free(index);
	rnm_buf_free(&text);
	return status == RNM_E_NOT_FOUND || status == RNM_E_MALFORMED ? RNM_OK : status;
}

static enum rnm_status not_its_history(const struct rnm_publisher *publisher, struct rnm_error *err)
{
	rnm_error_set(
	    err, RNM_E_MALFORMED, "publish.history",
	    "expected the history of the index, which ends with line %llu, found another of %llu lines",
	    (unsigned long long)publisher->index_serial, (unsigned long long)publisher->history->serial);
	rnm_error_set_hint(err,
	                   "put " RNM_TREE_HISTORY
	                   " back from a copy of the tree; without it consumers would be led back in time");
	return RNM_E_MALFORMED;
}

static enum rnm_status read_history(struct rnm_publisher *publisher, const char *head, struct rnm_error *err)
{
	struct rnm_place *place = publisher->place;
	enum rnm_status status = rnm_history_new(&publisher->history, publisher->index_serial, err);

	if (status != RNM_OK)
		return status;
	status = place->ops->read(place, RNM_TREE_HISTORY, &publisher->lines, RNM_HISTORY_MAX, err);
	if (status == RNM_E_NOT_FOUND)
		status = RNM_OK;
	if (status == RNM_OK)
		status =
		    rnm_history_read(publisher->history,
		                     (struct rnm_bytes){ publisher->lines.data, publisher->lines.len }, err);
	if (status == RNM_OK && publisher->index_serial > 0 &&
	    strcmp(publisher->history->mark_head, head) != 0)
		status = not_its_history(publisher, err);
	if (status != RNM_OK)
		return status;
	if (publisher->now < publisher->history->time)
		publisher->now = publisher->history->time;
	return RNM_OK;
}

/* Consumers that have a key refuse what is not signed with it. */
static enum rnm_status check_key(struct rnm_publisher *publisher, struct rnm_error *err)
{
	const struct rnm_history *history = publisher->history;
	char key[RNM_PUBLIC_KEY_TEXT_SIZE];

	if (publisher->options.key != NULL) {
		rnm_public_key_text(rnm_key_public(publisher->options.key), key);
		publisher->key_text = rnm_arena_strndup(&publisher->history->arena, key, strlen(key));
		return publisher->key_text != NULL ? RNM_OK : rnm_error_nomem(err);
	}
	for (size_t i = 0; i < history->alias_count; i++) {
		if (history->aliases[i].newest->model.key == NULL)
			continue;
		rnm_error_set(err, RNM_E_REFUSED, "publish.unsigned",
		              "the models of this tree are signed, and no key was given to sign with");
		rnm_error_set_hint(err, "--sign KEY; their key is %s", history->aliases[i].newest->model.key);
		return RNM_E_REFUSED;
	}
	return RNM_OK;
}

static enum rnm_status open_place(struct rnm_publisher *publisher, struct rnm_error *err)
{
	const struct rnm_publish_options *options = &publisher->options;

	return options->s3 != NULL
	           ? rnm_place_s3(&publisher->place, options->folder, options->s3, options->cancel, err)
	           : rnm_place_folder(&publisher->place, options->folder, err);
}

static enum rnm_status open_tree(struct rnm_publisher *publisher, struct rnm_error *err)
{
	char head[RNM_OBJECT_HASH_HEX] = "";
	enum rnm_status status = open_place(publisher, err);

	if (status == RNM_OK && !publisher->options.dry_run)
		status = publisher->place->ops->lock(publisher->place, publisher->now, err);
	if (status == RNM_OK)
		status = read_index(publisher, head, err);
	if (status == RNM_OK)
		status = read_history(publisher, head, err);
	if (status == RNM_OK)
		status = check_key(publisher, err);
	if (status != RNM_OK)
		return status;
	publisher->completed = publisher->index_serial != publisher->history->serial;
	return publisher->options.dry_run ? RNM_OK
	                                  : rnm_publisher_settle(publisher, publisher->index_serial, err);
}

enum rnm_status rnm_publisher_open(struct rnm_publisher **out, const struct rnm_publish_options *options,
                                   struct rnm_error *err)
{
	struct rnm_publisher *publisher = calloc(1, sizeof(*publisher));
	enum rnm_status status;

	if (publisher == NULL)
		return rnm_error_nomem(err);
	publisher->options = *options;
	publisher->now = options->now > 0 ? (int64_t)options->now : 0;
	rnm_buf_init(&publisher->lines, RNM_HISTORY_MAX + RNM_HISTORY_MAX / 64);
	status = rnm_publisher_check_evaluations(publisher, err);
	if (status == RNM_OK)
		status = open_tree(publisher, err);
	if (status == RNM_OK)
		*out = publisher;
	else
		rnm_publisher_free(publisher);
	return status;
}

/* What no line names is of no use to anybody. */
static void remove_written(const struct rnm_publisher *publisher)
{
	/* What cannot be removed is left to the next publisher. */
	for (size_t i = 0; i < publisher->written_count; i++)
		if (rnm_object_remove(publisher, publisher->written[i], NULL) != RNM_OK)
			return;
}

void rnm_publisher_free(struct rnm_publisher *publisher)
{
	if (publisher == NULL)
		return;
	remove_written(publisher);
	rnm_place_close(publisher->place);
	rnm_history_free(publisher->history);
	rnm_buf_free(&publisher->lines);
	free(publisher->entries);
	free(publisher->written);
	free(publisher->evaluation_used);
	free(publisher);
}

const char *rnm_publisher_name(const struct rnm_publisher *publisher, size_t index)
{
	const struct rnm_history *history = publisher->history;

	return index < history->alias_count ? history->aliases[index].newest->model.name : NULL;
}

/* ---- committing ---- */

static enum rnm_status add_line(struct rnm_publisher *publisher, const struct rnm_entry *entry,
                                struct rnm_error *err)
{
	return rnm_history_add(publisher->history, entry, &publisher->lines, err);
}

/* Lines for the publications that are too many, the oldest first. */
static enum rnm_status add_drops(struct rnm_publisher *publisher, struct rnm_publish_result *result,
                                 struct rnm_error *err)
{
	struct rnm_history *history = publisher->history;
	const size_t keep = publisher->options.keep;
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; keep > 0 && i < history->alias_count; i++) {
		struct rnm_publication *old = history->aliases[i].oldest;

		for (; status == RNM_OK && history->aliases[i].kept > keep; old = old->newer) {
			struct rnm_entry drop = {
				.kind = RNM_ENTRY_DROP,
				.time = publisher->now,
				.model.name = old->model.name,
			};

			if (old->dropped)
				continue;
			memcpy(drop.model.blake2b, old->model.blake2b, sizeof(drop.model.blake2b));
			status = add_line(publisher, &drop, err);
			result->dropped += status == RNM_OK;
		}
	}
	return status;
}

static enum rnm_status add_lines(struct rnm_publisher *publisher, struct rnm_publish_result *result,
                                 struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	/* A line that was not finished is no part of it, and is written over. */
	publisher->lines.len = publisher->history->size;
	for (size_t i = 0; status == RNM_OK && i < publisher->entry_count; i++)
		status = add_line(publisher, &publisher->entries[i], err);
	return status == RNM_OK ? add_drops(publisher, result, err) : status;
}

enum rnm_status rnm_publisher_check_cancel(const struct rnm_publisher *publisher, struct rnm_error *err)
{
	if (publisher->options.cancel == NULL || *publisher->options.cancel == 0)
		return RNM_OK;
	return rnm_error_set(err, RNM_E_INTERRUPTED, NULL, "interrupted; nothing was published");
}

/* The moment of decision: before it nothing has happened, after it all of it will. */
static enum rnm_status decide(struct rnm_publisher *publisher, size_t size, struct rnm_error *err)
{
	const struct rnm_bytes whole = { publisher->lines.data, publisher->lines.len };
	enum rnm_status status = rnm_publisher_check_cancel(publisher, err);

	if (status != RNM_OK)
		return status;
	if (whole.len == size)
		return RNM_OK;
	/* Even when it fails nobody can be sure that no line has got there: objects stay for the next publisher. */
	publisher->written_count = 0;
	return publisher->place->ops->append(publisher->place, RNM_TREE_HISTORY, whole, size, err);
}

static enum rnm_status complete(struct rnm_publisher *publisher, uint64_t serial, struct rnm_error *err)
{
	enum rnm_status status = rnm_publisher_settle(publisher, serial, err);

	if (status != RNM_OK)
		rnm_error_set_hint(
		    err, "the publication is decided, but not complete: the next `rnm publish` there, "
			 "of whatever model, completes it");
	return status;
}

enum rnm_status rnm_publisher_commit(struct rnm_publisher *publisher, struct rnm_publish_result *result,
                                     struct rnm_error *err)
{
	struct rnm_history *history = publisher->history;
	const uint64_t serial = history->serial;
	const size_t size = history->size;
	enum rnm_status status;

	*result = (struct rnm_publish_result){ .completed = publisher->completed };
	status = rnm_publisher_check_used(publisher, err);
	if (status == RNM_OK)
		status = add_lines(publisher, result, err);
	if (status == RNM_OK && !publisher->options.dry_run) {
		status = decide(publisher, size, err);
		if (status == RNM_OK)
			status = complete(publisher, serial, err);
	}
	result->serial = history->serial;
	result->models = history->alias_count;
	result->published = publisher->entry_count;
	return status;
}
