/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node table: bytes to records.  Nothing here knows shapes; a record that is wrong in itself but
 * whose end is known is marked broken and reading goes on, so that one look finds several faults.
 */
#include "network/graph.h"

#include "base/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAGIC "KAN\1"
#define LEAF_SIZE_MIN 14u /* the smallest record: a scalar leaf */
#define ROLES_KNOWN 0xfu

/* State of one pass over the table. */
struct reader {
	struct rnm_network *net;
	struct rnm_findings *findings;
	struct rnm_cursor cursor;
	size_t child_cap;
	uint32_t index; /* of the node being read */
	struct rnm_network_node *node;
};

static void fault(struct reader *r, enum rnm_finding_code code, const char *what)
{
	r->net->broken[r->index] = true;
	rnm_findings_add(r->findings, code, r->index, r->node->offset, "node %" PRIu32 " (%s): %s", r->index,
	                 rnm_network_node_name(r->node), what);
}

static bool truncated(struct reader *r)
{
	if (!r->cursor.failed)
		return false;
	r->net->cut_short = r->cursor.size < r->net->size;
	rnm_findings_add(r->findings, RNM_KANN_RECORD, r->index, r->cursor.failed_at,
	                 "node %" PRIu32 " of %" PRIu32
	                 ": expected a whole record, found the end of the data after %zu bytes",
	                 r->index, r->net->node_count, r->net->size);
	rnm_findings_hint(r->findings, RNM_KANN_RECORD, "the file was cut: copy or export it again");
	return true;
}

static int32_t take_i32(struct rnm_cursor *cursor)
{
	uint32_t bits = rnm_cursor_le32(cursor);
	int32_t value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void check_magic_hint(struct rnm_findings *findings, const unsigned char *data, size_t size)
{
	if (size >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0)
		rnm_findings_hint(findings, RNM_KANN_MAGIC,
		                  "this is a zstd frame: decompress it first (zstd -d)");
	else if (size >= 1 && ((data[0] & 0xf0u) == 0x80u || data[0] == 0xdeu || data[0] == 0xdfu))
		rnm_findings_hint(
		    findings, RNM_KANN_MAGIC,
		    "this looks like a msgpack map, perhaps an RNM1 file: the network is its field ann_data");
}

static bool read_header(struct reader *r)
{
	struct rnm_network *net = r->net;
	struct rnm_findings *findings = r->findings;
	const unsigned char *magic;
	int32_t count;
	size_t fit;

	if (net->size < 4 || memcmp(net->data, MAGIC, net->size < 4 ? net->size : 4) != 0) {
		bool is_short = net->size < 4 && (net->size == 0 || memcmp(net->data, MAGIC, net->size) == 0);

		rnm_findings_add(findings, is_short ? RNM_KANN_SHORT : RNM_KANN_MAGIC, RNM_NO_NODE, 0,
		                 "expected a KANN network (bytes 4b 41 4e 01), found %s of %zu bytes",
		                 is_short ? "the beginning of one" : "something else", net->size);
		check_magic_hint(findings, net->data, net->size);
		return false;
	}
	magic = rnm_cursor_take(&r->cursor, 4);
	count = take_i32(&r->cursor);
	if (magic == NULL || r->cursor.failed) {
		rnm_findings_add(
		    findings, RNM_KANN_SHORT, RNM_NO_NODE, net->size,
		    "expected a node count after the magic, found the end of the data after %zu bytes",
		    net->size);
		return false;
	}
	if (count <= 0 || (uint32_t)count > net->limits.max_nodes) {
		uint32_t swapped = __builtin_bswap32((uint32_t)count);

		rnm_findings_add(findings, RNM_KANN_NODE_COUNT, RNM_NO_NODE, 4,
		                 "expected 1 to %" PRIu32 " nodes, found %" PRId32, net->limits.max_nodes,
		                 count);
		if (swapped > 0 && swapped <= net->limits.max_nodes)
			rnm_findings_hint(
			    findings, RNM_KANN_NODE_COUNT,
			    "the count makes sense with its bytes swapped: written on a big-endian machine?");
		return false;
	}
	fit = (net->size - r->cursor.pos) / LEAF_SIZE_MIN;
	if ((uint32_t)count > fit) {
		rnm_findings_add(findings, RNM_KANN_NODE_TABLE, RNM_NO_NODE, 4,
		                 "expected at least %u bytes for each of %" PRId32
		                 " nodes, found %zu bytes in all",
		                 LEAF_SIZE_MIN, count, net->size);
		return false;
	}
	net->node_count = (uint32_t)count;
	return true;
}

static void read_leaf(struct reader *r)
{
	struct rnm_network_node *node = r->node;
	uint64_t len = 1;
	bool too_long = false;

	for (unsigned i = 0; i < node->rank; i++) {
		int32_t dim = take_i32(&r->cursor);

		if (r->cursor.failed)
			return;
		if (dim <= 0) {
			char what[80];

			snprintf(what, sizeof(what), "expected a positive dimension %u, found %" PRId32, i,
			         dim);
			fault(r, RNM_KANN_DIM, what);
			dim = 1;
		}
		node->dims[i] = (uint32_t)dim;
		/* Two factors below 2^31 cannot overflow; the product is checked before the next one. */
		len *= (uint32_t)dim;
		if (len > INT32_MAX) {
			too_long = true;
			len = 1;
		}
	}
	node->len = len;
	if (too_long)
		fault(r, RNM_KANN_SIZE, "expected fewer than 2^31 values in one tensor");
	if ((node->flag & 3u) == 3u)
		fault(r, RNM_KANN_LEAF_KIND,
		      "expected a variable, a constant or a feed, found a leaf marked as both first");
}

static bool keep_children(struct reader *r, uint32_t count)
{
	struct rnm_network *net = r->net;
	size_t need = net->child_total + count;
	char what[96];

	if (need > r->child_cap) {
		size_t cap = need + need / 2;
		uint32_t *children = realloc(net->children, cap * sizeof(*children));

		if (children == NULL) {
			r->findings->failed = true;
			return false;
		}
		net->children = children;
		r->child_cap = cap;
	}
	for (uint32_t i = 0; i < count; i++) {
		int32_t child = take_i32(&r->cursor);

		if (child < 0 || (uint32_t)child >= r->index) {
			snprintf(what, sizeof(what),
			         "expected child %" PRIu32 " to be a node before it, found %" PRId32, i,
			         child);
			fault(r, RNM_KANN_CHILD_ORDER, what);
			child = 0;
		}
		net->children[net->child_total + i] = (uint32_t)child;
	}
	net->child_total = need;
	return true;
}

/* Whether the blob has the size that the operator needs; decodes the numbers in it. */
static void decode_blob(struct reader *r, const struct rnm_op_info *info)
{
	struct rnm_network_node *node = r->node;
	size_t size = node->blob.len;
	bool fits = info->blob >= 0 ? size == (size_t)info->blob : size % 4 == 0;
	char what[80];

	if (info->blob == RNM_BLOB_AXIS_OR_NONE)
		fits = size == 0 || size == 4;
	if (!fits) {
		snprintf(what, sizeof(what), "expected %d bytes of parameters, found %zu",
		         info->blob >= 0 ? info->blob : 4, size);
		fault(r, RNM_KANN_BLOB, what);
		return;
	}
	if (info->blob == RNM_BLOB_DIMS && size / 4 > RNM_NETWORK_RANK_MAX) {
		fault(r, RNM_KANN_RESHAPE, "expected at most four dimensions to reshape to");
		return;
	}
	if (info->random_state)
		return;
	node->param_count = (uint32_t)(size / 4);
	if (size > 0)
		memcpy(node->params, node->blob.data, size);
}

static void check_operator(struct reader *r)
{
	struct rnm_network_node *node = r->node;
	const struct rnm_op_info *info = rnm_op_info(node->op);
	char what[96];

	if (info == NULL) {
		snprintf(what, sizeof(what), "expected an operator code from 1 to %d, found %u",
		         RNM_OP_END - 1, node->op);
		fault(r, RNM_KANN_OP, what);
		return;
	}
	if (node->child_count < info->min_children ||
	    (info->max_children != 0 && node->child_count > info->max_children)) {
		snprintf(what, sizeof(what), "expected %u operand%s, found %" PRIu32, info->min_children,
		         info->min_children == 1 ? "" : "s", node->child_count);
		fault(r, RNM_KANN_ARITY, what);
	}
	decode_blob(r, info);
}

static bool read_operator(struct reader *r)
{
	struct rnm_network_node *node = r->node;
	int32_t size;

	node->op = rnm_cursor_le16(&r->cursor);
	if ((r->net->size - r->cursor.pos) / 4 < node->child_count) {
		rnm_cursor_take(&r->cursor, rnm_cursor_left(&r->cursor));
		rnm_cursor_u8(&r->cursor);
		return !truncated(r);
	}
	if (rnm_cursor_left(&r->cursor) / 4 < node->child_count) {
		r->net->cut_short = true;
		return false;
	}
	if (!keep_children(r, node->child_count))
		return false;
	node->pre = take_i32(&r->cursor);
	size = take_i32(&r->cursor);
	if (truncated(r))
		return false;
	if (size < 0 || size > (int32_t)RNM_NETWORK_BLOB_MAX) {
		char what[96];

		/* Where the record ends is not known any more, so reading stops. */
		snprintf(what, sizeof(what), "expected 0 to %u bytes of parameters, found %" PRId32,
		         RNM_NETWORK_BLOB_MAX, size);
		fault(r, RNM_KANN_BLOB, what);
		return false;
	}
	node->blob.data = (const char *)rnm_cursor_take(&r->cursor, (size_t)size);
	node->blob.len = (size_t)size;
	if (truncated(r))
		return false;
	check_operator(r);
	if (node->pre != -1 && (node->pre < 0 || (uint32_t)node->pre >= r->index))
		fault(r, RNM_KANN_RECURRENT_LINK, "expected a recurrent link to an earlier node");
	return true;
}

/*
 * Flags that mean something on such a node (rspamd: contrib/kann/kautodiff.h).  Whether an operator is
 * trainable is computed again by every loader, whatever the file says.
 */
static uint8_t sensible_flags(const struct rnm_network_node *node)
{
	if (node->kind != RNM_NODE_OPERATOR)
		return RNM_NODE_FLAG_VARIABLE | RNM_NODE_FLAG_CONSTANT;
	switch (node->op) {
	case RNM_OP_AVG:
	case RNM_OP_MAX:
	case RNM_OP_STACK:
	case RNM_OP_SELECT:
		return RNM_NODE_FLAG_VARIABLE | RNM_NODE_FLAG_SHARE_RNG | RNM_NODE_FLAG_POOL;
	default:
		return RNM_NODE_FLAG_VARIABLE | RNM_NODE_FLAG_SHARE_RNG;
	}
}

/* Nothing of this changes what is computed, but rspamd writes none of it: whoever did meant something. */
static void check_marks(struct reader *r)
{
	const struct rnm_network_node *node = r->node;
	uint32_t roles = node->kind == RNM_NODE_FEED ? ROLES_KNOWN : ROLES_KNOWN & ~RNM_ROLE_TRUTH;
	uint8_t flags = sensible_flags(node);

	if ((node->flag & ~flags) == 0 && (node->roles & ~roles) == 0 && node->label == 0)
		return;
	rnm_findings_add(r->findings, RNM_KANN_FLAGS, r->index, node->offset,
	                 "node %" PRIu32
	                 " (%s): expected label 0, flags within 0x%x and roles within 0x%" PRIx32
	                 ", found %" PRId32 ", 0x%x and 0x%" PRIx32,
	                 r->index, rnm_network_node_name(node), flags, roles, node->label, node->flag,
	                 node->roles);
}

static bool read_record(struct reader *r)
{
	struct rnm_network_node *node = r->node;
	int32_t child_count;
	char what[96];

	node->offset = r->cursor.pos;
	node->pre = -1;
	node->len = 1;
	node->label = take_i32(&r->cursor);
	node->roles = rnm_cursor_le32(&r->cursor);
	node->flag = rnm_cursor_u8(&r->cursor);
	child_count = take_i32(&r->cursor);
	if (truncated(r))
		return false;
	if (child_count < 0 || (uint32_t)child_count > r->net->limits.max_children) {
		node->kind = RNM_NODE_OPERATOR;
		snprintf(what, sizeof(what), "expected 0 to %" PRIu32 " operands, found %" PRId32,
		         r->net->limits.max_children, child_count);
		fault(r, RNM_KANN_CHILD_COUNT, what);
		return false;
	}
	node->child_count = (uint32_t)child_count;
	if (child_count > 0) {
		node->kind = RNM_NODE_OPERATOR;
		return read_operator(r);
	}
	node->kind = (node->flag & RNM_NODE_FLAG_VARIABLE) != 0   ? RNM_NODE_VARIABLE
	             : (node->flag & RNM_NODE_FLAG_CONSTANT) != 0 ? RNM_NODE_CONSTANT
	                                                          : RNM_NODE_FEED;
	node->rank = rnm_cursor_u8(&r->cursor);
	if (node->rank > RNM_NETWORK_RANK_MAX) {
		snprintf(what, sizeof(what), "expected at most %u dimensions, found %u", RNM_NETWORK_RANK_MAX,
		         node->rank);
		node->rank = 0;
		fault(r, RNM_KANN_RANK, what);
		return false;
	}
	read_leaf(r);
	return !truncated(r);
}

/* Children lie in one array that moved while it grew: point into it only now. */
static void bind_children(struct rnm_network *net)
{
	const uint32_t *next = net->children;

	for (uint32_t i = 0; i < net->node_count; i++) {
		struct rnm_network_node *node = &net->nodes[i];

		if (node->child_count == 0)
			continue;
		node->children = next;
		next += node->child_count;
		for (uint32_t k = 0; k < node->child_count; k++)
			node->trainable |= net->nodes[node->children[k]].trainable;
	}
}

/* Who reads each node, and the how-manieth of its kind each operator is: for names. */
static void index_nodes(struct rnm_network *net)
{
	uint32_t counts[RNM_OP_END] = { 0 };

	for (uint32_t i = net->node_count; i > 0; i--)
		for (uint32_t k = 0; k < net->nodes[i - 1].child_count; k++) {
			uint32_t child = net->nodes[i - 1].children[k];

			net->shared[child] = net->readers[child] != RNM_NO_NODE;
			net->readers[child] = i - 1;
		}
	for (uint32_t i = 0; i < net->node_count; i++)
		if (rnm_op_info(net->nodes[i].op) != NULL)
			net->ordinals[i] = ++counts[net->nodes[i].op];
}

static bool allocate(struct rnm_network *net)
{
	net->nodes = calloc(net->node_count, sizeof(*net->nodes));
	net->broken = calloc(net->node_count, sizeof(*net->broken));
	net->readers = malloc(net->node_count * sizeof(*net->readers));
	net->shared = calloc(net->node_count, sizeof(*net->shared));
	net->ordinals = calloc(net->node_count, sizeof(*net->ordinals));
	if (net->nodes == NULL || net->broken == NULL || net->readers == NULL || net->shared == NULL ||
	    net->ordinals == NULL)
		return false;
	for (uint32_t i = 0; i < net->node_count; i++)
		net->readers[i] = RNM_NO_NODE;
	return true;
}

bool rnm_graph_read(struct rnm_network *net, size_t there, struct rnm_findings *findings)
{
	struct reader r = { .net = net, .findings = findings };

	rnm_cursor_init(&r.cursor, net->data, there);
	if (!read_header(&r))
		return false;
	if (!allocate(net)) {
		findings->failed = true;
		return false;
	}
	for (r.index = 0; r.index < net->node_count; r.index++) {
		r.node = &net->nodes[r.index];
		if (!read_record(&r))
			return false;
		check_marks(&r);
		r.node->trainable = r.node->kind == RNM_NODE_VARIABLE;
	}
	net->x_offset = r.cursor.pos;
	bind_children(net);
	index_nodes(net);
	return true;
}
