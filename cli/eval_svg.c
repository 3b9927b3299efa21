/* SPDX-License-Identifier: Apache-2.0 */
#include "eval_svg.h"

#include <math.h>
#include <stdio.h>

/* The area of the data within a figure; labels stand to its left and below. */
struct frame {
	double left, top, width, height;
};

static const struct frame square = { 52, 12, 324, 324 };
static const struct frame wide = { 52, 12, 624, 220 };

static void begin(struct rnm_buf *out, const char *id, const struct frame *frame, const char *title,
                  const char *description)
{
	rnm_buf_printf(out,
	               "<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-labelledby=\"%s-title %s-desc\">\n"
	               "<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n",
	               frame->left + frame->width + 24, frame->top + frame->height + 44, id, id, id, title,
	               id, description);
}

static void text(struct rnm_buf *out, double x, double y, const char *anchor, const char *words)
{
	rnm_buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
	               words);
}

static void line(struct rnm_buf *out, const char *class_, double x1, double y1, double x2, double y2)
{
	rnm_buf_printf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class_,
	               x1, y1, x2, y2);
}

static double place_x(const struct frame *frame, double share)
{
	return frame->left + share * frame->width;
}

static double place_y(const struct frame *frame, double share)
{
	return frame->top + (1 - share) * frame->height;
}

/* Lines and labels from 0 to 100 % on both sides, and what the sides mean. */
static void percent_grid(struct rnm_buf *out, const struct frame *frame, const char *below,
                         const char *beside)
{
	char label[16];

	for (int i = 0; i <= 4; i++) {
		double share = i / 4.0;

		(void)snprintf(label, sizeof(label), "%d&#8239;%%", i * 25);
		line(out, "grid", place_x(frame, share), frame->top, place_x(frame, share),
		     frame->top + frame->height);
		line(out, "grid", frame->left, place_y(frame, share), frame->left + frame->width,
		     place_y(frame, share));
		text(out, place_x(frame, share), frame->top + frame->height + 18, "middle", label);
		text(out, frame->left - 6, place_y(frame, share) + 4, "end", label);
	}
	text(out, frame->left + frame->width / 2, frame->top + frame->height + 38, "middle", below);
	rnm_buf_printf(
	    out, "<text transform=\"translate(11 %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
	    frame->top + frame->height / 2, beside);
	line(out, "chance", place_x(frame, 0), place_y(frame, 0), place_x(frame, 1), place_y(frame, 1));
}

void eval_svg_roc(struct rnm_buf *out, const struct eval *eval)
{
	const struct rnm_rates *used = &eval->used.spam;

	begin(out, "roc", &square, "ROC curve",
	      "Share of spam that is found, over the share of ham that is called spam, for every threshold.");
	percent_grid(out, &square, "ham called spam", "spam called spam");
	rnm_buf_puts(out, "<polyline class=\"curve\" points=\"");
	for (size_t i = 0; i < eval->roc_count; i++)
		rnm_buf_printf(out, "%.1f,%.1f ", place_x(&square, eval->roc[i].fpr),
		               place_y(&square, eval->roc[i].tpr));
	rnm_buf_puts(out, "\"/>\n");
	if (!isnan(used->false_rate) && !isnan(used->recall))
		rnm_buf_printf(out,
		               "<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>the thresholds "
		               "that were used</title></circle>\n",
		               place_x(&square, used->false_rate), place_y(&square, used->recall));
	rnm_buf_puts(out, "</svg>\n");
}

/* Bars from the middle line, up or down; the fullest bin of the two classes fills its half. */
static void bars(struct rnm_buf *out, const char *class_, const uint64_t *bins, uint64_t vectors, double most,
                 bool up)
{
	const double width = wide.width / EVAL_HISTOGRAM_BINS;
	const double middle = wide.top + wide.height / 2;

	for (size_t i = 0; i < EVAL_HISTOGRAM_BINS; i++) {
		double share = vectors > 0 ? (double)bins[i] / (double)vectors : 0;
		double height = share / most * wide.height / 2;

		if (bins[i] == 0)
			continue;
		/* One vector must be seen too. */
		height = fmax(height, 1);
		rnm_buf_printf(out,
		               "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
		               class_, wide.left + (double)i * width + 0.5, up ? middle - height : middle,
		               width - 1, height);
	}
}

