/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.jsonl: what was published, line by line, each with the hash of the line before.
 *
 * The history decides: a publication is a line here, written before any alias changes, and everything else in the
 * tree follows from the lines.  So whoever finds an index that knows less than the history can bring the tree to
 * where its last publisher wanted it.
 */
#ifndef RNM_SHARE_HISTORY_H
#define RNM_SHARE_HISTORY_H

#include "base/arena.h"

#include <rnm/publish.h>

enum rnm_entry_kind {
	RNM_ENTRY_PUBLISH,
	RNM_ENTRY_ROLLBACK, /* a publication whose weights are those of an earlier one */
	RNM_ENTRY_RENEW,    /* the present publication under a new statement */
	RNM_ENTRY_DROP      /* the object of an earlier publication is kept no longer */
};

/* What signs a publication, as it lies beside the alias.  Both are NULL without a key. */
struct rnm_proof {
	const char *signature; /* base64 of the 64 bytes */
	const char *statement; /* content of the file with the statement */
};

struct rnm_entry {
	enum rnm_entry_kind kind;
	int64_t time;
	struct rnm_published model;     /* of a drop only name and blake2b */
	char from[RNM_OBJECT_HASH_HEX]; /* of a rollback: hash of the earlier publication */
	struct rnm_proof proof;         /* of all but drops */
};

/* A line of the history, as far as it says what a name had. */
struct rnm_publication {
	struct rnm_published model;
	struct rnm_proof proof;
	uint64_t serial;
	bool dropped;
	uint64_t dropped_serial; /* of the line that says so */
	struct rnm_publication *older, *newer;
};

struct rnm_alias {
	struct rnm_publication *newest, *oldest;
	size_t kept;          /* publications that are not dropped */
	uint64_t file_serial; /* of the line that changed the file last, and its signature or statement */
	uint64_t sign_serial;
};

struct rnm_history {
	struct rnm_arena arena;
	struct rnm_value *names; /* a map of names to positions in aliases */
	struct rnm_alias *aliases;
	size_t alias_count, alias_cap;
	uint64_t serial;                /* of the last line; 0: there is none */
	char head[RNM_OBJECT_HASH_HEX]; /* its hash; 64 zeros without one */
	int64_t time;                   /* of the last line */
	size_t size;                    /* bytes of all whole lines */
	uint64_t mark;                  /* a serial, and the hash of its line once that was read */
	char mark_head[RNM_OBJECT_HASH_HEX];
};

/* An empty one; mark is the serial of a line whose hash is wanted. */
RNM_MUST_CHECK enum rnm_status rnm_history_new(struct rnm_history **out, uint64_t mark,
                                               struct rnm_error *err);
void rnm_history_free(struct rnm_history *history);

/*
 * Takes whole lines.  What follows the last of them, a line that a killed publisher has not finished, is no part
 * of the history.  RNM_E_MALFORMED "publish.history".
 */
RNM_MUST_CHECK enum rnm_status rnm_history_read(struct rnm_history *history, struct rnm_bytes text,
                                                struct rnm_error *err);
/* Appends the line that comes next to out, and takes it. */
RNM_MUST_CHECK enum rnm_status rnm_history_add(struct rnm_history *history, const struct rnm_entry *entry,
                                               struct rnm_buf *out, struct rnm_error *err);

/* The name's record, or NULL. */
struct rnm_alias *rnm_history_alias(const struct rnm_history *history, const char *name);

#endif
