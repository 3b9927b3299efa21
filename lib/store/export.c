/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One model from Redis to a file.  A single HMGET asks for the small fields first and the blobs last,
 * so that the head of the file is known when the first byte of a blob arrives.
 */
#include "base/value_build.h"
#include "redis/refusal.h"
#include "store/events.h"
#include "store/export_head.h"
#include "store/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* norm_stats of a million inputs would fit; real ones have some thousand. */
#define SMALL_FIELD_MAX ((size_t)16 << 20)
#define PREFIX_MAX ((size_t)128 << 20)
#define BLOBS 2u

struct exporting {
	struct rnm_redis *redis;
	const struct rnm_rule *rule;
	const struct rnm_model_list *list;
	const struct rnm_model *model;
	const struct rnm_export_options *options;
	struct rnm_export_result *result;
	struct rnm_export_head head;
	struct rnm_output output;
	struct rnm_tee *tee;
	struct rnm_buf text; /* one small field; later the head of the file */
	uint64_t head_size;  /* bytes before and between the blobs */
	uint64_t blobs_done;
};

static const char *key_of(const struct exporting *job)
{
	return job->model->profile.redis_key;
}

/* What is stored is damaged: no other way of exporting it would help. */
static enum rnm_status hint_other_version(struct rnm_error *err)
{
	rnm_error_set_hint(err,
	                   "`rnm list` shows other versions: export one of them with -v, or train again");
	return RNM_E_MALFORMED;
}

/* Puts the key in front of a sentence about what it holds. */
static enum rnm_status in_key(const struct exporting *job, enum rnm_status status, struct rnm_error *err)
{
	char text[RNM_ERROR_TEXT_MAX];

	/* Of a protocol that is broken nothing can be said about the key. */
	if (status != RNM_E_MALFORMED || err == NULL || strcmp(err->id, "redis.protocol") == 0)
		return status;
	memcpy(text, err->message, sizeof(text));
	(void)snprintf(err->message, sizeof(err->message), "%.512s: %.1500s", key_of(job), text);
	return err->hint[0] == '\0' ? hint_other_version(err) : status;
}

static enum rnm_status redis_refused(const struct exporting *job, const char *text, struct rnm_error *err)
{
	const struct rnm_refused what = { .redis = job->redis,
		                          .command = "HMGET",
		                          .global = job->rule->global };

	rnm_error_set(err, RNM_E_REDIS, "export.redis", "cannot read the model under %s: %s", key_of(job),
	              text);
	rnm_error_set_reference(err, "failed to load model data: %s", text);
	rnm_refusal_explain(err, &what, text);
	return RNM_E_REDIS;
}

static enum rnm_status vanished(const struct exporting *job, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_NOT_FOUND, "export.vanished", "there is no network under %s any more",
	              key_of(job));
	rnm_error_set_reference(err, "failed to load ANN data from Redis");
	rnm_error_set_hint(err, "it has expired or was replaced since it was listed; try again");
	return RNM_E_NOT_FOUND;
}

static enum rnm_status empty_blob(const struct exporting *job, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_MALFORMED, "export.blob",
	              "%s: expected a network in the field ann, found an empty string", key_of(job));
	return hint_other_version(err);
}

static enum rnm_status ask(struct exporting *job, struct rnm_error *err)
{
	struct rnm_bytes argv[2 + RNM_FIELD_COUNT + BLOBS];
	struct rnm_event event;
	enum rnm_status status;
	size_t argc = 0;

	argv[argc++] = rnm_bytes_of("HMGET");
	argv[argc++] = rnm_bytes_of(key_of(job));
	for (size_t i = 0; i < RNM_FIELD_COUNT; i++)
		argv[argc++] = rnm_bytes_of(rnm_small_field_names[i]);
	argv[argc++] = rnm_bytes_of("pca");
	argv[argc++] = rnm_bytes_of("ann");
	status = rnm_redis_send(job->redis, argc, argv, err);
	if (status == RNM_OK)
		status = rnm_redis_next(job->redis, &event, err);
	if (status != RNM_OK)
		return status;
	if (event.kind == RNM_EVENT_ERROR) {
		rnm_buf_append(&job->text, event.data.data, event.data.len);
		return redis_refused(job, rnm_buf_cstr(&job->text), err);
	}
	if (event.kind != RNM_EVENT_ARRAY || event.length != RNM_FIELD_COUNT + BLOBS)
		return rnm_event_unexpected("HMGET", err);
	return RNM_OK;
}

