/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_tree.h"

#include "share/serve_file.h"
#include "share/serve_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folders of a tree; "" is the tree itself, of which only some files are for clients. */
static const char *const folders[] = { "", RNM_TREE_MODELS "/", RNM_TREE_OBJECTS "/" };
static const char *const top_names[] = { RNM_TREE_INDEX, RNM_TREE_INDEX RNM_STATEMENT_SUFFIX,
	                                 RNM_TREE_HISTORY };

struct reading {
	const struct rnm_tree *tree;
	struct rnm_served_table *table;
	int folder;
};

static void tell(const struct rnm_tree *tree, const struct rnm_error *problem)
{
	if (tree->warn != NULL)
		tree->warn(tree->ctx, problem);
}

/* Characters that mean nothing in a URL, a header or a line of a log. */
static bool is_plain_name(const char *name)
{
	const size_t len = strlen(name);

	return len <= RNM_SERVE_NAME_MAX &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+=@,") == len;
}

static bool is_wanted(const struct reading *reading, const char *folder, const char *name)
{
	struct rnm_error problem;

	/* Temporary files, locks, "." and "..". */
	if (name[0] == '.')
		return false;
	if (folder[0] == '\0') {
		for (size_t i = 0; i < sizeof(top_names) / sizeof(top_names[0]); i++)
			if (strcmp(name, top_names[i]) == 0)
				return true;
		return false;
	}
	if (is_plain_name(name))
		return true;
	rnm_error_set(&problem, RNM_E_MALFORMED, "serve.name",
	              "'%s%s' is left out: its name has other characters than letters, digits and ._-+=@, or "
	              "more than %u of them",
	              folder, name, RNM_SERVE_NAME_MAX);
	tell(reading->tree, &problem);
	return false;
}

static struct rnm_served *find_old(const struct rnm_tree *tree, const char *name)
{
	return tree->old != NULL ? rnm_served_find(tree->old, name, strlen(name)) : NULL;
}

/* Whether the server itself, and not only this file, is in trouble. */
static bool is_grave(const struct rnm_error *problem)
{
	return problem->status == RNM_E_NOMEM || problem->sys_errno == EMFILE || problem->sys_errno == ENFILE;
}

static enum rnm_status add_file(struct reading *reading, const char *folder, const char *name,
                                struct rnm_error *err)
{
	char path[RNM_SERVE_NAME_MAX + 16];
	struct rnm_served *file;
	struct rnm_error problem;
	enum rnm_status status;

	if (!is_wanted(reading, folder, name))
		return RNM_OK;
	snprintf(path, sizeof(path), "/%s%s", folder, name);
	rnm_error_clear(&problem);
	status = rnm_served_open(&file, reading->folder, path, find_old(reading->tree, path),
	                         reading->tree->now, &problem);
	if (status == RNM_OK)
		return rnm_served_table_add(reading->table, file, err);
	if (is_grave(&problem)) {
		if (err != NULL)
			*err = problem;
		return status;
	}
	/* A file that was there a moment ago is no news when it has gone since. */
	if (problem.sys_errno != ENOENT)
		tell(reading->tree, &problem);
	return RNM_OK;
}

/* A folder below the tree may be missing; the tree may not. */
static enum rnm_status open_folder(DIR **out, struct reading *reading, const char *folder,
                                   struct rnm_error *err)
{
	const char *path = folder[0] == '\0' ? "." : folder;
	const int fd = openat(reading->folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*out = fd >= 0 ? fdopendir(fd) : NULL;
	if (*out != NULL)
		return RNM_OK;
	if (fd >= 0)
		close(fd);
	if (errno == ENOENT && folder[0] != '\0')
		return RNM_OK;
	return rnm_error_sys(err, "file.open", errno, "cannot open the folder '%s/%s'", reading->tree->folder,
	                     folder);
}

static enum rnm_status add_folder(struct reading *reading, const char *folder, struct rnm_error *err)
{
	const struct dirent *entry;
	enum rnm_status status;
	DIR *dir;

