/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/model_compare.h: what two models have in common, and one sentence for it.  docs/comparing.md says
 * what each verdict means and how far it can be trusted.
 */
#ifndef RNM_MODEL_COMPARE_H
#define RNM_MODEL_COMPARE_H

#include <rnm/model_file.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From the least difference to the largest; the first one that applies is the verdict. */
enum rnm_model_relation {
	RNM_MODELS_IDENTICAL,        /* nothing that is compared differs */
	RNM_MODELS_SAME_NETWORK,     /* same weights; the rest is unknown, for one is a bare network */
	RNM_MODELS_OTHER_LABEL,      /* same weights and processing; only what is said about them differs */
	RNM_MODELS_OTHER_THRESHOLDS, /* same weights and processing, other thresholds */
	RNM_MODELS_OTHER_PROCESSING, /* same weights, other normalisation or PCA matrix */
	RNM_MODELS_MOVED_SYMBOLS,    /* same weights, inputs in other places: one of the two misreads them */
	RNM_MODELS_RETRAIN,          /* same architecture and inputs, other weights */
	RNM_MODELS_OTHER_INPUTS,     /* same architecture, other inputs, other weights */
	RNM_MODELS_OTHER_ARCHITECTURE, /* other graphs */
	RNM_MODELS_UNREADABLE          /* at least one is no network */
};

/* Whether the weights of a retrain show that both trainings began with the same random numbers. */
enum rnm_model_start {
	RNM_START_UNKNOWN,  /* it cannot be told, or the weights are equal, or the graphs differ */
	RNM_START_COMMON,   /* one goes on from the other, or both from the same initial weights */
	RNM_START_SEPARATE, /* from other initial weights */
};

/* What is compared.  Bits of rnm_model_comparison.differs and .unknown. */
enum rnm_model_aspect {
	RNM_ASPECT_GRAPH = 1 << 0,      /* operators, shapes, links, parameters */
	RNM_ASPECT_WEIGHTS = 1 << 1,    /* values that the output depends on */
	RNM_ASPECT_UNUSED = 1 << 2,     /* constants that it does not depend on: dropout rates */
	RNM_ASPECT_VECTOR = 1 << 3,     /* length of the raw vector */
	RNM_ASPECT_SYMBOLS = 1 << 4,    /* names or their order */
	RNM_ASPECT_NORM = 1 << 5,       /* normalisation */
	RNM_ASPECT_PCA = 1 << 6,        /* PCA matrix */
	RNM_ASPECT_THRESHOLDS = 1 << 7, /* roc_thresholds */
	RNM_ASPECT_DIGEST = 1 << 8,     /* providers_digest */
	RNM_ASPECT_PROVIDERS = 1 << 9,  /* providers_meta */
	RNM_ASPECT_VERSION = 1 << 10,   /* model_version */
	RNM_ASPECT_CREATED = 1 << 11,   /* created_at */
	RNM_ASPECT_RULE = 1 << 12,      /* rnm.rule */
	RNM_ASPECT_SETTINGS = 1 << 13,  /* rnm.settings */
	RNM_ASPECT_PROFILE = 1 << 14,   /* rnm.profile_digest */
	RNM_ASPECT_TOOL = 1 << 15,      /* rnm.tool */
	RNM_ASPECT_END = 1 << 16
};

/* A symbol of one or both lists; positions count from 0, SIZE_MAX where it is absent. */
struct rnm_symbol_place {
	struct rnm_bytes name; /* borrowed from one of the files */
	size_t a, b;
};
struct rnm_symbols_comparison {
	size_t a_count, b_count;
	struct rnm_symbol_place *added; /* in B only, in B's order */
	size_t added_count;
	struct rnm_symbol_place *removed; /* in A only, in A's order */
	size_t removed_count;
	struct rnm_symbol_place *moved; /* in both at different positions, in A's order */
	size_t moved_count;
	/*
	 * Whether inputs depend on the list: they do for a rule without providers and for a provider of
	 * the type symbols.  Taken to be so when the files do not say.
	 */
	bool matter;
};

struct rnm_model_comparison {
	enum rnm_model_relation relation;
	enum rnm_model_start start;
	char *sentence;   /* the verdict in words, with A for the first model and B for the second */
	unsigned differs; /* RNM_ASPECT_* */
	unsigned unknown; /* RNM_ASPECT_*: only one of the two says it, or it does not mean the same */
	struct rnm_network_comparison *network; /* NULL when one of them is no network */
	struct rnm_symbols_comparison symbols;  /* empty when one of them has no list */
	/* Of zscore statistics of equal length; else 0. */
	size_t norm_changed;              /* means and deviations that differ */
	double mean_max_abs, std_max_abs; /* largest differences */
	struct rnm_tensor_delta pca;      /* of matrices of equal shape; else count is 0 */
};

/*
 * Compares two opened models, which must outlive *out.  Models with problems are compared as far as
 * they can be read.  Fails only with RNM_E_NOMEM.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_compare(struct rnm_model_comparison **out,
                                                         const struct rnm_model_file *a,
                                                         const struct rnm_model_file *b,
                                                         struct rnm_error *err);
RNM_API void rnm_model_comparison_free(struct rnm_model_comparison *comparison);

/* Stable names: "identical", "other-label", ...; "unknown", "common", "separate". */
RNM_API const char *rnm_model_relation_name(enum rnm_model_relation relation);
RNM_API const char *rnm_model_start_name(enum rnm_model_start start);
/* "weights", "providers_digest", ... for programs, and in words; NULL unless aspect is exactly one bit. */
RNM_API const char *rnm_model_aspect_id(unsigned aspect);
RNM_API const char *rnm_model_aspect_name(unsigned aspect);

#ifdef __cplusplus
}
#endif
#endif
