/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/key.h: Ed25519 keys, in the files and spellings of rspamd and minisign, and raw signatures.
 *
 * A signature is plain Ed25519 over all bytes of a file, 64 bytes, as `rspamadm signtool` makes it (rspamd:
 * src/rspamadm/signtool.c) and as a map of rspamd with sign+ in front checks it (src/libserver/maps/map.c).
 */
#ifndef RNM_KEY_H
#define RNM_KEY_H

#include <rnm/buf.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_PUBLIC_KEY_SIZE 32 /* bytes */
#define RNM_SIGNATURE_SIZE 64  /* bytes */

#define RNM_MINISIGN_ID_SIZE 8 /* bytes */

struct rnm_public_key {
	uint8_t bytes[RNM_PUBLIC_KEY_SIZE];
	/* The number that minisign gave to the key; it has no part in any check. */
	bool has_minisign_id;
	uint8_t minisign_id[RNM_MINISIGN_ID_SIZE];
};

/* ---- public keys ---- */

/* How bytes of keys are written as text. */
enum rnm_key_encoding {
	RNM_KEY_BASE32, /* rspamd's own base32, 52 characters for a public key: the text of its configuration */
	RNM_KEY_HEX,    /* 64 lower-case digits */
	RNM_KEY_BASE64,  /* 44 characters */
	RNM_KEY_MINISIGN /* the second line of a minisign public key, 56 characters; public keys only */
};
RNM_API const char *rnm_key_encoding_name(enum rnm_key_encoding encoding); /* "base32", ... */

/* Room for the longest of them, with the final NUL. */
#define RNM_PUBLIC_KEY_TEXT_SIZE 65
/* Room for the base32 of 64 bytes, with the final NUL. */
#define RNM_KEY_ID_SIZE 104

/* The key in base32, as rspamd's configuration has it. */
RNM_API void rnm_public_key_text(const struct rnm_public_key *key, char text[RNM_PUBLIC_KEY_TEXT_SIZE]);
/* As minisign without a number of its own: the first bytes of the BLAKE2b-512 of the key. */
RNM_API void rnm_public_key_encode(const struct rnm_public_key *key, enum rnm_key_encoding encoding,
                                   char text[RNM_PUBLIC_KEY_TEXT_SIZE]);
/* rspamd's id of a key: BLAKE2b-512 of it in base32 (the member `id` of its key pairs). */
RNM_API void rnm_public_key_id(const struct rnm_public_key *key, char text[RNM_KEY_ID_SIZE]);

/* minisign's number of the key in its own spelling: at most 16 digits, no zeros in front, and a NUL. */
#define RNM_MINISIGN_ID_TEXT_SIZE 17
RNM_API void rnm_public_key_minisign_id(const struct rnm_public_key *key,
                                        char text[RNM_MINISIGN_ID_TEXT_SIZE]);
/*
 * Appends the content of a file with the key: as rspamd reads FILE.pub, which is the text and no newline, or that of
 * minisign, with its comment.
 */
RNM_API void rnm_public_key_file_text(const struct rnm_public_key *key, enum rnm_key_encoding encoding,
                                      struct rnm_buf *out);

/*
 * A public key in any of the four encodings; which one is seen from the length.  Strict: no blanks, no upper case
 * in base32, no bits left over, and a point of the curve that can be a key.  RNM_E_MALFORMED ("key.text",
 * "key.point").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_public_key_parse(struct rnm_public_key *out, const char *text,
                                                            struct rnm_error *err);
/*
 * From a file: one of these texts (blanks at its end are allowed, as signtool allows them), or a public key of
 * minisign with its comment line.  RNM_E_NOT_FOUND, RNM_E_IO, RNM_E_MALFORMED as above.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_public_key_load(struct rnm_public_key *out, const char *path,
                                                           struct rnm_error *err);
RNM_API bool rnm_public_key_equal(const struct rnm_public_key *a, const struct rnm_public_key *b);

/* ---- key pairs ---- */

/* A public key with its secret, which lies in guarded memory that is never swapped out and wiped when freed. */
struct rnm_key;

/* Bytes of a password, without the NUL. */
#define RNM_PASSWORD_MAX 1023

/* Who knows the password of an encrypted file (minisign). */
struct rnm_password_source {
	void *ctx;
	/*
	 * Writes the password and a NUL into room of RNM_PASSWORD_MAX + 1 bytes, which is guarded memory.  name is
	 * the file.  What it fails with becomes the failure of the caller.
	 */
	enum rnm_status (*ask)(void *ctx, const char *name, char *room, struct rnm_error *err);
};

/* Kinds of files that hold a secret. */
enum rnm_key_format {
	RNM_KEY_UCL,  /* rspamd's, as `rspamadm keypair -s` prints it */
	RNM_KEY_JSON, /* the same as JSON (-j) */
	RNM_KEY_MINISIGN_FILE
};

/* What a file said beside the key. */
struct rnm_key_origin {
	enum rnm_key_format format;
	enum rnm_key_encoding encoding; /* of rspamd's kinds */
	bool encrypted;
	bool group_readable; /* the file may be read by its group: a warning is due */
};

RNM_API RNM_MUST_CHECK enum rnm_status rnm_key_generate(struct rnm_key **out, struct rnm_error *err);
/*
 * From a file of any of the kinds.  passwords may be NULL: encrypted files are then refused (RNM_E_USAGE,
 * "key.password").  RNM_E_REFUSED ("key.exposed") when others than the owner and his group may read it or others
 * than the owner may write it; RNM_E_MALFORMED ("key.file", "key.type", "key.pair", "key.limits");
 * RNM_E_SIGNATURE ("key.wrong-password"); RNM_E_NOT_FOUND, RNM_E_IO.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_key_load(struct rnm_key **out, const char *path,
                                                    const struct rnm_password_source *passwords,
                                                    struct rnm_error *err);
RNM_API void rnm_key_free(struct rnm_key *key);
/* Borrowed. */
RNM_API const struct rnm_public_key *rnm_key_public(const struct rnm_key *key);
RNM_API const struct rnm_key_origin *rnm_key_origin(const struct rnm_key *key);

struct rnm_key_write_options {
	enum rnm_key_format format;
	enum rnm_key_encoding encoding; /* of rspamd's kinds: base32, hex or base64 */
	const char *name;               /* of the key: extensions.name, or minisign's comment; may be NULL */
	const char *password;           /* of a minisign file; NULL: not encrypted */
	bool replace;                   /* an existing file */
};
/*
 * Writes a file with mode 0600, whole or not at all.  RNM_E_REFUSED ("key.exists") when there is one and replace is
 * not set; RNM_E_USAGE for what the format cannot hold; RNM_E_IO.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_key_write(const struct rnm_key *key, const char *path,
                                                     const struct rnm_key_write_options *options,
                                                     struct rnm_error *err);

/* Writes a public key (rnm_public_key_file_text) with mode 0644; an existing file stays as above. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_public_key_write(const struct rnm_public_key *key,
                                                            const char *path, enum rnm_key_encoding encoding,
                                                            bool replace, struct rnm_error *err);

/* ---- signatures ---- */

RNM_API RNM_MUST_CHECK enum rnm_status rnm_key_sign(const struct rnm_key *key, struct rnm_bytes bytes,
                                                    uint8_t signature[RNM_SIGNATURE_SIZE],
                                                    struct rnm_error *err);
/* RNM_OK, or RNM_E_SIGNATURE ("signature.bad"): not these bytes, or not this key. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_signature_check(const struct rnm_public_key *key,
                                                           struct rnm_bytes bytes,
                                                           const uint8_t signature[RNM_SIGNATURE_SIZE],
                                                           struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif
