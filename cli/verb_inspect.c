/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect.h"
#include "output.h"
#include "verbs.h"

#include <rnm/file.h>
#include <string.h>

/* Prints the document, or writes it to the file of -o. */
static int deliver(const struct options *options, struct rnm_buf *document)
{
	const char *path = option_text(options, OPTION_OUTPUT, NULL);
	struct rnm_error err;
	enum rnm_status status;

	if (path == NULL || output_target(path) == OUTPUT_TO_STDOUT)
		return output_buffer(document) ? RNM_OK : RNM_E_IO;
	status = document->failed ? rnm_error_nomem(&err)
	                          : rnm_file_write(path, document->data, document->len, &err);
	rnm_buf_free(document);
	return status == RNM_OK ? RNM_OK : output_error(&err);
}

static void write_json(struct rnm_buf *out, const struct inspection *inspection)
{
	struct rnm_buf json;

	rnm_buf_init(&json, OUTPUT_MAX);
	inspect_json(&json, inspection);
	output_escape_json(out, rnm_buf_cstr(&json), json.len);
	rnm_buf_putc(out, '\n');
	out->failed |= json.failed;
	rnm_buf_free(&json);
}

static int print(const struct options *options, const struct inspection *inspection)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(options, OPTION_JSON))
		write_json(&out, inspection);
	else if (option_given(options, OPTION_MARKDOWN))
		inspect_markdown(&out, inspection);
	else if (option_given(options, OPTION_DOT))
		inspect_dot(&out, inspection);
	else if (option_given(options, OPTION_SVG))
		inspect_svg(&out, inspection);
	else if (option_given(options, OPTION_HASH))
		inspect_hashes(&out, inspection);
	else
		inspect_text(&out, inspection, option_given(options, OPTION_TENSORS));
	return deliver(options, &out);
}

/* A drawing of nothing, or the hash of no weights, is no answer. */
static bool needs_network(const struct options *options)
{
	return option_given(options, OPTION_DOT) || option_given(options, OPTION_SVG) ||
	       (option_given(options, OPTION_HASH) && !option_given(options, OPTION_JSON));
}

static int inspect(const struct options *options, const struct model_argument *model, struct rnm_error *err)
{
	bool hashes = option_given(options, OPTION_HASH) || option_given(options, OPTION_MARKDOWN);
	struct inspection inspection;
	int code;

	if (model->file->network == NULL && needs_network(options)) {
		(void)rnm_model_file_verdict(model->file, err);
		err->status = RNM_NO;
		return output_error_about(model->text, err);
	}
	if (inspection_open(&inspection, model, hashes, err) != RNM_OK)
		return output_error(err);
	code = print(options, &inspection);
	if (code == RNM_OK && inspection.verification->problems > 0)
		code = RNM_NO;
	inspection_free(&inspection);
	return code;
}

int verb_inspect(const struct options *options)
{
	const char *path = option_text(options, OPTION_OUTPUT, NULL);
	struct context context;
	struct model_argument model = { 0 };
	struct rnm_error err;
	enum rnm_status status;
	int code;

	if (options->operand_count == 0)
		return output_usage_error("rnm inspect FILE, or - for standard input",
		                          "which model to look into is missing");
	if (path != NULL && (*path == '\0' || output_target(path) == OUTPUT_TO_STDERR))
		return output_usage_error("type -o FILE, or -o - for standard output",
		                          "-o needs the name of a file");
	/* What goes into a file is read by who knows what: no colours. */
	if (path != NULL)
		output_configure(&(struct output_style){ .quiet = output_quiet() });
	status = context_open(&context, options, &err);
	if (status == RNM_OK)
		status = model_argument_open(&model, &context, options->operands[0], &err);
	code = status == RNM_OK ? inspect(options, &model, &err) : output_error(&err);
	model_argument_free(&model);
	context_free(&context);
	return code;
}
