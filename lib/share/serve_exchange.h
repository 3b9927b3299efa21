/* SPDX-License-Identifier: Apache-2.0 */
/* A request and what became of it: one line of the log. */
#ifndef RNM_SHARE_SERVE_EXCHANGE_H
#define RNM_SHARE_SERVE_EXCHANGE_H

#include "share/serve_server.h"

/* As much of what clients say as is kept. */
#define RNM_EXCHANGE_TARGET_SIZE 256
#define RNM_EXCHANGE_TEXT_SIZE 128

struct rnm_exchange {
	struct rnm_served_table *table;
	struct rnm_link *link;
	struct rnm_answer answer;
	struct rnm_waiter waiter;
	struct rnm_sending *sending; /* NULL: libmicrohttpd answers */
	double begun;                /* on the monotonic clock */
	bool head;                   /* only the headers are wanted */
	bool last;                   /* the client will ask no more on this connection */
	char method[16];
	char target[RNM_EXCHANGE_TARGET_SIZE];
	char agent[RNM_EXCHANGE_TEXT_SIZE];
	char held[RNM_EXCHANGE_TEXT_SIZE]; /* If-None-Match: what the client has */
	char client[INET6_ADDRSTRLEN];
};

/* Whether more than the headers is sent. */
bool rnm_exchange_has_body(const struct rnm_exchange *exchange);

/* Who asks: the peer, or whom a proxy on this host asks for, by the last address of its X-Forwarded-For. */
void rnm_exchange_client(struct rnm_exchange *exchange, const char *forwarded);

/* The line of JSON, with its newline. */
void rnm_exchange_line(struct rnm_buf *out, const struct rnm_exchange *exchange, bool aborted);

#endif
