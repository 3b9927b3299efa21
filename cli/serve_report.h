/* SPDX-License-Identifier: Apache-2.0 */
/* What rnm serve --dry-run prints. */
#ifndef RNM_CLI_SERVE_REPORT_H
#define RNM_CLI_SERVE_REPORT_H

#include <rnm/serve.h>

bool serve_report(struct rnm_server *server, bool as_json);

#endif
