/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has asked for which model, and what he holds since: rspamd says so itself, by the tag that it sends
 * with each check.  Kept in memory as long as the server runs.
 */
#ifndef RNM_SHARE_SERVE_FLEET_H
#define RNM_SHARE_SERVE_FLEET_H

#include "share/serve_table.h"

#include <arpa/inet.h>
#include <pthread.h>

/*
 * Clients that are told apart; when there are so many, those that have been silent for a day are forgotten.
 */
#define RNM_FLEET_CLIENTS_MAX 16384u
/* Names that were asked for and are not there; the one that was asked for least lately goes. */
#define RNM_FLEET_MISSING_MAX 256u
/* Models that have been offered, to say what a tag stands for; the oldest goes. */
#define RNM_FLEET_OFFERED_MAX 1024u
#define RNM_FLEET_AGENT_SIZE 64
/* "/models/" and a name. */
#define RNM_FLEET_NAME_SIZE (RNM_SERVE_NAME_MAX + 16)

struct rnm_fleet_client {
	char client[INET6_ADDRSTRLEN];
	char name[RNM_FLEET_NAME_SIZE]; /* of the model, without "/models/" */
	char agent[RNM_FLEET_AGENT_SIZE];
	char held[RNM_ETAG_SIZE]; /* "": not known yet */
	int64_t first, last;      /* seconds since 1970 */
	uint64_t requests;
};

struct rnm_fleet_missing {
	char name[RNM_FLEET_NAME_SIZE];
	char client[INET6_ADDRSTRLEN]; /* the last one */
	int64_t first, last;
	uint64_t requests;
};

struct rnm_fleet_offered {
	char name[RNM_FLEET_NAME_SIZE];
	char etag[RNM_ETAG_SIZE];
	double version;
	int64_t modified;
};

struct rnm_fleet {
	pthread_mutex_t lock;
	struct rnm_fleet_client *clients;
	size_t count, cap;
	uint32_t *places; /* index + 1; open addressing */
	size_t place_count;
	uint64_t forgotten; /* newcomers for whom there was no room */
	int64_t searched;   /* when the silent ones were looked for, and */
	int64_t oldest;     /* when the longest silent who stayed had come: no newcomer costs a search */
	struct rnm_fleet_missing *missing;
	size_t missing_count;
	struct rnm_fleet_offered *offered; /* the newest last */
	size_t offered_count;
};

void rnm_fleet_init(struct rnm_fleet *fleet);
void rnm_fleet_free(struct rnm_fleet *fleet);

/* One answer about a model.  Without memory it is passed over. */
struct rnm_fleet_event {
	const char *client, *agent;
	const char *name; /* without "/models/" */
	const char *sent; /* If-None-Match of the request; "" */
	const char *has;  /* what the client certainly has after this answer: a tag, or NULL */
	bool missing;     /* there is no such model */
};
void rnm_fleet_note(struct rnm_fleet *fleet, const struct rnm_fleet_event *event, int64_t now);
/* What is offered from now on. */
void rnm_fleet_offer(struct rnm_fleet *fleet, const struct rnm_served_table *table);

/*
 * Copies for reading at leisure, in the order of names and clients, of names that are missing (latest
 * first), and of offers; release with rnm_fleet_free.  False: no memory.
 */
bool rnm_fleet_copy(struct rnm_fleet *out, struct rnm_fleet *fleet);
/* What a tag stands for under this name; NULL. */
const struct rnm_fleet_offered *rnm_fleet_find_offer(const struct rnm_fleet *fleet, const char *name,
                                                     const char *etag);

#endif
