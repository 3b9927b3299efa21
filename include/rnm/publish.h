/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/publish.h: models in a tree of files that any web server can serve.  What lies in the tree and in which order
 * it is written: docs/publishing.md.
 *
 * A publisher opens the tree and locks it, takes models (each is verified and lies in the tree under its hash
 * afterwards, where nobody looks for it yet), and commits: one line of the history for each, then the aliases that
 * rspamd asks for, then the index.  What an earlier publisher was killed at is completed when the tree is opened.
 */
#ifndef RNM_PUBLISH_H
#define RNM_PUBLISH_H

#include <rnm/evaluation.h>
#include <rnm/json.h>
#include <rnm/model_file.h>
#include <rnm/sign.h>

#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_OBJECT_HASH_HEX 65              /* BLAKE2b-256 in hexadecimal and the NUL */
#define RNM_ALIAS_NAME_MAX 64               /* bytes of a name */
#define RNM_INDEX_MAX ((size_t)64 << 20)    /* bytes of index.json */
#define RNM_INDEX_SIGNATURES_MAX 4          /* lines of index.json.rnmsig that are looked at */
#define RNM_INDEX_MODELS_MAX 100000         /* aliases of one tree */
#define RNM_HISTORY_MAX ((size_t)256 << 20) /* bytes of history.jsonl */

/* ---- evaluations ---- */

#define RNM_EVALUATIONS_MAX 1000                    /* documents of one file */
#define RNM_EVALUATIONS_SIZE_MAX ((size_t)16 << 20) /* bytes of it */
#define RNM_EVALUATION_SOURCE_MAX 255               /* bytes of the name of a file with vectors */

/* How well a model does on mail whose class is known.  Texts are borrowed. */
struct rnm_model_evaluation {
	char model_hash[RNM_OBJECT_HASH_HEX]; /* rnm_model_hash: which model it is about */
	int64_t time;                         /* UNIX seconds: when it was measured */
	double auc;                           /* rnm_evaluation_auc */
	double spam_threshold, ham_threshold; /* with which the following was decided */
	struct rnm_confusion confusion;       /* both classes are there */
	/* The files that the vectors came from, without folders; NULL: rspamd's training sets in Redis. */
	const char *spam_source, *ham_source;
};

struct rnm_evaluations {
	struct rnm_model_evaluation *items;
	size_t count; /* 1 or more */
	void *owned;  /* internal */
};
/*
 * Reads what `rnm eval --json` has printed, one document or several, one behind the other.
 *   RNM_E_MALFORMED  "evaluation.malformed"
 *   RNM_E_REFUSED    "evaluation.no-model": it does not say of which model it is
 *   RNM_E_REFUSED    "evaluation.one-class": there was no spam, or no ham
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_evaluations_read(struct rnm_evaluations **out,
                                                            struct rnm_bytes text, struct rnm_error *err);
/* The same from a file, with RNM_E_NOT_FOUND, RNM_E_IO, RNM_E_MALFORMED "file.too-large". */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_evaluations_load(struct rnm_evaluations **out, const char *path,
                                                            struct rnm_error *err);
RNM_API void rnm_evaluations_free(struct rnm_evaluations *evaluations);
/* Writes the object that the index has for it; null for NULL. */
RNM_API void rnm_json_model_evaluation(struct rnm_json *json, const struct rnm_model_evaluation *evaluation);

/* ---- */

/* One model under one name, as the index and the history tell of it.  Texts are borrowed. */
struct rnm_published {
	const char *name;             /* of the alias: models/NAME */
	const char *rule;             /* NULL: the model does not say */
	const char *providers_digest; /* 16 digits */
	uint64_t model_version;
	int64_t created, not_after; /* UNIX seconds, of the signed statement; not_after is 0 without one */
	int64_t published;          /* UNIX seconds; also the time of the alias as a file */
	uint64_t size;              /* of the file */
	char blake2b[RNM_OBJECT_HASH_HEX]; /* of the file, which is objects/HASH.rnm */
	const char *key;                   /* public key of the signature; NULL: not signed */
	const char *architecture;          /* in words */
	char graph[RNM_OBJECT_HASH_HEX];   /* rnm_network_graph_hash */
	uint64_t inputs;                   /* length of a raw vector */
	enum rnm_norm_mode norm_mode;
	bool has_pca, has_roc;
	const struct rnm_model_evaluation *evaluation; /* NULL: none was published with it */
};

