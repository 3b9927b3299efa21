/* SPDX-License-Identifier: Apache-2.0 */
/* A drawing: the layers from left to right, and below them how the weights of each tensor lie. */
#include "inspect.h"
#include "model_findings.h"
#include "output.h"

#include <math.h>
#include <string.h>

#define WIDTH 960
#define MARGIN 32
#define FLOW_TOP 118
#define FLOW_HEIGHT 190
#define STAGES_MAX 9u /* columns that can still be read */
#define STAGE_WIDTH 26
#define DOTS_MAX 9u
#define CHARTS_TOP (FLOW_TOP + FLOW_HEIGHT + 108)
#define CHARTS_MAX 15u
#define CHART_COLUMNS 3u
#define CHART_WIDTH 280
#define CHART_HEIGHT 84
#define CHART_PITCH 172
#define BINS 56u
#define TITLE_MAX ((size_t)64)

static const char style[] =
    "<style>\n"
    "text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:13px;fill:#1f2328}\n"
    ".title{font-size:20px;font-weight:600}.name{font-weight:600}.dim{fill:#59636e}.small{font-size:11px}\n"
    ".page{fill:#ffffff}.link{fill:#0969da;opacity:.10}.stage{fill:#ddf4ff;stroke:#0969da}\n"
    ".dot{fill:#0969da}.bar{fill:#0969da}.axis{stroke:#8c959f}.zero{stroke:#cf222e;stroke-dasharray:3 3}\n"
    ".warn{fill:#9a6700}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#e6edf3}.dim{fill:#9198a1}.page{fill:#0d1117}.link{fill:#58a6ff;opacity:.14}\n"
    ".stage{fill:#0c2d6b;stroke:#58a6ff}.dot,.bar{fill:#58a6ff}.axis{stroke:#6e7681}.zero{stroke:#ff7b72}\n"
    ".warn{fill:#d29922}}\n"
    "</style>\n";

/* At most max characters of a text of others, safe within XML. */
static void put_xml(struct rnm_buf *out, const char *text, size_t max)
{
	struct rnm_buf safe;
	size_t characters = 0;

	rnm_buf_init(&safe, OUTPUT_MAX);
	output_escape(&safe, text, strlen(text), ESCAPE_ALL);
	for (size_t i = 0; i < safe.len; i++) {
		characters += ((unsigned char)safe.data[i] & 0xc0) != 0x80;
		if (characters > max) {
			safe.data[i] = '\0';
			break;
		}
	}
	rnm_buf_html(out, rnm_buf_cstr(&safe));
	if (characters > max)
		rnm_buf_puts(out, "...");
	out->failed |= safe.failed;
	rnm_buf_free(&safe);
}

/* ---- the layers --------------------------------------------------------------------------------- */

struct stage {
	const char *name;
	size_t name_len;
	uint64_t units;
};

struct flow {
	struct stage stages[STAGES_MAX];
	size_t count, left_out;
	uint64_t most; /* units of the widest */
};

static void add_stage(struct flow *flow, const char *name, uint64_t units)
{
	const char *end = strchr(name, '.');

	if (flow->count == STAGES_MAX) {
		flow->left_out++;
		return;
	}
	flow->stages[flow->count++] = (struct stage){
		.name = name,
		.name_len = end != NULL ? (size_t)(end - name) : strlen(name),
		.units = units,
	};
	if (units > flow->most)
		flow->most = units;
}

static void gather_flow(struct flow *flow, const struct inspection *inspection)
{
	const struct rnm_model_file *file = inspection->file;
	bool ends = false;

	if (file->pca.rows > 0)
		add_stage(flow, "vector", file->pca.cols);
	add_stage(flow, file->pca.rows > 0 ? "PCA" : "input", rnm_network_input_dim(file->network));
	for (size_t i = 0; i < inspection->tensor_count; i++) {
		const struct inspected_tensor *tensor = &inspection->tensors[i];

		if (tensor->stats.units == 0)
			continue;
		add_stage(flow, tensor->tensor.name, tensor->stats.units);
		ends |= strncmp(tensor->tensor.name, "output.", 7) == 0;
	}
	if (!ends)
		add_stage(flow, "output", rnm_network_output_dim(file->network));
}

static double stage_height(const struct flow *flow, const struct stage *stage)
{
	double share = flow->most > 1 ? log((double)stage->units + 1) / log((double)flow->most + 1) : 1;

	return 24 + (FLOW_HEIGHT - 24) * share;
}

