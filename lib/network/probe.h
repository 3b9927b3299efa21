/* SPDX-License-Identifier: Apache-2.0 */
/* Trying a network out: what rnm_network_probe and the check of values that pass by have in common. */
#ifndef RNM_NETWORK_PROBE_H
#define RNM_NETWORK_PROBE_H

#include "network/graph.h"

#define RNM_PROBE_ROUND 4u

struct rnm_probing {
	const struct rnm_network *net;
	const struct rnm_preprocess *preprocess;
	uint64_t raw_dim, input_dim, output_dim;
	uint64_t random; /* state of the generator */
	unsigned rounds; /* of RNM_PROBE_ROUND vectors */
	double low, high;
	struct rnm_plan *plan;
	struct rnm_scratch *scratch;
	float *inputs, *outputs; /* of all rounds */
};

/*
 * Makes the vectors and the plan.  RNM_NO, without err being set: the values of this network must all be
 * there to try it out (only with rnm_network.scans).  rnm_probing_end in any case.
 */
RNM_MUST_CHECK enum rnm_status rnm_probing_begin(struct rnm_probing *p, const struct rnm_network *network,
                                                 const struct rnm_preprocess *preprocess,
                                                 const struct rnm_network_limits *limits,
                                                 struct rnm_error *err);
/* What the outputs come to. */
void rnm_probing_judge(const struct rnm_probing *p, struct rnm_probe *out);
void rnm_probing_end(struct rnm_probing *p);

#endif
