/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `rnm watch` share. */
#ifndef RNM_CLI_WATCH_H
#define RNM_CLI_WATCH_H

#include "context.h"
#include "s3_option.h"

/* One rule that is watched, and what was last said of it. */
struct watch_rule {
	struct rnm_rule *rule;
	char *channel;
	char failure[RNM_ERROR_TEXT_MAX]; /* of the last look; "": there was none */
};

struct watch_run {
	const struct options *options;
	const char *settings, *to;
	bool staying; /* not just once */
	double every;
	struct rnm_key *key; /* NULL: nothing is signed */
	struct s3_option s3;
	struct rnm_watch *watch;
	/* Read at the start, and after SIGHUP. */
	struct context context;
	struct watch_rule *rules;
	size_t rule_count;
	/* A second connection, on which Redis tells of changes; NULL: it does not, or not now. */
	struct rnm_redis *listener;
	bool deaf; /* Redis does not let us listen: told once, and tried again after SIGHUP */
	bool events_told;
	bool failed;                      /* the last look, or a part of it */
	char trouble[RNM_ERROR_TEXT_MAX]; /* why Redis could not be reached; "": it could */
};

/* Reads the configuration and finds the rules; what was there before goes. */
RNM_MUST_CHECK enum rnm_status watch_load(struct watch_run *run, struct rnm_error *err);
void watch_unload(struct watch_run *run);
/* A connection that nobody has used yet, to the server that is in charge now. */
RNM_MUST_CHECK enum rnm_status watch_connect(struct watch_run *run, struct rnm_error *err);
/* Looks at all rules once, and prints what there is to say.  Returns the worst exit code. */
int watch_look(struct watch_run *run);
/* Looks until a signal ends it, and returns the exit code. */
int watch_stay(struct watch_run *run);

/* watch_gate.c: the command of --gate as a gate; ctx is the command. */
RNM_MUST_CHECK enum rnm_status watch_gate(void *ctx, const struct rnm_watch_candidate *candidate,
                                          struct rnm_error *err);

/* watch_report.c */

/* err: NULL, or what the look failed with; the report counts otherwise.  Returns the exit code. */
int watch_report(const struct watch_run *run, const struct rnm_rule *rule,
                 const struct rnm_watch_report *report, const struct rnm_error *err);

#endif
