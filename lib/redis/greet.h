/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first words with a server: who we are, which database, whether anybody is there, and what it is.
 */
#ifndef RNM_REDIS_GREET_H
#define RNM_REDIS_GREET_H

#include "redis/client.h"

/* What a server must be to be of use. */
enum rnm_expect {
	RNM_EXPECT_ANY,    /* whoever answers; its role is not asked */
	RNM_EXPECT_MASTER, /* a replica is passed over */
	RNM_EXPECT_LINKED, /* a master, or a replica whose link to its master stands */
	RNM_EXPECT_DATA    /* a master, or a replica that is not being filled just now */
};

/* Whether the settings can log in at all: a user needs a password.  Id "redis.auth". */
RNM_MUST_CHECK enum rnm_status rnm_greet_check(const struct rnm_redis_settings *settings,
                                               struct rnm_error *err);

/*
 * Logs in, selects the database and waits for an answer.  A failure is left in redis->failure, unless
 * memory is out:
 *   RNM_E_IO     nobody is there, or nobody of use now (ids "redis.unavailable", "redis.role", "redis.link", ...)
 *   RNM_E_REDIS  AUTH or SELECT was refused (ids "redis.auth", "redis.select")
 * A server that does not let this user ask for its role is taken for what is expected.
 */
RNM_MUST_CHECK enum rnm_status rnm_greet(struct rnm_redis *redis, const struct rnm_redis_settings *settings,
                                         enum rnm_expect expect);

#endif
