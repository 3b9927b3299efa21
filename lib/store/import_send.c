/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an import on their way to Redis and back. */
#include "store/import.h"

#include "base/file.h"
#include "base/value_build.h"

#include <string.h>

/* ---- to Redis ---- */

/* The command that carries the network's blob. */
static bool carries_network(const struct rnm_importing *job, const struct rnm_import_command *command)
{
	return command->argc > 0 && command->argv[command->argc - 1].data == job->file->container->ann.data;
}

/* The blob between the file and the connection. */
struct sending {
	struct rnm_importing *job;
	struct rnm_fingerprint *print;
};

static enum rnm_status feed_piece(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	const struct sending *sending = ctx;
	const struct rnm_transaction *change = &sending->job->change;
	enum rnm_status status = rnm_redis_feed(sending->job->redis, data, len, err);

	rnm_fingerprint_add(sending->print, data, len);
	if (status == RNM_OK && change->progress != NULL)
		change->progress(change->progress_ctx, len);
	return status;
}

static enum rnm_status feed_command(struct sending *sending, const struct rnm_import_command *command,
                                    struct rnm_error *err)
{
	struct rnm_redis *redis = sending->job->redis;
	enum rnm_status status = rnm_redis_begin(redis, command->argc, err);

	for (size_t i = 0; status == RNM_OK && i + 1 < command->argc; i++) {
		status = rnm_redis_argument(redis, command->argv[i].len, err);
		if (status == RNM_OK)
			status = rnm_redis_feed(redis, command->argv[i].data, command->argv[i].len, err);
	}
	if (status == RNM_OK)
		status = rnm_redis_argument(redis, sending->job->image->blob_len, err);
	if (status == RNM_OK)
		status = rnm_model_image_read(sending->job->image, feed_piece, sending, err);
	return status == RNM_OK ? rnm_transaction_expect_queued(&sending->job->change, "HSET", err) : status;
}

/*
 * The file is read a second time, the first time being when it was verified.  What is queued now is only
 * committed when it is the same.
 */
static enum rnm_status send_network(struct rnm_importing *job, const struct rnm_import_command *command,
                                    struct rnm_error *err)
{
	struct sending sending = { .job = job };
	char sent[RNM_FINGERPRINT_HEX] = "";
	enum rnm_status status = rnm_fingerprint_new(&sending.print, err);

	if (status != RNM_OK)
		return status;
	status = feed_command(&sending, command, err);
	rnm_fingerprint_text(sending.print, sent);
	rnm_fingerprint_free(sending.print);
	if (status == RNM_OK && strcmp(sent, job->network) != 0)
		status = rnm_file_changed(err, job->image->path);
	return status;
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

/* Reads a value to its end; see is called for each piece. */
static enum rnm_status read_value(struct rnm_importing *job, void (*see)(void *ctx, struct rnm_bytes piece),
                                  void *ctx, struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status;

	while ((status = rnm_redis_next(job->redis, &event, err)) == RNM_OK &&
	       event.kind != RNM_EVENT_BULK_END)
		see(ctx, event.data);
	return status;
}

struct comparing {
	struct rnm_bytes left; /* of the value as it was written */
	bool same;
};

static void see_bytes(void *ctx, struct rnm_bytes piece)
{
	struct comparing *comparing = ctx;

	comparing->same = comparing->same && piece.len <= comparing->left.len &&
	                  memcmp(comparing->left.data, piece.data, piece.len) == 0;
	if (!comparing->same)
		return;
	comparing->left.data += piece.len;
	comparing->left.len -= piece.len;
}

static void see_network(void *ctx, struct rnm_bytes piece)
{
	rnm_fingerprint_add(ctx, piece.data, piece.len);
}

/* What was verified is not in memory, and the file may be another one by now; the fingerprint is still known. */
static enum rnm_status compare_network(struct rnm_importing *job, bool *same, struct rnm_error *err)
{
	struct rnm_fingerprint *print;
	char found[RNM_FINGERPRINT_HEX];
	enum rnm_status status = rnm_fingerprint_new(&print, err);

	if (status != RNM_OK)
		return status;
	status = read_value(job, see_network, print, err);
	rnm_fingerprint_text(print, found);
	rnm_fingerprint_free(print);
	*same = strcmp(found, job->network) == 0;
	return status;
}

/* Compares one field while it comes in. */
static enum rnm_status compare_field(struct rnm_importing *job, const char *name, struct rnm_bytes want,
                                     struct rnm_error *err)
{
	struct comparing comparing = { want, true };
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(job->redis, &event, err);
	bool same = true;

	if (status != RNM_OK)
		return status;
	if (event.kind != RNM_EVENT_BULK_BEGIN)
		return rnm_import_differs(job, name, err);
	if (job->image != NULL && want.data == job->file->container->ann.data)
		status = compare_network(job, &same, err);
	else
		status = read_value(job, see_bytes, &comparing, err);
	if (status != RNM_OK)
		return status;
	return same && comparing.same && event.length == want.len ? RNM_OK
	                                                          : rnm_import_differs(job, name, err);
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
