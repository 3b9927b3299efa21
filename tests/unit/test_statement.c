/* SPDX-License-Identifier: Apache-2.0 */
/* Statements about signed files, who may make them, and what is taken for none. */
#include "share/envelope.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1790000000
#define DAY 86400

static struct rnm_error err;
static struct rnm_key *key, *other_key;
static struct rnm_trust *trust;
static char public_text[RNM_PUBLIC_KEY_TEXT_SIZE];

static struct rnm_statement statement_of(const char *name)
{
	struct rnm_statement statement = {
		.rule = "default",
		.providers_digest = "0123456789abcdef",
		.has_model_version = true,
		.model_version = 7,
		.created = NOW,
		.not_after = NOW + DAY,
	};

	snprintf(statement.name, sizeof(statement.name), "%s", name);
	assert_int_equal(rnm_statement_measure(&statement, (struct rnm_bytes){ "abc", 3 }, &err), RNM_OK);
	return statement;
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(rnm_key_generate(&key, &err), RNM_OK);
	assert_int_equal(rnm_key_generate(&other_key, &err), RNM_OK);
	assert_int_equal(rnm_trust_new(&trust, &err), RNM_OK);
	rnm_public_key_text(rnm_key_public(key), public_text);
	assert_int_equal(rnm_trust_add_text(trust, public_text, &err), RNM_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rnm_key_free(key);
	rnm_key_free(other_key);
	rnm_trust_free(trust);
	return 0;
}

static enum rnm_status read_back(const struct rnm_buf *text, struct rnm_statement *out)
{
	const struct rnm_trusted_key *signer = NULL;
	enum rnm_status status =
	    rnm_statement_read((struct rnm_bytes){ text->data, text->len }, trust, out, &signer, &err);

	if (status == RNM_OK) {
		assert_true(rnm_public_key_equal(&signer->key, rnm_key_public(key)));
		assert_string_equal(signer->name, public_text);
	}
	return status;
}

/* ---- the text ---- */

static void test_form(void **state)
{
	const struct rnm_statement statement = statement_of("0123456789abcdef");
	char expected[1024];
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, 1 << 16);
	assert_int_equal(rnm_statement_write(&statement, key, &text, &err), RNM_OK);
	snprintf(expected, sizeof(expected),
	         "{\"blake2b\":\"bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319\","
	         "\"created\":1790000000,\"model_version\":7,\"name\":\"0123456789abcdef\","
	         "\"not_after\":1790086400,\"providers_digest\":\"0123456789abcdef\",\"rule\":\"default\","
	         "\"size\":3}\n{\"algorithm\":\"ed25519\",\"key\":\"%s\",\"signature\":\"",
	         public_text);
	assert_true(text.len == strlen(expected) + 88 + 3);
	assert_memory_equal(text.data, expected, strlen(expected));
	assert_string_equal(text.data + text.len - 3, "\"}\n");
	rnm_buf_free(&text);
}

/* What is signed, made without the code under test. */
static void test_signed_bytes(void **state)
{
	const struct rnm_statement statement = statement_of("x");
	uint8_t signature[RNM_SIGNATURE_SIZE];
	struct rnm_buf text, message;
	const char *seal;
	size_t len;

	(void)state;
	rnm_buf_init(&text, 1 << 16);
	rnm_buf_init(&message, 1 << 16);
	assert_int_equal(rnm_statement_write(&statement, key, &text, &err), RNM_OK);
	seal = strchr(text.data, '\n') + 1;
	rnm_buf_puts(&message, "rnm statement 1\n");
	rnm_buf_append(&message, text.data, (size_t)(seal - 1 - text.data));
	seal = strstr(seal, "\"signature\":\"") + strlen("\"signature\":\"");
	assert_int_equal(sodium_base642bin(signature, sizeof(signature), seal, 88, NULL, &len, NULL,
	                                   sodium_base64_VARIANT_ORIGINAL),
	                 0);
	assert_int_equal(crypto_sign_verify_detached(signature, (unsigned char *)message.data, message.len,
	                                             rnm_key_public(key)->bytes),
	                 0);
	rnm_buf_free(&text);
	rnm_buf_free(&message);
}

static void test_round_trip(void **state)
{
	struct rnm_statement statements[3];
	struct rnm_buf text;

	(void)state;
	statements[0] = statement_of("0123456789abcdef");
	statements[1] = statement_of("spam \"q\" \\ \xc3\xa9.rnm");
	statements[1].not_after = 0;
	statements[1].has_model_version = false;
	statements[1].model_version = 0;
	statements[1].rule[0] = '\0';
	statements[1].providers_digest[0] = '\0';
	statements[2] = statement_of("m");
	memset(statements[2].name, 'n', RNM_STATEMENT_NAME_MAX);
	memset(statements[2].rule, '"', RNM_STATEMENT_NAME_MAX);
	statements[2].model_version = INT64_MAX;
	statements[2].size = INT64_MAX;
	statements[2].created = 0;
	statements[2].not_after = INT64_MAX;
	for (size_t i = 0; i < 3; i++) {
		struct rnm_statement read = { 0 };

		rnm_buf_init(&text, 1 << 16);
		assert_int_equal(rnm_statement_write(&statements[i], key, &text, &err), RNM_OK);
		assert_int_equal(read_back(&text, &read), RNM_OK);
		assert_string_equal(read.name, statements[i].name);
		assert_string_equal(read.rule, statements[i].rule);
		assert_string_equal(read.providers_digest, statements[i].providers_digest);
		assert_int_equal(read.has_model_version, statements[i].has_model_version);
		assert_true(read.model_version == statements[i].model_version);
		assert_true(read.created == statements[i].created);
		assert_true(read.not_after == statements[i].not_after);
		assert_true(read.size == statements[i].size);
		assert_memory_equal(read.blake2b, statements[i].blake2b, RNM_BLAKE2B_SIZE);
		rnm_buf_free(&text);
	}
}

static void test_nonsense_is_not_written(void **state)
{
	static const char *const names[] = { "", ".", "..", "a/b", "/", "a\nb", "\x7f", "\xff", "\xc3" };
	struct rnm_statement statement;
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, 1 << 16);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		statement = statement_of(names[i]);
		assert_int_equal(rnm_statement_write(&statement, key, &text, &err), RNM_E_USAGE);
		assert_string_equal(err.id, "statement.invalid");
	}
	statement = statement_of("x");
	statement.not_after = statement.created - 1;
	assert_int_equal(rnm_statement_write(&statement, key, &text, &err), RNM_E_USAGE);
	statement = statement_of("x");
	statement.model_version = (uint64_t)INT64_MAX + 1;
	assert_int_equal(rnm_statement_write(&statement, key, &text, &err), RNM_E_USAGE);
	statement = statement_of("x");
	strcpy(statement.rule, "a\tb");
	assert_int_equal(rnm_statement_write(&statement, key, &text, &err), RNM_E_USAGE);
	assert_int_equal(text.len, 0);
	rnm_buf_free(&text);
}

/* ---- what is refused ---- */

/* Any changed, missing or added byte. */
static void test_every_byte_counts(void **state)
{
	const struct rnm_statement statement = statement_of("x");
	struct rnm_statement read;
	struct rnm_buf text;
	size_t len;

	(void)state;
	rnm_buf_init(&text, 1 << 16);
	assert_int_equal(rnm_statement_write(&statement, key, &text, &err), RNM_OK);
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 1;
		assert_int_equal(read_back(&text, &read), RNM_E_SIGNATURE);
		text.data[i] ^= 1;
	}
	len = text.len;
	for (text.len = 0; text.len < len; text.len++)
		assert_int_equal(read_back(&text, &read), RNM_E_SIGNATURE);
	assert_int_equal(read_back(&text, &read), RNM_OK);
	rnm_buf_putc(&text, '\n');
	assert_int_equal(read_back(&text, &read), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.malformed");
	rnm_buf_free(&text);
}

static void test_untrusted(void **state)
{
	const struct rnm_statement statement = statement_of("x");
	char other[RNM_PUBLIC_KEY_TEXT_SIZE];
	struct rnm_statement read;
	struct rnm_trust *nobody;
	const struct rnm_trusted_key *signer;
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, 1 << 16);
	assert_int_equal(rnm_statement_write(&statement, other_key, &text, &err), RNM_OK);
	assert_int_equal(read_back(&text, &read), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "signature.untrusted");
	rnm_public_key_text(rnm_key_public(other_key), other);
	assert_non_null(strstr(err.message, other));
	/* The key of another one in the seal: trusted, but it did not sign. */
	memcpy(strstr(text.data, other), public_text, strlen(other));
	assert_int_equal(read_back(&text, &read), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "signature.bad");
	assert_int_equal(rnm_trust_new(&nobody, &err), RNM_OK);
	assert_int_equal(rnm_statement_read((struct rnm_bytes){ text.data, text.len }, nobody, &read, &signer,
	                                    &err),
	                 RNM_E_SIGNATURE);
	rnm_trust_free(nobody);
	rnm_buf_free(&text);
}

