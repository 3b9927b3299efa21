/* SPDX-License-Identifier: Apache-2.0 */
/* One screen for people. */
#include "inspect.h"
#include "model_findings.h"
#include "model_version.h"
#include "output.h"
#include "table.h"

#include <math.h>
#include <rnm/score.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* More matrices than this do not fit on a screen. */
#define MATRICES_MAX 8
#define PARTS_MAX 4
#define HASH_SHOWN 16

static void put_name(struct rnm_buf *out, const char *name)
{
	rnm_buf_printf(out, "  %s%-14s%s", output_color(COLOR_DIM), name, output_color(COLOR_NONE));
}

static void put_text(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_ALL);
}

static void put_string(struct rnm_buf *out, const struct rnm_value *text)
{
	if (text->as.string.len > 0)
		output_escape(out, text->as.string.data, text->as.string.len, ESCAPE_ALL);
	else
		output_name(out, "");
}

/* ---- what it is ---- */

static void text_time(struct rnm_buf *out, const struct inspection *inspection)
{
	bool in_redis = inspection->model->model != NULL;
	double seconds = 0, age;
	char when[64];

	put_name(out, in_redis ? "updated" : "created");
	if (!inspected_time(inspection, &seconds) || !output_time(when, sizeof(when), seconds)) {
		rnm_buf_puts(out, "unknown\n");
		return;
	}
	rnm_buf_printf(out, "%s\n", when);
	age = (double)time(NULL) - seconds;
	if (age < 0)
		return; /* another host's clock, or SOURCE_DATE_EPOCH */
	put_name(out, "age");
	output_duration(out, age);
	rnm_buf_putc(out, '\n');
}

/* Where in Redis it lies, and what becomes of it there. */
static void text_redis(struct rnm_buf *out, const struct rnm_model *model)
{
	if (model == NULL)
		return;
	put_name(out, "key");
	put_text(out, model->profile.redis_key != NULL ? model->profile.redis_key : "?");
	rnm_buf_putc(out, '\n');
	put_name(out, "state");
	put_text(out, model->verdict);
	rnm_buf_putc(out, '\n');
	put_name(out, "expires");
	if (model->ttl_ms >= 0) {
		rnm_buf_puts(out, "in ");
		output_duration(out, (double)model->ttl_ms / 1000);
		rnm_buf_putc(out, '\n');
	} else {
		rnm_buf_puts(out, model->ttl_ms == RNM_TTL_NONE ? "never\n" : "unknown\n");
	}
}

static void text_origin(struct rnm_buf *out, const struct rnm_rnm1 *container)
{
	static const char *const keys[] = { "rule", "settings", "profile_digest", "tool" };
	static const char *const names[] = { "rule", "settings", "profile", "written by" };
	const struct rnm_value *symbols = rnm_value_get(container->extra, "symbols");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct rnm_value *value = inspected_string(container, keys[i]);

		if (value == NULL || (i == 3 && value->as.string.len == 0))
			continue;
		put_name(out, names[i]);
		put_string(out, value);
		rnm_buf_putc(out, '\n');
	}
	if (symbols != NULL) {
		put_name(out, "symbols");
		rnm_buf_printf(out, "%zu\n", rnm_value_count(symbols));
	}
}

/* The parts of a merged model, by as much of their hashes as tells them apart (rnm inspect --hash). */
static void text_parts(struct rnm_buf *out, const struct rnm_rnm1 *container)
{
	const struct rnm_value *parts = rnm_value_get(container->extra, "merged");
	const size_t count = rnm_value_count(parts);

	for (size_t i = 0; i < count && i < PARTS_MAX; i++) {
		const struct rnm_value *part = rnm_value_at(parts, i);
		const char *weights = rnm_value_string(rnm_value_get(part, "weights"));
		char number[NUMBER_TEXT_MAX];
		double share, version;

		if (weights == NULL || !rnm_value_number(rnm_value_get(part, "share"), &share))
			continue;
		put_name(out, i == 0 ? "merged from" : "");
		rnm_buf_printf(out, "%s of ", number_text(share, number));
		output_escape(out, weights, strnlen(weights, HASH_SHOWN), ESCAPE_ALL);
		if (rnm_value_number(rnm_value_get(part, "version"), &version))
			rnm_buf_printf(out, ", version %s", number_text(version, number));
		rnm_buf_putc(out, '\n');
	}
	if (count > PARTS_MAX) {
		put_name(out, "");
		rnm_buf_printf(out, "and %zu more\n", count - PARTS_MAX);
	}
}

static void text_identity(struct rnm_buf *out, const struct inspection *inspection)
{
	const struct rnm_rnm1 *container = inspection->file->container;
	char version[NUMBER_TEXT_MAX];

	if (inspection->file->kind == RNM_MODEL_KANN)
		return;
	put_name(out, "version");
	if (container->has_model_version)
		rnm_buf_printf(out, "%s\n", number_text(container->model_version, version));
	else
		rnm_buf_puts(out, "not given (rspamd takes 1)\n");
	put_name(out, "digest");
	put_text(out, container->providers_digest[0] != '\0' ? container->providers_digest : "none");
	rnm_buf_putc(out, '\n');
	text_time(out, inspection);
	text_redis(out, inspection->model->model);
	text_origin(out, container);
	text_parts(out, container);
}

/* ---- what it holds ---- */

static void text_blob(struct rnm_buf *out, const char *name, uint64_t size, uint64_t expanded)
{
	put_name(out, name);
	if (size > 0) {
		output_size(out, size);
		rnm_buf_puts(out, expanded > 0 ? " compressed, " : " compressed, damaged");
	}
	if (expanded > 0) {
		output_size(out, expanded);
		rnm_buf_puts(out, size > 0 ? " expanded" : ", not compressed");
	}
	rnm_buf_putc(out, '\n');
}

static void text_network(struct rnm_buf *out, const struct inspection *inspection)
{
	const struct rnm_model_file *file = inspection->file;

	text_blob(out, "network", file->container->ann.len, file->ann_expanded);
	if (file->network == NULL)
		return;
	put_name(out, "architecture");
	if (rnm_network_describe(file->network, out, NULL) != RNM_OK)
		out->failed = true;
	rnm_buf_putc(out, '\n');
	put_name(out, "parameters");
	rnm_buf_printf(out, "%llu\n", (unsigned long long)rnm_network_variable_count(file->network));
}

/* From which scores on rspamd adds which symbol. */
static void put_sides(struct rnm_buf *out, double spam, double ham)
{
	if (spam > 0)
		rnm_buf_printf(out, "spam from %.6g up, ", spam);
	else
		rnm_buf_puts(out, "spam above 0, ");
	if (ham < 0)
		rnm_buf_printf(out, "ham from %.6g down\n", ham);
	else
		rnm_buf_puts(out, "ham from 0 down\n");
}

static void text_thresholds(struct rnm_buf *out, const struct inspection *inspection)
{
	const struct rnm_rnm1 *container = inspection->file->container;
	const struct effective_thresholds effective = effective_thresholds(container);
	const struct rnm_rule *rule = inspection->model->rule;
	struct rnm_decision decision;
	struct rnm_error unused;

	put_name(out, "thresholds");
	if (container->has_roc) {
		rnm_buf_printf(out, "spam above %.6g, ham below %.6g\n", container->roc_spam,
		               container->roc_ham);
		put_name(out, "");
		rnm_buf_puts(out, "in rspamd with roc_enabled: ");
		put_sides(out, effective.spam, effective.ham);
	} else {
		rnm_buf_puts(out, "none\n");
	}
	/* The rule is known for a model in Redis, and may not use them at all. */
	if (rule == NULL || rnm_decision_of(&decision, rule, container, &unused) != RNM_OK)
		return;
	put_name(out, "");
	rnm_buf_puts(out, "in the rule ");
	output_name(out, rule->name);
	rnm_buf_puts(out, ": ");
	put_sides(out, decision.spam_threshold, -decision.ham_threshold);
}

static void text_processing(struct rnm_buf *out, const struct inspection *inspection)
{
	const struct rnm_model_file *file = inspection->file;
	const struct rnm_rnm1 *container = file->container;

	if (file->kind == RNM_MODEL_KANN)
		return;
	put_name(out, "normalisation");
	if (container->norm_mode == RNM_NORM_ZSCORE)
		rnm_buf_printf(out, "zscore over %zu inputs\n", container->norm_count);
	else
		rnm_buf_puts(out, container->norm_mode == RNM_NORM_UNIT ? "unit\n" : "none\n");
	if (container->pca.len > 0) {
		text_blob(out, "PCA matrix", container->pca.len, file->pca_expanded);
		if (file->pca.rows > 0) {
			put_name(out, "");
			rnm_buf_printf(out, "%u x %u: %u values become %u inputs\n", file->pca.rows,
			               file->pca.cols, file->pca.cols, file->pca.rows);
		}
	}
	text_thresholds(out, inspection);
}

