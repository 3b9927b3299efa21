/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "share/pull_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <rnm/file.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
	if (rnm_pull_holds(path, data, len))
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
	int part;

	if (temp == NULL)
		return rnm_error_nomem(err);
	part = fcntl(pulling->part, F_DUPFD_CLOEXEC, 0);
	status = rnm_replace_adopt(&replacement, pulling->options->to, pulling->part, temp, err);
	pulling->part = -1;
	if (status == RNM_OK)
		status = rnm_replace_commit(&replacement, err);
	/* The model stays open for an import; it is no part any more that would have to be locked. */
	if (part >= 0) {
		(void)flock(part, LOCK_UN);
		close(part);
	}
	return status;
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
