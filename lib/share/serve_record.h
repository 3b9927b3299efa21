/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tree says of its models: figures from its index, and what was published when from its history.  Read when
 * the tree is, for the page; it never changes afterwards.
 */
#ifndef RNM_SHARE_SERVE_RECORD_H
#define RNM_SHARE_SERVE_RECORD_H

#include "share/history.h"
#include "share/serve_table.h"

/* The end of the history that is looked at: enough for thousands of lines. */
#define RNM_SERVED_HISTORY_MAX ((size_t)4 << 20)
/* An index that is longer is not looked at, and no figures are shown: it would take too much memory. */
#define RNM_SERVED_INDEX_MAX ((size_t)8 << 20)

/* Events of one model, the latest first, that are shown; history.jsonl has all. */
#define RNM_SERVED_EVENTS_MAX 20u

/* A line of the history, or a run of lines that sign the same anew.  Texts are those of the record. */
struct rnm_served_event {
	enum rnm_entry_kind kind;
	uint64_t serial;
	int64_t time; /* UNIX seconds; of the last line of a run, as serial */
	size_t times; /* how many lines */
	const char *name;
	uint64_t version; /* 0: a drop does not say, and its publication is not among the events */
	uint64_t
	    from_version; /* of a rollback, likewise; both only of the first RNM_SERVED_EVENTS_MAX of a name */
	char blake2b[RNM_OBJECT_HASH_HEX];
	char from[RNM_OBJECT_HASH_HEX];                /* of a rollback */
	const char *key;                               /* public key; NULL: not signed */
	const struct rnm_model_evaluation *evaluation; /* NULL: none */
};

struct rnm_served_record;

/*
 * From the files of the table; old is what was made of an older one, or NULL: *out is a reference to it when both
 * files are the same still.  A history that cannot be relied on is told to problem, whose status is RNM_OK
 * otherwise; it, or one that is not there, fails nothing.  RNM_E_NOMEM.
 */
RNM_MUST_CHECK enum rnm_status rnm_served_record_read(struct rnm_served_record **out,
                                                      const struct rnm_served_table *table,
                                                      struct rnm_served_record *old,
                                                      struct rnm_error *problem, struct rnm_error *err);
struct rnm_served_record *rnm_served_record_ref(struct rnm_served_record *record);
void rnm_served_record_unref(struct rnm_served_record *record);

/* Whether there are events to tell of.  Of these functions each takes NULL for a record. */
bool rnm_served_record_has_history(const struct rnm_served_record *record);
/* Why not, in a sentence; "" when there is simply none. */
const char *rnm_served_record_problem(const struct rnm_served_record *record);
/* Whether the history has older lines than those that were looked at. */
bool rnm_served_record_is_cut(const struct rnm_served_record *record);
/* Those of one name, the latest first; returns how many. */
size_t rnm_served_record_events(const struct rnm_served_record *record, const char *name,
                                const struct rnm_served_event **first);
/* How well the file that is offered under this name does; NULL: nobody said. */
const struct rnm_model_evaluation *rnm_served_record_evaluation(const struct rnm_served_record *record,
                                                                const struct rnm_served *file);

#endif