/* ---- reading ---- */

struct rnm_index {
	uint64_t serial;                /* of the last line of the history that it knows; never falls */
	char head[RNM_OBJECT_HASH_HEX]; /* hash of that line */
	int64_t created, not_after;     /* UNIX seconds; not_after is 0 when the index is not signed */
	struct rnm_published *models;   /* in byte order of their names */
	size_t model_count;
	void *owned; /* internal */
};

/*
 * Reads index.json.  Names, hashes and digests are safe to be made into paths and URLs.
 *   RNM_E_MALFORMED  "index.malformed", "index.version" (of a later rnm)
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_index_read(struct rnm_index **out, struct rnm_bytes text,
                                                      struct rnm_error *err);
/*
 * Whether one of the lines of index.json.rnmsig is a signature of text by a trusted key: there are two while a
 * publisher is at work, so that index and signatures fit each other at every moment, whichever is read first.  That
 * it is not too old (not_after, serial) is asked next.  RNM_E_SIGNATURE ("index.unsigned", "signature.*").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_index_check(struct rnm_bytes text, struct rnm_bytes signatures,
                                                       const struct rnm_trust *trust,
                                                       const struct rnm_trusted_key **signer,
                                                       struct rnm_error *err);
RNM_API void rnm_index_free(struct rnm_index *index);
/* The model of that name, or NULL. */
RNM_API const struct rnm_published *rnm_index_find(const struct rnm_index *index, const char *name);

/*
 * Whether text may be the name of an alias: letters, digits, points, dashes, underscores; at most
 * RNM_ALIAS_NAME_MAX, beginning with a letter or digit, without an ending that the tree gives to signatures.
 */
RNM_API bool rnm_alias_name_is_good(const char *text);

/* ---- publishing ---- */

/* Where s3://BUCKET/PREFIX is, and who asks.  Texts are borrowed as long as the publisher lives. */
struct rnm_s3_options {
	const char *endpoint; /* https://HOST[:PORT] */
	const char *region;   /* "us-east-1", ... */
	const char *access_key, *secret_key;
	const char *session_token; /* NULL: none */
	const char *ca;            /* file of trusted CAs, PEM; NULL: those of the system */
	bool plain;                /* http:// also to other hosts than this one */
};

/* ---- credentials in a file, as aws_access_key_id = ... and so on in sections [NAME] ---- */

#define RNM_S3_CREDENTIALS_MAX ((size_t)64 << 10) /* bytes of such a file */
struct rnm_s3_credentials;
/* RNM_E_MALFORMED "s3.credentials", RNM_E_NOT_FOUND, RNM_E_IO. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_s3_credentials_load(struct rnm_s3_credentials **out,
                                                               const char *path, const char *section,
                                                               struct rnm_error *err);
RNM_API void rnm_s3_credentials_free(struct rnm_s3_credentials *credentials);
/* Sets both keys and the token, which stay the property of credentials. */
RNM_API void rnm_s3_credentials_use(const struct rnm_s3_credentials *credentials,
                                    struct rnm_s3_options *options);

struct rnm_publish_options {
	/* The tree: a folder, made when it is not there, its parent has to be; or, with s3, s3://BUCKET[/PREFIX]. */
	const char *folder;
	const struct rnm_s3_options *s3; /* NULL: a folder */
	size_t keep;                     /* publications of each name whose objects stay; 0: all */
	/* Signs everything; must live as long as the publisher.  NULL: nothing is signed. */
	const struct rnm_key *key;
	int64_t valid; /* seconds for which statements and index hold; 0: no end */
	bool dry_run;  /* read and check everything, change nothing: the folder need not exist */
	bool force;    /* although consumers would mix parts of the old and the new model */
	/*
	 * Published with the models that they are about, of several about one model the latest.  Borrowed as long as
	 * the publisher lives.
	 */
	const struct rnm_model_evaluation *evaluations;
	size_t evaluation_count;
	double now;                          /* UNIX seconds */
	const volatile sig_atomic_t *cancel; /* may be NULL */
};

