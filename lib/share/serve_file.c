/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a tree: opened, hashed, looked at. */
#include "share/serve_file.h"

#include "base/hash.h"
#include "share/serve_model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Bytes read at once for the hash. */
#define CHUNK ((size_t)64 << 10)
/* How often a file that is being written is read anew. */
#define ATTEMPTS 3

_Static_assert(RNM_ETAG_SIZE == RNM_HASH_HEX + 2, "BLAKE2b-256 in quotes");

/* A link may lead to another place in the tree, and nowhere else. */
static int open_beneath(int folder, const char *path)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, folder, path, &how, sizeof(how));

	/* An old kernel, or a sandbox that does not know the call: then without links. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	return (int)fd;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Without the time of the inode, which another link to it changes too. */
static bool same_content(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim);
}

bool rnm_served_unchanged(const struct rnm_served *file)
{
	struct stat now;

	return fstat(file->fd, &now) == 0 && same_content(&now, &file->identity);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && same_content(a, b) &&
	       same_time(a->st_ctim, b->st_ctim);
}

static enum rnm_status hash(struct rnm_served *file, struct rnm_error *err)
{
	static _Thread_local char buffer[CHUNK];
	char hex[RNM_HASH_HEX];
	crypto_generichash_state state;
	uint64_t at = 0;

	rnm_hash_begin(&state);
	while (at < file->size) {
		const uint64_t left = file->size - at;
		const ssize_t n = pread(file->fd, buffer, left < CHUNK ? (size_t)left : CHUNK, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return rnm_error_sys(err, "file.read", n < 0 ? errno : EIO, "cannot read '%s'",
			                     file->name);
		(void)crypto_generichash_update(&state, (const unsigned char *)buffer, (size_t)n);
		at += (uint64_t)n;
	}
	rnm_hash_end(hex, &state);
	(void)snprintf(file->etag, sizeof(file->etag), "\"%s\"", hex);
	return RNM_OK;
}

/* Its hash, of a moment in which nobody wrote to it. */
static enum rnm_status hash_at_rest(struct rnm_served *file, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	struct stat after;

	for (int i = 0; i < ATTEMPTS; i++) {
		file->size = (uint64_t)file->identity.st_size;
		status = hash(file, err);
		if (fstat(file->fd, &after) != 0)
			return rnm_error_sys(err, "file.read", errno, "cannot look at '%s'", file->name);
		if (same_content(&after, &file->identity))
			return status;
		file->identity = after;
	}
	rnm_error_set(err, RNM_E_IO, "serve.changing", "'%s' is being written to", file->name);
	rnm_error_set_hint(err, "publish by renaming a complete file, as rnm publish does");
	return RNM_E_IO;
}

static const char *type_of(const char *name)
{
	const char *end = strrchr(name, '.');

	if (end != NULL && strcmp(end, ".json") == 0)
		return "application/json";
	if (end != NULL && strcmp(end, ".jsonl") == 0)
		return "application/jsonl";
	if (end != NULL && strcmp(end, RNM_STATEMENT_SUFFIX) == 0)
		return "text/plain; charset=utf-8";
	return "application/octet-stream";
}

/*
 * Scanners of rspamd take a new model only if its Last-Modified is greater than that of the one they have;
 * and no time may lie ahead of the answer's Date.
 */
static void set_modified(struct rnm_served *file, const struct rnm_served *old, int64_t now)
{
	const int64_t modified = file->identity.st_mtim.tv_sec;

	file->modified = modified < now ? modified : now;
	if (old != NULL && strcmp(old->etag, file->etag) == 0)
		file->modified = old->modified;
	else if (old != NULL && file->modified <= old->modified)
		file->modified = old->modified + 1;
	rnm_http_date_write(file->modified_text, file->modified);
}

/* An object is named after its content: another one is damage. */
static enum rnm_status check_object(const struct rnm_served *file, struct rnm_error *err)
{
	const size_t prefix = strlen(RNM_SERVED_OBJECTS), digits = RNM_ETAG_SIZE - 3;

