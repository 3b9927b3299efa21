/* SPDX-License-Identifier: Apache-2.0 */
/* A tree in a folder of this host. */
#include "base/clock.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/hash.h"
#include "share/place.h"
#include "share/published.h"
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

#define FOLDER_ID "publish.folder"
#define HOLDER_MAX 256

struct folder {
	struct rnm_place place;
	char *root;
	int lock; /* a descriptor, or -1 */
};

static struct folder *folder_of(struct rnm_place *place)
{
	return (struct folder *)place;
}

static char *full_path(const struct folder *folder, const char *path)
{
	char *full = NULL;

	return asprintf(&full, "%s/%s", folder->root, path) < 0 ? NULL : full;
}

static enum rnm_status write_error(const char *path, int errnum, struct rnm_error *err)
{
	return rnm_error_sys(err, "publish.write", errnum, "cannot write %s", path);
}

/* ---- the folder and its lock ---- */

static enum rnm_status make_inner(const struct folder *folder, const char *name, struct rnm_error *err)
{
	char *path = full_path(folder, name);
	enum rnm_status status = path != NULL ? rnm_folder_make(FOLDER_ID, path, err) : rnm_error_nomem(err);

	free(path);
	return status;
}

/* Who has written itself into the lock. */
static enum rnm_status is_busy(const struct folder *folder, int fd, struct rnm_error *err)
{
	char holder[HOLDER_MAX];
	ssize_t len = pread(fd, holder, sizeof(holder) - 1, 0);

	holder[len > 0 ? len : 0] = '\0';
	holder[strcspn(holder, "\n")] = '\0';
	rnm_error_set(err, RNM_E_REFUSED, "publish.busy", "another publisher works in %s: %s", folder->root,
	              holder[0] != '\0' ? holder : "it has just begun");
	rnm_error_set_hint(err, "run this again when it is done");
	return RNM_E_REFUSED;
}

static bool sign_lock(int fd, int64_t now)
{
	char text[HOLDER_MAX], host[HOST_NAME_MAX + 1] = "this host", since[RNM_UTC_SIZE];
	int len;

	(void)gethostname(host, sizeof(host) - 1);
	(void)rnm_utc_write(since, (double)now);
	len = snprintf(text, sizeof(text), "process %ld on %s since %s\n", (long)getpid(), host, since);
	return ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 && rnm_write_all(fd, text, (size_t)len);
}

/* Some network filesystems have no locks: such trees go without. */
static enum rnm_status lock_open(const struct folder *folder, int fd, const char *path, int64_t now,
                                 struct rnm_error *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return is_busy(folder, fd, err);
	return sign_lock(fd, now) ? RNM_OK : write_error(path, errno, err);
}

static enum rnm_status take_lock(struct folder *folder, int64_t now, struct rnm_error *err)
{
	char *path = full_path(folder, RNM_TREE_LOCK);
	enum rnm_status status;
	int fd;

	if (path == NULL)
		return rnm_error_nomem(err);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	status = fd >= 0 ? lock_open(folder, fd, path, now, err) : write_error(path, errno, err);
	if (status == RNM_OK)
		folder->lock = fd;
	else if (fd >= 0)
		close(fd);
	free(path);
	return status;
}

static enum rnm_status folder_lock(struct rnm_place *place, int64_t now, struct rnm_error *err)
{
	struct folder *folder = folder_of(place);
	enum rnm_status status = rnm_folder_make(FOLDER_ID, folder->root, err);

	if (status == RNM_OK)
		status = take_lock(folder, now, err);
	if (status == RNM_OK)
		status = make_inner(folder, RNM_TREE_OBJECTS, err);
	return status == RNM_OK ? make_inner(folder, RNM_TREE_MODELS, err) : status;
}

static void folder_close(struct rnm_place *place)
{
	struct folder *folder = folder_of(place);

	if (folder->lock >= 0) {
		/* Nobody holds it any more.  Should that fail, the next holder writes over it. */
		if (ftruncate(folder->lock, 0) != 0)
			errno = 0;
		close(folder->lock);
	}
	free(folder->root);
	free(folder);
}

/* ---- files ---- */

