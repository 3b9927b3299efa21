/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_STORE_MODEL_COMPARE_H
#define RNM_STORE_MODEL_COMPARE_H

#include <rnm/model_compare.h>

/* Sets everything that does not need the networks: aspects, symbols, norm, pca.  RNM_E_NOMEM. */
RNM_MUST_CHECK enum rnm_status rnm_model_compare_around(struct rnm_model_comparison *comparison,
                                                        const struct rnm_model_file *a,
                                                        const struct rnm_model_file *b,
                                                        struct rnm_error *err);

/* Everything but relation, start and sentence is there: decides on these.  RNM_E_NOMEM. */
RNM_MUST_CHECK enum rnm_status rnm_model_judge(struct rnm_model_comparison *comparison,
                                               const struct rnm_model_file *a, const struct rnm_model_file *b,
                                               struct rnm_error *err);

#endif
