/* SPDX-License-Identifier: Apache-2.0 */
#include "list_format.h"
#include "model_version.h"
#include "output.h"
#include "table.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* Room for a size or a duration. */
#define CELL_TEXT_MAX 64

static const char *const match_names[] = {
	[RNM_DIGEST_SAME] = "same",
	[RNM_DIGEST_OTHER] = "other",
	[RNM_DIGEST_MISSING] = "missing",
	[RNM_DIGEST_UNWANTED] = "unwanted",
};

void list_document_init(struct list_document *document, bool as_json)
{
	*document = (struct list_document){ .as_json = as_json };
	rnm_buf_init(&document->out, OUTPUT_MAX);
	rnm_json_init(&document->json, &document->out, false);
}

void list_document_begin(struct list_document *document, const struct rnm_redis *redis)
{
	if (!document->as_json)
		return;
	rnm_json_begin_object(&document->json);
	rnm_json_kv_string(&document->json, "server", rnm_redis_address(redis));
	rnm_json_kv_string(&document->json, "role", rnm_redis_role(redis));
	rnm_json_kv_string(&document->json, "sentinel", rnm_redis_sentinel(redis));
	rnm_json_key(&document->json, "lists");
	rnm_json_begin_array(&document->json);
}

static void json_ttl(struct rnm_json *json, const char *prefix, int64_t ttl_ms)
{
	const char *state = ttl_ms >= 0                ? "expires"
	                    : ttl_ms == RNM_TTL_NONE   ? "never"
	                    : ttl_ms == RNM_TTL_NO_KEY ? "no-key"
	                                               : "unknown";
	char key[32];

	(void)snprintf(key, sizeof(key), "%sexpiry", prefix);
	rnm_json_kv_string(json, key, state);
	(void)snprintf(key, sizeof(key), "%sttl_ms", prefix);
	rnm_json_key(json, key);
	if (ttl_ms >= 0)
		rnm_json_int(json, ttl_ms);
	else
		rnm_json_null(json);
}

static void json_model(struct rnm_json *json, const struct rnm_rule *rule, const struct rnm_model_list *list,
                       size_t index)
{
	const struct rnm_model *model = &list->models[index];
	const struct rnm_profile *profile = &model->profile;
	const struct model_version version = model_version(profile);
	bool bare = rule_is_bare(rule);

	rnm_json_begin_object(json);
	model_version_json(json, "version", &version);
	rnm_json_kv_string(json, "key", profile->redis_key);
	rnm_json_kv_string(json, "providers_digest", profile->providers_digest);
	rnm_json_kv_string(json, "digest_match", bare ? NULL : match_names[model->digest_match]);
	rnm_json_kv_string(json, "profile_digest", profile->digest);
	rnm_json_kv_uint(json, "symbols", profile->symbol_count);
	rnm_json_kv_double(json, "score", profile->score);
	rnm_json_kv_time(json, "updated", profile->score);
	rnm_json_kv_bool(json, "live", model->live);
	rnm_json_key(json, "size");
	if (model->has_ann_size)
		rnm_json_uint(json, model->ann_size);
	else
		rnm_json_null(json);
	json_ttl(json, "", model->ttl_ms);
	rnm_json_kv_bool(json, "wrong_type", model->wrong_type);
	rnm_json_kv_string(json, "key_error", model->key_error);
	rnm_json_kv_bool(json, "malformed", profile->malformed);
	rnm_json_kv_string(json, "problem", profile->problem);
	rnm_json_kv_bool(json, "in_window", model->in_window);
	rnm_json_kv_bool(json, "served", !bare && index == list->served);
	rnm_json_kv_bool(json, "original_exports", index == list->original);
	rnm_json_kv_string(json, "verdict", bare ? NULL : model->verdict);
	rnm_json_end_object(json);
}

/* The version and key of one of the models, or null. */
static void json_pick(struct rnm_json *json, const char *name, const struct rnm_model_list *list,
                      size_t index)
{
	struct model_version version;

	rnm_json_key(json, name);
	if (index >= list->count) {
		rnm_json_null(json);
		return;
	}
	version = model_version(&list->models[index].profile);
	rnm_json_begin_object(json);
	model_version_json(json, "version", &version);
	rnm_json_kv_string(json, "key", list->models[index].profile.redis_key);
	rnm_json_end_object(json);
}

