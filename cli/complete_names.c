/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates that only the configuration or Redis knows. */
#include "complete.h"
#include "model_argument.h"
#include "model_version.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

/* A name as it stands in an argument, or as a part of redis:RULE/SETTINGS@VERSION. */
static void add_name(struct completion *completion, const char *name, const char *description)
{
	struct rnm_buf encoded;

	if (!completion->in_model) {
		completion_add(completion, name, description);
		return;
	}
	rnm_buf_init(&encoded, OUTPUT_MAX);
	for (const char *c = name; *c != '\0'; c++) {
		if (strchr("%/@", *c) != NULL)
			rnm_buf_printf(&encoded, "%%%02X", (unsigned)(unsigned char)*c);
		else
			rnm_buf_putc(&encoded, *c);
	}
	if (!encoded.failed)
		completion_add(completion, rnm_buf_cstr(&encoded), description);
	rnm_buf_free(&encoded);
}

static void add_rule(struct completion *completion, struct context *context, const char *name)
{
	struct rnm_rule *rule = NULL;
	struct rnm_error err;
	char what[sizeof("digest ") + RNM_DIGEST_LEN];

	if (rnm_rule_open(&rule, context->config, name, &context->rule_options, &err) != RNM_OK) {
		add_name(completion, name, err.message);
		return;
	}
	(void)snprintf(what, sizeof(what), "digest %s", rule->digest);
	add_name(completion, name, rule->has_providers ? what : "no providers, so no digest");
	rnm_rule_free(rule);
}

/* What SCAN finds; rule and settings as for catalogue_open, NULL for all. */
static bool scan(struct catalogue *catalogue, struct context *context, const char *rule)
{
	struct options narrowed = *context->options;
	const struct options *options = context->options;
	struct rnm_error err;
	bool found;

	narrowed.values[OPTION_RULE] = (struct option_value){ .count = rule != NULL, .text = rule };
	narrowed.values[OPTION_SETTINGS].count = 0;
	context->options = &narrowed;
	found =
	    context_connect(context, &err) == RNM_OK && catalogue_open(catalogue, context, &err) == RNM_OK;
	context->options = options;
	return found;
}

/* Without a configuration a rule is a prefix that some model in Redis has. */
static void complete_prefixes(struct completion *completion, struct context *context)
{
	struct catalogue catalogue = { 0 };

	if (scan(&catalogue, context, NULL)) {
		for (size_t i = 0; i < catalogue.rule_count; i++)
			add_name(completion, catalogue.rules[i]->name, "in Redis");
	}
	catalogue_free(&catalogue);
}

void complete_rules(struct completion *completion, struct context *context)
{
	char **names = NULL;
	size_t count = 0;
	struct rnm_error err;

	if (context->config == NULL) {
		complete_prefixes(completion, context);
		return;
	}
	if (rnm_rule_names(&names, &count, context->config, &context->rule_options, &err) != RNM_OK)
		return;
	for (size_t i = 0; i < count; i++)
		add_rule(completion, context, names[i]);
	rnm_names_free(names, count);
}

void complete_settings(struct completion *completion, struct context *context, const char *rule)
{
	struct catalogue catalogue = { 0 };

	if (scan(&catalogue, context, rule)) {
		for (size_t i = 0; i < catalogue.set_count; i++) {
			char *zset = rnm_rule_zset(catalogue.sets[i].rule, catalogue.sets[i].settings);

			add_name(completion, catalogue.sets[i].settings, zset != NULL ? zset : "");
			free(zset);
		}
	}
	catalogue_free(&catalogue);
}

static void add_version(struct completion *completion, const struct rnm_model *model)
{
	const struct rnm_profile *profile = &model->profile;
	char version[NUMBER_TEXT_MAX];
	char updated[64];
	struct rnm_buf what;

	if (!model->live || !model_version(profile).known)
		return;
	rnm_buf_init(&what, OUTPUT_MAX);
	if (output_time(updated, sizeof(updated), profile->score))
		rnm_buf_printf(&what, "%s, ", updated);
	rnm_buf_puts(&what, model->verdict);
	add_name(completion, model_version_text(profile, version), rnm_buf_cstr(&what));
	rnm_buf_free(&what);
}

void complete_versions(struct completion *completion, struct context *context, const char *rule_name,
                       const char *settings)
{
	struct rnm_model_list *list = NULL;
	struct rnm_rule *rule = NULL;
	struct rnm_error err;
	enum rnm_status status = context_rule(context, rule_name, &rule, &err);

	if (status == RNM_OK)
		status = context_connect(context, &err);
	if (status == RNM_OK)
		status = rnm_store_list(&list, context->redis, rule, settings, RNM_LIST_ALIVE, &err);
	for (size_t i = 0; status == RNM_OK && i < list->count; i++)
		add_version(completion, &list->models[i]);
	rnm_model_list_free(list);
	rnm_rule_free(rule);
}

void complete_model(struct completion *completion, struct context *context, const char *word)
{
	const char *at = strrchr(word, '@');
	const char *end = at != NULL ? at : strchr(word, '/');
	struct model_name name = { 0 };
	struct rnm_error err;
	char *before;

	completion->in_model = true;
	completion->skip = end != NULL ? (size_t)(end + 1 - word) : strlen(MODEL_REDIS_SCHEME);
	if (end == NULL) {
		complete_rules(completion, context);
		return;
	}
	before = strndup(word, (size_t)(end - word));
	if (before != NULL && model_name_read(&name, before, &err) == RNM_OK) {
		if (at != NULL)
			complete_versions(completion, context, name.rule, name.settings);
		else
			complete_settings(completion, context, name.rule);
	}
	model_name_free(&name);
	free(before);
}

static int compare_keys(const void *a, const void *b)
{
	const struct rnm_value *const *left = a;
	const struct rnm_value *const *right = b;

	return strcmp((*left)->key.data, (*right)->key.data);
}

void complete_sections(struct completion *completion, struct context *context)
{
	const struct rnm_value *root = context->config != NULL ? rnm_config_root(context->config) : NULL;
	size_t count = root != NULL ? rnm_value_count(root) : 0;
	const struct rnm_value **sections = calloc(count + 1, sizeof(*sections));

	if (sections == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		sections[i] = rnm_value_at(root, i);
	qsort(sections, count, sizeof(*sections), compare_keys);
	for (size_t i = 0; i < count; i++)
		completion_add(completion, sections[i]->key.data,
		               sections[i]->file != NULL ? sections[i]->file : "");
	free(sections);
}
