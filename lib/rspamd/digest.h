/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The providers digest.  rspamd: providers_config_digest in lualib/plugins/neural.lua.
 *
 * Two halves: digest.c hashes trees of fields (and, when asked, records each step), and
 * digest_fields.c knows which fields of a rule are hashed and what their defaults are.  Computing and
 * explaining are the same walk, so that an explanation can never differ from the digest.
 */
#ifndef RNM_RSPAMD_DIGEST_H
#define RNM_RSPAMD_DIGEST_H

#include <rnm/buf.h>
#include <rnm/rule.h>

/* Containers inside containers; a rule that nests deeper is refused (rspamd: no limit). */
#define RNM_DIGEST_DEPTH_MAX 64

/* Where a field comes from. */
enum rnm_digest_source {
	RNM_FROM_RULE,   /* written in the rule */
	RNM_FROM_GPT,    /* taken over from the section gpt */
	RNM_FROM_DEFAULT /* written nowhere */
};
struct rnm_digest_origin {
	enum rnm_digest_source source;
	const struct rnm_value *value; /* for its file and line; may be NULL */
};

/* Name of a field within its container. */
struct rnm_digest_key {
	struct rnm_bytes name; /* ignored for elements */
	size_t index;          /* 1, 2, ... for elements of an array; 0 for a named field */
};

struct rnm_hasher {
	enum rnm_number_style numbers;
	struct rnm_digest_explanation *record; /* NULL: only the digest is wanted */
	size_t capacity;                       /* of record->steps */
	struct rnm_buf line;                   /* key, NUL, value: the bytes being hashed */
	struct rnm_buf path;                   /* of the open containers; kept only while recording */
	unsigned depth;                        /* open containers; the outermost is 0 */
	struct {
		uint64_t sum;    /* XOR of the hashes of the fields */
		size_t path_len; /* of path before this container was opened */
	} open[RNM_DIGEST_DEPTH_MAX + 1];
	bool failed;   /* sticky: out of memory */
	bool too_deep; /* sticky */
};

void rnm_hasher_init(struct rnm_hasher *hasher, enum rnm_number_style numbers,
                     struct rnm_digest_explanation *record);
void rnm_hasher_free(struct rnm_hasher *hasher);
/* Opens a container within the current one; fields follow until rnm_hasher_end. */
void rnm_hasher_begin(struct rnm_hasher *hasher, struct rnm_digest_key key);
void rnm_hasher_end(struct rnm_hasher *hasher, struct rnm_digest_key key, struct rnm_digest_origin origin);
void rnm_hasher_text(struct rnm_hasher *hasher, struct rnm_digest_key key, struct rnm_bytes text,
                     struct rnm_digest_origin origin);
/* Any value: scalars as text, arrays and objects as containers. */
void rnm_hasher_value(struct rnm_hasher *hasher, struct rnm_digest_key key, const struct rnm_value *value,
                      struct rnm_digest_origin origin);
/* The sum of the outermost container as 16 hex digits. */
void rnm_hasher_digest(const struct rnm_hasher *hasher, char out[RNM_DIGEST_LEN + 1]);

/*
 * The digest of a rule's table into digest; "" for a rule without providers.  record may be NULL, else
 * it is an empty explanation that receives the steps.  config is asked for the section gpt when an
 * llm provider needs it; NULL means that there is none.
 */
RNM_MUST_CHECK enum rnm_status rnm_digest_rule(char digest[RNM_DIGEST_LEN + 1], struct rnm_config *config,
                                               const struct rnm_value *rule, enum rnm_number_style numbers,
                                               struct rnm_digest_explanation *record, struct rnm_error *err);

#endif
