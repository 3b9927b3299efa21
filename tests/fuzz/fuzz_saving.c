/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile Redis while models are saved or put back: the input is what the server answers. */
#include "fuzz_server.h"

#include "store/backup_manifest.h"

#define KEY "rn_default_default_d_1"
#define MEMBER "{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":\"" KEY "\"}"
#define TEXT(text)                                                                                                     \
	{                                                                                                              \
		.size = sizeof(text) - 1, .inline_bytes = text                                                         \
	}

static struct rnm_backup_field fields[] = { { { "ann", 3 }, TEXT("network") },
	                                    { { "roc_thresholds", 14 }, TEXT("[1,0]") } };
static struct rnm_backup_profile profiles[] = { { TEXT(MEMBER), 5 } };
static struct rnm_backup_model models[] = { { .key = KEY,
	                                      .live = true,
	                                      .ttl_ms = 1000,
	                                      .profiles = profiles,
	                                      .profile_count = 1,
	                                      .fields = fields,
	                                      .field_count = 2,
	                                      .training = { { KEY "_spam_set", 2, RNM_TTL_NONE,
	                                                      TEXT("\x01\0\0\0a\x02\0\0\0bc") } },
	                                      .training_count = 1 } };
static struct rnm_backup_set set = { .global = "rn",
	                             .prefix = "default",
	                             .settings = "default",
	                             .zset = "rn3_default_3_default",
	                             .zset_ttl_ms = RNM_TTL_NONE,
	                             .models = models,
	                             .model_count = 1 };

static void save(struct rnm_redis *redis, const struct rnm_rule *rule, bool with_training)
{
	const struct rnm_backup_options options = { .folder = "/nonexistent/fuzz",
		                                    .dry_run = true,
		                                    .with_training = with_training,
		                                    .now = 1700000000 };
	struct rnm_backup_result result;
	struct rnm_backup_totals totals = { 0 };
	struct rnm_backup *backup = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	FUZZ_CHECK(rnm_backup_open(&backup, &options, NULL) == RNM_OK);
	status = rnm_backup_add(backup, redis, rule, "default", "default", &totals, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == RNM_OK || totals.bytes == 0);
	FUZZ_CHECK(totals.new_objects <= totals.objects && totals.new_bytes <= totals.bytes);
	rnm_error_clear(&err);
	status = rnm_backup_commit(backup, "server", 1, &result, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK((status == RNM_OK) == (totals.models + totals.vectors > 0));
	rnm_backup_free(backup);
}

static void restore(struct rnm_redis *redis, const struct rnm_rule *rule, uint8_t choices)
{
	const struct rnm_restore_options options = {
		.rule = rule, .replace = (choices & 2) != 0, .force = (choices & 4) != 0, .dry_run = (choices & 8) != 0
	};
	char folder[] = "/nonexistent/fuzz";
	struct rnm_backup_storage storage = { .folder = folder, .lock = -1 };
	const struct rnm_backup_manifest manifest = { .sets = &set, .set_count = 1, .storage = &storage };
	struct rnm_restore_outcome outcome;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_restore_model(redis, &manifest, &set, models, &options, &outcome, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	FUZZ_CHECK(outcome.hash != RNM_RESTORE_NOTHING && outcome.profiles != RNM_RESTORE_NOTHING);
	FUZZ_CHECK(outcome.hash != RNM_RESTORE_KEPT || !options.replace);
	FUZZ_CHECK(outcome.hash != RNM_RESTORE_KEPT || outcome.profiles != RNM_RESTORE_WRITTEN);
	FUZZ_CHECK(outcome.bytes == 0 || (outcome.hash == RNM_RESTORE_WRITTEN && !options.dry_run));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[] = "default", global[] = "rn";
	const struct rnm_rule rule = { .name = name,
		                       .prefix = name,
		                       .global = global,
		                       .max_profiles = 3,
		                       .ann_expire = 172800,
		                       .watch_interval = 60 };
	const uint8_t choices = fuzz_byte(&data, &size);
	const size_t step = (size_t)fuzz_byte(&data, &size) * 16 + 1;
	struct fuzz_server server = { data, size, step };
	struct rnm_redis *redis = fuzz_connection(&server);

	if ((choices & 1) != 0)
		restore(redis, &rule, choices);
	else
		save(redis, &rule, (choices & 2) != 0);
	rnm_redis_free(redis);
	return 0;
}
