/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_CHUNK ((size_t)64 << 10)

enum rnm_status rnm_file_open_error(struct rnm_error *err, const char *path, int errnum)
{
	rnm_error_sys(err, "file.open", errnum, "cannot open %s", path);
	rnm_error_at_line(err, path, 0);
	if (err != NULL && errnum == ENOENT)
		err->status = RNM_E_NOT_FOUND;
	return errnum == ENOENT ? RNM_E_NOT_FOUND : RNM_E_IO;
}

enum rnm_status rnm_file_too_large(struct rnm_error *err, const char *path, size_t max)
{
	rnm_error_set(err, RNM_E_MALFORMED, "file.too-large", "%s is larger than the limit of %zu bytes",
	              path, max);
	return rnm_error_at_line(err, path, 0), RNM_E_MALFORMED;
}

static enum rnm_status read_failed(struct rnm_error *err, const char *path, int errnum)
{
	rnm_error_sys(err, "file.read", errnum, "cannot read %s", path);
	return rnm_error_at_line(err, path, 0), RNM_E_IO;
}

/* Reads to the end of fd, which may be a pipe: its size is only a hint. */
enum rnm_status rnm_file_read_open(int fd, const char *path, struct rnm_buf *out, size_t max,
                                   struct rnm_error *err)
{
	struct stat st;
	size_t start = out->len;
	size_t chunk = READ_CHUNK;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if ((uintmax_t)st.st_size > max)
			return rnm_file_too_large(err, path, max);
		/* One byte more, so that the read that fills the file also sees its end. */
		chunk = (size_t)st.st_size + 1;
	}
	for (;;) {
		ssize_t got;

		/* One byte past the maximum tells "too large" from "just fits". */
		if (chunk > max - (out->len - start) + 1)
			chunk = max - (out->len - start) + 1;
		if (!rnm_buf_reserve(out, chunk))
			return rnm_error_nomem(err);
		got = read(fd, out->data + out->len, chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return read_failed(err, path, errno);
		out->len += (size_t)got;
		out->data[out->len] = '\0';
		if (got == 0)
			return RNM_OK;
		if (out->len - start > max)
			return rnm_file_too_large(err, path, max);
		/* Room for a known size is asked for once, not again for the read that finds the end. */
		chunk -= (size_t)got;
		if (chunk == 0)
			chunk = READ_CHUNK;
	}
}

enum rnm_status rnm_file_read(const char *path, struct rnm_buf *out, size_t max, struct rnm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	enum rnm_status status;

	if (fd < 0)
		return rnm_file_open_error(err, path, errno);
	status = rnm_file_read_open(fd, path, out, max, err);
	close(fd);
	return status;
}

enum rnm_status rnm_file_changed(struct rnm_error *err, const char *path)
{
	rnm_error_set(err, RNM_E_REFUSED, "file.changed",
	              "%s was changed while it was read: what was checked is not what is there now", path);
	rnm_error_set_hint(err, "run the command again when nobody writes to the file");
	return RNM_E_REFUSED;
}

enum rnm_status rnm_file_read_at(int fd, const char *path, void *data, size_t len, uint64_t offset,
                                 struct rnm_error *err)
{
	char *to = data;

	while (len > 0) {
		const ssize_t got = pread(fd, to, len, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return read_failed(err, path, errno);
		if (got == 0)
			return rnm_file_changed(err, path);
		to += got;
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
	return RNM_OK;
}

bool rnm_write_all(int fd, const void *data, size_t len)
{
	const char *bytes = data;

	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes += put;
		len -= (size_t)put;
	}
	return true;
}
