/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a network to a plan.  What does not depend on the input is computed here once; the values of
 * everything else get a slot in the scratch, and slots are used again as soon as nobody needs them.
 */
#include "network/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#define ALIGN_FLOATS 16u /* 64 bytes: one cache line, one wide register */
#define SLOT_CLASSES 48u
#define PACK_ROWS_MIN 8u /* fewer rows at once never repay packing */

/* Slots of equal size that are free again. */
struct free_slots {
	uint64_t *offsets;
	uint32_t count, cap;
};

struct planner {
	struct rnm_plan *plan;
	const struct rnm_network *net;
	const struct rnm_network_limits *limits;
	bool *needed;   /* computed for the output; not the unused branches of selects */
	bool *dynamic;  /* depends on the input */
	bool *copied;   /* a leaf that operators other than cmul read */
	uint32_t *root; /* select and reshape are other names for a node */
	uint32_t *uses; /* operands still to be read, by root */
	struct rnm_place *places;
	struct free_slots free[SLOT_CLASSES];
	uint64_t fixed_floats, fixed_used, packed_used;
};

static uint64_t align(uint64_t floats)
{
	return (floats + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

static bool is_alias(const struct rnm_network_node *node)
{
	return node->op == RNM_OP_SELECT || node->op == RNM_OP_RESHAPE;
}

static uint32_t alias_child(const struct rnm_network *net, const struct rnm_network_node *node)
{
	return node->op == RNM_OP_SELECT ? node->children[rnm_select_child(net, node)] : node->children[0];
}

uint32_t rnm_plan_root(const struct rnm_network *net, uint32_t index)
{
	while (is_alias(&net->nodes[index]))
		index = alias_child(net, &net->nodes[index]);
	return index;
}

/* Whether the right operand of this cmul can be read as weights. */
static bool has_weights(const struct planner *p, const struct rnm_network_node *node)
{
	return node->op == RNM_OP_CMUL && !p->dynamic[node->children[1]];
}

/* ---- what takes part ---------------------------------------------------------------------------- */

static void mark_needed(struct planner *p)
{
	p->needed[p->net->output] = true;
	for (uint32_t i = p->net->output + 1; i > 0; i--) {
		const struct rnm_network_node *node = &p->net->nodes[i - 1];

		if (!p->needed[i - 1] || node->kind != RNM_NODE_OPERATOR)
			continue;
		if (is_alias(node)) {
			p->needed[alias_child(p->net, node)] = true;
			continue;
		}
		for (uint32_t k = 0; k < node->child_count; k++)
			p->needed[node->children[k]] = true;
	}
}

static void mark_dynamic(struct planner *p)
{
	for (uint32_t i = 0; i <= p->net->output; i++) {
		const struct rnm_network_node *node = &p->net->nodes[i];

		p->root[i] = i;
		p->dynamic[i] = i == p->net->input;
		if (!p->needed[i] || node->kind != RNM_NODE_OPERATOR)
			continue;
		if (is_alias(node)) {
			p->root[i] = p->root[alias_child(p->net, node)];
			p->dynamic[i] = p->dynamic[p->root[i]];
			continue;
		}
		for (uint32_t k = 0; k < node->child_count; k++)
			p->dynamic[i] |= p->dynamic[node->children[k]];
	}
}

static bool is_step(const struct planner *p, uint32_t index)
{
	const struct rnm_network_node *node = &p->net->nodes[index];

	return p->needed[index] && node->kind == RNM_NODE_OPERATOR && !is_alias(node);
}

/* Counts steps, operands and uses; finds leaves to copy and the sizes of everything. */
static void survey(struct planner *p, size_t *operands)
{
	struct rnm_plan *plan = p->plan;

	for (uint32_t i = 0; i <= p->net->output; i++) {
		const struct rnm_network_node *node = &p->net->nodes[i];

		if (!is_step(p, i))
			continue;
		plan->step_count++;
		*operands += node->child_count;
		if (__builtin_add_overflow(plan->work, rnm_node_work(p->net, node), &plan->work))
			plan->work = UINT64_MAX;
		if (!p->dynamic[i])
			p->fixed_floats += align(node->len);
		for (uint32_t k = 0; k < node->child_count; k++) {
			uint32_t root = p->root[node->children[k]];

			p->uses[root]++;
			if (k != 1 || !has_weights(p, node))
				p->copied[root] |= p->net->nodes[root].kind != RNM_NODE_OPERATOR;
		}
	}
	/* The output is read when everything is done. */
	p->uses[p->root[p->net->output]]++;
	p->copied[p->root[p->net->output]] |=
	    p->net->nodes[p->root[p->net->output]].kind != RNM_NODE_OPERATOR;
	for (uint32_t i = 0; i <= p->net->output; i++)
		if (p->copied[i] && i != p->net->input)
			p->fixed_floats += align(p->net->nodes[i].len);
}

/* ---- slots -------------------------------------------------------------------------------------- */

/* Sizes are rounded up to a power of two, so that any free slot of a class fits. */
static unsigned slot_class(uint64_t len)
{
	unsigned class = 4;

	while (((uint64_t)1 << class) < len)
		class ++;
	return class;
}

static uint64_t take_slot(struct planner *p, uint64_t len)
{
	unsigned class = slot_class(len);
	struct free_slots *list = &p->free[class];
	uint64_t offset = p->plan->slot_floats;

	if (list->count > 0)
		return list->offsets[--list->count];
	p->plan->slot_floats += (uint64_t)1 << class;
	return offset;
}

static bool give_slot(struct planner *p, const struct rnm_place *place)
{
	struct free_slots *list = &p->free[slot_class(place->len)];

	if (list->count == list->cap) {
		uint32_t cap = list->cap == 0 ? 8 : list->cap * 2;
		uint64_t *offsets = realloc(list->offsets, cap * sizeof(*offsets));

		if (offsets == NULL)
			return false;
		list->offsets = offsets;
		list->cap = cap;
	}
	list->offsets[list->count++] = place->offset;
	return true;
}

/* Operators that read each value before they write it in the same place. */
static bool works_in_place(unsigned op)
{
	switch (op) {
	case RNM_OP_ADD:
	case RNM_OP_SUB:
	case RNM_OP_MUL:
	case RNM_OP_SQUARE:
	case RNM_OP_SIGM:
	case RNM_OP_TANH:
	case RNM_OP_RELU:
	case RNM_OP_1MINUS:
	case RNM_OP_LOG:
	case RNM_OP_EXP:
	case RNM_OP_SIN:
	case RNM_OP_GELU:
	case RNM_OP_STDNORM:
		return true;
	default:
		return false;
	}
}

static bool place_output(struct planner *p, uint32_t index)
{
	const struct rnm_network_node *node = &p->net->nodes[index];
	struct rnm_place *out = &p->places[index];
	uint32_t left = p->root[node->children[0]];

	for (uint32_t k = 0; k < node->child_count; k++)
		p->uses[p->root[node->children[k]]]--;
	*out = (struct rnm_place){ .kind = RNM_PLACE_SLOT, .len = node->len };
	if (works_in_place(node->op) && p->places[left].kind == RNM_PLACE_SLOT && p->uses[left] == 0 &&
	    p->places[left].len == node->len) {
		out->offset = p->places[left].offset;
		p->places[left].kind = RNM_PLACE_NONE;
	} else {
		out->offset = take_slot(p, node->len);
	}
	for (uint32_t k = 0; k < node->child_count; k++) {
		struct rnm_place *place = &p->places[p->root[node->children[k]]];

		if (place->kind != RNM_PLACE_SLOT || p->uses[p->root[node->children[k]]] > 0)
			continue;
		if (!give_slot(p, place))
			return false;
		place->kind = RNM_PLACE_NONE; /* an operand that occurs twice is given back once */
	}
	return true;
}

static struct rnm_place fixed_place(struct planner *p, uint64_t len)
{
	struct rnm_place place = { .kind = RNM_PLACE_FIXED,
		                   .len = len,
		                   .memory = p->plan->fixed + p->fixed_used };

	p->fixed_used += align(len);
	return place;
}

/* ---- steps -------------------------------------------------------------------------------------- */

static void bind_weights(struct planner *p, struct rnm_step *step)
{
	const struct rnm_network_node *node = step->node;
	uint32_t root = p->root[node->children[1]];
	const struct rnm_kernels *kernels = p->plan->kernels;
	uint64_t columns = 0, same = 0, floats;

	rnm_cmul_columns(rnm_child(p->net, node, 0), rnm_child(p->net, node, 1), &columns, &same);
	step->k = columns;
	step->rows = node->dims[0];
	step->n = node->dims[1];
	if (!has_weights(p, node))
		return;
	if (p->net->nodes[root].kind != RNM_NODE_OPERATOR)
		step->weights_leaf = root;
	if (p->net->scans != NULL)
		return;
	if (p->net->nodes[root].kind == RNM_NODE_OPERATOR)
		step->weights = (const unsigned char *)p->places[root].memory;
	else
		step->weights = p->net->data + p->net->nodes[root].values;
	/* A narrow layer would mostly multiply the zeros that fill up its panel. */
	if (kernels->product_packed == NULL || !p->dynamic[node->children[0]] ||
	    (uint64_t)p->plan->batch * step->rows < PACK_ROWS_MIN || step->n < kernels->panel / 2)
		return;
	floats = align(rnm_packed_floats(kernels->panel, step->n, step->k));
	if (4 * (p->packed_used + floats) > p->limits->max_packed_bytes)
		return;
	step->packed = p->plan->packed == NULL ? NULL : p->plan->packed + p->packed_used;
	p->packed_used += floats;
}

static bool make_step(struct planner *p, struct rnm_step *step, struct rnm_place *operands, uint32_t index)
{
	const struct rnm_network_node *node = &p->net->nodes[index];

	step->node = node;
	step->weights_leaf = RNM_NO_NODE;
	step->run = rnm_step_function(node->op);
	step->operands = operands;
	for (uint32_t k = 0; k < node->child_count; k++)
		operands[k] = p->places[p->root[node->children[k]]];
	if (node->op == RNM_OP_CMUL)
		bind_weights(p, step);
	if (!p->dynamic[index])
		p->places[index] = fixed_place(p, node->len);
	else if (!place_output(p, index))
		return false;
	step->out = p->places[index];
	return true;
}

/* Leaves that are read as they are: the input, and aligned copies of weights. */
static void place_leaves(struct planner *p)
{
	for (uint32_t i = 0; i <= p->net->output; i++) {
		const struct rnm_network_node *node = &p->net->nodes[i];

		if (i == p->net->input) {
			p->places[i] = (struct rnm_place){ .kind = RNM_PLACE_INPUT, .len = node->len };
		} else if (p->copied[i]) {
			p->places[i] = fixed_place(p, node->len);
			if (p->plan->late != NULL)
				p->plan->late[i] = p->places[i].memory;
			else
				memcpy(p->places[i].memory, p->net->data + node->values,
				       node->len * sizeof(float));
		}
	}
}

/*
 * Makes the steps of all constant operators first and runs them, so that their results are there when
 * weights are packed; then those that depend on the input.
 */
static bool make_steps(struct planner *p)
{
	struct rnm_plan *plan = p->plan;
	struct rnm_place *operands = plan->operands;
	struct rnm_run once = { .plan = plan, .count = 1 };
	size_t count = 0;

	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i <= p->net->output; i++) {
			struct rnm_step *step = &plan->steps[count];

			if (!is_step(p, i) || p->dynamic[i] != (pass == 1))
				continue;
			if (!make_step(p, step, operands, i))
				return false;
			operands += step->node->child_count;
			if (pass == 0) {
				step->run(&once, step);
				memset(step, 0, sizeof(*step));
			} else {
				count++;
			}
		}
	plan->step_count = count;
	plan->out = p->places[p->root[p->net->output]];
	return true;
}

static enum rnm_status pack(struct planner *p, struct rnm_error *err)
{
	struct rnm_plan *plan = p->plan;
	uint64_t floats = p->packed_used, at = 0;

	if (floats == 0)
		return RNM_OK;
	plan->packed = aligned_alloc(64, floats * sizeof(float));
	if (plan->packed == NULL)
		return rnm_error_nomem(err);
	p->packed_used = 0;
	for (size_t i = 0; i < plan->step_count; i++) {
		struct rnm_step *step = &plan->steps[i];

		if (step->node->op != RNM_OP_CMUL)
			continue;
		at = p->packed_used;
		bind_weights(p, step);
		if (p->packed_used > at)
			rnm_pack_weights(plan->packed + at, step->weights, plan->kernels->panel, step->n,
			                 step->k);
	}
	return RNM_OK;
}

/* ---- limits and life ---------------------------------------------------------------------------- */

static enum rnm_status check_fit(const struct rnm_network *net, struct rnm_error *err)
{
	for (uint32_t i = 0; i < net->node_count; i++) {
		const struct rnm_network_node *node = &net->nodes[i];

		if (node->pre >= 0) {
			rnm_error_set(
			    err, RNM_E_REFUSED, rnm_finding_id(RNM_KANN_RECURRENT),
			    "expected a feed-forward network, found a recurrent link in node %" PRIu32
			    ": rnm does not evaluate recurrent networks",
			    i);
			return RNM_E_REFUSED;
		}
		if (node->evaluated && (node->op == RNM_OP_DROPOUT || node->op == RNM_OP_SAMPLE_NORMAL)) {
			rnm_error_set(err, RNM_E_REFUSED, rnm_finding_id(RNM_KANN_STOCHASTIC),
			              "expected an output that is a function of the input, found the random "
			              "operator %s in node %" PRIu32,
			              rnm_network_node_name(node), i);
			return RNM_E_REFUSED;
		}
	}
	return RNM_OK;
}

static enum rnm_status check_limits(const struct planner *p, struct rnm_error *err)
{
	if (p->plan->work > p->limits->max_work) {
		rnm_error_set(err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_LIMIT_WORK),
		              "expected at most %" PRIu64 " operations for one vector, found %" PRIu64,
		              p->limits->max_work, p->plan->work);
		return RNM_E_MALFORMED;
	}
	/* The copies of leaves among them are never larger than the data itself. */
	if (p->fixed_floats > (p->limits->max_scratch_bytes + p->net->size) / sizeof(float)) {
		rnm_error_set(err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_LIMIT_SCRATCH),
		              "expected at most %" PRIu64 " bytes of constants, found %" PRIu64,
		              p->limits->max_scratch_bytes, p->fixed_floats * sizeof(float));
		return RNM_E_MALFORMED;
	}
	return RNM_OK;
}

