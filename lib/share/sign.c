/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "share/envelope.h"
#include "share/hash_beside.h"
#include "store/model_file.h"

#include <rnm/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As signtool creates them: the world may read a signature, the umask permitting. */
#define SIGNATURE_MODE 0644

/* ---- what a model says of itself ---- */

/* False for a text that is too long, which becomes none. */
static bool copy_text(char *out, size_t size, const char *text)
{
	const bool fits = text != NULL && strlen(text) < size;

	if (fits)
		memcpy(out, text, strlen(text) + 1);
	else
		out[0] = '\0';
	return fits;
}

/* Only a whole number is a version that can be compared. */
static bool version_of(const struct rnm_rnm1 *container, uint64_t *version)
{
	const double number = container->model_version;

	*version = 0;
	if (!container->has_model_version || !(number >= 0 && number < 0x1p63) ||
	    number != (double)(uint64_t)number)
		return false;
	*version = (uint64_t)number;
	return true;
}

void rnm_statement_describe(struct rnm_statement *statement, const struct rnm_model_file *model,
                            const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const struct rnm_rnm1 *container = model != NULL ? model->container : NULL;

	statement->rule[0] = '\0';
	statement->providers_digest[0] = '\0';
	statement->has_model_version = false;
	statement->model_version = 0;
	if (container != NULL) {
		const struct rnm_value *rule = rnm_value_get(container->extra, "rule");

		(void)copy_text(statement->rule, sizeof(statement->rule), rnm_value_string(rule));
		(void)copy_text(statement->providers_digest, sizeof(statement->providers_digest),
		                container->providers_digest);
		statement->has_model_version = version_of(container, &statement->model_version);
		if (container->providers_digest[0] != '\0')
			name = container->providers_digest;
	}
	(void)copy_text(statement->name, sizeof(statement->name), name);
}

enum rnm_status rnm_statement_fits(const struct rnm_statement *statement, const struct rnm_model_file *model,
                                   struct rnm_error *err)
{
	const char *digest = model->container->providers_digest;
	uint64_t version;
	const bool has_version = version_of(model->container, &version);

	if (strcmp(digest, statement->providers_digest) != 0)
		return rnm_error_set(
		    err, RNM_E_SIGNATURE, "statement.content",
		    "the statement is about a model for the digest '%s', the model says '%s'",
		    statement->providers_digest, digest);
	if (has_version != statement->has_model_version || version != statement->model_version)
		return rnm_error_set(err, RNM_E_SIGNATURE, "statement.content",
		                     "the statement is about version %llu of the model, the model says %llu",
		                     (unsigned long long)statement->model_version,
		                     (unsigned long long)version);
	return RNM_OK;
}

/* ---- signing ---- */

/* signtool cannot map an empty file, and there is nothing that its signature could prove. */
static enum rnm_status nothing_to_sign(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_USAGE, "sign.empty", "expected a file to sign, found an empty one");
}

/*
 * Raw signatures have no domain of their own: that of a file which looks like the text under a statement would be one of
 * that statement.  No model looks like it.
 */
static bool looks_like_ours(struct rnm_bytes file)
{
	static const char *const domains[] = { RNM_DOMAIN_STATEMENT "\n", RNM_DOMAIN_INDEX "\n" };

	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
		if (file.len >= strlen(domains[i]) && memcmp(file.data, domains[i], strlen(domains[i])) == 0)
			return true;
	return false;
}

enum rnm_status rnm_signing_new(struct rnm_signing **out, struct rnm_bytes file, const struct rnm_key *key,
                                const struct rnm_statement *statement, struct rnm_error *err)
{
	struct rnm_hash_beside beside;
	struct rnm_signing *signing;
	enum rnm_status status;

	if (file.len == 0)
		return nothing_to_sign(err);
	if (looks_like_ours(file))
		return rnm_error_set(err, RNM_E_REFUSED, "sign.domain",
		                     "the file begins like the text under a statement of rnm: its signature "
		                     "would be taken for one");
	signing = calloc(1, sizeof(*signing));
	if (signing == NULL)
		return rnm_error_nomem(err);
	rnm_buf_init(&signing->text, RNM_STATEMENT_FILE_MAX);
	signing->statement = *statement;
	rnm_hash_start(&beside, file);
	status = rnm_key_sign(key, file, signing->signature, err);
	rnm_hash_finish(&beside);
	memcpy(signing->statement.blake2b, beside.hash, sizeof(beside.hash));
	signing->statement.size = file.len;
	if (status == RNM_OK)
		status = rnm_statement_write(&signing->statement, key, &signing->text, err);
	if (status == RNM_OK)
		*out = signing;
	else
		rnm_signing_free(signing);
	return status;
}

/* What is signed is a promise to those who load it: only a sound model, and for the rule where one is known. */
static enum rnm_status judge(const struct rnm_model_file *model, const struct rnm_sign_options *options,
                             struct rnm_error *err)
{
	struct rnm_verification *verification = NULL;
	enum rnm_status status = rnm_model_verify(&verification, model, options->verify, err);

	rnm_verification_free(verification);
	if (status == RNM_NO && options->any_file)
		return RNM_OK;
	if (status == RNM_NO)
		rnm_error_set_hint(err,
		                   "rnm verify shows all that is wrong; --any-file signs it all the same");
	return status;
}

static enum rnm_status describe(struct rnm_statement *statement, struct rnm_bytes bytes, const char *path,
                                const struct rnm_sign_options *options, struct rnm_error *err)
{
	struct rnm_model_file *model = NULL;
	enum rnm_status status = rnm_model_file_read(&model, bytes.data, bytes.len, path, err);

	if (status == RNM_OK)
		status = judge(model, options, err);
	else if (status == RNM_E_MALFORMED && options->any_file)
		status = RNM_OK;
	else if (status == RNM_E_MALFORMED)
		rnm_error_set_hint(err, "only models are signed; --any-file signs any other file");
	if (status == RNM_OK) {
		*statement =
		    (struct rnm_statement){ .created = options->created, .not_after = options->not_after };
		rnm_statement_describe(statement, model, path);
		if ((options->name != NULL &&
		     !copy_text(statement->name, sizeof(statement->name), options->name)) ||
		    (options->rule != NULL &&
		     !copy_text(statement->rule, sizeof(statement->rule), options->rule)))
			status = rnm_error_set(err, RNM_E_USAGE, "statement.invalid",
			                       "expected names of at most %d bytes", RNM_STATEMENT_NAME_MAX);
	}
	rnm_model_file_free(model);
	return status;
}

enum rnm_status rnm_sign_file(struct rnm_signing **out, const char *path, const struct rnm_key *key,
                              const struct rnm_sign_options *options, struct rnm_error *err)
{
	struct rnm_statement statement;
	struct rnm_bytes bytes;
	struct rnm_buf file;
	enum rnm_status status;

	rnm_buf_init(&file, RNM_MODEL_FILE_MAX + 1);
	status = rnm_file_read(path, &file, RNM_MODEL_FILE_MAX, err);
	bytes = (struct rnm_bytes){ rnm_buf_cstr(&file), file.len };
	if (status == RNM_OK && bytes.len == 0)
		status = nothing_to_sign(err);
	if (status == RNM_OK)
		status = describe(&statement, bytes, path, options, err);
	if (status == RNM_OK)
		status = rnm_signing_new(out, bytes, key, &statement, err);
	if (status == RNM_E_USAGE || status == RNM_E_REFUSED)
		rnm_error_at_line(err, path, 0);
	rnm_buf_free(&file);
	return status;
}

void rnm_signing_free(struct rnm_signing *signing)
{
	if (signing == NULL)
		return;
	rnm_buf_free(&signing->text);
	free(signing);
}

static enum rnm_status write_beside(const char *path, const char *suffix, const void *data, size_t len,
                                    struct rnm_error *err)
{
	char *name = NULL;
	enum rnm_status status;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return rnm_error_nomem(err);
	status = rnm_file_write_with(name, data, len, SIGNATURE_MODE, false, err);
	free(name);
	return status;
}

/* As a stranger would check it who trusts this key. */
static enum rnm_status check_written(const struct rnm_signing *signing, const char *path,
                                     const struct rnm_key *key, struct rnm_error *err)
{
	struct rnm_signed_policy policy = { .name = signing->statement.name,
		                            .now = signing->statement.created };
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	struct rnm_trust *trust = NULL;
	struct rnm_signed by;
	enum rnm_status status = rnm_trust_new(&trust, err);

	rnm_public_key_text(rnm_key_public(key), text);
	if (status == RNM_OK)
		status = rnm_trust_add_text(trust, text, err);
	policy.trust = trust;
	if (status == RNM_OK)
		status = rnm_signed_file_check(&by, path, &policy, err);
	rnm_trust_free(trust);
	return status;
}

enum rnm_status rnm_signing_write(const struct rnm_signing *signing, const char *path,
                                  const struct rnm_key *key, struct rnm_error *err)
{
	enum rnm_status status =
	    write_beside(path, RNM_SIGNATURE_SUFFIX, signing->signature, sizeof(signing->signature), err);

	if (status == RNM_OK)
		status = write_beside(path, RNM_STATEMENT_SUFFIX, signing->text.data, signing->text.len, err);
	return status == RNM_OK ? check_written(signing, path, key, err) : status;
}
