/* SPDX-License-Identifier: Apache-2.0 */
#include "store/output.h"

#include "base/file_temp.h"
#include "base/hash.h"
#include "format/zstd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define COPY_STEP ((size_t)256 << 10)

static const char *spool_dir(const struct rnm_output *output)
{
	return output->options->spool_dir != NULL ? output->options->spool_dir : "/tmp";
}

static enum rnm_status spool_error(const struct rnm_output *output, int errnum, struct rnm_error *err)
{
	rnm_error_sys(err, "export.spool", errnum, "cannot keep the model in a temporary file in %s",
	              spool_dir(output));
	return RNM_E_IO;
}

/* The original's words, with the name that the caller gave. */
static void set_reference(const struct rnm_output *output, const char *verb, int errnum,
                          struct rnm_error *err)
{
	char reason[256];

	rnm_error_set_reference(err, "cannot %s output file %s: %s", verb, output->options->path,
	                        strerror_r(errnum, reason, sizeof(reason)));
}

static enum rnm_status open_error(const struct rnm_output *output, const struct rnm_error *failure,
                                  struct rnm_error *err)
{
	if (err == NULL)
		return failure->status;
	*err = *failure;
	(void)snprintf(err->id, sizeof(err->id), "export.open");
	set_reference(output, "open", failure->sys_errno, err);
	return failure->status;
}

static enum rnm_status write_error(const struct rnm_output *output, int errnum, struct rnm_error *err)
{
	const char *path = output->options->path;
	int fd = output->options->fd;

	if (path != NULL) {
		rnm_error_sys(err, "export.write", errnum, "cannot write output file %s", path);
		set_reference(output, "write", errnum, err);
	} else if (fd == STDOUT_FILENO) {
		rnm_error_sys(err, "export.write", errnum, "cannot write the model to standard output");
	} else {
		rnm_error_sys(err, "export.write", errnum, "cannot write the model to descriptor %d", fd);
	}
	return RNM_E_IO;
}

/* Without a name from the start, or from now on: nothing to clean up, however the process ends. */
static int open_spool(const char *folder)
{
	int fd = rnm_temp_nameless(folder, 0600, false);
	char *stem = NULL;
	char *name;

	if (fd >= 0 || errno != ENOTSUP)
		return fd;
	if (asprintf(&stem, "%s/", folder) < 0)
		return -1;
	fd = rnm_temp_create(stem, 0600, &name);
	if (fd >= 0)
		unlink(name);
	free(name);
	free(stem);
	return fd;
}

static enum rnm_status open_target(struct rnm_output *output, struct rnm_error *err)
{
	const struct rnm_export_options *options = output->options;
	struct rnm_error failure;

	if (options->path == NULL || options->dry_run)
		return RNM_OK;
	if (rnm_replace_open(&output->replace, options->path, &failure) != RNM_OK)
		return open_error(output, &failure, err);
	output->has_replace = true;
	return RNM_OK;
}

enum rnm_status rnm_output_open(struct rnm_output *output, const struct rnm_export_options *options,
                                struct rnm_error *err)
{
	enum rnm_status status;
	bool direct;

	*output = (struct rnm_output){ .options = options, .spool = -1 };
	if (options->memory != NULL)
		return RNM_OK;
	status = open_target(output, err);
	if (status != RNM_OK)
		return status;
	direct = output->has_replace && !output->replace.in_place && !options->compress;
	/* A dry run of a compressed file has to compress, to tell its size; that of a plain one only reads. */
	if (direct || (options->dry_run && !options->compress))
		return RNM_OK;
	output->spool = open_spool(spool_dir(output));
	return output->spool >= 0 ? RNM_OK : spool_error(output, errno, err);
}

static enum rnm_status replace_write(struct rnm_output *output, const void *data, size_t len,
                                     struct rnm_error *err)
{
	struct rnm_error failure;

	if (rnm_replace_write(&output->replace, data, len, &failure) == RNM_OK)
		return RNM_OK;
	return write_error(output, failure.sys_errno, err);
}

enum rnm_status rnm_output_take(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	struct rnm_output *output = ctx;

	output->received += len;
	if (output->options->memory != NULL)
		return rnm_buf_append(output->options->memory, data, len) ? RNM_OK : rnm_error_nomem(err);
	if (output->spool >= 0)
		return rnm_write_all(output->spool, data, len) ? RNM_OK : spool_error(output, errno, err);
	return output->has_replace ? replace_write(output, data, len, err) : RNM_OK;
}

static bool cancelled(const struct rnm_output *output)
{
	return output->options->cancel != NULL && *output->options->cancel != 0;
}

/* What has gone to a pipe or a device stays there, and its reader must not take it for a model. */
static enum rnm_status interrupted(const struct rnm_output *output, struct rnm_error *err)
{
	if (output->sent > 0)
		return rnm_error_set(err, RNM_E_INTERRUPTED, "interrupted",
		                     "interrupted: only the first %llu bytes were written",
		                     (unsigned long long)output->sent);
	return rnm_error_set(err, RNM_E_INTERRUPTED, "interrupted", "interrupted: nothing was written");
}

/* Waits for a descriptor that somebody has made non-blocking, as shells do with shared terminals. */
static bool wait_writable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, -1) >= 0 || errno == EINTR;
}

static int target_fd(const struct rnm_output *output)
{
	return output->has_replace ? output->replace.fd : output->options->fd;
}

/* To what cannot be taken back: a pipe, a device, the caller's descriptor. */
static enum rnm_status write_out(struct rnm_output *output, const char *data, size_t len,
                                 struct rnm_error *err)
{
	int fd = target_fd(output);

	while (len > 0) {
		ssize_t put;

		if (cancelled(output))
			return interrupted(output, err);
		put = write(fd, data, len);
		if (put < 0 && errno != EINTR && (errno != EAGAIN || !wait_writable(fd)))
			return write_error(output, errno, err);
		if (put > 0) {
			output->sent += (uint64_t)put;
			data += put;
			len -= (size_t)put;
		}
	}
	return RNM_OK;
}

/* The next piece of the spool, at *offset. */
static ssize_t read_spool(const struct rnm_output *output, char *buffer, off_t *offset)
{
	ssize_t got;

	do
		got = pread(output->spool, buffer, COPY_STEP, *offset);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		*offset += got;
	return got;
}

/* For targets that sendfile refuses, such as files opened for appending. */
static enum rnm_status copy_by_hand(struct rnm_output *output, off_t offset, struct rnm_error *err)
{
	char *buffer = malloc(COPY_STEP);
	enum rnm_status status = buffer != NULL ? RNM_OK : rnm_error_nomem(err);

	while (status == RNM_OK && (uint64_t)offset < output->received) {
		ssize_t got = read_spool(output, buffer, &offset);

		if (got <= 0)
			status = spool_error(output, got < 0 ? errno : EIO, err);
		else
			status = write_out(output, buffer, (size_t)got, err);
	}
	free(buffer);
	return status;
}

static enum rnm_status copy_spool(struct rnm_output *output, struct rnm_error *err)
{
	off_t offset = 0;

	while ((uint64_t)offset < output->received) {
		ssize_t sent;

		if (cancelled(output))
			return interrupted(output, err);
		sent = sendfile(target_fd(output), output->spool, &offset, COPY_STEP);
		output->sent = (uint64_t)offset;
		if (sent > 0 || (sent < 0 && errno == EINTR))
			continue;
		if (sent < 0 && errno == EAGAIN && wait_writable(target_fd(output)))
			continue;
		if (sent < 0 && errno != EINVAL && errno != ENOSYS)
			return write_error(output, errno, err);
		return copy_by_hand(output, offset, err);
	}
	return RNM_OK;
}

/* The compressed file on its way out. */
struct packing {
	crypto_generichash_state hash;
	struct rnm_output *output;
	uint64_t size;
};

static enum rnm_status emit_packed(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	struct packing *packing = ctx;
	struct rnm_output *output = packing->output;

	if (!output->options->no_hash)
		crypto_generichash_update(&packing->hash, data, len);
	packing->size += len;
	if (output->options->dry_run)
		return RNM_OK;
	if (output->has_replace && !output->replace.in_place)
		return replace_write(output, data, len, err);
	return write_out(output, data, len, err);
}

static enum rnm_status pack_spool(struct rnm_output *output, struct rnm_zstd_encoder *encoder, char *buffer,
                                  struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	off_t offset = 0;

	while (status == RNM_OK && (uint64_t)offset < output->received) {
		ssize_t got = read_spool(output, buffer, &offset);

		if (cancelled(output))
			status = interrupted(output, err);
		else if (got <= 0)
			status = spool_error(output, got < 0 ? errno : EIO, err);
		else
			status = rnm_zstd_encoder_feed(encoder, buffer, (size_t)got, err);
	}
	return status == RNM_OK ? rnm_zstd_encoder_end(encoder, err) : status;
}

static enum rnm_status pack(struct rnm_output *output, uint64_t *size, char hash[RNM_HASH_HEX],
                            struct rnm_error *err)
{
	struct packing packing = { .output = output };
	struct rnm_zstd_encoder *encoder = NULL;
	char *buffer = malloc(COPY_STEP);
	enum rnm_status status;

	rnm_hash_begin(&packing.hash);
	status = buffer == NULL
	             ? rnm_error_nomem(err)
	             : rnm_zstd_encoder_new(&encoder, output->received, emit_packed, &packing, err);
	if (status == RNM_OK)
		status = pack_spool(output, encoder, buffer, err);
	rnm_zstd_encoder_free(encoder);
	free(buffer);
	if (status != RNM_OK)
		return status;
	*size = packing.size;
	if (output->options->no_hash)
		return RNM_OK;
	rnm_hash_end(hash, &packing.hash);
	return RNM_OK;
}

static enum rnm_status commit(struct rnm_output *output, struct rnm_error *err)
{
	struct rnm_error failure;

	if (!output->has_replace)
		return RNM_OK;
	output->has_replace = false; /* commit releases it in any case */
	if (rnm_replace_commit(&output->replace, &failure) != RNM_OK)
		return write_error(output, failure.sys_errno, err);
	return RNM_OK;
}

enum rnm_status rnm_output_finish(struct rnm_output *output, uint64_t *size, char hash[RNM_HASH_HEX],
                                  struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	*size = output->received;
	if (output->options->compress)
		status = pack(output, size, hash, err);
	else if (output->spool >= 0)
		status = copy_spool(output, err);
	return status == RNM_OK ? commit(output, err) : status;
}

enum rnm_status rnm_output_whole(const struct rnm_export_options *options, struct rnm_bytes bytes,
                                 struct rnm_error *err)
{
	struct rnm_output output = { .options = options, .spool = -1 };
	enum rnm_status status;

	if (options->dry_run)
		return RNM_OK;
	status = cancelled(&output) ? interrupted(&output, err) : open_target(&output, err);
	if (status == RNM_OK && output.has_replace && !output.replace.in_place)
		status = replace_write(&output, bytes.data, bytes.len, err);
	else if (status == RNM_OK)
		status = write_out(&output, bytes.data, bytes.len, err);
	if (status == RNM_OK)
		status = commit(&output, err);
	rnm_output_close(&output);
	return status;
}

void rnm_output_close(struct rnm_output *output)
{
	if (output->has_replace)
		rnm_replace_abort(&output->replace);
	if (output->spool >= 0)
		close(output->spool);
	output->has_replace = false;
	output->spool = -1;
}
