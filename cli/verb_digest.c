/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "output.h"
#include "table.h"
#include "verbs.h"

#include <rnm/json.h>
#include <string.h>

static void json_explanation(struct rnm_json *json, const struct rnm_digest_explanation *explanation)
{
	rnm_json_key(json, "explanation");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < explanation->count; i++) {
		const struct rnm_digest_step *step = &explanation->steps[i];

		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "path", step->path);
		rnm_json_kv_string(json, "value", step->value);
		rnm_json_kv_string(json, "origin", step->origin);
		rnm_json_key(json, "hashed");
		rnm_json_string_n(json, (struct rnm_bytes){ step->hashed, step->hashed_len });
		rnm_json_kv_string(json, "hash", step->hash);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
}

/* explanation may be NULL. */
static void json_rule(struct rnm_json *json, const struct rnm_rule *rule,
                      const struct rnm_digest_explanation *explanation)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "rule", rule->name);
	rnm_json_kv_string(json, "prefix", rule->prefix);
	rnm_json_kv_string(json, "digest", rule->has_providers ? rule->digest : NULL);
	if (explanation != NULL)
		json_explanation(json, explanation);
	rnm_json_end_object(json);
}

static void text_explanation(struct rnm_buf *out, const struct rnm_rule *rule,
                             const struct rnm_digest_explanation *explanation)
{
	static const struct table_column columns[] = {
		{ "FIELD", false },   { "VALUE", false },        { "FROM", false },
		{ "XXH3-64", false }, { "HASHED BYTES", false },
	};
	struct table table;

	rnm_buf_puts(out, "rule ");
	output_escape(out, rule->name, strlen(rule->name), ESCAPE_ALL);
	rnm_buf_printf(out, ": providers digest %s%s%s\n\n", output_color(COLOR_BOLD), explanation->digest,
	               output_color(COLOR_NONE));
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < explanation->count; i++) {
		const struct rnm_digest_step *step = &explanation->steps[i];

		table_cell(&table, COLOR_NONE, step->path);
		table_cell(&table, COLOR_NONE, step->value);
		table_cell(&table, COLOR_DIM, step->origin);
		table_cell(&table, COLOR_NONE, step->hash);
		table_cell_n(&table, COLOR_DIM, step->hashed, step->hashed_len);
	}
	table_print(&table, out, "");
	rnm_buf_puts(
	    out,
	    "\nA container's value is the XOR of its fields' hashes; the digest is that of the outermost "
	    "fields.\n\\00 stands for one zero byte.\n");
}

static int without_digest(const struct rnm_rule *rule)
{
	output_note("rule '%s' has no providers, so it has no digest: its models depend on the symbols alone",
	            rule->name);
	return RNM_NO;
}

static int print_one(struct context *context, const struct rnm_rule *rule, struct rnm_error *err)
{
	struct rnm_digest_explanation *explanation = NULL;
	bool as_json = option_given(context->options, OPTION_JSON);
	struct rnm_buf out;
	bool printed = true;

	if (option_given(context->options, OPTION_EXPLAIN) && rule->has_providers &&
	    rnm_rule_explain(&explanation, context->config, rule, &context->rule_options, err) != RNM_OK)
		return output_error(err);
	rnm_buf_init(&out, OUTPUT_MAX);
	if (as_json) {
		struct rnm_json json;

		rnm_json_init(&json, &out, false);
		json_rule(&json, rule, explanation);
		printed = output_json(&out);
	} else if (explanation != NULL) {
		text_explanation(&out, rule, explanation);
		printed = output_buffer(&out);
	} else if (rule->has_providers) {
		rnm_buf_printf(&out, "%s\n", rule->digest);
		printed = output_buffer(&out);
	}
	rnm_digest_explanation_free(explanation);
	if (!printed)
		return RNM_E_IO;
	return rule->has_providers ? RNM_OK : without_digest(rule);
}

static int run_one(struct context *context, struct rnm_error *err)
{
	const char *name = option_text(context->options, OPTION_RULE, "default");
	struct rnm_rule *rule = NULL;
	int code;

	if (context_rule(context, name, &rule, err) != RNM_OK)
		return output_error(err);
	code = print_one(context, rule, err);
	rnm_rule_free(rule);
	return code;
}

struct all_rules {
	struct rnm_json json;
	struct table table;
	bool as_json;
};

static void add_rule(struct all_rules *all, const struct rnm_rule *rule)
{
	if (all->as_json) {
		json_rule(&all->json, rule, NULL);
		return;
	}
	table_cell(&all->table, COLOR_NONE, rule->name);
	table_cell(&all->table, COLOR_NONE, rule->prefix);
	table_cell(&all->table, rule->has_providers ? COLOR_NONE : COLOR_DIM,
	           rule->has_providers ? rule->digest : "none (no providers)");
}

static int run_all(struct context *context, struct rnm_error *err)
{
	static const struct table_column columns[] = { { "RULE", false },
		                                       { "PREFIX", false },
		                                       { "DIGEST", false } };
	struct all_rules all = { .as_json = option_given(context->options, OPTION_JSON) };
	char **names = NULL;
	size_t count = 0;
	struct rnm_buf out;
	enum rnm_status status = rnm_rule_names(&names, &count, context->config, &context->rule_options, err);

	if (status != RNM_OK)
		return output_error(err);
	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_json_init(&all.json, &out, false);
	table_init(&all.table, columns, sizeof(columns) / sizeof(columns[0]));
	if (all.as_json) {
		rnm_json_begin_object(&all.json);
		rnm_json_key(&all.json, "rules");
		rnm_json_begin_array(&all.json);
	}
	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_rule *rule;

		status = context_rule(context, names[i], &rule, err);
		if (status == RNM_OK) {
			add_rule(&all, rule);
			rnm_rule_free(rule);
		}
	}
	rnm_names_free(names, count);
	if (all.as_json) {
		rnm_json_end_array(&all.json);
		rnm_json_end_object(&all.json);
	} else {
		table_print(&all.table, &out, "");
	}
	if (status != RNM_OK) {
		rnm_buf_free(&out);
		return output_error(err);
	}
	return (all.as_json ? output_json(&out) : output_buffer(&out)) ? RNM_OK : RNM_E_IO;
}

int verb_digest(const struct options *options)
{
	struct context context;
	struct rnm_error err;
	int code;

	if (context_open(&context, options, &err) != RNM_OK || context_load_config(&context, &err) != RNM_OK)
		code = output_error(&err);
	else
		code = option_given(options, OPTION_ALL) ? run_all(&context, &err) : run_one(&context, &err);
	context_free(&context);
	return code;
}
