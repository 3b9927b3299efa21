/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/backup.h: models of Redis in a folder, and back.  What lies in the folder: docs/backup.md.
 *
 * A backup is a manifest, which names everything that was there, and the objects that it names: values too long
 * to stand in the manifest, each under the hash of its bytes, so that none is stored twice.  Every backup is a
 * manifest more (a generation); old ones can be dropped.
 *
 * Memory: a few fixed buffers beside the manifest, whatever the size of the models.
 */
#ifndef RNM_BACKUP_H
#define RNM_BACKUP_H

#include <rnm/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits on hostile servers and folders. */
#define RNM_BACKUP_INLINE_MAX ((size_t)4096)       /* longest value that stands in the manifest */
#define RNM_BACKUP_FIELDS_MAX ((size_t)1024)       /* fields of one hash; rspamd writes eight */
#define RNM_BACKUP_NAME_MAX ((size_t)4096)         /* bytes of a field's name */
#define RNM_BACKUP_MEMBER_MAX ((size_t)16 << 20)   /* bytes of a profile or a training vector */
#define RNM_BACKUP_MANIFEST_MAX ((size_t)64 << 20) /* bytes of a manifest */

#define RNM_BACKUP_HASH_HEX 65 /* BLAKE2b-256 in hexadecimal and the NUL */

/* ---- the manifest ---- */

struct rnm_backup_value {
	uint64_t size;
	const char *inline_bytes;       /* size of them and a NUL; NULL: an object */
	char hash[RNM_BACKUP_HASH_HEX]; /* of an object: its name in the folder objects */
};

struct rnm_backup_field {
	struct rnm_bytes name;
	struct rnm_backup_value value;
};

/* A set of training vectors: members one after the other, each behind its length (32 bits, little-endian). */
struct rnm_backup_training {
	const char *key;
	uint64_t vectors;
	int64_t ttl_ms; /* RNM_TTL_NONE or milliseconds, as everywhere here */
	struct rnm_backup_value value;
};

struct rnm_backup_profile {
	struct rnm_backup_value member;
	double score;
};

#define RNM_BACKUP_CLASSES 2 /* spam and ham */

/* One key of a model with all profiles that name it; of a profile that names none, the profile alone. */
struct rnm_backup_model {
	const char *key;     /* NULL: none */
	const char *version; /* as `rnm list` shows it; NULL: none */
	bool live;           /* the hash has a network */
	int64_t ttl_ms;      /* of the hash */
	struct rnm_backup_profile *profiles;
	size_t profile_count;
	struct rnm_backup_field *fields; /* in the order of Redis; none: there was no hash */
	size_t field_count;
	struct rnm_backup_training training[RNM_BACKUP_CLASSES];
	size_t training_count;
};

struct rnm_backup_set {
	const char *rule;   /* NULL: of no rule of the configuration */
	const char *global; /* neural.prefix, with which all keys begin */
	const char *prefix;
	const char *settings;
	const char *zset;
	int64_t zset_ttl_ms;
	struct rnm_backup_model *models; /* in byte order of their keys */
	size_t model_count;
	struct rnm_backup_training pending[RNM_BACKUP_CLASSES]; /* vectors that belong to no model yet */
	size_t pending_count;
};

struct rnm_backup_storage; /* opaque: where the texts of a manifest lie */

/* What rnm_backup_manifest_read makes. */
struct rnm_backup_manifest {
	const char *path;       /* NULL: not written yet */
	const char *created_at; /* UTC, ISO 8601 */
	const char *tool;
	const char *server;
	bool complete; /* false: something could not be read */
	bool with_training;
	struct rnm_backup_set *sets;
	size_t set_count;
	struct rnm_backup_storage *storage;
};
RNM_API void rnm_backup_manifest_free(struct rnm_backup_manifest *manifest);

/* ---- making a backup ---- */

struct rnm_backup_options {
	const char *folder; /* made when it is not there; its parent has to be */
	bool with_training;
	bool dry_run; /* read everything, write nothing: the folder need not exist */
	double now;   /* UNIX seconds to stamp */
	const char *tool;
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* networks of one set; may be NULL */
	void *progress_ctx;
};

struct rnm_backup; /* a generation being made */

/*
 * Opens the folder and locks it until rnm_backup_free: others that write there are refused.
 *   RNM_E_IO       "backup.folder", "backup.write"
 *   RNM_E_REFUSED  "backup.busy"
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_backup_open(struct rnm_backup **out,
                                                       const struct rnm_backup_options *options,
                                                       struct rnm_error *err);
/* Without rnm_backup_commit no generation is made; objects that have been written stay for the next one. */
RNM_API void rnm_backup_free(struct rnm_backup *backup);

struct rnm_backup_totals {
	uint64_t models; /* live ones */
	uint64_t profiles;
	uint64_t vectors;                /* for training */
	uint64_t objects;                /* values named, each as often as it is */
	uint64_t bytes;                  /* of all values */
	uint64_t new_objects, new_bytes; /* those that were not in the folder */
};

/*
 * Reads one set: its sorted set as a whole, the hash of each profile, and training sets if asked.  name is that
 * of the rule, or NULL.  A set without a live model (and without training vectors, if they are asked for) is
 * left out, totals->models then being 0.  What has failed leaves no trace in the manifest but `complete`.
 *   RNM_E_REDIS      "backup.redis", "store.zset", "answer.*"
 *   RNM_E_MALFORMED  "backup.fields", "store.too-large"
 *   RNM_E_IO         "backup.write"
 * After a failure the connection may stand inside a reply and is fit for rnm_redis_free only.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_backup_add(struct rnm_backup *backup, struct rnm_redis *redis,
                                                      const struct rnm_rule *rule, const char *name,
                                                      const char *settings, struct rnm_backup_totals *totals,
                                                      struct rnm_error *err);
/* For what could not even be tried: the backup is not complete. */
RNM_API void rnm_backup_mark_incomplete(struct rnm_backup *backup);

struct rnm_backup_result {
	const char *manifest; /* path; NULL after a dry run; lives as long as the backup */
	size_t generations;   /* in the folder, this one among them */
	size_t dropped;       /* generations and objects that have been removed */
	uint64_t dropped_objects;
	bool kept_all; /* not complete: nothing was removed, although it was asked for */
};
/*
 * Writes the manifest.  keep: how many generations to leave, the newest; 0: all.  Of an incomplete backup older
 * ones are not removed, for they may hold what it lacks.  RNM_E_NOT_FOUND "backup.empty" when there is nothing
 * to save: an empty generation would push out those that hold something.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_backup_commit(struct rnm_backup *backup, const char *server,
                                                         size_t keep, struct rnm_backup_result *result,
                                                         struct rnm_error *err);

/* ---- and back ---- */

/*
 * Reads a manifest: of a folder the newest, or the one that path names.
 *   RNM_E_NOT_FOUND  "backup.none" (no such path, or a folder without a manifest)
 *   RNM_E_MALFORMED  "backup.manifest", "backup.version", "backup.damaged"
 *   RNM_E_IO         "backup.folder", "file.*"
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_backup_manifest_read(struct rnm_backup_manifest **out,
                                                                const char *path, struct rnm_error *err);

struct rnm_restore_options {
	/* Global prefix and prefix as the set names them; its watch_interval says how old a lock of training may be. */
	const struct rnm_rule *rule;
	bool replace; /* put back also what Redis has in another form */
	bool force;   /* although somebody trains */
	bool dry_run; /* read and check everything, change nothing */
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* bytes of the model; may be NULL */
	void *progress_ctx;
};

/* What became, or with dry_run would become, of one part. */
enum rnm_restore_state {
	RNM_RESTORE_NOTHING, /* the backup holds no such part */
	RNM_RESTORE_WRITTEN,
	RNM_RESTORE_SAME, /* was there already */
	RNM_RESTORE_KEPT  /* Redis has another one, which stays */
};
RNM_API const char *rnm_restore_state_name(enum rnm_restore_state state); /* "nothing", "written", ... */

struct rnm_restore_outcome {
	enum rnm_restore_state hash;
	enum rnm_restore_state profiles;
	enum rnm_restore_state training;
	unsigned gathered; /* training sets that were too large for one command, see rnm_restore_model */
	uint64_t bytes;    /* sent */
};

/*
 * Puts one model back in one transaction: all of it or nothing.  Names of keys, fields, scores and times to live
 * are those of the backup; of the last, as much as was left then, but at least RNM_RESTORE_TTL_MIN.  What is there
 * in another form stays unless options say otherwise; a hash without a network counts as not there, and a training
 * set that has grown as the same.  Every object is compared with its hash on its way, and nothing changes when it
 * differs.
 *
 * A training set of more than 256 vectors or 256 KiB is written beforehand, in batches of that size, under a name
 * of our own (G_restore_NONCE_{KEY}) that expires an hour after the last of them; the transaction renames it.  When
 * the restore fails it is removed, if the connection still works.
 *   RNM_E_REFUSED    "restore.locked"; "restore.raced" (somebody else was faster every time)
 *   RNM_E_MALFORMED  "backup.object" (missing, shorter, or damaged)
 *   RNM_E_REDIS, RNM_E_IO  as rnm_store_list, "backup.redis", "store.transaction", "store.unknown", "answer.*"
 * After a failure the connection is fit for rnm_redis_free only.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_restore_model(
    struct rnm_redis *redis, const struct rnm_backup_manifest *manifest, const struct rnm_backup_set *set,
    const struct rnm_backup_model *model, const struct rnm_restore_options *options,
    struct rnm_restore_outcome *outcome, struct rnm_error *err);
/* The same for the vectors of a set that belong to no model; only outcome->training is used. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_restore_pending(
    struct rnm_redis *redis, const struct rnm_backup_manifest *manifest, const struct rnm_backup_set *set,
    const struct rnm_restore_options *options, struct rnm_restore_outcome *outcome, struct rnm_error *err);

#define RNM_RESTORE_TTL_MIN 3600000 /* milliseconds: time enough for a worker to find and load a model */

#ifdef __cplusplus
}
#endif
#endif
