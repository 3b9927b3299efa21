/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remarks about external_model.  rspamd: lualib/lua_neural_external.lua.
 */
#include "rspamd/check.h"
#include "rspamd/external.h"
#include "rspamd/rule.h"
#include "rspamd/rule_number.h"

#include <string.h>
#include <strings.h>

struct external {
	struct rnm_finding_list *list;
	const struct rnm_rule_set *set;
};

/* Read from the configuration by nobody. */
static const struct {
	const char *option;
	const char *instead;
} dead_options[] = {
	{ "merge_strategy", "the merge is always an interpolation by merge_alpha" },
	{ "check_interval", "write url { url = \"...\"; poll = 3600; } or set options.map_watch_interval" },
	{ "local_fine_tune", "local training always goes on; train { frozen = true } stops it" },
	{ "min_local_samples", "there is no such limit" },
};

static void check_dead(struct external *at, const char *rule, const struct rnm_value *model)
{
	for (size_t i = 0; i < sizeof(dead_options) / sizeof(dead_options[0]); i++) {
		const struct rnm_value *value = rnm_value_get(model, dead_options[i].option);

		if (value != NULL)
			rnm_finding_add(at->list, RNM_ID_DEAD_OPTION, value,
			                "%s of external_model in the rule %s is never used: %s",
			                dead_options[i].option, rule, dead_options[i].instead);
	}
}

static void check_alpha(struct external *at, const char *rule, const struct rnm_value *model)
{
	const struct rnm_value *alpha = rnm_value_get(model, "merge_alpha");
	double number;

	if (!rnm_value_truthy(alpha))
		return;
	if (!rnm_value_number(alpha, &number) || !(number >= 0 && number <= 1))
		rnm_finding_add(at->list, RNM_ID_EXTERNAL_ALPHA, alpha,
		                "expected merge_alpha of the rule %s to be a number from 0 to 1: with any "
		                "other value every "
		                "merge fails",
		                rule);
}

/* Whether a map is fetched from a web server: http(s):// at the start or behind sign+, key=...+ and the like. */
static bool is_http(const char *url)
{
	for (const char *at = strcasestr(url, "http"); at != NULL; at = strcasestr(at + 1, "http"))
		if ((at == url || at[-1] == '+') &&
		    (strncasecmp(at, "http://", 7) == 0 || strncasecmp(at, "https://", 8) == 0))
			return true;
	return false;
}

static bool is_signed_file(const char *url)
{
	return !is_http(url) && (strncmp(url, "sign+", 5) == 0 || strstr(url, "+sign+") != NULL);
}

static void check_url_text(struct external *at, const char *rule, const struct rnm_value *url)
{
	const char *text = rnm_value_string(url);

	if (text != NULL && strncmp(text, "sign+", 5) == 0 && is_http(text))
		rnm_finding_add(
		    at->list, RNM_ID_EXTERNAL_SIGNED_HTTP, url,
		    "the URL of the rule %s begins with sign+, but rspamd checks signatures of files only "
		    "and "
		    "loads this one unverified; let a job fetch and verify it, then name the file",
		    rule);
}

/* Several sources are joined end to end; only a fallback+ file may stand beside one. */
static void check_url_list(struct external *at, const char *rule, const struct rnm_value *url)
{
	size_t real = 0;

	for (size_t i = 0; i < rnm_value_count(url); i++) {
		const struct rnm_value *item = rnm_value_at(url, i);
		const char *text = rnm_value_string(item);

		check_url_text(at, rule, item);
		real += text == NULL || strncmp(text, "fallback+", 9) != 0;
	}
	if (real > 1)
		rnm_finding_add(
		    at->list, RNM_ID_EXTERNAL_URL_LIST, url,
		    "url of the rule %s names %zu sources: rspamd joins what it reads from them, which is no "
		    "model any more; name one, and at most a fallback+/file beside it",
		    rule, real);
}

/* How many rules before this one name the same URL is of no interest: the first is enough. */
struct same_url {
	const struct rnm_value *url;
	const char *first; /* set once a rule with that URL has been seen */
	char name[64];
	bool self_reached;
};

static const struct rnm_value *model_url(const struct rnm_value *rule)
{
	return rnm_value_get(rnm_value_get(rule, "external_model"), "url");
}

static void find_same_url(void *ctx, const char *name, const struct rnm_value *rule)
{
	struct same_url *same = ctx;
	const struct rnm_value *url = model_url(rule);
	size_t len = strnlen(name, sizeof(same->name) - 1);

	same->self_reached = same->self_reached || url == same->url;
	if (same->self_reached || same->first != NULL || rnm_value_string(url) == NULL ||
	    strcmp(url->as.string.data, same->url->as.string.data) != 0)
		return;
	memcpy(same->name, name, len);
	same->name[len] = '\0';
	same->first = same->name;
}