static void json_list(struct rnm_json *json, const struct rnm_rule *rule, const struct rnm_model_list *list)
{
	bool bare = rule_is_bare(rule);

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "rule", bare ? NULL : rule->name);
	rnm_json_kv_string(json, "prefix", rule->prefix);
	rnm_json_kv_string(json, "settings", list->settings);
	rnm_json_kv_string(json, "zset", list->zset);
	json_ttl(json, "zset_", list->zset_ttl_ms);
	rnm_json_kv_string(json, "digest", !bare && rule->has_providers ? rule->digest : NULL);
	json_pick(json, "served", list, bare ? SIZE_MAX : list->served);
	rnm_json_kv_string(json, "served_why", bare ? NULL : list->served_why);
	json_pick(json, "original_exports", list, list->original);
	rnm_json_key(json, "models");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < list->count; i++)
		json_model(json, rule, list, i);
	rnm_json_end_array(json);
	rnm_json_end_object(json);
}

static void cell_version(struct table *table, const struct rnm_profile *profile)
{
	char text[NUMBER_TEXT_MAX];

	table_name(table, COLOR_NONE, model_version_text(profile, text));
}

static void cell_ttl(struct table *table, const struct rnm_model *model)
{
	char memory[CELL_TEXT_MAX];
	struct rnm_buf text;

	if (model->ttl_ms < 0) {
		table_cell(table, COLOR_DIM,
		           model->ttl_ms == RNM_TTL_NONE     ? "never"
		           : model->ttl_ms == RNM_TTL_NO_KEY ? "-"
		                                             : "?");
		return;
	}
	rnm_buf_init_in(&text, memory, sizeof(memory));
	output_duration(&text, (double)model->ttl_ms / 1000);
	table_cell(table, COLOR_NONE, rnm_buf_cstr(&text));
}

static void cell_size(struct table *table, const struct rnm_model *model)
{
	char memory[CELL_TEXT_MAX];
	struct rnm_buf text;

	if (!model->has_ann_size) {
		table_cell(table, COLOR_DIM, model->live ? "?" : "-");
		return;
	}
	rnm_buf_init_in(&text, memory, sizeof(memory));
	output_size(&text, model->ann_size);
	table_cell(table, COLOR_NONE, rnm_buf_cstr(&text));
}

/* Same as the configuration's, or the one that the profile names. */
static void cell_digest(struct table *table, const struct rnm_rule *rule, const struct rnm_model *model)
{
	const char *digest = model->profile.providers_digest;

	if (!rule_is_bare(rule) && model->digest_match == RNM_DIGEST_SAME)
		table_cell(table, COLOR_NONE, digest != NULL ? "same" : "none");
	else
		table_cell(table, rule_is_bare(rule) ? COLOR_NONE : COLOR_YELLOW,
		           digest != NULL ? *digest != '\0' ? digest : "''" : "missing");
}

static void cell_state(struct table *table, const struct rnm_model_list *list, size_t index)
{
	const struct rnm_model *model = &list->models[index];

	table_cell(table,
	           index == list->served ? COLOR_GREEN
	           : model->live         ? COLOR_NONE
	                                 : COLOR_YELLOW,
	           model->verdict);
}

static void text_rows(struct rnm_buf *out, const struct rnm_rule *rule, const struct rnm_model_list *list)
{
	static const struct table_column columns[] = {
		{ .title = "VERSION", .right = true },
		{ .title = "UPDATED" },
		{ .title = "SIZE", .right = true },
		{ .title = "EXPIRES" },
		{ .title = "DIGEST" },
		{ .title = "KEY" },
		{ .title = "STATE", .cell_max = TABLE_CELL_LONG },
	};
	struct table table;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < list->count; i++) {
		const struct rnm_model *model = &list->models[i];
		char updated[64];

		cell_version(&table, &model->profile);
		table_cell(&table, COLOR_NONE,
		           output_time(updated, sizeof(updated), model->profile.score) ? updated : "?");
		cell_size(&table, model);
		cell_ttl(&table, model);
		cell_digest(&table, rule, model);
		table_name(&table, COLOR_NONE,
		           model->profile.redis_key != NULL ? model->profile.redis_key : "?");
		cell_state(&table, list, i);
	}
	table_print(&table, out, "  ");
}

static void put_text(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_ALL);
}

static void text_heading(struct rnm_buf *out, const struct rnm_rule *rule, const struct rnm_model_list *list)
{
	rnm_buf_printf(out, "%s%s ", output_color(COLOR_BOLD), rule_is_bare(rule) ? "prefix" : "rule");
	output_name(out, rule->name);
	rnm_buf_puts(out, ", settings ");
	output_name(out, list->settings);
	rnm_buf_printf(out, "%s (", output_color(COLOR_NONE));
	put_text(out, list->zset);
	if (list->zset_ttl_ms >= 0) {
		rnm_buf_puts(out, ", expires in ");
		output_duration(out, (double)list->zset_ttl_ms / 1000);
	}
	rnm_buf_puts(out, ")");
	if (!rule_is_bare(rule) && rule->has_providers)
		rnm_buf_printf(out, ", digest %s", rule->digest);
	rnm_buf_puts(out, "\n");
}

static void text_pick(struct rnm_buf *out, const struct rnm_model_list *list, size_t index)
{
	const struct rnm_profile *profile = &list->models[index].profile;
	char version[NUMBER_TEXT_MAX];

	rnm_buf_puts(out, "version ");
	output_name(out, model_version_text(profile, version));
	rnm_buf_puts(out, " (");
	output_name(out, profile->redis_key != NULL ? profile->redis_key : "?");
	rnm_buf_puts(out, ")");
}

static void text_summary(struct rnm_buf *out, const struct rnm_rule *rule, const struct rnm_model_list *list)
{
	if (rule_is_bare(rule)) {
		rnm_buf_puts(out, "  Which one is served cannot be said: ");
		rnm_buf_puts(out, "no configuration names this rule's digest.\n");
	} else {
		rnm_buf_puts(out, "  Served: ");
		if (list->served < list->count) {
			text_pick(out, list, list->served);
			rnm_buf_puts(out, ", ");
		} else {
			rnm_buf_puts(out, "none, ");
		}
		put_text(out, list->served_why);
		rnm_buf_puts(out, "\n");
	}
	if (list->original < list->count && (rule_is_bare(rule) || list->original != list->served)) {
		rnm_buf_puts(out, "  The original neural_export would export ");
		text_pick(out, list, list->original);
		rnm_buf_puts(out, ".\n");
	}
}

static void text_list(struct rnm_buf *out, const struct rnm_rule *rule, const struct rnm_model_list *list)
{
	text_heading(out, rule, list);
	if (list->count == 0) {
		rnm_buf_puts(out,
		             "  no models (rnm list --all names every rule and settings id that has some)\n");
		return;
	}
	text_rows(out, rule, list);
	text_summary(out, rule, list);
}

void list_document_add(struct list_document *document, const struct rnm_rule *rule,
                       const struct rnm_model_list *list)
{
	if (document->as_json) {
		json_list(&document->json, rule, list);
	} else {
		if (document->lists > 0)
			rnm_buf_puts(&document->out, "\n");
		text_list(&document->out, rule, list);
	}
	document->lists++;
}

void list_document_end(struct list_document *document, const struct broken_rules *broken)
{
	static const struct broken_rules none = { 0 };

	if (document->as_json) {
		rnm_json_end_array(&document->json);
		broken_rules_json(&document->json, broken != NULL ? broken : &none);
		rnm_json_end_object(&document->json);
	} else if (document->lists == 0) {
		rnm_buf_puts(&document->out, "no models\n");
	}
}

bool list_document_print(struct list_document *document)
{
	return document->as_json ? output_json(&document->out) : output_buffer(&document->out);
}

void list_document_drop(struct list_document *document)
{
	rnm_buf_free(&document->out);
}
