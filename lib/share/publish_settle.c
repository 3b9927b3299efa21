/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree follows the history.  Each step leaves a tree that can be served, and what is done already is not done
 * again: that is all there is to the repair of what a killed publisher has left.
 */
#include "base/seen.h"
#include "share/index.h"
#include "share/published.h"
#include "share/publisher.h"

#include <stdlib.h>
#include <string.h>

static enum rnm_status write_file(const struct rnm_publisher *publisher, const char *path,
                                  const struct rnm_buf *bytes, int64_t not_before, struct rnm_error *err)
{
	return publisher->place->ops->write(publisher->place, path,
	                                    (struct rnm_bytes){ bytes->data, bytes->len }, not_before, err);
}

/* ---- aliases ---- */

/* Where files keep the time that they were given, the alias of this publication is known by it. */
static enum rnm_status is_there(const struct rnm_publisher *publisher, const char *path,
                                const struct rnm_published *model, bool *there, struct rnm_error *err)
{
	struct rnm_place_file file;
	enum rnm_status status = RNM_OK;

	*there = false;
	if (!publisher->place->ops->keeps_times)
		return RNM_OK;
	status = publisher->place->ops->look(publisher->place, path, &file, err);
	if (status == RNM_OK)
		*there = file.exists && file.size == model->size && file.time == model->published;
	return status;
}

static enum rnm_status put_file(const struct rnm_publisher *publisher, const struct rnm_published *model,
                                struct rnm_error *err)
{
	char path[RNM_TREE_PATH_MAX];
	struct rnm_buf bytes;
	enum rnm_status status;
	bool there;

	rnm_alias_path(path, model->name, "");
	status = is_there(publisher, path, model, &there, err);
	if (status != RNM_OK || there)
		return status;
	rnm_buf_init(&bytes, RNM_OBJECT_MAX + 1);
	status = rnm_object_read(publisher, model->blake2b, &bytes, err);
	if (status == RNM_OK)
		status = write_file(publisher, path, &bytes, model->published, err);
	rnm_buf_free(&bytes);
	return status;
}

/* What signs it lies before it does: rspamd reads the signature when the file changes. */
static enum rnm_status put_alias(const struct rnm_publisher *publisher, const struct rnm_alias *alias,
                                 uint64_t serial, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (alias->sign_serial > serial)
		status = rnm_alias_sign(publisher, alias->newest, err);
	if (status == RNM_OK && alias->file_serial > serial)
		status = put_file(publisher, &alias->newest->model, err);
	return status;
}

/* ---- the index ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct rnm_published *)a)->name, ((const struct rnm_published *)b)->name);
}

static enum rnm_status write_index(const struct rnm_publisher *publisher, struct rnm_error *err)
{
	const struct rnm_history *history = publisher->history;
	struct rnm_index index = {
		.serial = history->serial,
		.created = publisher->now,
		.not_after = rnm_publisher_end(publisher, publisher->now),
		.model_count = history->alias_count,
	};
	struct rnm_buf text;
	enum rnm_status status;

	index.models = calloc(history->alias_count + 1, sizeof(*index.models));
	if (index.models == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < history->alias_count; i++)
		index.models[i] = history->aliases[i].newest->model;
	qsort(index.models, index.model_count, sizeof(*index.models), by_name);
	memcpy(index.head, history->head, sizeof(index.head));
	rnm_buf_init(&text, RNM_INDEX_MAX);
	rnm_index_write(&text, &index);
	status = text.failed ? rnm_error_nomem(err)
	                     : rnm_index_sign(publisher, (struct rnm_bytes){ text.data, text.len }, err);
	if (status == RNM_OK)
		status = write_file(publisher, RNM_TREE_INDEX, &text, publisher->now, err);
	rnm_buf_free(&text);
	free(index.models);
	return status;
}

/* ---- objects ---- */

static bool is_kept(const void *ctx, const char *hash)
{
	return rnm_seen_has(ctx, hash, strlen(hash));
}

static bool find_kept(struct rnm_seen *kept, const struct rnm_history *history)
{
	bool ok = true, is_new;

	for (size_t i = 0; ok && i < history->alias_count; i++) {
		const struct rnm_publication *publication = history->aliases[i].newest;

		for (; ok && publication != NULL; publication = publication->older)
			if (!publication->dropped)
				ok = rnm_seen_add(kept, publication->model.blake2b, RNM_OBJECT_HASH_HEX - 1,
				                  &is_new);
	}
	return ok;
}

enum rnm_status rnm_object_remove(const struct rnm_publisher *publisher, const char *hash,
                                  struct rnm_error *err)
{
	/* The other way round than they were written. */
	static const char *const endings[] = { "", RNM_STATEMENT_SUFFIX, RNM_SIGNATURE_SUFFIX };
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < sizeof(endings) / sizeof(endings[0]); i++) {
		char path[RNM_TREE_PATH_MAX];

		rnm_object_path(path, hash, endings[i]);
		status = publisher->place->ops->remove(publisher->place, path, err);
	}
	return status;
}

/* Where nothing can be listed, those go whose line says so. */
static enum rnm_status remove_dropped(const struct rnm_publisher *publisher, const struct rnm_seen *kept,
                                      uint64_t serial, struct rnm_error *err)
{
	const struct rnm_history *history = publisher->history;
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; i < history->alias_count; i++) {
		const struct rnm_publication *old = history->aliases[i].oldest;

		for (; status == RNM_OK && old != NULL; old = old->newer)
			if (old->dropped_serial > serial && !is_kept(kept, old->model.blake2b))
				status = rnm_object_remove(publisher, old->model.blake2b, err);
	}
	return status;
}

static enum rnm_status clean(const struct rnm_publisher *publisher, uint64_t serial, struct rnm_error *err)
{
	struct rnm_place *place = publisher->place;
	struct rnm_seen kept = { 0 };
	enum rnm_status status;

	if (!find_kept(&kept, publisher->history))
		status = rnm_error_nomem(err);
	else if (place->ops->sweep != NULL)
		status = place->ops->sweep(place, is_kept, &kept, err);
	else
		status = remove_dropped(publisher, &kept, serial, err);
	rnm_seen_free(&kept);
	return status;
}

/* ---- */

enum rnm_status rnm_publisher_settle(struct rnm_publisher *publisher, uint64_t serial, struct rnm_error *err)
{
	const struct rnm_history *history = publisher->history;
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < history->alias_count; i++)
		status = put_alias(publisher, &history->aliases[i], serial, err);
	if (status == RNM_OK && history->serial > publisher->index_serial)
		status = write_index(publisher, err);
	if (status != RNM_OK)
		return status;
	publisher->index_serial = history->serial;
	/* Last, so that an index that somebody has just read names what is still there. */
	return clean(publisher, serial, err);
}
