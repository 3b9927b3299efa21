/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "interrupt.h"
#include "output.h"
#include "password.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* Longest password file that is read; only its first line counts. */
#define PASSWORD_FILE_MAX 4096

/* rnm eval has a --redis without a URL, which names no server. */
static bool redis_named(const struct options *options)
{
	return option_text(options, OPTION_REDIS, NULL) != NULL;
}

/*
 * The default is worked out here and not left to the library because messages and help name it even
 * when it cannot be loaded.  Precedence as rspamadm: --var (in any case), environment, compiled.
 */
char *context_default_config(const struct options *options)
{
	const char *confdir = getenv("CONFDIR");
	char *path = NULL;

	for (size_t i = 0; i < options->var_count; i++) {
		if (strcasecmp(options->vars[i].name, "CONFDIR") == 0)
			confdir = options->vars[i].value;
	}
	if (asprintf(&path, "%s%s", confdir != NULL ? confdir : DEFAULT_CONFDIR, CONFIG_FILE_NAME) < 0)
		return NULL;
	return path;
}

enum rnm_status context_open(struct context *context, const struct options *options, struct rnm_error *err)
{
	const char *given = option_text(options, OPTION_CONFIG, NULL);

	*context = (struct context){ .options = options };
	context->rule_options.numbers =
	    option_given(options, OPTION_LUA54_NUMBERS) ? RNM_NUMBERS_LUA54 : RNM_NUMBERS_LUAJIT;
	context->config_path = given != NULL ? strdup(given) : context_default_config(options);
	return context->config_path != NULL ? RNM_OK : rnm_error_nomem(err);
}

void context_free(struct context *context)
{
	rnm_redis_free(context->redis);
	rnm_redis_settings_free(context->settings);
	rnm_config_free(context->config);
	free(context->config_path);
	*context = (struct context){ 0 };
}

enum rnm_status context_load_config_quietly(struct context *context, struct rnm_error *err)
{
	const struct rnm_config_options how = {
		.path = context->config_path,
		.vars = context->options->vars,
		.var_count = context->options->var_count,
		.environment = (const char *const *)environ,
	};

	return rnm_config_load(&context->config, &how, err);
}

void context_warnings(const struct context *context, void (*say)(const char *text))
{
	for (size_t i = 0; i < rnm_config_warning_count(context->config); i++) {
		const char *text = rnm_config_warning(context->config, i);

		/* Says nothing about models: their configurations often lack the section actions. */
		if (strcmp(text, "no actions defined") != 0)
			say(text);
	}
}

static void say_warning(const char *text)
{
	output_warning("%s", text);
}

enum rnm_status context_load_config(struct context *context, struct rnm_error *err)
{
	const struct options *options = context->options;
	bool redis_verb = option_by_name(ON(options->verb), "redis", strlen("redis")) != NULL;
	enum rnm_status status = context_load_config_quietly(context, err);

	if (status == RNM_E_NOT_FOUND && strcmp(err->id, "config.open") == 0 &&
	    !option_given(options, OPTION_CONFIG)) {
		if (redis_named(options))
			return RNM_OK;
		rnm_error_set_hint(err, "name a configuration with -c FILE%s",
		                   redis_verb ? ", or only a server with --redis redis://HOST" : "");
	}
	if (status == RNM_OK)
		context_warnings(context, say_warning);
	return status;
}

void context_warn_providers(const struct rnm_rule *rule)
{
	const struct rnm_value *providers = rnm_value_get(rule->raw, "providers");
	char place[RNM_ERROR_FILE_MAX] = "";

	if (providers == NULL)
		return;
	if (providers->file != NULL && providers->line > 0)
		(void)snprintf(place, sizeof(place), "%s:%u: ", providers->file, providers->line);
	if (providers->type == RNM_OBJECT)
		output_warning("%sproviders of the rule '%s' is one section, which counts as an empty list: "
		               "write providers = [ { ... } ]",
		               place, rule->name);
	else if (providers->type == RNM_ARRAY && rnm_value_count(providers) == 0)
		output_warning(
		    "%sproviders of the rule '%s' is an empty list, so that the rule refuses its own "
		    "models: name a provider or delete the option",
		    place, rule->name);
}

