/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"
#include "model_version.h"
#include "output.h"
#include "table.h"

#include <math.h>
#include <string.h>

#define PERCENT_TEXT 24

/* "97.25 %", "0.043 %"; "-" for what has no value. */
static const char *percent(char text[PERCENT_TEXT], double share)
{
	if (isnan(share))
		return "-";
	(void)snprintf(text, PERCENT_TEXT, share > 0 && share < 0.001 ? "%.2g %%" : "%.2f %%", share * 100);
	return text;
}

static void put_name(struct rnm_buf *out, const char *name)
{
	rnm_buf_printf(out, "  %s%-16s%s", output_color(COLOR_DIM), name, output_color(COLOR_NONE));
}

static void heading(struct rnm_buf *out, const char *text)
{
	rnm_buf_printf(out, "\n%s%s%s\n", output_color(COLOR_BOLD), text, output_color(COLOR_NONE));
}

static void source_line(struct rnm_buf *out, const char *name, const struct eval_source *source)
{
	put_name(out, name);
	rnm_buf_printf(out, "%llu vectors", (unsigned long long)source->vectors);
	if (source->name != NULL) {
		rnm_buf_puts(out, " of ");
		output_name(out, source->name);
	}
	if (source->skipped > 0)
		rnm_buf_printf(out, ", %llu skipped", (unsigned long long)source->skipped);
	if (source->duplicates > 0)
		rnm_buf_printf(out, ", %llu in both sets counted once",
		               (unsigned long long)source->duplicates);
	rnm_buf_putc(out, '\n');
}

static void count_cell(struct table *table, uint64_t count)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)count);
	table_cell(table, COLOR_NONE, text);
}

static void confusion(struct rnm_buf *out, const struct eval_thresholds *used)
{
	static const struct table_column columns[] = {
		{ .title = "" },
		{ .title = "SPAM SYMBOL", .right = true },
		{ .title = "NO SYMBOL", .right = true },
		{ .title = "HAM SYMBOL", .right = true },
	};
	const struct rnm_confusion *counts = &used->confusion;
	struct table table;

	table_init(&table, columns, 4);
	table_cell(&table, COLOR_DIM, "spam");
	count_cell(&table, counts->spam_as_spam);
	count_cell(&table, counts->spam_as_none);
	count_cell(&table, counts->spam_as_ham);
	table_cell(&table, COLOR_DIM, "ham");
	count_cell(&table, counts->ham_as_spam);
	count_cell(&table, counts->ham_as_none);
	count_cell(&table, counts->ham_as_ham);
	if (!table_print(&table, out, "  "))
		out->failed = true;
}

static void rates(struct rnm_buf *out, const char *symbol, const struct rnm_rates *rates)
{
	char a[PERCENT_TEXT], b[PERCENT_TEXT], c[PERCENT_TEXT];

	rnm_buf_puts(out, "  ");
	output_name(out, symbol);
	rnm_buf_printf(out, ": precision %s, recall %s, false positives %s", percent(a, rates->precision),
	               percent(b, rates->recall), percent(c, rates->false_rate));
	if (!isnan(rates->f1))
		rnm_buf_printf(out, ", F1 %.4f", rates->f1);
	rnm_buf_putc(out, '\n');
}

static void suggestion(struct rnm_buf *out, const char *option, const struct rnm_suggestion *suggested,
                       size_t own_count, const char *other)
{
	char rate[PERCENT_TEXT], upper[PERCENT_TEXT], recall[PERCENT_TEXT], number[NUMBER_TEXT_MAX];

	if (!suggested->found) {
		rnm_buf_printf(out, "  %s: none keeps the rate and still finds anything (%llu %s)\n", option,
		               (unsigned long long)suggested->of, other);
		return;
	}
	rnm_buf_printf(out,
	               "  %s = %s: recall %s, false positives %s (%llu of %llu %s; 95 %% interval to %s)\n",
	               option, number_text(suggested->threshold, number),
	               percent(recall, (double)suggested->hits / (double)own_count),
	               percent(rate, suggested->rate), (unsigned long long)suggested->errors,
	               (unsigned long long)suggested->of, other, percent(upper, suggested->rate_upper));
}

