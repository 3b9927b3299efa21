/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which fields of a rule make up its digest.  Values are taken over as they are written: `false` counts
 * as unset only where Lua's `or` stands between a field and its default.
 */
#include "rspamd/digest.h"
#include "rspamd/rule.h"

#include <string.h>

/* rspamd: lualib/plugins/neural.lua, the defaults of conv1d providers and of fusion. */
static const int64_t default_kernels[] = { 1, 3, 5 };
#define DEFAULT_MAX_WORDS 32
#define DEFAULT_POOLING "max"
#define DEFAULT_WEIGHT 1.0

struct walk {
	struct rnm_hasher hash;
	struct rnm_config *config;
	const struct rnm_value *gpt; /* NULL: absent, or not looked at yet */
	bool gpt_read;
	struct rnm_error *err;
};

static struct rnm_digest_key named(const char *name)
{
	return (struct rnm_digest_key){ .name = { name, strlen(name) } };
}

static void put(struct walk *walk, const char *name, const struct rnm_value *value,
                enum rnm_digest_source source)
{
	rnm_hasher_value(&walk->hash, named(name), value, (struct rnm_digest_origin){ source, value });
}

static void put_default(struct walk *walk, const char *name, const struct rnm_value *value)
{
	rnm_hasher_value(&walk->hash, named(name), value,
	                 (struct rnm_digest_origin){ RNM_FROM_DEFAULT, NULL });
}

static void put_default_text(struct walk *walk, const char *name, const char *text)
{
	rnm_hasher_text(&walk->hash, named(name), (struct rnm_bytes){ text, strlen(text) },
	                (struct rnm_digest_origin){ RNM_FROM_DEFAULT, NULL });
}

static void put_default_number(struct walk *walk, const char *name, double number)
{
	const struct rnm_value value = { .type = RNM_FLOAT, .as.real = number };

	put_default(walk, name, &value);
}

static void put_default_bool(struct walk *walk, const char *name, bool boolean)
{
	const struct rnm_value value = { .type = RNM_BOOL, .as.boolean = boolean };

	put_default(walk, name, &value);
}

/* The member if Lua would call it true. */
static const struct rnm_value *get_true(const struct rnm_value *table, const char *key)
{
	const struct rnm_value *value = rnm_value_get(table, key);

	return rnm_value_truthy(value) ? value : NULL;
}

static bool is_string(const struct rnm_value *value, const char *text)
{
	const char *string = rnm_value_string(value);

	return string != NULL && strcmp(string, text) == 0;
}

static enum rnm_status malformed(struct walk *walk, const struct rnm_value *value, const char *expected)
{
	rnm_error_set(walk->err, RNM_E_MALFORMED, "rule.malformed", "%s, found %s", expected,
	              rnm_value_phrase(value));
	if (value->file != NULL)
		rnm_error_at_line(walk->err, value->file, value->line);
	return RNM_E_MALFORMED;
}

static enum rnm_status hash_fusion(struct walk *walk, const struct rnm_value *rule)
{
	const struct rnm_value *fusion = get_true(rule, "fusion");
	const struct rnm_value *field;

	/* Lua indexes strings and tables, everything else is an error there. */
	if (fusion != NULL && fusion->type != RNM_OBJECT && fusion->type != RNM_ARRAY &&
	    fusion->type != RNM_STRING)
		return malformed(walk, fusion, "expected `fusion` to be a section");
	rnm_hasher_begin(&walk->hash, named("fusion"));
	field = get_true(fusion, "normalization");
	if (field != NULL)
		put(walk, "normalization", field, RNM_FROM_RULE);
	else
		put_default_text(walk, "normalization", "none");
	field = rnm_value_get(fusion, "include_meta");
	if (field != NULL)
		put(walk, "include_meta", field, RNM_FROM_RULE);
	else
		put_default_bool(walk, "include_meta", true);
	field = rnm_value_get(fusion, "meta_weight");
	if (field != NULL)
		put(walk, "meta_weight", field, RNM_FROM_RULE);
	else
		put_default_number(walk, "meta_weight", DEFAULT_WEIGHT);
	field = rnm_value_get(fusion, "per_provider_pca");
	if (field != NULL)
		put(walk, "per_provider_pca", field, RNM_FROM_RULE);
	else
		put_default_bool(walk, "per_provider_pca", false);
	rnm_hasher_end(&walk->hash, named("fusion"),
	               (struct rnm_digest_origin){ fusion != NULL ? RNM_FROM_RULE : RNM_FROM_DEFAULT,
	                                           fusion });
	return RNM_OK;
}

