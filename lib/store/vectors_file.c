/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors out of a file or a pipe. */
#include <rnm/vectors.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	int fd;
	const volatile sig_atomic_t *cancel;
	char name[RNM_ERROR_FILE_MAX];
};

static enum rnm_status read_file(void *ctx, void *data, size_t size, size_t *got, struct rnm_error *err)
{
	const struct file *file = ctx;
	ssize_t len;

	do {
		if (file->cancel != NULL && *file->cancel != 0)
			return rnm_error_set(err, RNM_E_INTERRUPTED, "vectors.cancelled", "interrupted");
		len = read(file->fd, data, size);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return rnm_error_sys(err, "vectors.read", errno, "cannot read %s", file->name);
	*got = (size_t)len;
	return RNM_OK;
}

static bool file_ready(void *ctx)
{
	const struct file *file = ctx;
	struct pollfd poll_fd = { .fd = file->fd, .events = POLLIN };

	/* A failure counts as ready too: the read that follows tells what it was. */
	return poll(&poll_fd, 1, 0) != 0;
}

static void close_file(void *ctx)
{
	struct file *file = ctx;

	close(file->fd);
	free(file);
}

static enum rnm_status open_error(const char *path, int errnum, struct rnm_error *err)
{
	rnm_error_sys(err, "vectors.open", errnum, "cannot open %s", path);
	rnm_error_at_line(err, path, 0);
	if (err != NULL && errnum == ENOENT)
		err->status = RNM_E_NOT_FOUND;
	return errnum == ENOENT ? RNM_E_NOT_FOUND : RNM_E_IO;
}

enum rnm_status rnm_vectors_open(struct rnm_vectors **out, const char *path,
                                 const struct rnm_vectors_options *options, struct rnm_error *err)
{
	struct rnm_vectors_options how = options != NULL ? *options : (struct rnm_vectors_options){ 0 };
	struct rnm_vectors_source source = { .read = read_file, .ready = file_ready, .close = close_file };
	struct file *file = calloc(1, sizeof(*file));
	struct stat st;

	if (file == NULL)
		return rnm_error_nomem(err);
	how.name = how.name != NULL ? how.name : path;
	file->cancel = how.cancel;
	snprintf(file->name, sizeof(file->name), "%s", how.name);
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file->fd < 0) {
		free(file);
		return open_error(path, errno, err);
	}
	if (fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode))
		source.size = (uint64_t)st.st_size;
	source.ctx = file;
	return rnm_vectors_new(out, &source, &how, err);
}
