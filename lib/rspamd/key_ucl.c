/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs of rspamd (src/libcryptobox/keypair.c), in UCL and in JSON, which UCL's parser reads too. */
#include "base/utf8.h"
#include "format/ucl.h"
#include "rspamd/key_internal.h"

#include <rnm/json.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

/* Memory and depth of the tree of a key pair: far more than one needs. */
#define RNM_KEY_TREE_MAX ((size_t)4 << 20)
#define RNM_KEY_TREE_DEPTH_MAX 8u

static const char *const public_names[] = { "pubkey", "public", "public_key" };
static const char *const secret_names[] = { "privkey", "private", "private_key", "secret", "secret_key" };

/* The member under the first of the names that is there. */
static const struct rnm_value *member(const struct rnm_value *pair, const char *const *names, size_t count)
{
	const struct rnm_value *found = NULL;

	for (size_t i = 0; i < count && found == NULL; i++)
		found = rnm_value_get(pair, names[i]);
	return found;
}

static enum rnm_status read_type(const struct rnm_value *pair, const char *path, struct rnm_error *err)
{
	const char *type = rnm_value_string(rnm_value_get(pair, "type"));

	if (type != NULL && strcasecmp(type, "sign") == 0)
		return RNM_OK;
	rnm_key_file_error(err, path, "key.type",
	                   "a key pair with type = \"sign\", found one for encryption, as which rspamd reads "
	                   "it without that member");
	rnm_error_set_hint(err, "rnm key new makes one for signatures, as does rspamadm keypair -s");
	return RNM_E_MALFORMED;
}

/* rspamd takes every other word for base32; whether that was right shows when the two keys fit. */
static enum rnm_key_encoding encoding_of(const struct rnm_value *pair)
{
	const char *name = rnm_value_string(rnm_value_get(pair, "encoding"));

	for (int i = RNM_KEY_BASE32; name != NULL && i <= RNM_KEY_BASE64; i++)
		if (strcasecmp(name, rnm_key_encoding_name((enum rnm_key_encoding)i)) == 0)
			return (enum rnm_key_encoding)i;
	return RNM_KEY_BASE32;
}

static enum rnm_status take(struct rnm_key *key, const struct rnm_value *pair, const char *path,
                            struct rnm_error *err)
{
	const size_t public_count = sizeof(public_names) / sizeof(public_names[0]);
	const size_t secret_count = sizeof(secret_names) / sizeof(secret_names[0]);
	const struct rnm_value *public = member(pair, public_names, public_count);
	const struct rnm_value *secret = member(pair, secret_names, secret_count);
	struct rnm_public_key named;
	enum rnm_status status;

	if (rnm_value_string(public) == NULL || rnm_value_string(secret) == NULL || public->next != NULL ||
	    secret->next != NULL)
		return rnm_key_file_error(err, path, "key.file",
		                          "a key pair of rspamd (one pubkey and one privkey, both strings) "
		                          "or a secret key of minisign");
	status = read_type(pair, path, err);
	if (status != RNM_OK)
		return status;
	key->origin.encoding = encoding_of(pair);
	if (!rnm_key_decode(named.bytes, sizeof(named.bytes), key->origin.encoding, public->as.string) ||
	    !rnm_key_decode(key->secret, sizeof(key->secret), key->origin.encoding, secret->as.string))
		return rnm_key_file_error(err, path, "key.file",
		                          "32 bytes of public and 64 bytes of secret key in the encoding of "
		                          "the file");
	return rnm_key_complete(key, &named, path, err);
}

enum rnm_status rnm_key_read_ucl(struct rnm_key *key, const char *path, struct rnm_bytes text,
                                 struct rnm_error *err)
{
	struct rnm_arena arena;
	const struct rnm_ucl_options options = { .arena = &arena,
		                                 .filename = path,
		                                 .max_depth = RNM_KEY_TREE_DEPTH_MAX };
	const struct rnm_value *pair;
	struct rnm_error problem;
	struct rnm_value *root;
	enum rnm_status status;

	rnm_arena_init_secret(&arena, RNM_KEY_TREE_MAX);
	status = rnm_ucl_parse(&root, &options, text.data, text.len, &problem);
	if (status == RNM_OK) {
		pair = rnm_value_get(root, "keypair");
		key->origin.format = text.len > 0 && text.data[0] == '{' ? RNM_KEY_JSON : RNM_KEY_UCL;
		status = take(key, pair != NULL ? pair : root, path, err);
	} else if (status == RNM_E_NOMEM) {
		status = rnm_error_nomem(err);
	} else {
		/* The parser's own words could quote the secret. */
		status = rnm_error_set(err, RNM_E_MALFORMED, "key.file",
		                       "expected a key pair of rspamd (UCL or JSON) or a secret key of "
		                       "minisign");
		rnm_error_at_line(err, path, problem.line);
	}
	sodium_memzero(&problem, sizeof(problem));
	rnm_arena_free(&arena);
	return status;
}

