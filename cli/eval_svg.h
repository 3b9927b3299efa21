/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of the report: SVG whose colours are those of the page's style. */
#ifndef RNM_CLI_EVAL_SVG_H
#define RNM_CLI_EVAL_SVG_H

#include "eval.h"

void eval_svg_roc(struct rnm_buf *out, const struct eval *eval);
void eval_svg_histogram(struct rnm_buf *out, const struct eval *eval);
void eval_svg_calibration(struct rnm_buf *out, const struct eval *eval);

#endif
