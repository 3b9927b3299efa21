/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files key*.c share.  Whatever held a secret, if only as text, lies in memory of sodium_malloc: it is not
 * swapped out, has guard pages around it, and is wiped when it is freed.
 */
#ifndef RNM_RSPAMD_KEY_INTERNAL_H
#define RNM_RSPAMD_KEY_INTERNAL_H

#include <rnm/buf.h>
#include <rnm/key.h>

/* Bytes of a file with a key in it. */
#define RNM_KEY_FILE_MAX 16384u
/* Seed and public key (libsodium's secret key). */
#define RNM_SECRET_KEY_SIZE 64u
/* Bytes of the name of a key. */
#define RNM_KEY_NAME_MAX 128u

/*
 * What a file may ask for to try a password: minisign's own keys ask for exactly this.  A hostile file could else
 * keep the machine busy for years.
 */
#define RNM_KEY_OPERATIONS_MAX 33554432u
#define RNM_KEY_MEMORY_MAX ((uint64_t)1 << 30)

struct rnm_key {
	struct rnm_public_key public;
	uint8_t secret[RNM_SECRET_KEY_SIZE];
	struct rnm_key_origin origin;
};

/* libsodium, ready for use: false when it cannot be. */
bool rnm_key_crypto_ready(void);

/* An empty one; NULL without memory. */
struct rnm_key *rnm_key_new(void);
/*
 * Derives the public key from the seed in key->secret, and compares it with the one behind the seed and, unless NULL,
 * with `named`.  A pair of strangers must not sign: Ed25519 mixes both, and two such signatures give the secret away.
 * RNM_E_MALFORMED ("key.pair").
 */
RNM_MUST_CHECK enum rnm_status rnm_key_complete(struct rnm_key *key, const struct rnm_public_key *named,
                                                const char *path, struct rnm_error *err);

/* Fails with RNM_E_MALFORMED and this id about a file. */
enum rnm_status rnm_key_file_error(struct rnm_error *err, const char *path, const char *id,
                                   const char *expected);

/* Base64 of exactly len bytes, with padding or without. */
bool rnm_key_base64(uint8_t *bytes, size_t len, const char *text, size_t text_len);
/* Bytes in base32, hex or base64. */
bool rnm_key_decode(uint8_t *bytes, size_t len, enum rnm_key_encoding encoding, struct rnm_bytes text);
/* Room for RNM_SECRET_KEY_SIZE bytes in each of them. */
#define RNM_KEY_TEXT_SIZE 129u
void rnm_key_encode(char text[RNM_KEY_TEXT_SIZE], const uint8_t *bytes, size_t len,
                    enum rnm_key_encoding encoding);

/* minisign's number of a key: its own, or one made from the key. */
void rnm_minisign_id(uint8_t id[RNM_MINISIGN_ID_SIZE], const struct rnm_public_key *key);
#define RNM_MINISIGN_COMMENT "untrusted comment: "

/* text ends with a NUL that is not counted. */
RNM_MUST_CHECK enum rnm_status rnm_key_read_ucl(struct rnm_key *key, const char *path, struct rnm_bytes text,
                                                struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_key_read_minisign(struct rnm_key *key, const char *path,
                                                     struct rnm_bytes text,
                                                     const struct rnm_password_source *passwords,
                                                     struct rnm_error *err);

/* Append the text of a file; out lies in guarded memory. */
RNM_MUST_CHECK enum rnm_status rnm_key_write_ucl(const struct rnm_key *key,
                                                 const struct rnm_key_write_options *options,
                                                 struct rnm_buf *out, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_key_write_minisign(const struct rnm_key *key,
                                                      const struct rnm_key_write_options *options,
                                                      struct rnm_buf *out, struct rnm_error *err);

#endif
