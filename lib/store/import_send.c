/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an import on their way to Redis and back. */
#include "store/import.h"

#include "base/value_build.h"
#include "store/tee.h"

#include <string.h>

/* ---- to Redis ---- */

/* The command that carries the network's blob. */
static bool carries_network(const struct rnm_importing *job, const struct rnm_import_command *command)
{
	return command->argc > 0 && command->argv[command->argc - 1].data == job->file->container->ann.data;
}

static enum rnm_status feed_piece(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	struct rnm_importing *job = ctx;
	enum rnm_status status = rnm_redis_feed(job->redis, data, len, err);

	if (status == RNM_OK && job->change.progress != NULL)
		job->change.progress(job->change.progress_ctx, len);
	return status;
}

static enum rnm_status put_piece(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	return rnm_tee_put(ctx, data, len, err);
}

/* The argument itself; hash is that of the bytes that went out. */
static enum rnm_status feed_network(struct rnm_importing *job, char hash[RNM_TEE_HASH_HEX],
                                    struct rnm_error *err)
{
	struct rnm_tee *tee = NULL;
	enum rnm_status status = rnm_redis_argument(job->redis, job->image->blob_len, err);

	if (status == RNM_OK)
		status = rnm_tee_new(&tee, true, feed_piece, job, err);
	if (status != RNM_OK)
		return status;
	rnm_tee_begin_plain(tee, job->image->blob_len);
	status = rnm_model_image_read(job->image, put_piece, tee, err);
	if (status == RNM_OK)
		status = rnm_tee_finish(tee, hash, err);
	rnm_tee_free(tee);
	return status;
}

/*
 * The file is read a second time, the first time being when it was verified.  What is queued now is only
 * committed when it is the same.
 */
static enum rnm_status send_network(struct rnm_importing *job, const struct rnm_import_command *command,
                                    struct rnm_error *err)
{
	char hash[RNM_TEE_HASH_HEX] = "";
	enum rnm_status status = rnm_redis_begin(job->redis, command->argc, err);

	for (size_t i = 0; status == RNM_OK && i + 1 < command->argc; i++) {
		status = rnm_redis_argument(job->redis, command->argv[i].len, err);
		if (status == RNM_OK)
			status = feed_piece(job, command->argv[i].data, command->argv[i].len, err);
	}
	if (status == RNM_OK)
		status = feed_network(job, hash, err);
	if (status == RNM_OK)
		status = rnm_transaction_expect_queued(&job->change, "HSET", err);
	if (status != RNM_OK)
		return status;
	return strcmp(hash, job->network) == 0 ? RNM_OK : rnm_model_image_changed(job->image, err);
}

enum rnm_status rnm_import_send(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < job->import.command_count; i++) {
		const struct rnm_import_command *command = &job->import.commands[i];

		status = job->image != NULL && carries_network(job, command)
		             ? send_network(job, command, err)
		             : rnm_transaction_add(&job->change, command->argc, command->argv, err);
	}
	return status;
}

/* ---- and back ---- */

enum rnm_status rnm_import_differs(const struct rnm_importing *job, const char *what, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REDIS, "import.read-back",
	              "%s was written, but %s is not there as it was written", job->import.key, what);
	rnm_error_set_hint(err,
	                   "somebody else writes to the same keys, or the server evicts them (maxmemory): "
	                   "`rnm list` shows what is there now");
	return RNM_E_REDIS;
}

/* Whether the piece is what the value, which may be the blob in the file, has at the offset. */
static enum rnm_status compare_piece(const struct rnm_importing *job, struct rnm_bytes want, size_t offset,
                                     struct rnm_bytes piece, bool *same, struct rnm_error *err)
{
	if (job->image != NULL && want.data == job->file->container->ann.data)
		return rnm_model_image_compare(job->image, offset, piece, same, err);
	*same = memcmp(want.data + offset, piece.data, piece.len) == 0;
	return RNM_OK;
}

/* Compares one field while it comes in. */
static enum rnm_status compare_field(struct rnm_importing *job, const char *name, struct rnm_bytes want,
                                     struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(job->redis, &event, err);
	size_t done = 0;
	bool same;

	if (status != RNM_OK)
		return status;
	if (event.kind != RNM_EVENT_BULK_BEGIN)
		return rnm_import_differs(job, name, err);
	same = event.length == want.len;
	for (;;) {
		status = rnm_redis_next(job->redis, &event, err);
		if (status != RNM_OK)
			return status;
		if (event.kind == RNM_EVENT_BULK_END)
			break;
		if (same)
			status = compare_piece(job, want, done, event.data, &same, err);
		if (status != RNM_OK)
			return status;
		done += event.data.len;
	}
	return same ? RNM_OK : rnm_import_differs(job, name, err);
}

/* The fields that a HSET of ours has set. */
static enum rnm_status compare_fields(struct rnm_importing *job, const struct rnm_import_command *command,
                                      struct rnm_error *err)
{
	struct rnm_bytes argv[2 + RNM_IMPORT_FIELDS_MAX + 1] = { rnm_bytes_of("HMGET"),
		                                                 rnm_bytes_of(job->import.key) };
	const size_t count = command->argc / 2 - 1;
	struct rnm_event event;
	enum rnm_status status;

	for (size_t i = 0; i < count; i++)
		argv[2 + i] = command->argv[2 + 2 * i];
	status = rnm_redis_send(job->redis, 2 + count, argv, err);
	if (status == RNM_OK)
		status = rnm_redis_next(job->redis, &event, err);
	if (status != RNM_OK)
		return status;
	if (event.kind != RNM_EVENT_ARRAY || event.length != count)
		return rnm_import_differs(job, "the hash", err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = compare_field(job, argv[2 + i].data, command->argv[3 + 2 * i], err);
	return status;
}

enum rnm_status rnm_import_read_back(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < job->import.command_count; i++)
		if (rnm_bytes_equal(job->import.commands[i].argv[0], rnm_bytes_of("HSET")))
			status = compare_fields(job, &job->import.commands[i], err);
	return status == RNM_OK ? rnm_import_find_ours(job, err) : status;
}
