/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that come before those of libc. */
#include "inject.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <sanitizer/lsan_interface.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* What the caller would have reached without us. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRAP(kind, type, failed, name, params, args)                                                         \
	EXPORT type name params                                                                              \
	{                                                                                                    \
		return strike(kind) != PASS ? (failed) : REAL(name) args;                                    \
	}

/* Functions that move len bytes. */
#define WRAP_MOVE(kind, name, params, args)                                                                  \
	EXPORT ssize_t name params                                                                           \
	{                                                                                                    \
		switch (strike(kind)) {                                                                      \
		case FAIL:                                                                                   \
			return -1;                                                                           \
		case END:                                                                                    \
			return 0;                                                                            \
		case SHORT:                                                                                  \
			len = len < 1 ? len : 1;                                                             \
			break;                                                                               \
		case TORN:                                                                                   \
			len = (len + 1) / 2;                                                                 \
			(void)REAL(name) args;                                                               \
			(void)kill(getpid(), SIGKILL);                                                       \
			return -1;                                                                           \
		default:                                                                                     \
			break;                                                                               \
		}                                                                                            \
		return REAL(name) args;                                                                      \
	}

WRAP(MMAP, void *, MAP_FAILED, mmap, (void *at, size_t len, int rights, int flags, int fd, off_t offset),
     (at, len, rights, flags, fd, offset))

/* ---- memory: the sanitizer's own functions are weak, and stay reachable under these names ---- */

void *__interceptor_malloc(size_t size);
void *__interceptor_calloc(size_t count, size_t size);
void *__interceptor_realloc(void *old, size_t size);
void *__interceptor_reallocarray(void *old, size_t count, size_t size);
void *__interceptor_aligned_alloc(size_t align, size_t size);
int __interceptor_posix_memalign(void **out, size_t align, size_t size);
char *__interceptor_strdup(const char *text);
char *__interceptor_strndup(const char *text, size_t len);
int __interceptor_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                                 void *arg);

/*
 * An OpenSSL that gets no memory leaves some of what it has lying about.  When allocations fail, its own are not
 * watched for leaks; they are when anything else fails, so that what we do not give back to it is found.
 */
static bool is_forgiven(const void *caller)
{
	struct dl_find_object found;
	const char *name;

	if (!memory_fails() || _dl_find_object((void *)(uintptr_t)caller, &found) != 0)
		return false;
	name = found.dlfo_link_map->l_name;
	return strstr(name, "/libcrypto.so") != NULL || strstr(name, "/libssl.so") != NULL;
}

/*
 * When a thread first touches thread-local data of a library that was loaded later, the dynamic loader makes room for
 * it, and ends the process when there is none.  What it asks for while it loads a library may fail.
 */
static _Thread_local bool loading;

static bool is_loader(const void *caller)
{
	struct dl_find_object found;

	return !loading && _dl_find_object((void *)(uintptr_t)caller, &found) == 0 &&
	       strstr(found.dlfo_link_map->l_name, "/ld-linux") != NULL;
}

EXPORT void *dlopen(const char *file, int mode)
{
	void *library;

	loading = true;
	library = REAL(dlopen)(file, mode);
	loading = false;
	return library;
}

#define WRAP_MEMORY(type, name, params, args)                                                                \
	EXPORT type name params                                                                              \
	{                                                                                                    \
		bool forgiven;                                                                               \
		type got;                                                                                    \
                                                                                                             \
		if (!is_loader(__builtin_return_address(0)) && strike(MALLOC) != PASS)                       \
			return NULL;                                                                         \
		forgiven = is_forgiven(__builtin_return_address(0));                                         \
		if (forgiven)                                                                                \
			__lsan_disable();                                                                    \
		got = __interceptor_##name args;                                                             \
		if (forgiven)                                                                                \
			__lsan_enable();                                                                     \
		return got;                                                                                  \
	}

