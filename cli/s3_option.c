/* SPDX-License-Identifier: Apache-2.0 */
#include "s3_option.h"

#include <stdlib.h>
#include <string.h>

#define S3_SCHEME "s3://"
#define S3_REGION "us-east-1" /* what stores that know no regions take */

bool s3_asked(const struct options *options)
{
	return strncmp(option_text(options, OPTION_TO, ""), S3_SCHEME, strlen(S3_SCHEME)) == 0;
}

/* NULL unless it is set to something. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static enum rnm_status usage(const char *text, const char *hint, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_USAGE, "usage.s3", "%s", text);
	rnm_error_set_hint(err, "%s", hint);
	return RNM_E_USAGE;
}

static enum rnm_status read_credentials(struct s3_option *out, const struct options *options,
                                        struct rnm_error *err)
{
	const char *path = option_text(options, OPTION_CREDENTIALS, NULL);
	const char *section = environment("AWS_PROFILE");
	enum rnm_status status;

	if (path != NULL) {
		status = rnm_s3_credentials_load(&out->credentials, path,
		                                 section != NULL ? section : "default", err);
		if (status == RNM_OK)
			rnm_s3_credentials_use(out->credentials, &out->options);
		return status;
	}
	out->options.access_key = environment("AWS_ACCESS_KEY_ID");
	out->options.secret_key = environment("AWS_SECRET_ACCESS_KEY");
	out->options.session_token = environment("AWS_SESSION_TOKEN");
	if (out->options.access_key != NULL && out->options.secret_key != NULL)
		return RNM_OK;
	return usage("there are no credentials for the store",
	             "--credentials FILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
	             err);
}

enum rnm_status s3_option_read(struct s3_option *out, const struct options *options, struct rnm_error *err)
{
	const char *region = option_text(options, OPTION_REGION, environment("AWS_REGION"));

	*out = (struct s3_option){ .credentials = NULL };
	if (region == NULL)
		region = environment("AWS_DEFAULT_REGION");
	out->options.region = region != NULL ? region : S3_REGION;
	out->options.endpoint = option_text(options, OPTION_ENDPOINT, NULL);
	out->options.ca = option_text(options, OPTION_ENDPOINT_CACERT, NULL);
	out->options.plain = option_given(options, OPTION_PLAIN_HTTP);
	if (out->options.endpoint == NULL)
		return usage("a bucket needs the address of its store",
		             "--endpoint https://s3.eu-central-1.amazonaws.com, for example", err);
	return read_credentials(out, options, err);
}

void s3_option_clear(struct s3_option *option)
{
	rnm_s3_credentials_free(option->credentials);
	option->credentials = NULL;
}
