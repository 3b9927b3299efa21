/* SPDX-License-Identifier: Apache-2.0 */
/* One line of history.jsonl: what it says, and its place in the chain. */
#ifndef RNM_SHARE_HISTORY_LINE_H
#define RNM_SHARE_HISTORY_LINE_H

#include "share/history.h"

/* Bytes of one line: the longest texts in it are the words for an architecture. */
#define RNM_HISTORY_LINE_MAX ((size_t)64 << 10)

/* "publish", "rollback", ... */
const char *rnm_entry_kind_name(enum rnm_entry_kind kind);

/* Which hash the first line has of the line before. */
extern const char rnm_history_no_hash[RNM_OBJECT_HASH_HEX];

struct rnm_history_line {
	struct rnm_entry entry;
	uint64_t serial;
	char previous[RNM_OBJECT_HASH_HEX];
};
/* Writes the line without its newline; previous is the hash of the line before. */
void rnm_history_line_write(struct rnm_buf *out, uint64_t serial, const char *previous,
                            const struct rnm_entry *entry);
/*
 * Reads a line without its newline; texts lie in the arena.  number is told in messages; 0: it is not known.
 * RNM_E_MALFORMED "publish.history".
 */
RNM_MUST_CHECK enum rnm_status rnm_history_line_read(struct rnm_history_line *out, struct rnm_arena *arena,
                                                     struct rnm_bytes text, uint64_t number,
                                                     struct rnm_error *err);
/* Whether the line follows that of this serial and hash.  RNM_E_MALFORMED "publish.history". */
RNM_MUST_CHECK enum rnm_status rnm_history_line_follows(const struct rnm_history_line *line, uint64_t serial,
                                                        const char *hash, struct rnm_error *err);
/* Returns RNM_E_MALFORMED. */
enum rnm_status rnm_history_bad_line(uint64_t number, const char *what, struct rnm_error *err);

#endif