	if (strncmp(file->name, RNM_SERVED_OBJECTS, prefix) != 0 ||
	    strlen(file->name) != prefix + digits + strlen(RNM_TREE_OBJECT_ENDING) ||
	    strspn(file->name + prefix, "0123456789abcdef") != digits ||
	    memcmp(file->name + prefix, file->etag + 1, digits) == 0)
		return RNM_OK;
	rnm_error_set(err, RNM_E_MALFORMED, "serve.damaged", "the content of '%s' has the hash %.*s",
	              file->name, (int)digits, file->etag + 1);
	rnm_error_set_hint(err, "remove it, and publish the model again");
	return RNM_E_MALFORMED;
}

/* Whether only those who have the key can tell what is in it (rspamd: maps.secretbox_key). */
static bool is_encrypted(const char *name)
{
	const size_t len = strlen(name);

	return len > 4 && strcasecmp(name + len - 4, ".enc") == 0;
}

static enum rnm_status look_inside(struct rnm_served *file, struct rnm_error *err)
{
	enum rnm_status status;

	if (!rnm_served_is_alias(file->name))
		return check_object(file, err);
	if (file->size == 0)
		return rnm_error_set(err, RNM_E_MALFORMED, "serve.empty", "'%s' is empty", file->name);
	if (is_encrypted(file->name))
		return RNM_OK;
	status = rnm_served_model_read(&file->model, file->fd, err);
	if (status != RNM_OK && err != NULL)
		snprintf(err->file, sizeof(err->file), "%s", file->name + 1);
	return status;
}

enum rnm_status rnm_served_open(struct rnm_served **out, int folder, const char *name, struct rnm_served *old,
                                int64_t now, struct rnm_error *err)
{
	struct rnm_served *file = rnm_served_new(name);
	enum rnm_status status = RNM_OK;

	if (file == NULL)
		return rnm_error_nomem(err);
	file->type = type_of(name);
	file->fd = open_beneath(folder, name + 1);
	if (file->fd < 0 || fstat(file->fd, &file->identity) != 0)
		status = rnm_error_sys(err, "file.open", errno, "cannot open '%s'", name + 1);
	else if (!S_ISREG(file->identity.st_mode))
		status = rnm_error_set(err, RNM_E_MALFORMED, "serve.not-a-file", "'%s' is no regular file",
		                       name + 1);
	if (status == RNM_OK && old != NULL && !old->kept && same_file(&old->identity, &file->identity)) {
		rnm_served_unref(file);
		*out = rnm_served_ref(old);
		return RNM_OK;
	}
	if (status == RNM_OK)
		status = hash_at_rest(file, err);
	if (status == RNM_OK)
		status = look_inside(file, err);
	if (status != RNM_OK) {
		rnm_served_unref(file);
		return status;
	}
	set_modified(file, old, now);
	*out = file;
	return RNM_OK;
}

enum rnm_status rnm_served_keep(struct rnm_served **out, struct rnm_served *old, struct rnm_error *err)
{
	struct rnm_served *file;

	if (old->kept) {
		*out = rnm_served_ref(old);
		return RNM_OK;
	}
	file = rnm_served_new(old->name);
	if (file == NULL)
		return rnm_error_nomem(err);
	file->fd = fcntl(old->fd, F_DUPFD_CLOEXEC, 0);
	if (file->fd < 0) {
		rnm_served_unref(file);
		return rnm_error_sys(err, "file.open", errno, "cannot keep '%s' open", old->name + 1);
	}
	file->kept = true;
	file->model = old->model != NULL ? rnm_served_model_ref(old->model) : NULL;
	file->type = old->type;
	file->size = old->size;
	file->modified = old->modified;
	file->identity = old->identity;
	memcpy(file->modified_text, old->modified_text, sizeof(file->modified_text));
	memcpy(file->etag, old->etag, sizeof(file->etag));
	*out = file;
	return RNM_OK;
}
