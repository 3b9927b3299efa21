/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that a verb writes into.  Errors carry the id of the verb's own family.
 */
#ifndef RNM_BASE_FOLDER_H
#define RNM_BASE_FOLDER_H

#include <rnm/error.h>

/* "cannot use the folder PATH": RNM_E_IO, with a hint where a folder above it is missing. */
enum rnm_status rnm_folder_error(const char *id, const char *path, int errnum, struct rnm_error *err);
/* Makes the folder where it is not there, so that it stays after a power cut; not those above it. */
RNM_MUST_CHECK enum rnm_status rnm_folder_make(const char *id, const char *path, struct rnm_error *err);

#endif
