/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remarks about how the neural module reaches Redis.
 */
#include "rspamd/redis_settings.h"
#include "rspamd/rule.h"
#include "rspamd/rule_number.h"

static void check_in_rule(void *ctx, const char *name, const struct rnm_value *rule)
{
	static const char *const options[] = {
		"servers", "server", "read_servers", "write_servers", "password",  "username",
		"db",      "dbname", "database",     "timeout",       "sentinels", "redis",
	};
	struct rnm_finding_list *list = ctx;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct rnm_value *value = rnm_value_get(rule, options[i]);

		if (value != NULL)
			rnm_finding_add(list, RNM_ID_REDIS_IN_RULE, value,
			                "%s inside the rule %s is not used for Redis, which is the same for "
			                "all rules; write it in "
			                "neural { redis { } } or in the section redis",
			                options[i], name);
	}
}

/* neural.timeout is a timeout of Redis, and the stock configuration sets it. */
static void check_timeouts(struct rnm_finding_list *list, const struct rnm_rule_set *set,
                           const struct rnm_value *redis)
{
	const struct rnm_value *module = rnm_value_get(set->neural, "timeout");
	const struct rnm_value *general = rnm_value_get(redis, "timeout");
	double first, second;

	if (rnm_number_read(&first, module) == RNM_FORM_OTHER ||
	    rnm_number_read(&second, general) == RNM_FORM_OTHER)
		return;
	/* rspamd gives way to a later section only when the first timeout is its default. */
	if (!(first < RNM_REDIS_TIMEOUT || first > RNM_REDIS_TIMEOUT) || !(first < second || first > second))
		return;
	rnm_finding_add(
	    list, RNM_ID_TIMEOUT_OVERRIDDEN, general,
	    "timeout of the section redis (%g s) is not used by the neural module, because timeout of the "
	    "section neural (%g s) is a timeout of Redis too and comes first; set it in "
	    "neural { redis { timeout = ... } }",
	    second, first);
}

void rnm_check_redis(struct rnm_finding_list *list, struct rnm_config *config, const struct rnm_rule_set *set)
{
	struct rnm_redis_settings *settings = NULL;
	const struct rnm_value *redis = NULL;
	struct rnm_error why;
	enum rnm_status status = rnm_redis_settings_read(&settings, config, list, &why);

	rnm_redis_settings_free(settings);
	if (status == RNM_E_NOMEM) {
		list->failed = true;
		return;
	}
	if (status != RNM_OK)
		rnm_finding_add_error(list, &why);
	if (set->neural == NULL)
		return;
	/* In the one-rule form the rule's table is the module's, where these options are in their place. */
	if (set->rules != NULL)
		rnm_check_each_rule(set, list, check_in_rule);
	if (rnm_config_get_all_opt(config, "redis", &redis, &why) == RNM_OK)
		check_timeouts(list, set, redis);
}
