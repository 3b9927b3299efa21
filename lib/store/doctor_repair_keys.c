/* SPDX-License-Identifier: Apache-2.0 */
/* Repairs of keys, training sets and files. */
#include "base/value_build.h"
#include "rspamd/keys.h"
#include "store/doctor.h"
#include "store/doctor_repair.h"
#include "store/events.h"

#include <errno.h>
#include <rnm/training.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ways to read a key's name as rule and settings id; each names a list that could have it. */
#define LISTS_MAX 64

/* ---- a lock ---------------------------------------------------------------------------------------------- */

enum rnm_status rnm_repair_unlock(struct rnm_repairing *r, struct rnm_error *err)
{
	const char *const watched[] = { r->finding->key };
	bool has_lock = false;
	double lock = 0;
	enum rnm_status status = rnm_transaction_watch(&r->change, 1, watched, err);

	if (status == RNM_OK)
		status = rnm_repair_lock(r, r->finding->key, &has_lock, &lock, err);
	if (status != RNM_OK)
		return status;
	if (!has_lock || rnm_lock_holds(lock, r->now, r->finding->seconds))
		return rnm_repair_gone(r, has_lock ? "it is locked by a training again"
		                                   : "it is no longer locked");
	status = rnm_transaction_begin(&r->change, err);
	if (status == RNM_OK)
		status = rnm_repair_add(&r->change, err, "HDEL", r->finding->key, "lock", "hostname", NULL);
	if (status == RNM_OK)
		status = rnm_transaction_commit(&r->change, err);
	if (status == RNM_OK)
		rnm_repair_tell(r, "removed the lock");
	return status;
}

/* ---- a key that no profile names ---------------------------------------------------------------------------- */

struct lists {
	char *names[LISTS_MAX];
	size_t count;
};

static void free_lists(struct lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		free(lists->names[i]);
	lists->count = 0;
}

/* Every list that could name a key, by all readings of P_S; false: no memory, or too many of them. */
static bool name_lists(struct lists *lists, const char *global, struct rnm_bytes owner)
{
	struct rnm_bytes rest = { owner.data + strlen(global) + 1, owner.len - strlen(global) - 1 };

	for (size_t i = 0; i < rest.len; i++) {
		char *name;

		if (rest.data[i] != '_')
			continue;
		if (lists->count == LISTS_MAX ||
		    asprintf(&name, "%s" RNM_PLUGIN_VERSION "_%.*s_" RNM_METATOKENS_VERSION "_%.*s", global,
		             (int)i, rest.data, (int)(rest.len - i - 1), rest.data + i + 1) < 0)
			return false;
		lists->names[lists->count++] = name;
	}
	return true;
}

/* P_S of a model's key: what stands before the digest and the version. */
static struct rnm_bytes without_version(struct rnm_bytes owner)
{
	for (int parts = 0; parts < 2 && owner.len > 0; parts++) {
		while (owner.len > 0 && owner.data[owner.len - 1] != '_')
			owner.len--;
		owner.len -= owner.len > 0;
	}
	return owner;
}

/* Whether one of the lists is there and names the owner (or, for pending sets, is there at all). */
static enum rnm_status is_claimed(struct rnm_repairing *r, const struct lists *lists, enum rnm_key_kind kind,
                                  struct rnm_bytes owner, bool *claimed, struct rnm_error *err)
{
	struct rnm_seen named = { 0 };
	enum rnm_status status = RNM_OK;

	*claimed = false;
	for (size_t i = 0; status == RNM_OK && !*claimed && i < lists->count; i++) {
		struct rnm_reply *type;

		status = rnm_repair_ask(r, &type, "TYPE", lists->names[i], NULL, err);
		if (status != RNM_OK)
			break;
		if (type->kind == RNM_EVENT_STATUS && strcmp(type->text.data, "zset") == 0) {
			status = rnm_names_of_list(&named, r->redis, lists->names[i], err);
			*claimed = kind == RNM_KEY_PENDING || rnm_seen_has(&named, owner.data, owner.len);
		}
		rnm_reply_free(type);
	}
	rnm_seen_free(&named);
	return status;
}

