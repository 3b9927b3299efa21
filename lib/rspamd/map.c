/* SPDX-License-Identifier: Apache-2.0 */
#include <rnm/map.h>

#define FLOOR_SECONDS 600.0
/* What is due at once is asked for after a random pause of this length. */
#define PAUSE_LEAST 2.0
#define PAUSE_MOST 4.0

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

const char *rnm_map_reason_name(enum rnm_map_reason reason)
{
	static const char *const names[] = {
		[RNM_MAP_ERROR] = "error",
		[RNM_MAP_NOTHING] = "nothing",
		[RNM_MAP_EXPIRES] = "expires",
		[RNM_MAP_EXPIRES_SOON] = "expires-soon",
		[RNM_MAP_EXPIRES_FAR] = "expires-far",
		[RNM_MAP_VALIDATORS] = "validators",
		[RNM_MAP_FLOOR] = "floor",
		[RNM_MAP_OVERDUE] = "overdue",
	};

	return names[reason];
}

/* An interval that the headers name counts from Date, and not from the client's own clock. */
static double headers_interval(enum rnm_map_reason *reason, const struct rnm_map_answer *answer, double poll)
{
	/* Without Date rspamd counts from 1970, which puts every Expires too far ahead to count. */
	const double date = answer->has_date ? (double)answer->date : 0;
	const double ahead = (double)answer->expires_at - date;

	if (answer->expires == RNM_MAP_EXPIRES_TIME && ahead > 0 && ahead <= RNM_MAP_ABSURD_SECONDS) {
		*reason = ahead < poll                   ? RNM_MAP_EXPIRES_SOON
		          : ahead <= RNM_MAP_FAR_SECONDS ? RNM_MAP_EXPIRES
		                                         : RNM_MAP_EXPIRES_FAR;
		return *reason == RNM_MAP_EXPIRES_FAR ? smaller(10 * poll, RNM_MAP_FAR_SECONDS)
		                                      : larger(ahead, poll);
	}
	if (answer->has_etag || answer->has_last_modified) {
		*reason = RNM_MAP_VALIDATORS;
		return larger(FLOOR_SECONDS, smaller(4 * poll, RNM_MAP_FAR_SECONDS));
	}
	*reason = RNM_MAP_FLOOR;
	return larger(FLOOR_SECONDS, poll);
}

void rnm_map_next_check(struct rnm_map_check *out, const struct rnm_map_answer *answer, double poll,
                        double now)
{
	double left;

	if (!answer->good) {
		*out = (struct rnm_map_check){ RNM_MAP_ERROR, 20 * poll, 40 * poll };
		return;
	}
	if (answer->expires == RNM_MAP_EXPIRES_NONE && !answer->has_etag && !answer->has_last_modified) {
		*out = (struct rnm_map_check){ RNM_MAP_NOTHING, poll, 2 * poll };
		return;
	}
	left = headers_interval(&out->reason, answer, poll);
	left += (answer->has_date ? (double)answer->date : 0) - now;
	if (left <= 0)
		out->reason = RNM_MAP_OVERDUE;
	out->min = larger(left, PAUSE_LEAST);
	out->max = larger(left, PAUSE_MOST);
}
