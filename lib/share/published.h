/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One publication as JSON, in the index and in the history, and the paths that it has in the tree.
 */
#ifndef RNM_SHARE_PUBLISHED_H
#define RNM_SHARE_PUBLISHED_H

#include "base/arena.h"
#include "share/tree_names.h"

#include <jansson.h>
#include <rnm/json.h>
#include <rnm/publish.h>

/* Longest path within a tree: a folder, a hash or name, and endings. */
#define RNM_TREE_PATH_MAX 128
/* "objects/HASH.rnm" and "models/NAME", with an ending that may be "". */
void rnm_object_path(char path[RNM_TREE_PATH_MAX], const char *hash, const char *ending);
void rnm_alias_path(char path[RNM_TREE_PATH_MAX], const char *name, const char *ending);

/* ---- JSON ---- */

/* The object with its members in order of their names, as all JSON of the tree has them. */
void rnm_published_write(struct rnm_json *json, const struct rnm_published *model);

/* The first member that is not what it should be ends the reading; everything after it gives up. */
struct rnm_members_reader {
	struct rnm_arena *arena;
	const char *wrong; /* name of that member, or NULL */
	bool no_memory;
};
/* Each returns whether all is well so far.  An optional text may be null, and is NULL then. */
bool rnm_member_text(struct rnm_members_reader *reader, const json_t *object, const char *member,
                     bool optional, const char **out);
bool rnm_member_count(struct rnm_members_reader *reader, const json_t *object, const char *member,
                      uint64_t *out);
bool rnm_member_number(struct rnm_members_reader *reader, const json_t *object, const char *member,
                       double *out);
/* A number of seconds; 0 for null, which only an optional one may be. */
bool rnm_member_time(struct rnm_members_reader *reader, const json_t *object, const char *member,
                     bool optional, int64_t *out);
bool rnm_member_hash(struct rnm_members_reader *reader, const json_t *object, const char *member,
                     char out[RNM_OBJECT_HASH_HEX]);
bool rnm_published_read(struct rnm_members_reader *reader, const json_t *object, struct rnm_published *out);

#endif
