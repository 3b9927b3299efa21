/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/model_file.h: a model in a file, opened, expanded and checked in one step.  rnm_store_open
 * (rnm/store.h) gives the same for a model in Redis.
 */
#ifndef RNM_MODEL_FILE_H
#define RNM_MODEL_FILE_H

#include <rnm/network.h>
#include <rnm/rnm1.h>
#include <rnm/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rnm_model_kind {
	RNM_MODEL_RNM1, /* a container with everything in it */
	RNM_MODEL_KANN, /* only a network, plain or as one zstd frame (the field ann of a Redis hash) */
	RNM_MODEL_REDIS /* the fields of a hash in Redis and its profile */
};

/*
 * Everything that was found.  The container was readable, or there would be no such struct; whether what
 * it carries is fit to be served is said by the three problems, whose status is RNM_OK when there is none.
 */
struct rnm_model_file {
	enum rnm_model_kind kind;
	/*
	 * Never NULL.  Of a bare network it says sizes and nothing else (ann.len is 0 when it was not
	 * compressed); of a model in Redis it is what an export of it holds.
	 */
	const struct rnm_rnm1 *container;
	uint64_t ann_expanded;                /* bytes of the network; 0 when its frame is damaged */
	uint64_t pca_expanded;                /* bytes of the PCA matrix; 0 without one */
	const struct rnm_network *network;    /* NULL when it is not a network */
	struct rnm_network_finding *findings; /* of the network */
	size_t finding_count;
	struct rnm_tensor pca;        /* rows is 0 without one */
	struct rnm_error ann_problem; /* frame or network: not a network, or unfit to be served */
	struct rnm_error pca_problem; /* frame or matrix */
	struct rnm_error fit_problem; /* network, matrix and norm_stats do not go together */
	void *owned;                  /* internal */
};

/*
 * Opens an RNM1 file or a bare network (KANN), each plain or as one zstd frame; which of them is seen from
 * the first bytes.  /dev/stdin and pipes work too.  Fails as rnm_rnm1_read, or with RNM_E_NOT_FOUND,
 * RNM_E_IO, RNM_E_MALFORMED ("file.too-large", above RNM_BLOB_MAX * 2 + 1 MiB).
 * Memory: the expanded network (at most RNM_BLOB_MAX) beside the file's bytes.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_file_open(struct rnm_model_file **out, const char *path,
                                                           struct rnm_error *err);
/*
 * The same for rnm_store_import alone, which then needs neither the file nor the network in memory: of a large RNM1 file
 * the network is left where it is until it is imported, and checked in full while it passes by.  Until then
 * network is NULL, and nothing is known of it; its tensors cannot be looked at later either.  Other files are opened as
 * above.  The file stays open; path must outlive *out.  Fails as rnm_model_file_open.
 * Memory: a few megabytes, and the PCA matrix, whatever the size of the network.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_file_open_once(struct rnm_model_file **out, const char *path,
                                                                struct rnm_error *err);
/* As rnm_model_file_open for bytes in memory, which must outlive *out; name stands in errors. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_file_read(struct rnm_model_file **out, const void *data,
                                                           size_t len, const char *name,
                                                           struct rnm_error *err);
RNM_API void rnm_model_file_free(struct rnm_model_file *file);

/*
 * Gives a model without PCA the matrix of a file: the bytes that rspamd keeps in the field `pca`, plain or as one
 * zstd frame.  What is wrong with the matrix fails the call; that it does not fit the network is a fit_problem.
 * RNM_E_USAGE ("model.has-pca"), RNM_E_NOT_FOUND, RNM_E_IO, and as rnm_tensor_read and rnm_frame_check.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_file_add_pca(struct rnm_model_file *file, const char *path,
                                                              struct rnm_error *err);

/* RNM_OK, or the status of the first problem, which is copied to err. */
RNM_API enum rnm_status rnm_model_file_verdict(const struct rnm_model_file *file, struct rnm_error *err);

/* How raw vectors become inputs of this network; borrows from file. */
RNM_API void rnm_model_file_preprocess(const struct rnm_model_file *file, struct rnm_preprocess *out);
/* Length of a raw vector: the columns of the PCA matrix, else the network's inputs; 0 without a network. */
RNM_API uint64_t rnm_model_file_raw_dim(const struct rnm_model_file *file);
/*
 * What decides about mail, and nothing else: BLAKE2b-256 of graph, weights, normalisation, PCA matrix and thresholds.
 * Equal for a model in Redis, an export of it and its publication, whatever they say of version, time, rule and
 * digest.  The bytes that are hashed are in docs/network.md.  file has a network.
 */
RNM_API void rnm_model_hash(const struct rnm_model_file *file, unsigned char hash[RNM_NETWORK_HASH_LEN]);

#ifdef __cplusplus
}
#endif
#endif
