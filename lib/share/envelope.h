/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signature beside a text, with the key that made it: one line of canonical JSON,
 *   {"algorithm":"ed25519","key":"<base32>","signature":"<base64>"}
 * What is signed is the domain, a newline and the text.  The domain says what the text is: a signature of one kind of
 * text is none of another kind, nor one of a file, which is signed as it is.
 */
#ifndef RNM_SHARE_ENVELOPE_H
#define RNM_SHARE_ENVELOPE_H

#include <rnm/sign.h>

#define RNM_DOMAIN_STATEMENT "rnm statement 1"
#define RNM_DOMAIN_INDEX "rnm index 1"

/* Bytes of such a line. */
#define RNM_ENVELOPE_MAX 256

/* Appends the line, without a newline. */
RNM_MUST_CHECK enum rnm_status rnm_envelope_seal(const char *domain, struct rnm_bytes text,
                                                 const struct rnm_key *key, struct rnm_buf *out,
                                                 struct rnm_error *err);
/*
 * Checks the line (without newline) against the text.  *signer is borrowed from trust.  RNM_E_SIGNATURE
 * ("signature.malformed", "signature.untrusted", "signature.bad").
 */
RNM_MUST_CHECK enum rnm_status rnm_envelope_open(const char *domain, struct rnm_bytes text,
                                                 struct rnm_bytes line, const struct rnm_trust *trust,
                                                 const struct rnm_trusted_key **signer,
                                                 struct rnm_error *err);

#endif
