/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporary files that have a name, where a nameless one cannot be had or has to get one.
 *
 * A process that is killed leaves such a file behind.  Left-overs do not pile up: there are few names for one
 * stem, STEMrnm-0.tmp and so on, each file is locked by the process that needs it, and one that nobody has
 * locked is removed by the next process that wants the name.
 */
#ifndef RNM_BASE_FILE_TEMP_H
#define RNM_BASE_FILE_TEMP_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A new file, open for reading and writing and locked until it is closed: remove or rename it before that.
 * stem is a path up to the part of the name that is ours.  *name is malloc'd.  -1 and errno on failure.
 */
int rnm_temp_create(const char *stem, mode_t mode, char **name);
/* Gives such a name to the nameless file fd.  malloc'd; NULL and errno on failure. */
char *rnm_temp_link(int fd, const char *stem);
/* A nameless file, which leaves nothing behind.  -1 and errno; ENOTSUP where none can be had, or none can be named. */
int rnm_temp_nameless(const char *folder, mode_t mode, bool to_be_named);

#endif
