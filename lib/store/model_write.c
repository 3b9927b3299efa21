/* SPDX-License-Identifier: Apache-2.0 */
/* A model from its parts to a file.  Everything lies in memory until it has been read back. */
#include "base/hash.h"
#include "base/value_build.h"
#include "format/zstd.h"
#include "network/graph.h"
#include "store/model_extra.h"
#include "store/output.h"

#include <rnm/model_write.h>
#include <rnm/verify.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)512 << 20)
#define FILE_MAX ((size_t)RNM_BLOB_MAX)

/* What is made on the way. */
struct encoding {
	const struct rnm_model_parts *parts;
	struct rnm_arena arena;
	struct rnm_buf ann, pca; /* frames that were not given as such */
	struct rnm_buf file;
};

void rnm_model_parts_of(struct rnm_model_parts *out, const struct rnm_model_file *file)
{
	const struct rnm_rnm1 *container = file->container;

	*out = (struct rnm_model_parts){
		.network = container->ann,
		.pca = container->pca,
		.model_version = container->model_version,
		.providers_digest = container->providers_digest,
		.created_at = container->created_at,
		.norm_mode = container->norm_mode,
		.mean = container->mean,
		.std = container->std,
		.norm_count = container->norm_count,
		.has_roc = container->has_roc,
		.roc_spam = container->roc_spam,
		.roc_ham = container->roc_ham,
		.extra = container->extra,
	};
	if (out->network.len == 0 && file->network != NULL)
		out->network = (struct rnm_bytes){ (const char *)file->network->data, file->network->size };
}

/* ---- the small values --------------------------------------------------------------------------- */

static struct rnm_value *new_text(struct rnm_arena *arena, const char *text)
{
	return rnm_value_new_string(arena, text, strlen(text));
}

static struct rnm_value *new_numbers(struct rnm_arena *arena, const double *numbers, size_t count)
{
	struct rnm_value *array = rnm_value_new(arena, RNM_ARRAY);

	for (size_t i = 0; i < count; i++)
		if (array == NULL || !rnm_value_push(arena, array, rnm_value_new_float(arena, numbers[i])))
			return NULL;
	return array;
}

/* *out stays NULL without normalisation. */
static bool build_norm(struct encoding *job, const struct rnm_value **out)
{
	const struct rnm_model_parts *parts = job->parts;
	bool zscore = parts->norm_mode == RNM_NORM_ZSCORE;
	struct rnm_arena *arena = &job->arena;
	struct rnm_value *map;

	if (parts->norm_mode == RNM_NORM_NONE)
		return true;
	map = rnm_value_new(arena, RNM_OBJECT);
	*out = map;
	if (map == NULL || !rnm_value_add_s(arena, map, "mode", new_text(arena, zscore ? "zscore" : "unit")))
		return false;
	return !zscore ||
	       (rnm_value_add_s(arena, map, "mean", new_numbers(arena, parts->mean, parts->norm_count)) &&
	        rnm_value_add_s(arena, map, "std", new_numbers(arena, parts->std, parts->norm_count)));
}

static enum rnm_status build_head(struct encoding *job, struct rnm_rnm1_head *head, struct rnm_error *err)
{
	const struct rnm_model_parts *parts = job->parts;
	struct rnm_value *extra = NULL;

	*head = (struct rnm_rnm1_head){
		.model_version = parts->model_version,
		.created_at = parts->created_at,
	};
	if (parts->providers_digest != NULL && parts->providers_digest[0] != '\0')
		head->providers_digest = parts->providers_digest;
	if (!build_norm(job, &head->norm_stats))
		return rnm_error_nomem(err);
	if (parts->has_roc) {
		head->roc = new_numbers(&job->arena, (double[]){ parts->roc_spam, parts->roc_ham }, 2);
		if (head->roc == NULL)
			return rnm_error_nomem(err);
	}
	/* The map of the file is a level too. */
	if (parts->extra != NULL &&
	    !rnm_extra_copy(&job->arena, parts->extra, RNM_RNM1_DEPTH_MAX - 1, &extra))
		return rnm_error_nomem(err);
	head->extra = rnm_value_count(extra) > 0 ? extra : NULL;
	return RNM_OK;
}

/* ---- the file ----------------------------------------------------------------------------------- */

/* A blob as one frame: as it is, or compressed into room. */
static enum rnm_status to_frame(struct rnm_bytes *blob, struct rnm_buf *room, struct rnm_error *err)
{
	enum rnm_status status;

