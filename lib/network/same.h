/* SPDX-License-Identifier: Apache-2.0 */
/* Three notions of sameness; each writes the first difference it finds as one sentence.  And one measure. */
#ifndef RNM_NETWORK_SAME_H
#define RNM_NETWORK_SAME_H

#include "network/graph.h"

#define RNM_DIFFERENCE_MAX 256

/* rspamd's test: weight count, input and truth dimension. */
bool rnm_same_interface(const struct rnm_network *a, const struct rnm_network *b,
                        char text[RNM_DIFFERENCE_MAX]);
/* Nodes, operators, shapes, links, roles and parameters, but neither values nor random states. */
bool rnm_same_graph(const struct rnm_network *a, const struct rnm_network *b, char text[RNM_DIFFERENCE_MAX]);
/* Values of constants, bit for bit; the graphs must be the same. */
bool rnm_same_constants(const struct rnm_network *a, const struct rnm_network *b,
                        char text[RNM_DIFFERENCE_MAX]);
/* How count floats differ; those at a and b may have any alignment. */
struct rnm_tensor_delta rnm_compare_floats(const void *a, const void *b, uint64_t count);

#endif