/*
 * What is computed from weights alone would have to be computed before they are there; and many copies of
 * them are what somebody who lets the values pass wants to do without.
 */
static bool can_wait(const struct planner *p)
{
	for (uint32_t i = 0; i <= p->net->output; i++)
		if (is_step(p, i) && !p->dynamic[i])
			return false;
	return p->fixed_floats <= RNM_PLAN_LATE_MAX;
}

/* Fewer vectors at once when a full pass would take more memory than allowed. */
static enum rnm_status fit_batch(struct planner *p, struct rnm_error *err)
{
	uint64_t bytes = p->plan->slot_floats * sizeof(float);

	if (bytes > p->limits->max_scratch_bytes) {
		rnm_error_set(err, RNM_E_MALFORMED, rnm_finding_id(RNM_KANN_LIMIT_SCRATCH),
		              "expected at most %" PRIu64 " bytes of memory for one vector, found %" PRIu64,
		              p->limits->max_scratch_bytes, bytes);
		return RNM_E_MALFORMED;
	}
	if (bytes > 0 && p->limits->max_scratch_bytes / bytes < p->plan->batch)
		p->plan->batch = (uint32_t)(p->limits->max_scratch_bytes / bytes);
	return RNM_OK;
}

static bool allocate_marks(struct planner *p)
{
	size_t count = p->net->node_count;

	p->needed = calloc(count, sizeof(*p->needed));
	p->dynamic = calloc(count, sizeof(*p->dynamic));
	p->copied = calloc(count, sizeof(*p->copied));
	p->root = calloc(count, sizeof(*p->root));
	p->uses = calloc(count, sizeof(*p->uses));
	p->places = calloc(count, sizeof(*p->places));
	return p->needed != NULL && p->dynamic != NULL && p->copied != NULL && p->root != NULL &&
	       p->uses != NULL && p->places != NULL;
}

