/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <string.h>

_Static_assert(RNM_HASH_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

void rnm_hash_text(char hex[RNM_HASH_HEX], const unsigned char hash[RNM_HASH_SIZE])
{
	sodium_bin2hex(hex, RNM_HASH_HEX, hash, RNM_HASH_SIZE);
}

bool rnm_is_hash_text(const char *text)
{
	return strlen(text) == RNM_HASH_HEX - 1 && strspn(text, "0123456789abcdef") == RNM_HASH_HEX - 1;
}

bool rnm_hash_read(unsigned char hash[RNM_HASH_SIZE], const char *text)
{
	size_t len = 0;

	return text != NULL && strlen(text) == RNM_HASH_HEX - 1 &&
	       sodium_hex2bin(hash, RNM_HASH_SIZE, text, RNM_HASH_HEX - 1, NULL, &len, NULL) == 0 &&
	       len == RNM_HASH_SIZE;
}

void rnm_hash_of(char hex[RNM_HASH_HEX], const void *data, size_t len)
{
	unsigned char hash[RNM_HASH_SIZE];

	(void)crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
	rnm_hash_text(hex, hash);
}

void rnm_hash_begin(crypto_generichash_state *state)
{
	(void)crypto_generichash_init(state, NULL, 0, RNM_HASH_SIZE);
}

void rnm_hash_end(char hex[RNM_HASH_HEX], crypto_generichash_state *state)
{
	unsigned char hash[RNM_HASH_SIZE];

	(void)crypto_generichash_final(state, hash, sizeof(hash));
	rnm_hash_text(hex, hash);
}
