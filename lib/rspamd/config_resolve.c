/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical names of files.  realpath() asks the system about every part of every name, and a stock
 * configuration looks for three hundred files in five folders: remembering the folders halves the time
 * that loading takes.
 */
#include "rspamd/config_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Names looked up, present or not, for each file that may be read: a short file can ask for millions. */
#define FILE_LOOKUPS_MAX 16u

int config_count_lookup(struct config_loader *loader)
{
	if (loader->lookups < (size_t)loader->config->limits.max_files * FILE_LOOKUPS_MAX) {
		loader->lookups++;
		return 0;
	}
	/* The one error that `try` does not forgive: it ends the parse, and rnm_config_load tells why. */
	loader->too_many_lookups = true;
	return EPERM;
}

/* The folder's entry, made if need be; NULL: no memory. */
static const struct config_folder *find_folder(struct config_loader *loader, const char *name, size_t len)
{
	struct config_folder *folder;

	for (size_t i = 0; i < CONFIG_FOLDERS; i++) {
		folder = &loader->folders[i];
		if (folder->name != NULL && strncmp(folder->name, name, len) == 0 &&
		    folder->name[len] == '\0')
			return folder;
	}
	folder = &loader->folders[loader->next_folder];
	loader->next_folder = (loader->next_folder + 1) % CONFIG_FOLDERS;
	free(folder->name);
	free(folder->real);
	folder->real = NULL;
	folder->name = strndup(name, len);
	if (folder->name == NULL)
		return NULL;
	folder->real = realpath(folder->name, NULL);
	folder->errnum = folder->real != NULL ? 0 : errno;
	return folder;
}

static int resolve_fully(const char *name, char **full)
{
	*full = realpath(name, NULL);
	return *full != NULL ? 0 : errno;
}

int config_resolve(void *ctx, const char *name, char **full)
{
	struct config_loader *loader = ctx;
	const char *slash = strrchr(name, '/');
	const char *base = slash != NULL ? slash + 1 : name;
	const struct config_folder *folder;
	char joined[PATH_MAX];
	struct stat st;
	int limit = config_count_lookup(loader);

	*full = NULL;
	if (limit != 0)
		return limit;
	if (slash == NULL || slash == name || base[0] == '\0' || base[0] == '.' ||
	    strlen(name) >= sizeof(joined))
		return resolve_fully(name, full);
	folder = find_folder(loader, name, (size_t)(slash - name));
	if (folder == NULL)
		return ENOMEM;
	if (folder->real == NULL)
		return folder->errnum;
	if (snprintf(joined, sizeof(joined), "%s/%s", strcmp(folder->real, "/") == 0 ? "" : folder->real,
	             base) >= (int)sizeof(joined))
		return resolve_fully(name, full);
	if (lstat(joined, &st) != 0)
		return errno;
	if (S_ISLNK(st.st_mode))
		return resolve_fully(name, full);
	*full = strdup(joined);
	return *full != NULL ? 0 : ENOMEM;
}

void config_resolve_free(struct config_loader *loader)
{
	for (size_t i = 0; i < CONFIG_FOLDERS; i++) {
		free(loader->folders[i].name);
		free(loader->folders[i].real);
	}
}
