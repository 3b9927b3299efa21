/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 of messages that pass by in pieces, which libsodium cannot check: its crypto_sign_update is Ed25519ph, another
 * signature.
 */
#ifndef RNM_SHARE_ED25519_H
#define RNM_SHARE_ED25519_H

#include <rnm/key.h>

/* The first half of a signature is R, the second S. */
#define RNM_ED25519_HALF 32

/*
 * The end of Ed25519 (RFC 8032, 5.1.7): does the signature belong to this key and to the message of which digest is
 * SHA-512(R || A || message), R being the first half of the signature and A the key?  What crypto_sign_verify_detached
 * answers, for keys that rnm_public_key_parse takes.
 */
bool rnm_ed25519_check_digest(const struct rnm_public_key *key, const uint8_t signature[RNM_SIGNATURE_SIZE],
                              const uint8_t digest[64]);

#endif
