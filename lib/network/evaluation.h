/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_NETWORK_EVALUATION_H
#define RNM_NETWORK_EVALUATION_H

#include <rnm/evaluation.h>

struct rnm_evaluation {
	struct rnm_scores spam; /* ascending */
	struct rnm_scores ham;
};

/* A walk over both classes at once, from one score that occurs to the next higher one. */
struct rnm_score_walk {
	const struct rnm_evaluation *evaluation;
	size_t spam; /* how many are not above score, the group included */
	size_t ham;
	size_t spam_here, ham_here; /* of the group */
	double score;
};
void rnm_score_walk_init(struct rnm_score_walk *walk, const struct rnm_evaluation *evaluation);
/* False behind the last. */
bool rnm_score_walk_next(struct rnm_score_walk *walk);

#endif
