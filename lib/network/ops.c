/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of rspamd's KANN (contrib/kann/kautodiff.c; 37 and 38 are rspamd's own). */
#include "network/graph.h"

#define CONV 16
#define CONV2 32
#define RNG 32

static const struct rnm_op_info table[RNM_OP_END] = {
	[RNM_OP_ADD] = { "add", 2, 2, 0, false },
	[RNM_OP_MUL] = { "mul", 2, 2, 0, false },
	[RNM_OP_CMUL] = { "cmul", 2, 2, 0, false },
	[RNM_OP_CE_BIN_NEG] = { "ce_bin_neg", 2, 2, 0, false },
	[RNM_OP_SQUARE] = { "square", 1, 1, 0, false },
	[RNM_OP_SIGM] = { "sigm", 1, 1, 0, false },
	[RNM_OP_TANH] = { "tanh", 1, 1, 0, false },
	[RNM_OP_RELU] = { "relu", 1, 1, 0, false },
	[RNM_OP_MATMUL] = { "matmul", 2, 2, 0, false },
	[RNM_OP_AVG] = { "avg", 1, 0, 0, false },
	[RNM_OP_1MINUS] = { "1minus", 1, 1, 0, false },
	[RNM_OP_SELECT] = { "select", 1, 0, 4, false },
	[RNM_OP_CE_MULTI] = { "ce_multi", 2, 3, 0, false },
	[RNM_OP_SOFTMAX] = { "softmax", 1, 1, 0, false },
	[RNM_OP_DROPOUT] = { "dropout", 2, 2, RNG, true },
	[RNM_OP_CONV2D] = { "conv2d", 2, 2, CONV2, false },
	[RNM_OP_MAX2D] = { "max2d", 1, 1, CONV2, false },
	[RNM_OP_CONV1D] = { "conv1d", 2, 2, CONV, false },
	[RNM_OP_MAX1D] = { "max1d", 1, 1, CONV, false },
	[RNM_OP_SLICE] = { "slice", 1, 1, 12, false },
	[RNM_OP_MAX] = { "max", 1, 0, 0, false },
	[RNM_OP_CE_BIN] = { "ce_bin", 2, 2, 0, false },
	[RNM_OP_SUB] = { "sub", 2, 2, 0, false },
	[RNM_OP_SAMPLE_NORMAL] = { "sample_normal", 1, 1, RNG, true },
	[RNM_OP_REDUCE_SUM] = { "reduce_sum", 1, 1, 4, false },
	[RNM_OP_REDUCE_MEAN] = { "reduce_mean", 1, 1, 4, false },
	[RNM_OP_LOG] = { "log", 1, 1, 0, false },
	[RNM_OP_AVG1D] = { "avg1d", 1, 1, CONV, false },
	[RNM_OP_MSE] = { "mse", 2, 2, 0, false },
	[RNM_OP_RESHAPE] = { "reshape", 1, 1, RNM_BLOB_DIMS, false },
	[RNM_OP_CONCAT] = { "concat", 1, 0, 4, false },
	[RNM_OP_STDNORM] = { "stdnorm", 1, 1, 0, false },
	[RNM_OP_EXP] = { "exp", 1, 1, 0, false },
	[RNM_OP_SIN] = { "sin", 1, 1, 0, false },
	[RNM_OP_STACK] = { "stack", 1, 0, 0, false },
	[RNM_OP_REVERSE] = { "reverse", 1, 1, RNM_BLOB_AXIS_OR_NONE, false },
	[RNM_OP_GELU] = { "gelu", 1, 1, 0, false },
	[RNM_OP_ATTN_POOL] = { "attn_pool", 2, 2, 4, false },
};

const struct rnm_op_info *rnm_op_info(unsigned op)
{
	return op < RNM_OP_END && table[op].name != NULL ? &table[op] : NULL;
}

const char *rnm_network_op_name(unsigned op)
{
	const struct rnm_op_info *info = rnm_op_info(op);

	return info != NULL ? info->name : NULL;
}

const char *rnm_network_node_name(const struct rnm_network_node *node)
{
	switch (node->kind) {
	case RNM_NODE_FEED:
		return "feed";
	case RNM_NODE_VARIABLE:
		return "variable";
	case RNM_NODE_CONSTANT:
		return "constant";
	case RNM_NODE_OPERATOR:
		break;
	}
	return rnm_op_info(node->op) != NULL ? rnm_op_info(node->op)->name : "unknown operator";
}
