/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page.  It must be read on a phone at night and by a screen reader: no scripts, nothing fetched, one
 * column where there is no room, states in words and not only in colours.
 */
#include "share/serve_page.h"

#include "base/clock.h"
#include "share/serve_model.h"
#include "share/serve_page_html.h"

#include <inttypes.h>
#include <rnm/rnm.h>
#include <stdio.h>
#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--ground:#fcfcfa;--ink:#1c1c1a;--quiet:#5c5c56;--line:#d8d8d0;--card:#fff;"
    "--good:#1f6f3a;--bad:#a33a12;--link:#1a5a9c}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#161614;--ink:#e8e8e2;--quiet:#a4a49a;--line:#3a3a34;"
    "--card:#1f1f1c;--good:#7cc894;--bad:#f0a080;--link:#8cbcf0}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}main{max-width:70rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem}"
    "h3{font-size:1.05rem;margin:0 0 .5rem}a{color:var(--link)}.quiet{color:var(--quiet)}\n"
    ".good{color:var(--good)}.bad{color:var(--bad);font-weight:600}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.92em}code{overflow-wrap:anywhere}\n"
    "pre{overflow-x:auto;padding:.75rem;border:1px solid var(--line);border-radius:.4rem}\n"
    ".model{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem "
    "0}\n"
    "dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.15rem 1rem;margin:.5rem 0}"
    "dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}\n"
    "summary{cursor:pointer;padding:.3rem 0;color:var(--link)}nav>*{display:inline-block;margin-right:1rem}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}caption{text-align:left;color:var(--"
    "quiet)}\n"
    "th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid "
    "var(--line);vertical-align:top}"
    "td.number,th.number{text-align:right}\n"
    ":focus-visible{outline:3px solid var(--link);outline-offset:2px}\n"
    "@media(max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}"
    "table,tbody,tr,td{display:block}thead{position:absolute;left:-999rem}tr{border-bottom:1px solid "
    "var(--line);"
    "padding:.5rem 0}td,td.number{border:0;padding:0;text-align:left}"
    "td:empty{display:none}td::before{content:attr(data-label) \": \";color:var(--quiet);font-weight:400}}\n";

static void put_size(struct rnm_buf *out, uint64_t size)
{
	if (size < 10240)
		rnm_buf_printf(out, "%" PRIu64 " bytes", size);
	else if (size < (uint64_t)10 << 20)
		rnm_buf_printf(out, "%.1f KiB", (double)size / 1024);
	else
		rnm_buf_printf(out, "%.1f MiB", (double)size / 1048576);
}

