/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that publish have in common on the command line. */
#ifndef RNM_CLI_PUBLISH_OPTIONS_H
#define RNM_CLI_PUBLISH_OPTIONS_H

#include "options.h"

#include <rnm/key.h>

/* Long enough for one who publishes once a month, and short enough to notice that nobody does any more. */
#define PUBLISH_VALID (90 * 86400.0)

/* Checks --to, --endpoint and --keep against each other; 0 when all is well.  example: how it would be right. */
int publish_check_options(const struct options *options, const char *example);
/* The key pair of --sign. */
RNM_MUST_CHECK enum rnm_status publish_key_load(struct rnm_key **key, const struct options *options,
                                                struct rnm_error *err);

#endif