static enum rnm_status unlink_key(struct rnm_repairing *r, struct rnm_error *err)
{
	enum rnm_status status = rnm_transaction_begin(&r->change, err);

	if (status == RNM_OK)
		status = rnm_repair_add(&r->change, err, "UNLINK", r->finding->key, NULL);
	if (status == RNM_OK)
		status = rnm_transaction_commit(&r->change, err);
	if (status == RNM_OK)
		rnm_repair_tell(r, "deleted the key");
	return status;
}

static enum rnm_status delete_unclaimed(struct rnm_repairing *r, const struct lists *lists,
                                        enum rnm_key_kind kind, struct rnm_bytes owner, struct rnm_error *err)
{
	const char *watched[LISTS_MAX + 1] = { r->finding->key };
	int64_t ttl = RNM_TTL_NO_KEY;
	bool claimed = false, foreign = false;
	enum rnm_status status;

	for (size_t i = 0; i < lists->count; i++)
		watched[i + 1] = lists->names[i];
	status = rnm_transaction_watch(&r->change, lists->count + 1, watched, err);
	if (status == RNM_OK)
		status = rnm_repair_integer(r, &ttl, "PTTL", r->finding->key, NULL, err);
	if (status == RNM_OK)
		status = is_claimed(r, lists, kind, owner, &claimed, err);
	if (status == RNM_OK && (kind == RNM_KEY_MODEL || kind == RNM_KEY_BASE))
		status = rnm_repair_foreign(r, r->finding->key, &foreign, err);
	if (status != RNM_OK)
		return status;
	if (ttl == RNM_TTL_NO_KEY)
		return rnm_repair_gone(r, "the key is no longer there");
	if (ttl != RNM_TTL_NONE)
		return rnm_repair_gone(r, "it expires by itself now");
	if (claimed)
		return rnm_repair_gone(r, "a profile names it now");
	if (foreign)
		return rnm_repair_gone(r, "left alone: it has fields that rspamd does not write");
	return unlink_key(r, err);
}

enum rnm_status rnm_repair_delete_key(struct rnm_repairing *r, struct rnm_error *err)
{
	const char *key = r->finding->key;
	struct rnm_bytes owner = { NULL, 0 };
	enum rnm_key_kind kind = rnm_key_kind_of((struct rnm_bytes){ key, strlen(key) }, r->global, &owner);
	struct lists lists = { .count = 0 };
	enum rnm_status status;

	if (kind == RNM_KEY_OTHER)
		return rnm_repair_gone(r, "left alone: it is no key of the neural module");
	if (name_lists(&lists, r->global, kind == RNM_KEY_PENDING ? owner : without_version(owner)))
		status = delete_unclaimed(r, &lists, kind, owner, err);
	else if (lists.count == LISTS_MAX)
		status = rnm_repair_gone(r, "left alone: its name has too many parts to say whose it is");
	else
		status = rnm_error_nomem(err);
	free_lists(&lists);
	return status;
}

/* ---- vectors of another length --------------------------------------------------------------------------------- */

struct weeding {
	struct rnm_repairing *r;
	const char *key;
	struct rnm_buf member;
	uint64_t seen;
	uint64_t asked; /* removals without their answer */
	uint64_t removed;
};

static enum rnm_status take_vector(void *ctx, struct rnm_error *err)
{
	struct weeding *weeding = ctx;
	const struct rnm_bytes member = { rnm_buf_cstr(&weeding->member), weeding->member.len };
	const struct rnm_bytes srem[] = { rnm_bytes_of("SREM"), rnm_bytes_of(weeding->key), member };
	uint64_t width = 0;

	if (weeding->seen++ == 2 * RNM_TRAINING_VECTORS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "training.too-many",
		                     "expected at most %zu vectors of one class, found more",
		                     RNM_TRAINING_VECTORS_MAX);
	if (rnm_doctor_width(&width, member, err) != RNM_OK)
		return RNM_E_NOMEM;
	if (width == weeding->r->finding->width)
		return RNM_OK;
	weeding->asked++;
	return rnm_redis_send(weeding->r->redis, 3, srem, err);
}

