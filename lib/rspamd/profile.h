/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model profiles as rspamd's workers write and compare them.  rspamd: src/plugins/lua/neural.lua.
 */
#ifndef RNM_RSPAMD_PROFILE_H
#define RNM_RSPAMD_PROFILE_H

#include <rnm/buf.h>
#include <rnm/store.h>

/* A larger member is not parsed at all; real ones have some hundred kilobytes at most. */
#define RNM_PROFILE_MAX ((size_t)16 << 20)
/* Characters of a profile digest made from symbols. */
#define RNM_PROFILE_DIGEST_LEN 103

/* rspamd: numeric meta features of lualib/lua_meta.lua, without those that own modules add. */
#define RNM_METATOKENS 46u

/* What a profile consists of, for writing one. */
struct rnm_profile_fields {
	const char *digest;
	const char *const *symbols; /* in byte order */
	size_t symbol_count;
	double version;
	bool has_distance;
	double distance;
	const char *redis_key;
	const char *providers_digest; /* NULL for a rule without providers */
};

/*
 * Appends the member in the one form in which workers write it themselves.  Any other form of the same
 * profile would get a twin after its first load, and pruning the older twin deletes the model.
 */
void rnm_profile_write(struct rnm_buf *out, const struct rnm_profile_fields *fields);

/* The same for a profile that workers accept (worker_ok): what they write after they have loaded it. */
void rnm_profile_rewrite(struct rnm_buf *out, const struct rnm_profile *profile);

/*
 * The profile digest of a set of symbols (in any order; they are hashed in byte order): BLAKE2b-512 in
 * rspamd's base32.  RNM_E_NOMEM is the only failure.
 */
RNM_MUST_CHECK enum rnm_status rnm_profile_digest(char out[RNM_PROFILE_DIGEST_LEN + 1],
                                                  const char *const *symbols, size_t count,
                                                  struct rnm_error *err);

/*
 * How far two lists of symbols in byte order lie apart by the worker's measure: 0 for equal lists,
 * roughly the number of insertions and deletions otherwise.
 */
uint64_t rnm_profile_distance(const char *const *a, size_t a_count, const char *const *b, size_t b_count);

#endif
