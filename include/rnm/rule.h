/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/rule.h: the rules of rspamd's neural module, the names of their keys in Redis and the digest
 * that says which inputs a model was trained for.
 * Source of the facts: rspamd 4.1 lualib/rspamadm/neural_export.lua, lualib/plugins/neural.lua.
 */
#ifndef RNM_RULE_H
#define RNM_RULE_H

#include <rnm/config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_DIGEST_LEN 16 /* hex digits of a providers digest */
/* Format version of the plugin and version of its meta tokens: both are part of the zset's name.
 * rspamd: plugin_ver in lualib/plugins/neural.lua, version in lualib/lua_meta.lua. */
#define RNM_PLUGIN_VERSION "3"
#define RNM_METATOKENS_VERSION "3"

struct rnm_rule {
	char *name;          /* key under neural.rules, or "default" for the one-rule form */
	char *prefix;        /* P: the rule's prefix, else its name */
	char *global;        /* G: neural.prefix, else "rn" */
	bool legacy;         /* the whole neural section is the rule */
	bool has_providers;  /* the rule has a key `providers` at all: it has a digest */
	bool providers_used; /* a non-empty list: models need an equal providers_digest (worker's rule) */
	bool disable_symbols_input;
	char digest[RNM_DIGEST_LEN + 1]; /* "" when !has_providers */
	double max_profiles;             /* neural.max_profiles, 3 by default */
	double ann_expire;               /* seconds, 172800 by default */
	double watch_interval;           /* seconds, 60 by default */
	/* The rule's table; borrowed from the config.  NULL: no configuration, only a name (see rnm_store_list). */
	const struct rnm_value *raw;
};

/* How numbers are written into digests: LuaJIT (distribution packages on x86-64) or PUC-Lua 5.4 builds. */
enum rnm_number_style { RNM_NUMBERS_LUAJIT, RNM_NUMBERS_LUA54 };

struct rnm_rule_options {
	enum rnm_number_style numbers;
	/*
	 * The original lets a module-level `train` section act as a rule "default" even beside `rules`,
	 * and needs it for the one-rule form (docs/compatibility.md).  false: as rspamd's plugin does.
	 */
	bool as_original;
};

/*
 * Looks up one rule and computes its digest.  options may be NULL.  Errors: RNM_E_NOT_FOUND with the
 * ids "rule.no-neural-section" or "rule.unknown" (the hint names the rules that exist),
 * RNM_E_MALFORMED ("rule.malformed") for a rule or a providers value of the wrong type.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_rule_open(struct rnm_rule **out, struct rnm_config *config,
                                                     const char *name, const struct rnm_rule_options *options,
                                                     struct rnm_error *err);
/* A rule that stands only for a prefix found in Redis: rspamd's defaults, no digest, raw is NULL. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_rule_bare(struct rnm_rule **out, const char *global,
                                                     const char *prefix, struct rnm_error *err);
RNM_API void rnm_rule_free(struct rnm_rule *rule);

/*
 * The module's own prefix G, with which the names of all its keys begin: neural.prefix, else "rn" (also
 * when there is no section neural).  *out is malloc'd.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_rule_global_prefix(char **out, struct rnm_config *config,
                                                              const struct rnm_rule_options *options,
                                                              struct rnm_error *err);

/* Names of all rules in order of the configuration, as an array to be freed with rnm_names_free. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_rule_names(char ***names, size_t *count, struct rnm_config *config,
                                                      const struct rnm_rule_options *options,
                                                      struct rnm_error *err);
RNM_API void rnm_names_free(char **names, size_t count);

/*
 * A digest explained: the normalised fields in the order in which they are hashed, inner containers
 * first.  All strings belong to the explanation.
 */
struct rnm_digest_step {
	char *path;   /* "fusion.normalization", "providers[1].weight", "providers", ... */
	char *value;  /* text form of the value, or the inner container's 16 hex digits */
	char *origin; /* "file:line", "default", or "gpt (file:line)" */
	char *hashed; /* the bytes that are hashed; hashed_len of them, with one NUL inside */
	size_t hashed_len;
	char hash[RNM_DIGEST_LEN + 1]; /* XXH3-64 of those bytes */
};
struct rnm_digest_explanation {
	struct rnm_digest_step *steps;
	size_t count;
	char digest[RNM_DIGEST_LEN + 1]; /* "" for a rule without providers */
};
RNM_API RNM_MUST_CHECK enum rnm_status rnm_rule_explain(struct rnm_digest_explanation **out,
                                                        struct rnm_config *config,
                                                        const struct rnm_rule *rule,
                                                        const struct rnm_rule_options *options,
                                                        struct rnm_error *err);
RNM_API void rnm_digest_explanation_free(struct rnm_digest_explanation *explanation);

/* Name of the sorted set that lists the models of (rule, settings): G3_P_3_S.  malloc'd; NULL: no memory. */
RNM_API char *rnm_rule_zset(const struct rnm_rule *rule, const char *settings);

/*
 * Takes a zset's name apart.  true when name has the form G3_P_3_S for the given G; P and S are
 * returned as parts of name.  Where P or S hold the separator the split is ambiguous: each known
 * prefix is preferred, else the first separator is taken.
 */
RNM_API bool rnm_zset_split(struct rnm_bytes name, const char *global, char *const *known_prefixes,
                            size_t known_count, struct rnm_bytes *prefix, struct rnm_bytes *settings);

/* One remark of `rnm config --check`. */
struct rnm_finding {
	char id[RNM_ERROR_ID_MAX]; /* "config.providers-object", ... (docs/findings.md) */
	char *text;                /* what is suspicious and what to do */
	char *file;                /* NULL when unknown */
	uint32_t line;             /* 0 when unknown */
};
RNM_API RNM_MUST_CHECK enum rnm_status rnm_config_check(struct rnm_finding **out, size_t *count,
                                                        struct rnm_config *config, struct rnm_error *err);
RNM_API void rnm_findings_free(struct rnm_finding *findings, size_t count);

#ifdef __cplusplus
}
#endif
#endif
