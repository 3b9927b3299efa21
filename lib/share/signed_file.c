/* SPDX-License-Identifier: Apache-2.0 */
/* A file and what stands beside it, each opened once: whoever swaps one meanwhile changes nothing. */
#include "base/file.h"
#include "share/signed.h"
#include "store/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct signed_file {
	struct rnm_signed_subject subject;
	bool is_regular;      /* what is not cannot be read a second time */
	struct rnm_buf bytes; /* of a file that is not read in pieces */
	struct rnm_buf signature_text, statement_text;
	struct rnm_bytes signature, statement;
};

/* What stands beside the file; *found says whether it does.  One byte too many is kept, to be seen. */
static enum rnm_status read_beside(struct rnm_buf *out, const char *path, const char *suffix, size_t max,
                                   struct rnm_bytes *found, struct rnm_error *err)
{
	char *name = NULL;
	enum rnm_status status;

	*found = (struct rnm_bytes){ NULL, 0 };
	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return rnm_error_nomem(err);
	status = rnm_file_read(name, out, max, err);
	free(name);
	if (status == RNM_OK)
		*found = (struct rnm_bytes){ rnm_buf_cstr(out), out->len };
	/* A signature that is too long is no signature. */
	if (status == RNM_E_MALFORMED && err != NULL)
		err->status = RNM_E_SIGNATURE;
	if (status == RNM_E_MALFORMED)
		return RNM_E_SIGNATURE;
	return status == RNM_E_NOT_FOUND ? RNM_OK : status;
}

static enum rnm_status open_subject(struct signed_file *file, const char *path, struct rnm_error *err)
{
	struct rnm_signed_subject *subject = &file->subject;
	struct stat st;

	subject->path = path;
	subject->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (subject->fd < 0)
		return rnm_file_open_error(err, path, errno);
	file->is_regular = fstat(subject->fd, &st) == 0 && S_ISREG(st.st_mode);
	if (!file->is_regular)
		return RNM_OK;
	if ((uintmax_t)st.st_size > RNM_MODEL_FILE_MAX)
		return rnm_file_too_large(err, path, RNM_MODEL_FILE_MAX);
	subject->size = (uint64_t)st.st_size;
	return RNM_OK;
}

/* Into memory, after which there is no descriptor. */
static enum rnm_status read_whole(struct signed_file *file, struct rnm_error *err)
{
	struct rnm_signed_subject *subject = &file->subject;
	enum rnm_status status =
	    rnm_file_read_open(subject->fd, subject->path, &file->bytes, RNM_MODEL_FILE_MAX, err);

	close(subject->fd);
	subject->fd = -1;
	subject->bytes = (struct rnm_bytes){ rnm_buf_cstr(&file->bytes), file->bytes.len };
	subject->size = file->bytes.len;
	return status;
}

static enum rnm_status check(struct signed_file *file, struct rnm_signed *by, const char *path,
                             const struct rnm_signed_policy *policy, struct rnm_error *err)
{
	enum rnm_status status;

	*file = (struct signed_file){ .subject.fd = -1 };
	rnm_buf_init(&file->bytes, RNM_MODEL_FILE_MAX + 1);
	rnm_buf_init(&file->signature_text, RNM_STATEMENT_FILE_MAX + 1);
	rnm_buf_init(&file->statement_text, RNM_STATEMENT_FILE_MAX + 1);
	status = open_subject(file, path, err);
	if (status == RNM_OK)
		status = read_beside(&file->signature_text, path, RNM_SIGNATURE_SUFFIX,
		                     RNM_STATEMENT_FILE_MAX, &file->signature, err);
	if (status == RNM_OK)
		status = read_beside(&file->statement_text, path, RNM_STATEMENT_SUFFIX,
		                     RNM_STATEMENT_FILE_MAX, &file->statement, err);
	if (status == RNM_OK &&
	    (!file->is_regular || (file->statement.data == NULL && policy->raw_is_enough)))
		status = read_whole(file, err);
	if (status != RNM_OK)
		return status;
	status = rnm_signed_check_subject(by, &file->subject, file->signature, file->statement, policy, err);
	if (status == RNM_E_SIGNATURE)
		rnm_error_at_line(err, path, 0);
	return status;
}

static void release(struct signed_file *file)
{
	if (file->subject.fd >= 0)
		close(file->subject.fd);
	rnm_file_marks_free(file->subject.marks);
	rnm_buf_free(&file->bytes);
	rnm_buf_free(&file->signature_text);
	rnm_buf_free(&file->statement_text);
}

enum rnm_status rnm_signed_file_check(struct rnm_signed *out, const char *path,
                                      const struct rnm_signed_policy *policy, struct rnm_error *err)
{
	struct signed_file file;
	const enum rnm_status status = check(&file, out, path, policy, err);

	release(&file);
	return status;
}

enum rnm_status rnm_signed_file_open(struct rnm_model_file **out, struct rnm_signed *by, const char *path,
                                     const struct rnm_signed_policy *policy, struct rnm_error *err)
{
	struct signed_file file;
	struct rnm_signed_subject *subject = &file.subject;
	enum rnm_status status = check(&file, by, path, policy, err);

	if (status == RNM_OK && subject->fd >= 0) {
		status = rnm_model_file_open_marked(out, subject->fd, subject->marks, path, err);
		subject->fd = -1;
		subject->marks = NULL;
	} else if (status == RNM_OK) {
		status = rnm_model_file_adopt(out, &file.bytes, path, err);
	}
	release(&file);
	return status;
}
