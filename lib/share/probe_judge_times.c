/* SPDX-License-Identifier: Apache-2.0 */
/* Date and Expires: when is the next question? */
#include "share/probe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Clocks that agree better than this are not worth a word. */
#define CLOCK_SECONDS 60.0

/* "25 seconds", "20 minutes", "9 hours", "400 days" */
struct span {
	char text[48];
};

static struct span span(double seconds)
{
	static const struct {
		double seconds;
		const char *name;
	} units[] = { { 86400, "days" }, { 3600, "hours" }, { 60, "minutes" }, { 1, "seconds" } };
	struct span out;
	size_t unit = 0;

	while (unit < 3 && seconds < 2 * units[unit].seconds)
		unit++;
	snprintf(out.text, sizeof(out.text), "%.0f %s", seconds / units[unit].seconds, units[unit].name);
	return out;
}

static void judge_clock(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer,
                        const struct rnm_map_answer *map)
{
	const double ahead = (double)map->date - answer->at;
	const struct span off = span(fabs(ahead));
	char cache[128] = "";
	struct rnm_map_check next;

	if (answer->age != NULL)
		snprintf(cache, sizeof(cache), ", and Age says %.40s: a cache repeats the date of its copy",
		         answer->age);
	rnm_map_next_check(&next, map, judge->report->poll, answer->at);
	if (next.reason == RNM_MAP_OVERDUE)
		rnm_probe_find(judge, RNM_FOUND_CLOCK_OVERDUE, answer->address,
		               "Date is %s behind the clock of this host%s", off.text, cache);
	else if (ahead < -CLOCK_SECONDS)
		rnm_probe_find(judge, RNM_FOUND_CLOCK_BEHIND, answer->address,
		               "Date is %s behind the clock of this host%s", off.text, cache);
	else if (ahead > CLOCK_SECONDS)
		rnm_probe_find(judge, RNM_FOUND_CLOCK_AHEAD, answer->address,
		               "Date is %s ahead of the clock of this host", off.text);
}

static void judge_date(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer,
                       const struct rnm_map_answer *map)
{
	if (answer->date == NULL)
		rnm_probe_find(judge, RNM_FOUND_NO_DATE, answer->address, "the answer %u has no Date",
		               answer->status);
	else if (!map->has_date)
		rnm_probe_find(judge, RNM_FOUND_BAD_DATE, answer->address,
		               "expected a date in Date, found '%s'", answer->date);
	else
		judge_clock(judge, answer, map);
}

static void judge_expires(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer,
                          const struct rnm_map_answer *map)
{
	const double ahead = (double)map->expires_at - (double)map->date;
	const size_t address = answer->address;
	const struct span how_far = span(fabs(ahead));

	if (map->expires == RNM_MAP_EXPIRES_NONE && (map->has_etag || map->has_last_modified))
		rnm_probe_find(judge, RNM_FOUND_NO_EXPIRES, address, "the answer %u has no Expires",
		               answer->status);
	if (map->expires == RNM_MAP_EXPIRES_UNREADABLE)
		rnm_probe_find(judge, RNM_FOUND_BAD_EXPIRES, address,
		               "expected a date in Expires, found '%s'", answer->expires);
	if (map->expires != RNM_MAP_EXPIRES_TIME || !map->has_date)
		return;
	if (ahead <= 0)
		rnm_probe_find(judge, RNM_FOUND_PAST_EXPIRES, address, "Expires is %s before Date",
		               how_far.text);
	else if (ahead > RNM_MAP_ABSURD_SECONDS)
		rnm_probe_find(judge, RNM_FOUND_ABSURD_EXPIRES, address, "Expires is %s after Date",
		               how_far.text);
	else if (ahead > RNM_MAP_FAR_SECONDS)
		rnm_probe_find(judge, RNM_FOUND_FAR_EXPIRES, address, "Expires is %s after Date",
		               how_far.text);
	else if (ahead < judge->report->poll)
		rnm_probe_find(judge, RNM_FOUND_SOON_EXPIRES, address,
		               "Expires is %s after Date, the poll interval is %s", how_far.text,
		               span(judge->report->poll).text);
}

/* The same instant in answers that were given at different times. */
static void judge_fixed(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer,
                        const struct rnm_map_answer *map)
{
	const struct rnm_probe_report *report = judge->report;

	if (map->expires != RNM_MAP_EXPIRES_TIME || !map->has_date || map->expires_at <= map->date)
		return;
	for (size_t i = 0; &report->answers[i] < answer; i++) {
		const struct rnm_probe_answer *other = &report->answers[i];
		struct rnm_map_answer before;

		if (other->reach != RNM_REACH_ANSWER || other->ask == RNM_ASK_OTHER ||
		    other->expires == NULL || strcmp(other->expires, answer->expires) != 0)
			continue;
		rnm_probe_map_answer(&before, other, report);
		if (before.has_date && before.date != map->date) {
			rnm_probe_find(judge, RNM_FOUND_FIXED_EXPIRES, answer->address,
			               "Expires is %s in answers of different times", answer->expires);
			return;
		}
	}
}

void rnm_probe_judge_times(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer)
{
	struct rnm_map_answer map;

	/* rspamd looks at the times of what it takes: the body, or the word that it has not changed. */
	if (!(answer->ask == RNM_ASK_GET && answer->status == 200) &&
	    !(answer->ask == RNM_ASK_AGAIN && answer->status == 304))
		return;
	rnm_probe_map_answer(&map, answer, judge->report);
	/* Whether the body is good is another question. */
	map.good = true;
	judge_date(judge, answer, &map);
	judge_expires(judge, answer, &map);
	judge_fixed(judge, answer, &map);
}
