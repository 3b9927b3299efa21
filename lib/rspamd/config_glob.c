/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that a pattern stands for, as glob(3) finds them.  Not glob(3) itself: it takes a folder that it
 * cannot read, for whatever reason, for an empty one, and that of glibc frees a name twice when memory runs out.
 */
#include "rspamd/config_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct names {
	char **items;
	size_t count;
	size_t cap;
};

void config_names_drop(void *ctx, char **names, size_t count)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static void drop(struct names *names)
{
	config_names_drop(NULL, names->items, names->count);
	*names = (struct names){ NULL, 0, 0 };
}

/* Adds a name in two parts.  Returns 0 or an errno. */
static int add(struct names *names, const char *start, const char *rest)
{
	if (names->count == names->cap) {
		size_t cap = names->cap == 0 ? 16 : names->cap * 2;
		char **grown = reallocarray(names->items, cap, sizeof(*grown));

		if (grown == NULL)
			return ENOMEM;
		names->items = grown;
		names->cap = cap;
	}
	if (asprintf(&names->items[names->count], "%s%s", start, rest) < 0)
		return ENOMEM;
	names->count++;
	return 0;
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
static int add_plain(struct names *to, const struct names *from, const char *text, size_t len)
{
	char *plain = without_escapes(text, len);
	int errnum = plain != NULL ? 0 : ENOMEM;

	for (size_t i = 0; i < from->count && errnum == 0; i++)
		errnum = add(to, from->items[i], plain);
	free(plain);
	return errnum;
}

static int match_entries(struct config_loader *loader, struct names *to, const char *folder, DIR *dir,
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
static int add_matches(struct config_loader *loader, struct names *to, const struct names *from,
                       const char *text, size_t len)
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
static int keep_present(struct names *names)
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

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int config_glob(void *ctx, const char *pattern, char ***names, size_t *count)
{
	struct config_loader *loader = ctx;
	struct names found = { NULL, 0, 0 };
	int errnum = config_count_lookup(loader);

	if (errnum == 0)
		errnum = add(&found, "", "");
	while (errnum == 0 && *pattern != '\0') {
		struct names next = { NULL, 0, 0 };
		size_t len = plain_part(pattern);
		bool plain = len > 0;

		if (!plain)
			len = strcspn(pattern, "/");
		errnum = plain ? add_plain(&next, &found, pattern, len)
		               : add_matches(loader, &next, &found, pattern, len);
		pattern += len;
		drop(&found);
		found = next;
		if (errnum == 0 && plain && *pattern == '\0')
			errnum = keep_present(&found);
	}
	if (errnum != 0)
		drop(&found);
	/* Byte order, as rspamd has it without LANG. */
	if (found.count > 0)
		qsort(found.items, found.count, sizeof(*found.items), compare_names);
	*names = found.items;
	*count = found.count;
	return errnum;
}
