/* SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"
#include "interrupt.h"
#include "output.h"
#include "progress.h"
#include "pull.h"
#include "signature.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what the options say ---- */

static enum rnm_status read_auth(struct pull_setup *setup, struct rnm_error *err)
{
	const char *path = option_text(setup->options, OPTION_AUTH_FILE, NULL);
	FILE *file;
	char *line;

	if (path == NULL)
		return RNM_OK;
	file = fopen(path, "re");
	if (file == NULL) {
		const enum rnm_status status = errno == ENOENT ? RNM_E_NOT_FOUND : RNM_E_IO;

		rnm_error_sys(err, "file.open", errno, "cannot open %s", path);
		err->status = status;
		return status;
	}
	line = fgets(setup->user, sizeof(setup->user), file);
	fclose(file);
	if (line != NULL)
		line[strcspn(line, "\r\n")] = '\0';
	setup->password = line != NULL ? strchr(line, ':') : NULL;
	if (setup->password == NULL || strlen(line) == sizeof(setup->user) - 1)
		return rnm_error_set(err, RNM_E_MALFORMED, "pull.auth-file",
		                     "expected USER:PASSWORD in the first line of %s", path);
	*setup->password++ = '\0';
	return RNM_OK;
}

/* What the command line lacks, or what does not go together. */
static enum rnm_status check_options(const struct options *options, struct rnm_error *err)
{
	const bool to = option_given(options, OPTION_TO);
	const bool import = option_given(options, OPTION_IMPORT);
	const char *problem = NULL;

	if (!trust_asked(options))
		problem = "nobody is trusted to sign the model: --key KEY or --trusted DIR is missing";
	else if (!to && !import)
		problem = "where the model is to go is missing: --to FILE, --import, or both";
	else if (!to && !option_given(options, OPTION_STATE))
		problem = "without --to, --state DIR must say where to remember what was seen";
	else if (!to && option_given(options, OPTION_PRINT_CONFIG))
		problem = "the configuration names the file of --to, which is missing";
	else if (!import && option_given(options, OPTION_SETTINGS))
		problem = "a settings id belongs to --import, which is missing";
	else if (!import &&
	         (option_given(options, OPTION_REDIS) || option_given(options, OPTION_PASSWORD_FILE)))
		problem = "a Redis belongs to --import, which is missing";
	else if (option_given(options, OPTION_HTTP_CERT_KEY) && !option_given(options, OPTION_HTTP_CERT))
		problem = "the private key of --tls-key belongs to --cert, which is missing";
	if (problem == NULL)
		return RNM_OK;
	rnm_error_set(err, RNM_E_USAGE, "usage.pull", "%s", problem);
	rnm_error_set_hint(err, "rnm help pull");
	return RNM_E_USAGE;
}

static enum rnm_status read_setup(struct pull_setup *setup, struct rnm_error *err)
{
	const struct options *options = setup->options;
	enum rnm_status status = check_options(options, err);

	if (status == RNM_OK)
		status = size_option(&setup->max_size, options, OPTION_MAX_SIZE, RNM_PULL_SIZE_DEFAULT, err);
	if (status == RNM_OK)
		status =
		    duration_option(&setup->timeout, options, OPTION_TIMEOUT, RNM_PULL_SECONDS_DEFAULT, err);
	if (status == RNM_OK)
		status = duration_option(&setup->every, options, OPTION_EVERY, 0, err);
	if (status == RNM_OK)
		status = trust_option(&setup->trust, options, err);
	return status == RNM_OK ? read_auth(setup, err) : status;
}

static struct rnm_pull_options pull_options(const struct pull_setup *setup)
{
	const struct options *options = setup->options;

