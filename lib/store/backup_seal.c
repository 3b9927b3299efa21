/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup_seal.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

/* The end of the text byte for byte, so that head and b2sum can check it. */
#define BEFORE_HASH ",\n  \"" RNM_BACKUP_SEAL "\": \""
#define BEHIND_HASH "\"\n}\n"
#define SEAL_LEN (sizeof(BEFORE_HASH) - 1 + RNM_HASH_HEX - 1 + sizeof(BEHIND_HASH) - 1)

static void write_seal(char seal[SEAL_LEN + 1], const char *text, size_t len)
{
	char hash[RNM_HASH_HEX];

	rnm_hash_of(hash, text, len);
	(void)snprintf(seal, SEAL_LEN + 1, BEFORE_HASH "%s" BEHIND_HASH, hash);
}

void rnm_backup_seal(struct rnm_buf *text)
{
	char seal[SEAL_LEN + 1];

	write_seal(seal, rnm_buf_cstr(text), text->len);
	rnm_buf_puts(text, seal);
}

bool rnm_backup_is_sealed(struct rnm_bytes text)
{
	char seal[SEAL_LEN + 1];

	if (text.len < SEAL_LEN)
		return false;
	write_seal(seal, text.data, text.len - SEAL_LEN);
	return memcmp(text.data + text.len - SEAL_LEN, seal, SEAL_LEN) == 0;
}
