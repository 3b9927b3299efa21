/* SPDX-License-Identifier: Apache-2.0 */
/* One generation of a backup: opened, filled set by set, and made valid by its manifest. */
#include "base/clock.h"
#include "base/file.h"
#include "base/value_build.h"
#include "store/backup_read.h"

#include <errno.h>
#include <rnm/file.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETS_MAX ((size_t)100000)

static const char rights[] =
    "a backup needs: +zrevrange +hexists +hstrlen +hlen +hkeys +hmget +pttl, +scan and "
    "+type with --all, +sscan with --with-training";

struct rnm_backup {
	struct rnm_backup_options options;
	char *folder;
	int lock;
	struct rnm_backup_manifest *manifest;
	struct rnm_backup_manifest *last; /* the newest one of the folder, or NULL */
	size_t set_cap;
	char *path; /* of the manifest, once it is written */
};

static enum rnm_status prepare_folder(struct rnm_backup *backup, struct rnm_error *err)
{
	enum rnm_status status;

	if (backup->options.dry_run)
		return RNM_OK;
	status = rnm_backup_folder_make(backup->folder, err);
	return status == RNM_OK ? rnm_backup_folder_lock(&backup->lock, backup->folder, true, err) : status;
}

static enum rnm_status prepare_manifest(struct rnm_backup *backup, struct rnm_error *err)
{
	const struct rnm_backup_options *options = &backup->options;
	struct rnm_backup_manifest *manifest = rnm_backup_manifest_new();
	const char *tool = options->tool != NULL ? options->tool : "librnm";
	char created_at[RNM_UTC_SIZE];

	backup->manifest = manifest;
	if (manifest == NULL)
		return rnm_error_nomem(err);
	if (!(options->now >= 0) || !rnm_utc_write(created_at, options->now))
		return rnm_backup_bad_time(options->now, err);
	manifest->complete = true;
	manifest->with_training = options->with_training;
	manifest->created_at = rnm_arena_strndup(&manifest->storage->arena, created_at, strlen(created_at));
	manifest->tool = rnm_arena_strndup(&manifest->storage->arena, tool, strlen(tool));
	if (manifest->created_at == NULL || manifest->tool == NULL)
		return rnm_error_nomem(err);
	return RNM_OK;
}

/* What values were the last time, so that they need not be written again: a first backup has none. */
static enum rnm_status read_last(struct rnm_backup *backup, struct rnm_error *err)
{
	char *path = NULL;
	enum rnm_status status;

	/* A dry run makes no folder. */
	if (backup->options.dry_run && access(backup->folder, F_OK) != 0 && errno == ENOENT)
		return RNM_OK;
	status = rnm_backup_newest(&path, backup->folder, err);
	if (status == RNM_OK)
		status = rnm_backup_manifest_load(&backup->last, path, err);
	free(path);
	/* A manifest that is damaged must not keep a new one from being made. */
	return status == RNM_E_NOT_FOUND || status == RNM_E_MALFORMED ? RNM_OK : status;
}

enum rnm_status rnm_backup_open(struct rnm_backup **out, const struct rnm_backup_options *options,
                                struct rnm_error *err)
{
	struct rnm_backup *backup = calloc(1, sizeof(*backup));
	enum rnm_status status;

	if (backup == NULL)
		return rnm_error_nomem(err);
	backup->options = *options;
	backup->lock = -1;
	backup->folder = strdup(options->folder);
	if (backup->folder == NULL) {
		rnm_backup_free(backup);
		return rnm_error_nomem(err);
	}
	status = prepare_folder(backup, err);
	if (status == RNM_OK)
		status = prepare_manifest(backup, err);
	if (status == RNM_OK)
		status = read_last(backup, err);
	if (status == RNM_OK)
		*out = backup;
	else
		rnm_backup_free(backup);
	return status;
}

void rnm_backup_free(struct rnm_backup *backup)
{
	if (backup == NULL)
		return;
	rnm_backup_manifest_free(backup->manifest);
	rnm_backup_manifest_free(backup->last);
	if (backup->lock >= 0)
		close(backup->lock);
	free(backup->folder);
	free(backup->path);
	free(backup);
}

/* ---- sets ---- */

static enum rnm_status keep_set(struct rnm_backup *backup, const struct rnm_backup_set *set,
                                struct rnm_error *err)
{
	struct rnm_backup_manifest *manifest = backup->manifest;

