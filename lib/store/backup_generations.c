/* SPDX-License-Identifier: Apache-2.0 */
/* The manifests of a folder, and what may go when old ones go. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/name_list.h"
#include "store/backup_folder.h"
#include "store/backup_manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST_BEGINS "manifest-"
#define MANIFEST_ENDS ".json"

static enum rnm_status list_error(const char *folder, int errnum, struct rnm_error *err)
{
	return rnm_error_sys(err, "backup.folder", errnum, "cannot read the folder %s", folder);
}

/* ---- names ---- */

static bool is_manifest(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(MANIFEST_BEGINS MANIFEST_ENDS) &&
	       strncmp(name, MANIFEST_BEGINS, strlen(MANIFEST_BEGINS)) == 0 &&
	       strcmp(name + len - strlen(MANIFEST_ENDS), MANIFEST_ENDS) == 0;
}

/* The entries of a folder that are wanted, sorted. */
static enum rnm_status list_folder(struct rnm_name_list *names, const char *folder,
                                   bool (*wanted)(const char *name), struct rnm_error *err)
{
	DIR *dir = opendir(folder);
	enum rnm_status status = RNM_OK;
	const struct dirent *entry;

	if (dir == NULL)
		return list_error(folder, errno, err);
	while (status == RNM_OK && (errno = 0, entry = readdir(dir)) != NULL)
		if (wanted(entry->d_name) && !rnm_name_list_add(names, entry->d_name, ""))
			status = rnm_error_nomem(err);
	if (status == RNM_OK && errno != 0)
		status = list_error(folder, errno, err);
	closedir(dir);
	if (status == RNM_OK)
		rnm_name_list_sort(names);
	return status;
}

enum rnm_status rnm_backup_generations(char ***out, size_t *count, const char *folder, struct rnm_error *err)
{
	struct rnm_name_list names = { 0 };
	enum rnm_status status = list_folder(&names, folder, is_manifest, err);

	if (status != RNM_OK) {
		rnm_name_list_clear(&names);
		return status;
	}
	*out = names.items;
	*count = names.count;
	return RNM_OK;
}

/* ---- times ---- */

/* "20261123T120459".  Years have four digits, so that the names sort as the times do. */
static bool write_stamp(char stamp[RNM_UTC_SIZE], double unix_time)
{
	char utc[RNM_UTC_SIZE];

	if (!(unix_time >= 0) || !rnm_utc_write(utc, unix_time))
		return false;
	for (const char *from = utc; *from != 'Z'; from++)
		if (*from != '-' && *from != ':')
			*stamp++ = *from;
	*stamp = '\0';
	return true;
}

enum rnm_status rnm_backup_bad_time(double unix_time, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_USAGE, "backup.time",
	                     "expected a time between 1970 and 9999, found %.0f", unix_time);
}

/* Milliseconds, so that two backups of one second have names that differ, and sort as they were made. */
enum rnm_status rnm_backup_new_generation(char **path, const char *folder, double now, struct rnm_error *err)
{
	char stamp[RNM_UTC_SIZE];

	if (!write_stamp(stamp, now))
		return rnm_backup_bad_time(now, err);
	for (uint64_t ms = (uint64_t)(now * 1000);; ms++) {
		const uint64_t seconds = ms / 1000;

		if (!write_stamp(stamp, (double)seconds))
			return rnm_backup_bad_time(now, err);
		if (asprintf(path, "%s/" MANIFEST_BEGINS "%s.%03uZ" MANIFEST_ENDS, folder, stamp,
		             (unsigned)(ms % 1000)) < 0)
			return rnm_error_nomem(err);
		if (access(*path, F_OK) != 0)
			return RNM_OK;
		free(*path);
	}
}

/* ---- dropping old ones ---- */

static bool is_object(const char *name)
{
	return rnm_is_hash_text(name);
}

static bool add_value(struct rnm_name_list *used, const struct rnm_backup_value *value)
{
	return value->inline_bytes != NULL || rnm_name_list_add(used, value->hash, "");
}

