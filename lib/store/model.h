/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share about models.
 */
#ifndef RNM_STORE_MODEL_H
#define RNM_STORE_MODEL_H

#include <rnm/store.h>

/* Fills digest_match, in_window and verdict of every model, and served, original and served_why. */
RNM_MUST_CHECK enum rnm_status rnm_model_list_judge(struct rnm_model_list *list, const struct rnm_rule *rule,
                                                    struct rnm_error *err);

/* "other" as the profile names it, for messages; "none" when it names no digest. */
const char *rnm_model_digest_text(const struct rnm_model *model);

#endif
