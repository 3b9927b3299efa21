/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the Redis room: a real redis-server of our own, and small peers that misbehave.
 * Both are children that die with the test, and are ended by their process id.
 */
#ifndef RNM_TESTS_REDIS_LIVE_H
#define RNM_TESTS_REDIS_LIVE_H

#include "redis/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline void nap(double seconds)
{
	struct timespec ts = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

/* A socket bound to a free port of the loopback; listening unless backlog is negative. */
static inline int bind_loopback(int backlog, unsigned *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

static inline void end_child(pid_t pid, int signal_number)
{
	if (pid > 0) {
		kill(pid, signal_number);
		waitpid(pid, NULL, 0);
	}
}

/* ---- settings ---- */

/* Settings with one server list, "%u" in which stands for the port. */
struct target {
	struct rnm_redis_settings settings;
	char servers[512];
	char *list[1];
};

static inline struct rnm_redis_settings *target(struct target *target, double timeout, const char *fmt, ...)
    RNM_PRINTF(3, 4);
static inline struct rnm_redis_settings *target(struct target *target, double timeout, const char *fmt, ...)
{
	va_list args;

	memset(target, 0, sizeof(*target));
	va_start(args, fmt);
	vsnprintf(target->servers, sizeof(target->servers), fmt, args);
	va_end(args);
	target->list[0] = target->servers;
	target->settings.read_servers = target->settings.write_servers = target->list;
	target->settings.read_count = target->settings.write_count = 1;
	target->settings.timeout = timeout;
	return &target->settings;
}

/* A connection that must come about. */
static inline struct rnm_redis *must_connect(const struct rnm_redis_settings *settings)
{
	struct rnm_redis *redis = NULL;
	struct rnm_error err;
	enum rnm_status status = rnm_redis_connect(&redis, settings, RNM_REDIS_READ, NULL, &err);

	if (status != RNM_OK)
		fail_msg("connect: %s", err.message);
	return redis;
}

/* The whole reply of one command, which must come; rnm_reply_free it. */
#define ASK(redis, ...) ask(redis, (const char *[]){ __VA_ARGS__, NULL })
static inline struct rnm_reply *ask(struct rnm_redis *redis, const char *const *argv)
{
	struct rnm_bytes args[16];
	struct rnm_reply *reply = NULL;
	struct rnm_error err;
	size_t argc = 0;

	for (; argv[argc] != NULL; argc++)
		args[argc] = (struct rnm_bytes){ argv[argc], strlen(argv[argc]) };
	assert_int_equal(rnm_redis_send(redis, argc, args, NULL), RNM_OK);
	if (rnm_redis_reply(redis, &reply, 0, &err) != RNM_OK)
		fail_msg("reply: %s", err.message);
	return reply;
}

/* Asks and compares the text of a status, an error or a string. */
#define EXPECT_TEXT(redis, kind_, text_, ...)                                                                \
	do {                                                                                                 \
		struct rnm_reply *reply_ = ASK(redis, __VA_ARGS__);                                          \
		assert_int_equal(reply_->kind, kind_);                                                       \
		assert_string_equal(reply_->text.data, text_);                                               \
		rnm_reply_free(reply_);                                                                      \
	} while (0)

/* ---- a real server ---- */

struct live {
	pid_t pid;
	unsigned port;
	char dir[64];
	char socket[96];
};

/* Skips a test where no redis-server is installed. */
#define NEED(server)                                                                                         \
	do {                                                                                                 \
		if ((server).pid == 0)                                                                       \
			skip();                                                                              \
	} while (0)

static inline void live_exec(const struct live *live)
{
	char port[8];
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(port, sizeof(port), "%u", live->port);
	execlp("redis-server", "redis-server", "--bind", "127.0.0.1", "--port", port, "--unixsocket",
	       live->socket, "--dir", live->dir, "--save", "", "--appendonly", "no", "--enable-debug-command",
	       "local", "--proto-max-bulk-len", "512mb", (char *)NULL);
	_exit(127);
}

/* false when no redis-server is installed. */
static inline bool live_start(struct live *live)
{
	struct target where;
	double deadline = now() + 20;

	memset(live, 0, sizeof(*live));
	strcpy(live->dir, "/tmp/rnm-test-XXXXXX");
	assert_non_null(mkdtemp(live->dir));
	snprintf(live->socket, sizeof(live->socket), "%s/redis.sock", live->dir);
	close(bind_loopback(-1, &live->port));
	live->pid = fork();
	if (live->pid == 0)
		live_exec(live);
	while (now() < deadline) {
		struct rnm_redis *redis = NULL;
		int status;

		if (rnm_redis_connect(&redis, target(&where, 1, "%s", live->socket), RNM_REDIS_READ, NULL,
		                      NULL) == RNM_OK) {
			rnm_redis_free(redis);
			return true;
		}
		if (waitpid(live->pid, &status, WNOHANG) == live->pid)
			break;
		nap(0.01);
	}
	live->pid = 0;
	rmdir(live->dir);
	return false;
}

static inline void live_stop(struct live *live)
{
	end_child(live->pid, SIGTERM);
	live->pid = 0;
	unlink(live->socket);
	rmdir(live->dir);
}

/* ---- peers that misbehave ---- */

struct peer {
	pid_t pid;
	unsigned port;
};

/* Runs serve for one client after the other in a child process. */
static inline void peer_start(struct peer *peer, void (*serve)(int client))
{
	int fd = bind_loopback(8, &peer->port);

	peer->pid = fork();
	assert_true(peer->pid >= 0);
	if (peer->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		for (;;) {
			int client = accept(fd, NULL, NULL);

			if (client >= 0) {
				serve(client);
				close(client);
			}
		}
	}
	close(fd);
}

static inline void peer_stop(struct peer *peer)
{
	end_child(peer->pid, SIGKILL);
	peer->pid = 0;
}

static inline void say(int client, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t put = send(client, text, len, MSG_NOSIGNAL);

		if (put <= 0)
			return;
		text += put;
		len -= (size_t)put;
	}
}

/* Waits until the client has sent something; false when it has gone. */
static inline bool hear(int client)
{
	char bytes[65536];

	return recv(client, bytes, sizeof(bytes), 0) > 0;
}

#endif
