/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_target.h"

#include "base/file.h"
#include "base/file_temp.h"

#include <errno.h>
#include <fcntl.h>
#include <rnm/file.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written pages are handed to the disk in steps of this size, so that the final fsync has little left. */
#define WRITE_OUT_STEP ((uint64_t)8 << 20)
#define NEW_FILE_MODE 0666

static enum rnm_status cannot_open(struct rnm_error *err, const char *path, int errnum)
{
	rnm_error_sys(err, "file.open", errnum, "cannot open output file %s", path);
	return rnm_error_at_line(err, path, 0), RNM_E_IO;
}

/* Why the file beside the target could not be made: the target itself may well be writable. */
static enum rnm_status cannot_create(struct rnm_error *err, const char *path, const char *target, int errnum)
{
	if (errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM)
		return cannot_open(err, path, errnum);
	rnm_error_sys(err, "file.open", errnum, "cannot create a file in the folder %.*s",
	              (int)(strrchr(target, '/') == target ? 1 : strrchr(target, '/') - target), target);
	if (errnum == EACCES || errnum == EPERM || errnum == EROFS)
		rnm_error_set_hint(
		    err, "a new file is made there and then takes the name of the old one: the folder "
			 "must be writable");
	return rnm_error_at_line(err, path, 0), RNM_E_IO;
}

static enum rnm_status cannot_write(struct rnm_error *err, const char *path, int errnum)
{
	rnm_error_sys(err, "file.write", errnum, "cannot write output file %s", path);
	return rnm_error_at_line(err, path, 0), RNM_E_IO;
}

/* What the temporary names of a target begin with.  The leading dot hides them from "*.rnm". */
static char *temp_stem(const char *target)
{
	const char *name = strrchr(target, '/') + 1;
	char *stem = NULL;

	if (asprintf(&stem, "%.*s.%.200s.", (int)(name - target), target, name) < 0)
		return NULL;
	return stem;
}

/* A new file for the bytes: one without a name (*temp is NULL) where the filesystem can do that. */
static int open_temp(const char *target, mode_t mode, char **temp)
{
	char *folder = rnm_file_folder(target);
	int fd = folder != NULL ? rnm_temp_nameless(folder, mode, true) : -1;
	char *stem;

	*temp = NULL;
	free(folder);
	if (fd >= 0 || folder == NULL || (errno != ENOTSUP && errno != ENOENT))
		return fd;
	stem = temp_stem(target);
	if (stem != NULL)
		fd = rnm_temp_create(stem, mode, temp);
	free(stem);
	return fd;
}

/*
 * The new file takes the permissions and, where we may, the owner of the old one: rspamd's user must still
 * read it.  Never setuid, setgid or sticky: they were given to a program, not to a model.
 */
static int copy_ownership(int fd, const struct stat *old, mode_t mask)
{
	/* EINVAL: an owner from outside of our user namespace. */
	if (fchown(fd, old->st_uid, old->st_gid) != 0 && errno != EPERM && errno != EINVAL)
		return -1;
	return fchmod(fd, old->st_mode & mask);
}

