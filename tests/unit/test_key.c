/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: rspamd's base32, every spelling of a key pair, minisign, and records of what rspamd's signtool signed. */
#include "base/file.h"
#include "rspamd/base32.h"

#include <rnm/key.h>

#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "test_folder.h"

/* The key pair of the seed 00 01 .. 1f, as rspamd writes it. */
#define PUBLIC_HEX "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define PUBLIC_TEXT "deexo9q6qgrh5qyq7ggq6fba3h3eqmdg5cj5oxidhsbjgjwktbqb"
#define PUBLIC_BASE64 "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
#define SECRET_TEXT                                                                                          \
	"yeyroboyfobqyrrbkanaogabxyrnbjcnwefctmyd3ogsbqwd6a8goo6y97h7ceaz7yh4pchhmnou3uthsgcs31sb9k8apd1c1"  \
	"eindhn"
#define SEED_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ID_TEXT                                                                                              \
	"cr8qbriif1g6w6cbqybqsxxwy87a3b7sg9dbz8kewndwcziofx6k7t4idopntx8hw9rq1c8m7bi3ry11kmaehw63qjy7yy1p7d" \
	"acpfd"
#define MESSAGE "RNM1 test\n"
#define SIGNATURE_HEX                                                                                        \
	"19df2b026e61c273737dbfeae96ed32a8503801d08ada6bbf8bcf07b8f6018b0c037e3386b25537187f3d688e8f5e8382a" \
	"7a398d2a391474a145c4e20589910c"

static struct rnm_error err;

static const char *write_secret(const char *text)
{
	const char *path = in_folder("key");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(rnm_write_all(fd, text, strlen(text)));
	assert_int_equal(close(fd), 0);
	return path;
}

static const char *data_file(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/data/sign/%s", getenv("RNM_TESTS"), name);
	return path;
}

static void read_whole(struct rnm_buf *out, const char *path)
{
	rnm_buf_init(out, 1 << 20);
	assert_int_equal(rnm_file_read(path, out, 1 << 20, &err), RNM_OK);
}

/* ---- base32 ---- */

static void test_base32_vectors(void **state)
{
	static const struct {
		const char *bytes, *text;
		size_t len;
	} vectors[] = {
		{ "hello", "em3ags7p", 5 },
		{ "\0\1\2\3\4", "yeyroboy", 5 },
		{ "\xff", "98", 1 },
		{ "", "", 0 },
	};
	char text[16];
	uint8_t bytes[8];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const size_t len = vectors[i].len;

		rnm_base32_encode(text, (const uint8_t *)vectors[i].bytes, len);
		assert_string_equal(text, vectors[i].text);
		assert_true(rnm_base32_decode(bytes, len, text, strlen(text)));
		assert_memory_equal(bytes, vectors[i].bytes, len);
	}
}

static void test_base32_is_strict(void **state)
{
	char text[64];
	uint8_t bytes[32];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	rnm_base32_encode(text, bytes, sizeof(bytes));
	assert_int_equal(strlen(text), 52);
	assert_int_equal(strspn(text, "9"), 51);
	assert_int_equal(text[51], 'b');
	/* Bits that belong to no byte; other lengths; other characters. */
	text[51] = 'n';
	assert_false(rnm_base32_decode(bytes, 32, text, 52));
	text[51] = 'y';
	assert_true(rnm_base32_decode(bytes, 32, text, 52));
	assert_int_equal(bytes[31], 0x7f);
	assert_false(rnm_base32_decode(bytes, 32, text, 51));
	text[3] = 'l';
	assert_false(rnm_base32_decode(bytes, 32, text, 52));
	text[3] = 'Y';
	assert_false(rnm_base32_decode(bytes, 32, text, 52));
}

/* ---- public keys ---- */

static void test_public_key_texts(void **state)
{
	static const char *const texts[] = { PUBLIC_TEXT, PUBLIC_HEX, PUBLIC_BASE64 };
	struct rnm_public_key key, again;
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	char hex[2 * RNM_PUBLIC_KEY_SIZE + 1];
	char id[RNM_KEY_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(rnm_public_key_parse(&key, texts[i], &err), RNM_OK);
		sodium_bin2hex(hex, sizeof(hex), key.bytes, sizeof(key.bytes));
		assert_string_equal(hex, PUBLIC_HEX);
		rnm_public_key_encode(&key, (enum rnm_key_encoding)i, text);
		assert_string_equal(text, texts[i]);
	}
	rnm_public_key_text(&key, text);
	assert_string_equal(text, PUBLIC_TEXT);
	rnm_public_key_id(&key, id);
	assert_string_equal(id, ID_TEXT);
	rnm_public_key_encode(&key, RNM_KEY_MINISIGN, text);
	assert_int_equal(strlen(text), 56);
	assert_int_equal(rnm_public_key_parse(&again, text, &err), RNM_OK);
	assert_true(rnm_public_key_equal(&key, &again));
	assert_true(again.has_minisign_id);
}

static void test_minisign_id(void **state)
{
	struct rnm_public_key key = { .has_minisign_id = true };
	char text[RNM_MINISIGN_ID_TEXT_SIZE];

	(void)state;
	rnm_public_key_minisign_id(&key, text);
	assert_string_equal(text, "0");
	memcpy(key.minisign_id, "\x01\xEF\xCD\xAB\x89\x67\x45\x03", sizeof(key.minisign_id));
	rnm_public_key_minisign_id(&key, text);
	assert_string_equal(text, "3456789ABCDEF01");
	key.minisign_id[7] = 0xF3;
	rnm_public_key_minisign_id(&key, text);
	assert_string_equal(text, "F3456789ABCDEF01");
}

static void test_public_key_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"notakey",
		" " PUBLIC_TEXT,
		PUBLIC_TEXT " ",
		PUBLIC_TEXT "\n",
		"DEEXO9Q6QGRH5QYQ7GGQ6FBA3H3EQMDG5CJ5OXIDHSBJGJWKTBQB",
		"deexo9q6qgrh5qyq7ggq6fba3h3eqmdg5cj5oxidhsbjgjwktbq",
		"deexo9q6qgrh5qyq7ggq6fba3h3eqmdg5cj5oxidhsbjgjwktbqn",
		"g3a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
		"A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg*",
		"A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbh=",
		"XXSF7FHP1xjxNzHJLzT0aAUCmAjifux1B5GVn1w7pd3AtbcorKkGlO5K",
	};
	/* Of small order: every message has signatures that fit it. */
	static const char *const points[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	struct rnm_public_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(rnm_public_key_parse(&key, texts[i], &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "key.text");
	}
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		assert_int_equal(rnm_public_key_parse(&key, points[i], &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "key.point");
	}
}

static void test_public_key_files(void **state)
{
	static const char *const good[] = {
		PUBLIC_TEXT,
		PUBLIC_TEXT "\n",
		PUBLIC_TEXT " \r\n\n",
		PUBLIC_HEX "\n",
		("untrusted comment: minisign public key 1\n"
		 "RWQBAgMEBQYHCAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n"),
	};
	static const char *const bad[] = {
		"",
		"\n",
		"\n" PUBLIC_TEXT,
		"untrusted comment: only this",
		"untrusted comment: x\n",
		PUBLIC_TEXT "\n" PUBLIC_TEXT "\n",
	};
	struct rnm_public_key key, expected;

	(void)state;
	assert_int_equal(rnm_public_key_parse(&expected, PUBLIC_HEX, &err), RNM_OK);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(rnm_public_key_load(&key, write_secret(good[i]), &err), RNM_OK);
		assert_true(rnm_public_key_equal(&key, &expected));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rnm_public_key_load(&key, write_secret(bad[i]), &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "key.text");
		assert_string_equal(err.file, in_folder("key"));
	}
	assert_int_equal(rnm_public_key_load(&key, in_folder("none"), &err), RNM_E_NOT_FOUND);
}

/* ---- key pairs ---- */

#define MEMBERS "type = \"sign\"; "
#define PUBLIC(name) name " = \"" PUBLIC_TEXT "\"; "
#define SECRET(name) name " = \"" SECRET_TEXT "\"; "

static void test_spellings(void **state)
{
	static const char *const texts[] = {
		"keypair { " MEMBERS PUBLIC("pubkey") SECRET("privkey") "}",
		MEMBERS PUBLIC("pubkey") SECRET("privkey"),
		"{ " MEMBERS PUBLIC("public") SECRET("private") " }",
		"keypair { " MEMBERS PUBLIC("public_key")
		    SECRET("private_key") "id = nonsense; x { y = 1 } }",
		"keypair: { " MEMBERS PUBLIC("pubkey") SECRET("secret") "}",
		MEMBERS PUBLIC("pubkey") SECRET("secret_key"),
		"type = SIGN\nencoding = base32\npubkey = " PUBLIC_TEXT "\nprivkey = " SECRET_TEXT "\n",
		"encoding = rot13; " MEMBERS PUBLIC("pubkey") SECRET("privkey"),
		"{\"keypair\":{\"type\":\"sign\",\"pubkey\":\"" PUBLIC_TEXT "\",\"privkey\":\"" SECRET_TEXT
		"\"}}",
		"encoding = hex; " MEMBERS "pubkey = \"" PUBLIC_HEX "\"; privkey = \"" SEED_HEX PUBLIC_HEX
		"\"",
		"encoding = HEX; " MEMBERS "pubkey = \"" PUBLIC_HEX "\"; privkey = \"" SEED_HEX PUBLIC_HEX
		"\"",
		"encoding = base64; " MEMBERS "pubkey = \"" PUBLIC_BASE64 "\"; privkey = \""
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==\"",
	};
	uint8_t signature[RNM_SIGNATURE_SIZE];
	char hex[2 * RNM_SIGNATURE_SIZE + 1];
	struct rnm_key *key;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(rnm_key_load(&key, write_secret(texts[i]), NULL, &err), RNM_OK);
		assert_int_equal(rnm_key_sign(key, (struct rnm_bytes){ MESSAGE, strlen(MESSAGE) }, signature,
		                              &err),
		                 RNM_OK);
		sodium_bin2hex(hex, sizeof(hex), signature, sizeof(signature));
		assert_string_equal(hex, SIGNATURE_HEX);
		rnm_key_free(key);
	}
}

static void test_pairs_refused(void **state)
{
	static const struct {
		const char *text, *id;
	} pairs[] = {
		{ "", "key.file" },
		{ "keypair {", "key.file" },
		{ "keypair { } }", "key.file" },
		{ PUBLIC("pubkey") SECRET("privkey"), "key.type" },
		{ "type = kex; " PUBLIC("pubkey") SECRET("privkey"), "key.type" },
		{ MEMBERS PUBLIC("pubkey"), "key.file" },
		{ MEMBERS SECRET("privkey"), "key.file" },
		{ MEMBERS "pubkey = 12; " SECRET("privkey"), "key.file" },
		{ MEMBERS PUBLIC("pubkey") PUBLIC("pubkey") SECRET("privkey"), "key.file" },
		{ MEMBERS "encoding = hex; " PUBLIC("pubkey") SECRET("privkey"), "key.file" },
		{ MEMBERS "encoding = hex; pubkey = \"" PUBLIC_HEX "\"; privkey = \"" SEED_HEX "\"",
		  "key.file" },
		{ MEMBERS "encoding = hex; pubkey = \"" PUBLIC_HEX "\"; privkey = \"" SEED_HEX SEED_HEX "\"",
		  "key.pair" },
		{ MEMBERS "encoding = hex; pubkey = \"" SEED_HEX "\"; privkey = \"" SEED_HEX PUBLIC_HEX "\"",
		  "key.pair" },
		{ ".include \"/etc/passwd\"\n", "key.file" },
		{ "untrusted comment: x", "key.file" },
		{ "untrusted comment: x\nUldRQUFFSXlBQUFB\n", "key.file" },
	};
	struct rnm_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(rnm_key_load(&key, write_secret(pairs[i].text), NULL, &err),
		                 RNM_E_MALFORMED);
		assert_string_equal(err.id, pairs[i].id);
		assert_null(strstr(err.message, "yeyroboy"));
		assert_null(key);
	}
}