static void check_shared(struct external *at, const char *rule, const struct rnm_value *url)
{
	struct same_url same = { .url = url };

	if (rnm_value_string(url) == NULL)
		return;
	rnm_check_each_rule(at->set, &same, find_same_url);
	if (same.first != NULL)
		rnm_finding_add(
		    at->list, RNM_ID_EXTERNAL_URL_SHARED, url,
		    "the rules %s and %s load the same url: rspamd reads it for one of them only; make them "
		    "differ, for example by ?rule=%s at the end",
		    same.first, rule, rule);
}

static bool any_of(const struct rnm_value *sources, bool (*fits)(const char *text))
{
	const char *text = rnm_value_string(sources);

	if (text != NULL)
		return fits(text);
	for (size_t i = 0; sources->type == RNM_ARRAY && i < rnm_value_count(sources); i++) {
		text = rnm_value_string(rnm_value_at(sources, i));
		if (text != NULL && fits(text))
			return true;
	}
	return false;
}

/* Whether one of the sources is a text that fits. */
static bool any_source(const struct rnm_value *url, bool (*fits)(const char *text))
{
	const struct rnm_value *lists[RNM_EXTERNAL_LISTS];
	const size_t count = rnm_external_sources(lists, url);

	for (size_t i = 0; i < count; i++)
		if (any_of(lists[i], fits))
			return true;
	return false;
}

static void check_sources(struct external *at, const char *rule, const struct rnm_value *url)
{
	const struct rnm_value *lists[RNM_EXTERNAL_LISTS];
	const size_t count = rnm_external_sources(lists, url);

	for (size_t i = 0; i < count; i++) {
		if (lists[i]->type == RNM_ARRAY)
			check_url_list(at, rule, lists[i]);
		else
			check_url_text(at, rule, lists[i]);
	}
}

static void check_sign_key(struct external *at, const char *rule, const struct rnm_value *model)
{
	const struct rnm_value *key = rnm_value_get(model, "sign_key");
	const struct rnm_value *url = rnm_value_get(model, "url");

	if (!rnm_value_truthy(key))
		return;
	if (any_source(url, is_http) || any_source(rnm_value_get(model, "base_url"), is_http))
		rnm_finding_add(
		    at->list, RNM_ID_EXTERNAL_SIGN_KEY, key,
		    "sign_key of external_model in the rule %s has no effect: rspamd checks signatures of "
		    "files only and loads what comes over http(s) unverified; let a job fetch and verify "
		    "it, then name the file as sign+/path",
		    rule);
	else if (url != NULL && !any_source(url, is_signed_file))
		rnm_finding_add(
		    at->list, RNM_ID_EXTERNAL_SIGN_KEY, key,
		    "sign_key of external_model in the rule %s has no effect: rspamd checks the signature "
		    "of a file only when sign+ stands before its path; write url = \"sign+/path\"",
		    rule);
}

static void check_model(void *ctx, const char *name, const struct rnm_value *rule)
{
	struct external *at = ctx;
	const struct rnm_value *model = rnm_value_get(rule, "external_model");
	const struct rnm_value *url = rnm_value_get(model, "url");
	const struct rnm_value *base = rnm_value_get(model, "base_url");

	if (!rnm_value_truthy(model))
		return;
	if (model->type != RNM_OBJECT) {
		rnm_finding_add(at->list, RNM_ID_EXTERNAL_TYPE, model,
		                "expected external_model of the rule %s to be a section, found %s", name,
		                rnm_value_phrase(model));
		return;
	}
	if (!rnm_value_truthy(url) && !rnm_value_truthy(base))
		rnm_finding_add(at->list, RNM_ID_EXTERNAL_NO_URL, model,
		                "external_model of the rule %s has neither url nor base_url and is not used",
		                name);
	if (!rnm_value_truthy(rnm_value_get(rule, "providers")))
		rnm_finding_add(at->list, RNM_ID_EXTERNAL_NO_DIGEST, base != NULL ? base : model,
		                "the rule %s has no providers and thus no digest: %srspamd refuses every "
		                "external model for it",
		                name,
		                rnm_value_truthy(base) && !rnm_value_truthy(url)
		                    ? "its URL ends in /nil, and "
		                    : "");
	check_sources(at, name, url);
	if (url != NULL)
		check_shared(at, name, url);
	check_sign_key(at, name, model);
	check_alpha(at, name, model);
	check_dead(at, name, model);
}

void rnm_check_external(struct rnm_finding_list *list, const struct rnm_rule_set *set)
{
	struct external at = { list, set };

	rnm_check_each_rule(set, &at, check_model);
}
