/* SPDX-License-Identifier: Apache-2.0 */
/* What a body is. */
#include "share/probe.h"

#include <rnm/verify.h>
#include <sodium.h>
#include <string.h>

static bool keep(const char **out, struct rnm_arena *arena, const char *text)
{
	*out = rnm_arena_strndup(arena, text, strlen(text));
	return *out != NULL;
}

static enum rnm_status judge_model(struct rnm_probe_body *out, const struct rnm_model_file *file,
                                   struct rnm_arena *arena, struct rnm_error *err)
{
	const struct rnm_rnm1 *container = file->container;
	struct rnm_verification *verification = NULL;
	struct rnm_error problem;
	enum rnm_status status;

	if (file->kind != RNM_MODEL_RNM1) {
		out->text = "it is a bare network without a container";
		return RNM_OK;
	}
	rnm_error_clear(&problem);
	status = rnm_model_verify(&verification, file, NULL, &problem);
	if (status != RNM_OK && status != RNM_NO) {
		if (err != NULL)
			*err = problem;
		return status;
	}
	out->kind = status == RNM_OK ? RNM_BODY_MODEL : RNM_BODY_UNFIT;
	out->problems = verification->problems;
	out->warnings = verification->warnings;
	if (status == RNM_OK && verification->finding_count > 0)
		rnm_error_set(&problem, RNM_NO, NULL, "%s", verification->findings[0].text);
	rnm_verification_free(verification);
	out->has_version = container->has_model_version;
	out->version = container->model_version;
	if (!keep(&out->providers_digest, arena, container->providers_digest) ||
	    !keep(&out->text, arena, problem.message))
		return rnm_error_nomem(err);
	return RNM_OK;
}

static bool all_zeros(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != '\0')
			return false;
	return true;
}

/* Whether the bytes are refused for nothing but zeros behind the model. */
static enum rnm_status judge_padding(struct rnm_probe_body *out, const char *data, size_t len,
                                     const struct rnm_error *problem)
{
	const bool trailing =
	    strcmp(problem->id, "rnm1.trailing") == 0 || strcmp(problem->id, "zstd.trailing") == 0;
	struct rnm_model_file *file = NULL;
	enum rnm_status status;

	if (!trailing || !problem->has_offset || problem->offset == 0 || problem->offset >= len ||
	    !all_zeros(data + problem->offset, len - (size_t)problem->offset))
		return RNM_OK;
	status = rnm_model_file_read(&file, data, (size_t)problem->offset, "the body", NULL);
	rnm_model_file_free(file);
	if (status == RNM_OK)
		out->kind = RNM_BODY_PADDED;
	return status == RNM_E_NOMEM ? status : RNM_OK;
}

enum rnm_status rnm_probe_body_read(struct rnm_probe_body *out, const void *data, size_t len, bool encrypted,
                                    struct rnm_arena *arena, struct rnm_error *err)
{
	struct rnm_model_file *file = NULL;
	struct rnm_error problem;
	enum rnm_status status;

	if (sodium_init() < 0)
		return rnm_error_nomem(err);
	memset(out, 0, sizeof(*out));
	out->size = len;
	out->text = "";
	out->kind = encrypted ? RNM_BODY_ENCRYPTED : RNM_BODY_NO_MODEL;
	(void)crypto_generichash(out->hash, sizeof(out->hash), data, len, NULL, 0);
	if (encrypted)
		return RNM_OK;
	rnm_error_clear(&problem);
	status = rnm_model_file_read(&file, data, len, "the body", &problem);
	if (status == RNM_OK) {
		status = judge_model(out, file, arena, err);
		rnm_model_file_free(file);
		return status;
	}
	if (status == RNM_E_NOMEM || judge_padding(out, data, len, &problem) != RNM_OK ||
	    !keep(&out->text, arena, problem.message))
		return rnm_error_nomem(err);
	return RNM_OK;
}
