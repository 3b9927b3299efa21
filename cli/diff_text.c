/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_report.h"
#include "model_version.h"
#include "output.h"
#include "table.h"

#include <stdarg.h>
#include <string.h>

/* Symbols of each kind that are named; JSON holds all of them. */
#define SYMBOLS_SHOWN 8u
/* More bytes than a cell of the table has room for. */
#define CELL_MAX ((size_t)8 * TABLE_CELL_MAX)

/* ---- the cells of one model --------------------------------------------------------------------- */

typedef void put_cell(struct rnm_buf *out, const struct rnm_model_file *file);

static void put_version(struct rnm_buf *out, const struct rnm_model_file *file)
{
	char text[NUMBER_TEXT_MAX];

	if (file->container->has_model_version)
		rnm_buf_puts(out, number_text(file->container->model_version, text));
}

static void put_created(struct rnm_buf *out, const struct rnm_model_file *file)
{
	char when[64];

	if (file->container->has_created_at &&
	    output_time(when, sizeof(when), (double)file->container->created_at))
		rnm_buf_puts(out, when);
}

/* The table cuts long texts in any case. */
static void put_start(struct rnm_buf *out, struct rnm_bytes text)
{
	size_t room = out->max - out->len;

	rnm_buf_append(out, text.data, text.len < room ? text.len : room);
}

static void put_digest(struct rnm_buf *out, const struct rnm_model_file *file)
{
	const char *digest = file->container->providers_digest;

	put_start(out, (struct rnm_bytes){ digest, strlen(digest) });
}

static void put_member(struct rnm_buf *out, const struct rnm_model_file *file, const char *key)
{
	const struct rnm_value *value = rnm_value_get(file->container->extra, key);

	/* A piece of what is too long: the buffer would take none of it. */
	if (rnm_value_string(value) != NULL)
		put_start(out, (struct rnm_bytes){ value->as.string.data, value->as.string.len });
}

static void put_rule(struct rnm_buf *out, const struct rnm_model_file *file)
{
	put_member(out, file, "rule");
}

static void put_settings(struct rnm_buf *out, const struct rnm_model_file *file)
{
	put_member(out, file, "settings");
}

static void put_profile(struct rnm_buf *out, const struct rnm_model_file *file)
{
	put_member(out, file, "profile_digest");
}

static void put_tool(struct rnm_buf *out, const struct rnm_model_file *file)
{
	put_member(out, file, "tool");
}

static void put_count(struct rnm_buf *out, const struct rnm_model_file *file, const char *key)
{
	const struct rnm_value *list = rnm_value_get(file->container->extra, key);

	if (list != NULL)
		rnm_buf_printf(out, "%zu", rnm_value_count(list));
}

static void put_providers(struct rnm_buf *out, const struct rnm_model_file *file)
{
	put_count(out, file, "providers_meta");
}

static void put_symbols(struct rnm_buf *out, const struct rnm_model_file *file)
{
	put_count(out, file, "symbols");
}

static void put_raw(struct rnm_buf *out, const struct rnm_model_file *file)
{
	if (file->network != NULL)
		rnm_buf_printf(out, "%llu", (unsigned long long)rnm_model_file_raw_dim(file));
}

static void put_norm(struct rnm_buf *out, const struct rnm_model_file *file)
{
	if (file->container->norm_mode == RNM_NORM_ZSCORE)
		rnm_buf_printf(out, "zscore over %zu", file->container->norm_count);
	else if (file->kind != RNM_MODEL_KANN)
		rnm_buf_puts(out, file->container->norm_mode == RNM_NORM_UNIT ? "unit" : "none");
}

static void put_pca(struct rnm_buf *out, const struct rnm_model_file *file)
{
	if (file->pca.rows > 0)
		rnm_buf_printf(out, "%u x %u", file->pca.rows, file->pca.cols);
	else if (file->kind != RNM_MODEL_KANN)
		rnm_buf_puts(out, file->container->pca.len > 0 ? "damaged" : "none");
}