	return (struct rnm_pull_options){
		.url = options->operands[0],
		.name = option_text(options, OPTION_NAME, NULL),
		.trust = setup->trust,
		.to = option_text(options, OPTION_TO, NULL),
		.state_dir = option_text(options, OPTION_STATE, NULL),
		.ca = option_text(options, OPTION_HTTP_CACERT, NULL),
		.ca_dir = option_text(options, OPTION_HTTP_CACERTDIR, NULL),
		.cert = option_text(options, OPTION_HTTP_CERT, NULL),
		.cert_key = option_text(options, OPTION_HTTP_CERT_KEY, NULL),
		.user = setup->password != NULL ? setup->user : NULL,
		.password = setup->password,
		.plain_http = option_given(options, OPTION_PLAIN_HTTP),
		.max_size = setup->max_size,
		.seconds = setup->timeout,
		.allow_rollback = option_given(options, OPTION_ALLOW_ROLLBACK),
		.dry_run = option_given(options, OPTION_DRY_RUN),
		.check = option_given(options, OPTION_CHECK),
		.cancel = &interrupt_signal,
	};
}

/* ---- one look ---- */

/* Without a configuration nobody knows which inputs a rule has. */
static enum rnm_status need_config(const struct context *context, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "pull.no-config",
	              "no configuration was read (%s does not exist), so nothing says which models fit the "
	              "rule",
	              context->config_path);
	rnm_error_set_hint(err, "name the configuration that the workers have with -c FILE");
	return RNM_E_REFUSED;
}

/* The rule is looked up each time: a process that stays follows the configuration. */
static enum rnm_status open_rule(struct pull_run *run, struct rnm_error *err)
{
	const bool import = option_given(run->options, OPTION_IMPORT);
	enum rnm_status status;

	if (!import && !option_given(run->options, OPTION_RULE))
		return RNM_OK;
	status = context_load_config(&run->context, err);
	if (status == RNM_OK && run->context.config == NULL)
		status = need_config(&run->context, err);
	if (status == RNM_OK)
		status = context_rule(&run->context, option_text(run->options, OPTION_RULE, "default"),
		                      &run->rule, err);
	if (status != RNM_OK)
		return status;
	run->how.verify = (struct rnm_verify_options){
		.rule = run->rule,
		.config = run->context.config,
		.for_redis = run->how.to == NULL,
	};
	return import ? pull_redis_lacks(run, &run->how.hand_on_again, err) : RNM_OK;
}

static enum rnm_status look(struct pull_run *run, struct rnm_error *err)
{
	struct progress progress;
	enum rnm_status status = context_open(&run->context, run->options, err);

	if (status == RNM_OK)
		status = open_rule(run, err);
	if (status != RNM_OK)
		return status;
	progress_start(&progress, "fetching");
	run->how.progress = progress_report;
	run->how.progress_ctx = &progress;
	status = rnm_pull(&run->pull, &run->how, &run->retry_after, err);
	progress_end(&progress);
	if (status == RNM_OK && run->pull->pending)
		status = pull_hand_on(run, err);
	return status;
}

int pull_once(const struct pull_setup *setup, double *retry_after)
{
	struct pull_run run = { .options = setup->options, .how = pull_options(setup) };
	struct rnm_error err;
	enum rnm_status status;
	int code;

	rnm_pull_url_text(run.url, run.how.url);
	status = look(&run, &err);
	code = status == RNM_OK ? RNM_OK : output_error(&err);

	if (!pull_report(&run, status == RNM_OK ? NULL : &err) && code == RNM_OK)
		code = RNM_E_IO;
	if (retry_after != NULL)
		*retry_after = run.retry_after;
	rnm_import_free(run.import);
	rnm_pull_free(run.pull);
	rnm_rule_free(run.rule);
	context_free(&run.context);
	return code;
}

int verb_pull(const struct options *options)
{
	struct pull_setup setup = { .options = options };
	struct rnm_error err;
	enum rnm_status status;
	int code;

	if (options->operand_count == 0)
		return output_usage_error("rnm pull URL --key KEY --to FILE",
		                          "the URL of the model is missing");
	status = read_setup(&setup, &err);
	if (status != RNM_OK) {
		code = output_error(&err);
	} else if (option_given(options, OPTION_PRINT_CONFIG)) {
		code = pull_print_config(&setup);
	} else if (setup.every > 0) {
		code = pull_daemon(&setup);
	} else {
		interrupt_install();
		code = pull_once(&setup, NULL);
	}
	rnm_trust_free(setup.trust);
	explicit_bzero(setup.user, sizeof(setup.user));
	return code;
}
