/* SPDX-License-Identifier: Apache-2.0 */
/* Figures about weights. */
#include "network/graph.h"

#include <math.h>

/* ---- one tensor --------------------------------------------------------------------------------- */

struct sums {
	uint64_t finite;
	double shift; /* a value of the tensor: squares of the distance to it keep their digits */
	double sum, squares;
};

static void add_value(struct rnm_tensor_stats *out, struct sums *sums, float value)
{
	double distance;

	if (!isfinite(value)) {
		out->non_finite++;
		return;
	}
	if (sums->finite++ == 0) {
		sums->shift = value;
		out->min = out->max = value;
	}
	out->zeros += !(value < 0.0f || value > 0.0f);
	out->min = value < out->min ? (double)value : out->min;
	out->max = value > out->max ? (double)value : out->max;
	distance = value - sums->shift;
	sums->sum += distance;
	sums->squares += distance * distance;
}

static void summarise(const unsigned char *values, uint64_t count, struct rnm_tensor_stats *out)
{
	struct sums sums = { 0 };
	double mean;

	for (uint64_t i = 0; i < count; i++)
		add_value(out, &sums, rnm_load_f32(values + 4 * i));
	if (sums.finite == 0) {
		out->min = out->max = out->mean = out->std = NAN;
		return;
	}
	mean = sums.sum / (double)sums.finite;
	out->mean = sums.shift + mean;
	out->std = sqrt(fmax(0, sums.squares / (double)sums.finite - mean * mean));
}

void rnm_tensor_histogram(const struct rnm_network_tensor *tensor, double low, double high, uint64_t *bins,
                          size_t bin_count)
{
	double scale = high > low ? (double)bin_count / (high - low) : 0;

	memset(bins, 0, bin_count * sizeof(*bins));
	for (uint64_t i = 0; i < tensor->len; i++) {
		double value = rnm_load_f32((const unsigned char *)tensor->data + 4 * i);
		size_t bin;

		if (!(value >= low && value <= high))
			continue;
		bin = (size_t)((value - low) * scale);
		bins[bin < bin_count ? bin : bin_count - 1]++;
	}
}

/* ---- dead units --------------------------------------------------------------------------------- */

/* The dense layer whose matrix is the given leaf, or NULL. */
static const struct rnm_network_node *layer_of(const struct rnm_network *net, uint32_t leaf)
{
	uint32_t reader = net->readers[leaf];
	const struct rnm_network_node *layer;
	uint64_t columns = 0, same = 0;

	if (reader == RNM_NO_NODE || net->shared[leaf] || net->nodes[leaf].rank != 2)
		return NULL;
	layer = &net->nodes[reader];
	if (layer->op != RNM_OP_CMUL || layer->children[1] != leaf || layer->children[0] == leaf)
		return NULL;
	/* Only when a row of the matrix is what one output sees. */
	return rnm_cmul_columns(rnm_child(net, layer, 0), &net->nodes[leaf], &columns, &same) &&
	               same == net->nodes[leaf].dims[1]
	           ? layer
	           : NULL;
}

/* Whether the values of a node are never below 0, whatever the input. */
static bool never_negative(const struct rnm_network *net, uint32_t index)
{
	const struct rnm_network_node *node = &net->nodes[index];

	/* select and reshape hand on what lies below them, and children lie below: this ends. */
	while (node->op == RNM_OP_SELECT || node->op == RNM_OP_RESHAPE)
		node = rnm_child(net, node, node->op == RNM_OP_SELECT ? rnm_select_child(net, node) : 0);
	return node->op == RNM_OP_RELU || node->op == RNM_OP_SIGM || node->op == RNM_OP_SQUARE ||
	       node->op == RNM_OP_EXP || node->op == RNM_OP_SOFTMAX;
}

/* The values of the bias behind a layer when a relu is all that reads their sum, else NULL. */
static const unsigned char *bias_before_relu(const struct rnm_network *net,
                                             const struct rnm_network_node *layer)
{
	uint32_t index = (uint32_t)(layer - net->nodes), sum = net->readers[index], relu;
	const struct rnm_network_node *bias;

	if (sum == RNM_NO_NODE || net->shared[index] || net->shared[sum])
		return NULL;
	relu = net->readers[sum];
	if (relu == RNM_NO_NODE || net->nodes[relu].op != RNM_OP_RELU || net->nodes[sum].op != RNM_OP_ADD ||
	    net->nodes[sum].children[0] != index)
		return NULL;
	bias = rnm_child(net, &net->nodes[sum], 1);
	if ((bias->kind != RNM_NODE_VARIABLE && bias->kind != RNM_NODE_CONSTANT) ||
	    bias->len != layer->dims[1])
		return NULL;
	return net->data + bias->values;
}

/* NaN counts as a value that says something. */
static bool is_dead(const unsigned char *row, uint64_t columns, const unsigned char *bias)
{
	bool all_zero = true, none_positive = bias != NULL && rnm_load_f32(bias) <= 0.0f;

	for (uint64_t i = 0; i < columns && (all_zero || none_positive); i++) {
		float weight = rnm_load_f32(row + 4 * i);

		all_zero = all_zero && weight <= 0.0f && weight >= 0.0f;
		none_positive = none_positive && weight <= 0.0f;
	}
	return all_zero || none_positive;
}

static void count_units(const struct rnm_network *net, uint32_t leaf, struct rnm_tensor_stats *out)
{
	const struct rnm_network_node *layer = layer_of(net, leaf), *matrix = &net->nodes[leaf];
	const unsigned char *values = net->data + matrix->values, *bias = NULL;

	if (layer == NULL)
		return;
	if (never_negative(net, layer->children[0]))
		bias = bias_before_relu(net, layer);
	out->units = matrix->dims[0];
	for (uint64_t unit = 0; unit < matrix->dims[0]; unit++)
		out->dead += is_dead(values + 4 * unit * matrix->dims[1], matrix->dims[1],
		                     bias != NULL ? bias + 4 * unit : NULL);
}

bool rnm_network_tensor_stats(const struct rnm_network *network, uint32_t index, struct rnm_tensor_stats *out)
{
	uint32_t leaf;

	if (index >= network->tensor_count)
		return false;
	leaf = network->tensors[index];
	*out = (struct rnm_tensor_stats){ 0 };
	summarise(network->data + network->nodes[leaf].values, network->nodes[leaf].len, out);
	count_units(network, leaf, out);
	return true;
}

/* ---- the output --------------------------------------------------------------------------------- */

void rnm_network_output_range(const struct rnm_network *network, double *low, double *high)
{
	const struct rnm_network_node *node = &network->nodes[network->output];

	while (node->op == RNM_OP_SELECT || node->op == RNM_OP_RESHAPE)
		node =
		    rnm_child(network, node, node->op == RNM_OP_SELECT ? rnm_select_child(network, node) : 0);
	*low = -(double)INFINITY;
	*high = (double)INFINITY;
	switch (node->op) {
	case RNM_OP_TANH:
	case RNM_OP_SIN:
		*low = -1;
		*high = 1;
		break;
	case RNM_OP_SIGM:
	case RNM_OP_SOFTMAX:
		*low = 0;
		*high = 1;
		break;
	case RNM_OP_RELU:
	case RNM_OP_SQUARE:
	case RNM_OP_EXP:
		*low = 0;
		break;
	default:
		break;
	}
}
