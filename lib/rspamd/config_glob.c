/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that a pattern stands for, as glob(3) finds them.  Not glob(3) itself: it takes a folder that it
 * cannot read, for whatever reason, for an empty one, and that of glibc frees a name twice when memory runs out.
 */
#include "base/name_list.h"
#include "rspamd/config_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <rnm/rule.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void config_names_drop(void *ctx, char **names, size_t count)
{
	(void)ctx;
	rnm_names_free(names, count);
}

/* Adds a name in two parts.  Returns 0 or an errno. */
static int add(struct rnm_name_list *names, const char *start, const char *rest)
{
	return rnm_name_list_add(names, start, rest) ? 0 : ENOMEM;
}

/* Bytes before the first part of the pattern, between slashes, that has a wildcard. */
static size_t plain_part(const char *pattern)
{
	size_t wild = strcspn(pattern, "*?[");

	if (pattern[wild] == '\0')
		return wild;
	while (wild > 0 && pattern[wild - 1] != '/')
		wild--;
	return wild;
}

/* A backslash makes the next byte an ordinary one. */
static char *without_escapes(const char *text, size_t len)
{
	char *plain = malloc(len + 1);
	size_t used = 0;

	if (plain == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len)
			i++;
		plain[used++] = text[i];
	}
	plain[used] = '\0';
	return plain;
}

/* Appends to each name of from. */
static int add_plain(struct rnm_name_list *to, const struct rnm_name_list *from, const char *text, size_t len)
{
	char *plain = without_escapes(text, len);
	int errnum = plain != NULL ? 0 : ENOMEM;

	for (size_t i = 0; i < from->count && errnum == 0; i++)
		errnum = add(to, from->items[i], plain);
	free(plain);
	return errnum;
}

static int match_entries(struct config_loader *loader, struct rnm_name_list *to, const char *folder, DIR *dir,
                         const char *part)
{
	int errnum = 0;

	while (errnum == 0) {
		const struct dirent *entry;
		int result;

		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return errno;
		result = fnmatch(part, entry->d_name, FNM_PERIOD);
		if (result == FNM_NOMATCH)
			continue;
		errnum = result == 0 ? config_count_lookup(loader) : ENOMEM;
		if (errnum == 0)
			errnum = add(to, folder, entry->d_name);
	}
	return errnum;
}

/* Replaces each folder of from by what in it matches the part, which has a wildcard. */
static int add_matches(struct config_loader *loader, struct rnm_name_list *to,
                       const struct rnm_name_list *from, const char *text, size_t len)
{
	char *part = strndup(text, len);
	int errnum = part != NULL ? 0 : ENOMEM;

	for (size_t i = 0; i < from->count && errnum == 0; i++) {
		const char *folder = from->items[i];
		DIR *dir = opendir(folder[0] != '\0' ? folder : ".");

		if (dir != NULL) {
			errnum = match_entries(loader, to, folder, dir, part);
			closedir(dir);
		} else if (!rnm_ucl_is_absence(errno)) {
			errnum = errno;
		}
	}
	free(part);
	return errnum;
}

/* Keeps the names of what is there. */
static int keep_present(struct rnm_name_list *names)
{
	size_t kept = 0;
	int errnum = 0;

	for (size_t i = 0; i < names->count; i++) {
		struct stat st;

		if (lstat(names->items[i], &st) == 0) {
			names->items[kept++] = names->items[i];
			continue;
		}
		if (!rnm_ucl_is_absence(errno))
			errnum = errno;
		free(names->items[i]);
	}
	names->count = kept;
	return errnum;
}

int config_glob(void *ctx, const char *pattern, char ***names, size_t *count)
{
	struct config_loader *loader = ctx;
	struct rnm_name_list found = { 0 };
	int errnum = config_count_lookup(loader);

	if (errnum == 0)
		errnum = add(&found, "", "");
	while (errnum == 0 && *pattern != '\0') {
		struct rnm_name_list next = { 0 };
		size_t len = plain_part(pattern);
		bool plain = len > 0;

		if (!plain)
			len = strcspn(pattern, "/");
		errnum = plain ? add_plain(&next, &found, pattern, len)
		               : add_matches(loader, &next, &found, pattern, len);
		pattern += len;
		rnm_name_list_clear(&found);
		found = next;
		if (errnum == 0 && plain && *pattern == '\0')
			errnum = keep_present(&found);
	}
	if (errnum != 0)
		rnm_name_list_clear(&found);
	/* Byte order, as rspamd has it without LANG. */
	rnm_name_list_sort(&found);
	*names = found.items;
	*count = found.count;
	return errnum;
}
