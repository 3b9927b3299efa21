/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher, as its parts share it. */
#ifndef RNM_SHARE_PUBLISHER_H
#define RNM_SHARE_PUBLISHER_H

#include "share/history.h"
#include "share/place.h"

/* A whole model in memory. */
#define RNM_OBJECT_MAX ((size_t)RNM_BLOB_MAX)

struct rnm_publisher {
	struct rnm_publish_options options;
	struct rnm_place *place;
	struct rnm_history *history;
	struct rnm_buf lines;  /* history.jsonl, and what is to be added to it */
	uint64_t index_serial; /* of the index that lies in the tree; 0: there is none that can be read */
	int64_t now;           /* never before the last line of the history: clocks may go back */
	bool completed;
	/* What was taken in this run, in this order. */
	struct rnm_entry *entries;
	size_t entry_count, entry_cap;
	/* Hashes of objects that this run has written and no line names yet. */
	char (*written)[RNM_OBJECT_HASH_HEX];
	size_t written_count, written_cap;
};

/* RNM_E_INTERRUPTED once the caller wants no more. */
RNM_MUST_CHECK enum rnm_status rnm_publisher_check_cancel(const struct rnm_publisher *publisher,
                                                          struct rnm_error *err);

/* ---- publish_take.c: a model on its way into the tree ---- */

/* Reads an object and compares it with its name.  RNM_E_MALFORMED "publish.object", RNM_E_NOT_FOUND. */
RNM_MUST_CHECK enum rnm_status rnm_object_read(const struct rnm_publisher *publisher, const char *hash,
                                               struct rnm_buf *out, struct rnm_error *err);

/* ---- publish_settle.c: the tree follows the history ---- */

/* With what signs it.  What is not there is no failure. */
RNM_MUST_CHECK enum rnm_status rnm_object_remove(const struct rnm_publisher *publisher, const char *hash,
                                                 struct rnm_error *err);

/*
 * Brings aliases, index and objects to where the lines after that serial want them.  May be broken off anywhere and
 * repeated.
 */
RNM_MUST_CHECK enum rnm_status rnm_publisher_settle(struct rnm_publisher *publisher, uint64_t serial,
                                                    struct rnm_error *err);

#endif
