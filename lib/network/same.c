/* SPDX-License-Identifier: Apache-2.0 */
#include "network/same.h"

#include <inttypes.h>
#include <stdio.h>

bool rnm_same_interface(const struct rnm_network *a, const struct rnm_network *b,
                        char text[RNM_DIFFERENCE_MAX])
{
	uint64_t in_a = rnm_network_input_dim(a), in_b = rnm_network_input_dim(b);

	if (a->variables != b->variables)
		snprintf(text, RNM_DIFFERENCE_MAX,
		         "expected equal numbers of weights, found %" PRIu64 " and %" PRIu64, a->variables,
		         b->variables);
	else if (in_a != in_b)
		snprintf(text, RNM_DIFFERENCE_MAX, "expected equal inputs, found %" PRIu64 " and %" PRIu64,
		         in_a, in_b);
	else if (a->truth_dim != b->truth_dim)
		snprintf(text, RNM_DIFFERENCE_MAX,
		         "expected equal truth feeds, found %" PRId64 " and %" PRId64, a->truth_dim,
		         b->truth_dim);
	else
		return true;
	return false;
}

static const char *shape_text(const struct rnm_network_node *node, char text[64])
{
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < node->rank; i++)
		at += (size_t)snprintf(text + at, 64 - at, "%s%" PRIu32, i > 0 ? "x" : "", node->dims[i]);
	return node->rank == 0 ? "scalar" : text;
}

static bool same_blob(const struct rnm_network_node *a, const struct rnm_network_node *b)
{
	if (a->kind != RNM_NODE_OPERATOR || rnm_op_info(a->op)->random_state)
		return true;
	return a->blob.len == b->blob.len &&
	       (a->blob.len == 0 || memcmp(a->blob.data, b->blob.data, a->blob.len) == 0);
}

/* The flag bits that change what a node does; the trainable bit of operators is only a note. */
static unsigned meaning(const struct rnm_network_node *node)
{
	return node->kind == RNM_NODE_OPERATOR ? node->flag & (unsigned)RNM_NODE_FLAG_POOL : 0;
}

static bool same_node(const struct rnm_network_node *a, const struct rnm_network_node *b, uint32_t index,
                      char text[RNM_DIFFERENCE_MAX])
{
	char left[64], right[64];

	if (a->kind != b->kind || a->op != b->op) {
		snprintf(text, RNM_DIFFERENCE_MAX,
		         "node %" PRIu32 ": expected the same operator, found %s and %s", index,
		         rnm_network_node_name(a), rnm_network_node_name(b));
		return false;
	}
	if (a->rank != b->rank || memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])) != 0) {
		snprintf(text, RNM_DIFFERENCE_MAX,
		         "node %" PRIu32 " (%s): expected the same shape, found %s and %s", index,
		         rnm_network_node_name(a), shape_text(a, left), shape_text(b, right));
		return false;
	}
	if (a->child_count != b->child_count || a->pre != b->pre ||
	    (a->child_count > 0 &&
	     memcmp(a->children, b->children, a->child_count * sizeof(*a->children)) != 0)) {
		snprintf(text, RNM_DIFFERENCE_MAX, "node %" PRIu32 " (%s): expected the same operands", index,
		         rnm_network_node_name(a));
		return false;
	}
	if (a->roles != b->roles || a->label != b->label || meaning(a) != meaning(b) || !same_blob(a, b)) {
		snprintf(text, RNM_DIFFERENCE_MAX,
		         "node %" PRIu32 " (%s): expected the same roles and parameters", index,
		         rnm_network_node_name(a));
		return false;
	}
	return true;
}

bool rnm_same_graph(const struct rnm_network *a, const struct rnm_network *b, char text[RNM_DIFFERENCE_MAX])
{
	if (a->node_count != b->node_count) {
		snprintf(text, RNM_DIFFERENCE_MAX,
		         "expected equal numbers of nodes, found %" PRIu32 " and %" PRIu32, a->node_count,
		         b->node_count);
		return false;
	}
	for (uint32_t i = 0; i < a->node_count; i++)
		if (!same_node(&a->nodes[i], &b->nodes[i], i, text))
			return false;
	return true;
}

bool rnm_same_constants(const struct rnm_network *a, const struct rnm_network *b,
                        char text[RNM_DIFFERENCE_MAX])
{
	for (uint64_t i = 0; i < a->constants; i++) {
		const unsigned char *x = a->data + a->c_offset + 4 * i, *y = b->data + b->c_offset + 4 * i;

		if (memcmp(x, y, 4) != 0) {
			snprintf(text, RNM_DIFFERENCE_MAX,
			         "expected equal constants, found %g and %g for constant %" PRIu64,
			         (double)rnm_load_f32(x), (double)rnm_load_f32(y), i);
			return false;
		}
	}
	return true;
}
