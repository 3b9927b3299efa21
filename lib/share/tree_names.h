/* SPDX-License-Identifier: Apache-2.0 */
/* What lies where in a published tree (docs/publishing.md): for those who write it, serve it and fetch from it. */
#ifndef RNM_SHARE_TREE_NAMES_H
#define RNM_SHARE_TREE_NAMES_H

#include <rnm/sign.h>

#define RNM_TREE_INDEX "index.json"
#define RNM_TREE_HISTORY "history.jsonl"
#define RNM_TREE_LOCK ".rnm-lock"
#define RNM_TREE_OBJECTS "objects"
#define RNM_TREE_MODELS "models"
/* Of the name of an object, behind its hash. */
#define RNM_TREE_OBJECT_ENDING ".rnm"

#endif
