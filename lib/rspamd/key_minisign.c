/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secret keys of minisign: a comment, and base64 of
 *   "Ed"  key derivation ("Sc", or zeros for none)  "B2"  salt(32)  operations(8)  memory(8)
 *   number(8) seed and public key(64) BLAKE2b-256 of "Ed", number and key(32), these 104 bytes XORed with scrypt's.
 */
#include "base/cursor.h"
#include "rspamd/key_internal.h"

#include <sodium.h>
#include <string.h>

#define ALGORITHM "Ed"
#define DERIVATION_SCRYPT "Sc"
#define DERIVATION_NONE "\0\0"
#define CHECKSUM "B2"
#define TAG ((size_t)2)
#define SALT_SIZE 32u
#define CHECKSUM_SIZE 32u

/* The part that a password hides. */
struct hidden {
	uint8_t id[RNM_MINISIGN_ID_SIZE];
	uint8_t secret[RNM_SECRET_KEY_SIZE];
	uint8_t checksum[CHECKSUM_SIZE];
};

#define HEAD_SIZE (3 * TAG + SALT_SIZE + 8 + 8)
#define FILE_SIZE (HEAD_SIZE + sizeof(struct hidden))
#define TEXT_LENGTH ((FILE_SIZE + 2) / 3 * 4)

/*
 * What we ask for: 128 MiB, scrypt's N = 2^17, r = 8, p = 1.  A password is then tried in half a second and not in
 * four, and on a machine with 1 GiB of memory too; minisign reads it.
 */
#define NEW_OPERATIONS 4194304u
#define NEW_MEMORY ((size_t)128 << 20)

struct parameters {
	bool encrypted;
	uint8_t salt[SALT_SIZE];
	uint64_t operations;
	uint64_t memory;
};

static void checksum_of(uint8_t out[CHECKSUM_SIZE], const struct hidden *hidden)
{
	crypto_generichash_state state;

	(void)!crypto_generichash_init(&state, NULL, 0, CHECKSUM_SIZE);
	(void)!crypto_generichash_update(&state, (const unsigned char *)ALGORITHM, TAG);
	(void)!crypto_generichash_update(&state, hidden->id, sizeof(hidden->id));
	(void)!crypto_generichash_update(&state, hidden->secret, sizeof(hidden->secret));
	(void)!crypto_generichash_final(&state, out, CHECKSUM_SIZE);
	sodium_memzero(&state, sizeof(state));
}

/* Hides the bytes, or shows them again. */
static enum rnm_status apply_password(struct hidden *hidden, const struct parameters *parameters,
                                      const char *password, struct rnm_error *err)
{
	uint8_t *stream = sodium_malloc(sizeof(*hidden));
	uint8_t *bytes = (uint8_t *)hidden;
	enum rnm_status status = RNM_OK;

	if (stream == NULL ||
	    crypto_pwhash_scryptsalsa208sha256(stream, sizeof(*hidden), password, strlen(password),
	                                       parameters->salt, parameters->operations,
	                                       (size_t)parameters->memory) != 0) {
		status = rnm_error_nomem(err);
		rnm_error_set_hint(err, "trying a password for this key takes %u MiB of memory",
		                   (unsigned)(parameters->memory >> 20));
	} else {
		for (size_t i = 0; i < sizeof(*hidden); i++)
			bytes[i] ^= stream[i];
	}
	sodium_free(stream);
	return status;
}

/* ---- reading ---- */

static bool tag_is(const unsigned char *tag, const char *expected)
{
	return tag != NULL && memcmp(tag, expected, TAG) == 0;
}

static enum rnm_status malformed(const char *path, struct rnm_error *err)
{
	return rnm_key_file_error(err, path, "key.file",
	                          "a secret key of minisign: a comment line and a line of base64 "
	                          "(Ed25519, scrypt or no password, BLAKE2b)");
}

static enum rnm_status read_head(struct rnm_cursor *cursor, const char *path, struct parameters *out,
                                 struct rnm_error *err)
{
	const unsigned char *algorithm = rnm_cursor_take(cursor, TAG);
	const unsigned char *derivation = rnm_cursor_take(cursor, TAG);
	const unsigned char *checksum = rnm_cursor_take(cursor, TAG);
	const unsigned char *salt = rnm_cursor_take(cursor, SALT_SIZE);

	out->operations = rnm_cursor_le64(cursor);
	out->memory = rnm_cursor_le64(cursor);
	out->encrypted = tag_is(derivation, DERIVATION_SCRYPT);
	if (cursor->failed || !tag_is(algorithm, ALGORITHM) || !tag_is(checksum, CHECKSUM) ||
	    (!out->encrypted && !tag_is(derivation, DERIVATION_NONE)))
		return malformed(path, err);
	memcpy(out->salt, salt, SALT_SIZE);
	if (out->encrypted &&
	    (out->operations > RNM_KEY_OPERATIONS_MAX || out->memory > RNM_KEY_MEMORY_MAX)) {
		rnm_error_set(err, RNM_E_MALFORMED, "key.limits",
		              "the file asks for %llu operations and %llu bytes of memory to try a "
		              "password; the limits are %u and %llu",
		              (unsigned long long)out->operations, (unsigned long long)out->memory,
		              RNM_KEY_OPERATIONS_MAX, (unsigned long long)RNM_KEY_MEMORY_MAX);
		return rnm_error_at_line(err, path, 0), RNM_E_MALFORMED;
	}
	return RNM_OK;
}

static enum rnm_status ask_password(struct hidden *hidden, const struct parameters *parameters,
                                    const char *path, const struct rnm_password_source *passwords,
                                    struct rnm_error *err)
{
	char *password;
	enum rnm_status status;

	if (passwords == NULL) {
		rnm_error_set(err, RNM_E_USAGE, "key.password", "the key needs a password");
		return rnm_error_at_line(err, path, 0), RNM_E_USAGE;
	}
	password = sodium_malloc(RNM_PASSWORD_MAX + 1);
	if (password == NULL)
		return rnm_error_nomem(err);
	memset(password, 0, RNM_PASSWORD_MAX + 1);
	status = passwords->ask(passwords->ctx, path, password, err);
	if (status == RNM_OK)
		status = apply_password(hidden, parameters, password, err);
	sodium_free(password);
	return status;
}

/* minisign writes no checksum into a key without password. */
static bool checksum_fits(const struct hidden *hidden, bool encrypted)
{
	uint8_t checksum[CHECKSUM_SIZE];

	checksum_of(checksum, hidden);
	return sodium_memcmp(checksum, hidden->checksum, sizeof(checksum)) == 0 ||
	       (!encrypted && sodium_is_zero(hidden->checksum, sizeof(hidden->checksum)));
}

static enum rnm_status take(struct rnm_key *key, const uint8_t bytes[FILE_SIZE], struct hidden *hidden,
                            const char *path, const struct rnm_password_source *passwords,
                            struct rnm_error *err)
{
	struct parameters parameters;
	struct rnm_cursor cursor;
	enum rnm_status status;

	rnm_cursor_init(&cursor, bytes, FILE_SIZE);
	status = read_head(&cursor, path, &parameters, err);
	memcpy(hidden, bytes + HEAD_SIZE, sizeof(*hidden));
	if (status == RNM_OK && parameters.encrypted)
		status = ask_password(hidden, &parameters, path, passwords, err);
	if (status != RNM_OK)
		return status;
	if (!checksum_fits(hidden, parameters.encrypted)) {
		if (!parameters.encrypted)
			return malformed(path, err);
		rnm_error_set(err, RNM_E_SIGNATURE, "key.wrong-password",
		              "the password does not fit the key");
		return rnm_error_at_line(err, path, 0), RNM_E_SIGNATURE;
	}
	key->origin.format = RNM_KEY_MINISIGN_FILE;
	key->origin.encoding = RNM_KEY_BASE64;
	key->origin.encrypted = parameters.encrypted;
	key->public.has_minisign_id = true;
	memcpy(key->public.minisign_id, hidden->id, sizeof(hidden->id));
	memcpy(key->secret, hidden->secret, sizeof(hidden->secret));
	return rnm_key_complete(key, NULL, path, err);
}

/* The base64 after the comment line; *line is empty when there is none. */
static struct rnm_bytes second_line(struct rnm_bytes text)
{
	const char *start = memchr(text.data, '\n', text.len);
	struct rnm_bytes line = { NULL, 0 };

