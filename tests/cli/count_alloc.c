/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into the command by budget.bats: counts what is asked of the allocator and writes the number
 * and the bytes into the file that ALLOC_COUNT names.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own entries, so that finding them asks for no memory. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);

static atomic_ulong calls;
static atomic_ulong bytes;

static void count(size_t size)
{
	atomic_fetch_add(&calls, 1);
	atomic_fetch_add(&bytes, size);
}

void *malloc(size_t size)
{
	count(size);
	return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	count(number * size);
	return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
	count(size);
	return __libc_realloc(old, size);
}

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("ALLOC_COUNT");
	int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%lu %lu\n", atomic_load(&calls), atomic_load(&bytes));
	close(fd);
}
