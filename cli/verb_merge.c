/* SPDX-License-Identifier: Apache-2.0 */
#include "model_argument.h"
#include "output.h"
#include "verbs.h"

int verb_merge(const struct options *options)
{
	(void)options;
	return output_usage_error(NULL, "merge is not built yet");
}
