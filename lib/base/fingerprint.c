/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fingerprint.h"

#include <sodium.h>
#include <stdlib.h>
#include <xxhash.h>

struct rnm_fingerprint {
	XXH3_state_t *state; /* its size is the library's secret */
};

enum rnm_status rnm_fingerprint_new(struct rnm_fingerprint **out, struct rnm_error *err)
{
	struct rnm_fingerprint *print = malloc(sizeof(*print));

	if (print == NULL)
		return rnm_error_nomem(err);
	print->state = XXH3_createState();
	if (print->state == NULL) {
		free(print);
		return rnm_error_nomem(err);
	}
	(void)XXH3_128bits_reset(print->state);
	*out = print;
	return RNM_OK;
}

void rnm_fingerprint_add(struct rnm_fingerprint *print, const void *data, size_t len)
{
	(void)XXH3_128bits_update(print->state, data, len);
}

void rnm_fingerprint_text(const struct rnm_fingerprint *print, char hex[RNM_FINGERPRINT_HEX])
{
	XXH128_canonical_t bytes;

	XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(print->state));
	sodium_bin2hex(hex, RNM_FINGERPRINT_HEX, bytes.digest, sizeof(bytes.digest));
}

void rnm_fingerprint_free(struct rnm_fingerprint *print)
{
	if (print == NULL)
		return;
	XXH3_freeState(print->state);
	free(print);
}
