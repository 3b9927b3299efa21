/* SPDX-License-Identifier: Apache-2.0 */
/* Training sets, member by member; never SMEMBERS, whose one answer holds all of them. */
#include "base/seen.h"
#include "format/vectors.h"
#include "format/zstd.h"
#include "redis/refusal.h"
#include "rspamd/keys.h"
#include "store/events.h"

#include <rnm/training.h>
#include <stdlib.h>
#include <string.h>

#define TRAINING_SEPARATOR ';' /* rspamd: src/plugins/lua/neural.lua */

enum rnm_status rnm_training_decode(struct rnm_bytes member, double *values, size_t count,
                                    struct rnm_error *err)
{
	struct rnm_numbers numbers = { .values = values, .cap = count, .room = count };
	struct rnm_buf text;
	enum rnm_status status;

	rnm_buf_init(&text, RNM_TRAINING_EXPANDED_MAX);
	status = rnm_zstd_expand(&text, member.data, member.len, "the vector", err);
	if (status == RNM_OK)
		status = rnm_numbers_joined(rnm_buf_cstr(&text), rnm_buf_cstr(&text) + text.len,
		                            TRAINING_SEPARATOR, &numbers, err);
	if (status == RNM_OK && numbers.count != count)
		status = rnm_error_set(err, RNM_E_MALFORMED, "vector.length",
		                       "expected %zu numbers, found %zu", count, numbers.count);
	rnm_buf_free(&text);
	return status;
}

/* ---- members that have been there before ---- */

/* Whether the member is new, which it then no longer is. */
static enum rnm_status remember(struct rnm_seen *seen, struct rnm_bytes member, bool *is_new,
                                struct rnm_error *err)
{
	return rnm_seen_add(seen, member.data, member.len, is_new) ? RNM_OK : rnm_error_nomem(err);
}

/* ---- reading ---- */

struct reading {
	struct rnm_redis *redis;
	enum rnm_class class_;
	struct rnm_training_set *set;
	struct rnm_seen seen; /* of the class */
	size_t named;         /* of it, duplicates too: a server may go on with one vector for ever */
	struct rnm_buf member;
	double *values;
	size_t count;
	rnm_training_sink *sink;
	void *ctx;
};

static enum rnm_status take_member(void *ctx, struct rnm_error *err)
{
	struct reading *reading = ctx;
	const struct rnm_bytes member = { rnm_buf_cstr(&reading->member), reading->member.len };
	struct rnm_error problem;
	enum rnm_status status;
	bool is_new = false;

	if (reading->named++ == RNM_TRAINING_VECTORS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "training.too-many",
		                     "expected at most %zu vectors of one class, found more",
		                     RNM_TRAINING_VECTORS_MAX);
	status = remember(&reading->seen, member, &is_new, err);
	if (status != RNM_OK)
		return status;
	if (!is_new) {
		reading->set->duplicates++;
		return RNM_OK;
	}
	status = rnm_training_decode(member, reading->values, reading->count, &problem);
	if (status == RNM_OK)
		status =
		    reading->sink(reading->ctx, reading->class_, reading->values, reading->count, &problem);
	if (status == RNM_OK) {
		reading->set->vectors++;
		return RNM_OK;
	}
	if (status != RNM_E_MALFORMED) {
		if (err != NULL)
			*err = problem;
		return status;
	}
	if (reading->set->bad++ == 0)
		reading->set->problem = problem;
	return RNM_OK;
}

static enum rnm_status refused(const struct reading *reading, struct rnm_error *err)
{
	const struct rnm_refused what = { .redis = reading->redis, .command = "SSCAN" };
	const char *answer = rnm_buf_cstr(&reading->member);

	rnm_error_set(err, RNM_E_REDIS, "training.refused", "cannot read the training set %s: %s",
	              reading->set->key, answer);
	rnm_refusal_hint(err, &what, answer);
	return RNM_E_REDIS;
}

static enum rnm_status read_set(struct reading *reading, struct rnm_error *err)
{
	const struct rnm_key_walk walk = {
		.redis = reading->redis,
		.command = "SSCAN",
		.key = reading->set->key,
		.text = &reading->member,
		.what = "a training vector",
		.take = take_member,
		.ctx = reading,
		.endless = "training.too-many",
	};
	enum rnm_status status = rnm_event_walk(&walk, err);

	return status == RNM_NO ? refused(reading, err) : status;
}

/* Both sets of one class, as their union. */
static enum rnm_status read_class(struct reading *reading, enum rnm_class class_,
                                  struct rnm_training_set *sets, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	reading->class_ = class_;
	reading->seen = (struct rnm_seen){ 0 };
	reading->named = 0;
	for (size_t i = 0; status == RNM_OK && i < RNM_TRAINING_SETS; i++) {
		reading->set = &sets[i];
		status = read_set(reading, err);
	}
	rnm_seen_free(&reading->seen);
	return status;
}

static bool name_sets(struct rnm_training_set sets[RNM_TRAINING_SETS], const struct rnm_rule *rule,
                      const char *settings, const char *model_key, const char *class_)
{
	sets[0].key = rnm_training_key(model_key, class_);
	sets[1].key = rnm_pending_key(rule, settings, class_);
	return sets[0].key != NULL && sets[1].key != NULL;
}

enum rnm_status rnm_training_read(struct rnm_training_sets **out, struct rnm_redis *redis,
                                  const struct rnm_rule *rule, const char *settings, const char *model_key,
                                  size_t count, rnm_training_sink *sink, void *ctx, struct rnm_error *err)
{
	struct rnm_training_sets *sets = calloc(1, sizeof(*sets));
	struct reading reading = { .redis = redis, .count = count, .sink = sink, .ctx = ctx };
	enum rnm_status status = RNM_OK;

	if (sets == NULL)
		return rnm_error_nomem(err);
	reading.values = calloc(count > 0 ? count : 1, sizeof(*reading.values));
	rnm_buf_init(&reading.member, RNM_TRAINING_MEMBER_MAX);
	if (reading.values == NULL || !name_sets(sets->spam, rule, settings, model_key, "spam") ||
	    !name_sets(sets->ham, rule, settings, model_key, "ham"))
		status = rnm_error_nomem(err);
	if (status == RNM_OK)
		status = read_class(&reading, RNM_CLASS_SPAM, sets->spam, err);
	if (status == RNM_OK)
		status = read_class(&reading, RNM_CLASS_HAM, sets->ham, err);
	rnm_buf_free(&reading.member);
	free(reading.values);
	if (status == RNM_OK)
		*out = sets;
	else
		rnm_training_sets_free(sets);
	return status;
}

void rnm_training_sets_free(struct rnm_training_sets *sets)
{
	if (sets == NULL)
		return;
	for (size_t i = 0; i < RNM_TRAINING_SETS; i++) {
		free(sets->spam[i].key);
		free(sets->ham[i].key);
	}
	free(sets);
}
