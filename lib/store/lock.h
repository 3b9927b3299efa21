/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_STORE_LOCK_H
#define RNM_STORE_LOCK_H

#include <rnm/rule.h>

/* Seconds that a lock lasts when it is not renewed. */
double rnm_lock_seconds(const struct rnm_rule *rule);
/* Whether a lock of that time is held now. */
bool rnm_lock_holds(double lock, double now, double lifetime);
/*
 * Whether somebody trains from a hash now, by its field `lock`.  rspamd renews the lock every 30 s while it
 * trains (lualib/redis_scripts/neural_maybe_lock.lua: it lasts max(10, 2 x watch_interval) seconds).
 */
bool rnm_lock_is_fresh(struct rnm_bytes lock, const struct rnm_rule *rule);

#endif
