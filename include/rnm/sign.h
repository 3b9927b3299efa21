/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/sign.h: statements about signed models, and the keys that are trusted to make them (docs/signing.md).
 *
 * A raw signature (rnm/key.h) proves bytes.  A statement says more: under which name they are meant to lie, for which
 * rule, which version they are, since when and until when.  So a signature cannot be moved to another name, replayed
 * or outlive its time.
 */
#ifndef RNM_SIGN_H
#define RNM_SIGN_H

#include <rnm/key.h>
#include <rnm/model_file.h>
#include <rnm/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- trust ---- */

/* Keys in one set; each costs a look at the signature of a file. */
#define RNM_TRUST_KEYS_MAX 256

struct rnm_trusted_key {
	struct rnm_public_key key;
	const char *name; /* where it came from: the file, or the text itself */
};

struct rnm_trust;
RNM_API RNM_MUST_CHECK enum rnm_status rnm_trust_new(struct rnm_trust **out, struct rnm_error *err);
RNM_API void rnm_trust_free(struct rnm_trust *trust);
/* A key as text, in any encoding of rnm_public_key_parse.  A key that is there already is not added again. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_trust_add_text(struct rnm_trust *trust, const char *text,
                                                          struct rnm_error *err);
/* A key in a file (rnm_public_key_load). */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_trust_add_file(struct rnm_trust *trust, const char *path,
                                                          struct rnm_error *err);
/* What a user names a key with: the text of one, else a file. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_trust_add(struct rnm_trust *trust, const char *text_or_path,
                                                     struct rnm_error *err);
/*
 * All files *.pub of a folder.  One that holds no key fails the call, and so does a folder without any
 * (RNM_E_NOT_FOUND, "trust.empty"): what was meant to be trusted is not known then.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_trust_add_folder(struct rnm_trust *trust, const char *path,
                                                            struct rnm_error *err);
RNM_API size_t rnm_trust_count(const struct rnm_trust *trust);
/* Borrowed; NULL past the end, and for a key that is not trusted. */
RNM_API const struct rnm_trusted_key *rnm_trust_at(const struct rnm_trust *trust, size_t index);
RNM_API const struct rnm_trusted_key *rnm_trust_find(const struct rnm_trust *trust,
                                                     const struct rnm_public_key *key);

/* ---- statements ---- */

/* Bytes of the texts in a statement, without the NUL. */
#define RNM_STATEMENT_NAME_MAX 255
#define RNM_STATEMENT_DIGEST_MAX 64
/* Bytes of a whole FILE.rnmsig. */
#define RNM_STATEMENT_FILE_MAX 8192
/* By how many seconds the clock of the signer may be ahead of ours. */
#define RNM_STATEMENT_SKEW 300
#define RNM_BLAKE2B_SIZE 32

struct rnm_statement {
	char name[RNM_STATEMENT_NAME_MAX + 1]; /* of the file; no slash, no control characters, never empty */
	char rule[RNM_STATEMENT_NAME_MAX + 1]; /* "" when not said */
	char providers_digest[RNM_STATEMENT_DIGEST_MAX + 1]; /* "" when the model has none */
	bool has_model_version;
	uint64_t model_version;
	int64_t created;                   /* when it was signed; seconds since 1970 */
	int64_t not_after;                 /* the last second in which it holds; 0: no end */
	uint64_t size;                     /* of the file, bytes */
	uint8_t blake2b[RNM_BLAKE2B_SIZE]; /* BLAKE2b-256 of the file */
};

/* Fills in size and blake2b. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_statement_measure(struct rnm_statement *statement,
                                                             struct rnm_bytes file, struct rnm_error *err);
/*
 * Appends the whole content of FILE.rnmsig: the statement as one line of canonical JSON (members in byte order, no
 * blanks), and a second line with the key and the signature of the first.  RNM_E_USAGE ("statement.invalid") for a
 * statement that no reader would take.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_statement_write(const struct rnm_statement *statement,
                                                           const struct rnm_key *key, struct rnm_buf *out,
                                                           struct rnm_error *err);
/*
 * The statement in the content of a FILE.rnmsig: verified, or nothing.  *signer is borrowed from trust.  RNM_E_SIGNATURE
 * ("statement.malformed", "signature.untrusted", "signature.bad").  Whether it holds now and for which file is asked
 * next.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_statement_read(struct rnm_bytes bytes,
                                                          const struct rnm_trust *trust,
                                                          struct rnm_statement *out,
                                                          const struct rnm_trusted_key **signer,
                                                          struct rnm_error *err);
/*
 * Does it hold for this name (NULL: any) at this time?  RNM_E_SIGNATURE ("statement.name", "statement.expired",
 * "statement.early").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_statement_holds(const struct rnm_statement *statement,
                                                           const char *name, int64_t now,
                                                           struct rnm_error *err);
/* Is it about these bytes?  RNM_E_SIGNATURE ("statement.size", "statement.hash"). */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_statement_about(const struct rnm_statement *statement,
                                                           uint64_t size,
                                                           const uint8_t blake2b[RNM_BLAKE2B_SIZE],
                                                           struct rnm_error *err);

/*
 * What a model says of itself: digest and version, and the rule where the container names one.  name becomes the
 * digest, by which rspamd asks for a model, or else the given one, cut from a path.  Times and measures stay.
 */
RNM_API void rnm_statement_describe(struct rnm_statement *statement, const struct rnm_model_file *model,
                                    const char *path);
/* Does the model say of itself what the statement says of it?  RNM_E_SIGNATURE ("statement.content"). */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_statement_fits(const struct rnm_statement *statement,
                                                          const struct rnm_model_file *model,
                                                          struct rnm_error *err);

/* ---- signed files ---- */

/* What stands beside FILE: its raw signature, and its statement. */
#define RNM_SIGNATURE_SUFFIX ".sig"
#define RNM_STATEMENT_SUFFIX ".rnmsig"

struct rnm_signing {
	uint8_t signature[RNM_SIGNATURE_SIZE];
	struct rnm_statement statement;
	struct rnm_buf text; /* of FILE.rnmsig */
};
/*
 * Signs the bytes and makes the statement, whose size and hash are filled in.  RNM_E_USAGE ("sign.empty",
 * "statement.invalid"), RNM_E_REFUSED ("sign.domain") for what could be taken for a statement.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_signing_new(struct rnm_signing **out, struct rnm_bytes file,
                                                       const struct rnm_key *key,
                                                       const struct rnm_statement *statement,
                                                       struct rnm_error *err);

struct rnm_sign_options {
	const char *name; /* of the statement; NULL: see rnm_statement_describe */
	const char *rule; /* NULL: what the model says */
	int64_t created;
	int64_t not_after; /* 0: no end */
	/* Also what is no model, or one that nobody should load.  Else RNM_NO and RNM_E_MALFORMED. */
	bool any_file;
	const struct rnm_verify_options *verify; /* what a model must stand; may be NULL */
};
/* Reads a file once, verifies it, and signs the bytes that were verified; writes nothing yet. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_sign_file(struct rnm_signing **out, const char *path,
                                                     const struct rnm_key *key,
                                                     const struct rnm_sign_options *options,
                                                     struct rnm_error *err);
RNM_API void rnm_signing_free(struct rnm_signing *signing);
/*
 * Writes path.sig and path.rnmsig, each whole or not at all, then reads them and path again and checks them
 * as anybody would.  RNM_E_IO; RNM_E_SIGNATURE when path holds other bytes by now.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_signing_write(const struct rnm_signing *signing, const char *path,
                                                         const struct rnm_key *key, struct rnm_error *err);

struct rnm_signed_policy {
	const struct rnm_trust *trust;
	const char *name; /* the statement must be one for this name; NULL: not asked here */
	int64_t now;      /* seconds since 1970 */
	/* A raw signature is enough, where there is no statement; one that is there must be right all the same. */
	bool raw_is_enough;
};
struct rnm_signed {
	const struct rnm_trusted_key *signer; /* borrowed from the trust */
	bool has_statement;
	struct rnm_statement statement;
};
/*
 * Both signatures over bytes in memory, by one and the same trusted key.  signature.data or statement.data is NULL for
 * what does not exist.  All that fails is RNM_E_SIGNATURE: "signature.missing", "signature.size", "signature.bad",
 * "signature.untrusted", "signature.malformed", "statement.*".  Hashes with two threads.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_signed_check(struct rnm_signed *out, struct rnm_bytes file,
                                                        struct rnm_bytes signature,
                                                        struct rnm_bytes statement,
                                                        const struct rnm_signed_policy *policy,
                                                        struct rnm_error *err);

/*
 * The same for a file and what stands beside it, each opened once: whoever swaps one meanwhile changes nothing.  With a
 * statement the file is read in pieces and takes no memory; a raw signature alone wants it whole.  RNM_E_NOT_FOUND,
 * RNM_E_IO, RNM_E_MALFORMED ("file.too-large"), RNM_E_REFUSED ("file.changed": somebody has cut it short meanwhile), and
 * as rnm_signed_check.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_signed_file_check(struct rnm_signed *out, const char *path,
                                                             const struct rnm_signed_policy *policy,
                                                             struct rnm_error *err);
/*
 * The same, and then the model in it, for rnm_model_verify and rnm_store_import alone: a large network is not kept.
 * Nothing is parsed before its signatures are known to be right, and nothing but the bytes that they are of:
 * RNM_E_REFUSED ("file.changed") when the file has others by then.  Also fails as rnm_model_file_open.  path must outlive
 * *out.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_signed_file_open(struct rnm_model_file **out,
                                                            struct rnm_signed *by, const char *path,
                                                            const struct rnm_signed_policy *policy,
                                                            struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif
