/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which model is served, which one the original exports, and why the others are not.
 * rspamd: process_rules_settings and check_anns in src/plugins/lua/neural.lua; get_ann_profiles and
 * load_ann_profile in lualib/rspamadm/neural_export.lua.
 */
#include "rspamd/profile.h"
#include "store/model.h"
#include "store/symbols.h"

#include <math.h>
#include <rnm/buf.h>
#include <stdlib.h>
#include <string.h>

/* A verdict repeats little of a profile but perhaps its version. */
#define TEXT_MAX (2 * RNM_PROFILE_MAX)

struct judgement {
	struct rnm_model_list *list;
	const struct rnm_rule *rule;
	size_t window;     /* how many of the newest profiles workers read */
	size_t fitting;    /* profiles in the window that workers accept */
	bool same_symbols; /* all fitting profiles name the same symbols */
	size_t stuck;      /* the model whose network workers try and fail to load, or SIZE_MAX */
	size_t unreadable; /* one that may be served instead: its key is not shown to us; or SIZE_MAX */
	struct rnm_distances distances; /* of the profiles' symbols from the rule's own */
};

/* The rule stands for a name alone: there is no configuration. */
static bool is_bare(const struct rnm_rule *rule)
{
	return rule->raw == NULL;
}

/* How far a profile is from what the rule asks for; 0 where that plays no part or is not known. */
static uint64_t distance_of(const struct judgement *judgement, size_t index)
{
	const struct rnm_rule *rule = judgement->rule;

	if (!judgement->distances.known || (rule->providers_used && rule->disable_symbols_input))
		return 0;
	return judgement->distances.of[index];
}

/* Rules without providers reject what is half as far away as their own list is long. */
static bool too_far(const struct judgement *judgement, size_t index)
{
	if (judgement->rule->providers_used || !judgement->distances.known)
		return false;
	return distance_of(judgement, index) * 2 >= judgement->distances.own_count;
}

const char *rnm_model_digest_text(const struct rnm_model *model)
{
	return model->profile.providers_digest != NULL ? model->profile.providers_digest : "none";
}

static enum rnm_digest_match match_digest(const struct rnm_rule *rule, const struct rnm_profile *profile)
{
	if (!rule->has_providers)
		return profile->providers_digest == NULL ? RNM_DIGEST_SAME : RNM_DIGEST_UNWANTED;
	if (profile->providers_digest == NULL)
		return RNM_DIGEST_MISSING;
	return strcmp(profile->providers_digest, rule->digest) == 0 ? RNM_DIGEST_SAME : RNM_DIGEST_OTHER;
}

/* ZREVRANGE zset 0 max_profiles is inclusive, and counts from the end when negative. */
static size_t window_size(const struct rnm_rule *rule, size_t count)
{
	double last = floor(rule->max_profiles);

	if (last < 0)
		last += (double)count;
	if (!(last >= 0))
		return 0;
	return last >= (double)count ? count : (size_t)last + 1;
}

/* What a worker asks of a profile before it looks at the key. */
static bool worker_takes(const struct judgement *judgement, size_t index)
{
	const struct rnm_model *model = &judgement->list->models[index];

	if (!model->in_window || !model->profile.worker_ok)
		return false;
	if (judgement->rule->providers_used)
		return model->digest_match == RNM_DIGEST_SAME;
	return model->profile.providers_digest == NULL && !too_far(judgement, index);
}

static bool symbols_equal(const struct rnm_profile *a, const struct rnm_profile *b)
{
	if (a->symbol_count != b->symbol_count)
		return false;
	for (size_t i = 0; i < a->symbol_count; i++)
		if (strcmp(a->symbols[i], b->symbols[i]) != 0)
			return false;
	return true;
}

/* Workers sort by distance, then by version, the highest first; the newest of equals. */
static bool preferred(const struct judgement *judgement, size_t a, size_t b)
{
	if (distance_of(judgement, a) != distance_of(judgement, b))
		return distance_of(judgement, a) < distance_of(judgement, b);
	return judgement->list->models[a].profile.version > judgement->list->models[b].profile.version;
}

/* The first of the fitting profiles (with live: of those with a network) in that order. */
static size_t first_choice(const struct judgement *judgement, bool live)
{
	const struct rnm_model_list *list = judgement->list;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < list->count; i++) {
		if (!worker_takes(judgement, i) || (live && !list->models[i].live))
			continue;
		if (best == SIZE_MAX || preferred(judgement, i, best))
			best = i;
	}
	return best;
}

/* As far as it is known: only RNM_LIST_FULL asks for the size. */
static bool is_empty(const struct rnm_model *model)
{
	return model->live && model->has_ann_size && model->ann_size == 0;
}

