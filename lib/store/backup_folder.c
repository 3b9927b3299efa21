/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup_folder.h"

#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define OBJECTS "objects"
#define FOLDER_ID "backup.folder"

static char *in_folder(const char *folder, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* ---- the folder ---- */

enum rnm_status rnm_backup_folder_make(const char *path, struct rnm_error *err)
{
	char *objects = in_folder(path, OBJECTS);
	enum rnm_status status;

	if (objects == NULL)
		return rnm_error_nomem(err);
	status = rnm_folder_make(FOLDER_ID, path, err);
	if (status == RNM_OK)
		status = rnm_folder_make(FOLDER_ID, objects, err);
	free(objects);
	return status;
}

enum rnm_status rnm_backup_folder_lock(int *lock, const char *path, bool exclusive, struct rnm_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*lock = -1;
	if (fd < 0)
		return rnm_folder_error(FOLDER_ID, path, errno, err);
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

char *rnm_backup_object_path(const char *folder, const char *hash)
{
	char *path = NULL;

	return asprintf(&path, "%s/" OBJECTS "/%s", folder, hash) < 0 ? NULL : path;
}
