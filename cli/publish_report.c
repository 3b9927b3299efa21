/* SPDX-License-Identifier: Apache-2.0 */
#include "publish_report.h"
#include "output.h"
#include "table.h"

#define HASH_SHOWN 16

static void put_version(struct table *table, const struct rnm_publish_outcome *outcome)
{
	char text[64];

	if (outcome->previous_version > 0)
		(void)snprintf(text, sizeof(text), "%llu -> %llu",
		               (unsigned long long)outcome->previous_version,
		               (unsigned long long)outcome->model.model_version);
	else
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)outcome->model.model_version);
	table_cell(table, COLOR_NONE, text);
}

static void put_state(struct table *table, const struct rnm_publish_outcome *outcome)
{
	char text[64];

	if (outcome->state == RNM_PUBLISH_ROLLBACK)
		(void)snprintf(text, sizeof(text), "back to %llu", (unsigned long long)outcome->old_version);
	else
		(void)snprintf(text, sizeof(text), "%s", rnm_publish_state_name(outcome->state));
	table_cell(table, outcome->state == RNM_PUBLISH_UNCHANGED ? COLOR_DIM : COLOR_GREEN, text);
}

static bool has_evaluation(const struct publish_run *run)
{
	size_t i = 0;

	while (i < run->count && run->outcomes[i].model.evaluation == NULL)
		i++;
	return i < run->count;
}

static void put_auc(struct table *table, const struct rnm_model_evaluation *evaluation)
{
	char text[32] = "-";

	if (evaluation != NULL)
		(void)snprintf(text, sizeof(text), "%.4f", evaluation->auc);
	table_cell(table, COLOR_NONE, text);
}

static void put_table(struct rnm_buf *out, const struct publish_run *run)
{
	static const struct table_column columns[] = {
		{ .title = "NAME" },
		{ .title = "RULE" },
		{ .title = "STATE" },
		{ .title = "VERSION" },
		{ .title = "SIZE", .right = true },
		{ .title = "OBJECT" },
		{ .title = "AUC" },
	};
	const size_t count = sizeof(columns) / sizeof(columns[0]);
	const bool with_auc = has_evaluation(run);
	struct table table;

	table_init(&table, columns, with_auc ? count : count - 1);
	for (size_t i = 0; i < run->count; i++) {
		const struct rnm_published *model = &run->outcomes[i].model;
		char memory[64];
		struct rnm_buf size;

		rnm_buf_init_in(&size, memory, sizeof(memory));
		output_size(&size, model->size);
		table_cell(&table, COLOR_NONE, model->name);
		table_cell(&table, COLOR_NONE, model->rule != NULL ? model->rule : "-");
		put_state(&table, &run->outcomes[i]);
		put_version(&table, &run->outcomes[i]);
		table_cell(&table, COLOR_NONE, rnm_buf_cstr(&size));
		table_cell_n(&table, COLOR_DIM, model->blake2b, HASH_SHOWN);
		if (with_auc)
			put_auc(&table, model->evaluation);
	}
	table_print(&table, out, "");
}

void publish_text(struct rnm_buf *out, const struct publish_run *run)
{
	const struct rnm_publish_result *result = &run->result;

	put_table(out, run);
	rnm_buf_printf(out, "\n%zu of %zu %s in ", result->published, result->models,
	               result->models == 1 ? "model" : "models");
	output_name(out, run->to);
	rnm_buf_puts(out, run->dry_run ? " would be new" : " new");
	if (result->dropped > 0)
		rnm_buf_printf(out, ", %zu older %s %s", result->dropped,
		               result->dropped == 1 ? "object" : "objects",
		               run->dry_run ? "would go" : "removed");
	rnm_buf_puts(out, run->dry_run ? "; nothing written\n" : "\n");
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void json_time(struct rnm_json *json, const char *key, int64_t seconds)
{
	if (seconds > 0)
		rnm_json_kv_int(json, key, seconds);
	else
		rnm_json_kv_null(json, key);
}

static void json_outcome(struct rnm_json *json, const char *operand,
                         const struct rnm_publish_outcome *outcome)
{
	const struct rnm_published *model = &outcome->model;

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "model", operand);
	rnm_json_kv_string(json, "state", rnm_publish_state_name(outcome->state));
	rnm_json_kv_string(json, "name", model->name);
	rnm_json_kv_string(json, "rule", model->rule);
	rnm_json_kv_string(json, "providers_digest", model->providers_digest);
	rnm_json_kv_uint(json, "model_version", model->model_version);
	output_json_count(json, "previous_version", outcome->previous_version);
	output_json_count(json, "old_version", outcome->old_version);
	rnm_json_kv_string(json, "architecture", model->architecture);
	rnm_json_kv_uint(json, "file_size", model->size);
	rnm_json_kv_string(json, "blake2b", model->blake2b);
	json_time(json, "published", model->published);
	json_time(json, "not_after", model->not_after);
	rnm_json_kv_string(json, "key", model->key);
	rnm_json_key(json, "evaluation");
	rnm_json_model_evaluation(json, model->evaluation);
	rnm_json_end_object(json);
}

void publish_json(struct rnm_json *json, const struct publish_run *run, const struct rnm_error *err)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "status", rnm_status_name(err != NULL ? err->status : RNM_OK));
	rnm_json_kv_string(json, "problem", err != NULL ? err->message : NULL);
	rnm_json_kv_string(json, "to", run->to);
	rnm_json_kv_bool(json, "dry_run", run->dry_run);
	if (err == NULL) {
		rnm_json_key(json, "models");
		rnm_json_begin_array(json);
		for (size_t i = 0; i < run->count; i++)
			json_outcome(json, run->operands[i], &run->outcomes[i]);
		rnm_json_end_array(json);
		rnm_json_kv_uint(json, "serial", run->result.serial);
		rnm_json_kv_uint(json, "published", run->result.published);
		rnm_json_kv_uint(json, "in_index", run->result.models);
		rnm_json_kv_uint(json, "dropped", run->result.dropped);
		rnm_json_kv_bool(json, "completed", run->result.completed);
	}
	rnm_json_end_object(json);
}
