/* SPDX-License-Identifier: Apache-2.0 */
#include "import_report.h"
#include "model_argument.h"
#include "output.h"
#include "progress.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_FROM_REDIS "@redis"
/* A file of names; rspamd's own list has some thousand. */
#define SYMBOLS_FILE_MAX ((size_t)64 << 20)

/* What the verb holds while it works. */
struct importing {
	struct context context;
	struct model_argument model;
	struct rnm_rule *rule;
	struct rnm_import *import;
	struct rnm_buf names; /* the file of --symbols, cut into lines */
	const char **symbols;
	size_t symbol_count;
};

/* ---- --symbols ---- */

static enum rnm_status read_names(struct importing *work, const char *path, struct rnm_error *err)
{
	const bool from_stdin = strcmp(path, "-") == 0;
	enum rnm_status status = from_stdin ? context_take_stdin(&work->context, "--symbols", err) : RNM_OK;
	FILE *file = status == RNM_OK && from_stdin ? stdin : NULL;
	char piece[4096];
	bool too_long = false;
	size_t len;

	if (status != RNM_OK)
		return status;
	if (file == NULL)
		file = fopen(path, "re");
	if (file == NULL)
		return rnm_error_sys(err, "file.open", errno, "cannot open the list of symbols %s", path);
	while (!too_long && !work->names.failed && (len = fread(piece, 1, sizeof(piece), file)) > 0) {
		too_long = len > SYMBOLS_FILE_MAX - work->names.len;
		rnm_buf_append(&work->names, piece, len);
	}
	if (ferror(file))
		status = rnm_error_sys(err, "file.read", errno, "cannot read the list of symbols %s", path);
	else if (too_long)
		status = rnm_error_set(err, RNM_E_MALFORMED, "import.symbol",
		                       "expected a list of symbols of at most %zu bytes in %s, found more",
		                       SYMBOLS_FILE_MAX, path);
	else if (work->names.failed)
		status = rnm_error_nomem(err);
	if (!from_stdin)
		fclose(file);
	return status;
}

/* One name on each line, with blanks around it or not; empty lines do not count. */
static enum rnm_status cut_lines(struct importing *work, struct rnm_error *err)
{
	char *rest = work->names.data;
	size_t room = 1;
	char *line;

	if (memchr(rnm_buf_cstr(&work->names), '\0', work->names.len) != NULL)
		return rnm_error_set(err, RNM_E_MALFORMED, "import.symbol",
		                     "expected a list of symbols, found a NUL byte in it");
	for (size_t i = 0; i < work->names.len; i++)
		room += work->names.data[i] == '\n';
	work->symbols = calloc(room, sizeof(*work->symbols));
	if (work->symbols == NULL)
		return rnm_error_nomem(err);
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		line += strspn(line, " \t\r");
		for (size_t len = strlen(line); len > 0 && strchr(" \t\r", line[len - 1]) != NULL; len--)
			line[len - 1] = '\0';
		if (*line != '\0' && work->symbol_count < room)
			work->symbols[work->symbol_count++] = line;
	}
	return RNM_OK;
}

static enum rnm_status take_symbols(struct importing *work, struct rnm_import_options *how,
                                    struct rnm_error *err)
{
	const char *from = option_text(work->context.options, OPTION_SYMBOLS, NULL);
	enum rnm_status status;

	if (from == NULL)
		return RNM_OK;
	if (strcmp(from, SYMBOLS_FROM_REDIS) == 0) {
		how->symbols_from = RNM_IMPORT_SYMBOLS_REDIS;
		return RNM_OK;
	}
	status = read_names(work, from, err);
	if (status == RNM_OK)
		status = cut_lines(work, err);
	how->symbols_from = RNM_IMPORT_SYMBOLS_GIVEN;
	how->symbols = work->symbols;
	how->symbol_count = work->symbol_count;
	return status;
}

/* ---- the verb ---- */

