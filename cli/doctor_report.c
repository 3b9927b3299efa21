/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_report.h"
#include "output.h"

#include <string.h>

/* Findings of one id that are printed one by one; JSON holds all of them. */
#define SHOWN_MAX 10

void doctor_count(struct doctor_counts *counts, const struct rnm_health_report *report)
{
	*counts = (struct doctor_counts){ .repaired = 0 };
	/* Those that were not kept are of the kinds that come in masses. */
	counts->levels[RNM_HEALTH_WARNING] = report->left_out;
	counts->fixable = report->left_out;
	for (size_t i = 0; i < report->count; i++) {
		const struct rnm_health_finding *finding = &report->findings[i];

		if (finding->state == RNM_HEALTH_REPAIRED || finding->state == RNM_HEALTH_GONE) {
			counts->repaired += finding->state == RNM_HEALTH_REPAIRED;
			continue;
		}
		counts->levels[finding->level]++;
		counts->failed += finding->state == RNM_HEALTH_FAILED;
		counts->fixable += finding->remedy != RNM_REMEDY_NONE;
	}
}

/* ---- text ---- */

enum color health_color(enum rnm_health level)
{
	switch (level) {
	case RNM_HEALTH_PROBLEM:
		return COLOR_RED;
	case RNM_HEALTH_WARNING:
		return COLOR_YELLOW;
	case RNM_HEALTH_NOTE:
		break;
	}
	return COLOR_DIM;
}

static void put(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_ALL);
}

static void put_place(struct rnm_buf *out, const struct rnm_health_finding *finding)
{
	if (finding->key != NULL) {
		rnm_buf_putc(out, ' ');
		output_name(out, finding->key);
	}
	if (finding->line > 0)
		rnm_buf_printf(out, ":%u", finding->line);
	if (finding->rule != NULL) {
		rnm_buf_puts(out, " (rule ");
		output_name(out, finding->rule);
		if (finding->settings != NULL) {
			rnm_buf_puts(out, ", settings ");
			output_name(out, finding->settings);
		}
		rnm_buf_putc(out, ')');
	}
}

static void put_remedy(struct rnm_buf *out, const struct rnm_health_finding *finding,
                       const struct doctor_run *run)
{
	static const char *const words[] = { [RNM_HEALTH_OPEN] = "",
		                             [RNM_HEALTH_REPAIRED] = "done: ",
		                             [RNM_HEALTH_GONE] = "nothing to do: ",
		                             [RNM_HEALTH_FAILED] = "failed: " };

	rnm_buf_puts(out, "    ");
	if (finding->state != RNM_HEALTH_OPEN) {
		rnm_buf_puts(out, words[finding->state]);
		put(out, finding->outcome != NULL ? finding->outcome : "");
	} else {
		if (finding->remedy != RNM_REMEDY_NONE)
			rnm_buf_puts(out, run->fix ? "--fix would do: " : "--fix: ");
		put(out, finding->advice);
	}
	rnm_buf_putc(out, '\n');
}

static void put_finding(struct rnm_buf *out, const struct rnm_health_finding *finding,
                        const struct doctor_run *run)
{
	rnm_buf_printf(out, "%s%s%s %s", output_color(health_color(finding->level)),
	               rnm_health_name(finding->level), output_color(COLOR_NONE), finding->id);
	put_place(out, finding);
	rnm_buf_puts(out, "\n    ");
	put(out, finding->text);
	if (finding->has_bytes) {
		rnm_buf_puts(out, "; ");
		output_size(out, finding->bytes);
	}
	rnm_buf_putc(out, '\n');
	put_remedy(out, finding, run);
}

/* What could not be done is always shown: the exit code asks for it. */
static bool is_shown(const struct rnm_health_finding *finding, size_t before)
{
	return before < SHOWN_MAX || finding->state == RNM_HEALTH_FAILED;
}

/* The findings of one id, beginning with the first of them. */
static void put_kind(struct rnm_buf *out, const struct doctor_run *run, size_t first)
{
	const struct rnm_health_report *report = run->report;
	uint64_t bytes = 0;
	size_t count = 0, hidden = 0;

	for (size_t i = first; i < report->count; i++) {
		const struct rnm_health_finding *finding = &report->findings[i];

		if (strcmp(finding->id, report->findings[first].id) != 0)
			continue;
		if (is_shown(finding, count++)) {
			put_finding(out, finding, run);
			continue;
		}
		hidden++;
		bytes += finding->bytes;
	}
	if (hidden == 0)
		return;
	rnm_buf_printf(out, "    and %zu more of %s", hidden, report->findings[first].id);
	if (bytes > 0) {
		rnm_buf_puts(out, " with ");
		output_size(out, bytes);
	}
	rnm_buf_puts(out, "; --json names them\n");
}

