/* SPDX-License-Identifier: Apache-2.0 */
/* Times to live, for whoever renews them. */
#ifndef RNM_STORE_RENEW_H
#define RNM_STORE_RENEW_H

#include "store/doctor_repair.h"

struct rnm_ttls {
	int64_t key_ms, zset_ms; /* before; RNM_TTL_* */
	bool alive;              /* there is a network under the key */
	bool renewed;            /* one of them had less than it may have */
};

/* Gives a model and its list so many seconds, unless they have more.  RNM_NO as rnm_transaction_commit. */
RNM_MUST_CHECK enum rnm_status rnm_renew_keys(struct rnm_repairing *r, const char *key, const char *zset,
                                              double seconds, bool dry_run, struct rnm_ttls *ttls,
                                              struct rnm_error *err);

#endif
