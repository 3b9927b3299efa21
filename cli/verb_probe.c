/* SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"
#include "interrupt.h"
#include "output.h"
#include "probe_report.h"
#include "progress.h"
#include "verbs.h"

/* HTTP has whole seconds: what is asked so much later has another date. */
#define PAUSE_SECONDS 1.0
/* As number_parse reads it; more would be an evening. */
#define PAUSE_MAX 3600.0

struct probing {
	const struct options *options;
	struct rnm_probe_options how;
	struct rnm_probe_memory *memory;
	struct progress progress;
	struct rnm_buf out;
	struct rnm_json json;
	bool as_json;
	size_t printed; /* reports */
	int code;
};

/* A number between two bounds, or the fallback. */
static enum rnm_status number_option(double *out, const struct options *options, enum option id,
                                     double fallback, double min, double max, struct rnm_error *err)
{
	*out = fallback;
	if (!option_given(options, id))
		return RNM_OK;
	*out = options->values[id].number;
	if (*out >= min && *out <= max)
		return RNM_OK;
	return rnm_error_set(err, RNM_E_USAGE, "usage.number", "expected a number from %g to %g, found '%s'",
	                     min, max, options->values[id].text);
}

static enum rnm_status read_options(struct probing *p, struct rnm_error *err)
{
	const struct options *options = p->options;
	struct rnm_probe_options *how = &p->how;
	double samples = 1, size = 0;
	enum rnm_status status = duration_option(&how->poll, options, OPTION_POLL, RNM_MAP_POLL_SECONDS, err);

	if (status == RNM_OK)
		status = duration_option(&how->timeout, options, OPTION_TIMEOUT, 0, err);
	if (status == RNM_OK)
		status = number_option(&how->pause, options, OPTION_PAUSE, PAUSE_SECONDS, 0, PAUSE_MAX, err);
	if (status == RNM_OK)
		status = number_option(&samples, options, OPTION_SAMPLES, 1, 1, RNM_PROBE_ROUNDS_MAX, err);
	if (status == RNM_OK)
		status = number_option(&size, options, OPTION_MAX_SIZE, 0, 1, 0x1p31 - 1, err);
	how->rounds = (unsigned)samples;
	how->max_size = (uint64_t)size;
	how->addresses = option_text(options, OPTION_ADDRESS, NULL);
	how->user_agent = option_text(options, OPTION_USER_AGENT, NULL);
	how->ca = option_text(options, OPTION_CACERT, NULL);
	how->ca_dir = option_text(options, OPTION_CACERTDIR, NULL);
	how->cancel = &interrupt_signal;
	how->progress = progress_report;
	how->progress_ctx = &p->progress;
	return status;
}

static enum rnm_status load_memory(struct probing *p, struct rnm_error *err)
{
	const char *path = option_text(p->options, OPTION_STATE, NULL);
	enum rnm_status status = path != NULL ? rnm_probe_memory_load(&p->memory, path, err) : RNM_OK;

	p->how.memory = p->memory;
	return status;
}

static void print_report(struct probing *p, const struct rnm_probe_report *report)
{
	const int code = !report->reached                          ? RNM_E_IO
	                 : report->problems + report->warnings > 0 ? RNM_NO
	                                                           : RNM_OK;

	if (p->as_json) {
		rnm_json_begin_object(&p->json);
		probe_json(&p->json, report);
		rnm_json_end_object(&p->json);
	} else {
		probe_text(&p->out, report);
	}
	p->printed++;
	/* The worst counts: not reached at all, then trouble. */
	if (code > p->code)
		p->code = code;
}

static enum rnm_status probe_one(struct probing *p, const char *url, struct rnm_error *err)
{
	struct rnm_probe_report *report = NULL;
	enum rnm_status status;

	progress_start(&p->progress, "asking");
	p->progress.counts = true;
	status = rnm_probe(&report, url, &p->how, err);
	progress_end(&p->progress);
	if (status != RNM_OK)
		return status;
	print_report(p, report);
	if (p->memory != NULL)
		status = rnm_probe_memory_add(p->memory, report, err);
	rnm_probe_report_free(report);
	return status;
}

static enum rnm_status probe_all(struct probing *p, struct rnm_error *err)
{
	enum rnm_status status = read_options(p, err);

	if (status == RNM_OK)
		status = load_memory(p, err);
	for (size_t i = 0; status == RNM_OK && i < p->options->operand_count; i++) {
		if (i > 0 && !p->as_json)
			rnm_buf_putc(&p->out, '\n');
		status = probe_one(p, p->options->operands[i], err);
	}
	if (status == RNM_OK && p->memory != NULL)
		status = rnm_probe_memory_save(p->memory, option_text(p->options, OPTION_STATE, NULL), err);
	return status;
}

static bool print(struct probing *p)
{
	if (!p->as_json)
		return output_buffer(&p->out);
	rnm_json_end_array(&p->json);
	rnm_json_end_object(&p->json);
	return output_json(&p->out);
}

int verb_probe(const struct options *options)
{
	struct probing p = { .options = options, .as_json = option_given(options, OPTION_JSON) };
	struct rnm_error err;
	enum rnm_status status;

	if (options->operand_count == 0)
		return output_usage_error("rnm probe https://models.example/models/DIGEST",
		                          "which URL to probe is missing");
	rnm_buf_init(&p.out, OUTPUT_MAX);
	rnm_json_init(&p.json, &p.out, false);
	if (p.as_json) {
		rnm_json_begin_object(&p.json);
		rnm_json_key(&p.json, "probes");
		rnm_json_begin_array(&p.json);
	}
	interrupt_install();
	status = probe_all(&p, &err);
	/* What was found is worth printing even if it cannot be remembered. */
	if (p.printed > 0 && !print(&p))
		p.code = RNM_E_IO;
	if (status != RNM_OK)
		p.code = output_error(&err);
	rnm_buf_free(&p.out);
	rnm_probe_memory_free(p.memory);
	return p.code;
}
