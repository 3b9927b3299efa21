/* SPDX-License-Identifier: Apache-2.0 */
/* --all: which rules and settings ids there are. */
#include "context.h"
#include "output.h"

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

enum rnm_status broken_rules_add(struct broken_rules *broken, const char *name, struct rnm_error *err)
{
	struct broken_rule *items;
	struct broken_rule item;
	int code;

	if (err->status == RNM_E_NOMEM)
		return RNM_E_NOMEM;
	items = reallocarray(broken->items, broken->count + 1, sizeof(*items));
	if (items == NULL)
		return rnm_error_nomem(err);
	broken->items = items;
	item.name = strdup(name);
	item.problem = strdup(err->message);
	broken->items[broken->count++] = item;
	if (item.name == NULL || item.problem == NULL)
		return rnm_error_nomem(err);
	code = output_error(err);
	broken->worst = code > broken->worst ? code : broken->worst;
	return RNM_OK;
}

void broken_rules_json(struct rnm_json *json, const struct broken_rules *broken)
{
	rnm_json_key(json, "problems");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < broken->count; i++) {
		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "rule", broken->items[i].name);
		rnm_json_kv_string(json, "problem", broken->items[i].problem);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
}

void broken_rules_free(struct broken_rules *broken)
{
	for (size_t i = 0; i < broken->count; i++) {
		free(broken->items[i].name);
		free(broken->items[i].problem);
	}
	free(broken->items);
	*broken = (struct broken_rules){ 0 };
}

static bool wanted_rule(const struct options *options, const char *name)
{
	const char *only = option_text(options, OPTION_RULE, NULL);

	return only == NULL || strcmp(only, name) == 0;
}

static enum rnm_status add_configured_rule(struct catalogue *catalogue, struct context *context,
                                           const char *name, struct rnm_error *err)
{
	bool is_wanted = wanted_rule(context->options, name);
	struct rnm_rule *rule;
	enum rnm_status status = rnm_rule_open(&rule, context->config, name, &context->rule_options, err);

	if (status == RNM_OK && is_wanted)
		context_warn_providers(rule);
	if (status == RNM_OK)
		return add_rule(catalogue, rule, err);
	if (status == RNM_E_NOMEM || is_wanted)
		return broken_rules_add(&catalogue->broken, name, err);
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
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = add_configured_rule(catalogue, context, names[i], err);
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
	status = rnm_rule_bare(out, global, prefix, err);
	return status != RNM_OK ? status : add_rule(catalogue, *out, err);
}

static bool wanted(const struct options *options, const struct rnm_rule *rule, const char *settings)
{
	const char *only = option_text(options, OPTION_SETTINGS, NULL);

	return wanted_rule(options, rule->name) && (only == NULL || strcmp(only, settings) == 0);
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

/* Appends 'name' to a list unless it is there; false when the list is full. */
static bool list_name(struct rnm_buf *list, const char *name)
{
	struct rnm_buf quoted;
	bool known;

	rnm_buf_init(&quoted, list->max);
	rnm_buf_printf(&quoted, "'%s'", name);
	known = memmem(rnm_buf_cstr(list), list->len, rnm_buf_cstr(&quoted), quoted.len) != NULL;
	if (quoted.failed || (!known && quoted.len + 2 > list->max - list->len)) {
		rnm_buf_free(&quoted);
		return false;
	}
	if (!known) {
		rnm_buf_puts(list, list->len > 0 ? ", " : "");
		rnm_buf_append(list, rnm_buf_cstr(&quoted), quoted.len);
	}
	rnm_buf_free(&quoted);
	return !list->failed;
}

/* -r or -s fit nothing that is in Redis: says what they could have been. */
static void hint_at_sets(const struct catalogue *catalogue, const char *rule, struct rnm_error *err)
{
	bool rule_found = false;
	bool whole = true;
	struct rnm_buf names;

	for (size_t i = 0; rule != NULL && i < catalogue->found_count; i++)
		rule_found = rule_found || strcmp(catalogue->sets[i].rule->name, rule) == 0;
	rnm_buf_init(&names, sizeof(err->hint) - 100);
	for (size_t i = 0; whole && i < catalogue->found_count; i++) {
		const struct context_set *set = &catalogue->sets[i];

		if (rule != NULL && !rule_found)
			whole = list_name(&names, set->rule->name);
		else if (rule == NULL || strcmp(set->rule->name, rule) == 0)
			whole = list_name(&names, set->settings);
	}
	rnm_error_set_hint(err, "%s with models%s: %s%s",
	                   rule != NULL && !rule_found ? "the rules" : "the settings ids",
	                   rule_found ? " of this rule" : "", rnm_buf_cstr(&names), whole ? "" : ", ...");
	rnm_buf_free(&names);
}

static enum rnm_status nothing_wanted(const struct catalogue *catalogue, const struct options *options,
                                      struct rnm_error *err)
{
	const char *rule = option_text(options, OPTION_RULE, NULL);
	const char *settings = option_text(options, OPTION_SETTINGS, NULL);

	if (rule == NULL)
		rnm_error_set(err, RNM_E_NOT_FOUND, "store.no-set",
		              "there are no models of the settings id '%s' in Redis", settings);
	else
		rnm_error_set(err, RNM_E_NOT_FOUND, "store.no-set",
		              "there are no models of the rule '%s'%s%s%s in Redis", rule,
		              settings != NULL ? " and the settings id '" : "",
		              settings != NULL ? settings : "", settings != NULL ? "'" : "");
	if (catalogue->found_count > 0)
		hint_at_sets(catalogue, rule, err);
	else
		rnm_error_set_hint(err, "this server and database hold no models at all");
	return RNM_E_NOT_FOUND;
}

/* Leaves the sets that -r and -s ask for. */
static enum rnm_status narrow_down(struct catalogue *catalogue, const struct options *options,
                                   struct rnm_error *err)
{
	bool narrowed = option_given(options, OPTION_RULE) || option_given(options, OPTION_SETTINGS);
	bool any = false;

	for (size_t i = 0; i < catalogue->found_count; i++)
		any = any || wanted(options, catalogue->sets[i].rule, catalogue->sets[i].settings);
	/* A rule that cannot be used has been reported, which says more. */
	if (!any && narrowed && catalogue->broken.count == 0)
		return nothing_wanted(catalogue, options, err);
	for (size_t i = 0; i < catalogue->found_count; i++) {
		struct context_set set = catalogue->sets[i];

		if (wanted(options, set.rule, set.settings))
			catalogue->sets[catalogue->set_count++] = set;
	}
	return RNM_OK;
}

static enum rnm_status find_sets(struct catalogue *catalogue, struct context *context, const char *global,
                                 struct rnm_error *err)
{
	enum rnm_status status = scan(catalogue, context, global, err);

	if (status != RNM_OK)
		return status;
	catalogue->sets = calloc(catalogue->found_count + 1, sizeof(*catalogue->sets));
	if (catalogue->sets == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < catalogue->found_count; i++) {
		struct context_set *set = &catalogue->sets[i];

		set->settings = catalogue->found[i].settings;
		status = rule_of_prefix(catalogue, global, catalogue->found[i].prefix, &set->rule, err);
	}
	return status == RNM_OK ? narrow_down(catalogue, context->options, err) : status;
}

enum rnm_status catalogue_open(struct catalogue *catalogue, struct context *context, struct rnm_error *err)
{
	char *global = NULL;
	enum rnm_status status;

	*catalogue = (struct catalogue){ 0 };
	status = add_configured_rules(catalogue, context, err);
	if (status == RNM_OK && context->config != NULL)
		status = rnm_rule_global_prefix(&global, context->config, &context->rule_options, err);
	if (status == RNM_OK)
		status = find_sets(catalogue, context, global != NULL ? global : "rn", err);
	free(global);
	return status;
}

void catalogue_free(struct catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->rule_count; i++)
		rnm_rule_free(catalogue->rules[i]);
	free(catalogue->rules);
	broken_rules_free(&catalogue->broken);
	rnm_store_sets_free(catalogue->found, catalogue->found_count);
	free(catalogue->sets);
	*catalogue = (struct catalogue){ 0 };
}
