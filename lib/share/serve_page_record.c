/* SPDX-License-Identifier: Apache-2.0 */
/* How well a model does, and what became of its name. */
#include "share/model_evaluation.h"
#include "share/serve_page_html.h"
#include "share/serve_record.h"

#include <inttypes.h>
#include <string.h>

/* ---- evaluations ---- */

static void put_source(struct rnm_buf *out, const char *source)
{
	if (source == NULL)
		return;
	rnm_buf_puts(out, " (");
	rnm_buf_html(out, source);
	rnm_buf_putc(out, ')');
}

static void put_share(struct rnm_buf *out, uint64_t part, uint64_t whole)
{
	rnm_buf_printf(out, "%" PRIu64 " of %" PRIu64 " (%.3g %%)", part, whole,
	               100 * (double)part / (double)whole);
}

void rnm_page_evaluation(struct rnm_buf *out, const struct rnm_page *page, const struct rnm_served *file)
{
	const struct rnm_model_evaluation *evaluation =
	    rnm_served_record_evaluation(page->table->record, file);
	const struct rnm_confusion *confusion;
	uint64_t spam, ham;

	if (evaluation == NULL)
		return;
	confusion = &evaluation->confusion;
	spam = rnm_confusion_spam(confusion);
	ham = rnm_confusion_ham(confusion);
	rnm_page_row(out, "Evaluation");
	rnm_buf_printf(out, "area under the ROC curve %.4f, on %" PRIu64 " spam", evaluation->auc, spam);
	put_source(out, evaluation->spam_source);
	rnm_buf_printf(out, " and %" PRIu64 " ham", ham);
	put_source(out, evaluation->ham_source);
	if (evaluation->spam_source == NULL)
		rnm_buf_puts(out, " of rspamd's training sets, which flatter it");
	rnm_buf_puts(out, "<br>\nham that it calls spam: ");
	put_share(out, confusion->ham_as_spam, ham);
	rnm_buf_puts(out, "<br>\nspam that it does not call spam: ");
	put_share(out, spam - confusion->spam_as_spam, spam);
	if (confusion->spam_as_ham > 0)
		rnm_buf_printf(out, ", %" PRIu64 " of it called ham", confusion->spam_as_ham);
	rnm_buf_printf(out, "<br>\nwith the thresholds %g for spam and %g for ham, measured ",
	               evaluation->spam_threshold, evaluation->ham_threshold);
	rnm_page_date(out, page, evaluation->time);
	rnm_buf_puts(out, "</dd>\n");
}

/* ---- history ---- */

void rnm_page_problem(struct rnm_buf *out, const struct rnm_page *page)
{
	const char *problem = rnm_served_record_problem(page->table->record);

	if (problem[0] == '\0')
		return;
	rnm_buf_puts(out,
	             "<p class=\"bad\">The history of this tree cannot be relied on, and is not shown: ");
	rnm_buf_html(out, problem);
	rnm_buf_puts(out, ".</p>\n");
}

static void put_event_name(struct rnm_buf *out, const struct rnm_served_event *event)
{
	switch (event->kind) {
	case RNM_ENTRY_PUBLISH:
		rnm_buf_puts(out, "published");
		break;
	case RNM_ENTRY_ROLLBACK:
		rnm_buf_puts(out, "rolled back to ");
		if (event->from_version > 0)
			rnm_buf_printf(out, "version %" PRIu64, event->from_version);
		else
			rnm_buf_printf(out, "<code>%.16s</code>", event->from);
		break;
	case RNM_ENTRY_RENEW:
		rnm_buf_puts(out, event->key != NULL ? "signed again" : "evaluated");
		if (event->times > 1)
			rnm_buf_printf(out, ", %zu times until then", event->times);
		break;
	case RNM_ENTRY_DROP:
		rnm_buf_puts(out, "no longer kept");
		break;
	}
}

static void put_event(struct rnm_buf *out, const struct rnm_served_event *event)
{
	const bool is_drop = event->kind == RNM_ENTRY_DROP;

	rnm_buf_puts(out, "<tr>");
	rnm_page_cell(out, "When", "");
	rnm_page_moment(out, event->time);
	rnm_buf_puts(out, "</td>");
	rnm_page_cell(out, "What", "");
	put_event_name(out, event);
	rnm_buf_puts(out, "</td>");
	rnm_page_cell(out, "Version", "number");
	if (event->version > 0)
		rnm_buf_printf(out, "%" PRIu64 "</td>", event->version);
	else
		rnm_buf_printf(out, "<code>%.16s</code></td>", event->blake2b);
	rnm_page_cell(out, "AUC", "number");
	if (event->evaluation != NULL)
		rnm_buf_printf(out, "%.4f</td>", event->evaluation->auc);
	else
		rnm_buf_puts(out, is_drop ? "</td>" : "none</td>");
	rnm_page_cell(out, "Signed with", "");
	if (event->key != NULL) {
		rnm_buf_puts(out, "<code>");
		rnm_buf_html(out, event->key);
		rnm_buf_puts(out, "</code></td></tr>\n");
	} else {
		rnm_buf_puts(out, is_drop ? "</td></tr>\n" : "not signed</td></tr>\n");
	}
}

static void put_left_out(struct rnm_buf *out, const struct rnm_page *page, size_t left_out)
{
	if (left_out > 0 && rnm_served_record_is_cut(page->table->record))
		rnm_buf_printf(out, "<p>%zu or more older ones are left out.", left_out);
	else if (left_out > 0)
		rnm_buf_printf(out, "<p>%zu older %s left out.", left_out,
		               left_out == 1 ? "one is" : "ones are");
	else if (rnm_served_record_is_cut(page->table->record))
		rnm_buf_puts(out, "<p>Older ones may be left out.");
	else
		rnm_buf_puts(out, "<p>That is all of it.");
	rnm_buf_puts(out, " <a href=\"/history.jsonl\">history.jsonl</a> has every line.</p>\n");
}

static void put_events(struct rnm_buf *out, const struct rnm_page *page, const char *name)
{
	const struct rnm_served_event *events;
	const size_t count = rnm_served_record_events(page->table->record, name, &events);
	const size_t shown = count < RNM_SERVED_EVENTS_MAX ? count : RNM_SERVED_EVENTS_MAX;

	rnm_buf_puts(out, "<details><summary>History</summary>\n");
	if (count > 0) {
		rnm_buf_puts(
		    out, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">When</th>"
			 "<th scope=\"col\">What</th><th scope=\"col\" class=\"number\">Version</th>"
			 "<th scope=\"col\" class=\"number\">AUC</th><th scope=\"col\">Signed with</th></tr>"
			 "</thead>\n<tbody>\n");
		for (size_t i = 0; i < shown; i++)
			put_event(out, &events[i]);
		rnm_buf_puts(out, "</tbody></table></div>\n");
	} else {
		rnm_buf_puts(out, "<p>The history does not know this name.</p>\n");
	}
	put_left_out(out, page, count - shown);
	rnm_buf_puts(out, "</details>\n");
}

static void put_offered(struct rnm_buf *out, const struct rnm_page *page, const char *name)
{
	rnm_buf_puts(out, "<details><summary>History since the server started</summary>\n<ul>\n");
	for (size_t i = page->fleet->offered_count; i > 0; i--) {
		const struct rnm_fleet_offered *offered = &page->fleet->offered[i - 1];

		if (strcmp(offered->name, name) != 0)
			continue;
		rnm_buf_printf(out, "<li>version %.17g, <code>%.16s</code>, published ", offered->version,
		               offered->etag + 1);
		rnm_page_date(out, page, offered->modified);
		rnm_buf_puts(out, "</li>\n");
	}
	rnm_buf_puts(out, "</ul>\n");
	if (!page->from_redis)
		rnm_buf_puts(
		    out, rnm_served_record_problem(page->table->record)[0] != '\0'
			     ? "<p><a href=\"/history.jsonl\">history.jsonl</a> cannot be relied on.</p>\n"
			     : "<p>The tree has no history.jsonl, which would tell more.</p>\n");
	rnm_buf_puts(out, "</details>\n");
}

void rnm_page_history(struct rnm_buf *out, const struct rnm_page *page, const struct rnm_served *file)
{
	if (rnm_served_record_has_history(page->table->record))
		put_events(out, page, rnm_page_name(file));
	else
		put_offered(out, page, rnm_page_name(file));
}
