/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls into the system that fail on request.  Linked into rnm_faults, the command as it is otherwise, with the
 * sanitizers.  These definitions come before those of libc for every library of the process, so that an
 * allocation inside libzstd, Lua, jansson or getaddrinfo fails as one of our own does.
 *
 *   RNM_FAULT=malloc:17             the 17th allocation fails
 *   RNM_FAULT=malloc:17+            the 17th and all that follow
 *   RNM_FAULT=write:2:ENOSPC        the 2nd write, with this errno (a number serves too, also EAI_*)
 *   RNM_FAULT=read:3:short          one byte is moved; eof: none; done: the work is done and a failure reported
 *   RNM_FAULT=rename:2:kill         the process is killed before the 2nd; write:3:torn: when half of it is written
 *   RNM_FAULT=tmpfile:1+:EOPNOTSUPP,rename:1         several
 *   RNM_FAULT=server                see serve()
 *   RNM_FAULT_TRACE=1               a stack trace of each call that is made to fail, on stderr
 *
 * Not reached: the system calls that libc makes for itself, such as those of stdio (the driver gives the command
 * /dev/full for that), and allocations inside getaddrinfo.  With several threads it depends on timing which call is the Nth.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#define EXPORT __attribute__((visibility("default")))

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

static const struct {
	const char *name;
	int value;
} kinds[] = {
#define KIND_ROW(kind, name, value) { name, value },
	KINDS(KIND_ROW)
};

enum effect {
	PASS,
	FAIL, /* with errno set to the value of the fault */
	SHORT,
	END,
	DONE,
	KILL,
	TORN /* half of it is done, and the process killed */
};

struct fault {
	enum kind kind;
	unsigned long number;
	bool onward;
	enum effect effect;
	int value;
};

#define FAULTS_MAX 8
static struct fault faults[FAULTS_MAX];
static size_t fault_count;
static bool armed;
static bool tracing;
static bool forgiving; /* see is_forgiven */
/* Inside of what cannot bear a failure: see getaddrinfo and pthread_getattr_np. */
static _Thread_local bool exempt;

/* Calls whose place is remembered, and how much of the way to them makes them different. */
#define PLACES_MAX 65536
#define PLACE_FRAMES 11

/* What a run has done; the server reads it when the run is over. */
struct board {
	atomic_ulong calls[KIND_COUNT];
	atomic_bool fired;
	atomic_ulong place_count;
	struct place {
		enum kind kind;
		uint64_t hash;
	} places[PLACES_MAX];
};
static struct board own_board;
static struct board *board = &own_board;
static bool placing;

struct walk {
	int frame;
	uint64_t hash;
};

/* Addresses are random but for their last bits.  The frames of this file are the same for all. */
static _Unwind_Reason_Code hash_frame(struct _Unwind_Context *context, void *ctx)
{
	struct walk *walk = ctx;

	walk->hash = (walk->hash ^ (_Unwind_GetIP(context) & 0xfff)) * 1099511628211u; /* FNV-1a */
	return ++walk->frame < PLACE_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* Remembers from where a call comes. */
static void note_place(enum kind kind)
{
	struct walk walk = { 0, 14695981039346656037u };
	unsigned long number;

	_Unwind_Backtrace(hash_frame, &walk);
	number = atomic_fetch_add(&board->place_count, 1);
	if (number < PLACES_MAX)
		board->places[number] = (struct place){ kind, walk.hash };
}

/* Counts the call and says what is to become of it. */
static enum effect strike(enum kind kind)
{
	unsigned long number;

	if (!armed || exempt)
		return PASS;
	number = atomic_fetch_add(&board->calls[kind], 1) + 1;
	if (placing)
		note_place(kind);
	for (size_t i = 0; i < fault_count; i++) {
		const struct fault *fault = &faults[i];

		if (fault->kind != kind || number < fault->number ||
		    (number > fault->number && !fault->onward))
			continue;
		atomic_store(&board->fired, true);
		if (tracing) {
			armed = false;
			fprintf(stderr, "fault: %s:%lu\n", kinds[kind].name, number);
			__sanitizer_print_stack_trace();
			armed = true;
		}
		if (fault->effect == KILL)
			(void)kill(getpid(), SIGKILL);
		errno = fault->value;
		return fault->effect;
	}
	return PASS;
}

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

	if (!forgiving || _dl_find_object((void *)(uintptr_t)caller, &found) != 0)
		return false;
	name = found.dlfo_link_map->l_name;
	return strstr(name, "/libcrypto.so") != NULL || strstr(name, "/libssl.so") != NULL;
}

#define WRAP_MEMORY(type, name, params, args)                                                                \
	EXPORT type name params                                                                              \
	{                                                                                                    \
		bool forgiven;                                                                               \
		type got;                                                                                    \
                                                                                                             \
		if (strike(MALLOC) != PASS)                                                                  \
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
WRAP(RENAME, int, -1, renameat2,
     (int from_at, const char *from, int to_at, const char *to, unsigned flags), (from_at, from, to_at, to, flags))
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
EXPORT int setitimer(__itimer_which_t which, const struct itimerval *restrict limit, struct itimerval *restrict old)
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

/* ---- what to do ---- */

static _Noreturn void refuse(const char *text)
{
	fprintf(stderr, "rnm_faults: cannot understand the fault %s\n", text);
	_exit(125);
}

static int value_of(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*end == '\0' && end != text)
		return (int)number;
	for (int i = 1; i < 200; i++) {
		const char *name = strerrorname_np(i);

		if (name != NULL && strcmp(name, text) == 0)
			return i;
	}
	refuse(text);
}

