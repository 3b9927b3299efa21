/* SPDX-License-Identifier: Apache-2.0 */
/* What Redis holds before an import and after it. */
#include "store/import.h"

#include "base/clock.h"
#include "base/value_build.h"
#include "format/rnm1_reader.h"
#include "rspamd/keys.h"
#include "store/events.h"
#include "store/lock.h"
#include "store/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys without a profile that are stepped over before the search is given up. */
#define STRAY_KEYS_MAX 64
#define ANSWER_MAX ((size_t)1 << 20)

/* ---- locks ---- */

static enum rnm_status ask_locks(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < job->list->count; i++)
		if (job->list->models[i].profile.redis_key != NULL)
			status =
			    rnm_redis_sendv(job->redis, err, "HMGET", job->list->models[i].profile.redis_key,
			                    "lock", "hostname", NULL);
	return status;
}

static enum rnm_status refuse_locked(const char *key, struct rnm_bytes host, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "import.locked", "%.*s is training from %s right now",
	              host.len > 0 ? (int)(host.len < 255 ? host.len : 255) : 8,
	              host.len > 0 ? host.data : "a worker", key);
	rnm_error_set_hint(
	    err, "it would write the same version, or a newer one, when it is done: wait for it, or "
		 "import all the same with --force");
	return RNM_E_REFUSED;
}

static enum rnm_status judge_lock(struct rnm_importing *job, const char *key, const struct rnm_reply *reply,
                                  struct rnm_error *err)
{
	if (reply->kind == RNM_EVENT_ERROR && strncmp(reply->text.data, "WRONGTYPE", 9) == 0)
		return RNM_OK;
	if (reply->kind == RNM_EVENT_ERROR)
		return rnm_transaction_refused(&job->change, "HMGET", reply->text.data, err);
	if (reply->kind != RNM_EVENT_ARRAY || reply->count != 2)
		return rnm_event_unexpected("HMGET", err);
	if (!rnm_lock_is_fresh(reply->items[0].text, job->rule))
		return RNM_OK;
	job->import.locked_key = rnm_arena_strndup(&job->round, key, strlen(key));
	if (job->import.locked_key == NULL)
		return rnm_error_nomem(err);
	return job->options->force ? RNM_OK : refuse_locked(key, reply->items[1].text, err);
}

/* The answers are all read even when one of them is a refusal, so that the connection stays usable. */
static enum rnm_status read_locks(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; i < job->list->count; i++) {
		const char *key = job->list->models[i].profile.redis_key;
		struct rnm_reply *reply = NULL;
		enum rnm_status got;

		if (key == NULL)
			continue;
		got = rnm_redis_reply(job->redis, &reply, ANSWER_MAX, status == RNM_OK ? err : NULL);
		if (got != RNM_OK)
			return status == RNM_OK ? got : status;
		if (status == RNM_OK)
			status = judge_lock(job, key, reply, err);
		rnm_reply_free(reply);
	}
	return status;
}

/* Watches every model, so that training which begins after our look makes the commit fail. */
static enum rnm_status check_locks(struct rnm_importing *job, struct rnm_error *err)
{
	const size_t count = job->list->count;
	const char **keys = calloc(count + 1, sizeof(*keys));
	enum rnm_status status = RNM_OK;
	size_t watched = 0;

	if (keys == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < count; i++)
		if (job->list->models[i].profile.redis_key != NULL)
			keys[watched++] = job->list->models[i].profile.redis_key;
	if (watched > 0)
		status = rnm_transaction_watch(&job->change, watched, keys, err);
	free(keys);
	if (status == RNM_OK)
		status = ask_locks(job, err);
	return status == RNM_OK ? read_locks(job, err) : status;
}

/* ---- version and key ---- */

static void find_known_version(struct rnm_importing *job)
{
	double known = 0;

	for (size_t i = 0; i < job->list->count; i++) {
		const struct rnm_profile *profile = &job->list->models[i].profile;

		if (profile->parsed &&
		    (profile->version_kind == RNM_VERSION_NUMBER ||
		     profile->version_kind == RNM_VERSION_STRING) &&
		    profile->version > known)
			known = profile->version;
	}
	job->import.known_version = known;
}

