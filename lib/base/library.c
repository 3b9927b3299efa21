/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* Functions of a library that this one depends on are found too. */
static bool look_up_all(const struct rnm_library *library, void *handle)
{
	for (size_t i = 0; i < library->function_count; i++) {
		void *symbol = dlsym(handle, library->functions[i].name);

		if (symbol == NULL)
			return false;
		memcpy((char *)library->table + library->functions[i].offset, &symbol, sizeof(symbol));
	}
	return true;
}

static bool load(struct rnm_library *library)
{
	void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
	const char *why = NULL;

	if (handle == NULL || !look_up_all(library, handle))
		why = dlerror();
	else if (library->start == NULL || library->start(&why))
		return true; /* never unloaded: what it has made may live on */
	/* A copy, because closing the library makes another one of the loader's words. */
	(void)snprintf(library->reason, sizeof(library->reason), "%s",
	               why != NULL ? why : "no reason is known");
	if (handle != NULL)
		dlclose(handle);
	return false;
}

bool rnm_library_load(struct rnm_library *library, const char **why)
{
	bool loaded;

	pthread_mutex_lock(&library->lock);
	if (!library->loaded)
		library->loaded = load(library);
	loaded = library->loaded;
	*why = library->reason;
	pthread_mutex_unlock(&library->lock);
	return loaded;
}
