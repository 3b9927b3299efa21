/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of rspamd's own architectures a network is (lualib/plugins/neural.lua), and how to say it.  The
 * graph is followed from the output to the input: every node must be the one that the builder puts there.
 */
#include "network/graph.h"

#include <inttypes.h>

/* More hidden layers than anybody configures; longer ones are just graphs. */
#define LAYERS_MAX 16u

struct chain {
	const struct rnm_network *net;
	uint32_t at;                     /* the node to look at next */
	uint64_t widths[LAYERS_MAX + 1]; /* from output to input */
	unsigned layers;
	float rates[LAYERS_MAX]; /* of dropout, from output to input */
	unsigned rate_count;
	uint16_t activation; /* of the hidden layers: gelu or relu */
	bool norm;
};

static const struct rnm_network_node *node_at(const struct chain *chain)
{
	return &chain->net->nodes[chain->at];
}

static bool has_variable(const struct chain *chain, const struct rnm_network_node *node)
{
	return rnm_child(chain->net, node, 1)->kind == RNM_NODE_VARIABLE;
}

/* Goes past one operator of the kind that is expected here. */
static bool take(struct chain *chain, unsigned op)
{
	const struct rnm_network_node *node = node_at(chain);

	if (node->op != op)
		return false;
	chain->at = node->children[0];
	return true;
}

/* The same with trained values as the right operand. */
static bool take_with_variable(struct chain *chain, unsigned op)
{
	return node_at(chain)->op == op && has_variable(chain, node_at(chain)) && take(chain, op);
}

static bool take_dense(struct chain *chain)
{
	const struct rnm_network_node *product;

	if (chain->layers == LAYERS_MAX || !take_with_variable(chain, RNM_OP_ADD))
		return false;
	product = node_at(chain);
	if (!take_with_variable(chain, RNM_OP_CMUL))
		return false;
	chain->widths[chain->layers++] = rnm_child(chain->net, product, 1)->dims[0];
	return true;
}

/* The switch between a value and the same value behind dropout; absent when dropout is not configured. */
static bool take_dropout(struct chain *chain)
{
	const struct rnm_network_node *node = node_at(chain), *off;

	if (node->op != RNM_OP_SELECT)
		return chain->rate_count == 0;
	if (!rnm_is_switch(node) || node->child_count != 2 || chain->rate_count + 1 != chain->layers)
		return false;
	off = rnm_child(chain->net, node, 1);
	if (off->op != RNM_OP_DROPOUT || off->children[0] != node->children[0])
		return false;
	chain->rates[chain->rate_count++] =
	    rnm_first_value(chain->net, rnm_child(chain->net, off, 1));
	return take(chain, RNM_OP_SELECT);
}

/* Scale and shift behind stdnorm; in all hidden layers or in none. */
static bool take_norm(struct chain *chain, bool first)
{
	const struct rnm_network_node *add = node_at(chain);
	bool norm = add->op == RNM_OP_ADD && rnm_child(chain->net, add, 0)->op == RNM_OP_MUL;

	if (!first && norm != chain->norm)
		return false;
	chain->norm = norm;
	return !norm || (take_with_variable(chain, RNM_OP_ADD) && take_with_variable(chain, RNM_OP_MUL) &&
	                 take(chain, RNM_OP_STDNORM));
}

static bool take_hidden(struct chain *chain)
{
	bool first = chain->layers == 1;
	uint16_t op;

	if (!take_dropout(chain))
		return false;
	op = node_at(chain)->op;
	if ((op != RNM_OP_GELU && op != RNM_OP_RELU) || (!first && op != chain->activation))
		return false;
	chain->activation = op;
	return take(chain, op) && take_norm(chain, first) && take_dense(chain);
}

/* Trained as rspamd trains: cross entropy between the output and one truth feed. */
static bool has_usual_cost(const struct rnm_network *net)
{
	for (uint32_t i = net->output + 1; i < net->node_count; i++) {
		const struct rnm_network_node *node = &net->nodes[i];

		if ((node->roles & RNM_ROLE_COST) != 0)
			return node->op == RNM_OP_CE_BIN_NEG && node->children[0] == net->output &&
			       rnm_child(net, node, 1)->roles == RNM_ROLE_TRUTH;
	}
	return false;
}

static enum rnm_architecture follow(struct chain *chain, const struct rnm_network *net)
{
	*chain = (struct chain){ .net = net, .at = net->output };
	if (!has_usual_cost(net) || !take(chain, RNM_OP_TANH) || !take_dense(chain))
		return RNM_ARCHITECTURE_OTHER;
	if (node_at(chain)->op == RNM_OP_ADD) {
		if (!take_dense(chain) || !take(chain, RNM_OP_RELU) || chain->at != net->input)
			return RNM_ARCHITECTURE_OTHER;
		chain->widths[chain->layers] = net->nodes[net->input].len;
		return RNM_ARCHITECTURE_SYMBOL;
	}
	while (chain->at != net->input)
		if (!take_hidden(chain))
			return RNM_ARCHITECTURE_OTHER;
	chain->widths[chain->layers] = net->nodes[net->input].len;
	/* Dropout behind all hidden layers, or behind none. */
	if (chain->layers < 2 || (chain->rate_count != 0 && chain->rate_count + 1 != chain->layers))
		return RNM_ARCHITECTURE_OTHER;
	return RNM_ARCHITECTURE_EMBEDDING;
}

enum rnm_architecture rnm_network_architecture(const struct rnm_network *network)
{
	struct chain chain;

	return follow(&chain, network);
}

const char *rnm_architecture_name(enum rnm_architecture architecture)
{
	switch (architecture) {
	case RNM_ARCHITECTURE_SYMBOL:
		return "symbol";
	case RNM_ARCHITECTURE_EMBEDDING:
		return "embedding";
	case RNM_ARCHITECTURE_OTHER:
		break;
	}
	return "other";
}

static void write_chain(struct rnm_buf *out, const struct chain *chain, enum rnm_architecture architecture)
{
	rnm_buf_printf(out, "%s ", rnm_architecture_name(architecture));
	for (unsigned i = chain->layers + 1; i > 0; i--)
		rnm_buf_printf(out, "%" PRIu64 "%s", chain->widths[i - 1], i > 1 ? " -> " : "");
	if (chain->norm)
		rnm_buf_puts(out, ", layer norm");
	if (chain->activation != 0)
		rnm_buf_puts(out, chain->activation == RNM_OP_GELU ? ", GELU" : ", ReLU");
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
	struct chain chain;
	enum rnm_architecture architecture = follow(&chain, network);

	if (architecture == RNM_ARCHITECTURE_OTHER)
		write_graph(out, network);
	else
		write_chain(out, &chain, architecture);
	return out->failed ? rnm_error_nomem(err) : RNM_OK;
}
