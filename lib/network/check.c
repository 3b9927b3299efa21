/* SPDX-License-Identifier: Apache-2.0 */
/* What a sound graph must still have to be a network of rspamd: values, roles, a computable output. */
#include "network/graph.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

uint32_t rnm_select_child(const struct rnm_network *net, const struct rnm_network_node *node)
{
	int64_t index = node->params[0];

	if (rnm_is_switch(node) && node->child_count == 2 && rnm_child(net, node, 1)->op == RNM_OP_DROPOUT)
		return 0;
	return (uint32_t)(index < 0 ? index + (int64_t)node->child_count : index);
}

/* ---- values ------------------------------------------------------------------------------------- */

/* Offsets of the values of all leaves of one kind, one after the other; returns how many floats. */
static uint64_t place(struct rnm_network *net, enum rnm_node_kind kind, uint64_t start)
{
	uint64_t floats = 0;

	for (uint32_t i = 0; i < net->node_count; i++) {
		if (net->nodes[i].kind != kind)
			continue;
		net->nodes[i].values = start + 4 * floats;
		net->tensors[net->tensor_count++] = i;
		floats += net->nodes[i].len;
	}
	return floats;
}

static void check_length(struct rnm_network *net, struct rnm_findings *findings)
{
	uint64_t floats = net->variables + net->constants;
	uint64_t expected = net->x_offset + 4 * floats;

	if (floats > net->limits.max_floats) {
		rnm_findings_add(findings, RNM_KANN_SIZE, RNM_NO_NODE, net->x_offset,
		                 "expected at most %" PRIu64 " weights and constants, found %" PRIu64,
		                 net->limits.max_floats, floats);
		rnm_findings_hint(findings, RNM_KANN_SIZE,
		                  "raise max_floats if the model is meant to be this large");
	}
	if (net->size < expected) {
		rnm_findings_add(findings, RNM_KANN_WEIGHTS_SHORT, RNM_NO_NODE, net->size,
		                 "expected %" PRIu64 " bytes for %" PRIu64 " weights and %" PRIu64
		                 " constants, found %zu",
		                 expected, net->variables, net->constants, net->size);
		rnm_findings_hint(findings, RNM_KANN_WEIGHTS_SHORT,
		                  "the file was cut: copy or export it again");
	}
	if (net->size > expected)
		rnm_findings_add(findings, RNM_KANN_TRAILING, RNM_NO_NODE, expected,
		                 "expected the data to end after %" PRIu64 " bytes, found %" PRIu64 " more",
		                 expected, net->size - expected);
}

void rnm_graph_place_values(struct rnm_network *net, struct rnm_findings *findings)
{
	net->tensors = malloc(net->node_count * sizeof(*net->tensors));
	if (net->tensors == NULL) {
		findings->failed = true;
		return;
	}
	/* At most 65536 leaves (or a raised limit of 2^32) below 2^31 values each: no overflow in 64 bits. */
	net->variables = place(net, RNM_NODE_VARIABLE, net->x_offset);
	net->variable_tensors = net->tensor_count;
	net->c_offset = net->x_offset + 4 * net->variables;
	net->constants = place(net, RNM_NODE_CONSTANT, net->c_offset);
	for (uint32_t i = 0; i < net->node_count; i++)
		if (net->nodes[i].kind != RNM_NODE_OPERATOR && net->broken[i])
			return; /* a leaf without known length: the expected length is not known either */
	check_length(net, findings);
}

/* No trained weight comes near: rspamd's optimiser moves them by hundredths. */
#define HUGE_VALUE 0x1p20f

/* The bits of a float without its sign: ordered as its magnitude, infinities and NaN above all numbers. */
static uint32_t magnitude_bits(const unsigned char *value)
{
	uint32_t bits;

	memcpy(&bits, value, sizeof(bits));
	return bits & 0x7fffffffu;
}

/* The largest magnitude of 256 values: without an early exit compilers make vector code of it. */
static uint32_t block_magnitude(const unsigned char *values)
{
	uint32_t largest = 0;

	for (size_t k = 0; k < 256; k++) {
		uint32_t bits = magnitude_bits(values + 4 * k);

		largest = bits > largest ? bits : largest;
	}
	return largest;
}

