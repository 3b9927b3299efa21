/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of libcurl, looked up when HTTP is first wanted: linked in the ordinary way, it and the thirty
 * libraries behind it would make every start of the command five times as long
 * (docs/decisions/0023-pull.md has figures).
 */
#ifndef RNM_SHARE_CURL_H
#define RNM_SHARE_CURL_H

/* Its checks of types want the functions themselves. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <rnm/error.h>

#define RNM_CURL_FUNCTIONS(X)                                                                                \
	X(curl_easy_cleanup)                                                                                 \
	X(curl_easy_getinfo)                                                                                 \
	X(curl_easy_header)                                                                                  \
	X(curl_easy_init)                                                                                    \
	X(curl_easy_setopt)                                                                                  \
	X(curl_easy_strerror)                                                                                \
	X(curl_free)                                                                                         \
	X(curl_global_init)                                                                                  \
	X(curl_multi_add_handle)                                                                             \
	X(curl_multi_cleanup)                                                                                \
	X(curl_multi_info_read)                                                                              \
	X(curl_multi_init)                                                                                   \
	X(curl_multi_perform)                                                                                \
	X(curl_multi_poll)                                                                                   \
	X(curl_multi_remove_handle)                                                                          \
	X(curl_multi_strerror)                                                                               \
	X(curl_slist_append)                                                                                 \
	X(curl_slist_free_all)                                                                               \
	X(curl_url)                                                                                          \
	X(curl_url_cleanup)                                                                                  \
	X(curl_url_get)                                                                                      \
	X(curl_url_set)

struct rnm_curl {
#define RNM_CURL_MEMBER(name) __typeof__(name) *(name);
	RNM_CURL_FUNCTIONS(RNM_CURL_MEMBER)
#undef RNM_CURL_MEMBER
};

/* Filled by rnm_curl_load, and constant from then on. */
extern struct rnm_curl rnm_curl;

/* Loads the library once in the life of the process.  RNM_E_IO, id "http.library". */
RNM_MUST_CHECK enum rnm_status rnm_curl_load(struct rnm_error *err);

#endif
