/* SPDX-License-Identifier: Apache-2.0 */
/* One page of HTML: no scripts, nothing to fetch, light and dark, readable without the figures. */
#include "eval_svg.h"
#include "model_version.h"
#include "output.h"

#include <math.h>
#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--page:#fff;--text:#1c1d21;--quiet:#5b6069;--line:#d9dce1;--card:#f5f6f8;"
    "--spam:#c2410c;--ham:#1d5fd1;--mark:#7a2fb8}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#15161a;--text:#e7e8ec;--quiet:#a2a7b3;--line:#363a44;"
    "--card:#1f2127;--spam:#ff9555;--ham:#74aaff;--mark:#cf9bff}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 3rem;background:var(--page);color:var(--text);"
    "font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}\n"
    "h2{font-size:1.15rem;margin:2rem 0 .5rem}\n"
    "p{margin:.25rem 0 .75rem}.quiet,figcaption{color:var(--quiet);font-size:.9rem}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:1.25rem "
    "0;padding:0}\n"
    ".cards div{background:var(--card);border-radius:.5rem;padding:.75rem .9rem}\n"
    ".cards dt{color:var(--quiet);font-size:.85rem}.cards dd{margin:0;font-size:1.35rem;font-weight:600;"
    "font-variant-numeric:tabular-nums}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:right;padding:.4rem .6rem;border-bottom:1px solid var(--line)}\n"
    "th{font-weight:600;font-size:.85rem;color:var(--quiet)}th:first-child,td:first-child{text-align:left}\n"
    "tbody th{color:var(--text);font-size:1rem;font-weight:400;white-space:nowrap}\n"
    "table+table,.scroll+.scroll{margin-top:1rem}.wide svg{min-width:34rem}\n"
    "@media(max-width:40rem){th,td{padding:.35rem .4rem}tbody th,td{font-size:.9rem}}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1.5rem}\n"
    "figure{margin:0 0 1rem}svg{display:block;width:100%;height:auto}\n"
    "svg text{fill:var(--quiet);font-size:12px;font-family:inherit}\n"
    ".grid{stroke:var(--line)}.axis{stroke:var(--text)}.chance{stroke:var(--quiet);stroke-dasharray:4 4}\n"
    ".curve{fill:none;stroke:var(--ham);stroke-width:2.5;stroke-linejoin:round}.mark{fill:var(--mark)}\n"
    ".threshold{stroke:var(--mark);stroke-width:2;stroke-dasharray:6 3}rect.spam{fill:var(--spam)}"
    "rect.ham{fill:var(--ham)}\n"
    ".key{display:inline-block;width:.8em;height:.8em;border-radius:.15em;margin:0 .3em 0 .8em}"
    ".key:first-child{margin-left:0}.key.spam{background:var(--spam)}.key.ham{background:var(--ham)}\n"
    "ul{padding-left:1.2rem}details{margin:.5rem 0}summary{cursor:pointer;color:var(--quiet)}\n"
    "code{font-size:.95em;overflow-wrap:anywhere}\n";

/* What is too wide for a phone moves by itself, with the keys too. */
#define SCROLL(class_, label)                                                                                \
	"<div class=\"scroll" class_ "\" tabindex=\"0\" role=\"group\" aria-label=\"" label "\">"

/* Text of others: nothing in it may become markup, or control a terminal that shows the page's source. */
static void put(struct rnm_buf *out, const char *text)
{
	struct rnm_buf safe;

	rnm_buf_init(&safe, OUTPUT_MAX);
	output_escape(&safe, text, strlen(text), ESCAPE_ALL);
	out->failed = out->failed || safe.failed;
	(void)rnm_buf_html(out, rnm_buf_cstr(&safe));
	rnm_buf_free(&safe);
}

static void put_percent(struct rnm_buf *out, double share)
{
	if (isnan(share))
		rnm_buf_puts(out, "–");
	else
		rnm_buf_printf(out, share > 0 && share < 0.001 ? "%.2g&#8239;%%" : "%.2f&#8239;%%",
		               share * 100);
}

static void put_number(struct rnm_buf *out, double number)
{
	char text[NUMBER_TEXT_MAX];

	rnm_buf_puts(out, number_text(number, text));
}

static void card(struct rnm_buf *out, const char *name, double value, bool percent)
{
	rnm_buf_printf(out, "<div><dt>%s</dt><dd>", name);
	if (percent)
		put_percent(out, value);
	else if (isnan(value))
		rnm_buf_puts(out, "–");
	else
		rnm_buf_printf(out, "%.4f", value);
	rnm_buf_puts(out, "</dd></div>\n");
}

static void source(struct rnm_buf *out, const char *what, const struct eval_source *from)
{
	rnm_buf_printf(out, "%llu %s", (unsigned long long)from->vectors, what);
	if (from->name != NULL) {
		rnm_buf_puts(out, " (");
		put(out, from->name);
		rnm_buf_putc(out, ')');
	}
	if (from->skipped > 0)
		rnm_buf_printf(out, ", %llu skipped", (unsigned long long)from->skipped);
}

static void head(struct rnm_buf *out, const struct eval *eval)
{
	rnm_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	                  "style-src 'unsafe-inline'\">\n<title>Evaluation of ");
	put(out, eval->scoring->model.text);
	rnm_buf_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>Evaluation of ",
	               style);
	put(out, eval->scoring->model.text);
	rnm_buf_puts(out, "</h1>\n<p class=\"quiet\">");
	source(out, "spam", &eval->spam);
	rnm_buf_puts(out, ", ");
	source(out, "ham", &eval->ham);
	if (eval->training_key != NULL) {
		rnm_buf_puts(out, ", training sets of ");
		put(out, eval->training_key);
	}
	rnm_buf_printf(out, ". Made by rnm %s.</p>\n", rnm_version());
}

static void cards(struct rnm_buf *out, const struct eval *eval)
{
	rnm_buf_puts(out, "<dl class=\"cards\">\n");
	card(out, "Area under ROC", eval->has_auc ? eval->auc : NAN, false);
	card(out, "Precision (spam)", eval->used.spam.precision, true);
	card(out, "Recall (spam)", eval->used.spam.recall, true);
	card(out, "Ham called spam", eval->used.spam.false_rate, true);
	rnm_buf_puts(out, "</dl>\n");
}

static void notes(struct rnm_buf *out, const struct eval *eval)
{
	struct eval_notes list;

	eval_notes(eval, &list);
	if (list.count == 0)
		return;
	rnm_buf_puts(out, "<h2>To bear in mind</h2>\n<ul>\n");
	for (size_t i = 0; i < list.count; i++) {
		rnm_buf_puts(out, "<li>");
		put(out, list.text[i]);
		rnm_buf_puts(out, "</li>\n");
	}
	rnm_buf_puts(out, "</ul>\n");
}

static void count_row(struct rnm_buf *out, const char *name, uint64_t spam, uint64_t none, uint64_t ham)
{
	rnm_buf_printf(out, "<tr><th scope=\"row\">%s</th><td>%llu</td><td>%llu</td><td>%llu</td></tr>\n",
	               name, (unsigned long long)spam, (unsigned long long)none, (unsigned long long)ham);
}

static void rate_row(struct rnm_buf *out, const char *symbol, const struct rnm_rates *rates)
{
	rnm_buf_puts(out, "<tr><th scope=\"row\">");
	put(out, symbol);
	rnm_buf_puts(out, "</th><td>");
	put_percent(out, rates->precision);
	rnm_buf_puts(out, "</td><td>");
	put_percent(out, rates->recall);
	rnm_buf_puts(out, "</td><td>");
	put_percent(out, rates->false_rate);
	rnm_buf_puts(out, "</td><td>");
	if (isnan(rates->f1))
		rnm_buf_puts(out, "–");
	else
		rnm_buf_printf(out, "%.4f", rates->f1);
	rnm_buf_puts(out, "</td></tr>\n");
}

static void decisions(struct rnm_buf *out, const struct eval *eval)
{
	const struct rnm_decision *decision = &eval->used.decision;
	const struct rnm_confusion *counts = &eval->used.confusion;

	rnm_buf_puts(out, "<h2>Decisions as rspamd makes them</h2>\n<p class=\"quiet\">Thresholds: spam ");
	put_number(out, decision->spam_threshold);
	rnm_buf_puts(out, ", ham ");
	put_number(out, decision->ham_threshold);
	rnm_buf_puts(out, ".</p>\n" SCROLL(
			      "", "Confusion matrix") "<table>\n<thead><tr><th scope=\"col\">vectors of</th>"
	                                              "<th scope=\"col\">");
	put(out, decision->symbol_spam);
	rnm_buf_puts(out, "</th><th scope=\"col\">no symbol</th><th scope=\"col\">");
	put(out, decision->symbol_ham);
	rnm_buf_puts(out, "</th></tr></thead>\n<tbody>\n");
	count_row(out, "spam", counts->spam_as_spam, counts->spam_as_none, counts->spam_as_ham);
	count_row(out, "ham", counts->ham_as_spam, counts->ham_as_none, counts->ham_as_ham);
	rnm_buf_puts(out,
	             "</tbody></table></div>\n" SCROLL(
			 "",
			 "Rates of both symbols") "<table>\n<thead><tr>"
	                                          "<th scope=\"col\">symbol</th><th "
	                                          "scope=\"col\">precision</th><th scope=\"col\">recall</th>"
	                                          "<th scope=\"col\">false positives</th><th "
	                                          "scope=\"col\">F1</th></tr></thead>\n<tbody>\n");
	rate_row(out, decision->symbol_spam, &eval->used.spam);
	rate_row(out, decision->symbol_ham, &eval->used.ham);
	rnm_buf_puts(out, "</tbody></table></div>\n");
}

static void suggestion_row(struct rnm_buf *out, const char *option, const struct rnm_suggestion *suggested,
                           uint64_t own_count)
{
	rnm_buf_printf(out, "<tr><th scope=\"row\"><code>%s</code></th>", option);
	if (!suggested->found) {
		rnm_buf_puts(out,
		             "<td colspan=\"4\">none keeps the rate and still finds anything</td></tr>\n");
		return;
	}
	rnm_buf_puts(out, "<td>");
	put_number(out, suggested->threshold);
	rnm_buf_puts(out, "</td><td>");
	put_percent(out, (double)suggested->hits / (double)own_count);
	rnm_buf_printf(out, "</td><td>%llu of %llu</td><td>", (unsigned long long)suggested->errors,
	               (unsigned long long)suggested->of);
	put_percent(out, suggested->rate_upper);
	rnm_buf_puts(out, "</td></tr>\n");
}

static void thresholds(struct rnm_buf *out, const struct eval *eval)
{
	rnm_buf_puts(out, "<h2>Thresholds</h2>\n<p>For at most ");
	put_percent(out, eval->max_rate);
	rnm_buf_puts(out,
	             " false positives:</p>\n" SCROLL(
			 "", "Suggested thresholds") "<table>\n<thead><tr>"
	                                             "<th scope=\"col\">option</th><th "
	                                             "scope=\"col\">value</th><th scope=\"col\">recall</th>"
	                                             "<th scope=\"col\">false positives</th><th "
	                                             "scope=\"col\">95&#8239;% interval to</th></tr>"
	                                             "</thead>\n<tbody>\n");
	suggestion_row(out, "spam_score_threshold", &eval->suggest_spam, eval->spam.vectors);
	suggestion_row(out, "ham_score_threshold", &eval->suggest_ham, eval->ham.vectors);
	rnm_buf_puts(out, "</tbody></table></div>\n");
	if (!eval->has_trained)
		return;
	rnm_buf_puts(out, "<p class=\"quiet\">rspamd's own training, with roc_misclassification_cost ");
	put_number(out, eval->roc_cost);
	rnm_buf_printf(out, ", would store spam %.6g and ham %.6g: precision ",
	               eval->trained.decision.spam_threshold, eval->trained.decision.ham_threshold);
	put_percent(out, eval->trained.spam.precision);
	rnm_buf_puts(out, ", recall ");
	put_percent(out, eval->trained.spam.recall);
	rnm_buf_puts(out, ", false positives ");
	put_percent(out, eval->trained.spam.false_rate);
	rnm_buf_puts(out, ".</p>\n");
}

/* The best recall that is reached with no more than this rate of false positives. */
static void roc_table(struct rnm_buf *out, const struct eval *eval)
{
	static const double rates[] = { 0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.5 };

	rnm_buf_puts(out, "<details><summary>ROC curve as a table</summary>\n<table>\n<thead><tr>"
	                  "<th scope=\"col\">false positives, at most</th><th scope=\"col\">recall</th>"
	                  "<th scope=\"col\">threshold</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const struct rnm_roc_point *best = &eval->roc[0];

		for (size_t j = 0; j < eval->roc_count && eval->roc[j].fpr <= rates[i]; j++)
			best = &eval->roc[j];
		rnm_buf_puts(out, "<tr><th scope=\"row\">");
		put_percent(out, rates[i]);
		rnm_buf_puts(out, "</th><td>");
		put_percent(out, best->tpr);
		if (isfinite(best->threshold))
			rnm_buf_printf(out, "</td><td>%.6g</td></tr>\n", best->threshold);
		else
			rnm_buf_puts(out, "</td><td>–</td></tr>\n");
	}
	rnm_buf_puts(out, "</tbody></table></details>\n");
}

static void calibration_table(struct rnm_buf *out, const struct eval *eval)
{
	rnm_buf_puts(out, "<details><summary>Calibration as a table</summary>\n<table>\n<thead><tr>"
	                  "<th scope=\"col\">probability</th><th scope=\"col\">vectors</th>"
	                  "<th scope=\"col\">mean</th><th scope=\"col\">spam</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < RNM_CALIBRATION_BINS; i++) {
		const struct rnm_calibration_bin *bin = &eval->calibration.bins[i];

		rnm_buf_printf(out, "<tr><th scope=\"row\">%zu–%zu&#8239;%%</th><td>%llu</td><td>", i * 10,
		               i * 10 + 10, (unsigned long long)bin->count);
		put_percent(out, bin->predicted);
		rnm_buf_puts(out, "</td><td>");
		put_percent(out, bin->observed);
		rnm_buf_puts(out, "</td></tr>\n");
	}
	rnm_buf_puts(out, "</tbody></table></details>\n");
}

static void curves(struct rnm_buf *out, const struct eval *eval)
{
	rnm_buf_puts(out, "<h2>Curves</h2>\n<div class=\"pair\">\n");
	if (eval->roc_count > 0) {
		rnm_buf_puts(out, "<figure>\n");
		eval_svg_roc(out, eval);
		rnm_buf_puts(out,
		             "<figcaption>ROC curve; the dot is where the thresholds stand.</figcaption>\n");
		roc_table(out, eval);
		rnm_buf_puts(out, "</figure>\n");
	}
	if (eval->has_calibration) {
		rnm_buf_puts(out, "<figure>\n");
		eval_svg_calibration(out, eval);
		rnm_buf_printf(out,
		               "<figcaption>Calibration: Brier score %.4f, log loss %.4f, mean error "
		               "%.4f.</figcaption>\n",
		               eval->calibration.brier, eval->calibration.log_loss, eval->calibration.error);
		calibration_table(out, eval);
		rnm_buf_puts(out, "</figure>\n");
	}
	rnm_buf_puts(out, "</div>\n");
}

static void spread_row(struct rnm_buf *out, const char *name, const struct rnm_spread *spread,
                       uint64_t vectors)
{
	const double values[] = { spread->min,  spread->low,  spread->median,
		                  spread->mean, spread->high, spread->max };

	rnm_buf_printf(out, "<tr><th scope=\"row\">%s</th>", name);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (isnan(values[i]))
			rnm_buf_puts(out, "<td>–</td>");
		else
			rnm_buf_printf(out, "<td>%.4f</td>", values[i]);
	}
	rnm_buf_puts(out, "<td>");
	put_percent(out, (double)spread->saturated / (double)vectors);
	rnm_buf_puts(out, "</td></tr>\n");
}

static void scores(struct rnm_buf *out, const struct eval *eval)
{
	rnm_buf_puts(out, "<h2>Scores</h2>\n<figure>\n" SCROLL(" wide", "Histogram of scores") "\n");
	eval_svg_histogram(out, eval);
	rnm_buf_puts(
	    out,
	    "</div>\n<figcaption><span class=\"key spam\"></span>spam<span class=\"key ham\"></span>ham; "
	    "dashed lines are thresholds above 0.</figcaption>\n</figure>\n"
	    "" SCROLL("", "Spread of scores") "<table>\n<thead><tr><th scope=\"col\"></th>"
					      "<th scope=\"col\">least</th><th scope=\"col\">5&#8239;%</th>"
					      "<th scope=\"col\">median</th><th scope=\"col\">mean</th>"
					      "<th scope=\"col\">95&#8239;%</th><th scope=\"col\">most</th>"
					      "<th scope=\"col\">saturated</th></tr></thead>\n<tbody>\n");
	spread_row(out, "spam", &eval->spam_spread, eval->spam.vectors);
	spread_row(out, "ham", &eval->ham_spread, eval->ham.vectors);
	rnm_buf_puts(out, "</tbody></table></div>\n");
}

void eval_report(struct rnm_buf *out, const struct eval *eval)
{
	head(out, eval);
	cards(out, eval);
	notes(out, eval);
	decisions(out, eval);
	thresholds(out, eval);
	curves(out, eval);
	scores(out, eval);
	rnm_buf_puts(out, "</main>\n</body>\n</html>\n");
}