/* ---- writing ---- */

/* The name is written between quotes: nothing in it may mean something to a parser. */
static bool name_is_plain(const char *name)
{
	size_t len = strlen(name);
	size_t pos = 0;

	while (pos < len) {
		size_t step = rnm_utf8_length((const unsigned char *)name + pos, len - pos);

		if (step == 0 || (unsigned char)name[pos] < 0x20 || strchr("\"\\$\x7f", name[pos]) != NULL)
			return false;
		pos += step;
	}
	return len <= RNM_KEY_NAME_MAX;
}

struct pair_text {
	char public[RNM_KEY_TEXT_SIZE];
	char secret[RNM_KEY_TEXT_SIZE];
	char id[RNM_KEY_TEXT_SIZE];
};

static void put_ucl(struct rnm_buf *out, const struct pair_text *text,
                    const struct rnm_key_write_options *options)
{
	rnm_buf_puts(out, "keypair {\n    type = \"sign\";\n    algorithm = \"curve25519\";\n");
	/* As rspamd does not write it for its own base32, nor must it be there. */
	if (options->encoding != RNM_KEY_BASE32)
		rnm_buf_printf(out, "    encoding = \"%s\";\n", rnm_key_encoding_name(options->encoding));
	rnm_buf_printf(out, "    pubkey = \"%s\";\n    id = \"%s\";\n    privkey = \"", text->public,
	               text->id);
	rnm_buf_puts(out, text->secret);
	rnm_buf_puts(out, "\";\n");
	if (options->name != NULL)
		rnm_buf_printf(out, "    extensions {\n        name = \"%s\";\n    }\n", options->name);
	rnm_buf_puts(out, "}\n");
}

static void put_json(struct rnm_buf *out, const struct pair_text *text,
                     const struct rnm_key_write_options *options)
{
	struct rnm_json json;

	rnm_json_init(&json, out, true);
	rnm_json_begin_object(&json);
	rnm_json_key(&json, "keypair");
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "type", "sign");
	rnm_json_kv_string(&json, "algorithm", "curve25519");
	if (options->encoding != RNM_KEY_BASE32)
		rnm_json_kv_string(&json, "encoding", rnm_key_encoding_name(options->encoding));
	rnm_json_kv_string(&json, "pubkey", text->public);
	rnm_json_kv_string(&json, "id", text->id);
	rnm_json_kv_string(&json, "privkey", text->secret);
	if (options->name != NULL) {
		rnm_json_key(&json, "extensions");
		rnm_json_begin_object(&json);
		rnm_json_kv_string(&json, "name", options->name);
		rnm_json_end_object(&json);
	}
	rnm_json_end_object(&json);
	rnm_json_end_object(&json);
	rnm_buf_putc(out, '\n');
}

enum rnm_status rnm_key_write_ucl(const struct rnm_key *key, const struct rnm_key_write_options *options,
                                  struct rnm_buf *out, struct rnm_error *err)
{
	uint8_t hash[crypto_generichash_BYTES_MAX];
	struct pair_text *text;

	if (options->encoding > RNM_KEY_BASE64 || options->password != NULL)
		return rnm_error_set(err, RNM_E_USAGE, "key.format",
		                     "a key pair of rspamd is base32, hex or base64 and has no password");
	if (options->name != NULL && !name_is_plain(options->name))
		return rnm_error_set(err, RNM_E_USAGE, "key.name",
		                     "expected a name of at most %u bytes of text without quotes, "
		                     "backslashes and dollar signs",
		                     RNM_KEY_NAME_MAX);
	text = sodium_malloc(sizeof(*text));
	if (text == NULL)
		return rnm_error_nomem(err);
	(void)!crypto_generichash(hash, sizeof(hash), key->public.bytes, sizeof(key->public.bytes), NULL, 0);
	rnm_key_encode(text->public, key->public.bytes, sizeof(key->public.bytes), options->encoding);
	rnm_key_encode(text->secret, key->secret, sizeof(key->secret), options->encoding);
	rnm_key_encode(text->id, hash, sizeof(hash), options->encoding);
	if (options->format == RNM_KEY_JSON)
		put_json(out, text, options);
	else
		put_ucl(out, text, options);
	sodium_free(text);
	return out->failed ? rnm_error_nomem(err) : RNM_OK;
}