/* With --redis it is easily forgotten that a default configuration is read all the same. */
static void explain_missing_rule(const struct context *context, const char *name, struct rnm_error *err)
{
	const struct options *options = context->options;
	char hint[sizeof(err->hint)];

	if (!redis_named(options) || option_given(options, OPTION_CONFIG))
		return;
	memcpy(hint, err->hint, sizeof(hint));
	rnm_error_set(err, RNM_E_NOT_FOUND, "rule.unknown",
	              "the configuration %s, which is read by default, has no rule \"%s\"",
	              context->config_path, name);
	rnm_error_set_hint(err,
	                   "%s%srnm list --all shows what is in Redis, -c FILE reads another configuration",
	                   hint, hint[0] != '\0' ? "; " : "");
}

enum rnm_status context_rule(struct context *context, const char *name, struct rnm_rule **out,
                             struct rnm_error *err)
{
	enum rnm_status status;

	if (context->config == NULL)
		return rnm_rule_bare(out, "rn", name, err);
	status = rnm_rule_open(out, context->config, name, &context->rule_options, err);
	if (status == RNM_OK)
		context_warn_providers(*out);
	else if (status == RNM_E_NOT_FOUND)
		explain_missing_rule(context, name, err);
	return status;
}

/*
 * --password-file always counts.  RNM_REDIS_PASSWORD belongs to --redis: a variable left in the
 * environment must not replace the password of a configuration.
 */
static enum rnm_status apply_password(struct context *context, struct rnm_error *err)
{
	const char *path = option_text(context->options, OPTION_PASSWORD_FILE, NULL);
	const char *from_environment = getenv("RNM_REDIS_PASSWORD");
	enum rnm_status status;

	if (path != NULL) {
		char password[PASSWORD_FILE_MAX];

		status =
		    strcmp(path, "-") == 0 ? context_take_stdin(context, "--password-file", err) : RNM_OK;
		if (status != RNM_OK)
			return status;
		status = password_from_file(path, password, sizeof(password), err);
		if (status == RNM_OK)
			status = rnm_redis_settings_set_password(context->settings, password, err);
		explicit_bzero(password, sizeof(password));
		return status;
	}
	if (redis_named(context->options) && context->settings->password == NULL &&
	    from_environment != NULL && *from_environment != '\0')
		return rnm_redis_settings_set_password(context->settings, from_environment, err);
	return RNM_OK;
}

static enum rnm_status apply_tls(struct context *context, struct rnm_error *err)
{
	const struct options *options = context->options;
	const struct rnm_redis_tls tls = {
		.ca = option_text(options, OPTION_CACERT, NULL),
		.ca_dir = option_text(options, OPTION_CACERTDIR, NULL),
		.cert = option_text(options, OPTION_CERT, NULL),
		.key = option_text(options, OPTION_KEY, NULL),
		.sni = option_text(options, OPTION_SNI, NULL),
		.no_verify = option_given(options, OPTION_INSECURE),
	};

	return rnm_redis_settings_set_tls(context->settings, &tls, err);
}

static void print_connection_notes(const struct context *context)
{
	for (size_t i = 0; i < rnm_redis_note_count(context->redis); i++)
		output_note("%s", rnm_redis_note(context->redis, i));
}

static enum rnm_status connect_for_role(struct context *context, struct rnm_error *err)
{
	return rnm_redis_connect(&context->redis, context->settings, context->role, &interrupt_signal, err);
}

enum rnm_status context_reconnect(struct context *context, struct rnm_error *err)
{
	char *before = strdup(rnm_redis_address(context->redis));
	enum rnm_status status;

	rnm_redis_free(context->redis);
	context->redis = NULL;
	if (before == NULL)
		return rnm_error_nomem(err);
	status = connect_for_role(context, err);
	/* What there is to say about the same server has been said. */
	if (status == RNM_OK && strcmp(before, rnm_redis_address(context->redis)) != 0)
		print_connection_notes(context);
	free(before);
	return status;
}

/* Finds the servers, and prints what is odd about their settings. */
static enum rnm_status find_servers(struct context *context, struct rnm_error *err)
{
	const char *url = option_text(context->options, OPTION_REDIS, NULL);
	enum rnm_status status;

	status = url != NULL ? rnm_redis_settings_from_url(&context->settings, url, err)
	                     : rnm_redis_settings_from_config(&context->settings, context->config, err);
	if (status != RNM_OK)
		return status;
	for (size_t i = 0; i < context->settings->warning_count; i++)
		output_warning("%s", context->settings->warnings[i]);
	status = apply_password(context, err);
	return status == RNM_OK ? apply_tls(context, err) : status;
}

static enum rnm_status connect_for(struct context *context, enum rnm_redis_role role, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (context->settings == NULL)
		status = find_servers(context, err);
	if (status != RNM_OK)
		return status;
	interrupt_install();
	context->role = role;
	status = connect_for_role(context, err);
	if (status == RNM_OK)
		print_connection_notes(context);
	return status;
}

enum rnm_status context_connect(struct context *context, struct rnm_error *err)
{
	return connect_for(context, RNM_REDIS_READ, err);
}

enum rnm_status context_connect_to_write(struct context *context, struct rnm_error *err)
{
	rnm_redis_free(context->redis);
	context->redis = NULL;
	return connect_for(context, RNM_REDIS_WRITE, err);
}

enum rnm_status context_take_stdin(struct context *context, const char *who, struct rnm_error *err)
{
	if (context->stdin_reader == NULL) {
		context->stdin_reader = who;
		return RNM_OK;
	}
	rnm_error_set(err, RNM_E_USAGE, "usage.stdin",
	              "standard input can be read once, but both %s and %s want it", context->stdin_reader,
	              who);
	rnm_error_set_hint(err, "put one of them into a file");
	return RNM_E_USAGE;
}

void context_warn_keys(const struct rnm_model_list *list)
{
	const char *answer = NULL;
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (list->models[i].key_error == NULL)
			continue;
		if (count++ == 0)
			answer = list->models[i].key_error;
	}
	if (count == 0)
		return;
	output_warning("%zu of the %zu keys named in %s cannot be read: %s%s%s", count, list->count,
	               list->zset, answer, list->key_hint != NULL ? "; " : "",
	               list->key_hint != NULL ? list->key_hint : "");
}

/* Digits and nothing else, as the specification of the variable has it. */
static bool read_epoch(const char *text, int64_t *seconds)
{
	*seconds = 0;
	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9' || *seconds > (INT64_MAX - (*c - '0')) / 10)
			return false;
		*seconds = *seconds * 10 + (*c - '0');
	}
	return true;
}

enum rnm_status context_created_at(int64_t *created_at, struct rnm_error *err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	if (epoch == NULL || *epoch == '\0') {
		*created_at = (int64_t)time(NULL);
		return RNM_OK;
	}
	if (read_epoch(epoch, created_at))
		return RNM_OK;
	rnm_error_set(err, RNM_E_USAGE, "usage.epoch",
	              "SOURCE_DATE_EPOCH is '%s', expected seconds since 1970 as digits", epoch);
	rnm_error_set_hint(err, "SOURCE_DATE_EPOCH=$(date +%%s), or unset it to stamp the current time");
	return RNM_E_USAGE;
}

const char *context_spool_dir(void)
{
	const char *folder = getenv("TMPDIR");

	return folder != NULL && *folder != '\0' ? folder : NULL;
}
