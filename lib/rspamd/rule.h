/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding rules in the section neural, for the other files of this room.
 */
#ifndef RNM_RSPAMD_RULE_H
#define RNM_RSPAMD_RULE_H

#include <rnm/rule.h>

/* Defaults of rspamd: lualib/plugins/neural.lua. */
#define RNM_DEFAULT_GLOBAL_PREFIX "rn"
#define RNM_DEFAULT_RULE "default"
#define RNM_DEFAULT_MAX_PROFILES 3.0
#define RNM_DEFAULT_ANN_EXPIRE 172800.0
#define RNM_DEFAULT_WATCH_INTERVAL 60.0

/* Where the rules of a configuration are written. */
struct rnm_rule_set {
	const struct rnm_value *neural; /* the whole section */
	const struct rnm_value *rules;  /* neural.rules, or NULL when it is absent or false */
	bool whole_section;             /* the section itself is a rule named "default" */
};

/* RNM_E_NOT_FOUND "rule.no-neural-section", RNM_E_MALFORMED "rule.malformed". */
RNM_MUST_CHECK enum rnm_status rnm_rule_set_read(struct rnm_rule_set *out, struct rnm_config *config,
                                                 bool as_original, struct rnm_error *err);

/* The table of a rule; NULL when there is none of that name. */
const struct rnm_value *rnm_rule_set_find(const struct rnm_rule_set *set, const char *name);

/* The type of a value for a sentence: "a string", "an integer", "a section", "a list", "null". */
const char *rnm_value_phrase(const struct rnm_value *value);

/* Sets the error "rule.unknown" with what there is instead. */
enum rnm_status rnm_rule_unknown(const struct rnm_rule_set *set, const char *name, struct rnm_error *err);

#endif
