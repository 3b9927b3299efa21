/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/doctor.h: what is wrong with the models, profiles and training sets that rspamd keeps in Redis, with
 * its caches of model files and with its configuration; and the repair of what can be repaired safely.
 * Source of the facts: rspamd 4.1 src/plugins/lua/neural.lua, lualib/plugins/neural.lua,
 * lualib/redis_scripts/neural_*.lua, src/libserver/maps/map.c.
 */
#ifndef RNM_DOCTOR_H
#define RNM_DOCTOR_H

#include <rnm/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Findings that are kept; the rest is counted.  After a repair the next run names them. */
#define RNM_HEALTH_FINDINGS_MAX ((size_t)100000)
/* Keys that begin as those of the neural module do. */
#define RNM_HEALTH_KEYS_MAX ((size_t)8000000)
/* Lists of models, of all rules and settings ids. */
#define RNM_HEALTH_LISTS_MAX ((size_t)20000)
/* A list with more profiles is named, but neither read whole nor judged. */
#define RNM_HEALTH_PROFILES_MAX 256

enum rnm_health {
	RNM_HEALTH_NOTE,    /* worth knowing */
	RNM_HEALTH_WARNING, /* costs something, or may lead to a problem */
	RNM_HEALTH_PROBLEM  /* models are not served, not trained, or will be lost */
};
RNM_API const char *rnm_health_name(enum rnm_health level); /* "note", "warning", "problem" */

/* What rnm_health_repair does about a finding. */
enum rnm_remedy {
	RNM_REMEDY_NONE,          /* nothing: `advice` says what a person can do */
	RNM_REMEDY_DROP_PROFILE,  /* remove the profile from its list */
	RNM_REMEDY_WRITE_PROFILE, /* store the profile once, in the form that rspamd writes */
	RNM_REMEDY_RENEW,         /* give a model and its list their whole time to live */
	RNM_REMEDY_UNLOCK,        /* remove a lock that nobody holds any more */
	RNM_REMEDY_DELETE_KEY,    /* delete a key that no profile names */
	RNM_REMEDY_DROP_VECTORS,  /* remove the vectors of another width from two training sets */
	RNM_REMEDY_DELETE_FILE    /* delete a cached file, which rspamd then fetches again */
};
RNM_API const char *rnm_remedy_name(enum rnm_remedy remedy); /* "none", "drop-profile", ... */

enum rnm_health_state {
	RNM_HEALTH_OPEN,
	RNM_HEALTH_REPAIRED,
	RNM_HEALTH_GONE,  /* it is no longer so: other repairs have settled it, or somebody else was faster */
	RNM_HEALTH_FAILED /* `outcome` says why */
};
RNM_API const char *rnm_health_state_name(enum rnm_health_state state); /* "open", "repaired", ... */

struct rnm_health_finding {
	const char *id; /* docs/findings.md */
	enum rnm_health level;
	const char *rule;       /* name of the rule, or the prefix where no rule has it; NULL: of no rule */
	const char *settings;   /* NULL: of no settings id */
	const char *key;        /* the key in Redis, or the file, that it is about; NULL: neither */
	uint32_t line;          /* of a configuration file; 0: unknown */
	const char *text;       /* one plain sentence with what was found */
	const char *advice;     /* what the repair does, or else what to do; never NULL */
	enum rnm_remedy remedy; /* NONE: cannot be repaired safely by a program */
	bool has_bytes;
	uint64_t bytes; /* that the key takes in Redis' memory */
	enum rnm_health_state state;
	const char *outcome; /* after a repair: what was done, or why not; NULL before */

	/* What the repair needs. */
	const char *zset;        /* the list that it is about, or NULL */
	struct rnm_bytes member; /* the profile as stored */
	const char *other_key;   /* second training set, or NULL */
	double seconds;          /* whole time to live, how long a lock holds, or when the file was changed */
	uint64_t width;          /* numbers of the vectors that stay, or the inode of the file */
};

struct rnm_health_report {
	struct rnm_health_finding *findings; /* in the order in which they were found */
	size_t count;
	size_t left_out;    /* beyond RNM_HEALTH_FINDINGS_MAX, some of them only by their names */
	uint64_t keys;      /* of the whole database */
	size_t lists;       /* of models */
	size_t models;      /* with a network */
	const char *global; /* neural.prefix */
	void *owned;        /* internal */
};

struct rnm_health_options {
	struct rnm_config *config; /* NULL: only what Redis tells */
	const struct rnm_rule_options *rule_options;
	double now;           /* UNIX time */
	double expiring;      /* seconds; a served model with less to live is a finding */
	const char *maps_dir; /* rspamd's folder of cached maps, or NULL: not looked at */
	/* Keys done, of about total; may be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;
};

/*
 * Looks and changes nothing.  Keys are found with SCAN in small batches, and nothing is read whole whose size
 * is not known to be small, so that a server with millions of keys stays at the service of others.
 *   RNM_E_REDIS      "store.scan", "doctor.refused" (another command was refused), "answer.*"
 *   RNM_E_MALFORMED  "store.too-many", errors of the configuration
 * What one list or key refuses is a finding.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_health_examine(struct rnm_health_report **out,
                                                          struct rnm_redis *redis,
                                                          const struct rnm_health_options *options,
                                                          struct rnm_error *err);
RNM_API void rnm_health_report_free(struct rnm_health_report *report);

/*
 * Repairs what has a remedy and is open, one by one, each in a transaction that looks again before it changes
 * anything; state and outcome of every finding tell what became of it.  Lists that were changed are judged
 * again: what a repair brings to light is added to the report, whose findings may move for that, and repaired as well.  redis must be connected for
 * writing.
 * RNM_OK also when some repairs have failed; anything else (the connection broke) leaves the rest open.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_health_repair(struct rnm_health_report *report,
                                                         struct rnm_redis *redis,
                                                         const struct rnm_health_options *options,
                                                         struct rnm_error *err);

/* What was done to one model that workers serve. */
struct rnm_renewal {
	int64_t before_ms; /* time to live, RNM_TTL_* */
	int64_t after_ms;
	bool renewed;     /* false: it had as much already, or never expires */
	char key[512];    /* cut to its room; "" when there is no model to renew */
	char reason[256]; /* why nothing was renewed, or "" */
};
/*
 * Gives the model that workers serve for (rule, settings), and its list, ann_expire seconds to live; never less
 * than they have.  ann_expire 0: the rule's own.  dry_run: only tells.
 * RNM_NO: there is no model in use.  RNM_E_REDIS, RNM_E_IO as rnm_store_list.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_store_renew(struct rnm_renewal *out, struct rnm_redis *redis,
                                                       const struct rnm_rule *rule, const char *settings,
                                                       double ann_expire, bool dry_run,
                                                       struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif
