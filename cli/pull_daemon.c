/* SPDX-License-Identifier: Apache-2.0 */
/* `rnm pull --every`: looks, waits, looks again. */
#include "interrupt.h"
#include "output.h"
#include "pull.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Part of the waiting time by which it varies, so that not all hosts come at once. */
#define JITTER 0.1
/* After the first failure; twice as long after each further one, up to the cap or, if that is longer, --every. */
#define RETRY_FIRST 60.0
#define RETRY_CAP 3600.0
/* Doublings after which the cap is reached in any case. */
#define DOUBLINGS 16

/* ---- the service manager ---- */

void notify_service(const char *message)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const size_t len = path != NULL ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@') /* the abstract namespace */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* If it cannot be told, it will find out. */
	(void)!sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address,
	              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

/* ---- how long to wait ---- */

/* Between 0 and 1. */
static double chance(void)
{
	uint32_t bits = 0;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
		bits = (uint32_t)getpid() * 2654435761u;
	return bits / 4294967296.0;
}

static double waiting_time(double every, unsigned failures, double retry_after)
{
	const double cap = every > RETRY_CAP ? every : RETRY_CAP;
	double seconds = every;

	if (failures > 0) {
		seconds = every < RETRY_FIRST ? every : RETRY_FIRST;
		for (unsigned i = 1; i < failures && i < DOUBLINGS && seconds < cap; i++)
			seconds *= 2;
		seconds = seconds < cap ? seconds : cap;
	}
	seconds *= 1 - JITTER + 2 * JITTER * chance();
	return seconds > retry_after ? seconds : retry_after;
}

static double now(void)
{
	struct timespec when;

	/* Time that the host slept counts. */
	(void)clock_gettime(CLOCK_BOOTTIME, &when);
	return (double)when.tv_sec + (double)when.tv_nsec / 1e9;
}

/* Until the time is over or a signal comes, which cannot slip in between looking and waiting. */
static void wait_seconds(double seconds)
{
	const double end = now() + seconds;
	sigset_t wanted, before;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &wanted, &before);
	while (interrupt_signal == 0 && interrupt_wake == 0) {
		const double left = end - now();
		/* Sleeping hosts count such a wait as paused: look at the clock now and then. */
		const double step = left < 60 ? left : 60;
		const struct timespec timeout = { .tv_sec = (time_t)step,
			                          .tv_nsec = (long)((step - (double)(time_t)step) * 1e9) };

		if (left <= 0 || (ppoll(NULL, 0, &timeout, &before) < 0 && errno != EINTR))
			break;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	interrupt_wake = 0;
}

/* ---- the loop ---- */

/* What no waiting will change. */
static bool is_hopeless(int code)
{
	return code == RNM_E_USAGE;
}

int pull_daemon(const struct pull_setup *setup)
{
	unsigned failures = 0;
	int code;

	interrupt_stay();
	for (;;) {
		double retry_after = 0, seconds;
		char status[128];

		code = pull_once(setup, &retry_after);
		output_flush();
		if (interrupt_signal != 0 || is_hopeless(code))
			break;
		failures = code == RNM_OK ? 0 : failures + 1;
		seconds = waiting_time(setup->every, failures, retry_after);
		(void)snprintf(status, sizeof(status), "READY=1\nSTATUS=%s, next look in %.0f s",
		               code == RNM_OK ? "model is current" : "last look failed", seconds);
		notify_service(status);
		if (code != RNM_OK)
			output_note("next look in %.0f s", seconds);
		wait_seconds(seconds);
		if (interrupt_signal != 0)
			break;
	}
	notify_service("STOPPING=1");
	/* To be ended is how the work of a process that stays ends. */
	return interrupt_signal == SIGTERM ? RNM_OK : interrupt_signal != 0 ? 130 : code;
}