/* Lines that are signed well, but that we would have written in another way. */
static void test_other_spellings(void **state)
{
	static const char hash[] = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
	static const char *const lines[] = {
		/* as it should be, for comparison */
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":7,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\", \"created\":1,\"model_version\":7,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"created\":1,\"blake2b\":\"%s\",\"model_version\":7,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":7.0,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":7,\"name\":\"\\u0078\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":7,\"name\":\"x\",\"not_after\":0,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":-7,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":7,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":\"\",\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":7,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3,\"title\":\"y\"}",
		"{\"blake2b\":\"%s\",\"created\":1,\"created\":1,\"model_version\":7,\"name\":\"x\","
		"\"not_after\":2,\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":7,\"name\":\"a/x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":1,\"model_version\":7,\"name\":null,\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":9,\"model_version\":7,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%s\",\"created\":99999999999999999999,\"model_version\":7,\"name\":\"x\","
		"\"not_after\":null,\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"{\"blake2b\":\"%.62s\",\"created\":1,\"model_version\":7,\"name\":\"x\",\"not_after\":2,"
		"\"providers_digest\":null,\"rule\":null,\"size\":3}",
		"[]",
		"",
		"null",
		"%s",
	};
	struct rnm_statement read;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct rnm_buf text;
		size_t len;

		rnm_buf_init(&text, 1 << 16);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		rnm_buf_printf(&text, lines[i], hash);
#pragma GCC diagnostic pop
		len = text.len;
		char *copy = strdup(rnm_buf_cstr(&text));
		const struct rnm_bytes line = { copy, len };

		rnm_buf_putc(&text, '\n');
		assert_int_equal(rnm_envelope_seal(RNM_DOMAIN_STATEMENT, line, key, &text, &err), RNM_OK);
		rnm_buf_putc(&text, '\n');
		assert_int_equal(read_back(&text, &read), i == 0 ? RNM_OK : RNM_E_SIGNATURE);
		if (i != 0)
			assert_string_equal(err.id, "statement.malformed");
		free(copy);
		rnm_buf_free(&text);
	}
}

/* A signature of an index is none of a statement, nor is that of a file. */
static void test_domains(void **state)
{
	const struct rnm_bytes text = { "{}", 2 };
	const struct rnm_trusted_key *signer;
	struct rnm_buf line;

	(void)state;
	rnm_buf_init(&line, RNM_ENVELOPE_MAX);
	assert_int_equal(rnm_envelope_seal(RNM_DOMAIN_INDEX, text, key, &line, &err), RNM_OK);
	const struct rnm_bytes seal = { line.data, line.len };

	assert_int_equal(rnm_envelope_open(RNM_DOMAIN_INDEX, text, seal, trust, &signer, &err), RNM_OK);
	assert_int_equal(rnm_envelope_open(RNM_DOMAIN_STATEMENT, text, seal, trust, &signer, &err),
	                 RNM_E_SIGNATURE);
	assert_string_equal(err.id, "signature.bad");
	assert_int_equal(rnm_envelope_open("", text, seal, trust, &signer, &err), RNM_E_SIGNATURE);
	rnm_buf_free(&line);
}

/* ---- does it hold? ---- */

