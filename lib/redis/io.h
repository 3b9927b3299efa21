/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The I/O table: how the client moves bytes without knowing what carries them.  A plain socket fills
 * it in io_socket.c; TLS (io_tls.h) is another implementation of the same four entries.
 *
 * Nothing here blocks.  A call that cannot go on says which readiness of the descriptor it waits for,
 * because a TLS read may have to write and the other way round.
 */
#ifndef RNM_REDIS_IO_H
#define RNM_REDIS_IO_H

#include "redis/resolve.h"

enum rnm_io_result {
	RNM_IO_DONE,       /* *done bytes were moved, at least one */
	RNM_IO_WANT_READ,  /* nothing moved; try again when the descriptor is readable */
	RNM_IO_WANT_WRITE, /* nothing moved; try again when the descriptor is writable */
	RNM_IO_EOF,        /* read only: the peer has closed its side */
	RNM_IO_FAILED      /* io->sys_errno and io->reason say why, io->hint perhaps what to do */
};

#define RNM_IO_REASON_MAX 512

struct rnm_io {
	int fd;    /* what to wait on; -1 when closed */
	void *ctx; /* the implementation's own, e.g. a TLS session */
	enum rnm_io_result (*read)(struct rnm_io *io, void *data, size_t len, size_t *done);
	enum rnm_io_result (*write)(struct rnm_io *io, const void *data, size_t len, size_t *done);
	/* Gives everything back without waiting for the peer; may be called twice. */
	void (*close)(struct rnm_io *io);
	int sys_errno;
	char reason[RNM_IO_REASON_MAX];
	char hint[RNM_IO_REASON_MAX]; /* "" when there is nothing to add */
	const char *reference;        /* rspamd's words where they are known; NULL */
};

/* How long an operation may still wait, and who may call it off. */
struct rnm_io_limit {
	double seconds;                      /* left to wait; waiting lowers it, not below 0 */
	const volatile sig_atomic_t *cancel; /* or NULL */
};

/*
 * Waits until the descriptor is ready for one of the poll(2) events.  RNM_OK when it is (or has
 * failed, which the next read will tell), RNM_NO when the time is over, RNM_E_INTERRUPTED within
 * 50 ms of the cancel flag being raised, RNM_E_IO with *sys_errno set otherwise.
 */
RNM_MUST_CHECK enum rnm_status rnm_io_wait(int fd, short events, struct rnm_io_limit *limit, int *sys_errno);

/* Connects a plain socket; results as rnm_io_wait.  *out is only touched on RNM_OK. */
RNM_MUST_CHECK enum rnm_status rnm_io_socket_connect(struct rnm_io *out, const struct rnm_address *address,
                                                     struct rnm_io_limit *limit, int *sys_errno);

bool rnm_io_cancelled(const volatile sig_atomic_t *cancel);

/* The system's sentence for an errno, in English whatever the locale. */
const char *rnm_io_errno_text(int errnum);

#endif
