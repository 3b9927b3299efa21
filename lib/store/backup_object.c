/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "store/backup_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No object has this name, and no two writers are in one folder. */
#define NAMELESS ".new"
#define COMPARE_STEP ((size_t)16 << 10)

static enum rnm_status write_error(const struct rnm_error *failure, struct rnm_error *err)
{
	if (err == NULL)
		return failure->status;
	*err = *failure;
	(void)snprintf(err->id, sizeof(err->id), "backup.write");
	return failure->status;
}

static enum rnm_status open_file(struct rnm_backup_object *object, struct rnm_error *err)
{
	char *path = rnm_backup_object_path(object->folder, NAMELESS);
	enum rnm_status status = RNM_OK;
	struct rnm_error failure;

	if (path == NULL)
		return rnm_error_nomem(err);
	if (rnm_replace_open(&object->file, path, &failure) == RNM_OK)
		object->is_open = true;
	else
		status = write_error(&failure, err);
	free(path);
	return status;
}

static enum rnm_status write_file(struct rnm_backup_object *object, const void *data, size_t len,
                                  struct rnm_error *err)
{
	struct rnm_error failure;

	if (!object->is_open || rnm_replace_write(&object->file, data, len, &failure) == RNM_OK)
		return RNM_OK;
	return write_error(&failure, err);
}

/* ---- beside the object that it was ---- */

static enum rnm_status cannot_read(const struct rnm_backup_object *object, int errnum, struct rnm_error *err)
{
	rnm_error_sys(err, "backup.object", errnum, "cannot read %s/objects/%s", object->folder,
	              object->expected);
	rnm_error_set_hint(err, "remove it, and the next backup writes it again");
	return RNM_E_IO;
}

/* One that is not there, or no file, is not known. */
static enum rnm_status open_known(struct rnm_backup_object *object, struct rnm_error *err)
{
	char *path = rnm_backup_object_path(object->folder, object->expected);
	struct stat st;

	if (path == NULL)
		return rnm_error_nomem(err);
	object->known = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	free(path);
	if (object->known < 0)
		return errno == ENOENT || errno == ELOOP ? RNM_OK : cannot_read(object, errno, err);
	if (fstat(object->known, &st) != 0)
		return cannot_read(object, errno, err);
	if (!S_ISREG(st.st_mode)) {
		close(object->known);
		object->known = -1;
	}
	return RNM_OK;
}

/* Up to COMPARE_STEP bytes of the known object; *got is 0 at its end. */
static enum rnm_status read_known(const struct rnm_backup_object *object, char *buffer, uint64_t size,
                                  uint64_t offset, size_t *got, struct rnm_error *err)
{
	ssize_t count;

	do
		count = pread(object->known, buffer, size < COMPARE_STEP ? (size_t)size : COMPARE_STEP,
		              (off_t)offset);
	while (count < 0 && errno == EINTR);
	*got = count > 0 ? (size_t)count : 0;
	return count < 0 ? cannot_read(object, errno, err) : RNM_OK;
}

/* RNM_NO when the bytes part. */
static enum rnm_status compare_known(const struct rnm_backup_object *object, const char *data, size_t len,
                                     struct rnm_error *err)
{
	char buffer[COMPARE_STEP];

	for (size_t done = 0; done < len;) {
		size_t got;
		enum rnm_status status =
		    read_known(object, buffer, len - done, object->size + done, &got, err);

		if (status != RNM_OK)
			return status;
		if (got == 0 || memcmp(buffer, data + done, got) != 0)
			return RNM_NO;
		done += got;
	}
	return RNM_OK;
}

/* RNM_NO unless what has agreed is all of the known object, and that is what its name says. */
static enum rnm_status compare_end(const struct rnm_backup_object *object, const char *hash,
                                   struct rnm_error *err)
{
	char byte;
	size_t got;
	enum rnm_status status = read_known(object, &byte, 1, object->size, &got, err);

	if (status != RNM_OK)
		return status;
	return got == 0 && strcmp(hash, object->expected) == 0 ? RNM_OK : RNM_NO;
}

/* It is another object after all: what has agreed so far is copied. */
static enum rnm_status part_ways(struct rnm_backup_object *object, struct rnm_error *err)
{
	enum rnm_status status = object->dry_run ? RNM_OK : open_file(object, err);
	char buffer[COMPARE_STEP];

	for (uint64_t done = 0; status == RNM_OK && !object->dry_run && done < object->size;) {
		size_t got;

		status = read_known(object, buffer, object->size - done, done, &got, err);
		/* Somebody has cut it short meanwhile. */
		if (status == RNM_OK && got == 0)
			status = cannot_read(object, EIO, err);
		if (status == RNM_OK)
			status = write_file(object, buffer, got, err);
		done += got;
	}
	close(object->known);
	object->known = -1;
	return status;
}

/* ---- begin, put, end ---- */

enum rnm_status rnm_backup_object_begin(struct rnm_backup_object *object, const char *folder,
                                        const char *expected, bool dry_run, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	object->folder = folder;
	object->expected = expected;
	object->dry_run = dry_run;
	object->known = -1;
	object->is_open = false;
	object->size = 0;
	rnm_hash_begin(&object->state);
	if (expected != NULL)
		status = open_known(object, err);
	return status == RNM_OK && object->known < 0 && !dry_run ? open_file(object, err) : status;
}

enum rnm_status rnm_backup_object_put(struct rnm_backup_object *object, const void *data, size_t len,
                                      struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	(void)crypto_generichash_update(&object->state, data, len);
	if (object->known >= 0)
		status = compare_known(object, data, len, err);
	if (status == RNM_NO)
		status = part_ways(object, err);
	if (status == RNM_OK)
		status = write_file(object, data, len, err);
	object->size += len;
	return status;
}

/* A file of another size is a damaged one. */
static enum rnm_status lies_there(const char *path, uint64_t size, bool *there, struct rnm_error *err)
{
	struct stat st;

	*there = false;
	if (stat(path, &st) == 0)
		*there = S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
	else if (errno != ENOENT && errno != ENOTDIR)
		return rnm_error_sys(err, "backup.object", errno, "cannot look at %s", path);
	return RNM_OK;
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

static enum rnm_status end_new(struct rnm_backup_object *object, const char *hash, bool *is_new,
                               struct rnm_error *err)
{
	/* One that was read and found to be something else than its name says is replaced. */
	const bool damaged = object->expected != NULL && strcmp(hash, object->expected) == 0;
	char *path = rnm_backup_object_path(object->folder, hash);
	enum rnm_status status;
	bool there;

	if (path == NULL)
		return rnm_error_nomem(err);
	status = lies_there(path, object->size, &there, err);
	*is_new = damaged || !there;
	if (status == RNM_OK && *is_new && object->is_open)
		status = keep_object(object, hash, err);
	free(path);
	return status;
}

enum rnm_status rnm_backup_object_end(struct rnm_backup_object *object, struct rnm_backup_value *value,
                                      bool *is_new, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	rnm_hash_end(value->hash, &object->state);
	value->size = object->size;
	value->inline_bytes = NULL;
	*is_new = false;
	if (object->known >= 0)
		status = compare_end(object, value->hash, err);
	if (status == RNM_NO)
		status = part_ways(object, err);
	if (status == RNM_OK && object->known < 0)
		status = end_new(object, value->hash, is_new, err);
	rnm_backup_object_abort(object);
	return status;
}

void rnm_backup_object_abort(struct rnm_backup_object *object)
{
	if (object->is_open)
		rnm_replace_abort(&object->file);
	if (object->known >= 0)
		close(object->known);
	object->is_open = false;
	object->known = -1;
}
