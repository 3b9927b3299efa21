/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether bytes are the same as before, told from 128 bits of XXH3: fast enough to go unnoticed beside a
 * socket, and good against every accident.  Not against somebody who makes two files for it on purpose:
 * where that matters BLAKE2b is used, which takes twenty times as long.
 */
#ifndef RNM_BASE_FINGERPRINT_H
#define RNM_BASE_FINGERPRINT_H

#include <rnm/error.h>

#define RNM_FINGERPRINT_HEX 33 /* hexadecimal and the NUL */

struct rnm_fingerprint;

RNM_MUST_CHECK enum rnm_status rnm_fingerprint_new(struct rnm_fingerprint **out, struct rnm_error *err);
void rnm_fingerprint_add(struct rnm_fingerprint *print, const void *data, size_t len);
/* Of everything that was added so far. */
void rnm_fingerprint_text(const struct rnm_fingerprint *print, char hex[RNM_FINGERPRINT_HEX]);
void rnm_fingerprint_free(struct rnm_fingerprint *print);

#endif
