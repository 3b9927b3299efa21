/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests of backups: what was read, written and read again is the same, byte for byte. */
#include "base/hash.h"
#include "fuzz.h"

#include "store/backup_folder.h"
#include "store/backup_manifest.h"

#define OUT_MAX ((size_t)256 << 20)

static void check_value(const struct rnm_backup_value *value)
{
	/* A hash becomes the name of a file. */
	if (value->inline_bytes == NULL)
		FUZZ_CHECK(rnm_is_hash_text(value->hash));
	else
		FUZZ_CHECK(value->inline_bytes[value->size] == '\0');
}

static void check_trainings(const struct rnm_backup_training *trainings, size_t count)
{
	FUZZ_CHECK(count <= RNM_BACKUP_CLASSES);
	for (size_t i = 0; i < count; i++) {
		FUZZ_CHECK(trainings[i].key != NULL);
		check_value(&trainings[i].value);
	}
}

static void check_model(const struct rnm_backup_model *model)
{
	FUZZ_CHECK(model->key != NULL || model->field_count + model->training_count == 0);
	for (size_t i = 0; i < model->profile_count; i++)
		check_value(&model->profiles[i].member);
	for (size_t i = 0; i < model->field_count; i++)
		check_value(&model->fields[i].value);
	check_trainings(model->training, model->training_count);
}

static void check(const struct rnm_backup_manifest *manifest)
{
	for (size_t i = 0; i < manifest->set_count; i++) {
		const struct rnm_backup_set *set = &manifest->sets[i];

		FUZZ_CHECK(set->zset != NULL && set->global != NULL && set->prefix != NULL && set->settings != NULL);
		check_trainings(set->pending, set->pending_count);
		for (size_t k = 0; k < set->model_count; k++)
			check_model(&set->models[k]);
	}
}

static void check_way_back(const struct rnm_backup_manifest *manifest)
{
	struct rnm_backup_manifest *again = NULL;
	struct rnm_buf first, second;

	rnm_buf_init(&first, OUT_MAX);
	rnm_buf_init(&second, OUT_MAX);
	rnm_backup_manifest_write(&first, manifest);
	FUZZ_CHECK(!first.failed);
	FUZZ_CHECK(rnm_backup_manifest_parse(&again, (struct rnm_bytes){ first.data, first.len }, "again", NULL) ==
	           RNM_OK);
	rnm_backup_manifest_write(&second, again);
	FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	rnm_backup_manifest_free(again);
	rnm_buf_free(&first);
	rnm_buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	struct rnm_backup_manifest *manifest = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_backup_manifest_parse(&manifest, (struct rnm_bytes){ copy, size }, "manifest", &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		check(manifest);
		check_way_back(manifest);
	}
	rnm_backup_manifest_free(manifest);
	free(copy);
	return 0;
}
