/* SPDX-License-Identifier: Apache-2.0 */
/* Writes small KANN files for tests, record by record, right or wrong. */
#ifndef NETWORK_BUILD_H
#define NETWORK_BUILD_H

#include <rnm/network.h>

#include <stdlib.h>
#include <string.h>

struct kann {
	unsigned char bytes[1 << 20];
	size_t len;
	int32_t nodes;
	size_t variables, constants; /* floats that the file needs */
	float values[1 << 18];       /* of constants; then of everything */
};

static inline void kann_bytes(struct kann *k, const void *data, size_t len)
{
	if (data != NULL)
		memcpy(k->bytes + k->len, data, len);
	k->len += len;
}

static inline void kann_i32(struct kann *k, int32_t n)
{
	kann_bytes(k, &n, 4);
}

static inline void kann_begin(struct kann *k)
{
	k->len = 0;
	k->nodes = 0;
	k->variables = k->constants = 0;
	kann_bytes(k, "KAN\1", 4);
	kann_i32(k, 0);
}

static inline void kann_prefix(struct kann *k, uint32_t roles, uint8_t flag, int32_t children)
{
	kann_i32(k, 0);
	kann_bytes(k, &roles, 4);
	kann_bytes(k, &flag, 1);
	kann_i32(k, children);
}

/* A leaf; returns its index. */
static inline int32_t kann_leaf(struct kann *k, uint32_t roles, uint8_t flag, unsigned rank,
                                const int32_t *dims)
{
	uint8_t n = (uint8_t)rank;
	size_t len = 1;

	kann_prefix(k, roles, flag, 0);
	kann_bytes(k, &n, 1);
	for (unsigned i = 0; i < rank; i++) {
		kann_i32(k, dims[i]);
		len *= (size_t)dims[i];
	}
	if ((flag & 1) != 0)
		k->variables += len;
	else if ((flag & 2) != 0)
		k->constants += len;
	return k->nodes++;
}

struct kann_op {
	uint16_t op;
	uint32_t roles;
	uint8_t flag;
	int32_t count;
	int32_t children[6];
	int32_t params[8];
	int32_t param_count;
	int32_t pre; /* 0 stands for -1: node 0 is never a target in tests */
};

static inline int32_t kann_operator(struct kann *k, struct kann_op o)
{
	kann_prefix(k, o.roles, o.flag, o.count);
	kann_bytes(k, &o.op, 2);
	for (int32_t i = 0; i < o.count; i++)
		kann_i32(k, o.children[i]);
	kann_i32(k, o.pre == 0 ? -1 : o.pre);
	kann_i32(k, 4 * o.param_count);
	kann_bytes(k, o.params, 4 * (size_t)o.param_count);
	return k->nodes++;
}

/* Writes the node count and the values; values are variables, then constants. */
static inline void kann_end(struct kann *k, const float *values)
{
	memcpy(k->bytes + 4, &k->nodes, 4);
	kann_bytes(k, values, 4 * (k->variables + k->constants));
}

#define DIMS(...)                                                                                            \
	(int32_t[])                                                                                          \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

/* A constant leaf with its values, for files without variables. */
static inline int32_t kann_constant(struct kann *k, unsigned rank, const int32_t *dims, const float *values)
{
	size_t before = k->constants;
	int32_t at = kann_leaf(k, 0, 2, rank, dims);

	memcpy(k->values + before, values, (k->constants - before) * sizeof(float));
	return at;
}

static inline int32_t kann_unary(struct kann *k, uint16_t op, int32_t from)
{
	return kann_operator(k, (struct kann_op){ .op = op, .flag = 1, .count = 1, .children = { from } });
}

static inline int32_t kann_binary(struct kann *k, uint16_t op, int32_t left, int32_t right)
{
	return kann_operator(k, (struct kann_op){
				    .op = op, .flag = 1, .count = 2, .children = { left, right } });
}