/* A fitting profile whose key Redis does not show, and which would come before the one with a network. */
static size_t first_unreadable(const struct judgement *judgement, size_t live)
{
	const struct rnm_model_list *list = judgement->list;

	for (size_t i = 0; i < list->count; i++)
		if (worker_takes(judgement, i) && list->models[i].key_error != NULL &&
		    (live == SIZE_MAX || preferred(judgement, i, live)))
			return i;
	return SIZE_MAX;
}

static void find_served(struct judgement *judgement)
{
	struct rnm_model_list *list = judgement->list;
	size_t first = first_choice(judgement, false), live = first_choice(judgement, true);
	const struct rnm_profile *reference = first != SIZE_MAX ? &list->models[first].profile : NULL;

	judgement->same_symbols = true;
	for (size_t i = 0; i < list->count; i++) {
		if (!worker_takes(judgement, i))
			continue;
		judgement->fitting++;
		if (!symbols_equal(&list->models[i].profile, reference))
			judgement->same_symbols = false;
	}
	list->served = live;
	judgement->unreadable = first_unreadable(judgement, live);
	/* When the first choice has no network, the others are tried only with a version above -1. */
	if (live != SIZE_MAX && live != first && !(list->models[live].profile.version > -1))
		list->served = SIZE_MAX;
	/* Absence is what makes them go on to the next; a network that does not load ends the search. */
	if (list->served != SIZE_MAX && is_empty(&list->models[live])) {
		judgement->stuck = live;
		list->served = SIZE_MAX;
	}
}

/* rspamd's export takes the highest score with a network and looks at nothing else. */
static void find_original(struct rnm_model_list *list)
{
	list->original = SIZE_MAX;
	for (size_t i = 0; i < list->count && list->original == SIZE_MAX; i++)
		if (list->models[i].live && list->models[i].profile.parsed)
			list->original = i;
}

/* The verdicts say nothing when they find nothing to say. */
static void digest_verdict(struct rnm_buf *out, const struct rnm_rule *rule, const struct rnm_model *model)
{
	switch (model->digest_match) {
	case RNM_DIGEST_OTHER:
		rnm_buf_printf(out, "trained under another configuration (digest %s)",
		               rnm_model_digest_text(model));
		return;
	case RNM_DIGEST_MISSING:
		if (rule->providers_used)
			rnm_buf_puts(out, "names no providers digest, the rule has one");
		return;
	case RNM_DIGEST_UNWANTED:
		rnm_buf_printf(out, "names a providers digest (%s), the rule has no providers",
		               rnm_model_digest_text(model));
		return;
	case RNM_DIGEST_SAME:
		break;
	}
	if (!rule->providers_used && model->profile.providers_digest != NULL)
		rnm_buf_puts(out,
		             "names a providers digest, which rules with an empty list of providers reject");
}

static void key_verdict(struct rnm_buf *out, const struct rnm_model *model)
{
	if (model->profile.redis_key == NULL)
		rnm_buf_puts(out, "names no key");
	else if (model->key_error != NULL)
		rnm_buf_printf(out, "its key cannot be read: %s", model->key_error);
	else if (model->wrong_type)
		rnm_buf_puts(out, "its key is not a hash");
	else if (is_empty(model))
		rnm_buf_puts(out, "empty network");
	else if (!model->live)
		rnm_buf_puts(out, "no network under its key (expired?)");
}

/* Why workers pass over a profile that they accept, which has a network. */
static void rank_verdict(struct rnm_buf *out, const struct judgement *judgement, size_t index)
{
	const struct rnm_model_list *list = judgement->list;

	if (!list->models[index].in_window)
		rnm_buf_printf(out, "outside the %zu newest profiles that workers read", judgement->window);
	else if (too_far(judgement, index))
		rnm_buf_puts(out, "its symbols are too far from the rule's own list");
	else if (judgement->stuck != SIZE_MAX)
		rnm_buf_printf(out, "passed over: workers stop at version %s, whose network is empty",
		               list->models[judgement->stuck].profile.version_text);
	else if (list->served == SIZE_MAX)
		rnm_buf_puts(out, "passed over: workers fall back to versions from 0 on only");
	else if (distance_of(judgement, index) > distance_of(judgement, list->served))
		rnm_buf_puts(out, "its symbols are farther from the rule's own list");
	else if (list->models[index].profile.version < list->models[list->served].profile.version)
		rnm_buf_puts(out, "older version");
	else
		rnm_buf_puts(out, "same version, stored earlier");
}

static void malformed_verdict(struct rnm_buf *out, const struct rnm_profile *profile)
{
	rnm_buf_printf(out, "malformed profile: %s",
	               profile->problem != NULL ? profile->problem : "not what a worker accepts");
}

/* Without a configuration nothing can be said but what the profile and its key are like. */
static void bare_verdict(struct rnm_buf *out, const struct rnm_model *model)
{
	if (!model->profile.worker_ok || model->profile.malformed) {
		malformed_verdict(out, &model->profile);
		return;
	}
	key_verdict(out, model);
	if (out->len == 0)
		rnm_buf_puts(out, "live");
}

static void verdict(struct rnm_buf *out, const struct judgement *judgement, size_t index)
{
	const struct rnm_model *model = &judgement->list->models[index];
	size_t start;

	if (is_bare(judgement->rule)) {
		bare_verdict(out, model);
		return;
	}
	if (index == judgement->list->served) {
		rnm_buf_puts(out, "served");
		return;
	}
	if (!model->profile.worker_ok || model->profile.malformed)
		malformed_verdict(out, &model->profile);
	if (!model->profile.worker_ok)
		return;
	if (model->profile.malformed)
		rnm_buf_puts(out, "; ");
	start = out->len;
	if (index == judgement->stuck)
		rnm_buf_puts(out, "empty network: workers fail to load it and do not fall back");
	else
		key_verdict(out, model);
	if (out->len == start)
		digest_verdict(out, judgement->rule, model);
	if (out->len == start)
		rank_verdict(out, judgement, index);
}

/* What the choice depends on that is not known here. */
static const char *unsure(const struct judgement *judgement)
{
	const struct rnm_rule *rule = judgement->rule;

	if (judgement->unreadable != SIZE_MAX)
		return ", provided that those before it, whose keys cannot be read, have no network";
	if (judgement->distances.known || (rule->providers_used && rule->disable_symbols_input))
		return "";
	if (!judgement->same_symbols)
		return "; their lists of symbols differ, and workers prefer the one nearest to their own, "
		       "which is not known "
		       "here";
	return rule->providers_used
	           ? ""
	           : ", provided that its list of symbols is near enough to the workers' own";
}

static void served_why(struct rnm_buf *out, const struct judgement *judgement)
{
	const struct rnm_model_list *list = judgement->list;

	if (list->count == 0)
		rnm_buf_puts(out, "there are no profiles");
	else if (is_bare(judgement->rule))
		rnm_buf_puts(out, "not known: no configuration says what the rule asks for");
	else if (judgement->stuck != SIZE_MAX)
		rnm_buf_printf(
		    out,
		    "version %s comes first, but its network is empty: workers fail to load it and do not "
		    "fall back to another",
		    list->models[judgement->stuck].profile.version_text);
	else if (judgement->fitting == 0)
		rnm_buf_printf(out, "none of the %zu newest profiles fits the configuration",
		               judgement->window);
	else if (list->served == SIZE_MAX && judgement->unreadable != SIZE_MAX)
		rnm_buf_printf(out, "not known, because the key of version %s cannot be read",
		               list->models[judgement->unreadable].profile.version_text);
	else if (list->served == SIZE_MAX)
		rnm_buf_puts(out,
		             "no profile that fits the configuration has a usable network under its key");
	else
		rnm_buf_printf(out, "%s (%s) among the %zu fitting of the %zu newest profiles%s",
		               judgement->distances.known && !judgement->same_symbols
		                   ? "nearest symbols, then highest version"
		                   : "highest version",
		               list->models[list->served].profile.version_text, judgement->fitting,
		               judgement->window, unsure(judgement));
}

/* Of its own size, since a list may have thousands; the buffer is empty then.  NULL: no memory. */
static char *take_text(struct rnm_buf *text)
{
	char *copy = text->failed ? NULL : strdup(rnm_buf_cstr(text));

	rnm_buf_clear(text);
	return copy;
}

static enum rnm_status judge(struct judgement *judgement, struct rnm_error *err)
{
	struct rnm_model_list *list = judgement->list;
	struct rnm_buf text;

	rnm_buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < list->count; i++) {
		list->models[i].digest_match = match_digest(judgement->rule, &list->models[i].profile);
		list->models[i].in_window = i < judgement->window;
	}
	list->served = SIZE_MAX;
	if (!is_bare(judgement->rule))
		find_served(judgement);
	find_original(list);
	for (size_t i = 0; i < list->count; i++) {
		verdict(&text, judgement, i);
		list->models[i].verdict = take_text(&text);
		if (list->models[i].verdict == NULL) {
			rnm_buf_free(&text);
			return rnm_error_nomem(err);
		}
	}
	served_why(&text, judgement);
	list->served_why = rnm_buf_steal(&text);
	rnm_buf_free(&text);
	return list->served_why != NULL ? RNM_OK : rnm_error_nomem(err);
}

enum rnm_status rnm_model_list_judge(struct rnm_model_list *list, const struct rnm_rule *rule,
                                     struct rnm_error *err)
{
	struct judgement judgement = { .list = list,
		                       .rule = rule,
		                       .window = window_size(rule, list->count),
		                       .stuck = SIZE_MAX,
		                       .unreadable = SIZE_MAX };
	enum rnm_status status = rnm_distances_measure(&judgement.distances, list, rule, err);

	if (status == RNM_OK)
		status = judge(&judgement, err);
	free(judgement.distances.of);
	return status;
}
