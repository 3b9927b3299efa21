/* SPDX-License-Identifier: Apache-2.0 */
/* What a call that may fail asks: whether it is to. */
#ifndef RNM_FAULTS_INJECT_H
#define RNM_FAULTS_INJECT_H

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>

/* What is counted together, and the errno of a fault that names none. */
#define KINDS(X)                                                                                             \
	X(MALLOC, "malloc", ENOMEM) /* with all functions that return memory to be freed */                  \
	X(MMAP, "mmap", ENOMEM) /* what libsodium takes its guarded memory from */                           \
	X(OPEN, "open", EMFILE)                                                                              \
	X(TMPFILE, "tmpfile", ENOSPC) /* open with O_TMPFILE */                                              \
	X(STAT, "stat", EIO)                                                                                 \
	X(ACCESS, "access", EACCES)                                                                          \
	X(READLINK, "readlink", EIO)                                                                         \
	X(REALPATH, "realpath", EIO)                                                                         \
	X(OPENDIR, "opendir", EMFILE)                                                                        \
	X(READDIR, "readdir", EIO)                                                                           \
	X(READ, "read", EIO)                                                                                 \
	X(WRITE, "write", ENOSPC)                                                                            \
	X(SENDFILE, "sendfile", EIO)                                                                         \
	X(FSYNC, "fsync", EIO)                                                                               \
	X(SYNC_RANGE, "sync_file_range", EIO)                                                                \
	X(LINK, "link", EIO)                                                                                 \
	X(RENAME, "rename", EIO)                                                                             \
	X(UNLINK, "unlink", EIO)                                                                             \
	X(CHOWN, "chown", EIO)                                                                               \
	X(CHMOD, "chmod", EPERM)                                                                             \
	X(MKDIR, "mkdir", EACCES)                                                                            \
	X(TRUNCATE, "truncate", EIO)                                                                         \
	X(UTIMES, "utimes", EIO)                                                                             \
	X(FCNTL, "fcntl", EMFILE)                                                                            \
	X(CLOSE, "close", EIO)                                                                               \
	X(RANDOM, "getrandom", ENOSYS)                                                                       \
	X(SOCKET, "socket", EMFILE)                                                                          \
	X(SOCKOPT, "sockopt", ENOBUFS) /* setsockopt and getsockopt */                                       \
	X(CONNECT, "connect", ECONNREFUSED)                                                                  \
	X(POLL, "poll", ENOMEM)                                                                              \
	X(SEND, "send", EPIPE)                                                                               \
	X(RECV, "recv", ECONNRESET)                                                                          \
	X(RESOLVE, "getaddrinfo", EAI_MEMORY)                                                                \
	X(THREAD, "thread", EAGAIN)

#define KIND_NAME(kind, name, value) kind,
enum kind { KINDS(KIND_NAME) KIND_COUNT };

enum effect {
	PASS,
	FAIL, /* with errno set to the value of the fault */
	SHORT,
	END,
	DONE,
	KILL,
	TORN /* half of it is done, and the process killed */
};

/* Counts the call and says what is to become of it; errno is set to the value of the fault. */
enum effect strike(enum kind kind);
/* Whether allocations fail in this run; see is_forgiven. */
bool memory_fails(void);
/* Inside of what cannot bear a failure: see getaddrinfo and pthread_getattr_np. */
extern _Thread_local bool exempt;

#endif
