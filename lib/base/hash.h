/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2b with 256 bits, by which contents are named where somebody may want two of them to have one name
 * (base/fingerprint.h is for the rest), and its text.
 */
#ifndef RNM_BASE_HASH_H
#define RNM_BASE_HASH_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>

#define RNM_HASH_SIZE 32
#define RNM_HASH_HEX (2 * RNM_HASH_SIZE + 1) /* lower case, and the NUL */

void rnm_hash_text(char hex[RNM_HASH_HEX], const unsigned char hash[RNM_HASH_SIZE]);
/* Whether text is what rnm_hash_text writes. */
bool rnm_is_hash_text(const char *text);
/* Back again, from upper case, too.  false for NULL and for anything else. */
bool rnm_hash_read(unsigned char hash[RNM_HASH_SIZE], const char *text);

void rnm_hash_of(char hex[RNM_HASH_HEX], const void *data, size_t len);

/* For what comes in pieces: between these two, crypto_generichash_update. */
void rnm_hash_begin(crypto_generichash_state *state);
void rnm_hash_end(char hex[RNM_HASH_HEX], crypto_generichash_state *state);

#endif
