/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a model from Redis into a struct rnm_model_file. */
#ifndef RNM_STORE_MODEL_FILE_H
#define RNM_STORE_MODEL_FILE_H

#include "store/model_image.h"

#include <rnm/model_file.h>

/* Both blobs at their largest, and room for everything else. */
#define RNM_MODEL_FILE_MAX ((size_t)(2 * RNM_BLOB_MAX + (1u << 20)))

/* As rnm_model_file_read, but takes the bytes over, also when it fails: *bytes is empty afterwards. */
RNM_MUST_CHECK enum rnm_status rnm_model_file_adopt(struct rnm_model_file **out, struct rnm_buf *bytes,
                                                    const char *name, struct rnm_error *err);

/*
 * As rnm_model_file_open_once for a file that is open and whose bytes all have marks; both are taken over, also when it
 * fails.  Nothing else than those very bytes is parsed: RNM_E_REFUSED ("file.changed") when they are gone.  name must
 * outlive *out.
 */
RNM_MUST_CHECK enum rnm_status rnm_model_file_open_marked(struct rnm_model_file **out, int fd,
                                                          struct rnm_file_marks *marks, const char *name,
                                                          struct rnm_error *err);

/*
 * Of a file of rnm_model_file_open_once: where its network's blob is, and the fingerprint of what was checked.
 * NULL: all of it is in memory.
 */
const struct rnm_model_image *rnm_model_file_image(const struct rnm_model_file *file, const char **print);
/* rnm_network_probe of its network, or what that said when the network passed by (with the default limits). */
RNM_MUST_CHECK enum rnm_status rnm_model_file_probe(struct rnm_probe *out, const struct rnm_model_file *file,
                                                    const struct rnm_network_limits *limits,
                                                    struct rnm_error *err);

#endif