static double stage_x(const struct flow *flow, size_t index)
{
	double room = WIDTH - 2 * MARGIN - 60 - STAGE_WIDTH;

	return MARGIN + 30 + room * (double)index / (double)(flow->count - 1);
}

static void put_link(struct rnm_buf *out, const struct flow *flow, size_t index)
{
	double middle = FLOW_TOP + FLOW_HEIGHT / 2.0;
	double left = stage_height(flow, &flow->stages[index]) / 2;
	double right = stage_height(flow, &flow->stages[index + 1]) / 2;
	double x = stage_x(flow, index) + STAGE_WIDTH, to = stage_x(flow, index + 1);

	rnm_buf_printf(out, "<polygon class=\"link\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>\n",
	               x, middle - left, to, middle - right, to, middle + right, x, middle + left);
}

static void put_stage(struct rnm_buf *out, const struct flow *flow, size_t index)
{
	const struct stage *stage = &flow->stages[index];
	double height = stage_height(flow, stage), x = stage_x(flow, index);
	double top = FLOW_TOP + (FLOW_HEIGHT - height) / 2, centre = x + STAGE_WIDTH / 2.0;
	/* Each dot has room: fewer in a low column. */
	double fit = fmin(fmin((double)stage->units, DOTS_MAX), floor(height / 20));
	unsigned dots = fit >= 1 ? (unsigned)fit : 1;

	rnm_buf_printf(
	    out, "<rect class=\"stage\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" rx=\"6\"/>\n", x,
	    top, STAGE_WIDTH, height);
	for (unsigned i = 0; i < dots; i++)
		rnm_buf_printf(out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", centre,
		               top + height * (i + 0.5) / dots);
	rnm_buf_printf(out, "<text class=\"name\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*s</text>\n",
	               centre, FLOW_TOP + FLOW_HEIGHT + 24, (int)stage->name_len, stage->name);
	rnm_buf_printf(out, "<text class=\"dim\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%llu</text>\n",
	               centre, FLOW_TOP + FLOW_HEIGHT + 42, (unsigned long long)stage->units);
}

static void put_flow(struct rnm_buf *out, const struct inspection *inspection)
{
	struct flow flow = { .count = 0 };

	gather_flow(&flow, inspection);
	for (size_t i = 0; i + 1 < flow.count; i++)
		put_link(out, &flow, i);
	for (size_t i = 0; i < flow.count; i++)
		put_stage(out, &flow, i);
	if (flow.left_out > 0)
		rnm_buf_printf(out,
		               "<text class=\"dim small\" x=\"%d\" y=\"%d\" text-anchor=\"end\">and %zu more "
		               "layers</text>\n",
		               WIDTH - MARGIN, FLOW_TOP - 8, flow.left_out);
}

/* ---- the weights -------------------------------------------------------------------------------- */

static void put_bars(struct rnm_buf *out, const struct inspected_tensor *tensor)
{
	const struct rnm_tensor_stats *stats = &tensor->stats;
	uint64_t bins[BINS], most = 1;
	double step = (double)CHART_WIDTH / BINS;

	rnm_tensor_histogram(&tensor->tensor, stats->min, stats->max, bins, BINS);
	for (size_t i = 0; i < BINS; i++)
		most = bins[i] > most ? bins[i] : most;
	for (size_t i = 0; i < BINS; i++) {
		double height = CHART_HEIGHT * (double)bins[i] / (double)most;

		/* A single weight must still be seen. */
		if (bins[i] > 0)
			rnm_buf_printf(
			    out,
			    "<rect class=\"bar\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n",
			    (double)i * step, CHART_HEIGHT - fmax(height, 1), step - 0.6, fmax(height, 1));
	}
	if (stats->min < 0 && stats->max > 0) {
		double zero = CHART_WIDTH * -stats->min / (stats->max - stats->min);

		rnm_buf_printf(out, "<line class=\"zero\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\"/>\n",
		               zero, zero, CHART_HEIGHT);
	}
	rnm_buf_printf(out, "<line class=\"axis\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", CHART_WIDTH,
	               CHART_HEIGHT, CHART_HEIGHT);
	rnm_buf_printf(out, "<text class=\"dim small\" y=\"%d\">%.4g</text>\n", CHART_HEIGHT + 15,
	               stats->min);
	rnm_buf_printf(out, "<text class=\"dim small\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%.4g</text>\n",
	               CHART_WIDTH, CHART_HEIGHT + 15, stats->max);
}

