/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files FILE.rnmsig.  First as they are: without the key nobody makes one that is taken.  Then the first line with a seal
 * that is right, as a trusted signer of another program could make it: what is taken is what we would have written.
 */
#include "fuzz.h"
#include "share/envelope.h"

static struct rnm_key *key;
static struct rnm_trust *trust;

static void set_up(void)
{
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];

	if (key != NULL)
		return;
	FUZZ_CHECK(rnm_key_generate(&key, NULL) == RNM_OK);
	FUZZ_CHECK(rnm_trust_new(&trust, NULL) == RNM_OK);
	rnm_public_key_text(rnm_key_public(key), text);
	FUZZ_CHECK(rnm_trust_add_text(trust, text, NULL) == RNM_OK);
}

static void check_sealed(const char *line, size_t len)
{
	const struct rnm_trusted_key *signer = NULL;
	struct rnm_statement statement;
	struct rnm_error err;
	struct rnm_buf text, again;

	rnm_buf_init(&text, 1 << 20);
	rnm_buf_init(&again, 1 << 20);
	rnm_buf_append(&text, line, len);
	rnm_buf_putc(&text, '\n');
	FUZZ_CHECK(rnm_envelope_seal(RNM_DOMAIN_STATEMENT, (struct rnm_bytes){ line, len }, key, &text,
	                             NULL) == RNM_OK);
	rnm_buf_putc(&text, '\n');
	if (rnm_statement_read((struct rnm_bytes){ text.data, text.len }, trust, &statement, &signer, &err) ==
	    RNM_OK) {
		FUZZ_CHECK(signer == rnm_trust_at(trust, 0));
		FUZZ_CHECK(rnm_statement_write(&statement, key, &again, NULL) == RNM_OK);
		FUZZ_CHECK(again.len == text.len && memcmp(again.data, text.data, text.len) == 0);
	} else {
		FUZZ_CHECK(signer == NULL && err.status == RNM_E_SIGNATURE);
	}
	rnm_buf_free(&text);
	rnm_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rnm_trusted_key *signer = NULL;
	struct rnm_statement statement;
	const char *text = (const char *)data;
	const char *end = size > 0 ? memchr(text, '\n', size) : NULL;

	set_up();
	FUZZ_CHECK(rnm_statement_read((struct rnm_bytes){ text, size }, trust, &statement, &signer, NULL) ==
	           RNM_E_SIGNATURE);
	FUZZ_CHECK(signer == NULL);
	if (size <= RNM_STATEMENT_FILE_MAX)
		check_sealed(text, end != NULL ? (size_t)(end - text) : size);
	return 0;
}
