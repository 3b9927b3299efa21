/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring the training sets of a model in Redis. */
#ifndef RNM_CLI_EVAL_TRAINING_H
#define RNM_CLI_EVAL_TRAINING_H

#include "eval.h"

/*
 * Finds the model whose sets are meant (that of MODEL, unless -r, -s or -v name another), reads them and adds
 * their scores.  Fills the sources and sets of *eval; *key (free) is what eval->training_key points to.
 * RNM_E_NOT_FOUND ("eval.no-vectors") when there is nothing.
 */
RNM_MUST_CHECK enum rnm_status eval_training(struct eval *eval, struct scoring *scoring, char **key,
                                             struct rnm_scores *spam, struct rnm_scores *ham,
                                             struct rnm_error *err);

#endif
