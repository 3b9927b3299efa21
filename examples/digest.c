/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the providers digest of a rule.  usage: digest CONFIG RULE */
#include <rnm/rnm.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct rnm_config_options options = { .path = argc > 1 ? argv[1] : NULL };
	struct rnm_config *config = NULL;
	struct rnm_rule *rule = NULL;
	struct rnm_error err;
	enum rnm_status status = rnm_config_load(&config, &options, &err);

	if (status == RNM_OK)
		status = rnm_rule_open(&rule, config, argc > 2 ? argv[2] : "default", NULL, &err);
	if (status == RNM_OK)
		puts(rule->digest);
	else
		fprintf(stderr, "%s\n", err.message);
	rnm_rule_free(rule);
	rnm_config_free(config);
	return rnm_status_exit_code(status);
}
