/* SPDX-License-Identifier: Apache-2.0 */
#include "key_show.h"
#include "output.h"
#include "password.h"
#include "verbs.h"

#include <rnm/rnm.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum rnm_status read_form(const struct options *options, enum key_form last, enum key_form *form,
                                 struct rnm_error *err)
{
	const char *name = option_text(options, OPTION_FORMAT, key_form_names[KEY_FORM_UCL]);

	for (int i = 0; i <= (int)last; i++) {
		if (strcmp(name, key_form_names[i]) == 0) {
			*form = (enum key_form)i;
			return RNM_OK;
		}
	}
	rnm_error_set(err, RNM_E_USAGE, "usage.format", "unknown format of keys '%s'", name);
	rnm_error_set_hint(err, "--format %s",
	                   last == KEY_FORM_MINISIGN ? "ucl, json or minisign"
	                                             : "ucl, json, minisign, pub or minisign-pub");
	return RNM_E_USAGE;
}

static enum rnm_status read_encoding(const struct options *options, enum key_form form,
                                     enum rnm_key_encoding *encoding, struct rnm_error *err)
{
	const char *name = option_text(options, OPTION_ENCODING, NULL);

	*encoding = form == KEY_FORM_MINISIGN_PUB ? RNM_KEY_MINISIGN : RNM_KEY_BASE32;
	if (name == NULL)
		return RNM_OK;
	if (form == KEY_FORM_MINISIGN || form == KEY_FORM_MINISIGN_PUB)
		return rnm_error_set(err, RNM_E_USAGE, "usage.format", "minisign's keys have one encoding");
	for (int i = RNM_KEY_BASE32; i <= RNM_KEY_BASE64; i++) {
		if (strcmp(name, rnm_key_encoding_name((enum rnm_key_encoding)i)) == 0) {
			*encoding = (enum rnm_key_encoding)i;
			return RNM_OK;
		}
	}
	rnm_error_set(err, RNM_E_USAGE, "usage.format", "unknown encoding of keys '%s'", name);
	rnm_error_set_hint(err, "--encoding base32, hex or base64");
	return RNM_E_USAGE;
}

static void warn_of_group(const struct rnm_key *key, const char *path)
{
	if (rnm_key_origin(key)->group_readable)
		output_warning("%s: the group of the file may read this secret key", path);
}

/* ---- a secret key into a file ---- */

struct writing {
	struct rnm_key_write_options how;
	char password[RNM_PASSWORD_MAX + 1];
};

static enum rnm_status prepare_writing(struct writing *writing, const struct options *options,
                                       enum key_form form, enum option password_file, const char *path,
                                       struct rnm_error *err)
{
	static const enum rnm_key_format formats[] = { RNM_KEY_UCL, RNM_KEY_JSON, RNM_KEY_MINISIGN_FILE };
	struct rnm_key_write_options *how = &writing->how;
	enum rnm_status status;

	how->format = formats[form];
	how->name = option_text(options, OPTION_NAME, NULL);
	how->replace = option_given(options, OPTION_FORCE);
	status = read_encoding(options, form, &how->encoding, err);
	if (status != RNM_OK || form != KEY_FORM_MINISIGN || option_given(options, OPTION_NO_PASSWORD) ||
	    option_given(options, OPTION_DRY_RUN))
		return status;
	how->password = writing->password;
	return password_choose(options, password_file, path, writing->password, err);
}

static enum rnm_status write_key(const struct rnm_key *key, const struct options *options, enum key_form form,
                                 enum option password_file, const char *path, struct rnm_error *err)
{
	struct writing writing = { 0 };
	enum rnm_status status = prepare_writing(&writing, options, form, password_file, path, err);

	if (status == RNM_OK && !option_given(options, OPTION_DRY_RUN))
		status = rnm_key_write(key, path, &writing.how, err);
	explicit_bzero(&writing, sizeof(writing));
	return status;
}

/* ---- the words ---- */

static enum rnm_status need_operand(const struct options *options, struct rnm_error *err)
{
	if (options->operand_count == 2 && options->operands[1][0] != '\0')
		return RNM_OK;
	rnm_error_set(err, RNM_E_USAGE, "usage.key", "which file is missing");
	rnm_error_set_hint(err, "rnm key %s FILE", options->operands[0]);
	return RNM_E_USAGE;
}

static bool report_written(const struct options *options, const struct rnm_public_key *key, const char *path)
{
	const bool dry_run = option_given(options, OPTION_DRY_RUN);
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (option_given(options, OPTION_JSON)) {
		rnm_json_init(&json, &out, false);
		rnm_json_begin_object(&json);
		rnm_json_kv_string(&json, "file", path);
		rnm_json_kv_bool(&json, "dry_run", dry_run);
		if (key != NULL)
			key_texts_json(&json, key);
		rnm_json_end_object(&json);
		return output_json(&out);
	}
	if (output_quiet())
		return true;
	output_escape(&out, path, strlen(path), ESCAPE_ALL);
	rnm_buf_puts(&out, dry_run ? ": would be written\n" : ": written\n");
	if (key != NULL) {
		rnm_public_key_text(key, text);
		rnm_buf_printf(&out, "public key: %s\n", text);
	}
	return output_buffer(&out);
}

/* What would keep the file from being written, as far as it can be seen before. */
static enum rnm_status check_target(const struct options *options, const char *path, struct rnm_error *err)
{
	if (option_given(options, OPTION_FORCE) || access(path, F_OK) != 0)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "key.exists", "there is a file already where the key goes");
	rnm_error_at_line(err, path, 0);
	rnm_error_set_hint(err, "another key may be in it, of which there is no copy; --force replaces it");
	return RNM_E_REFUSED;
}

static enum rnm_status key_new(const struct options *options, bool *printed, struct rnm_error *err)
{
	const char *path = options->operands[1];
	const char *pubout = option_text(options, OPTION_PUBOUT, NULL);
	const bool dry_run = option_given(options, OPTION_DRY_RUN);
	struct rnm_key *key = NULL;
	enum key_form form;
	enum rnm_status status = read_form(options, KEY_FORM_MINISIGN, &form, err);

	/* Before a password is asked for, and before one file is there without the other. */
	if (status == RNM_OK)
		status = check_target(options, path, err);
	if (status == RNM_OK && pubout != NULL)
		status = check_target(options, pubout, err);
	if (status == RNM_OK)
		status = rnm_key_generate(&key, err);
	if (status == RNM_OK)
		status = write_key(key, options, form, OPTION_PASSWORD_FILE, path, err);
	if (status == RNM_OK && pubout != NULL && !dry_run)
		status = rnm_public_key_write(rnm_key_public(key), pubout,
		                              form == KEY_FORM_MINISIGN ? RNM_KEY_MINISIGN : RNM_KEY_BASE32,
		                              option_given(options, OPTION_FORCE), err);
	if (status == RNM_OK)
		*printed = report_written(options, dry_run ? NULL : rnm_key_public(key), path);
	rnm_key_free(key);
	return status;
}

/* A public key by its text or file, or one with its secret, which *key is then. */
static enum rnm_status open_any(const struct options *options, const char *name,
                                struct rnm_public_key *public, struct rnm_key **key, struct rnm_error *err)
{
	struct key_passwords from;
	const struct rnm_password_source passwords = password_source(&from, options);
	enum rnm_status status = rnm_public_key_parse(public, name, err);

	if (status == RNM_E_MALFORMED)
		status = rnm_public_key_load(public, name, err);
	if (status != RNM_E_MALFORMED)
		return status;
	status = rnm_key_load(key, name, &passwords, err);
	if (status == RNM_OK) {
		*public = *rnm_key_public(*key);
		warn_of_group(*key, name);
	}
	return status;
}

static enum rnm_status key_show(const struct options *options, bool *printed, struct rnm_error *err)
{
	struct shown_key shown = { .file = options->operands[1] };
	struct rnm_key *key = NULL;
	enum rnm_status status = open_any(options, shown.file, &shown.key, &key, err);

	if (status == RNM_OK) {
		shown.origin = key != NULL ? rnm_key_origin(key) : NULL;
		*printed = option_given(options, OPTION_JSON) ? key_show_json(&shown) : key_show_text(&shown);
	}
	rnm_key_free(key);
	return status;
}

/* A public key: into the file of -o, else to standard output. */
static enum rnm_status write_public(const struct options *options, const struct rnm_public_key *key,
                                    enum key_form form, bool *printed, struct rnm_error *err)
{
	const char *path = option_text(options, OPTION_OUTPUT, "-");
	enum rnm_key_encoding encoding;
	enum rnm_status status = read_encoding(options, form, &encoding, err);
	struct rnm_buf out;

	if (status != RNM_OK)
		return status;
	if (strcmp(path, "-") == 0) {
		rnm_buf_init(&out, OUTPUT_MAX);
		rnm_public_key_file_text(key, encoding, &out);
		*printed = output_buffer(&out);
		return RNM_OK;
	}
	status = check_target(options, path, err);
	if (status == RNM_OK && !option_given(options, OPTION_DRY_RUN))
		status = rnm_public_key_write(key, path, encoding, option_given(options, OPTION_FORCE), err);
	if (status == RNM_OK)
		*printed = report_written(options, key, path);
	return status;
}

static enum rnm_status write_secret(const struct options *options, const struct rnm_key *key,
                                    enum key_form form, bool *printed, struct rnm_error *err)
{
	const char *path = option_text(options, OPTION_OUTPUT, NULL);
	enum rnm_status status;

	if (key == NULL) {
		rnm_error_set(err, RNM_E_USAGE, "usage.key", "a public key cannot become a secret one");
		rnm_error_set_hint(err, "--format pub or minisign-pub");
		return RNM_E_USAGE;
	}
	if (path == NULL || strcmp(path, "-") == 0) {
		rnm_error_set(err, RNM_E_USAGE, "usage.key",
		              "a secret key is written into a file, with mode 0600");
		rnm_error_set_hint(err, "name it with -o FILE; --format pub prints the public key");
		return RNM_E_USAGE;
	}
	status = check_target(options, path, err);
	if (status == RNM_OK)
		status = write_key(key, options, form, OPTION_NEW_PASSWORD_FILE, path, err);
	if (status == RNM_OK)
		*printed = report_written(options, rnm_key_public(key), path);
	return status;
}

static enum rnm_status key_convert(const struct options *options, bool *printed, struct rnm_error *err)
{
	struct rnm_public_key public;
	struct rnm_key *key = NULL;
	enum key_form form;
	enum rnm_status status = read_form(options, KEY_FORM_MINISIGN_PUB, &form, err);

	if (status == RNM_OK)
		status = open_any(options, options->operands[1], &public, &key, err);
	if (status == RNM_OK)
		status = form >= KEY_FORM_PUB ? write_public(options, &public, form, printed, err)
		                              : write_secret(options, key, form, printed, err);
	rnm_key_free(key);
	return status;
}

/* ---- the verb ---- */

struct word {
	const char *name;
	/* *printed becomes false when what there is to say did not get out, which has been told then. */
	enum rnm_status (*run)(const struct options *options, bool *printed, struct rnm_error *err);
	/* Options that mean something to it; the table knows only whole verbs. */
	enum option options[8];
	size_t option_count;
};

static const struct word words[] = {
	{ "new",
	  key_new,
	  { OPTION_FORMAT, OPTION_ENCODING, OPTION_NAME, OPTION_PUBOUT, OPTION_PASSWORD_FILE,
	    OPTION_NO_PASSWORD, OPTION_FORCE, OPTION_DRY_RUN },
	  8 },
	{ "show", key_show, { OPTION_PASSWORD_FILE }, 1 },
	{ "convert",
	  key_convert,
	  { OPTION_FORMAT, OPTION_ENCODING, OPTION_OUTPUT, OPTION_PASSWORD_FILE, OPTION_NEW_PASSWORD_FILE,
	    OPTION_NO_PASSWORD, OPTION_FORCE, OPTION_DRY_RUN },
	  8 },
};

static bool takes(const struct word *word, enum option option)
{
	for (size_t i = 0; i < word->option_count; i++)
		if (word->options[i] == option)
			return true;
	return false;
}

static enum rnm_status check_options(const struct word *word, const struct options *options,
                                     struct rnm_error *err)
{
	static const enum option of_all[] = { OPTION_JSON, OPTION_QUIET, OPTION_NO_COLOR, OPTION_HELP };

	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];
		bool common = false;

		for (size_t j = 0; j < sizeof(of_all) / sizeof(of_all[0]); j++)
			common = common || of_all[j] == spec->id;
		if ((spec->scopes & ON(VERB_KEY)) != 0 && option_given(options, spec->id) && !common &&
		    !takes(word, spec->id))
			return rnm_error_set(err, RNM_E_USAGE, "usage.key",
			                     "--%s means nothing to rnm key %s", spec->name, word->name);
	}
	return RNM_OK;
}

int verb_key(const struct options *options)
{
	const struct word *word = NULL;
	bool printed = true;
	struct rnm_error err;
	enum rnm_status status;

	for (size_t i = 0; options->operand_count > 0 && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(options->operands[0], words[i].name) == 0)
			word = &words[i];
	if (word == NULL)
		return output_usage_error(
		    "rnm key new FILE, rnm key show FILE, or rnm key convert FILE -o FILE",
		    "what to do with a key is missing: new, show or convert");
	status = check_options(word, options, &err);
	if (status == RNM_OK)
		status = need_operand(options, &err);
	if (status == RNM_OK)
		status = word->run(options, &printed, &err);
	if (status != RNM_OK)
		return output_error(&err);
	return printed ? RNM_OK : RNM_E_IO;
}
