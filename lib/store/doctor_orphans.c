/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that were made by the neural module and that no profile names any more. */
#include "store/doctor.h"

#include "rspamd/keys.h"
#include "store/events.h"

#include <stdlib.h>
#include <string.h>

/* Keys that are asked about at once. */
#define ASK_BATCH 256

struct orphan {
	const char *name; /* borrowed from the names of the keys */
	enum rnm_key_kind kind;
};

/* Whether a pending set belongs to a rule or list that is there: some split of G_P_S gives its G_P. */
static bool prefix_is_used(const struct rnm_doctor *d, struct rnm_bytes owner)
{
	size_t global_len = strlen(d->global);

	for (size_t len = global_len + 1; len <= owner.len; len++)
		if ((len == owner.len || owner.data[len] == '_') &&
		    rnm_seen_has(&d->prefixes, owner.data, len))
			return true;
	return false;
}

static bool is_left_behind(const struct rnm_doctor *d, enum rnm_key_kind kind, struct rnm_bytes owner)
{
	switch (kind) {
	case RNM_KEY_MODEL:
	case RNM_KEY_BASE:
	case RNM_KEY_TRAINING:
		return !rnm_seen_has(&d->named, owner.data, owner.len);
	case RNM_KEY_PENDING:
		/* Without a configuration nobody knows which rules there are. */
		return d->options->config != NULL && !prefix_is_used(d, owner);
	case RNM_KEY_OTHER:
		break;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct orphan *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* Those of the keys that no profile names, each once. */
static enum rnm_status collect(const struct rnm_doctor *d, struct orphan **out, size_t *count,
                               struct rnm_error *err)
{
	struct orphan *orphans = calloc(d->keys.count + 1, sizeof(*orphans));
	size_t found = 0, kept = 0;

	if (orphans == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < d->keys.count; i++) {
		const char *name = rnm_names_at(&d->keys, i);
		struct rnm_bytes owner = { NULL, 0 };
		enum rnm_key_kind kind =
		    rnm_key_kind_of((struct rnm_bytes){ name, strlen(name) }, d->global, &owner);

		if (is_left_behind(d, kind, owner))
			orphans[found++] = (struct orphan){ name, kind };
	}
	if (found > 1)
		qsort(orphans, found, sizeof(*orphans), by_name);
	for (size_t i = 0; i < found; i++)
		if (kept == 0 || strcmp(orphans[kept - 1].name, orphans[i].name) != 0)
			orphans[kept++] = orphans[i];
	*out = orphans;
	*count = kept;
	return RNM_OK;
}

static void report_orphan(struct rnm_doctor *d, const struct orphan *orphan, int64_t bytes)
{
	static const char *const texts[] = {
		[RNM_KEY_OTHER] = "",
		[RNM_KEY_MODEL] = "no profile names this model, and it never expires",
		[RNM_KEY_BASE] = "a copy of an external model, which nothing reads and which never expires",
		[RNM_KEY_TRAINING] = "training vectors of a model that no profile names; they never expire",
		[RNM_KEY_PENDING] = "vectors that wait for a rule that does not exist; they never expire",
	};
	bool is_set = orphan->kind == RNM_KEY_TRAINING || orphan->kind == RNM_KEY_PENDING;
	struct rnm_health_finding *finding =
	    rnm_doctor_find(d, is_set ? RNM_DOCTOR_ORPHAN_VECTORS : RNM_DOCTOR_ORPHAN_MODEL, orphan->name,
	                    "%s", texts[orphan->kind]);

	finding->has_bytes = bytes >= 0;
	finding->bytes = bytes >= 0 ? (uint64_t)bytes : 0;
	rnm_doctor_advise(d, finding, RNM_REMEDY_DELETE_KEY, "deletes the key");
}

static enum rnm_status ask(struct rnm_doctor *d, const struct orphan *orphan, struct rnm_error *err)
{
	enum rnm_status status = rnm_event_send(d->redis, "TYPE", orphan->name, NULL, err);

	if (status == RNM_OK)
		status = rnm_event_send(d->redis, "PTTL", orphan->name, NULL, err);
	if (status == RNM_OK)
		status = rnm_event_send(d->redis, "MEMORY", "USAGE", orphan->name, err);
	return status;
}

/* What has a time to live goes by itself; what has another type is somebody else's. */
static enum rnm_status answer(struct rnm_doctor *d, const struct orphan *orphan, struct rnm_error *err)
{
	bool is_set = orphan->kind == RNM_KEY_TRAINING || orphan->kind == RNM_KEY_PENDING;
	struct rnm_reply *type = NULL;
	int64_t ttl = 0, bytes = -1;
	bool refused, fits;
	enum rnm_status status = rnm_redis_reply(d->redis, &type, 0, err);

	if (status != RNM_OK)
		return status;
	fits = type->kind == RNM_EVENT_STATUS && strcmp(type->text.data, is_set ? "set" : "hash") == 0;
	rnm_reply_free(type);
	status = rnm_event_integer(d->redis, "PTTL", &ttl, &refused, &d->text, err);
	fits = fits && !refused;
	if (status == RNM_OK)
		status = rnm_event_integer(d->redis, "MEMORY", &bytes, &refused, &d->text, err);
	if (status == RNM_OK && fits && ttl == RNM_TTL_NONE)
		report_orphan(d, orphan, refused ? -1 : bytes);
	return status;
}

enum rnm_status rnm_doctor_orphans(struct rnm_doctor *d, struct rnm_error *err)
{
	struct orphan *orphans = NULL;
	size_t count = 0;
	enum rnm_status status;

	if (d->blind)
		return RNM_OK;
	status = collect(d, &orphans, &count, err);
	for (size_t first = 0; status == RNM_OK && first < count; first += ASK_BATCH) {
		size_t end = count - first < ASK_BATCH ? count : first + ASK_BATCH;

		for (size_t i = first; status == RNM_OK && i < end; i++)
			status = ask(d, &orphans[i], err);
		for (size_t i = first; status == RNM_OK && i < end; i++)
			status = answer(d, &orphans[i], err);
		if (status == RNM_OK && d->no_memory)
			status = rnm_error_nomem(err);
		if (d->options->progress != NULL)
			d->options->progress(d->options->progress_ctx, end, count);
	}
	free(orphans);
	return status;
}
