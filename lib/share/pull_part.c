/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "share/pull_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written pages are handed to the disk in steps of this size, so that the final fsync has little left. */
#define WRITE_OUT_STEP ((uint64_t)8 << 20)

static enum rnm_status cannot_write(const struct rnm_pulling *pulling, int errnum, struct rnm_error *err)
{
	rnm_error_sys(err, "file.write", errnum, "cannot write the unfinished download %s",
	              pulling->paths.part);
	return rnm_error_at_line(err, pulling->paths.part, 0), RNM_E_IO;
}

/* The permissions that the model will have: nobody reads half of it who may not read the whole. */
static mode_t future_mode(const struct rnm_pulling *pulling)
{
	struct stat st;

	if (pulling->paths.target != NULL && stat(pulling->paths.target, &st) == 0)
		return st.st_mode & 0777;
	return 0666;
}

static int open_part(const char *path, mode_t mode)
{
	return open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
}

static enum rnm_status cannot_open(const struct rnm_pulling *pulling, int errnum, struct rnm_error *err)
{
	rnm_error_sys(err, "file.open", errnum, "cannot create the unfinished download %s",
	              pulling->paths.part);
	return rnm_error_at_line(err, pulling->paths.part, 0), RNM_E_IO;
}

/* Ours, of our own making, and still there under its name: another pull may just have put it in place. */
static bool is_ours(const struct stat *opened, const struct stat *named)
{
	return S_ISREG(opened->st_mode) && opened->st_uid == geteuid() && opened->st_nlink == 1 &&
	       opened->st_dev == named->st_dev && opened->st_ino == named->st_ino;
}

static enum rnm_status open_locked(struct rnm_pulling *pulling, struct rnm_error *err)
{
	const char *path = pulling->paths.part;
	struct stat opened, named = { 0 };

	pulling->part = open_part(path, future_mode(pulling));
	if (pulling->part < 0)
		return cannot_open(pulling, errno, err);
	if (flock(pulling->part, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return rnm_error_set(err, RNM_E_REFUSED, "pull.locked", "another pull is writing %s", path);
	if (fstat(pulling->part, &opened) != 0 || (lstat(path, &named) != 0 && errno != ENOENT))
		return cannot_open(pulling, errno, err);
	return is_ours(&opened, &named)
	           ? RNM_OK
	           : rnm_error_set(err, RNM_E_REFUSED, "pull.locked",
	                           "%s is not the unfinished download of this user, or another pull has "
	                           "just put it in place",
	                           path);
}

/* Only what is known to be a beginning of this model, and where its server can be asked for the rest. */
static bool is_beginning(const struct rnm_pulling *pulling, uint64_t len)
{
	const struct rnm_pull_state *state = pulling->state;

	return len > 0 && len <= pulling->statement.size && state->has_part &&
	       memcmp(state->part, pulling->statement.blake2b, RNM_BLAKE2B_SIZE) == 0;
}

/* A dry run leaves nothing anywhere. */
static enum rnm_status open_in_memory(struct rnm_pulling *pulling, struct rnm_error *err)
{
	pulling->part = memfd_create("rnm-pull", MFD_CLOEXEC);
	if (pulling->part >= 0)
		return RNM_OK;
	rnm_error_sys(err, "file.open", errno, "cannot keep the model in memory");
	return RNM_E_IO;
}

enum rnm_status rnm_pull_part_open(struct rnm_pulling *pulling, uint64_t *len, struct rnm_error *err)
{
	enum rnm_status status;
	struct stat st;

	*len = 0;
	if (pulling->options->dry_run)
		return open_in_memory(pulling, err);
	status = open_locked(pulling, err);
	if (status != RNM_OK)
		return status;
	if (fstat(pulling->part, &st) != 0)
		return cannot_open(pulling, errno, err);
	if (!is_beginning(pulling, (uint64_t)st.st_size))
		return rnm_pull_part_cut(pulling, err);
	*len = (uint64_t)st.st_size;
	return RNM_OK;
}

enum rnm_status rnm_pull_part_cut(struct rnm_pulling *pulling, struct rnm_error *err)
{
	if (ftruncate(pulling->part, 0) == 0)
		return RNM_OK;
	return cannot_write(pulling, errno, err);
}

static bool write_at(int fd, const char *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t put = pwrite(fd, data, len, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		data += put;
		len -= (size_t)put;
		offset += (size_t)put;
	}
	return true;
}

enum rnm_status rnm_pull_part_write(struct rnm_pulling *pulling, uint64_t offset, const void *data,
                                    size_t len, struct rnm_error *err)
{
	const uint64_t from = offset / WRITE_OUT_STEP * WRITE_OUT_STEP;

	if (!write_at(pulling->part, data, len, offset))
		return cannot_write(pulling, errno, err);
	/* Only a wish: a filesystem that cannot do it loses nothing. */
	if (from != (offset + len) / WRITE_OUT_STEP * WRITE_OUT_STEP)
		(void)sync_file_range(pulling->part, (off_t)from, (off_t)(offset + len - from),
		                      SYNC_FILE_RANGE_WRITE);
	return RNM_OK;
}

void rnm_pull_part_complete(struct rnm_pulling *pulling)
{
	(void)sync_file_range(pulling->part, 0, 0, SYNC_FILE_RANGE_WRITE);
}

void rnm_pull_part_close(struct rnm_pulling *pulling)
{
	if (pulling->part >= 0)
		close(pulling->part);
	pulling->part = -1;
}

void rnm_pull_part_drop(struct rnm_pulling *pulling)
{
	/* In this order: once closed it may be another's. */
	if (pulling->part >= 0 && !pulling->options->dry_run)
		(void)unlink(pulling->paths.part);
	rnm_pull_part_close(pulling);
}
