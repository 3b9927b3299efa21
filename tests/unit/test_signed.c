/* SPDX-License-Identifier: Apache-2.0 */
/* Signed models: what a statement says of one, and what must agree. */
#include "base/file.h"

#include <rnm/sign.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1790000000
#define DIGEST "376616275a1a984c"

static struct rnm_error err;
static struct rnm_key *key, *other_key;
static struct rnm_trust *trust; /* of both */
static struct rnm_buf model_bytes;
static struct rnm_model_file *model;

static struct rnm_bytes bytes_of(const struct rnm_buf *buf)
{
	return (struct rnm_bytes){ buf->data, buf->len };
}

static void trust_key(struct rnm_trust *set, const struct rnm_key *one)
{
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];

	rnm_public_key_text(rnm_key_public(one), text);
	assert_int_equal(rnm_trust_add_text(set, text, &err), RNM_OK);
}

static int set_up(void **state)
{
	char path[512];

	(void)state;
	assert_int_equal(rnm_key_generate(&key, &err), RNM_OK);
	assert_int_equal(rnm_key_generate(&other_key, &err), RNM_OK);
	assert_int_equal(rnm_trust_new(&trust, &err), RNM_OK);
	trust_key(trust, key);
	trust_key(trust, other_key);
	snprintf(path, sizeof(path), "%s/data/cli/files/export_nokey.rnm", getenv("RNM_TESTS"));
	rnm_buf_init(&model_bytes, 1 << 20);
	assert_int_equal(rnm_file_read(path, &model_bytes, 1 << 20, &err), RNM_OK);
	assert_int_equal(rnm_model_file_read(&model, model_bytes.data, model_bytes.len, path, &err), RNM_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rnm_model_file_free(model);
	rnm_buf_free(&model_bytes);
	rnm_trust_free(trust);
	rnm_key_free(key);
	rnm_key_free(other_key);
	return 0;
}

/* ---- what a model says of itself ---- */

static void test_describe(void **state)
{
	struct rnm_statement statement = { .created = 7 };

	(void)state;
	rnm_statement_describe(&statement, model, "/srv/x.rnm");
	assert_string_equal(statement.name, DIGEST);
	assert_string_equal(statement.providers_digest, DIGEST);
	assert_string_equal(statement.rule, "");
	assert_true(statement.has_model_version && statement.model_version == 1);
	assert_true(statement.created == 7);
	rnm_statement_describe(&statement, NULL, "/srv/x.map");
	assert_string_equal(statement.name, "x.map");
	assert_string_equal(statement.providers_digest, "");
	assert_false(statement.has_model_version);
	rnm_statement_describe(&statement, NULL, "plain");
	assert_string_equal(statement.name, "plain");
}

static void test_fits(void **state)
{
	struct rnm_statement statement = { 0 };
	struct rnm_statement other;

	(void)state;
	rnm_statement_describe(&statement, model, "x");
	assert_int_equal(rnm_statement_fits(&statement, model, &err), RNM_OK);
	other = statement;
	other.providers_digest[0] = 'f';
	assert_int_equal(rnm_statement_fits(&other, model, &err), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.content");
	other = statement;
	other.model_version = 2;
	assert_int_equal(rnm_statement_fits(&other, model, &err), RNM_E_SIGNATURE);
	other = statement;
	other.has_model_version = false;
	other.model_version = 0;
	assert_int_equal(rnm_statement_fits(&other, model, &err), RNM_E_SIGNATURE);
	other = statement;
	other.providers_digest[0] = '\0';
	assert_int_equal(rnm_statement_fits(&other, model, &err), RNM_E_SIGNATURE);
}

/* ---- signing and checking in memory ---- */

static struct rnm_signing *sign(struct rnm_bytes file, const struct rnm_key *with, const char *name)
{
	struct rnm_statement statement = { .created = NOW, .not_after = NOW + 10 };
	struct rnm_signing *signing = NULL;

	snprintf(statement.name, sizeof(statement.name), "%s", name);
	assert_int_equal(rnm_signing_new(&signing, file, with, &statement, &err), RNM_OK);
	return signing;
}

static enum rnm_status check(struct rnm_bytes file, const struct rnm_signing *raw,
                             const struct rnm_signing *statement, const struct rnm_signed_policy *policy,
                             struct rnm_signed *out)
{
	const struct rnm_bytes none = { NULL, 0 };
	const struct rnm_bytes signature = { raw != NULL ? (const char *)raw->signature : NULL,
		                             RNM_SIGNATURE_SIZE };

	memset(out, 0, sizeof(*out));
	return rnm_signed_check(out, file, signature, statement != NULL ? bytes_of(&statement->text) : none,
	                        policy, &err);
}

static void test_check(void **state)
{
	const struct rnm_signed_policy policy = { .trust = trust, .now = NOW, .name = "x" };
	const struct rnm_bytes file = bytes_of(&model_bytes);
	struct rnm_signing *mine = sign(file, key, "x");
	struct rnm_signing *others = sign(file, other_key, "x");
	struct rnm_signed result;

	(void)state;
	assert_int_equal(check(file, mine, mine, &policy, &result), RNM_OK);
	assert_ptr_equal(result.signer, rnm_trust_at(trust, 0));
	assert_true(result.has_statement && result.statement.size == file.len);
	assert_int_equal(check(file, others, others, &policy, &result), RNM_OK);
	assert_ptr_equal(result.signer, rnm_trust_at(trust, 1));
	/* Both are trusted, but one of them must have made both. */
	assert_int_equal(check(file, others, mine, &policy, &result), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "signature.bad");
	assert_null(result.signer);
	assert_int_equal(check(file, NULL, mine, &policy, &result), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "signature.missing");
	assert_int_equal(check(file, mine, NULL, &policy, &result), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.missing");
	rnm_signing_free(mine);
	rnm_signing_free(others);
}

static void test_raw(void **state)
{
	const struct rnm_signed_policy policy = {
		.trust = trust, .now = NOW + 99, .name = "y", .raw_is_enough = true
	};
	const struct rnm_bytes file = bytes_of(&model_bytes);
	struct rnm_signing *others = sign(file, other_key, "x");
	struct rnm_signed result;

	(void)state;
	assert_int_equal(check(file, others, NULL, &policy, &result), RNM_OK);
	assert_ptr_equal(result.signer, rnm_trust_at(trust, 1));
	assert_false(result.has_statement);
	/* The statement is wrong now and here, and is not passed over. */
	assert_int_equal(check(file, others, others, &policy, &result), RNM_E_SIGNATURE);
	assert_string_equal(err.id, "statement.name");
	rnm_signing_free(others);
}

/* With and without the second thread; the first, the last and a middle byte. */
static void test_sizes(void **state)
{
	static const size_t sizes[] = { 1, 64, 65536, (256 << 10) - 1, 256 << 10, 1000003 };
	const struct rnm_signed_policy policy = { .trust = trust, .now = NOW };
	char *data = malloc(1000003);
	struct rnm_signed result;

	(void)state;
	assert_non_null(data);
	memset(data, 'x', 1000003);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct rnm_bytes file = { data, sizes[i] };
		const size_t places[] = { 0, sizes[i] / 2, sizes[i] - 1 };
		struct rnm_signing *signing = sign(file, key, "x");
		uint8_t expected[RNM_BLAKE2B_SIZE];
		struct rnm_statement measured;

		assert_int_equal(rnm_statement_measure(&measured, file, &err), RNM_OK);
		memcpy(expected, measured.blake2b, sizeof(expected));
		assert_memory_equal(signing->statement.blake2b, expected, sizeof(expected));
		assert_int_equal(check(file, signing, signing, &policy, &result), RNM_OK);
		for (size_t p = 0; p < 3; p++) {
			data[places[p]] ^= 1;
			assert_int_equal(check(file, signing, signing, &policy, &result), RNM_E_SIGNATURE);
			data[places[p]] ^= 1;
		}
		rnm_signing_free(signing);
	}
	free(data);
}

static void test_what_is_not_signed(void **state)
{
	static const char trap[] = "rnm statement 1\n{}";
	static const char index[] = "rnm index 1\n{}";
	struct rnm_statement statement = { .name = "x", .created = NOW };
	struct rnm_signing *signing = NULL;

	(void)state;
	assert_int_equal(rnm_signing_new(&signing, (struct rnm_bytes){ "", 0 }, key, &statement, &err),
	                 RNM_E_USAGE);
	assert_string_equal(err.id, "sign.empty");
	assert_int_equal(rnm_signing_new(&signing, (struct rnm_bytes){ trap, strlen(trap) }, key, &statement,
	                                 &err),
	                 RNM_E_REFUSED);
	assert_string_equal(err.id, "sign.domain");
	assert_int_equal(rnm_signing_new(&signing, (struct rnm_bytes){ index, strlen(index) }, key,
	                                 &statement, &err),
	                 RNM_E_REFUSED);
	statement.name[0] = '\0';
	assert_int_equal(rnm_signing_new(&signing, (struct rnm_bytes){ "abc", 3 }, key, &statement, &err),
	                 RNM_E_USAGE);
	assert_null(signing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_what_is_not_signed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