/* "5 minutes", "3 hours": as exact as one looks at it. */
static void put_span(struct rnm_buf *out, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;
	int64_t count;

	if (seconds < 0)
		seconds = 0;
	while (i < 3 && seconds < 2 * units[i].seconds)
		i++;
	count = seconds / units[i].seconds;
	rnm_buf_printf(out, "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

/* Where the time of day begins in what rnm_utc_write writes. */
#define CLOCK_AT strlen("2026-11-23T")

static void put_time(struct rnm_buf *out, const struct rnm_page *page, int64_t time)
{
	char utc[RNM_UTC_SIZE];

	if (rnm_utc_write(utc, (double)time))
		rnm_buf_printf(out, "<time datetime=\"%s\" title=\"%.10s %.5s UTC\">", utc, utc,
		               utc + CLOCK_AT);
	else
		rnm_buf_puts(out, "<time>");
	put_span(out, page->now - time);
	rnm_buf_puts(out, " ago</time>");
}

void rnm_page_moment(struct rnm_buf *out, int64_t time)
{
	char utc[RNM_UTC_SIZE];

	if (rnm_utc_write(utc, (double)time))
		rnm_buf_printf(out, "<time datetime=\"%s\">%.10s %.5s UTC</time>", utc, utc, utc + CLOCK_AT);
	else
		rnm_buf_puts(out, "at no time");
}

void rnm_page_date(struct rnm_buf *out, const struct rnm_page *page, int64_t time)
{
	char utc[RNM_UTC_SIZE];

	if (rnm_utc_write(utc, (double)time))
		rnm_buf_printf(out, "%.10s %.5s UTC, ", utc, utc + CLOCK_AT);
	put_time(out, page, time);
}

const char *rnm_page_name(const struct rnm_served *file)
{
	return file->name + strlen(RNM_SERVED_MODELS);
}

/* ---- models -------------------------------------------------------------------------------------- */

void rnm_page_row(struct rnm_buf *out, const char *title)
{
	rnm_buf_printf(out, "<dt>%s</dt><dd>", title);
}

static void put_identity(struct rnm_buf *out, const struct rnm_page *page, const struct rnm_served *file)
{
	const struct rnm_served_model *model = file->model;

	if (model != NULL && model->rule != NULL) {
		rnm_page_row(out, "Rule");
		rnm_buf_html(out, model->rule);
		if (model->settings != NULL) {
			rnm_buf_puts(out, ", settings ");
			rnm_buf_html(out, model->settings);
		}
		rnm_buf_puts(out, "</dd>\n");
	}
	if (model != NULL) {
		rnm_page_row(out, "Digest");
		rnm_buf_puts(out, "<code>");
		rnm_buf_html(out, model->digest);
		rnm_buf_printf(out, "</code>%s</dd>\n",
		               model->digest[0] == '\0' || strcmp(model->digest, rnm_page_name(file)) == 0
		                   ? ""
		                   : " <span class=\"bad\">not the name that it is offered under</span>");
		rnm_page_row(out, "Version");
		rnm_buf_printf(out, "%.17g</dd>\n", model->version);
		rnm_page_row(out, "Architecture");
		rnm_buf_html(out, model->architecture);
		rnm_buf_puts(out, "</dd>\n");
	}
	if (model != NULL && model->has_created) {
		rnm_page_row(out, "Made");
		rnm_page_date(out, page, model->created);
		rnm_buf_puts(out, "</dd>\n");
	}
}

static void put_clients_of(struct rnm_buf *out, const struct rnm_page *page, const char *name)
{
	size_t counts[RNM_STANDING_UNKNOWN + 1] = { 0 }, all = 0, told = 0;

	for (size_t i = 0; i < page->fleet->count; i++) {
		if (strcmp(page->fleet->clients[i].name, name) != 0)
			continue;
		counts[rnm_page_standing(page, &page->fleet->clients[i])]++;
		all++;
	}
	rnm_page_row(out, "Clients");
	rnm_buf_puts(out, all == 0 ? "none yet" : "");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i] > 0) {
			rnm_buf_printf(out, "%s%zu %s", told > 0 ? ", " : "", counts[i],
			               rnm_standing_name((enum rnm_standing)i));
			told++;
		}
	rnm_buf_puts(out, "</dd>\n");
}

/* What is pasted must not depend on what somebody has called a rule. */
static bool is_plain_key(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return text != NULL && text[0] != '\0' && text[0] != '-' && text[strspn(text, letters)] == '\0';
}

/* rspamd puts the digest of its own rule behind base_url; any other name has to be spelt out. */
static void put_configuration(struct rnm_buf *out, const struct rnm_served *file)
{
	const struct rnm_served_model *model = file->model;
	const bool by_digest = model != NULL && strcmp(model->digest, rnm_page_name(file)) == 0;

	rnm_buf_puts(out,
	             "<details><summary>Configuration for rspamd</summary>\n"
	             "<p>In <code>local.d/neural.conf</code>; HOST is where clients reach this server.</p>\n"
	             "<pre tabindex=\"0\">rules {\n  ");
	rnm_buf_html(out, model != NULL && is_plain_key(model->rule) ? model->rule : "RULE");
	rnm_buf_puts(out, " {\n    external_model {\n      ");
	if (by_digest) {
		rnm_buf_puts(out, "base_url = \"http://HOST/models\";\n");
	} else {
		rnm_buf_puts(out, "url = \"http://HOST");
		rnm_buf_html(out, file->name);
		rnm_buf_puts(out, "\";\n");
	}
	rnm_buf_puts(out, "      merge_alpha = 1.0;\n    }\n  }\n}</pre>\n</details>\n");
}