static bool is_first_of_kind(const struct rnm_health_report *report, size_t index)
{
	/* Masses come together, which keeps this from being slow. */
	if (index > 0 && strcmp(report->findings[index - 1].id, report->findings[index].id) == 0)
		return false;
	for (size_t i = 0; i < index; i++)
		if (strcmp(report->findings[i].id, report->findings[index].id) == 0)
			return false;
	return true;
}

static void put_count(struct rnm_buf *out, size_t count, const char *what, const char *end)
{
	rnm_buf_printf(out, "%zu %s%s%s", count, what, count == 1 ? "" : "s", end);
}

static void put_summary(struct rnm_buf *out, const struct doctor_run *run)
{
	const struct rnm_health_report *report = run->report;
	struct doctor_counts counts;

	doctor_count(&counts, report);
	put_count(out, report->models, "model", " in ");
	put_count(out, report->lists, "list", " among ");
	put_count(out, (size_t)report->keys, "key", ": ");
	if (counts.repaired > 0)
		rnm_buf_printf(out, "%zu repaired, ", counts.repaired);
	if (counts.failed > 0)
		rnm_buf_printf(out, "%zu not to be repaired, ", counts.failed);
	put_count(out, counts.levels[RNM_HEALTH_PROBLEM], "problem", ", ");
	put_count(out, counts.levels[RNM_HEALTH_WARNING], "warning", ", ");
	put_count(out, counts.levels[RNM_HEALTH_NOTE], "note", counts.repaired > 0 ? " left\n" : "\n");
	if (!run->fix && counts.fixable > 0)
		rnm_buf_printf(out, "rnm doctor --fix repairs %zu of them\n", counts.fixable);
	if (run->fix && !run->dry_run && report->left_out > 0)
		rnm_buf_printf(out, "%zu more did not fit into this run: run it again\n", report->left_out);
}

void doctor_text(struct rnm_buf *out, const struct doctor_run *run)
{
	for (int level = RNM_HEALTH_PROBLEM; level >= RNM_HEALTH_NOTE; level--)
		for (size_t i = 0; i < run->report->count; i++)
			if ((int)run->report->findings[i].level == level && is_first_of_kind(run->report, i))
				put_kind(out, run, i);
	put_summary(out, run);
}

/* ---- JSON ---- */

static void json_finding(struct rnm_json *json, const struct rnm_health_finding *finding)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "id", finding->id);
	rnm_json_kv_string(json, "level", rnm_health_name(finding->level));
	rnm_json_kv_string(json, "rule", finding->rule);
	rnm_json_kv_string(json, "settings", finding->settings);
	rnm_json_kv_string(json, "key", finding->key);
	output_json_count(json, "line", finding->line);
	if (finding->has_bytes)
		rnm_json_kv_uint(json, "bytes", finding->bytes);
	else
		rnm_json_kv_null(json, "bytes");
	rnm_json_kv_string(json, "text", finding->text);
	rnm_json_kv_string(json, "remedy", rnm_remedy_name(finding->remedy));
	rnm_json_kv_string(json, "advice", finding->advice);
	rnm_json_kv_string(json, "state", rnm_health_state_name(finding->state));
	rnm_json_kv_string(json, "outcome", finding->outcome);
	rnm_json_end_object(json);
}

void doctor_json(struct rnm_json *json, const struct doctor_run *run)
{
	const struct rnm_health_report *report = run->report;
	struct doctor_counts counts;

	doctor_count(&counts, report);
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "server", run->server);
	rnm_json_kv_bool(json, "fix", run->fix);
	rnm_json_kv_bool(json, "dry_run", run->dry_run);
	rnm_json_kv_uint(json, "keys", report->keys);
	rnm_json_kv_uint(json, "lists", report->lists);
	rnm_json_kv_uint(json, "models", report->models);
	rnm_json_kv_uint(json, "problems", counts.levels[RNM_HEALTH_PROBLEM]);
	rnm_json_kv_uint(json, "warnings", counts.levels[RNM_HEALTH_WARNING]);
	rnm_json_kv_uint(json, "notes", counts.levels[RNM_HEALTH_NOTE]);
	rnm_json_kv_uint(json, "repaired", counts.repaired);
	rnm_json_kv_uint(json, "failed", counts.failed);
	rnm_json_kv_uint(json, "left_out", report->left_out);
	rnm_json_key(json, "findings");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < report->count; i++)
		json_finding(json, &report->findings[i]);
	rnm_json_end_array(json);
	rnm_json_end_object(json);
}
