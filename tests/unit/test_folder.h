/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for the files of a test. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include "base/file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

/* For each test, or for a group of them. */
static inline int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/rnm-test-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static inline int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* Fails when a test has left a file behind. */
static inline int remove_empty_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* A path in it; the last few stay valid. */
static inline char *in_folder(const char *name)
{
	static char paths[8][256];
	static size_t turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline size_t folder_entries(void)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count - 2; /* . and .. */
}

static inline void assert_file(const char *name, const char *text)
{
	struct rnm_buf buf;

	rnm_buf_init(&buf, 1000);
	assert_int_equal(rnm_file_read(in_folder(name), &buf, 1000, NULL), RNM_OK);
	assert_string_equal(rnm_buf_cstr(&buf), text);
	rnm_buf_free(&buf);
}

#endif
