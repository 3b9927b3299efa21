/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `rnm publish`, and what it tells. */
#ifndef RNM_CLI_PUBLISH_REPORT_H
#define RNM_CLI_PUBLISH_REPORT_H

#include "s3_option.h"

#include <rnm/json.h>
#include <rnm/key.h>
#include <rnm/publish.h>

struct publish_run {
	const char *to;
	bool dry_run;
	struct rnm_key *key; /* NULL: nothing is signed */
	struct s3_option s3;
	struct rnm_evaluations *evaluations; /* NULL: none came along */
	struct rnm_publisher *publisher;
	struct rnm_publish_outcome *outcomes;
	const char **operands; /* what each was made of: a MODEL, or a name */
	size_t count;
	struct rnm_publish_result result;
};

void publish_text(struct rnm_buf *out, const struct publish_run *run);
/* err is NULL after a success. */
void publish_json(struct rnm_json *json, const struct publish_run *run, const struct rnm_error *err);

#endif
