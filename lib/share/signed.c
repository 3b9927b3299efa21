/* SPDX-License-Identifier: Apache-2.0 */
/* Is this file signed by one of those who are trusted? */
#include "base/file.h"
#include "share/envelope.h"
#include "share/hash_beside.h"
#include "store/model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is demanded ---- */

static enum rnm_status missing(const char *id, const char *what, const char *hint, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_SIGNATURE, id, "the file has no %s", what);
	rnm_error_set_hint(err, "%s", hint);
	return RNM_E_SIGNATURE;
}

static enum rnm_status check_both(const struct rnm_public_key *key, struct rnm_bytes file,
                                  const uint8_t *signature, const struct rnm_statement *statement,
                                  struct rnm_error *err)
{
	struct rnm_hash_beside beside;
	enum rnm_status status;

	rnm_hash_start(&beside, file);
	status = rnm_signature_check(key, file, signature, err);
	rnm_hash_finish(&beside);
	return status == RNM_OK ? rnm_statement_about(statement, file.len, beside.hash, err) : status;
}

/* Nothing says who made a raw signature: each key is tried. */
static enum rnm_status try_all(struct rnm_signed *out, struct rnm_bytes file, const uint8_t *signature,
                               const struct rnm_trust *trust, struct rnm_error *err)
{
	const size_t count = rnm_trust_count(trust);

	for (size_t i = 0; i < count; i++) {
		const struct rnm_trusted_key *key = rnm_trust_at(trust, i);
		enum rnm_status status = rnm_signature_check(&key->key, file, signature, err);

		if (status == RNM_OK)
			out->signer = key;
		if (status != RNM_E_SIGNATURE)
			return status;
	}
	return rnm_error_set(err, RNM_E_SIGNATURE, "signature.bad",
	                     "none of the %zu trusted key%s made this signature of these bytes", count,
	                     count == 1 ? "" : "s");
}

static enum rnm_status check_statement(struct rnm_signed *out, struct rnm_bytes file,
                                       const uint8_t *signature, struct rnm_bytes text,
                                       const struct rnm_signed_policy *policy, struct rnm_error *err)
{
	enum rnm_status status = rnm_statement_read(text, policy->trust, &out->statement, &out->signer, err);

	out->has_statement = true;
	if (status == RNM_OK)
		status = rnm_statement_holds(&out->statement, policy->name, policy->now, err);
	/* Cheap, and tells a truncated file from a forged one. */
	if (status == RNM_OK)
		status = rnm_statement_about(&out->statement, file.len, out->statement.blake2b, err);
	return status == RNM_OK ? check_both(&out->signer->key, file, signature, &out->statement, err)
	                        : status;
}

enum rnm_status rnm_signed_check(struct rnm_signed *out, struct rnm_bytes file, struct rnm_bytes signature,
                                 struct rnm_bytes statement, const struct rnm_signed_policy *policy,
                                 struct rnm_error *err)
{
	const uint8_t *raw = (const uint8_t *)signature.data;
	struct rnm_signed result = { 0 };
	enum rnm_status status;

	if (raw == NULL)
		return missing("signature.missing", "signature (" RNM_SIGNATURE_SUFFIX ")",
		               "rnm sign FILE -k KEY makes one", err);
	if (signature.len != RNM_SIGNATURE_SIZE)
		return rnm_error_set(err, RNM_E_SIGNATURE, "signature.size",
		                     "expected a signature of %d bytes, found %zu", RNM_SIGNATURE_SIZE,
		                     signature.len);
	if (statement.data != NULL)
		status = check_statement(&result, file, raw, statement, policy, err);
	else if (policy->raw_is_enough)
		status = try_all(&result, file, raw, policy->trust, err);
	else
		status = missing("statement.missing", "statement (" RNM_STATEMENT_SUFFIX ")",
		                 "its signature alone would prove the bytes, but neither name nor time; rnm "
		                 "sign makes both, and rnm verify --raw-signature takes the one alone",
		                 err);
	if (status == RNM_OK)
		*out = result;
	return status;
}

/* ---- files ---- */

/* What stands beside the file; *found says whether it does.  One byte too many is kept, to be seen. */
static enum rnm_status read_beside(struct rnm_buf *out, const char *path, const char *suffix, size_t max,
                                   struct rnm_bytes *found, struct rnm_error *err)
{
	char *name = NULL;
	enum rnm_status status;

	*found = (struct rnm_bytes){ NULL, 0 };
	rnm_buf_init(out, max + 1);
	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return rnm_error_nomem(err);
	status = rnm_file_read(name, out, max, err);
	free(name);
	if (status == RNM_OK)
		*found = (struct rnm_bytes){ rnm_buf_cstr(out), out->len };
	/* A signature that is too long is no signature. */
	if (status == RNM_E_MALFORMED && err != NULL)
		err->status = RNM_E_SIGNATURE;
	if (status == RNM_E_MALFORMED)
		return RNM_E_SIGNATURE;
	return status == RNM_E_NOT_FOUND ? RNM_OK : status;
}

static enum rnm_status read_and_check(struct rnm_signed_file *file, const char *path,
                                      const struct rnm_signed_policy *policy, struct rnm_error *err)
{
	struct rnm_buf signature_text, statement_text;
	struct rnm_bytes signature, statement;
	enum rnm_status status = rnm_file_read(path, &file->bytes, RNM_MODEL_FILE_MAX, err);

	if (status != RNM_OK)
		return status;
	rnm_buf_init(&statement_text, 0);
	status =
	    read_beside(&signature_text, path, RNM_SIGNATURE_SUFFIX, RNM_STATEMENT_FILE_MAX, &signature, err);
	if (status == RNM_OK)
		status = read_beside(&statement_text, path, RNM_STATEMENT_SUFFIX, RNM_STATEMENT_FILE_MAX,
		                     &statement, err);
	if (status == RNM_OK) {
		status = rnm_signed_check(&file->by,
		                          (struct rnm_bytes){ rnm_buf_cstr(&file->bytes), file->bytes.len },
		                          signature, statement, policy, err);
		if (status == RNM_E_SIGNATURE)
			rnm_error_at_line(err, path, 0);
	}
	rnm_buf_free(&signature_text);
	rnm_buf_free(&statement_text);
	return status;
}

enum rnm_status rnm_signed_file_open(struct rnm_signed_file **out, const char *path,
                                     const struct rnm_signed_policy *policy, struct rnm_error *err)
{
	struct rnm_signed_file *file = calloc(1, sizeof(*file));
	enum rnm_status status;

	if (file == NULL)
		return rnm_error_nomem(err);
	rnm_buf_init(&file->bytes, RNM_MODEL_FILE_MAX + 1);
	status = read_and_check(file, path, policy, err);
	if (status == RNM_OK)
		*out = file;
	else
		rnm_signed_file_free(file);
	return status;
}

void rnm_signed_file_free(struct rnm_signed_file *file)
{
	if (file == NULL)
		return;
	rnm_buf_free(&file->bytes);
	free(file);
}
