/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed network and the steps of its validation, in the order in which they run. */
#ifndef RNM_NETWORK_GRAPH_H
#define RNM_NETWORK_GRAPH_H

#include "network/findings.h"

#include <string.h>

/* Stored numbers are used as they lie in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "KANN files are little-endian, so must be the host");

/* Operator codes (rspamd: contrib/kann/kautodiff.c, table of operators). */
enum rnm_op {
	RNM_OP_ADD = 1,
	RNM_OP_MUL,
	RNM_OP_CMUL,
	RNM_OP_CE_BIN_NEG,
	RNM_OP_SQUARE,
	RNM_OP_SIGM,
	RNM_OP_TANH,
	RNM_OP_RELU,
	RNM_OP_MATMUL,
	RNM_OP_AVG,
	RNM_OP_1MINUS,
	RNM_OP_SELECT,
	RNM_OP_CE_MULTI,
	RNM_OP_SOFTMAX,
	RNM_OP_DROPOUT,
	RNM_OP_CONV2D,
	RNM_OP_MAX2D,
	RNM_OP_CONV1D,
	RNM_OP_MAX1D,
	RNM_OP_SLICE,
	RNM_OP_MAX,
	RNM_OP_CE_BIN,
	RNM_OP_SUB,
	RNM_OP_SAMPLE_NORMAL,
	RNM_OP_REDUCE_SUM,
	RNM_OP_REDUCE_MEAN,
	RNM_OP_LOG,
	RNM_OP_AVG1D,
	RNM_OP_MSE,
	RNM_OP_RESHAPE,
	RNM_OP_CONCAT,
	RNM_OP_STDNORM,
	RNM_OP_EXP,
	RNM_OP_SIN,
	RNM_OP_STACK,
	RNM_OP_REVERSE,
	RNM_OP_GELU,
	RNM_OP_ATTN_POOL,
	RNM_OP_END
};

/* What a node says about itself before any shape is known. */
struct rnm_op_info {
	const char *name;
	uint16_t min_children;
	uint16_t max_children; /* 0: any number */
	int16_t blob;          /* bytes, or one of the below */
	bool random_state;     /* the blob is the state of a generator, not parameters */
};
#define RNM_BLOB_AXIS_OR_NONE (-1) /* 4 bytes, or 0 for axis 0 */
#define RNM_BLOB_DIMS (-2)         /* 4 bytes for each dimension wanted */

/* NULL for codes without operator. */
const struct rnm_op_info *rnm_op_info(unsigned op);

/* What one pass over the values of a leaf tells of them. */
struct rnm_value_scan {
	uint64_t done;      /* values seen */
	uint64_t huge, bad; /* positions of the first huge and of the first non-finite one, or UINT64_MAX */
	float huge_value, bad_value;
	float first;
	bool nonzero;
};
/* The following count values. */
void rnm_value_scan_feed(struct rnm_value_scan *scan, const unsigned char *values, uint64_t count);
#define RNM_VALUE_SCAN_BEGIN ((struct rnm_value_scan){ .huge = UINT64_MAX, .bad = UINT64_MAX })

struct rnm_network {
	const unsigned char *data;
	size_t size;
	/*
	 * One for each node, when the values have come and gone: data then ends with the node table.  NULL
	 * when all of data is there.
	 */
	struct rnm_value_scan *scans;
	bool cut_short; /* while reading: the node table goes on behind the data that is there */
	struct rnm_network_limits limits; /* defaults filled in */
	struct rnm_network_node *nodes;
	uint32_t node_count;
	uint32_t *children; /* of all nodes, in order */
	size_t child_total;
	uint32_t *tensors; /* nodes that are stored: variables, then constants */
	uint32_t tensor_count;
	uint32_t variable_tensors;
	uint64_t variables, constants; /* floats */
	uint64_t x_offset, c_offset;   /* bytes */
	uint32_t input, output;        /* nodes */
	int64_t truth_dim;             /* as rspamd computes it: -1 none, -2 several */
	uint32_t *readers;             /* first operator that reads each node, or RNM_NO_NODE */
	bool *shared;                  /* nodes that more than one operand names */
	uint32_t *ordinals;            /* of each operator among those of its kind, from 1 */
	bool *broken;                  /* while checking: nodes whose own record or shape is wrong */
};

/* Defaults in the place of zeros; given may be NULL. */
struct rnm_network_limits rnm_fill_limits(const struct rnm_network_limits *given);

/* One axis of a convolution or pooling record (rspamd: contrib/kann/kautodiff.h, conv_conf_t). */
struct rnm_conv_axis {
	int64_t kernel, stride, pad_left, pad_right;
};
struct rnm_conv_axis rnm_conv_axis(const struct rnm_network_node *node, unsigned index);

static inline float rnm_load_f32(const unsigned char *bytes)
{
	float value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Child by position. */
static inline const struct rnm_network_node *rnm_child(const struct rnm_network *net,
                                                       const struct rnm_network_node *node, uint32_t i)
{
	return &net->nodes[node->children[i]];
}

static inline bool rnm_is_switch(const struct rnm_network_node *node)
{
	return node->op == RNM_OP_SELECT && (node->flag & RNM_NODE_FLAG_POOL) == 0;
}

/*
 * Reads the node table (section "layout" of docs/network.md) from the first `there` bytes of the network's
 * data.  false: parsing cannot go on, with more of the data perhaps (cut_short).
 */
RNM_MUST_CHECK bool rnm_graph_read(struct rnm_network *net, size_t there, struct rnm_findings *findings);
/* All of the checks that need no values.  false: findings say why values would not be looked at either. */
RNM_MUST_CHECK bool rnm_graph_validate(struct rnm_network *net, size_t there, struct rnm_findings *findings);
/* What the findings come to, as rnm_network_check says it. */
RNM_MUST_CHECK enum rnm_status rnm_findings_verdict(const struct rnm_findings *findings,
                                                    struct rnm_error *err);
/* The first value of a leaf. */
float rnm_first_value(const struct rnm_network *net, const struct rnm_network_node *leaf);
/* Input and truth feeds; before shapes are inferred, which a wrong batch would make fail elsewhere. */
void rnm_graph_check_feeds(struct rnm_network *net, struct rnm_findings *findings);
/* Computes the shape of every operator whose operands are sound. */
void rnm_graph_infer(struct rnm_network *net, struct rnm_findings *findings);
/* Shape of one convolution or pooling; false after adding a finding. */
bool rnm_infer_conv(const struct rnm_network *net, struct rnm_network_node *node,
                    struct rnm_findings *findings);
/* Places the values of leaves and checks the length of the data. */
void rnm_graph_place_values(struct rnm_network *net, struct rnm_findings *findings);
/* Finds input, output, truth and cost, marks what is evaluated, checks roles and values. */
void rnm_graph_check_roles(struct rnm_network *net, struct rnm_findings *findings);
void rnm_graph_check_values(struct rnm_network *net, struct rnm_findings *findings);

/*
 * The child that a select copies during inference: a switch between a value and its dropout is always
 * taken as off (rspamd: lualib/plugins/neural.lua sets it so after training).
 */
uint32_t rnm_select_child(const struct rnm_network *net, const struct rnm_network_node *node);

/* Columns of both operands of cmul; false when they do not agree (rspamd: contrib/kann/kautodiff.c). */
bool rnm_cmul_columns(const struct rnm_network_node *a, const struct rnm_network_node *b, uint64_t *a_columns,
                      uint64_t *b_columns);

#endif