WRAP_MEMORY(void *, malloc, (size_t size), (size))
WRAP_MEMORY(void *, calloc, (size_t count, size_t size), (count, size))
WRAP_MEMORY(void *, realloc, (void *old, size_t size), (old, size))
WRAP_MEMORY(void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size))
WRAP_MEMORY(void *, aligned_alloc, (size_t align, size_t size), (align, size))
WRAP_MEMORY(char *, strdup, (const char *text), (text))
WRAP_MEMORY(char *, strndup, (const char *text, size_t len), (text, len))

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
	return strike(MALLOC) != PASS ? ENOMEM : __interceptor_posix_memalign(out, align, size);
}

/* ---- files ---- */

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(args, mode_t);
	va_end(args);
	if (strike((flags & O_TMPFILE) == O_TMPFILE ? TMPFILE : OPEN) != PASS)
		return -1;
	return REAL(open)(path, flags, mode);
}

WRAP(OPEN, FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
WRAP(OPEN, int, -1, mkostemp, (char *name, int flags), (name, flags))
WRAP(STAT, int, -1, stat, (const char *path, struct stat *st), (path, st))
WRAP(STAT, int, -1, lstat, (const char *path, struct stat *st), (path, st))
WRAP(STAT, int, -1, fstat, (int fd, struct stat *st), (fd, st))
WRAP(ACCESS, int, -1, access, (const char *path, int how), (path, how))
WRAP(ACCESS, int, -1, faccessat, (int at, const char *path, int how, int flags), (at, path, how, flags))
WRAP(READLINK, ssize_t, -1, readlink, (const char *path, char *text, size_t len), (path, text, len))
WRAP(REALPATH, char *, NULL, realpath, (const char *path, char *text), (path, text))
WRAP(OPENDIR, DIR *, NULL, opendir, (const char *path), (path))
WRAP(READDIR, struct dirent *, NULL, readdir, (DIR * dir), (dir))
WRAP_MOVE(READ, read, (int fd, void *data, size_t len), (fd, data, len))
WRAP_MOVE(READ, pread, (int fd, void *data, size_t len, off_t offset), (fd, data, len, offset))
WRAP_MOVE(WRITE, write, (int fd, const void *data, size_t len), (fd, data, len))
WRAP_MOVE(SENDFILE, sendfile, (int to, int from, off_t *offset, size_t len), (to, from, offset, len))
WRAP(FSYNC, int, -1, fsync, (int fd), (fd))
WRAP(SYNC_RANGE, int, -1, sync_file_range, (int fd, off_t from, off_t len, unsigned flags),
     (fd, from, len, flags))
WRAP(LINK, int, -1, linkat, (int from_at, const char *from, int to_at, const char *to, int flags),
     (from_at, from, to_at, to, flags))
WRAP(RENAME, int, -1, rename, (const char *from, const char *to), (from, to))
WRAP(RENAME, int, -1, renameat2, (int from_at, const char *from, int to_at, const char *to, unsigned flags),
     (from_at, from, to_at, to, flags))
WRAP(UNLINK, int, -1, unlink, (const char *path), (path))
WRAP(CHOWN, int, -1, fchown, (int fd, uid_t owner, gid_t group), (fd, owner, group))
WRAP(CHMOD, int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(MKDIR, int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(TRUNCATE, int, -1, ftruncate, (int fd, off_t size), (fd, size))
WRAP(UTIMES, int, -1, futimens, (int fd, const struct timespec times[2]), (fd, times))
WRAP(RANDOM, ssize_t, -1, getrandom, (void *data, size_t len, unsigned flags), (data, len, flags))

EXPORT int fcntl(int fd, int command, ...)
{
	va_list args;
	long arg;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	return strike(FCNTL) != PASS ? -1 : REAL(fcntl)(fd, command, arg);
}

/* The descriptor is gone in any case, as on Linux. */
EXPORT int close(int fd)
{
	int result = REAL(close)(fd);

	return strike(CLOSE) != PASS ? -1 : result;
}

/* ---- network and threads ---- */

WRAP(SOCKET, int, -1, socket, (int family, int type, int protocol), (family, type, protocol))
WRAP(SOCKOPT, int, -1, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
     (fd, level, name, value, len))
WRAP(SOCKOPT, int, -1, getsockopt,
     (int fd, int level, int name, void *restrict value, socklen_t *restrict len),
     (fd, level, name, value, len))
WRAP(POLL, int, -1, poll, (struct pollfd * fds, nfds_t count, int ms), (fds, count, ms))
WRAP_MOVE(SEND, send, (int fd, const void *data, size_t len, int flags), (fd, data, len, flags))
WRAP_MOVE(RECV, recv, (int fd, void *data, size_t len, int flags), (fd, data, len, flags))

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	enum effect effect = strike(CONNECT);
	int value = errno;
	int result;

	if (effect == FAIL)
		return -1;
	result = REAL(connect)(fd, address, len);
	if (effect == PASS || result != 0)
		return result;
	errno = value;
	return -1;
}

EXPORT int getaddrinfo(const char *restrict host, const char *restrict port,
                       const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
	int result;

	if (strike(RESOLVE) != PASS)
		return errno;
	/* The name service of glibc 2.36 ends the process by an assertion when it gets no memory. */
	exempt = true;
	result = REAL(getaddrinfo)(host, port, hints, found);
	exempt = false;
	return result;
}

/*
 * The clock on the wall stands still from the start of the process on: what is printed of the time is the same in
 * all runs.
 */
EXPORT int clock_gettime(clockid_t clock, struct timespec *now)
{
	static struct timespec start;
	int result = REAL(clock_gettime)(clock, now);

	if (result != 0 || clock != CLOCK_REALTIME)
		return result;
	if (start.tv_sec == 0)
		start = *now;
	*now = start;
	return 0;
}

/* What ends a completion that takes too long; here it would hide what goes wrong behind a slow machine. */
EXPORT int setitimer(__itimer_which_t which, const struct itimerval *restrict limit,
                     struct itimerval *restrict old)
{
	(void)which;
	(void)limit;
	(void)old;
	return 0;
}

EXPORT time_t time(time_t *out)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return (time_t)-1;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr,
                          void *(*run)(void *), void *restrict arg)
{
	return strike(THREAD) != PASS ? errno : __interceptor_pthread_create(thread, attr, run, arg);
}

/* What the sanitizers ask of each new thread, and do not take no for an answer. */
EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	int result;

	exempt = true;
	result = REAL(pthread_getattr_np)(thread, attr);
	exempt = false;
	return result;
}

/*
 * libcurl signs requests for S3 with hashes of OpenSSL, and uses them whether or not there was memory for them, or for
 * OpenSSL itself when it was started.  Nothing of ours links to OpenSSL: the real functions are those that libcurl has
 * loaded.
 */
static void *of_openssl(const char *library, const char *name)
{
	return dlsym(dlopen(library, RTLD_LAZY | RTLD_NOLOAD), name);
}

#define EXEMPT(library, type, name, params, args)                                                            \
	EXPORT type name params;                                                                             \
	EXPORT type name params                                                                              \
	{                                                                                                    \
		type result;                                                                                 \
                                                                                                             \
		exempt = true;                                                                               \
		result = ((__typeof__(&name))of_openssl(library, #name))args;                                \
		exempt = false;                                                                              \
		return result;                                                                               \
	}

EXEMPT("libssl.so.3", int, OPENSSL_init_ssl, (uint64_t options, const void *settings), (options, settings))
EXEMPT("libcrypto.so.3", void *, EVP_MD_CTX_new, (void), ())
EXEMPT("libcrypto.so.3", int, EVP_DigestInit_ex, (void *hash, const void *kind, void *engine),
       (hash, kind, engine))
