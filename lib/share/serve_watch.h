/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that a tree has changed, and waits until the change is over. */
#ifndef RNM_SHARE_SERVE_WATCH_H
#define RNM_SHARE_SERVE_WATCH_H

#include <stdbool.h>
#include <sys/stat.h>

#define RNM_WATCHED_FOLDERS 3

struct rnm_tree_watch {
	const char *folder;
	int epoll; /* readable when there is something to do */
	int events, timer;
	bool pending; /* something has changed */
	double since; /* monotonic time of the first change */
	struct stat seen[RNM_WATCHED_FOLDERS];
};

/* Where the kernel grants no descriptors for it, only what rnm_tree_watch_due sees by itself is noticed. */
void rnm_tree_watch_open(struct rnm_tree_watch *watch, const char *folder);
/* The descriptor becomes readable when this one is, too. */
void rnm_tree_watch_join(struct rnm_tree_watch *watch, int fd);
void rnm_tree_watch_close(struct rnm_tree_watch *watch);

/*
 * Whether the tree should be read now.  To be asked when the descriptor is readable, and every second:
 * folders that were replaced by others, and those of filesystems without notifications, are seen only so.
 */
bool rnm_tree_watch_due(struct rnm_tree_watch *watch);
/* What is there from now on is known. */
void rnm_tree_watch_seen(struct rnm_tree_watch *watch);

#endif
