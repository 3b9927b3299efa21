/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that sign and verify say about signatures. */
#ifndef RNM_CLI_SIGNATURE_H
#define RNM_CLI_SIGNATURE_H

#include "options.h"

#include <rnm/json.h>
#include <rnm/sign.h>

/* The members of an object that a statement is made of. */
void statement_json(struct rnm_json *json, const struct rnm_statement *statement);
/* "name ..., rule ..., digest ..., version 7" and "signed ..., holds until ...", each in a line behind margin. */
void statement_text(struct rnm_buf *out, const char *margin, const struct rnm_statement *statement);

/* What --key and --trusted of a verb name. */
RNM_MUST_CHECK enum rnm_status trust_option(struct rnm_trust **trust, const struct options *options,
                                            struct rnm_error *err);
static inline bool trust_asked(const struct options *options)
{
	return option_given(options, OPTION_TRUST_KEY) || option_given(options, OPTION_TRUSTED);
}

/*
 * The model of a file, for rnm_model_verify, once it has been checked against what stands beside it, as --key, --trusted,
 * --name and --raw-signature ask.  Which name the statement may have without --name depends on the model: see
 * signature_fits.  path must outlive *out.
 */
RNM_MUST_CHECK enum rnm_status signature_open(struct rnm_model_file **out, struct rnm_signed *by,
                                              struct rnm_trust **trust, const char *path,
                                              const struct options *options, struct rnm_error *err);
/* Is the statement one of this model, in this place? */
RNM_MUST_CHECK enum rnm_status signature_fits(const struct rnm_signed *signature, const char *path,
                                              const struct rnm_model_file *model,
                                              const struct options *options, struct rnm_error *err);

/* "signature", as the rows of checks are printed, and as a member of a document (null: not asked for). */
void signature_text(struct rnm_buf *out, const struct rnm_signed *signature);
void signature_json(struct rnm_json *json, const struct rnm_signed *signature);

#endif
