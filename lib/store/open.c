/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model in Redis, read as a file that was never written: the same reader and the same checks then
 * serve both.
 */
#include "store/model_file.h"

#include <rnm/store.h>

enum rnm_status rnm_store_open(struct rnm_model_file **out, struct rnm_redis *redis,
                               const struct rnm_rule *rule, const struct rnm_model_list *list, size_t index,
                               const char *name, const volatile sig_atomic_t *cancel, struct rnm_error *err)
{
	struct rnm_buf bytes;
	struct rnm_export_result result;
	struct rnm_export_options how = {
		.fd = -1,
		.memory = &bytes,
		.for_reading = true,
		.any_digest = true,
		.no_hash = true,
		.tool = "",
		.cancel = cancel,
	};
	enum rnm_status status;

	rnm_buf_init(&bytes, RNM_MODEL_FILE_MAX);
	if (index < list->count)
		how.created_at = (int64_t)list->models[index].profile.score;
	status = rnm_store_export(redis, rule, list, index, &how, &result, err);
	if (status == RNM_OK)
		status = rnm_model_file_adopt(out, &bytes, name, err);
	if (status == RNM_OK)
		(*out)->kind = RNM_MODEL_REDIS;
	rnm_buf_free(&bytes);
	return status;
}
