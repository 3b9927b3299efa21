/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of convolutions and poolings (rspamd: contrib/kann/kautodiff.c); data is N, C, [H,] W. */
#include "network/graph.h"

#include <inttypes.h>

struct rnm_conv_axis rnm_conv_axis(const struct rnm_network_node *node, unsigned index)
{
	const int32_t *record = node->params + (size_t)index * 4;

	return (struct rnm_conv_axis){ record[0], record[1], record[2], record[3] };
}

static const char *check_axis(const struct rnm_conv_axis *axis, int64_t in, int64_t *out)
{
	if (axis->kernel < 1)
		return "a kernel of at least 1";
	if (axis->stride < 1)
		return "a stride of at least 1";
	if (axis->pad_left < 0 || axis->pad_right < 0)
		return "paddings of at least 0";
	/* Division rounds toward zero, as in the reference. */
	*out = (in - axis->kernel + axis->pad_left + axis->pad_right) / axis->stride + 1;
	if (*out < 1 || *out > INT32_MAX)
		return "a result of at least one value on each axis";
	return NULL;
}

static const char *infer(const struct rnm_network *net, struct rnm_network_node *node, unsigned axes,
                         bool has_weights)
{
	const struct rnm_network_node *data = rnm_child(net, node, 0);
	const struct rnm_network_node *weights = has_weights ? rnm_child(net, node, 1) : NULL;

	if (data->rank != axes + 2)
		return "data with a batch, a channel and each of its axes as dimensions";
	if (weights != NULL && weights->rank != data->rank)
		return "weights of as many dimensions as the data";
	if (weights != NULL && weights->dims[1] != data->dims[1])
		return "weights for as many channels as the data has";
	node->rank = data->rank;
	node->dims[0] = data->dims[0];
	node->dims[1] = weights != NULL ? weights->dims[0] : data->dims[1];
	for (unsigned i = 0; i < axes; i++) {
		struct rnm_conv_axis axis = rnm_conv_axis(node, i);
		int64_t out = 0;
		const char *expected = check_axis(&axis, data->dims[i + 2], &out);

		if (expected != NULL)
			return expected;
		/* rspamd sizes the result by the record but loops over the weights. */
		if (weights != NULL && (int64_t)weights->dims[i + 2] != axis.kernel)
			return "the same kernel size in parameters and weights";
		node->dims[i + 2] = (uint32_t)out;
	}
	return NULL;
}

bool rnm_infer_conv(const struct rnm_network *net, struct rnm_network_node *node,
                    struct rnm_findings *findings)
{
	unsigned axes = node->op == RNM_OP_CONV2D || node->op == RNM_OP_MAX2D ? 2 : 1;
	bool has_weights = node->op == RNM_OP_CONV2D || node->op == RNM_OP_CONV1D;
	const char *expected = infer(net, node, axes, has_weights);
	uint32_t index = (uint32_t)(node - net->nodes);

	if (expected == NULL)
		return true;
	rnm_findings_add(findings, RNM_KANN_CONV, index, node->offset, "node %" PRIu32 " (%s): expected %s",
	                 index, rnm_network_node_name(node), expected);
	return false;
}
