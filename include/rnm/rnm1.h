/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/rnm1.h: the RNM1 container, one msgpack map that carries a trained model between hosts.
 * Layout and the rules that rspamd's reader imposes on a writer: docs/rnm1.md.
 */
#ifndef RNM_RNM1_H
#define RNM_RNM1_H

#include <rnm/rule.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Largest blob (compressed or expanded) and largest file: rspamd's default options.max_map_size. */
#define RNM_BLOB_MAX ((uint64_t)256 << 20)
/* Deepest nesting of containers read; rspamd accepts 1024, nothing real needs more than 4. */
#define RNM_RNM1_DEPTH_MAX 8

enum rnm_norm_mode { RNM_NORM_NONE, RNM_NORM_UNIT, RNM_NORM_ZSCORE };

/* A parsed RNM1 file.  Pointers into the file's bytes are borrowed from the buffer given to the reader. */
struct rnm_rnm1 {
	bool compressed;        /* the whole file was one zstd frame */
	uint64_t file_size;     /* bytes of the file as given */
	uint64_t expanded_size; /* bytes of the msgpack map */
	double model_version;   /* 1 when absent, as rspamd takes it */
	bool has_model_version;
	bool model_version_is_string; /* "7": written by the original for a string version */
	char providers_digest[65];    /* "" when absent; cut when longer (then not valid anyway) */
	bool has_created_at;
	int64_t created_at; /* UNIX seconds */
	enum rnm_norm_mode norm_mode;
	double *mean; /* zscore: norm_count numbers each */
	double *std;
	size_t norm_count;
	bool has_roc;
	double roc_spam, roc_ham;
	struct rnm_bytes ann; /* zstd frame */
	struct rnm_bytes pca; /* zstd frame; len 0 when absent */
	/* The map `rnm` that this project adds and rspamd ignores; NULL when absent. */
	const struct rnm_value *extra;
	/* Departures from the publisher's rules that do not keep the file from being read. */
	struct rnm_finding *findings;
	size_t finding_count;
	void *owned; /* internal */
};

/*
 * Reads a container from memory and validates it: msgpack form, keys, types, lengths, depth.  The
 * blobs are not decompressed (rnm_frame_check does that).  data must outlive *out unless the file is
 * compressed, in which case the expanded copy is owned by *out.
 * RNM_E_MALFORMED with an id "rnm1.*" and a byte offset.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_rnm1_read(struct rnm_rnm1 **out, const void *data, size_t len,
                                                     struct rnm_error *err);
RNM_API void rnm_rnm1_free(struct rnm_rnm1 *model);

/* Everything of a container but the blobs. */
struct rnm_rnm1_head {
	double model_version;               /* written as an integer when it is one */
	const char *providers_digest;       /* NULL: leave out */
	int64_t created_at;                 /* UNIX seconds */
	const struct rnm_value *norm_stats; /* NULL: leave out; otherwise already validated */
	const struct rnm_value *roc;        /* NULL: leave out; array of two numbers */
	const struct rnm_value *extra;      /* NULL: leave out; written under the key "rnm" */
	bool as_original; /* negative integers in rspamd's own encoding, which rspamd 3.4 misreads */
	bool has_pca;
	uint64_t pca_size; /* bytes of the pca blob */
	uint64_t ann_size; /* bytes of the ann blob */
};
/*
 * The container is written as prefix | pca bytes | ann_header | ann bytes, in the canonical order
 * magic, version, model_version, providers_digest, created_at, norm_stats, roc_thresholds, rnm,
 * pca_data, ann_data, so that both blobs can be streamed.  rnm_rnm1_write_prefix ends where the pca
 * bytes (or, without pca, the ann bytes) begin; rnm_rnm1_write_ann_header is needed only with pca.  Both
 * append to out.  RNM_E_USAGE "rnm1.write" (a value that the format cannot hold), RNM_E_REFUSED
 * "rnm1.blob-size" (empty, or above RNM_BLOB_MAX), RNM_E_NOMEM.
 */
struct rnm_buf;
RNM_API RNM_MUST_CHECK enum rnm_status rnm_rnm1_write_prefix(struct rnm_buf *out,
                                                             const struct rnm_rnm1_head *head,
                                                             struct rnm_error *err);
RNM_API RNM_MUST_CHECK enum rnm_status rnm_rnm1_write_ann_header(struct rnm_buf *out, uint64_t ann_size,
                                                                 struct rnm_error *err);

/*
 * Parse and validate the JSON texts that Redis holds; *out NULL for empty text or [] (nothing to write).
 * RNM_E_MALFORMED "rnm1.norm-stats", "rnm1.roc".  The value is borrowed from the field.
 */
struct rnm_json_field; /* owns a value */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_norm_stats_parse(struct rnm_json_field **out,
                                                            struct rnm_bytes text, struct rnm_error *err);
RNM_API RNM_MUST_CHECK enum rnm_status rnm_roc_parse(struct rnm_json_field **out, struct rnm_bytes text,
                                                     struct rnm_error *err);
RNM_API const struct rnm_value *rnm_json_field_value(const struct rnm_json_field *field);
RNM_API void rnm_json_field_free(struct rnm_json_field *field);

/*
 * Checks a zstd frame as it streams by: whole, its content size declared and true and at most
 * RNM_BLOB_MAX, nothing behind it, and the expanded bytes begin as the kind demands.
 */
enum rnm_blob_kind {
	RNM_BLOB_ANY,
	RNM_BLOB_KANN,  /* expanded bytes start with "KAN\1" */
	RNM_BLOB_TENSOR /* expanded bytes: int32 ndims=2, count, rows, cols, float32[count], exact length */
};
struct rnm_frame_check;
/*
 * what (copied, cut at 31 bytes) begins the messages.  feed takes pieces of any size; end says that there
 * are no more and tells the bytes that the frame expands to.  RNM_E_MALFORMED with ids "frame.*"
 * (docs/rnm1.md) and an offset; RNM_E_NOMEM.  After a failure the check is fit for rnm_frame_check_free only.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_frame_check_new(struct rnm_frame_check **out,
                                                           enum rnm_blob_kind kind, const char *what,
                                                           struct rnm_error *err);
RNM_API RNM_MUST_CHECK enum rnm_status rnm_frame_check_feed(struct rnm_frame_check *check, const void *data,
                                                            size_t len, struct rnm_error *err);
RNM_API RNM_MUST_CHECK enum rnm_status rnm_frame_check_end(struct rnm_frame_check *check, uint64_t *expanded,
                                                           struct rnm_error *err);
RNM_API void rnm_frame_check_free(struct rnm_frame_check *check);

#ifdef __cplusplus
}
#endif
#endif
