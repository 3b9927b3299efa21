/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of one examination share. */
#ifndef RNM_STORE_DOCTOR_H
#define RNM_STORE_DOCTOR_H

#include "base/arena.h"
#include "base/seen.h"
#include "store/lock.h"

#include <rnm/doctor.h>

enum rnm_doctor_code {
#define FINDING(symbol, id, level, meaning) RNM_DOCTOR_##symbol,
#include "store/doctor.def"
#undef FINDING
	RNM_DOCTOR_CODES
};

/* Names, one behind the other. */
struct rnm_names {
	struct rnm_buf text; /* each with its NUL */
	size_t *starts;
	size_t count, cap;
};
static inline const char *rnm_names_at(const struct rnm_names *names, size_t index)
{
	return names->text.data + names->starts[index];
}

/* A network that is there, for finding it twice. */
struct rnm_doctor_network {
	const char *rule, *settings, *key; /* in the arena */
	uint64_t size;                     /* compressed */
	uint64_t hash;                     /* of the compressed bytes; set while comparing */
	bool hashed;
};

struct rnm_doctor {
	struct rnm_redis *redis;
	const struct rnm_health_options *options;
	struct rnm_health_report *report;
	struct rnm_arena *arena; /* of the report */
	size_t finding_cap;
	char *global; /* neural.prefix */

	struct rnm_rule **rules; /* configured ones, then bare ones for prefixes that no rule has */
	size_t rule_count, configured;

	size_t names;             /* that SCAN has named, some of them twice */
	struct rnm_names lists;   /* that begin like lists of models */
	struct rnm_names keys;    /* that begin like keys of models and training sets */
	uint64_t key_total;       /* of the database when it was asked */
	struct rnm_seen named;    /* keys that some profile names */
	struct rnm_seen prefixes; /* G_P of rules and lists, whose pending sets are in use */
	struct rnm_doctor_network *networks;
	size_t network_count, network_cap;

	const char *rule, *settings;     /* of the list that is looked at; NULL: none */
	const char *zset;                /* its name */
	struct rnm_buf text;             /* for names, answers and members */
	struct rnm_health_finding spare; /* takes what is left out */
	bool blind;                      /* a list could not be read: what it names is not known */
	bool no_memory;
};

/* ---- findings (doctor_findings.c) ---- */

/*
 * Adds a finding of the current rule and settings id; never NULL.  Without memory, no_memory is set and ends
 * the examination at its next step.  fmt makes the sentence.
 */
struct rnm_health_finding *rnm_doctor_find(struct rnm_doctor *d, enum rnm_doctor_code code, const char *key,
                                           const char *fmt, ...) RNM_PRINTF(4, 5);
/* What is to be done about it. */
void rnm_doctor_advise(struct rnm_doctor *d, struct rnm_health_finding *finding, enum rnm_remedy remedy,
                       const char *fmt, ...) RNM_PRINTF(4, 5);
/* Copies in the arena of the report; "" when there is no memory. */
const char *rnm_doctor_keep(struct rnm_doctor *d, const char *text);
struct rnm_bytes rnm_doctor_keep_bytes(struct rnm_doctor *d, struct rnm_bytes bytes);
/* "3h 20m", "2d 4h": for sentences. */
#define RNM_DURATION_MAX 48
const char *rnm_doctor_duration(char out[RNM_DURATION_MAX], double seconds);

/* Adds names; false: no memory. */
void rnm_names_init(struct rnm_names *names);
bool rnm_names_add(struct rnm_names *names, const char *name, size_t len);
void rnm_doctor_names_free(struct rnm_names *names);

/*
 * Looks once more at the lists of those findings, from index first on, that have been repaired: the report
 * then tells which others are settled by that, and what has come to light is added.
 */
RNM_MUST_CHECK enum rnm_status rnm_doctor_again(struct rnm_health_report *report, size_t first,
                                                struct rnm_redis *redis,
                                                const struct rnm_health_options *options,
                                                struct rnm_error *err);
