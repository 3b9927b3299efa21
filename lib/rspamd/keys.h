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

/* Name of the copy of an external model that belongs to a model's key; as above. */
char *rnm_base_key(const char *model_key);

/* Names of the sets of vectors of a class ("spam" or "ham"): of a model, and without one.  As above. */
char *rnm_training_key(const char *model_key, const char *class_);
char *rnm_pending_key(const struct rnm_rule *rule, const char *settings, const char *class_);

/*
 * Where a restore gathers vectors for the set under key, a name of our own that rspamd never makes: it begins as
 * all others do, for the rights of a Redis user, and lies in the same slot of a cluster.  nonce tells those who
 * do it at the same time apart.  As above.
 */
char *rnm_restore_key(const char *global, const char *key, uint64_t nonce);

/* What a key is to the neural module, by its name alone. */
enum rnm_key_kind {
	RNM_KEY_OTHER,    /* nothing that it makes */
	RNM_KEY_MODEL,    /* G_P_S_D8_V */
	RNM_KEY_BASE,     /* the copy of an external model beside it */
	RNM_KEY_TRAINING, /* vectors for the next model of a key */
	RNM_KEY_PENDING,  /* vectors for no model in particular */
	RNM_KEY_RESTORE   /* vectors that a restore gathers */
};
/*
 * *owner is the part of name that says whose it is: the model's key, (PENDING) G_P_S, or (RESTORE) the key of the
 * set.  global is G.
 */
enum rnm_key_kind rnm_key_kind_of(struct rnm_bytes name, const char *global, struct rnm_bytes *owner);

#endif