static void free_marks(struct planner *p)
{
	free(p->needed);
	free(p->dynamic);
	free(p->copied);
	free(p->root);
	free(p->uses);
	free(p->places);
	for (unsigned i = 0; i < SLOT_CLASSES; i++)
		free(p->free[i].offsets);
}

static enum rnm_status build(struct planner *p, struct rnm_error *err)
{
	struct rnm_plan *plan = p->plan;
	enum rnm_status status;
	size_t operands = 0;

	if (!allocate_marks(p))
		return rnm_error_nomem(err);
	mark_needed(p);
	mark_dynamic(p);
	survey(p, &operands);
	status = check_limits(p, err);
	if (status != RNM_OK)
		return status;
	if (p->net->scans != NULL) {
		if (!can_wait(p))
			return RNM_NO;
		plan->late = calloc(p->net->node_count, sizeof(*plan->late));
		if (plan->late == NULL)
			return rnm_error_nomem(err);
	}
	/* One spare entry: the step being filled when there is none left to come. */
	plan->steps = calloc(plan->step_count + 1, sizeof(*plan->steps));
	plan->operands = calloc(operands + 1, sizeof(*plan->operands));
	plan->fixed = aligned_alloc(64, (p->fixed_floats + ALIGN_FLOATS) * sizeof(float));
	if (plan->steps == NULL || plan->operands == NULL || plan->fixed == NULL)
		return rnm_error_nomem(err);
	place_leaves(p);
	if (!make_steps(p))
		return rnm_error_nomem(err);
	status = fit_batch(p, err);
	return status != RNM_OK ? status : pack(p, err);
}

