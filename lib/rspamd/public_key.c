/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "rspamd/base32.h"
#include "rspamd/key_internal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BASE64 sodium_base64_VARIANT_ORIGINAL
/* A minisign public key: "Ed", its number, the key. */
#define MINISIGN_ALGORITHM "Ed"
#define MINISIGN_ALGORITHM_SIZE 2u
#define MINISIGN_PUBLIC_SIZE (MINISIGN_ALGORITHM_SIZE + RNM_MINISIGN_ID_SIZE + RNM_PUBLIC_KEY_SIZE)

/* Characters of a public key in each encoding: no two are alike. */
static const size_t text_lengths[] = {
	[RNM_KEY_BASE32] = RNM_BASE32_LEN(RNM_PUBLIC_KEY_SIZE),
	[RNM_KEY_HEX] = 2 * (size_t)RNM_PUBLIC_KEY_SIZE,
	[RNM_KEY_BASE64] = sodium_base64_ENCODED_LEN(RNM_PUBLIC_KEY_SIZE, BASE64) - 1,
	[RNM_KEY_MINISIGN] = sodium_base64_ENCODED_LEN(MINISIGN_PUBLIC_SIZE, BASE64) - 1,
};

const char *rnm_key_encoding_name(enum rnm_key_encoding encoding)
{
	static const char *const names[] = {
		[RNM_KEY_BASE32] = "base32",
		[RNM_KEY_HEX] = "hex",
		[RNM_KEY_BASE64] = "base64",
		[RNM_KEY_MINISIGN] = "minisign",
	};

	return names[encoding];
}

/* ---- bytes and text ---- */

bool rnm_key_base64(uint8_t *bytes, size_t len, const char *text, size_t text_len)
{
	const bool padded = text_len > 0 && text[text_len - 1] == '=';
	const int variant = padded ? BASE64 : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
	size_t found = 0;
	const char *end = NULL;

	return sodium_base642bin(bytes, len, text, text_len, NULL, &found, &end, variant) == 0 &&
	       found == len && end == text + text_len;
}

bool rnm_key_decode(uint8_t *bytes, size_t len, enum rnm_key_encoding encoding, struct rnm_bytes text)
{
	size_t found = 0;
	const char *end = NULL;

	if (encoding == RNM_KEY_BASE32)
		return rnm_base32_decode(bytes, len, text.data, text.len);
	if (encoding == RNM_KEY_BASE64)
		return rnm_key_base64(bytes, len, text.data, text.len);
	return sodium_hex2bin(bytes, len, text.data, text.len, NULL, &found, &end) == 0 && found == len &&
	       end == text.data + text.len;
}

void rnm_key_encode(char text[RNM_KEY_TEXT_SIZE], const uint8_t *bytes, size_t len,
                    enum rnm_key_encoding encoding)
{
	if (encoding == RNM_KEY_BASE32)
		rnm_base32_encode(text, bytes, len);
	else if (encoding == RNM_KEY_HEX)
		sodium_bin2hex(text, RNM_KEY_TEXT_SIZE, bytes, len);
	else
		sodium_bin2base64(text, RNM_KEY_TEXT_SIZE, bytes, len, BASE64);
}

/* ---- names of a key ---- */

static void hash_of(uint8_t hash[crypto_generichash_BYTES_MAX], const struct rnm_public_key *key)
{
	(void)!crypto_generichash(hash, crypto_generichash_BYTES_MAX, key->bytes, sizeof(key->bytes), NULL,
	                          0);
}

void rnm_public_key_id(const struct rnm_public_key *key, char text[RNM_KEY_ID_SIZE])
{
	uint8_t hash[crypto_generichash_BYTES_MAX];

	hash_of(hash, key);
	rnm_base32_encode(text, hash, sizeof(hash));
}

void rnm_minisign_id(uint8_t id[RNM_MINISIGN_ID_SIZE], const struct rnm_public_key *key)
{
	uint8_t hash[crypto_generichash_BYTES_MAX];

	hash_of(hash, key);
	memcpy(id, key->has_minisign_id ? key->minisign_id : hash, RNM_MINISIGN_ID_SIZE);
}

void rnm_public_key_minisign_id(const struct rnm_public_key *key, char text[RNM_MINISIGN_ID_TEXT_SIZE])
{
	uint8_t id[RNM_MINISIGN_ID_SIZE];
	uint64_t number = 0;

	rnm_minisign_id(id, key);
	/* A little-endian number, which minisign prints without zeros in front: for every sixteenth key it is shorter. */
	for (size_t i = sizeof(id); i > 0; i--)
		number = number << 8 | id[i - 1];
	snprintf(text, RNM_MINISIGN_ID_TEXT_SIZE, "%" PRIX64, number);
}

