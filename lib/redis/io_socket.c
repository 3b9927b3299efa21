/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/io.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * With a cancel flag every wait is cut into slices this long: a signal that arrives between the look
 * at the flag and poll(2) would not wake poll, and the library cannot know which signals to mask.
 */
#define SLICE_MS 50
/* Pause before asking a unix socket again whose queue of connections is full; poll cannot wait for it. */
#define BACKLOG_PAUSE 0.01

bool rnm_io_cancelled(const volatile sig_atomic_t *cancel)
{
	return cancel != NULL && *cancel != 0;
}

const char *rnm_io_errno_text(int errnum)
{
	const char *text = strerrordesc_np(errnum);

	return text != NULL ? text : "unknown system error";
}

static int slice_ms(double seconds, const volatile sig_atomic_t *cancel)
{
	const int max = cancel != NULL ? SLICE_MS : 60 * 1000;
	double ms = ceil(seconds * 1000);

	return ms < max ? (int)ms : max;
}

enum rnm_status rnm_io_wait(int fd, short events, struct rnm_io_limit *limit, int *sys_errno)
{
	const double start = rnm_clock_monotonic();
	const double allowed = limit->seconds;

	for (;;) {
		struct pollfd poller = { fd, events, 0 };
		int ready;
		double left;

		if (rnm_io_cancelled(limit->cancel))
			return RNM_E_INTERRUPTED;
		ready = poll(&poller, fd < 0 ? 0 : 1, slice_ms(limit->seconds, limit->cancel));
		*sys_errno = errno;
		left = allowed - (rnm_clock_monotonic() - start);
		limit->seconds = left > 0 ? left : 0;
		if (ready > 0)
			return RNM_OK;
		if (ready < 0 && *sys_errno != EINTR)
			return RNM_E_IO;
		if (left <= 0)
			return rnm_io_cancelled(limit->cancel) ? RNM_E_INTERRUPTED : RNM_NO;
	}
}

static enum rnm_io_result failed(struct rnm_io *io, int errnum)
{
	io->sys_errno = errnum;
	snprintf(io->reason, sizeof(io->reason), "%s", rnm_io_errno_text(errnum));
	return RNM_IO_FAILED;
}

static enum rnm_io_result socket_read(struct rnm_io *io, void *data, size_t len, size_t *done)
{
	ssize_t got;

	do
		got = recv(io->fd, data, len, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		*done = (size_t)got;
		return RNM_IO_DONE;
	}
	if (got == 0)
		return RNM_IO_EOF;
	return errno == EAGAIN || errno == EWOULDBLOCK ? RNM_IO_WANT_READ : failed(io, errno);
}

static enum rnm_io_result socket_write(struct rnm_io *io, const void *data, size_t len, size_t *done)
{
	ssize_t put;

	do
		put = send(io->fd, data, len, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put > 0) {
		*done = (size_t)put;
		return RNM_IO_DONE;
	}
	return put == 0 || errno == EAGAIN || errno == EWOULDBLOCK ? RNM_IO_WANT_WRITE : failed(io, errno);
}

static void socket_close(struct rnm_io *io)
{
	if (io->fd >= 0)
		close(io->fd);
	io->fd = -1;
}

/* Waits for a connection that is under way.  RNM_E_IO with *sys_errno when it came to nothing. */
static enum rnm_status finish_connect(int fd, struct rnm_io_limit *limit, int *sys_errno)
{
	enum rnm_status status = rnm_io_wait(fd, POLLOUT, limit, sys_errno);
	socklen_t len = sizeof(*sys_errno);

	if (status != RNM_OK)
		return status;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, sys_errno, &len) != 0)
		*sys_errno = errno;
	return *sys_errno == 0 ? RNM_OK : RNM_E_IO;
}

/* RNM_OK after a pause that the limit still allowed. */
static enum rnm_status pause_briefly(struct rnm_io_limit *limit)
{
	const double pause = limit->seconds < BACKLOG_PAUSE ? limit->seconds : BACKLOG_PAUSE;
	struct rnm_io_limit nap = { pause, limit->cancel };
	enum rnm_status status;
	int ignored;

	if (limit->seconds <= 0)
		return RNM_NO;
	limit->seconds -= pause;
	status = rnm_io_wait(-1, 0, &nap, &ignored);
	return status == RNM_NO ? RNM_OK : status;
}

static enum rnm_status connect_fd(int fd, const struct rnm_address *address, struct rnm_io_limit *limit,
                                  int *sys_errno)
{
	while (connect(fd, (const struct sockaddr *)&address->storage, address->len) != 0) {
		enum rnm_status status;

		*sys_errno = errno;
		/* An interrupted connect goes on by itself, as one that was begun without blocking. */
		if (*sys_errno == EINPROGRESS || *sys_errno == EINTR)
			return finish_connect(fd, limit, sys_errno);
		if (*sys_errno != EAGAIN || address->storage.ss_family != AF_UNIX)
			return RNM_E_IO;
		status = pause_briefly(limit);
		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}

enum rnm_status rnm_io_socket_connect(struct rnm_io *out, const struct rnm_address *address,
                                      struct rnm_io_limit *limit, int *sys_errno)
{
	const int family = address->storage.ss_family;
	const int on = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum rnm_status status;

	if (fd < 0) {
		*sys_errno = errno;
		return RNM_E_IO;
	}
	status = connect_fd(fd, address, limit, sys_errno);
	if (status != RNM_OK) {
		close(fd);
		return status;
	}
	/* Small commands must not wait for one another; a failure only costs time. */
	if (family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	memset(out, 0, sizeof(*out));
	out->fd = fd;
	out->read = socket_read;
	out->write = socket_write;
	out->close = socket_close;
	return RNM_OK;
}
