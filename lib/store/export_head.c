/* SPDX-License-Identifier: Apache-2.0 */
#include "store/export_head.h"

#include "base/value_build.h"
#include "format/rnm1_json.h"
#include "format/rnm1_reader.h"
#include "store/lock.h"
#include "store/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)64 << 20)
/* The top map and `rnm` itself are two levels already. */
#define META_DEPTH (RNM_RNM1_DEPTH_MAX - 2)

const char *const rnm_small_field_names[RNM_FIELD_COUNT] = {
	[RNM_FIELD_ROC] = "roc_thresholds",
	[RNM_FIELD_NORM] = "norm_stats",
	[RNM_FIELD_PROVIDERS_META] = "providers_meta",
	[RNM_FIELD_LOCK] = "lock",
	[RNM_FIELD_HOSTNAME] = "hostname",
	[RNM_FIELD_OBSOLETE] = "obsolete",
};

static enum rnm_status refuse_version(const struct rnm_profile *profile, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "export.version",
	              "expected the profile's version to be an integer from 1 to 9007199254740991, found %s",
	              profile->version_kind == RNM_VERSION_ABSENT ? "none" : profile->version_text);
	rnm_error_set_hint(
	    err, "rspamd numbers its models from 1; the command neural_export writes such a version as "
		 "the original does");
	return RNM_E_REFUSED;
}

static enum rnm_status take_version(struct rnm_export_head *head, const struct rnm_profile *profile,
                                    const struct rnm_export_options *options, struct rnm_error *err)
{
	bool original = options->original_fields || options->for_reading;
	double version = profile->version;

	if (options->for_reading && profile->version_kind == RNM_VERSION_BAD)
		version = 0;
	else if (profile->version_kind == RNM_VERSION_BAD)
		return refuse_version(profile, err);
	/* The original writes 1 for a missing version and any number as it is. */
	if (original && profile->version_kind == RNM_VERSION_ABSENT)
		version = 1;
	else if (!original && !(version >= 1 && version <= RNM_VERSION_MAX && version <= floor(version)))
		return refuse_version(profile, err);
	head->head.model_version = version;
	return RNM_OK;
}

static enum rnm_status refuse_without_providers(const struct rnm_rule *rule, struct rnm_error *err)
{
	rnm_error_set(
	    err, RNM_E_REFUSED, "export.no-providers",
	    "rule \"%s\" has no providers: the file would carry no providers_digest and no rspamd could "
	    "load it",
	    rule->name);
	rnm_error_set_hint(
	    err, "`rnm list` shows the models of such a rule; only rules with providers can be exported");
	return RNM_E_REFUSED;
}

static enum rnm_status refuse_digest(const struct rnm_rule *rule, const struct rnm_model *model,
                                     struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "export.digest",
	              "the model's providers digest is %s, the configuration's is %s",
	              rnm_model_digest_text(model), rule->has_providers ? rule->digest : "none");
	rnm_error_set_hint(err, "use --any-digest to export it all the same");
	return RNM_E_REFUSED;
}

/* The digest that the file carries: it promises consumers which inputs the network expects. */
static enum rnm_status take_digest(struct rnm_export_head *head, const struct rnm_rule *rule,
                                   const struct rnm_model *model, const struct rnm_export_options *options,
                                   struct rnm_error *err)
{
	const char *named = model->profile.providers_digest;
	const char *digest = rule->digest;

	if (options->any_digest && !options->original_fields && named != NULL)
		digest = named;
	else if (!rule->has_providers && options->for_reading)
		return RNM_OK;
	else if (!rule->has_providers)
		return refuse_without_providers(rule, err);
	if (!options->any_digest && model->digest_match != RNM_DIGEST_SAME)
		return refuse_digest(rule, model, err);
	if (!rnm_rnm1_is_digest(rnm_bytes_of(digest)))
		return rnm_error_set(err, RNM_E_REFUSED, "export.digest",
		                     "expected a providers digest of 16 digits from 0 to f, found \"%.64s\"",
		                     digest);
	memcpy(head->digest, digest, sizeof(head->digest));
	head->head.providers_digest = head->digest;
	return RNM_OK;
}

enum rnm_status rnm_export_head_init(struct rnm_export_head *head, const struct rnm_rule *rule,
                                     const struct rnm_model *model, const struct rnm_export_options *options,
                                     struct rnm_error *err)
{
	enum rnm_status status;

