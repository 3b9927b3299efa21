/* SPDX-License-Identifier: Apache-2.0 */
/* A progress line on the terminal behind stderr, only for work that takes a noticeable time. */
#ifndef RNM_CLI_PROGRESS_H
#define RNM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	bool counts; /* things, not bytes */
	double next; /* monotonic time before which nothing is drawn */
	bool enabled;
	bool drawn;
};

void progress_start(struct progress *progress, const char *what);
/* A callback for struct rnm_export_options; ctx is a struct progress. */
void progress_report(void *ctx, uint64_t done, uint64_t total);
/* Removes the line. */
void progress_end(struct progress *progress);

#endif
