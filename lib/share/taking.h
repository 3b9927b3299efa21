/* SPDX-License-Identifier: Apache-2.0 */
/* What is to become of one model. */
#ifndef RNM_SHARE_TAKING_H
#define RNM_SHARE_TAKING_H

#include "share/publisher.h"

struct rnm_taking {
	const struct rnm_model_file *file;
	const struct rnm_alias *alias; /* NULL: the name is new */
	const char *name;
	double version;
	int64_t created_at;
	const struct rnm_model_evaluation *evaluation; /* to go with it; NULL */
	struct rnm_entry entry;
};

/* ---- publish_check.c ---- */

/* By itself: sound, and with a digest. */
RNM_MUST_CHECK enum rnm_status rnm_taking_check_model(const struct rnm_taking *taking, struct rnm_error *err);
/* A name that a file can have, and that nothing else in this run has. */
RNM_MUST_CHECK enum rnm_status rnm_taking_check_name(const struct rnm_publisher *publisher,
                                                     const struct rnm_taking *taking, struct rnm_error *err);
/* Beside what the name has now. */
RNM_MUST_CHECK enum rnm_status rnm_taking_check_version(const struct rnm_taking *taking,
                                                        struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_taking_check_change(const struct rnm_publisher *publisher,
                                                       const struct rnm_taking *taking,
                                                       struct rnm_error *err);

/* ---- publish_evaluation.c ---- */

/* Among those that came along, into the memory of the history; without one what the taking has stays. */
RNM_MUST_CHECK enum rnm_status rnm_taking_find_evaluation(struct rnm_publisher *publisher,
                                                          struct rnm_taking *taking, struct rnm_error *err);

/* ---- publish_take.c ---- */

/* Checks it, writes the object, and remembers the line for the history. */
RNM_MUST_CHECK enum rnm_status rnm_taking_run(struct rnm_publisher *publisher, struct rnm_taking *taking,
                                              struct rnm_publish_outcome *outcome, struct rnm_error *err);
/* The same for what the name has already, whose bytes these are: with a key it gets a new statement. */
RNM_MUST_CHECK enum rnm_status rnm_taking_renew(struct rnm_publisher *publisher, struct rnm_taking *taking,
                                                const struct rnm_buf *bytes, struct rnm_error *err);
void rnm_taking_tell(struct rnm_publish_outcome *outcome, const struct rnm_taking *taking);

#endif