void rnm_public_key_encode(const struct rnm_public_key *key, enum rnm_key_encoding encoding,
                           char text[RNM_PUBLIC_KEY_TEXT_SIZE])
{
	uint8_t minisign[MINISIGN_PUBLIC_SIZE] = MINISIGN_ALGORITHM;
	char all[RNM_KEY_TEXT_SIZE];

	if (encoding == RNM_KEY_MINISIGN) {
		rnm_minisign_id(minisign + MINISIGN_ALGORITHM_SIZE, key);
		memcpy(minisign + MINISIGN_ALGORITHM_SIZE + RNM_MINISIGN_ID_SIZE, key->bytes,
		       sizeof(key->bytes));
		rnm_key_encode(all, minisign, sizeof(minisign), RNM_KEY_BASE64);
	} else {
		rnm_key_encode(all, key->bytes, sizeof(key->bytes), encoding);
	}
	memcpy(text, all, strlen(all) + 1);
}

void rnm_public_key_text(const struct rnm_public_key *key, char text[RNM_PUBLIC_KEY_TEXT_SIZE])
{
	rnm_public_key_encode(key, RNM_KEY_BASE32, text);
}

void rnm_public_key_file_text(const struct rnm_public_key *key, enum rnm_key_encoding encoding,
                              struct rnm_buf *out)
{
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	char id[RNM_MINISIGN_ID_TEXT_SIZE];

	rnm_public_key_encode(key, encoding, text);
	if (encoding == RNM_KEY_MINISIGN) {
		rnm_public_key_minisign_id(key, id);
		rnm_buf_printf(out, RNM_MINISIGN_COMMENT "minisign public key %s\n%s\n", id, text);
	} else {
		rnm_buf_puts(out, text);
	}
}

bool rnm_public_key_equal(const struct rnm_public_key *a, const struct rnm_public_key *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* ---- reading ---- */

static bool decode_minisign(struct rnm_public_key *key, const char *text, size_t len)
{
	uint8_t bytes[MINISIGN_PUBLIC_SIZE];

	if (!rnm_key_base64(bytes, sizeof(bytes), text, len) ||
	    memcmp(bytes, MINISIGN_ALGORITHM, MINISIGN_ALGORITHM_SIZE) != 0)
		return false;
	key->has_minisign_id = true;
	memcpy(key->minisign_id, bytes + MINISIGN_ALGORITHM_SIZE, RNM_MINISIGN_ID_SIZE);
	memcpy(key->bytes, bytes + MINISIGN_ALGORITHM_SIZE + RNM_MINISIGN_ID_SIZE, sizeof(key->bytes));
	return true;
}

static enum rnm_status parse(struct rnm_public_key *out, struct rnm_bytes text, struct rnm_error *err)
{
	struct rnm_public_key key = { 0 };
	int encoding = RNM_KEY_MINISIGN;
	bool known;

	while (encoding >= 0 && text_lengths[encoding] != text.len)
		encoding--;
	if (encoding == RNM_KEY_MINISIGN)
		known = decode_minisign(&key, text.data, text.len);
	else
		known = encoding >= 0 &&
		        rnm_key_decode(key.bytes, sizeof(key.bytes), (enum rnm_key_encoding)encoding, text);
	if (!known) {
		rnm_error_set(err, RNM_E_MALFORMED, "key.text",
		              "expected a public key: 52 characters of rspamd's base32, 64 hexadecimal "
		              "digits, 44 characters of base64, or the 56 of a minisign key");
		return RNM_E_MALFORMED;
	}
	if (!rnm_key_crypto_ready())
		return rnm_error_nomem(err);
	if (crypto_core_ed25519_is_valid_point(key.bytes) != 1)
		return rnm_error_set(err, RNM_E_MALFORMED, "key.point",
		                     "these 32 bytes are no public key of Ed25519: nobody can have the "
		                     "secret for them");
	*out = key;
	return RNM_OK;
}

enum rnm_status rnm_public_key_parse(struct rnm_public_key *out, const char *text, struct rnm_error *err)
{
	return parse(out, (struct rnm_bytes){ text, strlen(text) }, err);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct rnm_bytes key_text(struct rnm_bytes file)
{
	const size_t comment = strlen(RNM_MINISIGN_COMMENT);
	const char *line;

	if (file.len > comment && memcmp(file.data, RNM_MINISIGN_COMMENT, comment) == 0) {
		line = memchr(file.data, '\n', file.len);
		line = line != NULL ? line + 1 : file.data + file.len;
		file.len -= (size_t)(line - file.data);
		file.data = line;
	}
	while (file.len > 0 && is_blank(file.data[file.len - 1]))
		file.len--;
	return file;
}

enum rnm_status rnm_public_key_load(struct rnm_public_key *out, const char *path, struct rnm_error *err)
{
	struct rnm_buf file;
	enum rnm_status status;

	rnm_buf_init(&file, RNM_KEY_FILE_MAX + 1);
	status = rnm_file_read(path, &file, RNM_KEY_FILE_MAX, err);
	if (status == RNM_OK) {
		status = parse(out, key_text((struct rnm_bytes){ rnm_buf_cstr(&file), file.len }), err);
		if (status == RNM_E_MALFORMED) {
			rnm_error_at_line(err, path, 0);
			rnm_error_set_hint(err,
			                   "rnm key show FILE prints the public key of a key pair; keep it "
			                   "in a file of its own");
		}
	}
	/* In case it was the wrong file of the two. */
	if (file.data != NULL)
		sodium_memzero(file.data, file.len);
	rnm_buf_free(&file);
	return status;
}