/* The section gpt is looked at only for an llm provider that leaves something open. */
static enum rnm_status read_gpt(struct walk *walk)
{
	enum rnm_status status;

	if (walk->gpt_read || walk->config == NULL)
		return RNM_OK;
	status = rnm_config_get_all_opt(walk->config, "gpt", &walk->gpt, walk->err);
	walk->gpt_read = status == RNM_OK;
	return status;
}

/* gpt's limit for the model: the model's own entry wins over the general one. */
static const struct rnm_value *gpt_max_tokens(const struct rnm_value *gpt, const struct rnm_value *model)
{
	const struct rnm_value *entry = NULL;
	const struct rnm_value *tokens;

	if (model != NULL && model->type == RNM_STRING)
		entry = rnm_value_get_n(rnm_value_get(gpt, "model_parameters"), model->as.string);
	tokens = get_true(entry, "max_completion_tokens");
	if (tokens == NULL)
		tokens = get_true(entry, "max_tokens");
	return tokens != NULL ? tokens : get_true(gpt, "max_tokens");
}

static enum rnm_status hash_llm(struct walk *walk, const struct rnm_value *provider)
{
	static const char *const type_keys[] = { "llm_type", "api", "backend" };
	const struct rnm_value *type = NULL;
	const struct rnm_value *model = get_true(provider, "model");
	const struct rnm_value *tokens = get_true(provider, "max_tokens");
	enum rnm_digest_source type_source = RNM_FROM_RULE;
	enum rnm_digest_source model_source = RNM_FROM_RULE;
	enum rnm_digest_source tokens_source = RNM_FROM_RULE;

	for (size_t i = 0; type == NULL && i < sizeof(type_keys) / sizeof(type_keys[0]); i++)
		type = get_true(provider, type_keys[i]);
	if (type == NULL || model == NULL || tokens == NULL) {
		enum rnm_status status = read_gpt(walk);

		if (status != RNM_OK)
			return status;
	}
	if (type == NULL) {
		type = get_true(walk->gpt, "type");
		type_source = RNM_FROM_GPT;
	}
	if (model == NULL) {
		model = get_true(walk->gpt, "model");
		model_source = RNM_FROM_GPT;
	}
	if (tokens == NULL) {
		tokens = gpt_max_tokens(walk->gpt, model);
		tokens_source = RNM_FROM_GPT;
	}
	if (type != NULL)
		put(walk, "llm_type", type, type_source);
	if (model != NULL)
		put(walk, "model", model, model_source);
	if (tokens != NULL)
		put(walk, "max_tokens", tokens, tokens_source);
	return RNM_OK;
}

static void hash_default_kernels(struct walk *walk)
{
	const struct rnm_digest_origin origin = { RNM_FROM_DEFAULT, NULL };

	rnm_hasher_begin(&walk->hash, named("kernel_sizes"));
	for (size_t i = 0; i < sizeof(default_kernels) / sizeof(default_kernels[0]); i++) {
		const struct rnm_value size = { .type = RNM_INT, .as.integer = default_kernels[i] };

		rnm_hasher_value(&walk->hash, (struct rnm_digest_key){ .index = i + 1 }, &size, origin);
	}
	rnm_hasher_end(&walk->hash, named("kernel_sizes"), origin);
}

static void hash_conv1d(struct walk *walk, const struct rnm_value *provider)
{
	const struct rnm_value default_words = { .type = RNM_INT, .as.integer = DEFAULT_MAX_WORDS };
	const struct rnm_value *words = get_true(provider, "max_words");
	const struct rnm_value *kernels = get_true(provider, "kernel_sizes");
	const struct rnm_value *pooling = get_true(provider, "conv_pooling");

	put(walk, "output_mode", rnm_value_get(provider, "output_mode"), RNM_FROM_RULE);
	if (words != NULL)
		put(walk, "max_words", words, RNM_FROM_RULE);
	else
		put_default(walk, "max_words", &default_words);
	if (kernels != NULL)
		put(walk, "kernel_sizes", kernels, RNM_FROM_RULE);
	else
		hash_default_kernels(walk);
	if (pooling != NULL)
		put(walk, "conv_pooling", pooling, RNM_FROM_RULE);
	else
		put_default_text(walk, "conv_pooling", DEFAULT_POOLING);
}

