/* SPDX-License-Identifier: Apache-2.0 */
#include "store/model.h"

#include <stdlib.h>
#include <string.h>

static bool is_version(const struct rnm_profile *profile, double version)
{
	/* Not "neither less nor more", which holds for any version when the wanted one is not a number. */
	return profile->version_kind != RNM_VERSION_ABSENT && profile->version >= version &&
	       profile->version <= version;
}

/* Has a network and a version that can be compared: what is left to ask is the digest. */
static bool usable(const struct rnm_model *model, const struct rnm_choice *choice)
{
	if (!model->live || !model->profile.parsed || model->profile.version_kind == RNM_VERSION_BAD)
		return false;
	return !choice->has_version || is_version(&model->profile, choice->version);
}

/* Whether a is to be preferred to b, which is newer: what workers read first, then the higher version. */
static bool better(const struct rnm_model *a, const struct rnm_model *b)
{
	bool a_seen = a->in_window && a->profile.worker_ok, b_seen = b->in_window && b->profile.worker_ok;

	if (a_seen != b_seen)
		return a_seen;
	return a->profile.version > b->profile.version;
}

static size_t pick(const struct rnm_model_list *list, const struct rnm_choice *choice, bool any_digest)
{
	size_t best = SIZE_MAX;

	/* The model that workers serve, where they serve one: the ranking below agrees but for versions below 0. */
	if (!choice->newest && !choice->has_version && !any_digest && list->served != SIZE_MAX)
		return list->served;
	for (size_t i = 0; i < list->count; i++) {
		const struct rnm_model *model = &list->models[i];

		if (!usable(model, choice) || (!any_digest && model->digest_match != RNM_DIGEST_SAME))
			continue;
		/* Models are listed newest first. */
		if (choice->newest || choice->has_version)
			return i;
		if (best == SIZE_MAX || better(model, &list->models[best]))
			best = i;
	}
	return best;
}

static bool any_parsed(const struct rnm_model_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->models[i].profile.parsed)
			return true;
	return false;
}

/* What Redis said of the first key that could not be asked and may have been the one, or NULL. */
static const char *key_error(const struct rnm_model_list *list, const struct rnm_choice *choice)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct rnm_model *model = &list->models[i];

		if (model->key_error != NULL &&
		    (!choice->has_version || is_version(&model->profile, choice->version)))
			return model->key_error;
	}
	return NULL;
}

static enum rnm_status refuse_digest(const struct rnm_rule *rule, const struct rnm_model *model,
                                     struct rnm_error *err)
{
	const char *version = model->profile.version_text;

	switch (model->digest_match) {
	case RNM_DIGEST_MISSING:
		rnm_error_set(err, RNM_E_REFUSED, "store.digest",
		              "model version %s names no providers digest, the configuration has %s", version,
		              rule->digest);
		break;
	case RNM_DIGEST_UNWANTED:
		rnm_error_set(err, RNM_E_REFUSED, "store.digest",
		              "model version %s was trained for the providers digest %s, but rule \"%s\" has "
		              "no providers",
		              version, rnm_model_digest_text(model), rule->name);
		break;
	default:
		rnm_error_set(
		    err, RNM_E_REFUSED, "store.digest",
		    "model version %s was trained under another configuration: its providers digest is %s, "
		    "the configuration's is %s",
		    version, rnm_model_digest_text(model), rule->digest);
	}
	rnm_error_set_hint(err, "use --any-digest to take it all the same");
	return RNM_E_REFUSED;
}

static enum rnm_status refused_key(const struct rnm_model_list *list, const char *answer,
                                   struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REDIS, "store.none-live",
	              "none of the %zu models under %s can be exported: %s", list->count, list->zset, answer);
	rnm_error_set_reference(err, "no suitable model found");
	if (list->key_hint != NULL)
		rnm_error_set_hint(err, "%s", list->key_hint);
	return RNM_E_REDIS;
}

static enum rnm_status not_found(const struct rnm_model_list *list, const struct rnm_choice *choice,
                                 struct rnm_error *err)
{
	const char *answer = key_error(list, choice);

	if (answer != NULL)
		return refused_key(list, answer, err);
	if (!any_parsed(list)) {
		rnm_error_set(err, RNM_E_NOT_FOUND, "store.empty", "there are no models in Redis under %s",
		              list->zset);
		rnm_error_set_reference(err, "no models found in Redis");
		rnm_error_set_hint(err, "the name holds the rule's prefix and the settings: check both");
	} else if (choice->has_version) {
		rnm_error_set(err, RNM_E_NOT_FOUND, "store.no-version",
		              "there is no model of version %.14g with a network under %s", choice->version,
		              list->zset);
		rnm_error_set_reference(err, "model version %.14g not found", choice->version);
		rnm_error_set_hint(err, "`rnm list` shows the versions that exist");
	} else {
		rnm_error_set(err, RNM_E_NOT_FOUND, "store.none-live",
		              "none of the %zu models under %s can be exported: their keys hold no network",
		              list->count, list->zset);
		rnm_error_set_reference(err, "no suitable model found");
		rnm_error_set_hint(err, "networks expire when no worker loads them for the time ann_expire");
	}
	return RNM_E_NOT_FOUND;
}

enum rnm_status rnm_store_choose(size_t *index, const struct rnm_model_list *list,
                                 const struct rnm_rule *rule, const struct rnm_choice *choice,
                                 struct rnm_error *err)
{
	static const struct rnm_choice as_worker = { .newest = false };
	size_t found;

	if (choice == NULL)
		choice = &as_worker;
	found = pick(list, choice, choice->any_digest);
	if (found != SIZE_MAX) {
		*index = found;
		return RNM_OK;
	}
	found = pick(list, choice, true);
	return found != SIZE_MAX ? refuse_digest(rule, &list->models[found], err)
	                         : not_found(list, choice, err);
}