static void put_thresholds(struct rnm_buf *out, const struct rnm_model_file *file)
{
	if (file->container->has_roc)
		rnm_buf_printf(out, "%.6g, %.6g", file->container->roc_spam, file->container->roc_ham);
	else if (file->kind != RNM_MODEL_KANN)
		rnm_buf_puts(out, "none");
}

/* ---- the table of both -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned aspect;
	put_cell *put;
} rows[] = {
	{ "version", RNM_ASPECT_VERSION, put_version },
	{ "created", RNM_ASPECT_CREATED, put_created },
	{ "digest", RNM_ASPECT_DIGEST, put_digest },
	{ "rule", RNM_ASPECT_RULE, put_rule },
	{ "settings", RNM_ASPECT_SETTINGS, put_settings },
	{ "profile", RNM_ASPECT_PROFILE, put_profile },
	{ "written by", RNM_ASPECT_TOOL, put_tool },
	{ "providers", RNM_ASPECT_PROVIDERS, put_providers },
	{ "symbols", RNM_ASPECT_SYMBOLS, put_symbols },
	{ "raw vector", RNM_ASPECT_VECTOR, put_raw },
	{ "normalisation", RNM_ASPECT_NORM, put_norm },
	{ "PCA matrix", RNM_ASPECT_PCA, put_pca },
	{ "thresholds", RNM_ASPECT_THRESHOLDS, put_thresholds },
};

static void add_row(struct table *table, size_t row, const struct model_argument models[2],
                    const struct rnm_model_comparison *c)
{
	char memory[2][CELL_MAX];
	struct rnm_buf cells[2];
	bool differs = (c->differs & rows[row].aspect) != 0;
	const char *state = (c->unknown & rows[row].aspect) != 0 ? "not comparable" : "same";

	for (int side = 0; side < 2; side++) {
		rnm_buf_init_in(&cells[side], memory[side], CELL_MAX);
		rows[row].put(&cells[side], models[side].file);
	}
	if (cells[0].len + cells[1].len > 0) {
		table_cell(table, COLOR_DIM, rows[row].name);
		for (int side = 0; side < 2; side++)
			table_cell_n(table, COLOR_NONE, cells[side].len > 0 ? cells[side].data : "-",
			             cells[side].len > 0 ? cells[side].len : 1);
		table_cell(table, differs ? COLOR_YELLOW : COLOR_DIM, differs ? "differs" : state);
	}
}

static void text_table(struct rnm_buf *out, const struct model_argument models[2],
                       const struct rnm_model_comparison *c)
{
	static const struct table_column columns[] = {
		{ "", false, 0 }, { "A", false, 0 }, { "B", false, 0 }, { "STATE", false, 0 }
	};
	struct table table;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add_row(&table, i, models, c);
	if (!table_print(&table, out, "  "))
		out->failed = true;
}

/* ---- what needs more than a cell ---------------------------------------------------------------- */

static void put_architecture(struct rnm_buf *out, const struct rnm_model_file *file)
{
	if (file->network == NULL)
		rnm_buf_puts(out, "none that can be read");
	else if (rnm_network_describe(file->network, out, NULL) != RNM_OK)
		out->failed = true;
}

/* Too long for a table, and mostly the same. */
static void text_architecture(struct rnm_buf *out, const struct model_argument models[2],
                              const struct rnm_model_comparison *c)
{
	bool same = c->network != NULL && c->network->same_graph;

	for (int side = 0; side < (same ? 1 : 2); side++) {
		rnm_buf_puts(out, "  architecture");
		if (!same)
			rnm_buf_printf(out, " of %c", 'A' + side);
		rnm_buf_puts(out, ": ");
		put_architecture(out, models[side].file);
		rnm_buf_putc(out, '\n');
	}
}

static void put_number(struct rnm_buf *out, size_t number)
{
	if (number == SIZE_MAX)
		rnm_buf_putc(out, '-');
	else
		rnm_buf_printf(out, "%zu", number);
}

static void text_places(struct rnm_buf *out, const char *what, const struct rnm_symbol_place *places,
                        size_t count)
{
	for (size_t i = 0; i < count && i < SYMBOLS_SHOWN; i++) {
		rnm_buf_printf(out, "    %-8s", what);
		put_number(out, places[i].a);
		rnm_buf_puts(out, " -> ");
		put_number(out, places[i].b);
		rnm_buf_puts(out, "  ");
		output_escape(out, places[i].name.data, places[i].name.len, ESCAPE_ALL);
		rnm_buf_putc(out, '\n');
	}
	if (count > SYMBOLS_SHOWN)
		rnm_buf_printf(out, "    %-8sand %zu more\n", what, count - SYMBOLS_SHOWN);
}

static void text_symbols(struct rnm_buf *out, const struct rnm_model_comparison *c)
{
	const struct rnm_symbols_comparison *symbols = &c->symbols;

	if ((c->differs & RNM_ASPECT_SYMBOLS) == 0)
		return;
	rnm_buf_printf(out, "  symbols: %zu moved, %zu added, %zu removed (positions in A -> B, from 0)%s\n",
	               symbols->moved_count, symbols->added_count, symbols->removed_count,
	               symbols->matter ? "" : "; they are no inputs of this model");
	text_places(out, "moved", symbols->moved, symbols->moved_count);
	text_places(out, "added", symbols->added, symbols->added_count);
	text_places(out, "removed", symbols->removed, symbols->removed_count);
}

static void put_delta(struct rnm_buf *out, const char *name, const struct rnm_tensor_delta *delta)
{
	rnm_buf_printf(out,
	               "  %s: %llu of %llu differ (%.3g %%), mean |delta| %.4g, max |delta| %.4g, cosine "
	               "%.4f\n",
	               name, (unsigned long long)delta->changed, (unsigned long long)delta->count,
	               100.0 * (double)delta->changed / (double)delta->count, delta->mean_abs, delta->max_abs,
	               delta->cosine);
}

static void text_processing(struct rnm_buf *out, const struct rnm_model_comparison *c)
{
	if (c->norm_changed > 0)
		rnm_buf_printf(
		    out,
		    "  normalisation: %zu numbers differ, max |delta| %.4g of means, %.4g of deviations\n",
		    c->norm_changed, c->mean_max_abs, c->std_max_abs);
	if (c->pca.changed > 0)
		put_delta(out, "PCA matrix", &c->pca);
}

static void text_problems(struct rnm_buf *out, const struct model_argument models[2])
{
	for (int side = 0; side < 2; side++) {
		struct rnm_error problem;

		if (rnm_model_file_verdict(models[side].file, &problem) == RNM_OK)
			continue;
		rnm_buf_printf(out, "%sproblem of %c%s: ", output_color(COLOR_RED), 'A' + side,
		               output_color(COLOR_NONE));
		output_escape(out, problem.message, strlen(problem.message), ESCAPE_ALL);
		rnm_buf_printf(out, " [%s]\n", problem.id);
	}
}

/* ---- the weights -------------------------------------------------------------------------------- */

static void print_cell(struct table *table, const char *format, ...) RNM_PRINTF(2, 3);
static void print_cell(struct table *table, const char *format, ...)
{
	char text[64];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	table_cell(table, COLOR_NONE, text);
}

static void shape_cell(struct table *table, const struct rnm_network_tensor *tensor)
{
	char text[64] = "scalar";
	size_t at = 0;

	for (unsigned i = 0; i < tensor->rank; i++)
		at +=
		    (size_t)snprintf(text + at, sizeof(text) - at, "%s%u", i > 0 ? "x" : "", tensor->dims[i]);
	table_cell(table, COLOR_NONE, text);
}

static void text_tensors(struct rnm_buf *out, const struct rnm_network *network,
                         const struct rnm_network_comparison *comparison)
{
	static const struct table_column columns[] = {
		{ "TENSOR", false, 0 },      { "SHAPE", false, 0 },      { "CHANGED", true, 0 },
		{ "MEAN |DELTA|", true, 0 }, { "MAX |DELTA|", true, 0 }, { "COSINE", true, 0 },
	};
	struct table table;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < comparison->tensor_count; i++) {
		const struct rnm_tensor_delta *delta = &comparison->tensors[i];
		struct rnm_network_tensor tensor;

		if (!rnm_network_tensor(network, delta->tensor, &tensor))
			continue;
		table_cell(&table, COLOR_NONE, tensor.name);
		shape_cell(&table, &tensor);
		print_cell(&table, "%.3g %%", 100.0 * (double)delta->changed / (double)delta->count);
		print_cell(&table, "%.4g", delta->mean_abs);
		print_cell(&table, "%.4g", delta->max_abs);
		print_cell(&table, "%.4f", delta->cosine);
	}
	if (!table_print(&table, out, "  "))
		out->failed = true;
}

static void text_weights(struct rnm_buf *out, const struct model_argument models[2],
                         const struct rnm_model_comparison *c)
{
	const struct rnm_network_comparison *network = c->network;

	if (network == NULL)
		return;
	if (network->total.count == 0)
		return; /* other numbers of weights: the architecture has said it */
	if (network->total.changed == 0 && (c->differs & RNM_ASPECT_UNUSED) == 0) {
		rnm_buf_printf(out, "  weights: all %llu are equal\n",
		               (unsigned long long)network->total.count);
		return;
	}
	put_delta(out, "weights", &network->total);
	if (network->same_graph) {
		rnm_buf_putc(out, '\n');
		text_tensors(out, models[0].file->network, network);
	}
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static enum color relation_color(enum rnm_model_relation relation)
{
	switch (relation) {
	case RNM_MODELS_IDENTICAL:
	case RNM_MODELS_SAME_NETWORK:
	case RNM_MODELS_OTHER_LABEL:
		return COLOR_GREEN;
	case RNM_MODELS_OTHER_THRESHOLDS:
	case RNM_MODELS_OTHER_PROCESSING:
	case RNM_MODELS_RETRAIN:
		return COLOR_YELLOW;
	case RNM_MODELS_MOVED_SYMBOLS:
	case RNM_MODELS_OTHER_INPUTS:
	case RNM_MODELS_OTHER_ARCHITECTURE:
	case RNM_MODELS_UNREADABLE:
		break;
	}
	return COLOR_RED;
}

static void text_name(struct rnm_buf *out, int side, const struct model_argument *model)
{
	static const char *const kinds[] = { [RNM_MODEL_RNM1] = "RNM1 model",
		                             [RNM_MODEL_KANN] = "bare network",
		                             [RNM_MODEL_REDIS] = "model in Redis" };

	rnm_buf_printf(out, "%c  %s", 'A' + side, output_color(COLOR_BOLD));
	output_escape(out, model->text, strlen(model->text), ESCAPE_ALL);
	rnm_buf_printf(out, "%s: %s, ", output_color(COLOR_NONE), kinds[model->file->kind]);
	output_size(out, model->file->container->file_size);
	rnm_buf_puts(out, model->file->container->compressed ? ", compressed\n" : "\n");
}

void diff_text(struct rnm_buf *out, const struct model_argument models[2],
               const struct rnm_model_comparison *comparison)
{
	rnm_buf_puts(out, output_color(relation_color(comparison->relation)));
	output_escape(out, comparison->sentence, strlen(comparison->sentence), ESCAPE_ALL);
	rnm_buf_printf(out, "%s\n", output_color(COLOR_NONE));
	for (int side = 0; side < 2; side++)
		text_name(out, side, &models[side]);
	text_problems(out, models);
	text_table(out, models, comparison);
	text_architecture(out, models, comparison);
	text_symbols(out, comparison);
	text_processing(out, comparison);
	text_weights(out, models, comparison);
}
