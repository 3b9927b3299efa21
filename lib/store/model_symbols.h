/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of symbols of two models. */
#ifndef RNM_STORE_MODEL_SYMBOLS_H
#define RNM_STORE_MODEL_SYMBOLS_H

#include <rnm/model_compare.h>

/* The list that a model file carries, or NULL. */
const struct rnm_value *rnm_model_symbols(const struct rnm_model_file *file);
/* Whether the inputs of the model depend on its symbols; true when the file does not say. */
bool rnm_model_symbols_matter(const struct rnm_model_file *file);

/* Fills everything but matter; elements that are no strings are left out.  RNM_E_NOMEM. */
RNM_MUST_CHECK enum rnm_status rnm_symbols_compare(struct rnm_symbols_comparison *out,
                                                   const struct rnm_value *a, const struct rnm_value *b,
                                                   struct rnm_error *err);
void rnm_symbols_comparison_clear(struct rnm_symbols_comparison *comparison);

#endif