static enum rnm_status folder_read(struct rnm_place *place, const char *path, struct rnm_buf *out, size_t max,
                                   struct rnm_error *err)
{
	char *full = full_path(folder_of(place), path);
	enum rnm_status status = full != NULL ? rnm_file_read(full, out, max, err) : rnm_error_nomem(err);

	free(full);
	return status;
}

/* A link in the place of a file is not followed: it would lead the publisher out of the tree. */
static enum rnm_status look_at(const char *path, struct rnm_place_file *out, struct rnm_error *err)
{
	struct stat st;

	*out = (struct rnm_place_file){ .exists = false };
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? RNM_OK
		                       : rnm_error_sys(err, FOLDER_ID, errno, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		return write_error(path, S_ISLNK(st.st_mode) ? ELOOP : EISDIR, err);
	*out = (struct rnm_place_file){ true, (uint64_t)st.st_size, st.st_mtim.tv_sec };
	return RNM_OK;
}

static enum rnm_status folder_look(struct rnm_place *place, const char *path, struct rnm_place_file *out,
                                   struct rnm_error *err)
{
	char *full = full_path(folder_of(place), path);
	enum rnm_status status = full != NULL ? look_at(full, out, err) : rnm_error_nomem(err);

	free(full);
	return status;
}

/* The time is there before the name is: no reader sees new bytes under an old date, or any other. */
static enum rnm_status replace(const char *path, struct rnm_bytes bytes, int64_t time, struct rnm_error *err)
{
	const struct timespec times[2] = { { .tv_sec = time }, { .tv_sec = time } };
	struct rnm_replace file;
	enum rnm_status status = rnm_replace_open(&file, path, err);

	if (status != RNM_OK)
		return status;
	status = rnm_replace_write(&file, bytes.data, bytes.len, err);
	if (status == RNM_OK && futimens(file.fd, times) != 0)
		status = write_error(path, errno, err);
	if (status == RNM_OK)
		return rnm_replace_commit(&file, err);
	rnm_replace_abort(&file);
	return status;
}

static enum rnm_status folder_write(struct rnm_place *place, const char *path, struct rnm_bytes bytes,
                                    int64_t not_before, struct rnm_error *err)
{
	char *full = full_path(folder_of(place), path);
	struct rnm_place_file old = { .exists = false };
	enum rnm_status status = full != NULL ? look_at(full, &old, err) : rnm_error_nomem(err);

	if (status == RNM_OK)
		status = replace(full, bytes,
		                 old.exists && old.time >= not_before ? old.time + 1 : not_before, err);
	free(full);
	return status;
}

static bool append_at(int fd, struct rnm_bytes bytes, size_t size)
{
	struct stat st;

	return fstat(fd, &st) == 0 && ((size_t)st.st_size <= size || ftruncate(fd, (off_t)size) == 0) &&
	       lseek(fd, (off_t)size, SEEK_SET) >= 0 && rnm_write_all(fd, bytes.data, bytes.len) &&
	       fsync(fd) == 0;
}

static enum rnm_status folder_append(struct rnm_place *place, const char *path, struct rnm_bytes whole,
                                     size_t size, struct rnm_error *err)
{
	const struct rnm_bytes rest = { whole.data + size, whole.len - size };
	char *full = full_path(folder_of(place), path);
	enum rnm_status status = RNM_OK;
	int fd, errnum = 0;

	if (full == NULL)
		return rnm_error_nomem(err);
	fd = open(full, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0) {
		status = write_error(full, errno, err);
		free(full);
		return status;
	}
	if (!append_at(fd, rest, size) || !rnm_file_sync_folder(full)) {
		errnum = errno;
		/* What has not been decided must not be found: neither half a line nor a whole one. */
		if (size > 0 ? ftruncate(fd, (off_t)size) != 0 : unlink(full) != 0)
			errno = errnum;
	}
	close(fd);
	if (errnum != 0)
		status = write_error(full, errnum, err);
	free(full);
	return status;
}

static enum rnm_status remove_at(const char *path, struct rnm_error *err)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return rnm_error_sys(err, "publish.write", errno, "cannot remove %s", path);
	return RNM_OK;
}

