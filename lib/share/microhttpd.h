/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of libmicrohttpd, looked up when a server starts: linked in the ordinary way, it and the
 * libraries of TLS behind it, which rnm does not use, would make every start of the command slower
 * (docs/decisions/0024-serve.md has figures).
 */
#ifndef RNM_SHARE_MICROHTTPD_H
#define RNM_SHARE_MICROHTTPD_H

#include <microhttpd.h>
#include <rnm/error.h>

#define RNM_MICROHTTPD_FUNCTIONS(X)                                                                          \
	X(MHD_add_connection)                                                                                \
	X(MHD_add_response_header)                                                                           \
	X(MHD_create_response_from_buffer)                                                                   \
	X(MHD_create_response_from_callback)                                                                 \
	X(MHD_create_response_from_fd_at_offset64)                                                           \
	X(MHD_destroy_response)                                                                              \
	X(MHD_get_connection_info)                                                                           \
	X(MHD_get_connection_values)                                                                         \
	X(MHD_get_daemon_info)                                                                               \
	X(MHD_queue_response)                                                                                \
	X(MHD_quiesce_daemon)                                                                                \
	X(MHD_resume_connection)                                                                             \
	X(MHD_start_daemon)                                                                                  \
	X(MHD_stop_daemon)                                                                                   \
	X(MHD_suspend_connection)

struct rnm_microhttpd {
#define RNM_MICROHTTPD_MEMBER(name) __typeof__(name) *(name);
	RNM_MICROHTTPD_FUNCTIONS(RNM_MICROHTTPD_MEMBER)
#undef RNM_MICROHTTPD_MEMBER
};

/* Filled by rnm_microhttpd_load, and constant from then on. */
extern struct rnm_microhttpd rnm_microhttpd;

/* Loads the library once in the life of the process.  RNM_E_IO, id "serve.library". */
RNM_MUST_CHECK enum rnm_status rnm_microhttpd_load(struct rnm_error *err);

#endif
