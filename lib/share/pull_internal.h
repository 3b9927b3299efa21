/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pull: pull.c decides, pull_paths.c knows what lies where, pull_fetch.c asks for what is small, pull_body.c for
 * the model, pull_place.c knows what is in place, pull_install.c puts it there.
 */
#ifndef RNM_SHARE_PULL_INTERNAL_H
#define RNM_SHARE_PULL_INTERNAL_H

#include "share/http.h"
#include "share/pull_state.h"

#include <rnm/pull.h>

/* Room for "If-Modified-Since: " and the like with a validator. */
#define RNM_PULL_HEADER_SIZE (RNM_PULL_VALIDATOR_MAX + 32)

struct rnm_pull_paths {
	char *name;   /* that the statement must have */
	char *target; /* of the model, links followed; NULL: none */
	char *part;   /* of the unfinished model */
	char *state;
	char *lock;
	/* The URLs of the model and of what is beside it. */
	char *model_url, *statement_url, *signature_url;
	/* The files of what is beside the model; NULL without one. */
	char *statement, *signature;
};

/* A small file of the server. */
struct rnm_pull_small {
	char *data; /* room for max + 1 bytes; the caller's */
	size_t max;
	size_t len;
};

struct rnm_pulling {
	const struct rnm_pull_options *options;
	struct rnm_pull_paths paths;
	int lock;
	struct rnm_pull_state *state;
	struct rnm_http_settings settings;
	struct rnm_http *http;
	double *retry_after;

	/* What the server has now. */
	char statement_text[RNM_STATEMENT_FILE_MAX + 1];
	size_t statement_len;
	struct rnm_pull_validators statement_is, model_is;
	struct rnm_statement statement;
	const struct rnm_trusted_key *signer;
	uint8_t signature[RNM_SIGNATURE_SIZE];
	bool rollback; /* it is older than what was seen */
	bool again;    /* a second look, which takes no "not modified" for an answer */
	/*
	 * Set by a step whose failure may be that of a publisher at work: the statement is new and the model still the
	 * old one, or the other way round.
	 */
	bool out_of_step;

	/* The model. */
	int part; /* descriptor, locked; of a dry run one of memory.  -1: none yet */
	int proven; /* of the file whose bytes are those of the statement, also when that is the part; -1: none yet */
	struct rnm_file_marks *marks; /* of these bytes */
	bool was_in_place;
	bool hashed; /* the state has learned of a hash of the file in place */
	uint64_t received, resumed;
};

/* pull_paths.c */
RNM_MUST_CHECK enum rnm_status rnm_pull_paths_make(struct rnm_pull_paths *paths,
                                                   const struct rnm_pull_options *options,
                                                   struct rnm_error *err);
/*
 * From now on model and signature are those of the object with this hash in the published tree whose alias the URL is.
 * RNM_NO when it does not look like one.
 */
RNM_MUST_CHECK enum rnm_status rnm_pull_paths_to_object(struct rnm_pull_paths *paths,
                                                        const struct rnm_pull_options *options,
                                                        const uint8_t blake2b[RNM_BLAKE2B_SIZE],
                                                        struct rnm_error *err);
void rnm_pull_paths_free(struct rnm_pull_paths *paths);

/* pull_fetch.c */

/*
 * The newest statement: verified, for this name and this time.  What cannot be a statement is refused in words of its
 * own.
 */
RNM_MUST_CHECK enum rnm_status rnm_pull_fetch_statement(struct rnm_pulling *pulling, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_pull_fetch_signature(struct rnm_pulling *pulling, struct rnm_error *err);
/* The error of an answer whose status is none of those that were hoped for; what names the thing. */
enum rnm_status rnm_pull_bad_status(struct rnm_pulling *pulling, struct rnm_http *http, const char *what,
                                    struct rnm_error *err);
/* RNM_OK, or why the body of this answer cannot be what was asked for: packed, a web page. */
RNM_MUST_CHECK enum rnm_status rnm_pull_check_head(struct rnm_http *http, const char *what,
                                                   struct rnm_error *err);
double rnm_pull_seconds(const struct rnm_pull_options *options);
/* Lines for a conditional request, and how many. */
size_t rnm_pull_conditions(const struct rnm_pull_validators *known, char text[2][RNM_PULL_HEADER_SIZE],
                           const char *headers[2]);
void rnm_pull_validators_take(struct rnm_pull_validators *out, struct rnm_http *http);

/* pull_body.c */

/* RNM_E_REFUSED when the model of the statement is larger than may be. */
RNM_MUST_CHECK enum rnm_status rnm_pull_check_size(const struct rnm_pulling *pulling, struct rnm_error *err);
/* All bytes of the model, in the file in place or from the server, found to be those that were signed: proven, marks. */
RNM_MUST_CHECK enum rnm_status rnm_pull_fetch_body(struct rnm_pulling *pulling, struct rnm_error *err);
void rnm_pull_forget_body(struct rnm_pulling *pulling);

/* pull_part.c */

/* Opens and locks the part; *len is what an earlier run has left of this very model. */
RNM_MUST_CHECK enum rnm_status rnm_pull_part_open(struct rnm_pulling *pulling, uint64_t *len,
                                                  struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_pull_part_cut(struct rnm_pulling *pulling, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_pull_part_write(struct rnm_pulling *pulling, uint64_t offset,
                                                   const void *data, size_t len, struct rnm_error *err);
/* The file is complete: what the disk has not got yet may be on its way there while others look at it. */
void rnm_pull_part_complete(struct rnm_pulling *pulling);
void rnm_pull_part_close(struct rnm_pulling *pulling);
/* Likewise, and removes it. */
void rnm_pull_part_drop(struct rnm_pulling *pulling);

/* pull_place.c */

/* Whether all files in place are those that were put there with the statement. */
bool rnm_pull_all_in_place(struct rnm_pulling *pulling);
/* Whether the model in place is the one of the statement; hashed says that the state has learned of it. */
bool rnm_pull_model_in_place(struct rnm_pulling *pulling);
/* The model in place, if its size is that of the statement; else -1. */
int rnm_pull_open_in_place(const struct rnm_pulling *pulling);
/* Whether a file has exactly these bytes.  One that cannot be read has not. */
bool rnm_pull_holds(const char *path, const void *data, size_t len);

/* pull_install.c */

/* Statement and signature, then the model. */
RNM_MUST_CHECK enum rnm_status rnm_pull_install(struct rnm_pulling *pulling, struct rnm_error *err);

#endif
