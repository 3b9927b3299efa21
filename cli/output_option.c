/* SPDX-License-Identifier: Apache-2.0 */
#include "output_option.h"

#include <unistd.h>

bool output_option_is_stdout(const struct options *options)
{
	const char *path = option_text(options, OPTION_OUTPUT, NULL);

	return path != NULL && !option_given(options, OPTION_DRY_RUN) &&
	       output_target(path) == OUTPUT_TO_STDOUT;
}

int output_option_check(const struct options *options)
{
	const char *path = option_text(options, OPTION_OUTPUT, NULL);

	if (path == NULL && !option_given(options, OPTION_DRY_RUN))
		return output_usage_error(
		    "type -o FILE, -o - for standard output, or --dry-run to only check",
		    "there is no file to write to");
	if (path != NULL && *path == '\0')
		return output_usage_error("type -o FILE, or -o - for standard output",
		                          "the name of the file to write to is empty");
	if (path != NULL && !option_given(options, OPTION_DRY_RUN) && output_target(path) == OUTPUT_TO_STDERR)
		return output_usage_error("type -o FILE, or -o - for standard output",
		                          "-o %s is standard error, which is for messages", path);
	if (!output_option_is_stdout(options))
		return RNM_OK;
	if (option_given(options, OPTION_JSON))
		return output_usage_error("write to a file, or leave --json out",
		                          "-o %s and --json both want standard output", path);
	if (isatty(STDOUT_FILENO) == 1)
		return output_usage_error("send it into a pipe or a file",
		                          "a model is binary and is not written to a terminal");
	return RNM_OK;
}

bool output_option_report(const struct options *options, struct rnm_buf *report)
{
	if (output_quiet()) {
		rnm_buf_free(report);
		return true;
	}
	return output_option_is_stdout(options) ? output_aside(report) : output_buffer(report);
}
