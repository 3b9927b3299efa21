/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/watch.h: from what rspamd trains to what hosts get, with gates in between.  docs/watching.md says what each gate
 * measures.
 *
 * A watch is asked to look at a rule again and again (when: rnm_redis_listen of rnm/redis.h, and a clock).  It judges
 * the model that workers serve, once, and publishes it when nothing speaks against it.
 */
#ifndef RNM_WATCH_H
#define RNM_WATCH_H

#include <rnm/model_compare.h>
#include <rnm/publish.h>
#include <rnm/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Vectors of each class below which no gate believes a number. */
#define RNM_WATCH_VECTORS_MIN 10

/* What a model has to pass, in this order. */
enum rnm_watch_gate {
	RNM_WATCH_NO_GATE,
	RNM_WATCH_VERIFY,     /* rnm_model_verify, for the rule */
	RNM_WATCH_SUCCESSION, /* a version above the published one, and what rnm_publisher_add asks for */
	RNM_WATCH_AUC,
	RNM_WATCH_DRIFT,
	RNM_WATCH_COMMAND, /* the caller's own */
};
RNM_API const char *rnm_watch_gate_name(enum rnm_watch_gate gate); /* "verify", ...; NULL for no gate */

enum rnm_watch_state {
	RNM_WATCH_EMPTY,   /* Redis has no model for the rule */
	RNM_WATCH_CURRENT, /* the published model is the one that workers serve */
	RNM_WATCH_WAITING, /* cannot be judged yet: too few vectors; judged anew at the next look */
	RNM_WATCH_HELD,    /* a gate was not passed; not judged again unless rnm_watch_forget */
	RNM_WATCH_PUBLISHED,
};
RNM_API const char *rnm_watch_state_name(enum rnm_watch_state state); /* "empty", "current", ... */

struct rnm_watch_report {
	enum rnm_watch_state state;
	bool is_news;                      /* false: the last look at this rule said the same */
	enum rnm_watch_gate gate;          /* of HELD and WAITING: which one */
	struct rnm_error why;              /* of those, and of EMPTY: id, sentence, hint */
	char name[RNM_ALIAS_NAME_MAX + 1]; /* of the alias; "" as long as it is not known */
	double version;                    /* of the model in Redis; 0 when there is none */
	uint64_t published_version;        /* what consumers have, after the look; 0: nothing */
	uint64_t previous_version;         /* of PUBLISHED: what they had before; 0: nothing */
	/* Measured on the way, as far as it came. */
	uint64_t spam, ham; /* vectors */
	bool has_auc, has_drift, has_relation;
	double auc;
	double
	    drift; /* mean of |score of this model - score of the published one| over all vectors, 0 to 2 */
	/* As `rnm diff` has them, A being the published model; weight_cosine is that of the weight matrices. */
	enum rnm_model_relation relation;
	enum rnm_model_start start;
	double weight_cosine;
	/* Of PUBLISHED. */
	uint64_t size, serial;
	char blake2b[RNM_OBJECT_HASH_HEX];
};

/* What the caller's own gate gets to see; all borrowed. */
struct rnm_watch_candidate {
	const struct rnm_rule *rule;
	const char *settings;
	const struct rnm_model_file *file;
	struct rnm_bytes bytes; /* the file, as it would be published */
	const char *redis_key;
	const struct rnm_watch_report *report; /* as far as it is known: name, versions, measures */
};
/* RNM_OK: let it pass.  RNM_NO: hold it back, for the reason in err.  Anything else: it could not be judged. */
typedef enum rnm_status rnm_watch_judge(void *ctx, const struct rnm_watch_candidate *candidate,
                                        struct rnm_error *err);

/* Texts are borrowed as long as the watch lives. */
struct rnm_watch_options {
	struct rnm_publish_options publish; /* each look takes the time itself */
	const char *name;                   /* of the alias; NULL: the providers digest */
	double min_auc;                     /* NaN: not asked for */
	double max_drift;                   /* NaN: not asked for */
	/* Files with vectors to measure with (rnm/vectors.h); NULL, both: rspamd's training sets in Redis. */
	const char *spam, *ham;
	rnm_watch_judge *judge; /* may be NULL */
	void *judge_ctx;
};

struct rnm_watch;
/* RNM_E_USAGE "publish.name". */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_watch_new(struct rnm_watch **out,
                                                     const struct rnm_watch_options *options,
                                                     struct rnm_error *err);
RNM_API void rnm_watch_free(struct rnm_watch *watch);
/* Judges anew at the next look what was held back. */
RNM_API void rnm_watch_forget(struct rnm_watch *watch);

/* One rule to look at; all borrowed for the call. */
struct rnm_watch_subject {
	struct rnm_redis *redis;
	struct rnm_config *config;
	const struct rnm_rule *rule; /* of config */
	const char *settings;
};
/*
 * Looks once.  RNM_OK, whatever the report says.  Else nothing could be said, and nothing is remembered: errors of
 * rnm_store_list, rnm_store_open, rnm_training_read, rnm_vectors_next, the publisher and the caller's gate, and
 *   RNM_E_REFUSED  "watch.overtaken": somebody else published under this name meanwhile
 *   RNM_E_REFUSED  "watch.same-name": two subjects of this watch would be published under one name
 * After a failure the connection is fit for rnm_redis_free only.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_watch_look(struct rnm_watch *watch,
                                                      const struct rnm_watch_subject *subject,
                                                      struct rnm_watch_report *report, struct rnm_error *err);

/*
 * The channel on which the server tells of changes to the models of (rule, settings), for rnm_redis_subscribe.
 * malloc'd; NULL: no memory.
 */
RNM_API char *rnm_watch_channel(const struct rnm_redis_settings *server, const struct rnm_rule *rule,
                                const char *settings);
/* Whether such an event of rnm_redis_listen may mean a new model; the renewal of an expiry does not. */
RNM_API bool rnm_watch_event_matters(const char *event);

#ifdef __cplusplus
}
#endif
#endif
