/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/file.h: writing files as the library does it.
 */
#ifndef RNM_FILE_H
#define RNM_FILE_H

#include <rnm/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Writes a whole file: the old one stays until the new one is complete and on disk, and a failure leaves
 * no temporary file.  A symbolic link is followed; what is no regular file is written in place.
 * RNM_E_IO ("file.open", "file.write").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_file_write(const char *path, const void *data, size_t len,
                                                      struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif
