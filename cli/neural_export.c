/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drop-in for `rspamadm neural_export`: its order of work, its texts, its two exit codes.  Where it
 * does something better on purpose, docs/compatibility.md says what and why.
 * rspamd: lualib/rspamadm/neural_export.lua.
 */
#include "context.h"
#include "exit_codes.h"
#include "interrupt.h"
#include "model_version.h"
#include "neural_args.h"
#include "output.h"
#include "verbs.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longest part of a malformed member that a warning quotes. */
#define QUOTED_MEMBER_MAX 60

struct neural_export {
	struct context context;
	struct neural_args args;
	struct rnm_rule *rule;
	const char *settings;
	const char *output; /* NULL: none was named */
	bool to_stdout;     /* the model itself goes to stdout, under whatever name */
	FILE *messages;     /* stdout, or stderr when the model takes that */
};

static bool given(const struct neural_export *run, enum option id)
{
	return run->args.values[id].count > 0;
}

static const char *text_of(const struct neural_export *run, enum option id, const char *fallback)
{
	return given(run, id) ? run->args.values[id].text : fallback;
}

/* One line of rspamd's console log: no prefix, control characters as \xx.  stdout goes first. */
static void log_line(FILE *stream, const char *fmt, ...) RNM_PRINTF(2, 3);
static void log_line(FILE *stream, const char *fmt, ...)
{
	struct rnm_buf line;
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		output_no_memory();
		return;
	}
	rnm_buf_init(&line, OUTPUT_MAX);
	output_escape(&line, text, (size_t)len, ESCAPE_LOG);
	free(text);
	rnm_buf_putc(&line, '\n');
	(void)(stream == stdout ? output_buffer(&line) : output_aside(&line));
}

/*
 * A failure: the original's sentence where there is one, else ours, with the next step where ours says
 * one.  Always the same exit code, but for signals.
 */
static int failed(const struct rnm_error *err)
{
	/* For the connection the original prints up to four lines; here it is one that names the server. */
	bool ours = strncmp(err->id, "redis.", 6) == 0 && strcmp(err->id, "redis.no-servers") != 0;

	if (err->reference[0] != '\0' && !ours) {
		log_line(stderr, "%s", err->reference);
	} else {
		log_line(stderr, "%s", err->message);
		if (err->hint[0] != '\0' && !ours)
			log_line(stderr, "  hint: %s", err->hint);
	}
	if (err->status == RNM_E_INTERRUPTED && interrupt_signal != 0)
		return EXIT_BY_SIGNAL(interrupt_signal);
	return EXIT_NEURAL_EXPORT_FAILED;
}

/*
 * A profile's version within a log line: rspamd's logger prints whole numbers exactly, others with the
 * fewest digits that read back.  The list prints version_text.
 */
static const char *log_version(const struct rnm_profile *profile, char text[NUMBER_TEXT_MAX])
{
	if (profile->version_kind != RNM_VERSION_NUMBER)
		return profile->version_text != NULL ? profile->version_text : "0";
	return number_text(profile->version, text);
}

static const char *key_text(const struct rnm_profile *profile)
{
	return profile->redis_key != NULL ? profile->redis_key : "?";
}

static int usage_error(const struct neural_args *args)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	neural_args_usage(&out);
	rnm_buf_puts(&out, "\nError: ");
	/* Only the line break before a tip is ours; what the user typed is made safe. */
	for (const char *line = args->error; line != NULL;) {
		const char *tip = strstr(line, "\nDid you mean ");

		output_escape(&out, line, tip != NULL ? (size_t)(tip - line) : strlen(line), ESCAPE_LOG);
		rnm_buf_putc(&out, '\n');
		line = tip != NULL ? tip + 1 : NULL;
	}
	(void)output_aside(&out);
	return EXIT_NEURAL_EXPORT_FAILED;
}

/* What is wrong with the configuration, as the original words it, but naming a missing file once. */
static int config_failed(const struct neural_export *run, const struct rnm_error *err)
{
	const char *path = run->context.config_path;

	/* The line below would only say that a template failed. */
	if (strcmp(err->id, "config.template") == 0)
		log_line(stderr, "cannot call lua jinja_template script: %s", err->message);
	if (strcmp(err->id, "config.open") == 0 && err->sys_errno != 0)
		log_line(stderr, "cannot open the configuration %s: %s", path, strerror(err->sys_errno));
	else if (strcmp(err->id, "config.process") == 0 && err->reference[0] != '\0')
		log_line(stderr, "cannot process %s: %s", path, err->reference);
	else if (err->reference[0] != '\0')
		log_line(stderr, "cannot parse %s: %s", path, err->reference);
	else
		return failed(err);
	return EXIT_NEURAL_EXPORT_FAILED;
}

static void say_warning(const char *text)
{
	log_line(stderr, "%s", text);
}

static enum rnm_status load(struct neural_export *run, int *code, struct rnm_error *err)
{
	struct context *context = &run->context;
	enum rnm_status status = context_load_config_quietly(context, err);

	if (status != RNM_OK) {
		*code = config_failed(run, err);
		return status;
	}
	context_warnings(context, say_warning);
	/* The original looks for the servers first, whatever it is asked for. */
	status = rnm_redis_settings_from_config(&context->settings, context->config, err);
	if (status == RNM_OK)
		status = rnm_redis_settings_drop_sentinels(context->settings, err);
	if (status == RNM_OK)
		status = rnm_rule_open(&run->rule, context->config, text_of(run, OPTION_RULE, "default"),
		                       &context->rule_options, err);
	if (status != RNM_OK)
		*code = failed(err);
	return status;
}

static void put_safe(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_LOG);
}

/* The records say what lists look like; text from Redis is made safe where the original prints it raw. */
static void print_header(const struct neural_export *run, const char *zset)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_buf_puts(&out, "\nAvailable models for rule '");
	put_safe(&out, run->rule->name);
	rnm_buf_puts(&out, "', settings '");
	put_safe(&out, run->settings);
	rnm_buf_puts(&out, "':\nRedis prefix: ");
	put_safe(&out, zset);
	rnm_buf_puts(&out, "\n\n");
	(void)output_buffer(&out);
}

static void put_model(struct rnm_buf *out, const struct rnm_model *model)
{
	const struct rnm_profile *profile = &model->profile;
	char updated[64];

	rnm_buf_puts(out, "  Version: ");
	put_safe(out, profile->version_text != NULL ? profile->version_text : "0");
	rnm_buf_puts(out, ", Key: ");
	put_safe(out, key_text(profile));
	rnm_buf_printf(out, ", Updated: %s%s\n",
	               output_time(updated, sizeof(updated), profile->score) ? updated : "nil",
	               model->live ? "" : " [stale]");
}

static bool print_models(const struct rnm_model_list *list)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (list->count == 0)
		rnm_buf_puts(&out, "No models found\n");
	for (size_t i = 0; i < list->count; i++) {
		if (list->models[i].profile.parsed)
			put_model(&out, &list->models[i]);
	}
	return output_buffer(&out);
}

/* The original drops these silently or takes them for stale ones. */
static void warn_malformed(const struct rnm_model_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct rnm_profile *profile = &list->models[i].profile;
		size_t shown =
		    profile->member.len < QUOTED_MEMBER_MAX ? profile->member.len : QUOTED_MEMBER_MAX;

		if (profile->malformed || !profile->parsed)
			log_line(stderr, "malformed model profile #%zu: %s: '%.*s%s'", i + 1,
			         profile->problem != NULL ? profile->problem : "not a JSON object",
			         (int)shown, profile->member.data != NULL ? profile->member.data : "",
			         profile->member.len > shown ? "..." : "");
		if (list->models[i].key_error != NULL)
			log_line(stderr, "cannot ask Redis for key %s: %s", key_text(profile),
			         list->models[i].key_error);
	}
}

static int list_models(struct neural_export *run, struct rnm_error *err)
{
	struct rnm_model_list *list = NULL;
	char *zset = rnm_rule_zset(run->rule, run->settings);
	bool printed;

	if (zset == NULL) {
		rnm_error_nomem(err);
		return failed(err);
	}
	print_header(run, zset);
	free(zset);
	if (rnm_store_list(&list, run->context.redis, run->rule, run->settings, RNM_LIST_ALIVE, err) !=
	    RNM_OK)
		return failed(err);
	printed = print_models(list);
	warn_malformed(list);
	rnm_model_list_free(list);
	return printed ? RNM_OK : EXIT_NEURAL_EXPORT_FAILED;
}

/*
 * One line for each profile that the choice passes over, in the order of the list.  With -v the original
 * stops looking at the first match; chosen is past the list when nothing matched.
 */
static void warn_skipped(const struct neural_export *run, const struct rnm_model_list *list, size_t chosen)
{
	bool stop_at_match = given(run, OPTION_MODEL_VERSION);

	for (size_t i = 0; i < list->count && !(stop_at_match && i >= chosen); i++) {
		const struct rnm_model *model = &list->models[i];
		const struct rnm_profile *profile = &model->profile;
		char version[NUMBER_TEXT_MAX];

		if (!profile->parsed)
			continue;
		if (!model->live)
			log_line(stderr, "skip stale model profile: version=%s key=%s",
			         log_version(profile, version), key_text(profile));
		else if (i < chosen && chosen < list->count && model->digest_match != RNM_DIGEST_SAME &&
		         !given(run, OPTION_ANY_DIGEST))
			log_line(stderr,
			         "skip model profile of another configuration: version=%s key=%s "
			         "providers_digest=%s",
			         log_version(profile, version), key_text(profile),
			         profile->providers_digest != NULL ? profile->providers_digest : "nil");
	}
}

/* What the original says when nothing can be exported. */
static int not_chosen(const struct neural_export *run, struct rnm_error *err)
{
	if (strcmp(err->id, "store.empty") == 0) {
		rnm_error_set_reference(err, "no models found in Redis");
	} else if (strcmp(err->id, "store.no-version") == 0 ||
	           (strcmp(err->id, "store.none-live") == 0 && given(run, OPTION_MODEL_VERSION))) {
		char version[NUMBER_TEXT_MAX];

		rnm_error_set_reference(err, "model version %s not found",
		                        number_text(run->args.values[OPTION_MODEL_VERSION].number, version));
	} else if (strcmp(err->id, "store.none-live") == 0) {
		rnm_error_set_reference(err, "no suitable model found");
	}
	return failed(err);
}

static int export_model(struct neural_export *run, const struct rnm_model_list *list, size_t index,
                        struct rnm_error *err)
{
	const struct rnm_profile *profile = &list->models[index].profile;
	struct rnm_export_options how = {
		.path = run->to_stdout ? NULL : run->output,
		.fd = STDOUT_FILENO,
		.original_fields = true,
		.any_digest = given(run, OPTION_ANY_DIGEST),
		.spool_dir = context_spool_dir(),
		.cancel = &interrupt_signal,
	};
	struct rnm_export_result result;
	char version[NUMBER_TEXT_MAX];

	if (context_created_at(&how.created_at, err) != RNM_OK)
		return failed(err);
	log_line(run->messages, "Loading model from key: %s (version %s)", key_text(profile),
	         log_version(profile, version));
	output_flush();
	if (rnm_store_export(run->context.redis, run->rule, list, index, &how, &result, err) != RNM_OK)
		return run->to_stdout && output_pipe_closed(err) ? EXIT_BY_SIGNAL(SIGPIPE) : failed(err);
	log_line(run->messages, "Exported model to: %s", run->output);
	log_line(run->messages, "  Model version: %s", log_version(profile, version));
	log_line(run->messages, "  Providers digest: %s...", result.digest);
	log_line(run->messages, "  File size: %llu bytes", (unsigned long long)result.file_size);
	return RNM_OK;
}

