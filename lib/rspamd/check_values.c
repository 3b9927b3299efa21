/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings where numbers or switches are meant.  The usual cause is the configuration language: a suffix
 * must touch the end of its line, a semicolon or a brace, and `1k # thousand` is a string.
 */
#include "rspamd/check.h"
#include "rspamd/rule.h"
#include "rspamd/rule_number.h"

#include <stdio.h>
#include <string.h>

/* As deep as neural and redis sections are in earnest; what lies deeper is not looked at. */
#define VALUES_DEPTH_MAX 16
#define PATH_MAX_BYTES 512

/* Options that take a number. */
static const char *const numbers[] = {
	"ann_expire",
	"classes_bias",
	"dim",
	"dropout",
	"ham_score_threshold",
	"ham_skip_prob",
	"hash_size",
	"hidden_layer_mult",
	"learning_rate",
	"max_drop_streak",
	"max_inputs",
	"max_iterations",
	"max_profiles",
	"max_tokens",
	"max_trains",
	"max_usages",
	"max_words",
	"merge_alpha",
	"meta_weight",
	"roc_misclassification_cost",
	"spam_score_threshold",
	"spam_skip_prob",
	"train_prob",
	"watch_interval",
	"weight",
};

/* Switches; the ones of Redis connections are those of redis_settings_merge.c. */
static const char *const switches[] = {
	"autotrain",    "disable_symbols_input", "enabled",     "flat_threshold_curve", "frozen",
	"include_meta", "per_provider_pca",      "roc_enabled", "store_pool_only",      "store_set_only",
};

/* Options whose text may look like a number by right. */
static const char *const texts[] = {
	"api_key",
	"database",
	"db",
	"dbname",
	"model",
	"name",
	"password",
	"prefix",
	"sentinel_password",
	"sentinel_username",
	"sni",
	"symbol_ham",
	"symbol_spam",
	"type",
	"url",
	"username",
};

/* Read by redis_settings_merge.c, which has its own remarks about them. */
static const char *const timeouts[] = {
	"neural.redis.timeout",
	"neural.timeout",
	"redis.neural.timeout",
	"redis.timeout",
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool is_one_of(struct rnm_bytes key, const char *const list[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (key.len == strlen(list[i]) && memcmp(key.data, list[i], key.len) == 0)
			return true;
	return false;
}

static void check_switch(struct rnm_finding_list *list, const struct rnm_value *value, const char *path)
{
	const char *text = rnm_value_string(value);

	if (text != NULL)
		rnm_finding_add(list, RNM_ID_BOOLEAN_STRING, value,
		                "%s is the string \"%.60s\", and every string counts as true; write true or "
		                "false without "
		                "quotes",
		                path, text);
}

static void check_string(struct rnm_finding_list *list, const struct rnm_value *value, struct rnm_bytes key,
                         const char *path)
{
	double number;

	if (is_one_of(key, texts, COUNT(texts)) ||
	    is_one_of((struct rnm_bytes){ path, strlen(path) }, timeouts, COUNT(timeouts)))
		return;
	switch (rnm_number_parse(&number, value->as.string)) {
	case RNM_FORM_SUFFIX_STRING:
		rnm_finding_add(
		    list, RNM_ID_NUMBER_SUFFIX, value,
		    "%s is the string \"%s\", not the number %g: it is in quotes, or something other than a "
		    "semicolon, comma, # or the end of the line follows the suffix",
		    path, value->as.string.data, number);
		break;
	case RNM_FORM_NUMERIC_STRING:
		if (is_one_of(key, numbers, COUNT(numbers)))
			rnm_finding_add(list, RNM_ID_NUMBER_QUOTED, value,
			                "%s is the string \"%s\" and not a number; write it without quotes "
			                "(in a digest, \"1.0\" "
			                "and 1.0 are different things)",
			                path, value->as.string.data);
		break;
	case RNM_FORM_OTHER:
	case RNM_FORM_NUMBER:
		break;
	}
}

static void check_value(struct rnm_finding_list *list, const struct rnm_value *value, struct rnm_bytes key,
                        const char *path, unsigned depth)
{
	char inner[PATH_MAX_BYTES];

	if (value->type == RNM_STRING && !is_one_of(key, switches, COUNT(switches)))
		check_string(list, value, key, path);
	else if (is_one_of(key, switches, COUNT(switches)))
		check_switch(list, value, path);
	if (depth == VALUES_DEPTH_MAX)
		return;
	for (size_t i = 0; i < rnm_value_count(value); i++) {
		const struct rnm_value *item = rnm_value_at(value, i);

		if (value->type == RNM_OBJECT)
			snprintf(inner, sizeof(inner), "%s.%.*s", path, (int)item->key.len, item->key.data);
		else
			snprintf(inner, sizeof(inner), "%s[%zu]", path, i + 1);
		/* An element is judged by the name of its list. */
		check_value(list, item, value->type == RNM_OBJECT ? item->key : key, inner, depth + 1);
	}
}

void rnm_check_values(struct rnm_finding_list *list, const struct rnm_value *section, const char *path)
{
	check_value(list, section, (struct rnm_bytes){ NULL, 0 }, path, 0);
}
