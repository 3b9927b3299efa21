/* SPDX-License-Identifier: Apache-2.0 */
/* Repairs of the profiles in a list. */
#include "base/number.h"
#include "base/value_build.h"
#include "rspamd/keys.h"
#include "rspamd/profile.h"
#include "rspamd/rule_number.h"
#include "store/doctor.h"
#include "store/doctor_repair.h"
#include "store/events.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A lock younger than this keeps its profile, whatever the rule's watch_interval. */
#define LOCK_SECONDS 1200.0
/* Digits from which a double can be read back. */
#define SCORE_DIGITS 17

/* The profiles of a list as they are now, newest first. */
struct profiles {
	struct rnm_profile *items;
	size_t count;
};

static void free_profiles(struct profiles *profiles)
{
	for (size_t i = 0; i < profiles->count; i++)
		rnm_profile_clear(&profiles->items[i]);
	free(profiles->items);
	*profiles = (struct profiles){ 0 };
}

static enum rnm_status parse_profiles(struct profiles *out, const struct rnm_reply *reply,
                                      struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	out->items = calloc(reply->count / 2 + 1, sizeof(*out->items));
	if (out->items == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i + 1 < reply->count; i += 2) {
		double score = reply->items[i + 1].real;

		if (reply->items[i + 1].kind == RNM_EVENT_BULK_BEGIN)
			score = rnm_strtod(reply->items[i + 1].text.data, NULL);
		status = rnm_profile_parse(&out->items[out->count], reply->items[i].text, score, err);
		out->count += status == RNM_OK;
	}
	return status;
}

static enum rnm_status read_profiles(struct rnm_repairing *r, struct profiles *out, struct rnm_error *err)
{
	struct rnm_reply *reply = NULL;
	enum rnm_status status =
	    rnm_redis_sendv(r->redis, err, "ZREVRANGE", r->finding->zset, "0", "-1", "WITHSCORES", NULL);

	if (status == RNM_OK)
		status = rnm_redis_reply(r->redis, &reply, 0, err);
	if (status == RNM_OK && reply->kind == RNM_EVENT_ERROR)
		status = rnm_transaction_refused(&r->change, "ZREVRANGE", reply->text.data, err);
	else if (status == RNM_OK && reply->kind != RNM_EVENT_ARRAY)
		status = rnm_event_unexpected("ZREVRANGE", err);
	if (status == RNM_OK)
		status = parse_profiles(out, reply, err);
	rnm_reply_free(reply);
	return status;
}

/* ---- a profile that stands for nothing -------------------------------------------------------------------- */

/* What belongs to a profile; all NULL when it names no key. */
struct belongings {
	const char *key;
	char *spam, *ham, *base;
};

/* Whether something has come under the key, or is about to. */
static enum rnm_status look_for_life(struct rnm_repairing *r, const struct belongings *its, bool *alive,
                                     struct rnm_error *err)
{
	int64_t size = 0, spam_count = 0, ham_count = 0;
	bool has_lock = false;
	double lock = 0;
	enum rnm_status status = rnm_repair_integer(r, &size, "HSTRLEN", its->key, "ann", err);

	if (status == RNM_OK)
		status = rnm_repair_integer(r, &spam_count, "SCARD", its->spam, NULL, err);
	if (status == RNM_OK)
		status = rnm_repair_integer(r, &ham_count, "SCARD", its->ham, NULL, err);
	if (status == RNM_OK)
		status = rnm_repair_lock(r, its->key, &has_lock, &lock, err);
	*alive = size > 0 || spam_count > 0 || ham_count > 0 ||
	         (has_lock && rnm_lock_holds(lock, r->now, LOCK_SECONDS));
	return status;
}

/* A copy of an external model that goes with its model: its form is known, and it never goes by itself. */
static enum rnm_status look_for_base(struct rnm_repairing *r, const char *base, bool *ours,
                                     struct rnm_error *err)
{
	struct rnm_reply *type = NULL;
	int64_t ttl = RNM_TTL_NO_KEY;
	bool foreign = true;
	enum rnm_status status = rnm_repair_ask(r, &type, "TYPE", base, NULL, err);
	const bool is_hash = status == RNM_OK && strcmp(type->text.data, "hash") == 0;

	rnm_reply_free(type);
	if (status == RNM_OK && is_hash)
		status = rnm_repair_integer(r, &ttl, "PTTL", base, NULL, err);
	if (status == RNM_OK && is_hash)
		status = rnm_repair_foreign(r, base, &foreign, err);
	*ours = ttl == RNM_TTL_NONE && !foreign;
	return status;
}

/* The profile as it is now, NULL when it is gone; and whether others name its key. */
static const struct rnm_profile *find_member(const struct profiles *profiles, struct rnm_bytes member,
                                             const char *key, bool *shared)
{
	const struct rnm_profile *found = NULL;

	*shared = false;
	for (size_t i = 0; i < profiles->count; i++) {
		const struct rnm_profile *profile = &profiles->items[i];

		if (rnm_bytes_equal(profile->member, member))
			found = profile;
		else if (key != NULL && profile->redis_key != NULL && strcmp(profile->redis_key, key) == 0)
			*shared = true;
	}
	return found;
}

/* key and base: what is deleted with the profile, or NULL. */
static enum rnm_status remove_member(struct rnm_repairing *r, const char *key, const char *base,
                                     struct rnm_error *err)
{
	const struct rnm_bytes zrem[] = { rnm_bytes_of("ZREM"), rnm_bytes_of(r->finding->zset),
		                          r->finding->member };
	enum rnm_status status = rnm_transaction_begin(&r->change, err);

	if (status == RNM_OK)
		status = rnm_transaction_add(&r->change, 3, zrem, err);
	if (status == RNM_OK && key != NULL)
		status = rnm_repair_add(&r->change, err, "UNLINK", key, NULL);
	if (status == RNM_OK && base != NULL)
		status = rnm_repair_add(&r->change, err, "UNLINK", base, NULL);
	if (status == RNM_OK)
		status = rnm_transaction_commit(&r->change, err);
	if (status == RNM_OK)
		rnm_repair_tell(r, "removed the profile%s",
		                key != NULL ? " and what was left under its key" : "");
	return status;
}

static enum rnm_status drop(struct rnm_repairing *r, const struct belongings *its, struct rnm_error *err)
{
	const char *const watched[] = { r->finding->zset, its->key, its->spam, its->ham, its->base };
	struct profiles profiles = { 0 };
	bool found = false, shared = false, young = false, alive = false, foreign = false, has_base = false;
	enum rnm_status status = rnm_transaction_watch(&r->change, its->key != NULL ? 5 : 1, watched, err);

	if (status == RNM_OK)
		status = read_profiles(r, &profiles, err);
	if (status == RNM_OK) {
		const struct rnm_profile *profile =
		    find_member(&profiles, r->finding->member, its->key, &shared);

		found = profile != NULL;
		/* Only of a tombstone does the age matter. */
		young = found && r->finding->seconds > 0 && profile->score > r->now - r->finding->seconds;
	}
	free_profiles(&profiles);
	if (status == RNM_OK && its->key != NULL)
		status = look_for_life(r, its, &alive, err);
	if (status == RNM_OK && its->key != NULL)
		status = rnm_repair_foreign(r, its->key, &foreign, err);
	if (status == RNM_OK && its->key != NULL)
		status = look_for_base(r, its->base, &has_base, err);
	if (status != RNM_OK)
		return status;
	if (!found)
		return rnm_repair_gone(r, "the profile is no longer there");
	if (young || alive)
		return rnm_repair_gone(r, young ? "it has been renewed since"
		                                : "something has come under its key since");
	/* What another profile names, or somebody else uses, is not this one's to delete. */
	return remove_member(r, !shared && !foreign ? its->key : NULL, !shared && has_base ? its->base : NULL,
	                     err);
}

enum rnm_status rnm_repair_drop_profile(struct rnm_repairing *r, struct rnm_error *err)
{
	struct rnm_profile profile = { 0 };
	struct belongings its = { .key = NULL };
	enum rnm_status status = rnm_profile_parse(&profile, r->finding->member, 0, err);

	if (status != RNM_OK)
		return status;
	its.key = profile.redis_key;
	if (its.key != NULL) {
		its.spam = rnm_training_key(its.key, "spam");
		its.ham = rnm_training_key(its.key, "ham");
		its.base = rnm_base_key(its.key);
		if (its.spam == NULL || its.ham == NULL || its.base == NULL)
			status = rnm_error_nomem(err);
	}
	if (status == RNM_OK)
		status = drop(r, &its, err);
	free(its.spam);
	free(its.ham);
	free(its.base);
	rnm_profile_clear(&profile);
	return status;
}

/* ---- a profile in another form, or several times ------------------------------------------------------------- */

/* Removes every form of the profile but the canonical one, which is (again) stored with the newest time. */
static enum rnm_status replace_forms(struct rnm_repairing *r, const struct profiles *profiles,
                                     const struct rnm_profile *like, const struct rnm_profile *newest,
                                     const struct rnm_buf *canonical, struct rnm_error *err)
{
	const struct rnm_bytes text = { canonical->data, canonical->len };
	char score[40];
	const struct rnm_bytes zadd[] = {
		rnm_bytes_of("ZADD"), rnm_bytes_of(r->finding->zset), { score, 0 }, text
	};
	struct rnm_bytes add[4];
	enum rnm_status status = rnm_transaction_begin(&r->change, err);

	rnm_format_double(score, sizeof(score), SCORE_DIGITS, newest->score);
	memcpy(add, zadd, sizeof(add));
	add[2].len = strlen(score);
	for (size_t i = 0; status == RNM_OK && i < profiles->count; i++) {
		const struct rnm_bytes zrem[] = { rnm_bytes_of("ZREM"), rnm_bytes_of(r->finding->zset),
			                          profiles->items[i].member };

		if (rnm_profiles_equal(&profiles->items[i], like) &&
		    !rnm_bytes_equal(profiles->items[i].member, text))
			status = rnm_transaction_add(&r->change, 3, zrem, err);
	}
	if (status == RNM_OK)
		status = rnm_transaction_add(&r->change, 4, add, err);
	return status == RNM_OK ? rnm_transaction_commit(&r->change, err) : status;
}

static enum rnm_status write_like(struct rnm_repairing *r, const struct rnm_profile *like,
                                  struct rnm_error *err)
{
	const char *const watched[] = { r->finding->zset };
	const struct rnm_profile *newest = NULL;
	struct profiles profiles = { 0 };
	struct rnm_buf canonical;
	size_t forms = 0;
	enum rnm_status status = rnm_transaction_watch(&r->change, 1, watched, err);

	rnm_buf_init(&canonical, RNM_PROFILE_MAX * 2);
	if (status == RNM_OK)
		status = read_profiles(r, &profiles, err);
	for (size_t i = 0; status == RNM_OK && i < profiles.count; i++) {
		if (!rnm_profiles_equal(&profiles.items[i], like))
			continue;
		if (forms++ == 0)
			newest = &profiles.items[i];
	}
	if (status == RNM_OK && newest != NULL)
		rnm_profile_rewrite(&canonical, newest);
	if (canonical.failed)
		status = rnm_error_nomem(err);
	if (status == RNM_OK && newest == NULL)
		status = rnm_repair_gone(r, "the profile is no longer there");
	else if (status == RNM_OK && forms == 1 &&
	         rnm_bytes_equal(newest->member, (struct rnm_bytes){ canonical.data, canonical.len }))
		status = rnm_repair_gone(r, "it has been written as rspamd does");
	else if (status == RNM_OK)
		status = replace_forms(r, &profiles, like, newest, &canonical, err);
	if (status == RNM_OK && !r->gone && forms > 1)
		rnm_repair_tell(r, "kept one of %zu profiles, written as rspamd does", forms);
	else if (status == RNM_OK && !r->gone)
		rnm_repair_tell(r, "wrote the profile as rspamd does");
	free_profiles(&profiles);
	rnm_buf_free(&canonical);
	return status;
}

enum rnm_status rnm_repair_write_profile(struct rnm_repairing *r, struct rnm_error *err)
{
	struct rnm_profile like = { 0 };
	enum rnm_status status = rnm_profile_parse(&like, r->finding->member, 0, err);

	if (status == RNM_OK)
		status = write_like(r, &like, err);
	rnm_profile_clear(&like);
	return status;
}