static void put_chart(struct rnm_buf *out, const struct inspected_tensor *tensor, size_t index)
{
	const struct rnm_tensor_stats *stats = &tensor->stats;
	size_t column = index % CHART_COLUMNS, line = index / CHART_COLUMNS;

	rnm_buf_printf(out, "<g transform=\"translate(%zu,%zu)\">\n",
	               MARGIN + column * (WIDTH - 2 * MARGIN - CHART_WIDTH) / (CHART_COLUMNS - 1),
	               CHARTS_TOP + line * CHART_PITCH);
	rnm_buf_printf(out, "<text y=\"-26\"><tspan class=\"name\">%s</tspan><tspan class=\"dim\" dx=\"8\">",
	               tensor->tensor.name);
	put_dims(out, tensor->tensor.dims, tensor->tensor.rank);
	rnm_buf_puts(out, "</tspan></text>\n");
	rnm_buf_printf(out, "<text class=\"dim small\" y=\"-10\">mean %.3g, std %.3g</text>\n", stats->mean,
	               stats->std);
	if (stats->dead > 0)
		rnm_buf_printf(out,
		               "<text class=\"warn small\" x=\"%d\" y=\"-10\" text-anchor=\"end\">%llu dead "
		               "units</text>\n",
		               CHART_WIDTH, (unsigned long long)stats->dead);
	if (isfinite(stats->min))
		put_bars(out, tensor);
	rnm_buf_puts(out, "</g>\n");
}

/* One number is no distribution. */
static bool has_chart(const struct inspected_tensor *tensor)
{
	return !tensor->tensor.constant && tensor->tensor.len > 1;
}

static size_t count_charts(const struct inspection *inspection)
{
	size_t count = 0;

	for (size_t i = 0; i < inspection->tensor_count; i++)
		count += has_chart(&inspection->tensors[i]);
	return count;
}

/* ---- the page ----------------------------------------------------------------------------------- */

static void put_head(struct rnm_buf *out, const struct inspection *inspection)
{
	const struct rnm_network *network = inspection->file->network;
	const char *name = strrchr(inspection->model->text, '/');
	struct rnm_buf words;

	name = name != NULL && name[1] != '\0' ? name + 1 : inspection->model->text;
	rnm_buf_puts(out, "<title>");
	put_xml(out, name, TITLE_MAX);
	rnm_buf_printf(out, "</title>\n<text class=\"title\" x=\"%d\" y=\"44\">", MARGIN);
	put_xml(out, name, TITLE_MAX);
	rnm_buf_printf(out, "</text>\n<text x=\"%d\" y=\"68\">", MARGIN);
	rnm_buf_init(&words, OUTPUT_MAX);
	if (rnm_network_describe(network, &words, NULL) != RNM_OK)
		out->failed = true;
	put_xml(out, rnm_buf_cstr(&words), 2 * TITLE_MAX);
	rnm_buf_free(&words);
	rnm_buf_printf(out, "</text>\n<text class=\"dim\" x=\"%d\" y=\"90\">%s, %llu parameters, ", MARGIN,
	               model_kind_text(inspection->file),
	               (unsigned long long)rnm_network_variable_count(network));
	output_size(out, inspection->file->container->file_size);
	rnm_buf_puts(out, "</text>\n");
}

void inspect_svg(struct rnm_buf *out, const struct inspection *inspection)
{
	size_t charts = count_charts(inspection), shown = charts < CHARTS_MAX ? charts : CHARTS_MAX;
	size_t lines = (shown + CHART_COLUMNS - 1) / CHART_COLUMNS, drawn = 0;
	size_t height = CHARTS_TOP + lines * CHART_PITCH - (lines > 0 ? 32 : 40);

	rnm_buf_printf(out,
	               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %zu\" width=\"%d\" "
	               "height=\"%zu\" role=\"img\">\n",
	               WIDTH, height, WIDTH, height);
	rnm_buf_puts(out, style);
	rnm_buf_printf(out, "<rect class=\"page\" width=\"%d\" height=\"%zu\"/>\n", WIDTH, height);
	put_head(out, inspection);
	put_flow(out, inspection);
	for (size_t i = 0; i < inspection->tensor_count && drawn < shown; i++)
		if (has_chart(&inspection->tensors[i]))
			put_chart(out, &inspection->tensors[i], drawn++);
	if (charts > shown)
		rnm_buf_printf(out,
		               "<text class=\"dim small\" x=\"%d\" y=\"%zu\">and %zu more tensors</text>\n",
		               MARGIN, height - 6, charts - shown);
	rnm_buf_puts(out, "</svg>\n");
}
