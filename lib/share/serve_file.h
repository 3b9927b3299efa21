/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a tree: opened, hashed, looked at. */
#ifndef RNM_SHARE_SERVE_FILE_H
#define RNM_SHARE_SERVE_FILE_H

#include "share/serve_table.h"

/*
 * Opens the file of this name (with its slash) in the folder.  old is what was offered under it before, or
 * NULL: *out is a reference to it when it is the same file still.
 * RNM_E_IO ("file.open", "file.read", "serve.changing"), RNM_E_MALFORMED ("serve.not-a-file", "serve.empty",
 * "serve.damaged", and what is wrong with a model), RNM_E_NOMEM.
 */
RNM_MUST_CHECK enum rnm_status rnm_served_open(struct rnm_served **out, int folder, const char *name,
                                               struct rnm_served *old, int64_t now, struct rnm_error *err);

/* A file that goes on being offered although the tree has it no longer. */
RNM_MUST_CHECK enum rnm_status rnm_served_keep(struct rnm_served **out, struct rnm_served *old,
                                               struct rnm_error *err);

/* Whether the file is what it was when it was hashed. */
bool rnm_served_unchanged(const struct rnm_served *file);

#endif
