/* SPDX-License-Identifier: Apache-2.0 */
/* What a server wants to know of a model that it offers. */
#ifndef RNM_SHARE_SERVE_MODEL_H
#define RNM_SHARE_SERVE_MODEL_H

#include <rnm/error.h>
#include <stdatomic.h>

struct rnm_served_model {
	atomic_uint references;
	char *rule;     /* NULL when the file does not say */
	char *settings; /* likewise */
	char digest[65];
	double version;
	bool has_created;
	int64_t created;    /* seconds since 1970 */
	char *architecture; /* in words */
};

/*
 * Reads the open file, and checks all of it.  RNM_E_MALFORMED for what rspamd could not use, as
 * rnm_model_file_open and rnm_model_file_verdict, and "serve.not-a-model" for a bare network.
 */
RNM_MUST_CHECK enum rnm_status rnm_served_model_read(struct rnm_served_model **out, int fd,
                                                     struct rnm_error *err);
struct rnm_served_model *rnm_served_model_ref(struct rnm_served_model *model);
void rnm_served_model_unref(struct rnm_served_model *model);

#endif
