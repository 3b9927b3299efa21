/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server lists as rspamd writes them, put in the order in which a fresh rspamd process would pick.
 * rspamd: src/libutil/upstream.c, src/libutil/addr.c, src/lua/lua_upstream.c.
 */
#ifndef RNM_REDIS_SERVERS_H
#define RNM_REDIS_SERVERS_H

#include "base/arena.h"

/* Limits on hostile lists: servers of one list, and bytes of all its elements together. */
#define RNM_SERVERS_MAX ((size_t)1024)
#define RNM_SERVERS_TEXT_MAX ((size_t)1 << 20)

/* The prefix of a list.  rnm tries RANDOM and HASH lists in the order in which they are written. */
enum rnm_rotation {
	RNM_ROTATION_ROUND_ROBIN,  /* also without prefix: highest priority first, then position */
	RNM_ROTATION_MASTER_SLAVE, /* the same, and the first server has priority 1 unless it names one */
	RNM_ROTATION_RANDOM,
	RNM_ROTATION_HASH
};

struct rnm_server {
	bool is_unix;
	const char *host; /* name, address literal without brackets, or path of the socket */
	uint16_t port;    /* 0 for a path */
	bool has_port;    /* the port was written, and is not the default */
	uint32_t priority;
	size_t position; /* in the list as written */
};

struct rnm_server_list {
	struct rnm_server *items; /* in the order to try */
	size_t count;
	enum rnm_rotation rotation;
	/* For each element that names no usable server: the element in quotes, a colon and the reason. */
	const char **problems;
	size_t problem_count;
	struct rnm_arena arena; /* owns all of the above */
};

/* How a list is to be read. */
struct rnm_servers_syntax {
	bool literal;          /* each element is one item without prefix and separators */
	uint16_t default_port; /* 0: that of Redis */
};

/*
 * Parses the elements of a list.  What cannot be used is skipped and told in problems, as long as one server is left; otherwise
 * RNM_E_MALFORMED, id "redis.servers".
 */
RNM_MUST_CHECK enum rnm_status rnm_servers_parse(struct rnm_server_list *out, char *const *texts,
                                                 size_t count, struct rnm_servers_syntax syntax,
                                                 struct rnm_error *err);
void rnm_servers_clear(struct rnm_server_list *list);

#endif
