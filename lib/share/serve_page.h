/* SPDX-License-Identifier: Apache-2.0 */
/* What operators see of a server: a page of HTML without scripts, and the same facts as JSON. */
#ifndef RNM_SHARE_SERVE_PAGE_H
#define RNM_SHARE_SERVE_PAGE_H

#include "share/serve_fleet.h"

#include <rnm/buf.h>

/* Rows of a table of the page; JSON has all of them. */
#define RNM_PAGE_ROWS_MAX 1000u

struct rnm_page {
	const struct rnm_served_table *table;
	const struct rnm_fleet *fleet; /* a copy */
	int64_t now, started;          /* seconds since 1970 */
	uint64_t requests;
	double interval;  /* seconds between the checks of a client */
	bool only_behind; /* clients that do not have what is offered */
	bool from_redis;
};

void rnm_page_html(struct rnm_buf *out, const struct rnm_page *page);
void rnm_page_json(struct rnm_buf *out, const struct rnm_page *page);

/* What a client has. */
enum rnm_standing {
	RNM_STANDING_CURRENT, /* what is offered */
	RNM_STANDING_BEHIND,  /* something else */
	RNM_STANDING_SILENT,  /* it has not come for three intervals */
	RNM_STANDING_UNKNOWN  /* it has not said */
};
enum rnm_standing rnm_page_standing(const struct rnm_page *page, const struct rnm_fleet_client *client);
const char *rnm_standing_name(enum rnm_standing standing); /* "current", "behind", "silent", "unknown" */

/* How the file is signed, in words: "signed", "signature only", ... */
const char *rnm_page_signature(const struct rnm_page *page, const struct rnm_served *file);

#endif
