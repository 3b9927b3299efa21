/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of published files becomes a table of names. */
#ifndef RNM_SHARE_SERVE_TREE_H
#define RNM_SHARE_SERVE_TREE_H

#include "share/serve_table.h"

struct rnm_tree {
	const char *folder;
	const struct rnm_served_table *old; /* what was offered before; NULL */
	bool forget;                        /* also names that are gone from models/ */
	void (*warn)(void *ctx, const struct rnm_error *problem);
	void *ctx;
	int64_t now;
};

/*
 * Opens and hashes what is new in the tree, and takes the rest over from the old table.  A model that is none
 * is told to warn and left out.  So that nobody who has once had a good model gets an error, a name under
 * models/ that is gone, or whose new file is no model, keeps its old file and the signatures that belong to
 * it.
 */
RNM_MUST_CHECK enum rnm_status rnm_tree_read(struct rnm_served_table **out, const struct rnm_tree *tree,
                                             struct rnm_error *err);

#endif
