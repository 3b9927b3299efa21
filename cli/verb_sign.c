/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "duration.h"
#include "moment.h"
#include "output.h"
#include "password.h"
#include "signature.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

/* How long a statement holds unless something else is said: long enough to forget that it ends, short enough to end. */
#define DEFAULT_VALIDITY (365.0 * 86400)

/* One file of the command line. */
struct signed_one {
	const char *path;
	struct rnm_signing *signing; /* NULL when it failed */
	enum rnm_status status;
	char problem[RNM_ERROR_TEXT_MAX];
};

struct sign_run {
	struct context context;
	struct rnm_rule *rule; /* of -r and -c */
	struct rnm_key *key;
	struct rnm_verify_options verify;
	struct rnm_sign_options how;
	struct signed_one *files;
	size_t count;
};

/* ---- what is to be said ---- */

static enum rnm_status read_times(struct sign_run *run, struct rnm_error *err)
{
	const struct options *options = run->context.options;
	double seconds = 0;
	enum rnm_status status = context_created_at(&run->how.created, err);

	if (status == RNM_OK && option_given(options, OPTION_NOT_AFTER))
		return moment_option(&run->how.not_after, options, OPTION_NOT_AFTER, err);
	if (status == RNM_OK)
		status = duration_option(&seconds, options, OPTION_VALID_FOR, DEFAULT_VALIDITY, err);
	run->how.not_after = run->how.created + (int64_t)seconds;
	return status;
}

/* The name of a rule is said in the statement; with -c the model must also be one for it. */
static enum rnm_status open_rule(struct sign_run *run, struct rnm_error *err)
{
	const struct options *options = run->context.options;
	enum rnm_status status;

	run->how.rule = option_text(options, OPTION_RULE, NULL);
	run->verify.index = SIZE_MAX;
	run->how.verify = &run->verify;
	if (!option_given(options, OPTION_CONFIG))
		return RNM_OK;
	if (run->how.rule == NULL) {
		rnm_error_set(err, RNM_E_USAGE, "usage.rule", "-c names a configuration, but no rule of it");
		rnm_error_set_hint(err, "add -r RULE");
		return RNM_E_USAGE;
	}
	status = context_load_config(&run->context, err);
	if (status == RNM_OK)
		status = context_rule(&run->context, run->how.rule, &run->rule, err);
	run->verify.rule = run->rule;
	run->verify.config = run->context.config;
	return status;
}

static enum rnm_status load_key(struct sign_run *run, struct rnm_error *err)
{
	const struct options *options = run->context.options;
	const char *path = option_text(options, OPTION_SIGN_KEY, NULL);
	struct key_passwords from;
	const struct rnm_password_source passwords = password_source(&from, options);
	enum rnm_status status = rnm_key_load(&run->key, path, &passwords, err);

	if (status == RNM_OK && rnm_key_origin(run->key)->group_readable)
		output_warning("%s: the group of the file may read this secret key", path);
	return status;
}

static enum rnm_status prepare(struct sign_run *run, struct rnm_error *err)
{
	const struct options *options = run->context.options;
	enum rnm_status status = read_times(run, err);

	run->how.name = option_text(options, OPTION_NAME, NULL);
	run->how.any_file = option_given(options, OPTION_ANY_FILE);
	if (status == RNM_OK)
		status = open_rule(run, err);
	if (status == RNM_OK)
		status = load_key(run, err);
	if (status != RNM_OK)
		return status;
	run->files = calloc(options->operand_count, sizeof(*run->files));
	return run->files != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* ---- the work ---- */

static enum rnm_status sign_one(const struct sign_run *run, struct signed_one *file, struct rnm_error *err)
{
	enum rnm_status status = rnm_sign_file(&file->signing, file->path, run->key, &run->how, err);

	if (status == RNM_OK && !option_given(run->context.options, OPTION_DRY_RUN))
		status = rnm_signing_write(file->signing, file->path, run->key, err);
	return status;
}

/* All of them, whatever becomes of one: the exit code is that of the first failure. */
static int sign_all(struct sign_run *run)
{
	const struct options *options = run->context.options;
	struct rnm_error err;
	int code = RNM_OK;

	for (size_t i = 0; i < options->operand_count; i++) {
		struct signed_one *file = &run->files[run->count++];

		file->path = options->operands[i];
		file->status = sign_one(run, file, &err);
		if (file->status == RNM_OK)
			continue;
		(void)snprintf(file->problem, sizeof(file->problem), "%s", err.message);
		(void)output_error_about(err.file[0] == '\0' ? file->path : NULL, &err);
		if (code == RNM_OK)
			code = rnm_status_exit_code(file->status);
	}
	return code;
}

/* ---- the report ---- */

static void text_file(struct rnm_buf *out, const struct signed_one *file, bool dry_run)
{
	output_escape(out, file->path, strlen(file->path), ESCAPE_ALL);
	rnm_buf_puts(out, dry_run ? ": would be signed\n"
	                          : ": signed (" RNM_SIGNATURE_SUFFIX ", " RNM_STATEMENT_SUFFIX
	                            "), read back and checked\n");
	statement_text(out, "  ", &file->signing->statement);
}

static bool print_text(const struct sign_run *run)
{
	const bool dry_run = option_given(run->context.options, OPTION_DRY_RUN);
	char key[RNM_PUBLIC_KEY_TEXT_SIZE];
	size_t done = 0;
	struct rnm_buf out;

	if (output_quiet())
		return true;
	rnm_buf_init(&out, OUTPUT_MAX);
	for (size_t i = 0; i < run->count; i++) {
		if (run->files[i].status != RNM_OK || run->files[i].signing == NULL)
			continue;
		text_file(&out, &run->files[i], dry_run);
		done++;
	}
	rnm_public_key_text(rnm_key_public(run->key), key);
	if (done > 0)
		rnm_buf_printf(&out, "key: %s\n", key);
	return output_buffer(&out);
}

static void json_file(struct rnm_json *json, const struct signed_one *file)
{
	char signature[2 * RNM_SIGNATURE_SIZE + 1];

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "file", file->path);
	rnm_json_kv_string(json, "status", rnm_status_name(file->status));
	rnm_json_kv_string(json, "problem", file->status != RNM_OK ? file->problem : NULL);
	if (file->status == RNM_OK && file->signing != NULL) {
		for (size_t i = 0; i < RNM_SIGNATURE_SIZE; i++)
			(void)snprintf(signature + 2 * i, 3, "%02x", file->signing->signature[i]);
		rnm_json_kv_string(json, "signature", signature);
		statement_json(json, &file->signing->statement);
	}
	rnm_json_end_object(json);
}

static bool print_json(const struct sign_run *run)
{
	char key[RNM_PUBLIC_KEY_TEXT_SIZE];
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_json_init(&json, &out, false);
	rnm_public_key_text(rnm_key_public(run->key), key);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "key", key);
	rnm_json_kv_bool(&json, "dry_run", option_given(run->context.options, OPTION_DRY_RUN));
	rnm_json_key(&json, "files");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < run->count; i++)
		json_file(&json, &run->files[i]);
	rnm_json_end_array(&json);
	rnm_json_end_object(&json);
	return output_json(&out);
}

/* ---- the verb ---- */

static int check_usage(const struct options *options)
{
	if (options->operand_count == 0)
		return output_usage_error("rnm sign FILE -k KEY", "which file to sign is missing");
	if (!option_given(options, OPTION_SIGN_KEY))
		return output_usage_error("rnm sign FILE -k KEY; rnm key new makes one",
		                          "the key to sign with is missing");
	if (option_given(options, OPTION_NAME) && options->operand_count > 1)
		return output_usage_error("sign them one by one", "--name is the name of one file, found %zu",
		                          options->operand_count);
	for (size_t i = 0; i < options->operand_count; i++)
		if (strcmp(options->operands[i], "-") == 0)
			return output_usage_error(
			    "write it into a file first",
			    "signatures stand beside files, and standard input is none");
	return RNM_OK;
}

int verb_sign(const struct options *options)
{
	struct sign_run run = { 0 };
	struct rnm_error err;
	enum rnm_status status;
	int code = check_usage(options);

	if (code != RNM_OK)
		return code;
	status = context_open(&run.context, options, &err);
	if (status == RNM_OK)
		status = prepare(&run, &err);
	if (status == RNM_OK) {
		code = sign_all(&run);
		if (!(option_given(options, OPTION_JSON) ? print_json(&run) : print_text(&run)))
			code = RNM_E_IO;
	} else {
		code = output_error(&err);
	}
	for (size_t i = 0; i < run.count; i++)
		rnm_signing_free(run.files[i].signing);
	free(run.files);
	rnm_key_free(run.key);
	rnm_rule_free(run.rule);
	context_free(&run.context);
	return code;
}
