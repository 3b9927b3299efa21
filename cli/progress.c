/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"
#include "output.h"

#include <time.h>
#include <unistd.h>

/* Seconds before the first line, and between two. */
#define FIRST_DRAW 0.5
#define REDRAW 0.1

static double now(void)
{
	struct timespec when;

	(void)clock_gettime(CLOCK_MONOTONIC, &when);
	return (double)when.tv_sec + (double)when.tv_nsec / 1e9;
}

void progress_start(struct progress *progress, const char *what)
{
	*progress = (struct progress){ .what = what, .next = now() + FIRST_DRAW };
	progress->enabled = isatty(STDERR_FILENO) == 1 && !output_quiet();
}

void progress_report(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *progress = ctx;
	char memory[256];
	struct rnm_buf line;
	double when;

	if (!progress->enabled || total == 0)
		return;
	when = now();
	if (when < progress->next)
		return;
	progress->next = when + REDRAW;
	progress->drawn = true;
	rnm_buf_init_in(&line, memory, sizeof(memory));
	rnm_buf_printf(&line, "\r%s: %u%% of ", progress->what,
	               (unsigned)((double)done / (double)total * 100));
	if (progress->counts)
		rnm_buf_printf(&line, "%llu", (unsigned long long)total);
	else
		output_size(&line, total);
	rnm_buf_puts(&line, "\033[K");
	fputs(rnm_buf_cstr(&line), stderr);
}

void progress_end(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}
