/* SPDX-License-Identifier: Apache-2.0 */
#include "share/hash_beside.h"

#include "base/thread.h"

#include <sodium.h>

/* Below this a thread costs more than it saves. */
#define THREAD_FROM ((size_t)256 << 10)

static void *work(void *argument)
{
	struct rnm_hash_beside *beside = argument;

	(void)!crypto_generichash(beside->hash, sizeof(beside->hash),
	                          (const unsigned char *)beside->bytes.data, beside->bytes.len, NULL, 0);
	return NULL;
}

void rnm_hash_start(struct rnm_hash_beside *beside, struct rnm_bytes bytes)
{
	*beside = (struct rnm_hash_beside){ .bytes = bytes };
	if (bytes.len >= THREAD_FROM)
		beside->threaded = rnm_thread_start(&beside->thread, work, beside);
}

void rnm_hash_finish(struct rnm_hash_beside *beside)
{
	if (beside->threaded)
		pthread_join(beside->thread, NULL);
	else
		(void)work(beside);
}