static bool is_version(double version)
{
	return version >= 1 && version <= RNM_VERSION_MAX && !(floor(version) < version);
}

static enum rnm_status choose_version(struct rnm_importing *job, struct rnm_error *err)
{
	const double known = job->import.known_version;
	const double of_file = job->file->container->model_version;
	double version = is_version(of_file) && of_file > known ? of_file : floor(known) + 1;

	if (job->options->has_version)
		version = job->options->version;
	if (is_version(version) && version > known) {
		job->import.version = version;
		return RNM_OK;
	}
	rnm_error_set(err, RNM_E_REFUSED, "import.version",
	              "expected a version above %.16g, the highest in %s, that is an integer up to %.16g, "
	              "found %.16g",
	              known, job->import.zset, RNM_VERSION_MAX, version);
	rnm_error_set_hint(err, "workers load nothing older than what they have");
	return RNM_E_REFUSED;
}

/* The one integer that a command answers with. */
static enum rnm_status ask_integer(struct rnm_importing *job, const char *command, const char *key,
                                   int64_t *integer, struct rnm_error *err)
{
	struct rnm_reply *reply;
	enum rnm_status status = rnm_redis_sendv(job->redis, err, command, key, NULL);

	if (status == RNM_OK)
		status = rnm_redis_reply(job->redis, &reply, ANSWER_MAX, err);
	if (status != RNM_OK)
		return status;
	if (reply->kind == RNM_EVENT_ERROR)
		status = rnm_transaction_refused(&job->change, command, reply->text.data, err);
	else if (reply->kind != RNM_EVENT_INTEGER)
		status = rnm_event_unexpected(command, err);
	*integer = reply->integer;
	rnm_reply_free(reply);
	return status;
}

/* Workers write the profile anew, and would write such a name in another way. */
static enum rnm_status check_key(const char *key, struct rnm_error *err)
{
	for (const char *c = key; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20)
			return rnm_error_set(err, RNM_E_REFUSED, "import.key",
			                     "expected prefix and settings id without control characters, "
			                     "found one in the name of the key");
	return RNM_OK;
}

static enum rnm_status name_key(struct rnm_importing *job, struct rnm_error *err)
{
	char *key =
	    rnm_rule_model_key(job->rule, job->options->settings, job->digest, (int64_t)job->import.version);

	job->import.key = key != NULL ? rnm_arena_strndup(&job->round, key, strlen(key)) : NULL;
	free(key);
	return job->import.key != NULL ? check_key(job->import.key, err) : rnm_error_nomem(err);
}

static enum rnm_status refuse_existing(const struct rnm_importing *job, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "import.exists", "the key %s is there already", job->import.key);
	rnm_error_set_hint(err,
	                   "a model is never replaced in place, because workers may be reading it: name a "
	                   "higher version with --model-version");
	return RNM_E_REFUSED;
}

/*
 * A key that is there without a profile may be loaded in some worker: it is stepped over, unless the user
 * wants this very version.
 */
static enum rnm_status find_free_key(struct rnm_importing *job, struct rnm_error *err)
{
	for (int tries = 0; tries < STRAY_KEYS_MAX && is_version(job->import.version); tries++) {
		int64_t exists = 0;
		enum rnm_status status = name_key(job, err);

		if (status == RNM_OK)
			status = rnm_transaction_watch(&job->change, 1,
			                               (const char *const[]){ job->import.key }, err);
		if (status == RNM_OK)
			status = ask_integer(job, "EXISTS", job->import.key, &exists, err);
		if (status != RNM_OK || exists == 0)
			return status;
		if (job->options->has_version)
			break;
		job->import.version += 1;
	}
	return refuse_existing(job, err);
}

/* ---- what becomes of the others ---- */

/* rspamd: lualib/redis_scripts/neural_maybe_invalidate.lua takes the lowest scores away. */
static enum rnm_status find_victims(struct rnm_importing *job, struct rnm_error *err)
{
	struct rnm_import *import = &job->import;
	const struct rnm_model_list *list = job->list;
	const double surplus = (double)list->count + 1 - floor(job->rule->max_profiles);
	size_t count = surplus > 0 ? (size_t)fmin(surplus, (double)list->count) : 0;

	import->victims = rnm_arena_alloc(&job->round, (count + 1) * sizeof(*import->victims));
	if (import->victims == NULL)
		return rnm_error_nomem(err);
	for (size_t i = list->count - count; i < list->count; i++) {
		const struct rnm_model *model = &list->models[i];
		const char *version = model->profile.version_text != NULL ? model->profile.version_text : "?";

		import->victims[import->victim_count++] = (struct rnm_import_victim){
			.key = model->profile.redis_key != NULL
			           ? rnm_arena_strndup(&job->round, model->profile.redis_key,
			                               strlen(model->profile.redis_key))
			           : NULL,
			.version = rnm_arena_strndup(&job->round, version, strlen(version)),
			.live = model->live,
			.served = i == list->served,
		};
	}
	return RNM_OK;
}

/* Workers look at the newest profiles only. */
static enum rnm_status check_window(const struct rnm_importing *job, struct rnm_error *err)
{
	const double now = rnm_clock_wall();
	size_t newer = 0;

	while (newer < job->list->count && job->list->models[newer].profile.score > now)
		newer++;
	if ((double)newer <= job->rule->max_profiles)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "import.window",
	              "%zu profiles in %s are dated in the future, and workers look at the newest %.0f only",
	              newer, job->import.zset, floor(job->rule->max_profiles) + 1);
	rnm_error_set_hint(err, "compare the clocks of this host and of the hosts that train");
	return RNM_E_REFUSED;
}

/*
 * Somebody has imported what workers serve.  That it is this very model can only be told when that one has been
 * looked at, unless the networks differ in length; without the right to ask for that it is looked at.
 */
static enum rnm_status look_if_alike(struct rnm_importing *job, const char *key, bool *alike,
                                     struct rnm_error *err)
{
	struct rnm_reply *reply;
	enum rnm_status status;

	*alike = true;
	if (!rnm_model_file_is_unread(job->file))
		return RNM_OK;
	status = rnm_redis_sendv(job->redis, err, "HSTRLEN", key, "ann", NULL);
	if (status == RNM_OK)
		status = rnm_redis_reply(job->redis, &reply, ANSWER_MAX, err);
	if (status != RNM_OK)
		return status;
	*alike = reply->kind != RNM_EVENT_INTEGER || (uint64_t)reply->integer == job->image->blob_len;
	rnm_reply_free(reply);
	return *alike ? rnm_import_judge(job, NULL, NULL, err) : RNM_OK;
}

/* What an import has called the model under this key; empty when none has written it. */
static enum rnm_status ask_content(struct rnm_importing *job, const char *key, char content[RNM_HASH_HEX],
                                   struct rnm_error *err)
{
	struct rnm_reply *reply;
	enum rnm_status status = rnm_redis_sendv(job->redis, err, "HMGET", key, "rnm_content", NULL);

	if (status == RNM_OK)
		status = rnm_redis_reply(job->redis, &reply, ANSWER_MAX, err);
	if (status != RNM_OK)
		return status;
	content[0] = '\0';
	if (reply->kind == RNM_EVENT_ARRAY && reply->count == 1 &&
	    reply->items[0].text.len == RNM_HASH_HEX - 1) {
		memcpy(content, reply->items[0].text.data, RNM_HASH_HEX - 1);
		content[RNM_HASH_HEX - 1] = '\0';
	}
	rnm_reply_free(reply);
	return RNM_OK;
}

/* Whether workers serve this very model, as an earlier import wrote it. */
static enum rnm_status find_present(struct rnm_importing *job, struct rnm_error *err)
{
	char content[RNM_HASH_HEX];
	const char *key;
	enum rnm_status status;
	bool alike;

	job->import.present = false;
	if (job->options->force || job->options->has_version || job->list->served >= job->list->count)
		return RNM_OK;
	key = job->list->models[job->list->served].profile.redis_key;
	status = ask_content(job, key, content, err);
	if (status != RNM_OK || content[0] == '\0')
		return status;
	status = look_if_alike(job, key, &alike, err);
	if (status != RNM_OK || !alike)
		return status;
	rnm_import_hash_content(job);
	job->import.present = strcmp(content, job->content) == 0;
	return RNM_OK;
}

static enum rnm_status write_member(struct rnm_importing *job, struct rnm_error *err)
{
	const struct rnm_profile_fields fields = {
		.digest = job->digest,
		.symbols = job->symbols,
		.symbol_count = job->symbol_count,
		.version = job->import.version,
		.redis_key = job->import.key,
		.providers_digest = job->rule->providers_used ? job->rule->digest : NULL,
	};
	struct rnm_buf text;

	rnm_buf_init(&text, RNM_PROFILE_MAX);
	rnm_profile_write(&text, &fields);
	if (!text.failed)
		job->import.member = rnm_arena_strndup(&job->round, rnm_buf_cstr(&text), text.len);
	rnm_buf_free(&text);
	return job->import.member != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* The model that workers serve already becomes the answer. */
static enum rnm_status point_at_present(struct rnm_importing *job, struct rnm_error *err)
{
	const struct rnm_profile *profile = &job->list->models[job->list->served].profile;

	job->import.version = profile->version;
	job->import.key = rnm_arena_strndup(&job->round, profile->redis_key, strlen(profile->redis_key));
	job->import.member = rnm_arena_strndup(&job->round, profile->member.data, profile->member.len);
	return job->import.key != NULL && job->import.member != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* Without a look at every key nobody can say what workers serve. */
static enum rnm_status check_keys(const struct rnm_importing *job, struct rnm_error *err)
{
	for (size_t i = 0; i < job->list->count; i++)
		if (job->list->models[i].key_error != NULL)
			return rnm_transaction_refused(&job->change, "HEXISTS",
			                               job->list->models[i].key_error, err);
	return RNM_OK;
}

enum rnm_status rnm_import_look(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status =
	    rnm_transaction_watch(&job->change, 1, (const char *const[]){ job->import.zset }, err);

	if (status == RNM_OK)
		status = rnm_store_list(&job->list, job->redis, job->rule, job->options->settings,
		                        RNM_LIST_ALIVE, err);
	if (status == RNM_OK)
		status = check_keys(job, err);
	if (status == RNM_OK)
		status = rnm_import_choose_symbols(job, err);
	if (status != RNM_OK)
		return status;
	find_known_version(job);
	status = find_present(job, err);
	if (status == RNM_OK && job->import.present)
		return point_at_present(job, err);
	if (status == RNM_OK)
		status = choose_version(job, err);
	if (status == RNM_OK)
		status = check_window(job, err);
	if (status == RNM_OK)
		status = check_locks(job, err);
	if (status == RNM_OK)
		status = find_free_key(job, err);
	if (status == RNM_OK)
		status = find_victims(job, err);
	return status == RNM_OK ? write_member(job, err) : status;
}

/* ---- afterwards ---- */

/* Whether workers will choose it, by the same judgement that `rnm list` shows. */
enum rnm_status rnm_import_find_ours(struct rnm_importing *job, struct rnm_error *err)
{
	const struct rnm_bytes member = rnm_bytes_of(job->import.member);
	enum rnm_status status;

	rnm_model_list_free(job->list);
	job->list = NULL;
	status =
	    rnm_store_list(&job->list, job->redis, job->rule, job->options->settings, RNM_LIST_ALIVE, err);
	if (status != RNM_OK)
		return status;
	for (size_t i = 0; i < job->list->count; i++) {
		if (!rnm_bytes_equal(job->list->models[i].profile.member, member))
			continue;
		job->import.served = i == job->list->served;
		job->import.served_why =
		    rnm_arena_strndup(&job->round, job->list->served_why, strlen(job->list->served_why));
		return job->import.served_why != NULL ? RNM_OK : rnm_error_nomem(err);
	}
	return rnm_import_differs(job, "its profile", err);
}
