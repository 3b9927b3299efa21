/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: the files of the input are expanded one after another by one engine. */
#include "fuzz.h"

#include "format/template.h"

/* Far below the defaults, so that an endless loop costs milliseconds. */
#define STEPS_MAX 200000
#define LUA_BYTES_MAX ((size_t)16 << 20)
#define SECONDS_MAX 2.0
#define OUTPUT_MAX ((size_t)4 << 20)

static void expand(struct rnm_template *engine, const struct fuzz_file *file)
{
	struct rnm_buf out;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	rnm_buf_init(&out, OUTPUT_MAX);
	status = rnm_template_expand(engine, file->text, file->len, &out, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == RNM_OK || status == RNM_E_MALFORMED || status == RNM_E_NOMEM);
	FUZZ_CHECK(out.len <= OUTPUT_MAX);
	if (!rnm_template_needed(file->text, file->len) && file->len <= OUTPUT_MAX) {
		FUZZ_CHECK(status == RNM_OK && out.len == file->len);
		FUZZ_CHECK(out.len == 0 || memcmp(out.data, file->text, out.len) == 0);
	}
	rnm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rnm_template_var env[] = {
		{ .name = "hostname", .value = "mx.example.com" },
		{ .name = "ver_num", .is_number = true, .number = 4100000 },
		{ .name = "A", .value = "1" },
		{ .name = "EMPTY", .value = "" },
	};
	static const struct rnm_template_var paths[] = { { .name = "CONFDIR", .value = "/etc/rspamd" } };
	static const struct rnm_template_options options = {
		.env = env,
		.env_count = sizeof(env) / sizeof(env[0]),
		.paths = paths,
		.path_count = 1,
		.max_lua_steps = STEPS_MAX,
		.max_lua_bytes = LUA_BYTES_MAX,
		.max_lua_seconds = SECONDS_MAX,
		.max_output_bytes = OUTPUT_MAX,
	};
	struct rnm_template *engine = NULL;
	struct fuzz_files files;

	fuzz_files_split(&files, data, size);
	FUZZ_CHECK(rnm_template_new(&engine, &options, NULL) == RNM_OK);
	for (size_t i = 0; i < files.count; i++)
		expand(engine, &files.items[i]);
	rnm_template_free(engine);
	fuzz_files_free(&files);
	return 0;
}