/* Index of the first value whose magnitude is at least bits, or count. */
static uint64_t first_of_magnitude(const unsigned char *values, uint64_t count, uint32_t bits)
{
	uint64_t i = 0;

	while (count - i >= 256 && block_magnitude(values + 4 * i) < bits)
		i += 256;
	while (i < count && magnitude_bits(values + 4 * i) < bits)
		i++;
	return i;
}

static bool all_zero(const unsigned char *values, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		if (fabsf(rnm_load_f32(values + 4 * i)) > 0.0f)
			return false;
	return true;
}

static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

void rnm_value_scan_feed(struct rnm_value_scan *scan, const unsigned char *values, uint64_t count)
{
	uint64_t at = 0;

	if (scan->done == 0 && count > 0)
		scan->first = rnm_load_f32(values);
	if (!scan->nonzero)
		scan->nonzero = !all_zero(values, count);
	if (scan->huge == UINT64_MAX) {
		at = first_of_magnitude(values, count, bits_of(HUGE_VALUE));
		if (at < count) {
			scan->huge = scan->done + at;
			scan->huge_value = rnm_load_f32(values + 4 * at);
		}
	}
	/* What is not finite is huge as well. */
	if (scan->huge != UINT64_MAX && scan->bad == UINT64_MAX) {
		at += first_of_magnitude(values + 4 * at, count - at, bits_of(INFINITY));
		if (at < count) {
			scan->bad = scan->done + at;
			scan->bad_value = rnm_load_f32(values + 4 * at);
		}
	}
	scan->done += count;
}

float rnm_first_value(const struct rnm_network *net, const struct rnm_network_node *leaf)
{
	return net->scans != NULL ? net->scans[leaf - net->nodes].first
	                          : rnm_load_f32(net->data + leaf->values);
}

static void check_rate(struct rnm_network *net, uint32_t index, struct rnm_findings *findings)
{
	const struct rnm_network_node *node = &net->nodes[index];
	float rate = rnm_first_value(net, rnm_child(net, node, 1));

	if (!(rate >= 0.0f && rate < 1.0f))
		rnm_findings_add(findings, RNM_KANN_DROPOUT, index, node->offset,
		                 "node %" PRIu32 " (dropout): expected a rate within [0, 1), found %g", index,
		                 (double)rate);
}

static void add_value(struct rnm_network *net, uint32_t index, enum rnm_finding_code code, uint64_t at,
                      float value, const char *expected, struct rnm_findings *findings)
{
	const struct rnm_network_node *node = &net->nodes[index];

	rnm_findings_add(findings, code, index, node->values + 4 * at,
	                 "node %" PRIu32 " (%s): expected %s, found %g at position %" PRIu64 " of %" PRIu64,
	                 index, rnm_network_node_name(node), expected, (double)value, at, node->len);
}

static void check_tensor(struct rnm_network *net, uint32_t index, const struct rnm_value_scan *scan,
                         struct rnm_findings *findings)
{
	const struct rnm_network_node *node = &net->nodes[index];

	if (scan->bad != UINT64_MAX) {
		add_value(net, index, node->evaluated ? RNM_KANN_NON_FINITE : RNM_KANN_NON_FINITE_UNUSED,
		          scan->bad, scan->bad_value, "finite numbers", findings);
		if (node->evaluated)
			rnm_findings_hint(findings, RNM_KANN_NON_FINITE,
			                  "training diverged: train again, or go back to an earlier version");
	} else if (scan->huge != UINT64_MAX) {
		add_value(net, index, RNM_KANN_HUGE_VALUE, scan->huge, scan->huge_value,
		          "weights of a trained network", findings);
	} else if (node->evaluated && node->rank >= 2 && !scan->nonzero) {
		rnm_findings_add(findings, RNM_KANN_ZERO_WEIGHTS, index, node->values,
		                 "node %" PRIu32 " (%s): expected a trained matrix, found %" PRIu64 " zeros",
		                 index, rnm_network_node_name(node), node->len);
	}
}

