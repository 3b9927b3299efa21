/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2b-256 and a raw Ed25519 signature of bytes that arrive one after the other in memory, computed by a thread
 * beside their arrival: when the last byte is there, so are both answers.
 */
#ifndef RNM_SHARE_STREAM_CHECK_H
#define RNM_SHARE_STREAM_CHECK_H

#include <rnm/sign.h>

struct rnm_stream_check;

/*
 * memory is where the bytes will stand; it must not move until the end.  key and signature are those that are to be
 * checked.
 */
RNM_MUST_CHECK enum rnm_status rnm_stream_check_new(struct rnm_stream_check **out, const uint8_t *memory,
                                                    const struct rnm_public_key *key,
                                                    const uint8_t signature[RNM_SIGNATURE_SIZE],
                                                    struct rnm_error *err);
/* So many bytes are there now, and stay as they are. */
void rnm_stream_check_more(struct rnm_stream_check *check, uint64_t len);
/* Waits for the answers about all of them, and frees the check. */
void rnm_stream_check_end(struct rnm_stream_check *check, uint8_t hash[RNM_BLAKE2B_SIZE], bool *is_signed);
/* Frees it without an answer; accepts NULL. */
void rnm_stream_check_free(struct rnm_stream_check *check);

/*
 * The end of Ed25519 (RFC 8032, 5.1.7): does the signature belong to this key and to the message of which digest is
 * SHA-512(R || A || message), R being the first half of the signature and A the key?  What crypto_sign_verify_detached
 * answers, for keys that rnm_public_key_parse takes.
 */
bool rnm_ed25519_check_digest(const struct rnm_public_key *key, const uint8_t signature[RNM_SIGNATURE_SIZE],
                              const uint8_t digest[64]);

#endif
