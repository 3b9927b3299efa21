/* SPDX-License-Identifier: Apache-2.0 */
/* What was found about a model, as people and programs read it. */
#ifndef RNM_CLI_MODEL_FINDINGS_H
#define RNM_CLI_MODEL_FINDINGS_H

#include <rnm/json.h>
#include <rnm/model_compare.h>
#include <rnm/verify.h>

/* "problem: SENTENCE [id]" behind indent, and its hint. */
void text_model_finding(struct rnm_buf *out, const char *indent, const struct rnm_model_finding *finding);
/* The members "sound" and "findings". */
void json_model_findings(struct rnm_json *json, const struct rnm_verification *verification);
/* A member with the names of the aspects (enum rnm_model_aspect) whose bits are set. */
void json_model_aspects(struct rnm_json *json, const char *key, unsigned aspects);
/* "RNM1 model", "bare network", "model in Redis". */
const char *model_kind_text(const struct rnm_model_file *file);

#endif
