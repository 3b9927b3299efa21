/* SPDX-License-Identifier: Apache-2.0 */
/* The profiles of one list: what workers make of them, and what will become of them. */
#include "base/grow.h"
#include "store/doctor.h"

#include "rspamd/keys.h"
#include "rspamd/profile.h"
#include "rspamd/rule_number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One list being judged. */
struct judging {
	struct rnm_doctor *d;
	const struct rnm_rule *rule;
	const struct rnm_model_list *list;
	struct rnm_key_facts *facts; /* by index of the model */
	struct rnm_key_facts pending;
};

bool rnm_profiles_equal(const struct rnm_profile *a, const struct rnm_profile *b)
{
	if (!a->worker_ok || !b->worker_ok || a->symbol_count != b->symbol_count || a->version < b->version ||
	    a->version > b->version || strcmp(a->digest, b->digest) != 0 ||
	    strcmp(a->redis_key, b->redis_key) != 0 ||
	    (a->providers_digest == NULL) != (b->providers_digest == NULL) ||
	    (a->providers_digest != NULL && strcmp(a->providers_digest, b->providers_digest) != 0))
		return false;
	for (size_t i = 0; i < a->symbol_count; i++)
		if (strcmp(a->symbols[i], b->symbols[i]) != 0)
			return false;
	return true;
}

/* ---- the list as a whole ------------------------------------------------------------------------------ */

static bool is_bare(const struct rnm_rule *rule)
{
	return rule->raw == NULL;
}

/* Once there was a model; a list that only waits for its first training is well. */
static bool had_model(const struct rnm_model_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->models[i].live || list->models[i].profile.version > 0)
			return true;
	return false;
}

/* Then nobody can tell what workers load; each such key is named by itself. */
static bool hides_key(const struct rnm_model_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->models[i].key_error != NULL)
			return true;
	return false;
}

static void judge_served(struct judging *j)
{
	struct rnm_health_finding *finding;

	if (is_bare(j->rule) || j->list->served != SIZE_MAX || !had_model(j->list) || hides_key(j->list))
		return;
	finding = rnm_doctor_find(j->d, RNM_DOCTOR_UNSERVED, j->list->zset,
	                          "workers have no model to load: %s", j->list->served_why);
	rnm_doctor_advise(j->d, finding, RNM_REMEDY_NONE,
	                  "bring a model back from a file or a backup, or let rspamd train a new one; those "
	                  "that run keep what is in their memory");
}

static bool ends_soon(int64_t ttl_ms, double limit)
{
	return ttl_ms >= 0 && (double)ttl_ms / 1000 < limit;
}

static void judge_expiry(struct judging *j)
{
	const struct rnm_model_list *list = j->list;
	const struct rnm_rule *rule = j->rule;
	const struct rnm_model *served;
	/* A lifetime below what was asked for must not be a finding for ever. */
	double limit =
	    rule->ann_expire > j->d->options->expiring ? j->d->options->expiring : rule->ann_expire / 4;
	struct rnm_health_finding *finding;
	char left[RNM_DURATION_MAX], whole[RNM_DURATION_MAX];
	bool list_ends;

	if (list->served == SIZE_MAX)
		return;
	served = &list->models[list->served];
	list_ends = ends_soon(list->zset_ttl_ms, limit);
	if (!list_ends && !ends_soon(served->ttl_ms, limit))
		return;
	list_ends = list_ends && !ends_soon(served->ttl_ms, (double)list->zset_ttl_ms / 1000);
	rnm_doctor_duration(left, (double)(list_ends ? list->zset_ttl_ms : served->ttl_ms) / 1000);
	rnm_doctor_duration(whole, rule->ann_expire);
	finding =
	    rnm_doctor_find(j->d, RNM_DOCTOR_EXPIRING, served->profile.redis_key,
	                    "version %s, which workers serve, %s in %s", served->profile.version_text,
	                    list_ends ? "can no longer be found when its list expires," : "expires", left);
	finding->seconds = rule->ann_expire;
	rnm_doctor_advise(j->d, finding, RNM_REMEDY_RENEW,
	                  "gives it ann_expire again, %s; rspamd does so only when it loads a model (rnm "
	                  "refresh does it from a timer)",
	                  whole);
}

/* ---- one profile ---------------------------------------------------------------------------------------- */

/* Nothing is under its key, and nothing is gathered for it. */
static bool is_bereft(const struct rnm_model *model, const struct rnm_key_facts *facts)
{
	return model->profile.redis_key == NULL ||
	       (!model->live && !model->wrong_type && model->key_error == NULL && facts->spam == 0 &&
	        facts->ham == 0);
}

static void set_profile(struct judging *j, struct rnm_health_finding *finding, const struct rnm_model *model)
{
	finding->member = rnm_doctor_keep_bytes(j->d, model->profile.member);
}