static void test_exposed_files(void **state)
{
	static const struct {
		unsigned mode;
		enum rnm_status status;
		bool group;
	} modes[] = {
		{ 0600, RNM_OK, false },        { 0400, RNM_OK, false },
		{ 0640, RNM_OK, true },         { 0700, RNM_OK, false },
		{ 0644, RNM_E_REFUSED, false }, { 0604, RNM_E_REFUSED, false },
		{ 0660, RNM_E_REFUSED, false }, { 0602, RNM_E_REFUSED, false },
		{ 0611, RNM_OK, false },
	};
	struct rnm_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *path = in_folder("key");

		unlink(path);
		path = write_secret(MEMBERS PUBLIC("pubkey") SECRET("privkey"));
		assert_int_equal(chmod(path, modes[i].mode), 0);
		assert_int_equal(rnm_key_load(&key, path, NULL, &err), modes[i].status);
		if (modes[i].status != RNM_OK) {
			assert_string_equal(err.id, "key.exposed");
			continue;
		}
		assert_int_equal(rnm_key_origin(key)->group_readable, modes[i].group);
		rnm_key_free(key);
	}
}

static void test_large_file(void **state)
{
	char *text = malloc(20000);
	struct rnm_key *key;

	(void)state;
	assert_non_null(text);
	memset(text, '#', 19999);
	text[19999] = '\0';
	assert_int_equal(rnm_key_load(&key, write_secret(text), NULL, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "file.too-large");
	free(text);
}

/* ---- records ---- */

static void test_records(void **state)
{
	static const char *const files[] = { "hello.txt", "random.bin", "model.rnm" };
	static const char *const pairs[] = { "kp1", "kp2" };
	char name[64];

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct rnm_buf text;
		struct rnm_public_key public;
		struct rnm_key *key;

		snprintf(name, sizeof(name), "%s.ucl", pairs[p]);
		read_whole(&text, data_file(name));
		assert_int_equal(rnm_key_load(&key, write_secret(rnm_buf_cstr(&text)), NULL, &err), RNM_OK);
		rnm_buf_free(&text);
		snprintf(name, sizeof(name), "%s.pub", pairs[p]);
		assert_int_equal(rnm_public_key_load(&public, data_file(name), &err), RNM_OK);
		assert_true(rnm_public_key_equal(&public, rnm_key_public(key)));
		for (size_t f = 0; f < 3; f++) {
			uint8_t signature[RNM_SIGNATURE_SIZE];
			struct rnm_buf content, recorded;

			read_whole(&content, data_file(files[f]));
			snprintf(name, sizeof(name), "%s.%s.sig", files[f], pairs[p]);
			read_whole(&recorded, data_file(name));
			assert_int_equal(recorded.len, RNM_SIGNATURE_SIZE);
			const struct rnm_bytes bytes = { content.data, content.len };
			assert_int_equal(rnm_key_sign(key, bytes, signature, &err), RNM_OK);
			assert_memory_equal(signature, recorded.data, RNM_SIGNATURE_SIZE);
			assert_int_equal(rnm_signature_check(&public, bytes, signature, &err), RNM_OK);
			content.data[content.len / 2] ^= 1;
			assert_int_equal(rnm_signature_check(&public, bytes, signature, &err),
			                 RNM_E_SIGNATURE);
			content.data[content.len / 2] ^= 1;
			signature[5] ^= 1;
			assert_int_equal(rnm_signature_check(&public, bytes, signature, &err),
			                 RNM_E_SIGNATURE);
			rnm_buf_free(&content);
			rnm_buf_free(&recorded);
		}
		rnm_key_free(key);
	}
}

