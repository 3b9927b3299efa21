/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_watch.h"

#include "base/clock.h"
#include "share/tree_names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Seconds without a further change after which the tree is read, and after which it is read in any case. */
#define QUIET 0.1
#define PATIENCE 2.0

#define EVENTS                                                                                               \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF)

static const char *const folders[RNM_WATCHED_FOLDERS] = { "", "/" RNM_TREE_MODELS, "/" RNM_TREE_OBJECTS };

/* Longer ones cannot be opened either. */
static const char *path_of(const struct rnm_tree_watch *watch, size_t i, char path[4096])
{
	snprintf(path, 4096, "%s%s", watch->folder, folders[i]);
	return path;
}

void rnm_tree_watch_join(struct rnm_tree_watch *watch, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (fd >= 0)
		(void)epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event);
}

void rnm_tree_watch_open(struct rnm_tree_watch *watch, const char *folder)
{
	memset(watch, 0, sizeof(*watch));
	watch->folder = folder;
	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	rnm_tree_watch_join(watch, watch->events);
	rnm_tree_watch_join(watch, watch->timer);
	rnm_tree_watch_seen(watch);
}

void rnm_tree_watch_close(struct rnm_tree_watch *watch)
{
	const int fds[] = { watch->epoll, watch->events, watch->timer };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void rnm_tree_watch_seen(struct rnm_tree_watch *watch)
{
	char path[4096];

	watch->pending = false;
	for (size_t i = 0; i < RNM_WATCHED_FOLDERS; i++) {
		if (watch->events >= 0)
			(void)inotify_add_watch(watch->events, path_of(watch, i, path), EVENTS | IN_ONLYDIR);
		if (stat(path_of(watch, i, path), &watch->seen[i]) != 0)
			memset(&watch->seen[i], 0, sizeof(watch->seen[i]));
	}
}

static bool differs(const struct stat *a, const struct stat *b)
{
	return a->st_dev != b->st_dev || a->st_ino != b->st_ino || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static bool folders_differ(const struct rnm_tree_watch *watch)
{
	struct stat now;
	char path[4096];

	for (size_t i = 0; i < RNM_WATCHED_FOLDERS; i++) {
		if (stat(path_of(watch, i, path), &now) != 0)
			memset(&now, 0, sizeof(now));
		if (differs(&now, &watch->seen[i]))
			return true;
	}
	return false;
}

/* Whether there were any; what they say does not matter. */
static bool take_events(struct rnm_tree_watch *watch)
{
	char buffer[4096];
	bool any = false;

	while (watch->events >= 0 && read(watch->events, buffer, sizeof(buffer)) > 0)
		any = true;
	return any;
}

static void wait_for_quiet(struct rnm_tree_watch *watch)
{
	const struct itimerspec quiet = { .it_value.tv_nsec = (long)(QUIET * 1e9) };

	(void)timerfd_settime(watch->timer, 0, &quiet, NULL);
}

bool rnm_tree_watch_due(struct rnm_tree_watch *watch)
{
	const double now = rnm_clock_monotonic();
	const bool changed = take_events(watch) || (!watch->pending && folders_differ(watch));
	char count[8];

	/* Otherwise the descriptor would stay readable. */
	if (watch->timer >= 0 && read(watch->timer, count, sizeof(count)) < 0 && errno != EAGAIN)
		return watch->pending;
	if (changed && !watch->pending) {
		watch->pending = true;
		watch->since = now;
	}
	if (changed && watch->timer >= 0 && now - watch->since < PATIENCE) {
		wait_for_quiet(watch);
		return false;
	}
	return watch->pending;
}
