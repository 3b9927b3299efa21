/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a Sentinel where the servers are.
 */
#ifndef RNM_REDIS_SENTINEL_H
#define RNM_REDIS_SENTINEL_H

#include "redis/client.h"
#include "redis/sentinel_map.h"

/* rspamd's default for an item of `sentinels` without port, and the port that Sentinel itself has. */
#define RNM_SENTINEL_PORT 5000
#define RNM_SENTINEL_STANDARD_PORT 26379

/*
 * Asks the Sentinel at the other end for the masters whose names match the Lua pattern (NULL: all), and
 * for their replicas if wanted, all within one timeout.  *out is set on RNM_OK only.  Otherwise the
 * connection is dead and redis->failure says why, unless memory is out: RNM_NO when no master matches,
 * RNM_E_REDIS when the question was refused, RNM_E_MALFORMED when the answer is not one of a Sentinel.
 */
RNM_MUST_CHECK enum rnm_status rnm_sentinel_ask(struct rnm_redis *redis, const char *pattern, bool replicas,
                                                struct rnm_sentinel_map *out);

#endif