static bool add_trainings(struct rnm_name_list *used, const struct rnm_backup_training *trainings,
                          size_t count)
{
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++)
		ok = add_value(used, &trainings[i].value);
	return ok;
}

static bool add_model(struct rnm_name_list *used, const struct rnm_backup_model *model)
{
	bool ok = add_trainings(used, model->training, model->training_count);

	for (size_t i = 0; ok && i < model->profile_count; i++)
		ok = add_value(used, &model->profiles[i].member);
	for (size_t i = 0; ok && i < model->field_count; i++)
		ok = add_value(used, &model->fields[i].value);
	return ok;
}

/* Every object that a manifest names. */
static bool add_objects(struct rnm_name_list *used, const struct rnm_backup_manifest *manifest)
{
	bool ok = true;

	for (size_t i = 0; ok && i < manifest->set_count; i++) {
		const struct rnm_backup_set *set = &manifest->sets[i];

		ok = add_trainings(used, set->pending, set->pending_count);
		for (size_t k = 0; ok && k < set->model_count; k++)
			ok = add_model(used, &set->models[k]);
	}
	return ok;
}

static enum rnm_status find_used(struct rnm_name_list *used, const char *folder, char *const *generations,
                                 size_t count, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_backup_manifest *manifest = NULL;
		char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, generations[i]) < 0)
			return rnm_error_nomem(err);
		status = rnm_backup_manifest_load(&manifest, path, err);
		if (status == RNM_OK && !add_objects(used, manifest))
			status = rnm_error_nomem(err);
		rnm_backup_manifest_free(manifest);
		free(path);
	}
	rnm_name_list_sort(used);
	return status;
}

static enum rnm_status remove_file(const char *folder, const char *name, struct rnm_error *err)
{
	char *path = NULL;
	enum rnm_status status = RNM_OK;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return rnm_error_nomem(err);
	if (unlink(path) != 0 && errno != ENOENT)
		status = rnm_error_sys(err, "backup.write", errno, "cannot remove %s", path);
	free(path);
	return status;
}

/* Objects that nobody names any more, also those that a broken-off backup has left. */
static enum rnm_status remove_unused(const char *folder, const struct rnm_name_list *used, uint64_t *removed,
                                     struct rnm_error *err)
{
	struct rnm_name_list objects = { 0 };
	char *objects_folder = rnm_backup_object_path(folder, "");
	enum rnm_status status = objects_folder != NULL
	                             ? list_folder(&objects, objects_folder, is_object, err)
	                             : rnm_error_nomem(err);

	for (size_t i = 0; status == RNM_OK && i < objects.count; i++) {
		if (rnm_name_list_has(used, objects.items[i]))
			continue;
		status = remove_file(objects_folder, objects.items[i], err);
		*removed += status == RNM_OK;
	}
	rnm_name_list_clear(&objects);
	free(objects_folder);
	return status;
}

enum rnm_status rnm_backup_drop_old(const char *folder, size_t keep, struct rnm_backup_result *result,
                                    struct rnm_error *err)
{
	struct rnm_name_list used = { 0 };
	char **generations = NULL;
	size_t count = 0, old;
	enum rnm_status status = rnm_backup_generations(&generations, &count, folder, err);

	old = keep > 0 && count > keep ? count - keep : 0;
	result->generations = count;
	/* What stays is read first: when that fails nothing goes. */
	if (status == RNM_OK && old > 0)
		status = find_used(&used, folder, generations + old, count - old, err);
	for (size_t i = 0; status == RNM_OK && i < old; i++) {
		status = remove_file(folder, generations[i], err);
		result->dropped += status == RNM_OK;
		result->generations -= status == RNM_OK;
	}
	if (status == RNM_OK && old > 0)
		status = remove_unused(folder, &used, &result->dropped_objects, err);
	rnm_name_list_clear(&used);
	rnm_names_free(generations, count);
	return status;
}
