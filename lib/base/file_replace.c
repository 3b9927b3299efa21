/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written pages are handed to the disk in steps of this size, so that the final fsync has little left. */
#define WRITE_OUT_STEP ((uint64_t)8 << 20)
#define TEMP_TRIES 100

static enum rnm_status cannot_open(struct rnm_error *err, const char *path, int errnum)
{
	rnm_error_sys(err, "file.open", errnum, "cannot open output file %s", path);
	return rnm_error_at_line(err, path, 0), RNM_E_IO;
}

static enum rnm_status cannot_write(struct rnm_error *err, const char *path, int errnum)
{
	rnm_error_sys(err, "file.write", errnum, "cannot write output file %s", path);
	return rnm_error_at_line(err, path, 0), RNM_E_IO;
}

/* The folder part of path: everything before the last slash, "." without one, "/" for the root. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/*
 * The file to replace: path with links followed, or, when it does not exist yet, its real folder plus
 * its name.  NULL and errno on failure.
 */
static char *resolve_target(const char *path)
{
	char *resolved = realpath(path, NULL);
	const char *name;
	char *folder;
	char *target = NULL;
	char *real;

	if (resolved != NULL || errno != ENOENT || path[0] == '\0')
		return resolved;
	name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	if (name[0] == '\0') {
		errno = EISDIR;
		return NULL;
	}
	folder = folder_of(path);
	real = folder != NULL ? realpath(folder, NULL) : NULL;
	if (real != NULL && asprintf(&target, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) < 0)
		target = NULL;
	free(real);
	free(folder);
	return target;
}

/* A name beside the target that nobody else has.  The leading dot hides it from "*.rnm". */
static char *temp_name(const char *target)
{
	const char *name = strrchr(target, '/') + 1;
	unsigned long long nonce = 0;
	char *temp = NULL;

	if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		return NULL;
	if (asprintf(&temp, "%.*s.%.200s.%016llx.tmp", (int)(name - target), target, name, nonce) < 0)
		return NULL;
	return temp;
}

/*
 * A new file for the bytes.  One without a name where the filesystem can do that (a killed process
 * then leaves nothing behind), else one with a temporary name.
 */
static int open_temp(const char *target, char **temp)
{
	char *folder = folder_of(target);
	int fd = -1;

	*temp = NULL;
	if (folder == NULL)
		return -1;
	fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	free(folder);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL))
		return fd;
	for (int i = 0; i < TEMP_TRIES; i++) {
		*temp = temp_name(target);
		if (*temp == NULL)
			return -1;
		fd = open(*temp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (fd >= 0)
			return fd;
		free(*temp);
		*temp = NULL;
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

/* The new file takes mode and, where we may, owner of the old one: rspamd's user must still read it. */
static int copy_ownership(int fd, const struct stat *old)
{
	if (fchown(fd, old->st_uid, old->st_gid) != 0 && errno != EPERM)
		return -1;
	return fchmod(fd, old->st_mode & 07777);
}

enum rnm_status rnm_replace_open(struct rnm_replace *out, const char *path, struct rnm_error *err)
{
	struct rnm_replace replace = { .fd = -1 };
	struct stat st;
	bool exists;
	int errnum;

	replace.target = resolve_target(path);
	if (replace.target == NULL)
		return cannot_open(err, path, errno);
	exists = stat(replace.target, &st) == 0;
	errno = 0;
	if (exists && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
	} else if (exists && !S_ISREG(st.st_mode)) {
		replace.in_place = true;
		replace.fd = open(replace.target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	} else if (exists && faccessat(AT_FDCWD, replace.target, W_OK, AT_EACCESS) != 0) {
		/* A rename would replace a write-protected file all the same; protection is meant. */
	} else {
		replace.fd = open_temp(replace.target, &replace.temp);
		if (replace.fd >= 0 && exists && copy_ownership(replace.fd, &st) != 0) {
			errnum = errno;
			rnm_replace_abort(&replace);
			return cannot_open(err, path, errnum);
		}
	}
	if (replace.fd < 0) {
		errnum = errno;
		rnm_replace_abort(&replace);
		return cannot_open(err, path, errnum);
	}
	*out = replace;
	return RNM_OK;
}

enum rnm_status rnm_replace_write(struct rnm_replace *replace, const void *data, size_t len,
                                  struct rnm_error *err)
{
	uint64_t before = replace->written;

	if (!rnm_write_all(replace->fd, data, len))
		return cannot_write(err, replace->target, errno);
	replace->written += len;
	if (!replace->in_place && before / WRITE_OUT_STEP != replace->written / WRITE_OUT_STEP) {
		uint64_t from = before / WRITE_OUT_STEP * WRITE_OUT_STEP;

		/* Only a wish: a filesystem that cannot do it loses nothing. */
		(void)sync_file_range(replace->fd, (off_t)from, (off_t)(replace->written - from),
		                      SYNC_FILE_RANGE_WRITE);
	}
	return RNM_OK;
}

/* Gives the nameless file its temporary name, from which it can be renamed over the target. */
static bool give_name(struct rnm_replace *replace)
{
	char source[64];

	snprintf(source, sizeof(source), "/proc/self/fd/%d", replace->fd);
	for (int i = 0; i < TEMP_TRIES; i++) {
		char *temp = temp_name(replace->target);

		if (temp == NULL)
			return false;
		if (linkat(AT_FDCWD, source, AT_FDCWD, temp, AT_SYMLINK_FOLLOW) == 0) {
			replace->temp = temp;
			return true;
		}
		free(temp);
		if (errno != EEXIST)
			return false;
	}
	return false;
}

/* Makes the rename itself survive a power cut.  Some filesystems cannot sync folders: not an error. */
static bool sync_folder(const char *target)
{
	char *folder = folder_of(target);
	bool ok = true;
	int fd;

	if (folder == NULL)
		return false;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return errno == EACCES; /* a folder that may be written but not read */
	if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		ok = false;
	close(fd);
	return ok;
}

enum rnm_status rnm_replace_commit(struct rnm_replace *replace, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	int errnum = 0;
	int fd;

	if (replace->in_place) {
		fd = replace->fd;
		replace->fd = -1;
		if (close(fd) != 0)
			status = cannot_write(err, replace->target, errno);
		rnm_replace_abort(replace);
		return status;
	}
	if (fsync(replace->fd) != 0 || (replace->temp == NULL && !give_name(replace)) ||
	    rename(replace->temp, replace->target) != 0)
		errnum = errno;
	if (errnum == 0) {
		free(replace->temp); /* renamed: there is nothing left for abort to remove */
		replace->temp = NULL;
		if (!sync_folder(replace->target))
			errnum = errno;
	}
	if (errnum != 0)
		status = cannot_write(err, replace->target, errnum);
	rnm_replace_abort(replace);
	return status;
}

void rnm_replace_abort(struct rnm_replace *replace)
{
	if (replace->fd >= 0)
		close(replace->fd);
	if (replace->temp != NULL)
		unlink(replace->temp);
	free(replace->temp);
	free(replace->target);
	replace->temp = NULL;
	replace->target = NULL;
	replace->fd = -1;
}
