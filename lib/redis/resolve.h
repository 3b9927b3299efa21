/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a server of a list to socket addresses, within a time limit that getaddrinfo(3) does not have.
 */
#ifndef RNM_REDIS_RESOLVE_H
#define RNM_REDIS_RESOLVE_H

#include "redis/servers.h"

#include <signal.h>
#include <sys/socket.h>

/* More addresses of one name than this are not tried. */
#define RNM_ADDRESS_MAX 16
#define RNM_ADDRESS_TEXT_MAX 128

struct rnm_address {
	struct sockaddr_storage storage;
	socklen_t len;
	char text[RNM_ADDRESS_TEXT_MAX]; /* "127.0.0.1:6379", "[::1]:6379" or a path */
};

struct rnm_address_list {
	struct rnm_address items[RNM_ADDRESS_MAX]; /* IPv4 before IPv6, else in the resolver's order */
	size_t count;
};

struct rnm_io_limit;

/*
 * All addresses of a server.  RNM_NO when the name is not known in time or has no address, *reason
 * then being a sentence that needs no freeing; RNM_E_INTERRUPTED; RNM_E_NOMEM.
 */
RNM_MUST_CHECK enum rnm_status rnm_resolve(struct rnm_address_list *out, const struct rnm_server *server,
                                           struct rnm_io_limit *limit, const char **reason);

#endif
