/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of an import share. */
#ifndef RNM_STORE_IMPORT_H
#define RNM_STORE_IMPORT_H

#include "base/arena.h"
#include "base/fingerprint.h"
#include "base/hash.h"
#include "rspamd/profile.h"
#include "store/model_file.h"
#include "store/transaction.h"

#include <rnm/import.h>

/* Fields of the hash besides the blobs; and those of them that say where the model came from. */
#define RNM_IMPORT_FIELDS_MAX 8

struct rnm_import_field {
	const char *name;
	struct rnm_bytes value;
};

struct rnm_importing {
	struct rnm_import import; /* what the caller gets; must stay the first member */
	struct rnm_verification *verification;
	struct rnm_arena fixed; /* the fields */
	struct rnm_arena round; /* what depends on what Redis holds: begun anew when others were faster */

	struct rnm_redis *redis;
	const struct rnm_rule *rule;
	struct rnm_model_file *file;
	const struct rnm_model_image *image; /* of the file, when the network is not in memory; else NULL */
	char network[RNM_FINGERPRINT_HEX];   /* of its blob, as it was judged; "" until then */
	const struct rnm_import_options *options;

	struct rnm_import_field small[RNM_IMPORT_FIELDS_MAX];
	size_t small_count;
	char expire[24];

	/* Of this round. */
	struct rnm_transaction change;
	struct rnm_model_list *list;
	const char **symbols;
	size_t symbol_count;
	char digest[RNM_PROFILE_DIGEST_LEN + 1]; /* of the profile */
	char content[RNM_HASH_HEX];              /* hash of all that makes the model what it is */
	char score[40];
	uint64_t fed;
};

/* import.c: what of the model is known by now does not speak against it. */
bool rnm_import_fits_so_far(const struct rnm_importing *job);
/*
 * Everything about the model, which is looked at now if need be: as rnm_model_file_look, whose take and ctx these are.
 * RNM_E_REFUSED: it is unfit.
 */
RNM_MUST_CHECK enum rnm_status rnm_import_judge(struct rnm_importing *job, rnm_model_file_take *take,
                                                void *ctx, struct rnm_error *err);

/* import_fields.c: the small fields of the hash, and how long it is to live. */
RNM_MUST_CHECK enum rnm_status rnm_import_make_fields(struct rnm_importing *job, struct rnm_error *err);
/* Where the network's blob is, and the fingerprint of it; not yet that of one that has not been looked at. */
RNM_MUST_CHECK enum rnm_status rnm_import_find_network(struct rnm_importing *job, struct rnm_error *err);
/* The hash of blobs, small fields that workers read, and the digest of the profile. */
void rnm_import_hash_content(struct rnm_importing *job);
/* The commands of the transaction. */
RNM_MUST_CHECK enum rnm_status rnm_import_make_commands(struct rnm_importing *job, struct rnm_error *err);

/*
 * import_send.c: the commands of the transaction.  RNM_E_REFUSED "file.changed": what the file holds now is not
 * what was verified.
 */
RNM_MUST_CHECK enum rnm_status rnm_import_send(struct rnm_importing *job, struct rnm_error *err);
/* Of the command that carries the network: everything in front of the blob. */
RNM_MUST_CHECK enum rnm_status rnm_import_begin_network(struct rnm_importing *job,
                                                        const struct rnm_import_command *command,
                                                        struct rnm_error *err);
/* Some bytes of the blob, and tells of them. */
RNM_MUST_CHECK enum rnm_status rnm_import_feed(struct rnm_importing *job, const void *data, size_t len,
                                               struct rnm_error *err);
/* Reads back what was written. */
RNM_MUST_CHECK enum rnm_status rnm_import_read_back(struct rnm_importing *job, struct rnm_error *err);
/* Says that something is not there as it was written. */
enum rnm_status rnm_import_differs(const struct rnm_importing *job, const char *what, struct rnm_error *err);

/*
 * import_ahead.c: whether the network may be on its way to Redis while it is judged: it has to be judged still, and
 * nobody would notice there if it came to nothing.
 */
RNM_MUST_CHECK enum rnm_status rnm_import_may_send_ahead(struct rnm_importing *job, bool *may,
                                                         struct rnm_error *err);
/* Whether the answer to INFO says that a network of len bytes could not drive anything out. */
bool rnm_import_has_room(struct rnm_bytes info, size_t len);
/*
 * Judges and sends it, in one pass.  Redis has the whole command only if it is fit.  RNM_E_REFUSED otherwise, as
 * rnm_import_judge; the connection is closed then.
 */
RNM_MUST_CHECK enum rnm_status rnm_import_send_ahead(struct rnm_importing *job,
                                                     const struct rnm_import_command *command,
                                                     struct rnm_error *err);

/* import_symbols.c: the symbols and the digest of the profile. */
RNM_MUST_CHECK enum rnm_status rnm_import_choose_symbols(struct rnm_importing *job, struct rnm_error *err);

/* import_state.c: what Redis holds, read under WATCH, and what that means. */
RNM_MUST_CHECK enum rnm_status rnm_import_look(struct rnm_importing *job, struct rnm_error *err);
/* Whether workers will choose it, now that it is there. */
RNM_MUST_CHECK enum rnm_status rnm_import_find_ours(struct rnm_importing *job, struct rnm_error *err);

#endif
