/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_hash.h"

#include "base/file.h"

#include <stdlib.h>

#define PIECE ((size_t)256 << 10)

enum rnm_status rnm_file_hash(int fd, const char *path, uint64_t size, uint8_t hash[RNM_HASH_SIZE],
                              struct rnm_error *err)
{
	unsigned char *piece = malloc(PIECE);
	enum rnm_status status = RNM_OK;
	crypto_generichash_state state;

	if (piece == NULL)
		return rnm_error_nomem(err);
	rnm_hash_begin(&state);
	for (uint64_t at = 0; status == RNM_OK && at < size;) {
		const size_t take = size - at < PIECE ? (size_t)(size - at) : PIECE;

		status = rnm_file_read_at(fd, path, piece, take, at, err);
		if (status == RNM_OK)
			(void)crypto_generichash_update(&state, piece, take);
		at += take;
	}
	(void)crypto_generichash_final(&state, hash, RNM_HASH_SIZE);
	free(piece);
	return status;
}
