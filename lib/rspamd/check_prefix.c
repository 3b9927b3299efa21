/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remarks about rules that share a prefix: all names in Redis begin with it, so that they share everything.
 */
#include "rspamd/check.h"
#include "rspamd/rule.h"
#include "rspamd/rule_number.h"

#include <stdlib.h>
#include <string.h>

struct prefixed {
	char *prefix; /* of the rule, or its name */
	const struct rnm_value *rule;
	size_t first; /* index of the first rule with the same prefix */
	size_t index;
};

static char *prefix_of(const struct rnm_value *rule)
{
	const struct rnm_value *prefix = rnm_value_get(rule, "prefix");
	char number[RNM_LUA_NUMBER_MAX];

	if (!rnm_value_truthy(prefix))
		return strndup(rule->key.data, rule->key.len);
	if (prefix->type == RNM_STRING)
		return strdup(prefix->as.string.data);
	if (prefix->type != RNM_INT && prefix->type != RNM_FLOAT)
		return strdup(""); /* rspamd fails on it; rnm_rule_open says so */
	rnm_lua_number_value(number, prefix, RNM_NUMBERS_LUAJIT);
	return strdup(number);
}

static int by_prefix(const void *a, const void *b)
{
	const struct prefixed *left = a, *right = b;
	int order = strcmp(left->prefix, right->prefix);

	if (order != 0)
		return order;
	return left->index < right->index ? -1 : left->index > right->index;
}

static int by_index(const void *a, const void *b)
{
	const struct prefixed *left = a, *right = b;

	return left->index < right->index ? -1 : left->index > right->index;
}

/* Sorting instead of comparing each with each: a hostile configuration may have very many rules. */
static void find_first(struct prefixed *rules, size_t count)
{
	qsort(rules, count, sizeof(*rules), by_prefix);
	for (size_t i = 0; i < count; i++)
		rules[i].first = i > 0 && strcmp(rules[i - 1].prefix, rules[i].prefix) == 0
		                     ? rules[i - 1].first
		                     : rules[i].index;
	qsort(rules, count, sizeof(*rules), by_index);
}

static void report(struct rnm_finding_list *list, const struct prefixed *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct rnm_value *rule = rules[i].rule, *first = rules[rules[i].first].rule;
		const struct rnm_value *prefix = rnm_value_get(rule, "prefix");

		if (rules[i].first == i || rules[i].prefix[0] == '\0')
			continue;
		rnm_finding_add(
		    list, RNM_ID_PREFIX_SHARED, prefix != NULL ? prefix : rule,
		    "the rules %.*s and %.*s have the same prefix %s, and with it the same models and "
		    "training data in Redis: each overwrites the other's; give each its own prefix",
		    (int)first->key.len, first->key.data, (int)rule->key.len, rule->key.data,
		    rules[i].prefix);
	}
}

void rnm_check_prefixes(struct rnm_finding_list *list, const struct rnm_rule_set *set)
{
	size_t named = set->rules != NULL && set->rules->type == RNM_OBJECT ? rnm_value_count(set->rules) : 0;
	struct prefixed *rules = calloc(named + 1, sizeof(*rules));
	size_t count = 0;

	if (rules == NULL) {
		list->failed = true;
		return;
	}
	for (size_t i = 0; i < named && !list->failed; i++) {
		const struct rnm_value *rule = rnm_value_at(set->rules, i);

		if (rule->type != RNM_OBJECT)
			continue;
		rules[count] = (struct prefixed){ .prefix = prefix_of(rule), .rule = rule, .index = count };
		if (rules[count].prefix == NULL)
			list->failed = true;
		else
			count++;
	}
	if (!list->failed && count > 1) {
		find_first(rules, count);
		report(list, rules, count);
	}
	for (size_t i = 0; i < count; i++)
		free(rules[i].prefix);
	free(rules);
}
