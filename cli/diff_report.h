/* SPDX-License-Identifier: Apache-2.0 */
/* A comparison of two models as people and programs read it. */
#ifndef RNM_CLI_DIFF_REPORT_H
#define RNM_CLI_DIFF_REPORT_H

#include "model_argument.h"

/* models[0] is A, models[1] is B. */
void diff_text(struct rnm_buf *out, const struct model_argument models[2],
               const struct rnm_model_comparison *comparison);
void diff_json(struct rnm_json *json, const struct model_argument models[2],
               const struct rnm_model_comparison *comparison);

#endif
