/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECTS "objects"
/* No object has this name, and no two writers are in one folder. */
#define NAMELESS ".new"

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
	enum rnm_status status = objects != NULL ? make_folder(path, err) : rnm_error_nomem(err);

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

/* ---- objects ---- */

static enum rnm_status write_error(const struct rnm_error *failure, struct rnm_error *err)
{
	if (err == NULL)
		return failure->status;
	*err = *failure;
	(void)snprintf(err->id, sizeof(err->id), "backup.write");
	return failure->status;
}

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

enum rnm_status rnm_backup_object_begin(struct rnm_backup_object *object, const char *folder, bool dry_run,
                                        struct rnm_error *err)
{
	struct rnm_error failure;
	enum rnm_status status = RNM_OK;
	char *path;

	object->folder = folder;
	object->is_open = false;
	object->size = 0;
	(void)crypto_generichash_init(&object->state, NULL, 0, crypto_generichash_BYTES);
	if (dry_run)
		return RNM_OK;
	path = rnm_backup_object_path(folder, NAMELESS);
	if (path == NULL)
		return rnm_error_nomem(err);
	if (rnm_replace_open(&object->file, path, &failure) == RNM_OK)
		object->is_open = true;
	else
		status = write_error(&failure, err);
	free(path);
	return status;
}

enum rnm_status rnm_backup_object_put(struct rnm_backup_object *object, const void *data, size_t len,
                                      struct rnm_error *err)
{
	struct rnm_error failure;

	(void)crypto_generichash_update(&object->state, data, len);
	object->size += len;
	if (!object->is_open || rnm_replace_write(&object->file, data, len, &failure) == RNM_OK)
		return RNM_OK;
	return write_error(&failure, err);
}

/* A file of another size is a damaged one. */
static bool lies_there(const char *path, uint64_t size)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

static enum rnm_status keep_object(struct rnm_backup_object *object, const char *hash, struct rnm_error *err)
{
	struct rnm_error failure;
	enum rnm_status status = rnm_replace_rename(&object->file, hash, &failure);

	if (status == RNM_OK) {
		object->is_open = false; /* commit releases it in any case */
		status = rnm_replace_commit(&object->file, &failure);
	}
	return status == RNM_OK ? RNM_OK : write_error(&failure, err);
}

enum rnm_status rnm_backup_object_end(struct rnm_backup_object *object, struct rnm_backup_value *value,
                                      bool *is_new, struct rnm_error *err)
{
	unsigned char hash[crypto_generichash_BYTES];
	enum rnm_status status = RNM_OK;
	char *path;

	(void)crypto_generichash_final(&object->state, hash, sizeof(hash));
	sodium_bin2hex(value->hash, sizeof(value->hash), hash, sizeof(hash));
	value->size = object->size;
	value->inline_bytes = NULL;
	path = rnm_backup_object_path(object->folder, value->hash);
	if (path == NULL)
		return rnm_error_nomem(err);
	*is_new = !lies_there(path, object->size);
	if (*is_new && object->is_open)
		status = keep_object(object, value->hash, err);
	free(path);
	rnm_backup_object_abort(object);
	return status;
}

void rnm_backup_object_abort(struct rnm_backup_object *object)
{
	if (object->is_open)
		rnm_replace_abort(&object->file);
	object->is_open = false;
}
