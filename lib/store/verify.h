/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of one verification share. */
#ifndef RNM_STORE_VERIFY_H
#define RNM_STORE_VERIFY_H

#include <rnm/verify.h>

enum rnm_verify_code {
#define FINDING(symbol, id, severity, meaning) RNM_VERIFY_##symbol,
#include "store/findings.def"
#undef FINDING
	RNM_VERIFY_CODES
};

/* As rnm_model_verify of what is known by now: the network may not have been looked at yet. */
RNM_MUST_CHECK enum rnm_status rnm_model_verify_known(struct rnm_verification **out,
                                                      const struct rnm_model_file *file,
                                                      const struct rnm_verify_options *options,
                                                      struct rnm_error *err);

struct rnm_verifying {
	const struct rnm_model_file *file;
	const struct rnm_verify_options *options;
	struct rnm_verification *result;
	enum rnm_check check;   /* the one that runs */
	struct rnm_error first; /* about the first problem; status RNM_OK while there is none */
	bool no_memory;
};

/* Adds a finding of the running check. */
void rnm_verify_find(struct rnm_verifying *v, enum rnm_verify_code code, const char *part, const char *fmt,
                     ...) RNM_PRINTF(4, 5);
/* The same for what a reader or validator has said. */
void rnm_verify_take(struct rnm_verifying *v, const char *part, const struct rnm_error *err);
/* What the running check looked at; without it the check counts as skipped.  Later ones win. */
void rnm_verify_saw(struct rnm_verifying *v, const char *fmt, ...) RNM_PRINTF(2, 3);
/* Why the running check is skipped. */
void rnm_verify_skip(struct rnm_verifying *v, const char *why);

/* The checks. */
void rnm_verify_container(struct rnm_verifying *v);
void rnm_verify_frames(struct rnm_verifying *v);
void rnm_verify_network(struct rnm_verifying *v);
void rnm_verify_pca(struct rnm_verifying *v);
void rnm_verify_dimensions(struct rnm_verifying *v);
void rnm_verify_thresholds(struct rnm_verifying *v);
void rnm_verify_answers(struct rnm_verifying *v);
/* RNM_OK, or why the configuration cannot be asked. */
RNM_MUST_CHECK enum rnm_status rnm_verify_rule(struct rnm_verifying *v, struct rnm_error *err);

#endif
