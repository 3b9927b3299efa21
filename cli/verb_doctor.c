/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "doctor_report.h"
#include "duration.h"
#include "output.h"
#include "progress.h"
#include "verbs.h"

#include <time.h>

#define EXPIRING_SECONDS (12 * 3600.0)

/* What is decided on a replica may be decided on the past: repairs begin with what the master says. */
static enum rnm_status connect_to_server(struct context *context, bool repairs, struct rnm_error *err)
{
	enum rnm_status status = context_load_config(context, err);

	if (status != RNM_OK)
		return status;
	return repairs ? context_connect_to_write(context, err) : context_connect(context, err);
}

static enum rnm_status examine(struct context *context, struct rnm_health_report **report, bool repairs,
                               struct rnm_error *err)
{
	const struct options *options = context->options;
	struct progress progress;
	struct rnm_health_options how = {
		.config = context->config,
		.rule_options = &context->rule_options,
		.now = (double)time(NULL),
		.maps_dir = option_text(options, OPTION_MAPS_DIR, NULL),
		.progress = progress_report,
		.progress_ctx = &progress,
	};
	enum rnm_status status =
	    duration_option(&how.expiring, options, OPTION_EXPIRING, EXPIRING_SECONDS, err);

	if (status != RNM_OK)
		return status;
	progress_start(&progress, "looking through the keys");
	progress.counts = true;
	status = rnm_health_examine(report, context->redis, &how, err);
	progress_end(&progress);
	if (status != RNM_OK || !repairs)
		return status;
	progress_start(&progress, "repairing");
	progress.counts = true;
	status = rnm_health_repair(*report, context->redis, &how, err);
	progress_end(&progress);
	return status;
}

static int exit_code_of(const struct rnm_health_report *report)
{
	struct doctor_counts counts;

	doctor_count(&counts, report);
	if (counts.failed > 0)
		return RNM_E_REDIS;
	return counts.levels[RNM_HEALTH_PROBLEM] + counts.levels[RNM_HEALTH_WARNING] > 0 ? RNM_NO : RNM_OK;
}

/* What was repaired before the connection broke is reported too. */
static int print_report(const struct options *options, const struct doctor_run *run)
{
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (!option_given(options, OPTION_JSON)) {
		doctor_text(&out, run);
		return output_buffer(&out) ? exit_code_of(run->report) : RNM_E_IO;
	}
	rnm_json_init(&json, &out, false);
	doctor_json(&json, run);
	return output_json(&out) ? exit_code_of(run->report) : RNM_E_IO;
}

int verb_doctor(const struct options *options)
{
	struct context context;
	struct rnm_health_report *report = NULL;
	struct rnm_error err;
	struct doctor_run run = { .fix = option_given(options, OPTION_FIX),
		                  .dry_run = option_given(options, OPTION_DRY_RUN) };
	bool repairs = run.fix && !run.dry_run;
	enum rnm_status status = context_open(&context, options, &err);
	int code = RNM_OK;

	if (status == RNM_OK)
		status = connect_to_server(&context, repairs, &err);
	if (status == RNM_OK)
		status = examine(&context, &report, repairs, &err);
	if (report != NULL) {
		run.report = report;
		run.server = rnm_redis_address(context.redis);
		code = print_report(options, &run);
	}
	if (status != RNM_OK)
		code = output_error(&err);
	rnm_health_report_free(report);
	context_free(&context);
	return code;
}
