/* SPDX-License-Identifier: Apache-2.0 */
/* What the repairs share. */
#ifndef RNM_STORE_DOCTOR_REPAIR_H
#define RNM_STORE_DOCTOR_REPAIR_H

#include "base/arena.h"
#include "store/transaction.h"

#include <rnm/doctor.h>

/* All that any of the repairs needs. */
#define RNM_REPAIR_RIGHTS                                                                                    \
	"a repair needs: "                                                                                   \
	"+watch +unwatch +multi +exec +discard +zrevrange +zscan +zrem +zadd +hget +hlen +hkeys +hstrlen "   \
	"+hdel "                                                                                             \
	"+hexists +scard +sscan +srem +type +pttl +expire +unlink"

struct rnm_repairing {
	struct rnm_redis *redis;
	const char *global;
	struct rnm_transaction change;
	struct rnm_health_finding *finding;
	struct rnm_arena *arena;
	double now; /* UNIX time of this repair, which may be long after the examination */
	bool gone;  /* it is no longer as it was found */
};

/*
 * RNM_OK: done, or gone is set; the outcome says it in words.  RNM_NO: others have changed what was watched.
 * RNM_E_REDIS: refused.  Anything else: the connection is of no more use.
 */
typedef enum rnm_status rnm_repair(struct rnm_repairing *r, struct rnm_error *err);
rnm_repair rnm_repair_drop_profile;
rnm_repair rnm_repair_write_profile;
rnm_repair rnm_repair_renew;
rnm_repair rnm_repair_unlock;
rnm_repair rnm_repair_delete_key;
rnm_repair rnm_repair_drop_vectors;
rnm_repair rnm_repair_delete_file;

/* Says what became of the finding. */
void rnm_repair_tell(struct rnm_repairing *r, const char *fmt, ...) RNM_PRINTF(2, 3);
/* The same, and that nothing had to be done. */
enum rnm_status rnm_repair_gone(struct rnm_repairing *r, const char *why);

/* The answer to one command; an error reply is RNM_E_REDIS.  *reply is released by rnm_reply_free. */
RNM_MUST_CHECK enum rnm_status rnm_repair_ask(struct rnm_repairing *r, struct rnm_reply **reply,
                                              const char *command, const char *key, const char *field,
                                              struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_repair_integer(struct rnm_repairing *r, int64_t *out, const char *command,
                                                  const char *key, const char *field, struct rnm_error *err);
/* Adds a command of C strings, ended by NULL, to the transaction. */
RNM_MUST_CHECK enum rnm_status rnm_repair_add(struct rnm_transaction *change, struct rnm_error *err, ...)
    __attribute__((sentinel));
/* The time of the lock in a hash; *has_lock is false without one. */
RNM_MUST_CHECK enum rnm_status rnm_repair_lock(struct rnm_repairing *r, const char *key, bool *has_lock,
                                               double *lock, struct rnm_error *err);

/*
 * Whether a hash has fields that rspamd does not write: then it is somebody else's, whatever its name and
 * whoever names it, and must not be deleted.
 */
RNM_MUST_CHECK enum rnm_status rnm_repair_foreign(struct rnm_repairing *r, const char *key, bool *foreign,
                                                  struct rnm_error *err);

#endif
