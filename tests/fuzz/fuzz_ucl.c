/* SPDX-License-Identifier: Apache-2.0 */
/* UCL with includes: the input is several files (see fuzz.h), of which the first is parsed. */
#include "fuzz.h"

#include "format/ucl.h"

#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <rnm/json.h>

#define FOLDER "/fuzz/"
/* A few files that include each other twice would otherwise be read for hours; rnm_config_load counts too. */
#define READS_MAX 100
#define ARENA_MAX ((size_t)64 << 20)
#define JSON_MAX ((size_t)64 << 20)

struct world {
	struct fuzz_files files;
	unsigned reads;
};

static struct fuzz_file *find(struct world *world, const char *full)
{
	if (strncmp(full, FOLDER, strlen(FOLDER)) != 0)
		return NULL;
	for (size_t i = 0; i < world->files.count; i++)
		if (strcmp(world->files.items[i].name, full + strlen(FOLDER)) == 0)
			return &world->files.items[i];
	return NULL;
}

static int resolve(void *ctx, const char *name, char **full)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : FOLDER, name);
	if (find(ctx, path) == NULL)
		return strstr(name, "denied") != NULL ? EACCES : ENOENT;
	*full = strdup(path);
	return *full != NULL ? 0 : ENOMEM;
}

static int is_regular(void *ctx, const char *full, bool *regular)
{
	(void)ctx;
	*regular = strstr(full, "folder") == NULL;
	return strstr(full, "unknown") == NULL ? 0 : EIO;
}

static enum rnm_status read_file(void *ctx, const char *full, bool expand, const char **text, size_t *len,
                                 struct rnm_error *err)
{
	struct world *world = ctx;
	struct fuzz_file *file = find(world, full);

	(void)expand;
	if (++world->reads > READS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "config.limit", "expected fewer files");
	if (file == NULL)
		return rnm_error_sys(err, "file.open", ENOENT, "cannot open %s", full);
	*text = file->text;
	*len = file->len;
	return RNM_OK;
}

static void names_free(void *ctx, char **names, size_t count)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static int find_names(void *ctx, const char *pattern, char ***names, size_t *count)
{
	struct world *world = ctx;

	*names = calloc(FUZZ_FILES_MAX, sizeof(**names));
	*count = 0;
	for (size_t i = 0; *names != NULL && i < world->files.count; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", FOLDER, world->files.items[i].name);
		if (fnmatch(pattern, path, FNM_PATHNAME) != 0)
			continue;
		(*names)[*count] = strdup(path);
		FUZZ_CHECK((*names)[(*count)++] != NULL);
	}
	return *names != NULL ? 0 : ENOMEM;
}

/* Whatever a configuration holds, the text made of it is JSON. */
static void check_json(const struct rnm_value *root)
{
	struct rnm_buf out;
	struct rnm_json *json = malloc(sizeof(*json));
	json_t *parsed;

	FUZZ_CHECK(json != NULL);
	rnm_buf_init(&out, JSON_MAX);
	rnm_json_init(json, &out, false);
	rnm_json_value(json, root);
	if (!out.failed) {
		parsed = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		FUZZ_CHECK(parsed != NULL);
		json_decref(parsed);
	}
	rnm_buf_free(&out);
	free(json);
}

static void parse(struct world *world, struct rnm_arena *arena)
{
	static const struct rnm_ucl_var vars[] = {
		{ "CONFDIR", "/fuzz" }, { "LOCAL_CONFDIR", "/fuzz" }, { "A", "1" }, { "ABC", "long value" },
		{ "EMPTY", "" },
	};
	const struct rnm_ucl_io io = { world, resolve, is_regular, read_file, find_names, names_free };
	const struct rnm_ucl_options options = {
		.arena = arena,
		.filename = FOLDER "main.conf",
		.vars = vars,
		.var_count = sizeof(vars) / sizeof(vars[0]),
		.io = &io,
	};
	struct rnm_value *root = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_ucl_parse(&root, &options, world->files.items[0].text, world->files.items[0].len, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	FUZZ_CHECK(root != NULL && (root->type == RNM_OBJECT || root->type == RNM_ARRAY));
	(void)fuzz_walk(root);
	check_json(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = { .reads = 0 };
	struct rnm_arena arena;

	fuzz_files_split(&world.files, data, size);
	rnm_arena_init(&arena, ARENA_MAX);
	parse(&world, &arena);
	rnm_arena_free(&arena);
	fuzz_files_free(&world.files);
	return 0;
}
