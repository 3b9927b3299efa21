/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/rule.h"

#include "rspamd/digest.h"
#include "rspamd/rule_number.h"

#include <stdlib.h>
#include <string.h>

static enum rnm_status malformed(struct rnm_error *err, const struct rnm_value *found, const char *option,
                                 const char *expected)
{
	rnm_error_set(err, RNM_E_MALFORMED, "rule.malformed", "expected %s to be %s, found %s", option,
	              expected, rnm_value_phrase(found));
	if (found->file != NULL)
		rnm_error_at_line(err, found->file, found->line);
	return RNM_E_MALFORMED;
}

/* A part of a key's name: Lua joins strings and numbers and refuses the rest. */
static enum rnm_status key_part(char **out, const struct rnm_value *table, const char *option,
                                const char *fallback, enum rnm_number_style style, struct rnm_error *err)
{
	const struct rnm_value *value = rnm_value_get(table, option);
	char number[RNM_LUA_NUMBER_MAX];

	if (!rnm_value_truthy(value)) {
		*out = strdup(fallback);
	} else if (value->type == RNM_STRING) {
		*out = strdup(value->as.string.data);
	} else if (value->type == RNM_INT || value->type == RNM_FLOAT) {
		rnm_lua_number_value(number, value, style);
		*out = strdup(number);
	} else {
		return malformed(err, value, option, "a text");
	}
	return *out != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* An option that is a time or a count; what is not a sensible number counts as unset (rnm_config_check tells). */
static double option_number(const struct rnm_value *table, const char *option, double fallback)
{
	double number;

	if (rnm_number_read(&number, rnm_value_get(table, option)) == RNM_FORM_OTHER || number < 0)
		return fallback;
	return number;
}

static enum rnm_status fill(struct rnm_rule *rule, struct rnm_config *config, const struct rnm_rule_set *set,
                            const char *name, const struct rnm_rule_options *options, struct rnm_error *err)
{
	const struct rnm_value *raw = rule->raw;
	const struct rnm_value *providers = rnm_value_get(raw, "providers");
	enum rnm_status status;

	rule->name = strdup(name);
	if (rule->name == NULL)
		return rnm_error_nomem(err);
	status = key_part(&rule->prefix, raw, "prefix", name, options->numbers, err);
	if (status == RNM_OK)
		status = key_part(&rule->global, set->neural, "prefix", RNM_DEFAULT_GLOBAL_PREFIX,
		                  options->numbers, err);
	if (status != RNM_OK)
		return status;
	rule->legacy = raw == set->neural;
	rule->has_providers = rnm_value_truthy(providers);
	rule->providers_used =
	    rule->has_providers && providers->type == RNM_ARRAY && rnm_value_count(providers) > 0;
	rule->disable_symbols_input = rnm_value_truthy(rnm_value_get(raw, "disable_symbols_input"));
	rule->max_profiles = option_number(set->neural, "max_profiles", RNM_DEFAULT_MAX_PROFILES);
	rule->ann_expire = option_number(raw, "ann_expire", RNM_DEFAULT_ANN_EXPIRE);
	rule->watch_interval = option_number(raw, "watch_interval", RNM_DEFAULT_WATCH_INTERVAL);
	return rnm_digest_rule(rule->digest, config, raw, options->numbers, NULL, err);
}

enum rnm_status rnm_rule_open(struct rnm_rule **out, struct rnm_config *config, const char *name,
                              const struct rnm_rule_options *options, struct rnm_error *err)
{
	static const struct rnm_rule_options defaults;
	struct rnm_rule_set set;
	const struct rnm_value *raw;
	struct rnm_rule *rule;
	enum rnm_status status;

	if (options == NULL)
		options = &defaults;
	status = rnm_rule_set_read(&set, config, options->as_original, err);
	if (status != RNM_OK)
		return status;
	raw = rnm_rule_set_find(&set, name);
	if (raw == NULL)
		return rnm_rule_unknown(&set, name, err);
	/* A list of sections (a rule written twice) is a table without named keys, which rspamd accepts. */
	if (raw->type != RNM_OBJECT && raw->type != RNM_ARRAY)
		return malformed(err, raw, name, "a section with the options of a rule");
	rule = calloc(1, sizeof(*rule));
	if (rule == NULL)
		return rnm_error_nomem(err);
	rule->raw = raw;
	status = fill(rule, config, &set, name, options, err);
	if (status != RNM_OK) {
		rnm_rule_free(rule);
		return status;
	}
	*out = rule;
	return RNM_OK;
}

enum rnm_status rnm_rule_global_prefix(char **out, struct rnm_config *config,
                                       const struct rnm_rule_options *options, struct rnm_error *err)
{
	const struct rnm_value *neural = NULL;
	enum rnm_status status = rnm_config_get_all_opt(config, "neural", &neural, err);
	char *prefix = NULL;

	if (status == RNM_OK)
		status = key_part(&prefix, neural, "prefix", RNM_DEFAULT_GLOBAL_PREFIX,
		                  options != NULL ? options->numbers : RNM_NUMBERS_LUAJIT, err);
	if (status == RNM_OK)
		*out = prefix;
	return status;
}

enum rnm_status rnm_rule_bare(struct rnm_rule **out, const char *global, const char *prefix,
                              struct rnm_error *err)
{
	struct rnm_rule *rule = calloc(1, sizeof(*rule));

	if (rule == NULL)
		return rnm_error_nomem(err);
	rule->max_profiles = RNM_DEFAULT_MAX_PROFILES;
	rule->ann_expire = RNM_DEFAULT_ANN_EXPIRE;
	rule->watch_interval = RNM_DEFAULT_WATCH_INTERVAL;
	rule->name = strdup(prefix);
	rule->prefix = strdup(prefix);
	rule->global = strdup(global);
	if (rule->name == NULL || rule->prefix == NULL || rule->global == NULL) {
		rnm_rule_free(rule);
		return rnm_error_nomem(err);
	}
	*out = rule;
	return RNM_OK;
}

void rnm_rule_free(struct rnm_rule *rule)
{
	if (rule == NULL)
		return;
	free(rule->name);
	free(rule->prefix);
	free(rule->global);
	free(rule);
}

enum rnm_status rnm_rule_explain(struct rnm_digest_explanation **out, struct rnm_config *config,
                                 const struct rnm_rule *rule, const struct rnm_rule_options *options,
                                 struct rnm_error *err)
{
	struct rnm_digest_explanation *explanation = calloc(1, sizeof(*explanation));
	enum rnm_number_style numbers = options != NULL ? options->numbers : RNM_NUMBERS_LUAJIT;
	char digest[RNM_DIGEST_LEN + 1];
	enum rnm_status status;

	if (explanation == NULL)
		return rnm_error_nomem(err);
	status = rnm_digest_rule(digest, config, rule->raw, numbers, explanation, err);
	if (status != RNM_OK) {
		rnm_digest_explanation_free(explanation);
		return status;
	}
	*out = explanation;
	return RNM_OK;
}
