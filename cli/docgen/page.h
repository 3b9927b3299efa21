/* SPDX-License-Identifier: Apache-2.0 */
/* One manual page: what the tables know and what is written by hand, section by section. */
#ifndef RNM_CLI_DOCGEN_PAGE_H
#define RNM_CLI_DOCGEN_PAGE_H

#include "options.h"

#include <rnm/buf.h>

#define PAGE_MAX ((size_t)1 << 20)

struct page {
	enum verb verb; /* VERB_COUNT: the command itself */
	const char *name;
	const char *date;
	const char *by_hand; /* mdoc of sections that follow what is generated; "" when there is none */
	struct rnm_buf out;
};

/* Writes the page to page->out.  False, after a message, when the part by hand has an unknown section. */
bool page_write(struct page *page);

/* "rnm", "rnm-list", "neural_export". */
void page_name(struct rnm_buf *name, enum verb verb);

#endif
