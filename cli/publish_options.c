/* SPDX-License-Identifier: Apache-2.0 */
#include "publish_options.h"
#include "output.h"
#include "password.h"
#include "s3_option.h"

#include <math.h>

/* More publications than this nobody counts. */
#define PUBLISH_KEEP_MAX 1000000.0

int publish_check_options(const struct options *options, const char *example)
{
	const double keep = options->values[OPTION_KEEP].number;
	const char *to = option_text(options, OPTION_TO, "");

	if (*to == '\0')
		return output_usage_error(example, "there is no tree to publish to");
	if (!s3_asked(options) && option_given(options, OPTION_ENDPOINT))
		return output_usage_error("--to s3://BUCKET/PREFIX publishes into a bucket",
		                          "--endpoint is the address of a store, but %s is a folder", to);
	if (option_given(options, OPTION_KEEP) &&
	    !(keep >= 1 && keep <= PUBLISH_KEEP_MAX && keep <= floor(keep)))
		return output_usage_error("--keep 3 leaves the newest three of each name",
		                          "--keep %s: expected a whole number of 1 or more",
		                          option_text(options, OPTION_KEEP, ""));
	return RNM_OK;
}

enum rnm_status publish_key_load(struct rnm_key **key, const struct options *options, struct rnm_error *err)
{
	const char *path = option_text(options, OPTION_SIGN, NULL);
	struct key_passwords from;
	const struct rnm_password_source passwords = password_source(&from, options);
	enum rnm_status status;

	/* --password-file is that of Redis here. */
	from.file = option_text(options, OPTION_KEY_PASSWORD_FILE, NULL);
	status = rnm_key_load(key, path, &passwords, err);
	if (status == RNM_OK && rnm_key_origin(*key)->group_readable)
		output_warning("%s: the group of the file may read this secret key", path);
	return status;
}
