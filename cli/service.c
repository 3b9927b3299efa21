/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* systemd: SD_LISTEN_FDS_START */
#define FIRST_SOCKET 3

/* A number of an environment variable; 0 for anything else. */
static uint64_t number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	uintmax_t number;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	number = strtoumax(text, &end, 10);
	return *end == '\0' && errno == 0 ? number : 0;
}

/* The next of several names with colons between them. */
static void take_name(const char **names, char *out, size_t size)
{
	const size_t len = strcspn(*names, ":");

	snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), *names);
	*names += len;
	if (**names == ':')
		(*names)++;
}

enum rnm_status service_sockets(struct service_socket sockets[SERVICE_SOCKETS_MAX], size_t *count,
                                struct rnm_error *err)
{
	const uint64_t given = number_of("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");

	*count = 0;
	/* A parent that was meant may have left its variables to us. */
	if (given == 0 || number_of("LISTEN_PID") != (uint64_t)getpid())
		return RNM_OK;
	if (given > SERVICE_SOCKETS_MAX)
		return rnm_error_set(err, RNM_E_USAGE, "serve.listeners",
		                     "expected at most %d sockets from the service manager, found %" PRIu64,
		                     SERVICE_SOCKETS_MAX, given);
	if (names == NULL)
		names = "";
	for (int i = 0; i < (int)given; i++) {
		sockets[i].fd = FIRST_SOCKET + i;
		(void)fcntl(sockets[i].fd, F_SETFD, FD_CLOEXEC);
		take_name(&names, sockets[i].name, sizeof(sockets[i].name));
	}
	*count = (size_t)given;
	return RNM_OK;
}

static void send_text(const char *text, size_t len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t path_len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    (path_len = strlen(path)) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, path_len + 1);
	/* A name without a file. */
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)&address,
	             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len));
	close(fd);
}

void service_tell(const char *fmt, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len > 0 && (size_t)len < sizeof(text))
		send_text(text, (size_t)len);
}

void service_tell_reloading(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	service_tell("RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

double service_watchdog(void)
{
	const uint64_t pid = number_of("WATCHDOG_PID");

	if (pid != 0 && pid != (uint64_t)getpid())
		return 0;
	/* Twice as often as is demanded. */
	return (double)number_of("WATCHDOG_USEC") / 2e6;
}
