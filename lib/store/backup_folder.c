/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECTS "objects"

static char *in_folder(const char *folder, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* ---- the folder ---- */

static enum rnm_status folder_error(const char *path, int errnum, struct rnm_error *err)
{
	rnm_error_sys(err, "backup.folder", errnum, "cannot use the folder %s", path);
	if (errnum == ENOENT)
		rnm_error_set_hint(err, "the folder is made when it is not there, but not those above it");
	return RNM_E_IO;
}

static enum rnm_status make_folder(const char *path, struct rnm_error *err)
{
	struct stat st;

	if (mkdir(path, 0777) == 0)
		return RNM_OK;
	if (errno != EEXIST)
		return folder_error(path, errno, err);
	if (stat(path, &st) != 0)
		return folder_error(path, errno, err);
	return S_ISDIR(st.st_mode) ? RNM_OK : folder_error(path, ENOTDIR, err);
}

enum rnm_status rnm_backup_folder_make(const char *path, struct rnm_error *err)
{
	char *objects = in_folder(path, OBJECTS);
	enum rnm_status status;

	if (objects == NULL)
		return rnm_error_nomem(err);
	status = make_folder(path, err);
	if (status == RNM_OK)
		status = make_folder(objects, err);
	free(objects);
	return status;
}

enum rnm_status rnm_backup_folder_lock(int *lock, const char *path, bool exclusive, struct rnm_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*lock = -1;
	if (fd < 0)
		return folder_error(path, errno, err);
	if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) {
		*lock = fd;
		return RNM_OK;
	}
	close(fd);
	/* Some network filesystems have no locks for folders: such backups go without. */
	if (errno != EWOULDBLOCK)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "backup.busy", "another process works in the backup folder %s",
	              path);
	rnm_error_set_hint(err, "wait until that backup or restore is done, and run this again");
	return RNM_E_REFUSED;
}

/* ---- names ---- */

bool rnm_backup_is_hash(const char *text)
{
	return strlen(text) == RNM_BACKUP_HASH_HEX - 1 &&
	       strspn(text, "0123456789abcdef") == RNM_BACKUP_HASH_HEX - 1;
}

char *rnm_backup_object_path(const char *folder, const char *hash)
{
	char *path = NULL;

	return asprintf(&path, "%s/" OBJECTS "/%s", folder, hash) < 0 ? NULL : path;
}
