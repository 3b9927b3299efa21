/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `rnm pull` share. */
#ifndef RNM_CLI_PULL_H
#define RNM_CLI_PULL_H

#include "context.h"

#include <rnm/rnm.h>

/* One look at the server, and what came of it. */
struct pull_run {
	const struct options *options;
	struct rnm_pull_options how;
	struct context context;
	struct rnm_rule *rule;
	struct rnm_pull *pull;
	struct rnm_import *import;
	double retry_after; /* seconds that the server asks us to stay away */
	bool command_ran;
	char url[RNM_PULL_URL_TEXT_SIZE]; /* without a password */
};

/* What is the same for every look. */
struct pull_setup {
	const struct options *options;
	struct rnm_trust *trust;
	uint64_t max_size;
	double timeout;
	double every; /* seconds; 0: once */
	char user[512];
	char *password; /* in user */
};

/* Looks once, and prints what there is to say.  Returns the exit code; *retry_after may be NULL. */
int pull_once(const struct pull_setup *setup, double *retry_after);
/* Looks until a signal ends it, and returns the exit code. */
int pull_daemon(const struct pull_setup *setup);
/* Prints the configuration for rspamd.  Returns the exit code. */
int pull_print_config(const struct pull_setup *setup);

/* What --import and --exec ask for, with a pending model. */
RNM_MUST_CHECK enum rnm_status pull_hand_on(struct pull_run *run, struct rnm_error *err);
/* Whether Redis has no model that workers would serve. */
RNM_MUST_CHECK enum rnm_status pull_redis_lacks(struct pull_run *run, bool *lacks, struct rnm_error *err);

/* err: NULL, or what the look failed with. */
bool pull_report(const struct pull_run *run, const struct rnm_error *err);

#endif