/* Without a configuration nobody knows which inputs the rule has, or for how long its models live. */
static enum rnm_status need_config(const struct context *context, struct rnm_error *err)
{
	rnm_error_set(
	    err, RNM_E_REFUSED, "import.no-config",
	    "no configuration was read (%s does not exist), so nothing says which digest the rule has",
	    context->config_path);
	rnm_error_set_hint(err, "name the configuration that the workers have with -c FILE");
	return RNM_E_REFUSED;
}

static enum rnm_status open_all(struct importing *work, struct rnm_import_options *how, struct rnm_error *err)
{
	struct context *context = &work->context;
	enum rnm_status status = context_load_config(context, err);

	if (status == RNM_OK && context->config == NULL)
		status = need_config(context, err);
	if (status == RNM_OK)
		status = context_rule(context, option_text(context->options, OPTION_RULE, "default"),
		                      &work->rule, err);
	if (status == RNM_OK)
		status = take_symbols(work, how, err);
	if (status == RNM_OK)
		status = model_argument_open_once(&work->model, context, context->options->operands[0], err);
	return status == RNM_OK ? context_connect_to_write(context, err) : status;
}

static enum rnm_status import_model(struct importing *work, struct rnm_error *err)
{
	const struct options *options = work->context.options;
	struct progress progress;
	char tool[64];
	struct rnm_import_options how = {
		.settings = option_text(options, OPTION_SETTINGS, "default"),
		.has_version = option_given(options, OPTION_MODEL_VERSION),
		.version = options->values[OPTION_MODEL_VERSION].number,
		.force = option_given(options, OPTION_FORCE),
		.dry_run = option_given(options, OPTION_DRY_RUN),
		.tool = tool,
		.progress = progress_report,
		.progress_ctx = &progress,
	};
	enum rnm_status status = open_all(work, &how, err);

	if (status != RNM_OK)
		return status;
	(void)snprintf(tool, sizeof(tool), "rnm %s", rnm_version());
	how.config = work->context.config;
	progress_start(&progress, "importing");
	status =
	    rnm_store_import(&work->import, work->context.redis, work->rule, work->model.file, &how, err);
	progress_end(&progress);
	return status;
}

static int report(const struct importing *work, const struct rnm_error *err)
{
	const struct options *options = work->context.options;
	const struct import_run run = {
		.model = options->operands[0],
		.settings = option_text(options, OPTION_SETTINGS, "default"),
		.dry_run = option_given(options, OPTION_DRY_RUN),
		.rule = work->rule,
		.import = work->import,
		.server = work->context.redis != NULL ? rnm_redis_address(work->context.redis) : NULL,
	};
	struct rnm_buf out;
	int code = err != NULL ? output_error(err) : RNM_OK;

	if (err == NULL)
		import_warn(&run);
	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(options, OPTION_JSON)) {
		struct rnm_json json;

		rnm_json_init(&json, &out, false);
		import_json(&json, &run, err);
		return output_json(&out) ? code : RNM_E_IO;
	}
	if (err != NULL || output_quiet())
		return code;
	import_text(&out, &run);
	return output_buffer(&out) ? RNM_OK : RNM_E_IO;
}

int verb_import(const struct options *options)
{
	struct importing work = { 0 };
	struct rnm_error err;
	enum rnm_status status;
	int code;

	if (options->operand_count == 0)
		return output_usage_error("rnm import MODEL -r RULE", "which model to import is missing");
	rnm_buf_init(&work.names, SYMBOLS_FILE_MAX);
	status = context_open(&work.context, options, &err);
	if (status == RNM_OK)
		status = import_model(&work, &err);
	code = report(&work, status == RNM_OK ? NULL : &err);
	rnm_import_free(work.import);
	model_argument_free(&work.model);
	rnm_rule_free(work.rule);
	free(work.symbols);
	rnm_buf_free(&work.names);
	context_free(&work.context);
	return code;
}
