/* SPDX-License-Identifier: Apache-2.0 */
/* The node table is gathered, then values pass: scanned where they are, kept where they are few, multiplied. */
#include "network/stream.h"

#include "network/plan.h"
#include "network/probe.h"

#include <stdlib.h>

/* The node table is looked for in so many bytes first; those of rspamd have a few hundred. */
#define TABLE_FIRST ((size_t)64 << 10)
/* Bytes of values handled at once: they fit the caches of all processors.  A row of weights may be longer. */
#define BLOCK ((size_t)256 << 10)
#define ROW_MAX ((uint64_t)4 << 20)

/* What the values of one leaf are for. */
struct route {
	float *late;                 /* where they are copied, or NULL */
	const struct rnm_step *step; /* the product whose weights they are, or NULL */
};

struct rnm_network_stream {
	uint64_t size, seen;
	bool has_preprocess;
	struct rnm_preprocess preprocess;
	struct rnm_buf kept; /* the node table; everything, when it is kept whole */
	enum { TABLE, VALUES, WHOLE, IGNORED } state;
	size_t table_wanted; /* bytes in which to look for the node table next */

	struct rnm_network *net;
	struct rnm_findings *findings;

	uint32_t tensor;     /* the one whose values come now, by its place in the file */
	size_t unit;         /* bytes of it that are handled together: a value, or a row of weights */
	unsigned char *torn; /* such a unit of which not all has come ... */
	size_t torn_len;     /* ... but so many bytes */
	size_t unit_max;

	/* The trial; while it runs, steps before next_step are done. */
	bool trying;
	enum rnm_status probe_status;
	struct rnm_error probe_problem;
	struct rnm_probing probing;
	struct rnm_run run;
	struct route *routes; /* one for each node */
	size_t next_step;
	float *product; /* of one block */
};

enum rnm_status rnm_network_stream_new(struct rnm_network_stream **out, uint64_t size, uint64_t keep,
                                       const struct rnm_preprocess *preprocess, struct rnm_error *err)
{
	struct rnm_network_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return rnm_error_nomem(err);
	stream->size = size;
	if (preprocess != NULL) {
		stream->has_preprocess = true;
		stream->preprocess = *preprocess;
	}
	stream->state = size <= keep ? WHOLE : TABLE;
	stream->table_wanted = TABLE_FIRST;
	stream->unit_max = sizeof(float);
	stream->probe_status = RNM_E_USAGE;
	rnm_buf_init(&stream->kept, size);
	*out = stream;
	return RNM_OK;
}

static void forget_network(struct rnm_network_stream *stream)
{
	rnm_probing_end(&stream->probing);
	stream->probing = (struct rnm_probing){ 0 };
	stream->trying = false;
	if (stream->findings != NULL)
		rnm_findings_destroy(stream->findings);
	stream->findings = NULL;
	rnm_network_free(stream->net);
	stream->net = NULL;
}

void rnm_network_stream_free(struct rnm_network_stream *stream)
{
	if (stream == NULL)
		return;
	forget_network(stream);
	rnm_buf_free(&stream->kept);
	free(stream->torn);
	free(stream->routes);
	free(stream->product);
	free(stream);
}

/* ---- can it be tried out in one pass? ------------------------------------------------------------- */

static bool is_leaf(const struct rnm_network *net, uint32_t index)
{
	return net->nodes[index].kind != RNM_NODE_OPERATOR && index != net->input;
}

/* Whether the values of all leaves that a step reads, but for its weights, come before those of place `at`. */
static bool is_ready(const struct rnm_network_stream *stream, const struct rnm_step *step, uint32_t at)
{
	const struct rnm_network *net = stream->net;

	for (uint32_t k = 0; k < step->node->child_count; k++) {
		const uint32_t root = rnm_plan_root(net, step->node->children[k]);

		if (is_leaf(net, root) && root != step->weights_leaf &&
		    net->nodes[root].values >= net->nodes[net->tensors[at]].values)
			return false;
	}
	return true;
}