static enum rnm_status read_small_fields(struct exporting *job, struct rnm_error *err)
{
	for (enum rnm_small_field field = 0; field < RNM_FIELD_COUNT; field++) {
		struct rnm_event event;
		enum rnm_status status = rnm_redis_next(job->redis, &event, err);

		if (status != RNM_OK)
			return status;
		if (event.kind == RNM_EVENT_NIL)
			continue;
		if (event.kind != RNM_EVENT_BULK_BEGIN)
			return rnm_event_unexpected("HMGET", err);
		status = rnm_event_bulk(job->redis, &event, &job->text, rnm_small_field_names[field], err);
		if (status == RNM_OK)
			status = rnm_export_head_take(&job->head, field,
			                              (struct rnm_bytes){ rnm_buf_cstr(&job->text),
			                                                  job->text.len },
			                              job->rule, job->result, err);
		if (status != RNM_OK)
			return in_key(job, status, err);
	}
	return RNM_OK;
}

/* Writes what stands before a blob: the head of the file, or only the name of the field. */
static enum rnm_status put_head(struct exporting *job, bool first, struct rnm_error *err)
{
	struct rnm_buf bytes;
	enum rnm_status status;

	rnm_buf_init(&bytes, PREFIX_MAX);
	status = first ? rnm_rnm1_write_prefix(&bytes, &job->head.head, err)
	               : rnm_rnm1_write_ann_header(&bytes, job->head.head.ann_size, err);
	job->head_size += bytes.len;
	if (status == RNM_OK)
		status = rnm_tee_put(job->tee, rnm_buf_cstr(&bytes), bytes.len, err);
	rnm_buf_free(&bytes);
	return status;
}

static enum rnm_status too_large(const struct exporting *job, uint64_t size, struct rnm_error *err)
{
	return rnm_error_set(
	    err, RNM_E_REFUSED, "export.too-large",
	    "%s: expected a file of at most %llu bytes, the most that rspamd reads, found %llu", key_of(job),
	    (unsigned long long)RNM_BLOB_MAX, (unsigned long long)size);
}

static void report_progress(struct exporting *job, size_t len)
{
	uint64_t total = job->head.head.ann_size > 0 ? job->head.head.pca_size + job->head.head.ann_size : 0;

	job->blobs_done += len;
	if (job->options->progress != NULL)
		job->options->progress(job->options->progress_ctx, job->blobs_done, total);
}

static enum rnm_status stream_blob(struct exporting *job, enum rnm_blob_kind kind, const char *field,
                                   uint64_t size, uint64_t *expanded, struct rnm_error *err)
{
	enum rnm_status status = rnm_tee_begin_blob(job->tee, kind, field, size, err);
	uint64_t received = 0;

	while (status == RNM_OK) {
		struct rnm_event event;

		status = rnm_redis_next(job->redis, &event, err);
		if (status != RNM_OK)
			return status;
		if (event.kind == RNM_EVENT_BULK_END)
			break;
		received += event.data.len;
		status = rnm_tee_put(job->tee, event.data.data, event.data.len, err);
		report_progress(job, event.data.len);
	}
	/* The header with the announced length is written already. */
	if (status == RNM_OK && received != size)
		status = rnm_event_unexpected("HMGET", err);
	return status == RNM_OK ? rnm_tee_end_blob(job->tee, expanded, err) : status;
}

static enum rnm_status export_pca(struct exporting *job, struct rnm_error *err)
{
	struct rnm_rnm1_head *head = &job->head.head;
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(job->redis, &event, err);

