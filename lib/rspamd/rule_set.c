/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/rule.h"

#include <rnm/buf.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names listed in a hint, and the longest name that is compared for likeness. */
#define HINT_NAMES_MAX 12
#define LIKE_LEN_MAX 64
#define HINT_MAX_BYTES ((size_t)64 << 10)

const char *rnm_value_phrase(const struct rnm_value *value)
{
	switch ((enum rnm_type)value->type) {
	case RNM_NULL:
		return "null";
	case RNM_BOOL:
		return "a boolean";
	case RNM_INT:
		return "an integer";
	case RNM_FLOAT:
		return "a number";
	case RNM_STRING:
		return "a string";
	case RNM_ARRAY:
		return "a list";
	case RNM_OBJECT:
		return "a section";
	}
	return "an unknown type";
}

enum rnm_status rnm_rule_set_read(struct rnm_rule_set *out, struct rnm_config *config, bool as_original,
                                  struct rnm_error *err)
{
	const struct rnm_value *neural = NULL;
	const struct rnm_value *rules;
	enum rnm_status status = rnm_config_get_all_opt(config, "neural", &neural, err);

	if (status != RNM_OK)
		return status;
	if (neural == NULL) {
		rnm_error_set(err, RNM_E_NOT_FOUND, "rule.no-neural-section",
		              "expected a section neural in %s, found none", rnm_config_path(config));
		rnm_error_set_reference(err, "no neural configuration found");
		rnm_error_set_hint(
		    err, "name the main configuration file of rspamd, usually /etc/rspamd/rspamd.conf");
		return RNM_E_NOT_FOUND;
	}
	if (neural->type != RNM_OBJECT && !as_original) {
		const struct rnm_value *first = rnm_value_at(neural, 0);

		rnm_error_set(err, RNM_E_MALFORMED, "rule.malformed",
		              "expected neural to be a section { }, found %s",
		              rnm_value_phrase(first != NULL ? first : neural));
		if (first != NULL && first->file != NULL)
			rnm_error_at_line(err, first->file, first->line);
		return RNM_E_MALFORMED;
	}
	rules = rnm_value_get(neural, "rules");
	if (!rnm_value_truthy(rules))
		rules = NULL;
	if (rules != NULL && rules->type != RNM_OBJECT && rules->type != RNM_ARRAY) {
		rnm_error_set(err, RNM_E_MALFORMED, "rule.malformed",
		              "expected neural.rules to be a section of named rules, found %s",
		              rnm_value_phrase(rules));
		if (rules->file != NULL)
			rnm_error_at_line(err, rules->file, rules->line);
		return RNM_E_MALFORMED;
	}
	out->neural = neural;
	out->rules = rules;
	/* The plugin asks whether there are rules; the original asks for a rule "default" and a section train. */
	if (as_original)
		out->whole_section = !rnm_value_truthy(rnm_value_get(rules, RNM_DEFAULT_RULE)) &&
		                     rnm_value_truthy(rnm_value_get(neural, "train"));
	else
		out->whole_section = rules == NULL;
	return RNM_OK;
}

const struct rnm_value *rnm_rule_set_find(const struct rnm_rule_set *set, const char *name)
{
	const struct rnm_value *rule;

	if (set->whole_section && strcmp(name, RNM_DEFAULT_RULE) == 0)
		return set->neural;
	rule = rnm_value_get(set->rules, name);
	return rnm_value_truthy(rule) ? rule : NULL;
}

/* Edits (insert, delete, replace one byte) between two names of at most LIKE_LEN_MAX bytes. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[LIKE_LEN_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

/* The name most like the wanted one, or NULL when none is close. */
static const char *closest(char *const *names, size_t count, const char *wanted)
{
	size_t wanted_len = strlen(wanted);
	size_t limit = wanted_len < 4 ? 1 : 2;
	const char *best = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(names[i]);
		size_t distance;

		if (strcasecmp(names[i], wanted) == 0)
			return names[i];
		if (len > LIKE_LEN_MAX || wanted_len > LIKE_LEN_MAX)
			continue;
		distance = edit_distance(wanted, wanted_len, names[i], len);
		if (distance <= limit && distance < len) {
			best = names[i];
			limit = distance;
		}
	}
	return best;
}