/* The weights of each product, which must be those of that product alone and come in blocks of whole rows. */
static bool route_weights(struct rnm_network_stream *stream)
{
	const struct rnm_plan *plan = stream->probing.plan;

	for (size_t i = 0; i < plan->step_count; i++) {
		const struct rnm_step *step = &plan->steps[i];

		if (step->weights_leaf == RNM_NO_NODE)
			continue;
		if (stream->routes[step->weights_leaf].step != NULL || step->k * sizeof(float) > ROW_MAX)
			return false;
		stream->routes[step->weights_leaf].step = step;
	}
	for (uint32_t i = 0; i < stream->net->node_count; i++)
		stream->routes[i].late = plan->late[i];
	return true;
}

/* Goes through the file as the values will: is each product's turn when its weights come? */
static bool is_in_order(const struct rnm_network_stream *stream)
{
	const struct rnm_network *net = stream->net;
	const struct rnm_plan *plan = stream->probing.plan;
	const struct rnm_step *next = plan->steps;

	for (uint32_t at = 0; at < net->tensor_count; at++) {
		const struct rnm_step *step = stream->routes[net->tensors[at]].step;

		if (step == NULL)
			continue;
		if (step < next || !is_ready(stream, step, at))
			return false;
		for (; next < step; next++)
			if (next->weights_leaf != RNM_NO_NODE || !is_ready(stream, next, at))
				return false;
		next = step + 1;
	}
	return true;
}

static enum rnm_status allocate_trial(struct rnm_network_stream *stream, struct rnm_error *err)
{
	const struct rnm_plan *plan = stream->probing.plan;
	uint64_t floats = 1;

	for (size_t i = 0; i < plan->step_count; i++) {
		const struct rnm_step *step = &plan->steps[i];
		const uint64_t row = step->weights_leaf != RNM_NO_NODE ? step->k * sizeof(float) : 0;
		const uint64_t rows = row == 0 ? 0 : row < BLOCK ? BLOCK / row : 1;
		const uint64_t width = rows < step->n ? rows : step->n;

		if (row > stream->unit_max)
			stream->unit_max = (size_t)row;
		if (width * step->rows * plan->batch > floats)
			floats = width * step->rows * plan->batch;
	}
	stream->product = malloc(floats * sizeof(float));
	if (stream->product == NULL)
		return rnm_error_nomem(err);
	stream->run = (struct rnm_run){ .plan = plan,
		                        .memory = stream->probing.scratch->memory,
		                        .inputs = stream->probing.inputs,
		                        .count = plan->batch };
	stream->trying = true;
	return RNM_OK;
}

/* RNM_NO: it has to be kept whole. */
static enum rnm_status begin_trial(struct rnm_network_stream *stream, struct rnm_error *err)
{
	const struct rnm_preprocess *preprocess = stream->has_preprocess ? &stream->preprocess : NULL;
	const uint64_t inputs = rnm_network_input_dim(stream->net);
	enum rnm_status status = RNM_OK;

	if (preprocess != NULL)
		status =
		    rnm_preprocess_check(preprocess, preprocess->pca != NULL ? preprocess->pca->cols : inputs,
		                         inputs, NULL);
	if (status != RNM_OK)
		return RNM_OK;
	status = rnm_probing_begin(&stream->probing, stream->net, preprocess, NULL, &stream->probe_problem);
	if (status == RNM_NO)
		return RNM_NO;
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	stream->probe_status = status;
	if (status != RNM_OK)
		return RNM_OK;
	stream->routes = calloc(stream->net->node_count, sizeof(*stream->routes));
	if (stream->routes == NULL)
		return rnm_error_nomem(err);
	if (!route_weights(stream) || !is_in_order(stream))
		return RNM_NO;
	return allocate_trial(stream, err);
}

/* ---- values ------------------------------------------------------------------------------------------ */

static void begin_leaf(struct rnm_network_stream *stream)
{
	const struct rnm_step *step =
	    stream->trying ? stream->routes[stream->net->tensors[stream->tensor]].step : NULL;

	stream->unit = step != NULL ? step->k * sizeof(float) : sizeof(float);
	stream->torn_len = 0;
}

static void run_until(struct rnm_network_stream *stream, size_t end)
{
	const struct rnm_plan *plan = stream->probing.plan;

	for (; stream->next_step < end; stream->next_step++)
		plan->steps[stream->next_step].run(&stream->run, &plan->steps[stream->next_step]);
}

