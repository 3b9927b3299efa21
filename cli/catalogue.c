/* SPDX-License-Identifier: Apache-2.0 */
/* --all: which rules and settings ids there are. */
#include "context.h"

#include <stdlib.h>
#include <string.h>

static enum rnm_status add_rule(struct catalogue *catalogue, struct rnm_rule *rule, struct rnm_error *err)
{
	if (catalogue->rule_count == catalogue->rule_cap) {
		size_t cap = catalogue->rule_cap == 0 ? 16 : catalogue->rule_cap * 2;
		struct rnm_rule **rules = reallocarray(catalogue->rules, cap, sizeof(*rules));

		if (rules == NULL) {
			rnm_rule_free(rule);
			return rnm_error_nomem(err);
		}
		catalogue->rules = rules;
		catalogue->rule_cap = cap;
	}
	catalogue->rules[catalogue->rule_count++] = rule;
	return RNM_OK;
}

static enum rnm_status add_configured_rules(struct catalogue *catalogue, struct context *context,
                                            struct rnm_error *err)
{
	char **names = NULL;
	size_t count = 0;
	enum rnm_status status;

	if (context->config == NULL)
		return RNM_OK;
	status = rnm_rule_names(&names, &count, context->config, &context->rule_options, err);
	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_rule *rule;

		status = rnm_rule_open(&rule, context->config, names[i], &context->rule_options, err);
		if (status == RNM_OK)
			status = add_rule(catalogue, rule, err);
	}
	rnm_names_free(names, count);
	return status;
}

/* The rule of a prefix; one that no configuration knows gets a bare rule. */
static enum rnm_status rule_of_prefix(struct catalogue *catalogue, const char *global, const char *prefix,
                                      struct rnm_rule **out, struct rnm_error *err)
{
	enum rnm_status status;

	for (size_t i = 0; i < catalogue->rule_count; i++) {
		if (strcmp(catalogue->rules[i]->prefix, prefix) == 0) {
			*out = catalogue->rules[i];
			return RNM_OK;
		}
	}
	status = context_bare_rule(global, prefix, out, err);
	return status != RNM_OK ? status : add_rule(catalogue, *out, err);
}

static bool wanted(const struct options *options, const struct rnm_rule *rule, const char *settings)
{
	const char *only_rule = option_text(options, OPTION_RULE, NULL);
	const char *only_settings = option_text(options, OPTION_SETTINGS, NULL);

	return (only_rule == NULL || strcmp(only_rule, rule->name) == 0) &&
	       (only_settings == NULL || strcmp(only_settings, settings) == 0);
}

static enum rnm_status scan(struct catalogue *catalogue, struct context *context, const char *global,
                            struct rnm_error *err)
{
	size_t known = catalogue->rule_count;
	char **prefixes = calloc(known + 1, sizeof(*prefixes));
	enum rnm_status status;

	if (prefixes == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < known; i++)
		prefixes[i] = catalogue->rules[i]->prefix;
	status = rnm_store_scan(&catalogue->found, &catalogue->found_count, context->redis, global, prefixes,
	                        known, err);
	free(prefixes);
	return status;
}

enum rnm_status catalogue_open(struct catalogue *catalogue, struct context *context, struct rnm_error *err)
{
	const char *global;
	enum rnm_status status;

	*catalogue = (struct catalogue){ 0 };
	status = add_configured_rules(catalogue, context, err);
	if (status != RNM_OK)
		return status;
	/* Every rule has the module's prefix; without rules there is only rspamd's default. */
	global = catalogue->rule_count > 0 ? catalogue->rules[0]->global : "rn";
	status = scan(catalogue, context, global, err);
	if (status != RNM_OK)
		return status;
	catalogue->sets = calloc(catalogue->found_count + 1, sizeof(*catalogue->sets));
	if (catalogue->sets == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < catalogue->found_count; i++) {
		struct context_set set = { NULL, catalogue->found[i].settings };

		status = rule_of_prefix(catalogue, global, catalogue->found[i].prefix, &set.rule, err);
		if (status != RNM_OK)
			return status;
		if (wanted(context->options, set.rule, set.settings))
			catalogue->sets[catalogue->set_count++] = set;
	}
	return RNM_OK;
}

void catalogue_free(struct catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->rule_count; i++)
		rnm_rule_free(catalogue->rules[i]);
	free(catalogue->rules);
	rnm_store_sets_free(catalogue->found, catalogue->found_count);
	free(catalogue->sets);
	*catalogue = (struct catalogue){ 0 };
}
