/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the profiles of one sorted set: two pipelined round trips, whatever their number.
 */
#include "base/number.h"
#include "base/value_build.h"
#include "redis/refusal.h"
#include "store/events.h"
#include "store/model.h"

#include <stdlib.h>
#include <string.h>

/* A worker's own symbol list makes a member of some 50 KiB; nothing real comes near these. */
#define MEMBER_MAX ((size_t)16 << 20)
#define MEMBERS_MAX ((size_t)1000000)
#define FIRST_MODELS ((size_t)16)

struct listing {
	struct rnm_redis *redis;
	const char *global; /* neural.prefix */
	struct rnm_model_list *list;
	size_t cap;
	enum rnm_list_detail detail;
	struct rnm_buf member; /* used again for each */
	struct rnm_buf text;   /* scores and error texts */
};

static enum rnm_status zset_error(const struct listing *listing, const char *text, struct rnm_error *err)
{
	const struct rnm_refused what = { .redis = listing->redis,
		                          .command = "ZREVRANGE",
		                          .global = listing->global };

	rnm_error_set(err, RNM_E_REDIS, "store.zset", "cannot list the models in %s: %s", listing->list->zset,
	              text);
	rnm_error_set_reference(err, "failed to list models: %s", text);
	if (strncmp(text, "WRONGTYPE", 9) == 0)
		rnm_error_set_hint(err,
		                   "this key is no list of models: something else uses the name; compare "
		                   "neural.prefix and the rule's prefix, or rename the other key");
	rnm_refusal_explain(err, &what, text);
	return RNM_E_REDIS;
}

static struct rnm_model *new_model(struct listing *listing)
{
	struct rnm_model_list *list = listing->list;
	struct rnm_model *model;

	if (list->count == listing->cap) {
		size_t cap = listing->cap == 0 ? FIRST_MODELS : listing->cap * 2;
		struct rnm_model *grown = realloc(list->models, cap * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		list->models = grown;
		listing->cap = cap;
	}
	model = &list->models[list->count];
	memset(model, 0, sizeof(*model));
	model->ttl_ms = RNM_TTL_UNKNOWN;
	return model;
}

/* The score: a bulk in RESP2, a double in RESP3. */
static enum rnm_status read_score(struct listing *listing, double *score, struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(listing->redis, &event, err);

	if (status != RNM_OK)
		return status;
	*score = event.real;
	if (event.kind == RNM_EVENT_DOUBLE)
		return RNM_OK;
	if (event.kind != RNM_EVENT_BULK_BEGIN)
		return rnm_event_unexpected("ZREVRANGE", err);
	status = rnm_event_bulk(listing->redis, &event, &listing->text, "a score", err);
	if (status == RNM_OK)
		*score = rnm_strtod(rnm_buf_cstr(&listing->text), NULL);
	return status;
}

/* What is to be known about the hash of a profile. */
static enum rnm_status ask_key(struct listing *listing, const char *key, struct rnm_error *err)
{
	enum rnm_status status = rnm_event_send(listing->redis, "HEXISTS", key, "ann", err);

	if (listing->detail == RNM_LIST_ALIVE || status != RNM_OK)
		return status;
	status = rnm_event_send(listing->redis, "HSTRLEN", key, "ann", err);
	return status == RNM_OK ? rnm_event_send(listing->redis, "PTTL", key, NULL, err) : status;
}

static enum rnm_status read_member(struct listing *listing, struct rnm_error *err)
{
	struct rnm_event event;
	struct rnm_model *model;
	double score = 0;
	enum rnm_status status = rnm_redis_next(listing->redis, &event, err);

	if (status == RNM_OK && event.kind != RNM_EVENT_BULK_BEGIN)
		status = rnm_event_unexpected("ZREVRANGE", err);
	if (status == RNM_OK)
		status = rnm_event_bulk(listing->redis, &event, &listing->member, "one profile", err);
	if (status == RNM_OK)
		status = read_score(listing, &score, err);
	if (status != RNM_OK)
		return status;
	model = new_model(listing);
	if (model == NULL)
		return rnm_error_nomem(err);
	status = rnm_profile_parse(&model->profile,
	                           (struct rnm_bytes){ rnm_buf_cstr(&listing->member), listing->member.len },
	                           score, err);
	if (status != RNM_OK)
		return status;
	listing->list->count++;
	/* Asked as soon as it is known what to ask: Redis answers while the next profiles are parsed. */
	return model->profile.redis_key != NULL ? ask_key(listing, model->profile.redis_key, err) : RNM_OK;
}

static enum rnm_status read_members(struct listing *listing, uint64_t count, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (count > MEMBERS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "store.too-many",
		                     "expected at most %zu profiles in %s, found %llu", MEMBERS_MAX,
		                     listing->list->zset, (unsigned long long)count);
	for (uint64_t i = 0; i < count && status == RNM_OK; i++)
		status = read_member(listing, err);
	return status;
}

/* [member, score, member, score, ...] */
static enum rnm_status read_zset(struct listing *listing, struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(listing->redis, &event, err);

	if (status != RNM_OK)
		return status;
	if (event.kind == RNM_EVENT_ERROR) {
		rnm_buf_clear(&listing->text);
		rnm_buf_append(&listing->text, event.data.data, event.data.len);
		return zset_error(listing, rnm_buf_cstr(&listing->text), err);
	}
	if (event.kind == RNM_EVENT_NIL)
		return RNM_OK;
	if (event.kind != RNM_EVENT_ARRAY || event.length % 2 != 0)
		return rnm_event_unexpected("ZREVRANGE", err);
	return read_members(listing, event.length / 2, err);
}

static enum rnm_status first_trip(struct listing *listing, struct rnm_error *err)
{
	struct rnm_model_list *list = listing->list;
	bool full = listing->detail == RNM_LIST_FULL, refused;
	struct rnm_error zset_failure;
	enum rnm_status status, second = RNM_OK;

