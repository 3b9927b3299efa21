/* SPDX-License-Identifier: Apache-2.0 */
/* What a server counts, and how Prometheus reads it. */
#ifndef RNM_SHARE_SERVE_METRICS_H
#define RNM_SHARE_SERVE_METRICS_H

#include <rnm/buf.h>
#include <stdatomic.h>

/* The statuses that are ever sent; the last one stands for what should not happen. */
#define RNM_METRIC_STATUSES(X) X(200) X(206) X(304) X(400) X(404) X(405) X(416) X(500) X(503)

enum rnm_metric_status {
#define RNM_METRIC_STATUS(code) RNM_METRIC_##code,
	RNM_METRIC_STATUSES(RNM_METRIC_STATUS)
#undef RNM_METRIC_STATUS
	    RNM_METRIC_STATUS_COUNT
};

struct rnm_metrics {
	atomic_uint_fast64_t answers[RNM_METRIC_STATUS_COUNT];
	atomic_uint_fast64_t bytes;   /* of bodies that were sent whole */
	atomic_uint_fast64_t aborted; /* answers that the client did not wait for */
	atomic_uint_fast64_t unknown; /* names under models/ that are not there */
	atomic_uint_fast64_t reloads, failed_reloads;
	int64_t started; /* seconds since 1970 */
};

void rnm_metrics_answer(struct rnm_metrics *metrics, unsigned status);
uint64_t rnm_metrics_requests(struct rnm_metrics *metrics);

struct rnm_server;
/* The text format 0.0.4. */
void rnm_metrics_write(struct rnm_buf *out, struct rnm_server *server);

#endif
