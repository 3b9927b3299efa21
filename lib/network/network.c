/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and looking at a network. */
#include "network/graph.h"

#include <stdlib.h>

struct rnm_network_limits rnm_fill_limits(const struct rnm_network_limits *given)
{
	struct rnm_network_limits limits = given != NULL ? *given : (struct rnm_network_limits){ 0 };

	if (limits.max_nodes == 0)
		limits.max_nodes = RNM_NETWORK_NODES_MAX;
	if (limits.max_children == 0)
		limits.max_children = RNM_NETWORK_CHILDREN_MAX;
	if (limits.max_floats == 0)
		limits.max_floats = RNM_NETWORK_FLOATS_MAX;
	if (limits.max_work == 0)
		limits.max_work = RNM_NETWORK_WORK_MAX;
	if (limits.max_scratch_bytes == 0)
		limits.max_scratch_bytes = RNM_NETWORK_SCRATCH_MAX;
	if (limits.max_packed_bytes == 0)
		limits.max_packed_bytes = RNM_NETWORK_PACKED_MAX;
	if (limits.max_findings == 0)
		limits.max_findings = RNM_NETWORK_FINDINGS_MAX;
	return limits;
}

bool rnm_graph_validate(struct rnm_network *net, size_t there, struct rnm_findings *findings)
{
	if (!rnm_graph_read(net, there, findings))
		return false;
	rnm_graph_check_feeds(net, findings);
	rnm_graph_infer(net, findings);
	rnm_graph_place_values(net, findings);
	if (findings->failed)
		return false;
	rnm_graph_check_roles(net, findings);
	return !findings->failed && !findings->has_error;
}

/* The error that decides: the gravest kind of finding, and of that kind the first. */
enum rnm_status rnm_findings_verdict(const struct rnm_findings *findings, struct rnm_error *err)
{
	const struct rnm_error *error = &findings->first[RNM_SEVERITY_ERROR];
	const struct rnm_error *unfit = &findings->first[RNM_SEVERITY_UNFIT];
	enum rnm_status status = RNM_E_MALFORMED;

	if (findings->failed)
		return rnm_error_nomem(err);
	if (error->status == RNM_OK && unfit->status == RNM_OK)
		return RNM_OK;
	if (error->status == RNM_OK) {
		error = unfit;
		status = RNM_NO;
	}
	if (err != NULL) {
		*err = *error;
		err->status = status;
	}
	return status;
}

enum rnm_status rnm_network_check(struct rnm_network **out, struct rnm_network_finding **findings,
                                  size_t *count, const void *data, size_t len,
                                  const struct rnm_network_limits *limits, struct rnm_error *err)
{
	struct rnm_network *net = calloc(1, sizeof(*net));
	struct rnm_findings *list;
	enum rnm_status status;

	if (net == NULL)
		return rnm_error_nomem(err);
	net->limits = rnm_fill_limits(limits);
	net->data = data;
	net->size = len;
	list = rnm_findings_new(net->limits.max_findings);
	if (list == NULL) {
		rnm_network_free(net);
		return rnm_error_nomem(err);
	}
	if (rnm_graph_validate(net, len, list))
		rnm_graph_check_values(net, list);
	status = rnm_findings_verdict(list, err);
	free(net->broken);
	net->broken = NULL;
	if (findings != NULL && status != RNM_E_NOMEM) {
		*findings = list->items;
		*count = list->count;
		list->items = NULL;
		list->count = 0;
	}
	rnm_findings_destroy(list);
	if (out != NULL && (status == RNM_OK || status == RNM_NO))
		*out = net;
	else
		rnm_network_free(net);
	return status;
}

enum rnm_status rnm_network_load(struct rnm_network **out, const void *data, size_t len,
                                 const struct rnm_network_limits *limits, struct rnm_error *err)
{
	struct rnm_network *net = NULL;
	enum rnm_status status = rnm_network_check(&net, NULL, NULL, data, len, limits, err);

	if (status == RNM_NO) {
		rnm_network_free(net);
		if (err != NULL)
			err->status = RNM_E_MALFORMED;
		return RNM_E_MALFORMED;
	}
	if (status == RNM_OK)
		*out = net;
	return status;
}

void rnm_network_free(struct rnm_network *network)
{
	if (network == NULL)
		return;
	free(network->nodes);
	free(network->children);
	free(network->tensors);
	free(network->readers);
	free(network->shared);
	free(network->ordinals);
	free(network->broken);
	free(network->scans);
	free(network);
}

uint32_t rnm_network_node_count(const struct rnm_network *network)
{
	return network->node_count;
}

const struct rnm_network_node *rnm_network_node(const struct rnm_network *network, uint32_t index)
{
	return index < network->node_count ? &network->nodes[index] : NULL;
}

uint32_t rnm_network_input_node(const struct rnm_network *network)
{
	return network->input;
}

uint32_t rnm_network_output_node(const struct rnm_network *network)
{
	return network->output;
}

uint64_t rnm_network_input_dim(const struct rnm_network *network)
{
	return network->nodes[network->input].len;
}

uint64_t rnm_network_output_dim(const struct rnm_network *network)
{
	return network->nodes[network->output].len;
}

int64_t rnm_network_truth_dim(const struct rnm_network *network)
{
	return network->truth_dim;
}

uint64_t rnm_network_variable_count(const struct rnm_network *network)
{
	return network->variables;
}

uint64_t rnm_network_constant_count(const struct rnm_network *network)
{
	return network->constants;
}

size_t rnm_network_size(const struct rnm_network *network)
{
	return network->size;
}

uint32_t rnm_network_tensor_count(const struct rnm_network *network)
{
	return network->tensor_count;
}

uint64_t rnm_network_values(const struct rnm_network_tensor *tensor, uint64_t first, uint64_t count,
                            float *out)
{
	if (first >= tensor->len)
		return 0;
	if (count > tensor->len - first)
		count = tensor->len - first;
	memcpy(out, (const unsigned char *)tensor->data + 4 * first, 4 * count);
	return count;
}
