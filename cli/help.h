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

/* Words of text from column indent on, broken at 80 columns; the first line starts where out stands. */
void help_wrap(struct rnm_buf *out, const char *text, size_t indent);

struct help_topic {
	const char *name;
	const char *summary;
	void (*write)(struct rnm_buf *out);
};
extern const struct help_topic help_topics[];
extern const size_t help_topic_count;

struct environment_variable {
	const char *names; /* "A, B, C" */
	const char *meaning;
	enum option with; /* it counts for the verbs that have this option; OPTION_COUNT: for every one */
};
extern const struct environment_variable environment_variables[];
extern const size_t environment_variable_count;

/* What --json prints.  Every verb with that option has a row. */
struct json_document {
	enum verb verb;
	const char *command;
	const char *fields; /* lines of at most 72 columns */
};
extern const char json_rules[]; /* what holds for all of them */
extern const struct json_document json_documents[];
extern const size_t json_document_count;

#endif
