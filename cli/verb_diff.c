/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_report.h"
#include "output.h"
#include "verbs.h"

static bool print_comparison(const struct options *options, const struct model_argument models[2],
                             const struct rnm_model_comparison *comparison)
{
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (!option_given(options, OPTION_JSON)) {
		diff_text(&out, models, comparison);
		return output_buffer(&out);
	}
	rnm_json_init(&json, &out, false);
	diff_json(&json, models, comparison);
	return output_json(&out);
}

int verb_diff(const struct options *options)
{
	struct model_argument models[2] = { { 0 }, { 0 } };
	struct rnm_model_comparison *comparison = NULL;
	struct context context;
	struct rnm_error err;
	enum rnm_status status;
	int code;

	if (options->operand_count < 2)
		return output_usage_error("rnm diff A B", "two models are needed, found %zu",
		                          options->operand_count);
	status = context_open(&context, options, &err);
	for (size_t i = 0; status == RNM_OK && i < 2; i++)
		status = model_argument_open(&models[i], &context, options->operands[i], &err);
	if (status == RNM_OK)
		status = rnm_model_compare(&comparison, models[0].file, models[1].file, &err);
	if (status != RNM_OK)
		code = output_error(&err);
	else if (!print_comparison(options, models, comparison))
		code = RNM_E_IO;
	else
		code = option_given(options, OPTION_EXIT_CODE) && comparison->relation != RNM_MODELS_IDENTICAL
		           ? RNM_NO
		           : RNM_OK;
	rnm_model_comparison_free(comparison);
	for (size_t i = 0; i < 2; i++)
		model_argument_free(&models[i]);
	context_free(&context);
	return code;
}
