/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_model.h"

#include <rnm/model_file.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest description of an architecture that is kept. */
#define ARCHITECTURE_MAX 1000

/* A text of the map that this project adds to the files it writes. */
static bool keep_text(char **out, const struct rnm_value *extra, const char *key)
{
	const char *text = rnm_value_string(rnm_value_get(extra, key));

	if (text == NULL)
		return true;
	*out = strdup(text);
	return *out != NULL;
}

static enum rnm_status fill(struct rnm_served_model *model, const struct rnm_model_file *file,
                            struct rnm_error *err)
{
	const struct rnm_rnm1 *container = file->container;
	struct rnm_buf words;
	enum rnm_status status;

	atomic_init(&model->references, 1);
	memcpy(model->digest, container->providers_digest, sizeof(model->digest));
	model->version = container->model_version;
	model->has_created = container->has_created_at;
	model->created = container->created_at;
	if (!keep_text(&model->rule, container->extra, "rule") ||
	    !keep_text(&model->settings, container->extra, "settings"))
		return rnm_error_nomem(err);
	rnm_buf_init(&words, ARCHITECTURE_MAX);
	status = rnm_network_describe(file->network, &words, err);
	if (status == RNM_OK) {
		model->architecture = strdup(rnm_buf_cstr(&words));
		status = model->architecture != NULL ? RNM_OK : rnm_error_nomem(err);
	}
	rnm_buf_free(&words);
	return status;
}

enum rnm_status rnm_served_model_read(struct rnm_served_model **out, int fd, struct rnm_error *err)
{
	struct rnm_served_model *model = NULL;
	struct rnm_model_file *file = NULL;
	char path[40];
	enum rnm_status status;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	status = rnm_model_file_open(&file, path, err);
	if (status == RNM_OK && file->kind != RNM_MODEL_RNM1)
		status = rnm_error_set(err, RNM_E_MALFORMED, "serve.not-a-model",
		                       "expected an RNM1 model, found a bare network");
	if (status == RNM_OK)
		status = rnm_model_file_verdict(file, err);
	if (status == RNM_OK) {
		model = calloc(1, sizeof(*model));
		status = model != NULL ? fill(model, file, err) : rnm_error_nomem(err);
	}
	rnm_model_file_free(file);
	if (status == RNM_OK)
		*out = model;
	else
		rnm_served_model_unref(model);
	return status;
}

struct rnm_served_model *rnm_served_model_ref(struct rnm_served_model *model)
{
	atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
	return model;
}

void rnm_served_model_unref(struct rnm_served_model *model)
{
	if (model == NULL || atomic_fetch_sub(&model->references, 1) != 1)
		return;
	free(model->rule);
	free(model->settings);
	free(model->architecture);
	free(model);
}
