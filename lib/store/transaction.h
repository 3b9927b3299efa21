/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change of several keys that happens whole or not at all, and only if nobody else has touched what it
 * was decided upon: WATCH, look, MULTI, the commands, EXEC.
 *
 *	rnm_transaction_init(&change, redis, global, what, rights);
 *	rnm_transaction_watch(...);      any number of times
 *	... ask what the decision depends on, with rnm_redis_send and the like ...
 *	rnm_transaction_begin(...);
 *	rnm_transaction_add(...);        or rnm_transaction_expect_queued after a command of rnm_redis_begin
 *	rnm_transaction_commit(...);
 *	rnm_transaction_end(&change);    always: what was not committed is given up
 *
 * Each command is answered before the next one is sent: what the server refuses is known before the
 * blob behind it is on its way, and the message names the command.
 */
#ifndef RNM_STORE_TRANSACTION_H
#define RNM_STORE_TRANSACTION_H

#include <rnm/buf.h>
#include <rnm/redis.h>

/* How often a caller should look again when others were faster; each round then waits a little longer. */
#define RNM_TRANSACTION_TRIES 8u

struct rnm_transaction {
	struct rnm_redis *redis;
	const char *global; /* neural.prefix, for hints about key patterns; may be NULL */
	const char *what;   /* what cannot be done when it fails, such as "write the model under K" */
	const char *rights; /* all rights that the work needs, for hints: "a repair needs: +watch ..." */
	enum { RNM_TRANSACTION_IDLE, RNM_TRANSACTION_WATCHING, RNM_TRANSACTION_OPEN } state;
	struct rnm_buf names;                        /* of the queued commands, each with its NUL */
	void (*progress)(void *ctx, uint64_t bytes); /* of long commands, as they are taken; may be NULL */
	void *progress_ctx;
};

/* Every text is borrowed. */
void rnm_transaction_init(struct rnm_transaction *change, struct rnm_redis *redis, const char *global,
                          const char *what, const char *rights);

/* Watches keys.  What is read afterwards is what the commit relies on. */
RNM_MUST_CHECK enum rnm_status rnm_transaction_watch(struct rnm_transaction *change, size_t count,
                                                     const char *const *keys, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_transaction_begin(struct rnm_transaction *change, struct rnm_error *err);

/*
 * Queues a command in the server, which checks its name, arguments, rights and memory now.  A long one is
 * sent from the caller's memory, piece by piece.
 */
RNM_MUST_CHECK enum rnm_status rnm_transaction_add(struct rnm_transaction *change, size_t argc,
                                                   const struct rnm_bytes *argv, struct rnm_error *err);
/* The same for a command that has been sent by rnm_redis_begin and its kin; command is its name. */
RNM_MUST_CHECK enum rnm_status rnm_transaction_expect_queued(struct rnm_transaction *change,
                                                             const char *command, struct rnm_error *err);

/*
 * RNM_OK: all of it has happened.  RNM_NO, without err being set: somebody else changed a watched key, and
 * nothing has happened; watch and look again.  Otherwise
 *   RNM_E_REDIS  the server refused: nothing has happened (ids "answer.*", "store.transaction"), or only a part,
 *                which the message says (id "store.partly": Redis does not take back what went well)
 *   RNM_E_IO     the connection broke.  id "store.unknown": it broke before the answer to EXEC, so all or
 *                nothing has happened
 */
RNM_MUST_CHECK enum rnm_status rnm_transaction_commit(struct rnm_transaction *change, struct rnm_error *err);

/* Whether the connection works and waits for no answer, also after a failure. */
bool rnm_transaction_can_ask(const struct rnm_transaction *change);

/* Gives up what was not committed (DISCARD, UNWATCH), as far as the connection still works, and frees. */
void rnm_transaction_end(struct rnm_transaction *change);

/* The refusal of a command that belongs to the work, inside or outside of MULTI: text is Redis' answer. */
enum rnm_status rnm_transaction_refused(const struct rnm_transaction *change, const char *command,
                                        const char *text, struct rnm_error *err);

#endif
