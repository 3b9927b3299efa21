/* SPDX-License-Identifier: Apache-2.0 */
#include "share/signed.h"

#include "rspamd/signature.h"
#include "share/hash_beside.h"
#include "share/stream_check.h"

/* ---- what is demanded ---- */

static enum rnm_status missing(const char *id, const char *what, const char *hint, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_SIGNATURE, id, "the file has no %s", what);
	rnm_error_set_hint(err, "%s", hint);
	return RNM_E_SIGNATURE;
}

static enum rnm_status check_bytes(const struct rnm_signed *by, struct rnm_bytes bytes,
                                   const uint8_t *signature, struct rnm_error *err)
{
	struct rnm_hash_beside beside;
	enum rnm_status status;

	rnm_hash_start(&beside, bytes);
	status = rnm_signature_check(&by->signer->key, bytes, signature, err);
	rnm_hash_finish(&beside);
	return status == RNM_OK ? rnm_statement_about(&by->statement, bytes.len, beside.hash, err) : status;
}

static enum rnm_status check_file(const struct rnm_signed *by, struct rnm_signed_subject *subject,
                                  const uint8_t *signature, struct rnm_error *err)
{
	const struct rnm_stream_subject what = {
		.fd = subject->fd,
		.path = subject->path,
		.size = subject->size,
		.key = &by->signer->key,
		.signature = signature,
	};
	struct rnm_stream_answer answer;
	enum rnm_status status = rnm_stream_check_file(&what, &answer, err);

	if (status != RNM_OK)
		return status;
	subject->marks = answer.marks;
	if (!answer.is_signed)
		return rnm_signature_bad(err);
	return rnm_statement_about(&by->statement, subject->size, answer.blake2b, err);
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

static enum rnm_status check_statement(struct rnm_signed *out, struct rnm_signed_subject *subject,
                                       const uint8_t *signature, struct rnm_bytes text,
                                       const struct rnm_signed_policy *policy, struct rnm_error *err)
{
	enum rnm_status status = rnm_statement_read(text, policy->trust, &out->statement, &out->signer, err);

	out->has_statement = true;
	if (status == RNM_OK)
		status = rnm_statement_holds(&out->statement, policy->name, policy->now, err);
	/* Cheap, and tells a truncated file from a forged one. */
	if (status == RNM_OK)
		status = rnm_statement_about(&out->statement, subject->size, out->statement.blake2b, err);
	if (status != RNM_OK)
		return status;
	return subject->fd >= 0 ? check_file(out, subject, signature, err)
	                        : check_bytes(out, subject->bytes, signature, err);
}

enum rnm_status rnm_signed_check_subject(struct rnm_signed *out, struct rnm_signed_subject *subject,
                                         struct rnm_bytes signature, struct rnm_bytes statement,
                                         const struct rnm_signed_policy *policy, struct rnm_error *err)
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
		status = check_statement(&result, subject, raw, statement, policy, err);
	else if (policy->raw_is_enough)
		status = try_all(&result, subject->bytes, raw, policy->trust, err);
	else
		status = missing("statement.missing", "statement (" RNM_STATEMENT_SUFFIX ")",
		                 "its signature alone would prove the bytes, but neither name nor time; rnm "
		                 "sign makes both, and rnm verify --raw-signature takes the one alone",
		                 err);
	if (status == RNM_OK)
		*out = result;
	return status;
}

enum rnm_status rnm_signed_check(struct rnm_signed *out, struct rnm_bytes file, struct rnm_bytes signature,
                                 struct rnm_bytes statement, const struct rnm_signed_policy *policy,
                                 struct rnm_error *err)
{
	struct rnm_signed_subject subject = { .bytes = file, .size = file.len, .fd = -1 };

	return rnm_signed_check_subject(out, &subject, signature, statement, policy, err);
}
