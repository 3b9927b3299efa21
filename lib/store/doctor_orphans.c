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
	bool ours;     /* what it holds is what its name says, and nothing will take it away */
	int64_t bytes; /* -1: not known */
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
	case RNM_KEY_RESTORE:
		return true;
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
			orphans[found++] = (struct orphan){ .name = name, .kind = kind };
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

static bool holds_set(enum rnm_key_kind kind)
{
	return kind == RNM_KEY_TRAINING || kind == RNM_KEY_PENDING || kind == RNM_KEY_RESTORE;
}

static void report_orphan(struct rnm_doctor *d, const struct orphan *orphan)
{
	static const char *const texts[] = {
		[RNM_KEY_OTHER] = "",
		[RNM_KEY_MODEL] = "no profile names this model, and it never expires",
		[RNM_KEY_BASE] = "a copy of an external model, which nothing reads and which never expires",
		[RNM_KEY_TRAINING] = "training vectors of a model that no profile names; they never expire",
		[RNM_KEY_PENDING] = "vectors that wait for a rule that does not exist; they never expire",
		[RNM_KEY_RESTORE] = "vectors that a broken restore has left, and which no longer expire",
	};
	bool is_set = holds_set(orphan->kind);
	struct rnm_health_finding *finding =
	    rnm_doctor_find(d, is_set ? RNM_DOCTOR_ORPHAN_VECTORS : RNM_DOCTOR_ORPHAN_MODEL, orphan->name,
	                    "%s", texts[orphan->kind]);

	finding->has_bytes = orphan->bytes >= 0;
	finding->bytes = orphan->bytes >= 0 ? (uint64_t)orphan->bytes : 0;
	rnm_doctor_advise(d, finding, RNM_REMEDY_DELETE_KEY, "deletes the key");
}

/* ---- what the keys are: questions for a batch, then the answers to them ---- */

typedef enum rnm_status asker(struct rnm_doctor *d, const struct orphan *orphan, struct rnm_error *err);
typedef enum rnm_status reader(struct rnm_doctor *d, struct orphan *orphan, struct rnm_error *err);

static enum rnm_status ask_key(struct rnm_doctor *d, const struct orphan *orphan, struct rnm_error *err)
{
	enum rnm_status status = rnm_event_send(d->redis, "TYPE", orphan->name, NULL, err);

	if (status == RNM_OK)
		status = rnm_event_send(d->redis, "PTTL", orphan->name, NULL, err);
	if (status == RNM_OK)
		status = rnm_event_send(d->redis, "MEMORY", "USAGE", orphan->name, err);
	return status;
}

/* What has a time to live goes by itself; what has another type is somebody else's. */
static enum rnm_status read_key(struct rnm_doctor *d, struct orphan *orphan, struct rnm_error *err)
{
	const char *expected = holds_set(orphan->kind) ? "set" : "hash";
	struct rnm_reply *type = NULL;
	int64_t ttl = RNM_TTL_UNKNOWN;
	bool refused;
	enum rnm_status status = rnm_redis_reply(d->redis, &type, 0, err);

	if (status != RNM_OK)
		return status;
	orphan->ours = type->kind == RNM_EVENT_STATUS && strcmp(type->text.data, expected) == 0;
	rnm_reply_free(type);
	status = rnm_event_integer(d->redis, "PTTL", &ttl, &refused, &d->text, err);
	orphan->ours = orphan->ours && ttl == RNM_TTL_NONE;
	orphan->bytes = -1;
	if (status == RNM_OK)
		status = rnm_event_integer(d->redis, "MEMORY", &orphan->bytes, &refused, &d->text, err);
	return status;
}

static enum rnm_status ask_length(struct rnm_doctor *d, const struct orphan *orphan, struct rnm_error *err)
{
	return orphan->ours && !holds_set(orphan->kind)
	           ? rnm_event_send(d->redis, "HLEN", orphan->name, NULL, err)
	           : RNM_OK;
}

/* The names of all fields are only asked for when they are few. */
static enum rnm_status read_length(struct rnm_doctor *d, struct orphan *orphan, struct rnm_error *err)
{
	int64_t length = RNM_MODEL_FIELDS_MAX + 1;
	bool refused;
	enum rnm_status status = RNM_OK;

	if (!orphan->ours || holds_set(orphan->kind))
		return RNM_OK;
	status = rnm_event_integer(d->redis, "HLEN", &length, &refused, &d->text, err);
	orphan->ours = length <= RNM_MODEL_FIELDS_MAX;
	return status;
}

static enum rnm_status ask_fields(struct rnm_doctor *d, const struct orphan *orphan, struct rnm_error *err)
{
	return orphan->ours && !holds_set(orphan->kind)
	           ? rnm_event_send(d->redis, "HKEYS", orphan->name, NULL, err)
	           : RNM_OK;
}

static enum rnm_status read_fields(struct rnm_doctor *d, struct orphan *orphan, struct rnm_error *err)
{
	struct rnm_reply *fields = NULL;
	enum rnm_status status;

	if (!orphan->ours || holds_set(orphan->kind))
		return RNM_OK;
	status = rnm_redis_reply(d->redis, &fields, 0, err);
	if (status == RNM_OK)
		orphan->ours = rnm_fields_are_ours(fields);
	rnm_reply_free(fields);
	return status;
}

static enum rnm_status ask_all(struct rnm_doctor *d, struct orphan *orphans, size_t count, asker *ask,
                               reader *read, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = ask(d, &orphans[i], err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = read(d, &orphans[i], err);
	return status;
}

static enum rnm_status judge_batch(struct rnm_doctor *d, struct orphan *orphans, size_t count,
                                   struct rnm_error *err)
{
	enum rnm_status status = ask_all(d, orphans, count, ask_key, read_key, err);

	if (status == RNM_OK)
		status = ask_all(d, orphans, count, ask_length, read_length, err);
	if (status == RNM_OK)
		status = ask_all(d, orphans, count, ask_fields, read_fields, err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		if (orphans[i].ours)
			report_orphan(d, &orphans[i]);
	if (status == RNM_OK && d->no_memory)
		status = rnm_error_nomem(err);
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
		size_t batch = count - first < ASK_BATCH ? count - first : ASK_BATCH;

		if (d->report->count == RNM_HEALTH_FINDINGS_MAX) {
			d->report->left_out += count - first;
			break;
		}
		status = judge_batch(d, &orphans[first], batch, err);
		if (d->options->progress != NULL)
			d->options->progress(d->options->progress_ctx, first + batch, count);
	}
	free(orphans);
	return status;
}
