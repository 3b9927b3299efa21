/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an import on their way to Redis and back. */
#include "store/import.h"

#include "base/file.h"
#include "base/value_build.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)256 << 10)
/* Redis lets nobody set a lower limit. */
#define QUERY_LIMIT_MIN ((size_t)1 << 20)

/* ---- to Redis ---- */

/* The command that carries the network's blob. */
static bool carries_network(const struct rnm_importing *job, const struct rnm_import_command *command)
{
	return command->argc > 0 && command->argv[command->argc - 1].data == job->file->container->ann.data;
}

enum rnm_status rnm_import_begin_network(struct rnm_importing *job, const struct rnm_import_command *command,
                                         struct rnm_error *err)
{
	struct rnm_redis *redis = job->redis;
	enum rnm_status status = rnm_redis_begin(redis, command->argc, err);

	for (size_t i = 0; status == RNM_OK && i + 1 < command->argc; i++) {
		status = rnm_redis_argument(redis, command->argv[i].len, err);
		if (status == RNM_OK)
			status = rnm_redis_feed(redis, command->argv[i].data, command->argv[i].len, err);
	}
	return status == RNM_OK ? rnm_redis_argument(redis, job->image->blob_len, err) : status;
}

enum rnm_status rnm_import_feed(struct rnm_importing *job, const void *data, size_t len,
                                struct rnm_error *err)
{
	const struct rnm_transaction *change = &job->change;
	enum rnm_status status = rnm_redis_feed(job->redis, data, len, err);

	if (status == RNM_OK && change->progress != NULL)
		change->progress(change->progress_ctx, len);
	return status;
}

/* The blob between the file and the connection. */
static enum rnm_status feed_blob(struct rnm_importing *job, struct rnm_fingerprint *print,
                                 struct rnm_error *err)
{
	const struct rnm_model_image *image = job->image;
	enum rnm_status status = RNM_OK;
	char *piece = malloc(PIECE);

	if (piece == NULL)
		return rnm_error_nomem(err);
	for (size_t done = 0; status == RNM_OK && done < image->blob_len;) {
		const size_t left = image->blob_len - done, len = left < PIECE ? left : PIECE;

		status = rnm_model_image_read(image, piece, len, done, err);
		if (status != RNM_OK)
			break;
		rnm_fingerprint_add(print, piece, len);
		status = rnm_import_feed(job, piece, len, err);
		done += len;
	}
	free(piece);
	return status;
}

/*
 * The file is read a second time, the first time being when it was verified.  What is queued now is only
 * committed when it is the same.
 */
static enum rnm_status send_network(struct rnm_importing *job, const struct rnm_import_command *command,
                                    struct rnm_error *err)
{
	char sent[RNM_FINGERPRINT_HEX] = "";
	struct rnm_fingerprint *print;
	enum rnm_status status = rnm_fingerprint_new(&print, err);

	if (status != RNM_OK)
		return status;
	status = rnm_import_begin_network(job, command, err);
	if (status == RNM_OK)
		status = feed_blob(job, print, err);
	rnm_fingerprint_text(print, sent);
	rnm_fingerprint_free(print);
	if (status == RNM_OK)
		status = rnm_transaction_expect_queued(&job->change, "HSET", err);
	if (status == RNM_OK && strcmp(sent, job->network) != 0)
		status = rnm_file_changed(err, job->image->path);
	return status;
}

/* A server that finds a command too long says nothing before it closes the connection. */
static void add_limit(const struct rnm_importing *job, struct rnm_error *err)
{
	const size_t len = job->file->container->ann.len;

	if (err != NULL && strcmp(err->id, "redis.closed") == 0 && len >= QUERY_LIMIT_MIN)
		rnm_error_set_hint(
		    err,
		    "run the command again: the server was stopped or restarted, or it takes no "
		    "command of %zu bytes (its client-query-buffer-limit)",
		    len);
}

static enum rnm_status send_command(struct rnm_importing *job, const struct rnm_import_command *command,
                                    struct rnm_error *err)
{
	enum rnm_status status;

	if (!carries_network(job, command))
		return rnm_transaction_add(&job->change, command->argc, command->argv, err);
	if (job->image == NULL)
		status = rnm_transaction_add(&job->change, command->argc, command->argv, err);
	else if (rnm_model_file_is_unread(job->file))
		status = rnm_import_send_ahead(job, command, err);
	else
		status = send_network(job, command, err);
	if (status == RNM_E_IO)
		add_limit(job, err);
	return status;
}

enum rnm_status rnm_import_send(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < job->import.command_count; i++)
		status = send_command(job, &job->import.commands[i], err);
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

/* What every HSET of ours has set: that which carries the network, or all others. */
static enum rnm_status compare_commands(struct rnm_importing *job, bool network, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < job->import.command_count; i++) {
		const struct rnm_import_command *command = &job->import.commands[i];

		if (rnm_bytes_equal(command->argv[0], rnm_bytes_of("HSET")) &&
		    carries_network(job, command) == network)
			status = compare_fields(job, command, err);
	}
	return status;
}

/* The network comes last: after that the server is busy for a while, with giving back the memory of its answer. */
enum rnm_status rnm_import_read_back(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = compare_commands(job, false, err);

	if (status == RNM_OK)
		status = rnm_import_find_ours(job, err);
	return status == RNM_OK ? compare_commands(job, true, err) : status;
}
