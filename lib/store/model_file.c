/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "format/zstd.h"

#include <rnm/model_file.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Both blobs at their largest, and room for everything else. */
#define FILE_MAX ((size_t)(2 * RNM_BLOB_MAX + (1u << 20)))

/* What the public struct points into. */
struct backing {
	struct rnm_mapping mapping;
	struct rnm_buf bytes; /* for what cannot be mapped */
	struct rnm_rnm1 *container;
	struct rnm_buf ann;
	struct rnm_buf pca;
	struct rnm_network *network;
};

/* Maps a regular file; a pipe, a socket or a terminal is read to its end. */
static enum rnm_status load(struct backing *backing, const char *path, struct rnm_bytes *out,
                            struct rnm_error *err)
{
	struct stat st;
	enum rnm_status status;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		status = rnm_mapping_open(&backing->mapping, path, FILE_MAX, err);
		*out = (struct rnm_bytes){ backing->mapping.data, backing->mapping.size };
		return status;
	}
	status = rnm_file_read(path, &backing->bytes, FILE_MAX, err);
	*out = (struct rnm_bytes){ rnm_buf_cstr(&backing->bytes), backing->bytes.len };
	return status;
}

/*
 * Expands a blob.  The streaming check comes first: it knows the rules for blobs (one frame, declared size)
 * and refuses a frame that lies about its size before memory is spent on it.
 */
static enum rnm_status expand(struct rnm_buf *out, struct rnm_bytes blob, enum rnm_blob_kind kind,
                              const char *what, struct rnm_error *err)
{
	struct rnm_frame_check *check = NULL;
	uint64_t expanded = 0;
	enum rnm_status status = rnm_frame_check_new(&check, kind, what, err);

	if (status == RNM_OK)
		status = rnm_frame_check_feed(check, blob.data, blob.len, err);
	if (status == RNM_OK)
		status = rnm_frame_check_end(check, &expanded, err);
	rnm_frame_check_free(check);
	return status == RNM_OK ? rnm_zstd_expand(out, blob.data, blob.len, what, err) : status;
}

static void inspect_ann(struct rnm_model_file *file, struct backing *backing)
{
	struct rnm_error *problem = &file->ann_problem;

	if (expand(&backing->ann, backing->container->ann, RNM_BLOB_KANN, "ann_data", problem) != RNM_OK)
		return;
	file->ann_expanded = backing->ann.len;
	/* The status is in the problem; a network that is unfit can still be looked at. */
	(void)!rnm_network_check(&backing->network, &file->findings, &file->finding_count, backing->ann.data,
	                         backing->ann.len, NULL, problem);
	file->network = backing->network;
}

static void inspect_pca(struct rnm_model_file *file, struct backing *backing)
{
	struct rnm_error *problem = &file->pca_problem;

	if (backing->container->pca.len == 0 ||
	    expand(&backing->pca, backing->container->pca, RNM_BLOB_TENSOR, "pca_data", problem) != RNM_OK)
		return;
	file->pca_expanded = backing->pca.len;
	(void)!rnm_tensor_read(&file->pca, backing->pca.data, backing->pca.len, problem);
}

/* Do the parts go together?  rspamd: src/plugins/lua/neural.lua checks none of this when it loads. */
static void inspect_fit(struct rnm_model_file *file)
{
	const struct rnm_rnm1 *container = file->container;
	uint64_t input;
	uint64_t raw;

	if (file->network == NULL || file->pca_problem.status != RNM_OK)
		return;
	input = rnm_network_input_dim(file->network);
	raw = file->pca.rows > 0 ? file->pca.cols : input;
	if (file->pca.rows > 0 && file->pca.rows != input)
		rnm_error_set(
		    &file->fit_problem, RNM_NO, "model.pca-rows",
		    "expected a PCA matrix of %llu rows, as many as the network has inputs, found %u",
		    (unsigned long long)input, file->pca.rows);
	else if (container->norm_mode == RNM_NORM_ZSCORE && container->norm_count != raw)
		rnm_error_set(&file->fit_problem, RNM_NO, "model.norm-length",
		              "expected norm_stats for %llu inputs, found %zu: rspamd would leave the others "
		              "as they are",
		              (unsigned long long)raw, container->norm_count);
}

static void release(struct backing *backing)
{
	rnm_network_free(backing->network);
	rnm_rnm1_free(backing->container);
	rnm_mapping_close(&backing->mapping);
	rnm_buf_free(&backing->bytes);
	rnm_buf_free(&backing->ann);
	rnm_buf_free(&backing->pca);
	free(backing);
}

enum rnm_status rnm_model_file_open(struct rnm_model_file **out, const char *path, struct rnm_error *err)
{
	struct rnm_model_file *file = calloc(1, sizeof(*file));
	struct backing *backing = calloc(1, sizeof(*backing));
	struct rnm_bytes bytes;
	enum rnm_status status;

	if (file == NULL || backing == NULL) {
		free(file);
		free(backing);
		return rnm_error_nomem(err);
	}
	rnm_buf_init(&backing->bytes, FILE_MAX + 1); /* one more, to see that a pipe holds too much */
	rnm_buf_init(&backing->ann, RNM_BLOB_MAX);
	rnm_buf_init(&backing->pca, RNM_BLOB_MAX);
	status = load(backing, path, &bytes, err);
	if (status == RNM_OK) {
		status = rnm_rnm1_read(&backing->container, bytes.data, bytes.len, err);
		if (status != RNM_OK && err != NULL && err->has_offset)
			rnm_error_at_offset(err, path, err->offset);
		else if (status != RNM_OK)
			rnm_error_at_line(err, path, 0);
	}
	if (status != RNM_OK) {
		release(backing);
		free(file);
		return status;
	}
	file->container = backing->container;
	file->owned = backing;
	inspect_ann(file, backing);
	inspect_pca(file, backing);
	inspect_fit(file);
	/* That is no problem of the file. */
	if (file->ann_problem.status == RNM_E_NOMEM || file->pca_problem.status == RNM_E_NOMEM) {
		rnm_model_file_free(file);
		return rnm_error_nomem(err);
	}
	*out = file;
	return RNM_OK;
}

void rnm_model_file_free(struct rnm_model_file *file)
{
	if (file == NULL)
		return;
	rnm_network_findings_free(file->findings, file->finding_count);
	rnm_tensor_clear(&file->pca);
	release(file->owned);
	free(file);
}

enum rnm_status rnm_model_file_verdict(const struct rnm_model_file *file, struct rnm_error *err)
{
	const struct rnm_error *problems[] = { &file->ann_problem, &file->pca_problem, &file->fit_problem };

	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (problems[i]->status == RNM_OK)
			continue;
		if (err != NULL)
			*err = *problems[i];
		return problems[i]->status;
	}
	return RNM_OK;
}
