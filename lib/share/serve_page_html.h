/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the page share. */
#ifndef RNM_SHARE_SERVE_PAGE_HTML_H
#define RNM_SHARE_SERVE_PAGE_HTML_H

#include "share/serve_page.h"

/* "3 hours ago", and the date, which a finger cannot point at, in front of it. */
void rnm_page_date(struct rnm_buf *out, const struct rnm_page *page, int64_t time);
/* The date alone. */
void rnm_page_moment(struct rnm_buf *out, int64_t time);
/* Begins a cell, which needs its label where a narrow screen has no head of a table; class may be "". */
void rnm_page_cell(struct rnm_buf *out, const char *label, const char *class);
/* Begins a row of the facts of a model. */
void rnm_page_row(struct rnm_buf *out, const char *title);
/* Name of the model, without its folder. */
const char *rnm_page_name(const struct rnm_served *file);

/* ---- serve_page_record.c: what the tree says of its models ---- */

/* That its history cannot be shown, if so. */
void rnm_page_problem(struct rnm_buf *out, const struct rnm_page *page);
/* How well it does, as a row; nothing when nobody said. */
void rnm_page_evaluation(struct rnm_buf *out, const struct rnm_page *page, const struct rnm_served *file);
/* Its history; without one, what this server has offered. */
void rnm_page_history(struct rnm_buf *out, const struct rnm_page *page, const struct rnm_served *file);

#endif
