/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large RNM1 file in memory, all of it but the network's blob: that one is read from the file whenever it
 * is needed, in pieces.  Read and not mapped, as everywhere (base/file.h).
 */
#ifndef RNM_STORE_MODEL_IMAGE_H
#define RNM_STORE_MODEL_IMAGE_H

#include "base/file_marks.h"

#include <rnm/rnm1.h>

struct rnm_model_image {
	int fd; /* -1: there is no image */
	const char *path;
	struct rnm_file_marks *marks; /* of the bytes that are to be there; NULL: any will do */
	char *data;                   /* size bytes; those of the blob were never written */
	size_t size;
	size_t blob_at, blob_len;
};

/*
 * RNM_NO, without err being set: it is no such file, or whoever reads it whole finds out more about it.
 * path is borrowed.  rnm_model_image_close in any case.
 */
RNM_MUST_CHECK enum rnm_status rnm_model_image_open(struct rnm_model_image *image, const char *path,
                                                    struct rnm_error *err);
/*
 * Likewise for a file that is open and of which all bytes have marks; both are the image's from then on, in any case.
 * Only bytes with these marks are ever looked at.
 */
RNM_MUST_CHECK enum rnm_status rnm_model_image_adopt(struct rnm_model_image *image, int fd,
                                                     struct rnm_file_marks *marks, const char *path,
                                                     struct rnm_error *err);
void rnm_model_image_close(struct rnm_model_image *image);

/* Exactly len bytes at offset.  RNM_E_IO "file.read"; RNM_E_REFUSED "file.changed". */
RNM_MUST_CHECK enum rnm_status rnm_model_image_read_at(const struct rnm_model_image *image, void *data,
                                                       size_t len, size_t offset, struct rnm_error *err);
/* The same of the blob, from offset on in it. */
RNM_MUST_CHECK enum rnm_status rnm_model_image_read(const struct rnm_model_image *image, void *data,
                                                    size_t len, size_t offset, struct rnm_error *err);

#endif
