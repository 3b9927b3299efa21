/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large network on its way to Redis while it is judged.  The last byte is kept back until the verdict is
 * there: without it Redis has no command, and of an unfit model nothing but the buffer of a connection that is
 * closed.  That buffer counts as memory, though.  Where it could make the server evict data or refuse the writes
 * of others, the network is judged before the first byte is sent.
 */
#include "store/import.h"

#include "base/number.h"
#include "base/value_build.h"
#include "redis/client.h"

#include <string.h>

#define ANSWER_MAX ((size_t)1 << 20)
/* So often the network lies in the server at once: as it came in, as it is stored, as it is read back. */
#define COPIES 3.0

/* ---- may it? ---- */

/* A line "name:number" of the answer to INFO. */
static bool find_number(struct rnm_bytes info, const char *name, double *number)
{
	const size_t name_len = strlen(name);
	const char *at = info.data, *end = at + info.len;

	while ((at = memmem(at, (size_t)(end - at), name, name_len)) != NULL) {
		const char *value = at + name_len + 1;

		if ((at == info.data || at[-1] == '\n') && value < end && value[-1] == ':')
			return rnm_scan_number(value, (size_t)(end - value), number) > 0;
		at += name_len;
	}
	return false;
}

bool rnm_import_has_room(struct rnm_bytes info, size_t len)
{
	double used, most;

	if (!find_number(info, "used_memory", &used) || !find_number(info, "maxmemory", &most))
		return false;
	/* 0: there is no limit. */
	return !(most < 0 || most > 0) || used + COPIES * (double)len <= most;
}

/* A server that does not say how much room it has has none. */
static enum rnm_status ask_room(struct rnm_importing *job, bool *room, struct rnm_error *err)
{
	struct rnm_reply *reply;
	enum rnm_status status = rnm_redis_sendv(job->redis, err, "INFO", "memory", NULL);

	if (status == RNM_OK)
		status = rnm_redis_reply(job->redis, &reply, ANSWER_MAX, err);
	if (status != RNM_OK)
		return status;
	*room = reply->kind == RNM_EVENT_BULK_BEGIN && rnm_import_has_room(reply->text, job->image->blob_len);
	rnm_reply_free(reply);
	return RNM_OK;
}

enum rnm_status rnm_import_may_send_ahead(struct rnm_importing *job, bool *may, struct rnm_error *err)
{
	*may = false;
	/* Without providers the width of the network decides which symbols go with it. */
	if (!rnm_model_file_is_unread(job->file) || job->options->dry_run || !job->rule->providers_used ||
	    !rnm_import_fits_so_far(job))
		return RNM_OK;
	return ask_room(job, may, err);
}

/* ---- sending ---- */

struct ahead {
	struct rnm_importing *job;
	uint64_t left; /* bytes that are still to come */
	char last;     /* the last one, once that has come */
};

static enum rnm_status feed_but_last(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	struct ahead *ahead = ctx;

	ahead->left -= len;
	if (ahead->left == 0)
		ahead->last = ((const char *)data)[--len];
	return rnm_import_feed(ahead->job, data, len, err);
}

enum rnm_status rnm_import_send_ahead(struct rnm_importing *job, const struct rnm_import_command *command,
                                      struct rnm_error *err)
{
	struct ahead ahead = { .job = job, .left = job->image->blob_len };
	enum rnm_status status = rnm_import_begin_network(job, command, err);

	if (status == RNM_OK)
		status = rnm_import_judge(job, feed_but_last, &ahead, err);
	if (status != RNM_OK) {
		rnm_client_hang_up(job->redis);
		return status;
	}
	rnm_import_hash_content(job);
	status = rnm_import_feed(job, &ahead.last, 1, err);
	return status == RNM_OK ? rnm_transaction_expect_queued(&job->change, "HSET", err) : status;
}
