/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/store.h: models in Redis: profiles, which one is served, export to a file.
 * Source of the facts: rspamd 4.1 src/plugins/lua/neural.lua, lualib/rspamadm/neural_export.lua.
 */
#ifndef RNM_STORE_H
#define RNM_STORE_H

#include <rnm/model_file.h>
#include <rnm/redis.h>
#include <rnm/rule.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rnm_version_kind {
	RNM_VERSION_ABSENT,
	RNM_VERSION_NUMBER,
	RNM_VERSION_STRING, /* a numeric string, coerced as rspamd's workers do */
	RNM_VERSION_BAD     /* any other type, or a string that is no number */
};

/*
 * One member of the sorted set.  The text is parsed strictly first; what is not JSON is read as
 * leniently as rspamd does, so that `list` shows what the original shows, and marked malformed.
 */
struct rnm_profile {
	struct rnm_bytes member; /* as stored */
	double score;            /* UNIX time with fraction */
	bool json;               /* strict JSON, which the script asks for that prunes the list */
	bool parsed;             /* false: not even rspamd's lenient parser reads it */
	bool malformed;          /* not a strict JSON object with the fields below in their right types */
	char *problem;           /* why malformed or not loadable by a worker; NULL when neither */
	bool worker_ok;          /* passes the worker's closed schema */
	char *digest;            /* profile digest, or NULL */
	char **symbols;          /* symbol_count names in stored order */
	size_t symbol_count;
	enum rnm_version_kind version_kind;
	double version;           /* 0 unless version_kind is NUMBER or STRING */
	bool has_version_integer; /* the version was written as an integer of at most 64 bits ... */
	int64_t version_integer;  /* ... this one, exact where `version` is rounded (beyond 2^53) */
	char *
	    version_text; /* what the original prints: "%.14g", "0" when absent, "true", ...; never NULL once parsed */
	char *redis_key;        /* NULL when missing or not usable as a key */
	char *providers_digest; /* NULL when missing */
	bool has_distance;      /* the field `distance` is there, and is a number */
	double distance;
};

/* Parses one member.  Never fails but for memory; what is wrong is in the fields. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_profile_parse(struct rnm_profile *out, struct rnm_bytes member,
                                                         double score, struct rnm_error *err);
RNM_API void rnm_profile_clear(struct rnm_profile *profile);

enum rnm_digest_match {
	RNM_DIGEST_SAME,    /* the profile names the configuration's digest, or neither has one */
	RNM_DIGEST_OTHER,   /* trained under another configuration */
	RNM_DIGEST_MISSING, /* the rule has providers, the profile names no digest */
	RNM_DIGEST_UNWANTED /* the rule has no providers, the profile names a digest */
};

#define RNM_TTL_NONE (-1)
#define RNM_TTL_NO_KEY (-2)
#define RNM_TTL_UNKNOWN INT64_MIN

struct rnm_model {
	struct rnm_profile profile;
	bool live;       /* the hash has a field `ann` */
	bool wrong_type; /* the key is not a hash */
	char *key_error; /* Redis' answer when the key could not be asked (ACL, ...), or NULL */
	bool has_ann_size;
	uint64_t ann_size; /* bytes of the compressed network */
	int64_t ttl_ms;    /* RNM_TTL_* or milliseconds */
	enum rnm_digest_match digest_match;
	bool in_window; /* among the max_profiles + 1 newest, which is all that workers look at */
	char *verdict;  /* one phrase: "served", or why workers pass it over; without a configuration "live",
	                          or what is wrong with the profile or its key; never NULL */
};

struct rnm_model_list {
	char *zset;
	char *settings;
	int64_t zset_ttl_ms;
	struct rnm_model
	    *models; /* newest first, ties in reverse byte order of the member, as the original lists them */
	size_t count;
	size_t
	    served; /* index of the model that workers would serve, or SIZE_MAX (also without a configuration) */
	size_t original;  /* index of the one that the original exports, or SIZE_MAX */
	char *served_why; /* one sentence; never NULL */
	char *key_hint;   /* what to do about the first key_error of the models, or NULL */
};

enum rnm_list_detail {
	RNM_LIST_ALIVE, /* only whether `ann` exists: the commands that the original uses (ZREVRANGE, HEXISTS) */
	RNM_LIST_FULL /* sizes and times to live too (HSTRLEN, PTTL); a refused command leaves its column unknown */
};

/*
 * Reads all profiles of (rule, settings) in two pipelined round trips.  An absent zset is an empty
 * list.  A rule without a table (raw) is a name without a configuration: nothing is then said of what is
 * served.  RNM_E_REDIS when the zset has the wrong type (id "store.zset") or Redis answers with another error
 * (ids "answer.noperm", "answer.moved", ...: docs/redis.md).
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_store_list(struct rnm_model_list **out, struct rnm_redis *redis,
                                                      const struct rnm_rule *rule, const char *settings,
                                                      enum rnm_list_detail detail, struct rnm_error *err);
RNM_API void rnm_model_list_free(struct rnm_model_list *list);

/*
 * Every zset of the rule's module in Redis (SCAN), as prefix and settings pairs in byte order; released by
 * rnm_store_sets_free.  known_prefixes tell where a name ends that has several readings.  RNM_E_REDIS
 * "store.scan" (SCAN was refused), RNM_E_MALFORMED "store.too-many".
 */
struct rnm_store_set {
	char *zset;
	char *prefix;
	char *settings;
};
RNM_API RNM_MUST_CHECK enum rnm_status rnm_store_scan(struct rnm_store_set **out, size_t *count,
                                                      struct rnm_redis *redis, const char *global,
                                                      char *const *known_prefixes, size_t known_count,
                                                      struct rnm_error *err);
RNM_API void rnm_store_sets_free(struct rnm_store_set *sets, size_t count);

struct rnm_choice {
	bool newest;     /* by score, as the original; otherwise as a worker: highest version */
	bool any_digest; /* take a model that was trained under another configuration */
	bool has_version;
	double version; /* only this version; the newest of several */
};
/*
 * Chooses a live model.  RNM_E_NOT_FOUND (ids "store.empty", "store.none-live", "store.no-version"),
 * RNM_E_REDIS ("store.none-live", when Redis refused to show a key) or RNM_E_REFUSED ("store.digest", both
 * digests named) otherwise.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_store_choose(size_t *index, const struct rnm_model_list *list,
                                                        const struct rnm_rule *rule,
                                                        const struct rnm_choice *choice,
                                                        struct rnm_error *err);

struct rnm_export_options {
	const char *path;       /* file to replace, or NULL for the descriptor */
	struct rnm_buf *memory; /* not NULL: the bytes are appended here instead, and no file is touched */
	int fd;               /* used when path is NULL; gets bytes only after everything has been checked */
	bool compress;        /* the whole file as one zstd frame with its size */
	bool dry_run;         /* read and check everything, write nothing */
	bool no_hash;         /* leave result.hash empty: saves about a second of CPU a gigabyte */
	bool original_fields; /* only what the original writes: no map `rnm`, its rules for odd versions */
	bool for_reading;     /* no file for rspamd: a rule without a digest and any version are fine */
	bool any_digest;      /* see rnm_choice; the file then carries the digest that the profile names (with
	                          original_fields, or when it names none: the configuration's) */
	int64_t created_at;   /* UNIX seconds to stamp */
	const char *tool;     /* "rnm 0.1.0", for the map `rnm` */
	const char *spool_dir; /* where bytes wait that must be checked, or compressed, before they go out (an
	                          unlinked temporary file); NULL: /tmp.  Unused when a file is replaced as it is */
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
	void *progress_ctx;
	const volatile sig_atomic_t *cancel; /* may be NULL */
};
struct rnm_export_result {
	uint64_t file_size;
	uint64_t ann_size, ann_expanded;
	uint64_t pca_size, pca_expanded; /* 0 without pca */
	bool has_roc, has_norm, has_pca;
	char digest[RNM_DIGEST_LEN + 1]; /* written into the file */
	char hash[65];                   /* BLAKE2b-256 of the file, hex */
	bool locked, obsolete;           /* the hash is being trained from, or has a successor */
	char lock_host[256];             /* who trains, as far as the hash tells; "" when not locked */
	bool bad_providers_meta; /* providers_meta was there but is no JSON list: left out of the map `rnm` */
};
/*
 * Streams one model of the list into a file.  The old file stays whole until the new one is complete,
 * checked and on disk; a failure or an interrupt leaves no temporary file.  Peak memory does not
 * depend on the size of the model.
 *   RNM_E_NOT_FOUND "export.vanished"   the hash lost its network since it was listed
 *   RNM_E_MALFORMED "export.blob", "export.norm-stats", "export.roc", ids of rnm_frame_check
 *   RNM_E_REFUSED   "export.no-providers" (the rule has no digest), "export.digest", "export.version"
 *   RNM_E_REFUSED   "export.too-large" (rspamd reads no larger file)
 *   RNM_E_REDIS     "answer.noperm", "answer.moved", ... (HMGET was refused; docs/redis.md), "export.redis"
 *   RNM_E_IO        "export.open", "export.write" (reference text as the original's), "export.spool"
 * progress gets the bytes of the blobs; total is 0 until the length of the last one is known.
 * After a failure the connection may stand inside a reply and is fit for rnm_redis_free only.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_store_export(struct rnm_redis *redis, const struct rnm_rule *rule,
                                                        const struct rnm_model_list *list, size_t index,
                                                        const struct rnm_export_options *options,
                                                        struct rnm_export_result *result,
                                                        struct rnm_error *err);

/*
 * Reads one model of the list into memory, with everything that an export of it would carry, whatever its
 * digest and version.  kind is RNM_MODEL_REDIS; name stands in errors.  Errors as rnm_store_export.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_store_open(struct rnm_model_file **out, struct rnm_redis *redis,
                                                      const struct rnm_rule *rule,
                                                      const struct rnm_model_list *list, size_t index,
                                                      const char *name, const volatile sig_atomic_t *cancel,
                                                      struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif
