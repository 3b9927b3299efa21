/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "output.h"
#include "verbs.h"

#include <rnm/json.h>
#include <stdlib.h>
#include <string.h>

/* Some levels are kept for what stands around a section. */
#define PRINTED_DEPTH_MAX (RNM_JSON_DEPTH_MAX - 4)

static enum rnm_status too_deep(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "config.limit",
	                     "the configuration nests deeper than the %d levels that can be printed",
	                     PRINTED_DEPTH_MAX);
}

/* Whether a value nests at most limit levels deep; the recursion ends there too. */
static bool depth_within(const struct rnm_value *value, unsigned limit)
{
	for (; value != NULL; value = value->next) {
		for (size_t i = 0; i < rnm_value_count(value); i++) {
			if (limit == 0 || !depth_within(rnm_value_at(value, i), limit - 1))
				return false;
		}
	}
	return true;
}

/* A section that is absent: names the closest or all that exist. */
static enum rnm_status no_section(const struct context *context, const char *name, struct rnm_error *err)
{
	const struct rnm_value *root = rnm_config_root(context->config);
	const char *best = NULL;
	size_t best_distance = 3;

	rnm_error_set(err, RNM_E_NOT_FOUND, "config.no-section", "there is no section '%s' in %s", name,
	              rnm_config_path(context->config));
	for (size_t i = 0; i < rnm_value_count(root); i++) {
		const char *key = rnm_value_at(root, i)->key.data;
		size_t distance = edit_distance(name, key, best_distance);

		if (distance < best_distance) {
			best_distance = distance;
			best = key;
		}
	}
	if (best != NULL)
		rnm_error_set_hint(err, "did you mean '%s'?", best);
	else
		rnm_error_set_hint(err, "rnm config --json -c %s | jq keys   names all sections",
		                   rnm_config_path(context->config));
	return RNM_E_NOT_FOUND;
}

static enum rnm_status get_section(struct context *context, const char *name, const struct rnm_value **out,
                                   struct rnm_error *err)
{
	enum rnm_status status = rnm_config_get_all_opt(context->config, name, out, err);

	if (status == RNM_OK && *out == NULL)
		return no_section(context, name, err);
	if (status == RNM_OK && !depth_within(*out, PRINTED_DEPTH_MAX))
		return too_deep(err);
	return status;
}

/* Sections one by one: what the whole tree shows of a section is what its name alone shows. */
typedef void section_visitor(void *ctx, struct rnm_bytes name, const struct rnm_value *section);

static enum rnm_status each_section(struct context *context, section_visitor *visit, void *ctx,
                                    struct rnm_error *err)
{
	const struct rnm_value *root = rnm_config_root(context->config);

	for (size_t i = 0; i < rnm_value_count(root); i++) {
		const struct rnm_value *raw = rnm_value_at(root, i);
		const struct rnm_value *section = NULL;
		enum rnm_status status =
		    rnm_config_get_all_opt(context->config, raw->key.data, &section, err);

		if (status == RNM_E_NOMEM)
			return status;
		/* A list is nothing that modules can read, and no reason to hide the others. */
		if (status != RNM_OK || section == NULL)
			section = raw;
		if (!depth_within(section, PRINTED_DEPTH_MAX))
			return too_deep(err);
		visit(ctx, raw->key, section);
	}
	return RNM_OK;
}

static void print_section(void *ctx, struct rnm_bytes name, const struct rnm_value *section)
{
	struct rnm_json *json = ctx;

	rnm_json_key_n(json, name);
	rnm_json_value(json, section);
}

static enum rnm_status print_values(struct context *context, struct rnm_json *json, struct rnm_error *err)
{
	const struct options *options = context->options;
	const struct rnm_value *value;
	enum rnm_status status = RNM_OK;

	if (options->operand_count != 1)
		rnm_json_begin_object(json);
	if (options->operand_count == 0)
		status = each_section(context, print_section, json, err);
	for (size_t i = 0; status == RNM_OK && i < options->operand_count; i++) {
		status = get_section(context, options->operands[i], &value, err);
		if (status != RNM_OK)
			return status;
		if (options->operand_count > 1)
			rnm_json_key(json, options->operands[i]);
		rnm_json_value(json, value);
	}
	if (options->operand_count != 1)
		rnm_json_end_object(json);
	return status;
}

/* --origin: the tree flattened to one line, or one JSON object, per value. */
struct origin_walk {
	struct rnm_buf *out;
	struct rnm_json *json; /* NULL: text */
	struct rnm_buf path;   /* "neural.rules.embed.providers[1].type" */
};

static void origin_value(const struct origin_walk *walk, const struct rnm_value *value)
{
	const char *file = value->file != NULL ? value->file : "";
	struct rnm_json inner;
	struct rnm_buf text;

	if (walk->json != NULL) {
		rnm_json_begin_object(walk->json);
		rnm_json_kv_string(walk->json, "path", rnm_buf_cstr(&walk->path));
		rnm_json_key(walk->json, "value");
		rnm_json_value(walk->json, value);
		rnm_json_kv_string(walk->json, "file", value->file);
		rnm_json_kv_uint(walk->json, "line", value->line);
		rnm_json_kv_uint(walk->json, "priority", value->priority);
		rnm_json_end_object(walk->json);
		return;
	}
	output_escape(walk->out, rnm_buf_cstr(&walk->path), walk->path.len, ESCAPE_ALL);
	rnm_buf_printf(walk->out, " = %s", output_color(COLOR_BOLD));
	rnm_buf_init(&text, OUTPUT_MAX);
	rnm_json_init(&inner, &text, false);
	rnm_json_value(&inner, value);
	walk->out->failed = walk->out->failed || text.failed;
	output_escape_json(walk->out, rnm_buf_cstr(&text), text.len);
	rnm_buf_free(&text);
	rnm_buf_printf(walk->out, "%s  %s# ", output_color(COLOR_NONE), output_color(COLOR_DIM));
	output_escape(walk->out, file, strlen(file), ESCAPE_ALL);
	rnm_buf_printf(walk->out, ":%u", value->line);
	if (value->priority > 0)
		rnm_buf_printf(walk->out, " priority %u", value->priority);
	rnm_buf_printf(walk->out, "%s\n", output_color(COLOR_NONE));
}

static void origin_tree(struct origin_walk *walk, const struct rnm_value *value)
{
	size_t count = rnm_value_count(value);
	size_t path_len = walk->path.len;

	if (count == 0) {
		origin_value(walk, value);
		return;
	}
	for (size_t i = 0; i < count && !walk->out->failed; i++) {
		const struct rnm_value *item = rnm_value_at(value, i);

		/* Counted from 1 as in rspamd's Lua tables and in `rnm digest --explain`. */
		if (value->type == RNM_ARRAY)
			rnm_buf_printf(&walk->path, "[%zu]", i + 1);
		else
			rnm_buf_printf(&walk->path, "%s%.*s", path_len > 0 ? "." : "", (int)item->key.len,
			               item->key.data);
		for (const struct rnm_value *link = item; link != NULL; link = link->next)
			origin_tree(walk, link);
		walk->path.len = path_len;
		if (walk->path.data != NULL)
			walk->path.data[path_len] = '\0';
	}
}

static void origin_section(void *ctx, struct rnm_bytes name, const struct rnm_value *section)
{
	struct origin_walk *walk = ctx;

	rnm_buf_clear(&walk->path);
	rnm_buf_append(&walk->path, name.data, name.len);
	for (const struct rnm_value *link = section; link != NULL; link = link->next)
		origin_tree(walk, link);
}

static enum rnm_status print_origins(struct context *context, struct rnm_buf *out, struct rnm_json *json,
                                     struct rnm_error *err)
{
	const struct options *options = context->options;
	struct origin_walk walk = { .out = out, .json = option_given(options, OPTION_JSON) ? json : NULL };
	const struct rnm_value *value;
	enum rnm_status status = RNM_OK;

	rnm_buf_init(&walk.path, OUTPUT_MAX);
	if (walk.json != NULL)
		rnm_json_begin_array(json);
	if (options->operand_count == 0)
		status = each_section(context, origin_section, &walk, err);
	for (size_t i = 0; status == RNM_OK && i < options->operand_count; i++) {
		const char *name = options->operands[i];

		status = get_section(context, name, &value, err);
		if (status == RNM_OK)
			origin_section(&walk, (struct rnm_bytes){ name, strlen(name) }, value);
	}
	if (walk.json != NULL)
		rnm_json_end_array(json);
	out->failed = out->failed || walk.path.failed;
	rnm_buf_free(&walk.path);
	return status;
}

static void finding_text(struct rnm_buf *out, const struct rnm_finding *finding)
{
	if (finding->file != NULL) {
		output_escape(out, finding->file, strlen(finding->file), ESCAPE_ALL);
		if (finding->line > 0)
			rnm_buf_printf(out, ":%u", finding->line);
		rnm_buf_puts(out, ": ");
	}
	output_escape(out, finding->text, strlen(finding->text), ESCAPE_ALL);
	rnm_buf_printf(out, " %s[%s]%s\n", output_color(COLOR_DIM), finding->id, output_color(COLOR_NONE));
}

static void finding_json(struct rnm_json *json, const struct rnm_finding *finding)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "id", finding->id);
	rnm_json_kv_string(json, "text", finding->text);
	rnm_json_kv_string(json, "file", finding->file);
	rnm_json_key(json, "line");
	if (finding->line > 0)
		rnm_json_uint(json, finding->line);
	else
		rnm_json_null(json);
	rnm_json_end_object(json);
}

/* --check: RNM_NO when there is anything to remark. */
static enum rnm_status print_findings(struct context *context, struct rnm_buf *out, struct rnm_json *json,
                                      struct rnm_error *err)
{
	bool as_json = option_given(context->options, OPTION_JSON);
	struct rnm_finding *findings = NULL;
	size_t count = 0;
	enum rnm_status status = rnm_config_check(&findings, &count, context->config, err);

	if (status != RNM_OK)
		return status;
	if (as_json) {
		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "file", rnm_config_path(context->config));
		rnm_json_key(json, "findings");
		rnm_json_begin_array(json);
	}
	for (size_t i = 0; i < count; i++) {
		if (as_json)
			finding_json(json, &findings[i]);
		else
			finding_text(out, &findings[i]);
	}
	if (as_json) {
		rnm_json_end_array(json);
		rnm_json_end_object(json);
	} else if (count == 0) {
		rnm_buf_puts(out, "nothing suspicious for the neural module\n");
	}
	rnm_findings_free(findings, count);
	return count > 0 ? RNM_NO : RNM_OK;
}

static int run(struct context *context, struct rnm_error *err)
{
	const struct options *options = context->options;
	bool as_json = option_given(options, OPTION_JSON);
	struct rnm_buf out;
	struct rnm_json json;
	enum rnm_status status;
	bool text = false;

	/* --json is for programs: one line.  Without it the same document is laid out for people. */
	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_json_init(&json, &out, !as_json);
	if (option_given(options, OPTION_CHECK)) {
		status = print_findings(context, &out, &json, err);
		text = !as_json;
	} else if (option_given(options, OPTION_ORIGIN)) {
		status = print_origins(context, &out, &json, err);
		text = !as_json;
	} else {
		status = print_values(context, &json, err);
	}
	if (status != RNM_OK && status != RNM_NO) {
		rnm_buf_free(&out);
		return output_error(err);
	}
	if (!(text ? output_buffer(&out) : output_json(&out)))
		return RNM_E_IO;
	return rnm_status_exit_code(status);
}

int verb_config(const struct options *options)
{
	struct context context;
	struct rnm_error err;
	int code;

	if (option_given(options, OPTION_CHECK) && options->operand_count > 0)
		return output_usage_error("type rnm config --check",
		                          "--check looks at the whole configuration: "
		                          "'%s' is too much",
		                          options->operands[0]);
	if (context_open(&context, options, &err) != RNM_OK || context_load_config(&context, &err) != RNM_OK)
		code = output_error(&err);
	else
		code = run(&context, &err);
	context_free(&context);
	return code;
}