	memset(head, 0, sizeof(*head));
	rnm_arena_init(&head->arena, ARENA_MAX);
	head->head.created_at = options->created_at;
	head->head.as_original = options->original_fields;
	status = take_digest(head, rule, model, options, err);
	return status == RNM_OK ? take_version(head, &model->profile, options, err) : status;
}

void rnm_export_head_clear(struct rnm_export_head *head)
{
	rnm_json_field_free(head->norm);
	rnm_json_field_free(head->roc);
	rnm_arena_free(&head->arena);
	head->norm = NULL;
	head->roc = NULL;
}

/* The id that the export promises; sentence and offset stay. */
static enum rnm_status rename_error(struct rnm_error *err, enum rnm_status status, const char *id)
{
	if (status == RNM_E_MALFORMED && err != NULL)
		snprintf(err->id, sizeof(err->id), "%s", id);
	return status;
}

enum rnm_status rnm_export_head_take(struct rnm_export_head *head, enum rnm_small_field field,
                                     struct rnm_bytes text, const struct rnm_rule *rule,
                                     struct rnm_export_result *result, struct rnm_error *err)
{
	struct rnm_value *meta;
	enum rnm_status status;

	switch (field) {
	case RNM_FIELD_ROC:
		return rename_error(err, rnm_roc_parse(&head->roc, text, err), "export.roc");
	case RNM_FIELD_NORM:
		return rename_error(err, rnm_norm_stats_parse(&head->norm, text, err), "export.norm-stats");
	case RNM_FIELD_PROVIDERS_META:
		if (text.len == 0)
			break;
		status = rnm_json_array_copy(&meta, &head->arena, text, META_DEPTH, err);
		head->providers_meta = meta;
		result->bad_providers_meta = status == RNM_NO;
		return status == RNM_NO ? RNM_OK : status;
	case RNM_FIELD_LOCK:
		result->locked = rnm_lock_is_fresh(text, rule);
		break;
	case RNM_FIELD_HOSTNAME:
		if (result->locked)
			snprintf(result->lock_host, sizeof(result->lock_host), "%.*s", (int)text.len,
			         text.data);
		break;
	case RNM_FIELD_OBSOLETE:
		result->obsolete = true;
		break;
	case RNM_FIELD_COUNT:
		break;
	}
	return RNM_OK;
}

/* Adds a text; nothing for an absent or empty one, which rspamd's reader would stumble over. */
static bool add_text(struct rnm_arena *arena, struct rnm_value *map, const char *key, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return true;
	return rnm_value_add_s(arena, map, key, rnm_value_new_string(arena, text, strlen(text)));
}

static bool add_symbols(struct rnm_arena *arena, struct rnm_value *map, const struct rnm_profile *profile)
{
	struct rnm_value *symbols = rnm_value_new(arena, RNM_ARRAY);

	for (size_t i = 0; symbols != NULL && i < profile->symbol_count; i++) {
		const char *name = profile->symbols[i];

		if (name[0] != '\0' &&
		    !rnm_value_push(arena, symbols, rnm_value_new_string(arena, name, strlen(name))))
			return false;
	}
	return rnm_value_add_s(arena, map, "symbols", symbols);
}

enum rnm_status rnm_export_head_extra(struct rnm_export_head *head, const struct rnm_rule *rule,
                                      const struct rnm_model_list *list, const struct rnm_model *model,
                                      const struct rnm_export_options *options,
                                      struct rnm_export_result *result, struct rnm_error *err)
{
	struct rnm_arena *arena = &head->arena;
	struct rnm_value *map;

	head->head.norm_stats = rnm_json_field_value(head->norm);
	head->head.roc = rnm_json_field_value(head->roc);
	result->has_norm = head->head.norm_stats != NULL;
	result->has_roc = head->head.roc != NULL;
	if (options->original_fields)
		return RNM_OK;
	map = rnm_value_new(arena, RNM_OBJECT);
	if (map == NULL || !add_text(arena, map, "tool", options->tool) ||
	    !add_text(arena, map, "rule", rule->name) || !add_text(arena, map, "settings", list->settings) ||
	    !add_text(arena, map, "profile_digest", model->profile.digest) ||
	    !add_symbols(arena, map, &model->profile))
		return rnm_error_nomem(err);
	if (head->providers_meta != NULL &&
	    !rnm_value_add_s(arena, map, "providers_meta", head->providers_meta))
		return rnm_error_nomem(err);
	head->head.extra = map;
	return RNM_OK;
}
