/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error replies of Redis and what to do about each: the one table for the whole library.
 */
#ifndef RNM_REDIS_REFUSAL_H
#define RNM_REDIS_REFUSAL_H

#include <rnm/redis.h>

/* What the reply answered.  Every member may be NULL: the advice is then less precise. */
struct rnm_refused {
	const struct rnm_redis *redis; /* for the name of the user */
	const char *command;           /* such as "ZREVRANGE" */
	const char *global;            /* neural.prefix, with which all keys begin */
	const char *rights;            /* "an export needs: +zrevrange ..."; without it, redis->rights */
};

/*
 * Gives an error that has been set for an error reply the id of that kind of reply ("answer.moved", ...)
 * and the next step as its hint.  A reply that is not in the table leaves the error as it is.
 */
void rnm_refusal_explain(struct rnm_error *err, const struct rnm_refused *refused, const char *answer);

/* The same, but the error keeps its id. */
void rnm_refusal_hint(struct rnm_error *err, const struct rnm_refused *refused, const char *answer);

/* Whether this reply refuses the command itself, whatever its keys. */
bool rnm_refusal_is_of_command(const char *answer);

/*
 * Whether a server says by this reply that it is of no use to anybody now, while another one may be.  Any
 * other error reply to PING, such as NOAUTH or NOPERM, is an answer like any other.
 */
bool rnm_refusal_is_unavailable(const char *answer);

#endif
