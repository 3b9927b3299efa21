/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an exported file goes.  A regular file is written beside its target and renamed; everything
 * that cannot be taken back (a pipe, a device, standard output) or whose length must be known first (a
 * compressed file) waits in an unlinked temporary file until all of it has been checked.
 */
#ifndef RNM_STORE_OUTPUT_H
#define RNM_STORE_OUTPUT_H

#include "base/file.h"
#include "store/tee.h"

#include <rnm/store.h>

struct rnm_output {
	const struct rnm_export_options *options;
	struct rnm_replace replace;
	bool has_replace;
	int spool; /* -1: bytes go straight to the file, or nowhere */
	uint64_t received;
	uint64_t sent; /* bytes that have gone where they cannot be taken back */
};

RNM_MUST_CHECK enum rnm_status rnm_output_open(struct rnm_output *output,
                                               const struct rnm_export_options *options,
                                               struct rnm_error *err);
/* Takes the bytes as they come from Redis; ctx is the output. */
RNM_MUST_CHECK enum rnm_status rnm_output_take(void *ctx, const void *data, size_t len,
                                               struct rnm_error *err);
/*
 * Everything has been checked: brings the bytes to their place.  *size and hash are those of the file;
 * hash comes in as the hash of the bytes taken and changes only when they are compressed.
 */
RNM_MUST_CHECK enum rnm_status rnm_output_finish(struct rnm_output *output, uint64_t *size,
                                                 char hash[RNM_HASH_HEX], struct rnm_error *err);
/*
 * The same for a file that is complete and checked already: of the options only path, fd, dry_run and
 * cancel count, and nothing waits anywhere.
 */
RNM_MUST_CHECK enum rnm_status rnm_output_whole(const struct rnm_export_options *options,
                                                struct rnm_bytes bytes, struct rnm_error *err);
/* Releases everything; what has not been finished is removed. */
void rnm_output_close(struct rnm_output *output);

#endif
