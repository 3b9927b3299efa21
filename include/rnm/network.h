/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/network.h: the neural network of a model: load, inspect, evaluate, merge, compare.
 *
 * Everything here is a function of memory: no file is read and nothing is printed.  The bytes are those
 * of a KANN file (rspamd: contrib/kann/kautodiff.c, contrib/kann/kann.c), that is, the field `ann`
 * after zstd.  Format, checks and limits in plain words: docs/network.md.
 *
 * Units: weights, inputs and outputs are 32-bit floats, matrices are row-major, a batch is a sequence of
 * vectors one behind the other.  Sizes are counts of floats unless they say bytes.
 *
 * Threads: a network and a plan never change once made and may be used from many threads at once.
 * A scratch belongs to one thread at a time.
 */
#ifndef RNM_NETWORK_H
#define RNM_NETWORK_H

#include <rnm/buf.h>
#include <rnm/rnm1.h>
#include <rnm/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- limits ------------------------------------------------------------------------------------- */

#define RNM_NETWORK_RANK_MAX 4u                       /* rspamd's dims array has four entries */
#define RNM_NETWORK_NODES_MAX 65536u                  /* real models have at most a few hundred */
#define RNM_NETWORK_CHILDREN_MAX 4096u                /* of one node */
#define RNM_NETWORK_BLOB_MAX 64u                      /* bytes; the largest operator record has 32 */
#define RNM_NETWORK_FLOATS_MAX ((uint64_t)1 << 28)    /* weights and constants together */
#define RNM_NETWORK_WORK_MAX ((uint64_t)1 << 32)      /* multiply-adds and copies for one vector */
#define RNM_NETWORK_SCRATCH_MAX ((uint64_t)256 << 20) /* bytes of one scratch, and of folded constants */
#define RNM_NETWORK_PACKED_MAX ((uint64_t)1 << 30)    /* bytes of weights re-ordered for batches */
#define RNM_NETWORK_FINDINGS_MAX 64u                  /* findings kept; the rest is only counted */

/* A value of 0 means the default above.  Raising one is safe: all arithmetic is 64-bit. */
struct rnm_network_limits {
	uint32_t max_nodes;
	uint32_t max_children;
	uint64_t max_floats;
	uint64_t max_work;
	uint64_t max_scratch_bytes;
	uint64_t max_packed_bytes;
	uint32_t max_findings;
};

/* ---- findings ----------------------------------------------------------------------------------- */

enum rnm_severity {
	RNM_SEVERITY_WARNING, /* odd, but evaluation is well defined */
	RNM_SEVERITY_UNFIT,   /* a well-formed network that must not be served */
	RNM_SEVERITY_ERROR    /* not a network: nothing can be evaluated */
};

#define RNM_NO_NODE UINT32_MAX

struct rnm_network_finding {
	const char *id; /* "kann.*", one of the table below; never freed */
	enum rnm_severity severity;
	uint32_t node;   /* index of the node it is about, or RNM_NO_NODE */
	uint64_t offset; /* byte offset in the data */
	char *text;      /* one plain sentence: what was expected and what was found */
};

/* The table of all finding ids of this header, for documentation: NULL past the last index. */
struct rnm_finding_kind {
	const char *id;
	enum rnm_severity severity;
	const char *meaning; /* one line */
};
RNM_API const struct rnm_finding_kind *rnm_network_finding_kind(size_t index);
RNM_API const char *rnm_severity_name(enum rnm_severity severity); /* "warning", "unfit", "error" */

/* ---- loading ------------------------------------------------------------------------------------ */

struct rnm_network;

/*
 * Validates data as a network that is fit to be served and returns a view of it: data is not copied
 * and must outlive *out; it may have any alignment.  Fails with RNM_E_MALFORMED when there is a finding
 * of severity RNM_SEVERITY_UNFIT or _ERROR: id, message, offset and hint are those of the first error
 * (or, without one, of the first that makes it unfit).  limits may be NULL.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_load(struct rnm_network **out, const void *data,
                                                        size_t len, const struct rnm_network_limits *limits,
                                                        struct rnm_error *err);
/*
 * The same validation for verbs that report: all findings go to *findings (in file order within each
 * step of the check; free with rnm_network_findings_free; at most max_findings of them).
 *   RNM_OK           fit to be served, possibly with warnings; *out is set
 *   RNM_NO           well formed but unfit (NaN weights, recurrent, random output, ...); *out is set
 *                    and may be inspected, merged and compared
 *   RNM_E_MALFORMED  not a network; *out is left alone
 * findings and count may be NULL together.  err describes the first finding that decided the status.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_check(struct rnm_network **out,
                                                         struct rnm_network_finding **findings, size_t *count,
                                                         const void *data, size_t len,
                                                         const struct rnm_network_limits *limits,
                                                         struct rnm_error *err);
RNM_API void rnm_network_findings_free(struct rnm_network_finding *findings, size_t count);
RNM_API void rnm_network_free(struct rnm_network *network);

/* ---- inspecting --------------------------------------------------------------------------------- */

enum rnm_node_kind {
	RNM_NODE_FEED,     /* placeholder, bound to a vector at run time */
	RNM_NODE_VARIABLE, /* trainable weights */
	RNM_NODE_CONSTANT,
	RNM_NODE_OPERATOR
};

/* Bits of rnm_network_node.roles (rspamd: contrib/kann/kann.h, external flags). */
#define RNM_ROLE_INPUT 1u
#define RNM_ROLE_OUTPUT 2u
#define RNM_ROLE_TRUTH 4u
#define RNM_ROLE_COST 8u

/* Bits of rnm_network_node.flag (rspamd: contrib/kann/kautodiff.h). */
#define RNM_NODE_FLAG_VARIABLE 1u
#define RNM_NODE_FLAG_CONSTANT 2u
#define RNM_NODE_FLAG_POOL 4u
#define RNM_NODE_FLAG_SHARE_RNG 16u

#define RNM_NODE_PARAMS_MAX 8u

struct rnm_network_node {
	enum rnm_node_kind kind;
	uint16_t op;    /* 1 to 38 for operators (docs/network.md), 0 for leaves */
	uint8_t flag;   /* as stored */
	bool trainable; /* a variable, or an operator with a trainable leaf below it */
	bool evaluated; /* the output depends on it during inference */
	uint8_t rank;   /* 0 (a scalar) to RNM_NETWORK_RANK_MAX */
	uint32_t dims[RNM_NETWORK_RANK_MAX];
	uint64_t len;   /* product of dims; 1 for a scalar */
	uint32_t roles; /* RNM_ROLE_* */
	int32_t label;  /* 0 in everything that rspamd writes */
	int32_t pre;    /* node that this one feeds back into, or -1 */
	uint32_t child_count;
	const uint32_t *children; /* indices of nodes, each below this one's own */
	uint32_t param_count;     /* numbers of the blob: select index, axis, convolution records, ... */
	int32_t params[RNM_NODE_PARAMS_MAX];
	struct rnm_bytes blob; /* as stored; the state of a random generator is only here */
	uint64_t offset;       /* of the record in the data */
	uint64_t values;       /* byte offset of the values of a variable or constant; else 0 */
};

RNM_API uint32_t rnm_network_node_count(const struct rnm_network *network);
/* NULL when index is out of range. */
RNM_API const struct rnm_network_node *rnm_network_node(const struct rnm_network *network, uint32_t index);
/* "cmul", "gelu", ... for operators, "feed", "variable" or "constant" for leaves. */
RNM_API const char *rnm_network_node_name(const struct rnm_network_node *node);
/* Name of an operator code, or NULL when there is none. */
RNM_API const char *rnm_network_op_name(unsigned op);

RNM_API uint32_t rnm_network_input_node(const struct rnm_network *network);
RNM_API uint32_t rnm_network_output_node(const struct rnm_network *network);
/* Length of the vector that goes in, and of the one that comes out (rspamd uses the first number only). */
RNM_API uint64_t rnm_network_input_dim(const struct rnm_network *network);
RNM_API uint64_t rnm_network_output_dim(const struct rnm_network *network);
/* What rspamd calls the output dimension: the size of the truth feed, or -1 (none), -2 (several). */
RNM_API int64_t rnm_network_truth_dim(const struct rnm_network *network);
RNM_API uint64_t rnm_network_variable_count(const struct rnm_network *network); /* floats */
RNM_API uint64_t rnm_network_constant_count(const struct rnm_network *network); /* floats */
RNM_API size_t rnm_network_size(const struct rnm_network *network);             /* bytes of the file */

/* Stored values, in file order: first those of all variables, then those of all constants. */
struct rnm_network_tensor {
	uint32_t node;
	bool constant;
	char name[40]; /* "dense1.weight", "dense1.bias", "norm1.gamma", "norm1.beta", "dropout1.rate",
	                      "output.weight", "conv1.weight", "attention1.query", or "node17" */
	uint8_t rank;
	uint32_t dims[RNM_NETWORK_RANK_MAX];
	uint64_t len;
	const void *data; /* len little-endian floats of any alignment: read with rnm_network_values */
};
RNM_API uint32_t rnm_network_tensor_count(const struct rnm_network *network);
/* false when index is out of range. */
RNM_API bool rnm_network_tensor(const struct rnm_network *network, uint32_t index,
                                struct rnm_network_tensor *out);