/* Whole rows of weights: as many columns of the product, for all vectors. */
static void multiply(struct rnm_network_stream *stream, const struct rnm_step *step, uint64_t first,
                     const unsigned char *values, size_t count)
{
	const struct rnm_kernels *kernels = stream->probing.plan->kernels;
	const size_t vectors = stream->run.count * step->rows, rows = count / step->k;
	float *out = rnm_place_at(&stream->run, &step->out, 0) + first / step->k;

	kernels->product(stream->product, rnm_operand_at(&stream->run, step, 0, 0), values, vectors, rows,
	                 step->k);
	for (size_t v = 0; v < vectors; v++)
		memcpy(out + v * step->n, stream->product + v * rows, rows * sizeof(float));
}

/* The next values of the leaf. */
static void use_values(struct rnm_network_stream *stream, const unsigned char *values, size_t count)
{
	const uint32_t index = stream->net->tensors[stream->tensor];
	struct rnm_value_scan *scan = &stream->net->scans[index];
	const uint64_t first = scan->done;
	const struct route *route = stream->trying ? &stream->routes[index] : NULL;

	rnm_value_scan_feed(scan, values, count);
	if (route != NULL && route->late != NULL)
		memcpy(route->late + first, values, count * sizeof(float));
	if (route == NULL || route->step == NULL)
		return;
	if (first == 0)
		run_until(stream, (size_t)(route->step - stream->probing.plan->steps));
	multiply(stream, route->step, first, values, count);
	if (scan->done == stream->net->nodes[index].len)
		stream->next_step++;
}

/* As many whole units of the leaf as are handled at once, from where they are; 0: not even one is there. */
static size_t take_units(struct rnm_network_stream *stream, const unsigned char *data, size_t len,
                         uint64_t left)
{
	const size_t most = stream->unit < BLOCK ? BLOCK : stream->unit;
	size_t take = len < left ? len : (size_t)left;

	if (take > most)
		take = most;
	take -= take % stream->unit;
	if (take > 0)
		use_values(stream, data, take / sizeof(float));
	return take;
}

/* The rest of a unit, or what there is of it. */
static size_t take_torn(struct rnm_network_stream *stream, const unsigned char *data, size_t len)
{
	const size_t missing = stream->unit - stream->torn_len;
	const size_t take = len < missing ? len : missing;

	memcpy(stream->torn + stream->torn_len, data, take);
	stream->torn_len += take;
	if (take == missing) {
		use_values(stream, stream->torn, stream->unit / sizeof(float));
		stream->torn_len = 0;
	}
	return take;
}

static void feed_values(struct rnm_network_stream *stream, const unsigned char *data, size_t len)
{
	const struct rnm_network *net = stream->net;

	while (len > 0 && stream->tensor < net->tensor_count) {
		const uint32_t index = net->tensors[stream->tensor];
		const uint64_t left = (net->nodes[index].len - net->scans[index].done) * sizeof(float);
		size_t take = stream->torn_len == 0 ? take_units(stream, data, len, left) : 0;

		if (take == 0 && left > 0)
			take = take_torn(stream, data, len);
		data += take;
		len -= take;
		if (net->scans[index].done == net->nodes[index].len && ++stream->tensor < net->tensor_count)
			begin_leaf(stream);
	}
}

/* ---- the node table ---------------------------------------------------------------------------------- */

/* false: no memory. */
static bool new_network(struct rnm_network_stream *stream)
{
	stream->net = calloc(1, sizeof(*stream->net));
	if (stream->net == NULL)
		return false;
	stream->net->limits = rnm_fill_limits(NULL);
	stream->net->data = (const unsigned char *)stream->kept.data;
	stream->net->size = (size_t)stream->size;
	stream->findings = rnm_findings_new(stream->net->limits.max_findings);
	return stream->findings != NULL;
}

static enum rnm_status begin_values(struct rnm_network_stream *stream, struct rnm_error *err)
{
	struct rnm_network *net = stream->net;
	enum rnm_status status;

	net->scans = malloc(net->node_count * sizeof(*net->scans));
	if (net->scans == NULL)
		return rnm_error_nomem(err);
	for (uint32_t i = 0; i < net->node_count; i++)
		net->scans[i] = RNM_VALUE_SCAN_BEGIN;
	status = begin_trial(stream, err);
	if (status == RNM_NO) {
		forget_network(stream);
		stream->probe_status = RNM_E_USAGE;
		stream->state = WHOLE;
		return RNM_OK;
	}
	if (status != RNM_OK)
		return status;
	stream->torn = malloc(stream->unit_max);
	if (stream->torn == NULL)
		return rnm_error_nomem(err);
	stream->state = VALUES;
	if (net->tensor_count > 0)
		begin_leaf(stream);
	feed_values(stream, net->data + net->x_offset, stream->kept.len - net->x_offset);
	return RNM_OK;
}