static double fullest(const uint64_t *bins, uint64_t vectors)
{
	uint64_t most = 0;

	for (size_t i = 0; i < EVAL_HISTOGRAM_BINS; i++)
		most = bins[i] > most ? bins[i] : most;
	return vectors > 0 ? (double)most / (double)vectors : 0;
}

/* A threshold within its half of the axis, where alone it decides. */
static void threshold_line(struct rnm_buf *out, const struct eval *eval, double score)
{
	double x = place_x(&wide, (score - eval->low) / (eval->high - eval->low));

	if (score >= eval->low && score <= eval->high)
		line(out, "threshold", x, wide.top, x, wide.top + wide.height);
}

void eval_svg_histogram(struct rnm_buf *out, const struct eval *eval)
{
	const double most = fmax(fmax(fullest(eval->spam_bins, eval->spam.vectors),
	                              fullest(eval->ham_bins, eval->ham.vectors)),
	                         1e-9);
	const double middle = wide.top + wide.height / 2;
	char label[48];

	begin(out, "histogram", &wide, "Scores of spam and ham",
	      "Shares of the vectors of each class by score: spam above the line, ham below.");
	for (int i = 0; i <= 4; i++) {
		double share = i / 4.0;

		line(out, "grid", place_x(&wide, share), wide.top, place_x(&wide, share),
		     wide.top + wide.height);
		(void)snprintf(label, sizeof(label), "%.4g", eval->low + share * (eval->high - eval->low));
		text(out, place_x(&wide, share), wide.top + wide.height + 18, "middle", label);
	}
	(void)snprintf(label, sizeof(label), "%.3g&#8239;%%", most * 100);
	text(out, wide.left - 6, wide.top + 10, "end", label);
	text(out, wide.left - 6, middle + 4, "end", "0");
	text(out, wide.left - 6, wide.top + wide.height, "end", label);
	bars(out, "spam", eval->spam_bins, eval->spam.vectors, most, true);
	bars(out, "ham", eval->ham_bins, eval->ham.vectors, most, false);
	line(out, "axis", wide.left, middle, wide.left + wide.width, middle);
	if (eval->used.decision.spam_threshold > 0)
		threshold_line(out, eval, eval->used.decision.spam_threshold);
	if (eval->used.decision.ham_threshold > 0)
		threshold_line(out, eval, -eval->used.decision.ham_threshold);
	text(out, wide.left + wide.width / 2, wide.top + wide.height + 38, "middle",
	     "score (spam above the line, ham below)");
	rnm_buf_puts(out, "</svg>\n");
}

void eval_svg_calibration(struct rnm_buf *out, const struct eval *eval)
{
	begin(
	    out, "calibration", &square, "Calibration",
	    "Share of spam among the vectors with about the same score, over the probability that the score "
	    "stands for. On the diagonal both are equal.");
	percent_grid(out, &square, "probability by score", "share that is spam");
	rnm_buf_puts(out, "<polyline class=\"curve\" points=\"");
	for (size_t i = 0; i < RNM_CALIBRATION_BINS; i++) {
		const struct rnm_calibration_bin *bin = &eval->calibration.bins[i];

		if (bin->count > 0)
			rnm_buf_printf(out, "%.1f,%.1f ", place_x(&square, bin->predicted),
			               place_y(&square, bin->observed));
	}
	rnm_buf_puts(out, "\"/>\n");
	for (size_t i = 0; i < RNM_CALIBRATION_BINS; i++) {
		const struct rnm_calibration_bin *bin = &eval->calibration.bins[i];

		if (bin->count > 0)
			rnm_buf_printf(out,
			               "<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%llu "
			               "vectors</title></circle>\n",
			               place_x(&square, bin->predicted), place_y(&square, bin->observed),
			               (unsigned long long)bin->count);
	}
	rnm_buf_puts(out, "</svg>\n");
}
