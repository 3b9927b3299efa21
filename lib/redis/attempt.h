/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attempt to reach one of many servers: connect.c knows how one is tried, discover.c which.
 */
#ifndef RNM_REDIS_ATTEMPT_H
#define RNM_REDIS_ATTEMPT_H

#include "redis/greet.h"
#include "redis/servers.h"

struct rnm_tls;

/* Bytes that the reasons of all servers together may take in the message of a failed connect. */
#define RNM_ATTEMPT_REASONS_MAX ((size_t)1500)

struct rnm_attempt {
	struct rnm_redis *redis;
	const struct rnm_redis_settings *settings;
	const struct rnm_redis_settings *configured; /* the same, also while a Sentinel is asked */
	struct rnm_tls *tls;                         /* made for the first server that needs it */
	bool writing;
	bool at_sentinel; /* who is tried is a Sentinel; settings hold its user and password */
	enum rnm_expect expect;
	struct rnm_error *err;
	size_t passed_over;
	struct rnm_buf reasons; /* "address: reason; address: reason", there also without memory */
	char reasons_memory[RNM_ATTEMPT_REASONS_MAX + 1];
	struct rnm_buf dead; /* addresses that need not be tried again: "\naddress\naddress\n" */
	int first_errno;
	char first_reference[RNM_ERROR_TEXT_MAX]; /* rspamd would have stopped there */
	char first_hint[RNM_ERROR_TEXT_MAX / 4];  /* the first one that there was */
	bool refused;                             /* a Sentinel turned us away */
	bool server_tried;                        /* at least one */
};

void rnm_attempt_init(struct rnm_attempt *attempt);
void rnm_attempt_clear(struct rnm_attempt *attempt);

/*
 * The functions below return RNM_NO when they have passed over what they were given, with a note and a
 * reason for the final message; any other status but RNM_OK ends the attempt, with attempt->err set.
 */

/* Connects to one server, whatever addresses it has. */
RNM_MUST_CHECK enum rnm_status rnm_attempt_server(struct rnm_attempt *attempt,
                                                  const struct rnm_server *server);
/* The same for a list; what stands in it and names no server is noted first. */
RNM_MUST_CHECK enum rnm_status rnm_attempt_list(struct rnm_attempt *attempt,
                                                const struct rnm_server_list *list);
RNM_MUST_CHECK enum rnm_status rnm_attempt_note_problems(struct rnm_attempt *attempt,
                                                         const struct rnm_server_list *list);

/* Remembers why a server, or one of its addresses, was passed over. */
RNM_MUST_CHECK enum rnm_status rnm_attempt_pass_over(struct rnm_attempt *attempt, const char *who,
                                                     const char *reason, const char *reference,
                                                     const char *hint, int sys_errno);
/* What comes of a failure of the connection itself, which is in redis->failure. */
RNM_MUST_CHECK enum rnm_status rnm_attempt_failed(struct rnm_attempt *attempt, enum rnm_status status,
                                                  const char *who);

/* The error when nobody is left; never RNM_OK. */
RNM_MUST_CHECK enum rnm_status rnm_attempt_none_left(struct rnm_attempt *attempt);

#endif
