/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of an import. */
#ifndef RNM_CLI_IMPORT_REPORT_H
#define RNM_CLI_IMPORT_REPORT_H

#include "context.h"

struct import_run {
	const char *model; /* as it was given */
	const char *settings;
	bool dry_run;
	const struct rnm_rule *rule;     /* NULL: it has not come so far */
	const struct rnm_import *import; /* NULL: it failed */
	const char *server;              /* NULL: not connected */
};

/* What the user should know besides the result. */
void import_warn(const struct import_run *run);
void import_text(struct rnm_buf *out, const struct import_run *run);
/* err is NULL when it went well. */
void import_json(struct rnm_json *json, const struct import_run *run, const struct rnm_error *err);

#endif
