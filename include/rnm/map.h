/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/map.h: when a rspamd asks for a map over HTTP again, such as the external model of a rule.
 * Source of the facts: rspamd 4.1 src/libserver/maps/map.c.
 */
#ifndef RNM_MAP_H
#define RNM_MAP_H

#include <rnm/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* rspamd's options.map_watch_interval when nobody sets it, in seconds. */
#define RNM_MAP_POLL_SECONDS 300.0
/* An Expires further ahead is replaced by ten poll intervals, and one beyond a year does not count. */
#define RNM_MAP_FAR_SECONDS (8 * 3600.0)
#define RNM_MAP_ABSURD_SECONDS (365 * 86400.0)

enum rnm_map_expires {
	RNM_MAP_EXPIRES_NONE,       /* no such header */
	RNM_MAP_EXPIRES_UNREADABLE, /* "0" and everything else that is no date */
	RNM_MAP_EXPIRES_TIME
};

/* What counts of an answer.  Times are seconds since 1970. */
struct rnm_map_answer {
	/* A 304, or a 200 with a whole body of allowed size; false: bad status, network, TLS, cut, empty, too large. */
	bool good;
	bool has_date; /* and it could be read */
	int64_t date;
	enum rnm_map_expires expires;
	int64_t expires_at;
	bool has_etag;
	bool has_last_modified;
};

/* Why rspamd waits as long as it does. */
enum rnm_map_reason {
	RNM_MAP_ERROR,        /* no good answer */
	RNM_MAP_NOTHING,      /* neither Expires nor ETag nor Last-Modified: all is fetched each time */
	RNM_MAP_EXPIRES,      /* Expires, to the second */
	RNM_MAP_EXPIRES_SOON, /* Expires less than the poll interval ahead: the poll interval */
	RNM_MAP_EXPIRES_FAR,  /* more than 8 hours ahead: ten poll intervals, at most 8 hours */
	RNM_MAP_VALIDATORS,   /* no Expires that counts: four poll intervals, 10 minutes at least */
	RNM_MAP_FLOOR,        /* neither an Expires that counts nor validators: 10 minutes at least */
	RNM_MAP_OVERDUE       /* Date is missing or so far behind that the time has come already */
};
RNM_API const char *rnm_map_reason_name(enum rnm_map_reason reason); /* "error", "nothing", "expires", ... */

struct rnm_map_check {
	enum rnm_map_reason reason;
	double min,
	    max; /* seconds from the answer to the next question; rspamd picks at random between them */
};

/* poll: the map's poll interval, > 0; now: the client's clock when the answer came. */
RNM_API void rnm_map_next_check(struct rnm_map_check *out, const struct rnm_map_answer *answer, double poll,
                                double now);

#ifdef __cplusplus
}
#endif
#endif
