/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Would the rspamd of this configuration load the model for this rule, and use it?  rspamd itself looks at
 * the digest and nothing else (lualib/lua_neural_external.lua, src/plugins/lua/neural.lua); what else does
 * not fit makes it fail later, on each message.
 */
#include "rspamd/profile.h"
#include "rspamd/rule_number.h"
#include "store/model.h"
#include "store/verify.h"

#include <math.h>
#include <string.h>

static const struct rnm_value *get_true(const struct rnm_value *table, const char *key)
{
	const struct rnm_value *value = rnm_value_get(table, key);

	return rnm_value_truthy(value) ? value : NULL;
}

/* ---- digest ------------------------------------------------------------------------------------- */

static void check_digest(struct rnm_verifying *v)
{
	const struct rnm_rule *rule = v->options->rule;
	const char *digest = v->file->container->providers_digest;

	if (!rule->providers_used) {
		rnm_verify_find(v, RNM_VERIFY_RULE_NO_PROVIDERS, "rule",
		                "expected a rule with providers, found none in %s: such rules use only what "
		                "they have trained themselves",
		                rule->name);
		return;
	}
	if (v->file->kind == RNM_MODEL_KANN)
		rnm_verify_find(
		    v, RNM_VERIFY_RULE_BARE, "container",
		    "expected an RNM1 file, found a bare network: it says not which inputs it was "
		    "trained for, and rspamd loads no such file");
	else if (strcmp(digest, rule->digest) != 0)
		rnm_verify_find(v, RNM_VERIFY_RULE_DIGEST, "container",
		                "expected the digest of the rule %s, %s, found %s", rule->name, rule->digest,
		                digest[0] != '\0' ? digest : "none");
}

/* What workers ask of a profile.  rspamd: src/plugins/lua/neural.lua. */
static void check_profile_digest(struct rnm_verifying *v)
{
	const struct rnm_rule *rule = v->options->rule;
	const char *digest = v->file->container->providers_digest;

	if (v->file->kind == RNM_MODEL_KANN)
		rnm_verify_find(v, RNM_VERIFY_RULE_BARE, "container",
		                "expected an RNM1 file, found a bare network: it says not which inputs it "
		                "was trained for");
	else if (rule->has_providers && !rule->providers_used)
		rnm_verify_find(
		    v, RNM_VERIFY_RULE_NO_PROVIDERS, "rule",
		    "expected providers in the rule %s, found an empty list: it refuses all models, "
		    "its own too",
		    rule->name);
	else if (rule->providers_used)
		check_digest(v);
	else if (digest[0] != '\0')
		rnm_verify_find(v, RNM_VERIFY_RULE_DIGEST, "container",
		                "expected no digest, as the rule %s has no providers, found %s", rule->name,
		                digest);
}

/* ---- inputs ------------------------------------------------------------------------------------- */

/* What the configuration tells of the length of vectors. */
struct width {
	double known;    /* sum of what is known */
	bool incomplete; /* something has no known width: symbols, a hash table, a convolution */
	bool guessed;    /* meta tokens are part of it, whose number modules may change */
};

static void add_provider(struct width *width, const struct rnm_value *provider)
{
	const char *type = rnm_value_string(get_true(provider, "type"));
	const char *mode = rnm_value_string(rnm_value_get(provider, "output_mode"));
	double dim = 0;

	if (type == NULL)
		type = rnm_value_string(get_true(provider, "name"));
	if (type != NULL && strcmp(type, "metatokens") == 0) {
		width->known += RNM_METATOKENS;
		width->guessed = true;
	} else if ((mode == NULL || strcmp(mode, "conv1d") != 0) &&
	           rnm_number_read(&dim, rnm_value_get(provider, "dim")) == RNM_FORM_NUMBER && dim > 0) {
		width->known += dim;
	} else {
		width->incomplete = true;
	}
}

static struct width expected_width(const struct rnm_rule *rule)
{
	const struct rnm_value *providers = rnm_value_get(rule->raw, "providers");
	const struct rnm_value *meta = rnm_value_get(get_true(rule->raw, "fusion"), "include_meta");
	struct width width = { 0 };

	for (size_t i = 0; i < rnm_value_count(providers); i++)
		add_provider(&width, rnm_value_at(providers, i));
	if (meta == NULL || rnm_value_truthy(meta)) {
		width.known += RNM_METATOKENS;
		width.guessed = true;
	}
	return width;
}

static void check_inputs(struct rnm_verifying *v)
{
	struct width width = expected_width(v->options->rule);
	double raw = (double)rnm_model_file_raw_dim(v->file);

	if (v->file->network == NULL || !v->options->rule->providers_used)
		return;
	if (width.guessed && (raw < width.known || (!width.incomplete && raw > width.known)))
		rnm_verify_find(
		    v, RNM_VERIFY_RULE_INPUTS_UNSURE, "rule",
		    "expected vectors of %s%.14g (with %u meta tokens), as the configuration reads, "
		    "found a model for %.14g",
		    width.incomplete ? "at least " : "", width.known, RNM_METATOKENS, raw);
	else if (!width.guessed && (raw < width.known || (!width.incomplete && raw > width.known)))
		rnm_verify_find(
		    v, RNM_VERIFY_RULE_INPUTS, "rule",
		    "expected vectors of %s%.14g, the dimensions of the rule's providers, found a "
		    "model for %.14g",
		    width.incomplete ? "at least " : "", width.known, raw);
}

static void check_pca(struct rnm_verifying *v)
{
	const struct rnm_value *option = get_true(v->options->rule->raw, "max_inputs");
	uint32_t rows = v->file->pca.rows;
	double wanted = 0;

	if (v->file->network == NULL || v->file->kind == RNM_MODEL_KANN)
		return;
	if (option == NULL) {
		/* From Redis the matrix is not even fetched; one that comes with a file is used. */
		if (rows > 0 && (v->file->kind == RNM_MODEL_REDIS || v->options->for_redis))
			rnm_verify_find(v, RNM_VERIFY_RULE_PCA, "rule",
			                "expected max_inputs = %u in the rule, found no such option: rspamd "
			                "leaves the matrix out",
			                rows);
		return;
	}
	if (rnm_number_read(&wanted, option) == RNM_FORM_OTHER)
		return;
	if (rows == 0)
		rnm_verify_find(v, RNM_VERIFY_RULE_PCA, "pca_data",
		                "expected a PCA matrix, as the rule has max_inputs = %.14g, found none",
		                wanted);
	else if (wanted < rows || wanted > rows)
		rnm_verify_find(v, RNM_VERIFY_RULE_PCA, "pca_data",
		                "expected a PCA matrix of %.14g rows, the rule's max_inputs, found %u",
		                wanted, rows);
}

/* ---- size, thresholds --------------------------------------------------------------------------- */

/* A number of a section; fallback when it is not there. */
static enum rnm_status section_number(struct rnm_verifying *v, const char *section, const char *key,
                                      double *number, struct rnm_error *err)
{
	const struct rnm_value *table = NULL;
	enum rnm_status status = rnm_config_get_all_opt(v->options->config, section, &table, err);

	if (status == RNM_OK)
		(void)rnm_number_read(number, rnm_value_get(table, key));
	return status;
}

/* rspamd: options.max_map_size of src/libserver/cfg_rcl.cxx, 0 for none; maps.max_size for HTTP. */
static enum rnm_status check_size(struct rnm_verifying *v, struct rnm_error *err)
{
	const struct rnm_rnm1 *container = v->file->container;
	double limit = (double)RNM_BLOB_MAX, size;
	enum rnm_status status = section_number(v, "options", "max_map_size", &limit, err);

	if (status == RNM_OK)
		status = section_number(v, "maps", "max_size", &limit, err);
	if (status != RNM_OK || !(limit > 0))
		return status;
	size = fmax((double)container->file_size, (double)container->expanded_size);
	if (size > limit)
		rnm_verify_find(
		    v, RNM_VERIFY_RULE_SIZE, "container",
		    "expected at most %.14g bytes, the configuration's max_map_size, found %.14g%s", limit,
		    size, container->compressed ? " when expanded" : "");
	return RNM_OK;
}