struct rnm_publisher;
/*
 * Opens the tree, locks it until rnm_publisher_free, and completes what a publisher before has not.
 *   RNM_E_IO         "publish.folder", "publish.write", "file.*"
 *   RNM_E_REFUSED    "publish.busy": another publisher is at work; the message says who
 *   RNM_E_MALFORMED  "publish.history": history.jsonl was changed by something else, or is not the one of the index
 *   RNM_E_REFUSED    "publish.unsigned": without a key, what was signed would stand beside what is not
 *   RNM_E_MALFORMED  "publish.object": an object that has to become an alias is damaged
 *   RNM_E_USAGE      "publish.evaluation": figures that are none
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_publisher_open(struct rnm_publisher **out,
                                                          const struct rnm_publish_options *options,
                                                          struct rnm_error *err);
/* Without rnm_publisher_commit nothing is published; objects that were written for it are removed. */
RNM_API void rnm_publisher_free(struct rnm_publisher *publisher);

enum rnm_publish_state {
	RNM_PUBLISH_NEW,       /* the name had no model */
	RNM_PUBLISH_REPLACED,  /* it had an older one */
	RNM_PUBLISH_ROLLBACK,  /* it gets an old one again */
	RNM_PUBLISH_UNCHANGED, /* it has this one already */
	RNM_PUBLISH_RENEWED,   /* the same under a new statement, or with another evaluation */
};
RNM_API const char *rnm_publish_state_name(enum rnm_publish_state state); /* "new", "replaced", ... */

struct rnm_publish_outcome {
	enum rnm_publish_state state;
	struct rnm_published model; /* borrowed from the publisher */
	uint64_t previous_version;  /* of the model that it replaces; 0: none */
	uint64_t old_version;       /* of a rollback: the version whose weights come back; else 0 */
};

struct rnm_publish_request {
	const char *name; /* of the alias; NULL: the providers digest */
	double version;   /* to publish it as; 0: its own, and for a rollback the next one */
};

/*
 * Takes a model: rnm_model_verify, the canonical form, the object.  A model that the name has already, to the
 * byte, is no failure.
 *   RNM_E_REFUSED    the id of a finding: rnm_model_verify calls it a problem
 *   RNM_E_REFUSED    "publish.no-digest", "publish.version" (not above the published one), "publish.change"
 *                    (another architecture, or normalisation, PCA matrix or thresholds come or go)
 *   RNM_E_USAGE      "publish.name", "publish.twice" (the name was taken in this run), "rnm1.write"
 *   RNM_E_IO         "publish.write"
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_publisher_add(struct rnm_publisher *publisher,
                                                         const struct rnm_model_file *file,
                                                         const struct rnm_publish_request *request,
                                                         struct rnm_publish_outcome *outcome,
                                                         struct rnm_error *err);
/*
 * Takes the weights of an earlier publication of request->name, under a version above all others and with the time
 * of now.  which is a version or the 64 digits of a hash; NULL: the publication before the present one.
 *   RNM_E_NOT_FOUND  "publish.none": no such name, no such publication, or its object is no longer kept
 *   RNM_E_MALFORMED  "publish.object"; and as rnm_publisher_add
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_publisher_rollback(struct rnm_publisher *publisher,
                                                              const char *which,
                                                              const struct rnm_publish_request *request,
                                                              struct rnm_publish_outcome *outcome,
                                                              struct rnm_error *err);
/*
 * Signs what a name has once more, with the time of now: statements and the index hold for a while only.
 *   RNM_E_USAGE      "publish.renew": there is no key
 *   RNM_E_SIGNATURE  "publish.foreign": what lies there was not signed with this key
 *   RNM_E_NOT_FOUND  "publish.none"
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_publisher_renew(struct rnm_publisher *publisher, const char *name,
                                                           struct rnm_publish_outcome *outcome,
                                                           struct rnm_error *err);
/* The names of the tree, in order of their first publication; NULL past the end.  Borrowed. */
RNM_API const char *rnm_publisher_name(const struct rnm_publisher *publisher, size_t index);

struct rnm_publish_result {
	bool completed;   /* an earlier publisher had left something to do, and it was done */
	uint64_t serial;  /* of the index */
	size_t models;    /* names in the index */
	size_t published; /* by this one */
	size_t dropped;   /* objects that are not kept any longer */
};
/*
 * Brings everything that was taken to its place, in an order in which each step leaves a tree that can be served.
 *   RNM_E_REFUSED  "publish.evaluation": one of the evaluations is about none of the models; nothing was published
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_publisher_commit(struct rnm_publisher *publisher,
                                                            struct rnm_publish_result *result,
                                                            struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif
