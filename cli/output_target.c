/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths are the standard streams under another name. */
#include "output.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "/dev/fd/N" and the like, which name a descriptor whatever it stands for; -1 for other paths. */
static int descriptor_of(const char *path)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/" };

	if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "/dev/stderr") == 0)
		return STDERR_FILENO;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		size_t len = strlen(folders[i]);

		if (strncmp(path, folders[i], len) == 0 && path[len] >= '0' && path[len] <= '9' &&
		    path[len + 1] == '\0')
			return path[len] - '0';
	}
	return -1;
}

/* Devices such as /dev/null take what several writers give them; a terminal and a file do not. */
static bool is_same_sink(const struct stat *target, int fd)
{
	struct stat stream;

	return fstat(fd, &stream) == 0 && stream.st_dev == target->st_dev &&
	       stream.st_ino == target->st_ino && (!S_ISCHR(stream.st_mode) || isatty(fd) == 1);
}

enum output_target output_target(const char *path)
{
	int fd = descriptor_of(path);
	struct stat target;

	if (fd == STDOUT_FILENO)
		return OUTPUT_TO_STDOUT;
	if (fd == STDERR_FILENO)
		return OUTPUT_TO_STDERR;
	if (stat(path, &target) != 0)
		return OUTPUT_TO_FILE;
	if (is_same_sink(&target, STDOUT_FILENO))
		return OUTPUT_TO_STDOUT;
	return is_same_sink(&target, STDERR_FILENO) ? OUTPUT_TO_STDERR : OUTPUT_TO_FILE;
}