void rnm_names_free(char **names, size_t count)
{
	if (names == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static bool add_name(char **names, size_t *count, struct rnm_bytes name)
{
	char *copy = strndup(name.data, name.len);

	if (copy == NULL)
		return false;
	names[(*count)++] = copy;
	return true;
}

static bool collect(const struct rnm_rule_set *set, char ***out, size_t *out_count)
{
	size_t named = set->rules != NULL && set->rules->type == RNM_OBJECT ? rnm_value_count(set->rules) : 0;
	char **names = calloc(named + 1, sizeof(*names));
	size_t count = 0;
	bool good = names != NULL;

	for (size_t i = 0; good && i < named; i++) {
		const struct rnm_value *rule = rnm_value_at(set->rules, i);

		if (rnm_value_truthy(rule))
			good = add_name(names, &count, rule->key);
	}
	if (good && set->whole_section)
		good =
		    add_name(names, &count, (struct rnm_bytes){ RNM_DEFAULT_RULE, strlen(RNM_DEFAULT_RULE) });
	if (!good) {
		rnm_names_free(names, count);
		return false;
	}
	*out = names;
	*out_count = count;
	return true;
}

static void hint_names(struct rnm_buf *hint, char *const *names, size_t count, const char *wanted)
{
	const char *like = closest(names, count, wanted);

	if (like != NULL)
		rnm_buf_printf(hint, "did you mean \"%s\"? ", like);
	rnm_buf_puts(hint, count == 1 ? "the only rule is" : "the rules are");
	for (size_t i = 0; i < count && i < HINT_NAMES_MAX; i++)
		rnm_buf_printf(hint, "%s \"%s\"", i == 0 ? "" : ",", names[i]);
	if (count > HINT_NAMES_MAX)
		rnm_buf_printf(hint, " and %zu more", count - HINT_NAMES_MAX);
}

enum rnm_status rnm_rule_unknown(const struct rnm_rule_set *set, const char *name, struct rnm_error *err)
{
	struct rnm_buf hint;
	char **names = NULL;
	size_t count = 0;

	if (!collect(set, &names, &count))
		return rnm_error_nomem(err);
	rnm_error_set(err, RNM_E_NOT_FOUND, "rule.unknown",
	              "expected a rule \"%s\" in the section neural, found none", name);
	rnm_error_set_reference(err, "rule \"%s\" not found in neural config", name);
	if (set->rules != NULL && set->rules->file != NULL)
		rnm_error_at_line(err, set->rules->file, set->rules->line);
	rnm_buf_init(&hint, HINT_MAX_BYTES);
	if (count > 0)
		hint_names(&hint, names, count, name);
	else if (set->rules != NULL && set->rules->type == RNM_ARRAY)
		rnm_buf_puts(
		    &hint,
		    "neural.rules is a list here (a list, or two sections `rules` in one section neural): "
		    "write one section of named rules, rules { NAME { ... } }");
	else
		rnm_buf_puts(&hint, "there are no rules; write neural { rules { NAME { ... } } }");
	rnm_error_set_hint(err, "%s", rnm_buf_cstr(&hint));
	rnm_buf_free(&hint);
	rnm_names_free(names, count);
	return RNM_E_NOT_FOUND;
}

enum rnm_status rnm_rule_names(char ***names, size_t *count, struct rnm_config *config,
                               const struct rnm_rule_options *options, struct rnm_error *err)
{
	struct rnm_rule_set set;
	enum rnm_status status =
	    rnm_rule_set_read(&set, config, options != NULL && options->as_original, err);

	if (status != RNM_OK)
		return status;
	return collect(&set, names, count) ? RNM_OK : rnm_error_nomem(err);
}
