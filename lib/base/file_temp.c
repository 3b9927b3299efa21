/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names that are tried before one that nobody can foresee: as many processes may write the same file. */
#define SLOTS 10
#define TEMP_TRIES_MAX 100
/* "/proc/self/fd/" and a number. */
#define FD_NAME_MAX 32

static char *temp_name(const char *stem, int attempt)
{
	unsigned long long nonce = 0;
	char *name = NULL;
	int len;

	if (attempt < SLOTS)
		len = asprintf(&name, "%srnm-%d.tmp", stem, attempt);
	else if (getrandom(&nonce, sizeof(nonce), 0) == (ssize_t)sizeof(nonce))
		len = asprintf(&name, "%srnm-%016llx.tmp", stem, nonce);
	else
		return NULL;
	return len >= 0 ? name : NULL;
}

static bool has_name(int fd, const char *name)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && lstat(name, &named) == 0 && opened.st_dev == named.st_dev &&
	       opened.st_ino == named.st_ino;
}

/* False when another process has the lock.  Where there are no locks, nothing is ever taken for left over. */
static bool lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/*
 * Removes the file of this name if it is one of ours that nobody needs.  True when the name may be free now,
 * else false and EEXIST.
 */
static bool remove_left_over(const char *name)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	bool removed;

	if (fd < 0) {
		removed = errno == ENOENT;
		errno = EEXIST;
		return removed;
	}
	removed = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	          flock(fd, LOCK_EX | LOCK_NB) == 0 && has_name(fd, name) && unlink(name) == 0;
	close(fd);
	errno = EEXIST;
	return removed;
}

static int create_exclusively(const char *name, mode_t mode)
{
	int fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return -1;
	/* Between the two calls it may have been taken for left over. */
	if (lock(fd) && has_name(fd, name))
		return fd;
	close(fd);
	errno = EEXIST;
	return -1;
}

int rnm_temp_create(const char *stem, mode_t mode, char **name)
{
	*name = NULL;
	for (int i = 0; i < TEMP_TRIES_MAX; i++) {
		char *attempt = temp_name(stem, i);
		int fd;

		if (attempt == NULL)
			return -1;
		fd = create_exclusively(attempt, mode);
		if (fd < 0 && errno == EEXIST && remove_left_over(attempt))
			fd = create_exclusively(attempt, mode);
		if (fd >= 0) {
			*name = attempt;
			return fd;
		}
		free(attempt);
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

static void fd_name(char text[FD_NAME_MAX], int fd)
{
	(void)snprintf(text, FD_NAME_MAX, "/proc/self/fd/%d", fd);
}

static bool link_name(const char *source, const char *name)
{
	return linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

char *rnm_temp_link(int fd, const char *stem)
{
	char source[FD_NAME_MAX];

	fd_name(source, fd);
	(void)lock(fd);
	for (int i = 0; i < TEMP_TRIES_MAX; i++) {
		char *name = temp_name(stem, i);
		bool linked;

		if (name == NULL)
			return NULL;
		linked = link_name(source, name) ||
		         (errno == EEXIST && remove_left_over(name) && link_name(source, name));
		if (linked)
			return name;
		free(name);
		if (errno != EEXIST)
			return NULL;
	}
	return NULL;
}

int rnm_temp_nameless(const char *folder, mode_t mode, bool to_be_named)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	char name[FD_NAME_MAX];

	if (fd < 0) {
		/* What kernels and filesystems without them say. */
		if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
			errno = ENOTSUP;
		return -1;
	}
	fd_name(name, fd);
	/* The name is given through /proc, which a chroot or a container may lack. */
	if (!to_be_named || access(name, F_OK) == 0)
		return fd;
	close(fd);
	errno = ENOTSUP;
	return -1;
}
