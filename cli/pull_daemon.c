/* SPDX-License-Identifier: Apache-2.0 */
/* `rnm pull --every`: looks, waits, looks again. */
#include "interrupt.h"
#include "output.h"
#include "pull.h"
#include "service.h"
#include "stay.h"

#define RETRY_FIRST 60.0
#define RETRY_CAP 3600.0

/* What no waiting will change. */
static bool is_hopeless(int code)
{
	return code == RNM_E_USAGE;
}

int pull_daemon(const struct pull_setup *setup)
{
	const struct stay_pace pace = {
		.every = setup->every,
		.retry_first = setup->every < RETRY_FIRST ? setup->every : RETRY_FIRST,
		.retry_cap = setup->every > RETRY_CAP ? setup->every : RETRY_CAP,
	};
	unsigned failures = 0;
	int code;

	interrupt_stay();
	for (;;) {
		double retry_after = 0, seconds;

		code = pull_once(setup, &retry_after);
		output_flush();
		if (interrupt_signal != 0 || is_hopeless(code))
			break;
		failures = code == RNM_OK ? 0 : failures + 1;
		seconds = stay_waiting_time(&pace, failures, retry_after);
		service_tell("READY=1\nSTATUS=%s, next look in %.0f s",
		             code == RNM_OK ? "model is current" : "last look failed", seconds);
		if (code != RNM_OK)
			output_note("next look in %.0f s", seconds);
		(void)stay_wait(seconds, -1);
		interrupt_wake = 0;
		if (interrupt_signal != 0)
			break;
	}
	service_tell("STOPPING=1");
	/* To be ended is how the work of a process that stays ends. */
	return interrupt_signal == SIGTERM ? RNM_OK : interrupt_signal != 0 ? 130 : code;
}