/* ---- writing and reading again ---- */

static char right_password[] = "secret";
static char wrong_password[] = "Secret";

static enum rnm_status answer(void *ctx, const char *name, char *room, struct rnm_error *problem)
{
	assert_string_equal(name, in_folder("new"));
	if (ctx == NULL)
		return rnm_error_set(problem, RNM_E_INTERRUPTED, "test", "no");
	snprintf(room, RNM_PASSWORD_MAX + 1, "%s", (const char *)ctx);
	return RNM_OK;
}

static void test_write_and_read(void **state)
{
	static const struct rnm_key_write_options ways[] = {
		{ .format = RNM_KEY_UCL, .encoding = RNM_KEY_BASE32 },
		{ .format = RNM_KEY_UCL, .encoding = RNM_KEY_HEX, .name = "spam \xc3\xa9 1" },
		{ .format = RNM_KEY_UCL, .encoding = RNM_KEY_BASE64 },
		{ .format = RNM_KEY_JSON, .encoding = RNM_KEY_BASE32, .name = "x" },
		{ .format = RNM_KEY_JSON, .encoding = RNM_KEY_BASE64 },
		{ .format = RNM_KEY_MINISIGN_FILE },
		{ .format = RNM_KEY_MINISIGN_FILE, .password = "secret" },
	};
	const char *path;
	struct rnm_key *key, *again;
	struct stat st;

	(void)state;
	assert_int_equal(rnm_key_generate(&key, &err), RNM_OK);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct rnm_password_source passwords = { .ctx = right_password, .ask = answer };
		const mode_t mask = umask(0);

		path = in_folder("new");
		unlink(path);
		assert_int_equal(rnm_key_write(key, path, &ways[i], &err), RNM_OK);
		umask(mask);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(rnm_key_load(&again, path, &passwords, &err), RNM_OK);
		assert_true(rnm_public_key_equal(rnm_key_public(key), rnm_key_public(again)));
		assert_int_equal(rnm_key_origin(again)->format, ways[i].format);
		assert_int_equal(rnm_key_origin(again)->encrypted, ways[i].password != NULL);
		rnm_key_free(again);
	}
	rnm_key_free(key);
}

static void test_password(void **state)
{
	const struct rnm_key_write_options how = { .format = RNM_KEY_MINISIGN_FILE, .password = "secret" };
	const struct rnm_password_source wrong = { .ctx = wrong_password, .ask = answer };
	const struct rnm_password_source none = { .ctx = NULL, .ask = answer };
	struct rnm_key *key, *again;

	(void)state;
	unlink(in_folder("new"));
	assert_int_equal(rnm_key_generate(&key, &err), RNM_OK);
	assert_int_equal(rnm_key_write(key, in_folder("new"), &how, &err), RNM_OK);
	rnm_key_free(key);
	assert_int_equal(rnm_key_load(&again, in_folder("new"), NULL, &err), RNM_E_USAGE);
	assert_string_equal(err.id, "key.password");
	assert_int_equal(rnm_key_load(&again, in_folder("new"), &none, &err), RNM_E_INTERRUPTED);
	assert_int_equal(rnm_key_load(&again, in_folder("new"), &wrong, &err), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "key.wrong-password");
}

/* Whoever hands us a key file must not make us spend hours or all memory on it. */
static void test_hostile_parameters(void **state)
{
	static const struct {
		uint64_t operations, memory;
	} demands[] = { { UINT64_MAX, 16384 },
		        { 33554433, 1 << 20 },
		        { 32768, (1ULL << 30) + 1 },
		        { 32768, UINT64_MAX } };
	const struct rnm_password_source passwords = { .ctx = right_password, .ask = answer };
	struct rnm_key *key;
	uint8_t bytes[158] = "EdScB2";
	char base64[256];
	char text[320];

	(void)state;
	for (size_t i = 0; i < sizeof(demands) / sizeof(demands[0]); i++) {
		for (unsigned b = 0; b < 8; b++) {
			bytes[38 + b] = (uint8_t)(demands[i].operations >> (8 * b));
			bytes[46 + b] = (uint8_t)(demands[i].memory >> (8 * b));
		}
		sodium_bin2base64(base64, sizeof(base64), bytes, sizeof(bytes),
		                  sodium_base64_VARIANT_ORIGINAL);
		snprintf(text, sizeof(text), "untrusted comment: x\n%s\n", base64);
		assert_int_equal(rnm_key_load(&key, write_secret(text), &passwords, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "key.limits");
	}
}

static void test_existing_file_stays(void **state)
{
	struct rnm_key_write_options how = { .format = RNM_KEY_UCL };
	struct rnm_key *first, *second, *found;
	struct stat st;

	(void)state;
	unlink(in_folder("new"));
	assert_int_equal(rnm_key_generate(&first, &err), RNM_OK);
	assert_int_equal(rnm_key_generate(&second, &err), RNM_OK);
	assert_int_equal(rnm_key_write(first, in_folder("new"), &how, &err), RNM_OK);
	assert_int_equal(rnm_key_write(second, in_folder("new"), &how, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "key.exists");
	assert_int_equal(rnm_key_load(&found, in_folder("new"), NULL, &err), RNM_OK);
	assert_true(rnm_public_key_equal(rnm_key_public(first), rnm_key_public(found)));
	rnm_key_free(found);
	how.replace = true;
	assert_int_equal(chmod(in_folder("new"), 0644), 0);
	assert_int_equal(rnm_key_write(second, in_folder("new"), &how, &err), RNM_OK);
	assert_int_equal(stat(in_folder("new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(rnm_key_load(&found, in_folder("new"), NULL, &err), RNM_OK);
	assert_true(rnm_public_key_equal(rnm_key_public(second), rnm_key_public(found)));
	rnm_key_free(found);
	rnm_key_free(first);
	rnm_key_free(second);
}

static void test_what_a_format_cannot_hold(void **state)
{
	static const struct rnm_key_write_options ways[] = {
		{ .format = RNM_KEY_UCL, .encoding = RNM_KEY_MINISIGN },
		{ .format = RNM_KEY_UCL, .password = "x" },
		{ .format = RNM_KEY_UCL, .name = "a\"b" },
		{ .format = RNM_KEY_JSON, .name = "a\nb" },
		{ .format = RNM_KEY_UCL, .name = "${HOME}" },
		{ .format = RNM_KEY_MINISIGN_FILE, .name = "x" },
	};
	struct rnm_key *key;

	(void)state;
	unlink(in_folder("new"));
	assert_int_equal(rnm_key_generate(&key, &err), RNM_OK);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_int_equal(rnm_key_write(key, in_folder("new"), &ways[i], &err), RNM_E_USAGE);
		assert_int_equal(access(in_folder("new"), F_OK), -1);
	}
	rnm_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base32_vectors),
		cmocka_unit_test(test_base32_is_strict),
		cmocka_unit_test(test_public_key_texts),
		cmocka_unit_test(test_minisign_id),
		cmocka_unit_test(test_public_key_refused),
		cmocka_unit_test(test_public_key_files),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_pairs_refused),
		cmocka_unit_test(test_exposed_files),
		cmocka_unit_test(test_large_file),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_write_and_read),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_hostile_parameters),
		cmocka_unit_test(test_existing_file_stays),
		cmocka_unit_test(test_what_a_format_cannot_hold),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