/* The answers to what a batch has queued. */
static enum rnm_status count_removed(void *ctx, struct rnm_error *err)
{
	struct weeding *weeding = ctx;
	struct rnm_error refusal;
	bool any_refused = false;

	for (; weeding->asked > 0; weeding->asked--) {
		struct rnm_reply *reply = NULL;
		enum rnm_status status = rnm_redis_reply(weeding->r->redis, &reply, 0, err);

		if (status != RNM_OK)
			return status;
		if (reply->kind == RNM_EVENT_ERROR) {
			rnm_transaction_refused(&weeding->r->change, "SREM", reply->text.data, &refusal);
			any_refused = true;
		} else if (reply->kind == RNM_EVENT_INTEGER && reply->integer > 0) {
			weeding->removed++;
		}
		rnm_reply_free(reply);
	}
	if (!any_refused)
		return RNM_OK;
	if (err != NULL)
		*err = refusal;
	return RNM_E_REDIS;
}

static enum rnm_status weed(struct weeding *weeding, const char *key, struct rnm_error *err)
{
	const struct rnm_key_walk walk = {
		.redis = weeding->r->redis,
		.command = "SSCAN",
		.key = key,
		.text = &weeding->member,
		.what = "a training vector",
		.take = take_vector,
		.batch = count_removed,
		.ctx = weeding,
		.endless = "training.too-many",
	};
	enum rnm_status status;

	weeding->key = key;
	status = rnm_event_walk(&walk, err);
	if (status == RNM_NO)
		status = rnm_transaction_refused(&weeding->r->change, "SSCAN", rnm_buf_cstr(&weeding->member),
		                                 err);
	return status;
}

/*
 * No transaction: each removal is whole in itself and depends on nothing but the vector, while new vectors
 * come so often that a watch would rarely hold.
 */
enum rnm_status rnm_repair_drop_vectors(struct rnm_repairing *r, struct rnm_error *err)
{
	struct weeding weeding = { .r = r };
	enum rnm_status status;

	rnm_buf_init(&weeding.member, RNM_TRAINING_MEMBER_MAX);
	status = weed(&weeding, r->finding->key, err);
	if (status == RNM_OK && r->finding->other_key != NULL)
		status = weed(&weeding, r->finding->other_key, err);
	rnm_buf_free(&weeding.member);
	if (status != RNM_OK)
		return status;
	if (weeding.removed == 0)
		return rnm_repair_gone(r, "all vectors have one length now");
	rnm_repair_tell(r, "removed %llu vectors", (unsigned long long)weeding.removed);
	return RNM_OK;
}

/* ---- a file ------------------------------------------------------------------------------------------------------ */

void rnm_doctor_file_identity(const char *path, double *changed, uint64_t *inode)
{
	struct stat file;
	const bool known = stat(path, &file) == 0;

	*changed = known ? (double)file.st_mtim.tv_sec + (double)file.st_mtim.tv_nsec / 1e9 : 0;
	*inode = known ? file.st_ino : 0;
}

/* Whether rspamd has fetched the file anew since it was looked at. */
static bool is_replaced(const struct rnm_health_finding *finding)
{
	double changed;
	uint64_t inode;

	rnm_doctor_file_identity(finding->key, &changed, &inode);
	return inode != 0 && (inode != finding->width || changed > finding->seconds);
}

enum rnm_status rnm_repair_delete_file(struct rnm_repairing *r, struct rnm_error *err)
{
	if (is_replaced(r->finding))
		return rnm_repair_gone(r, "the file has been written anew since");
	if (unlink(r->finding->key) == 0) {
		rnm_repair_tell(r, "deleted the file");
		return RNM_OK;
	}
	if (errno == ENOENT)
		return rnm_repair_gone(r, "the file is no longer there");
	return rnm_error_sys(err, "doctor.file", errno, "cannot delete %s", r->finding->key);
}
