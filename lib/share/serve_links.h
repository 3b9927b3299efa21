/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of a server, and how long each may still take.  libmicrohttpd ends a connection on which
 * nothing happens; one on which a byte arrives now and then lives for ever, so that the time is kept here.
 */
#ifndef RNM_SHARE_SERVE_LINKS_H
#define RNM_SHARE_SERVE_LINKS_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A client that takes an answer more slowly than this, in bytes a second, is given up. */
#define RNM_SERVE_SLOWEST UINT64_C(16384)
/* As many bytes as an answer is given time for while its model is fetched: ten minutes. */
#define RNM_SERVE_PATIENCE (600 * RNM_SERVE_SLOWEST)

struct rnm_link {
	struct rnm_link *before, *after;
	int fd;
	uint32_t requests;
	bool busy;       /* a request is being answered */
	double deadline; /* on the monotonic clock */
	char address[INET6_ADDRSTRLEN];
	bool local; /* from this host: perhaps a proxy */
};

struct rnm_links {
	pthread_mutex_t lock;
	struct rnm_link ring; /* of all of them */
	double timeout;       /* seconds for a request to come */
	uint64_t opened, open, silent, ended;
};

void rnm_links_init(struct rnm_links *links, double timeout);
/* NULL: no memory. */
struct rnm_link *rnm_links_add(struct rnm_links *links, int fd, const struct sockaddr *address);
/* Before the descriptor is closed: nobody else may use it any more. */
void rnm_links_remove(struct rnm_links *links, struct rnm_link *link);
/* A request has come, whose answer has length bytes; and it has been answered. */
void rnm_links_begin(struct rnm_links *links, struct rnm_link *link, uint64_t length);
void rnm_links_end(struct rnm_links *links, struct rnm_link *link);
/* All of the answer is on its way: the client has as long as for a request to end the connection. */
void rnm_links_sent(struct rnm_links *links, struct rnm_link *link);
/* Cuts those whose time is over. */
void rnm_links_expire(struct rnm_links *links);
/*
 * Hears no more of those that wait for a further request, and, when impatient, of those that wait for a first
 * one.  A request that has already arrived is still read.
 */
void rnm_links_drain(struct rnm_links *links, bool impatient);

struct rnm_link_counts {
	uint64_t opened, open;
	uint64_t silent; /* closed without a request that could be understood */
	uint64_t ended;  /* cut because they took too long */
};
void rnm_links_count(struct rnm_links *links, struct rnm_link_counts *out);

#endif
