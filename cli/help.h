/* SPDX-License-Identifier: Apache-2.0 */
/* Help pages, all made from the tables in options.h and exit_codes.h. */
#ifndef RNM_CLI_HELP_H
#define RNM_CLI_HELP_H

#include "options.h"

#include <rnm/buf.h>

/* The page of a verb, or the overview for VERB_COUNT. */
void help_page(struct rnm_buf *out, enum verb verb);

/* Usage line and verbs, for somebody who typed the bare name. */
void help_verbs(struct rnm_buf *out);

struct help_topic {
	const char *name;
	const char *summary;
	void (*write)(struct rnm_buf *out);
};
extern const struct help_topic help_topics[];
extern const size_t help_topic_count;

#endif
