/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a server, for the files that share them. */
#ifndef RNM_SHARE_SERVE_SERVER_H
#define RNM_SHARE_SERVE_SERVER_H

#include "share/microhttpd.h"
#include "share/serve_answer.h"
#include "share/serve_demand.h"
#include "share/serve_fleet.h"
#include "share/serve_links.h"
#include "share/serve_metrics.h"
#include "share/serve_send.h"
#include "share/serve_watch.h"

struct rnm_listener {
	struct rnm_server *server;
	enum rnm_audience audience;
	struct MHD_Daemon *daemon;
};

struct rnm_server {
	struct rnm_serve_options options; /* with the defaults in place */
	pthread_mutex_t table_lock;
	struct rnm_served_table *table;
	atomic_bool stale;    /* a file has been found to be another than was hashed */
	atomic_bool draining; /* each answer ends its connection */
	atomic_uint_fast64_t spread;
	pthread_mutex_t log_lock;
	struct rnm_links links;
	struct rnm_metrics metrics;
	struct rnm_tree_watch watch;
	struct rnm_demand demand;
	struct rnm_sender sender;
	struct rnm_fleet fleet;
	struct rnm_listener listeners[RNM_SERVE_LISTENERS_MAX];
	size_t listener_count;
};

/* A reference to what is offered now. */
struct rnm_served_table *rnm_server_table(struct rnm_server *server);

/* What only operators get: the response to this path, or NULL; *known tells whether there is one. */
struct MHD_Response *rnm_admin_response(struct rnm_server *server, struct MHD_Connection *connection,
                                        const char *path, size_t len, uint64_t *length, bool *known);

/* Makes the daemon of a listener, which takes over the socket. */
RNM_MUST_CHECK enum rnm_status rnm_listener_start(struct rnm_listener *listener, int fd,
                                                  struct rnm_error *err);
/*
 * Takes the connections that wait at the socket, whose clients have been told that they are connected, and
 * closes it.  Returns how many there were: they turn up among the links a little later.
 */
uint64_t rnm_listener_quiesce(struct rnm_listener *listener);
void rnm_listener_stop(struct rnm_listener *listener);

#endif
