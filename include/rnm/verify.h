/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/verify.h: is a model sound, and would rspamd use it?
 *
 * Everything that can be known without mail, as a list of findings with stable ids (docs/findings.md).
 * `rnm inspect`, `rnm verify` and every other verb that judges a model ask here and nowhere else.
 */
#ifndef RNM_VERIFY_H
#define RNM_VERIFY_H

#include <rnm/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is looked at, in this order. */
enum rnm_check {
	RNM_CHECK_CONTAINER, /* the msgpack map and the rules for published files (docs/rnm1.md) */
	RNM_CHECK_FRAMES,    /* the zstd frames of the blobs */
	RNM_CHECK_NETWORK,   /* structure, shapes and values of the network */
	RNM_CHECK_PCA,       /* the PCA matrix by itself */
	RNM_CHECK_DIMENSIONS, /* network, PCA matrix and norm_stats against each other; numbers of norm_stats */
	RNM_CHECK_THRESHOLDS, /* against each other and against what the network can answer */
	RNM_CHECK_ANSWERS,    /* what the network says of made-up vectors (rnm_network_probe) */
	RNM_CHECK_RULE,       /* a rule of a configuration */
	RNM_CHECK_COUNT
};
RNM_API const char *rnm_check_name(enum rnm_check check); /* "container", "frames", ... */

enum rnm_check_state {
	RNM_CHECK_SKIPPED, /* nothing there to look at, not asked for, or out of reach behind a problem */
	RNM_CHECK_OK,
	RNM_CHECK_WARNING,
	RNM_CHECK_PROBLEM
};
RNM_API const char *rnm_check_state_name(enum rnm_check_state state); /* "skipped", "ok", ... */

struct rnm_check_result {
	enum rnm_check_state state;
	char *summary; /* what was looked at or why it was not: half a sentence, never NULL */
};

struct rnm_model_finding {
	enum rnm_check check;
	const char *id;             /* never freed */
	enum rnm_severity severity; /* a warning, or else a problem */
	/* Where: "ann_data", "pca_data", "norm_stats", "roc_thresholds", "container" or "rule"; never freed. */
	const char *part;
	uint32_t node;   /* of the network, or RNM_NO_NODE */
	bool has_offset; /* in bytes of the part: compressed for ids frame.*, else expanded */
	uint64_t offset;
	char *text; /* one plain sentence */
	char *hint; /* what to do, or NULL */
};

struct rnm_verification {
	struct rnm_check_result checks[RNM_CHECK_COUNT];
	struct rnm_model_finding *findings; /* in order of the checks */
	size_t finding_count;
	size_t problems, warnings; /* findings of either kind */
};

struct rnm_verify_options {
	/* NULL: the model by itself.  Else the rule must come from config (rule->raw is used). */
	const struct rnm_rule *rule;
	struct rnm_config *config;
	/*
	 * NULL: Redis was not asked.  Else all models of the rule: for a model from Redis with its index, which
	 * says whether workers serve it; for a file with SIZE_MAX, and versions are compared.
	 */
	const struct rnm_model_list *list;
	size_t index;
	/* The model is to be written into Redis: what counts there, and not what counts for published files. */
	bool for_redis;
	/* For the answers; NULL for the defaults of rnm_network_probe. */
	const struct rnm_network_limits *limits;
};

/*
 * RNM_OK: no problem, perhaps warnings.  RNM_NO: there are problems, err is about the first one.  In both
 * cases *out is set.  Anything else (RNM_E_NOMEM, errors of the configuration, RNM_E_USAGE "model.unread" for a file
 * of rnm_model_file_open_once) leaves it alone.  options may be NULL.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_verify(struct rnm_verification **out,
                                                        const struct rnm_model_file *file,
                                                        const struct rnm_verify_options *options,
                                                        struct rnm_error *err);
RNM_API void rnm_verification_free(struct rnm_verification *verification);

/* What an id says about a model, wherever it comes from; NULL for ids of other subjects. */
RNM_API const struct rnm_finding_kind *rnm_model_finding_kind(const char *id);

#ifdef __cplusplus
}
#endif
#endif