/* Copies floats first to first + count - 1 of a tensor; reads nothing outside of it. Returns how many. */
RNM_API uint64_t rnm_network_values(const struct rnm_network_tensor *tensor, uint64_t first, uint64_t count,
                                    float *out);

/* Which of the networks that rspamd builds this is (lualib/plugins/neural.lua), node for node. */
enum rnm_architecture {
	RNM_ARCHITECTURE_SYMBOL,
	RNM_ARCHITECTURE_EMBEDDING, /* also what rspamd builds for conv1d */
	RNM_ARCHITECTURE_OTHER      /* made by something else, or damaged */
};
RNM_API enum rnm_architecture rnm_network_architecture(const struct rnm_network *network);
RNM_API const char *rnm_architecture_name(enum rnm_architecture architecture); /* "symbol", ..., "other" */

/*
 * The architecture in words, e.g. "symbol 10 -> 16 -> 1" or
 * "embedding 300 -> 150 -> 75 -> 1, layer norm, GELU, dropout 0.2, 0.1"; "graph of 17 nodes, ..." for what
 * rspamd's own builders do not make.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_describe(const struct rnm_network *network,
                                                            struct rnm_buf *out, struct rnm_error *err);

/* ---- statistics and hashes ---------------------------------------------------------------------- */

struct rnm_tensor_stats {
	uint64_t zeros;      /* values that are 0 or -0 */
	uint64_t non_finite; /* NaN and infinities, of which the figures below know nothing */
	double min, max, mean;
	double std; /* population: divided by the count.  NaN, as the three above, without a finite value */
	/*
	 * Only of the matrix of a dense layer, else 0.  A unit is one row of it, that is, one output of the
	 * layer.  It is dead when the weights alone prove that it says nothing:
	 *   - all weights into it are 0, so that it computes the same from every input; or
	 *   - a relu is all that reads it (behind its bias), the layer's inputs cannot be negative, and
	 *     neither a weight into it nor its bias is positive, so that the relu gives 0 for every input.
	 */
	uint64_t units;
	uint64_t dead;
};
/* false when index is out of range. */
RNM_API bool rnm_network_tensor_stats(const struct rnm_network *network, uint32_t index,
                                      struct rnm_tensor_stats *out);
/* Counts the finite values of a tensor in bins of equal width over [low, high], ends included. */
RNM_API void rnm_tensor_histogram(const struct rnm_network_tensor *tensor, double low, double high,
                                  uint64_t *bins, size_t bin_count);

#define RNM_NETWORK_HASH_LEN 32u /* bytes: BLAKE2b-256 */
/*
 * What was trained, and nothing else: equal for the same weights whatever container, compression, name,
 * version or random state they come with.  The bytes that are hashed are in docs/network.md.  Constants
 * (dropout rates) and operators are left out.
 */
RNM_API void rnm_network_hash(const struct rnm_network *network, unsigned char hash[RNM_NETWORK_HASH_LEN]);
RNM_API void rnm_tensor_hash(const struct rnm_network_tensor *tensor,
                             unsigned char hash[RNM_NETWORK_HASH_LEN]);
/*
 * The graph without its weights and constants: equal for two networks that rnm_network_compare finds to have the
 * same graph.  The bytes that are hashed are in docs/network.md.
 */
RNM_API void rnm_network_graph_hash(const struct rnm_network *network,
                                    unsigned char hash[RNM_NETWORK_HASH_LEN]);

/* Where the first output can lie, by the operator that computes it; infinite where nothing bounds it. */
RNM_API void rnm_network_output_range(const struct rnm_network *network, double *low, double *high);

/* ---- evaluating --------------------------------------------------------------------------------- */

enum rnm_kernel {
	RNM_KERNEL_AUTO, /* the fastest one that this processor has */
	RNM_KERNEL_PLAIN,
	RNM_KERNEL_AVX2,  /* AVX2 and FMA */
	RNM_KERNEL_AVX512 /* AVX-512 F, DQ */
};
RNM_API bool rnm_kernel_available(enum rnm_kernel kernel);
RNM_API const char *rnm_kernel_name(enum rnm_kernel kernel); /* "auto", "plain", "avx2", "avx512" */