	if (status != RNM_OK || event.kind == RNM_EVENT_NIL)
		return status;
	if (event.kind != RNM_EVENT_BULK_BEGIN)
		return rnm_event_unexpected("HMGET", err);
	if (event.length == 0)
		return rnm_redis_skip(job->redis, &event, err);
	if (event.length > RNM_BLOB_MAX)
		return too_large(job, event.length, err);
	head->has_pca = true;
	head->pca_size = event.length;
	job->result->has_pca = true;
	job->result->pca_size = event.length;
	status = put_head(job, true, err);
	if (status == RNM_OK)
		status =
		    stream_blob(job, RNM_BLOB_TENSOR, "pca", event.length, &job->result->pca_expanded, err);
	return in_key(job, status, err);
}

static enum rnm_status export_ann(struct exporting *job, struct rnm_error *err)
{
	struct rnm_rnm1_head *head = &job->head.head;
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(job->redis, &event, err);

	if (status != RNM_OK)
		return status;
	if (event.kind == RNM_EVENT_NIL)
		return vanished(job, err);
	if (event.kind != RNM_EVENT_BULK_BEGIN)
		return rnm_event_unexpected("HMGET", err);
	if (event.length == 0)
		return empty_blob(job, err);
	if (event.length > RNM_BLOB_MAX)
		return too_large(job, event.length, err);
	head->ann_size = event.length;
	job->result->ann_size = event.length;
	status = put_head(job, !head->has_pca, err);
	if (status == RNM_OK && job->head_size + head->pca_size + head->ann_size > RNM_BLOB_MAX)
		status = too_large(job, job->head_size + head->pca_size + head->ann_size, err);
	if (status == RNM_OK)
		status =
		    stream_blob(job, RNM_BLOB_KANN, "ann", event.length, &job->result->ann_expanded, err);
	return in_key(job, status, err);
}

static enum rnm_status run(struct exporting *job, struct rnm_error *err)
{
	enum rnm_status status = rnm_output_open(&job->output, job->options, err);

	if (status == RNM_OK)
		status = rnm_tee_new(&job->tee, !job->options->no_hash, rnm_output_take, &job->output, err);
	if (status == RNM_OK)
		status = ask(job, err);
	if (status == RNM_OK)
		status = read_small_fields(job, err);
	if (status == RNM_OK)
		status = rnm_export_head_extra(&job->head, job->rule, job->list, job->model, job->options,
		                               job->result, err);
	if (status == RNM_OK)
		status = export_pca(job, err);
	if (status == RNM_OK)
		status = export_ann(job, err);
	if (status == RNM_OK)
		status = rnm_tee_finish(job->tee, job->result->hash, err);
	if (status == RNM_OK)
		status = rnm_output_finish(&job->output, &job->result->file_size, job->result->hash, err);
	return status;
}

enum rnm_status rnm_store_export(struct rnm_redis *redis, const struct rnm_rule *rule,
                                 const struct rnm_model_list *list, size_t index,
                                 const struct rnm_export_options *options, struct rnm_export_result *result,
                                 struct rnm_error *err)
{
	struct rnm_export_result done = { .file_size = 0 };
	struct exporting job = { .redis = redis,
		                 .rule = rule,
		                 .list = list,
		                 .options = options,
		                 .result = &done,
		                 .output = { .spool = -1 } };
	enum rnm_status status;

	if (index >= list->count || list->models[index].profile.redis_key == NULL)
		return rnm_error_set(err, RNM_E_USAGE, "export.index",
		                     "expected a model with a key, found none");
	job.model = &list->models[index];
	rnm_buf_init(&job.text, SMALL_FIELD_MAX);
	status = rnm_export_head_init(&job.head, rule, job.model, options, err);
	if (status == RNM_OK)
		status = run(&job, err);
	/* The threads first: they work on what is on its way to the output. */
	rnm_tee_free(job.tee);
	rnm_output_close(&job.output);
	memcpy(done.digest, job.head.digest, sizeof(done.digest));
	rnm_export_head_clear(&job.head);
	rnm_buf_free(&job.text);
	if (status == RNM_OK)
		*result = done;
	/* The connection says only that it was interrupted; what that means for the file is known here. */
	if (status == RNM_E_INTERRUPTED && err != NULL && strcmp(err->id, "redis.interrupted") == 0)
		rnm_error_set(err, status, "interrupted", "interrupted: nothing was written");
	return status;
}
