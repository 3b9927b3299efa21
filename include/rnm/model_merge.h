/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/model_merge.h: the weighted mean of models of one architecture.  What that is worth, and what becomes
 * of everything around the weights: docs/comparing.md.
 */
#ifndef RNM_MODEL_MERGE_H
#define RNM_MODEL_MERGE_H

#include <rnm/model_compare.h>
#include <rnm/model_write.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_MERGE_PARTS_MAX 64u
#define RNM_MERGE_KEEP_NONE SIZE_MAX

struct rnm_merge_part {
	const struct rnm_model_file *file; /* must outlive the merge */
	const char *name;                  /* for messages */
	double share;                      /* at least 0; only its part of the sum counts */
};

struct rnm_merge_options {
	/*
	 * Whose graph, normalisation, PCA matrix, symbols, thresholds and names the result has where the
	 * parts differ; of a bare network only the graph.  RNM_MERGE_KEEP_NONE: differences that change
	 * scores are refused.
	 */
	size_t keep;
	bool any_digest; /* parts of different providers digests: take that of keep, else the first one's */
	double version;  /* an integer from 1 to 2^53 - 1; 0: the highest of the parts, plus 1 */
	int64_t created_at; /* UNIX seconds */
	const char *tool;   /* for the map `rnm` */
};

struct rnm_merge {
	struct rnm_model_parts parts; /* for rnm_model_write; borrows from this and from the files */
	enum rnm_model_form form;     /* a bare network when all parts are */
	size_t count;
	double *shares;   /* as used: they add up to 1 */
	size_t base;      /* the part that is `dst` in rspamd's words: its graph and constants stay */
	bool single;      /* two parts: computed in single precision, bit for bit as rspamd does */
	unsigned kept;    /* RNM_ASPECT_*: the parts differ, those of the part to keep were taken */
	unsigned dropped; /* RNM_ASPECT_*: the parts differ, and the result goes without */
	void *owned;      /* internal */
};

/*
 * Merges 2 to RNM_MERGE_PARTS_MAX models.  Two are merged with rspamd's formula,
 * (1 - alpha) * dst + alpha * src with alpha = (float)(share of src), where dst is the part to keep, else
 * the first one; more are summed in double precision.
 *   RNM_E_USAGE    "merge.count", "kann.alpha" (a share below 0 or not finite, or no share above 0),
 *                  "merge.version"
 *   RNM_E_REFUSED  "merge.unfit" (a part is unfit), "merge.differs" (keep would settle it),
 *                  "merge.digest" (any_digest would), "merge.version" (no room above the highest)
 *   RNM_NO         "kann.incompatible": not even rspamd would merge them
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_merge(struct rnm_merge **out,
                                                       const struct rnm_merge_part *parts, size_t count,
                                                       const struct rnm_merge_options *options,
                                                       struct rnm_error *err);
RNM_API void rnm_merge_free(struct rnm_merge *merge);

#ifdef __cplusplus
}
#endif
#endif
