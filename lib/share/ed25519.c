/* SPDX-License-Identifier: Apache-2.0 */
#include "share/ed25519.h"

#include <sodium.h>
#include <string.h>

/* R and S are 32 bytes each, and so is the key. */
#define HALF RNM_ED25519_HALF

/* S must be below the order of the group: else there would be several signatures of one message. */
static bool is_canonical(const uint8_t scalar[HALF])
{
	uint8_t wide[2 * HALF] = { 0 };
	uint8_t reduced[HALF];

	memcpy(wide, scalar, HALF);
	crypto_core_ed25519_scalar_reduce(reduced, wide);
	return memcmp(reduced, scalar, HALF) == 0;
}

bool rnm_ed25519_check_digest(const struct rnm_public_key *key, const uint8_t signature[RNM_SIGNATURE_SIZE],
                              const uint8_t digest[64])
{
	const uint8_t *r = signature, *s = signature + HALF;
	uint8_t h[HALF], sb[HALF], ha[HALF], difference[HALF];

	if (!is_canonical(s))
		return false;
	crypto_core_ed25519_scalar_reduce(h, digest);
	/* R = S B - h A.  These functions refuse points that are none, or of small order. */
	return crypto_scalarmult_ed25519_base_noclamp(sb, s) == 0 &&
	       crypto_scalarmult_ed25519_noclamp(ha, h, key->bytes) == 0 &&
	       crypto_core_ed25519_sub(difference, sb, ha) == 0 && memcmp(difference, r, HALF) == 0;
}