static void thresholds(struct rnm_buf *out, const struct eval *eval)
{
	char rate[PERCENT_TEXT];

	heading(out, "Thresholds");
	rnm_buf_printf(out, "  used above: spam %.6g, ham %.6g\n", eval->used.decision.spam_threshold,
	               eval->used.decision.ham_threshold);
	if (eval->has_trained) {
		rnm_buf_printf(out,
		               "  rspamd's training (roc_misclassification_cost %g): spam %.6g, ham %.6g\n",
		               eval->roc_cost, eval->trained.decision.spam_threshold,
		               eval->trained.decision.ham_threshold);
		rnm_buf_puts(out, "  ");
		rates(out, eval->trained.decision.symbol_spam, &eval->trained.spam);
		rnm_buf_puts(out, "  ");
		rates(out, eval->trained.decision.symbol_ham, &eval->trained.ham);
	}
	rnm_buf_printf(out, "  for at most %s false positives:\n", percent(rate, eval->max_rate));
	rnm_buf_puts(out, "  ");
	suggestion(out, "spam_score_threshold", &eval->suggest_spam, eval->spam.vectors, "ham");
	rnm_buf_puts(out, "  ");
	suggestion(out, "ham_score_threshold", &eval->suggest_ham, eval->ham.vectors, "spam");
}

static void spread_line(struct rnm_buf *out, const char *name, const struct rnm_spread *spread,
                        uint64_t vectors)
{
	char share[PERCENT_TEXT];

	put_name(out, name);
	if (vectors == 0) {
		rnm_buf_puts(out, "-\n");
		return;
	}
	rnm_buf_printf(out, "%.4f to %.4f, mean %.4f, median %.4f, 5-95 %% %.4f to %.4f, saturated %s\n",
	               spread->min, spread->max, spread->mean, spread->median, spread->low, spread->high,
	               percent(share, (double)spread->saturated / (double)vectors));
}

/* One character for each bin, darkest for the fullest. */
static void histogram_line(struct rnm_buf *out, const char *name, const uint64_t bins[EVAL_HISTOGRAM_BINS])
{
	/* Plain characters: a terminal may know no others. */
	static const char levels[] = " .:-=+*#%";
	uint64_t most = 1;

	for (size_t i = 0; i < EVAL_HISTOGRAM_BINS; i++)
		most = bins[i] > most ? bins[i] : most;
	put_name(out, name);
	rnm_buf_putc(out, '|');
	for (size_t i = 0; i < EVAL_HISTOGRAM_BINS; i++)
		rnm_buf_putc(out, levels[(size_t)ceil(8 * (double)bins[i] / (double)most)]);
	rnm_buf_puts(out, "|\n");
}

static void scores(struct rnm_buf *out, const struct eval *eval)
{
	heading(out, "Scores");
	spread_line(out, "spam", &eval->spam_spread, eval->spam.vectors);
	spread_line(out, "ham", &eval->ham_spread, eval->ham.vectors);
	histogram_line(out, "spam", eval->spam_bins);
	histogram_line(out, "ham", eval->ham_bins);
	rnm_buf_printf(out, "  %16s %-*.4g%.4g\n", "", EVAL_HISTOGRAM_BINS - 1, eval->low, eval->high);
}

static void calibration(struct rnm_buf *out, const struct eval *eval)
{
	heading(out, "Calibration, with (score + 1) / 2 as the probability of spam");
	if (!eval->has_calibration) {
		rnm_buf_puts(out, "  does not apply: there are no scores, or some lie outside of [-1, 1]\n");
		return;
	}
	rnm_buf_printf(out, "  Brier score %.4f, log loss %.4f, mean error %.4f\n", eval->calibration.brier,
	               eval->calibration.log_loss, eval->calibration.error);
}

static void notes(struct rnm_buf *out, const struct eval *eval)
{
	struct eval_notes notes;

	eval_notes(eval, &notes);
	if (notes.count > 0)
		heading(out, "To bear in mind");
	for (size_t i = 0; i < notes.count; i++)
		rnm_buf_printf(out, "  %s\n", notes.text[i]);
}

void eval_text(struct rnm_buf *out, const struct eval *eval)
{
	char share[PERCENT_TEXT];
	const double all = (double)(eval->spam.vectors + eval->ham.vectors);

	rnm_buf_puts(out, output_color(COLOR_BOLD));
	output_name(out, eval->scoring->model.text);
	rnm_buf_printf(out, "%s\n", output_color(COLOR_NONE));
	source_line(out, "spam", &eval->spam);
	source_line(out, "ham", &eval->ham);
	put_name(out, "spam share");
	rnm_buf_printf(out, "%s\n", percent(share, (double)eval->spam.vectors / all));
	put_name(out, "ROC AUC");
	if (eval->has_auc)
		rnm_buf_printf(out, "%.6f\n", eval->auc);
	else
		rnm_buf_puts(out, "-\n");
	heading(out, "Decisions as rspamd makes them");
	confusion(out, &eval->used);
	rates(out, eval->used.decision.symbol_spam, &eval->used.spam);
	rates(out, eval->used.decision.symbol_ham, &eval->used.ham);
	thresholds(out, eval);
	scores(out, eval);
	calibration(out, eval);
	notes(out, eval);
}
