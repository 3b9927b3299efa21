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
 * As rnm_model_file_open_once, for a file that is open and whose bytes all have marks; both are taken over, also when it
 * fails.  Its network has been looked at, for rnm_model_verify, and nothing has been parsed but those very bytes:
 * RNM_E_REFUSED ("file.changed") when they are gone.  name must outlive *out.
 */
RNM_MUST_CHECK enum rnm_status rnm_model_file_open_marked(struct rnm_model_file **out, int fd,
                                                          struct rnm_file_marks *marks, const char *name,
                                                          struct rnm_error *err);

/* Of a file of rnm_model_file_open_once: its large network has not been looked at, and nothing is known of it. */
bool rnm_model_file_is_unread(const struct rnm_model_file *file);
/* Takes the bytes of the blob as they are read, in the caller's thread. */
typedef enum rnm_status rnm_model_file_take(void *ctx, const void *data, size_t len, struct rnm_error *err);
/*
 * Looks at it, in one pass, unless that has been done: afterwards the file says what rnm_model_file_open would
 * (but for the network's values).  The very bytes that are judged go to take (may be NULL) as well, before anybody
 * knows what they are worth, and no further than to where the judgement fails.
 * RNM_E_IO "file.read", RNM_E_REFUSED "file.changed", RNM_E_NOMEM, and what take returns; the file is unread then.
 */
RNM_MUST_CHECK enum rnm_status rnm_model_file_look(struct rnm_model_file *file, rnm_model_file_take *take,
                                                   void *ctx, struct rnm_error *err);
/*
 * Of a file that was looked at in this way: where its network's blob is, and the fingerprint of what was judged.
 * NULL: all of it is in memory.
 */
const struct rnm_model_image *rnm_model_file_image(const struct rnm_model_file *file, const char **print);
/* rnm_network_probe of its network, or what that said when the network passed by (with the default limits). */
RNM_MUST_CHECK enum rnm_status rnm_model_file_probe(struct rnm_probe *out, const struct rnm_model_file *file,
                                                    const struct rnm_network_limits *limits,
                                                    struct rnm_error *err);

#endif
