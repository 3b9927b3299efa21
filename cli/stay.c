/* SPDX-License-Identifier: Apache-2.0 */
#include "stay.h"
#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Part of the waiting time by which it varies. */
#define JITTER 0.1
/* Doublings after which the cap is reached in any case. */
#define DOUBLINGS 16

/* Between 0 and 1. */
static double chance(void)
{
	uint32_t bits = 0;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
		bits = (uint32_t)getpid() * 2654435761u;
	return bits / 4294967296.0;
}

double stay_waiting_time(const struct stay_pace *pace, unsigned failures, double at_least)
{
	double seconds = pace->every;

	if (failures > 0) {
		seconds = pace->retry_first;
		for (unsigned i = 1; i < failures && i < DOUBLINGS && seconds < pace->retry_cap; i++)
			seconds *= 2;
		seconds = seconds < pace->retry_cap ? seconds : pace->retry_cap;
	}
	seconds *= 1 - JITTER + 2 * JITTER * chance();
	return seconds > at_least ? seconds : at_least;
}

static double now(void)
{
	struct timespec when;

	/* Time that the host slept counts. */
	(void)clock_gettime(CLOCK_BOOTTIME, &when);
	return (double)when.tv_sec + (double)when.tv_nsec / 1e9;
}

bool stay_wait(double seconds, int fd)
{
	const double end = now() + seconds;
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	sigset_t wanted, before;
	int ready = 0;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &wanted, &before);
	while (ready == 0 && interrupt_signal == 0 && interrupt_wake == 0) {
		const double left = end - now();
		/* Sleeping hosts count such a wait as paused: look at the clock now and then. */
		const double step = left < 60 ? left : 60;
		const struct timespec timeout = { .tv_sec = (time_t)step,
			                          .tv_nsec = (long)((step - (double)(time_t)step) * 1e9) };

		if (left <= 0)
			break;
		ready = ppoll(&poller, fd >= 0, &timeout, &before);
		if (ready < 0 && errno != EINTR)
			break;
		ready = ready > 0 ? ready : 0;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return ready > 0;
}
