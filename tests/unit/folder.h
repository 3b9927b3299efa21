/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for each test, or for all tests of a program. */
#ifndef RNM_TESTS_UNIT_FOLDER_H
#define RNM_TESTS_UNIT_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/rnm-test-XXXXXX";

static inline int make_folder(void **state)
{
	(void)state;
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static inline int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* The path of a name in it; holds for three more calls. */
static inline const char *in_folder(const char *name)
{
	static char paths[4][128];
	static size_t turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

#endif
