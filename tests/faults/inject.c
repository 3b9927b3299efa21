/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls into the system that fail on request.  Linked into rnm_faults, the command as it is otherwise, with the
 * sanitizers.  The definitions of inject_calls.c come before those of libc for every library of the process, so that an
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
#include "inject.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

static const struct {
	const char *name;
	int value;
} kinds[] = {
#define KIND_ROW(kind, name, value) { name, value },
	KINDS(KIND_ROW)
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
static bool memory_faults;
_Thread_local bool exempt;

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

/* Addresses are random but for their last bits.  The frames of these two files are the same for all. */
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

bool memory_fails(void)
{
	return memory_faults;
}

enum effect strike(enum kind kind)
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
	memory_faults = memory_faults || fault.kind == MALLOC;
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
