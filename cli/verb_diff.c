/* SPDX-License-Identifier: Apache-2.0 */
#include "model_argument.h"
#include "output.h"
#include "verbs.h"

int verb_diff(const struct options *options)
{
	(void)options;
	return output_usage_error(NULL, "diff is not built yet");
}