/* Shares offset and flags with the original, as >&N of a shell does: what others wrote there stays. */
static int duplicate(int descriptor)
{
	int flags = fcntl(descriptor, F_GETFL);

	if (flags < 0)
		return -1;
	if ((flags & O_ACCMODE) == O_RDONLY) {
		errno = EBADF;
		return -1;
	}
	return fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static enum rnm_status open_beside(struct rnm_replace *replace, const struct stat *old, const char *path,
                                   struct rnm_error *err)
{
	replace->fd = open_temp(replace->target, replace->mode, &replace->temp);
	if (replace->fd < 0)
		return cannot_create(err, path, replace->target, errno);
	if (old != NULL &&
	    copy_ownership(replace->fd, old, replace->mode == NEW_FILE_MODE ? 0777 : replace->mode) != 0)
		return cannot_open(err, path, errno);
	return RNM_OK;
}

static enum rnm_status open_target(struct rnm_replace *replace, int descriptor, const char *path,
                                   struct rnm_error *err)
{
	struct stat st;
	bool exists;

	if (descriptor >= 0) {
		replace->in_place = true;
		replace->fd = duplicate(descriptor);
		return replace->fd >= 0 ? RNM_OK : cannot_open(err, path, errno);
	}
	exists = stat(replace->target, &st) == 0;
	if (!exists)
		return open_beside(replace, NULL, path, err);
	if (S_ISDIR(st.st_mode))
		return cannot_open(err, path, EISDIR);
	if (!S_ISREG(st.st_mode)) {
		replace->in_place = true;
		replace->fd = open(replace->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return replace->fd >= 0 ? RNM_OK : cannot_open(err, path, errno);
	}
	if (replace->keep)
		return cannot_open(err, path, EEXIST);
	/* A rename would replace a write-protected file all the same; protection is meant. */
	if (faccessat(AT_FDCWD, replace->target, W_OK, AT_EACCESS) != 0)
		return cannot_open(err, path, errno);
	return open_beside(replace, &st, path, err);
}

static enum rnm_status open_as_asked(struct rnm_replace *out, struct rnm_replace replace, const char *path,
                                     struct rnm_error *err)
{
	enum rnm_status status;
	int descriptor;

	replace.fd = -1;
	replace.target = rnm_file_target(path, &descriptor);
	if (replace.target == NULL)
		return cannot_open(err, path, errno);
	status = open_target(&replace, descriptor, path, err);
	if (status == RNM_OK)
		*out = replace;
	else
		rnm_replace_abort(&replace);
	return status;
}

/* The checks of open_target, for a file that is there already. */
static enum rnm_status adopt(struct rnm_replace *replace, int descriptor, const char *path,
                             struct rnm_error *err)
{
	struct stat st;

	if (replace->target == NULL)
		return cannot_open(err, path, errno);
	if (stat(replace->target, &st) != 0 && descriptor < 0)
		return errno == ENOENT ? RNM_OK : cannot_open(err, path, errno);
	if (descriptor >= 0 || !S_ISREG(st.st_mode)) {
		rnm_error_set(err, RNM_E_USAGE, "file.target", "%s is no regular file that can be replaced",
		              path);
		return rnm_error_at_line(err, path, 0), RNM_E_USAGE;
	}
	if (faccessat(AT_FDCWD, replace->target, W_OK, AT_EACCESS) != 0 ||
	    copy_ownership(replace->fd, &st, 0777) != 0)
		return cannot_open(err, path, errno);
	return RNM_OK;
}

enum rnm_status rnm_replace_adopt(struct rnm_replace *out, const char *path, int fd, char *temp,
                                  struct rnm_error *err)
{
	struct rnm_replace replace = { .fd = fd, .temp = temp };
	enum rnm_status status;
	int descriptor;

	replace.target = rnm_file_target(path, &descriptor);
	status = adopt(&replace, descriptor, path, err);
	if (status == RNM_OK)
		*out = replace;
	else
		rnm_replace_abort(&replace);
	return status;
}

enum rnm_status rnm_replace_open(struct rnm_replace *out, const char *path, struct rnm_error *err)
{
	return open_as_asked(out, (struct rnm_replace){ .mode = NEW_FILE_MODE }, path, err);
}

enum rnm_status rnm_replace_open_with(struct rnm_replace *out, const char *path, mode_t mode, bool keep,
                                      struct rnm_error *err)
{
	return open_as_asked(out, (struct rnm_replace){ .mode = mode, .keep = keep }, path, err);
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

enum rnm_status rnm_replace_rename(struct rnm_replace *replace, const char *name, struct rnm_error *err)
{
	const char *slash = strrchr(replace->target, '/');
	char *target = NULL;

	if (asprintf(&target, "%.*s/%s", (int)(slash - replace->target), replace->target, name) < 0)
		return rnm_error_nomem(err);
	free(replace->target);
	replace->target = target;
	return RNM_OK;
}

/* Gives the nameless file a temporary name, from which it can be renamed over the target. */
static bool give_name(struct rnm_replace *replace)
{
	char *stem = temp_stem(replace->target);

	if (stem != NULL)
		replace->temp = rnm_temp_link(replace->fd, stem);
	free(stem);
	return replace->temp != NULL;
}

bool rnm_file_sync_folder(const char *path)
{
	char *folder = rnm_file_folder(path);
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

/* The temporary name becomes the target, unless there is one by now that is to stay. */
static bool take_target(struct rnm_replace *replace)
{
	if (!replace->keep)
		return rename(replace->temp, replace->target) == 0;
	if (renameat2(AT_FDCWD, replace->temp, AT_FDCWD, replace->target, RENAME_NOREPLACE) == 0)
		return true;
	/* A filesystem that cannot do that can link, which never replaces. */
	return errno == EINVAL && link(replace->temp, replace->target) == 0 && unlink(replace->temp) == 0;
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
	    !take_target(replace))
		errnum = errno;
	if (errnum == 0) {
		free(replace->temp); /* renamed: there is nothing left for abort to remove */
		replace->temp = NULL;
		if (!rnm_file_sync_folder(replace->target))
			errnum = errno;
	}
	if (errnum != 0)
		status = cannot_write(err, replace->target, errnum);
	rnm_replace_abort(replace);
	return status;
}

void rnm_replace_abort(struct rnm_replace *replace)
{
	/* In this order: once closed it may be taken for left over. */
	if (replace->temp != NULL)
		unlink(replace->temp);
	if (replace->fd >= 0)
		close(replace->fd);
	free(replace->temp);
	free(replace->target);
	replace->temp = NULL;
	replace->target = NULL;
	replace->fd = -1;
}

enum rnm_status rnm_file_write_with(const char *path, const void *data, size_t len, mode_t mode, bool keep,
                                    struct rnm_error *err)
{
	struct rnm_replace replace;
	enum rnm_status status = rnm_replace_open_with(&replace, path, mode, keep, err);

	if (status != RNM_OK)
		return status;
	status = rnm_replace_write(&replace, data, len, err);
	if (status == RNM_OK)
		return rnm_replace_commit(&replace, err);
	rnm_replace_abort(&replace);
	return status;
}

enum rnm_status rnm_file_write(const char *path, const void *data, size_t len, struct rnm_error *err)
{
	return rnm_file_write_with(path, data, len, NEW_FILE_MODE, false, err);
}
