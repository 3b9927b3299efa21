/* SPDX-License-Identifier: Apache-2.0 */
/* Names for tensors, read off the graph around them. */
#include "network/graph.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_gamma(const struct rnm_network *net, const struct rnm_network_node *node)
{
	return node->op == RNM_OP_MUL && rnm_child(net, node, 0)->op == RNM_OP_STDNORM;
}

/* Whether a dense layer's result reaches the output through nothing but its bias and one activation. */
static bool is_last_layer(const struct rnm_network *net, uint32_t layer)
{
	for (uint32_t at = net->output, steps = 0; steps < 3 && net->nodes[at].kind == RNM_NODE_OPERATOR;
	     steps++) {
		if (at == layer)
			return true;
		at = net->nodes[at].children[0];
	}
	return false;
}

static void layer_name(const struct rnm_network *net, uint32_t layer, const char *part, char name[40])
{
	if (is_last_layer(net, layer))
		snprintf(name, 40, "output.%s", part);
	else
		snprintf(name, 40, "dense%u.%s", net->ordinals[layer], part);
}

/* add: a bias behind a product, or the beta behind the gamma of a normalisation. */
static void name_addend(const struct rnm_network *net, const struct rnm_network_node *parent, char name[40])
{
	const struct rnm_network_node *left = rnm_child(net, parent, 0);
	uint32_t index = parent->children[0];

	if (left->op == RNM_OP_CMUL)
		layer_name(net, index, "bias", name);
	else if (left->op == RNM_OP_CONV1D || left->op == RNM_OP_CONV2D)
		snprintf(name, 40, "conv%u.bias", net->ordinals[index]);
	else if (is_gamma(net, left))
		snprintf(name, 40, "norm%u.beta", net->ordinals[left->children[0]]);
}

static void name_tensor(const struct rnm_network *net, uint32_t leaf, char name[40])
{
	uint32_t index = net->readers[leaf];
	const struct rnm_network_node *parent;

	snprintf(name, 40, "node%" PRIu32, leaf);
	if (index == RNM_NO_NODE)
		return;
	parent = &net->nodes[index];
	/* Every name below is that of a right operand. */
	if (parent->child_count < 2 || parent->children[1] != leaf)
		return;
	if (parent->op == RNM_OP_CMUL)
		layer_name(net, index, "weight", name);
	else if (parent->op == RNM_OP_ADD)
		name_addend(net, parent, name);
	else if (is_gamma(net, parent))
		snprintf(name, 40, "norm%u.gamma", net->ordinals[parent->children[0]]);
	else if (parent->op == RNM_OP_DROPOUT)
		snprintf(name, 40, "dropout%u.rate", net->ordinals[index]);
	else if (parent->op == RNM_OP_CONV1D || parent->op == RNM_OP_CONV2D)
		snprintf(name, 40, "conv%u.weight", net->ordinals[index]);
	else if (parent->op == RNM_OP_ATTN_POOL)
		snprintf(name, 40, "attention%u.query", net->ordinals[index]);
}

bool rnm_network_tensor(const struct rnm_network *network, uint32_t index, struct rnm_network_tensor *out)
{
	const struct rnm_network_node *node;

	if (index >= network->tensor_count)
		return false;
	node = &network->nodes[network->tensors[index]];
	out->node = network->tensors[index];
	out->constant = node->kind == RNM_NODE_CONSTANT;
	out->rank = node->rank;
	memcpy(out->dims, node->dims, sizeof(out->dims));
	out->len = node->len;
	out->data = network->data + node->values;
	name_tensor(network, out->node, out->name);
	return true;
}