void rnm_graph_check_values(struct rnm_network *net, struct rnm_findings *findings)
{
	for (uint32_t i = 0; i < net->node_count; i++)
		if (net->nodes[i].op == RNM_OP_DROPOUT)
			check_rate(net, i, findings);
	for (uint32_t i = 0; i < net->tensor_count; i++) {
		const uint32_t index = net->tensors[i];
		struct rnm_value_scan scan = RNM_VALUE_SCAN_BEGIN;

		if (net->scans == NULL)
			rnm_value_scan_feed(&scan, net->data + net->nodes[index].values,
			                    net->nodes[index].len);
		check_tensor(net, index, net->scans != NULL ? &net->scans[index] : &scan, findings);
	}
}

/* ---- roles -------------------------------------------------------------------------------------- */

/* How many nodes have the role; *found is the first. */
static uint32_t find_role(const struct rnm_network *net, uint32_t role, bool only_feeds, uint32_t *found)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < net->node_count; i++) {
		if ((net->nodes[i].roles & role) == 0 || (only_feeds && net->nodes[i].kind != RNM_NODE_FEED))
			continue;
		if (count++ == 0)
			*found = i;
	}
	return count;
}

/* rspamd's size of a feed (contrib/kann/kann.c): without the batch, the first dimension. */
static uint64_t feed_size(const struct rnm_network_node *feed)
{
	return feed->rank >= 2 ? feed->len / feed->dims[0] : feed->len;
}

static void check_feed(const struct rnm_network *net, uint32_t index, struct rnm_findings *findings)
{
	const struct rnm_network_node *feed = &net->nodes[index];

	if (feed->rank < 2 || feed->dims[0] != 1)
		rnm_findings_add(findings, RNM_KANN_FEED, index, feed->offset,
		                 "node %" PRIu32 " (feed): expected dimensions [1, n], found %u with %" PRIu32
		                 " first",
		                 index, feed->rank, feed->rank > 0 ? feed->dims[0] : 0);
}

void rnm_graph_check_feeds(struct rnm_network *net, struct rnm_findings *findings)
{
	for (uint32_t i = 0; i < net->node_count; i++)
		if (net->nodes[i].kind == RNM_NODE_FEED && !net->broken[i] &&
		    (net->nodes[i].roles & (RNM_ROLE_INPUT | RNM_ROLE_TRUTH)) != 0)
			check_feed(net, i, findings);
}

static bool check_input(struct rnm_network *net, struct rnm_findings *findings)
{
	uint32_t count = find_role(net, RNM_ROLE_INPUT, false, &net->input);
	const struct rnm_network_node *node;

	if (count != 1) {
		rnm_findings_add(findings, RNM_KANN_INPUT, RNM_NO_NODE, 0,
		                 "expected one input node, found %" PRIu32, count);
		return false;
	}
	node = &net->nodes[net->input];
	if (node->kind != RNM_NODE_FEED) {
		rnm_findings_add(findings, RNM_KANN_INPUT, net->input, node->offset,
		                 "node %" PRIu32 ": expected the input to be a feed, found %s", net->input,
		                 rnm_network_node_name(node));
		return false;
	}
	return true;
}

static bool check_output(struct rnm_network *net, struct rnm_findings *findings)
{
	uint32_t count = find_role(net, RNM_ROLE_OUTPUT, false, &net->output);
	const struct rnm_network_node *node;

	if (count != 1) {
		rnm_findings_add(findings, RNM_KANN_OUTPUT, RNM_NO_NODE, 0,
		                 "expected one output node, found %" PRIu32, count);
		return false;
	}
	node = &net->nodes[net->output];
	if (node->kind == RNM_NODE_OPERATOR)
		return true;
	rnm_findings_add(findings, RNM_KANN_OUTPUT, net->output, node->offset,
	                 "node %" PRIu32 ": expected the output to be an operator, found %s", net->output,
	                 rnm_network_node_name(node));
	return false;
}

static void check_training_roles(struct rnm_network *net, struct rnm_findings *findings)
{
	uint32_t truth = 0, cost = 0;
	uint32_t truths = find_role(net, RNM_ROLE_TRUTH, true, &truth);
	uint32_t costs = find_role(net, RNM_ROLE_COST, false, &cost);

	net->truth_dim = truths == 1 ? (int64_t)feed_size(&net->nodes[truth]) : truths == 0 ? -1 : -2;
	if (truths != 1)
		rnm_findings_add(findings, RNM_KANN_TRUTH, RNM_NO_NODE, 0,
		                 "expected one truth feed, found %" PRIu32, truths);
	if (costs != 1 || net->nodes[cost].rank != 0 || net->nodes[cost].kind != RNM_NODE_OPERATOR)
		rnm_findings_add(findings, RNM_KANN_COST, costs > 0 ? cost : RNM_NO_NODE,
		                 costs > 0 ? net->nodes[cost].offset : 0,
		                 "expected one scalar cost operator, found %" PRIu32 " cost nodes", costs);
}

/* Marks the ancestors of the output: children lie below their parents, so one pass down finds all. */
static void mark_evaluated(struct rnm_network *net)
{
	net->nodes[net->output].evaluated = true;
	for (uint32_t i = net->output + 1; i > 0; i--) {
		struct rnm_network_node *node = &net->nodes[i - 1];

		if (!node->evaluated || node->kind != RNM_NODE_OPERATOR)
			continue;
		if (rnm_is_switch(node)) {
			net->nodes[node->children[rnm_select_child(net, node)]].evaluated = true;
			continue;
		}
		for (uint32_t k = 0; k < node->child_count; k++)
			net->nodes[node->children[k]].evaluated = true;
	}
}

static void check_evaluated(struct rnm_network *net, uint32_t index, struct rnm_findings *findings)
{
	const struct rnm_network_node *node = &net->nodes[index];
	const char *name = rnm_network_node_name(node);

	if (node->kind == RNM_NODE_FEED && index != net->input)
		rnm_findings_add(findings, RNM_KANN_UNBOUND, index, node->offset,
		                 "node %" PRIu32
		                 ": expected the input to be the only feed below the output, found another",
		                 index);
	if (node->op == RNM_OP_DROPOUT || node->op == RNM_OP_SAMPLE_NORMAL)
		rnm_findings_add(findings, RNM_KANN_STOCHASTIC, index, node->offset,
		                 "node %" PRIu32 " (%s): expected an output that is a function of the input, "
		                 "found a random operator below it",
		                 index, name);
}

/*
 * rspamd stores what the cost is computed from and nothing else, so that a node without a reader is a
 * link that went astray.
 */
static void check_used(struct rnm_network *net, struct rnm_findings *findings)
{
	for (uint32_t i = 0; i < net->node_count; i++) {
		const struct rnm_network_node *node = &net->nodes[i];

		if (net->readers[i] == RNM_NO_NODE && i != net->input &&
		    (node->roles & (RNM_ROLE_OUTPUT | RNM_ROLE_COST)) == 0)
			rnm_findings_add(findings, RNM_KANN_UNUSED, i, node->offset,
			                 "node %" PRIu32
			                 " (%s): expected another node to read it, found none",
			                 i, rnm_network_node_name(node));
	}
}

static void check_switch(struct rnm_network *net, uint32_t index, struct rnm_findings *findings)
{
	const struct rnm_network_node *node = &net->nodes[index];

	if (rnm_is_switch(node) && rnm_select_child(net, node) != (uint32_t)node->params[0])
		rnm_findings_add(
		    findings, RNM_KANN_DROPOUT_SWITCH, index, node->offset,
		    "node %" PRIu32
		    " (select): expected the dropout switch to be off, found it on; rnm evaluates it as off",
		    index);
}

void rnm_graph_check_roles(struct rnm_network *net, struct rnm_findings *findings)
{
	bool input = check_input(net, findings), output = check_output(net, findings);

	check_training_roles(net, findings);
	/* Walking the graph needs all of it to be sound. */
	if (!input || !output || findings->has_error)
		return;
	mark_evaluated(net);
	for (uint32_t i = 0; i < net->node_count; i++) {
		if (net->nodes[i].evaluated)
			check_evaluated(net, i, findings);
		if (net->nodes[i].pre >= 0)
			rnm_findings_add(
			    findings, RNM_KANN_RECURRENT, i, net->nodes[i].offset,
			    "node %" PRIu32
			    ": expected a feed-forward network, found a recurrent link to node %" PRId32,
			    i, net->nodes[i].pre);
		check_switch(net, i, findings);
	}
	check_used(net, findings);
	if (!net->nodes[net->input].evaluated)
		rnm_findings_add(findings, RNM_KANN_CONSTANT_OUTPUT, net->output,
		                 net->nodes[net->output].offset,
		                 "expected the output to depend on the input, found a constant");
}