	if (blob->len == 0 || rnm_zstd_is_frame(blob->data, blob->len))
		return RNM_OK;
	status = rnm_zstd_compress(room, blob->data, blob->len, err);
	*blob = (struct rnm_bytes){ rnm_buf_cstr(room), room->len };
	return status;
}

static enum rnm_status too_large(uint64_t size, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_REFUSED, "rnm1.blob-size",
	                     "expected a file of at most %llu bytes, found %llu: rspamd reads no larger one",
	                     (unsigned long long)FILE_MAX, (unsigned long long)size);
}

static enum rnm_status put_container(struct encoding *job, struct rnm_error *err)
{
	struct rnm_bytes ann = job->parts->network, pca = job->parts->pca;
	struct rnm_rnm1_head head;
	enum rnm_status status = to_frame(&ann, &job->ann, err);

	if (status == RNM_OK)
		status = to_frame(&pca, &job->pca, err);
	if (status == RNM_OK)
		status = build_head(job, &head, err);
	if (status != RNM_OK)
		return status;
	head.ann_size = ann.len;
	head.pca_size = pca.len;
	head.has_pca = pca.len > 0;
	status = rnm_rnm1_write_prefix(&job->file, &head, err);
	if (status == RNM_OK && (uint64_t)job->file.len + ann.len + pca.len > FILE_MAX)
		return too_large((uint64_t)job->file.len + ann.len + pca.len, err);
	rnm_buf_append(&job->file, pca.data, pca.len);
	if (status == RNM_OK && head.has_pca)
		status = rnm_rnm1_write_ann_header(&job->file, ann.len, err);
	rnm_buf_append(&job->file, ann.data, ann.len);
	return status == RNM_OK && job->file.failed ? rnm_error_nomem(err) : status;
}

static enum rnm_status put_network(struct encoding *job, bool compress, struct rnm_error *err)
{
	struct rnm_bytes network = job->parts->network;
	bool is_frame = rnm_zstd_is_frame(network.data, network.len);

	if (compress && !is_frame)
		return rnm_zstd_compress(&job->file, network.data, network.len, err);
	if (!compress && is_frame)
		return rnm_zstd_expand(&job->file, network.data, network.len, "the network", err);
	return rnm_buf_append(&job->file, network.data, network.len) ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status compress_file(struct encoding *job, struct rnm_error *err)
{
	struct rnm_buf packed;
	enum rnm_status status;

	rnm_buf_init(&packed, job->file.max);
	status = rnm_zstd_compress(&packed, job->file.data, job->file.len, err);
	rnm_buf_free(&job->file);
	job->file = packed;
	return status;
}

/* ---- reading it back ---------------------------------------------------------------------------- */

static enum rnm_status unfit(const char *id, const char *why, struct rnm_error *err)
{
	char text[RNM_ERROR_TEXT_MAX / 2];

	/* They may lie in err. */
	(void)snprintf(text, sizeof(text), "%s", why);
	return rnm_error_set(err, RNM_E_REFUSED, id,
	                     "nothing was written, for rspamd could not use the model: %s", text);
}

/* Anything that the reader remarks on would be the writer's fault, but for a digest that was not given. */
static enum rnm_status check_findings(const struct rnm_model_parts *parts, const struct rnm_rnm1 *container,
                                      struct rnm_error *err)
{
	bool has_digest = parts->providers_digest != NULL && parts->providers_digest[0] != '\0';

	for (size_t i = 0; i < container->finding_count; i++) {
		const struct rnm_finding *finding = &container->findings[i];

		if (has_digest || strcmp(finding->id, "rnm1.no-digest") != 0)
			return unfit(finding->id, finding->text, err);
	}
	return RNM_OK;
}

/* Whatever rnm verify would call a problem, again but for the digest. */
static enum rnm_status check_sound(const struct rnm_model_parts *parts, const struct rnm_model_file *file,
                                   struct rnm_error *err)
{
	const bool has_digest = parts->providers_digest != NULL && parts->providers_digest[0] != '\0';
	struct rnm_verification *verification = NULL;
	enum rnm_status status = rnm_model_verify(&verification, file, NULL, err);

	if (status != RNM_NO)
		return rnm_verification_free(verification), status;
	status = RNM_OK;
	for (size_t i = 0; status == RNM_OK && i < verification->finding_count; i++) {
		const struct rnm_model_finding *finding = &verification->findings[i];

		if (finding->severity != RNM_SEVERITY_WARNING &&
		    (has_digest || strcmp(finding->id, "rnm1.no-digest") != 0))
			status = unfit(finding->id, finding->text, err);
	}
	rnm_verification_free(verification);
	return status;
}

/* The network that comes out is the one that went in. */
static enum rnm_status check_network(const struct rnm_model_parts *parts, const struct rnm_model_file *file,
                                     struct rnm_error *err)
{
	struct rnm_bytes given = parts->network;

