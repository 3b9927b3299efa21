/* SPDX-License-Identifier: Apache-2.0 */
#include "store/model_image.h"

#include "base/file.h"
#include "store/model_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Smaller files are read whole. */
#define SIZE_MIN ((size_t)1 << 20)
#define PIECE RNM_MARKED_PIECE
/* The key in msgpack, then the type of a string or of binary with a length of four bytes. */
#define KEY                                                                                                  \
	"\xa8"                                                                                               \
	"ann_data"
#define KEY_LEN 9u
#define STR32 0xdbu
#define BIN32 0xc6u
#define HEAD_LEN (KEY_LEN + 5u)

enum rnm_status rnm_model_image_read_at(const struct rnm_model_image *image, void *data, size_t len,
                                        size_t offset, struct rnm_error *err)
{
	if (image->marks != NULL)
		return rnm_file_marks_read(image->marks, image->fd, image->path, data, len, offset, err);
	return rnm_file_read_at(image->fd, image->path, data, len, offset, err);
}

/* What fails here is found again, and told, by whoever reads the file whole. */
static bool read_exactly(const struct rnm_model_image *image, size_t offset, size_t len)
{
	return rnm_model_image_read_at(image, image->data + offset, len, offset, NULL) == RNM_OK;
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

/* Whether the file can be RNM1 at all: a map, in one of the three ways in which msgpack begins one. */
static bool begins_map(const struct rnm_model_image *image)
{
	const unsigned char first = (unsigned char)image->data[0];

	return (first & 0xf0) == 0x80 || first == 0xde || first == 0xdf;
}

/* Everything in front of the blob and behind it. */
static bool fill(struct rnm_model_image *image)
{
	size_t there = 0, end;

	do {
		const size_t left = image->size - there, len = left < PIECE ? left : PIECE;

		if (!read_exactly(image, there, len) || !begins_map(image))
			return false;
		there += len;
	} while (!find_blob(image, there) && there < image->size);
	if (there == image->size)
		return false;
	end = image->blob_at + image->blob_len;
	return end <= there || read_exactly(image, end, image->size - end);
}

/* From a file that is open. */
static enum rnm_status read_around(struct rnm_model_image *image, struct rnm_error *err)
{
	/* Memory that is never touched is never there. */
	image->data = malloc(image->size);
	if (image->data == NULL)
		return rnm_error_nomem(err);
	return fill(image) ? RNM_OK : RNM_NO;
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
	return read_around(image, err);
}

enum rnm_status rnm_model_image_adopt(struct rnm_model_image *image, int fd, struct rnm_file_marks *marks,
                                      const char *path, struct rnm_error *err)
{
	const uint64_t size = rnm_file_marks_size(marks);

	*image = (struct rnm_model_image){ .fd = fd, .path = path, .marks = marks };
	if (size < SIZE_MIN || size > RNM_MODEL_FILE_MAX)
		return RNM_NO;
	image->size = (size_t)size;
	return read_around(image, err);
}

void rnm_model_image_close(struct rnm_model_image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	rnm_file_marks_free(image->marks);
	free(image->data);
	*image = (struct rnm_model_image){ .fd = -1 };
}

enum rnm_status rnm_model_image_read(const struct rnm_model_image *image, void *data, size_t len,
                                     size_t offset, struct rnm_error *err)
{
	return rnm_model_image_read_at(image, data, len, image->blob_at + offset, err);
}
