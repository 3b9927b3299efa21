/* SPDX-License-Identifier: Apache-2.0 */
#include "store/restore_object.h"

#include "base/hash.h"
#include "store/backup_folder.h"
#include "store/backup_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rnm_status damaged(const struct rnm_restore_object *object, const char *found,
                               struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_MALFORMED, "backup.object",
	              "expected an object of %llu bytes with the hash that is its name, found %s: %s",
	              (unsigned long long)object->value->size, found, object->path);
	rnm_error_set_hint(err,
	                   "the backup is damaged there and nothing was changed; an older manifest of the "
	                   "folder may name another object: rnm restore DIR/manifest-TIME.json");
	return RNM_E_MALFORMED;
}

static enum rnm_status open_file(struct rnm_restore_object *object, struct rnm_error *err)
{
	struct stat st;

	object->fd = open(object->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (object->fd < 0 && errno == ENOENT)
		return damaged(object, "none", err);
	if (object->fd < 0 || fstat(object->fd, &st) != 0)
		return rnm_error_sys(err, "backup.object", errno, "cannot open %s", object->path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != object->value->size)
		return damaged(object, "another size", err);
	return RNM_OK;
}

enum rnm_status rnm_restore_object_open(struct rnm_restore_object *object,
                                        const struct rnm_backup_manifest *manifest,
                                        const struct rnm_backup_value *value, struct rnm_error *err)
{
	object->value = value;
	object->path = NULL;
	object->fd = -1;
	object->pos = 0;
	if (value->inline_bytes != NULL)
		return RNM_OK;
	rnm_hash_begin(&object->state);
	object->path = rnm_backup_object_path(manifest->storage->folder, value->hash);
	return object->path != NULL ? open_file(object, err) : rnm_error_nomem(err);
}

static size_t read_inline(struct rnm_restore_object *object, void *data, size_t size)
{
	uint64_t left = object->value->size - object->pos;
	size_t len = left < size ? (size_t)left : size;

	memcpy(data, object->value->inline_bytes + object->pos, len);
	object->pos += len;
	return len;
}

static enum rnm_status check_hash(struct rnm_restore_object *object, struct rnm_error *err)
{
	char hex[RNM_HASH_HEX];

	rnm_hash_end(hex, &object->state);
	return strcmp(hex, object->value->hash) == 0 ? RNM_OK : damaged(object, "another hash", err);
}

enum rnm_status rnm_restore_object_read(struct rnm_restore_object *object, void *data, size_t size,
                                        size_t *got, struct rnm_error *err)
{
	uint64_t left = object->value->size - object->pos;
	ssize_t count;

	*got = 0;
	if (left == 0)
		return RNM_OK;
	if (object->fd < 0) {
		*got = read_inline(object, data, size);
		return RNM_OK;
	}
	do
		count = read(object->fd, data, left < size ? (size_t)left : size);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return rnm_error_sys(err, "backup.object", errno, "cannot read %s", object->path);
	if (count == 0)
		return damaged(object, "a shorter one", err);
	(void)crypto_generichash_update(&object->state, data, (size_t)count);
	object->pos += (uint64_t)count;
	*got = (size_t)count;
	return object->pos == object->value->size ? check_hash(object, err) : RNM_OK;
}

void rnm_restore_object_close(struct rnm_restore_object *object)
{
	if (object->fd >= 0)
		close(object->fd);
	free(object->path);
	object->fd = -1;
	object->path = NULL;
}

enum rnm_status rnm_restore_value(struct rnm_buf *out, const struct rnm_backup_manifest *manifest,
                                  const struct rnm_backup_value *value, struct rnm_error *err)
{
	struct rnm_restore_object object;
	enum rnm_status status = rnm_restore_object_open(&object, manifest, value, err);
	size_t got = 1;

	rnm_buf_clear(out);
	if (status == RNM_OK && value->size > RNM_BACKUP_MEMBER_MAX)
		status = rnm_error_set(err, RNM_E_MALFORMED, "backup.object",
		                       "expected a profile of at most %zu bytes, found %llu",
		                       RNM_BACKUP_MEMBER_MAX, (unsigned long long)value->size);
	if (status == RNM_OK && !rnm_buf_reserve(out, (size_t)value->size + 1))
		status = rnm_error_nomem(err);
	while (status == RNM_OK && got > 0) {
		status = rnm_restore_object_read(&object, out->data + out->len,
		                                 (size_t)value->size - out->len, &got, err);
		out->len += got;
	}
	rnm_restore_object_close(&object);
	if (status == RNM_OK && out->data != NULL)
		out->data[out->len] = '\0';
	return status;
}