	if (manifest->set_count == SETS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "store.too-many",
		                     "expected at most %zu sets of models, found more", SETS_MAX);
	if (manifest->set_count == backup->set_cap) {
		size_t cap = backup->set_cap == 0 ? 16 : backup->set_cap * 2;
		struct rnm_backup_set *sets = rnm_arena_alloc(&manifest->storage->arena, cap * sizeof(*sets));

		if (sets == NULL)
			return rnm_error_nomem(err);
		if (manifest->set_count > 0)
			memcpy(sets, manifest->sets, manifest->set_count * sizeof(*sets));
		manifest->sets = sets;
		backup->set_cap = cap;
	}
	manifest->sets[manifest->set_count++] = *set;
	return RNM_OK;
}

enum rnm_status rnm_backup_add(struct rnm_backup *backup, struct rnm_redis *redis,
                               const struct rnm_rule *rule, const char *name, const char *settings,
                               struct rnm_backup_totals *totals, struct rnm_error *err)
{
	struct rnm_backup_reading reading = {
		.arena = &backup->manifest->storage->arena,
		.folder = backup->folder,
		.options = &backup->options,
		.redis = redis,
		.rule = rule,
		.last = backup->last,
		.rights = rights,
	};
	struct rnm_backup_set set = { .zset_ttl_ms = RNM_TTL_NONE };
	enum rnm_status status;

	rnm_buf_init(&reading.text, RNM_BACKUP_MEMBER_MAX);
	status = rnm_backup_read_set(&reading, &set, name, settings, err);
	rnm_buf_free(&reading.text);
	if (status == RNM_OK && reading.totals.models + reading.totals.vectors > 0)
		status = keep_set(backup, &set, err);
	if (status != RNM_OK) {
		backup->manifest->complete = false;
		return status;
	}
	*totals = reading.totals;
	return RNM_OK;
}

void rnm_backup_mark_incomplete(struct rnm_backup *backup)
{
	backup->manifest->complete = false;
}

/* ---- the manifest ---- */

static enum rnm_status write_manifest(struct rnm_backup *backup, struct rnm_error *err)
{
	struct rnm_buf text;
	enum rnm_status status;

	rnm_buf_init(&text, RNM_BACKUP_MANIFEST_MAX - 1);
	rnm_backup_manifest_write(&text, backup->manifest);
	/* What is too large has filled its room first. */
	if (text.failed && text.cap <= text.max)
		status = rnm_error_nomem(err);
	else if (text.failed)
		status = rnm_error_set(err, RNM_E_MALFORMED, "backup.manifest",
		                       "expected a manifest of at most %zu bytes, found a larger one",
		                       RNM_BACKUP_MANIFEST_MAX - 1);
	else
		status = rnm_backup_new_generation(&backup->path, backup->folder, backup->options.now, err);
	if (status == RNM_OK)
		status = rnm_file_write(backup->path, rnm_buf_cstr(&text), text.len, err);
	rnm_buf_free(&text);
	return status;
}

static enum rnm_status nothing_to_save(struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_NOT_FOUND, "backup.empty",
	              "there is no live model to save, and no backup was made");
	rnm_error_set_hint(err, "older backups stay as they are; `rnm list --all` shows what is in Redis");
	return RNM_E_NOT_FOUND;
}

enum rnm_status rnm_backup_commit(struct rnm_backup *backup, const char *server, size_t keep,
                                  struct rnm_backup_result *result, struct rnm_error *err)
{
	struct rnm_backup_manifest *manifest = backup->manifest;
	enum rnm_status status;

	*result = (struct rnm_backup_result){ .manifest = NULL };
	if (manifest->set_count == 0)
		return nothing_to_save(err);
	if (backup->options.dry_run)
		return RNM_OK;
	manifest->server = rnm_arena_strndup(&manifest->storage->arena, server, strlen(server));
	if (manifest->server == NULL)
		return rnm_error_nomem(err);
	status = write_manifest(backup, err);
	if (status != RNM_OK)
		return status;
	result->manifest = backup->path;
	result->kept_all = keep > 0 && !manifest->complete;
	return rnm_backup_drop_old(backup->folder, manifest->complete ? keep : 0, result, err);
}
