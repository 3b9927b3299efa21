/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "duration.h"
#include "output.h"
#include "verbs.h"

#include <rnm/doctor.h>
#include <string.h>

struct refreshing {
	struct rnm_buf out;
	struct rnm_json json;
	bool as_json, dry_run;
	double seconds; /* 0: each rule's own ann_expire */
	int code;
};

static void put_ttl(struct rnm_buf *out, int64_t ttl_ms)
{
	if (ttl_ms >= 0)
		output_duration(out, (double)ttl_ms / 1000);
	else
		rnm_buf_puts(out, "for ever");
}

static void put_text(struct refreshing *run, const struct rnm_rule *rule, const char *settings,
                     const struct rnm_renewal *renewal)
{
	rnm_buf_puts(&run->out, "rule ");
	output_name(&run->out, rule->name);
	rnm_buf_puts(&run->out, ", settings ");
	output_name(&run->out, settings);
	rnm_buf_puts(&run->out, ": ");
	if (renewal->key[0] == '\0') {
		rnm_buf_puts(&run->out, "nothing to renew: ");
		output_escape(&run->out, renewal->reason, strlen(renewal->reason), ESCAPE_ALL);
	} else {
		output_name(&run->out, renewal->key);
		rnm_buf_puts(&run->out, !renewal->renewed ? " stays: "
		                        : run->dry_run    ? " would live "
		                                          : " lives ");
		if (renewal->renewed) {
			put_ttl(&run->out, renewal->after_ms);
			rnm_buf_puts(&run->out, " (before: ");
			put_ttl(&run->out, renewal->before_ms);
			rnm_buf_putc(&run->out, ')');
		} else {
			rnm_buf_puts(&run->out, renewal->reason);
		}
	}
	rnm_buf_putc(&run->out, '\n');
}

static void put_json(struct refreshing *run, const struct rnm_rule *rule, const char *settings,
                     const struct rnm_renewal *renewal)
{
	struct rnm_json *json = &run->json;

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "rule", rule->name);
	rnm_json_kv_string(json, "settings", settings);
	rnm_json_kv_string(json, "key", renewal->key[0] != '\0' ? renewal->key : NULL);
	rnm_json_kv_bool(json, "renewed", renewal->renewed && !run->dry_run);
	rnm_json_kv_bool(json, "due", renewal->renewed);
	if (renewal->before_ms >= 0)
		rnm_json_kv_int(json, "ttl_before_ms", renewal->before_ms);
	else
		rnm_json_kv_null(json, "ttl_before_ms");
	if (renewal->after_ms >= 0)
		rnm_json_kv_int(json, "ttl_after_ms", renewal->after_ms);
	else
		rnm_json_kv_null(json, "ttl_after_ms");
	rnm_json_kv_string(json, "reason", renewal->reason[0] != '\0' ? renewal->reason : NULL);
	rnm_json_end_object(json);
}

static enum rnm_status refresh_one(struct refreshing *run, struct context *context,
                                   const struct context_set *set, struct rnm_error *err)
{
	struct rnm_renewal renewal;
	enum rnm_status status;

	/* A prefix that no rule has: nobody knows what is served there. */
	if (rule_is_bare(set->rule))
		return RNM_OK;
	status = rnm_store_renew(&renewal, context->redis, set->rule, set->settings, run->seconds,
	                         run->dry_run, err);
	if (status != RNM_OK && status != RNM_NO)
		return status;
	if (status == RNM_NO)
		run->code = RNM_NO;
	if (run->as_json)
		put_json(run, set->rule, set->settings, &renewal);
	else if (!output_quiet())
		put_text(run, set->rule, set->settings, &renewal);
	return RNM_OK;
}

/* Without a configuration nobody knows which model workers serve, nor for how long it should live. */
static enum rnm_status need_config(const struct context *context, struct rnm_error *err)
{
	rnm_error_set(
	    err, RNM_E_REFUSED, "refresh.no-config",
	    "no configuration was read (%s does not exist), so nothing says which models workers serve",
	    context->config_path);
	rnm_error_set_hint(err, "name the configuration that the workers have with -c FILE");
	return RNM_E_REFUSED;
}

static enum rnm_status refresh_all(struct refreshing *run, struct context *context,
                                   struct catalogue *catalogue, struct rnm_error *err)
{
	enum rnm_status status = context_load_config(context, err);

	if (status == RNM_OK && context->config == NULL)
		status = need_config(context, err);
	if (status == RNM_OK)
		status =
		    run->dry_run ? context_connect(context, err) : context_connect_to_write(context, err);
	if (status == RNM_OK)
		status = catalogue_open(catalogue, context, err);
	for (size_t i = 0; status == RNM_OK && i < catalogue->set_count; i++)
		status = refresh_one(run, context, &catalogue->sets[i], err);
	if (status == RNM_OK && catalogue->broken.worst > run->code)
		run->code = catalogue->broken.worst;
	return status;
}

static bool print_result(struct refreshing *run, const struct catalogue *catalogue)
{
	if (!run->as_json) {
		if (run->out.len == 0 && !output_quiet())
			rnm_buf_puts(&run->out, "no models of the configured rules\n");
		return output_buffer(&run->out);
	}
	rnm_json_end_array(&run->json);
	broken_rules_json(&run->json, &catalogue->broken);
	rnm_json_end_object(&run->json);
	return output_json(&run->out);
}

int verb_refresh(const struct options *options)
{
	struct refreshing run = { .as_json = option_given(options, OPTION_JSON),
		                  .dry_run = option_given(options, OPTION_DRY_RUN) };
	struct catalogue catalogue = { 0 };
	struct context context;
	struct rnm_error err;
	enum rnm_status status = context_open(&context, options, &err);

	rnm_buf_init(&run.out, OUTPUT_MAX);
	rnm_json_init(&run.json, &run.out, false);
	if (run.as_json) {
		rnm_json_begin_object(&run.json);
		rnm_json_kv_bool(&run.json, "dry_run", run.dry_run);
		rnm_json_key(&run.json, "models");
		rnm_json_begin_array(&run.json);
	}
	if (status == RNM_OK)
		status = duration_option(&run.seconds, options, OPTION_EXPIRE, 0, &err);
	if (status == RNM_OK)
		status = refresh_all(&run, &context, &catalogue, &err);
	if (status != RNM_OK) {
		rnm_buf_free(&run.out);
		run.code = output_error(&err);
	} else if (!print_result(&run, &catalogue)) {
		run.code = RNM_E_IO;
	}
	catalogue_free(&catalogue);
	context_free(&context);
	return run.code;
}
