/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a watch share. */
#ifndef RNM_SHARE_WATCH_INTERNAL_H
#define RNM_SHARE_WATCH_INTERNAL_H

#include <rnm/buf.h>
#include <rnm/watch.h>

/* What was said of the models of one rule and settings id, and about which of them. */
struct rnm_watch_record {
	char *rule, *settings;
	char name[RNM_ALIAS_NAME_MAX + 1]; /* of the alias */
	bool has_report;
	char *key; /* of the model in Redis; NULL: none was judged */
	double version;
	uint64_t size; /* of its network: a hash may be written again under the same version */
	struct rnm_watch_report report;
};

struct rnm_watch {
	struct rnm_watch_options options;
	struct rnm_watch_record *records;
	size_t count, cap;
};

/* One model on its way through the gates. */
struct rnm_watching {
	const struct rnm_watch_options *options;
	const struct rnm_watch_subject *subject;
	const struct rnm_model_list *list;
	size_t index; /* in list */
	struct rnm_model_file *file;
	/* What the name has, when it has something. */
	struct rnm_buf published_bytes;
	struct rnm_model_file *published;
	char published_hash[RNM_OBJECT_HASH_HEX];
	/* What the gates with vectors have measured, to be published with it. */
	bool has_evaluation;
	struct rnm_model_evaluation evaluation;
	struct rnm_watch_report *report;
};

/*
 * Each gate: RNM_OK when the model passes, RNM_NO with the reason when it does not, RNM_E_NOT_FOUND
 * ("watch.few-vectors") when it is too early to say; anything else: it could not be judged.
 */

/* watch_vectors.c: both gates that need vectors, if they are asked for. */
RNM_MUST_CHECK enum rnm_status rnm_watch_measure(struct rnm_watching *watching, struct rnm_error *err);

/* watch_publish.c */

/* Finds what the name has, and whether the model may follow it.  *current: it is there already. */
RNM_MUST_CHECK enum rnm_status rnm_watch_succeeds(struct rnm_watching *watching, bool *current,
                                                  struct rnm_error *err);
/* Publishes it, unless somebody else did so meanwhile. */
RNM_MUST_CHECK enum rnm_status rnm_watch_publish(struct rnm_watching *watching, struct rnm_error *err);

#endif