/* Adds what is to be found in these lists, and frees their names.  *whole: nothing was hidden or left out. */
RNM_MUST_CHECK enum rnm_status rnm_doctor_judge_lists(struct rnm_health_report *report,
                                                      struct rnm_redis *redis,
                                                      const struct rnm_health_options *options,
                                                      struct rnm_names *lists, bool *whole,
                                                      struct rnm_error *err);

/* ---- the parts, in their order ---- */

RNM_MUST_CHECK enum rnm_status rnm_doctor_config(struct rnm_doctor *d, struct rnm_error *err);
/* Finds all keys of the module. */
RNM_MUST_CHECK enum rnm_status rnm_doctor_keys(struct rnm_doctor *d, struct rnm_error *err);
/* Judges the profiles of every list, and remembers which keys they name. */
RNM_MUST_CHECK enum rnm_status rnm_doctor_lists(struct rnm_doctor *d, struct rnm_error *err);
/* What is to be known about the keys of a profile beyond the list. */
struct rnm_key_facts {
	int64_t spam, ham;        /* vectors; -1: not known */
	bool spam_type, ham_type; /* of the wrong type */
	bool has_lock;
	double lock;
	const char *host; /* who locked, or "" */
};
/* facts has room for every profile of the list; pending is about the sets of no model in particular. */
RNM_MUST_CHECK enum rnm_status rnm_doctor_ask(struct rnm_doctor *d, const struct rnm_rule *rule,
                                              const struct rnm_model_list *list, struct rnm_key_facts *facts,
                                              struct rnm_key_facts *pending, struct rnm_error *err);
/* The profiles of one list, which has been read. */
RNM_MUST_CHECK enum rnm_status rnm_doctor_profiles(struct rnm_doctor *d, const struct rnm_rule *rule,
                                                   const struct rnm_model_list *list, struct rnm_error *err);
/* Whether one class of a model's sets keeps training from starting. */
void rnm_doctor_balance(struct rnm_doctor *d, const struct rnm_rule *rule, const char *key,
                        const struct rnm_key_facts *facts);
/* The widths of the vectors in two sets; the second key may be NULL. */
RNM_MUST_CHECK enum rnm_status rnm_doctor_widths(struct rnm_doctor *d, const char *key, const char *other_key,
                                                 struct rnm_error *err);
/* How many numbers a stored vector has; 0 when it is none.  RNM_E_NOMEM is the only failure. */
RNM_MUST_CHECK enum rnm_status rnm_doctor_width(uint64_t *width, struct rnm_bytes member,
                                                struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_doctor_networks(struct rnm_doctor *d, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_doctor_orphans(struct rnm_doctor *d, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_doctor_maps(struct rnm_doctor *d, struct rnm_error *err);

/* Says which commands the user may not run, and what is not found for that. */
RNM_MUST_CHECK enum rnm_status rnm_doctor_rights(struct rnm_doctor *d, struct rnm_error *err);

/* ---- knowledge that examination and repair share ---- */

/* All that an examination needs of Redis. */
#define RNM_DOCTOR_RIGHTS                                                                                    \
	"an examination needs: "                                                                             \
	"+select +dbsize +scan +type +zcard +zrevrange +zscan +hexists +hstrlen +hmget +hget +hlen +hkeys "  \
	"+pttl +scard +sscan +memory"

/* rspamd: profiles younger than this are never removed as empty ones. */
double rnm_tombstone_seconds(const struct rnm_rule *rule);
/* More fields than that has no hash that rspamd makes. */
#define RNM_MODEL_FIELDS_MAX 64
/* Whether the answer to HKEYS names nothing but what rspamd, or this library, writes into a model. */
bool rnm_fields_are_ours(const struct rnm_reply *fields);
/* Whether two profiles say the same; `distance` is no part of what they say. */
bool rnm_profiles_equal(const struct rnm_profile *a, const struct rnm_profile *b);
/* What tells a file from one that has taken its place; zeros for none. */
void rnm_doctor_file_identity(const char *path, double *changed, uint64_t *inode);
/* Adds every key that the members of a list name, read in batches. */
RNM_MUST_CHECK enum rnm_status rnm_names_of_list(struct rnm_seen *named, struct rnm_redis *redis,
                                                 const char *zset, struct rnm_error *err);

#endif
