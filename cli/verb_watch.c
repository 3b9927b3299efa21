/* SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"
#include "interrupt.h"
#include "output.h"
#include "publish_options.h"
#include "verbs.h"
#include "watch.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How often to look when Redis says nothing. */
#define EVERY_STANDARD 60.0

/* ---- what is watched ---- */

void watch_unload(struct watch_run *run)
{
	rnm_redis_free(run->listener);
	run->listener = NULL;
	for (size_t i = 0; i < run->rule_count; i++) {
		rnm_rule_free(run->rules[i].rule);
		free(run->rules[i].channel);
	}
	free(run->rules);
	run->rules = NULL;
	run->rule_count = 0;
	context_free(&run->context);
}

static enum rnm_status add_rule(struct watch_run *run, const char *name, struct rnm_error *err)
{
	struct watch_rule *watched = &run->rules[run->rule_count];
	enum rnm_status status = context_rule(&run->context, name, &watched->rule, err);

	if (status != RNM_OK)
		return status;
	run->rule_count++;
	if (watched->rule->has_providers)
		return RNM_OK;
	if (!option_given(run->options, OPTION_ALL)) {
		rnm_error_set(
		    err, RNM_E_REFUSED, "watch.no-digest",
		    "the rule %s has no providers, so that no rspamd loads a model for it from a file", name);
		return RNM_E_REFUSED;
	}
	rnm_rule_free(watched->rule);
	*watched = (struct watch_rule){ 0 };
	run->rule_count--;
	return RNM_OK;
}

static enum rnm_status add_all(struct watch_run *run, struct rnm_error *err)
{
	char **names = NULL;
	size_t count = 0;
	enum rnm_status status =
	    rnm_rule_names(&names, &count, run->context.config, &run->context.rule_options, err);

	if (status != RNM_OK)
		return status;
	run->rules = calloc(count + 1, sizeof(*run->rules));
	if (run->rules == NULL)
		status = rnm_error_nomem(err);
	for (size_t i = 0; run->rules != NULL && status == RNM_OK && i < count; i++)
		status = add_rule(run, names[i], err);
	rnm_names_free(names, count);
	if (status == RNM_OK && run->rule_count == 0)
		status = rnm_error_set(err, RNM_E_NOT_FOUND, "watch.no-rule",
		                       "no rule of the configuration has models that could be published");
	return status;
}

static enum rnm_status add_rules(struct watch_run *run, struct rnm_error *err)
{
	if (option_given(run->options, OPTION_ALL))
		return add_all(run, err);
	run->rules = calloc(1, sizeof(*run->rules));
	return run->rules != NULL ? add_rule(run, option_text(run->options, OPTION_RULE, "default"), err)
	                          : rnm_error_nomem(err);
}

/* Without a configuration nobody knows which inputs a rule has. */
static enum rnm_status need_config(const struct context *context, struct rnm_error *err)
{
	rnm_error_set(
	    err, RNM_E_REFUSED, "watch.no-config",
	    "no configuration was read (%s does not exist), so nothing says which models fit the rule",
	    context->config_path);
	rnm_error_set_hint(err, "name the configuration that the workers have with -c FILE");
	return RNM_E_REFUSED;
}

enum rnm_status watch_load(struct watch_run *run, struct rnm_error *err)
{
	enum rnm_status status = context_open(&run->context, run->options, err);

	if (status == RNM_OK)
		status = context_load_config(&run->context, err);
	if (status == RNM_OK && run->context.config == NULL)
		status = need_config(&run->context, err);
	return status == RNM_OK ? add_rules(run, err) : status;
}

/* ---- one look ---- */

enum rnm_status watch_connect(struct watch_run *run, struct rnm_error *err)
{
	return run->context.redis != NULL ? context_reconnect(&run->context, err)
	                                  : context_connect(&run->context, err);
}

/* Nothing could be said of the rule.  What was told of it before is not told again. */
static int look_failed(struct watch_run *run, struct watch_rule *watched, const struct rnm_error *err)
{
	const bool is_news = strcmp(watched->failure, err->message) != 0;

	if (err->status == RNM_E_INTERRUPTED && run->staying)
		return RNM_OK;
	run->failed = true;
	(void)snprintf(watched->failure, sizeof(watched->failure), "%s", err->message);
	/* The connection may stand inside of a reply. */
	rnm_redis_free(run->context.redis);
	run->context.redis = NULL;
	return is_news ? watch_report(run, watched->rule, NULL, err) : (int)err->status;
}

static int look_at(struct watch_run *run, struct watch_rule *watched)
{
	const struct rnm_watch_subject subject = {
		.redis = run->context.redis,
		.config = run->context.config,
		.rule = watched->rule,
		.settings = run->settings,
	};
	struct rnm_watch_report report;
	struct rnm_error err;
	bool is_news;

	if (rnm_watch_look(run->watch, &subject, &report, &err) != RNM_OK)
		return look_failed(run, watched, &err);
	is_news = report.is_news || watched->failure[0] != '\0';
	watched->failure[0] = '\0';
	return is_news ? watch_report(run, watched->rule, &report, NULL) : RNM_OK;
}

int watch_look(struct watch_run *run)
{
	int worst = RNM_OK;

	run->failed = false;
	for (size_t i = 0; i < run->rule_count && interrupt_signal == 0; i++) {
		struct rnm_error err;
		int code;

		if (run->context.redis == NULL && watch_connect(run, &err) != RNM_OK)
			code = look_failed(run, &run->rules[i], &err);
		else
			code = look_at(run, &run->rules[i]);
		worst = code > worst ? code : worst;
	}
	return worst;
}

/* ---- the verb ---- */

static enum rnm_status make_watch(struct watch_run *run, struct rnm_error *err)
{
	const struct options *options = run->options;
	const char *gate = option_text(options, OPTION_GATE, NULL);
	struct rnm_watch_options how = {
		.publish = {
			.folder = run->to,
			.keep = (size_t)options->values[OPTION_KEEP].number,
			.dry_run = option_given(options, OPTION_DRY_RUN),
			.cancel = &interrupt_signal,
		},
		.name = option_text(options, OPTION_NAME, NULL),
		.min_auc = option_given(options, OPTION_MIN_AUC) ? options->values[OPTION_MIN_AUC].number : NAN,
		.max_drift =
		    option_given(options, OPTION_MAX_DRIFT) ? options->values[OPTION_MAX_DRIFT].number : NAN,
		.spam = option_text(options, OPTION_SPAM, NULL),
		.ham = option_text(options, OPTION_HAM, NULL),
		.judge = gate != NULL ? watch_gate : NULL,
		.judge_ctx = (void *)(uintptr_t)gate,
	};
	double valid;
	enum rnm_status status = duration_option(&valid, options, OPTION_VALID_FOR, PUBLISH_VALID, err);

	if (status == RNM_OK)
		status = duration_option(&run->every, options, OPTION_EVERY, EVERY_STANDARD, err);
	if (status == RNM_OK && option_given(options, OPTION_SIGN))
		status = publish_key_load(&run->key, options, err);
	if (status == RNM_OK && s3_asked(options))
		status = s3_option_read(&run->s3, options, err);
	if (status != RNM_OK)
		return status;
	how.publish.s3 = s3_asked(options) ? &run->s3.options : NULL;
	how.publish.key = run->key;
	how.publish.valid = (int64_t)valid;
	return rnm_watch_new(&run->watch, &how, err);
}

static int check_share(const struct options *options, enum option id, double most, const char *what)
{
	const double number = options->values[id].number;

	if (!option_given(options, id) || (number >= 0 && number <= most))
		return RNM_OK;
	return output_usage_error("rnm help watch", "%s is a number from 0 to %g", what, most);
}

/* What only this verb can know about its options; 0 when all is well. */
static int check_options(const struct options *options)
{
	const bool measures =
	    option_given(options, OPTION_MIN_AUC) || option_given(options, OPTION_MAX_DRIFT);
	int code = check_share(options, OPTION_MIN_AUC, 1, "--min-auc");

	if (code == RNM_OK)
		code = check_share(options, OPTION_MAX_DRIFT, 2, "--max-drift");
	if (code == RNM_OK)
		code = publish_check_options(options, "type rnm watch -r RULE --to DIR --sign KEY");
	if (code != RNM_OK)
		return code;
	if (option_given(options, OPTION_SPAM) != option_given(options, OPTION_HAM))
		return output_usage_error("rnm help watch",
		                          "--spam and --ham belong together: one of them is missing");
	if (option_given(options, OPTION_SPAM) && !measures)
		return output_usage_error("--min-auc 0.95 or --max-drift 0.1",
		                          "there are vectors, and no gate that measures with them");
	return RNM_OK;
}

static int run_once(struct watch_run *run)
{
	struct rnm_error err;
	enum rnm_status status = watch_connect(run, &err);

	return status == RNM_OK ? watch_look(run) : watch_report(run, NULL, NULL, &err);
}

int verb_watch(const struct options *options)
{
	struct watch_run run = {
		.options = options,
		.settings = option_text(options, OPTION_SETTINGS, "default"),
		.to = option_text(options, OPTION_TO, ""),
		.staying = !option_given(options, OPTION_ONCE),
	};
	struct rnm_error err;
	enum rnm_status status;
	int code = check_options(options);

	if (code != RNM_OK)
		return code;
	if (run.staying)
		interrupt_stay();
	else
		interrupt_install();
	status = make_watch(&run, &err);
	if (status == RNM_OK)
		status = watch_load(&run, &err);
	if (status != RNM_OK)
		code = watch_report(&run, NULL, NULL, &err);
	else
		code = run.staying ? watch_stay(&run) : run_once(&run);
	watch_unload(&run);
	rnm_watch_free(run.watch);
	rnm_key_free(run.key);
	s3_option_clear(&run.s3);
	return code;
}