	status = open_folder(&dir, reading, folder, err);
	if (status != RNM_OK || dir == NULL)
		return status;
	errno = 0;
	while (status == RNM_OK && (entry = readdir(dir)) != NULL) {
		status = add_file(reading, folder, entry->d_name, err);
		errno = 0;
	}
	if (status == RNM_OK && errno != 0)
		status = rnm_error_sys(err, "file.read", errno, "cannot read the folder '%s/%s'",
		                       reading->tree->folder, folder);
	closedir(dir);
	return status;
}

static int by_name(const void *a, const void *b)
{
	const struct rnm_served *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static enum rnm_status seal(struct rnm_served_table *table, struct rnm_error *err)
{
	if (table->count > 0)
		qsort(table->items, table->count, sizeof(struct rnm_served *), by_name);
	return rnm_served_table_seal(table, err);
}

/* Whether the file belongs to a model that was there, and is not any more. */
static bool is_lost(const struct rnm_served_table *now, const struct rnm_served_table *old,
                    const struct rnm_served *file)
{
	const size_t stem = rnm_served_stem(file->name);

	return strncmp(file->name, RNM_SERVED_MODELS, strlen(RNM_SERVED_MODELS)) == 0 &&
	       rnm_served_find(now, file->name, stem) == NULL &&
	       rnm_served_find(old, file->name, stem) != NULL;
}

/* A signature of a model that is not offered would not fit the old one. */
static enum rnm_status keep_lost(struct rnm_served_table **out, const struct rnm_served_table *now,
                                 const struct rnm_served_table *old, struct rnm_error *err)
{
	struct rnm_served_table *table = rnm_served_table_new();
	enum rnm_status status = RNM_OK;
	struct rnm_served *file;

	if (table == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < now->count; i++)
		if (!is_lost(now, old, now->items[i]))
			status = rnm_served_table_add(table, rnm_served_ref(now->items[i]), err);
	for (size_t i = 0; status == RNM_OK && i < old->count; i++) {
		if (!is_lost(now, old, old->items[i]))
			continue;
		status = rnm_served_keep(&file, old->items[i], err);
		if (status == RNM_OK)
			status = rnm_served_table_add(table, file, err);
	}
	if (status == RNM_OK)
		status = seal(table, err);
	if (status == RNM_OK)
		*out = table;
	else
		rnm_served_table_unref(table);
	return status;
}

static enum rnm_status read_all(struct reading *reading, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < sizeof(folders) / sizeof(folders[0]); i++)
		status = add_folder(reading, folders[i], err);
	return status == RNM_OK ? seal(reading->table, err) : status;
}

/* For the page.  A history that cannot be relied on keeps nobody from serving. */
static enum rnm_status add_record(struct rnm_served_table *table, const struct rnm_tree *tree,
                                  struct rnm_error *err)
{
	struct rnm_served_record *old = tree->old != NULL ? tree->old->record : NULL;
	struct rnm_error problem;
	const enum rnm_status status = rnm_served_record_read(&table->record, table, old, &problem, err);

	if (status == RNM_OK && problem.status != RNM_OK)
		tell(tree, &problem);
	return status;
}

enum rnm_status rnm_tree_read(struct rnm_served_table **out, const struct rnm_tree *tree,
                              struct rnm_error *err)
{
	struct reading reading = { .tree = tree, .table = rnm_served_table_new() };
	struct rnm_served_table *kept = NULL;
	enum rnm_status status;

	if (reading.table == NULL)
		return rnm_error_nomem(err);
	reading.folder = open(tree->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (reading.folder < 0) {
		status =
		    rnm_error_sys(err, "serve.no-tree", errno, "cannot open the folder '%s'", tree->folder);
		if (err != NULL && (err->sys_errno == ENOENT || err->sys_errno == ENOTDIR))
			err->status = status = RNM_E_NOT_FOUND;
	} else {
		status = read_all(&reading, err);
		close(reading.folder);
	}
	if (status == RNM_OK && tree->old != NULL && !tree->forget)
		status = keep_lost(&kept, reading.table, tree->old, err);
	if (kept != NULL) {
		rnm_served_table_unref(reading.table);
		reading.table = kept;
	}
	if (status == RNM_OK)
		status = add_record(reading.table, tree, err);
	if (status == RNM_OK) {
		reading.table->made = tree->now;
		*out = reading.table;
	} else {
		rnm_served_table_unref(reading.table);
	}
	return status;
}
