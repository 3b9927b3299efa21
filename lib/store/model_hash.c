/* SPDX-License-Identifier: Apache-2.0 */
/* A name for what a model says of mail (docs/network.md, "The hash of a model"). */
#include <rnm/model_file.h>
#include <sodium.h>

_Static_assert(RNM_NETWORK_HASH_LEN == crypto_generichash_BYTES, "BLAKE2b-256");

static const unsigned char model_mark[] = { 'r', 'n', 'm', '-', 'm', 'o', 'd', 'e', 'l', '-', '1' };

/* None of these can fail for lengths that are constants. */
static void add(crypto_generichash_state *state, const void *data, size_t len)
{
	(void)crypto_generichash_update(state, data, len);
}

static void add_number(crypto_generichash_state *state, uint64_t number)
{
	add(state, &number, sizeof(number));
}

static void add_network(crypto_generichash_state *state, const struct rnm_network *network)
{
	unsigned char hash[RNM_NETWORK_HASH_LEN];
	struct rnm_network_tensor tensor;

	rnm_network_graph_hash(network, hash);
	add(state, hash, sizeof(hash));
	/* Constants too, but for those that no output depends on, such as rates of dropout. */
	for (uint32_t i = 0; rnm_network_tensor(network, i, &tensor); i++) {
		if (!rnm_network_node(network, tensor.node)->evaluated)
			continue;
		rnm_tensor_hash(&tensor, hash);
		add(state, hash, sizeof(hash));
	}
}

void rnm_model_hash(const struct rnm_model_file *file, unsigned char hash[RNM_NETWORK_HASH_LEN])
{
	const struct rnm_rnm1 *container = file->container;
	const uint64_t elements = (uint64_t)file->pca.rows * file->pca.cols;
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, NULL, 0, RNM_NETWORK_HASH_LEN);
	add(&state, model_mark, sizeof(model_mark));
	add_network(&state, file->network);
	add_number(&state, container->norm_mode);
	add_number(&state, container->norm_count);
	if (container->norm_count > 0) {
		add(&state, container->mean, container->norm_count * sizeof(container->mean[0]));
		add(&state, container->std, container->norm_count * sizeof(container->std[0]));
	}
	add_number(&state, file->pca.rows);
	add_number(&state, file->pca.cols);
	if (elements > 0)
		add(&state, file->pca.data, (size_t)elements * sizeof(file->pca.data[0]));
	add_number(&state, container->has_roc);
	if (container->has_roc) {
		add(&state, &container->roc_spam, sizeof(container->roc_spam));
		add(&state, &container->roc_ham, sizeof(container->roc_ham));
	}
	(void)crypto_generichash_final(&state, hash, RNM_NETWORK_HASH_LEN);
}