/* Looks for the node table in what has come so far. */
static enum rnm_status read_table(struct rnm_network_stream *stream, struct rnm_error *err)
{
	bool sound;

	if (!new_network(stream))
		return rnm_error_nomem(err);
	sound = rnm_graph_validate(stream->net, stream->kept.len, stream->findings);
	if (stream->findings->failed)
		return rnm_error_nomem(err);
	if (stream->net->cut_short) {
		forget_network(stream);
		stream->table_wanted *= 2;
		return RNM_OK;
	}
	/* Reserving more would move what the nodes point to: nothing is added from now on. */
	if (sound)
		return begin_values(stream, err);
	stream->state = IGNORED;
	return RNM_OK;
}

enum rnm_status rnm_network_stream_feed(struct rnm_network_stream *stream, const void *data, size_t len,
                                        struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	stream->seen += len;
	if (stream->state == VALUES)
		feed_values(stream, data, len);
	if (stream->state != TABLE && stream->state != WHOLE)
		return RNM_OK;
	if (!rnm_buf_append(&stream->kept, data, len))
		return rnm_error_nomem(err);
	while (status == RNM_OK && stream->state == TABLE &&
	       (stream->kept.len >= stream->table_wanted || stream->kept.len == stream->size))
		status = read_table(stream, err);
	return status;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

/* All of it is there. */
static enum rnm_status check_whole(struct rnm_network_stream *stream, struct rnm_network_seen *seen,
                                   struct rnm_error *err)
{
	const struct rnm_preprocess *preprocess = stream->has_preprocess ? &stream->preprocess : NULL;
	enum rnm_status status = rnm_network_check(&seen->network, &seen->findings, &seen->finding_count,
	                                           rnm_buf_cstr(&stream->kept), stream->kept.len, NULL, err);
	const uint64_t inputs = status == RNM_OK ? rnm_network_input_dim(seen->network) : 0;

	if (status == RNM_OK &&
	    (preprocess == NULL ||
	     rnm_preprocess_check(preprocess, preprocess->pca != NULL ? preprocess->pca->cols : inputs,
	                          inputs, NULL) == RNM_OK))
		seen->probe_status =
		    rnm_network_probe(&seen->probe, seen->network, preprocess, NULL, &seen->probe_problem);
	return status;
}

static void end_trial(struct rnm_network_stream *stream, struct rnm_network_seen *seen)
{
	seen->probe_status = stream->probe_status;
	seen->probe_problem = stream->probe_problem;
	if (!stream->trying)
		return;
	run_until(stream, stream->probing.plan->step_count);
	rnm_run_output(&stream->run, stream->probing.outputs);
	rnm_probing_judge(&stream->probing, &seen->probe);
}

enum rnm_status rnm_network_stream_end(struct rnm_network_stream *stream, struct rnm_network_seen *seen,
                                       struct rnm_error *err)
{
	enum rnm_status status;

	*seen = (struct rnm_network_seen){ .probe_status = RNM_E_USAGE };
	if (stream->state == WHOLE || stream->state == TABLE)
		return check_whole(stream, seen, err);
	if (stream->state == VALUES)
		rnm_graph_check_values(stream->net, stream->findings);
	status = rnm_findings_verdict(stream->findings, err);
	if (status == RNM_E_NOMEM)
		return status;
	if (status == RNM_OK)
		end_trial(stream, seen);
	seen->findings = stream->findings->items;
	seen->finding_count = stream->findings->count;
	stream->findings->items = NULL;
	stream->findings->count = 0;
	if (status == RNM_OK || status == RNM_NO) {
		free(stream->net->broken);
		stream->net->broken = NULL;
		seen->network = stream->net;
		rnm_probing_end(&stream->probing);
		stream->probing = (struct rnm_probing){ 0 };
		stream->trying = false;
		stream->net = NULL;
	}
	return status;
}
