/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `rnm merge`, and what it tells. */
#ifndef RNM_CLI_MERGE_REPORT_H
#define RNM_CLI_MERGE_REPORT_H

#include "model_argument.h"

struct merge_operand {
	char *name; /* the operand without its share */
	bool has_share;
	double share;
	struct model_argument model;
};

struct merge_run {
	struct merge_operand *operands;
	size_t count;
	struct rnm_merge *merge;
	enum rnm_model_form form;
	const char *path; /* NULL: standard output, or nothing written */
	bool dry_run;
	struct rnm_model_write_result written;
};

void merge_text(struct rnm_buf *out, const struct merge_run *run);
/* err is NULL after a success. */
void merge_json(struct rnm_json *json, const struct merge_run *run, const struct rnm_error *err);

#endif
