/* SPDX-License-Identifier: Apache-2.0 */
/* A model card: what someone who is to use the model wants to know first. */
#include "inspect.h"
#include "model_findings.h"
#include "model_version.h"
#include "output.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* Text of others as text: characters that Markdown or HTML would take for something else are escaped. */
static void put_text(struct rnm_buf *out, const char *text, size_t len)
{
	struct rnm_buf safe;

	rnm_buf_init(&safe, OUTPUT_MAX);
	output_escape(&safe, text, len, ESCAPE_ALL);
	for (size_t i = 0; i < safe.len; i++) {
		char c = safe.data[i];

		if (c == '<')
			rnm_buf_puts(out, "&lt;");
		else if (c == '&')
			rnm_buf_puts(out, "&amp;");
		else if (strchr("\\`*_{}[]()#|~!", c) != NULL)
			rnm_buf_printf(out, "\\%c", c);
		else
			rnm_buf_putc(out, c);
	}
	out->failed |= safe.failed;
	rnm_buf_free(&safe);
}

static void row(struct rnm_buf *out, const char *name, const char *value)
{
	rnm_buf_printf(out, "| %s | ", name);
	put_text(out, value, strlen(value));
	rnm_buf_puts(out, " |\n");
}

static void row_size(struct rnm_buf *out, const char *name, uint64_t size, uint64_t expanded)
{
	rnm_buf_printf(out, "| %s | ", name);
	output_size(out, size);
	if (expanded > 0) {
		rnm_buf_puts(out, " compressed, ");
		output_size(out, expanded);
		rnm_buf_puts(out, " expanded");
	}
	rnm_buf_puts(out, " |\n");
}

/* UTC, so that a card does not depend on where it was made. */
static void row_time(struct rnm_buf *out, const struct inspection *inspection)
{
	double seconds = 0;
	struct tm tm;
	char when[64];
	time_t whole;

	if (!inspected_time(inspection, &seconds) || !(fabs(seconds) < 1e11))
		return;
	whole = (time_t)seconds;
	if (gmtime_r(&whole, &tm) != NULL && strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		row(out, "Created", when);
}

static void identity(struct rnm_buf *out, const struct inspection *inspection)
{
	static const char *const keys[] = { "rule", "settings", "profile_digest", "tool" };
	static const char *const names[] = { "Rule", "Settings", "Profile", "Written by" };
	const struct rnm_rnm1 *container = inspection->file->container;
	char version[NUMBER_TEXT_MAX];

	rnm_buf_puts(out, "| | |\n|---|---|\n");
	row(out, "Kind", model_kind_text(inspection->file));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct rnm_value *value = inspected_string(container, keys[i]);

		if (value != NULL && value->as.string.len > 0) {
			rnm_buf_printf(out, "| %s | ", names[i]);
			put_text(out, value->as.string.data, value->as.string.len);
			rnm_buf_puts(out, " |\n");
		}
	}
	if (container->has_model_version)
		row(out, "Version", number_text(container->model_version, version));
	if (container->providers_digest[0] != '\0')
		row(out, "Providers digest", container->providers_digest);
	row_time(out, inspection);
	row_size(out, "File", container->file_size, 0);
	if (container->ann.len > 0)
		row_size(out, "Network", container->ann.len, inspection->file->ann_expanded);
	if (inspection->hash[0] != '\0')
		row(out, "Hash of the weights", inspection->hash);
}

/* ---- what it does ---- */

static void network(struct rnm_buf *out, const struct rnm_network *net)
{
	struct rnm_buf words;

	if (net == NULL) {
		rnm_buf_puts(out, "The network cannot be read.\n");
		return;
	}
	rnm_buf_init(&words, OUTPUT_MAX);
	if (rnm_network_describe(net, &words, NULL) != RNM_OK)
		out->failed = true;
	rnm_buf_puts(out, "Architecture: ");
	put_text(out, rnm_buf_cstr(&words), words.len);
	rnm_buf_printf(out, ". %llu parameters in %u tensors.\n",
	               (unsigned long long)rnm_network_variable_count(net), rnm_network_tensor_count(net));
	rnm_buf_free(&words);
}

static void processing(struct rnm_buf *out, const struct rnm_model_file *file)
{
	const struct rnm_rnm1 *container = file->container;

	rnm_buf_puts(out, "\n## Input\n\n");
	if (file->network != NULL)
		rnm_buf_printf(out, "- vectors of %llu numbers\n",
		               (unsigned long long)rnm_model_file_raw_dim(file));
	if (file->kind != RNM_MODEL_KANN)
		rnm_buf_printf(out, "- normalisation: %s\n",
		               container->norm_mode == RNM_NORM_ZSCORE
		                   ? "z-scores (mean and deviation of each number)"
		               : container->norm_mode == RNM_NORM_UNIT ? "to length 1"
		                                                       : "none");
	if (file->pca.rows > 0)
		rnm_buf_printf(out, "- PCA: %u numbers become %u\n", file->pca.cols, file->pca.rows);
}

static void thresholds(struct rnm_buf *out, const struct rnm_rnm1 *container)
{
	struct effective_thresholds effective = effective_thresholds(container);

	rnm_buf_puts(out, "\n## Output\n\nA score: above 0 speaks for spam, below 0 for ham.\n");
	if (!container->has_roc)
		return;
	rnm_buf_puts(out, "\n| thresholds | spam | ham |\n|---|---|---|\n");
	rnm_buf_printf(out, "| as training computed them | above %.6g | below %.6g |\n", container->roc_spam,
	               container->roc_ham);
	rnm_buf_puts(out, "| as rspamd applies them with roc_enabled | ");
	if (effective.spam > 0)
		rnm_buf_printf(out, "from %.6g up | ", effective.spam);
	else
		rnm_buf_puts(out, "above 0 | ");
	rnm_buf_printf(out, "from %.6g down |\n", effective.ham + 0.0);
}

/* ---- weights and findings ---- */

static void weights(struct rnm_buf *out, const struct inspection *inspection)
{
	if (inspection->tensor_count == 0)
		return;
	rnm_buf_puts(out, "\n## Weights\n\n| tensor | shape | min | max | mean | std | zeros | dead units |\n"
	                  "|---|---|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < inspection->tensor_count; i++) {
		const struct inspected_tensor *tensor = &inspection->tensors[i];
		const struct rnm_tensor_stats *stats = &tensor->stats;

		rnm_buf_printf(out, "| %s | ", tensor->tensor.name);
		put_dims(out, tensor->tensor.dims, tensor->tensor.rank);
		rnm_buf_printf(out, " | %.4g | %.4g | %.4g | %.4g | %llu | ", stats->min, stats->max,
		               stats->mean, stats->std, (unsigned long long)stats->zeros);
		if (stats->units > 0)
			rnm_buf_printf(out, "%llu of %llu |\n", (unsigned long long)stats->dead,
			               (unsigned long long)stats->units);
		else
			rnm_buf_puts(out, "|\n");
	}
}

static void findings(struct rnm_buf *out, const struct rnm_verification *verification)
{
	rnm_buf_puts(out, "\n## Checks\n\n");
	if (verification->finding_count == 0)
		rnm_buf_puts(out, "`rnm verify` finds nothing wrong.\n");
	for (size_t i = 0; i < verification->finding_count; i++) {
		const struct rnm_model_finding *finding = &verification->findings[i];

		rnm_buf_printf(out, "- **%s** `%s`: ",
		               finding->severity == RNM_SEVERITY_WARNING ? "warning" : "problem",
		               finding->id);
		put_text(out, finding->text, strlen(finding->text));
		rnm_buf_putc(out, '\n');
	}
}

void inspect_markdown(struct rnm_buf *out, const struct inspection *inspection)
{
	const char *name = strrchr(inspection->model->text, '/');

	name = name != NULL && name[1] != '\0' ? name + 1 : inspection->model->text;
	rnm_buf_puts(out, "# ");
	put_text(out, name, strlen(name));
	rnm_buf_puts(out, "\n\nA model for the neural module of rspamd.\n\n");
	identity(out, inspection);
	rnm_buf_puts(out, "\n## Network\n\n");
	network(out, inspection->file->network);
	processing(out, inspection->file);
	thresholds(out, inspection->file->container);
	weights(out, inspection);
	findings(out, inspection->verification);
}
