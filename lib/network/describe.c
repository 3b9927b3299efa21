/* SPDX-License-Identifier: Apache-2.0 */
/* The architecture in words, and names for tensors, read off the graph from output to input. */
#include "network/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A chain of layers as rspamd builds them (lualib/plugins/neural.lua); longer ones are just graphs. */
#define LAYERS_MAX 16u

struct chain {
	uint64_t widths[LAYERS_MAX + 1]; /* from output to input */
	unsigned layers;
	float rates[LAYERS_MAX];
	unsigned rate_count;
	bool norm, gelu, relu, input_relu, tanh, regular;
};

/* The matrix of a dense layer that node computes, or NULL. */
static const struct rnm_network_node *dense_weight(const struct rnm_network *net,
                                                   const struct rnm_network_node *node)
{
	const struct rnm_network_node *weight;

	if (node->op != RNM_OP_CMUL)
		return NULL;
	weight = rnm_child(net, node, 1);
	return weight->kind == RNM_NODE_VARIABLE && weight->rank == 2 ? weight : NULL;
}

static bool follow_layer(struct chain *chain, const struct rnm_network *net,
                         const struct rnm_network_node *node)
{
	const struct rnm_network_node *weight = dense_weight(net, node);

	if (weight == NULL || chain->layers == LAYERS_MAX)
		return false;
	chain->widths[chain->layers++] = weight->dims[0];
	chain->relu |= chain->input_relu;
	chain->input_relu = false;
	return true;
}

static bool follow_select(struct chain *chain, const struct rnm_network *net,
                          const struct rnm_network_node *node)
{
	const struct rnm_network_node *off;

	if (!rnm_is_switch(node) || node->child_count != 2 || rnm_child(net, node, 1)->op != RNM_OP_DROPOUT ||
	    chain->rate_count == LAYERS_MAX)
		return false;
	off = rnm_child(net, node, 1);
	chain->rates[chain->rate_count++] = rnm_load_f32(net->data + rnm_child(net, off, 1)->values);
	return true;
}

/* Takes one node into account; false when it is nothing that rspamd's builders emit there. */
static bool follow(struct chain *chain, const struct rnm_network *net, const struct rnm_network_node *node)
{
	switch (node->op) {
	case RNM_OP_CMUL:
		return follow_layer(chain, net, node);
	case RNM_OP_SELECT:
		return follow_select(chain, net, node);
	case RNM_OP_ADD:
	case RNM_OP_MUL:
		return rnm_child(net, node, 1)->kind == RNM_NODE_VARIABLE;
	case RNM_OP_STDNORM:
		chain->norm = true;
		return true;
	case RNM_OP_GELU:
		chain->gelu = true;
		return true;
	case RNM_OP_RELU:
		/* Which of the two it is shows when no layer, or another one, follows. */
		chain->input_relu = true;
		return true;
	case RNM_OP_TANH:
		chain->tanh = chain->layers == 0;
		return chain->tanh;
	default:
		return false;
	}
}

static void follow_chain(struct chain *chain, const struct rnm_network *net)
{
	uint32_t at = net->output;

	while (net->nodes[at].kind == RNM_NODE_OPERATOR) {
		if (!follow(chain, net, &net->nodes[at]))
			return;
		at = net->nodes[at].children[0];
	}
	chain->widths[chain->layers] = net->nodes[net->input].len;
	chain->regular = at == net->input && chain->layers > 0 && chain->tanh;
}

static void write_chain(struct rnm_buf *out, const struct chain *chain)
{
	bool symbol = chain->input_relu && chain->layers == 2 && !chain->norm && !chain->gelu &&
	              !chain->relu && chain->rate_count == 0;

	rnm_buf_puts(out, symbol ? "symbol " : chain->input_relu ? "dense " : "embedding ");
	for (unsigned i = chain->layers + 1; i > 0; i--)
		rnm_buf_printf(out, "%" PRIu64 "%s", chain->widths[i - 1], i > 1 ? " -> " : "");
	if (chain->norm)
		rnm_buf_puts(out, ", layer norm");
	if (chain->gelu)
		rnm_buf_puts(out, ", GELU");
	if (chain->relu)
		rnm_buf_puts(out, ", ReLU");
	for (unsigned i = chain->rate_count; i > 0; i--) {
		bool first = i == chain->rate_count;

		/* Equal rates in a row are said once. */
		if (first || chain->rates[i - 1] < chain->rates[i] || chain->rates[i - 1] > chain->rates[i])
			rnm_buf_printf(out, "%s%g", first ? ", dropout " : ", ", (double)chain->rates[i - 1]);
	}
}

static void write_graph(struct rnm_buf *out, const struct rnm_network *net)
{
	bool seen[RNM_OP_END] = { false }, any = false;

	rnm_buf_printf(out, "graph of %" PRIu32 " nodes, %" PRIu64 " -> %" PRIu64, net->node_count,
	               rnm_network_input_dim(net), rnm_network_output_dim(net));
	for (uint32_t i = 0; i < net->node_count; i++) {
		const struct rnm_network_node *node = &net->nodes[i];

		if (!node->evaluated || node->kind != RNM_NODE_OPERATOR || seen[node->op])
			continue;
		seen[node->op] = true;
		rnm_buf_printf(out, "%s%s", any ? ", " : ", operators ", rnm_network_node_name(node));
		any = true;
	}
}

enum rnm_status rnm_network_describe(const struct rnm_network *network, struct rnm_buf *out,
                                     struct rnm_error *err)
{
	struct chain chain = { 0 };

	follow_chain(&chain, network);
	if (chain.regular)
		write_chain(out, &chain);
	else
		write_graph(out, network);
	return out->failed ? rnm_error_nomem(err) : RNM_OK;
}

/* ---- names of tensors --------------------------------------------------------------------------- */

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
	else if (left->op == RNM_OP_MUL && rnm_child(net, left, 0)->op == RNM_OP_STDNORM)
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
	else if (parent->op == RNM_OP_MUL && rnm_child(net, parent, 0)->op == RNM_OP_STDNORM)
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
