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
		{ .title = "FIELD" },
		{ .title = "VALUE" },
		{ .title = "FROM", .cell_max = TABLE_CELL_LONG },
		{ .title = "XXH3-64" },
		{ .title = "HASHED BYTES" },
	};
	struct table table;

	rnm_buf_puts(out, "rule ");
	output_name(out, rule->name);
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
	    "fields.\n\\x00 stands for one zero byte.\n");
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
	struct rnm_buf out;
	struct rnm_json json;
	struct table table;
	bool as_json;
	struct broken_rules broken;
};

static void add_rule(struct all_rules *all, const struct rnm_rule *rule)
{
	if (all->as_json) {
		json_rule(&all->json, rule, NULL);
		return;
	}
	table_name(&all->table, COLOR_NONE, rule->name);
	table_name(&all->table, COLOR_NONE, rule->prefix);
	table_cell(&all->table, rule->has_providers ? COLOR_NONE : COLOR_DIM,
	           rule->has_providers ? rule->digest : "none (no providers)");
}

static void add_broken(struct all_rules *all, const char *name, const char *problem)
{
	if (all->as_json) {
		rnm_json_begin_object(&all->json);
		rnm_json_kv_string(&all->json, "rule", name);
		rnm_json_kv_null(&all->json, "prefix");
		rnm_json_kv_null(&all->json, "digest");
		rnm_json_kv_string(&all->json, "problem", problem);
		rnm_json_end_object(&all->json);
		return;
	}
	table_name(&all->table, COLOR_NONE, name);
	table_cell(&all->table, COLOR_DIM, "?");
	table_cell(&all->table, COLOR_RED, "none (the rule cannot be used)");
}

/* A rule that cannot be used is no reason to hide the others. */
static enum rnm_status add_rules(struct context *context, struct all_rules *all, struct rnm_error *err)
{
	char **names = NULL;
	size_t count = 0;
	enum rnm_status status = rnm_rule_names(&names, &count, context->config, &context->rule_options, err);

	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_rule *rule;

		status = context_rule(context, names[i], &rule, err);
		if (status == RNM_OK) {
			add_rule(all, rule);
			rnm_rule_free(rule);
			continue;
		}
		status = broken_rules_add(&all->broken, names[i], err);
		if (status == RNM_OK)
			add_broken(all, names[i], all->broken.items[all->broken.count - 1].problem);
	}
	rnm_names_free(names, count);
	return status;
}

static int run_all(struct context *context, struct rnm_error *err)
{
	static const struct table_column columns[] = { { .title = "RULE" },
		                                       { .title = "PREFIX" },
		                                       { .title = "DIGEST" } };
	struct all_rules all = { .as_json = option_given(context->options, OPTION_JSON) };
	enum rnm_status status;
	int code;

	rnm_buf_init(&all.out, OUTPUT_MAX);
	rnm_json_init(&all.json, &all.out, false);
	table_init(&all.table, columns, sizeof(columns) / sizeof(columns[0]));
	if (all.as_json) {
		rnm_json_begin_object(&all.json);
		rnm_json_key(&all.json, "rules");
		rnm_json_begin_array(&all.json);
	}
	status = add_rules(context, &all, err);
	if (all.as_json) {
		rnm_json_end_array(&all.json);
		rnm_json_end_object(&all.json);
	} else {
		table_print(&all.table, &all.out, "");
	}
	code = status == RNM_OK ? all.broken.worst : output_error(err);
	if (status != RNM_OK)
		rnm_buf_free(&all.out);
	else if (!(all.as_json ? output_json(&all.out) : output_buffer(&all.out)))
		code = RNM_E_IO;
	broken_rules_free(&all.broken);
	return code;
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
