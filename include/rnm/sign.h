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

#include <rnm/buf.h>
#include <rnm/key.h>

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

#ifdef __cplusplus
}
#endif
#endif