static void test_times_and_names(void **state)
{
	struct rnm_statement statement = statement_of("x");

	(void)state;
	assert_int_equal(rnm_statement_holds(&statement, "x", NOW, &err), RNM_OK);
	assert_int_equal(rnm_statement_holds(&statement, NULL, NOW + DAY, &err), RNM_OK);
	assert_int_equal(rnm_statement_holds(&statement, "x", NOW + DAY + 1, &err), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.expired");
	assert_string_equal(err.message, "the statement held until 2026-09-22 14:13:20 UTC and has expired");
	assert_int_equal(rnm_statement_holds(&statement, "x", NOW - 300, &err), RNM_OK);
	assert_int_equal(rnm_statement_holds(&statement, "x", NOW - 301, &err), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.early");
	assert_int_equal(rnm_statement_holds(&statement, "y", NOW, &err), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.name");
	statement.not_after = 0;
	assert_int_equal(rnm_statement_holds(&statement, "x", INT64_MAX - 1000, &err), RNM_OK);
}

static void test_other_bytes(void **state)
{
	const struct rnm_statement statement = statement_of("x");
	struct rnm_statement other = statement;

	(void)state;
	assert_int_equal(rnm_statement_about(&statement, 3, statement.blake2b, &err), RNM_OK);
	assert_int_equal(rnm_statement_about(&statement, 4, statement.blake2b, &err), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.size");
	other.blake2b[31] ^= 1;
	assert_int_equal(rnm_statement_about(&statement, 3, other.blake2b, &err), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.hash");
}

/* ---- trust ---- */

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_trusted_folder(void **state)
{
	char folder[] = "/tmp/rnm-trust-XXXXXX";
	char path[128], command[128], other[RNM_PUBLIC_KEY_TEXT_SIZE];
	struct rnm_trust *set;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(rnm_trust_new(&set, &err), RNM_OK);
	assert_int_equal(rnm_trust_add_folder(set, folder, &err), RNM_E_NOT_FOUND);
	assert_string_equal(err.id, "trust.empty");
	rnm_public_key_text(rnm_key_public(other_key), other);
	put_file(folder, "a.pub", public_text);
	put_file(folder, "b.pub", other);
	put_file(folder, "same.pub", other);
	put_file(folder, ".hidden.pub", "nonsense");
	put_file(folder, "README", "nonsense");
	assert_int_equal(rnm_trust_add_folder(set, folder, &err), RNM_OK);
	assert_int_equal(rnm_trust_count(set), 2);
	assert_non_null(rnm_trust_find(set, rnm_key_public(key)));
	assert_non_null(rnm_trust_find(set, rnm_key_public(other_key)));
	assert_null(rnm_trust_at(set, 2));
	put_file(folder, "broken.pub", "nonsense");
	assert_int_equal(rnm_trust_add_folder(set, folder, &err), RNM_E_MALFORMED);
	snprintf(path, sizeof(path), "%s/broken.pub", folder);
	assert_string_equal(err.file, path);
	assert_int_equal(rnm_trust_add_folder(set, path, &err), RNM_E_IO);
	assert_int_equal(rnm_trust_add_folder(set, "/nonexistent", &err), RNM_E_NOT_FOUND);
	rnm_trust_free(set);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

static void test_text_or_file(void **state)
{
	char folder[] = "/tmp/rnm-trust-XXXXXX";
	char path[128], command[128];
	struct rnm_trust *set;

	(void)state;
	assert_non_null(mkdtemp(folder));
	put_file(folder, "k", public_text);
	snprintf(path, sizeof(path), "%s/k", folder);
	assert_int_equal(rnm_trust_new(&set, &err), RNM_OK);
	assert_int_equal(rnm_trust_add(set, path, &err), RNM_OK);
	assert_string_equal(rnm_trust_at(set, 0)->name, path);
	assert_int_equal(rnm_trust_add(set, public_text, &err), RNM_OK);
	assert_int_equal(rnm_trust_count(set), 1);
	assert_int_equal(rnm_trust_add(set, "nothing of the kind", &err), RNM_E_NOT_FOUND);
	assert_true(err.hint[0] != '\0');
	rnm_trust_free(set);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

static void test_too_many_keys(void **state)
{
	struct rnm_trust *set;
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];

	(void)state;
	assert_int_equal(rnm_trust_new(&set, &err), RNM_OK);
	for (int i = 0; i <= RNM_TRUST_KEYS_MAX; i++) {
		struct rnm_key *one;

		assert_int_equal(rnm_key_generate(&one, &err), RNM_OK);
		rnm_public_key_text(rnm_key_public(one), text);
		rnm_key_free(one);
		assert_int_equal(rnm_trust_add_text(set, text, &err),
		                 i < RNM_TRUST_KEYS_MAX ? RNM_OK : RNM_E_USAGE);
	}
	assert_string_equal(err.id, "trust.too-many");
	rnm_trust_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_signed_bytes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_nonsense_is_not_written),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_untrusted),
		cmocka_unit_test(test_other_spellings),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_times_and_names),
		cmocka_unit_test(test_other_bytes),
		cmocka_unit_test(test_trusted_folder),
		cmocka_unit_test(test_text_or_file),
		cmocka_unit_test(test_too_many_keys),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
