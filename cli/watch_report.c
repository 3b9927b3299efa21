/* SPDX-License-Identifier: Apache-2.0 */
#include "model_version.h"
#include "output.h"
#include "watch.h"

#include <math.h>
#include <rnm/json.h>
#include <time.h>

static bool dry_run(const struct watch_run *run)
{
	return option_given(run->options, OPTION_DRY_RUN);
}

/* ---- text ---- */

static void put_model(struct rnm_buf *out, const struct watch_run *run, const struct rnm_rule *rule,
                      const struct rnm_watch_report *report)
{
	char version[NUMBER_TEXT_MAX];

	rnm_buf_printf(out, "version %s of the rule ", number_text(report->version, version));
	output_name(out, rule->name);
	rnm_buf_puts(out, " as ");
	output_name(out, report->name);
	rnm_buf_puts(out, " in ");
	output_name(out, run->to);
}

static void put_measures(struct rnm_buf *out, const struct rnm_watch_report *report)
{
	if (report->has_auc)
		rnm_buf_printf(out, "  area under the ROC curve %.4f, on %llu spam and %llu ham\n",
		               report->auc, (unsigned long long)report->spam,
		               (unsigned long long)report->ham);
	if (report->has_drift)
		rnm_buf_printf(out, "  drift %.4f from version %llu\n", report->drift,
		               (unsigned long long)report->previous_version);
}

static void put_published(struct rnm_buf *out, const struct watch_run *run, const struct rnm_rule *rule,
                          const struct rnm_watch_report *report)
{
	rnm_buf_puts(out, dry_run(run) ? "would publish: " : "published: ");
	put_model(out, run, rule, report);
	rnm_buf_puts(out, ", ");
	output_size(out, report->size);
	if (report->previous_version > 0)
		rnm_buf_printf(out, ", after version %llu", (unsigned long long)report->previous_version);
	rnm_buf_putc(out, '\n');
	put_measures(out, report);
}

/* ---- JSON ---- */

static void json_number(struct rnm_json *json, const char *key, bool is_known, double number)
{
	if (is_known && !isnan(number))
		rnm_json_kv_double(json, key, number);
	else
		rnm_json_kv_null(json, key);
}

static void json_reason(struct rnm_json *json, const struct rnm_error *why)
{
	const bool there = why != NULL && why->message[0] != '\0';

	rnm_json_kv_string(json, "problem", there ? why->message : NULL);
	rnm_json_kv_string(json, "id", there ? why->id : NULL);
	rnm_json_kv_string(json, "hint", there && why->hint[0] != '\0' ? why->hint : NULL);
}

static void json_measures(struct rnm_json *json, const struct rnm_watch_report *report)
{
	json_number(json, "auc", report->has_auc, report->auc);
	json_number(json, "drift", report->has_drift, report->drift);
	rnm_json_kv_uint(json, "spam", report->spam);
	rnm_json_kv_uint(json, "ham", report->ham);
	rnm_json_kv_string(json, "relation",
	                   report->has_relation ? rnm_model_relation_name(report->relation) : NULL);
	rnm_json_kv_string(json, "start", report->has_relation ? rnm_model_start_name(report->start) : NULL);
	json_number(json, "weight_cosine", report->has_relation, report->weight_cosine);
}

static enum rnm_status status_of(const struct rnm_watch_report *report, const struct rnm_error *err)
{
	if (err != NULL)
		return err->status;
	if (report->state == RNM_WATCH_HELD)
		return RNM_E_REFUSED;
	return report->state == RNM_WATCH_EMPTY || report->state == RNM_WATCH_WAITING ? RNM_E_NOT_FOUND
	                                                                              : RNM_OK;
}

static void json_event(struct rnm_json *json, const struct watch_run *run, const struct rnm_rule *rule,
                       const struct rnm_watch_report *report, const struct rnm_error *err)
{
	const bool published = err == NULL && report->state == RNM_WATCH_PUBLISHED;

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "event", err != NULL ? "failed" : rnm_watch_state_name(report->state));
	rnm_json_kv_string(json, "status", rnm_status_name(status_of(report, err)));
	rnm_json_kv_int(json, "time", (int64_t)time(NULL));
	rnm_json_kv_string(json, "rule", rule != NULL ? rule->name : NULL);
	rnm_json_kv_string(json, "settings", run->settings);
	rnm_json_kv_string(json, "to", run->to);
	rnm_json_kv_bool(json, "dry_run", dry_run(run));
	rnm_json_kv_string(json, "gate", err == NULL ? rnm_watch_gate_name(report->gate) : NULL);
	json_reason(json, err != NULL ? err : &report->why);
	if (err == NULL) {
		rnm_json_kv_string(json, "name", report->name);
		if (report->version > 0)
			number_json(json, "model_version", report->version);
		else
			rnm_json_kv_null(json, "model_version");
		output_json_count(json, "published_version", report->published_version);
		output_json_count(json, "previous_version", report->previous_version);
		json_measures(json, report);
		rnm_json_kv_string(json, "blake2b", published ? report->blake2b : NULL);
		output_json_count(json, "serial", report->serial);
	}
	rnm_json_end_object(json);
}

/* ---- both ---- */

/* The reason, with the model in front of it. */
static int put_reason(const struct watch_run *run, const struct rnm_rule *rule,
                      const struct rnm_watch_report *report)
{
	const bool held = report->state == RNM_WATCH_HELD;
	char version[NUMBER_TEXT_MAX];
	struct rnm_error told;

	if (report->state == RNM_WATCH_EMPTY && run->staying) {
		output_note("rule %s: nothing to publish yet: %s", rule->name, report->why.message);
		return RNM_E_NOT_FOUND;
	}
	rnm_error_set(&told, status_of(report, NULL), report->why.id, "rule %s: %s%s%s%s", rule->name,
	              held ? "version " : "", held ? number_text(report->version, version) : "",
	              held ? " was held back: " : "", report->why.message);
	if (report->why.hint[0] != '\0')
		rnm_error_set_hint(&told, "%s", report->why.hint);
	return output_error(&told);
}

static int put_text(const struct watch_run *run, const struct rnm_rule *rule,
                    const struct rnm_watch_report *report)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (report->state == RNM_WATCH_PUBLISHED) {
		put_published(&out, run, rule, report);
	} else {
		rnm_buf_puts(&out, "current: ");
		put_model(&out, run, rule, report);
		rnm_buf_putc(&out, '\n');
	}
	return output_buffer(&out) ? RNM_OK : RNM_E_IO;
}

int watch_report(const struct watch_run *run, const struct rnm_rule *rule,
                 const struct rnm_watch_report *report, const struct rnm_error *err)
{
	const bool good =
	    err == NULL && (report->state == RNM_WATCH_PUBLISHED || report->state == RNM_WATCH_CURRENT);
	const bool as_json = option_given(run->options, OPTION_JSON);
	int code = RNM_OK;

	if (err != NULL)
		code = rule != NULL ? output_error_about(rule->name, err) : output_error(err);
	else if (!good)
		code = put_reason(run, rule, report);
	else if (!as_json && !output_quiet())
		code = put_text(run, rule, report);
	if (as_json) {
		struct rnm_json json;
		struct rnm_buf out;

		rnm_buf_init(&out, OUTPUT_MAX);
		rnm_json_init(&json, &out, false);
		json_event(&json, run, rule, report, err);
		if (!output_json(&out) && code == RNM_OK)
			code = RNM_E_IO;
	}
	return code;
}
