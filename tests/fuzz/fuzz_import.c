/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile Redis while a model is written into it: the input is what the server answers. */
#include "../unit/network_build.h"
#include "fuzz_server.h"
#include "store/import.h"

#include <rnm/import.h>
#include <rnm/model_write.h>

#define INPUTS 46

/* A small sound model of the rule below, made once. */
static struct rnm_model_file *model(void)
{
	static struct rnm_model_file *file;
	static struct rnm_buf bytes;
	static struct kann k;
	static float values[1 << 12];
	struct rnm_model_parts parts = { .model_version = 3,
		                         .providers_digest = "376616275a1a984c",
		                         .created_at = 1 };

	if (file != NULL)
		return file;
	kann_begin(&k);
	kann_tail(&k, kann_unary(&k, 8, kann_dense(&k, kann_leaf(&k, 1, 0, 2, DIMS(1, INPUTS)), INPUTS, 4)),
	          4);
	for (size_t i = 0; i < k.variables; i++)
		values[i] = fill_weight(i);
	kann_end(&k, values);
	parts.network = (struct rnm_bytes){ (const char *)k.bytes, k.len };
	rnm_buf_init(&bytes, (size_t)1 << 20);
	FUZZ_CHECK(rnm_model_encode(&bytes, &parts, RNM_FORM_RNM1, false, NULL) == RNM_OK);
	FUZZ_CHECK(rnm_model_file_read(&file, bytes.data, bytes.len, "model", NULL) == RNM_OK);
	return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rnm_value nothing = { .type = RNM_OBJECT };
	static const char *const names[] = { "B", "A" };
	char name[] = "default", prefix[] = "default", global[] = "rn";
	const uint8_t choices = fuzz_byte(&data, &size);
	const size_t step = (size_t)fuzz_byte(&data, &size) * 16 + 1;
	const struct rnm_rule rule = { .name = name,
		                       .prefix = prefix,
		                       .global = global,
		                       .has_providers = true,
		                       .providers_used = true,
		                       .disable_symbols_input = (choices & 8) == 0,
		                       .digest = "376616275a1a984c",
		                       .max_profiles = 3,
		                       .ann_expire = 172800,
		                       .watch_interval = 60,
		                       .raw = &nothing };
	const struct rnm_import_options options = { .settings = "default",
		                                    .dry_run = (choices & 1) != 0,
		                                    .force = (choices & 2) != 0,
		                                    .has_version = (choices & 4) != 0,
		                                    .version = 7,
		                                    .symbols_from =
		                                        (enum rnm_import_symbols)(choices >> 4) % 3,
		                                    .symbols = names,
		                                    .symbol_count = 2,
		                                    .tool = "rnm fuzz" };
	struct fuzz_server server = { data, size, step };
	struct rnm_redis *redis = fuzz_connection(&server);
	struct rnm_import *import = NULL;
	struct rnm_error err;
	enum rnm_status status;

	FUZZ_CHECK(!rnm_import_has_room((struct rnm_bytes){ (const char *)data, size }, SIZE_MAX) ||
	           memmem(data, size, "maxmemory:", 10) != NULL);
	rnm_error_clear(&err);
	status = rnm_store_import(&import, redis, &rule, model(), &options, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		FUZZ_CHECK(import->key != NULL && import->member != NULL);
		FUZZ_CHECK(import->present || import->done != options.dry_run);
		FUZZ_CHECK(import->present || import->version > import->known_version);
	}
	rnm_import_free(import);
	rnm_redis_free(redis);
	return 0;
}
