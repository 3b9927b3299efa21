/* SPDX-License-Identifier: Apache-2.0 */
/* What is answered to a request: a function of the request and the table, without sockets. */
#ifndef RNM_SHARE_SERVE_ANSWER_H
#define RNM_SHARE_SERVE_ANSWER_H

#include "share/serve_table.h"

/* Headers that were not sent are NULL. */
struct rnm_request {
	const char *method;
	const char *target; /* as it came, without the query */
	const char *if_none_match;
	const char *if_modified_since;
	const char *range;
	const char *if_range;
	const char *content_length;
	const char *transfer_encoding;
	const char *connection;
	const char *agent;     /* User-Agent */
	const char *forwarded; /* X-Forwarded-For */
};

/* Takes note of a header, if it is one of those above.  Both texts are borrowed; value may be NULL. */
void rnm_request_header(struct rnm_request *request, const char *name, const char *value);

enum rnm_body {
	RNM_BODY_FILE,   /* length bytes of file, from offset on */
	RNM_BODY_TEXT,   /* what the status says, in words */
	RNM_BODY_HEALTH, /* for those who look whether the server lives */
	RNM_BODY_OTHER   /* the name is none of the table; whoever has more names looks there */
};

struct rnm_answer {
	unsigned status; /* 200, 206, 304, 400, 404, 405, 416, 503 */
	enum rnm_body body;
	struct rnm_served *file; /* borrowed from the table; NULL when it is not about one */
	uint64_t offset, length; /* of the body; also where only the headers are sent */
	bool close;              /* nothing more can be understood on this connection */
};

/* now: seconds since 1970. */
void rnm_answer(struct rnm_answer *answer, const struct rnm_served_table *table,
                const struct rnm_request *request, int64_t now);

/*
 * The path of a target: without "http://HOST" in front and "#..." behind, both of which clients send.
 * Borrowed from the target; *len is its length.
 */
const char *rnm_target_path(const char *target, size_t *len);

#endif
