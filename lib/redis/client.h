/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a connection, shared by connect.c (who is spoken to), connection.c (the object), client.c
 * (commands and events), command.c (commands of any length), reply.c (whole replies) and subscribe.c (messages).
 */
#ifndef RNM_REDIS_CLIENT_H
#define RNM_REDIS_CLIENT_H

#include "redis/io.h"
#include "redis/resp.h"

#include <rnm/buf.h>

/* The fixed read buffer.  BULK_DATA points into it. */
#define RNM_CLIENT_WINDOW ((size_t)256 << 10)
/* Queued commands that have not been sent yet. */
#define RNM_CLIENT_QUEUE_MAX ((size_t)1 << 30)
/* Longest header such as "$123\r\n" around the digits of a 64-bit number. */
#define RNM_CLIENT_HEADER_MAX ((size_t)(1 + 20 + 2))
/* A queue that grew larger than this is given back once it has been sent. */
#define RNM_CLIENT_QUEUE_KEEP ((size_t)64 << 10)
/*
 * A reply may take longer than the timeout only as long as it keeps this pace on average, in bytes
 * per second: a slow line is served, a peer that drips byte after byte is not.
 */
#define RNM_CLIENT_PACE 16384.0
#define RNM_CLIENT_NOTES_MAX ((size_t)64)
#define RNM_CLIENT_USER_MAX ((size_t)64)

enum rnm_server_role { RNM_ROLE_UNKNOWN, RNM_ROLE_MASTER, RNM_ROLE_REPLICA };

struct rnm_redis {
	struct rnm_io io;
	char address[RNM_ADDRESS_TEXT_MAX];
	enum rnm_server_role role;           /* as far as it was asked for */
	bool linked;                         /* of a replica: its link to the master stands */
	char sentinel[RNM_ADDRESS_TEXT_MAX]; /* the Sentinel that named the server, or "" */
	char user[RNM_CLIENT_USER_MAX];      /* whose rights we have, for hints */
	const char *rights;                  /* all that the work at hand needs, for hints; or NULL */
	const volatile sig_atomic_t *cancel;
	double timeout;

	struct rnm_resp parser;
	char *in; /* RNM_CLIENT_WINDOW bytes, of which [in_pos, in_len) wait for the parser */
	size_t in_pos;
	size_t in_len;
	bool heard;         /* the peer has said something over this connection */
	struct rnm_buf out; /* encoded commands, of which [0, out_pos) have been sent */
	size_t out_pos;
	struct rnm_bytes piece; /* of a long argument, borrowed: goes out after the queue */
	size_t args_left;       /* arguments that a long command still needs, after the one being given ... */
	uint64_t arg_left;      /* ... and the bytes that this one still needs */
	bool in_arg;            /* an argument has been announced and not been ended */
	bool cannot_write;      /* the peer takes nothing more; what it has said is still read */
	uint64_t outstanding;   /* commands without their whole reply */

	/* What the reply being read has cost so far. */
	double waited;
	uint64_t moved;
	/* While we find out who is there, all replies together have one timeout and no time for their size. */
	bool connecting;

	bool dead; /* failure is what every call returns from now on */
	struct rnm_error failure;
	char reason[RNM_ERROR_TEXT_MAX / 2]; /* failure.message without the server's name */

	char *notes[RNM_CLIENT_NOTES_MAX];
	size_t note_count;
};

/* A client without a connection; NULL: no memory.  rnm_redis_free() it. */
struct rnm_redis *rnm_client_new(double timeout, const volatile sig_atomic_t *cancel);

/* Adds something to tell the user, as long as there is room; false when out of memory. */
bool rnm_client_note(struct rnm_redis *redis, const char *fmt, ...) RNM_PRINTF(2, 3);

/* Returns the failure of a connection that is dead. */
enum rnm_status rnm_client_replay(const struct rnm_redis *redis, struct rnm_error *err);
/* Appends a header such as "$123\r\n". */
void rnm_client_put_header(struct rnm_buf *out, char type, uint64_t number);
/* Whether a command has been begun (rnm_redis_begin) and is not whole yet. */
static inline bool rnm_client_in_command(const struct rnm_redis *redis)
{
	return redis->args_left > 0 || redis->in_arg;
}
/* Sends the queue and the piece, keeping meanwhile what the server answers. */
RNM_MUST_CHECK enum rnm_status rnm_client_drain(struct rnm_redis *redis, struct rnm_error *err);

/* Takes what the peer has sent, without waiting.  *moved tells whether there was anything. */
RNM_MUST_CHECK enum rnm_status rnm_client_take(struct rnm_redis *redis, bool *moved, struct rnm_error *err);

/* Kills the connection with one sentence about the server; returns status, with *err set. */
enum rnm_status rnm_client_fail(struct rnm_redis *redis, struct rnm_error *err, enum rnm_status status,
                                const char *id, const char *reference, const char *fmt, ...) RNM_PRINTF(6, 7);
/* Kills the connection for lack of memory. */
enum rnm_status rnm_client_fail_nomem(struct rnm_redis *redis, struct rnm_error *err);
/* Kills the connection because the caller's cancel flag was raised. */
enum rnm_status rnm_client_fail_interrupted(struct rnm_redis *redis, struct rnm_error *err);
/* Closes a connection in the middle of a command, of which the server then has nothing. */
void rnm_client_hang_up(struct rnm_redis *redis);
/* Drops the queued commands and wipes them: a password may be among them. */
void rnm_client_forget_queue(struct rnm_redis *redis);

#endif
