/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of rnm_probe: probe.c asks, probe_judge.c and its like judge what is recorded. */
#ifndef RNM_SHARE_PROBE_H
#define RNM_SHARE_PROBE_H

#include "base/arena.h"
#include "share/wire_url.h"

#include <rnm/probe.h>

/* Texts of one report; 80 KiB of headers an answer would fit. */
#define RNM_PROBE_ARENA_MAX ((size_t)512 << 20)

enum rnm_probe_code {
#define FINDING(symbol, id, level, meaning) RNM_FOUND_##symbol,
#include "share/probe.def"
#undef FINDING
	RNM_FOUND_COUNT
};

/* What to change at the server. */
const char *rnm_probe_advice(enum rnm_probe_code code);

struct rnm_probe_judge {
	struct rnm_probe_report *report;
	struct rnm_arena *arena;
	struct rnm_probe_finding *of_code[RNM_FOUND_COUNT];
	bool no_memory;
};
#define RNM_PROBE_NOWHERE SIZE_MAX
/* The first text of a kind is kept; later ones only add their address. */
void rnm_probe_find(struct rnm_probe_judge *judge, enum rnm_probe_code code, size_t address, const char *fmt,
                    ...) RNM_PRINTF(4, 5);

/* Judges what is in the report, which must have no findings yet; a pure function of it.  RNM_E_NOMEM. */
RNM_MUST_CHECK enum rnm_status rnm_probe_judge(struct rnm_probe_report *report, struct rnm_arena *arena,
                                               struct rnm_error *err);
/* Its parts, by what they look at. */
void rnm_probe_judge_reach(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer);
void rnm_probe_judge_times(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer);
void rnm_probe_judge_body(struct rnm_probe_judge *judge, const struct rnm_probe_answer *answer);
void rnm_probe_judge_validators(struct rnm_probe_judge *judge);
void rnm_probe_judge_tls(struct rnm_probe_judge *judge, size_t address);

/* A header as a time; false without one, or when it is none. */
bool rnm_probe_time(int64_t *time, const char *text, const struct rnm_probe_report *report);
/* The other way round, as HTTP writes it. */
void rnm_probe_time_text(char text[64], int64_t time);
/* What counts of an answer for the time of the next one. */
void rnm_probe_map_answer(struct rnm_map_answer *out, const struct rnm_probe_answer *answer,
                          const struct rnm_probe_report *report);
/* The first answer of this kind from an address with this status; NULL. */
const struct rnm_probe_answer *rnm_probe_first(const struct rnm_probe_report *report, enum rnm_ask ask,
                                               size_t address, unsigned status);

/* Judges a whole body that is not empty; texts go to the arena.  RNM_E_NOMEM. */
RNM_MUST_CHECK enum rnm_status rnm_probe_body_read(struct rnm_probe_body *out, const void *data, size_t len,
                                                   bool encrypted, struct rnm_arena *arena,
                                                   struct rnm_error *err);

/* What an earlier run remembers of a URL; NULL. */
const struct rnm_probe_seen *rnm_probe_memory_find(const struct rnm_probe_memory *memory, const char *url);

#endif
