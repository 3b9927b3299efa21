/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a file in front of it, whoever sends it. */
#ifndef RNM_SHARE_SERVE_HEADERS_H
#define RNM_SHARE_SERVE_HEADERS_H

#include "share/serve_answer.h"

#include <rnm/buf.h>

struct rnm_headers {
	struct {
		const char *name, *value;
	} items[7];
	size_t count;
	char date[RNM_HTTP_DATE_SIZE];
	char expires[RNM_HTTP_DATE_SIZE];
	char range[80];
};

/*
 * All but those of the connection and of the length, which libmicrohttpd writes.  The values lie in headers and
 * in the file.  now and expires: seconds since 1970.
 */
void rnm_headers_of(struct rnm_headers *headers, const struct rnm_answer *answer, int64_t now,
                    int64_t expires);

/* The whole head of an answer about a file, 200, 206 or 304, after which the connection is closed. */
void rnm_headers_write(struct rnm_buf *out, const struct rnm_headers *headers,
                       const struct rnm_answer *answer);

#endif
