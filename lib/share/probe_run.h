/* SPDX-License-Identifier: Apache-2.0 */
/* One run of rnm_probe: probe.c decides what is asked, probe_where.c of whom, probe_ask.c asks. */
#ifndef RNM_SHARE_PROBE_RUN_H
#define RNM_SHARE_PROBE_RUN_H

#include "share/probe.h"
#include "share/wire.h"

struct rnm_probe_run {
	const struct rnm_probe_options *options;
	struct rnm_probe_report *report;
	struct rnm_arena *arena;
	struct rnm_error *err;
	struct rnm_wire_url url;
	struct rnm_address_list addresses;
	struct rnm_wire_trust trust;
	uint64_t expected; /* questions, for the progress */
};

/* A text in the arena; NULL stays NULL.  *failed is set when there is no memory for it. */
const char *rnm_probe_keep(struct rnm_probe_run *run, bool *failed, const char *text);

/* Fills the addresses, or says in the report why there are none. */
RNM_MUST_CHECK enum rnm_status rnm_probe_find_addresses(struct rnm_probe_run *run);

/* Asks, and adds the answer to the report.  known: whose validators to send, or NULL. */
RNM_MUST_CHECK enum rnm_status rnm_probe_ask(struct rnm_probe_run *run, enum rnm_ask what, size_t address,
                                             unsigned round, const struct rnm_probe_answer *known);

double rnm_probe_timeout(const struct rnm_probe_run *run);

#endif