static int choose_and_export(struct neural_export *run, struct rnm_error *err)
{
	const struct rnm_choice choice = {
		.newest = true,
		.any_digest = given(run, OPTION_ANY_DIGEST),
		.has_version = given(run, OPTION_MODEL_VERSION),
		.version = run->args.values[OPTION_MODEL_VERSION].number,
	};
	struct rnm_model_list *list = NULL;
	size_t index = 0;
	enum rnm_status status;
	int code;

	status = rnm_store_list(&list, run->context.redis, run->rule, run->settings, RNM_LIST_ALIVE, err);
	if (status != RNM_OK)
		return failed(err);
	status = rnm_store_choose(&index, list, run->rule, &choice, err);
	warn_skipped(run, list, status == RNM_OK ? index : SIZE_MAX);
	warn_malformed(list);
	code = status == RNM_OK ? export_model(run, list, index, err) : not_chosen(run, err);
	rnm_model_list_free(list);
	return code;
}

static int connect_and_run(struct neural_export *run, struct rnm_error *err)
{
	struct context *context = &run->context;

	interrupt_install();
	if (rnm_redis_connect(&context->redis, context->settings, RNM_REDIS_READ, &interrupt_signal, err) !=
	    RNM_OK)
		return failed(err);
	for (size_t i = 0; i < rnm_redis_note_count(context->redis); i++)
		log_line(stderr, "%s", rnm_redis_note(context->redis, i));
	return given(run, OPTION_LIST) ? list_models(run, err) : choose_and_export(run, err);
}

static bool exports(const struct neural_export *run)
{
	return run->output != NULL && !given(run, OPTION_LIST);
}

static int work(struct neural_export *run)
{
	struct rnm_error err;
	int code = EXIT_NEURAL_EXPORT_FAILED;

	if (exports(run) && output_target(run->output) == OUTPUT_TO_STDERR) {
		log_line(stderr, "%s is standard error, which is for messages (use -o <file>, or -o -)",
		         run->output);
		return code;
	}
	if (load(run, &code, &err) != RNM_OK)
		return code;
	if (given(run, OPTION_DIGEST)) {
		log_line(run->messages, "Providers digest: %s",
		         run->rule->has_providers ? run->rule->digest : "nil");
		if (!given(run, OPTION_LIST) && run->output == NULL)
			return RNM_OK;
	}
	if (!given(run, OPTION_LIST) && run->output == NULL) {
		log_line(stderr, "output file is required for export (use -o <file>)");
		return EXIT_NEURAL_EXPORT_FAILED;
	}
	return connect_and_run(run, &err);
}

static int help(const struct neural_export *run)
{
	char *config_path = context_default_config(run->context.options);
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	neural_args_help(&out, config_path != NULL ? config_path : "<CONFDIR>/rspamd.conf");
	free(config_path);
	return output_buffer(&out) ? RNM_OK : EXIT_NEURAL_EXPORT_FAILED;
}

int verb_neural_export(const struct options *options)
{
	struct neural_export run = { 0 };
	struct options own = *options;
	struct rnm_error err;
	int code;

	if (!neural_args_parse(&run.args, options->rest_count, options->rest))
		return usage_error(&run.args);
	/* -c after the name wins over one before the verb; the context reads it like any other verb's. */
	if (run.args.values[OPTION_CONFIG].count > 0)
		own.values[OPTION_CONFIG] = run.args.values[OPTION_CONFIG];
	if (context_open(&run.context, &own, &err) != RNM_OK)
		return failed(&err);
	run.context.rule_options.as_original = true;
	run.settings = text_of(&run, OPTION_SETTINGS, "default");
	run.output = text_of(&run, OPTION_OUTPUT, NULL);
	run.to_stdout = exports(&run) && output_target(run.output) == OUTPUT_TO_STDOUT;
	run.messages = run.to_stdout ? stderr : stdout;
	code = given(&run, OPTION_HELP) ? help(&run) : work(&run);
	rnm_rule_free(run.rule);
	context_free(&run.context);
	return code;
}
