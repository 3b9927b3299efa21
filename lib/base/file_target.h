/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where bytes really go that are meant for a name.
 */
#ifndef RNM_BASE_FILE_TARGET_H
#define RNM_BASE_FILE_TARGET_H

#include <rnm/error.h>

/*
 * The file to replace: path with its folder's links and its own followed.  It need not exist.  When the
 * way leads through a descriptor of this process, *descriptor is its number, else -1.  malloc'd; NULL and
 * errno on failure.
 */
char *rnm_file_target(const char *path, int *descriptor);

/* The folder part of path: what stands before the last slash, "." without one, "/" for the root.  malloc'd. */
char *rnm_file_folder(const char *path);

#endif