static void put_model(struct rnm_buf *out, const struct rnm_page *page, const struct rnm_served *file)
{
	const char *name = rnm_page_name(file);
	const char *signature = rnm_page_signature(page, file);

	rnm_buf_puts(out, "<article class=\"model\">\n<h3>");
	if (file->model != NULL && file->model->rule != NULL) {
		rnm_buf_html(out, file->model->rule);
		rnm_buf_putc(out, ' ');
	}
	rnm_buf_puts(out, "<code>");
	rnm_buf_html(out, name);
	rnm_buf_puts(out, "</code></h3>\n");
	if (file->kept)
		rnm_buf_puts(
		    out, "<p class=\"bad\">No longer in the tree, or replaced by what is no model: the last "
			 "good file is offered. SIGHUP takes it away.</p>\n");
	rnm_buf_puts(out, "<dl>\n");
	put_identity(out, page, file);
	rnm_page_row(out, page->from_redis ? "Exported" : "Published");
	rnm_page_date(out, page, file->modified);
	rnm_buf_puts(out, "</dd>\n");
	rnm_page_row(out, "Size");
	put_size(out, file->size);
	rnm_buf_printf(out, "</dd>\n<dt>Hash</dt><dd><code>%.64s</code></dd>\n", file->etag + 1);
	rnm_page_row(out, "Signature");
	rnm_buf_printf(out, "<span class=\"%s\">%s</span></dd>\n",
	               strncmp(signature, "signed", 6) == 0 ? "good" : "quiet", signature);
	rnm_page_evaluation(out, page, file);
	put_clients_of(out, page, name);
	rnm_buf_puts(out, "</dl>\n<p><a href=\"");
	rnm_buf_html(out, file->name);
	rnm_buf_puts(out, "\" download>Download</a></p>\n");
	put_configuration(out, file);
	rnm_page_history(out, page, file);
	rnm_buf_puts(out, "</article>\n");
}

static void put_models(struct rnm_buf *out, const struct rnm_page *page)
{
	size_t count = 0;

	rnm_buf_puts(out, "<section aria-labelledby=\"models\">\n<h2 id=\"models\">Models</h2>\n");
	rnm_page_problem(out, page);
	for (size_t i = 0; i < page->table->count && count < RNM_PAGE_ROWS_MAX; i++) {
		if (!rnm_served_is_alias(page->table->items[i]->name))
			continue;
		put_model(out, page, page->table->items[i]);
		count++;
	}
	if (count == 0)
		rnm_buf_puts(out, "<p>There is none yet.</p>\n");
	rnm_buf_puts(out, "</section>\n");
}

/* ---- the fleet ----------------------------------------------------------------------------------- */

void rnm_page_cell(struct rnm_buf *out, const char *label, const char *class)
{
	rnm_buf_printf(out, "<td data-label=\"%s\"%s%s%s>", label, class[0] != '\0' ? " class=\"" : "", class,
	               class[0] != '\0' ? "\"" : "");
}

static void put_client(struct rnm_buf *out, const struct rnm_page *page,
                       const struct rnm_fleet_client *client)
{
	const enum rnm_standing standing = rnm_page_standing(page, client);
	const struct rnm_fleet_offered *offered =
	    rnm_fleet_find_offer(page->fleet, client->name, client->held);

	rnm_buf_puts(out, "<tr>");
	rnm_page_cell(out, "Client", "");
	rnm_buf_html(out, client->client);
	rnm_buf_puts(out, "</td>");
	rnm_page_cell(out, "Model", "");
	rnm_buf_puts(out, "<code>");
	rnm_buf_html(out, client->name);
	rnm_buf_puts(out, "</code></td>");
	rnm_page_cell(out, "Holds", "");
	if (offered != NULL)
		rnm_buf_printf(out, "version %.17g", offered->version);
	else
		rnm_buf_puts(out,
		             client->held[0] == '\0' ? "nothing that it told of" : "a model from before");
	rnm_buf_puts(out, "</td>");
	rnm_page_cell(out, "State",
	              standing == RNM_STANDING_CURRENT   ? "good"
	              : standing == RNM_STANDING_UNKNOWN ? ""
	                                                 : "bad");
	rnm_buf_printf(out, "%s</td>", rnm_standing_name(standing));
	rnm_page_cell(out, "Last asked", "");
	put_time(out, page, client->last);
	rnm_buf_puts(out, "</td>");
	rnm_page_cell(out, "Requests", "number");
	rnm_buf_printf(out, "%" PRIu64 "</td>", client->requests);
	rnm_page_cell(out, "Program", "");
	rnm_buf_html(out, client->agent);
	rnm_buf_puts(out, "</td></tr>\n");
}

static bool is_shown(const struct rnm_page *page, const struct rnm_fleet_client *client)
{
	return !page->only_behind || rnm_page_standing(page, client) != RNM_STANDING_CURRENT;
}

static void put_fleet(struct rnm_buf *out, const struct rnm_page *page)
{
	size_t shown = 0, all = 0;

	rnm_buf_puts(out, "<section aria-labelledby=\"fleet\">\n<h2 id=\"fleet\">Clients</h2>\n<nav "
	                  "aria-label=\"Which clients\">");
	rnm_buf_puts(out,
	             page->only_behind
	                 ? "<a href=\"/#fleet\">All</a><strong>Only those that are not current</strong>"
	                 : "<strong>All</strong> <a href=\"/?show=behind#fleet\">Only those that are not "
	                   "current</a>");
	rnm_buf_puts(out,
	             "</nav>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Client</th>"
	             "<th scope=\"col\">Model</th><th scope=\"col\">Holds</th><th scope=\"col\">State</th>"
	             "<th scope=\"col\">Last asked</th><th scope=\"col\" class=\"number\">Requests</th>"
	             "<th scope=\"col\">Program</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < page->fleet->count; i++) {
		if (!is_shown(page, &page->fleet->clients[i]))
			continue;
		all++;
		if (shown == RNM_PAGE_ROWS_MAX)
			continue;
		put_client(out, page, &page->fleet->clients[i]);
		shown++;
	}
	rnm_buf_puts(out, "</tbody></table></div>\n");
	if (all == 0)
		rnm_buf_puts(out, page->only_behind ? "<p>All are current.</p>\n"
		                                    : "<p>Nobody has asked yet.</p>\n");
	if (all > shown)
		rnm_buf_printf(out,
		               "<p>The first %zu of %zu; <a href=\"/status.json\">status.json</a> has all of "
		               "them.</p>\n",
		               shown, all);
	if (page->fleet->forgotten > 0)
		rnm_buf_printf(out,
		               "<p class=\"bad\">%" PRIu64
		               " requests of further clients were not counted.</p>\n",
		               page->fleet->forgotten);
	rnm_buf_puts(out, "</section>\n");
}

static void put_missing(struct rnm_buf *out, const struct rnm_page *page)
{
	if (page->fleet->missing_count == 0)
		return;
	rnm_buf_puts(
	    out, "<section aria-labelledby=\"missing\">\n<h2 id=\"missing\">Asked for, and not there</h2>\n"
		 "<p>Names that clients want: digests of rules for which no model is published.</p>\n"
		 "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Name</th>"
		 "<th scope=\"col\" class=\"number\">Requests</th><th scope=\"col\">Last asked</th>"
		 "<th scope=\"col\">By</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < page->fleet->missing_count; i++) {
		const struct rnm_fleet_missing *missing = &page->fleet->missing[i];

		rnm_buf_puts(out, "<tr>");
		rnm_page_cell(out, "Name", "");
		rnm_buf_puts(out, "<code>");
		rnm_buf_html(out, missing->name);
		rnm_buf_puts(out, "</code></td>");
		rnm_page_cell(out, "Requests", "number");
		rnm_buf_printf(out, "%" PRIu64 "</td>", missing->requests);
		rnm_page_cell(out, "Last asked", "");
		put_time(out, page, missing->last);
		rnm_buf_puts(out, "</td>");
		rnm_page_cell(out, "By", "");
		rnm_buf_html(out, missing->client);
		rnm_buf_puts(out, "</td></tr>\n");
	}
	rnm_buf_puts(out, "</tbody></table></div>\n</section>\n");
}

void rnm_page_html(struct rnm_buf *out, const struct rnm_page *page)
{
	rnm_buf_printf(out,
	               "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	               "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	               "<title>Models served by rnm</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n"
	               "<h1>Models for rspamd</h1>\n<p class=\"quiet\">rnm %s, up for ",
	               style, rnm_version());
	put_span(out, page->now - page->started);
	rnm_buf_printf(out, ", %" PRIu64 " requests. Clients check every ", page->requests);
	put_span(out, (int64_t)page->interval);
	rnm_buf_puts(out,
	             " or so.</p>\n<nav aria-label=\"Parts of the page\"><a href=\"#fleet\">Clients</a>");
	if (page->fleet->missing_count > 0)
		rnm_buf_puts(out, "<a href=\"#missing\">Not there</a>");
	rnm_buf_puts(out, "<a href=\"/status.json\">status.json</a><a href=\"/metrics\">metrics</a></nav>\n");
	put_models(out, page);
	put_fleet(out, page);
	put_missing(out, page);
	rnm_buf_puts(out, "</main>\n</body>\n</html>\n");
}
