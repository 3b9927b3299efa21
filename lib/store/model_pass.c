/* SPDX-License-Identifier: Apache-2.0 */
#include "store/model_pass.h"

#include "store/tee.h"

/* A network up to this size is kept although it could pass by: it is checked in one step then. */
#define NETWORK_KEPT ((uint64_t)1 << 20)

/* The pieces of the blob are judged in a thread of their own, and go where the caller wants them meanwhile. */
struct passing {
	struct rnm_model_file *file;
	struct rnm_model_pass *pass;
	struct rnm_tee *tee;
	struct rnm_fingerprint *print;
	rnm_model_file_take *also; /* or NULL */
	void *ctx;
	enum rnm_status taken; /* what it has said last */
};

/* What the check of the blob hands on: the first of it says how much there will be. */
static enum rnm_status take_expanded(void *ctx, uint64_t declared, const void *data, size_t len,
                                     struct rnm_error *err)
{
	struct passing *passing = ctx;
	struct rnm_network_stream **stream = &passing->pass->stream;
	struct rnm_preprocess preprocess;
	enum rnm_status status = RNM_OK;

	if (*stream == NULL) {
		rnm_model_file_preprocess(passing->file, &preprocess);
		status = rnm_network_stream_new(stream, declared, NETWORK_KEPT, &preprocess, err);
	}
	return status == RNM_OK ? rnm_network_stream_feed(*stream, data, len, err) : status;
}

static enum rnm_status pass_on(void *ctx, const void *data, size_t len, struct rnm_error *err)
{
	struct passing *passing = ctx;

	rnm_fingerprint_add(passing->print, data, len);
	if (passing->also != NULL)
		passing->taken = passing->also(passing->ctx, data, len, err);
	return passing->taken;
}

/* From the file into the memory from which it is judged and passed on. */
static enum rnm_status read_pieces(const struct rnm_model_image *image, struct rnm_tee *tee,
                                   struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t done = 0; status == RNM_OK && done < image->blob_len;) {
		const size_t left = image->blob_len - done;
		size_t len;
		void *to = rnm_tee_room(tee, &len);

		if (len > left)
			len = left;
		status = rnm_model_image_read(image, to, len, done, err);
		if (status == RNM_OK)
			status = rnm_tee_filled(tee, len, err);
		done += len;
	}
	return status;
}

/* The whole blob. */
static enum rnm_status read_blob(struct passing *passing, struct rnm_error *err)
{
	struct rnm_model_pass *pass = passing->pass;
	enum rnm_status status = rnm_tee_new(&passing->tee, false, pass_on, passing, err);

	if (status == RNM_OK)
		status = rnm_fingerprint_new(&passing->print, err);
	if (status == RNM_OK)
		status =
		    rnm_tee_begin_blob(passing->tee, RNM_BLOB_KANN, "ann_data", pass->image.blob_len, err);
	if (status != RNM_OK)
		return status;
	rnm_tee_emit(passing->tee, take_expanded, passing);
	status = read_pieces(&pass->image, passing->tee, err);
	if (status == RNM_OK)
		status = rnm_tee_end_blob(passing->tee, &passing->file->ann_expanded, err);
	if (status == RNM_OK)
		rnm_fingerprint_text(passing->print, pass->print);
	return status;
}

static void take_seen(struct rnm_model_file *file, struct rnm_model_pass *pass)
{
	struct rnm_network_seen seen;

	/* The status is in the problem; a network that is unfit can still be described. */
	(void)!rnm_network_stream_end(pass->stream, &seen, &file->ann_problem);
	file->network = pass->network = seen.network;
	file->findings = seen.findings;
	file->finding_count = seen.finding_count;
	pass->probe_status = seen.probe_status;
	pass->probe = seen.probe;
	pass->probe_problem = seen.probe_problem;
}

/* That the file cannot be read, or what becomes of its pieces, says nothing about the network: it is as it was. */
static enum rnm_status give_up(struct rnm_model_file *file, struct rnm_model_pass *pass,
                               enum rnm_status status, struct rnm_error *err)
{
	if (err != NULL)
		*err = file->ann_problem;
	rnm_error_clear(&file->ann_problem);
	rnm_network_stream_free(pass->stream);
	pass->stream = NULL;
	return status;
}

enum rnm_status rnm_model_pass(struct rnm_model_file *file, struct rnm_model_pass *pass,
                               rnm_model_file_take *also, void *ctx, struct rnm_error *err)
{
	struct passing passing = { .file = file, .pass = pass, .also = also, .ctx = ctx };
	enum rnm_status status = read_blob(&passing, &file->ann_problem);

	rnm_tee_free(passing.tee);
	rnm_fingerprint_free(passing.print);
	if (status == RNM_OK) {
		rnm_error_clear(&file->ann_problem);
		take_seen(file, pass);
	} else if (passing.taken != RNM_OK || status != RNM_E_MALFORMED) {
		return give_up(file, pass, status, err);
	}
	pass->unread = false;
	return file->ann_problem.status == RNM_E_NOMEM ? rnm_error_nomem(err) : RNM_OK;
}

void rnm_model_pass_free(struct rnm_model_pass *pass)
{
	rnm_network_stream_free(pass->stream);
	rnm_model_image_close(&pass->image);
}