	if (rnm_zstd_is_frame(given.data, given.len) ||
	    (file->network->size == given.len && memcmp(file->network->data, given.data, given.len) == 0))
		return RNM_OK;
	return unfit("model.unfit", "the network is not the same when it is read back", err);
}

static enum rnm_status read_back(const struct encoding *job, struct rnm_model_write_result *result,
                                 struct rnm_error *err)
{
	struct rnm_model_file *file = NULL;
	struct rnm_error why;
	enum rnm_status status = rnm_model_file_read(&file, job->file.data, job->file.len, NULL, &why);

	if (status == RNM_OK)
		status = rnm_model_file_verdict(file, &why);
	if (status == RNM_E_NOMEM)
		status = rnm_error_nomem(err);
	else if (status != RNM_OK)
		status = unfit(why.id, why.message, err);
	else
		status = check_findings(job->parts, file->container, err);
	if (status == RNM_OK)
		status = check_network(job->parts, file, err);
	if (status == RNM_OK)
		status = check_sound(job->parts, file, err);
	if (status == RNM_OK) {
		result->file_size = job->file.len;
		result->ann_size = file->container->ann.len;
		result->ann_expanded = file->ann_expanded;
		result->pca_size = file->container->pca.len;
		result->pca_expanded = file->pca_expanded;
	}
	rnm_model_file_free(file);
	return status;
}

/* ---- both ways out ------------------------------------------------------------------------------ */

static enum rnm_status encode(struct encoding *job, enum rnm_model_form form, bool compress,
                              struct rnm_model_write_result *result, struct rnm_error *err)
{
	enum rnm_status status;

	if (job->parts->network.len == 0)
		return unfit("model.unfit", "there is no network", err);
	if (form == RNM_FORM_NETWORK)
		status = put_network(job, compress, err);
	else
		status = put_container(job, err);
	if (status == RNM_OK && compress && form == RNM_FORM_RNM1)
		status = compress_file(job, err);
	return status == RNM_OK ? read_back(job, result, err) : status;
}

static void begin(struct encoding *job, const struct rnm_model_parts *parts)
{
	*job = (struct encoding){ .parts = parts };
	rnm_arena_init(&job->arena, ARENA_MAX);
	/* A frame may be a little larger than what it holds; the limits are checked by the reader. */
	rnm_buf_init(&job->ann, FILE_MAX + FILE_MAX / 64);
	rnm_buf_init(&job->pca, FILE_MAX + FILE_MAX / 64);
	rnm_buf_init(&job->file, FILE_MAX + FILE_MAX / 64);
}

static void end(struct encoding *job)
{
	rnm_arena_free(&job->arena);
	rnm_buf_free(&job->ann);
	rnm_buf_free(&job->pca);
	rnm_buf_free(&job->file);
}

enum rnm_status rnm_model_encode(struct rnm_buf *out, const struct rnm_model_parts *parts,
                                 enum rnm_model_form form, bool compress, struct rnm_error *err)
{
	struct rnm_model_write_result result;
	struct encoding job;
	enum rnm_status status;

	begin(&job, parts);
	status = encode(&job, form, compress, &result, err);
	if (status == RNM_OK && !rnm_buf_append(out, job.file.data, job.file.len))
		status = rnm_error_nomem(err);
	end(&job);
	return status;
}

enum rnm_status rnm_model_write(const struct rnm_model_parts *parts,
                                const struct rnm_model_write_options *options,
                                struct rnm_model_write_result *result, struct rnm_error *err)
{
	const struct rnm_export_options how = {
		.path = options->path,
		.fd = options->fd,
		.dry_run = options->dry_run,
		.cancel = options->cancel,
	};
	struct rnm_model_write_result done;
	struct encoding job;
	enum rnm_status status;

	begin(&job, parts);
	status = encode(&job, options->form, options->compress, &done, err);
	if (status == RNM_OK) {
		rnm_hash_of(done.hash, job.file.data, job.file.len);
		status = rnm_output_whole(&how, (struct rnm_bytes){ job.file.data, job.file.len }, err);
	}
	if (status == RNM_OK)
		*result = done;
	end(&job);
	return status;
}
