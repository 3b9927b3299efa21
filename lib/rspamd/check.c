/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/check.h"

#include "rspamd/rule.h"

#include <string.h>

/* Names longer than this are cut in texts; such a rule has no other remarks that depend on it. */
#define RULE_NAME_MAX 256

void rnm_check_each_rule(const struct rnm_rule_set *set, void *ctx,
                         void (*visit)(void *ctx, const char *name, const struct rnm_value *rule))
{
	if (set->rules == NULL) {
		if (set->neural->type == RNM_OBJECT)
			visit(ctx, RNM_DEFAULT_RULE, set->neural);
		return;
	}
	for (size_t i = 0; set->rules->type == RNM_OBJECT && i < rnm_value_count(set->rules); i++) {
		const struct rnm_value *rule = rnm_value_at(set->rules, i);
		char name[RULE_NAME_MAX];
		size_t len =
		    strnlen(rule->key.data, rule->key.len < sizeof(name) ? rule->key.len : sizeof(name) - 1);

		memcpy(name, rule->key.data, len);
		name[len] = '\0';
		if (rule->type == RNM_OBJECT)
			visit(ctx, name, rule);
	}
}

static void check_nested(struct rnm_finding_list *list, const struct rnm_value *section, const char *name)
{
	const struct rnm_value *inner = rnm_value_get(section, name);

	if (inner == NULL || (inner->type != RNM_OBJECT && inner->type != RNM_ARRAY))
		return;
	rnm_finding_add(
	    list, RNM_ID_NESTED_SECTION, inner,
	    "the section %s lies inside another section %s, where rspamd does not look for it: a file in "
	    "local.d holds only the options, without %s { } around them",
	    name, name, name);
}

/* The remark for a section that cannot be read; only lack of memory is passed on. */
static enum rnm_status section_failed(struct rnm_finding_list *list, enum rnm_status status,
                                      const struct rnm_error *why, struct rnm_error *err)
{
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	rnm_finding_add_error(list, why);
	return RNM_OK;
}

static enum rnm_status check_neural(struct rnm_finding_list *list, struct rnm_config *config,
                                    struct rnm_rule_set *set, struct rnm_error *err)
{
	struct rnm_error why;
	enum rnm_status status = rnm_rule_set_read(set, config, false, &why);

	if (status == RNM_E_NOT_FOUND) {
		rnm_finding_add(list, RNM_ID_NO_NEURAL, NULL,
		                "%s has no section neural: rspamd runs without the neural module",
		                rnm_config_path(config));
		return RNM_OK;
	}
	if (status != RNM_OK)
		return section_failed(list, status, &why, err);
	check_nested(list, set->neural, "neural");
	rnm_check_rules(list, set);
	rnm_check_prefixes(list, set);
	rnm_check_external(list, set);
	rnm_check_values(list, set->neural, "neural");
	return RNM_OK;
}

static enum rnm_status check_redis(struct rnm_finding_list *list, struct rnm_config *config,
                                   const struct rnm_rule_set *set, struct rnm_error *err)
{
	const struct rnm_value *redis = NULL;
	struct rnm_error why;
	enum rnm_status status = rnm_config_get_all_opt(config, "redis", &redis, &why);

	if (status != RNM_OK)
		return section_failed(list, status, &why, err);
	check_nested(list, redis, "redis");
	if (redis != NULL)
		rnm_check_values(list, redis, "redis");
	rnm_check_redis(list, config, set);
	return RNM_OK;
}

enum rnm_status rnm_config_check(struct rnm_finding **out, size_t *count, struct rnm_config *config,
                                 struct rnm_error *err)
{
	struct rnm_finding_list list = { 0 };
	struct rnm_rule_set set = { 0 };
	enum rnm_status status = check_neural(&list, config, &set, err);

	if (status == RNM_OK)
		status = check_redis(&list, config, &set, err);
	if (status == RNM_OK && list.failed)
		status = rnm_error_nomem(err);
	if (status != RNM_OK) {
		rnm_finding_list_clear(&list);
		return status;
	}
	*out = list.items;
	*count = list.count;
	return RNM_OK;
}
