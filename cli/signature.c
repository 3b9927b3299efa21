/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"
#include "output.h"

#include <string.h>
#include <time.h>

/* ---- statements ---- */

static void json_text(struct rnm_json *json, const char *key, const char *text)
{
	rnm_json_kv_string(json, key, text[0] != '\0' ? text : NULL);
}

void statement_json(struct rnm_json *json, const struct rnm_statement *statement)
{
	char hash[2 * RNM_BLAKE2B_SIZE + 1];

	json_text(json, "name", statement->name);
	json_text(json, "rule", statement->rule);
	json_text(json, "providers_digest", statement->providers_digest);
	if (statement->has_model_version)
		rnm_json_kv_uint(json, "model_version", statement->model_version);
	else
		rnm_json_kv_null(json, "model_version");
	rnm_json_kv_int(json, "created", statement->created);
	if (statement->not_after != 0)
		rnm_json_kv_int(json, "not_after", statement->not_after);
	else
		rnm_json_kv_null(json, "not_after");
	rnm_json_kv_uint(json, "size", statement->size);
	for (size_t i = 0; i < RNM_BLAKE2B_SIZE; i++)
		(void)snprintf(hash + 2 * i, 3, "%02x", statement->blake2b[i]);
	rnm_json_kv_string(json, "blake2b", hash);
}

static void put_time(struct rnm_buf *out, int64_t when)
{
	char text[32];

	if (output_time(text, sizeof(text), (double)when))
		rnm_buf_puts(out, text);
	else
		rnm_buf_printf(out, "%lld", (long long)when);
}

void statement_text(struct rnm_buf *out, const char *margin, const struct rnm_statement *statement)
{
	rnm_buf_printf(out, "%sname ", margin);
	output_name(out, statement->name);
	if (statement->rule[0] != '\0') {
		rnm_buf_puts(out, ", rule ");
		output_name(out, statement->rule);
	}
	if (statement->providers_digest[0] != '\0' &&
	    strcmp(statement->providers_digest, statement->name) != 0) {
		rnm_buf_puts(out, ", digest ");
		output_name(out, statement->providers_digest);
	}
	if (statement->has_model_version)
		rnm_buf_printf(out, ", version %llu", (unsigned long long)statement->model_version);
	rnm_buf_printf(out, "\n%ssigned ", margin);
	put_time(out, statement->created);
	if (statement->not_after == 0) {
		rnm_buf_puts(out, ", holds for ever\n");
		return;
	}
	rnm_buf_puts(out, ", holds until ");
	put_time(out, statement->not_after);
	rnm_buf_putc(out, '\n');
}

/* ---- checking ---- */

enum rnm_status trust_option(struct rnm_trust **trust, const struct options *options, struct rnm_error *err)
{
	const char *key = option_text(options, OPTION_TRUST_KEY, NULL);
	const char *folder = option_text(options, OPTION_TRUSTED, NULL);
	enum rnm_status status = rnm_trust_new(trust, err);

	if (status == RNM_OK && key != NULL)
		status = rnm_trust_add(*trust, key, err);
	if (status == RNM_OK && folder != NULL)
		status = rnm_trust_add_folder(*trust, folder, err);
	return status;
}

enum rnm_status signature_open(struct rnm_model_file **out, struct rnm_signed *by, struct rnm_trust **trust,
                               const char *path, const struct options *options, struct rnm_error *err)
{
	struct rnm_signed_policy policy = {
		.name = option_text(options, OPTION_NAME, NULL),
		.now = (int64_t)time(NULL),
		.raw_is_enough = option_given(options, OPTION_RAW_SIGNATURE),
	};
	enum rnm_status status = trust_option(trust, options, err);

	policy.trust = *trust;
	return status == RNM_OK ? rnm_signed_file_open(out, by, path, &policy, err) : status;
}

/*
 * A model lies under its own name or, where rspamd asks for it, under its digest.  The digest is part of what was
 * signed: under that name it cannot be passed off as another one.
 */
static enum rnm_status check_name(const struct rnm_statement *statement, const char *path,
                                  const struct rnm_model_file *model, struct rnm_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	const char *digest = model->container->providers_digest;
	enum rnm_status status;

	if (digest[0] != '\0' && strcmp(statement->name, digest) == 0)
		return RNM_OK;
	/* The times have been looked at. */
	status = rnm_statement_holds(statement, base, statement->created, err);
	if (status != RNM_OK)
		rnm_error_set_hint(err, "--name %s, if that is the name under which it should lie",
		                   statement->name);
	return status;
}

enum rnm_status signature_fits(const struct rnm_signed *signature, const char *path,
                               const struct rnm_model_file *model, const struct options *options,
                               struct rnm_error *err)
{
	const struct rnm_statement *statement = &signature->statement;
	const char *rule = option_text(options, OPTION_RULE, NULL);
	enum rnm_status status = RNM_OK;

	if (!signature->has_statement)
		return RNM_OK;
	status = rnm_statement_fits(statement, model, err);
	if (status == RNM_OK && !option_given(options, OPTION_NAME))
		status = check_name(statement, path, model, err);
	if (status == RNM_OK && rule != NULL && statement->rule[0] != '\0' &&
	    strcmp(rule, statement->rule) != 0)
		status = rnm_error_set(err, RNM_E_SIGNATURE, "statement.rule",
		                       "it is signed for the rule %s and not for %s", statement->rule, rule);
	if (status == RNM_E_SIGNATURE)
		rnm_error_at_line(err, path, 0);
	return status;
}

void signature_text(struct rnm_buf *out, const struct rnm_signed *signature)
{
	char key[RNM_PUBLIC_KEY_TEXT_SIZE];

	rnm_public_key_text(&signature->signer->key, key);
	rnm_buf_printf(out, "  %-11s %s%-8s%s by %s", "signature", output_color(COLOR_GREEN), "ok",
	               output_color(COLOR_NONE), key);
	if (strcmp(signature->signer->name, key) != 0) {
		rnm_buf_puts(out, " (");
		output_name(out, signature->signer->name);
		rnm_buf_putc(out, ')');
	}
	rnm_buf_puts(out, signature->has_statement ? "\n" : ", of the bytes alone\n");
	if (signature->has_statement)
		statement_text(out, "    ", &signature->statement);
}

void signature_json(struct rnm_json *json, const struct rnm_signed *signature)
{
	char key[RNM_PUBLIC_KEY_TEXT_SIZE];

	rnm_json_key(json, "signature");
	if (signature == NULL) {
		rnm_json_null(json);
		return;
	}
	rnm_public_key_text(&signature->signer->key, key);
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "key", key);
	rnm_json_kv_string(json, "trusted_as", signature->signer->name);
	rnm_json_key(json, "statement");
	if (signature->has_statement) {
		rnm_json_begin_object(json);
		statement_json(json, &signature->statement);
		rnm_json_end_object(json);
	} else {
		rnm_json_null(json);
	}
	rnm_json_end_object(json);
}
