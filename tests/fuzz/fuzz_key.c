/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key files of any kind: secret ones (UCL, JSON, minisign) through a pipe, as a file without permissions, and public ones.
 * Whatever is taken for a key pair signs what its own public key verifies, and comes back from every form.
 */
#include "fuzz.h"
#include "rspamd/key_internal.h"

#include <sodium.h>
#include <unistd.h>

static enum rnm_status ask(void *ctx, const char *name, char *room, struct rnm_error *err)
{
	(void)ctx;
	(void)name;
	(void)err;
	strcpy(room, "x");
	return RNM_OK;
}

static void check_pair(const struct rnm_key *key)
{
	static const char message[] = "message";
	const struct rnm_bytes bytes = { message, sizeof(message) };
	uint8_t signature[RNM_SIGNATURE_SIZE];
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	struct rnm_public_key again;

	FUZZ_CHECK(rnm_key_sign(key, bytes, signature, NULL) == RNM_OK);
	FUZZ_CHECK(rnm_signature_check(rnm_key_public(key), bytes, signature, NULL) == RNM_OK);
	for (int encoding = RNM_KEY_BASE32; encoding <= RNM_KEY_MINISIGN; encoding++) {
		rnm_public_key_encode(rnm_key_public(key), (enum rnm_key_encoding)encoding, text);
		FUZZ_CHECK(rnm_public_key_parse(&again, text, NULL) == RNM_OK);
		FUZZ_CHECK(rnm_public_key_equal(&again, rnm_key_public(key)));
	}
}

/* What is written is read again, by the reader of its kind. */
static void check_forms(const struct rnm_key *key)
{
	static const struct rnm_key_write_options ways[] = {
		{ .format = RNM_KEY_UCL, .encoding = RNM_KEY_HEX },
		{ .format = RNM_KEY_JSON, .encoding = RNM_KEY_BASE64 },
		{ .format = RNM_KEY_MINISIGN_FILE },
	};
	char room[RNM_KEY_FILE_MAX];

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const bool minisign = ways[i].format == RNM_KEY_MINISIGN_FILE;
		struct rnm_key *again = rnm_key_new();
		struct rnm_buf text;
		struct rnm_bytes bytes;

		FUZZ_CHECK(again != NULL);
		rnm_buf_init_in(&text, room, sizeof(room));
		FUZZ_CHECK((minisign ? rnm_key_write_minisign(key, &ways[i], &text, NULL)
		                     : rnm_key_write_ucl(key, &ways[i], &text, NULL)) == RNM_OK);
		bytes = (struct rnm_bytes){ text.data, text.len };
		FUZZ_CHECK((minisign ? rnm_key_read_minisign(again, "x", bytes, NULL, NULL)
		                     : rnm_key_read_ucl(again, "x", bytes, NULL)) == RNM_OK);
		FUZZ_CHECK(memcmp(again->secret, key->secret, sizeof(key->secret)) == 0);
		rnm_key_free(again);
	}
}

/* A password is tried only where that is cheap: the fuzzer would find nothing but slow ones. */
static bool is_slow(const char *text, size_t size)
{
	const char *line = memchr(text, '\n', size);
	uint8_t head[54] = { 0 };
	uint64_t demands[2] = { 0, 0 };
	size_t len = 0;

	if (line == NULL)
		return false;
	line++;
	(void)sodium_base642bin(head, sizeof(head), line, (size_t)(text + size - line), NULL, &len, NULL,
	                        sodium_base64_VARIANT_ORIGINAL);
	for (unsigned i = 0; i < 8; i++) {
		demands[0] |= (uint64_t)head[38 + i] << (8 * i);
		demands[1] |= (uint64_t)head[46 + i] << (8 * i);
	}
	return head[2] == 'S' && demands[0] <= RNM_KEY_OPERATIONS_MAX && demands[1] <= RNM_KEY_MEMORY_MAX &&
	       (demands[0] > 40000 || demands[1] > (1u << 20));
}

static void check_secret(const char *text, size_t size)
{
	const struct rnm_password_source passwords = { .ask = ask };
	struct rnm_key *key = NULL;
	struct rnm_error err;
	char path[64];
	int ends[2];

	FUZZ_CHECK(pipe(ends) == 0);
	FUZZ_CHECK(write(ends[1], text, size) == (ssize_t)size);
	close(ends[1]);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	if (rnm_key_load(&key, path, &passwords, &err) == RNM_OK) {
		check_pair(key);
		check_forms(key);
	} else {
		FUZZ_CHECK(key == NULL && err.message[0] != '\0');
	}
	close(ends[0]);
	rnm_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rnm_public_key key;
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	char *copy;

	if (size > RNM_KEY_FILE_MAX || is_slow((const char *)data, size))
		return 0;
	check_secret((const char *)data, size);
	copy = fuzz_text(data, size);
	if (rnm_public_key_parse(&key, copy, NULL) == RNM_OK) {
		rnm_public_key_encode(&key, RNM_KEY_BASE32, text);
		FUZZ_CHECK(strlen(copy) != strlen(text) || strcmp(copy, text) == 0);
	}
	free(copy);
	return 0;
}
