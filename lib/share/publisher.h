/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher, as its parts share it. */
#ifndef RNM_SHARE_PUBLISHER_H
#define RNM_SHARE_PUBLISHER_H

#include "share/history.h"
#include "share/index.h"
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
	const char *key_text; /* public key of options.key, or NULL */
	/* What was taken in this run, in this order. */
	struct rnm_entry *entries;
	size_t entry_count, entry_cap;
	/* Hashes of objects that this run has written and no line names yet. */
	char (*written)[RNM_OBJECT_HASH_HEX];
	size_t written_count, written_cap;
	bool *evaluation_used; /* for each of options.evaluations */
};

/* RNM_E_INTERRUPTED once the caller wants no more. */
RNM_MUST_CHECK enum rnm_status rnm_publisher_check_cancel(const struct rnm_publisher *publisher,
                                                          struct rnm_error *err);

/* The last second of what is signed then; 0: no end. */
int64_t rnm_publisher_end(const struct rnm_publisher *publisher, int64_t created);

/* ---- publish_take.c: a model on its way into the tree ---- */

/* Reads an object and compares it with its name.  RNM_E_MALFORMED "publish.object", RNM_E_NOT_FOUND. */
RNM_MUST_CHECK enum rnm_status rnm_object_read(const struct rnm_publisher *publisher, const char *hash,
                                               struct rnm_buf *out, struct rnm_error *err);

/* ---- publish_sign.c: what signs it; none of these does anything without a key ---- */

/* Signs a publication, whose bytes these are. */
RNM_MUST_CHECK enum rnm_status rnm_publisher_prove(struct rnm_publisher *publisher, struct rnm_entry *entry,
                                                   struct rnm_bytes bytes, struct rnm_error *err);
/* Writes what signs an object, before the object. */
RNM_MUST_CHECK enum rnm_status rnm_object_sign(const struct rnm_publisher *publisher,
                                               const struct rnm_entry *entry, struct rnm_error *err);
/*
 * Whether bytes that come from the tree, to which others may write, were signed with our key.  RNM_E_SIGNATURE
 * "publish.foreign".
 */
RNM_MUST_CHECK enum rnm_status rnm_object_check_ours(const struct rnm_publisher *publisher,
                                                     const struct rnm_published *model,
                                                     struct rnm_bytes bytes, struct rnm_error *err);
/* Writes what signs an alias, before the alias. */
RNM_MUST_CHECK enum rnm_status rnm_alias_sign(const struct rnm_publisher *publisher,
                                              const struct rnm_publication *publication,
                                              struct rnm_error *err);
/* Writes what signs this index, and still the old one, before the index. */
RNM_MUST_CHECK enum rnm_status rnm_index_sign(const struct rnm_publisher *publisher, struct rnm_bytes text,
                                              struct rnm_error *err);

/* ---- publish_evaluation.c: how well models do ---- */

/* Whether the evaluations can be published at all.  RNM_E_USAGE "publish.evaluation". */
RNM_MUST_CHECK enum rnm_status rnm_publisher_check_evaluations(struct rnm_publisher *publisher,
                                                               struct rnm_error *err);
/* Whether each was about a model that was taken.  RNM_E_REFUSED "publish.evaluation". */
RNM_MUST_CHECK enum rnm_status rnm_publisher_check_used(const struct rnm_publisher *publisher,
                                                        struct rnm_error *err);

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