struct rnm_plan_options {
	enum rnm_kernel kernel;
	/*
	 * Vectors handled at once, 1 to RNM_PLAN_BATCH_MAX; 0 means RNM_PLAN_BATCH_MAX.  Larger batches are
	 * cut into pieces.  From 8 on, weights are copied into an order that suits the matrix product;
	 * with 1 they are read where they lie, which is best for a single vector.
	 */
	uint32_t batch;
	const struct rnm_network_limits *limits; /* NULL for the defaults */
};
#define RNM_PLAN_BATCH_MAX 64u

struct rnm_plan;    /* what to compute, in which order, where; immutable, shareable */
struct rnm_scratch; /* the memory for it; one per thread */

/*
 * Prepares evaluation of the output for any input.  network (and its data) must outlive *out; options
 * may be NULL.  Only ancestors of the output take part; a dropout switch always takes the branch
 * without dropout (as after training), whatever the file says.
 *   RNM_E_USAGE      the kernel is not available here ("kann.kernel") or batch is too large
 *   RNM_E_REFUSED    "kann.recurrent" or "kann.stochastic": the output is no function of the input
 *   RNM_E_MALFORMED  "kann.limit-work", "kann.limit-scratch"
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_plan_new(struct rnm_plan **out, const struct rnm_network *network,
                                                    const struct rnm_plan_options *options,
                                                    struct rnm_error *err);
RNM_API void rnm_plan_free(struct rnm_plan *plan);
RNM_API enum rnm_kernel rnm_plan_kernel(const struct rnm_plan *plan);
RNM_API uint32_t rnm_plan_batch(const struct rnm_plan *plan);
RNM_API uint64_t rnm_plan_work(const struct rnm_plan *plan); /* multiply-adds and copies for one vector */
RNM_API size_t rnm_plan_scratch_bytes(const struct rnm_plan *plan);

/* The scratch may be used with this plan only and may outlive it (to be freed). */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_scratch_new(struct rnm_scratch **out, const struct rnm_plan *plan,
                                                       struct rnm_error *err);
RNM_API void rnm_scratch_free(struct rnm_scratch *scratch);

/*
 * Evaluates batch vectors: inputs holds batch * input_dim floats, outputs receives batch * output_dim.
 * Nothing is allocated.  Inputs are not checked: NaN goes in, NaN comes out (rnm_preprocess_run checks).
 * Every vector is evaluated for itself, as rspamd does it (rspamd: src/lua/lua_kann.c, apply1): its result
 * does not depend on the others but for the rounding of sums in another order (about 4e-7).
 * RNM_E_USAGE ("kann.scratch") when scratch was made for another plan.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_eval(const struct rnm_plan *plan,
                                                        struct rnm_scratch *scratch, const float *inputs,
                                                        size_t batch, float *outputs, struct rnm_error *err);

/* ---- from the raw vector to the input ----------------------------------------------------------- */

/*
 * What rspamd does to a vector before the network sees it (src/plugins/lua/neural.lua), in this order:
 * normalisation in double precision, rounding to float, product with the PCA matrix.
 */
struct rnm_preprocess {
	enum rnm_norm_mode norm;
	const double *mean; /* zscore: norm_count numbers each */
	const double *std;
	size_t norm_count;
	const struct rnm_tensor *pca; /* NULL: none */
};

/*
 * Checks the parts against each other and against raw_len and input_dim (0: not known).
 * RNM_E_MALFORMED: "norm.length", "norm.std" (zero or negative), "norm.non-finite", "pca.cols" (not the
 * vector's length), "pca.rows" (not the network's input), "vector.length".
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_preprocess_check(const struct rnm_preprocess *preprocess,
                                                            size_t raw_len, uint64_t input_dim,
                                                            struct rnm_error *err);
/*
 * Turns one raw vector of raw_len numbers into an input.  work has room for raw_len floats; out for the
 * input: raw_len floats, or the rows of the PCA matrix.  Without PCA work may be out.
 * Does not repeat rnm_preprocess_check: call that once before.  RNM_E_MALFORMED "vector.non-finite" for a
 * NaN or infinite number, in the raw vector or after normalisation.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_preprocess_run(const struct rnm_preprocess *preprocess,
                                                          const double *raw, size_t raw_len, float *work,
                                                          float *out, struct rnm_error *err);

/* ---- probing ------------------------------------------------------------------------------------ */

