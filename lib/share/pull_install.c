/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "share/pull_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <rnm/file.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is in place ---- */

/* Whether a file has exactly these bytes.  One that cannot be read has not. */
static bool holds(const char *path, const void *data, size_t len)
{
	struct rnm_buf text;
	bool same;

	rnm_buf_init(&text, len + 1); /* the reader wants to see the end */
	same = rnm_file_read(path, &text, len, NULL) == RNM_OK && text.len == len &&
	       memcmp(rnm_buf_cstr(&text), data, len) == 0;
	rnm_buf_free(&text);
	return same;
}

static bool read_model(struct rnm_pulling *pulling, int fd)
{
	const uint64_t size = pulling->statement.size;
	uint64_t at = 0;

	while (at < size) {
		ssize_t got = pread(fd, pulling->bytes + at, size - at, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += (uint64_t)got;
	}
	return true;
}

bool rnm_pull_model_in_place(struct rnm_pulling *pulling)
{
	const struct rnm_statement *statement = &pulling->statement;
	uint8_t hash[RNM_BLAKE2B_SIZE];
	struct stat st;
	bool same;
	int fd;

	if (pulling->paths.target == NULL)
		return false;
	fd = open(pulling->paths.target, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return false;
	same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == statement->size &&
	       read_model(pulling, fd) &&
	       crypto_generichash(hash, sizeof(hash), pulling->bytes, statement->size, NULL, 0) == 0 &&
	       memcmp(hash, statement->blake2b, sizeof(hash)) == 0;
	close(fd);
	pulling->was_in_place = same;
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
	       holds(pulling->paths.statement, pulling->statement_text, pulling->statement_len) &&
	       holds(pulling->paths.signature, state->signature, RNM_SIGNATURE_SIZE) &&
	       rnm_pull_model_in_place(pulling);
}

/* ---- putting it there ---- */

/* What was in the place of a small file, so that it can be put back. */
struct before {
	const char *path;
	struct rnm_buf bytes;
	bool existed, replaced;
};

static enum rnm_status replace(struct before *before, const char *path, const void *data, size_t len,
                               struct rnm_error *err)
{
	enum rnm_status status;

	before->path = path;
	if (holds(path, data, len))
		return RNM_OK;
	status = rnm_file_read(path, &before->bytes, RNM_STATEMENT_FILE_MAX, NULL);
	before->existed = status == RNM_OK;
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	status = rnm_file_write(path, data, len, err);
	before->replaced = status == RNM_OK;
	return status;
}

/* As well as it goes: the model of before stands there still, and this is what rspamd reads beside it. */
static void put_back(const struct before *before)
{
	if (!before->replaced)
		return;
	if (before->existed)
		(void)!rnm_file_write(before->path, before->bytes.data, before->bytes.len, NULL);
	else
		(void)unlink(before->path);
}

/* The part takes the model's name. */
static enum rnm_status move_model(struct rnm_pulling *pulling, struct rnm_error *err)
{
	char *temp = strdup(pulling->paths.part);
	struct rnm_replace replacement;
	enum rnm_status status;

	if (temp == NULL)
		return rnm_error_nomem(err);
	status = rnm_replace_adopt(&replacement, pulling->options->to, pulling->part, temp, err);
	pulling->part = -1;
	return status == RNM_OK ? rnm_replace_commit(&replacement, err) : status;
}

/* rspamd looks at a file again when its time has changed, and at its signature only then. */
static enum rnm_status touch_model(const struct rnm_pulling *pulling, struct rnm_error *err)
{
	if (utimensat(AT_FDCWD, pulling->paths.target, NULL, 0) == 0)
		return RNM_OK;
	rnm_error_sys(err, "file.write", errno, "cannot change the time of %s", pulling->paths.target);
	return rnm_error_at_line(err, pulling->paths.target, 0), RNM_E_IO;
}

enum rnm_status rnm_pull_install(struct rnm_pulling *pulling, struct rnm_error *err)
{
	struct before statement = { 0 }, signature = { 0 };
	enum rnm_status status;

	if (pulling->paths.target == NULL)
		return RNM_OK;
	rnm_buf_init(&statement.bytes, RNM_STATEMENT_FILE_MAX + 1);
	rnm_buf_init(&signature.bytes, RNM_STATEMENT_FILE_MAX + 1);
	status = replace(&statement, pulling->paths.statement, pulling->statement_text,
	                 pulling->statement_len, err);
	if (status == RNM_OK)
		status = replace(&signature, pulling->paths.signature, pulling->signature, RNM_SIGNATURE_SIZE,
		                 err);
	if (status == RNM_OK && !pulling->was_in_place)
		status = move_model(pulling, err);
	else if (status == RNM_OK && signature.replaced)
		status = touch_model(pulling, err);
	/* A model that did get there, by a rename that may not survive a power cut, has its own beside it already. */
	if (status != RNM_OK && (pulling->was_in_place || !rnm_pull_model_in_place(pulling))) {
		put_back(&signature);
		put_back(&statement);
	}
	rnm_buf_free(&statement.bytes);
	rnm_buf_free(&signature.bytes);
	return status;
}