static inline int32_t kann_dense(struct kann *k, int32_t from, int32_t in, int32_t out)
{
	int32_t product = kann_binary(k, 3, from, kann_leaf(k, 0, 1, 2, DIMS(out, in)));

	return kann_binary(k, 1, product, kann_leaf(k, 0, 1, 1, DIMS(out)));
}

/* Tail of every built-in network: dense to one, tanh, truth, cost. */
static inline void kann_tail(struct kann *k, int32_t from, int32_t width)
{
	int32_t at = kann_dense(k, from, width, 1);

	at =
	    kann_operator(k,
	                  (struct kann_op){ .op = 7, .roles = 2, .flag = 1, .count = 1, .children = { at } });
	kann_operator(k, (struct kann_op){ .op = 4,
	                                   .roles = 8,
	                                   .flag = 1,
	                                   .count = 2,
	                                   .children = { at, kann_leaf(k, 4, 0, 2, DIMS(1, 1)) } });
}

/* The fill rules of the published test vectors. */
static inline float fill_weight(size_t i)
{
	return (float)((int)(i * 37 % 101) - 50) / 100.0f;
}

static inline float fill_other(size_t i)
{
	return (float)((int)(i * 53 % 97) - 48) / 96.0f;
}

static inline float fill_input(size_t j)
{
	return (float)((int)(j * 29 % 83) - 41) / 41.0f;
}

/* Dropout rates: the last hidden layer has half of it. */
static inline void kann_fill_with(struct kann *k, float (*weight)(size_t i))
{
	for (size_t i = 0; i < k->variables; i++)
		k->values[i] = weight(i);
	for (size_t i = 0; i < k->constants; i++)
		k->values[k->variables + i] = i + 1 < k->constants || k->constants == 1 ? 0.2f : 0.1f;
	kann_end(k, k->values);
}

static inline void kann_fill(struct kann *k)
{
	kann_fill_with(k, fill_weight);
}

static inline void kann_symbol(struct kann *k, int32_t n, int32_t hidden, float (*weight)(size_t i))
{
	int32_t in;

	kann_begin(k);
	in = kann_leaf(k, 1, 0, 2, DIMS(1, n));
	in = kann_operator(k, (struct kann_op){ .op = 8, .count = 1, .children = { in } });
	kann_tail(k, kann_dense(k, in, n, hidden), hidden);
	kann_fill_with(k, weight);
}

struct kann_embedding {
	int32_t n, widths[3];
	unsigned layers;
	bool relu, no_norm, no_dropout;
	int32_t dropout_switch; /* 0: off, as stored after training */
};

static inline int32_t kann_dropout(struct kann *k, int32_t at, int32_t state)
{
	int32_t rate = kann_leaf(k, 0, 2, 0, NULL);
	int32_t on = kann_operator(k, (struct kann_op){ .op = 15,
	                                                .flag = 1,
	                                                .count = 2,
	                                                .children = { at, rate },
	                                                .params = { 1, 2, 3, 4 },
	                                                .param_count = 8 });

	return kann_operator(k, (struct kann_op){ .op = 12,
	                                          .flag = 1,
	                                          .count = 2,
	                                          .children = { at, on },
	                                          .params = { state },
	                                          .param_count = 1 });
}

static inline void kann_embedding(struct kann *k, const struct kann_embedding *e)
{
	int32_t at, in = e->n;

	kann_begin(k);
	at = kann_leaf(k, 1, 0, 2, DIMS(1, e->n));
	for (unsigned i = 0; i < e->layers; in = e->widths[i++]) {
		at = kann_dense(k, at, in, e->widths[i]);
		if (!e->no_norm) {
			at = kann_unary(k, 32, at);
			at = kann_binary(k, 2, at, kann_leaf(k, 0, 1, 1, DIMS(e->widths[i])));
			at = kann_binary(k, 1, at, kann_leaf(k, 0, 1, 1, DIMS(e->widths[i])));
		}
		at = kann_unary(k, e->relu ? 8 : 37, at);
		if (!e->no_dropout)
			at = kann_dropout(k, at, e->dropout_switch);
	}
	kann_tail(k, at, in);
	kann_fill(k);
}

#endif
