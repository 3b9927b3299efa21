/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far each profile's symbols lie from the rule's own.  That list is known here only when the
 * configuration fixes it (rule.profile); otherwise each worker makes its own from what is registered.
 */
#ifndef RNM_STORE_SYMBOLS_H
#define RNM_STORE_SYMBOLS_H

#include <rnm/store.h>

struct rnm_distances {
	bool known;
	uint64_t *of; /* by index of the model */
	size_t own_count;
};

/* known stays false for a list that the configuration does not fix; released with free(distances->of). */
RNM_MUST_CHECK enum rnm_status rnm_distances_measure(struct rnm_distances *distances,
                                                     const struct rnm_model_list *list,
                                                     const struct rnm_rule *rule, struct rnm_error *err);

#endif
