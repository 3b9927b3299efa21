/* SPDX-License-Identifier: Apache-2.0 */
/* Between the scanner and the parser of templates. */
#ifndef RNM_FORMAT_TEMPLATE_SCAN_H
#define RNM_FORMAT_TEMPLATE_SCAN_H

#include "format/template_engine.h"

struct rnm_tpl_parser {
	struct rnm_tpl_run *run;
	size_t at;
	unsigned depth;
};

/* A `-` next to a delimiter. */
struct rnm_tpl_dash {
	bool present;
	size_t pos;
};

/* The beginning of `{% WORD`. */
struct rnm_tpl_head {
	size_t word; /* the word, or whatever stands in its place */
	struct rnm_bytes name;
	struct rnm_tpl_dash lstrip;
};

bool rnm_tpl_parse_fail(struct rnm_tpl_parser *p, size_t pos, const char *cause);
bool rnm_tpl_name_is(struct rnm_bytes name, const char *word);
void rnm_tpl_skip_space(struct rnm_tpl_parser *p);
/* NUL behind the end. */
char rnm_tpl_char_at(const struct rnm_tpl_parser *p, size_t at);
/* The next opening delimiter at or after p->at, or the end of the text. */
size_t rnm_tpl_find_tag(const struct rnm_tpl_parser *p);

/* Past an opening delimiter: a `-` strips, a `+` means nothing. */
struct rnm_tpl_dash rnm_tpl_take_dash(struct rnm_tpl_parser *p);

/* These pass everything up to and with the closing delimiter, or fail. */
bool rnm_tpl_take_comment(struct rnm_tpl_parser *p, struct rnm_tpl_dash *rstrip);
bool rnm_tpl_take_value(struct rnm_tpl_parser *p, struct rnm_bytes *inside, struct rnm_tpl_dash *rstrip);
bool rnm_tpl_take_statement(struct rnm_tpl_parser *p, struct rnm_bytes *inside, struct rnm_tpl_dash *rstrip);

/* Reads a head at p->at without moving; the text there is known to start with `{%`. */
void rnm_tpl_read_head(const struct rnm_tpl_parser *p, struct rnm_tpl_head *head);
/* If `{% WORD %}` stands at p->at, passes it. */
bool rnm_tpl_take_bare_tag(struct rnm_tpl_parser *p, const char *word, struct rnm_tpl_dash *lstrip,
                           struct rnm_tpl_dash *rstrip);

#endif
