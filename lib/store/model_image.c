/* SPDX-License-Identifier: Apache-2.0 */
#include "store/model_image.h"

#include "store/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Smaller files are read whole. */
#define SIZE_MIN ((size_t)1 << 20)
#define PIECE ((size_t)256 << 10)
/* The key in msgpack, then the type of a string or of binary with a length of four bytes. */
#define KEY                                                                                                  \
	"\xa8"                                                                                               \
	"ann_data"
#define KEY_LEN 9u
#define STR32 0xdbu
#define BIN32 0xc6u
#define HEAD_LEN (KEY_LEN + 5u)

/* Up to len bytes; how many is *got, fewer only at the end of the file. */
static bool read_at(int fd, void *data, size_t len, uint64_t offset, size_t *got)
{
	*got = 0;
	while (*got < len) {
		ssize_t count = pread(fd, (char *)data + *got, len - *got, (off_t)(offset + *got));

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return false;
		if (count == 0)
			return true;
		*got += (size_t)count;
	}
	return true;
}

static bool read_exactly(const struct rnm_model_image *image, size_t offset, size_t len)
{
	size_t got;

	return read_at(image->fd, image->data + offset, len, offset, &got) && got == len;
}

/*
 * Looks for what should be the blob in the first `there` bytes.  It is a guess, which the reader of the
 * container confirms: it must find the very same bytes under ann_data.
 */
static bool find_blob(struct rnm_model_image *image, size_t there)
{
	const char *key = memmem(image->data, there, KEY, KEY_LEN);
	const size_t at = key != NULL ? (size_t)(key - image->data) + HEAD_LEN : SIZE_MAX;
	const unsigned char *head;

	if (at > there)
		return false;
	head = (const unsigned char *)key + KEY_LEN;
	if (head[0] != STR32 && head[0] != BIN32)
		return false;
	image->blob_at = at;
	image->blob_len =
	    (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | (size_t)head[4];
	return image->blob_len <= image->size - at;
}

/* Everything in front of the blob and behind it. */
static bool fill(struct rnm_model_image *image)
{
	size_t there = 0, end;

	do {
		const size_t left = image->size - there, len = left < PIECE ? left : PIECE;

		if (!read_exactly(image, there, len))
			return false;
		there += len;
	} while (!find_blob(image, there) && there < image->size);
	if (there == image->size)
		return false;
	end = image->blob_at + image->blob_len;
	return end <= there || read_exactly(image, end, image->size - end);
}

enum rnm_status rnm_model_image_open(struct rnm_model_image *image, const char *path, struct rnm_error *err)
{
	struct stat st;

	*image = (struct rnm_model_image){ .fd = -1, .path = path };
	/* A pipe is not opened twice: its writer would take the first end for the last one. */
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return RNM_NO;
	image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (image->fd < 0 || fstat(image->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uintmax_t)st.st_size < SIZE_MIN || (uintmax_t)st.st_size > RNM_MODEL_FILE_MAX)
		return RNM_NO;
	image->size = (size_t)st.st_size;
	/* Memory that is never touched is never there. */
	image->data = malloc(image->size);
	if (image->data == NULL)
		return rnm_error_nomem(err);
	return fill(image) ? RNM_OK : RNM_NO;
}

void rnm_model_image_close(struct rnm_model_image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	free(image->data);
	*image = (struct rnm_model_image){ .fd = -1 };
}

enum rnm_status rnm_model_image_changed(const struct rnm_model_image *image, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "file.changed",
	              "%s was changed while it was read: what was checked is not what is there now",
	              image->path);
	rnm_error_set_hint(err, "run the command again when nobody writes to the file");
	return RNM_E_REFUSED;
}

enum rnm_status rnm_model_image_read(const struct rnm_model_image *image, void *data, size_t len,
                                     size_t offset, struct rnm_error *err)
{
	size_t got;

	if (!read_at(image->fd, data, len, image->blob_at + offset, &got)) {
		rnm_error_sys(err, "file.read", errno, "cannot read %s", image->path);
		return rnm_error_at_line(err, image->path, 0), RNM_E_IO;
	}
	return got == len ? RNM_OK : rnm_model_image_changed(image, err);
}