/* ---- weights ---- */

static void cell_number(struct table *table, double number)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%.4g", number);
	table_cell(table, COLOR_NONE, text);
}

static void cell_share(struct table *table, uint64_t part, uint64_t whole)
{
	char text[64];

	if (part == 0)
		(void)snprintf(text, sizeof(text), "0");
	else
		(void)snprintf(text, sizeof(text), "%llu (%.2g%%)", (unsigned long long)part,
		               100.0 * (double)part / (double)whole);
	table_cell(table, COLOR_NONE, text);
}

static void add_row(struct table *table, const struct inspected_tensor *tensor)
{
	const struct rnm_tensor_stats *stats = &tensor->stats;
	char memory[256];
	struct rnm_buf shape;
	char dead[64] = "";

	rnm_buf_init_in(&shape, memory, sizeof(memory));
	put_dims(&shape, tensor->tensor.dims, tensor->tensor.rank);
	table_cell(table, COLOR_NONE, tensor->tensor.name);
	table_cell(table, COLOR_NONE, rnm_buf_cstr(&shape));
	cell_number(table, stats->min);
	cell_number(table, stats->max);
	cell_number(table, stats->mean);
	cell_number(table, stats->std);
	cell_share(table, stats->zeros, tensor->tensor.len);
	if (stats->units > 0)
		(void)snprintf(dead, sizeof(dead), "%llu of %llu", (unsigned long long)stats->dead,
		               (unsigned long long)stats->units);
	table_cell(table, stats->dead > 0 ? COLOR_YELLOW : COLOR_NONE, dead);
}

static void text_weights(struct rnm_buf *out, const struct inspection *inspection, bool all)
{
	static const struct table_column columns[] = {
		{ "WEIGHTS", false, 0 }, { "SHAPE", false, 0 },     { "MIN", true, 0 },
		{ "MAX", true, 0 },      { "MEAN", true, 0 },       { "STD", true, 0 },
		{ "ZEROS", true, 0 },    { "DEAD UNITS", true, 0 },
	};
	struct table table;
	size_t rows = 0, matrices = 0;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < inspection->tensor_count; i++) {
		const struct inspected_tensor *tensor = &inspection->tensors[i];

		matrices += is_matrix(tensor);
		if (!all && (!is_matrix(tensor) || rows == MATRICES_MAX))
			continue;
		add_row(&table, tensor);
		rows++;
	}
	if (rows > 0)
		table_print(&table, out, "  ");
	else
		rnm_buf_free(&table.text);
	if (!all && matrices > rows)
		rnm_buf_printf(out, "  and %zu more: --tensors\n", matrices - rows);
}

void inspect_text(struct rnm_buf *out, const struct inspection *inspection, bool all_tensors)
{
	const struct rnm_model_file *file = inspection->file;

	rnm_buf_puts(out, output_color(COLOR_BOLD));
	put_text(out, inspection->model->text);
	rnm_buf_printf(out, "%s: %s, ", output_color(COLOR_NONE), model_kind_text(file));
	output_size(out, file->container->file_size);
	rnm_buf_puts(out, file->kind == RNM_MODEL_RNM1 && file->container->compressed
	                      ? ", compressed as a whole\n"
	                      : "\n");
	text_identity(out, inspection);
	text_network(out, inspection);
	text_processing(out, inspection);
	text_weights(out, inspection, all_tensors);
	for (size_t i = 0; i < inspection->verification->finding_count; i++)
		text_model_finding(out, "", &inspection->verification->findings[i]);
}

void inspect_hashes(struct rnm_buf *out, const struct inspection *inspection)
{
	if (inspection->hash[0] != '\0')
		rnm_buf_printf(out, "%s  weights\n", inspection->hash);
	for (size_t i = 0; i < inspection->tensor_count; i++)
		rnm_buf_printf(out, "%s  %s\n", inspection->tensors[i].hash,
		               inspection->tensors[i].tensor.name);
}
