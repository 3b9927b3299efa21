/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything of an exported file but the blobs: which version and digest it may carry, and the small
 * fields of the hash.
 */
#ifndef RNM_STORE_EXPORT_HEAD_H
#define RNM_STORE_EXPORT_HEAD_H

#include "base/arena.h"

#include <rnm/rnm1.h>
#include <rnm/store.h>

struct rnm_export_head {
	struct rnm_rnm1_head head; /* has_pca and the sizes are the exporter's to fill in */
	char digest[RNM_DIGEST_LEN + 1];
	struct rnm_json_field *norm;
	struct rnm_json_field *roc;
	struct rnm_value *providers_meta; /* in the arena; NULL when absent or unusable */
	struct rnm_arena arena;           /* the map `rnm` */
};

/* What can be said before Redis is asked: version and digest. */
RNM_MUST_CHECK enum rnm_status rnm_export_head_init(struct rnm_export_head *head, const struct rnm_rule *rule,
                                                    const struct rnm_model *model,
                                                    const struct rnm_export_options *options,
                                                    struct rnm_error *err);
void rnm_export_head_clear(struct rnm_export_head *head);

/* The fields of the hash in the order in which HMGET asks for them, before the blobs. */
enum rnm_small_field {
	RNM_FIELD_ROC,
	RNM_FIELD_NORM,
	RNM_FIELD_PROVIDERS_META,
	RNM_FIELD_LOCK,
	RNM_FIELD_HOSTNAME,
	RNM_FIELD_OBSOLETE,
	RNM_FIELD_COUNT
};
extern const char *const rnm_small_field_names[RNM_FIELD_COUNT];

/* Takes one field (never an absent one); all in the order above. */
RNM_MUST_CHECK enum rnm_status rnm_export_head_take(struct rnm_export_head *head, enum rnm_small_field field,
                                                    struct rnm_bytes text, const struct rnm_rule *rule,
                                                    struct rnm_export_result *result, struct rnm_error *err);

/* Builds the map `rnm`, once all small fields have been taken. */
RNM_MUST_CHECK enum rnm_status rnm_export_head_extra(struct rnm_export_head *head,
                                                     const struct rnm_rule *rule,
                                                     const struct rnm_model_list *list,
                                                     const struct rnm_model *model,
                                                     const struct rnm_export_options *options,
                                                     struct rnm_export_result *result, struct rnm_error *err);

#endif