/* What a network answered to some vectors (its first output, the only one that rspamd uses). */
struct rnm_probe_answers {
	unsigned vectors;
	unsigned non_finite; /* answers that are NaN or infinite */
	unsigned at_end;     /* answers within RNM_PROBE_END of an end of the output's range */
	double low, high;    /* of the finite answers */
};
struct rnm_probe {
	struct rnm_probe_answers usual; /* zeros, unit vectors, random and sparse vectors of usual size */
	struct rnm_probe_answers large; /* random vectors a thousand times as long */
};
#define RNM_PROBE_VECTORS_MIN 4u
#define RNM_PROBE_VECTORS_MAX 32u
#define RNM_PROBE_WORK ((uint64_t)1 << 27)     /* operations in all, unless 4 vectors need more */
#define RNM_PROBE_WORK_MAX ((uint64_t)1 << 30) /* operations for one vector; beyond it none is tried */
#define RNM_PROBE_END 1e-6

/*
 * Asks the network about made-up vectors, the same ones every time, as they are behind the normalisation
 * that preprocess (may be NULL) names; its PCA matrix is applied.  preprocess must have passed
 * rnm_preprocess_check.  limits may be NULL; max_work counts, RNM_PROBE_WORK_MAX without it.
 * Fails as rnm_plan_new.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_probe(struct rnm_probe *out,
                                                         const struct rnm_network *network,
                                                         const struct rnm_preprocess *preprocess,
                                                         const struct rnm_network_limits *limits,
                                                         struct rnm_error *err);

/* ---- merging and comparing ---------------------------------------------------------------------- */

enum rnm_compat {
	/* Same nodes, operators, shapes, roles, parameters and constants; random states may differ. */
	RNM_COMPAT_STRICT,
	/* rspamd's own test (contrib/kann/kann.c): equal weight count, input and truth dimension. */
	RNM_COMPAT_REFERENCE
};

/*
 * Whether b can be merged into a.  RNM_OK, or RNM_NO with id "kann.incompatible" and the first difference.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_compatible(const struct rnm_network *a,
                                                              const struct rnm_network *b,
                                                              enum rnm_compat compat, struct rnm_error *err);

/*
 * rspamd's merge (src/lua/lua_kann.c): every weight becomes (1 - alpha) * dst + alpha * src in single
 * precision; constants and graph are those of dst.  out has room for rnm_network_size(dst) bytes
 * and receives a complete file.  out must not overlap the data of either.
 * RNM_E_USAGE ("kann.alpha") unless 0 <= alpha <= 1; RNM_NO as rnm_network_compatible.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_merge(void *out, const struct rnm_network *dst,
                                                         const struct rnm_network *src, float alpha,
                                                         enum rnm_compat compat, struct rnm_error *err);
/*
 * The weighted mean of count networks, summed in double precision; shares need not add up to 1 but must be
 * finite, not negative and not all 0.  Graph and constants are those of networks[0].
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_merge_many(void *out,
                                                              const struct rnm_network *const *networks,
                                                              const double *shares, size_t count,
                                                              enum rnm_compat compat, struct rnm_error *err);

/* How the values of one tensor, or of all variables, differ between a and b. */
struct rnm_tensor_delta {
	uint32_t tensor;  /* index for rnm_network_tensor; the same in both */
	uint64_t count;   /* floats compared */
	uint64_t changed; /* floats that are not equal (NaN equals NaN here) */
	double max_abs;   /* largest |a - b|; NaN where either is not a number */
	double mean_abs;
	double rms;    /* root of the mean of (a - b)^2 */
	double cosine; /* of the angle between them; 1 for two zero tensors, 0 when only one is zero */
	/*
	 * How far the cosine is from what chance gives: sum(ab) / sqrt(sum(a^2 b^2)).  For tensors whose signs
	 * have nothing to do with each other it is distributed like a standard normal variable; at most the
	 * root of the count.  0 when one is zero.
	 */
	double cosine_z;
};
struct rnm_network_comparison {
	bool same_graph;                  /* RNM_COMPAT_STRICT but for the values of constants */
	bool reference_compatible;        /* RNM_COMPAT_REFERENCE */
	bool identical;                   /* same graph and every value equal, bit for bit */
	char *difference;                 /* first difference of the graphs, or NULL */
	struct rnm_tensor_delta *tensors; /* one per tensor; empty unless same_graph */
	size_t tensor_count;
	struct rnm_tensor_delta total; /* of all variables; also when only the counts are equal */
	/* Of the variables of rank 2 and more, which begin as random numbers (others begin as 0 or 1). */
	struct rnm_tensor_delta matrices;
};
/* Compares any two networks, unfit ones too; the result borrows nothing.  Fails only with RNM_E_NOMEM. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_network_compare(struct rnm_network_comparison **out,
                                                           const struct rnm_network *a,
                                                           const struct rnm_network *b,
                                                           struct rnm_error *err);
RNM_API void rnm_network_comparison_free(struct rnm_network_comparison *comparison);

#ifdef __cplusplus
}
#endif
#endif
