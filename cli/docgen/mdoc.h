/* SPDX-License-Identifier: Apache-2.0 */
/* Plain text of the tables as mdoc(7), the language of manual pages. */
#ifndef RNM_CLI_DOCGEN_MDOC_H
#define RNM_CLI_DOCGEN_MDOC_H

#include <rnm/buf.h>

/*
 * Prose: paragraphs apart by empty lines, each sentence on a line of its own as mdoc wants it, `x` in
 * quotes, options with hyphens that can be copied.
 */
void mdoc_prose(struct rnm_buf *out, const char *text);
/* A phrase of a table made a sentence: "name of the rule" and tail ".". */
void mdoc_sentence(struct rnm_buf *out, const char *phrase, const char *tail);
/* A display of lines as they are, each of them behind prefix. */
void mdoc_display(struct rnm_buf *out, const char *prefix, const char *text);
/* Words that stand for themselves within a macro line: "a..b" as "a..b", whatever is special in them. */
void mdoc_plain(struct rnm_buf *out, const char *text, size_t len);

#endif
