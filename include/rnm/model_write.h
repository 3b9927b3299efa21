/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/model_write.h: a model from its parts to a file.  What is written has been read back and judged by
 * rnm_model_verify: rnm writes nothing in which rnm would find a problem, but for a digest that was not given.
 */
#ifndef RNM_MODEL_WRITE_H
#define RNM_MODEL_WRITE_H

#include <rnm/model_file.h>

#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a file is made of.  Everything is borrowed and must live until the function returns. */
struct rnm_model_parts {
	struct rnm_bytes network; /* KANN; or one zstd frame around it, which is taken over byte for byte */
	struct rnm_bytes pca;     /* likewise a matrix (rnm/tensor.h); len 0: none */
	double model_version;     /* an integer from 1 to 2^53 - 1 */
	const char *providers_digest; /* 16 digits; NULL or "": none, and then no rspamd loads the file */
	int64_t created_at;           /* UNIX seconds */
	enum rnm_norm_mode norm_mode;
	const double *mean, *std; /* zscore: norm_count numbers each, finite, deviations above 0 */
	size_t norm_count;
	bool has_roc;
	double roc_spam, roc_ham; /* finite */
	/*
	 * The map `rnm`, or NULL.  What rspamd's reader stumbles over (nulls, empty strings) is left out of
	 * it on the way.
	 */
	const struct rnm_value *extra;
};

/*
 * The parts of an opened model, borrowed from file.  Blobs that were compressed stay as they are.  network
 * is empty when the file has none.
 */
RNM_API void rnm_model_parts_of(struct rnm_model_parts *out, const struct rnm_model_file *file);

enum rnm_model_form {
	RNM_FORM_RNM1, /* a container */
	RNM_FORM_NETWORK, /* only the network, as KANN; with compress as one frame, like the field ann in Redis */
};

/*
 * Appends the model as a file to out, the whole of it as one zstd frame when asked, and reads it back.
 *   RNM_E_REFUSED    "model.unfit", and the ids of the problems of rnm_model_verify and of the findings of
 *                    rnm/rnm1.h: rspamd could not use it; nothing was appended
 *   RNM_E_REFUSED    "rnm1.blob-size", RNM_E_USAGE "rnm1.write": it cannot be written at all
 * Memory: a few times the size of the network.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_encode(struct rnm_buf *out,
                                                        const struct rnm_model_parts *parts,
                                                        enum rnm_model_form form, bool compress,
                                                        struct rnm_error *err);

struct rnm_model_write_options {
	const char *path; /* file to replace, or NULL for the descriptor */
	int fd;           /* used when path is NULL */
	enum rnm_model_form form;
	bool compress;                       /* the whole file as one zstd frame with its size */
	bool dry_run;                        /* make and check everything, write nothing */
	const volatile sig_atomic_t *cancel; /* may be NULL */
};
struct rnm_model_write_result {
	uint64_t file_size;
	uint64_t ann_size, ann_expanded; /* ann_size is 0 for a network that is not compressed */
	uint64_t pca_size, pca_expanded; /* 0 without pca */
	char hash[65];                   /* BLAKE2b-256 of the file, hex */
};
/*
 * The same into a file, which appears whole or not at all; the old one stays until then.  Errors as
 * rnm_model_encode; RNM_E_IO "export.open", "export.write"; RNM_E_INTERRUPTED.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_model_write(const struct rnm_model_parts *parts,
                                                       const struct rnm_model_write_options *options,
                                                       struct rnm_model_write_result *result,
                                                       struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif
