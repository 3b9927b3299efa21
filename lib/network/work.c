/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator costs, so that a small hostile file cannot ask for an endless evaluation. */
#include "network/plan.h"

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* Multiply-adds for one value of the result. */
static uint64_t per_value(const struct rnm_network *net, const struct rnm_network_node *node)
{
	const struct rnm_network_node *q0 = rnm_child(net, node, 0);
	uint64_t a = 1, b = 1;

	switch (node->op) {
	case RNM_OP_CMUL:
		return rnm_cmul_columns(q0, rnm_child(net, node, 1), &a, &b) ? a : 1;
	case RNM_OP_MATMUL:
		return q0->len / node->dims[0];
	case RNM_OP_CONV1D:
	case RNM_OP_CONV2D:
		return rnm_child(net, node, 1)->len / rnm_child(net, node, 1)->dims[0];
	case RNM_OP_MAX1D:
	case RNM_OP_AVG1D:
		return (uint64_t)rnm_conv_axis(node, 0).kernel;
	case RNM_OP_MAX2D:
		return times((uint64_t)rnm_conv_axis(node, 0).kernel,
		             (uint64_t)rnm_conv_axis(node, 1).kernel);
	case RNM_OP_ATTN_POOL:
		return 3 * (uint64_t)node->params[0];
	default:
		return 1;
	}
}

uint64_t rnm_node_work(const struct rnm_network *net, const struct rnm_network_node *node)
{
	uint64_t work = times(node->len, per_value(net, node));

	for (uint32_t i = 0; i < node->child_count; i++)
		work = plus(work, rnm_child(net, node, i)->len);
	return work;
}