enum rnm_status rnm_plan_new(struct rnm_plan **out, const struct rnm_network *network,
                             const struct rnm_plan_options *options, struct rnm_error *err)
{
	static const struct rnm_plan_options defaults = { .kernel = RNM_KERNEL_AUTO };
	const struct rnm_plan_options *wanted = options != NULL ? options : &defaults;
	const struct rnm_kernels *kernels = rnm_kernels_for(wanted->kernel);
	struct rnm_network_limits limits =
	    rnm_fill_limits(wanted->limits != NULL ? wanted->limits : &network->limits);
	struct planner p = { .net = network, .limits = &limits };
	enum rnm_status status;

	if (kernels == NULL)
		return rnm_error_set(err, RNM_E_USAGE, rnm_finding_id(RNM_KANN_KERNEL),
		                     "this processor has no kernel %s", rnm_kernel_name(wanted->kernel));
	if (wanted->batch > RNM_PLAN_BATCH_MAX)
		return rnm_error_set(err, RNM_E_USAGE, NULL, "expected a batch of at most %u, found %" PRIu32,
		                     RNM_PLAN_BATCH_MAX, wanted->batch);
	status = check_fit(network, err);
	if (status != RNM_OK)
		return status;
	p.plan = calloc(1, sizeof(*p.plan));
	if (p.plan == NULL)
		return rnm_error_nomem(err);
	p.plan->net = network;
	p.plan->kernels = kernels;
	p.plan->batch = wanted->batch == 0 ? RNM_PLAN_BATCH_MAX : wanted->batch;
	status = build(&p, err);
	free_marks(&p);
	if (status != RNM_OK)
		rnm_plan_free(p.plan);
	else
		*out = p.plan;
	return status;
}
