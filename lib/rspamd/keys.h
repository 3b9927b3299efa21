/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of keys in Redis.  rspamd: lualib/plugins/neural.lua.
 */
#ifndef RNM_RSPAMD_KEYS_H
#define RNM_RSPAMD_KEYS_H

#include <rnm/rule.h>

/* How many characters of a profile digest are part of a model's key. */
#define RNM_KEY_DIGEST_LEN 8

/*
 * Name of the hash that holds a model: G_P_S_D8_V, where D8 is the start of profile_digest.
 * malloc'd; NULL: no memory.
 */
char *rnm_rule_model_key(const struct rnm_rule *rule, const char *settings, const char *profile_digest,
                         int64_t version);

/* Names of the sets of vectors of a class ("spam" or "ham"): of a model, and without one.  As above. */
char *rnm_training_key(const char *model_key, const char *class_);
char *rnm_pending_key(const struct rnm_rule *rule, const char *settings, const char *class_);

#endif
