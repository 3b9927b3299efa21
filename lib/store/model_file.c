/* SPDX-License-Identifier: Apache-2.0 */
#include "store/model_file.h"

#include "base/file.h"
#include "format/zstd.h"
#include "store/model_pass.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KANN_MAGIC "KAN\1"
#define KANN_MAGIC_LEN 4u

/* What the public struct points into. */
struct backing {
	struct rnm_buf bytes; /* of the file */
	struct rnm_rnm1 *container;
	struct rnm_rnm1 bare;        /* stands in for the container of a bare network */
	struct rnm_bytes plain_kann; /* a network that was not compressed: the bytes of the file */
	struct rnm_buf ann;
	struct rnm_buf pca;
	struct rnm_network *network;

	/* Only of a file whose network passes by: its blob and values are not in memory. */
	struct rnm_model_pass pass;
};

static void inspect_ann(struct rnm_model_file *file, struct backing *backing)
{
	struct rnm_error *problem = &file->ann_problem;
	struct rnm_bytes network = backing->plain_kann;

	if (network.len == 0) {
		struct rnm_bytes blob = file->container->ann;

		if (rnm_frame_expand(&backing->ann, blob.data, blob.len, RNM_BLOB_KANN, "ann_data",
		                     problem) != RNM_OK)
			return;
		network = (struct rnm_bytes){ rnm_buf_cstr(&backing->ann), backing->ann.len };
	}
	file->ann_expanded = network.len;
	/* The status is in the problem; a network that is unfit can still be looked at. */
	(void)!rnm_network_check(&backing->network, &file->findings, &file->finding_count, network.data,
	                         network.len, NULL, problem);
	file->network = backing->network;
}

static void inspect_pca(struct rnm_model_file *file, struct backing *backing)
{
	struct rnm_error *problem = &file->pca_problem;
	struct rnm_bytes blob = file->container->pca;

	if (blob.len == 0 || rnm_frame_expand(&backing->pca, blob.data, blob.len, RNM_BLOB_TENSOR, "pca_data",
	                                      problem) != RNM_OK)
		return;
	file->pca_expanded = backing->pca.len;
	(void)!rnm_tensor_read(&file->pca, backing->pca.data, backing->pca.len, problem);
}

/* Do the parts go together?  rspamd: src/plugins/lua/neural.lua checks none of this when it loads. */
static void inspect_fit(struct rnm_model_file *file)
{
	struct rnm_preprocess preprocess;

	if (file->network == NULL || file->pca_problem.status != RNM_OK)
		return;
	rnm_model_file_preprocess(file, &preprocess);
	if (rnm_preprocess_check(&preprocess, rnm_model_file_raw_dim(file),
	                         rnm_network_input_dim(file->network), &file->fit_problem) != RNM_OK)
		file->fit_problem.status = RNM_NO;
}

static void release(struct backing *backing)
{
	rnm_network_free(backing->network);
	rnm_model_pass_free(&backing->pass);
	rnm_rnm1_free(backing->container);
	rnm_buf_free(&backing->bytes);
	rnm_buf_free(&backing->ann);
	rnm_buf_free(&backing->pca);
	free(backing);
}

static bool is_network(const void *data, size_t len)
{
	char start[KANN_MAGIC_LEN] = { 0 };

	if (rnm_zstd_is_frame(data, len))
		len = rnm_zstd_peek(data, len, start, sizeof(start));
	else if (len >= sizeof(start))
		memcpy(start, data, sizeof(start));
	return len >= sizeof(start) && memcmp(start, KANN_MAGIC, sizeof(start)) == 0;
}

static void take_network(struct rnm_model_file *file, struct backing *backing, struct rnm_bytes bytes)
{
	file->kind = RNM_MODEL_KANN;
	backing->bare.file_size = bytes.len;
	backing->bare.compressed = rnm_zstd_is_frame(bytes.data, bytes.len);
	if (backing->bare.compressed)
		backing->bare.ann = bytes;
	else
		backing->plain_kann = bytes;
	file->container = &backing->bare;
}

static enum rnm_status take_container(struct rnm_model_file *file, struct backing *backing,
                                      struct rnm_bytes bytes, const char *name, struct rnm_error *err)
{
	enum rnm_status status = rnm_rnm1_read(&backing->container, bytes.data, bytes.len, err);

	if (status == RNM_E_MALFORMED && err != NULL && strcmp(err->id, "rnm1.msgpack") == 0 &&
	    err->hint[0] == '\0')
		rnm_error_set_hint(err,
		                   "a model is an RNM1 file or a network (KANN), as it is or as one zstd "
		                   "frame");
	if (status != RNM_OK && err != NULL && err->has_offset)
		rnm_error_at_offset(err, name, err->offset);
	else if (status != RNM_OK)
		rnm_error_at_line(err, name, 0);
	file->kind = RNM_MODEL_RNM1;
	file->container = backing->container;
	return status;
}

static enum rnm_status take(struct rnm_model_file *file, struct backing *backing, struct rnm_bytes bytes,
                            const char *name, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (is_network(bytes.data, bytes.len))
		take_network(file, backing, bytes);
	else
		status = take_container(file, backing, bytes, name, err);
	if (status != RNM_OK)
		return status;
	inspect_ann(file, backing);
	inspect_pca(file, backing);
	inspect_fit(file);
	/* That memory ran out says nothing about the model. */
	if (file->ann_problem.status == RNM_E_NOMEM || file->pca_problem.status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	return RNM_OK;
}

static struct rnm_model_file *new_file(void)
{
	struct rnm_model_file *file = calloc(1, sizeof(*file));
	struct backing *backing = calloc(1, sizeof(*backing));

	if (file == NULL || backing == NULL) {
		free(file);
		free(backing);
		return NULL;
	}
	rnm_buf_init(&backing->bytes, RNM_MODEL_FILE_MAX + 1);
	backing->pass.image.fd = -1;
	rnm_buf_init(&backing->ann, RNM_BLOB_MAX);
	rnm_buf_init(&backing->pca, RNM_BLOB_MAX);
	file->owned = backing;
	return file;
}

enum rnm_status rnm_model_file_adopt(struct rnm_model_file **out, struct rnm_buf *bytes, const char *name,
                                     struct rnm_error *err)
{
	struct rnm_model_file *file = new_file();
	struct backing *backing;
	enum rnm_status status;

	if (file == NULL) {
		rnm_buf_free(bytes);
		return rnm_error_nomem(err);
	}
	backing = file->owned;
	backing->bytes = *bytes;
	rnm_buf_init(bytes, bytes->max);
	status = take(file, backing, (struct rnm_bytes){ rnm_buf_cstr(&backing->bytes), backing->bytes.len },
	              name, err);
	if (status == RNM_OK)
		*out = file;
	else
		rnm_model_file_free(file);
	return status;
}

enum rnm_status rnm_model_file_open(struct rnm_model_file **out, const char *path, struct rnm_error *err)
{
	struct rnm_buf bytes;
	enum rnm_status status;

	rnm_buf_init(&bytes, RNM_MODEL_FILE_MAX + 1); /* one more, to see that a pipe holds too much */
	status = rnm_file_read(path, &bytes, RNM_MODEL_FILE_MAX, err);
	if (status == RNM_OK)
		return rnm_model_file_adopt(out, &bytes, path, err);
	rnm_buf_free(&bytes);
	return status;
}

enum rnm_status rnm_model_file_read(struct rnm_model_file **out, const void *data, size_t len,
                                    const char *name, struct rnm_error *err)
{
	struct rnm_model_file *file = new_file();
	enum rnm_status status;

	if (file == NULL)
		return rnm_error_nomem(err);
	status = take(file, file->owned, (struct rnm_bytes){ data, len }, name, err);
	if (status == RNM_OK)
		*out = file;
	else
		rnm_model_file_free(file);
	return status;
}

/* ---- a network that passes by ------------------------------------------------------------------- */

bool rnm_model_file_is_unread(const struct rnm_model_file *file)
{
	const struct backing *backing = file->owned;

	return backing->pass.unread;
}

enum rnm_status rnm_model_file_look(struct rnm_model_file *file, rnm_model_file_take *also, void *ctx,
                                    struct rnm_error *err)
{
	struct backing *backing = file->owned;
	enum rnm_status status;

	if (!backing->pass.unread)
		return RNM_OK;
	status = rnm_model_pass(file, &backing->pass, also, ctx, err);
	backing->network = backing->pass.network;
	if (status == RNM_OK)
		inspect_fit(file);
	return status;
}

/* RNM_NO: to be read as a whole. */
static enum rnm_status take_image(struct rnm_model_file *file, struct backing *backing, struct rnm_error *err)
{
	const struct rnm_model_image *image = &backing->pass.image;
	enum rnm_status status;

	status = rnm_rnm1_read(&backing->container, image->data, image->size, err);
	if (status != RNM_OK)
		return status == RNM_E_NOMEM ? status : RNM_NO;
	if (backing->container->ann.data != image->data + image->blob_at ||
	    backing->container->ann.len != image->blob_len)
		return RNM_NO;
	file->kind = RNM_MODEL_RNM1;
	file->container = backing->container;
	inspect_pca(file, backing);
	if (file->pca_problem.status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	backing->pass.unread = true;
	return RNM_OK;
}

enum rnm_status rnm_model_file_open_once(struct rnm_model_file **out, const char *path, struct rnm_error *err)
{
	struct rnm_model_file *file = new_file();
	struct backing *backing;
	enum rnm_status status;

	if (file == NULL)
		return rnm_error_nomem(err);
	backing = file->owned;
	status = rnm_model_image_open(&backing->pass.image, path, err);
	if (status == RNM_OK)
		status = take_image(file, backing, err);
	if (status == RNM_OK)
		*out = file;
	else
		rnm_model_file_free(file);
	return status == RNM_NO ? rnm_model_file_open(out, path, err) : status;
}

/* All of the image's file into memory, and from there. */
static enum rnm_status open_whole(struct rnm_model_file **out, const struct rnm_model_image *image,
                                  struct rnm_error *err)
{
	const uint64_t size = rnm_file_marks_size(image->marks);
	enum rnm_status status;
	struct rnm_buf bytes;

	if (size > RNM_MODEL_FILE_MAX)
		return rnm_file_too_large(err, image->path, RNM_MODEL_FILE_MAX);
	rnm_buf_init(&bytes, RNM_MODEL_FILE_MAX + 1);
	if (!rnm_buf_reserve(&bytes, (size_t)size))
		return rnm_error_nomem(err);
	status = rnm_model_image_read_at(image, bytes.data, (size_t)size, 0, err);
	if (status != RNM_OK) {
		rnm_buf_free(&bytes);
		return status;
	}
	bytes.len = (size_t)size;
	bytes.data[size] = '\0';
	return rnm_model_file_adopt(out, &bytes, image->path, err);
}

enum rnm_status rnm_model_file_open_marked(struct rnm_model_file **out, int fd, struct rnm_file_marks *marks,
                                           const char *name, struct rnm_error *err)
{
	struct rnm_model_file *file = new_file();
	struct backing *backing;
	enum rnm_status status;

	if (file == NULL) {
		close(fd);
		rnm_file_marks_free(marks);
		return rnm_error_nomem(err);
	}
	backing = file->owned;
	status = rnm_model_image_adopt(&backing->pass.image, fd, marks, name, err);
	if (status == RNM_OK)
		status = take_image(file, backing, err);
	if (status == RNM_OK)
		status = rnm_model_file_look(file, NULL, NULL, err);
	if (status == RNM_OK) {
		*out = file;
		return status;
	}
	if (status == RNM_NO)
		status = open_whole(out, &backing->pass.image, err);
	rnm_model_file_free(file);
	return status;
}

const struct rnm_model_image *rnm_model_file_image(const struct rnm_model_file *file, const char **print)
{
	const struct backing *backing = file->owned;

	*print = backing->pass.print;
	return backing->pass.image.fd >= 0 ? &backing->pass.image : NULL;
}

enum rnm_status rnm_model_file_probe(struct rnm_probe *out, const struct rnm_model_file *file,
                                     const struct rnm_network_limits *limits, struct rnm_error *err)
{
	const struct backing *backing = file->owned;
	struct rnm_preprocess preprocess;

	rnm_model_file_preprocess(file, &preprocess);
	if (backing->pass.stream == NULL)
		return rnm_network_probe(out, file->network, &preprocess, limits, err);
	*out = backing->pass.probe;
	if (err != NULL && backing->pass.probe_status != RNM_OK)
		*err = backing->pass.probe_problem;
	return backing->pass.probe_status;
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

enum rnm_status rnm_model_file_add_pca(struct rnm_model_file *file, const char *path, struct rnm_error *err)
{
	struct backing *backing = file->owned;
	struct rnm_buf bytes;
	enum rnm_status status;

	if (file->container->pca.len > 0)
		return rnm_error_set(err, RNM_E_USAGE, "model.has-pca",
		                     "expected a model without PCA matrix, found one with its own");
	rnm_buf_clear(&backing->pca);
	rnm_buf_init(&bytes, RNM_BLOB_MAX + 1);
	status = rnm_file_read(path, &bytes, RNM_BLOB_MAX, err);
	if (status == RNM_OK && rnm_zstd_is_frame(bytes.data, bytes.len))
		status = rnm_frame_expand(&backing->pca, bytes.data, bytes.len, RNM_BLOB_TENSOR, path, err);
	else if (status == RNM_OK && !rnm_buf_append(&backing->pca, rnm_buf_cstr(&bytes), bytes.len))
		status = rnm_error_nomem(err);
	rnm_buf_free(&bytes);
	if (status != RNM_OK)
		return status;
	rnm_tensor_clear(&file->pca);
	status = rnm_tensor_read(&file->pca, backing->pca.data, backing->pca.len, err);
	if (status != RNM_OK)
		return rnm_error_at_line(err, path, 0), status;
	file->pca_expanded = backing->pca.len;
	rnm_error_clear(&file->fit_problem);
	inspect_fit(file);
	return RNM_OK;
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

uint64_t rnm_model_file_raw_dim(const struct rnm_model_file *file)
{
	if (file->network == NULL)
		return 0;
	return file->pca.rows > 0 ? file->pca.cols : rnm_network_input_dim(file->network);
}

void rnm_model_file_preprocess(const struct rnm_model_file *file, struct rnm_preprocess *out)
{
	const struct rnm_rnm1 *container = file->container;

	*out = (struct rnm_preprocess){
		.norm = container->norm_mode,
		.mean = container->mean,
		.std = container->std,
		.norm_count = container->norm_count,
		.pca = file->pca.rows > 0 ? &file->pca : NULL,
	};
}
