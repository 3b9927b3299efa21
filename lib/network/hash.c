/* SPDX-License-Identifier: Apache-2.0 */
/* Names for weights that stay the same as long as the weights do (docs/network.md, "The hash of the weights"). */
#include "network/graph.h"

#include <sodium.h>

_Static_assert(RNM_NETWORK_HASH_LEN == crypto_generichash_BYTES, "BLAKE2b-256");

/* What is hashed names itself, so that a tensor's hash is never that of a network. */
static const unsigned char tensor_mark[] = { 'r', 'n', 'm', '-', 't', 'e', 'n', 's', 'o', 'r', '-', '1' };
static const unsigned char network_mark[] = {
	'r', 'n', 'm', '-', 'w', 'e', 'i', 'g', 'h', 't', 's', '-', '1'
};
static const unsigned char graph_mark[] = { 'r', 'n', 'm', '-', 'g', 'r', 'a', 'p', 'h', '-', '1' };

void rnm_tensor_hash(const struct rnm_network_tensor *tensor, unsigned char hash[RNM_NETWORK_HASH_LEN])
{
	const uint32_t rank = tensor->rank;
	crypto_generichash_state state;

	/* Neither of these can fail for lengths that are constants. */
	(void)crypto_generichash_init(&state, NULL, 0, RNM_NETWORK_HASH_LEN);
	(void)crypto_generichash_update(&state, tensor_mark, sizeof(tensor_mark));
	(void)crypto_generichash_update(&state, (const unsigned char *)&rank, sizeof(rank));
	(void)crypto_generichash_update(&state, (const unsigned char *)tensor->dims,
	                                rank * sizeof(tensor->dims[0]));
	(void)crypto_generichash_update(&state, tensor->data, tensor->len * sizeof(float));
	(void)crypto_generichash_final(&state, hash, RNM_NETWORK_HASH_LEN);
}

void rnm_network_hash(const struct rnm_network *network, unsigned char hash[RNM_NETWORK_HASH_LEN])
{
	struct rnm_network_tensor tensor;
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, NULL, 0, RNM_NETWORK_HASH_LEN);
	(void)crypto_generichash_update(&state, network_mark, sizeof(network_mark));
	for (uint32_t i = 0; i < network->variable_tensors && rnm_network_tensor(network, i, &tensor); i++) {
		unsigned char one[RNM_NETWORK_HASH_LEN];

		rnm_tensor_hash(&tensor, one);
		(void)crypto_generichash_update(&state, one, sizeof(one));
	}
	(void)crypto_generichash_final(&state, hash, RNM_NETWORK_HASH_LEN);
}

/* ---- the graph ---------------------------------------------------------------------------------- */

static void add_number(crypto_generichash_state *state, uint64_t number)
{
	unsigned char bytes[sizeof(number)];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(number >> (8 * i));
	(void)crypto_generichash_update(state, bytes, sizeof(bytes));
}

/* What lib/network/same.c compares of a node. */
static void add_node(crypto_generichash_state *state, const struct rnm_network_node *node)
{
	const bool is_operator = node->kind == RNM_NODE_OPERATOR;
	const bool has_blob = is_operator && !rnm_op_info(node->op)->random_state;

	add_number(state, node->kind);
	add_number(state, node->op);
	add_number(state, node->rank);
	for (unsigned i = 0; i < node->rank; i++)
		add_number(state, node->dims[i]);
	add_number(state, node->child_count);
	for (uint32_t i = 0; i < node->child_count; i++)
		add_number(state, node->children[i]);
	add_number(state, (uint64_t)node->pre);
	add_number(state, node->roles);
	add_number(state, (uint64_t)node->label);
	add_number(state, is_operator ? node->flag & (unsigned)RNM_NODE_FLAG_POOL : 0);
	add_number(state, has_blob ? node->blob.len : 0);
	if (has_blob && node->blob.len > 0)
		(void)crypto_generichash_update(state, (const unsigned char *)node->blob.data,
		                                node->blob.len);
}

void rnm_network_graph_hash(const struct rnm_network *network, unsigned char hash[RNM_NETWORK_HASH_LEN])
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, NULL, 0, RNM_NETWORK_HASH_LEN);
	(void)crypto_generichash_update(&state, graph_mark, sizeof(graph_mark));
	add_number(&state, network->node_count);
	for (uint32_t i = 0; i < network->node_count; i++)
		add_node(&state, &network->nodes[i]);
	(void)crypto_generichash_final(&state, hash, RNM_NETWORK_HASH_LEN);
}