static enum kind kind_of(const char *text)
{
	for (int i = 0; i < KIND_COUNT; i++)
		if (strcmp(kinds[i].name, text) == 0)
			return (enum kind)i;
	refuse(text);
}

/* KIND:NUMBER[+][:VALUE], which is taken apart. */
static void add_fault(char *text)
{
	struct fault fault = { .effect = FAIL };
	char *number = strchr(text, ':');
	char *value, *end;

	if (number == NULL || fault_count == FAULTS_MAX)
		refuse(text);
	*number++ = '\0';
	fault.kind = kind_of(text);
	forgiving = forgiving || fault.kind == MALLOC;
	fault.value = kinds[fault.kind].value;
	value = strchr(number, ':');
	if (value != NULL)
		*value++ = '\0';
	fault.number = strtoul(number, &end, 10);
	fault.onward = *end == '+';
	if (fault.number == 0 || end[fault.onward] != '\0')
		refuse(number);
	if (value != NULL && strcmp(value, "short") == 0)
		fault.effect = SHORT;
	else if (value != NULL && strcmp(value, "eof") == 0)
		fault.effect = END;
	else if (value != NULL && strcmp(value, "kill") == 0)
		fault.effect = KILL;
	else if (value != NULL && strcmp(value, "torn") == 0)
		fault.effect = TORN;
	else if (value != NULL && strncmp(value, "done-", 5) == 0)
		fault.effect = DONE, fault.value = value_of(value + 5);
	else if (value != NULL)
		fault.value = value_of(value);
	faults[fault_count++] = fault;
}

/* A comma-separated list.  "places" is no fault: the places of all calls are remembered. */
static void add_faults(char *text)
{
	char *rest = NULL;

	for (char *part = strtok_r(text, ",", &rest); part != NULL; part = strtok_r(NULL, ",", &rest))
		if (strcmp(part, "places") == 0)
			placing = true;
		else if (strcmp(part, "none") != 0)
			add_fault(part);
}

/* ---- the server ---- */

static bool read_line(char *line, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		char c;

		if (read(STDIN_FILENO, &c, 1) != 1)
			return false;
		if (c == '\n')
			break;
		line[len++] = c;
	}
	line[len] = '\0';
	return true;
}

static void redirect(int fd, const char *path, int flags)
{
	int opened = open(path, flags, 0600);

	if (opened < 0 || dup2(opened, fd) < 0)
		_exit(125);
	close(opened);
}

static void report(int status)
{
	dprintf(STDOUT_FILENO, "%d %d", status, atomic_load(&board->fired));
	for (int i = 0; i < KIND_COUNT; i++)
		dprintf(STDOUT_FILENO, " %s=%lu", kinds[i].name, atomic_load(&board->calls[i]));
	for (size_t i = 0; i < atomic_load(&board->place_count) && i < PLACES_MAX; i++)
		dprintf(STDOUT_FILENO, " %s@%016" PRIx64, kinds[board->places[i].kind].name,
		        board->places[i].hash);
	dprintf(STDOUT_FILENO, "\n");
}

/*
 * Starting a process with the sanitizers takes longer than most runs: so it is started once, and forked for each
 * run.  A line on stdin, "FAULTS STDIN STDOUT STDERR", asks for one; those are the files it has for them.  Answered on
 * stdout by its process id at once, and at the end by its wait status, whether a fault was met, the counts of
 * calls, and their places.  Returns in the run itself.
 */
static void serve(void)
{
	static char line[8192];
	char *rest, *text, *in, *out, *err;
	int status;
	pid_t pid;

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		_exit(125);
	while (read_line(line, sizeof(line))) {
		memset(board, 0, offsetof(struct board, places));
		text = strtok_r(line, " ", &rest);
		in = strtok_r(NULL, " ", &rest);
		out = strtok_r(NULL, " ", &rest);
		err = strtok_r(NULL, " ", &rest);
		if (err == NULL)
			refuse(line);
		pid = fork();
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			redirect(STDIN_FILENO, in, O_RDONLY);
			redirect(STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC);
			redirect(STDERR_FILENO, err, O_WRONLY | O_CREAT | O_TRUNC);
			add_faults(text);
			return;
		}
		dprintf(STDOUT_FILENO, "%d\n", (int)pid);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			_exit(125);
		report(status);
	}
	_exit(0);
}

__attribute__((constructor)) static void start(void)
{
	char *text = getenv("RNM_FAULT");

	tracing = getenv("RNM_FAULT_TRACE") != NULL;
	(void)time(NULL);
	if (text == NULL)
		return;
	if (strcmp(text, "server") == 0)
		serve();
	else
		add_faults(text);
	armed = true;
}