static void check_roc(struct rnm_verifying *v)
{
	const struct rnm_value *rule = v->options->rule->raw;
	const struct rnm_rnm1 *container = v->file->container;
	/* Redis always has a list of thresholds; an empty one does not come this far. */
	bool broken = v->file->kind == RNM_MODEL_REDIS && !container->has_roc;

	if (get_true(rule, "roc_enabled") == NULL ||
	    (get_true(rule, "spam_score_threshold") != NULL && get_true(rule, "ham_score_threshold") != NULL))
		return;
	for (size_t i = 0; i < container->finding_count; i++)
		broken |= strcmp(container->findings[i].id, "rnm1.roc") == 0;
	if (broken)
		rnm_verify_find(
		    v, RNM_VERIFY_RULE_ROC, "roc_thresholds",
		    "expected two thresholds, as the rule has roc_enabled, found none that can be "
		    "used: rspamd fails on each message");
}

/* ---- Redis -------------------------------------------------------------------------------------- */

static void check_served(struct rnm_verifying *v)
{
	const struct rnm_model_list *list = v->options->list;
	const struct rnm_model *model = &list->models[v->options->index];

	if (model->digest_match != RNM_DIGEST_SAME && v->options->rule->providers_used)
		rnm_verify_find(v, RNM_VERIFY_RULE_DIGEST, "container",
		                "expected the digest of the rule %s, %s, found %s in the profile",
		                v->options->rule->name, v->options->rule->digest,
		                rnm_model_digest_text(model));
	else if (v->options->index != list->served)
		rnm_verify_find(v, RNM_VERIFY_RULE_NOT_SERVED, "rule",
		                "expected the model that workers serve, found another one (%s); %s",
		                model->verdict, list->served_why);
}

/* A worker takes from Redis whatever is newer than what it has, and then forgets the file. */
static void check_version(struct rnm_verifying *v)
{
	const struct rnm_model_list *list = v->options->list;
	const struct rnm_model *newest = list->served < list->count ? &list->models[list->served] : NULL;

	if (newest != NULL && newest->profile.version > v->file->container->model_version)
		rnm_verify_find(v, RNM_VERIFY_RULE_VERSION, "container",
		                "expected at least version %.14g, which Redis has under %s, found %.14g: "
		                "workers go on with the one in Redis",
		                newest->profile.version, newest->profile.redis_key,
		                v->file->container->model_version);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static enum rnm_status check_file(struct rnm_verifying *v, struct rnm_error *err)
{
	check_digest(v);
	if (v->options->rule->providers_used && get_true(v->options->rule->raw, "external_model") == NULL)
		rnm_verify_find(v, RNM_VERIFY_RULE_NO_EXTERNAL, "rule",
		                "expected external_model in the rule %s, found no such option: nothing makes "
		                "rspamd look for the file",
		                v->options->rule->name);
	if (v->options->list != NULL)
		check_version(v);
	return v->file->kind == RNM_MODEL_RNM1 ? check_size(v, err) : RNM_OK;
}

enum rnm_status rnm_verify_rule(struct rnm_verifying *v, struct rnm_error *err)
{
	const struct rnm_rule *rule = v->options->rule;
	enum rnm_status status = RNM_OK;

	rnm_verify_saw(v, "%s, %s%s, %s", rule->name, rule->has_providers ? "digest " : "no digest",
	               rule->digest,
	               v->options->list == NULL ? "Redis not asked" : "with the models in Redis");
	if (v->options->for_redis)
		check_profile_digest(v);
	/* One that lies under another rule would have to come as a file. */
	else if (v->file->kind == RNM_MODEL_REDIS && v->options->list != NULL &&
	         v->options->index < v->options->list->count)
		check_served(v);
	else
		status = check_file(v, err);
	if (status != RNM_OK)
		return status;
	check_inputs(v);
	check_pca(v);
	/* What is no pair of thresholds is not written, and does no harm then. */
	if (!v->options->for_redis)
		check_roc(v);
	return RNM_OK;
}
