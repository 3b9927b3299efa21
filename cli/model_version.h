/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of models, which rspamd keeps as doubles, as people and programs read them. */
#ifndef RNM_CLI_MODEL_VERSION_H
#define RNM_CLI_MODEL_VERSION_H

#include <rnm/json.h>
#include <rnm/store.h>

#define NUMBER_TEXT_MAX 32

/* Whole numbers below 2^63 exactly, others with the fewest digits that read back equal. */
const char *number_text(double number, char text[NUMBER_TEXT_MAX]);
/* The same in JSON, where a whole number stays an integer. */
void number_json(struct rnm_json *json, const char *key, double number);

/* A profile's version as a number. */
struct model_version {
	bool known;    /* false: the profile has none, or something that is no number */
	bool is_exact; /* it was written as an integer, which `number` rounds beyond 2^53 */
	int64_t exact;
	double number;
};
struct model_version model_version(const struct rnm_profile *profile);

/* A number, or null when it is not known. */
void model_version_json(struct rnm_json *json, const char *key, const struct model_version *version);
/* "7", or what the profile has instead of a version ("true", "table"); text may be returned. */
const char *model_version_text(const struct rnm_profile *profile, char text[NUMBER_TEXT_MAX]);

#endif
