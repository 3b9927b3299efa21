/* SPDX-License-Identifier: Apache-2.0 */
/* Going through the keys of a database in small batches. */
#ifndef RNM_STORE_SCAN_H
#define RNM_STORE_SCAN_H

#include "store/events.h"

/* Keys that the server looks at in one go: well below a millisecond. */
#define RNM_SCAN_BATCH 1000

struct rnm_key_scan {
	struct rnm_redis *redis;
	const char *global;   /* that names begin with, literally */
	const char *rest;     /* and a pattern for what follows */
	struct rnm_buf *name; /* each name lies here when it is taken; some come twice */
	rnm_event_take *take;
	void (*tick)(void *ctx, uint64_t looked_at); /* after each batch; may be NULL */
	void *ctx;
};

/* RNM_E_REDIS "store.scan" (SCAN was refused), RNM_E_MALFORMED "store.too-many", and whatever take returns. */
RNM_MUST_CHECK enum rnm_status rnm_scan_keys(const struct rnm_key_scan *scan, struct rnm_error *err);

#endif