static enum rnm_status folder_remove(struct rnm_place *place, const char *path, struct rnm_error *err)
{
	char *full = full_path(folder_of(place), path);
	enum rnm_status status = full != NULL ? remove_at(full, err) : rnm_error_nomem(err);

	free(full);
	return status;
}

/* ---- sweeping ---- */

struct sweep {
	bool (*is_wanted)(const void *ctx, const char *hash);
	const void *ctx;
};

/* The names that lib/base/file_temp gives: nobody else is at work here, so nobody needs such a file. */
static bool is_temporary(const char *name)
{
	size_t len = strlen(name);

	return name[0] == '.' && len > 4 && strcmp(name + len - 4, ".tmp") == 0 &&
	       strstr(name, ".rnm-") != NULL;
}

static bool is_unwanted(const struct sweep *sweep, const char *name)
{
	static const char *const endings[] = { RNM_TREE_OBJECT_ENDING,
		                               RNM_TREE_OBJECT_ENDING RNM_SIGNATURE_SUFFIX,
		                               RNM_TREE_OBJECT_ENDING RNM_STATEMENT_SUFFIX };
	char hash[RNM_OBJECT_HASH_HEX];

	if (is_temporary(name))
		return true;
	if (strlen(name) < sizeof(hash))
		return false;
	memcpy(hash, name, sizeof(hash) - 1);
	hash[sizeof(hash) - 1] = '\0';
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (strcmp(name + sizeof(hash) - 1, endings[i]) == 0)
			return rnm_is_hash_text(hash) && !sweep->is_wanted(sweep->ctx, hash);
	return false;
}

static enum rnm_status sweep_open(const struct sweep *sweep, DIR *dir, const char *path,
                                  struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	const struct dirent *entry;

	while (status == RNM_OK && (errno = 0, entry = readdir(dir)) != NULL) {
		char *victim = NULL;

		if (!is_unwanted(sweep, entry->d_name))
			continue;
		if (asprintf(&victim, "%s/%s", path, entry->d_name) < 0)
			return rnm_error_nomem(err);
		status = remove_at(victim, err);
		free(victim);
	}
	if (status == RNM_OK && errno != 0)
		status = rnm_folder_error(FOLDER_ID, path, errno, err);
	return status;
}

static enum rnm_status sweep_folder(const struct folder *folder, const char *name, const struct sweep *sweep,
                                    struct rnm_error *err)
{
	char *path = full_path(folder, name);
	enum rnm_status status;
	DIR *dir;

	if (path == NULL)
		return rnm_error_nomem(err);
	dir = opendir(path);
	status =
	    dir != NULL ? sweep_open(sweep, dir, path, err) : rnm_folder_error(FOLDER_ID, path, errno, err);
	if (dir != NULL)
		closedir(dir);
	free(path);
	return status;
}

static enum rnm_status folder_sweep(struct rnm_place *place,
                                    bool (*is_wanted)(const void *ctx, const char *hash), const void *ctx,
                                    struct rnm_error *err)
{
	const struct sweep sweep = { is_wanted, ctx };
	const struct folder *folder = folder_of(place);
	enum rnm_status status = sweep_folder(folder, ".", &sweep, err);

	if (status == RNM_OK)
		status = sweep_folder(folder, RNM_TREE_MODELS, &sweep, err);
	return status == RNM_OK ? sweep_folder(folder, RNM_TREE_OBJECTS, &sweep, err) : status;
}

/* ---- */

static const struct rnm_place_ops folder_ops = {
	.keeps_times = true,
	.lock = folder_lock,
	.read = folder_read,
	.look = folder_look,
	.write = folder_write,
	.append = folder_append,
	.remove = folder_remove,
	.sweep = folder_sweep,
	.close = folder_close,
};

enum rnm_status rnm_place_folder(struct rnm_place **out, const char *path, struct rnm_error *err)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (folder == NULL)
		return rnm_error_nomem(err);
	folder->place.ops = &folder_ops;
	folder->lock = -1;
	folder->root = strdup(path);
	if (folder->root == NULL) {
		free(folder);
		return rnm_error_nomem(err);
	}
	*out = &folder->place;
	return RNM_OK;
}
