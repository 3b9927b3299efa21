/* SPDX-License-Identifier: Apache-2.0 */
/* How well a model does, as a member of its record in the index and in the history. */
#ifndef RNM_SHARE_MODEL_EVALUATION_H
#define RNM_SHARE_MODEL_EVALUATION_H

#include "share/published.h"

/* Reads the object; *out lies in the reader's arena. */
bool rnm_model_evaluation_read(struct rnm_members_reader *reader, const json_t *object,
                               const struct rnm_model_evaluation **out);
/* A copy; NULL: no memory. */
const struct rnm_model_evaluation *rnm_model_evaluation_copy(struct rnm_arena *arena,
                                                             const struct rnm_model_evaluation *evaluation);

/* Whether it says what can be written and read again. */
bool rnm_model_evaluation_is_good(const struct rnm_model_evaluation *evaluation);
bool rnm_model_evaluation_equal(const struct rnm_model_evaluation *a, const struct rnm_model_evaluation *b);

uint64_t rnm_confusion_spam(const struct rnm_confusion *confusion);
uint64_t rnm_confusion_ham(const struct rnm_confusion *confusion);

/* The last part of a path: where on a publisher's host files lie is nobody else's business. */
const char *rnm_source_name(const char *path);

#endif
