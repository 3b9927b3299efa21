/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as the kernel follows. */
#define LINKS_MAX 40
#define FD_DIGITS_MAX 9

char *rnm_file_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* The number that text consists of; -1 for anything else. */
static int number_of(const char *text)
{
	size_t len = strlen(text);
	int number = 0;

	if (len == 0 || len > FD_DIGITS_MAX || strspn(text, "0123456789") != len)
		return -1;
	for (; *text != '\0'; text++)
		number = number * 10 + (*text - '0');
	return number;
}

static bool ends_in_fd(const char *path)
{
	size_t len = strlen(path);

	return len >= 3 && strcmp(path + len - 3, "/fd") == 0;
}

/*
 * Whether a resolved folder lists this process' own descriptors: /proc/PID/fd, or /proc/PID/task/TID/fd.
 * PID is asked of /proc: in a namespace it may not be what getpid says.
 */
static bool is_own_fd_folder(const char *folder)
{
	char *own = realpath("/proc/self/fd", NULL);
	bool result = own != NULL && ends_in_fd(own) && ends_in_fd(folder) &&
	              strncmp(folder, own, strlen(own) - strlen("fd")) == 0;

	free(own);
	return result;
}

/* A name that is empty or ends in a slash can be that of no file. */
static bool names_a_file(const char *path)
{
	size_t len = strlen(path);

	if (len > 0 && path[len - 1] != '/')
		return true;
	if (access(path, F_OK) == 0 || (errno == ENOENT && len > 0))
		errno = EISDIR;
	return false;
}

/* *folder: the folder of path, its links resolved; returned: the name in it.  Both NULL and errno on failure. */
static char *resolve_folder(const char *path, char **folder)
{
	const char *slash = strrchr(path, '/');
	char *given = names_a_file(path) ? rnm_file_folder(path) : NULL;
	char *place = NULL;

	*folder = given != NULL ? realpath(given, NULL) : NULL;
	free(given);
	if (*folder == NULL)
		return NULL;
	if (asprintf(&place, "%s/%s", strcmp(*folder, "/") == 0 ? "" : *folder,
	             slash != NULL ? slash + 1 : path) >= 0)
		return place;
	free(*folder);
	*folder = NULL;
	return NULL;
}

/*
 * What the link at place, which lies in folder, points to; NULL and errno.  EINVAL: it is no link, or one
 * of /proc that leads to what has no name, such as another process' pipe.
 */
static char *read_link(const char *folder, const char *place)
{
	char text[PATH_MAX];
	ssize_t len = readlink(place, text, sizeof(text) - 1);
	char *next = NULL;
	struct stat st;

	if (len < 0)
		return NULL;
	text[len] = '\0';
	if (asprintf(&next, "%s%s%s", text[0] == '/' ? "" : folder, text[0] == '/' ? "" : "/", text) < 0)
		return NULL;
	if (lstat(next, &st) == 0 || stat(place, &st) != 0)
		return next;
	free(next);
	errno = EINVAL;
	return NULL;
}

/* Goes on from *at to what the link there points to.  false: *at is where the way ends, or NULL and errno. */
static bool follow(char **at, int *descriptor)
{
	char *folder = NULL;
	char *place = resolve_folder(*at, &folder);
	char *next = NULL;
	int number;

	free(*at);
	*at = place;
	if (place == NULL)
		return false;
	number = number_of(strrchr(place, '/') + 1);
	if (number >= 0 && is_own_fd_folder(folder)) {
		*descriptor = number;
		errno = EINVAL; /* goes no further */
	} else {
		next = read_link(folder, place);
	}
	free(folder);
	if (next == NULL && (errno == EINVAL || errno == ENOENT))
		return false;
	free(place);
	*at = next;
	return next != NULL;
}

/*
 * Not realpath: links are followed one by one, because one that is a descriptor must be seen before it
 * turns into the file behind it, and because the last one may lead to nothing yet.
 */
char *rnm_file_target(const char *path, int *descriptor)
{
	char *at = strdup(path);

	*descriptor = -1;
	if (at == NULL)
		return NULL;
	for (int i = 0; i < LINKS_MAX; i++)
		if (!follow(&at, descriptor))
			return at;
	free(at);
	errno = ELOOP;
	return NULL;
}
