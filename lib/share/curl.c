/* SPDX-License-Identifier: Apache-2.0 */
#include "share/curl.h"

#include "base/library.h"

/* The interface that the headers describe has had this number since 2006. */
#define LIBRARY "libcurl.so.4"

struct rnm_curl rnm_curl;

static const struct rnm_library_function functions[] = {
#define ROW(name) { #name, offsetof(struct rnm_curl, name) },
	RNM_CURL_FUNCTIONS(ROW)
#undef ROW
};

static bool start(const char **why)
{
	const CURLcode code = rnm_curl.curl_global_init(CURL_GLOBAL_DEFAULT);

	if (code != CURLE_OK)
		*why = rnm_curl.curl_easy_strerror(code);
	return code == CURLE_OK;
}

static struct rnm_library library = { .file = LIBRARY,
	                              .functions = functions,
	                              .function_count = sizeof(functions) / sizeof(functions[0]),
	                              .table = &rnm_curl,
	                              .start = start,
	                              .lock = PTHREAD_MUTEX_INITIALIZER };

enum rnm_status rnm_curl_load(struct rnm_error *err)
{
	const char *why;

	if (rnm_library_load(&library, &why))
		return RNM_OK;
	rnm_error_set(err, RNM_E_IO, "http.library", "cannot load libcurl, which HTTP needs: %s", why);
	rnm_error_set_hint(err, "install the package libcurl4");
	return RNM_E_IO;
}
