/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An incremental parser of Redis replies (RESP2, and the types of RESP3).  It is a pure function of
 * the bytes: no socket, no allocation, and the events do not depend on how the bytes were cut (but for
 * the cuts of BULK_DATA).
 */
#ifndef RNM_REDIS_RESP_H
#define RNM_REDIS_RESP_H

#include <rnm/redis.h>

/* Limits on a hostile peer. */
#define RNM_RESP_DEPTH_MAX 32                     /* nested aggregates */
#define RNM_RESP_LINE_MAX ((size_t)64 << 10)      /* a status, an error, also one sent as a blob */
#define RNM_RESP_COUNT_MAX ((uint64_t)UINT32_MAX) /* elements of an aggregate */
#define RNM_RESP_BULK_MAX ((uint64_t)1 << 40)     /* bytes of a bulk reply; they are streamed */
#define RNM_RESP_DROPPED_MAX ((uint64_t)1 << 20)  /* bytes of pushes and attributes between two events */

/* The caller must be able to present this many bytes at once: a longest line with what belongs to it. */
#define RNM_RESP_WINDOW (RNM_RESP_LINE_MAX + 64)

enum rnm_resp_result {
	RNM_RESP_EVENT,
	RNM_RESP_MORE,  /* the bytes that were not used must be presented again, with more behind them */
	RNM_RESP_FAILED /* not the Redis protocol; stays so */
};

struct rnm_resp_frame {
	uint64_t left; /* elements still to come; never 0 while the frame is open */
	bool extra;    /* a push or an attribute, which is no element of the frame around it */
};

struct rnm_resp {
	enum { RNM_RESP_LINE, RNM_RESP_BULK, RNM_RESP_BULK_TAIL, RNM_RESP_DEAD } state;
	unsigned depth;
	unsigned muted; /* 0, or the depth at which a push or an attribute is being dropped */
	struct rnm_resp_frame frames[RNM_RESP_DEPTH_MAX];
	uint64_t bulk_left;
	unsigned prefix_left; /* bytes of a verbatim string's format mark, which are not part of it */
	size_t scanned;       /* bytes of an unfinished line that hold no line end */
	uint64_t dropped;     /* bytes used without an event since the last one */
	uint64_t offset;      /* bytes used in all */
	/* After RNM_RESP_FAILED: a sentence, and hiredis' words for it where rspamd shows them. */
	char problem[160];
	char reference[64];
};

void rnm_resp_init(struct rnm_resp *parser);

/*
 * The next event of data[0..len).  *used bytes must not be presented again; event->data points into
 * data.  At RNM_RESP_MORE bytes may have been used, too.
 */
RNM_MUST_CHECK enum rnm_resp_result rnm_resp_next(struct rnm_resp *parser, const char *data, size_t len,
                                                  size_t *used, struct rnm_event *event);

/* Asked after an event: whether it was the last one of a whole reply. */
bool rnm_resp_complete(const struct rnm_resp *parser);

#endif
