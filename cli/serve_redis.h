/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm serve --from-redis: the models that workers serve, exported into the folder of the server when asked
 * for.
 */
#ifndef RNM_CLI_SERVE_REDIS_H
#define RNM_CLI_SERVE_REDIS_H

#include "context.h"

/* A rule, and what of it lies in the folder. */
struct live_model {
	struct rnm_rule *rule;
	char *held; /* key, version and time of the model that was exported last; NULL */
};

struct live_models {
	struct context context;
	const char *settings;
	char *folder; /* ours when it is temporary */
	bool is_temporary;
	struct live_model *items;
	const char **names; /* the digest of each */
	size_t count;
};

/*
 * Reads the configuration and makes the folder: the one that was given, else a temporary one.  RNM_E_NOT_FOUND
 * ("serve.no-rule") when no rule has a digest.  live_models_free may be called after a failure.
 */
RNM_MUST_CHECK enum rnm_status live_models_open(struct live_models *live, const struct options *options,
                                                const char *folder, struct rnm_error *err);
/* Exports the model of this name unless it has been. */
RNM_MUST_CHECK enum rnm_status live_models_fetch(struct live_models *live, const char *name,
                                                 struct rnm_error *err);
void live_models_free(struct live_models *live);

#endif
