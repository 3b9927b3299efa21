/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that are fetched when they are asked for.  A request for one waits, out of the way of all others,
 * until the thread that calls rnm_server_work has looked for a newer one.
 */
#ifndef RNM_SHARE_SERVE_DEMAND_H
#define RNM_SHARE_SERVE_DEMAND_H

#include "share/microhttpd.h"

#include <pthread.h>
#include <rnm/serve.h>

/* Seconds for which a look lasts. */
#define RNM_DEMAND_FRESH 2.0

struct rnm_demand_name {
	const char *name;
	double fresh_until; /* on the monotonic clock */
	bool wanted;
	bool fetched; /* of the working thread alone: since the last rnm_demand_resume */
};

struct rnm_waiter {
	struct rnm_waiter *next;
	struct MHD_Connection *connection;
};

struct rnm_demand {
	pthread_mutex_t lock;
	struct rnm_demand_name *names;
	size_t count;
	struct rnm_waiter *waiters;
	int event; /* readable when somebody waits */
	bool closed;
};

RNM_MUST_CHECK enum rnm_status rnm_demand_open(struct rnm_demand *demand,
                                               const struct rnm_serve_options *options,
                                               struct rnm_error *err);
void rnm_demand_close(struct rnm_demand *demand);
/* Whether a path is that of such a model. */
bool rnm_demand_has(const struct rnm_demand *demand, const char *path, size_t len);
/*
 * Whether the request has to wait for its model.  If so, its connection is suspended; waiter, which lives as
 * long as the request, is used for that.
 */
bool rnm_demand_wait(struct rnm_demand *demand, struct rnm_waiter *waiter, struct MHD_Connection *connection,
                     const char *path, size_t len);
/* Fetches what is wanted; whether anything was.  The waiting requests go on with rnm_demand_resume. */
bool rnm_demand_fetch(struct rnm_demand *demand, const struct rnm_serve_options *options);
void rnm_demand_resume(struct rnm_demand *demand);
/* Nobody waits any more. */
void rnm_demand_stop(struct rnm_demand *demand);

#endif
