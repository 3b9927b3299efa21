/* SPDX-License-Identifier: Apache-2.0 */
/* Are these bytes signed by one of those who are trusted? */
#ifndef RNM_SHARE_SIGNED_H
#define RNM_SHARE_SIGNED_H

#include "base/file_marks.h"

#include <rnm/sign.h>

/* What is asked about: bytes in memory, or a file of which nobody wants to keep the bytes. */
struct rnm_signed_subject {
	struct rnm_bytes bytes; /* without a descriptor */
	uint64_t size;
	int fd;                       /* -1: none */
	const char *path;             /* of it; stands in errors */
	struct rnm_file_marks *marks; /* set for a descriptor, also if the answer is no; the caller's */
};

/*
 * As rnm_signed_check.  A raw signature without statement is asked of libsodium alone, which wants bytes in memory.
 * Of a file also RNM_E_IO ("file.read"), RNM_E_REFUSED ("file.changed").
 */
RNM_MUST_CHECK enum rnm_status rnm_signed_check_subject(
    struct rnm_signed *out, struct rnm_signed_subject *subject, struct rnm_bytes signature,
    struct rnm_bytes statement, const struct rnm_signed_policy *policy, struct rnm_error *err);

#endif
