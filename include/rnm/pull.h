/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/pull.h: a published model onto this host, and nothing that its publisher did not sign (docs/pulling.md).
 *
 * Beside the model at URL lie URL.rnmsig, the statement about it, and URL.sig, the signature that rspamd checks.  The
 * statement decides: what it does not name is not taken, whatever the server says.
 */
#ifndef RNM_PULL_H
#define RNM_PULL_H

#include <rnm/sign.h>
#include <rnm/verify.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* rspamd's max_map_size: it reads no larger file (rspamd: src/libserver/maps/map.c). */
#define RNM_PULL_SIZE_DEFAULT ((uint64_t)256 << 20)
#define RNM_PULL_SECONDS_DEFAULT 3600.0
#define RNM_PULL_SLOW_BYTES_DEFAULT 1024
#define RNM_PULL_SLOW_SECONDS_DEFAULT 30

/* Texts are borrowed until rnm_pull_free. */
struct rnm_pull_options {
	const char *url;  /* of the model, https; http only to this host, or with plain_http */
	const char *name; /* that the statement must have; NULL: the last part of the URL's path */
	const struct rnm_trust *trust;
	const char
	    *to; /* file; its .sig and .rnmsig lie beside it.  NULL: none is kept (state_dir is needed) */
	const char *state_dir; /* where is remembered what was seen; NULL: beside the file, as TO.rnmpull */

	/* How to reach the server; see docs/pulling.md.  NULL: none, or the system's. */
	const char *ca, *ca_dir, *cert, *cert_key;
	const char *user, *password;
	bool plain_http;

	uint64_t max_size;     /* bytes of the model; 0: RNM_PULL_SIZE_DEFAULT */
	double seconds;        /* for each request; 0: RNM_PULL_SECONDS_DEFAULT */
	uint64_t slow_bytes;   /* fewer bytes a second ... ; 0: RNM_PULL_SLOW_BYTES_DEFAULT */
	unsigned slow_seconds; /* ... for so many seconds end a request; 0: RNM_PULL_SLOW_SECONDS_DEFAULT */

	bool allow_rollback; /* an older model than one that was seen is wanted */
	bool dry_run;        /* fetch and check everything, change nothing */
	/*
	 * Hash the file in place.  Else that is done once a day, and whenever anything of its inode (times, size, number)
	 * is not what it was when it was last hashed.
	 */
	bool check;
	/* What has been handed on (rnm_pull_done) is lost there: hand it on again. */
	bool hand_on_again;
	struct rnm_verify_options verify; /* the list is not used */

	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* of the model; may be NULL */
	void *progress_ctx;
	const volatile sig_atomic_t *cancel; /* may be NULL */
};

struct rnm_pull {
	bool changed;     /* other bytes than before have been put in place, or would be without dry_run */
	bool pending;     /* they, or those of an earlier run, have to be handed on: see rnm_pull_done */
	bool rolled_back; /* they are older than what was seen before (allow_rollback) */
	struct rnm_statement statement; /* of the model in place now */
	char signer[RNM_PUBLIC_KEY_TEXT_SIZE];
	const char *signer_name;   /* as in struct rnm_trusted_key; borrowed from the trust */
	bool has_previous;         /* a statement was in place before: */
	uint64_t previous_version; /* its model version, 0 without one */
	uint64_t received;         /* bytes of the model that came over the network */
	uint64_t resumed;          /* bytes that an earlier run had fetched already */
	/* When pending: the model, verified. */
	struct rnm_model_file *file;
	struct rnm_verification *verification;
	void *owned; /* internal: the lock, among others */
};

/*
 * Asks the server once, and puts in place what is new there.  Until the pull is freed nobody else pulls into the same
 * state.  The file in place is touched only when everything has been checked, its .sig first.
 *   RNM_E_SIGNATURE  "pull.unsigned" (no statement, no .sig), ids of rnm/sign.h, "signature.bad", "pull.signature-size"
 *   RNM_E_REFUSED    "pull.rollback" (a lower version), "pull.older" (signed before one that was seen),
 *                    "pull.too-large" (max_size), "pull.locked", "http.plain", "http.redirect"
 *   RNM_E_MALFORMED  "pull.web-page", "pull.state" (what is remembered cannot be read), "http.too-large",
 *                    "http.headers", and what rnm_model_file_read says of a file that is no model
 *   RNM_NO           the model is unsound or does not fit the rule: the first problem of its verification
 *   RNM_E_NOT_FOUND  "pull.absent" (a statement is there, its model is not)
 *   RNM_E_IO         "http.*", "pull.status", "pull.encoding", "pull.range", "file.*"
 *   RNM_E_USAGE      "http.url", "pull.name" (the URL has none), "pull.target"
 * *retry_after, when not NULL, is set to the seconds that the server asks us to stay away; 0: it does not.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_pull(struct rnm_pull **out, const struct rnm_pull_options *options,
                                                double *retry_after, struct rnm_error *err);
/*
 * What had to be done with a pending model (import, tell somebody) has been done.  Without this the next run, even one
 * that finds nothing new, will have it pending again.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_pull_done(struct rnm_pull *pull, struct rnm_error *err);
RNM_API void rnm_pull_free(struct rnm_pull *pull);

/* A URL as it may be shown: without user and password.  A longer one is cut. */
#define RNM_PULL_URL_TEXT_SIZE 4097
RNM_API void rnm_pull_url_text(char text[RNM_PULL_URL_TEXT_SIZE], const char *url);

#ifdef __cplusplus
}
#endif
#endif
