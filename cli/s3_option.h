/* SPDX-License-Identifier: Apache-2.0 */
/* What --endpoint and its like, and the environment, say about an S3-compatible store. */
#ifndef RNM_CLI_S3_OPTION_H
#define RNM_CLI_S3_OPTION_H

#include "options.h"

#include <rnm/publish.h>

struct s3_option {
	struct rnm_s3_options options;
	struct rnm_s3_credentials *credentials; /* of a file, or NULL: of the environment */
};

/* Whether --to names a bucket. */
bool s3_asked(const struct options *options);
/* RNM_E_USAGE ("usage.s3"), and as rnm_s3_credentials_load. */
RNM_MUST_CHECK enum rnm_status s3_option_read(struct s3_option *out, const struct options *options,
                                              struct rnm_error *err);
void s3_option_clear(struct s3_option *option);

#endif
