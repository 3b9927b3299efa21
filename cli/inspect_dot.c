/* SPDX-License-Identifier: Apache-2.0 */
/* The graph, node by node, in the language of Graphviz. */
#include "inspect.h"
#include "output.h"

#include <string.h>

/* A quoted string of dot: only the quote and the backslash mean something in it. */
static void put_quoted(struct rnm_buf *out, const char *text)
{
	struct rnm_buf safe;

	rnm_buf_init(&safe, OUTPUT_MAX);
	output_escape(&safe, text, strlen(text), ESCAPE_ALL);
	rnm_buf_putc(out, '"');
	for (size_t i = 0; i < safe.len; i++) {
		if (safe.data[i] == '"' || safe.data[i] == '\\')
			rnm_buf_putc(out, '\\');
		rnm_buf_putc(out, safe.data[i]);
	}
	rnm_buf_putc(out, '"');
	out->failed |= safe.failed;
	rnm_buf_free(&safe);
}

static const char *role_text(const struct rnm_network_node *node)
{
	return (node->roles & RNM_ROLE_INPUT) != 0    ? "input"
	       : (node->roles & RNM_ROLE_OUTPUT) != 0 ? "output"
	       : (node->roles & RNM_ROLE_TRUTH) != 0  ? "truth"
	       : (node->roles & RNM_ROLE_COST) != 0   ? "cost"
	                                              : NULL;
}

static void put_node(struct rnm_buf *out, const struct rnm_network *network, uint32_t index, const char *name)
{
	static const char *const shapes[] = { [RNM_NODE_FEED] = "ellipse",
		                              [RNM_NODE_VARIABLE] = "note",
		                              [RNM_NODE_CONSTANT] = "note",
		                              [RNM_NODE_OPERATOR] = "box" };
	const struct rnm_network_node *node = rnm_network_node(network, index);
	const char *role = role_text(node);

	/* Names of nodes and tensors are rnm's own words. */
	rnm_buf_printf(out, "\tn%u [shape=%s, label=\"%s", index, shapes[node->kind],
	               name != NULL ? name : rnm_network_node_name(node));
	if (role != NULL)
		rnm_buf_printf(out, " (%s)", role);
	rnm_buf_puts(out, "\\n");
	put_dims(out, node->dims, node->rank);
	rnm_buf_puts(out,
	             node->evaluated ? "\"];\n" : "\", style=dashed, color=gray50, fontcolor=gray50];\n");
	for (uint32_t k = 0; k < node->child_count; k++)
		rnm_buf_printf(out, "\tn%u -> n%u%s;\n", node->children[k], index,
		               node->evaluated && rnm_network_node(network, node->children[k])->evaluated
		                   ? ""
		                   : " [style=dashed, color=gray50]");
}

/*
 * The tensor of a node, or NULL.  Tensors are those of variables, then those of constants, each in order of
 * the nodes: *variable and *constant go through them once.
 */
static const char *tensor_name(const struct inspection *inspection, uint32_t node, size_t *variable,
                               size_t *constant)
{
	const struct inspected_tensor *tensors = inspection->tensors;

	if (*variable < inspection->tensor_count && tensors[*variable].tensor.node == node)
		return tensors[(*variable)++].tensor.name;
	if (*constant < inspection->tensor_count && tensors[*constant].tensor.node == node)
		return tensors[(*constant)++].tensor.name;
	return NULL;
}

void inspect_dot(struct rnm_buf *out, const struct inspection *inspection)
{
	const struct rnm_network *network = inspection->file->network;
	size_t variable = 0, constant = 0;

	while (constant < inspection->tensor_count && !inspection->tensors[constant].tensor.constant)
		constant++;
	rnm_buf_puts(out, "digraph ");
	put_quoted(out, inspection->model->text);
	rnm_buf_puts(out, " {\n\t// dashed: only needed for training\n"
	                  "\trankdir=BT;\n\tnode [fontname=\"sans-serif\", fontsize=11];\n");
	for (uint32_t i = 0; i < rnm_network_node_count(network); i++)
		put_node(out, network, i, tensor_name(inspection, i, &variable, &constant));
	rnm_buf_puts(out, "}\n");
}