/* A profile that workers or the pruning script cannot read.  True when there is nothing more to say. */
static bool judge_form(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	const struct rnm_profile *profile = &model->profile;
	struct rnm_health_finding *finding;

	if (profile->json && profile->worker_ok)
		return false;
	finding = rnm_doctor_find(j->d, profile->json ? RNM_DOCTOR_SCHEMA : RNM_DOCTOR_NOT_JSON,
	                          profile->redis_key != NULL ? profile->redis_key : j->list->zset,
	                          "a profile in %s %s: %s", j->list->zset,
	                          profile->json ? "is invisible to workers" : "stops rspamd from pruning",
	                          profile->problem != NULL ? profile->problem : "not as rspamd writes it");
	set_profile(j, finding, model);
	if (profile->worker_ok)
		rnm_doctor_advise(j->d, finding, RNM_REMEDY_WRITE_PROFILE, "writes it as rspamd does");
	else if (is_bereft(model, &j->facts[index]))
		rnm_doctor_advise(j->d, finding, RNM_REMEDY_DROP_PROFILE,
		                  "removes the profile, behind which there is nothing");
	else
		rnm_doctor_advise(j->d, finding, RNM_REMEDY_NONE,
		                  "its key holds something: look at it, then write a profile that workers "
		                  "accept, or remove this one with ZREM");
	return true;
}

static bool names_key(const struct rnm_profile *profile, const char *key)
{
	return key != NULL && profile->redis_key != NULL && strcmp(profile->redis_key, key) == 0;
}

/* The first other profile of the same key; SIZE_MAX: none. */
static size_t find_twin(const struct rnm_model_list *list, size_t index)
{
	const char *key = list->models[index].profile.redis_key;

	for (size_t i = 0; i < list->count; i++)
		if (i != index && names_key(&list->models[i].profile, key))
			return i;
	return SIZE_MAX;
}

static bool twins_agree(const struct rnm_model_list *list, size_t index)
{
	const struct rnm_profile *profile = &list->models[index].profile;

	for (size_t i = 0; i < list->count; i++)
		if (names_key(&list->models[i].profile, profile->redis_key) &&
		    !rnm_profiles_equal(&list->models[i].profile, profile))
			return false;
	return true;
}

/* A profile without anything behind it, old enough that no training is about to begin. */
static bool is_tombstone(const struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	const struct rnm_key_facts *facts = &j->facts[index];
	double now = j->d->options->now;

	return is_bereft(model, facts) &&
	       !(facts->has_lock && rnm_lock_holds(facts->lock, now, rnm_lock_seconds(j->rule))) &&
	       model->profile.score < now - rnm_tombstone_seconds(j->rule);
}

/* Nothing but a network of no bytes, at which workers stop. */
static bool is_empty(const struct rnm_model *model, const struct rnm_key_facts *facts)
{
	return !model->wrong_type && !facts->spam_type && !facts->ham_type && model->key_error == NULL &&
	       model->live && model->has_ann_size && model->ann_size == 0;
}

/* To be removed, however it is written. */
static bool is_lost(const struct judging *j, size_t index)
{
	const struct rnm_key_facts *facts = &j->facts[index];

	return is_tombstone(j, index) ||
	       (is_empty(&j->list->models[index], facts) && facts->spam == 0 && facts->ham == 0);
}

static void judge_twin(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	size_t twin = find_twin(j->list, index);
	struct rnm_health_finding *finding;

	/* Named once, at the newest. */
	if (twin == SIZE_MAX || twin < index || (is_lost(j, index) && is_lost(j, twin)))
		return;
	finding = rnm_doctor_find(j->d, RNM_DOCTOR_TWIN, model->profile.redis_key,
	                          "two profiles in %s name this key: when rspamd prunes the older one, it "
	                          "deletes the model",
	                          j->list->zset);
	set_profile(j, finding, model);
	if (twins_agree(j->list, index))
		rnm_doctor_advise(j->d, finding, RNM_REMEDY_WRITE_PROFILE,
		                  "keeps one, written as rspamd does, with the newest time");
	else
		rnm_doctor_advise(
		    j->d, finding, RNM_REMEDY_NONE,
		    "they differ: find out which one tells the truth, and remove the other with "
		    "ZREM");
}

static bool is_canonical(struct judging *j, const struct rnm_profile *profile)
{
	struct rnm_buf text;
	bool same;

	rnm_buf_init(&text, RNM_PROFILE_MAX * 2);
	rnm_profile_rewrite(&text, profile);
	same = text.len == profile->member.len && memcmp(text.data, profile->member.data, text.len) == 0;
	j->d->no_memory = j->d->no_memory || text.failed;
	rnm_buf_free(&text);
	return same;
}

static void judge_writing(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	struct rnm_health_finding *finding;

	/* What is done about twins settles this too. */
	if (find_twin(j->list, index) != SIZE_MAX || is_lost(j, index) || is_canonical(j, &model->profile))
		return;
	finding = rnm_doctor_find(j->d, RNM_DOCTOR_NOT_CANONICAL, model->profile.redis_key,
	                          "the profile of version %s is not written as rspamd writes it: its first "
	                          "loading adds a twin, and pruning the older one deletes the model",
	                          model->profile.version_text);
	set_profile(j, finding, model);
	rnm_doctor_advise(j->d, finding, RNM_REMEDY_WRITE_PROFILE, "writes it as rspamd does");
}

static void judge_tombstone(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	struct rnm_health_finding *finding;

	if (!is_tombstone(j, index))
		return;
	finding =
	    rnm_doctor_find(j->d, RNM_DOCTOR_TOMBSTONE, model->profile.redis_key,
	                    "version %s has neither a network (expired?) nor training vectors%s",
	                    model->profile.version_text,
	                    model->in_window ? ", yet takes one of the places that workers look at" : "");
	set_profile(j, finding, model);
	finding->seconds = rnm_tombstone_seconds(j->rule);
	rnm_doctor_advise(j->d, finding, RNM_REMEDY_DROP_PROFILE,
	                  "removes the profile and what is left under its key");
}

/* Of twins each, because each has to go. */
static void judge_empty(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	const struct rnm_key_facts *facts = &j->facts[index];
	struct rnm_health_finding *finding;

	if (!is_empty(model, facts))
		return;
	finding = rnm_doctor_find(j->d, RNM_DOCTOR_EMPTY, model->profile.redis_key,
	                          "the network of version %s has no bytes: workers that choose it stop "
	                          "there and load no other model",
	                          model->profile.version_text);
	set_profile(j, finding, model);
	if (facts->spam == 0 && facts->ham == 0)
		rnm_doctor_advise(j->d, finding, RNM_REMEDY_DROP_PROFILE,
		                  "removes the profile and the empty key");
	else
		rnm_doctor_advise(j->d, finding, RNM_REMEDY_NONE,
		                  "vectors are gathered for it: HDEL the field ann, so that workers "
		                  "pass it over");
}

static void judge_key(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	const struct rnm_key_facts *facts = &j->facts[index];
	const char *key = model->profile.redis_key;
	struct rnm_health_finding *finding = NULL;

	if (model->wrong_type || facts->spam_type || facts->ham_type) {
		finding = rnm_doctor_find(j->d, RNM_DOCTOR_WRONG_TYPE, key,
		                          model->wrong_type ? "the key is not a hash, as models are"
		                                            : "its training sets are not sets");
		rnm_doctor_advise(j->d, finding, RNM_REMEDY_NONE,
		                  "something else uses the name: find out what, and rename or delete it");
	} else if (model->key_error != NULL) {
		finding = rnm_doctor_find(j->d, RNM_DOCTOR_UNREADABLE, key, "Redis does not show the key: %s",
		                          model->key_error);
		rnm_doctor_advise(j->d, finding, RNM_REMEDY_NONE, "%s",
		                  j->list->key_hint != NULL ? j->list->key_hint : "see what Redis says");
	}
}

static void judge_digest(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	struct rnm_health_finding *finding;

	if (is_bare(j->rule) || !model->live || model->digest_match == RNM_DIGEST_SAME ||
	    (model->digest_match == RNM_DIGEST_MISSING && !j->rule->providers_used))
		return;
	finding = rnm_doctor_find(j->d, RNM_DOCTOR_DIGEST, model->profile.redis_key,
	                          "version %s was trained for the inputs %s, the configuration describes %s",
	                          model->profile.version_text,
	                          model->profile.providers_digest != NULL ? model->profile.providers_digest
	                                                                  : "of symbols alone",
	                          j->rule->has_providers ? j->rule->digest : "symbols alone");
	rnm_doctor_advise(j->d, finding, RNM_REMEDY_NONE,
	                  "if the change was meant, leave it to expire; else compare with rnm digest "
	                  "--explain");
}

static void judge_shadow(struct judging *j, size_t index)
{
	const struct rnm_model_list *list = j->list;
	const struct rnm_model *model = &list->models[index];
	struct rnm_health_finding *finding;

	if (is_bare(j->rule) || !model->live || model->in_window || !model->profile.worker_ok ||
	    model->digest_match != RNM_DIGEST_SAME)
		return;
	if (list->served != SIZE_MAX && model->profile.version <= list->models[list->served].profile.version)
		return;
	finding =
	    rnm_doctor_find(j->d, RNM_DOCTOR_SHADOWED, model->profile.redis_key,
	                    "version %s would be served, but is not among the newest %.0f profiles that "
	                    "workers look at",
	                    model->profile.version_text, floor(j->rule->max_profiles) + 1);
	rnm_doctor_advise(
	    j->d, finding, RNM_REMEDY_NONE,
	    "remove tombstones before it, or raise neural.max_profiles, before rspamd prunes it");
}

static void judge_lock(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	const struct rnm_key_facts *facts = &j->facts[index];
	double now = j->d->options->now, lifetime = rnm_lock_seconds(j->rule);
	struct rnm_health_finding *finding;
	char age[RNM_DURATION_MAX];

	/* With a tombstone its lock goes too. */
	if (!facts->has_lock || rnm_lock_holds(facts->lock, now, lifetime) || is_tombstone(j, index))
		return;
	rnm_doctor_duration(age, fabs(now - facts->lock));
	finding = rnm_doctor_find(j->d, RNM_DOCTOR_DEAD_LOCK, model->profile.redis_key,
	                          "the lock of %s is dated %s %s",
	                          facts->host[0] != '\0' ? facts->host : "a training", age,
	                          facts->lock < now ? "ago, so that nobody trains any more" : "ahead");
	finding->seconds = lifetime;
	rnm_doctor_advise(j->d, finding, RNM_REMEDY_UNLOCK, "removes the lock");
}

/* ---- training ------------------------------------------------------------------------------------------- */

static enum rnm_status judge_vectors(struct judging *j, struct rnm_error *err)
{
	struct rnm_doctor *d = j->d;
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i <= j->list->count; i++) {
		bool is_pending = i == j->list->count;
		const struct rnm_key_facts *facts = is_pending ? &j->pending : &j->facts[i];
		const char *key = is_pending ? NULL : j->list->models[i].profile.redis_key;
		char *spam, *ham;

		if ((!is_pending && key == NULL) || (facts->spam <= 0 && facts->ham <= 0))
			continue;
		/* Twins share their sets. */
		if (!is_pending && find_twin(j->list, i) < i)
			continue;
		spam = is_pending ? rnm_pending_key(j->rule, j->list->settings, "spam")
		                  : rnm_training_key(key, "spam");
		ham = is_pending ? rnm_pending_key(j->rule, j->list->settings, "ham")
		                 : rnm_training_key(key, "ham");
		if (spam == NULL || ham == NULL)
			status = rnm_error_nomem(err);
		else if (facts->spam > 0)
			status = rnm_doctor_widths(d, spam, facts->ham > 0 ? ham : NULL, err);
		else
			status = rnm_doctor_widths(d, ham, NULL, err);
		free(spam);
		free(ham);
	}
	return status;
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

/* For finding the same network under two names. */
static void remember_network(struct judging *j, const struct rnm_model *model)
{
	struct rnm_doctor_network *grown;
	struct rnm_doctor *d = j->d;

	if (!model->live || !model->has_ann_size || model->ann_size == 0)
		return;
	grown = rnm_grow(d->networks, d->network_count, &d->network_cap, sizeof(*grown));
	if (grown == NULL) {
		d->no_memory = true;
		return;
	}
	d->networks = grown;
	d->networks[d->network_count++] =
	    (struct rnm_doctor_network){ .rule = d->rule,
		                         .settings = d->settings,
		                         .key = rnm_doctor_keep(d, model->profile.redis_key),
		                         .size = model->ann_size };
}

static void judge_profile(struct judging *j, size_t index)
{
	const struct rnm_model *model = &j->list->models[index];
	const char *key = model->profile.redis_key;
	bool is_new;

	j->d->report->models += model->live;
	if (key != NULL && !rnm_seen_add(&j->d->named, key, strlen(key), &is_new))
		j->d->no_memory = true;
	if (judge_form(j, index))
		return;
	judge_twin(j, index);
	judge_writing(j, index);
	judge_tombstone(j, index);
	judge_empty(j, index);
	/* What is under the key has been said of the newest profile that names it. */
	if (find_twin(j->list, index) < index)
		return;
	judge_key(j, index);
	judge_digest(j, index);
	judge_shadow(j, index);
	judge_lock(j, index);
	rnm_doctor_balance(j->d, j->rule, key, &j->facts[index]);
	remember_network(j, model);
}

enum rnm_status rnm_doctor_profiles(struct rnm_doctor *d, const struct rnm_rule *rule,
                                    const struct rnm_model_list *list, struct rnm_error *err)
{
	struct judging j = { .d = d, .rule = rule, .list = list };
	enum rnm_status status;

	j.facts = calloc(list->count + 1, sizeof(*j.facts));
	if (j.facts == NULL)
		return rnm_error_nomem(err);
	status = rnm_doctor_ask(d, rule, list, j.facts, &j.pending, err);
	if (status == RNM_OK) {
		judge_served(&j);
		judge_expiry(&j);
		for (size_t i = 0; i < list->count; i++)
			judge_profile(&j, i);
		status = judge_vectors(&j, err);
	}
	free(j.facts);
	return status;
}
