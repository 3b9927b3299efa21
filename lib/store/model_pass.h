/* SPDX-License-Identifier: Apache-2.0 */
/* A large network that is looked at in full while its blob is read once, and not kept. */
#ifndef RNM_STORE_MODEL_PASS_H
#define RNM_STORE_MODEL_PASS_H

#include "base/fingerprint.h"
#include "network/stream.h"
#include "store/model_file.h"

struct rnm_model_pass {
	struct rnm_model_image image;
	bool unread;                       /* the blob has not been looked at */
	char print[RNM_FINGERPRINT_HEX];   /* of the blob */
	struct rnm_network_stream *stream; /* NULL: nothing has passed; the network borrows from it */
	struct rnm_network *network;
	enum rnm_status probe_status;
	struct rnm_probe probe;
	struct rnm_error probe_problem;
};

/*
 * Reads the blob of the image and says in file what was found in it; container and PCA matrix must be there already.
 * The network is the caller's.  also (may be NULL) and what fails: see rnm_model_file_look.
 */
RNM_MUST_CHECK enum rnm_status rnm_model_pass(struct rnm_model_file *file, struct rnm_model_pass *pass,
                                              rnm_model_file_take *also, void *ctx, struct rnm_error *err);
/* After the network. */
void rnm_model_pass_free(struct rnm_model_pass *pass);

#endif
