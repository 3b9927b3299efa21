/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile Redis: the input is what the server sends, while models are listed and one is exported, while
 * sets are looked for, or while a whole reply is read.
 */
#include "fuzz_server.h"

#include <rnm/store.h>

static void export_model(struct rnm_redis *redis, const struct rnm_rule *rule,
                         const struct rnm_model_list *list, size_t index, uint8_t choices)
{
	const struct rnm_export_options options = {
		.fd = -1,
		.dry_run = true,
		.compress = (choices & 8) != 0,
		.original_fields = (choices & 16) != 0,
		.any_digest = true,
		.created_at = 1700000000,
		.tool = "rnm fuzz",
	};
	struct rnm_export_result result;
	struct rnm_error err;

	rnm_error_clear(&err);
	fuzz_check_error(rnm_store_export(redis, rule, list, index, &options, &result, &err), &err);
}

static void list_models(struct rnm_redis *redis, uint8_t choices)
{
	char name[] = "default", prefix[] = "default", global[] = "rn";
	const struct rnm_rule rule = { .name = name,
		                       .prefix = prefix,
		                       .global = global,
		                       .has_providers = true,
		                       .providers_used = true,
		                       .digest = "376616275a1a984c",
		                       .max_profiles = 3,
		                       .ann_expire = 172800,
		                       .watch_interval = 60 };
	const struct rnm_choice choice = { .newest = (choices & 4) != 0, .any_digest = true };
	struct rnm_model_list *list = NULL;
	struct rnm_error err;
	enum rnm_status status;
	size_t index;

	rnm_error_clear(&err);
	status = rnm_store_list(&list, redis, &rule, "default",
	                        (choices & 2) != 0 ? RNM_LIST_FULL : RNM_LIST_ALIVE, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	for (size_t i = 0; i < list->count; i++)
		FUZZ_CHECK(list->models[i].verdict != NULL && list->models[i].verdict[0] != '\0');
	FUZZ_CHECK(list->served_why != NULL);
	FUZZ_CHECK(list->served == SIZE_MAX || list->served < list->count);
	FUZZ_CHECK(list->original == SIZE_MAX || list->original < list->count);
	status = rnm_store_choose(&index, list, &rule, &choice, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		FUZZ_CHECK(index < list->count && list->models[index].live);
		export_model(redis, &rule, list, index, choices);
	}
	rnm_model_list_free(list);
}

static void find_sets(struct rnm_redis *redis)
{
	char known[] = "default";
	char *const prefixes[] = { known };
	struct rnm_store_set *sets = NULL;
	struct rnm_error err;
	enum rnm_status status;
	size_t count = 0;

	rnm_error_clear(&err);
	status = rnm_store_scan(&sets, &count, redis, "rn", prefixes, 1, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	for (size_t i = 0; i < count; i++)
		FUZZ_CHECK(strncmp(sets[i].zset, "rn3_", 4) == 0);
	rnm_store_sets_free(sets, count);
}

static void read_reply(struct rnm_redis *redis)
{
	struct rnm_reply *reply = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_redis_sendv(redis, &err, "PING", NULL);
	FUZZ_CHECK(status == RNM_OK);
	status = rnm_redis_reply(redis, &reply, (size_t)1 << 20, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK)
		rnm_reply_free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t choices = fuzz_byte(&data, &size);
	const size_t step = (size_t)fuzz_byte(&data, &size) * 16 + 1;
	struct fuzz_server server = { data, size, step };
	struct rnm_redis *redis = fuzz_connection(&server);

	if ((choices & 1) == 0)
		list_models(redis, choices);
	else if ((choices & 2) == 0)
		find_sets(redis);
	else
		read_reply(redis);
	rnm_redis_free(redis);
	return 0;
}
