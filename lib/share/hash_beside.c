/* SPDX-License-Identifier: Apache-2.0 */
#include "share/hash_beside.h"

#include <signal.h>
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
	sigset_t all, old;

	*beside = (struct rnm_hash_beside){ .bytes = bytes };
	if (bytes.len < THREAD_FROM)
		return;
	/* Signals are for the caller's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	beside->threaded = pthread_create(&beside->thread, NULL, work, beside) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void rnm_hash_finish(struct rnm_hash_beside *beside)
{
	if (beside->threaded)
		pthread_join(beside->thread, NULL);
	else
		(void)work(beside);
}
