/* SPDX-License-Identifier: Apache-2.0 */
#include "model_version.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The first double above every int64_t. */
#define INTEGER_LIMIT 9223372036854775808.0

static bool is_integer(double number)
{
	return floor(number) == number && fabs(number) < INTEGER_LIMIT;
}

const char *number_text(double number, char text[NUMBER_TEXT_MAX])
{
	if (is_integer(number)) {
		(void)snprintf(text, NUMBER_TEXT_MAX, "%lld", (long long)number);
		return text;
	}
	for (int digits = 1; digits <= 17; digits++) {
		(void)snprintf(text, NUMBER_TEXT_MAX, "%.*g", digits, number);
		if (!(strtod(text, NULL) != number))
			break;
	}
	return text;
}

void number_json(struct rnm_json *json, const char *key, double number)
{
	rnm_json_key(json, key);
	if (is_integer(number))
		rnm_json_int(json, (int64_t)number);
	else
		rnm_json_double(json, number);
}

struct model_version model_version(const struct rnm_profile *profile)
{
	bool numeric =
	    profile->version_kind == RNM_VERSION_NUMBER || profile->version_kind == RNM_VERSION_STRING;

	return (struct model_version){
		/* A numeric string may still say nan or inf, which JSON has no number for. */
		.known = numeric && isfinite(profile->version),
		.is_exact = profile->has_version_integer,
		.exact = profile->version_integer,
		.number = profile->version,
	};
}

void model_version_json(struct rnm_json *json, const char *key, const struct model_version *version)
{
	if (!version->known)
		rnm_json_kv_null(json, key);
	else if (version->is_exact)
		rnm_json_kv_int(json, key, version->exact);
	else
		number_json(json, key, version->number);
}

const char *model_version_text(const struct rnm_profile *profile, char text[NUMBER_TEXT_MAX])
{
	if (profile->version_kind != RNM_VERSION_NUMBER)
		return profile->version_text != NULL ? profile->version_text : "?";
	if (!profile->has_version_integer)
		return number_text(profile->version, text);
	(void)snprintf(text, NUMBER_TEXT_MAX, "%lld", (long long)profile->version_integer);
	return text;
}
