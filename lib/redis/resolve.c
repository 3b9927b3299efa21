/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/resolve.h"

#include "base/clock.h"
#include "redis/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

/* How often a waiting caller looks at its cancel flag. */
#define SLICE_SECONDS 0.05

#define PORT_TEXT_MAX 6

/*
 * One look-up.  It runs in a thread of its own, because getaddrinfo cannot be given a limit and may
 * wait for a dead name server far longer than the user allows.  Whoever leaves last frees it.
 */
struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;      /* the thread has an answer */
	bool abandoned; /* the caller has gone */
	int result;
	struct addrinfo *found;
	char *host;
	char port[PORT_TEXT_MAX];
};

static void lookup_free(struct lookup *lookup)
{
	pthread_cond_destroy(&lookup->changed);
	pthread_mutex_destroy(&lookup->lock);
	if (lookup->found != NULL)
		freeaddrinfo(lookup->found);
	free(lookup->host);
	free(lookup);
}

static int ask(const char *host, const char *port, int flags, struct addrinfo **found)
{
	struct addrinfo hints;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = flags | AI_NUMERICSERV;
	*found = NULL;
	return getaddrinfo(host, port, &hints, found);
}

static void *lookup_run(void *arg)
{
	struct lookup *lookup = arg;
	struct addrinfo *found;
	int result = ask(lookup->host, lookup->port, 0, &found);
	bool abandoned;

	pthread_mutex_lock(&lookup->lock);
	lookup->found = result == 0 ? found : NULL;
	lookup->result = result;
	lookup->done = true;
	abandoned = lookup->abandoned;
	pthread_cond_signal(&lookup->changed);
	pthread_mutex_unlock(&lookup->lock);
	if (abandoned)
		lookup_free(lookup);
	return NULL;
}

/* 0 or an errno. */
static int lookup_start(struct lookup **out, const struct rnm_server *server, const char *port)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	sigset_t all, before;
	pthread_t thread;
	int failed;

	if (lookup == NULL)
		return ENOMEM;
	pthread_mutex_init(&lookup->lock, NULL);
	pthread_cond_init(&lookup->changed, NULL);
	memcpy(lookup->port, port, PORT_TEXT_MAX);
	lookup->host = strdup(server->host);
	if (lookup->host == NULL) {
		lookup_free(lookup);
		return ENOMEM;
	}
	/* The program's signal handlers must go on running in the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&thread, NULL, lookup_run, lookup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0) {
		lookup_free(lookup);
		return failed;
	}
	pthread_detach(thread);
	*out = lookup;
	return 0;
}

static void wait_slice(struct lookup *lookup, double seconds)
{
	struct timespec until;

	if (seconds > SLICE_SECONDS)
		seconds = SLICE_SECONDS;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(seconds * 1e9);
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_cond_clockwait(&lookup->changed, &lookup->lock, CLOCK_MONOTONIC, &until);
}

/* RNM_OK when the look-up is done; otherwise it has been given up and must not be touched again. */
static enum rnm_status lookup_wait(struct lookup *lookup, struct rnm_io_limit *limit)
{
	const double start = rnm_clock_monotonic();
	const double allowed = limit->seconds;
	enum rnm_status status = RNM_OK;
	double left = allowed;

	pthread_mutex_lock(&lookup->lock);
	while (!lookup->done && status == RNM_OK) {
		if (rnm_io_cancelled(limit->cancel))
			status = RNM_E_INTERRUPTED;
		else if (left <= 0)
			status = RNM_NO;
		else
			wait_slice(lookup, left);
		left = allowed - (rnm_clock_monotonic() - start);
	}
	if (lookup->done)
		status = RNM_OK;
	else
		lookup->abandoned = true;
	pthread_mutex_unlock(&lookup->lock);
	limit->seconds = left > 0 ? left : 0;
	return status;
}

static void keep(struct rnm_address_list *out, const struct addrinfo *info, uint16_t port)
{
	struct rnm_address *address;
	char host[INET6_ADDRSTRLEN + 32];

	if (out->count == RNM_ADDRESS_MAX || info->ai_addrlen > sizeof(address->storage))
		return;
	if (getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		return;
	address = &out->items[out->count++];
	memset(address, 0, sizeof(*address));
	memcpy(&address->storage, info->ai_addr, info->ai_addrlen);
	address->len = info->ai_addrlen;
	snprintf(address->text, sizeof(address->text), info->ai_family == AF_INET6 ? "[%s]:%u" : "%s:%u",
	         host, (unsigned)port);
}

static void keep_all(struct rnm_address_list *out, const struct addrinfo *found, uint16_t port)
{
	static const int families[] = { AF_INET, AF_INET6 };

	out->count = 0;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (const struct addrinfo *info = found; info != NULL; info = info->ai_next)
			if (info->ai_family == families[i])
				keep(out, info, port);
}

static enum rnm_status unix_address(struct rnm_address_list *out, const struct rnm_server *server,
                                    const char **reason)
{
	struct rnm_address *address = &out->items[0];
	struct sockaddr_un *path = (struct sockaddr_un *)&address->storage;
	size_t len = strlen(server->host);

	if (len >= sizeof(path->sun_path)) {
		*reason = "the path is too long for a unix socket";
		return RNM_NO;
	}
	memset(address, 0, sizeof(*address));
	path->sun_family = AF_UNIX;
	memcpy(path->sun_path, server->host, len);
	address->len = (socklen_t)sizeof(*path);
	memcpy(address->text, server->host, len);
	out->count = 1;
	return RNM_OK;
}

static enum rnm_status use_result(struct rnm_address_list *out, int result, struct addrinfo *found,
                                  uint16_t port, const char **reason)
{
	if (result == EAI_MEMORY)
		return RNM_E_NOMEM;
	if (result != 0) {
		*reason = gai_strerror(result);
		return RNM_NO;
	}
	keep_all(out, found, port);
	if (out->count > 0)
		return RNM_OK;
	*reason = "the name has no IPv4 or IPv6 address";
	return RNM_NO;
}

enum rnm_status rnm_resolve(struct rnm_address_list *out, const struct rnm_server *server,
                            struct rnm_io_limit *limit, const char **reason)
{
	char port[PORT_TEXT_MAX];
	struct addrinfo *found;
	struct lookup *lookup;
	enum rnm_status status;
	int result;

	if (server->is_unix)
		return unix_address(out, server, reason);

	snprintf(port, sizeof(port), "%u", (unsigned)server->port);
	/* A literal needs neither a name server nor a thread. */
	result = ask(server->host, port, AI_NUMERICHOST, &found);
	if (result != EAI_NONAME) {
		status = use_result(out, result, found, server->port, reason);
		if (found != NULL)
			freeaddrinfo(found);
		return status;
	}
	result = lookup_start(&lookup, server, port);
	if (result != 0) {
		*reason = rnm_io_errno_text(result);
		return result == ENOMEM ? RNM_E_NOMEM : RNM_NO;
	}
	status = lookup_wait(lookup, limit);
	if (status == RNM_NO)
		*reason = "the name was not resolved in time";
	if (status != RNM_OK)
		return status;
	status = use_result(out, lookup->result, lookup->found, server->port, reason);
	lookup_free(lookup);
	return status;
}
