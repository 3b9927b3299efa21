/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remarks about the rules themselves: names, providers, times.
 */
#include "rspamd/check.h"
#include "rspamd/rule.h"
#include "rspamd/rule_number.h"

#include <string.h>

static bool is_false(const struct rnm_value *value)
{
	return value != NULL && value->type == RNM_BOOL && !value->as.boolean;
}

static void check_provider(struct rnm_finding_list *list, const char *rule, const struct rnm_value *provider,
                           size_t index)
{
	if (provider->type != RNM_OBJECT) {
		rnm_finding_add(list, RNM_ID_PROVIDER_TYPE, provider,
		                "expected element %zu of providers in the rule %s to be a section, found %s, "
		                "which counts as "
		                "a provider of unknown type or makes rspamd fail; write { type = \"...\"; }",
		                index, rule, rnm_value_phrase(provider));
		return;
	}
	if (!rnm_value_truthy(rnm_value_get(provider, "type")) &&
	    !rnm_value_truthy(rnm_value_get(provider, "name")))
		rnm_finding_add(list, RNM_ID_PROVIDER_UNKNOWN, provider,
		                "element %zu of providers in the rule %s has neither type nor name", index,
		                rule);
}

static void check_providers(struct rnm_finding_list *list, const char *rule,
                            const struct rnm_value *providers)
{
	size_t count = rnm_value_count(providers);

	if (!rnm_value_truthy(providers))
		return;
	if (providers->type == RNM_OBJECT) {
		rnm_finding_add(
		    list, RNM_ID_PROVIDERS_OBJECT, providers,
		    "providers of the rule %s is one section, which counts as an empty list; write "
		    "providers = [ { ... } ]",
		    rule);
		return;
	}
	if (providers->type != RNM_ARRAY) {
		rnm_finding_add(list, RNM_ID_PROVIDERS_TYPE, providers,
		                "expected providers of the rule %s to be a list of sections, found %s; "
		                "rspamd does not load "
		                "such a rule",
		                rule, rnm_value_phrase(providers));
		return;
	}
	if (count == 0)
		rnm_finding_add(list, RNM_ID_PROVIDERS_EMPTY, providers,
		                "providers of the rule %s is an empty list: its models carry a digest that "
		                "the rule itself "
		                "refuses; delete the option or name a provider",
		                rule);
	if ((providers->flags & RNM_VALUE_IMPLICIT) != 0)
		rnm_finding_add(list, RNM_ID_PROVIDERS_REPEATED, providers,
		                "providers of the rule %s is written %zu times and read as one list in this "
		                "order; write a list",
		                rule, count);
	for (size_t i = 0; i < count; i++)
		check_provider(list, rule, rnm_value_at(providers, i), i + 1);
}

/* What option_number in rule.c passes over. */
static void check_time(struct rnm_finding_list *list, const struct rnm_value *table, const char *rule,
                       const char *option, double fallback, double *out)
{
	const struct rnm_value *value = rnm_value_get(table, option);
	double number;

	*out = fallback;
	if (!rnm_value_truthy(value))
		return;
	if (rnm_number_read(&number, value) != RNM_FORM_OTHER && number >= 0) {
		*out = number;
		return;
	}
	rnm_finding_add(list, RNM_ID_OPTION_RANGE, value,
	                "expected %s of %s to be a number of at least 0; %g is assumed here", option, rule,
	                fallback);
}

static void check_times(struct rnm_finding_list *list, const char *name, const struct rnm_value *rule)
{
	double expire, interval;

	check_time(list, rule, name, "ann_expire", RNM_DEFAULT_ANN_EXPIRE, &expire);
	check_time(list, rule, name, "watch_interval", RNM_DEFAULT_WATCH_INTERVAL, &interval);
	if (expire < interval)
		rnm_finding_add(list, RNM_ID_EXPIRE_SHORT, rnm_value_get(rule, "ann_expire"),
		                "the rule %s keeps models for %g seconds (ann_expire) but looks for them "
		                "every %g seconds "
		                "(watch_interval): they vanish in between",
		                name, expire, interval);
}

struct rules_check {
	struct rnm_finding_list *list;
	const struct rnm_rule_set *set;
};