/* A provider that is a string has no fields: Lua indexes strings without complaint. */
static enum rnm_status hash_provider(struct walk *walk, const struct rnm_value *provider, size_t index)
{
	const struct rnm_digest_key key = { .index = index };
	const struct rnm_value *type = get_true(provider, "type");
	const struct rnm_value *weight = get_true(provider, "weight");
	const struct rnm_value *dim = rnm_value_get(provider, "dim");
	enum rnm_status status = RNM_OK;

	if (provider->type != RNM_OBJECT && provider->type != RNM_ARRAY && provider->type != RNM_STRING)
		return malformed(walk, provider, "expected each element of `providers` to be a section");
	if (type == NULL)
		type = get_true(provider, "name");
	rnm_hasher_begin(&walk->hash, key);
	if (type != NULL)
		put(walk, "type", type, RNM_FROM_RULE);
	else
		put_default_text(walk, "type", "unknown");
	if (weight != NULL)
		put(walk, "weight", weight, RNM_FROM_RULE);
	else
		put_default_number(walk, "weight", DEFAULT_WEIGHT);
	if (dim != NULL)
		put(walk, "dim", dim, RNM_FROM_RULE);
	if (is_string(type, "llm"))
		status = hash_llm(walk, provider);
	if (status == RNM_OK && is_string(rnm_value_get(provider, "output_mode"), "conv1d"))
		hash_conv1d(walk, provider);
	rnm_hasher_end(&walk->hash, key, (struct rnm_digest_origin){ RNM_FROM_RULE, provider });
	return status;
}

static enum rnm_status hash_providers(struct walk *walk, const struct rnm_value *providers)
{
	if (providers->type != RNM_ARRAY && providers->type != RNM_OBJECT)
		return malformed(walk, providers, "expected `providers` to be a list of sections");
	rnm_hasher_begin(&walk->hash, named("providers"));
	/* One object is a table without elements for rspamd: an empty list. */
	for (size_t i = 0; providers->type == RNM_ARRAY && i < rnm_value_count(providers); i++) {
		enum rnm_status status = hash_provider(walk, rnm_value_at(providers, i), i + 1);

		if (status != RNM_OK)
			return status;
	}
	rnm_hasher_end(&walk->hash, named("providers"),
	               (struct rnm_digest_origin){ RNM_FROM_RULE, providers });
	return RNM_OK;
}

static enum rnm_status hash_rule(struct walk *walk, const struct rnm_value *rule,
                                 const struct rnm_value *providers)
{
	const struct rnm_value *max_inputs = get_true(rule, "max_inputs");
	enum rnm_status status = hash_fusion(walk, rule);

	if (status == RNM_OK)
		status = hash_providers(walk, providers);
	if (status == RNM_OK && max_inputs != NULL)
		put(walk, "max_inputs", max_inputs, RNM_FROM_RULE);
	if (status != RNM_OK)
		return status;
	if (walk->hash.failed)
		return rnm_error_nomem(walk->err);
	if (walk->hash.too_deep)
		return rnm_error_set(walk->err, RNM_E_MALFORMED, "rule.malformed",
		                     "expected at most %d nested lists and sections in a rule, found more",
		                     RNM_DIGEST_DEPTH_MAX);
	return RNM_OK;
}

enum rnm_status rnm_digest_rule(char digest[RNM_DIGEST_LEN + 1], struct rnm_config *config,
                                const struct rnm_value *rule, enum rnm_number_style numbers,
                                struct rnm_digest_explanation *record, struct rnm_error *err)
{
	const struct rnm_value *providers = get_true(rule, "providers");
	struct walk walk = { .config = config, .err = err };
	enum rnm_status status;

	if (providers == NULL) {
		digest[0] = '\0';
		return RNM_OK;
	}
	rnm_hasher_init(&walk.hash, numbers, record);
	status = hash_rule(&walk, rule, providers);
	if (status == RNM_OK) {
		rnm_hasher_digest(&walk.hash, digest);
		if (record != NULL)
			memcpy(record->digest, digest, RNM_DIGEST_LEN + 1);
	}
	rnm_hasher_free(&walk.hash);
	return status;
}
