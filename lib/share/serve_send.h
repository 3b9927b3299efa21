/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends answers about files with as few system calls as they take.  libmicrohttpd needs a third more processor time
 * for a short one, and half as much again for a large one, which it passes to the kernel in small pieces, each of
 * which wakes the peer.  So the head, and as much of the body as the socket takes, is written by the thread of the
 * request, and the rest by another one, while libmicrohttpd keeps the connection suspended.  As libmicrohttpd cannot
 * be told that an answer was given, such a connection ends with it.
 */
#ifndef RNM_SHARE_SERVE_SEND_H
#define RNM_SHARE_SERVE_SEND_H

#include "share/microhttpd.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Enough for the head of an answer about a file. */
#define RNM_SENDING_HEAD_SIZE 640

enum rnm_sending_state { RNM_SENDING_UNDERWAY, RNM_SENDING_SENT, RNM_SENDING_FAILED };

struct rnm_sending {
	struct rnm_sending *before, *after; /* in the ring of the sender */
	struct MHD_Connection *connection;
	int socket, file;      /* borrowed: both stay open as long as the request is not completed */
	uint64_t offset, left; /* nothing is left of an answer without a body */
	enum rnm_sending_state state;
	/*
	 * The client may say more after its request.  If nobody listened, that would make TCP throw away what the
	 * client has not read yet (RFC 9112, 9.6).
	 */
	bool linger;
	size_t head_sent, head_length;
	char head[RNM_SENDING_HEAD_SIZE];
};

/* All zeros before it is started. */
struct rnm_sender {
	bool started, stopping;
	int epoll, event;
	pthread_t thread;
	pthread_mutex_t lock;
	struct rnm_sending ring;
};

/* Does nothing when it was started before. */
RNM_MUST_CHECK enum rnm_status rnm_sender_start(struct rnm_sender *sender, struct rnm_error *err);
/* Breaks off what is under way and resumes each connection: a daemon must not be stopped before. */
void rnm_sender_stop(struct rnm_sender *sender);
/* After rnm_sender_stop, and when no daemon uses it any more. */
void rnm_sender_free(struct rnm_sender *sender);

/* Sends what the socket takes at once.  Whether it is over: all is sent and nothing to be waited for, or it failed. */
bool rnm_sending_go(struct rnm_sending *sending);
/*
 * The thread goes on with it.  Until the sending is over, its connection is suspended.  False: it cannot, and the
 * connection is as it was.
 */
RNM_MUST_CHECK bool rnm_sender_take(struct rnm_sender *sender, struct rnm_sending *sending);

#endif
