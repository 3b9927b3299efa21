/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2b-256 and a raw Ed25519 signature of a file that is read once, by threads of their own, while it may still grow:
 * when its last byte is there, so are both answers.  Marks of what was hashed are made by the way, for whoever wants to
 * look into the file afterwards (base/file_marks.h).
 */
#ifndef RNM_SHARE_STREAM_CHECK_H
#define RNM_SHARE_STREAM_CHECK_H

#include "base/file_marks.h"

#include <rnm/sign.h>

struct rnm_stream_check;

/* What is to be checked; fd and path (which stands in errors) are borrowed until the end. */
struct rnm_stream_subject {
	int fd;
	const char *path;
	uint64_t size; /* that it will have */
	const struct rnm_public_key *key;
	const uint8_t *signature;
};
struct rnm_stream_answer {
	uint8_t blake2b[RNM_BLAKE2B_SIZE];
	bool is_signed;
	struct rnm_file_marks *marks; /* the caller's */
};

RNM_MUST_CHECK enum rnm_status rnm_stream_check_new(struct rnm_stream_check **out,
                                                    const struct rnm_stream_subject *subject,
                                                    struct rnm_error *err);
/* So many bytes are in the file now, and stay as they are. */
void rnm_stream_check_more(struct rnm_stream_check *check, uint64_t len);
/*
 * All bytes are there.  Waits for the answers, and frees the check.  RNM_E_IO ("file.read"), RNM_E_REFUSED
 * ("file.changed"): the file has become shorter.
 */
RNM_MUST_CHECK enum rnm_status rnm_stream_check_end(struct rnm_stream_check *check,
                                                    struct rnm_stream_answer *answer, struct rnm_error *err);
/* Frees it without an answer; accepts NULL. */
void rnm_stream_check_free(struct rnm_stream_check *check);

/* All of it for a file that grows no more. */
RNM_MUST_CHECK enum rnm_status rnm_stream_check_file(const struct rnm_stream_subject *subject,
                                                     struct rnm_stream_answer *answer, struct rnm_error *err);

#endif
