/* SPDX-License-Identifier: Apache-2.0 */
/* What `rnm doctor` says. */
#ifndef RNM_CLI_DOCTOR_REPORT_H
#define RNM_CLI_DOCTOR_REPORT_H

#include "output.h"

#include <rnm/doctor.h>
#include <rnm/json.h>

struct doctor_run {
	const struct rnm_health_report *report;
	const char *server;
	bool fix;
	bool dry_run;
};

/* What is left to do. */
struct doctor_counts {
	size_t levels[RNM_HEALTH_PROBLEM + 1]; /* of what is as it was found */
	size_t repaired;
	size_t failed;
	size_t fixable; /* of what is as it was found */
};
void doctor_count(struct doctor_counts *counts, const struct rnm_health_report *report);

enum color health_color(enum rnm_health level);

void doctor_text(struct rnm_buf *out, const struct doctor_run *run);
void doctor_json(struct rnm_json *json, const struct doctor_run *run);

#endif
