/* SPDX-License-Identifier: Apache-2.0 */
#include "share/envelope.h"
#include "format/json_load.h"

#include <rnm/json.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM "ed25519"
#define BASE64 sodium_base64_VARIANT_ORIGINAL
#define SIGNATURE_TEXT_SIZE sodium_base64_ENCODED_LEN(RNM_SIGNATURE_SIZE, BASE64)

/* What is signed; malloc'd, NULL without memory. */
static char *message_of(const char *domain, struct rnm_bytes text, size_t *len)
{
	const size_t head = strlen(domain) + 1;
	char *message = text.len <= SIZE_MAX - head ? malloc(head + text.len) : NULL;

	if (message == NULL)
		return NULL;
	memcpy(message, domain, head - 1);
	message[head - 1] = '\n';
	if (text.len > 0)
		memcpy(message + head, text.data, text.len);
	*len = head + text.len;
	return message;
}

static void put_line(struct rnm_buf *out, const char *key, const char *signature)
{
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "algorithm", ALGORITHM);
	rnm_json_kv_string(&json, "key", key);
	rnm_json_kv_string(&json, "signature", signature);
	rnm_json_end_object(&json);
}

enum rnm_status rnm_envelope_seal(const char *domain, struct rnm_bytes text, const struct rnm_key *key,
                                  struct rnm_buf *out, struct rnm_error *err)
{
	char key_text[RNM_PUBLIC_KEY_TEXT_SIZE];
	char signature_text[SIGNATURE_TEXT_SIZE];
	uint8_t signature[RNM_SIGNATURE_SIZE];
	struct rnm_bytes message;
	char *bytes = message_of(domain, text, &message.len);
	enum rnm_status status;

	if (bytes == NULL)
		return rnm_error_nomem(err);
	message.data = bytes;
	status = rnm_key_sign(key, message, signature, err);
	free(bytes);
	if (status != RNM_OK)
		return status;
	rnm_public_key_text(rnm_key_public(key), key_text);
	sodium_bin2base64(signature_text, sizeof(signature_text), signature, sizeof(signature), BASE64);
	put_line(out, key_text, signature_text);
	return out->failed ? rnm_error_nomem(err) : RNM_OK;
}

/* ---- reading ---- */

struct seal {
	struct rnm_public_key key;
	uint8_t signature[RNM_SIGNATURE_SIZE];
};

static enum rnm_status malformed(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_SIGNATURE, "signature.malformed",
	                     "expected the line of a signature: algorithm ed25519, key and signature, as one "
	                     "object of canonical JSON");
}

/* There is one spelling of a seal; another one is taken for none. */
static enum rnm_status check_spelling(struct rnm_bytes line, const char *key, const char *signature,
                                      struct rnm_error *err)
{
	char room[RNM_ENVELOPE_MAX + 1];
	struct rnm_buf again;

	rnm_buf_init_in(&again, room, sizeof(room));
	put_line(&again, key, signature);
	if (again.failed || again.len != line.len || memcmp(again.data, line.data, line.len) != 0)
		return malformed(err);
	return RNM_OK;
}

static enum rnm_status take_members(struct seal *out, const json_t *json, struct rnm_bytes line,
                                    struct rnm_error *err)
{
	const char *key = json_string_value(json_object_get(json, "key"));
	const char *signature = json_string_value(json_object_get(json, "signature"));
	size_t len = 0;
	enum rnm_status status;

	if (key == NULL || signature == NULL)
		return malformed(err);
	if (sodium_base642bin(out->signature, sizeof(out->signature), signature, strlen(signature), NULL,
	                      &len, NULL, BASE64) != 0 ||
	    len != sizeof(out->signature))
		return malformed(err);
	status = check_spelling(line, key, signature, err);
	if (status == RNM_OK)
		status = rnm_public_key_parse(&out->key, key, err);
	return status == RNM_E_MALFORMED ? malformed(err) : status;
}

static enum rnm_status read_line(struct seal *out, struct rnm_bytes line, struct rnm_error *err)
{
	json_error_t problem;
	bool no_memory = false;
	json_t *json;
	enum rnm_status status;

	if (line.len > RNM_ENVELOPE_MAX)
		return malformed(err);
	json = rnm_json_load(line, JSON_REJECT_DUPLICATES, &problem, &no_memory);
	if (json == NULL)
		return no_memory ? rnm_error_nomem(err) : malformed(err);
	status = take_members(out, json, line, err);
	json_decref(json);
	return status;
}

static enum rnm_status untrusted(const struct rnm_public_key *key, const struct rnm_trust *trust,
                                 struct rnm_error *err)
{
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	const size_t count = rnm_trust_count(trust);

	rnm_public_key_text(key, text);
	return rnm_error_set(err, RNM_E_SIGNATURE, "signature.untrusted",
	                     "it is signed with the key %s, which is none of the %zu trusted key%s", text,
	                     count, count == 1 ? "" : "s");
}

enum rnm_status rnm_envelope_open(const char *domain, struct rnm_bytes text, struct rnm_bytes line,
                                  const struct rnm_trust *trust, const struct rnm_trusted_key **signer,
                                  struct rnm_error *err)
{
	const struct rnm_trusted_key *trusted;
	struct rnm_bytes message;
	struct seal seal;
	char *bytes;
	enum rnm_status status = read_line(&seal, line, err);

	if (status != RNM_OK)
		return status;
	trusted = rnm_trust_find(trust, &seal.key);
	if (trusted == NULL)
		return untrusted(&seal.key, trust, err);
	bytes = message_of(domain, text, &message.len);
	if (bytes == NULL)
		return rnm_error_nomem(err);
	message.data = bytes;
	status = rnm_signature_check(&trusted->key, message, seal.signature, err);
	free(bytes);
	if (status == RNM_OK)
		*signer = trusted;
	return status;
}