	if (start == NULL)
		return line;
	line.data = start + 1;
	line.len = (size_t)(text.data + text.len - line.data);
	while (line.len > 0 && strchr(" \t\r\n", line.data[line.len - 1]) != NULL)
		line.len--;
	return line;
}

enum rnm_status rnm_key_read_minisign(struct rnm_key *key, const char *path, struct rnm_bytes text,
                                      const struct rnm_password_source *passwords, struct rnm_error *err)
{
	struct rnm_bytes line = second_line(text);
	uint8_t *bytes = sodium_malloc(FILE_SIZE);
	struct hidden *hidden = sodium_malloc(sizeof(*hidden));
	enum rnm_status status;

	if (bytes == NULL || hidden == NULL)
		status = rnm_error_nomem(err);
	else if (line.len != TEXT_LENGTH || !rnm_key_base64(bytes, FILE_SIZE, line.data, line.len))
		status = malformed(path, err);
	else
		status = take(key, bytes, hidden, path, passwords, err);
	sodium_free(bytes);
	sodium_free(hidden);
	return status;
}

/* ---- writing ---- */

static void put_le64(uint8_t *out, uint64_t number)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(number >> (8 * i));
}

static void put_head(uint8_t *out, const struct parameters *parameters)
{
	memcpy(out, ALGORITHM, TAG);
	memcpy(out + TAG, parameters->encrypted ? DERIVATION_SCRYPT : DERIVATION_NONE, TAG);
	memcpy(out + 2 * TAG, CHECKSUM, TAG);
	memcpy(out + 3 * TAG, parameters->salt, SALT_SIZE);
	put_le64(out + 3 * TAG + SALT_SIZE, parameters->operations);
	put_le64(out + 3 * TAG + SALT_SIZE + 8, parameters->memory);
}

static enum rnm_status fill(uint8_t bytes[FILE_SIZE], struct hidden *hidden, const struct rnm_key *key,
                            const char *password, struct rnm_error *err)
{
	struct parameters parameters = { .encrypted = password != NULL };
	enum rnm_status status = RNM_OK;

	rnm_minisign_id(hidden->id, &key->public);
	memcpy(hidden->secret, key->secret, sizeof(hidden->secret));
	checksum_of(hidden->checksum, hidden);
	if (password != NULL) {
		parameters.operations = NEW_OPERATIONS;
		parameters.memory = NEW_MEMORY;
		randombytes_buf(parameters.salt, sizeof(parameters.salt));
		status = apply_password(hidden, &parameters, password, err);
	}
	put_head(bytes, &parameters);
	memcpy(bytes + HEAD_SIZE, hidden, sizeof(*hidden));
	return status;
}

static enum rnm_status put_text(struct rnm_buf *out, const uint8_t bytes[FILE_SIZE], bool encrypted,
                                struct rnm_error *err)
{
	char *text = sodium_malloc(TEXT_LENGTH + 1);

	if (text == NULL)
		return rnm_error_nomem(err);
	sodium_bin2base64(text, TEXT_LENGTH + 1, bytes, FILE_SIZE, sodium_base64_VARIANT_ORIGINAL);
	rnm_buf_printf(out, RNM_MINISIGN_COMMENT "minisign %ssecret key\n", encrypted ? "encrypted " : "");
	rnm_buf_puts(out, text);
	rnm_buf_putc(out, '\n');
	sodium_free(text);
	return out->failed ? rnm_error_nomem(err) : RNM_OK;
}

enum rnm_status rnm_key_write_minisign(const struct rnm_key *key, const struct rnm_key_write_options *options,
                                       struct rnm_buf *out, struct rnm_error *err)
{
	uint8_t *bytes;
	struct hidden *hidden;
	enum rnm_status status;

	if (options->name != NULL)
		return rnm_error_set(err, RNM_E_USAGE, "key.name", "a key of minisign has no name");
	bytes = sodium_malloc(FILE_SIZE);
	hidden = sodium_malloc(sizeof(*hidden));
	status = bytes != NULL && hidden != NULL ? fill(bytes, hidden, key, options->password, err)
	                                         : rnm_error_nomem(err);
	if (status == RNM_OK)
		status = put_text(out, bytes, options->password != NULL, err);
	sodium_free(bytes);
	sodium_free(hidden);
	return status;
}
