/* SPDX-License-Identifier: Apache-2.0 */
/* Every list of models: whose it is, and which keys it names. */
#include "store/doctor.h"

#include "base/value_build.h"
#include "redis/refusal.h"
#include "rspamd/profile.h"
#include "store/events.h"

#include <stdlib.h>
#include <string.h>

/* Names whose type is asked for at once. */
#define TYPE_BATCH 256
#define MEMBERS_MAX ((size_t)1000000)

/* ---- keys that profiles name ------------------------------------------------------------------------ */

struct naming {
	struct rnm_seen *named;
	struct rnm_buf text;
	size_t count;
	bool is_score; /* members and scores come by turns */
};

static enum rnm_status take_member(void *ctx, struct rnm_error *err)
{
	struct naming *naming = ctx;
	struct rnm_profile profile = { 0 };
	enum rnm_status status = RNM_OK;
	bool is_new;

	naming->is_score = !naming->is_score;
	if (!naming->is_score)
		return RNM_OK;
	if (naming->count++ == MEMBERS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "store.too-many",
		                     "expected at most %zu profiles in one list, found more", MEMBERS_MAX);
	status =
	    rnm_profile_parse(&profile, (struct rnm_bytes){ rnm_buf_cstr(&naming->text), naming->text.len },
	                      0, err);
	if (status == RNM_OK && profile.redis_key != NULL &&
	    !rnm_seen_add(naming->named, profile.redis_key, strlen(profile.redis_key), &is_new))
		status = rnm_error_nomem(err);
	rnm_profile_clear(&profile);
	return status;
}

/* Each answer begins with a member, whatever the last one ended with. */
static enum rnm_status begin_batch(void *ctx, struct rnm_error *err)
{
	struct naming *naming = ctx;

	(void)err;
	naming->is_score = false;
	return RNM_OK;
}

enum rnm_status rnm_names_of_list(struct rnm_seen *named, struct rnm_redis *redis, const char *zset,
                                  struct rnm_error *err)
{
	struct naming naming = { .named = named };
	const struct rnm_key_walk walk = {
		.redis = redis,
		.command = "ZSCAN",
		.key = zset,
		.text = &naming.text,
		.what = "one profile",
		.take = take_member,
		.batch = begin_batch,
		.ctx = &naming,
		.endless = "store.too-many",
	};
	enum rnm_status status;

	rnm_buf_init(&naming.text, RNM_PROFILE_MAX);
	status = rnm_event_walk(&walk, err);
	if (status == RNM_NO) {
		const struct rnm_refused what = { .redis = redis, .command = "ZSCAN" };

		rnm_error_set(err, RNM_E_REDIS, "doctor.refused", "cannot read the list %s: %s", zset,
		              rnm_buf_cstr(&naming.text));
		rnm_refusal_explain(err, &what, rnm_buf_cstr(&naming.text));
		status = RNM_E_REDIS;
	}
	rnm_buf_free(&naming.text);
	return status;
}

/* ---- whose list ------------------------------------------------------------------------------------- */

/* Adds a rule, which then belongs to d; NULL: no memory. */
static const struct rnm_rule *add_rule(struct rnm_doctor *d, struct rnm_rule *rule)
{
	struct rnm_rule **grown = realloc(d->rules, (d->rule_count + 1) * sizeof(*grown));

	if (grown == NULL) {
		rnm_rule_free(rule);
		return NULL;
	}
	d->rules = grown;
	d->rules[d->rule_count++] = rule;
	return rule;
}

/* The rule of a prefix; one that no configuration knows gets a bare rule.  NULL: no memory. */
static const struct rnm_rule *rule_of(struct rnm_doctor *d, struct rnm_bytes prefix)
{
	struct rnm_rule *rule = NULL;

	for (size_t i = 0; i < d->rule_count; i++)
		if (rnm_bytes_equal(rnm_bytes_of(d->rules[i]->prefix), prefix))
			return d->rules[i];
	rnm_buf_clear(&d->text);
	rnm_buf_append(&d->text, prefix.data, prefix.len);
	if (d->text.failed || rnm_rule_bare(&rule, d->global, rnm_buf_cstr(&d->text), NULL) != RNM_OK)
		return NULL;
	return add_rule(d, rule);
}

static enum rnm_status split_name(struct rnm_doctor *d, const char *name, struct rnm_bytes *prefix,
                                  struct rnm_bytes *settings, bool *is_ours, struct rnm_error *err)
{
	char **known = calloc(d->configured + 1, sizeof(*known));

	if (known == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < d->configured; i++)
		known[i] = d->rules[i]->prefix;
	*is_ours = rnm_zset_split((struct rnm_bytes){ name, strlen(name) }, d->global, known, d->configured,
	                          prefix, settings);
	free(known);
	return RNM_OK;
}

/* G_P, with which the names of its pending sets begin. */
static enum rnm_status use_prefix(struct rnm_doctor *d, const struct rnm_rule *rule, struct rnm_error *err)
{
	bool is_new;

	rnm_buf_clear(&d->text);
	rnm_buf_printf(&d->text, "%s_%s", d->global, rule->prefix);
	if (d->text.failed || !rnm_seen_add(&d->prefixes, rnm_buf_cstr(&d->text), d->text.len, &is_new))
		return rnm_error_nomem(err);
	return RNM_OK;
}

/* ---- one list --------------------------------------------------------------------------------------- */

/* A list that cannot be read whole is named, and its keys count as named by it. */
static enum rnm_status too_crowded(struct rnm_doctor *d, const struct rnm_rule *rule, const char *zset,
                                   int64_t count, struct rnm_error *err)
{
	struct rnm_health_finding *finding =
	    rnm_doctor_find(d, RNM_DOCTOR_CROWDED, zset,
	                    "%lld profiles, of which workers look at the newest %.0f", (long long)count,
	                    rule->max_profiles + 1);

	rnm_doctor_advise(d, finding, RNM_REMEDY_NONE,
	                  "find out why rspamd's primary controller does not prune the list, and remove the "
	                  "oldest profiles with ZREMRANGEBYRANK");
	return rnm_names_of_list(&d->named, d->redis, zset, err);
}

static enum rnm_status judge_list(struct rnm_doctor *d, const struct rnm_rule *rule, const char *zset,
                                  const char *settings, struct rnm_error *err)
{
	struct rnm_model_list *list = NULL;
	int64_t count = 0;
	bool refused = false;
	enum rnm_status status = rnm_event_send(d->redis, "ZCARD", zset, NULL, err);

	if (status == RNM_OK)
		status = rnm_event_integer(d->redis, "ZCARD", &count, &refused, &d->text, err);
	/* A refusal here is told better by what follows. */
	if (status == RNM_OK && !refused && count > RNM_HEALTH_PROFILES_MAX)
		return too_crowded(d, rule, zset, count, err);
	if (status == RNM_OK)
		status = rnm_store_list(&list, d->redis, rule, settings, RNM_LIST_FULL, err);
	if (status == RNM_OK)
		status = rnm_doctor_profiles(d, rule, list, err);
	rnm_model_list_free(list);
	return status;
}

/* A list that Redis does not show: nobody can tell any more which keys no profile names. */
static void hidden_list(struct rnm_doctor *d, const char *zset, const struct rnm_error *why)
{
	struct rnm_health_finding *finding =
	    rnm_doctor_find(d, RNM_DOCTOR_UNREADABLE, zset, "%s", why->message);

	rnm_doctor_advise(d, finding, RNM_REMEDY_NONE, "%s%skeys that are left behind are not looked for",
	                  why->hint, why->hint[0] != '\0' ? "; until then " : "");
	d->blind = true;
}

/* One key that begins like a list and is a sorted set. */
static enum rnm_status take_list(struct rnm_doctor *d, const char *zset, struct rnm_error *err)
{
	const struct rnm_rule *rule;
	struct rnm_bytes prefix, settings;
	bool is_ours = false;
	enum rnm_status status = split_name(d, zset, &prefix, &settings, &is_ours, err);

	if (status != RNM_OK)
		return status;
	/* Of another version of rspamd: what its profiles name is not left behind by anybody. */
	if (!is_ours)
		return rnm_names_of_list(&d->named, d->redis, zset, err);
	rule = rule_of(d, prefix);
	if (rule == NULL)
		return rnm_error_nomem(err);
	status = use_prefix(d, rule, err);
	if (status != RNM_OK)
		return status;
	if (d->report->lists++ == RNM_HEALTH_LISTS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "store.too-many",
		                     "expected at most %zu lists of models, found more",
		                     RNM_HEALTH_LISTS_MAX);
	d->rule = rnm_doctor_keep(d, rule->name);
	d->settings = rnm_doctor_keep_bytes(d, settings).data;
	d->zset = rnm_doctor_keep(d, zset);
	if (d->no_memory)
		return rnm_error_nomem(err);
	return judge_list(d, rule, zset, d->settings, err);
}

static enum rnm_status try_list(struct rnm_doctor *d, const char *zset, struct rnm_error *err)
{
	struct rnm_error why;
	enum rnm_status status;

	d->rule = NULL;
	d->settings = NULL;
	d->zset = NULL;
	status = take_list(d, zset, &why);
	if (status == RNM_E_REDIS) {
		hidden_list(d, zset, &why);
		return RNM_OK;
	}
	if (status != RNM_OK && err != NULL)
		*err = why;
	return status;
}

/* Something else has the name of the list of a configured rule. */
static enum rnm_status report_other(struct rnm_doctor *d, const char *name, struct rnm_error *err)
{
	struct rnm_bytes prefix, settings;
	bool is_ours = false;
	enum rnm_status status = split_name(d, name, &prefix, &settings, &is_ours, err);

	for (size_t i = 0; status == RNM_OK && is_ours && i < d->configured; i++) {
		if (!rnm_bytes_equal(rnm_bytes_of(d->rules[i]->prefix), prefix))
			continue;
		d->rule = rnm_doctor_keep(d, d->rules[i]->name);
		d->settings = rnm_doctor_keep_bytes(d, settings).data;
		d->zset = rnm_doctor_keep(d, name);
		rnm_doctor_advise(d,
		                  rnm_doctor_find(d, RNM_DOCTOR_WRONG_TYPE, name,
		                                  "the key is not a sorted set, as lists of models are: "
		                                  "workers find no model"),
		                  RNM_REMEDY_NONE,
		                  "something else uses the name: find out what, and rename or delete it");
		break;
	}
	return status;
}

enum list_type { LIST_GONE, LIST_ZSET, LIST_OTHER };

/* The types of count names; where TYPE is refused, all are taken for lists. */
static enum rnm_status ask_types(struct rnm_doctor *d, size_t first, size_t count, enum list_type *types,
                                 struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = rnm_event_send(d->redis, "TYPE", rnm_names_at(&d->lists, first + i), NULL, err);
	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_reply *reply = NULL;

		status = rnm_redis_reply(d->redis, &reply, 0, err);
		if (status != RNM_OK)
			return status;
		types[i] = LIST_OTHER;
		if (reply->kind == RNM_EVENT_ERROR ||
		    (reply->kind == RNM_EVENT_STATUS && strcmp(reply->text.data, "zset") == 0))
			types[i] = LIST_ZSET;
		else if (reply->kind == RNM_EVENT_STATUS && strcmp(reply->text.data, "none") == 0)
			types[i] = LIST_GONE;
		rnm_reply_free(reply);
	}
	return status;
}

enum rnm_status rnm_doctor_lists(struct rnm_doctor *d, struct rnm_error *err)
{
	enum list_type types[TYPE_BATCH] = { LIST_GONE };
	struct rnm_seen done = { 0 }; /* SCAN names some keys twice */
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < d->configured; i++)
		status = use_prefix(d, d->rules[i], err);
	for (size_t first = 0; status == RNM_OK && first < d->lists.count; first += TYPE_BATCH) {
		size_t count = d->lists.count - first < TYPE_BATCH ? d->lists.count - first : TYPE_BATCH;

		status = ask_types(d, first, count, types, err);
		for (size_t i = 0; status == RNM_OK && i < count; i++) {
			const char *name = rnm_names_at(&d->lists, first + i);
			bool is_new = false;

			if (!rnm_seen_add(&done, name, strlen(name), &is_new))
				status = rnm_error_nomem(err);
			else if (is_new && types[i] == LIST_ZSET)
				status = try_list(d, name, err);
			else if (is_new && types[i] == LIST_OTHER)
				status = report_other(d, name, err);
		}
	}
	rnm_seen_free(&done);
	return status;
}