	status = rnm_redis_sendv(listing->redis, err, "ZREVRANGE", list->zset, "0", "-1", "WITHSCORES", NULL);
	if (status == RNM_OK && full)
		status = rnm_event_send(listing->redis, "PTTL", list->zset, NULL, err);
	if (status != RNM_OK)
		return status;
	status = read_zset(listing, &zset_failure);
	/* After an error reply the connection is fine, once the second answer has been taken from it. */
	if (full && (status == RNM_OK || status == RNM_E_REDIS))
		second = rnm_event_integer(listing->redis, "PTTL", &list->zset_ttl_ms, &refused,
		                           &listing->text, err);
	if (status != RNM_OK && err != NULL)
		*err = zset_failure;
	return status != RNM_OK ? status : second;
}

/* What to do about an error reply to HEXISTS, the text of which is in the buffer: once for the list. */
static enum rnm_status keep_hint(struct listing *listing, struct rnm_error *err)
{
	const struct rnm_refused what = { .redis = listing->redis,
		                          .command = "HEXISTS",
		                          .global = listing->global };
	struct rnm_error advice;

	if (listing->list->key_hint != NULL)
		return RNM_OK;
	rnm_error_clear(&advice);
	rnm_refusal_hint(&advice, &what, rnm_buf_cstr(&listing->text));
	if (advice.hint[0] == '\0')
		return RNM_OK;
	listing->list->key_hint = strdup(advice.hint);
	return listing->list->key_hint != NULL ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status read_alive(struct listing *listing, struct rnm_model *model, struct rnm_error *err)
{
	int64_t exists = 0;
	bool refused;
	enum rnm_status status =
	    rnm_event_integer(listing->redis, "HEXISTS", &exists, &refused, &listing->text, err);

	if (status != RNM_OK)
		return status;
	model->live = exists == 1;
	if (!refused)
		return RNM_OK;
	if (strncmp(rnm_buf_cstr(&listing->text), "WRONGTYPE", 9) == 0) {
		model->wrong_type = true;
		return RNM_OK;
	}
	model->key_error = strdup(rnm_buf_cstr(&listing->text));
	return model->key_error != NULL ? keep_hint(listing, err) : rnm_error_nomem(err);
}

static enum rnm_status read_key(struct listing *listing, struct rnm_model *model, struct rnm_error *err)
{
	enum rnm_status status = read_alive(listing, model, err);
	int64_t size = -1;
	bool refused;

	if (listing->detail == RNM_LIST_ALIVE || status != RNM_OK)
		return status;
	status = rnm_event_integer(listing->redis, "HSTRLEN", &size, &refused, &listing->text, err);
	if (status != RNM_OK)
		return status;
	model->has_ann_size = size >= 0 && model->live;
	model->ann_size = model->has_ann_size ? (uint64_t)size : 0;
	return rnm_event_integer(listing->redis, "PTTL", &model->ttl_ms, &refused, &listing->text, err);
}

/* The answers to ask_key, in the same order. */
static enum rnm_status second_trip(struct listing *listing, struct rnm_error *err)
{
	struct rnm_model_list *list = listing->list;
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; i < list->count && status == RNM_OK; i++)
		if (list->models[i].profile.redis_key != NULL)
			status = read_key(listing, &list->models[i], err);
	return status;
}

enum rnm_status rnm_store_list(struct rnm_model_list **out, struct rnm_redis *redis,
                               const struct rnm_rule *rule, const char *settings, enum rnm_list_detail detail,
                               struct rnm_error *err)
{
	struct rnm_model_list *list = calloc(1, sizeof(*list));
	struct listing listing = { .redis = redis, .global = rule->global, .list = list, .detail = detail };
	enum rnm_status status = RNM_OK;

	if (list == NULL)
		return rnm_error_nomem(err);
	rnm_buf_init(&listing.member, MEMBER_MAX);
	rnm_buf_init(&listing.text, MEMBER_MAX);
	list->zset_ttl_ms = RNM_TTL_UNKNOWN;
	list->zset = rnm_rule_zset(rule, settings);
	list->settings = strdup(settings);
	if (list->zset == NULL || list->settings == NULL)
		status = rnm_error_nomem(err);
	if (status == RNM_OK)
		status = first_trip(&listing, err);
	if (status == RNM_OK)
		status = second_trip(&listing, err);
	if (status == RNM_OK)
		status = rnm_model_list_judge(list, rule, err);
	rnm_buf_free(&listing.member);
	rnm_buf_free(&listing.text);
	if (status != RNM_OK) {
		rnm_model_list_free(list);
		return status;
	}
	*out = list;
	return RNM_OK;
}

void rnm_model_list_free(struct rnm_model_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		rnm_profile_clear(&list->models[i].profile);
		free(list->models[i].key_error);
		free(list->models[i].verdict);
	}
	free(list->models);
	free(list->served_why);
	free(list->key_hint);
	free(list->zset);
	free(list->settings);
	free(list);
}
