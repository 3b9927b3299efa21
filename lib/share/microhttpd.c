/* SPDX-License-Identifier: Apache-2.0 */
#include "share/microhttpd.h"

#include "base/library.h"

/* The interface that the headers of 0.9.75 describe. */
#define LIBRARY "libmicrohttpd.so.12"

struct rnm_microhttpd rnm_microhttpd;

static const struct rnm_library_function functions[] = {
#define ROW(name) { #name, offsetof(struct rnm_microhttpd, name) },
	RNM_MICROHTTPD_FUNCTIONS(ROW)
#undef ROW
};

static struct rnm_library library = { .file = LIBRARY,
	                              .functions = functions,
	                              .function_count = sizeof(functions) / sizeof(functions[0]),
	                              .table = &rnm_microhttpd,
	                              .lock = PTHREAD_MUTEX_INITIALIZER };

enum rnm_status rnm_microhttpd_load(struct rnm_error *err)
{
	const char *why;

	if (rnm_library_load(&library, &why))
		return RNM_OK;
	rnm_error_set(err, RNM_E_IO, "serve.library", "cannot load libmicrohttpd, which serving needs: %s",
	              why);
	rnm_error_set_hint(err, "install the package libmicrohttpd12");
	return RNM_E_IO;
}
