/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/training.h: the vectors that rspamd gathers in Redis to train the next network from.
 * Source of the facts: rspamd 4.1 src/plugins/lua/neural.lua, lualib/plugins/neural.lua.
 */
#ifndef RNM_TRAINING_H
#define RNM_TRAINING_H

#include <rnm/redis.h>
#include <rnm/rule.h>
#include <rnm/score.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_TRAINING_MEMBER_MAX ((size_t)16 << 20)   /* bytes of one vector as stored */
#define RNM_TRAINING_EXPANDED_MAX ((size_t)32 << 20) /* and expanded */
#define RNM_TRAINING_VECTORS_MAX ((size_t)1 << 22)   /* named for one class; rspamd trains from some 1000 */

/*
 * Decodes one member: a zstd frame of count numbers joined by ';'.  values has room for count.
 * RNM_E_MALFORMED "zstd.*", "vector.csv", "vector.length", "vector.non-finite".
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_training_decode(struct rnm_bytes member, double *values,
                                                           size_t count, struct rnm_error *err);

/* The sets of one class: that of the model's key, and the pending one of its rule and settings id. */
#define RNM_TRAINING_SETS 2
struct rnm_training_set {
	char *key;
	uint64_t vectors;         /* handed over */
	uint64_t duplicates;      /* in the set before too: they count once, as in rspamd */
	uint64_t bad;             /* not of the expected form: left out */
	struct rnm_error problem; /* of the first of those */
};
struct rnm_training_sets {
	struct rnm_training_set spam[RNM_TRAINING_SETS];
	struct rnm_training_set ham[RNM_TRAINING_SETS];
};

/* Takes one vector; anything but RNM_OK ends the reading with that status. */
typedef enum rnm_status rnm_training_sink(void *ctx, enum rnm_class class_, const double *values,
                                          size_t count, struct rnm_error *err);

/*
 * Reads all training vectors of a model in batches (SSCAN), whatever their number in memory that does not depend
 * on it but for 16 bytes each.  model_key is the hash of the model; count the numbers of a vector.  A set that is
 * not there is an empty one.  *out is released by rnm_training_sets_free.
 *   RNM_E_REDIS      "training.refused" (a key of another type, a command that is not allowed)
 *   RNM_E_MALFORMED  "training.too-many", "store.too-large"
 * After a failure the connection may stand inside a reply and is fit for rnm_redis_free only.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_training_read(struct rnm_training_sets **out,
                                                         struct rnm_redis *redis, const struct rnm_rule *rule,
                                                         const char *settings, const char *model_key,
                                                         size_t count, rnm_training_sink *sink, void *ctx,
                                                         struct rnm_error *err);
RNM_API void rnm_training_sets_free(struct rnm_training_sets *sets);

#ifdef __cplusplus
}
#endif
#endif
