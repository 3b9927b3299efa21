/* SPDX-License-Identifier: Apache-2.0 */
/* What is in place already? */
#include "base/clock.h"
#include "base/file.h"
#include "base/file_hash.h"
#include "share/pull_internal.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* For so long the file in place is not hashed again while nothing of its inode changes.  Disks forget silently. */
#define HASH_HOLDS_SECONDS (24.0 * 3600)
/*
 * Who writes to a file twice within one tick of its filesystem's clock leaves the same times.  So a hash is remembered
 * only of a file that had been at rest for longer than the coarsest tick (2 seconds, FAT) when the hashing began.
 */
#define REST_SECONDS 3.0

_Static_assert(RNM_HASH_SIZE == RNM_BLAKE2B_SIZE, "one kind of hash");

bool rnm_pull_holds(const char *path, const void *data, size_t len)
{
	struct rnm_buf text;
	bool same;

	rnm_buf_init(&text, len + 1); /* the reader wants to see the end */
	same = rnm_file_read(path, &text, len, NULL) == RNM_OK && text.len == len &&
	       memcmp(rnm_buf_cstr(&text), data, len) == 0;
	rnm_buf_free(&text);
	return same;
}

int rnm_pull_open_in_place(const struct rnm_pulling *pulling)
{
	struct stat st;
	int fd;

	if (pulling->paths.target == NULL)
		return -1;
	fd = open(pulling->paths.target, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 ||
	    (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == pulling->statement.size))
		return fd;
	close(fd);
	return -1;
}

/* ---- hashed lately? ---- */

/* The model that was found there, and all that changes when somebody writes to the file. */
static void identify(uint8_t id[RNM_BLAKE2B_SIZE], const struct rnm_pulling *pulling, const struct stat *st)
{
	const uint64_t facts[] = {
		(uint64_t)st->st_dev,          (uint64_t)st->st_ino,          (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec,  (uint64_t)st->st_mtim.tv_nsec, (uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
	};

	(void)crypto_generichash(id, RNM_BLAKE2B_SIZE, (const unsigned char *)facts, sizeof(facts),
	                         pulling->statement.blake2b, RNM_BLAKE2B_SIZE);
}

/* A dry run looks at everything. */
static bool is_known(const struct rnm_pulling *pulling, const uint8_t id[RNM_BLAKE2B_SIZE])
{
	const struct rnm_pull_state *state = pulling->state;
	const double age = rnm_clock_wall() - (double)state->hashed_at;

	return !pulling->options->check && !pulling->options->dry_run && state->has_hashed &&
	       memcmp(state->hashed, id, RNM_BLAKE2B_SIZE) == 0 && age >= 0 && age < HASH_HOLDS_SECONDS;
}

static bool hash_is(int fd, const struct rnm_pulling *pulling)
{
	const struct rnm_statement *statement = &pulling->statement;
	uint8_t hash[RNM_BLAKE2B_SIZE];

	return rnm_file_hash(fd, pulling->paths.target, statement->size, hash, NULL) == RNM_OK &&
	       memcmp(hash, statement->blake2b, sizeof(hash)) == 0;
}

static bool is_model(struct rnm_pulling *pulling, int fd)
{
	const double began = rnm_clock_wall();
	uint8_t before[RNM_BLAKE2B_SIZE], after[RNM_BLAKE2B_SIZE];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	identify(before, pulling, &st);
	if (is_known(pulling, before))
		return true;
	if (!hash_is(fd, pulling) || fstat(fd, &st) != 0)
		return false;
	identify(after, pulling, &st);
	if (memcmp(before, after, sizeof(after)) == 0 && began - (double)st.st_ctim.tv_sec > REST_SECONDS) {
		pulling->state->has_hashed = pulling->hashed = true;
		pulling->state->hashed_at = (int64_t)began;
		memcpy(pulling->state->hashed, after, sizeof(after));
	}
	return true;
}

/* ---- all of it ---- */

bool rnm_pull_model_in_place(struct rnm_pulling *pulling)
{
	const int fd = rnm_pull_open_in_place(pulling);
	const bool same = fd >= 0 && is_model(pulling, fd);

	if (fd >= 0)
		close(fd);
	return same;
}

bool rnm_pull_all_in_place(struct rnm_pulling *pulling)
{
	const struct rnm_pull_state *state = pulling->state;

	if (!state->has_model || memcmp(state->model, pulling->statement.blake2b, RNM_BLAKE2B_SIZE) != 0)
		return false;
	if (pulling->paths.target == NULL)
		return true;
	return strcmp(state->statement, pulling->statement_text) == 0 &&
	       rnm_pull_holds(pulling->paths.statement, pulling->statement_text, pulling->statement_len) &&
	       rnm_pull_holds(pulling->paths.signature, state->signature, RNM_SIGNATURE_SIZE) &&
	       rnm_pull_model_in_place(pulling);
}
