/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every stable id that this room raises, with one line for docs/findings.md.  An id is never reused for
 * another meaning and never renamed: scripts compare them.
 */
#ifndef RNM_RSPAMD_CHECK_IDS_H
#define RNM_RSPAMD_CHECK_IDS_H

/* Remarks of rnm_config_check: X(NAME, id, summary). */
#define RNM_CONFIG_FINDINGS(X)                                                                               \
	X(NO_NEURAL, "config.no-neural", "the configuration has no section neural")                          \
	X(NESTED_SECTION, "config.nested-section", "a section lies inside one of its own name")              \
	X(PHANTOM_DEFAULT, "config.phantom-default",                                                         \
	  "neural_export invents a rule default from a module-level train section")                          \
	X(ONE_RULE_NO_TRAIN, "config.one-rule-no-train",                                                     \
	  "neural_export overlooks the one-rule form without a train section")                               \
	X(RULES_LIST, "config.rules-list", "neural.rules is a list, so that no rule has a name")             \
	X(RULE_REPEATED, "config.rule-repeated",                                                             \
	  "a rule is written twice and thereby loses all of its options")                                    \
	X(RULE_TYPE, "config.rule-type", "a rule is not a section")                                          \
	X(PREFIX_SHARED, "config.prefix-shared",                                                             \
	  "two rules have the same prefix, and so the same models in Redis")                                 \
	X(ENABLED_IGNORED, "config.enabled-ignored",                                                         \
	  "enabled = false does not switch off what it stands in")                                           \
	X(PROVIDERS_OBJECT, "config.providers-object",                                                       \
	  "providers is one section instead of a list: it counts as an empty list")                          \
	X(PROVIDERS_EMPTY, "config.providers-empty",                                                         \
	  "providers is an empty list: such a rule can never load a model")                                  \
	X(PROVIDERS_REPEATED, "config.providers-repeated",                                                   \
	  "providers is written several times: read as one list")                                            \
	X(PROVIDERS_TYPE, "config.providers-type", "providers is neither a list nor a section")              \
	X(PROVIDER_TYPE, "config.provider-type", "an element of providers is not a section")                 \
	X(PROVIDER_UNKNOWN, "config.provider-unknown", "a provider has neither type nor name")               \
	X(FUSION_TYPE, "config.fusion-type",                                                                 \
	  "fusion is not a section, so that its defaults apply or rspamd fails")                             \
	X(DEAD_OPTION, "config.dead-option", "rspamd accepts the option and never looks at it")              \
	X(EXTERNAL_TYPE, "config.external-type", "external_model is not a section")                          \
	X(EXTERNAL_NO_URL, "config.external-no-url", "external_model has neither url nor base_url")          \
	X(EXTERNAL_NO_DIGEST, "config.external-no-digest",                                                   \
	  "external_model on a rule without providers: every model is refused")                              \
	X(EXTERNAL_ALPHA, "config.external-alpha", "merge_alpha is not a number from 0 to 1")                \
	X(EXTERNAL_URL_SHARED, "config.external-url-shared",                                                 \
	  "two rules use the same url: only one of them gets the model")                                     \
	X(EXTERNAL_URL_LIST, "config.external-url-list",                                                     \
	  "a list of several sources is concatenated and can then not be read")                              \
	X(EXTERNAL_SIGNED_HTTP, "config.external-signed-http",                                               \
	  "sign+http(s) URLs are loaded without any verification")                                           \
	X(EXTERNAL_SIGN_KEY, "config.external-sign-key",                                                     \
	  "sign_key verifies nothing for http(s), nor for a file without sign+")                             \
	X(REDIS_IN_RULE, "config.redis-in-rule", "Redis options inside a rule are not looked at")            \
	X(TIMEOUT_OVERRIDDEN, "config.timeout-overridden",                                                   \
	  "neural.timeout hides another timeout of the Redis connection")                                    \
	X(TLS_OFF, "config.tls-off", "options of TLS without ssl = true: the connection is not encrypted")   \
	X(TLS_UNIX, "config.tls-unix", "ssl beside a unix socket, on which TLS is never used")               \
	X(TLS_UNVERIFIED, "config.tls-unverified", "no_ssl_verify: any certificate will do")                 \
	X(NUMBER_QUOTED, "config.number-quoted", "a number is written as a string")                          \
	X(NUMBER_SUFFIX, "config.number-suffix",                                                             \
	  "a value looks like a number with a suffix but is a string")                                       \
	X(BOOLEAN_STRING, "config.boolean-string", "a switch is a string, and every string counts as true")  \
	X(MAX_PROFILES, "config.max-profiles",                                                               \
	  "max_profiles is below 1: trained models are deleted at once")                                     \
	X(EXPIRE_SHORT, "config.expire-short",                                                               \
	  "ann_expire is shorter than watch_interval: models vanish between two looks")                      \
	X(OPTION_RANGE, "config.option-range",                                                               \
	  "a time or count is negative or no number, so that its default applies")

/* Remarks about Redis settings; also the warnings of rnm_redis_settings_from_config. */
#define RNM_REDIS_FINDINGS(X)                                                                                \
	X(REDIS_TIMEOUT_QUOTED, "redis.timeout-quoted",                                                      \
	  "timeout is a string with a suffix, which rspamd ignores")                                         \
	X(REDIS_TIMEOUT_BAD, "redis.timeout-bad", "timeout is no positive number")                           \
	X(REDIS_PASSWORD_NUMBER, "redis.password-number", "a password without quotes has become a number")   \
	X(REDIS_BOOLEAN_STRING, "redis.boolean-string",                                                      \
	  "a switch is a string that reads like no, yet counts as true")                                     \
	X(REDIS_DISABLED_STRING, "redis.disabled-string",                                                    \
	  "disabled_modules is a string; rspamd's tools expect a list")                                      \
	X(REDIS_SCALAR, "redis.scalar-section",                                                              \
	  "redis = VALUE is ignored: servers are named inside a section")                                    \
	X(REDIS_SENTINELS_ONLY, "redis.sentinels-only",                                                      \
	  "sentinels without servers: rspamd finds no Redis then")

/* Failures of this room (err.id); rnm_config_check reports them as findings too. */
#define RNM_RSPAMD_FAILURES(X)                                                                               \
	X(RULE_NO_SECTION, "rule.no-neural-section", "there is no section neural")                           \
	X(RULE_UNKNOWN, "rule.unknown", "there is no rule of that name")                                     \
	X(RULE_MALFORMED, "rule.malformed", "a rule or one of its values has a type that rspamd fails on")   \
	X(REDIS_NO_SERVERS, "redis.no-servers", "rspamd finds no Redis servers for the neural module")       \
	X(REDIS_SERVERS_TYPE, "redis.servers-type",                                                          \
	  "a server list is neither a string nor a list of strings")                                         \
	X(REDIS_VALUE_TYPE, "redis.value-type", "a Redis option has a type that cannot be used")             \
	X(REDIS_URL, "redis.url", "a Redis URL is malformed")                                                \
	X(REDIS_TLS_UNUSED, "redis.tls-unused", "options of TLS were given for a server without TLS")        \
	X(REDIS_TLS_PAIR, "redis.tls-pair", "a client certificate without its key, or a key without it")     \
	X(REDIS_TLS_CONFLICT, "redis.tls-conflict", "a trusted CA was named, and nothing is to be verified")

/* RNM_ID_PROVIDERS_OBJECT etc. as string constants. */
#define RNM_ID_VALUE(name, id, summary) static const char RNM_ID_##name[] __attribute__((unused)) = id;
RNM_CONFIG_FINDINGS(RNM_ID_VALUE)
RNM_REDIS_FINDINGS(RNM_ID_VALUE)
RNM_RSPAMD_FAILURES(RNM_ID_VALUE)
#undef RNM_ID_VALUE

#endif
