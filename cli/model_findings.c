/* SPDX-License-Identifier: Apache-2.0 */
#include "model_findings.h"
#include "output.h"

#include <string.h>

const char *model_kind_text(const struct rnm_model_file *file)
{
	switch (file->kind) {
	case RNM_MODEL_KANN:
		return "bare network";
	case RNM_MODEL_REDIS:
		return "model in Redis";
	case RNM_MODEL_RNM1:
		break;
	}
	return "RNM1 model";
}

void text_model_finding(struct rnm_buf *out, const char *indent, const struct rnm_model_finding *finding)
{
	bool warning = finding->severity == RNM_SEVERITY_WARNING;

	rnm_buf_printf(out, "%s%s%s%s: ", indent, output_color(warning ? COLOR_YELLOW : COLOR_RED),
	               warning ? "warning" : "problem", output_color(COLOR_NONE));
	output_escape(out, finding->text, strlen(finding->text), ESCAPE_ALL);
	rnm_buf_printf(out, " [%s]\n", finding->id);
	if (finding->hint == NULL)
		return;
	rnm_buf_printf(out, "%s  hint: ", indent);
	output_escape(out, finding->hint, strlen(finding->hint), ESCAPE_ALL);
	rnm_buf_putc(out, '\n');
}

static void json_finding(struct rnm_json *json, const struct rnm_model_finding *finding)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "severity", rnm_severity_name(finding->severity));
	rnm_json_kv_string(json, "id", finding->id);
	rnm_json_kv_string(json, "check", rnm_check_name(finding->check));
	rnm_json_kv_string(json, "part", finding->part);
	if (finding->node != RNM_NO_NODE)
		rnm_json_kv_uint(json, "node", finding->node);
	else
		rnm_json_kv_null(json, "node");
	if (finding->has_offset)
		rnm_json_kv_uint(json, "offset", finding->offset);
	else
		rnm_json_kv_null(json, "offset");
	rnm_json_kv_string(json, "text", finding->text);
	rnm_json_kv_string(json, "hint", finding->hint);
	rnm_json_end_object(json);
}

void json_model_findings(struct rnm_json *json, const struct rnm_verification *verification)
{
	rnm_json_kv_bool(json, "sound", verification->problems == 0);
	rnm_json_key(json, "findings");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < verification->finding_count; i++)
		json_finding(json, &verification->findings[i]);
	rnm_json_end_array(json);
}

void json_model_aspects(struct rnm_json *json, const char *key, unsigned aspects)
{
	rnm_json_key(json, key);
	rnm_json_begin_array(json);
	for (unsigned aspect = 1; aspect < RNM_ASPECT_END; aspect <<= 1)
		if ((aspects & aspect) != 0)
			rnm_json_string(json, rnm_model_aspect_id(aspect));
	rnm_json_end_array(json);
}
