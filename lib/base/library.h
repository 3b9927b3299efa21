/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries that are loaded when they are first wanted, because most runs of the command do without them and
 * linking them would make every start slower (docs/decisions/0009-openssl.md).
 */
#ifndef RNM_BASE_LIBRARY_H
#define RNM_BASE_LIBRARY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct rnm_library_function {
	const char *name;
	size_t offset; /* of its pointer in the table */
};

struct rnm_library {
	const char *file; /* soname */
	const struct rnm_library_function *functions;
	size_t function_count;
	void *table;                     /* a struct of function pointers */
	bool (*start)(const char **why); /* what the library needs once; may be NULL */
	pthread_mutex_t lock;
	bool loaded;
	char reason[256]; /* of a failure */
};

/* Fills the table, once in the life of the process.  false: *why is the loader's reason. */
bool rnm_library_load(struct rnm_library *library, const char **why);

#endif
