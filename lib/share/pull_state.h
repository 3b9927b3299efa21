/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pull remembers: the newest statements that were seen, so that an older one is known for what it is, and what
 * makes the next request a short one.  A JSON file, replaced as a whole.
 */
#ifndef RNM_SHARE_PULL_STATE_H
#define RNM_SHARE_PULL_STATE_H

#include <rnm/sign.h>

/* Bytes of the file. */
#define RNM_PULL_STATE_FILE_MAX ((size_t)512 << 10)
/* Floors: more than there can be trusted keys, so that there is always one to forget. */
#define RNM_PULL_FLOORS_MAX (RNM_TRUST_KEYS_MAX + 1)
/* Bytes of an ETag or a date; what is longer is not remembered. */
#define RNM_PULL_VALIDATOR_MAX 255

/* The newest that was accepted under a name from one key. */
struct rnm_pull_floor {
	char name[RNM_STATEMENT_NAME_MAX + 1];
	struct rnm_public_key key;
	uint64_t model_version; /* 0: none was ever said */
	int64_t created;
};

/* What a server said about an answer, for a conditional request; "" when it did not. */
struct rnm_pull_validators {
	char etag[RNM_PULL_VALIDATOR_MAX + 1];
	char modified[RNM_PULL_VALIDATOR_MAX + 1];
};

struct rnm_pull_state {
	struct rnm_pull_floor floors[RNM_PULL_FLOORS_MAX];
	size_t floor_count;
	/* BLAKE2b-256 of the URL: what another server says about an answer means nothing to this one. */
	bool has_url;
	uint8_t url[RNM_BLAKE2B_SIZE];
	/* The last statement that was accepted, as it came: when the server says "not modified". */
	char statement[RNM_STATEMENT_FILE_MAX + 1];
	struct rnm_pull_validators statement_is, model_is;
	/* Whose bytes were put in place last, or imported. */
	bool has_model;
	uint8_t model[RNM_BLAKE2B_SIZE];
	uint8_t signature[RNM_SIGNATURE_SIZE];
	bool pending; /* ... and not yet handed on */
	/* What the file in place was, when the hash of its bytes was last found to be right (see pull_place.c). */
	bool has_hashed;
	uint8_t hashed[RNM_BLAKE2B_SIZE];
	int64_t hashed_at; /* seconds since 1970 */
	/* Whose bytes an unfinished download holds. */
	bool has_part;
	uint8_t part[RNM_BLAKE2B_SIZE];
	struct rnm_pull_validators part_is;
};

/* From memory; "" fails.  RNM_E_MALFORMED "pull.state", RNM_E_NOMEM. */
RNM_MUST_CHECK enum rnm_status rnm_pull_state_parse(struct rnm_pull_state *state, struct rnm_bytes text,
                                                    const char *path, struct rnm_error *err);
/* A file that is not there is an empty state.  Also RNM_E_IO. */
RNM_MUST_CHECK enum rnm_status rnm_pull_state_read(struct rnm_pull_state *state, const char *path,
                                                   struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_pull_state_print(const struct rnm_pull_state *state, struct rnm_buf *out,
                                                    struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_pull_state_write(const struct rnm_pull_state *state, const char *path,
                                                    struct rnm_error *err);

/* The model version of a statement; 0 when it names none. */
uint64_t rnm_pull_version(const struct rnm_statement *statement);
/* The newest that was seen under the name, of all keys that are trusted still; NULL: nothing. */
const struct rnm_pull_floor *rnm_pull_floor_find(const struct rnm_pull_state *state, const char *name,
                                                 const struct rnm_trust *trust);
/* Remembers a statement as the newest of its name and key, and with rollback as the newest of all keys. */
void rnm_pull_floor_set(struct rnm_pull_state *state, const struct rnm_statement *statement,
                        const struct rnm_public_key *key, const struct rnm_trust *trust, bool rollback);

#endif
