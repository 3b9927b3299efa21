/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape inference: the dimensions of operators are not stored and follow from their operands by the
 * rules of rspamd's contrib/kann/kautodiff.c.  That code ignores failures while loading; here each is a finding.
 */
#include "network/graph.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct infer {
	const struct rnm_network *net;
	struct rnm_findings *findings;
	struct rnm_network_node *node;
	const struct rnm_network_node *q0, *q1; /* q1 is NULL for operators of one operand */
};

RNM_PRINTF(3, 4)
static bool fault(const struct infer *in, enum rnm_finding_code code, const char *fmt, ...)
{
	uint32_t index = (uint32_t)(in->node - in->net->nodes);
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	rnm_findings_add(in->findings, code, index, in->node->offset, "node %" PRIu32 " (%s): %s", index,
	                 rnm_network_node_name(in->node), what);
	return false;
}

static void copy_shape(struct rnm_network_node *node, const struct rnm_network_node *from)
{
	node->rank = from->rank;
	memcpy(node->dims, from->dims, sizeof(node->dims));
}

static bool like_first(struct infer *in)
{
	copy_shape(in->node, in->q0);
	return true;
}

static bool scalar(struct infer *in)
{
	in->node->rank = 0;
	return true;
}

/* add, sub, mul: the right operand tiles the left one. */
static bool tiled(struct infer *in)
{
	if (in->q0->len % in->q1->len != 0)
		return fault(in, RNM_KANN_SHAPE,
		             "expected a right operand that tiles %" PRIu64 " values, found %" PRIu64,
		             in->q0->len, in->q1->len);
	return like_first(in);
}

static uint64_t trailing_columns(const struct rnm_network_node *node, uint64_t wanted)
{
	uint64_t columns = 1;

	/* dims multiply to less than 2^31, so this does not overflow. */
	for (unsigned i = node->rank; i > 0 && columns < wanted; i--)
		columns *= node->dims[i - 1];
	return columns;
}

bool rnm_cmul_columns(const struct rnm_network_node *a, const struct rnm_network_node *b, uint64_t *a_columns,
                      uint64_t *b_columns)
{
	uint64_t last_a, last_b, wanted;

	if (a->rank == 0 || b->rank == 0)
		return false;
	last_a = a->dims[a->rank - 1];
	last_b = b->dims[b->rank - 1];
	wanted = last_a > last_b ? last_a : last_b;
	*a_columns = trailing_columns(a, wanted);
	*b_columns = trailing_columns(b, wanted);
	return *a_columns == *b_columns;
}

static bool product_shape(struct infer *in, uint64_t rows, uint64_t columns)
{
	in->node->rank = 2;
	in->node->dims[0] = (uint32_t)rows;
	in->node->dims[1] = (uint32_t)columns;
	return true;
}

static bool cmul(struct infer *in)
{
	uint64_t a = 0, b = 0;

	if (!rnm_cmul_columns(in->q0, in->q1, &a, &b))
		return fault(in, RNM_KANN_SHAPE,
		             "expected operands of equal width, found %" PRIu64 " and %" PRIu64, a, b);
	return product_shape(in, in->q0->len / a, in->q1->len / b);
}

static bool matmul(struct infer *in)
{
	uint64_t a_rows, b_rows;

	if (in->q0->rank == 0 || in->q1->rank == 0)
		return fault(in, RNM_KANN_SHAPE, "expected two matrices, found a scalar");
	a_rows = in->q0->rank == 1 ? 1 : in->q0->dims[0];
	b_rows = in->q1->rank == 1 ? 1 : in->q1->dims[0];
	if (in->q0->len / a_rows != b_rows)
		return fault(in, RNM_KANN_SHAPE,
		             "expected %" PRIu64 " rows in the right matrix, found %" PRIu64,
		             in->q0->len / a_rows, b_rows);
	return product_shape(in, a_rows, in->q1->len / b_rows);
}

static bool all_lengths_equal(struct infer *in)
{
	for (uint32_t i = 1; i < in->node->child_count; i++) {
		const struct rnm_network_node *q = rnm_child(in->net, in->node, i);

		if (q->len != in->q0->len)
			return fault(in, RNM_KANN_SHAPE,
			             "expected operands of %" PRIu64 " values, found one of %" PRIu64,
			             in->q0->len, q->len);
	}
	return true;
}

/* avg, max */
static bool pooled(struct infer *in)
{
	return all_lengths_equal(in) && like_first(in);
}

static bool stack(struct infer *in)
{
	struct rnm_network_node *node = in->node;

	if (in->q0->rank >= RNM_NETWORK_RANK_MAX)
		return fault(in, RNM_KANN_STACK, "expected operands of at most %u dimensions, found %u",
		             RNM_NETWORK_RANK_MAX - 1, in->q0->rank);
	if (!all_lengths_equal(in))
		return false;
	node->rank = (uint8_t)(in->q0->rank + 1);
	node->dims[0] = node->child_count;
	for (unsigned i = 0; i < in->q0->rank; i++)
		node->dims[i + 1] = in->q0->dims[i];
	return true;
}

static bool select_shape(struct infer *in)
{
	struct rnm_network_node *node = in->node;
	int64_t index = node->params[0];
	int64_t lowest = rnm_is_switch(node) ? 0 : -(int64_t)node->child_count;

	if (index < lowest || index >= (int64_t)node->child_count)
		return fault(in, RNM_KANN_SELECT,
		             "expected an index from %" PRId64 " to %" PRId64 ", found %" PRId64, lowest,
		             (int64_t)node->child_count - 1, index);
	for (uint32_t i = 1; i < node->child_count; i++) {
		const struct rnm_network_node *q = rnm_child(in->net, node, i);

		if (q->rank != in->q0->rank || q->len != in->q0->len)
			return fault(in, RNM_KANN_SHAPE, "expected operands of equal shape");
	}
	copy_shape(node, rnm_child(in->net, node, rnm_select_child(in->net, node)));
	return true;
}

static bool dropout(struct infer *in)
{
	const struct rnm_network_node *rate = in->q1;

	if (rate->rank != 0 || rate->kind != RNM_NODE_CONSTANT)
		return fault(in, RNM_KANN_DROPOUT, "expected a scalar constant as the rate");
	return like_first(in);
}

static bool equal_lengths_cost(struct infer *in)
{
	if (in->q0->len != in->q1->len)
		return fault(in, RNM_KANN_SHAPE,
		             "expected as many predictions as truths, found %" PRIu64 " and %" PRIu64,
		             in->q0->len, in->q1->len);
	return scalar(in);
}

static bool ce_multi(struct infer *in)
{
	const struct rnm_network_node *a = in->q0, *b = in->q1;

	if (a->rank == 0 || b->rank == 0 || a->dims[a->rank - 1] != b->dims[b->rank - 1])
		return fault(in, RNM_KANN_SHAPE, "expected predictions and truths of as many classes");
	if (in->node->child_count == 3) {
		const struct rnm_network_node *weight = rnm_child(in->net, in->node, 2);

		if (weight->rank != 1 || weight->len != a->dims[a->rank - 1])
			return fault(in, RNM_KANN_SHAPE, "expected one weight for each class");
	}
	return equal_lengths_cost(in);
}

/* softmax, stdnorm: they work on the last dimension, so there must be one. */
static bool has_rows(struct infer *in)
{
	if (in->q0->rank == 0)
		return fault(in, RNM_KANN_SHAPE, "expected an operand with a dimension, found a scalar");
	return like_first(in);
}

static bool slice(struct infer *in)
{
	int32_t axis = in->node->params[0], start = in->node->params[1], end = in->node->params[2];

	if (axis < 0 || axis >= in->q0->rank)
		return fault(in, RNM_KANN_AXIS, "expected an axis below %u, found %" PRId32, in->q0->rank,
		             axis);
	if (start < 0 || end <= start || (uint32_t)end > in->q0->dims[axis])
		return fault(in, RNM_KANN_SLICE,
		             "expected a part of 0 to %" PRIu32 ", found %" PRId32 " to %" PRId32,
		             in->q0->dims[axis], start, end);
	like_first(in);
	in->node->dims[axis] = (uint32_t)(end - start);
	return true;
}

static bool concat(struct infer *in)
{
	int32_t axis = in->node->params[0];
	uint64_t sum = 0;

	if (axis < 0 || axis >= in->q0->rank)
		return fault(in, RNM_KANN_AXIS, "expected an axis below %u, found %" PRId32, in->q0->rank,
		             axis);
	for (uint32_t i = 0; i < in->node->child_count; i++) {
		const struct rnm_network_node *q = rnm_child(in->net, in->node, i);

		if (q->rank != in->q0->rank)
			return fault(in, RNM_KANN_SHAPE, "expected operands of %u dimensions, found %u",
			             in->q0->rank, q->rank);
		for (int32_t k = 0; k < q->rank; k++)
			if (k != axis && q->dims[k] != in->q0->dims[k])
				return fault(in, RNM_KANN_SHAPE,
				             "expected operands equal but for axis %" PRId32
				             ", found %" PRIu32 " and %" PRIu32 " in dimension %" PRId32,
				             axis, in->q0->dims[k], q->dims[k], k);
		sum += q->dims[axis];
	}
	if (sum > INT32_MAX)
		return fault(in, RNM_KANN_SIZE, "expected fewer than 2^31 values in one tensor");
	like_first(in);
	in->node->dims[axis] = (uint32_t)sum;
	return true;
}

static bool reduce(struct infer *in)
{
	struct rnm_network_node *node = in->node;
	int32_t axis = node->params[0];

	if (axis < 0 || axis >= in->q0->rank)
		return fault(in, RNM_KANN_AXIS, "expected an axis below %u, found %" PRId32, in->q0->rank,
		             axis);
	node->rank = 0;
	for (int32_t i = 0; i < in->q0->rank; i++)
		if (i != axis)
			node->dims[node->rank++] = in->q0->dims[i];
	return true;
}

static bool reverse(struct infer *in)
{
	int32_t axis = in->node->param_count > 0 ? in->node->params[0] : 0;

	if (axis < -(int32_t)in->q0->rank || axis >= in->q0->rank)
		return fault(in, RNM_KANN_AXIS, "expected an axis from -%u to %u, found %" PRId32,
		             in->q0->rank, in->q0->rank, axis);
	return like_first(in);
}

static bool reshape(struct infer *in)
{
	struct rnm_network_node *node = in->node;
	unsigned unknown = 0, wanted = node->param_count;
	int64_t dims[RNM_NETWORK_RANK_MAX];
	uint64_t known = 1;

	if (wanted == 0)
		return like_first(in);
	for (unsigned i = 0; i < wanted; i++) {
		dims[i] = node->params[i] > 0 ? node->params[i] : 0;
		unknown += dims[i] == 0;
	}
	/* rspamd fills unknown entries from the operand, left to right, until one is left to compute. */
	for (unsigned i = 0; i < wanted && unknown > 1; i++)
		if (i < in->q0->rank && dims[i] == 0) {
			dims[i] = in->q0->dims[i];
			unknown--;
		}
	for (unsigned i = 0; i < wanted; i++)
		if (dims[i] > 0) {
			known *= (uint64_t)dims[i];
			if (known > in->q0->len)
				break;
		}
	if (unknown > 1 || known > in->q0->len || in->q0->len % known != 0 ||
	    (unknown == 0 && known != in->q0->len))
		return fault(in, RNM_KANN_RESHAPE, "expected dimensions that hold %" PRIu64 " values",
		             in->q0->len);
	node->rank = (uint8_t)wanted;
	for (unsigned i = 0; i < wanted; i++)
		node->dims[i] = (uint32_t)(dims[i] > 0 ? (uint64_t)dims[i] : in->q0->len / known);
	return true;
}

static bool attn_pool(struct infer *in)
{
	const struct rnm_network_node *words = in->q0, *query = in->q1;
	int32_t count = in->node->params[0];

	if (count < 1 || words->rank != 2 || query->rank != 2 ||
	    (uint64_t)count * query->dims[1] != words->dims[1])
		return fault(
		    in, RNM_KANN_ATTENTION,
		    "expected [n, words * width] and [heads, width] with at least one word, found %" PRId32
		    " words",
		    count);
	in->node->rank = 2;
	in->node->dims[0] = words->dims[0];
	if (query->len > INT32_MAX)
		return fault(in, RNM_KANN_SIZE, "expected fewer than 2^31 values in one tensor");
	in->node->dims[1] = (uint32_t)query->len;
	return true;
}

static bool conv(struct infer *in)
{
	return rnm_infer_conv(in->net, in->node, in->findings);
}

static bool (*const rules[RNM_OP_END])(struct infer *in) = {
	[RNM_OP_ADD] = tiled,
	[RNM_OP_MUL] = tiled,
	[RNM_OP_CMUL] = cmul,
	[RNM_OP_CE_BIN_NEG] = equal_lengths_cost,
	[RNM_OP_SQUARE] = like_first,
	[RNM_OP_SIGM] = like_first,
	[RNM_OP_TANH] = like_first,
	[RNM_OP_RELU] = like_first,
	[RNM_OP_MATMUL] = matmul,
	[RNM_OP_AVG] = pooled,
	[RNM_OP_1MINUS] = like_first,
	[RNM_OP_SELECT] = select_shape,
	[RNM_OP_CE_MULTI] = ce_multi,
	[RNM_OP_SOFTMAX] = has_rows,
	[RNM_OP_DROPOUT] = dropout,
	[RNM_OP_CONV2D] = conv,
	[RNM_OP_MAX2D] = conv,
	[RNM_OP_CONV1D] = conv,
	[RNM_OP_MAX1D] = conv,
	[RNM_OP_SLICE] = slice,
	[RNM_OP_MAX] = pooled,
	[RNM_OP_CE_BIN] = equal_lengths_cost,
	[RNM_OP_SUB] = tiled,
	[RNM_OP_SAMPLE_NORMAL] = like_first,
	[RNM_OP_REDUCE_SUM] = reduce,
	[RNM_OP_REDUCE_MEAN] = reduce,
	[RNM_OP_LOG] = like_first,
	[RNM_OP_AVG1D] = conv,
	[RNM_OP_MSE] = equal_lengths_cost,
	[RNM_OP_RESHAPE] = reshape,
	[RNM_OP_CONCAT] = concat,
	[RNM_OP_STDNORM] = has_rows,
	[RNM_OP_EXP] = like_first,
	[RNM_OP_SIN] = like_first,
	[RNM_OP_STACK] = stack,
	[RNM_OP_REVERSE] = reverse,
	[RNM_OP_GELU] = like_first,
	[RNM_OP_ATTN_POOL] = attn_pool,
};

/* The number of values of a node whose dimensions are set. */
static bool set_length(struct infer *in)
{
	struct rnm_network_node *node = in->node;

	node->len = 1;
	for (unsigned i = 0; i < node->rank; i++) {
		node->len *= node->dims[i];
		if (node->len > INT32_MAX) {
			node->len = 1;
			return fault(in, RNM_KANN_SIZE, "expected fewer than 2^31 values in one tensor");
		}
	}
	return true;
}

static bool check_recurrent_link(struct infer *in)
{
	const struct rnm_network_node *node = in->node, *from;

	if (node->pre < 0)
		return true;
	from = &in->net->nodes[node->pre];
	if (from->rank == node->rank &&
	    memcmp(from->dims, node->dims, node->rank * sizeof(node->dims[0])) == 0)
		return true;
	return fault(in, RNM_KANN_RECURRENT_LINK, "expected a recurrent link to a node of equal shape");
}

void rnm_graph_infer(struct rnm_network *net, struct rnm_findings *findings)
{
	struct infer in = { .net = net, .findings = findings };

	for (uint32_t i = 0; i < net->node_count; i++) {
		in.node = &net->nodes[i];
		if (in.node->kind != RNM_NODE_OPERATOR)
			continue;
		for (uint32_t k = 0; k < in.node->child_count; k++)
			net->broken[i] |= net->broken[in.node->children[k]];
		if (net->broken[i])
			continue;
		in.q0 = rnm_child(net, in.node, 0);
		in.q1 = in.node->child_count > 1 ? rnm_child(net, in.node, 1) : NULL;
		net->broken[i] = !rules[in.node->op](&in) || !set_length(&in) || !check_recurrent_link(&in);
	}
}
