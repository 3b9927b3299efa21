/* SPDX-License-Identifier: Apache-2.0 */
/* One export of `rnm export`: choose a model, write the file, describe the outcome. */
#ifndef RNM_CLI_EXPORT_RUN_H
#define RNM_CLI_EXPORT_RUN_H

#include "context.h"
#include "model_version.h"

#include <rnm/json.h>

/* What one run did; texts are owned. */
struct export_outcome {
	enum rnm_status status;
	char *rule;
	char *settings;
	char *version; /* text; NULL when nothing was chosen */
	struct model_version version_number;
	char *key;
	char *server;     /* where it was read */
	const char *role; /* "master", "replica", or NULL: not known; static */
	char *file;       /* NULL: standard output, or nothing written */
	char *problem;    /* the error's sentence when status is not RNM_OK */
	struct rnm_export_result result;
};

/*
 * Lists, chooses and exports.  path is NULL for descriptor 1, or, with dry_run, for nothing at all.
 * make_path, when not NULL, is asked for the path once the model is known (malloc'd; NULL: no memory).
 */
struct export_request {
	struct rnm_rule *rule; /* a bare rule takes over the chosen model's digest */
	const char *settings;
	const char *path;
	char *(*make_path)(void *ctx, const struct rnm_rule *rule, const char *settings,
	                   const struct rnm_profile *profile);
	void *make_path_ctx;
	int64_t created_at;
};
RNM_MUST_CHECK enum rnm_status export_run(struct context *context, const struct export_request *request,
                                          struct export_outcome *outcome, struct rnm_error *err);
/* An outcome of a run that failed before it came to that. */
void export_outcome_fail(struct export_outcome *outcome, const char *rule, const char *settings,
                         const struct rnm_error *err);
void export_outcome_free(struct export_outcome *outcome);

void export_outcome_json(struct rnm_json *json, const struct export_outcome *outcome, bool dry_run);
void export_outcome_text(struct rnm_buf *out, const struct export_outcome *outcome, bool dry_run);

/* Without a configuration there is no digest to compare with: demands --any-digest. */
RNM_MUST_CHECK enum rnm_status export_check_context(const struct context *context, struct rnm_error *err);

#endif