static void check_rule(void *ctx, const char *name, const struct rnm_value *rule)
{
	struct rules_check *check = ctx;
	struct rnm_finding_list *list = check->list;
	const struct rnm_value *fusion = rnm_value_get(rule, "fusion");
	const struct rnm_value *lock_expire = rnm_value_get(rule, "lock_expire");
	const struct rnm_value *enabled = rnm_value_get(rule, "enabled");

	check_providers(list, name, rnm_value_get(rule, "providers"));
	check_times(list, name, rule);
	if (fusion != NULL && fusion->type != RNM_OBJECT)
		rnm_finding_add(
		    list, RNM_ID_FUSION_TYPE, fusion,
		    "expected fusion of the rule %s to be one section, found %s; write fusion { ... }", name,
		    rnm_value_phrase(fusion));
	if (lock_expire != NULL)
		rnm_finding_add(
		    list, RNM_ID_DEAD_OPTION, lock_expire,
		    "lock_expire of the rule %s is never used: the lock lasts for twice watch_interval",
		    name);
	if (is_false(enabled) && rule != check->set->neural)
		rnm_finding_add(list, RNM_ID_ENABLED_IGNORED, enabled,
		                "enabled = false at the rule %s has no effect: only the whole module can be "
		                "switched off; "
		                "delete the rule instead",
		                name);
}

static void check_form(struct rnm_finding_list *list, const struct rnm_rule_set *set)
{
	const struct rnm_value *train = rnm_value_get(set->neural, "train");

	if (set->rules == NULL) {
		if (!rnm_value_truthy(train))
			rnm_finding_add(list, RNM_ID_ONE_RULE_NO_TRAIN, set->neural,
			                "the section neural is itself the rule default; rspamadm "
			                "neural_export finds it only "
			                "when it has a section train");
		return;
	}
	if (set->rules->type == RNM_ARRAY) {
		rnm_finding_add(
		    list, RNM_ID_RULES_LIST, set->rules,
		    "neural.rules is a list%s, so that its rules have no names; write one section "
		    "rules { NAME { ... } NAME { ... } }",
		    (set->rules->flags & RNM_VALUE_IMPLICIT) != 0 ? " because it is written several times"
								  : "");
		return;
	}
	if (rnm_value_truthy(train) && !rnm_value_truthy(rnm_value_get(set->rules, RNM_DEFAULT_RULE)))
		rnm_finding_add(
		    list, RNM_ID_PHANTOM_DEFAULT, train,
		    "there is no rule default, but rspamadm neural_export makes one up from this section; "
		    "name a rule with -r");
}

static void check_rule_types(struct rnm_finding_list *list, const struct rnm_rule_set *set)
{
	for (size_t i = 0;
	     set->rules != NULL && set->rules->type == RNM_OBJECT && i < rnm_value_count(set->rules); i++) {
		const struct rnm_value *rule = rnm_value_at(set->rules, i);
		int len = (int)rule->key.len;

		if (rule->type == RNM_ARRAY)
			rnm_finding_add(
			    list, RNM_ID_RULE_REPEATED, rule,
			    "the rule %.*s is %s: rspamd sees a list and none of its options; write it once",
			    len, rule->key.data,
			    (rule->flags & RNM_VALUE_IMPLICIT) != 0 ? "written several times" : "a list");
		else if (rule->type != RNM_OBJECT)
			rnm_finding_add(list, RNM_ID_RULE_TYPE, rule,
			                "expected the rule %.*s to be a section, found %s", len,
			                rule->key.data, rnm_value_phrase(rule));
	}
}

void rnm_check_rules(struct rnm_finding_list *list, const struct rnm_rule_set *set)
{
	const struct rnm_value *enabled = rnm_value_get(set->neural, "enabled");
	const struct rnm_value *profiles = rnm_value_get(set->neural, "max_profiles");
	struct rules_check check = { list, set };
	double max_profiles;

	check_form(list, set);
	check_rule_types(list, set);
	if (is_false(enabled))
		rnm_finding_add(
		    list, RNM_ID_ENABLED_IGNORED, enabled,
		    "enabled = false switches the module off in rspamd, yet this program and rspamadm "
		    "neural_export still work on its rules");
	check_time(list, set->neural, "the section neural", "max_profiles", RNM_DEFAULT_MAX_PROFILES,
	           &max_profiles);
	if (max_profiles < 1)
		rnm_finding_add(list, RNM_ID_MAX_PROFILES, profiles,
		                "max_profiles is %g: the controller deletes every model beyond that number, "
		                "so none is kept",
		                max_profiles);
	rnm_check_each_rule(set, &check, check_rule);
}
