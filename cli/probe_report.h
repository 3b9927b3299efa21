/* SPDX-License-Identifier: Apache-2.0 */
/* What rnm probe prints of one URL. */
#ifndef RNM_CLI_PROBE_REPORT_H
#define RNM_CLI_PROBE_REPORT_H

#include <rnm/json.h>
#include <rnm/probe.h>

void probe_text(struct rnm_buf *out, const struct rnm_probe_report *report);
void probe_json(struct rnm_json *json, const struct rnm_probe_report *report);

#endif
